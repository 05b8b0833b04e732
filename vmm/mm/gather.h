/* SPDX-License-Identifier: MIT */
/*
 * gather.h: the TLB contract, kept in one place (docs/tlb-contract.md).
 *
 * KVM sees no write that the VMM makes to a guest's tables. On every host:
 *
 *   not present -> present                 nothing to do
 *   an entry that was never accessed       nothing to do: A is set before a translation is
 *                                          cached (SDM vol. 3A, 4.8), by KVM's shadow too
 *   entry removed, weakened, re-pointed    an MMU-notifier event on the old frame's hva
 *   table unlinked                         not to be reused before a drop of everything
 *   table <-> 2 MiB leaf                   a drop of everything, at once
 *
 * So whoever changes entries changes the truth first, then the entries, tells a
 * gather what was there, and at last calls gather_finish(): only then are the translations
 * gone, and only then is a frame or table given to somebody else. The name and the
 * shape are those of Linux's mm/mmu_gather.c.
 */
#ifndef MM_GATHER_H
#define MM_GATHER_H

#include "vmm/mm/pagemap.h"
#include "vmm/mm/phys.h"

#define GATHER_RUNS 64

/* Adjoining frames of one arena with the same fate. */
struct gather_run {
	gfn_t gfn;
	uint32_t pages;
	bool free; /* nobody owns them any more: their memory goes back, too */
};

struct gather {
	struct phys *phys;
	unsigned nr;
	bool drop; /* a drop of everything is due */
	int err;   /* the first -errno that a flush met */
	struct gather_run runs[GATHER_RUNS];
};

void gather_init(struct gather *g, struct phys *phys);
/* `pages` frames from gfn on stay somebody's, but an accessed entry for them was changed. */
void gather_keep(struct gather *g, gfn_t gfn, unsigned pages);
/*
 * An owner let go of what a pagemap entry named (gfn 0: of nothing). Without another owner
 * it becomes free. touched: it may have memory or a translation.
 */
void gather_put(struct gather *g, struct pagemap_entry was, bool touched);
/* A table that no entry leads to any more. */
void gather_table(struct gather *g, gfn_t gfn);
/* A table took a leaf's place, or a leaf a table's. */
void gather_drop(struct gather *g);
/* Make all of it come true. 0, or -errno: the host refused, translations may be stale. */
int gather_finish(struct gather *g);

#endif
