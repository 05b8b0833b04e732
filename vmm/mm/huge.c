/* SPDX-License-Identifier: MIT */
/*
 * huge.c: private 2 MiB frames made of 512 pages, and the other way: what khugepaged and
 * split_huge_pmd() do. A table and a leaf change places only with a drop of everything (gather.h).
 */
#include <errno.h>
#include <string.h>

#include "vmm/mm/pgtable.h"

void mm_keep_dirty(struct mm *mm, gfn_t gfn, uint64_t old)
{
	struct frame *f = phys_frame(mm->phys, gfn);

	if (!(old & PTE_D))
		return;
	f->lazyfree = false;
	f->written = true;
}

void mm_break_huge(struct mm *mm, struct gather *g, gva_t block, gfn_t gfn)
{
	struct frame *frames = phys_frame(mm->phys, gfn);
	struct pt_path path;

	pt_walk(mm, block, LEVEL_PMD, false, &path);
	if (path.level == LEVEL_PMD && *pt_last(&path)) {
		mm_keep_dirty(mm, gfn, *pt_last(&path));
		pt_set(mm, path.table[LEVEL_PMD], pt_last(&path), 0);
		gather_drop(g);
	}
	/* a page of it that is used alone is not to cost the host 2 MiB */
	phys_set_huge(mm->phys, gfn, false);
	for (unsigned i = 1; i < PMD_PAGES; i++) {
		frames[i].refs = frames->refs;
		frames[i].lazyfree = frames->lazyfree;
		frames[i].written = frames->written;
	}
}

int mm_split_block(struct mm *mm, struct gather *g, gva_t block)
{
	uint64_t index = block >> PAGE_SHIFT;
	struct pagemap_entry page = pagemap_get(&mm->anon, index);

	if (!page.huge)
		return 0;
	if (pagemap_split(&mm->anon, index)) {
		if (gather_finish(g) || mm_reclaim(mm) <= 0)
			return -ENOMEM;
		/* which may have taken the frame itself, or split it */
		page = pagemap_get(&mm->anon, index);
		if (!page.huge)
			return 0;
		if (pagemap_split(&mm->anon, index))
			return -ENOMEM;
	}
	mm_break_huge(mm, g, block, page.gfn);
	return 0;
}

int mm_split_at(struct mm *mm, struct gather *g, gva_t gva)
{
	return gva & ~PMD_MASK ? mm_split_block(mm, g, gva & PMD_MASK) : 0;
}

/* The frame in which all 512 pages at index lie in order, as a split left them; 0: they don't. */
static gfn_t whole(const struct mm *mm, uint64_t index)
{
	struct pagemap_entry first = pagemap_get(&mm->anon, index);

	if (!first.gfn || first.huge || first.gfn % PMD_PAGES ||
	    phys_arena(mm->phys, gfn_gpa(first.gfn))->kind != ARENA_HUGE)
		return 0;
	for (unsigned i = 0; i < PMD_PAGES; i++)
		if (pagemap_get(&mm->anon, index + i).gfn != first.gfn + i ||
		    phys_frame(mm->phys, first.gfn + i)->refs != 1)
			return 0;
	return first.gfn;
}

/* The 512 pages, all in one frame or on their way into it, become one entry of the pagemap. */
static int join(struct mm *mm, uint64_t index, gfn_t gfn)
{
	struct frame *frames = phys_frame(mm->phys, gfn);

	for (unsigned i = 0; i < PMD_PAGES; i++) {
		pagemap_clear(&mm->anon, index + i);
		frames->written |= frames[i].written;
		frames[i].refs = i == 0;
		frames[i].lazyfree = false;
	}
	/* its node was just there: no memory is needed, but for another's sake */
	return pagemap_set_huge(&mm->anon, index, gfn);
}

bool mm_may_be_huge(const struct mm *mm, const struct vma *vma, gva_t block)
{
	uint64_t index = block >> PAGE_SHIFT, end = index + PMD_PAGES;

	return block >= vma->vm_start && block + PMD_SIZE <= vma->vm_end &&
	       !(vma->vm_flags & VM_NOHUGEPAGE) && mm->thp != MV_THP_NEVER &&
	       pagemap_next(&mm->guards, index, end) == end;
}

