/* SPDX-License-Identifier: MIT */
/* tables.c: page tables kept, and what differs between two moments. See mapvisor/tables.h. */
#include <mapvisor/tables.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/mm/pgtable.h"
#include "vmm/vm/vm.h"

/* What four levels translate. */
#define SPACE (1ull << 48)

/* A table as it was. */
struct copy {
	uint64_t gpa, gva; /* gva: that its first entry stands for */
	unsigned level;
	uint64_t entry[PTRS_PER_TABLE];
};

/* By gva, of the same gva the upper levels first: as a walk from the pgd down finds them. */
struct mv_tables {
	struct copy **all;
	size_t nr, room;
};

/* ---- snapshots */

static struct copy *add(struct mv_tables *t)
{
	if (t->nr == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct copy **all = reallocarray(t->all, room, sizeof(struct copy *));

		if (!all)
			return NULL;
		t->all = all;
		t->room = room;
	}
	t->all[t->nr] = malloc(sizeof(struct copy));
	return t->all[t->nr] ? t->all[t->nr++] : NULL;
}

/* A table and those below it. mm->lock held. */
static int copy_table(const struct mm *mm, struct mv_tables *t, gfn_t table)
{
	const uint32_t place = phys_frame(mm->phys, table)->place;
	struct copy *c = add(t);
	int err = c ? 0 : -ENOMEM;

	if (err)
		return err;
	c->gpa = gfn_gpa(table);
	c->level = pt_place_level(place);
	c->gva = pt_place_gva(place);
	memcpy(c->entry, phys_hva(mm->phys, c->gpa), sizeof(c->entry));
	for (unsigned i = 0; c->level > LEVEL_PTE && i < PTRS_PER_TABLE && !err; i++)
		if (c->entry[i] && !pte_leaf(c->entry[i], c->level))
			err = copy_table(mm, t, pte_gfn(c->entry[i]));
	return err;
}

struct mv_tables *mv_tables_snapshot(struct mv_vm *vm)
{
	struct mv_tables *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return NULL;
	pthread_mutex_lock(&vm->mm.lock);
	err = copy_table(&vm->mm, t, vm->mm.pgd);
	pthread_mutex_unlock(&vm->mm.lock);
	if (!err)
		return t;
	mv_tables_free(t);
	return NULL;
}

void mv_tables_free(struct mv_tables *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nr; i++)
		free(t->all[i]);
	free(t->all);
	free(t);
}

size_t mv_tables_count(const struct mv_tables *t, unsigned level)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nr; i++)
		n += !level || t->all[i]->level == level;
	return n;
}

/* ---- differences */

/* Who hears of changes; `run` is the one that may still grow, n 0: there is none. */
struct teller {
	mv_change_fn *fn;
	void *arg;
	struct mv_change run;
	size_t count;
};

static void tell(struct teller *t, const struct mv_change *change)
{
	t->count++;
	t->fn(change, t->arg);
}

static void end_run(struct teller *t)
{
	if (t->run.n)
		tell(t, &t->run);
	t->run.n = 0;
}

static unsigned how_changed(uint64_t old, uint64_t value, unsigned level)
{
	const uint64_t where = PTE_ADDR | (level > LEVEL_PTE ? PTE_PS : 0);
	const uint64_t changed = old ^ value;

	if (!old || !value)
		return old ? MV_CHANGE_REMOVED : MV_CHANGE_MADE;
	return (changed & where ? MV_CHANGE_REPOINTED : 0) |
	       (changed & (PTE_A | PTE_D) ? MV_CHANGE_USED : 0) |
	       (changed & ~(where | PTE_A | PTE_D) ? MV_CHANGE_PROTECTION : 0);
}

/* What lies between the values of adjoining entries for adjoining frames. */
static uint64_t step_of(uint64_t entry, unsigned level)
{
	return entry && pte_leaf(entry, level) ? 1ull << level_shift(level) : 0;
}

