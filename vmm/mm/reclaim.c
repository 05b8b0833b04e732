/* SPDX-License-Identifier: MIT */
/*
 * reclaim.c: what is taken back before the memory limit ends a payload, and in which order:
 *
 *   idle      frames that were reserved around a fault and never touched, or given up by
 *             MADV_FREE; only where some were made since the last time
 *   objects'  entries for pages of files and shared objects, for the sake of their tables: the
 *             pages stay where they are, a fault makes the entry again
 *   zeroes    of 2 MiB frames that hold little: they are split, and the pages of zeroes go,
 *             as Linux's shrinker of underused huge pages has it
 *
 * Each costs in proportion to what it looks at, so none looks at all of it for the sake of a page.
 */
#include <errno.h>
#include <string.h>

#include "vmm/mm/pgtable.h"

/* No fault and no split takes more: three tables, four nodes, a frame. */
#define FAULT_MAX 8
/*
 * Entries dropped for fewer pages than this come back by the very instruction that waits: it may
 * need two pages each of code, of what it reads and of what it writes, with three tables each.
 */
#define DROP_MIN 32
/* A 2 MiB frame is split for no fewer pages of zeroes, and so many of them at a time. */
#define ZEROES_MIN 64
#define SPLIT_MAX 16

void mm_note_idle(struct mm *mm, gva_t start, gva_t end)
{
	bool none = mm->idle_start >= mm->idle_end;

	mm->idle_start = none ? start : min_u64(mm->idle_start, start);
	mm->idle_end = max_u64(mm->idle_end, end);
}

static bool has_room(struct mm *mm)
{
	return phys_can_charge(mm->phys, FAULT_MAX);
}

/* Flush, so that unlinked tables are free, and have the host take their memory. */
static int settle(struct mm *mm, struct gather *g)
{
	if (gather_finish(g) || (mm->phys->nr_quarantine && phys_drop(mm->phys)))
		return -EIO;
	phys_trim(mm->phys);
	return 0;
}

/* ---- idle */

/*
 * Nobody would miss the page: it was never touched, or MADV_FREE gave it up, it was not written
 * since, and mlock doesn't hold it.
 */
static bool reclaimable(struct mm *mm, gva_t gva, uint64_t entry, struct pagemap_entry page)
{
	if (!page.gfn)
		return false;
	return !(entry & PTE_A) || (!mm->pinned && !(entry & PTE_D) &&
				    phys_frame(mm->phys, page.gfn)->lazyfree &&
				    !(vma_lookup(mm, gva)->vm_flags & VM_LOCKED));
}

static int reclaim_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct pagemap_entry page = pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT);
	struct gather *g = arg;
	uint64_t old = *leaf->entry;

	if (!reclaimable(mm, leaf->gva, old, page))
		return 0;
	pt_set(mm, leaf->table, leaf->entry, 0);
	mm_unlink_shadow(g, leaf, old);
	gather_put(g, pagemap_clear(&mm->anon, leaf->gva >> PAGE_SHIFT), old & PTE_A);
	mm->count.reclaimed += pt_leaf_pages(leaf);
	return 0;
}

static int take_idle(struct mm *mm)
{
	struct gather g;

	gather_init(&g, mm->phys);
	pt_for_each(mm, mm->idle_start, mm->idle_end, &g, reclaim_leaf, &g);
	if (!mm->pinned)
		mm->idle_start = mm->idle_end = 0;
	return settle(mm, &g);
}

/* ---- objects' entries */

static int drop_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	(void)arg;
	if (pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT).gfn)
		return 0;
	pt_set(mm, leaf->table, leaf->entry, 0);
	mm->count.zapped++;
	return 0;
}

/*
 * Dropped for little, and without a frame more in use since, they would be dropped again and
 * again for one another by an instruction that needs them all.
 */
static int drop_objects(struct mm *mm)
{
	uint64_t before = mm->phys->charged;
	struct gather g;
	int err;

	if (mm->dropped_for_little && mm->phys->reserved == mm->dropped_at)
		return 0;
	gather_init(&g, mm->phys);
	for (struct vma *vma = vma_find(mm, 0); vma; vma = vma_next(vma))
		if (vma->vm_object && !(vma->vm_flags & VM_LOCKED))
			pt_for_each(mm, vma->vm_start, vma->vm_end, &g, drop_leaf, NULL);
	gather_drop(&g);
	err = settle(mm, &g);
	mm->dropped_for_little = before - mm->phys->charged < DROP_MIN;
	mm->dropped_at = mm->phys->reserved;
	return err;
}

/* ---- zeroes */

