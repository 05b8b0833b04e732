/* SPDX-License-Identifier: MIT */
/*
 * vma.h: VMAs and their tree: what may be accessed, and what it means. The truth that all
 * else is derived from. Names and rules are those of Linux's mm/vma.c.
 *
 * Under the mm's lock.
 */
#ifndef MM_VMA_H
#define MM_VMA_H

#include <bsd/sys/tree.h>

#include "vmm/mm/object.h"

/* vm_flags. VM_READ, VM_WRITE and VM_EXEC are MV_READ, MV_WRITE and MV_EXEC. */
#define VM_READ 0x1u
#define VM_WRITE 0x2u
#define VM_EXEC 0x4u
#define VM_SHARED 0x8u	 /* writes go to the object */
#define VM_MAYREAD 0x10u /* what mprotect may turn on */
#define VM_MAYWRITE 0x20u
#define VM_MAYEXEC 0x40u
#define VM_MAYSHARE 0x80u      /* MAP_SHARED, also of a file that may not be written */
#define VM_GROWSDOWN 0x100u    /* a fault just below extends it */
#define VM_NORESERVE 0x200u    /* MAP_NORESERVE: shown in smaps */
#define VM_STACK 0x400u	       /* the payload's first stack: its name in maps */
#define VM_ACCOUNT 0x800u      /* counts for overcommit on Linux: decides about merging */
#define VM_LOCKED 0x1000u      /* mlock: populated, and never taken back */
#define VM_LOCKONFAULT 0x2000u /* with VM_LOCKED: not populated ahead */
#define VM_DONTCOPY 0x4000u    /* MADV_DONTFORK */
#define VM_WIPEONFORK 0x8000u
#define VM_DONTDUMP 0x10000u
#define VM_HUGEPAGE 0x20000u	/* 2 MiB leaves wherever they fit, but with --thp=never */
#define VM_NOHUGEPAGE 0x40000u	/* none */
#define VM_SEQ_READ 0x80000u	/* a fault maps more of what comes after it */
#define VM_RAND_READ 0x100000u	/* a fault maps its page only */
#define VM_MERGEABLE 0x200000u	/* MADV_MERGEABLE: nothing is merged here */
#define VM_HUGETLB 0x400000u	/* MAP_HUGETLB: 2 MiB leaves only, nothing cuts one */
#define VM_DONTEXPAND 0x800000u /* mremap makes it no larger; neighbours don't merge */
#define VM_PFNMAP 0x1000000u	/* no pages of its own that madvise could do without */
#define VM_SYNC \
	0x2000000u /* MAP_SYNC: there is no DAX here that it would mean something to */
#define VM_SPECIAL (VM_DONTEXPAND | VM_PFNMAP) /* [vdso] and [vvar] */
#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)
#define VM_PROT (VM_READ | VM_WRITE | VM_EXEC)
#define VM_MAY_SHIFT 4 /* VM_MAYREAD is VM_READ << 4, and so on */

struct vma {
	RB_ENTRY(vma) node;
	gva_t vm_start; /* page-aligned */
	gva_t vm_end;	/* the first byte after it */
	unsigned vm_flags;
	uint64_t vm_pgoff; /* page of vm_object at vm_start; private anonymous memory: as
				 * Linux has it, gva >> 12 at the time of the mmap */
	struct object *vm_object; /* a reference; NULL: private anonymous memory */
	unsigned anon_id; /* as Linux's anon_vma: 0 until a private page exists; VMAs with
				 * different ones don't merge */
	/* Over the subtree, for the search for a hole: */
	gva_t tree_start, tree_end; /* where it begins and ends */
	uint64_t tree_gap;	    /* the largest hole between two VMAs of it */
};

RB_HEAD(vma_tree, vma);

static inline uint64_t vma_pages(const struct vma *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

/* Private pages exist or may come to exist beside the object's. */
static inline bool vma_private(const struct vma *vma)
{
	return !(vma->vm_flags & VM_MAYSHARE);
}

/* No content but its private pages': vma_is_anonymous() of linux/mm.h. */
static inline bool vma_is_anonymous(const struct vma *vma)
{
	return !vma->vm_object || vma->vm_object->kind == OBJECT_ZERO;
}

/* The object's page at gva. */
static inline uint64_t vma_pgoff(const struct vma *vma, gva_t gva)
{
	return vma->vm_pgoff + ((gva - vma->vm_start) >> PAGE_SHIFT);
}

/* Whether [start, end) of it has a byte in common with the VMA. */
static inline bool vma_overlaps(const struct vma *vma, gva_t start, gva_t end)
{
	return vma && vma->vm_start < end && start < vma->vm_end;
}

struct mm;

/* The first VMA that ends above gva, or NULL; O(log n). */
struct vma *vma_find(struct mm *mm, gva_t gva);
/* The VMA that holds gva, or NULL. */
struct vma *vma_lookup(struct mm *mm, gva_t gva);
struct vma *vma_next(struct vma *vma);
struct vma *vma_prev(struct vma *vma);

/* The last VMA that ends at or below gva, or NULL. */
struct vma *vma_find_prev(struct mm *mm, gva_t gva);

/* A copy of *from (a reference to its object taken), not in the tree. NULL: no memory. */
struct vma *vma_new(const struct vma *from);
/* Its range must be free. */
void vma_insert(struct mm *mm, struct vma *vma);
/* Out of the tree, its object let go, its memory freed. Nothing else: see mm_unmap_range(). */
void vma_remove(struct mm *mm, struct vma *vma);
/* Change bounds within the hole around it; vm_pgoff follows vm_start. */
void vma_resize(struct mm *mm, struct vma *vma, gva_t start, gva_t end);
/* Whether RLIMIT_AS and RLIMIT_DATA allow so many pages more with these flags: may_expand_vm(). */
bool vma_may_expand(const struct mm *mm, unsigned vm_flags, uint64_t pages);
/* Change what it means; entries and neighbours are the caller's. */
void vma_set_flags(struct mm *mm, struct vma *vma, unsigned vm_flags);
/*
 * Cut at gva, which lies inside; vma keeps the lower part. -ENOMEM; -EINVAL: the vDSO's aren't cut. No
 * limit is looked at.
 */
int vma_split(struct mm *mm, struct vma *vma, gva_t gva);
/* Whether b, right behind a, could be one with it; either may be NULL. */
bool vma_can_merge(const struct vma *a, const struct vma *b);
/* Join vma with its neighbours where they are alike; returns what it is part of then. */
struct vma *vma_merge(struct mm *mm, struct vma *vma);
/* ... with the one behind it only. */
struct vma *vma_merge_next(struct mm *mm, struct vma *vma);

/* vm_start_gap() of linux/mm.h: a stack keeps a gap free below itself. */
gva_t vma_start_gap(const struct vma *vma);

/* The highest hole of len bytes in [low, high), whatever stacks' gaps; 0: none. O(log n). */
gva_t vma_find_hole(struct mm *mm, uint64_t len, gva_t low, gva_t high);
/* The lowest. */
gva_t vma_find_hole_up(struct mm *mm, uint64_t len, gva_t low, gva_t high);

#endif
