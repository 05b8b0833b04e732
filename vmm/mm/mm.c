/* SPDX-License-Identifier: MIT */
/* mm.c: an address space's life, and what its pages go through when a range changes. */
#include "vmm/mm/mm.h"

#include <errno.h>

#include "vmm/mm/pgtable.h"

/*
 * mmap_base() of arch/x86/mm/mmap.c without randomisation: room for the stack's limit and its
 * guard gap, and 128 MiB at least.
 */
#define MMAP_GAP (128ull << 20)
#define MMAP_BASE (MV_TASK_SIZE - MMAP_GAP)
_Static_assert(STACK_LIMIT + STACK_GUARD_GAP <= MMAP_GAP, "the stack has room to grow");

int mm_init(struct mm *mm, struct phys *phys, unsigned fault_around, enum mv_thp thp)
{
	*mm = (struct mm){ .phys = phys,
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .vmas = RB_INITIALIZER(&mm->vmas),
			   .max_map_count = MAX_MAP_COUNT,
			   .mmap_base = MMAP_BASE,
			   .memlock_limit = MEMLOCK_LIMIT >> PAGE_SHIFT,
			   .stack_limit = STACK_LIMIT,
			   .as_limit = UINT64_MAX >> PAGE_SHIFT,
			   .data_limit = UINT64_MAX >> PAGE_SHIFT,
			   .brk_limit = UINT64_MAX,
			   .fault_around = fault_around,
			   .thp = thp,
			   .nr_vcpus = 1 };
	pagemap_init(&mm->anon, phys);
	pagemap_init(&mm->guards, phys);
	mm->pgd = pt_alloc(mm, LEVEL_PGD, 0);
	return mm->pgd ? 0 : -ENOMEM;
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
	pagemap_destroy(&mm->guards);
	pthread_mutex_destroy(&mm->lock);
}

void mm_unlink_shadow(struct gather *g, const struct pt_leaf *leaf, uint64_t old)
{
	if (leaf->level == LEVEL_PMD && old & PTE_A)
		gather_drop(g);
}

int mm_unlink_tables(struct mm *mm)
{
	return mm->phys->nr_quarantine ? phys_drop(mm->phys) : 0;
}

static int zap_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct gather *g = arg;
	uint64_t old = *leaf->entry;
	struct pagemap_entry page = pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT);

	mm->count.zapped++;
	mm->count.zapped_pages += pt_leaf_pages(leaf);
	pt_set(mm, leaf->table, leaf->entry, 0);
	mm_unlink_shadow(g, leaf, old);
	if (page.gfn)
		gather_put(g, pagemap_clear(&mm->anon, leaf->gva >> PAGE_SHIFT),
			   old & PTE_A);
	else if (old & PTE_A)
		gather_keep(g, pte_gfn(old), pt_leaf_pages(leaf));
	return 0;
}

/* ... unless what it leads to is a private copy. */
static int zap_file_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	if (pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT).gfn)
		return 0;
	return zap_leaf(mm, leaf, arg);
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
	uint64_t prot;	       /* vma_page_prot(); 0: no access at all, no entry */
	uint64_t private_prot; /* vma_private_prot() */
	bool shared;	       /* entries for what the object owns may be writable */
};

/* Give an entry the bits that its VMA's protection, just changed, stands for. */
static int protect_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	const struct protect *p = arg;
	uint64_t old = *leaf->entry, new = (old & ~(PTE_W | PTE_NX)) | p->prot;
	struct pagemap_entry page = pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT);

	if (!p->shared && (!page.gfn || phys_frame(mm->phys, page.gfn)->refs != 1 ||
			   !(p->private_prot & PTE_W)))
		new &= ~PTE_W;
	if (!p->prot) {
		/* a page that was only reserved would be taken for one with content */
		if (page.gfn && !(old & PTE_A))
			gather_put(p->g, pagemap_clear(&mm->anon, leaf->gva >> PAGE_SHIFT),
				   false);
		else if (page.gfn)
			mm_keep_dirty(mm, page.gfn, old);
		new = 0;
	}
	if (new == old)
		return 0;
	pt_set(mm, leaf->table, leaf->entry, new);
	if (!new)
		mm_unlink_shadow(p->g, leaf, old);
	if ((old & PTE_A) && (pte_access(old) & ~pte_access(new)))
		gather_keep(p->g, pte_gfn(old), pt_leaf_pages(leaf));
	return 0;
}