static bool is_zero(const char *page)
{
	return !*(const uint64_t *)page && !memcmp(page, page + 8, PAGE_SIZE - 8);
}

/* The next 2 MiB frame that is worth it: from `at` on, which becomes its gva. */
struct search {
	gva_t at;
	bool found;
};

static int find_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	const char *hva = phys_hva(mm->phys, *leaf->entry & PTE_ADDR);
	struct search *s = arg;
	unsigned n = 0;

	if (leaf->level != LEVEL_PMD ||
	    phys_frame(mm->phys, pte_gfn(*leaf->entry))->refs != 1 ||
	    vma_lookup(mm, leaf->gva)->vm_flags & (VM_LOCKED | VM_HUGETLB))
		return 0;
	for (unsigned i = 0; i < PMD_PAGES; i++)
		n += is_zero(hva + i * PAGE_SIZE);
	s->at = leaf->gva;
	s->found = n >= ZEROES_MIN;
	return s->found;
}

/* Let go of the 2 MiB leaf; its frame becomes 512 with an owner each, which nothing names. */
static gfn_t dissolve(struct mm *mm, gva_t block)
{
	gfn_t gfn = pagemap_get(&mm->anon, block >> PAGE_SHIFT).gfn;
	struct gather g;

	gather_init(&g, mm->phys);
	mm_break_huge(mm, &g, block, gfn);
	if (gather_finish(&g))
		return 0;
	pagemap_clear(&mm->anon, block >> PAGE_SHIFT);
	return gfn;
}

/* The pages of zeroes first: that makes room for the node that the others need. */
static int free_zeroes(struct mm *mm, gva_t block)
{
	uint64_t kept[PMD_PAGES / 64] = { 0 }, index = block >> PAGE_SHIFT;
	gfn_t gfn = dissolve(mm, block);
	struct gather g;

	if (!gfn)
		return -EIO;
	gather_init(&g, mm->phys);
	for (unsigned i = 0; i < PMD_PAGES; i++)
		if (is_zero(phys_hva(mm->phys, gfn_gpa(gfn + i))))
			gather_put(&g, (struct pagemap_entry){ gfn + i, false }, true);
		else
			kept[i / 64] |= 1ull << i % 64;
	if (gather_finish(&g))
		return g.err;
	for (unsigned i = 0; i < PMD_PAGES; i++)
		if (kept[i / 64] >> i % 64 & 1 &&
		    pagemap_set(&mm->anon, index + i, gfn + i, 1)) {
			mm->oom =
				true; /* the host has no memory for a node: the page is lost */
			gather_put(&g, (struct pagemap_entry){ gfn + i, false }, true);
		}
	return gather_finish(&g) ? g.err : 0;
}

/* Once around the address space at most, on from where the last search ended. */
static int split_huge(struct mm *mm)
{
	struct search s = { mm->split_next, false };
	unsigned n = 0;
	int err = 0;

	for (unsigned round = 0; round < 2 && n < SPLIT_MAX && !err; round++) {
		while (n < SPLIT_MAX && !err &&
		       pt_for_each(mm, s.at, MV_TASK_SIZE, NULL, find_leaf, &s)) {
			err = free_zeroes(mm, s.at);
			s.at += PMD_SIZE;
			n++;
		}
		if (n < SPLIT_MAX)
			s.at = 0;
	}
	mm->split_next = s.at;
	return err;
}

/* ---- all of it */

long mm_reclaim_some(struct mm *mm, enum reclaim effort)
{
	uint64_t before = mm->phys->charged;
	int err = take_idle(mm);

	mm->count.reclaims[effort]++;
	if (!err && effort >= RECLAIM_OBJECTS)
		err = drop_objects(mm);
	if (!err && effort >= RECLAIM_ZEROES && !mm->pinned)
		err = split_huge(mm);
	return err ? err : (long)(before - mm->phys->charged);
}

long mm_reclaim(struct mm *mm)
{
	uint64_t before = mm->phys->charged;
	long ret = 0;

	for (unsigned effort = 0; effort < RECLAIM_EFFORTS && ret >= 0 && !has_room(mm);
	     effort++)
		ret = mm_reclaim_some(mm, effort);
	return ret < 0 ? ret : (long)(before - mm->phys->charged);
}

int mm_charge(struct mm *mm, uint64_t pages)
{
	if (!phys_charge(mm->phys, pages))
		return 0;
	pthread_mutex_lock(&mm->lock);
	mm_reclaim_some(mm, RECLAIM_ZEROES);
	pthread_mutex_unlock(&mm->lock);
	return phys_charge(mm->phys, pages);
}