static struct mv_change change_of(const struct copy *table, const uint64_t *old,
				  const uint64_t *value, unsigned i)
{
	return (struct mv_change){
		.how = how_changed(old[i], value[i], table->level),
		.level = table->level,
		.table = table->gpa,
		.gva = gva_canonical(table->gva +
				     ((uint64_t)i << level_shift(table->level))),
		.index = i,
		.n = 1,
		.old = old[i],
		.old_step = step_of(old[i], table->level),
		.value = value[i],
		.step = step_of(value[i], table->level),
	};
}

/* Tables lie where they lie: entries that lead to them make no run. */
static bool in_run(const struct mv_change *run, const struct mv_change *next)
{
	return run->n && run->index + run->n == next->index && run->how == next->how &&
	       run->old_step == next->old_step && run->step == next->step &&
	       (!run->old || run->old_step) && (!run->value || run->step) &&
	       run->old + run->n * run->old_step == next->old &&
	       run->value + run->n * run->step == next->value;
}

static void diff_entries(struct teller *t, const struct copy *table, const uint64_t *old,
			 const uint64_t *value)
{
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++) {
		struct mv_change next;

		if (old[i] == value[i])
			continue;
		next = change_of(table, old, value, i);
		if (in_run(&t->run, &next)) {
			t->run.n++;
			continue;
		}
		end_run(t);
		t->run = next;
	}
	end_run(t);
}

static void tell_table(struct teller *t, const struct copy *table, unsigned how)
{
	tell(t, &(struct mv_change){ .how = how,
				     .level = table->level,
				     .table = table->gpa,
				     .gva = table->gva });
}

/* The order of a snapshot. */
static bool comes_before(const struct copy *a, const struct copy *b)
{
	return a->gva != b->gva ? a->gva < b->gva : a->level > b->level;
}

/* `in`'s table that is the same as `table`, from *at on, which goes on; NULL: there is none. */
static const struct copy *same(const struct mv_tables *in, size_t *at,
			       const struct copy *table)
{
	while (*at < in->nr && comes_before(in->all[*at], table))
		++*at;
	if (*at == in->nr || comes_before(table, in->all[*at]) ||
	    in->all[*at]->gpa != table->gpa)
		return NULL;
	return in->all[*at];
}

size_t mv_tables_diff(const struct mv_tables *a, const struct mv_tables *b,
		      mv_change_fn *fn, void *arg)
{
	static const uint64_t empty[PTRS_PER_TABLE];
	struct teller t = { .fn = fn, .arg = arg };
	size_t at = 0;

	for (size_t i = 0; i < a->nr; i++) {
		if (same(b, &at, a->all[i]))
			continue;
		diff_entries(&t, a->all[i], a->all[i]->entry, empty);
		tell_table(&t, a->all[i], MV_CHANGE_TABLE_FREED);
	}
	at = 0;
	for (size_t i = 0; i < b->nr; i++) {
		const struct copy *old = same(a, &at, b->all[i]);

		if (!old)
			tell_table(&t, b->all[i], MV_CHANGE_TABLE_MADE);
		diff_entries(&t, b->all[i], old ? old->entry : empty, b->all[i]->entry);
	}
	return t.count;
}

/* ---- one entry */

static const struct copy *find(const struct mv_tables *t, uint64_t gva, unsigned level)
{
	const uint64_t span = (uint64_t)PTRS_PER_TABLE << level_shift(level);

	for (size_t i = 0; i < t->nr; i++)
		if (t->all[i]->level == level && (gva - t->all[i]->gva) % SPACE < span)
			return t->all[i];
	return NULL;
}

