/* SPDX-License-Identifier: MIT */
/*
 * madvise.c: madvise(2), as Linux's mm/madvise.c has it. What is a hint there and has no use
 * here changes the VMA's flags, which decide about merging, or nothing: docs/mmap.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/mm/pgtable.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* A piece of a VMA that an advice is for. */
struct advice {
	struct mm *mm;
	struct gather *g;
	int behavior;
	gva_t start, end;
	struct vma *vma;  /* becomes what holds the piece after a change of flags */
	gfn_t holes;	  /* MADV_REMOVE: the frames of the pages that went, by next */
	gfn_t huge_holes; /* ... of 2 MiB */
};

/* ---- flags */

/* The flags that a behavior turns on and off; -EINVAL: the VMA can't take them. */
static int flags_for(const struct vma *vma, int behavior, unsigned *set, unsigned *clear)
{
	static const struct {
		int behavior;
		unsigned set, clear;
	} table[] = {
		{ MADV_NORMAL, 0, VM_RAND_READ | VM_SEQ_READ },
		{ MADV_SEQUENTIAL, VM_SEQ_READ, VM_RAND_READ },
		{ MADV_RANDOM, VM_RAND_READ, VM_SEQ_READ },
		{ MADV_DONTFORK, VM_DONTCOPY, 0 },
		{ MADV_DOFORK, 0, VM_DONTCOPY },
		{ MADV_WIPEONFORK, VM_WIPEONFORK, 0 },
		{ MADV_KEEPONFORK, 0, VM_WIPEONFORK },
		{ MADV_DONTDUMP, VM_DONTDUMP, 0 },
		{ MADV_DODUMP, 0, VM_DONTDUMP },
		{ MADV_MERGEABLE, VM_MERGEABLE, 0 },
		{ MADV_UNMERGEABLE, 0, VM_MERGEABLE },
		{ MADV_HUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE },
		{ MADV_NOHUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE },
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].behavior == behavior) {
			*set = table[i].set;
			*clear = table[i].clear;
		}
	if (vma->vm_flags & (behavior == MADV_DOFORK   ? VM_PFNMAP /* VM_IO */
			     : behavior == MADV_DODUMP ? VM_SPECIAL
						       : 0))
		return -EINVAL;
	if (behavior == MADV_WIPEONFORK &&
	    ((vma->vm_object && !vma->vm_object->special) || vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/* vma_ksm_compatible() */
	if (behavior == MADV_MERGEABLE && (!vma_private(vma) || vma->vm_flags & VM_HUGETLB))
		*set = 0;
	return 0;
}

/* madvise_update_vma() */
static int advise_flags(struct advice *a)
{
	unsigned set = 0, clear = 0, vm_flags;
	int err = flags_for(a->vma, a->behavior, &set, &clear);

	if (err)
		return err;
	vm_flags = (a->vma->vm_flags & ~clear) | set;
	if (vm_flags == a->vma->vm_flags)
		return 0;
	err = mm_modify_flags(a->mm, a->g, &a->vma, a->start, a->end, vm_flags);
	return err == -ENOMEM ? -EAGAIN : err; /* madvise(2): EAGAIN, a kernel resource */
}

/* ---- pages let go */

static int split_ends(struct advice *a)
{
	int err = mm_split_at(a->mm, a->g, a->start);

	return err ? err : mm_split_at(a->mm, a->g, a->end);
}

/*
 * madvise_dontneed_free_valid_vma(): callers may not know how large the pages are, and must not
 * lose more than they said: the end is rounded down.
 */
static int dontneed_hugetlb(const struct advice *a)
{
	gva_t end = a->end & PMD_MASK;

	if (a->start & ~PMD_MASK)
		return -EINVAL;
	return end > a->start ? mm_hugetlb_zap(a->mm, a->g, a->vma, a->start, end) : 0;
}

static int dontneed(struct advice *a)
{
	int err;

	if (a->vma->vm_flags & VM_HUGETLB)
		return dontneed_hugetlb(a);
	if (a->vma->vm_flags & VM_PFNMAP ||
	    (a->vma->vm_flags & VM_LOCKED && a->behavior != MADV_DONTNEED_LOCKED))
		return -EINVAL;
	err = split_ends(a);
	if (err)
		return err;
	mm_update_hiwater_rss(a->mm);
	mm_zap_range(a->mm, a->g, a->start, a->end);
	return 0;
}

/*
 * MADV_FREE: the page may go when memory is short, until it is written again: D, which a
 * write sets, tells.
 */
static int free_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct pagemap_entry page = pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT);
	struct gather *g = arg;
	struct frame *f;

	if (!page.gfn || !(*leaf->entry & PTE_A))
		return 0;
	f = phys_frame(mm->phys, page.gfn);
	if (f->refs != 1)
		return 0;
	f->lazyfree = true;
	if (*leaf->entry & PTE_D) {
		f->written = true;
		gather_keep(g, page.gfn, page.huge ? PMD_PAGES : 1);
	}
	pt_set(mm, leaf->table, leaf->entry, *leaf->entry & ~PTE_D);
	return 0;
}

