/* SPDX-License-Identifier: MIT */
/*
 * self.c WAY: asks for what a process is told about itself, and says it in words that are the same
 * wherever it runs: Linux's own answer is what a sandbox's must be.
 */
#include "payloads/ways.h"

#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/resource.h>

#define NOWHERE 8 /* an address where nothing is */

static char page[2 * PAGE_SIZE] __attribute__((aligned(4096)));

/* The call, its result. */
#define SHOW(nr, ...) say(#nr ": %ld\n", SYS(__NR_##nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0))
#define SYS(nr, a, b, c, d, e, f, ...) \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define TOLD(what, nr, ...) \
	say(#nr " " what ": %ld\n", SYS(__NR_##nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0))

static const struct __user_cap_data_struct no_caps[2];

/* The sandbox has none either. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	SHOW(capset, &h, no_caps);
}

static void show_ids(void)
{
	static unsigned ids[6];

	SHOW(getuid, 0);
	SHOW(geteuid, 0);
	SHOW(getgid, 0);
	SHOW(getegid, 0);
	SHOW(getresuid, ids, ids + 1, ids + 2);
	SHOW(getresgid, ids + 3, ids + 4, ids + 5);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		say("%u ", ids[i]);
	say("\n");
}

static void groups(void)
{
	static unsigned list[65536];
	long n = sys3(__NR_getgroups, ARRAY_SIZE(list), (long)list, 0);

	say("groups:");
	for (long i = 0; i < n; i++)
		say(" %u", list[i]);
	say("\n");
	TOLD("count", getgroups, 0, NOWHERE);
	TOLD("negative", getgroups, -1, list);
	if (n > 0)
		TOLD("nowhere", getgroups, n, NOWHERE);
	if (n > 1)
		TOLD("too few", getgroups, n - 1, list);
	SHOW(setgroups, 0, 0);
}

static void ids(void)
{
	long uid = sys3(__NR_getuid, 0, 0, 0), gid = sys3(__NR_getgid, 0, 0, 0);

	drop_capabilities();
	show_ids();
	TOLD("nowhere", getresuid, NOWHERE, page, page);
	TOLD("nowhere", getresgid, page, page, NOWHERE);
	TOLD("own", setuid, uid);
	TOLD("other", setuid, uid + 12345);
	TOLD("none", setuid, -1);
	TOLD("own", setgid, gid);
	TOLD("other", setgid, gid + 12345);
	TOLD("none", setgid, -1);
	TOLD("own", setreuid, uid, uid);
	TOLD("other", setreuid, -1, uid + 12345);
	TOLD("other", setregid, gid + 12345, -1);
	TOLD("none", setregid, -1, -1);
	TOLD("own", setresuid, uid, -1, uid);
	TOLD("other", setresuid, uid, -1, uid + 12345);
	TOLD("other", setresgid, gid + 12345, gid, gid);
	TOLD("own", setresgid, gid, gid, gid);
	TOLD("other", setfsuid, uid + 12345);
	TOLD("again", setfsuid, -1);
	TOLD("other", setfsgid, gid + 12345);
	TOLD("again", setfsgid, gid);
	show_ids();
	groups();
}

/* Natively it leads its process group, too: the test sees to that. */
static void sessions(void)
{
	long pid = sys_getpid();

	say("leads its group: %d %d %d\n", sys3(__NR_getpgrp, 0, 0, 0) == pid,
	    sys3(__NR_getpgid, 0, 0, 0) == pid, sys3(__NR_getpgid, pid, 0, 0) == pid);
	say("leads its session: %d %d\n", sys3(__NR_getsid, 0, 0, 0) == pid,
	    sys3(__NR_getsid, 0, 0, 0) == sys3(__NR_getsid, pid, 0, 0));
	TOLD("of none", getpgid, 0x7ffffff0);
	TOLD("of none", getpgid, -1);
	TOLD("of none", getsid, 0x7ffffff0);
	TOLD("own", setpgid, 0, 0);
	TOLD("own", setpgid, pid, pid);
	TOLD("negative", setpgid, 0, -1);
	TOLD("negative of none", setpgid, 0x7ffffff0, -1);
	TOLD("of none", setpgid, 0x7ffffff0, 0);
	TOLD("to none", setpgid, 0, 0x7ffffff0);
	SHOW(setsid, 0);
}

static void capabilities(void)
{
	static const unsigned versions[] = { _LINUX_CAPABILITY_VERSION_1,
					     _LINUX_CAPABILITY_VERSION_2,
					     _LINUX_CAPABILITY_VERSION_3, 0, 1 };
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct data[2];

	drop_capabilities();
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		h = (struct __user_cap_header_struct){ versions[i], 0 };
		memset(data, 1, sizeof(data));
		SHOW(capget, &h, data);
		say("%x: %x %x %x, %x %x %x\n", h.version, data[0].effective,
		    data[0].permitted, data[0].inheritable, data[1].effective,
		    data[1].permitted, data[1].inheritable);
		h = (struct __user_cap_header_struct){ versions[i], 0 };
		TOLD("none", capget, &h, 0);
		memset(data, 0, sizeof(data));
		TOLD("nothing", capset, &h, data);
		data[1].effective = 1u << 31; /* no capability */
		TOLD("nothing", capset, &h, data);
		data[0].permitted = 1;
		TOLD("something", capset, &h, data);
	}
	h = (struct __user_cap_header_struct){ _LINUX_CAPABILITY_VERSION_3, -1 };
	TOLD("negative", capget, &h, data);
	TOLD("of others", capset, &h, data);
	h.pid = 0x7ffffff0;
	TOLD("of none", capget, &h, data);
	TOLD("nowhere", capget, NOWHERE, data);
	h.pid = (int)sys_getpid();
	TOLD("nowhere", capget, &h, NOWHERE);
	TOLD("nowhere", capset, &h, NOWHERE);
}

