/* SPDX-License-Identifier: MIT */
/* Events: replayed they give the tables and VMAs that there are; each says what happened. KVM. */
#include <asm/unistd_64.h>
#include <errno.h>
#include <limits.h>
#include <mapvisor/events.h>
#include <signal.h>

#include "tests/kvm/program.h"
#include "tests/lib/require_kvm.h"

TestSuite(events, .timeout = 60);

#define TABLES_MAX 4096
#define VMAS_MAX 256
#define KEPT_MAX 65536
/* A and D, which the processor sets without telling; SDM vol. 3A, 4.8. */
#define AD (UINT64_C(0x60))

/* A page table, as events made it. */
struct table {
	uint64_t gpa, gva;
	unsigned level;
	uint64_t entry[512];
};

/* What a listener has rebuilt, and the events it heard. */
struct replay {
	struct table *table[TABLES_MAX];
	unsigned tables;
	struct mv_event_vma vma[VMAS_MAX];
	char name[VMAS_MAX][64];
	unsigned vmas;
	struct mv_event *heard; /* their text is not kept */
	unsigned nr;
	uint64_t seq;
	unsigned wrong; /* events that don't fit what came before */
};

static struct table *find_table(const struct replay *r, uint64_t gpa)
{
	for (unsigned i = 0; i < r->tables; i++)
		if (r->table[i]->gpa == gpa)
			return r->table[i];
	return NULL;
}

static void replay_table(struct replay *r, const struct mv_event_table *e)
{
	struct table *t = find_table(r, e->gpa);

	if (e->made && !t && r->tables < TABLES_MAX) {
		t = r->table[r->tables++] = calloc(1, sizeof(*t));
		*t = (struct table){ .gpa = e->gpa, .gva = e->gva, .level = e->level };
	} else if (!e->made && t && t->level == e->level && t->gva == e->gva) {
		for (unsigned i = 0; i < 512; i++)
			r->wrong += t->entry[i] != 0;
		for (unsigned i = 0; i < r->tables; i++)
			if (r->table[i] == t)
				r->table[i] = r->table[--r->tables];
		free(t);
	} else {
		r->wrong++;
	}
}

/* Bits 63 to 48 repeat bit 47. SDM vol. 1, 3.3.7.1. */
static uint64_t canonical(uint64_t gva)
{
	return gva & 1ull << 47 ? gva | 0xffffull << 48 : gva;
}

static void replay_entries(struct replay *r, const struct mv_event_entries *e)
{
	struct table *t = find_table(r, e->table);

	if (!t || e->index + e->n > 512 || t->level != e->level ||
	    canonical(t->gva + ((uint64_t)e->index << (12 + 9 * (e->level - 1)))) !=
		    e->gva ||
	    (t->entry[e->index] | AD) != (e->old | AD)) {
		r->wrong++;
		return;
	}
	for (unsigned i = 0; i < e->n; i++)
		t->entry[e->index + i] = e->value + i * e->step;
}

static void replay_vma(struct replay *r, const struct mv_event *e)
{
	unsigned i = 0;

	while (i < r->vmas && r->vma[i].start != e->vma.start)
		i++;
	if (e->vma.added && i == r->vmas && r->vmas < VMAS_MAX) {
		r->vma[i] = e->vma;
		snprintf(r->name[i], sizeof(r->name[i]), "%s", e->text);
		r->vmas++;
	} else if (!e->vma.added && i < r->vmas && r->vma[i].end == e->vma.end) {
		r->vma[i] = r->vma[--r->vmas];
		memcpy(r->name[i], r->name[r->vmas], sizeof(r->name[i]));
	} else {
		r->wrong++;
	}
}

static void hear(const struct mv_event *e, void *arg)
{
	struct replay *r = arg;

	r->wrong += e->seq != r->seq + 1 || strlen(e->text) > e->text_len;
	r->seq = e->seq;
	if (r->nr < KEPT_MAX)
		r->heard[r->nr++] = *e;
	if (e->kind == MV_EVENT_TABLE)
		replay_table(r, &e->table);
	if (e->kind == MV_EVENT_ENTRIES)
		replay_entries(r, &e->entries);
	if (e->kind == MV_EVENT_VMA)
		replay_vma(r, e);
}

static struct replay *listen(struct sandbox *s)
{
	struct replay *r = calloc(1, sizeof(*r));

