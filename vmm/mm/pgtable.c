/* SPDX-License-Identifier: MIT */
/* pgtable.c: walking, filling and emptying the tables. See pgtable.h. */
#include "vmm/mm/pgtable.h"

#include <errno.h>

#include "vmm/mm/record.h"
#include "vmm/observe/probes.h"

static uint64_t *table_entries(const struct mm *mm, gfn_t table)
{
	return (uint64_t *)phys_hva(mm->phys, gfn_gpa(table));
}

void pt_set(struct mm *mm, gfn_t table, uint64_t *entry, uint64_t value)
{
	struct frame *f = phys_frame(mm->phys, table);

	if (unlikely(mm->events))
		record_entries(mm, table, entry, value, 1);
	f->refs += !*entry && value;
	f->refs -= *entry && !value;
	/* The CPU may set A and D at the same time, but no vCPU runs while its VMM does. */
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

void pt_set_run(struct mm *mm, gfn_t table, uint64_t *entry, gfn_t gfn, uint64_t bits,
		unsigned n)
{
	if (unlikely(mm->events))
		record_entries(mm, table, entry, pte_make(gfn, bits), n);
	phys_frame(mm->phys, table)->refs += n;
	for (unsigned i = 0; i < n; i++)
		__atomic_store_n(&entry[i], pte_make(gfn + i, bits), __ATOMIC_RELEASE);
}

PROBED gfn_t pt_alloc(struct mm *mm, unsigned level, gva_t gva)
{
	gfn_t gfn = phys_alloc_table(mm->phys);

	if (!gfn)
		return 0;
	phys_frame(mm->phys, gfn)->place = pt_place(level, gva);
	if (unlikely(mm->events))
		record_table(mm, gfn, true);
	mm->count.tables[level]++;
	mm->count.tables_made[level]++;
	probe_table_alloc(level, gva, gfn);
	return gfn;
}

static int add_table(struct mm *mm, struct pt_path *path, unsigned level, gva_t gva)
{
	gfn_t gfn = pt_alloc(mm, level - 1, gva & ~((1ull << level_shift(level)) - 1));

	if (!gfn)
		return -ENOMEM;
	pt_set(mm, path->table[level], path->entry[level], pte_make(gfn, PTE_TABLE));
	return 0;
}

int pt_walk(struct mm *mm, gva_t gva, unsigned level, bool alloc, struct pt_path *path)
{
	gfn_t table = mm->pgd;

	for (unsigned l = LEVEL_PGD;; l--) {
		uint64_t *entry = table_entries(mm, table) + level_index(gva, l);

		path->level = l;
		path->table[l] = table;
		path->entry[l] = entry;
		if (l == level)
			return 0;
		if (!*entry && (!alloc || add_table(mm, path, l, gva)))
			return alloc ? -ENOMEM : 0;
		if (pte_leaf(*entry, l))
			return 0;
		table = pte_gfn(*entry);
	}
}

void pt_walk_pte(struct mm *mm, gva_t gva, struct pt_path *path)
{
	if (mm->last_pte_table && mm->last_pte_base == (gva & PMD_MASK)) {
		path->level = LEVEL_PTE;
		path->table[LEVEL_PTE] = mm->last_pte_table;
		path->entry[LEVEL_PTE] =
			table_entries(mm, mm->last_pte_table) + level_index(gva, LEVEL_PTE);
		return;
	}
	pt_walk(mm, gva, LEVEL_PTE, false, path);
	if (path->level == LEVEL_PTE) {
		mm->last_pte_table = path->table[LEVEL_PTE];
		mm->last_pte_base = gva & PMD_MASK;
	}
}

struct visit {
	gva_t start, end;
	struct gather *g;
	pt_leaf_fn *fn;
	void *arg;
};

/* The empty table of a level that translates from gva on goes; `up` leads to it, in the table above. */
static PROBED void unlink_table(struct mm *mm, struct gather *g, gfn_t above, uint64_t *up,
				unsigned level, gva_t gva)
{
	const gfn_t gfn = pte_gfn(*up);

	pt_set(mm, above, up, 0);
	if (unlikely(mm->events))
		record_table(mm, gfn, false);
	mm->count.tables[level]--;
	mm->count.tables_freed[level]++;
	if (gfn == mm->last_pte_table)
		mm->last_pte_table = 0;
	probe_table_free(level, gva, gfn);
	gather_table(g, gfn);
}

static int visit_table(struct mm *mm, const struct visit *v, gfn_t table, unsigned level,
		       gva_t gva)
{
	uint64_t span = 1ull << level_shift(level), *entry = table_entries(mm, table);
	unsigned first = v->start > gva ? (unsigned)((v->start - gva) >> level_shift(level))
					: 0;
	int ret = 0;

	for (unsigned i = first; i < PTRS_PER_TABLE && gva + i * span < v->end && !ret;
	     i++) {
		gva_t at = gva + i * span;
		gfn_t below;

		if (!entry[i])
			continue;
		if (pte_leaf(entry[i], level)) {
			ret = v->fn(mm, &(struct pt_leaf){ at, level, table, &entry[i] },
				    v->arg);
			continue;
		}
		below = pte_gfn(entry[i]);
		ret = visit_table(mm, v, below, level - 1, at);
		if (v->g && !phys_frame(mm->phys, below)->refs)
			unlink_table(mm, v->g, table, &entry[i], level - 1, at);
	}
	return ret;
}

int pt_for_each(struct mm *mm, gva_t start, gva_t end, struct gather *g, pt_leaf_fn *fn,
		void *arg)
{
	struct visit v = { start, end, g, fn, arg };

	return visit_table(mm, &v, mm->pgd, LEVEL_PGD, 0);
}

static void destroy_table(struct mm *mm, gfn_t table, unsigned level)
{
	const uint64_t *entry = table_entries(mm, table);

	for (unsigned i = 0; level > LEVEL_PTE && i < PTRS_PER_TABLE; i++)
		if (entry[i] && !pte_leaf(entry[i], level))
			destroy_table(mm, pte_gfn(entry[i]), level - 1);
	phys_free_table(mm->phys, table);
}

void pt_destroy(struct mm *mm)
{
	destroy_table(mm, mm->pgd, LEVEL_PGD);
	mm->pgd = 0;
}
