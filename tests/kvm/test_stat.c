/* SPDX-License-Identifier: MIT */
/*
 * test_stat.c: each count against a payload that was built to have exactly that many: the counts
 * of counted's one round are those of a run with it less those of a run without.
 */
#include <asm/unistd_64.h>
#include <mapvisor/events.h>
#include <pthread.h>
#include <sys/stat.h>

#include "tests/kvm/sandbox.h"

TestSuite(stat, .timeout = 60);

#define PAGES 16
#define FAR (2ul << 20) /* payloads/counted.c */
#define FAR_READS 5
#define MSEC 1000000ull

/* What one run of counted left. */
struct counted {
	struct mv_counters c;
	uint64_t calls[512], failed[512];
	uint64_t timed[MV_FAULT_KINDS];
	uint64_t pf_fixed, kvm_exits;
	bool has_kvm;
};

static uint64_t kvm_value(struct mv_vm *vm, const char *name, bool *found)
{
	struct mv_kvm_stat stat;
	size_t cursor = 0;

	while (!mv_kvm_stat(vm, &cursor, &stat)) {
		if (stat.vcpu && !strcmp(stat.name, name)) {
			*found = true;
			return *stat.values;
		}
	}
	return 0;
}

static void take(struct sandbox *s, struct counted *r)
{
	struct mv_fault_times t;
	struct mv_call_count n;
	size_t cursor = 0;

	memset(r, 0, sizeof(*r));
	mv_counters(s->vm, &r->c);
	while (!mv_call_count(s->vm, &cursor, &n)) {
		cr_assert(n.nr >= 0 && n.nr < 512);
		r->calls[n.nr] = n.made;
		r->failed[n.nr] = n.failed;
	}
	for (unsigned kind = 0; kind < MV_FAULT_KINDS; kind++) {
		cr_assert_eq(mv_fault_times(s->vm, (enum mv_fault)kind, &t), 0);
		r->timed[kind] = t.count;
	}
	r->pf_fixed = kvm_value(s->vm, "pf_fixed", &r->has_kvm);
	r->kvm_exits = kvm_value(s->vm, "exits", &r->has_kvm);
}

static void run_counted(const char *rounds, struct counted *r)
{
	static char bytes[PAGES * MV_PAGE_SIZE];
	static struct sandbox s;
	char path[4096];
	struct mv_grant grant = { path, true };

	make_file(path, bytes, sizeof(bytes));
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	s.opt.fault_around = MV_PAGE_SIZE;
	s.opt.thp = MV_THP_NEVER;
	s.opt.timing = true;
	sandbox_do(&s, "counted", path, rounds);
	unlink(path);
	mv_assert_exited(&s.end, 0);
	take(&s, r);
	sandbox_close(&s);
}

#define MORE(member) (one.member - none.member)

Test(stat, faults_by_kind_are_those_of_the_payload)
{
	static struct counted none, one;

	REQUIRE_KVM();
	run_counted("0", &none);
	run_counted("1", &one);
	cr_assert_eq(MORE(c.faults[MV_FAULT_ANON]), 10 + 1);
	cr_assert_eq(MORE(c.faults[MV_FAULT_READ]), 5 + 2);
	cr_assert_eq(MORE(c.faults[MV_FAULT_SHARED]), 3);
	cr_assert_eq(MORE(c.faults[MV_FAULT_COW]), 4);
	cr_assert_eq(MORE(c.faults[MV_FAULT_WP]), 2);
	cr_assert_eq(MORE(c.faults[MV_FAULT_REMAP]), 3);
	cr_assert_eq(MORE(c.faults[MV_FAULT_SPURIOUS]), 0);
	cr_assert_eq(MORE(c.faults[MV_FAULT_FATAL]), 0);
	cr_assert_eq(MORE(c.host_faults), 1);
	cr_assert_eq(MORE(c.copied), 4 + 2);
	cr_assert_eq(one.c.around, 0);
	cr_assert_eq(one.c.huge, 0);
}

