/* SPDX-License-Identifier: MIT */
/*
 * pagemap.h: page index -> frame, sparse: what an anonymous object's content is held in.
 * The shape of a page table, four levels of 512, with frames of 4 KiB in the lowest
 * and whole 2 MiB frames one above.
 *
 * An mm's private pages are the pagemap of its own anonymous object, index gva >> 12;
 * those of a MAP_SHARED | MAP_ANONYMOUS mapping are an object's that several VMAs may name.
 *
 * Not thread-safe: its owner's lock.
 */
#ifndef MM_PAGEMAP_H
#define MM_PAGEMAP_H

#include "vmm/mm/phys.h"

#define PAGEMAP_BITS 36 /* of a page index */

struct pagemap {
	struct phys *phys; /* where nodes come from: charged, a page each, as tables are */
	gfn_t root;	   /* the top node, or 0 */
	gfn_t last;	   /* the lowest node used last, or 0; of the 512 */
	uint64_t *last_slots; /* its slots */
	uint64_t last_base;   /* indexes from here on: most faults are near the last */
	uint64_t pages;	      /* 4 KiB pages that have a frame */
};

/* What stands at an index. */
struct pagemap_entry {
	gfn_t gfn; /* the frame of this very page; 0: none */
	bool huge; /* it is part of a 2 MiB frame */
};

void pagemap_init(struct pagemap *map, struct phys *phys);
/* Forgets all entries; what they name is the caller's. */
void pagemap_destroy(struct pagemap *map);

struct pagemap_entry pagemap_get(const struct pagemap *map, uint64_t index);
/*
 * How many entries from index on are empty: at most max, and no further than the aligned 512 that
 * index lies in.
 */
unsigned pagemap_empty_run(const struct pagemap *map, uint64_t index, unsigned max);
/*
 * n adjoining frames for n entries of one aligned 512, where nothing may stand. 0 or
 * -ENOMEM: unchanged.
 */
int pagemap_set(struct pagemap *map, uint64_t index, gfn_t gfn, unsigned n);
/* index is a multiple of 512; nothing may stand in the 512. 0 or -ENOMEM. */
int pagemap_set_huge(struct pagemap *map, uint64_t index, gfn_t gfn);
/* Turn the 2 MiB entry at index (a multiple of 512) into 512. 0 or -ENOMEM: unchanged. */
int pagemap_split(struct pagemap *map, uint64_t index);
/* Forget what stands at index, a whole 2 MiB entry or a page; returns it. */
struct pagemap_entry pagemap_clear(struct pagemap *map, uint64_t index);
/* The first index >= index, and < end, where something stands; end: nothing does. */
uint64_t pagemap_next(const struct pagemap *map, uint64_t index, uint64_t end);
/* How many nodes it has, by a walk of them. 0 also where one miscounts its slots: for checks. */
uint64_t pagemap_nodes(const struct pagemap *map);

#endif