static void named(const char *name)
{
	static char got[16];

	memset(got, 'x', sizeof(got));
	TOLD("set name", prctl, PR_SET_NAME, name);
	TOLD("get name", prctl, PR_GET_NAME, got);
	say("'%s' %d\n", got, got[15]);
}

static void prctls(void)
{
	static const char mark[] = { 'a', 'b', 'c', 'd' };
	static char got[16];
	int sig = 77;

	TOLD("get name", prctl, PR_GET_NAME, got);
	say("'%s'\n", got);
	named("short");
	named("exactly15bytes!");
	named("more than fifteen bytes");
	named("");
	named((char *)NOWHERE);
	memcpy(page + PAGE_SIZE - 4, mark, sizeof(mark));
	sys_munmap(page + PAGE_SIZE, PAGE_SIZE);
	named(page + PAGE_SIZE - 4);
	TOLD("get name", prctl, PR_GET_NAME, page + PAGE_SIZE - 4);
	TOLD("dumpable", prctl, PR_GET_DUMPABLE);
	TOLD("dumpable", prctl, PR_SET_DUMPABLE, 2);
	TOLD("dumpable", prctl, PR_SET_DUMPABLE, 0);
	TOLD("dumpable", prctl, PR_GET_DUMPABLE);
	TOLD("no new privs", prctl, PR_GET_NO_NEW_PRIVS);
	TOLD("no new privs", prctl, PR_GET_NO_NEW_PRIVS, 1);
	TOLD("no new privs", prctl, PR_SET_NO_NEW_PRIVS, 0);
	TOLD("no new privs", prctl, PR_SET_NO_NEW_PRIVS, 1, 1);
	TOLD("no new privs", prctl, PR_SET_NO_NEW_PRIVS, 1);
	TOLD("no new privs", prctl, PR_GET_NO_NEW_PRIVS);
	TOLD("signal", prctl, PR_GET_PDEATHSIG, &sig);
	say("%d\n", sig);
	TOLD("signal", prctl, PR_SET_PDEATHSIG, 65);
	TOLD("signal", prctl, PR_SET_PDEATHSIG, -1);
	TOLD("signal", prctl, PR_SET_PDEATHSIG, 10);
	TOLD("signal", prctl, PR_GET_PDEATHSIG, &sig);
	say("%d\n", sig);
	TOLD("signal", prctl, PR_GET_PDEATHSIG, NOWHERE);
	TOLD("unknown", prctl, 12345);
	TOLD("query", personality, 0xffffffff);
	TOLD("no randomization", personality, 0x0040000);
	TOLD("query", personality, 0xffffffff);
}

