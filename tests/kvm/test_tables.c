/* SPDX-License-Identifier: MIT */
/*
 * test_tables.c: what differs between two moments' page tables: exactly what a payload was made to
 * change; and what reading guest memory, with no help of the library's, says. KVM.
 */
#include <errno.h>
#include <mapvisor/stop.h>
#include <mapvisor/tables.h>

#include "tests/kvm/sandbox.h"
#include "tests/lib/require_kvm.h"

TestSuite(tables, .timeout = 60);

#define TABLES_MAX 2048
#define CHANGES_MAX 512
/* Bits of an entry: SDM vol. 3A, table 4-20. */
#define P 0x1u
#define W 0x2u
#define U 0x4u
#define A 0x20u
#define D 0x40u
#define PS 0x80u
#define NX (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0xffffffffff000)
/* Of payloads/changes.c. */
#define CHANGES_AT UINT64_C(0x10000000)

/* All tables, as they are read from guest-physical memory. */
struct table {
	uint64_t gpa, gva;
	unsigned level;
	uint64_t entry[512];
};

struct reading {
	unsigned nr;
	struct table *all[TABLES_MAX];
};

static struct table *find_table(const struct reading *r, uint64_t gpa)
{
	for (unsigned i = 0; i < r->nr; i++)
		if (r->all[i]->gpa == gpa)
			return r->all[i];
	return NULL;
}

static struct table *add_table(struct reading *r, uint64_t gpa, unsigned level,
			       uint64_t gva)
{
	struct table *t = calloc(1, sizeof(*t));

	cr_assert_lt(r->nr, TABLES_MAX);
	*t = (struct table){ .gpa = gpa, .level = level, .gva = gva };
	r->all[r->nr++] = t;
	return t;
}

/* Bit 47 repeats above it. */
static uint64_t entry_gva(const struct table *t, unsigned i)
{
	uint64_t gva = t->gva + ((uint64_t)i << (12 + 9 * (t->level - 1)));

	return gva >> 47 & 1 ? gva | UINT64_C(0xffff) << 48 : gva;
}

static void read_table(struct sandbox *s, struct reading *r, uint64_t gpa, unsigned level,
		       uint64_t gva)
{
	struct table *t = add_table(r, gpa, level, gva);

	cr_assert_eq(mv_read_gpa(s->vm, gpa, t->entry, sizeof(t->entry)), 0);
	for (unsigned i = 0; level > 1 && i < 512; i++)
		if (t->entry[i] & P && !(t->entry[i] & PS))
			read_table(s, r, t->entry[i] & ADDRESS, level - 1, entry_gva(t, i));
}

static struct reading *read_all(struct sandbox *s)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct mv_walk walk;

	cr_assert_eq(mv_walk(s->vm, 0, &walk), 0);
	read_table(s, r, walk.steps[0].table, 4, 0);
	return r;
}

static void reading_free(struct reading *r)
{
	for (unsigned i = 0; i < r->nr; i++)
		free(r->all[i]);
	free(r);
}

/* ---- applying a difference */

static void apply_to_table(struct reading *r, const struct mv_change *c)
{
	struct table *t = find_table(r, c->table);

	if (c->how == MV_CHANGE_TABLE_MADE) {
		cr_assert(!t, "the table at gpa %#lx is made twice", c->table);
		add_table(r, c->table, c->level, c->gva);
		return;
	}
	cr_assert_eq(c->how, MV_CHANGE_TABLE_FREED);
	cr_assert(t && t->level == c->level && t->gva == c->gva);
	for (unsigned i = 0; i < 512; i++)
		cr_assert_eq(t->entry[i], 0);
	for (unsigned i = 0; i < r->nr; i++)
		if (r->all[i] == t)
			r->all[i] = r->all[--r->nr];
	free(t);
}