Test(stat, tables_and_frames_are_those_of_the_payload)
{
	static struct counted none, one;

	REQUIRE_KVM();
	run_counted("0", &none);
	run_counted("1", &one);
	cr_assert_eq(MORE(c.tables_made[4]), 0);
	cr_assert_eq(MORE(c.tables_made[3]), 1);
	cr_assert_eq(MORE(c.tables_made[2]), 2);
	cr_assert_eq(MORE(c.tables_made[1]), 5);
	cr_assert_eq(MORE(c.tables_freed[1]), 1);
	for (unsigned level = 1; level <= 4; level++)
		cr_assert_eq(one.c.tables[level],
			     one.c.tables_made[level] - one.c.tables_freed[level]);
	/* anonymous ones and the write-protected pages' copies; the other copies were unmapped */
	cr_assert_eq(MORE(c.frames), 10 + 1 + 2);
}

Test(stat, calls_by_number_are_those_of_the_payload)
{
	static struct counted none, one;
	uint64_t sum = 0;

	REQUIRE_KVM();
	run_counted("0", &none);
	run_counted("1", &one);
	cr_assert_eq(MORE(calls[__NR_getppid]), 7);
	cr_assert_eq(MORE(calls[__NR_close]), 2);
	cr_assert_eq(MORE(failed[__NR_close]), 2);
	cr_assert_eq(MORE(calls[__NR_pread64]), 1);
	cr_assert_eq(MORE(failed[__NR_pread64]), 0);
	cr_assert_eq(MORE(c.calls), 7 + 2 + 1);
	cr_assert_eq(one.calls[__NR_munmap], 1);
	cr_assert_eq(one.failed[__NR_exit_group], 0);
	for (unsigned nr = 0; nr < 512; nr++)
		sum += one.calls[nr];
	cr_assert_eq(sum, one.c.calls);
}

Test(stat, exits_are_the_sum_of_their_reasons)
{
	static struct counted none, one;
	uint64_t vectors = 0, faults = 0;

	REQUIRE_KVM();
	run_counted("0", &none);
	run_counted("1", &one);
	for (unsigned v = 0; v < 32; v++)
		vectors += one.c.exits_vector[v];
	for (unsigned kind = 0; kind < MV_FAULT_KINDS; kind++)
		faults += MORE(c.faults[kind]);
	cr_assert_eq(one.c.exits_exception, vectors);
	cr_assert_eq(one.c.exits, one.c.exits_call + one.c.exits_exception +
					  one.c.exits_interrupted + one.c.exits_efault +
					  one.c.exits_failed);
	cr_assert_eq(one.c.exits_other,
		     one.c.exits_interrupted + one.c.exits_efault + one.c.exits_failed);
	cr_assert_eq(MORE(c.exits_call), 7 + 2 + 1);
	cr_assert_eq(one.c.exits_call_out, 0);
	cr_assert_eq(MORE(c.exits_vector[14]), faults - 1, "one was a call's");
}

Test(stat, exits_by_out_are_told_from_syscalls)
{
	static struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "bench/exits", "100");
	cr_assert_eq(counters(&s).exits_call_out, 100);
	sandbox_close(&s);
}

Test(stat, each_fault_of_the_payloads_is_timed_in_its_kind)
{
	static struct counted none, one;
	uint64_t sum = 0;

	REQUIRE_KVM();
	run_counted("0", &none);
	run_counted("1", &one);
	cr_assert_eq(MORE(timed[MV_FAULT_ANON]), 10);
	cr_assert_eq(MORE(timed[MV_FAULT_READ]), 7);
	cr_assert_eq(MORE(timed[MV_FAULT_SHARED]), 3);
	cr_assert_eq(MORE(timed[MV_FAULT_COW]), 4);
	cr_assert_eq(MORE(timed[MV_FAULT_WP]), 2);
	cr_assert_eq(MORE(timed[MV_FAULT_REMAP]), 3);
	for (unsigned kind = 0; kind < MV_FAULT_KINDS; kind++)
		sum += one.timed[kind];
	cr_assert_eq(sum, one.c.exits_vector[14]);
}