bool mm_rejoin_block(struct mm *mm, const struct vma *vma, gva_t block)
{
	gfn_t gfn = mm_may_be_huge(mm, vma, block) ? whole(mm, block >> PAGE_SHIFT) : 0;

	if (!gfn || join(mm, block >> PAGE_SHIFT, gfn))
		return false;
	phys_set_huge(mm->phys, gfn, true);
	mm->count.collapsed++;
	return true;
}

/* Entries go; a page that was only reserved goes with its own. */
static int unmap_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct gather *g = arg;
	uint64_t old = *leaf->entry;

	pt_set(mm, leaf->table, leaf->entry, 0);
	if (old & PTE_A)
		gather_keep(g, pte_gfn(old), 1);
	else
		gather_put(g, pagemap_clear(&mm->anon, leaf->gva >> PAGE_SHIFT), false);
	return 0;
}

static bool owned_alone(const struct mm *mm, uint64_t index)
{
	uint64_t end = index + PMD_PAGES;

	for (uint64_t i = index; (i = pagemap_next(&mm->anon, i, end)) < end; i++)
		if (phys_frame(mm->phys, pagemap_get(&mm->anon, i).gfn)->refs != 1)
			return false;
	return true;
}

/* The pages' content goes to the frame, their own frames go back. */
static void copy_to(struct mm *mm, struct gather *g, uint64_t index, gfn_t gfn)
{
	uint64_t end = index + PMD_PAGES;

	for (uint64_t i = index; (i = pagemap_next(&mm->anon, i, end)) < end; i++) {
		struct pagemap_entry page = pagemap_clear(&mm->anon, i);

		memcpy(phys_hva(mm->phys, gfn_gpa(gfn + (gfn_t)(i - index))),
		       phys_hva(mm->phys, gfn_gpa(page.gfn)), PAGE_SIZE);
		gather_put(g, page, true);
	}
}

/* No translation leads to the block any more: fill the frame, and make it the block's. */
static int fill_block(struct mm *mm, struct vma *vma, gva_t block, gfn_t gfn)
{
	uint64_t index = block >> PAGE_SHIFT;
	struct pt_path path;
	struct gather g;
	int err;

	gather_init(&g, mm->phys);
	copy_to(mm, &g, index, gfn);
	phys_frame(mm->phys, gfn)->refs = 1;
	phys_frame(mm->phys, gfn)->written = true;
	err = pagemap_set_huge(&mm->anon, index, gfn);
	if (err) {
		mm->oom = true; /* the VMM has no memory for a node: the pages are lost */
		gather_put(&g, (struct pagemap_entry){ gfn, true }, true);
	} else if (!pt_walk(mm, block, LEVEL_PMD, true, &path)) {
		pt_set(mm, path.table[LEVEL_PMD], pt_last(&path),
		       pte_make(gfn, vma_page_prot(vma) | PTE_PS | PTE_A));
	}
	mm_prepare_anon_id(mm, vma);
	mm->count.collapsed += !err;
	return gather_finish(&g) ? g.err : err;
}

int mm_collapse_block(struct mm *mm, struct vma *vma, gva_t block)
{
	uint64_t index = block >> PAGE_SHIFT;
	struct gather g;
	gfn_t gfn;

	if (pagemap_get(&mm->anon, index).huge)
		return 0;
	if (!mm_may_be_huge(mm, vma, block) || !vma_page_prot(vma) ||
	    pagemap_next(&mm->anon, index, index + PMD_PAGES) == index + PMD_PAGES)
		return -EINVAL;
	if (!owned_alone(mm, index))
		return -EAGAIN;
	gfn = phys_alloc_huge(mm->phys);
	if (!gfn)
		return -ENOMEM;
	gather_init(&g, mm->phys);
	pt_for_each(mm, block, block + PMD_SIZE, &g, unmap_leaf, &g);
	gather_drop(&g);
	if (gather_finish(&g)) {
		phys_free_anon(mm->phys, gfn, PMD_PAGES);
		return g.err;
	}
	return fill_block(mm, vma, block, gfn);
}
