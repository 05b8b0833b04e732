/* SPDX-License-Identifier: MIT */
/*
 * pgtable.h: an mm's four levels of tables, and the one walk under everything: faults,
 * unmapping, protection, dumps, checks. mm->lock held.
 *
 * A table's frame counts its entries in use (frame.refs), so that an empty one is known.
 */
#ifndef MM_PGTABLE_H
#define MM_PGTABLE_H

#include "vmm/mm/mm.h"
#include "vmm/mm/pte.h"

/* Where a walk went. Valid until the next change of a table's existence. */
struct pt_path {
	unsigned level;	    /* of the last entry read */
	gfn_t table[5];	    /* [level] for the levels passed: the table */
	uint64_t *entry[5]; /* ... and the entry in it */
};

/* What a table is for: its level, and the gva that its first entry stands for; never 0. */
static inline uint32_t pt_place(unsigned level, gva_t gva)
{
	return level << 27 | (uint32_t)(gva >> PMD_SHIFT & ((1u << 27) - 1));
}

static inline unsigned pt_place_level(uint32_t place)
{
	return place >> 27;
}

static inline gva_t pt_place_gva(uint32_t place)
{
	/* bit 47 repeats in those above it */
	return (gva_t)((int64_t)((uint64_t)place << 37) >> 16);
}

/* The entry that a walk ended at. */
static inline uint64_t *pt_last(const struct pt_path *path)
{
	return path->entry[path->level];
}

/*
 * Walk from the pgd down to `level`; ends earlier at a leaf or a missing entry. With alloc
 * missing tables are made, and only a leaf ends it early. 0, or -ENOMEM: no table to be had.
 */
int pt_walk(struct mm *mm, gva_t gva, unsigned level, bool alloc, struct pt_path *path);

/*
 * pt_walk() to the pte without alloc, as faults need it: by the table used last where gva lies in
 * the same 2 MiB. Of *path only the last level is valid.
 */
void pt_walk_pte(struct mm *mm, gva_t gva, struct pt_path *path);

/* A table for `level` that will translate from gva on, counted; nothing leads to it yet. 0: no memory. */
gfn_t pt_alloc(struct mm *mm, unsigned level, gva_t gva);

/* Change an entry of a table and keep its count of entries in use. Flushing is the caller's. */
void pt_set(struct mm *mm, gfn_t table, uint64_t *entry, uint64_t value);

/* n empty entries of one table for n adjoining frames. */
void pt_set_run(struct mm *mm, gfn_t table, uint64_t *entry, gfn_t gfn, uint64_t bits,
		unsigned n);

/* A leaf entry that pt_for_each found. */
struct pt_leaf {
	gva_t gva;	/* that the entry's span begins at */
	unsigned level; /* LEVEL_PTE or LEVEL_PMD */
	gfn_t table;
	uint64_t *entry;
};

static inline unsigned pt_leaf_pages(const struct pt_leaf *leaf)
{
	return leaf->level == LEVEL_PMD ? PMD_PAGES : 1;
}

/* 0 to go on. It may change the entry by pt_set(). */
typedef int pt_leaf_fn(struct mm *mm, const struct pt_leaf *leaf, void *arg);

/*
 * fn for each leaf entry in use in [start, end), ascending; a 2 MiB leaf also if only a part of
 * it lies in the range. With g, tables that are empty afterwards are unlinked and handed to
 * it. fn's first non-zero value ends it and is returned.
 */
int pt_for_each(struct mm *mm, gva_t start, gva_t end, struct gather *g, pt_leaf_fn *fn,
		void *arg);

/*
 * A leaf, which was `old`, goes. Of a 2 MiB one that the host backs by 4 KiB the shadow would
 * stay linked, and a table in its place be filled from the frames that it stood for.
 */
void mm_unlink_shadow(struct gather *g, const struct pt_leaf *leaf, uint64_t old);

/*
 * A 2 MiB leaf is going to stand where nothing is. A table may have stood there, whose shadow would
 * stay linked: none is, of those that were unlinked. 0 or -errno.
 */
int mm_unlink_tables(struct mm *mm);

/* Give all tables back, the pgd too, whatever they hold. No vCPU may use them. */
void pt_destroy(struct mm *mm);

/* What ring 3 may do by an entry. */
static inline unsigned pte_access(uint64_t e)
{
	if (!(e & PTE_P) || !(e & PTE_U))
		return 0;
	return MV_READ | (e & PTE_W ? MV_WRITE : 0) | (e & PTE_NX ? 0 : MV_EXEC);
}

/* vm_page_prot: the bits that a VMA's flags allow at most; 0 where nothing is allowed. */
static inline uint64_t vma_page_prot(const struct vma *vma)
{
	if (!(vma->vm_flags & VM_PROT))
		return 0;
	return PTE_P | PTE_U | (vma->vm_flags & VM_WRITE ? PTE_W : 0) |
	       (vma->vm_flags & VM_EXEC ? 0 : PTE_NX);
}

/*
 * ... for a private page that the mm owns alone: not writable as long as the VMA has no anon_vma,
 * which on Linux comes with the first page that is written, not with one that is read.
 */
static inline uint64_t vma_private_prot(const struct vma *vma)
{
	return vma->anon_id ? vma_page_prot(vma) : vma_page_prot(vma) & ~PTE_W;
}

#endif