static long diff_ns(const struct timespec *a, const struct timespec *b)
{
	return (b->tv_sec - a->tv_sec) * 1000000000 + (b->tv_nsec - a->tv_nsec);
}

static void clocks(void)
{
	static const int all[] = { 0, 1, 2, 3, 4, 5, 6, 7, 11, 10, 12, 15, 16, 100 };
	/* of a pid: this one's, none's, this thread's; an fd's */
	static const int own[] = { -8, -7, -6, -5, -4, -3, -2, -1, (int)0x8000007a };
	struct timespec ts, again;
	struct {
		long sec, usec;
	} tv;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		ts = again = (struct timespec){ 0 };
		say("clock %d: %ld ", all[i], sys_clock_gettime(all[i], &ts));
		say("%ld ", sys_clock_gettime(all[i], &again));
		say("goes on: %d ", diff_ns(&ts, &again) >= 0);
		say("%ld ", sys3(__NR_clock_getres, all[i], (long)&ts, 0));
		say("%ld.%ld\n", ts.tv_sec, ts.tv_nsec);
		TOLD("nowhere", clock_gettime, all[i], NOWHERE);
		TOLD("nowhere", clock_getres, all[i], NOWHERE);
		TOLD("nowhere", clock_getres, all[i], 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		ts = (struct timespec){ 0 };
		say("clock %d: %ld ", own[i], sys_clock_gettime(own[i], &ts));
		say("%ld ", sys3(__NR_clock_getres, own[i], (long)&ts, 0));
		say("%ld.%ld\n", ts.tv_sec, ts.tv_nsec);
	}
	SHOW(gettimeofday, &tv, 0);
	sys_clock_gettime(0, &ts);
	say("the same: %d\n", ts.tv_sec - tv.sec <= 2 && ts.tv_sec >= tv.sec);
	SHOW(gettimeofday, 0, page);
	say("zone %d %d\n", ((int *)page)[0], ((int *)page)[1]);
	TOLD("nowhere", gettimeofday, NOWHERE, 0);
	TOLD("nowhere", gettimeofday, 0, NOWHERE);
	say("time: %d\n", sys3(__NR_time, (long)page, 0, 0) - ts.tv_sec <= 2);
	/* time() is read at the kernel's tick: a second may have begun that it does not know of */
	say("told: %d\n", *(long *)page - ts.tv_sec <= 2 && *(long *)page >= ts.tv_sec - 1);
	TOLD("nowhere", time, NOWHERE);
}

/* That it slept at least as long; natively and here. */
static void slept(long result, int clock, const struct timespec *from, long ns)
{
	struct timespec to = { 0, 0 };

	sys_clock_gettime(clock, &to);
	say("%ld, long enough: %d\n", result, diff_ns(from, &to) >= ns);
}

static void sleeping(void)
{
	static const int all[] = { 0, 1, 7, 11 };
	static const struct timespec bad[] = {
		{ -1, 0 }, { 0, -1 }, { 0, 1000000000 }, { 1, 1l << 62 }
	};
	struct timespec now, t = { 0, 20000000 };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		sys_clock_gettime(all[i], &now);
		slept(sys4(__NR_clock_nanosleep, all[i], 0, (long)&t, 0), all[i], &now,
		      20000000);
		sys_clock_gettime(all[i], &now);
		t = now;
		t.tv_nsec += 20000000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_nsec -= 1000000000;
			t.tv_sec++;
		}
		slept(sys4(__NR_clock_nanosleep, all[i], 1, (long)&t, 0), all[i], &now,
		      20000000);
		t = (struct timespec){ 0, 20000000 };
		TOLD("the past", clock_nanosleep, all[i], 1, &t, NOWHERE);
		t = (struct timespec){ 0, 20000000 };
	}
	sys_clock_gettime(1, &now);
	slept(sys3(__NR_nanosleep, (long)&t, (long)&t, 0), 1, &now, 20000000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		SHOW(nanosleep, bad + i, 0);
		SHOW(clock_nanosleep, 0, 1, bad + i, 0);
	}
	t = (struct timespec){ 0, 0 };
	TOLD("no time", nanosleep, &t, NOWHERE);
	TOLD("nowhere", nanosleep, NOWHERE, 0);
	for (int clock = -9; clock < 18; clock++)
		say("by clock %d: %ld\n", clock,
		    sys4(__NR_clock_nanosleep, clock, 1, (long)&t, 0));
}

