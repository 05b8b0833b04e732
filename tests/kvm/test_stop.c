/* SPDX-License-Identifier: MIT */
/* test_stop.c: stops at addresses and faults; that nothing but them is seen of it. KVM. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mapvisor/events.h>
#include <mapvisor/stop.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/kvm/sandbox.h"
#include "tests/lib/require_kvm.h"

TestSuite(stop, .timeout = 60);

/* Of payloads/stops.c. */
#define CODE_AT 0x30000000ul
static const char code[] = { '\xb8', 42, 0, 0, 0, '\xc3' };

static int stop_at(struct sandbox *s, const char *name)
{
	int id = mv_stop_at(s->vm, symbol(s, name));

	cr_assert_gt(id, 0);
	return id;
}

static uint64_t hits(struct sandbox *s, int id)
{
	struct mv_stop stop;

	cr_assert_eq(mv_stop_info(s->vm, id, &stop), 0);
	return stop.hits;
}

/* Run to the end, through all stops; how many. */
static unsigned run_through(struct sandbox *s)
{
	unsigned n = 0;

	for (sandbox_run(s); s->end.kind == MV_EXIT_STOPPED; sandbox_run(s))
		n++;
	return n;
}

static uint64_t guest_faults(struct sandbox *s)
{
	struct mv_counters c = counters(s);
	uint64_t n = 0;

	for (unsigned kind = 0; kind < MV_FAULT_KINDS; kind++)
		n += c.faults[kind];
	return n - c.host_faults;
}

/* What the loaded file has where the payload has gva, read from the host's file. */
static void assert_as_in_file(struct sandbox *s, uint64_t gva)
{
	char file[64], found[64];
	struct mv_vma vma;
	int fd;

	cr_assert_eq(mv_vma(s->vm, gva, &vma), 0);
	fd = open(vma.name, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, file, sizeof(file), (off_t)(gva - vma.start + vma.offset)),
		     (ssize_t)sizeof(file));
	close(fd);
	cr_assert_eq(mv_read(s->vm, gva, found, sizeof(found), NULL), 0);
	cr_assert(!memcmp(file, found, sizeof(file)));
}

Test(stop, is_made_before_the_first_instruction)
{
	struct sandbox s;
	struct mv_walk walk;
	char text[64];

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	cr_assert_eq(mv_stop_at(s.vm, symbol(&s, "_start")), 1);
	sandbox_run(&s);
	cr_assert_eq(s.end.kind, MV_EXIT_STOPPED);
	cr_assert_eq(s.end.stop, 1);
	cr_assert_eq(s.end.rip, symbol(&s, "_start"));
	cr_assert_eq(s.end.rsp % 16, 0);
	cr_assert_eq(s.end.regs[4], s.end.rsp);
	cr_assert_eq(s.end.regs[0], 0);
	cr_assert_str_eq(s.text, "");
	/* the one fault is that of the fetch: the int3 has read nothing of the payload's */
	cr_assert_eq(guest_faults(&s), 1);
	cr_assert(!mv_walk(s.vm, s.end.rip, &walk) && walk.present);
	cr_assert_eq(walk.access, MV_READ | MV_EXEC);
	cr_assert_eq(mv_read_gpa(s.vm, walk.gpa, text, sizeof(text)), 0);
	cr_assert_neq(text[0], '\xcc');
	assert_as_in_file(&s, s.end.rip);
	sandbox_run(&s);
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, "hello, world\n");
	assert_as_in_file(&s, symbol(&s, "_start"));
	sandbox_close(&s);
}

