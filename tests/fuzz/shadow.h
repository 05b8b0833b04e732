/* SPDX-License-Identifier: MIT */
/*
 * shadow.h: what the first bytes of each page of a region must be, wherever mremap takes them: what
 * the calls that were made say about it, beside the mm that made them.
 */
#ifndef TESTS_SHADOW_H
#define TESTS_SHADOW_H

#include "vmm/mm/mm.h"

/* Where most addresses lie: 2 MiB blocks. */
#define REGION 0x200000000000ull
#define PAGES (8 * PMD_PAGES)
#define SHADOW_BYTES \
	8 /* of each page: places lie in them, or right before the next page's */

/* Whose the page is: nobody but the calls here writes those that are known. */
enum owner {
	UNKNOWN,
	PRIVATE,      /* anonymous memory */
	SHARED,	      /* ... of an object that is mapped once */
	HUGE_PRIVATE, /* ... of MAP_HUGETLB */
	HUGE_SHARED
};

struct page {
	enum owner owner;
	bool maybe_zero; /* or it is zero by now: MADV_FREE; until it is written again */
	bool guarded;
	unsigned char byte[SHADOW_BYTES];
};

struct shadow {
	struct mm *mm;
	struct page page[PAGES]; /* of the region */
};

/* What is known about the page; NULL: it lies elsewhere. */
struct page *shadow_page(struct shadow *s, gva_t gva);
/* It has something, unless it lost that since. */
bool shadow_written(const struct page *page);
/* The pages of [start, start + len) are new: zero, or not known. */
void shadow_set(struct shadow *s, gva_t start, uint64_t len, enum owner owner);
/* n bytes at gva were written. */
void shadow_write(struct shadow *s, gva_t gva, uint64_t n, unsigned char value);
/* n bytes were read at gva by an access; or by the truth. Abort where they are others. */
void shadow_compare(struct shadow *s, gva_t gva, const unsigned char *read, uint64_t n);
void shadow_compare_truth(struct shadow *s, gva_t gva, const unsigned char *read,
			  uint64_t n);
/* Compare all pages with what they are by the truth. */
void shadow_compare_all(struct shadow *s);
/* An advice that was valid came; all: to each page of the range. */
void shadow_advise(struct shadow *s, gva_t addr, uint64_t len, int behavior, bool all);
void shadow_guard(struct shadow *s, gva_t start, uint64_t len);
/*
 * What was at addr went to `to`. MREMAP_DONTUNMAP leaves memory without pages behind, old_len 0
 * makes a second mapping.
 */
void shadow_mremap(struct shadow *s, gva_t addr, uint64_t old_len, gva_t to,
		   uint64_t new_len, bool dontunmap);

#endif
