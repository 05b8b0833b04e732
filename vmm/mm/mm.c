/* SPDX-License-Identifier: MIT */
/* mm.c: an address space's life, and what its pages go through when a range changes. */
#include "vmm/mm/mm.h"

#include <errno.h>

#include "vmm/mm/pgtable.h"

/*
 * mmap_base() of arch/x86/mm/mmap.c without randomisation: the stack's limit and its guard gap
 * below the top.
 */
#define MMAP_BASE (MV_TASK_SIZE - STACK_LIMIT - STACK_GUARD_GAP)

int mm_init(struct mm *mm, struct phys *phys, unsigned fault_around, enum mv_thp thp)
{
	*mm = (struct mm){ .phys = phys,
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .vmas = RB_INITIALIZER(&mm->vmas),
			   .max_map_count = MAX_MAP_COUNT,
			   .mmap_base = MMAP_BASE,
			   .fault_around = fault_around,
			   .thp = thp,
			   .nr_vcpus = 1 };
	pagemap_init(&mm->anon);
	mm->pgd = phys_alloc_table(phys);
	if (!mm->pgd)
		return -ENOMEM;
	mm->count.tables[LEVEL_PGD] = mm->count.tables_made[LEVEL_PGD] = 1;
	return 0;
}

void mm_destroy(struct mm *mm)
{
	struct gather g;
	struct vma *vma;

	gather_init(&g, mm->phys);
	mm_zap_range(mm, &g, 0, MV_TASK_SIZE);
	gather_finish(&g);
	while ((vma = RB_ROOT(&mm->vmas)))
		vma_remove(mm, vma);
	pt_destroy(mm);
	pagemap_destroy(&mm->anon);
	pthread_mutex_destroy(&mm->lock);
}

int mm_split_block(struct mm *mm, struct gather *g, gva_t block)
{
	uint64_t index = block >> PAGE_SHIFT;
	struct pagemap_entry page = pagemap_get(&mm->anon, index);
	struct pt_path path;

	if (!page.huge)
		return 0;
	if (pagemap_split(&mm->anon, index))
		return -ENOMEM;
	for (unsigned i = 1; i < PMD_PAGES; i++)
		phys_frame(mm->phys, page.gfn + i)->refs =
			phys_frame(mm->phys, page.gfn)->refs;
	pt_walk(mm, block, LEVEL_PMD, false, &path);
	if (path.level == LEVEL_PMD && *pt_last(&path)) {
		pt_set(mm, path.table[LEVEL_PMD], pt_last(&path), 0);
		gather_drop(g);
	}
	return 0;
}

int mm_split_at(struct mm *mm, struct gather *g, gva_t gva)
{
	return gva & ~PMD_MASK ? mm_split_block(mm, g, gva & PMD_MASK) : 0;
}

static unsigned leaf_pages(const struct pt_leaf *leaf)
{
	return leaf->level == LEVEL_PMD ? PMD_PAGES : 1;
}

static int zap_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct gather *g = arg;
	uint64_t old = *leaf->entry;
	struct pagemap_entry page = pagemap_clear(&mm->anon, leaf->gva >> PAGE_SHIFT);

	pt_set(mm, leaf->table, leaf->entry, 0);
	if (page.gfn)
		gather_put(g, page, old & PTE_A);
	else if (old & PTE_A)
		gather_keep(g, pte_gfn(old), leaf_pages(leaf));
	return 0;
}

void mm_zap_range(struct mm *mm, struct gather *g, gva_t start, gva_t end)
{
	uint64_t i = start >> PAGE_SHIFT, last = end >> PAGE_SHIFT;

	pt_for_each(mm, start, end, g, zap_leaf, g);
	/* pages whose entry had been dropped before */
	while ((i = pagemap_next(&mm->anon, i, last)) < last)
		gather_put(g, pagemap_clear(&mm->anon, i), true);
}

/* What mprotect made of a VMA. */
struct protect {
	struct gather *g;
	uint64_t prot; /* vma_page_prot(); 0: no access at all, no entry */
	bool shared;   /* entries for what the object owns may be writable */
};

/* Give an entry the bits that its VMA's protection, just changed, stands for. */
static int protect_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	const struct protect *p = arg;
	uint64_t old = *leaf->entry, new = (old & ~(PTE_W | PTE_NX)) | p->prot;
	struct pagemap_entry page = pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT);

	if (!p->shared && (!page.gfn || phys_frame(mm->phys, page.gfn)->refs != 1))
		new &= ~PTE_W;
	if (!p->prot)
		new = 0;
	if (new == old)
		return 0;
	pt_set(mm, leaf->table, leaf->entry, new);
	if ((old & PTE_A) && (pte_access(old) & ~pte_access(new)))
		gather_keep(p->g, pte_gfn(old), leaf_pages(leaf));
	return 0;
}

void mm_protect_vma(struct mm *mm, struct gather *g, const struct vma *vma)
{
	struct protect p = { g, vma_page_prot(vma), !vma_private(vma) };

	pt_for_each(mm, vma->vm_start, vma->vm_end, g, protect_leaf, &p);
}

static int reclaim_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct gather *g = arg;

	if (*leaf->entry & PTE_A || !pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT).gfn)
		return 0;
	pt_set(mm, leaf->table, leaf->entry, 0);
	gather_put(g, pagemap_clear(&mm->anon, leaf->gva >> PAGE_SHIFT), false);
	mm->count.reclaimed++;
	return 0;
}

long mm_reclaim(struct mm *mm)
{
	uint64_t before = mm->phys->charged;
	struct gather g;

	gather_init(&g, mm->phys);
	pt_for_each(mm, 0, MV_TASK_SIZE, &g, reclaim_leaf, &g);
	if (gather_finish(&g) || (mm->phys->nr_quarantine && phys_drop(mm->phys)))
		return -EIO;
	return (long)(before - mm->phys->charged);
}

struct revalidate {
	struct gather g;
	long zapped; /* entries */
};

/* Drop an entry that leads to the file's own page, not to a private copy. */
static int zap_file_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct revalidate *r = arg;
	gfn_t gfn = pte_gfn(*leaf->entry);

	if (phys_arena(mm->phys, gfn_gpa(gfn))->kind != ARENA_FILE)
		return 0;
	pt_set(mm, leaf->table, leaf->entry, 0);
	gather_keep(&r->g, gfn, 1);
	r->zapped++;
	return 0;
}

long mm_revalidate(struct mm *mm)
{
	struct revalidate r = { .zapped = 0 };
	struct vma *vma;
	int err = 0;

	pthread_mutex_lock(&mm->lock);
	gather_init(&r.g, mm->phys);
	for (vma = vma_find(mm, 0); vma; vma = vma_next(vma)) {
		struct object *obj = vma->vm_object;
		uint64_t pages;

		if (!obj || obj->kind != OBJECT_FILE)
			continue;
		err = object_refresh(obj);
		if (err)
			break;
		pages = (obj->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
		if (pages < vma_pgoff(vma, vma->vm_end))
			pt_for_each(mm,
				    vma->vm_start +
					    ((max_u64(pages, vma->vm_pgoff) - vma->vm_pgoff)
					     << PAGE_SHIFT),
				    vma->vm_end, &r.g, zap_file_leaf, &r);
	}
	if (gather_finish(&r.g) && !err)
		err = r.g.err;
	pthread_mutex_unlock(&mm->lock);
	return err ? err : r.zapped;
}