Test(stop, on_instructions_that_are_hard_to_step_over_changes_none_of_them)
{
	static const struct {
		const char *name;
		unsigned hits;
	} at
		[] = {
			{ "at_pushf", 1 },   { "at_popf", 1 }, { "at_nop", 1 },
			{ "at_syscall", 1 }, { "at_rep", 1 },  { "at_int3", 1 },
			{ "at_loop", 5 },    { "at_self", 4 }, { "at_ud2", 1 },
			{ "at_store", 3 }, /* two, and again after the handler of the first */
			{ "on_trap", 2 },
		};
	char native[4096];
	struct sandbox s;
	unsigned all = 0;
	int id[16];

	REQUIRE_KVM();
	run_natively((const char *const[]){ payload_path("stops"), NULL }, native,
		     sizeof(native));
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "stops", NULL });
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		id[i] = stop_at(&s, at[i].name);
		all += at[i].hits;
	}
	cr_assert_eq(run_through(&s), all);
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, native);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		cr_assert_eq(hits(&s, id[i]), at[i].hits, "%s: %lu times", at[i].name,
			     hits(&s, id[i]));
	sandbox_close(&s);
}

Test(stop, on_a_call_by_out_leaves_no_trap_flag)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "stops", "out", NULL });
	stop_at(&s, "at_out");
	cr_assert_eq(run_through(&s), 1);
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, "out: TF 0\n");
	sandbox_close(&s);
}

/* Run it with a stop at each of its functions that is named, or with none. */
static struct mv_counters count_with_stops(struct sandbox *s, const char *payload,
					   const char *const *names, unsigned *stops)
{
	struct mv_counters c;

	sandbox_init(s);
	sandbox_load(s, (const char *const[]){ payload, NULL });
	for (; names && *names; names++)
		stop_at(s, *names);
	*stops = run_through(s);
	c = counters(s);
	sandbox_close(s);
	return c;
}

Test(stop, changes_no_counter_but_two_exits_each_time)
{
	static const char *const names[] = { "_start",	   "main",     "at_loop",
					     "at_syscall", "at_pushf", NULL };
	struct mv_counters plain, with;
	struct sandbox s;
	unsigned stops;

	REQUIRE_KVM();
	plain = count_with_stops(&s, "stops", NULL, &stops);
	cr_assert_eq(stops, 0);
	with = count_with_stops(&s, "stops", names, &stops);
	cr_assert_eq(stops, 9);
	/* SYSCALL's exit ends the step over it: one less */
	cr_assert_eq(with.exits_exception, plain.exits_exception + 2 * stops - 1);
	cr_assert_eq(with.exits_call, plain.exits_call);
	for (unsigned i = 0; i < MV_FAULT_KINDS; i++)
		cr_assert_eq(with.faults[i], plain.faults[i], "%s",
			     mv_fault_name((enum mv_fault)i));
	for (unsigned l = 1; l < 5; l++)
		cr_assert_eq(with.tables_made[l], plain.tables_made[l]);
	cr_assert_eq(with.host_faults, plain.host_faults);
	cr_assert_eq(with.around, plain.around);
	cr_assert_eq(with.copied, plain.copied);
	cr_assert_eq(with.frames, plain.frames);
	cr_assert_eq(with.flush_keep, plain.flush_keep);
	cr_assert_eq(with.flush_free, plain.flush_free);
	cr_assert_eq(with.drops, plain.drops);
}

Test(stop, is_not_seen_in_what_a_call_reads)
{
	struct sandbox s;
	char bytes[8];

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "stops", "show", NULL });
	stop_at(&s, "main");
	stop_at(&s, "at_pushf");
	cr_assert_eq(run_through(&s), 1);
	mv_assert_exited(&s.end, 0);
	cr_assert_eq(mv_read(s.vm, symbol(&s, "at_pushf"), bytes, sizeof(bytes), NULL), 0);
	cr_assert(!memcmp(s.text, bytes, sizeof(bytes)));
	assert_as_in_file(&s, symbol(&s, "at_pushf"));
	sandbox_close(&s);
}

Test(stop, is_made_in_code_that_is_written_unmapped_and_mapped_again)
{
	struct sandbox s;
	int id;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "stops", "changing", NULL });
	id = mv_stop_at(s.vm, CODE_AT);
	cr_assert_eq(run_through(&s), 3);
	cr_assert_eq(hits(&s, id), 3);
	mv_assert_exited(&s.end, 42 + 43 + 42);
	sandbox_close(&s);
}