static void scheduling(void)
{
	static const int options[] = { 0, 1, 2, 8, 16, 0x20000000, 0x40000000, -1 };
	unsigned cpu = 9, node = 9;
	unsigned long mask = 1; /* natively there may be more */

	SHOW(sched_setaffinity, 0, 8, &mask);
	mask = 0;
	SHOW(getpriority, 0, 0);
	TOLD("no such kind", getpriority, 3, 0);
	TOLD("of none", getpriority, 0, 0x7ffffff0);
	TOLD("of none", setpriority, 1, 0x7ffffff0, 3);
	SHOW(setpriority, 0, 0, 5);
	SHOW(getpriority, 1, 0);
	SHOW(setpriority, 1, 0, 100);
	SHOW(getpriority, 0, 0);
	SHOW(sched_yield, 0);
	SHOW(getcpu, &cpu, &node, 0);
	say("%u %u\n", cpu, node);
	TOLD("nothing", getcpu, 0, 0, 0);
	TOLD("nowhere", getcpu, NOWHERE, 0, 0);
	TOLD("nowhere", getcpu, 0, NOWHERE, 0);
	say("affinity: %d ", sys3(__NR_sched_getaffinity, 0, 8, (long)&mask) > 0);
	say("%lx\n", mask);
	TOLD("none", sched_getaffinity, 0, 0, &mask);
	TOLD("odd", sched_getaffinity, 0, 9, &mask);
	TOLD("nowhere", sched_getaffinity, 0, 8, NOWHERE);
	TOLD("of none", sched_getaffinity, 0x7ffffff0, 8, &mask);
	TOLD("of none", sched_getaffinity, 0x7ffffff0, 7, &mask);
	SHOW(sched_setaffinity, 0, 8, &mask);
	TOLD("nowhere", sched_setaffinity, 0x7ffffff0, 8, NOWHERE);
	TOLD("of none", sched_setaffinity, 0x7ffffff0, 8, &mask);
	mask = 0;
	TOLD("on none", sched_setaffinity, 0, 8, &mask);
	TOLD("bad flags", membarrier, 0, 2, 0);
	TOLD("unknown", membarrier, 1 << 20, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		SHOW(wait4, -1, page, options[i], 0);
		SHOW(wait4, -0x7fffffff - 1, page, options[i], 0);
		SHOW(waitid, 0, 0, page, options[i], 0);
		SHOW(waitid, 1, 0, page, options[i] | 4, 0);
		SHOW(waitid, 1, 1 << 20, page, options[i] | 4, 0);
		SHOW(waitid, 2, -1, page, options[i] | 4, 0);
		SHOW(waitid, 3, -1, page, options[i] | 4, 0);
		SHOW(waitid, 3, 99, page, options[i] | 4, 0);
		SHOW(waitid, 9, 1, page, options[i] | 4, 0);
	}
}