int mv_tables_change(const struct mv_tables *a, const struct mv_tables *b, uint64_t gva,
		     unsigned level, struct mv_change *change)
{
	static const uint64_t empty[PTRS_PER_TABLE];
	const struct copy *old, *now;
	unsigned i;

	if (level < LEVEL_PTE || level > LEVEL_PGD)
		return -ENOENT;
	i = level_index(gva, level);
	old = find(a, gva, level);
	now = find(b, gva, level);
	if ((old ? old->entry[i] : 0) == (now ? now->entry[i] : 0))
		return -ENOENT;
	*change = change_of(now ? now : old, old ? old->entry : empty,
			    now ? now->entry : empty, i);
	return 0;
}

/* ---- text */

static const struct {
	uint64_t bit;
	const char *name;
} bits[] = { { PTE_P, "P" },	 { PTE_W, "W" },   { PTE_U, "U" }, { PTE_PWT, "PWT" },
	     { PTE_PCD, "PCD" }, { PTE_PS, "PS" }, { PTE_G, "G" }, { PTE_A, "A" },
	     { PTE_D, "D" },	 { PTE_NX, "NX" } };

#define NR_BITS (sizeof(bits) / sizeof(bits[0]))

/* " P W U A D", or " +W -NX" for what differs from `old`. */
static void print_bits(uint64_t old, uint64_t value, bool change, FILE *out)
{
	for (unsigned i = 0; i < NR_BITS; i++)
		if ((change ? old ^ value : value) & bits[i].bit)
			fprintf(out, " %s%s",
				!change		      ? ""
				: value & bits[i].bit ? "+"
						      : "-",
				bits[i].name);
}

static void print_target(uint64_t e, unsigned level, unsigned n, FILE *out)
{
	if (pte_leaf(e, level))
		fprintf(out, "frame%s gpa %#" PRIx64, n > 1 ? "s from" : " at",
			(uint64_t)(e & PTE_ADDR & ~((1ull << level_shift(level)) - 1)));
	else
		fprintf(out, "%s table at gpa %#" PRIx64, mv_level_name(level - 1),
			(uint64_t)(e & PTE_ADDR));
}

static void print_entries(const struct mv_change *c, FILE *out)
{
	char index[16], range[48];
	const uint64_t last = c->gva + ((uint64_t)c->n << level_shift(c->level)) - 1;

	if (c->n > 1)
		snprintf(index, sizeof(index), "[%u-%u]", c->index, c->index + c->n - 1);
	else
		snprintf(index, sizeof(index), "[%u]", c->index);
	snprintf(range, sizeof(range), "0x%" PRIx64 "-0x%" PRIx64, c->gva, last);
	fprintf(out, "  %s%-9s  %-29s  ", mv_level_name(c->level), index, range);
	if (c->how & (MV_CHANGE_MADE | MV_CHANGE_REMOVED)) {
		const uint64_t e = c->old | c->value;

		fprintf(out, "%s: ", c->old ? "removed" : "made");
		print_target(e, c->level, c->n, out);
		print_bits(0, e, false, out);
	} else {
		if (c->how & MV_CHANGE_REPOINTED) {
			fputs("re-pointed: ", out);
			print_target(c->old, c->level, c->n, out);
			fputs(" -> ", out);
			print_target(c->value, c->level, c->n, out);
		} else {
			fputs("changed:", out);
		}
		print_bits(c->old, c->value, true, out);
	}
	fputc('\n', out);
}

static void print_change(const struct mv_change *c, void *arg)
{
	FILE *out = arg;

	if (c->n)
		print_entries(c, out);
	else
		fprintf(out,
			"  %s table at gpa %#" PRIx64 ", for 0x%" PRIx64 "-0x%" PRIx64
			": %s\n",
			mv_level_name(c->level), c->table, c->gva,
			c->gva + ((uint64_t)PTRS_PER_TABLE << level_shift(c->level)) - 1,
			c->how & MV_CHANGE_TABLE_MADE ? "made" : "freed");
}

void mv_print_changes(const struct mv_tables *a, const struct mv_tables *b, FILE *out)
{
	if (!mv_tables_diff(a, b, print_change, out))
		fputs("  no change\n", out);
}
