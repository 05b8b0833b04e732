/* SPDX-License-Identifier: MIT */
/* smaps.c: what is resident, as fs/proc/task_mmu.c of Linux would count it. */
#include "vmm/mm/pgtable.h"

/* thp_vma_allowable_orders() */
static bool thp_eligible(const struct mm *mm, const struct vma *vma)
{
	if (!vma_private(vma) || !vma_is_anonymous(vma) || vma->vm_flags & VM_NOHUGEPAGE ||
	    align_up(vma->vm_start, PMD_SIZE) + PMD_SIZE > vma->vm_end)
		return false;
	return mm->thp == MV_THP_ALWAYS ||
	       (mm->thp == MV_THP_AUTO && vma->vm_flags & VM_HUGEPAGE);
}

/*
 * A private page, if it has been used. Anonymous memory must have been written as well: what is only read is
 * the zero page on Linux, which counts nowhere.
 */
static void count_private(struct mm *mm, const struct vma *vma, uint64_t index,
			  struct pagemap_entry page, struct mm_smap *s)
{
	const struct frame *f = phys_frame(mm->phys, page.gfn);
	const uint64_t size = page.huge ? PMD_SIZE : PAGE_SIZE;
	uint64_t entry;

	if (!mm_private_resident(mm, index << PAGE_SHIFT, &entry))
		return;
	if (vma->vm_flags & VM_HUGETLB) {
		s->hugetlb += size;
		return;
	}
	if (vma_is_anonymous(vma) && !f->written && !(entry & PTE_D))
		return;
	s->rss += size;
	s->anon += size;
	s->huge += page.huge ? size : 0;
	if (f->lazyfree && !(entry & PTE_D))
		s->lazyfree += size;
	else
		s->dirty += size;
}

struct count {
	const struct vma *vma;
	struct mm_smap *s;
};

/* An object's page: Linux counts it where it is mapped, by a fault around another, too. */
static int count_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	const uint64_t size = (uint64_t)pt_leaf_pages(leaf) << PAGE_SHIFT;
	const struct count *c = arg;
	const struct object *obj = c->vma->vm_object;

	if (pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT).gfn)
		return 0;
	if (c->vma->vm_flags & VM_HUGETLB) {
		c->s->hugetlb += size;
		return 0;
	}
	c->s->rss += size;
	c->s->shmem += obj->kind == OBJECT_ANON || (obj->shmem && !obj->special) ? size : 0;
	c->s->dirty += *leaf->entry & PTE_D ? size : 0;
	return 0;
}

/* smap_gather_stats() */
static void gather_stats(struct mm *mm, const struct vma *vma, struct mm_smap *s)
{
	uint64_t i = vma->vm_start >> PAGE_SHIFT, end = vma->vm_end >> PAGE_SHIFT;
	struct count c = { vma, s };

	if (vma->vm_flags & VM_PFNMAP) /* vm_normal_page(): there are none */
		return;
	while (vma_private(vma) && (i = pagemap_next(&mm->anon, i, end)) < end) {
		const struct pagemap_entry page = pagemap_get(&mm->anon, i);

		count_private(mm, vma, i, page, s);
		i += page.huge ? PMD_PAGES : 1;
	}
	if (vma->vm_object)
		pt_for_each(mm, vma->vm_start, vma->vm_end, NULL, count_leaf, &c);
}

void mm_smap(struct mm *mm, gva_t gva, struct mm_smap *s)
{
	const struct vma *vma;

	*s = (struct mm_smap){ 0 };
	pthread_mutex_lock(&mm->lock);
	vma = vma_lookup(mm, gva);
	if (vma) {
		s->vm_flags = vma->vm_flags;
		s->thp_eligible = thp_eligible(mm, vma);
		gather_stats(mm, vma, s);
	}
	pthread_mutex_unlock(&mm->lock);
}

/* ---- VmHWM */

/* Pages that faults have made entries for. */
static uint64_t pages_made(const struct mm *mm)
{
	const struct mm_counters *c = &mm->count;

	return c->faults[MV_FAULT_ANON] + c->faults[MV_FAULT_READ] +
	       c->faults[MV_FAULT_SHARED] + c->faults[MV_FAULT_COW] +
	       c->faults[MV_FAULT_REMAP] + c->around + (c->huge + c->collapsed) * PMD_PAGES;
}

/*
 * Linux counts pages as they come and go. Here it is the processor that says, in an entry, that a page was used. So
 * all are looked at, but only if there may be clearly more of them than ever, and an eighth as many have come since
 * the last look: for each it costs no more than some steps.
 */
void mm_update_hiwater_rss(struct mm *mm)
{
	const uint64_t made = pages_made(mm), mapped = made - mm->count.zapped_pages;
	struct mm_smap s = { 0 };

	if (mapped <= mm->hiwater_rss + (mm->hiwater_rss + mm->map_count) / 16 ||
	    made - mm->rss_made <= (mm->rss_seen + mm->map_count) / 8)
		return;
	for (struct vma *vma = vma_find(mm, 0); vma; vma = vma_next(vma))
		gather_stats(mm, vma, &s);
	mm->rss_made = made;
	mm->rss_seen = s.rss >> PAGE_SHIFT;
	mm->hiwater_rss = max_u64(mm->hiwater_rss, mm->rss_seen);
}

uint64_t mm_hiwater_rss(struct mm *mm, uint64_t rss)
{
	pthread_mutex_lock(&mm->lock);
	if (!rss)
		mm_update_hiwater_rss(mm);
	mm->hiwater_rss = max_u64(mm->hiwater_rss, rss);
	rss = mm->hiwater_rss;
	pthread_mutex_unlock(&mm->lock);
	return rss;
}
