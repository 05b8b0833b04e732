/* SPDX-License-Identifier: MIT */
/*
 * pte.h: the bits of a paging-structure entry, the same at each level.
 * SDM vol. 3A, tables 4-15 to 4-20; APM vol. 2, 5.3.
 */
#ifndef MM_PTE_H
#define MM_PTE_H

#include "vmm/mm/types.h"

#define PTE_P (1ull << 0) /* present */
#define PTE_W (1ull << 1) /* writable */
#define PTE_U (1ull << 2) /* user */
#define PTE_PWT (1ull << 3)
#define PTE_PCD (1ull << 4)
#define PTE_A (1ull << 5)  /* accessed: the CPU sets it before it caches a translation */
#define PTE_D (1ull << 6)  /* dirty: leaves only */
#define PTE_PS (1ull << 7) /* a leaf, at pud and pmd; PAT in a pte */
#define PTE_G (1ull << 8)
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* In an entry that leads to a table: the leaf alone decides what is allowed. */
#define PTE_TABLE (PTE_P | PTE_W | PTE_U)

static inline bool pte_leaf(uint64_t e, unsigned level)
{
	return level == LEVEL_PTE || (e & PTE_PS);
}

static inline gfn_t pte_gfn(uint64_t e)
{
	return (e & PTE_ADDR) >> PAGE_SHIFT;
}

static inline gpa_t gfn_gpa(gfn_t gfn)
{
	return (gpa_t)gfn << PAGE_SHIFT;
}

static inline uint64_t pte_make(gfn_t gfn, uint64_t bits)
{
	return gfn_gpa(gfn) | bits;
}

#endif