/* Policies, of which those with a priority are not had. */
static void policies(void)
{
	static const int all[] = { 0, 1,   2,  3,	   4,	       5,	  6,
				   7, 100, -1, 0x40000000, 0x40000003, 0x40000000 };
	int param = 0;

	drop_capabilities();
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		SHOW(sched_get_priority_max, all[i]);
		SHOW(sched_get_priority_min, all[i]);
		for (param = -1; param < 2; param++)
			SHOW(sched_setscheduler, 0, all[i], &param);
		SHOW(sched_getscheduler, 0);
		param = 7;
		SHOW(sched_getparam, 0, &param);
		say("priority %d\n", param);
		SHOW(sched_setparam, 0, &param);
		param = 0;
		SHOW(sched_setparam, 0, &param);
	}
	TOLD("of none", sched_getscheduler, 0x7ffffff0);
	TOLD("of less", sched_getscheduler, -1);
	TOLD("nowhere", sched_getparam, 0, NOWHERE);
	TOLD("without", sched_getparam, 0, 0);
	TOLD("of none", sched_getparam, 0x7ffffff0, &param);
	TOLD("nowhere", sched_setparam, 0x7ffffff0, NOWHERE);
	TOLD("of none", sched_setscheduler, 0x7ffffff0, 0, &param);
	TOLD("without", sched_setscheduler, 0, 0, 0);
	SHOW(sched_rr_get_interval, 0, page);
	TOLD("of none", sched_rr_get_interval, 0x7ffffff0, page);
	TOLD("nowhere", sched_rr_get_interval, 0, NOWHERE);
}

/* The time is not a process's to set that may nothing; what is set natively, if it may, is the time it is. */
static void time_setting(void)
{
	static const int all[] = { 0, 1, 2, 3, 4, 7, 11, 100, -2, -6 };
	long bad[2] = { 5, 1000000000 }, before[2] = { -1, 0 }, now[2];

	drop_capabilities();
	sys3(__NR_gettimeofday, (long)now, 0, 0);
	SHOW(settimeofday, now, 0);
	SHOW(settimeofday, bad, 0);
	SHOW(settimeofday, before, 0);
	SHOW(settimeofday, NOWHERE, 0);
	SHOW(settimeofday, now, NOWHERE);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		sys_clock_gettime(0, (struct timespec *)now);
		SHOW(clock_settime, all[i], now);
		SHOW(clock_settime, all[i], bad);
		SHOW(clock_settime, all[i], before);
		SHOW(clock_settime, all[i], NOWHERE);
	}
}

/* A futex that may be shared is its page, which is had as for a write. */
static void shared_futexes(void)
{
	static const struct {
		const char *name;
		int prot, flags;
	} kinds[] = {
		{ "own", 3, 0x22 },	 { "own, read-only", 1, 0x22 },
		{ "none", 0, 0x22 },	 { "shared", 3, 0x21 },
		{ "file", 3, 0x2 },	 { "shared, read-only", 1, 0x21 },
		{ "shared file", 3, 1 }, { "file, read-only", 1, 0x2 },
	};
	int fd = (int)sys3(__NR_memfd_create, (long)"futex", 0, 0);
	struct timespec t = { 0, 1000 };
	unsigned char there = 9;

	sys3(__NR_ftruncate, fd, 4096, 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		long at = (long)sys_mmap(NULL, 4096, kinds[i].prot, kinds[i].flags,
					 kinds[i].flags & 0x20 ? -1 : fd, 0);

		say("%s: ", kinds[i].name);
		say("wake %ld ", sys3(__NR_futex, at, FUTEX_WAKE, 1));
		say("wait %ld ", sys4(__NR_futex, at, FUTEX_WAIT, 0, (long)&t));
		say("other %ld ", sys4(__NR_futex, at, FUTEX_WAIT, 5, (long)&t));
		say("private %ld ", sys3(__NR_futex, at, FUTEX_WAKE_PRIVATE, 1));
		sys3(__NR_mincore, at, 4096, (long)&there);
		say("there %d\n", there & 1);
	}
}