/* What its name says of the two values, by the bits. */
static unsigned how(uint64_t old, uint64_t value, unsigned level)
{
	const uint64_t changed = old ^ value;
	unsigned bits = 0;

	if (!old)
		return MV_CHANGE_MADE;
	if (!value)
		return MV_CHANGE_REMOVED;
	if (changed & ADDRESS || (level > 1 && changed & PS))
		bits |= MV_CHANGE_REPOINTED;
	if (changed & (W | U | NX))
		bits |= MV_CHANGE_PROTECTION;
	if (changed & (A | D))
		bits |= MV_CHANGE_USED;
	return bits;
}

static void apply(const struct mv_change *c, void *arg)
{
	struct reading *r = arg;
	struct table *t;

	if (!c->n) {
		apply_to_table(r, c);
		return;
	}
	t = find_table(r, c->table);
	cr_assert(t && t->level == c->level && c->index + c->n <= 512);
	cr_assert_eq(entry_gva(t, c->index), c->gva);
	for (unsigned i = 0; i < c->n; i++) {
		uint64_t old = c->old + i * c->old_step, value = c->value + i * c->step;

		cr_assert_eq(t->entry[c->index + i], old);
		cr_assert_neq(old, value);
		cr_assert_eq(c->how, how(old, value, c->level));
		t->entry[c->index + i] = value;
	}
}

static void assert_same(const struct reading *a, const struct reading *b)
{
	cr_assert_eq(a->nr, b->nr, "%u tables, not %u", a->nr, b->nr);
	for (unsigned i = 0; i < a->nr; i++) {
		const struct table *t = find_table(b, a->all[i]->gpa);

		cr_assert(t && t->level == a->all[i]->level && t->gva == a->all[i]->gva);
		cr_assert(!memcmp(t->entry, a->all[i]->entry, sizeof(t->entry)));
	}
}

static unsigned differences(const struct reading *a, const struct reading *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->nr; i++) {
		const struct table *t = find_table(a, b->all[i]->gpa);
		bool old = t && t->level == b->all[i]->level && t->gva == b->all[i]->gva;

		for (unsigned k = 0; k < 512; k++)
			n += b->all[i]->entry[k] != (old ? t->entry[k] : 0);
	}
	for (unsigned i = 0; i < a->nr; i++) {
		const struct table *t = find_table(b, a->all[i]->gpa);
		bool kept = t && t->level == a->all[i]->level && t->gva == a->all[i]->gva;

		for (unsigned k = 0; k < 512 && !kept; k++)
			n += a->all[i]->entry[k] != 0;
	}
	return n;
}

static void count_entries(const struct mv_change *c, void *arg)
{
	*(unsigned *)arg += c->n;
}

static void never(const struct mv_change *c, void *arg)
{
	(void)arg;
	cr_assert_fail("a change of table %#lx", c->table);
}

/*
 * At every `step`-th fault and at the end: the difference since the last time has as many entries
 * as two readings of guest memory differ in, and makes of the one the other.
 */
static void assert_differences(const char *payload, const char *arg, enum mv_thp thp,
			       uint64_t fault_around, unsigned step)
{
	struct mv_tables *a, *b;
	struct reading *old, *now;
	unsigned n = 0, told, changes = 0;
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.thp = thp;
	s.opt.fault_around = fault_around;
	sandbox_load(&s, (const char *const[]){ payload, arg, NULL });
	a = mv_tables_snapshot(s.vm);
	old = read_all(&s);
	do {
		n += step;
		cr_assert_gt(mv_stop_at_fault(s.vm, n), 0);
		sandbox_run(&s);
		b = mv_tables_snapshot(s.vm);
		now = read_all(&s);
		cr_assert_eq(mv_tables_count(b, 0), now->nr);
		cr_assert_eq(mv_tables_diff(b, b, never, NULL), 0);
		told = 0;
		mv_tables_diff(a, b, count_entries, &told);
		cr_assert_eq(told, differences(old, now));
		changes += told;
		mv_tables_diff(a, b, apply, old);
		assert_same(old, now);
		mv_tables_free(a);
		reading_free(old);
		a = b;
		old = now;
	} while (s.end.kind == MV_EXIT_STOPPED);
	mv_assert_exited(&s.end, 0);
	cr_assert_gt(changes, 10);
	mv_tables_free(a);
	reading_free(old);
	sandbox_close(&s);
}