static int lazyfree(struct advice *a)
{
	int err;

	if (a->vma->vm_flags & VM_LOCKED || !vma_is_anonymous(a->vma))
		return -EINVAL;
	err = split_ends(a);
	if (!err)
		pt_for_each(a->mm, a->start, a->end, a->g, free_leaf, a->g);
	mm_note_idle(a->mm, a->start, a->end);
	return err;
}

/* Pages [first, last) of an anonymous object are gone: fill_holes() does the rest. How many. */
static uint64_t remove_pages(struct advice *a, struct object *obj, uint64_t first,
			     uint64_t last)
{
	gfn_t *holes = obj->huge ? &a->huge_holes : &a->holes;
	uint64_t before = obj->pages.pages;

	obj->hole_start = obj->hole_end ? min_u64(obj->hole_start, first) : first;
	obj->hole_end = max_u64(obj->hole_end, last);
	for (uint64_t i = first; (i = pagemap_next(&obj->pages, i, last)) < last;) {
		gfn_t gfn = pagemap_clear(&obj->pages, i).gfn;

		phys_frame(a->mm->phys, gfn)->next = *holes;
		*holes = gfn;
	}
	return before - obj->pages.pages;
}

/* hugetlbfs_zero_partial_page(): pages [first, last), all of one block. */
static void zero_pages(const struct advice *a, const struct object *obj, uint64_t first,
		       uint64_t last)
{
	gfn_t gfn = first < last ? pagemap_get(&obj->pages, first).gfn : 0;

	if (gfn)
		memset(phys_hva(a->mm->phys, gfn_gpa(gfn)), 0,
		       (last - first) << PAGE_SHIFT);
}

/* hugetlbfs_punch_hole(): whole blocks go, parts of one are made zero. */
static void punch_hugetlb(struct advice *a, struct object *obj, uint64_t first,
			  uint64_t last)
{
	uint64_t from = align_up(first, PMD_PAGES), to = last & ~(PMD_PAGES - 1), gone = 0;

	zero_pages(a, obj, first, min_u64(last, from));
	if (last > from)
		zero_pages(a, obj, to, last);
	if (from < to)
		gone = remove_pages(a, obj, from, to);
	if (obj->reserves)
		mm_hugetlb_promise(obj, gone / PMD_PAGES);
}