static void futexes(void)
{
	static unsigned word = 5;
	struct timespec t = { 0, 20000000 }, bad = { 0, -1 }, now = { 0, 0 };
	char *none = must_map(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	TOLD("other value", futex, &word, FUTEX_WAIT, 4, 0);
	TOLD("other value", futex, &word, FUTEX_WAIT_PRIVATE, 4, &t);
	TOLD("bad time", futex, &word, FUTEX_WAIT_PRIVATE, 4, &bad);
	TOLD("nowhere", futex, &word, FUTEX_WAIT_PRIVATE, 4, NOWHERE);
	TOLD("nowhere", futex, NOWHERE, FUTEX_WAIT_PRIVATE, 4, &t);
	TOLD("nowhere", futex, none, FUTEX_WAIT, 4, &t);
	TOLD("nowhere", futex, 0xffff800000000000, FUTEX_WAIT, 4, &t);
	TOLD("odd", futex, (char *)&word + 1, FUTEX_WAIT, 4, &t);
	sys_clock_gettime(1, &now);
	slept(sys6(__NR_futex, (long)&word, FUTEX_WAIT_PRIVATE, 5, (long)&t, 0, 0), 1, &now,
	      20000000);
	sys_clock_gettime(1, &now);
	slept(sys6(__NR_futex, (long)&word, FUTEX_WAIT, 5, (long)&t, 0, 0), 1, &now,
	      20000000);
	TOLD("the past", futex, &word, FUTEX_WAIT_BITSET, 5, &t, 0, -1);
	TOLD("the past", futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &t, 0,
	     1);
	TOLD("no bits", futex, &word, FUTEX_WAIT_BITSET, 5, &t, 0, 0);
	TOLD("no bits", futex, &word, FUTEX_WAKE_BITSET, 5, 0, 0, 0);
	TOLD("wake", futex, &word, FUTEX_WAKE, 1);
	TOLD("wake", futex, &word, FUTEX_WAKE_PRIVATE, 1);
	TOLD("wake", futex, &word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 1);
	TOLD("wake nowhere", futex, NOWHERE, FUTEX_WAKE_PRIVATE, 1);
	TOLD("wake nowhere", futex, NOWHERE, FUTEX_WAKE, 1);
	TOLD("wake odd", futex, (char *)&word + 2, FUTEX_WAKE_PRIVATE, 1);
	TOLD("wake high", futex, 0xffff800000000000, FUTEX_WAKE_PRIVATE, 1);
	TOLD("wake none", futex, none, FUTEX_WAKE, 1);
	TOLD("clock", futex, &word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1);
	TOLD("clock", futex, &word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 4, &t);
	TOLD("unknown", futex, &word, 99, 4, &t);
}

/* More and more of the CPU, by all that measure it; those of user and system time by ticks. */
static void cpu_usage(void)
{
	static struct rusage ru, later;
	struct timespec cpu = { 0 }, wall;
	long ticks[4];

	SHOW(getrusage, 0, &ru);
	TOLD("children", getrusage, -1, &later);
	say("%ld %ld %ld\n", later.ru_utime.tv_usec, later.ru_minflt, later.ru_maxrss);
	TOLD("thread", getrusage, 1, &later);
	TOLD("unknown", getrusage, 2, NOWHERE);
	TOLD("nowhere", getrusage, 0, NOWHERE);
	do
		sys_clock_gettime(2, &cpu);
	while (cpu.tv_sec < 1 && cpu.tv_nsec < 200000000);
	sys_clock_gettime(1, &wall);
	sys3(__NR_getrusage, 0, (long)&later, 0);
	say("works: %d\n", (later.ru_utime.tv_sec + later.ru_stime.tv_sec) * 1000000 +
					   later.ru_utime.tv_usec + later.ru_stime.tv_usec >
				   100000);
	say("has memory: %d %d\n", later.ru_maxrss > 0, later.ru_minflt > 0);
	say("times: %d ", sys3(__NR_times, (long)ticks, 0, 0) > 0);
	say("%d %ld %ld\n", ticks[0] + ticks[1] > 10, ticks[2], ticks[3]);
	say("no buffer: %d\n", sys3(__NR_times, 0, 0, 0) > 0);
	TOLD("nowhere", times, NOWHERE);
	TOLD("nowhere", sysinfo, NOWHERE);
}

/* Natively the host's. */
struct {
	long uptime;
	unsigned long loads[3], totalram, freeram, sharedram, bufferram, totalswap,
		freeswap;
	unsigned short procs, pad;
	unsigned long totalhigh, freehigh;
	unsigned mem_unit;
	char reserved[4];
} info;

static void system_info(void)
{
	SHOW(sysinfo, &info);
}

static void none_served(void)
{
	SHOW(fork, 0);
	SHOW(vfork, 0);
	SHOW(clone, 17);
	SHOW(clone3, 0);
	SHOW(execve, 0);
}

static void sleep_long(void)
{
	struct timespec t = { 1, 500000000 };

	say("sleeps\n");
	SHOW(nanosleep, &t, 0);
}

static void show_text(const char *name, const struct stat *st)
{
	say("%s: mode %x links %lu size %ld of %ld\n", name, st->st_mode, st->st_nlink,
	    st->st_size, st->st_blksize);
}

/* What the files of /proc/self look like, by name, open, and as a place. */
static void texts(void)
{
	static const char *const names[] = { "/proc/self/auxv",	  "/proc/self/cmdline",
					     "/proc/self/comm",	  "/proc/self/environ",
					     "/proc/self/limits", "/proc/self/maps",
					     "/proc/self/smaps",  "/proc/self/stat",
					     "/proc/self/statm",  "/proc/self/status" };
	static const int flags[] = { O_RDONLY, 010000000 /* O_PATH */ };
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		memset(&st, 0, sizeof(st));
		sys3(__NR_stat, (long)names[i], (long)&st, 0);
		show_text(names[i], &st);
		for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
			int fd = (int)sys_open(names[i], flags[k], 0);

			memset(&st, 0, sizeof(st));
			sys3(__NR_fstat, fd, (long)&st, 0);
			show_text("open", &st);
			sys_close(fd);
		}
		say("for reading %ld\n", sys3(__NR_access, (long)names[i], 4, 0));
	}
}