Test(stat, kvm_counts_no_fewer_exits_and_faults_than_there_were)
{
	static struct counted none, one;

	REQUIRE_KVM();
	run_counted("0", &none);
	run_counted("1", &one);
	if (!one.has_kvm)
		SKIP("this kernel's KVM has no binary statistics");
	cr_assert_geq(one.kvm_exits, one.c.exits_call + one.c.exits_exception);
	/* each page is first touched when its entry has just been made: none is mapped ahead */
	cr_assert_geq(MORE(pf_fixed), 10 + 7 + 3 + 4);
}

Test(stat, times_add_up_and_quantiles_are_in_order)
{
	static struct sandbox s;
	struct mv_fault_times f;
	struct mv_floor floor;
	struct mv_times t;

	REQUIRE_KVM();
	cr_assert_eq(mv_floor(&floor, NULL), 0);
	cr_assert(floor.port_exit_ns && floor.syscall_ns && floor.pf_exit_ns);
	sandbox_init(&s);
	s.opt.timing = true;
	sandbox_do(&s, "bench/touch", "sweep", "8M");
	mv_times(s.vm, &floor, &t);
	cr_assert_gt(t.run, 0);
	cr_assert_gt(t.kvm, 0);
	cr_assert_eq(t.outside + t.run, t.elapsed);
	cr_assert_eq(t.guest + t.kvm + t.vmm + t.waited, t.elapsed);
	cr_assert_eq(mv_fault_times(s.vm, MV_FAULT_KINDS, &f), 0);
	cr_assert_eq(f.count, counters(&s).exits_vector[14]);
	cr_assert(f.min && f.min <= f.p50 && f.p50 <= f.p90 && f.p90 <= f.p99 &&
		  f.p99 <= f.max);
	cr_assert(f.sum >= f.max && f.sum <= f.max * f.count);
	cr_assert_leq(f.sum, t.outside);
	cr_assert_eq(mv_fault_quantile(s.vm, MV_FAULT_KINDS, 0.9), f.p90);
	cr_assert_eq(mv_fault_times(s.vm, (enum mv_fault)(MV_FAULT_KINDS + 1), &f),
		     -EINVAL);
	mv_times(s.vm, NULL, &t);
	cr_assert_eq(t.kvm, 0);
	cr_assert_eq(t.guest + t.vmm + t.waited, t.elapsed);
	sandbox_close(&s);
}

/* In the middle of mv_run(), where a callback may ask. */
static void add_up(const struct mv_event *e, void *arg)
{
	struct mv_times t;

	if (e->kind != MV_EVENT_CALL && e->kind != MV_EVENT_END)
		return;
	mv_times(arg, NULL, &t);
	cr_assert_eq(t.outside + t.run, t.elapsed);
	cr_assert_eq(t.guest + t.vmm + t.waited, t.elapsed);
	cr_assert(t.elapsed && t.elapsed < 60 * SECOND, "%lu", t.elapsed);
	cr_assert(t.cpu && t.cpu <= t.elapsed + SECOND, "%lu", t.cpu);
}

Test(stat, times_add_up_while_it_runs)
{
	static struct sandbox s;
	struct mv_times t;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.timing = true;
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	mv_times(s.vm, NULL, &t);
	cr_assert_eq(t.elapsed, 0);
	cr_assert_eq(mv_set_event_fn(s.vm, add_up, s.vm), 0);
	sandbox_run(&s);
	mv_times(s.vm, NULL, &t);
	cr_assert_eq(t.guest + t.vmm + t.waited, t.elapsed);
	sandbox_close(&s);
}

Test(stat, without_timing_there_are_no_times)
{
	static struct sandbox s;
	struct mv_fault_times f;
	struct mv_call_count n;
	struct mv_times t;
	size_t cursor = 0;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "hello");
	mv_times(s.vm, NULL, &t);
	mv_fault_times(s.vm, MV_FAULT_KINDS, &f);
	cr_assert_eq(t.elapsed | t.run | t.guest | t.vmm | t.waited | t.cpu, 0);
	cr_assert_eq(f.count | f.sum | f.max | f.p50, 0);
	while (!mv_call_count(s.vm, &cursor, &n))
		cr_assert_eq(n.ns, 0);
	sandbox_close(&s);
}