/* Run `stops how PATH` with a stop at CODE_AT; the file must be as it was. */
static void with_file(struct sandbox *s, const char *how, bool writable, unsigned stops,
		      bool refused)
{
	char path[PATH_MAX], page[4096] = "";
	struct mv_grant grant = { path, writable };
	struct mv_stop stop;
	int id;

	memcpy(page, code, sizeof(code));
	make_file(path, page, sizeof(page));
	sandbox_init(s);
	s->opt.grants = &grant;
	s->opt.ngrants = 1;
	sandbox_load(s, (const char *const[]){ "stops", how, path, NULL });
	id = mv_stop_at(s->vm, CODE_AT);
	cr_assert_eq(run_through(s), stops);
	assert_file_eq(path, page, sizeof(page));
	cr_assert_eq(mv_stop_info(s->vm, id, &stop), 0);
	cr_assert_eq(stop.hits, stops);
	cr_assert_eq(stop.refused, refused);
	unlink(path);
}

Test(stop, is_refused_in_a_file_that_the_payload_may_write)
{
	struct sandbox s;

	REQUIRE_KVM();
	with_file(&s, "shared", true, 0, true);
	mv_assert_exited(&s.end, 42);
	sandbox_close(&s);
}

Test(stop, at_one_address_of_a_page_is_none_at_the_other)
{
	struct sandbox s;

	REQUIRE_KVM();
	with_file(&s, "private", false, 1, false);
	mv_assert_exited(&s.end, 126);
	sandbox_close(&s);
}

struct faults {
	unsigned nr;
	struct mv_event_fault all[256];
};

static void keep(const struct mv_event *e, void *arg)
{
	struct faults *f = arg;

	if (e->kind == MV_EVENT_FAULT && !e->fault.host && f->nr < 256)
		f->all[f->nr++] = e->fault;
}

/* The same payload, run twice: with events, and with a stop at each fault. */
static void stop_at_each_fault(const char *payload)
{
	struct faults *f = calloc(1, sizeof(*f));
	struct sandbox s;

	sandbox_init(&s);
	s.opt.fault_around = 4096;
	sandbox_load(&s, (const char *const[]){ payload, NULL });
	cr_assert_eq(mv_set_event_fn(s.vm, keep, f), 0);
	sandbox_run(&s);
	cr_assert_eq(f->nr, guest_faults(&s));
	cr_assert_gt(f->nr, 4);
	sandbox_close(&s);

	sandbox_init(&s);
	s.opt.fault_around = 4096;
	sandbox_load(&s, (const char *const[]){ payload, NULL });
	for (unsigned n = 1; n <= f->nr; n++) {
		int id = mv_stop_at_fault(s.vm, n);

		cr_assert_gt(id, 0);
		cr_assert_eq(mv_stop_at_fault(s.vm, n), id);
		sandbox_run(&s);
		if (s.end.kind != MV_EXIT_STOPPED) /* the last may have ended it */
			break;
		cr_assert_eq(s.end.stop, id);
		cr_assert_eq(guest_faults(&s), n);
		cr_assert_eq(s.end.addr, f->all[n - 1].gva, "fault %u", n);
		cr_assert_eq(s.end.access, f->all[n - 1].access, "fault %u", n);
		if (f->all[n - 1].kind != MV_FAULT_FATAL)
			cr_assert_eq(s.end.rip, f->all[n - 1].rip, "fault %u", n);
		cr_assert_eq(mv_stop_clear(s.vm, id), -ENOENT);
		cr_assert_eq(mv_stop_at_fault(s.vm, n), -EINVAL);
	}
	sandbox_run(&s);
	mv_assert_exited(&s.end, 0);
	cr_assert_eq(guest_faults(&s), f->nr);
	sandbox_close(&s);
	free(f);
}

