/* SPDX-License-Identifier: MIT */
/* types.h: addresses, each with its space in its name, and page arithmetic. */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gva_t; /* guest virtual address */
typedef uint64_t gpa_t; /* guest physical address */
typedef uint32_t gfn_t; /* guest frame number, gpa >> 12; 0 is no frame: see PHYS_BASE */

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ull << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

/* The span of one entry at each level; SDM vol. 3A, 4.5.4. */
#define PTRS_PER_TABLE 512u
#define TABLE_SHIFT 9
#define LEVEL_PTE 1u
#define LEVEL_PMD 2u
#define LEVEL_PUD 3u
#define LEVEL_PGD 4u

#define PMD_SHIFT 21
#define PMD_SIZE (1ull << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PMD_PAGES (PMD_SIZE >> PAGE_SHIFT)

#define unlikely(x) __builtin_expect(!!(x), 0)

static inline unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + TABLE_SHIFT * (level - 1);
}

static inline unsigned level_index(gva_t gva, unsigned level)
{
	return gva >> level_shift(level) & (PTRS_PER_TABLE - 1);
}

/* Four-level paging translates 48 bits; the rest repeat bit 47. SDM vol. 1, 3.3.7.1. */
static inline gva_t gva_canonical(gva_t gva)
{
	return (gva_t)((int64_t)(gva << 16) >> 16);
}

static inline uint64_t page_align(uint64_t x)
{
	return (x + PAGE_SIZE - 1) & PAGE_MASK;
}

static inline uint64_t align_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
