/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.c: MAP_HUGETLB: memory in 2 MiB pages, as Linux's mm/hugetlb.c has it: promised when it
 * is mapped, so that no fault fails for want of them; made by faults; never cut, never taken back.
 *
 * The pool is the sandbox's memory. A promise is a charge of 512 pages that the object counts,
 * and that the frame takes over. For a promise or a frame, reclaim takes what was never touched
 * only; for a table or a node, as much as for any fault.
 */
#include <errno.h>
#include <signal.h>

#include "vmm/mm/pgtable.h"

/* Where the content of a block is held. */
struct place {
	struct pagemap *map;
	uint64_t index;
};

static struct place place_of(struct mm *mm, const struct vma *vma, gva_t block)
{
	if (vma_private(vma))
		return (struct place){ &mm->anon, block >> PAGE_SHIFT };
	return (struct place){ &vma->vm_object->pages, vma_pgoff(vma, block) };
}

/* Promise n pages. */
static int promise(struct mm *mm, uint64_t n)
{
	int err = phys_promise(mm->phys, n);

	if (err && mm_reclaim_some(mm, RECLAIM_IDLE) > 0)
		err = phys_promise(mm->phys, n);
	return err;
}

/* hugetlbfs_file_mmap() */
int mm_hugetlb_reserve(struct mm *mm, const struct vma *vma)
{
	uint64_t end = vma_pgoff(vma, vma->vm_end) << PAGE_SHIFT;
	struct object *obj = vma->vm_object;

	if (vma->vm_pgoff % PMD_PAGES || end > INT64_MAX)
		return -EINVAL;
	obj->reserves = !(vma->vm_flags & VM_NORESERVE);
	if (obj->reserves) {
		if (promise(mm, vma_pages(vma)))
			return -ENOMEM;
		obj->promised = vma_pages(vma) / PMD_PAGES;
	}
	if (vma->vm_flags & VM_WRITE)
		obj->size = max_u64(obj->size, end);
	return 0;
}

void mm_hugetlb_promise(struct object *obj, uint64_t n)
{
	phys_promise_again(obj->phys, n * PMD_PAGES);
	obj->promised += n;
}

/* Private blocks of [start, end) that have a frame. */
static uint64_t filled(const struct mm *mm, gva_t start, gva_t end)
{
	uint64_t i = start >> PAGE_SHIFT, last = end >> PAGE_SHIFT, n = 0;

	for (; (i = pagemap_next(&mm->anon, i, last)) < last; i += PMD_PAGES)
		n++;
	return n;
}

/* hugetlb_vm_op_close(). Shared memory keeps what it was promised until its object goes. */
void mm_hugetlb_unreserve(struct mm *mm, gva_t start, gva_t end)
{
	struct vma *vma = vma_find(mm, start);

	for (; vma && vma->vm_start < end; vma = vma_next(vma)) {
		struct object *obj = vma->vm_object;
		uint64_t n;

		if (!(vma->vm_flags & VM_HUGETLB) || !vma_private(vma) || !obj->reserves)
			continue;
		n = vma_pages(vma) / PMD_PAGES - filled(mm, vma->vm_start, vma->vm_end);
		phys_unpromise(mm->phys, n * PMD_PAGES);
		obj->promised -= n;
	}
}

int mm_hugetlb_zap(struct mm *mm, struct gather *g, const struct vma *vma, gva_t start,
		   gva_t end)
{
	uint64_t n = vma_private(vma) ? filled(mm, start, end) : 0;

	mm_zap_range(mm, g, start, end);
	gather_finish(g);
	if (vma->vm_object->reserves)
		mm_hugetlb_promise(vma->vm_object, n);
	return g->err;
}

/* alloc_hugetlb_folio(): what was promised, else what there is. 0: nothing. */
static gfn_t alloc_frame(struct mm *mm, struct object *obj)
{
	gfn_t gfn;

	if (obj->reserves) {
		gfn = phys_alloc_promised_huge(mm->phys);
		obj->promised -= gfn != 0;
		return gfn;
	}
	gfn = phys_alloc_huge(mm->phys);
	if (!gfn && mm_reclaim_some(mm, RECLAIM_IDLE) > 0)
		gfn = phys_alloc_huge(mm->phys);
	return gfn;
}

/* A zeroed frame for the block. 0, or the signal that there is for want of one. */
static int new_page(struct mm *mm, struct object *obj, struct place at, gfn_t *gfn)
{
	*gfn = alloc_frame(mm, obj);
	if (!*gfn) /* promised: the limit has room for it, the host had none */
		return obj->reserves ? SIGKILL : SIGBUS;
	if (pagemap_set_huge(at.map, at.index, *gfn)) {
		phys_free_anon(mm->phys, *gfn, PMD_PAGES);
		if (obj->reserves)
			mm_hugetlb_promise(obj, 1);
		return SIGKILL;
	}
	phys_frame(mm->phys, *gfn)->refs = 1;
	mm->count.huge++;
	return 0;
}

struct mm_fault mm_hugetlb_fault(struct mm *mm, struct vma *vma, gva_t gva,
				 struct pt_path *path)
{
	gva_t block = gva & PMD_MASK;
	struct place at = place_of(mm, vma, block);
	gfn_t gfn = pagemap_get(at.map, at.index).gfn;
	enum mv_fault kind = gfn ? MV_FAULT_REMAP : MV_FAULT_ANON;
	int signal = 0, err;
	uint64_t bits;

	if (!gfn && !object_has_page(vma->vm_object, vma_pgoff(vma, block)))
		return mm_fatal(SIGBUS, BUS_ADRERR);
	if (!gfn)
		signal = new_page(mm, vma->vm_object, at, &gfn);
	if (signal)
		return mm_fatal(signal, signal == SIGBUS ? BUS_ADRERR : SI_KERNEL);
	/* without tables the page stays, and has no entry */
	if (pt_walk(mm, block, LEVEL_PMD, true, path))
		return mm_fatal(SIGKILL, SI_KERNEL);
	if (*pt_last(path)) /* a table, though its last VMA went with what it held */
		return (struct mm_fault){ .kind = MV_FAULT_FATAL, .err = -EIO };
	err = mm_unlink_tables(mm);
	if (err)
		return (struct mm_fault){ .kind = MV_FAULT_FATAL, .err = err };
	if (vma_private(vma))
		mm_prepare_anon_id(mm, vma);
	bits = vma_private(vma) ? vma_private_prot(vma) : vma_page_prot(vma);
	/* A, or it would be taken back as one that was never touched */
	pt_set(mm, path->table[LEVEL_PMD], pt_last(path),
	       pte_make(gfn, bits | PTE_PS | PTE_A));
	return (struct mm_fault){ .kind = kind };
}
