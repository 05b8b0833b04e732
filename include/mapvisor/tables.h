/* SPDX-License-Identifier: MIT */
/*
 * tables.h: the page tables as they are at some moment, kept; and what differs between two moments.
 *
 *	struct mv_tables *a = mv_tables_snapshot(vm), *b;
 *	...				run to a stop (stop.h)
 *	b = mv_tables_snapshot(vm);
 *	mv_tables_diff(a, b, saw, NULL);
 *
 * A snapshot is the caller's, to be freed; it needs its vm no more. Snapshots of the same vm can be
 * compared. They are never changed: threads may share them.
 */
#ifndef MAPVISOR_TABLES_H
#define MAPVISOR_TABLES_H

#include <mapvisor/mapvisor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mv_tables;

/*
 * All tables that CR3 leads to, the monitor's among them: 4 KiB each, and as much time as copying
 * takes. NULL: no memory.
 */
MV_API struct mv_tables *mv_tables_snapshot(struct mv_vm *vm);

/* NULL is allowed. */
MV_API void mv_tables_free(struct mv_tables *tables);

/* How many tables of a level, 1 pte to 4 pgd; all, with level 0. */
MV_API size_t mv_tables_count(const struct mv_tables *tables, unsigned level);

/* What became of a table, or of entries; bits, as an entry may have changed in several ways. */
#define MV_CHANGE_TABLE_MADE 1u	 /* a table is new: all its entries were 0 */
#define MV_CHANGE_TABLE_FREED 2u /* ... went: its entries were removed before */
#define MV_CHANGE_MADE 4u	 /* there was no entry */
#define MV_CHANGE_REMOVED 8u	 /* there is none any more */
#define MV_CHANGE_REPOINTED 16u	 /* it leads to another frame or table */
#define MV_CHANGE_PROTECTION 32u /* W, U, NX, or a bit that none of these means, changed */
/*
 * A or D changed. The processor sets them (SDM vol. 3A, 4.8); so does the VMM for accesses of its own,
 * and A for the access whose fault it serves. The VMM alone clears them.
 */
#define MV_CHANGE_USED 64u

/*
 * One table, or a run of adjoining entries of one table that changed alike: entry index + i was
 * old + i * old_step and is value + i * step.
 */
struct mv_change {
	unsigned how;	/* MV_CHANGE_... */
	unsigned level; /* of the table: 4 pgd, 3 pud, 2 pmd, 1 pte */
	uint64_t table; /* its gpa */
	uint64_t gva; /* that the first entry stands for; of a table: that its first one does */
	unsigned index; /* 0 to 511, of the first entry; a table's: 0 */
	unsigned n;	/* entries: 1 to 512; 0: it is about the table itself */
	uint64_t old, old_step;
	uint64_t value, step;
};

typedef void mv_change_fn(const struct mv_change *change, void *arg);

/*
 * fn for each change from a to b; how many there were. Tables that went come first, their entries before
 * them; then the others by gva, a table that is new before its entries, and before those are
 * entries of the tables above it. Applied in that order to a they give b. A table is the same one
 * as long as its gpa, its level and what it stands for are.
 */
MV_API size_t mv_tables_diff(const struct mv_tables *a, const struct mv_tables *b,
			     mv_change_fn *fn, void *arg);

/*
 * What became of the one entry that stands for gva in its table of that level; of a run, this
 * entry alone. -ENOENT: it is the same, or there is none in both.
 */
MV_API int mv_tables_change(const struct mv_tables *a, const struct mv_tables *b,
			    uint64_t gva, unsigned level, struct mv_change *change);

/* The changes as text, a line each, or "  no change". */
MV_API void mv_print_changes(const struct mv_tables *a, const struct mv_tables *b,
			     FILE *out);

#ifdef __cplusplus
}
#endif
#endif