	r->heard = calloc(KEPT_MAX, sizeof(*r->heard));
	cr_assert_eq(mv_set_event_fn(s->vm, hear, r), 0);
	return r;
}

static void replay_free(struct replay *r)
{
	for (unsigned i = 0; i < r->tables; i++)
		free(r->table[i]);
	free(r->heard);
	free(r);
}

/* The tables are read as they are in guest memory, from CR3 down. */
static unsigned assert_table_eq(struct sandbox *s, const struct replay *r, uint64_t gpa)
{
	const struct table *t = find_table(r, gpa);
	uint64_t entry[512];
	unsigned n = 1;

	cr_assert(t, "no event made the table at gpa %#lx", gpa);
	cr_assert_eq(mv_read_gpa(s->vm, gpa, entry, sizeof(entry)), 0);
	for (unsigned i = 0; i < 512; i++) {
		cr_assert_eq(entry[i] | AD, t->entry[i] | AD,
			     "level %u, gva %#lx: entry %u is %#lx, replayed %#lx",
			     t->level, t->gva, i, entry[i], t->entry[i]);
		if (entry[i] & 1 && t->level > 1 && !(entry[i] & 0x80))
			n += assert_table_eq(s, r, entry[i] & 0xffffffffff000);
	}
	return n;
}

static void assert_vmas_eq(struct sandbox *s, const struct replay *r)
{
	struct mv_vma v = { 0 };
	unsigned n = 0;

	while (!mv_vma(s->vm, v.end, &v)) {
		unsigned i = 0;

		while (i < r->vmas && r->vma[i].start != v.start)
			i++;
		cr_assert_lt(i, r->vmas, "no event made the VMA at %#lx", v.start);
		cr_assert_eq(r->vma[i].end, v.end);
		cr_assert_eq(r->vma[i].prot, v.prot);
		cr_assert_eq(r->vma[i].shared, v.shared);
		cr_assert_eq(r->vma[i].offset, v.offset);
		cr_assert(!strncmp(r->name[i], v.name, sizeof(r->name[i]) - 1), "%s, %s",
			  r->name[i], v.name);
		n++;
	}
	cr_assert_eq(n, r->vmas);
}

static void assert_replayed(struct sandbox *s, const struct replay *r)
{
	struct mv_walk walk;

	cr_assert_eq(r->wrong, 0, "%u events don't fit", r->wrong);
	cr_assert_eq(mv_walk(s->vm, 0, &walk), 0);
	cr_assert_eq(assert_table_eq(s, r, walk.steps[0].table), r->tables);
	assert_vmas_eq(s, r);
	cr_assert_eq(mv_events_lost(s->vm), 0);
}

/* Run it with events from before its loading on. */
static struct replay *run_heard(struct sandbox *s, const char *const *argv)
{
	static const char *const envp[] = { NULL };
	struct mv_error err = { 0 };
	struct replay *r;

	cr_assert(!mv_open(&s->opt, &s->vm, &err), "%s", err.text);
	r = listen(s);
	cr_assert(!mv_load(s->vm, payload_path(argv[0]), argv, envp, &err), "%s", err.text);
	sandbox_run(s);
	return r;
}

#define RUN_HEARD(s, ...) run_heard((s), (const char *const[]){ __VA_ARGS__, NULL })

static unsigned count(const struct replay *r, enum mv_event_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->nr; i++)
		n += r->heard[i].kind == kind;
	return n;
}

static void assert_rebuilds(const char *const *argv, enum mv_thp thp, uint64_t fault_around,
			    const struct mv_grant *grant)
{
	struct sandbox s;
	struct replay *r;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.vdso = true;
	s.opt.thp = thp;
	s.opt.fault_around = fault_around;
	s.opt.grants = grant;
	s.opt.ngrants = grant != NULL;
	r = run_heard(&s, argv);
	cr_assert_eq(s.end.status, 0, "%s", s.text);
	assert_replayed(&s, r);
	replay_free(r);
	sandbox_close(&s);
}

#define ASSERT_REBUILDS(thp, around, grant, ...) \
	assert_rebuilds((const char *const[]){ __VA_ARGS__, NULL }, thp, around, grant)

Test(events, rebuild_the_tables_of_faults_one_page_each)
{
	ASSERT_REBUILDS(MV_THP_NEVER, 4096, NULL, "bench/touch", "sweep", "3M");
}

Test(events, rebuild_the_tables_of_faults_that_map_around)
{
	ASSERT_REBUILDS(MV_THP_NEVER, 2 << 20, NULL, "bench/touch", "sweep", "9M");
}