static void *write_late(void *arg)
{
	usleep(200 * MSEC / 1000);
	cr_assert_eq(write(*(int *)arg, "g", 1), 1);
	close(*(int *)arg);
	return NULL;
}

Test(stat, what_a_call_waits_for_is_no_time_of_the_vmms)
{
	static const char bytes[2 * MV_PAGE_SIZE];
	static struct sandbox s;
	char path[4096];
	struct mv_grant grant = { path, false };
	struct mv_times t;
	pthread_t thread;
	int go[2];

	REQUIRE_KVM();
	make_file(path, bytes, sizeof(bytes));
	cr_assert(!pipe2(go, O_CLOEXEC));
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	s.opt.fds[0] = go[0];
	s.opt.timing = true;
	sandbox_load(&s, (const char *const[]){ "wait", path, NULL });
	pthread_create(&thread, NULL, write_late, &go[1]);
	sandbox_run(&s);
	pthread_join(thread, NULL);
	close(go[0]);
	unlink(path);
	mv_times(s.vm, NULL, &t);
	/* it may have started late, by as much as it was without a CPU itself */
	cr_assert_geq(t.waited, 100 * MSEC);
	cr_assert_eq(t.outside - t.vmm + (t.run - t.guest), t.waited);
	sandbox_close(&s);
}

/* Of the pages that are read, how many the kernel holds. */
static unsigned cached(int fd)
{
	unsigned char *at = mmap(NULL, FAR * FAR_READS, PROT_READ, MAP_SHARED, fd, 0), in;
	unsigned n = 0;

	cr_assert(at != MAP_FAILED);
	for (unsigned i = 0; i < FAR_READS; i++) {
		cr_assert_eq(mincore(at + i * FAR, MV_PAGE_SIZE, &in), 0);
		n += in & 1;
	}
	munmap(at, FAR * FAR_READS);
	return n;
}

static uint64_t run_far(const char *path)
{
	static struct sandbox s;
	struct mv_grant grant = { path, true };
	uint64_t major;

	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	s.opt.timing = true;
	sandbox_do(&s, "counted", path, "far");
	mv_assert_exited(&s.end, 0);
	cr_assert_geq(counters(&s).faults[MV_FAULT_READ], FAR_READS);
	major = counters(&s).major;
	sandbox_close(&s);
	return major;
}

Test(stat, faults_on_pages_that_are_not_cached_are_major)
{
	static char bytes[FAR];
	char path[4096];
	unsigned in;
	int fd;

	REQUIRE_KVM();
	make_file(path, bytes, sizeof(bytes));
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (unsigned i = 1; i < FAR_READS; i++)
		cr_assert_eq(pwrite(fd, bytes, FAR, (off_t)(i * FAR)), (ssize_t)FAR);
	/* the payload's own file is cached: it was loaded a moment ago */
	cr_assert_eq(run_far(path), 0, "all is in the page cache");
	cr_assert_eq(fsync(fd), 0);
	cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	in = cached(fd);
	if (in < FAR_READS)
		cr_assert_eq(run_far(path), FAR_READS - in);
	close(fd);
	unlink(path);
	if (in == FAR_READS)
		SKIP("the file system of /tmp keeps all pages");
}

Test(stat, a_fatal_fault_is_counted_and_ends_the_times)
{
	static struct sandbox s;
	struct mv_fault_times f;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.timing = true;
	sandbox_do(&s, "noexec");
	cr_assert_eq(counters(&s).faults[MV_FAULT_FATAL], 1);
	mv_fault_times(s.vm, MV_FAULT_FATAL, &f);
	cr_assert_eq(f.count, 0);
	mv_fault_times(s.vm, MV_FAULT_KINDS, &f);
	cr_assert_eq(f.count, counters(&s).exits_vector[14] - 1);
	sandbox_close(&s);
}

Test(stat, a_timeout_is_an_interrupted_exit)
{
	static struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.timeout_ns = 50 * MSEC;
	sandbox_do(&s, "spin");
	cr_assert_eq(s.end.kind, MV_EXIT_TIMEOUT);
	cr_assert_eq(counters(&s).exits_interrupted, 1);
	sandbox_close(&s);
}