/* MADV_REMOVE: a hole in what all mappings of the object see. */
static int punch_hole(struct advice *a)
{
	struct object *obj = a->vma->vm_object;
	uint64_t pgoff = vma_pgoff(a->vma, a->start), n = (a->end - a->start) >> PAGE_SHIFT;
	const uint64_t end = INT64_MAX >> PAGE_SHIFT; /* vfs_fallocate(): of all offsets */

	if (a->vma->vm_flags & VM_LOCKED || !obj || obj->special)
		return -EINVAL;
	/* vma_is_shared_maywrite() */
	if ((a->vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -EACCES;
	if (obj->kind == OBJECT_FILE)
		return fallocate(obj->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 (off_t)(pgoff << PAGE_SHIFT), (off_t)(n << PAGE_SHIFT))
			       ? -errno
			       : 0;
	if (pgoff + n > end)
		return pgoff > end ? -EINVAL : -EFBIG;
	if (obj->huge)
		punch_hugetlb(a, obj, pgoff, pgoff + n);
	else
		remove_pages(a, obj, pgoff, pgoff + n);
	return 0;
}

/* What a hole's entries are found by. */
struct hole {
	struct gather *g;
	const struct vma *vma;
};

static int hole_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	const struct hole *h = arg;
	uint64_t old = *leaf->entry;

	if (pagemap_get(&h->vma->vm_object->pages, vma_pgoff(h->vma, leaf->gva)).gfn)
		return 0;
	mm->count.zapped++;
	pt_set(mm, leaf->table, leaf->entry, 0);
	mm_unlink_shadow(h->g, leaf, old);
	if (old & PTE_A)
		gather_keep(h->g, pte_gfn(old), pt_leaf_pages(leaf));
	return 0;
}

static void put_frames(const struct advice *a, gfn_t gfn, bool huge)
{
	while (gfn) {
		struct frame *f = phys_frame(a->mm->phys, gfn);
		gfn_t next = f->next;

		f->next = 0;
		gather_put(a->g, (struct pagemap_entry){ gfn, huge }, true);
		gfn = next;
	}
}

/*
 * The entries for the pages that went, in all mappings of their objects; then the frames. Once
 * a call, as it may be about as many pieces as there are VMAs.
 */
static void fill_holes(const struct advice *a)
{
	struct mm *mm = a->mm;
	struct vma *vma;

	if (!a->holes && !a->huge_holes)
		return;
	for (vma = vma_find(mm, 0); vma; vma = vma_next(vma)) {
		const struct object *obj = vma->vm_object;
		uint64_t from = obj ? max_u64(obj->hole_start, vma->vm_pgoff) : 0;
		uint64_t to = obj ? min_u64(obj->hole_end, vma_pgoff(vma, vma->vm_end)) : 0;
		struct hole h = { a->g, vma };

		if (from < to)
			pt_for_each(mm,
				    vma->vm_start + ((from - vma->vm_pgoff) << PAGE_SHIFT),
				    vma->vm_start + ((to - vma->vm_pgoff) << PAGE_SHIFT),
				    a->g, hole_leaf, &h);
	}
	put_frames(a, a->holes, false);
	put_frames(a, a->huge_holes, true);
}

/* No object has a hole any more. */
static void forget_holes(struct mm *mm)
{
	for (struct vma *vma = vma_find(mm, 0); vma; vma = vma_next(vma))
		if (vma->vm_object)
			vma->vm_object->hole_start = vma->vm_object->hole_end = 0;
}

/* ---- guards */

static int set_guard(struct mm *mm, uint64_t index)
{
	if (!pagemap_set(&mm->guards, index, 1, 1) ||
	    (mm_reclaim(mm) > 0 && !pagemap_set(&mm->guards, index, 1, 1)))
		return 0;
	mm->oom = true;
	return -ENOMEM;
}

static int guard_install(struct advice *a)
{
	int err;

	if (a->vma->vm_flags & (VM_LOCKED | VM_HUGETLB | VM_SPECIAL))
		return -EINVAL;
	/* anonymous memory's guards keep VMAs apart as pages do */
	if (vma_is_anonymous(a->vma))
		mm_prepare_anon_id(a->mm, a->vma);
	err = split_ends(a);
	if (err)
		return err;
	mm_update_hiwater_rss(a->mm);
	mm_zap_range(a->mm, a->g, a->start, a->end);
	err = gather_finish(a->g); /* what went makes room for the guards' nodes */
	for (uint64_t i = a->start >> PAGE_SHIFT; i < a->end >> PAGE_SHIFT && !err; i++)
		if (!pagemap_get(&a->mm->guards, i).gfn)
			err = set_guard(a->mm, i);
	return err;
}

static int guard_remove(struct advice *a)
{
	if (a->vma->vm_flags & (VM_HUGETLB | VM_SPECIAL))
		return -EINVAL;
	mm_clear_guards(a->mm, a->start, a->end);
	return 0;
}

/* ---- hints that do something */

/* MADV_COLD and MADV_PAGEOUT: nothing ages here, and there is no swap. */
static int cold(const struct advice *a)
{
	return a->vma->vm_flags & (VM_LOCKED | VM_HUGETLB | VM_PFNMAP) ? -EINVAL : 0;
}

/* Have the host read the file ahead. */
static int willneed(const struct advice *a)
{
	const struct object *obj = a->vma->vm_object;

	if (obj && obj->kind == OBJECT_FILE)
		posix_fadvise(obj->fd, (off_t)(vma_pgoff(a->vma, a->start) << PAGE_SHIFT),
			      (off_t)(a->end - a->start), POSIX_FADV_WILLNEED);
	return 0;
}

/* thp_vma_allowable_order(), of anonymous memory: whether there is a whole block in the VMA. */
static bool holds_block(const struct vma *vma)
{
	return ((vma->vm_end - PMD_SIZE) & PMD_MASK) >= vma->vm_start;
}

/* madvise_collapse(): every whole block of the range, until one can't be. */
static int collapse(const struct advice *a)
{
	int err = !vma_is_anonymous(a->vma) || a->vma->vm_flags & VM_NOHUGEPAGE ||
				  a->mm->thp == MV_THP_NEVER || !holds_block(a->vma)
			  ? -EINVAL
			  : 0;

	if (align_up(a->start, PMD_SIZE) > (a->end & PMD_MASK)) /* within one block */
		return -EINVAL;
	for (gva_t at = align_up(a->start, PMD_SIZE); !err && at + PMD_SIZE <= a->end;
	     at += PMD_SIZE)
		err = mm_collapse_block(a->mm, a->vma, at);
	return err;
}

/* ---- which is whose */

/* madvise_vma_behavior() */
static int advise_vma(struct advice *a)
{
	switch (a->behavior) {
	case MADV_REMOVE:
		return punch_hole(a);
	case MADV_WILLNEED:
		return willneed(a);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return cold(a);
	case MADV_FREE:
		return lazyfree(a);
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return dontneed(a);
	case MADV_COLLAPSE:
		return collapse(a);
	case MV_MADV_GUARD_INSTALL:
		return guard_install(a);
	case MV_MADV_GUARD_REMOVE:
		return guard_remove(a);
	default:
		return advise_flags(a);
	}
}

/* madvise_behavior_valid() */
static bool valid(int behavior)
{
	switch (behavior) {
	case MADV_NORMAL ... MADV_DONTNEED:
	case MADV_FREE ... MADV_DOFORK:
	case MADV_MERGEABLE ... MADV_DONTNEED_LOCKED:
	case MADV_COLLAPSE:
	case MV_MADV_GUARD_INSTALL:
	case MV_MADV_GUARD_REMOVE:
		return true;
	default:
		return false;
	}
}

/* madvise_walk_vmas(): piece by piece; holes are told at the end. */
static int walk(struct advice *a, gva_t end)
{
	int err, unmapped = 0;

	for (a->vma = vma_find(a->mm, a->start); a->start < end;
	     a->vma = vma_next(a->vma)) {
		if (!a->vma || a->vma->vm_start >= end)
			return -ENOMEM;
		if (a->start < a->vma->vm_start) {
			unmapped = -ENOMEM;
			a->start = a->vma->vm_start;
		}
		a->end = min_u64(a->vma->vm_end, end);
		err = advise_vma(a);
		if (err)
			return err;
		/* a change of flags may have made it one with what comes next */
		a->start = max_u64(a->end, a->vma->vm_end);
	}
	return unmapped;
}

/* check_vma_flags(): what get_user_pages() may do there without force. */
static bool may_populate(const struct vma *vma, unsigned access)
{
	if (vma->vm_flags & VM_PFNMAP)
		return false;
	return vma->vm_flags & (access == MV_WRITE ? VM_WRITE : VM_READ);
}

/* madvise_populate() */
static int populate(struct mm *mm, gva_t start, gva_t end, unsigned access)
{
	int err = 0;

	while (start < end && !err) {
		struct vma *vma = vma_lookup(mm, start);

		if (!vma)
			return -ENOMEM;
		if (!may_populate(vma, access))
			return -EINVAL;
		err = mm_fault_in(mm, start, min_u64(end, vma->vm_end), access);
		start = vma->vm_end;
	}
	return err;
}

static long do_madvise(struct mm *mm, gva_t addr, uint64_t len_in, int behavior)
{
	uint64_t len = page_align(len_in);
	struct gather g;
	struct advice a = { .mm = mm, .g = &g, .behavior = behavior, .start = addr };
	int err;

	if (!valid(behavior) || addr & ~PAGE_MASK || (len_in && !len) || addr + len < addr)
		return -EINVAL;
	if (!len)
		return 0;
	if (behavior == MADV_POPULATE_READ || behavior == MADV_POPULATE_WRITE)
		return populate(mm, addr, addr + len,
				behavior == MADV_POPULATE_READ ? MV_READ : MV_WRITE);
	gather_init(&g, mm->phys);
	err = walk(&a, addr + len);
	fill_holes(&a);
	if (behavior == MADV_REMOVE)
		forget_holes(mm);
	return gather_finish(&g) ? g.err : err;
}

long mm_madvise(struct mm *mm, gva_t addr, uint64_t len, int behavior)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	ret = do_madvise(mm, addr, len, behavior);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}