void mm_protect_range(struct mm *mm, struct gather *g, const struct vma *vma, gva_t start,
		      gva_t end)
{
	struct protect p = { g, vma_page_prot(vma), vma_private_prot(vma),
			     !vma_private(vma) && !vma->vm_object->distrusted };

	pt_for_each(mm, start, end, g, protect_leaf, &p);
}

/*
 * What of a VMA shows its file from that byte on, entries and private copies, goes: as Linux's
 * truncate_pagecache() has it. A page of which a part stays, stays.
 */
static void zap_from(struct mm *mm, struct gather *g, struct vma *vma, uint64_t offset)
{
	uint64_t pages = (offset + PAGE_SIZE - 1) >> PAGE_SHIFT;

	if (pages >= vma_pgoff(vma, vma->vm_end))
		return;
	pages = max_u64(pages, vma->vm_pgoff) - vma->vm_pgoff;
	mm_zap_range(mm, g, vma->vm_start + (pages << PAGE_SHIFT), vma->vm_end);
}

/* The file that a change is about; NULL where one is asked for: any. */
struct which {
	uint64_t dev, ino;
};

static bool is_it(const struct object *obj, const struct which *file)
{
	return obj && obj->kind == OBJECT_FILE &&
	       (!file || (obj->ino == file->ino && obj->dev == file->dev));
}

/* Ask for the files' sizes, and zap what lies behind their ends. How many entries; or -errno. */
static long zap_cut(struct mm *mm, const struct which *file)
{
	uint64_t before = mm->count.zapped;
	struct gather g;
	int err = 0, ret;

	for (struct object *obj = mm->phys->files; obj; obj = obj->next)
		if (is_it(obj, file)) {
			ret = object_refresh(obj);
			err = err ? err : ret;
			obj->cut = false;
		}
	gather_init(&g, mm->phys);
	for (struct vma *vma = vma_find(mm, 0); vma; vma = vma_next(vma))
		if (is_it(vma->vm_object, file))
			zap_from(mm, &g, vma, vma->vm_object->size);
	if (gather_finish(&g) && !err)
		err = g.err;
	return err ? err : (long)(mm->count.zapped - before);
}

int mm_file_seen(struct mm *mm, uint64_t dev, uint64_t ino, off_t size)
{
	const struct which file = { dev, ino };
	long n = 0;

	pthread_mutex_lock(&mm->lock);
	if (object_was_cut(mm->phys, dev, ino, (uint64_t)size))
		n = zap_cut(mm, &file);
	pthread_mutex_unlock(&mm->lock);
	return n < 0 ? (int)n : 0;
}

int mm_file_moved(struct mm *mm, uint64_t dev, uint64_t ino, uint64_t offset)
{
	const struct which file = { dev, ino };
	struct gather g;
	int err;

	pthread_mutex_lock(&mm->lock);
	gather_init(&g, mm->phys);
	for (struct vma *vma = vma_find(mm, 0); vma; vma = vma_next(vma))
		if (is_it(vma->vm_object, &file) && !vma->vm_object->moves_beneath)
			zap_from(mm, &g, vma, offset & PAGE_MASK);
	err = gather_finish(&g) ? g.err : 0;
	pthread_mutex_unlock(&mm->lock);
	return err;
}

long mm_revalidate(struct mm *mm)
{
	long n;

	pthread_mutex_lock(&mm->lock);
	n = zap_cut(mm, NULL);
	pthread_mutex_unlock(&mm->lock);
	return n;
}

long mm_distrust_files(struct mm *mm)
{
	uint64_t before;
	struct gather g;
	int err;

	pthread_mutex_lock(&mm->lock);
	before = mm->count.zapped;
	gather_init(&g, mm->phys);
	for (struct vma *vma = vma_find(mm, 0); vma; vma = vma_next(vma))
		if (is_it(vma->vm_object, NULL)) {
			vma->vm_object->distrusted = true;
			pt_for_each(mm, vma->vm_start, vma->vm_end, &g, zap_file_leaf, &g);
		}
	err = gather_finish(&g) ? g.err : 0;
	pthread_mutex_unlock(&mm->lock);
	return err ? err : (long)(mm->count.zapped - before);
}