Test(tables, difference_is_that_of_guest_memory_after_each_fault)
{
	assert_differences("walkme", NULL, MV_THP_NEVER, 4096, 1);
}

Test(tables, difference_is_that_of_guest_memory_with_runs_of_entries)
{
	assert_differences("anon", NULL, MV_THP_NEVER, 2 << 20, 3);
}

Test(tables, difference_is_that_of_guest_memory_with_huge_leaves_and_tables_in_their_place)
{
	assert_differences("tlb", "leaf-to-table", MV_THP_ALWAYS, 65536, 1);
}

Test(tables, difference_is_that_of_guest_memory_where_tables_are_freed_and_used_again)
{
	assert_differences("tlb", "recycle", MV_THP_NEVER, 65536, 1);
}

/* ---- what changes.c was made to change */

struct found {
	unsigned nr;
	struct mv_change all[CHANGES_MAX];
};

static void keep(const struct mv_change *c, void *arg)
{
	struct found *f = arg;

	cr_assert_lt(f->nr, CHANGES_MAX);
	f->all[f->nr++] = *c;
}

/* To the second time that the function is called, with CHANGES_AT; what changed since *t. */
static void run_to(struct sandbox *s, const char *name, struct mv_tables **t,
		   struct found *f)
{
	int id = mv_stop_at(s->vm, symbol(s, name));
	struct mv_tables *now;

	cr_assert_gt(id, 0);
	sandbox_run(s);
	cr_assert_eq(s->end.kind, MV_EXIT_STOPPED);
	cr_assert_eq(s->end.stop, id);
	now = mv_tables_snapshot(s->vm);
	f->nr = 0;
	if (*t)
		mv_tables_diff(*t, now, keep, f);
	mv_tables_free(*t);
	*t = now;
	cr_assert_eq(mv_stop_clear(s->vm, id), 0);
}

static void assert_entry(const struct mv_change *c, unsigned bits, unsigned level,
			 uint64_t gva, unsigned n)
{
	cr_assert_eq(c->how, bits, "%#x, not %#x", c->how, bits);
	cr_assert_eq(c->level, level);
	cr_assert_eq(c->gva, gva);
	cr_assert_eq(c->index, gva >> (12 + 9 * (level - 1)) & 511);
	cr_assert_eq(c->n, n);
}

static void assert_table(const struct mv_change *c, unsigned bits, unsigned level,
			 uint64_t gva)
{
	cr_assert_eq(c->how, bits);
	cr_assert_eq(c->level, level);
	cr_assert_eq(c->gva, gva);
	cr_assert_eq(c->n, 0);
}

#define BITS (ADDRESS ^ ~UINT64_C(0))