Test(events, rebuild_the_tables_with_huge_leaves)
{
	ASSERT_REBUILDS(MV_THP_ALWAYS, 65536, NULL, "bench/touch", "sweep", "32M");
}

Test(events, rebuild_the_tables_where_a_table_takes_a_leafs_place)
{
	ASSERT_REBUILDS(MV_THP_ALWAYS, 65536, NULL, "tlb", "leaf-to-table");
}

Test(events, rebuild_the_tables_where_tables_come_and_go)
{
	ASSERT_REBUILDS(MV_THP_NEVER, 65536, NULL, "tlb", "recycle");
}

Test(events, rebuild_the_tables_of_random_mmaps_and_munmaps)
{
	static const char zeroes[1 << 20];
	struct mv_grant grant = { .writable = true };
	char path[PATH_MAX];

	make_file(path, zeroes, sizeof(zeroes));
	grant.path = path;
	ASSERT_REBUILDS(MV_THP_AUTO, 65536, &grant, "soak", path, "2");
	unlink(path);
}

Test(events, rebuild_the_tables_of_memory_that_grows_and_shrinks)
{
	ASSERT_REBUILDS(MV_THP_AUTO, 65536, NULL, "grow");
}

Test(events, rebuild_the_tables_from_the_middle_of_a_run_on)
{
	struct sandbox s;
	struct replay *r;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "anon", NULL });
	mv_interrupt(s.vm);
	sandbox_run(&s);
	cr_assert_eq(s.end.kind, MV_EXIT_INTERRUPTED);
	r = listen(&s);
	sandbox_run(&s);
	assert_replayed(&s, r);
	replay_free(r);
	sandbox_close(&s);
}

Test(events, tell_of_each_fault_that_is_counted)
{
	struct sandbox s;
	struct replay *r;
	unsigned kinds[MV_FAULT_KINDS] = { 0 }, host = 0;
	uint64_t made[5] = { 0 }, tables[5] = { 0 };
	struct mv_counters c;

	REQUIRE_KVM();
	sandbox_init(&s);
	r = RUN_HEARD(&s, "cow");
	c = counters(&s);
	for (unsigned i = 0; i < r->nr; i++) {
		const struct mv_event *e = &r->heard[i];

		if (e->kind == MV_EVENT_FAULT) {
			kinds[e->fault.kind]++;
			host += e->fault.host;
			for (unsigned l = 1; l < 5; l++)
				made[l] += e->fault.made[4 - l];
		} else if (e->kind == MV_EVENT_TABLE && e->table.made) {
			tables[e->table.level]++;
		}
	}
	for (unsigned k = 0; k < MV_FAULT_KINDS; k++)
		cr_assert_eq(kinds[k], c.faults[k], "%s: %u events, counted %lu",
			     mv_fault_name(k), kinds[k], c.faults[k]);
	cr_assert_eq(host, c.host_faults);
	cr_assert_eq(count(r, MV_EVENT_CALL), c.calls);
	cr_assert_eq(count(r, MV_EVENT_END), 1);
	for (unsigned l = 1; l < 5; l++)
		cr_assert_eq(tables[l], c.tables_made[l]);
	cr_assert_gt(made[1], 0);
	replay_free(r);
	sandbox_close(&s);
}

Test(events, tell_the_walk_before_and_after_a_fault)
{
	struct sandbox s;
	struct mv_walk walk;
	struct replay *r;
	unsigned n = 0;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.fault_around = 4096;
	s.opt.thp = MV_THP_NEVER;
	r = RUN_HEARD(&s, "walkme");
	for (unsigned i = 0; i < r->nr; i++) {
		const struct mv_event_fault *f = &r->heard[i].fault;

		if (r->heard[i].kind != MV_EVENT_FAULT || f->kind != MV_FAULT_ANON)
			continue;
		n++;
		cr_assert_eq(f->before[f->nbefore - 1], 0);
		cr_assert_eq(f->nafter, 4);
		cr_assert_eq(f->made[1] + f->made[2] + f->made[3], 4u - f->nbefore);
		cr_assert(!mv_walk(s.vm, f->gva, &walk) && walk.present);
		cr_assert_eq(walk.gpa, f->gpa);
		for (unsigned k = 0; k < 4; k++)
			cr_assert_eq(walk.steps[k].entry | AD, f->after[k] | AD);
	}
	cr_assert_gt(n, 0);
	replay_free(r);
	sandbox_close(&s);
}