/* The program, by its link. */
static void own_program(void)
{
	static const int flags[] = { O_RDONLY,	 O_RDWR,      O_WRONLY, O_RDONLY | O_TRUNC,
				     O_NOFOLLOW, O_DIRECTORY, O_CREAT,	O_CREAT | O_EXCL,
				     010000000 /* O_PATH */ };
	char start[4] = "";
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = (int)sys_open("/proc/self/exe", flags[i], 0);

		say("open %x: %d", flags[i], fd < 0 ? fd : 0);
		say(" read %ld", fd < 0 ? 0 : sys_read(fd, start, sizeof(start)));
		memset(&st, 0, sizeof(st));
		sys3(__NR_fstat, fd, (long)&st, 0);
		say(" %s mode %x\n", memcmp(start, "\177ELF", 4) ? "?" : "ELF", st.st_mode);
		if (fd >= 0)
			sys_close(fd);
	}
	say("stat %ld", sys3(__NR_stat, (long)"/proc/self/exe", (long)&st, 0));
	say(" mode %x\n", st.st_mode);
	say("lstat %ld", sys3(__NR_lstat, (long)"/proc/self/exe", (long)&st, 0));
	say(" mode %x size %ld\n", st.st_mode, st.st_size);
	say("access %ld\n", sys3(__NR_access, (long)"/proc/self/exe", 5, 0));
}

/* What 1 and the program are called. */
static void links(void)
{
	static const char *const names[] = { "/proc/self/fd/1", "/proc/self/exe" };
	static char path[4096];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		memset(path, 0, sizeof(path));
		sys3(__NR_readlink, (long)names[i], (long)path, sizeof(path) - 1);
		say("%s\n", path);
	}
}

static const struct way ways[] = {
	{ "program", own_program },
	{ "links", links },
	{ "texts", texts },
	{ "ids", ids },
	{ "sessions", sessions },
	{ "capabilities", capabilities },
	{ "prctl", prctls },
	{ "clocks", clocks },
	{ "sleep", sleeping },
	{ "scheduling", scheduling },
	{ "futex", futexes },
	{ "usage", cpu_usage },
	{ "sysinfo", system_info },
	{ "none", none_served },
	{ "sleep-long", sleep_long },
	{ "policies", policies },
	{ "time-setting", time_setting },
	{ "shared-futex", shared_futexes },
};

int main(int argc, char **argv)
{
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY");
}