Test(tables, difference_is_exactly_what_a_payload_was_made_to_change)
{
	struct mv_tables *t = NULL, *made;
	struct mv_counters before, after;
	struct mv_change c;
	struct found f;
	struct sandbox s;
	uint64_t table;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.thp = MV_THP_NEVER;
	s.opt.fault_around = 4096;
	sandbox_load(&s, (const char *const[]){ "changes", NULL });
	run_to(&s, "populated", &t, &f); /* the first time is over */
	run_to(&s, "mapped", &t, &f);
	cr_assert_eq(f.nr, 0); /* mmap makes no entry */

	before = counters(&s);
	run_to(&s, "written", &t, &f);
	after = counters(&s);
	cr_assert_eq(after.tables_made[1] - before.tables_made[1], 1);
	cr_assert_eq(f.nr, 3);
	assert_entry(&f.all[0], MV_CHANGE_MADE, 2, CHANGES_AT, 1);
	cr_assert_eq(f.all[0].value & BITS, P | W | U | A);
	assert_table(&f.all[1], MV_CHANGE_TABLE_MADE, 1, CHANGES_AT);
	cr_assert_eq(f.all[1].table, f.all[0].value & ADDRESS);
	assert_entry(&f.all[2], MV_CHANGE_MADE, 1, CHANGES_AT, 1);
	cr_assert_eq(f.all[2].value & BITS, P | W | U | A | D | NX);
	cr_assert_eq(f.all[2].table, f.all[1].table);
	table = f.all[1].table;

	run_to(&s, "was_read", &t, &f);
	cr_assert_eq(f.nr, 1);
	assert_entry(&f.all[0], MV_CHANGE_MADE, 1, CHANGES_AT + 4096, 1);
	cr_assert_eq(f.all[0].value & BITS, P | W | U | A | NX);
	cr_assert_eq(f.all[0].table, table);

	run_to(&s, "written_again", &t, &f); /* the processor's own doing */
	cr_assert_eq(f.nr, 1);
	assert_entry(&f.all[0], MV_CHANGE_USED, 1, CHANGES_AT + 4096, 1);
	cr_assert_eq(f.all[0].old ^ f.all[0].value, D);

	run_to(&s, "protected", &t, &f);
	cr_assert_eq(f.nr, 1);
	assert_entry(&f.all[0], MV_CHANGE_PROTECTION, 1, CHANGES_AT, 1);
	cr_assert_eq(f.all[0].old ^ f.all[0].value, W);

	made = mv_tables_snapshot(s.vm);
	run_to(&s, "unmapped", &t, &f);
	cr_assert_eq(f.nr, 4);
	assert_entry(&f.all[0], MV_CHANGE_REMOVED, 1, CHANGES_AT, 1);
	assert_entry(&f.all[1], MV_CHANGE_REMOVED, 1, CHANGES_AT + 4096, 1);
	assert_table(&f.all[2], MV_CHANGE_TABLE_FREED, 1, CHANGES_AT);
	cr_assert_eq(f.all[2].table, table);
	assert_entry(&f.all[3], MV_CHANGE_REMOVED, 2, CHANGES_AT, 1);
	cr_assert_eq(mv_tables_change(made, t, CHANGES_AT + 4096, 1, &c), 0);
	cr_assert_eq(c.how, MV_CHANGE_REMOVED);
	cr_assert_eq(c.old, f.all[1].old);
	cr_assert_eq(mv_tables_change(made, t, CHANGES_AT + 8192, 1, &c), -ENOENT);
	cr_assert_eq(mv_tables_change(made, t, CHANGES_AT, 4, &c), -ENOENT);
	cr_assert_eq(mv_tables_change(made, t, CHANGES_AT, 5, &c), -ENOENT);
	cr_assert_eq(mv_tables_count(made, 1), mv_tables_count(t, 1) + 1);
	mv_tables_free(made);

	run_to(&s, "populated", &t, &f); /* MAP_POPULATE: nobody has used them */
	cr_assert_eq(f.nr, 3);
	assert_table(&f.all[1], MV_CHANGE_TABLE_MADE, 1, CHANGES_AT);
	assert_entry(&f.all[2], MV_CHANGE_MADE, 1, CHANGES_AT, 4);
	cr_assert_eq(f.all[2].step, 4096);
	cr_assert_eq(f.all[2].old_step, 0);
	mv_tables_free(t);
	sandbox_close(&s);
}

Test(tables, snapshot_is_good_after_its_vm_was_closed)
{
	struct mv_tables *a, *b;
	struct found *f = calloc(1, sizeof(*f));
	struct sandbox s;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.thp = MV_THP_NEVER;
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	a = mv_tables_snapshot(s.vm);
	sandbox_run(&s);
	b = mv_tables_snapshot(s.vm);
	sandbox_close(&s);
	cr_assert_gt(mv_tables_diff(a, b, keep, f), 0);
	mv_print_changes(b, b, out);
	fflush(out);
	cr_assert_str_eq(text, "  no change\n");
	fclose(out);
	free(text);
	mv_tables_free(a);
	mv_tables_free(b);
	mv_tables_free(NULL);
	free(f);
}