Test(stop, at_the_nth_fault_is_at_the_nth_fault_event)
{
	REQUIRE_KVM();
	stop_at_each_fault("walkme");
}

Test(stop, at_a_fault_that_becomes_a_signal_is_in_its_handler)
{
	REQUIRE_KVM();
	stop_at_each_fault("stops");
}

/* Interrupted before the step over the int3 is made: it stops there once only. */
Test(stop, interrupted_goes_on_as_if_it_had_not_been)
{
	struct sandbox s;
	unsigned stops = 0;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "stops", NULL });
	stop_at(&s, "at_loop");
	stop_at(&s, "at_pushf");
	do {
		sandbox_run(&s);
		if (s.end.kind != MV_EXIT_STOPPED)
			continue;
		stops++;
		mv_interrupt(s.vm);
		sandbox_run(&s);
		cr_assert_eq(s.end.kind, MV_EXIT_INTERRUPTED);
		cr_assert_eq(s.end.rflags & 0x100, 0);
	} while (s.end.kind == MV_EXIT_INTERRUPTED);
	cr_assert_eq(stops, 6);
	mv_assert_exited(&s.end, 0);
	cr_assert_not_null(strstr(s.text, "pushf: TF 0\n"));
	sandbox_close(&s);
}

Test(stop, is_made_no_more_after_it_was_cleared)
{
	struct sandbox s;
	int id;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "stops", NULL });
	id = stop_at(&s, "at_loop");
	cr_assert_eq(stop_at(&s, "at_loop"), id);
	sandbox_run(&s);
	sandbox_run(&s);
	cr_assert_eq(s.end.kind, MV_EXIT_STOPPED);
	cr_assert_eq(hits(&s, id), 2);
	cr_assert_eq(mv_stop_clear(s.vm, id), 0);
	cr_assert_eq(mv_stop_clear(s.vm, id), -ENOENT);
	cr_assert_eq(run_through(&s), 0);
	mv_assert_exited(&s.end, 0);
	assert_as_in_file(&s, symbol(&s, "at_loop"));
	sandbox_close(&s);
}

Test(stop, before_a_fatal_instruction_leaves_its_end_as_it_is)
{
	struct mv_exit plain;
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "noexec");
	plain = s.end;
	cr_assert_eq(plain.kind, MV_EXIT_SIGNAL);
	sandbox_close(&s);
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "noexec", NULL });
	stop_at(&s, "main");
	cr_assert_gt(mv_stop_at(s.vm, plain.addr), 0); /* not executable: never reached */
	cr_assert_eq(run_through(&s), 1);
	cr_assert_eq(s.end.kind, MV_EXIT_SIGNAL);
	cr_assert_eq(s.end.signal, SIGSEGV);
	cr_assert_eq(s.end.code, plain.code);
	cr_assert_eq(s.end.addr, plain.addr);
	cr_assert_eq(s.end.rip, plain.rip);
	cr_assert_eq(s.end.rflags, plain.rflags);
	sandbox_close(&s);
}

/* A payload that stops for ever comes to its time limit all the same. */
Test(stop, uses_up_the_time_limit_over_all_runs)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.timeout_ns = SECOND / 2;
	sandbox_load(&s, (const char *const[]){ "stops", "forever", NULL });
	stop_at(&s, "at_pushf");
	cr_assert_gt(run_through(&s), 0);
	cr_assert_eq(s.end.kind, MV_EXIT_TIMEOUT);
	sandbox_close(&s);
}

Test(stop, is_refused_where_no_payload_can_be)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	cr_assert_eq(mv_stop_at(s.vm, 0), -EINVAL);
	cr_assert_eq(mv_stop_at(s.vm, 0x7ffffffff000), -EINVAL);
	cr_assert_eq(mv_stop_at(s.vm, 0xffffffff80000000), -EINVAL);
	cr_assert_eq(mv_stop_at_fault(s.vm, 0), -EINVAL);
	sandbox_close(&s);
}