/* Each violation of a frame that a fault reserved comes after that fault. */
Test(events, tell_of_each_violation_that_is_counted)
{
	struct sandbox s;
	struct replay *r;

	REQUIRE_KVM();
	sandbox_init(&s);
	r = RUN_HEARD(&s, "anon");
	cr_assert_eq(count(r, MV_EVENT_VIOLATION), counters(&s).violations);
	if (s.opt.stage2 == MV_STAGE2_UFFD)
		cr_assert_gt(count(r, MV_EVENT_VIOLATION), 0);
	replay_free(r);
	sandbox_close(&s);
}

struct first {
	struct mv_vm *vm;
	unsigned faults;
	struct mv_walk walk;
	struct mv_event_fault fault;
	char text[PATH_MAX];
};

static void look(const struct mv_event *e, void *arg)
{
	struct first *first = arg;

	if (e->kind != MV_EVENT_FAULT || e->fault.host || first->faults++)
		return;
	first->fault = e->fault;
	snprintf(first->text, sizeof(first->text), "%s", e->text);
	cr_assert_eq(mv_walk(first->vm, e->fault.gva, &first->walk), 0);
}

Test(events, let_the_listener_look_at_the_sandbox)
{
	struct sandbox s;
	struct first first = { 0 };
	char path[PATH_MAX];

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	first.vm = s.vm;
	cr_assert_eq(mv_set_event_fn(s.vm, look, &first), 0);
	sandbox_run(&s);
	cr_assert_eq(first.fault.access, MV_EXEC);
	cr_assert_eq(first.fault.gva, first.fault.rip);
	cr_assert_eq(first.walk.gpa, first.fault.gpa);
	cr_assert_str_eq(first.text, realpath(payload_path("hello"), path));
	sandbox_close(&s);
}

struct compared {
	struct mv_vm *vm;
	unsigned faults, vdso; /* that the guest took; in [vdso] */
	unsigned other;	       /* whose VMA isn't told as mv_vma() tells it */
};

static void compare_vma(const struct mv_event *e, void *arg)
{
	const struct mv_event_fault *f = &e->fault;
	struct compared *c = arg;
	struct mv_vma v;

	if (e->kind != MV_EVENT_FAULT || f->host)
		return;
	c->faults++;
	c->vdso += !strcmp(e->text, "[vdso]");
	c->other += mv_vma(c->vm, f->gva, &v) || v.start != f->vma_start ||
		    v.end != f->vma_end || v.prot != f->vma_prot ||
		    v.shared != f->vma_shared || v.offset != f->vma_offset ||
		    strcmp(v.name, e->text) != 0;
}

Test(events, tell_of_a_faults_vma_what_mv_vma_does)
{
	static const char *const argv[] = { "clocks-musl", "agree", NULL };
	static const char *const envp[] = { NULL };
	struct compared c = { 0 };
	struct mv_error err;
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.vdso = true;
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	c.vm = s.vm;
	cr_assert_eq(mv_set_event_fn(s.vm, compare_vma, &c), 0);
	cr_assert(!mv_load(s.vm, program_path(argv[0]), argv, envp, &err), "%s", err.text);
	sandbox_run(&s);
	mv_assert_exited(&s.end, 0);
	cr_assert_gt(c.vdso, 0);
	cr_assert_eq(c.other, 0, "%u of %u", c.other, c.faults);
	sandbox_close(&s);
}

Test(events, are_heard_no_more_after_null)
{
	struct sandbox s;
	struct replay *r;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	r = listen(&s);
	r->nr = 0;
	cr_assert_eq(mv_set_event_fn(s.vm, NULL, NULL), 0);
	sandbox_run(&s);
	cr_assert_eq(r->nr, 0);
	replay_free(r);
	sandbox_close(&s);
}

static void keep_text(const struct mv_event *e, void *arg)
{
	char *text = arg;

	if (e->kind == MV_EVENT_CALL && e->call.nr == __NR_write)
		snprintf(text, 64, "%s", e->text);
}

Test(events, show_what_a_call_wrote)
{
	struct sandbox s;
	char text[64] = "";

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	cr_assert_eq(mv_set_event_fn(s.vm, keep_text, text), 0);
	sandbox_run(&s);
	cr_assert(*text && !strncmp(text, s.text, strlen(text)), "'%s', '%s'", text,
		  s.text);
	sandbox_close(&s);
}
