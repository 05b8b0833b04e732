/* SPDX-License-Identifier: MIT */
/*
 * timers.c WAY: signals that come while it works or waits, from its own timers and from outside, and
 * what becomes of the calls that they interrupt. It says what it saw, natively the same.
 */
#include "payloads/ways.h"

#include <linux/futex.h>
#include <linux/time.h>

#define BIT(sig) (1ul << ((sig)-1))
#define NOWHERE 8
#define MS 1000

static volatile int seen;
static char page[PAGE_SIZE] __attribute__((aligned(4096)));

static long set_timer(int which, long usec, long interval)
{
	const struct itimerval v = { { interval / 1000000, interval % 1000000 },
				     { usec / 1000000, usec % 1000000 } };

	return sys3(__NR_setitimer, which, (long)&v, 0);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	const struct ucontext *uc = context;

	seen++;
	say("signal %d code %d pid %d mask %lx\n", sig, info->si_code,
	    info->si_pid == sys_getpid(), uc->uc_sigmask);
}

static void count(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	seen++;
}

/* Each interrupts what it does, and nothing of it gets lost. */
static void work(void)
{
	unsigned long sum = 0, check = 0;

	must_handle(SIGALRM, count, 0);
	set_timer(0, 1 * MS, 1 * MS);
	for (unsigned long i = 0; seen < 50; i++) {
		sum += i * i;
		check += i * i;
		asm volatile("" : "+r"(sum));
	}
	set_timer(0, 0, 0);
	say("%d %d\n", sum == check, seen >= 50);
}

/* ... and of calls that don't wait, and faults. */
static void calls(void)
{
	unsigned long bad = 0, n = 0;

	must_handle(SIGALRM, count, 0);
	set_timer(0, 1 * MS, 1 * MS);
	for (; seen < 100; n++) {
		char *p = must_map(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1);

		p[n % PAGE_SIZE] = 'x';
		bad += p[n % PAGE_SIZE] != 'x';
		bad += sys_munmap(p, PAGE_SIZE) != 0;
		bad += sys_getppid() <= 0;
	}
	set_timer(0, 0, 0);
	say("bad: %lu\n", bad);
}

static void cpu_timers(void)
{
	must_handle(SIGVTALRM, on_signal, 0);
	must_handle(SIGPROF, on_signal, 0);
	say("%ld\n", set_timer(1, 20 * MS, 0));
	while (!seen)
		;
	say("%ld\n", set_timer(2, 20 * MS, 0));
	while (seen < 2)
		;
	seen = 0;
	must_handle(SIGPROF, count, 0);
	say("%ld\n", set_timer(2, 10 * MS, 10 * MS));
	while (seen < 5)
		;
	say("%ld\n", set_timer(2, 0, 0));
}

static const unsigned long flags[] = { 0, SA_RESTART };

/* The result of a call that SIGALRM interrupts, for an action with and without SA_RESTART. */
static void interrupted(const char *what, long (*call)(void))
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		must_handle(SIGALRM, on_signal, flags[i]);
		set_timer(0, 30 * MS, 0);
		say("%s: %ld\n", what, call());
	}
}

static struct timespec left;

static long nanosleep_long(void)
{
	const struct timespec t = { 1000, 0 };
	long n;

	left = t;
	n = sys3(__NR_nanosleep, (long)&t, (long)&left, 0);
	say("left: %d\n", left.tv_sec == 999);
	return n;
}

static long sleep_nowhere(void)
{
	const struct timespec t = { 1000, 0 };

	return sys4(__NR_clock_nanosleep, 1, 0, (long)&t, NOWHERE);
}

static long sleep_until(void)
{
	struct timespec t;

	sys_clock_gettime(0, &t);
	t.tv_sec += 1000;
	return sys4(__NR_clock_nanosleep, 0, 1, (long)&t, NOWHERE);
}

static long futex_timed(void)
{
	static int word;
	const struct timespec t = { 1000, 0 };

	return sys6(__NR_futex, (long)&word, FUTEX_WAIT, 0, (long)&t, 0, 0);
}

static long pause_call(void)
{
	return sys3(__NR_pause, 0, 0, 0);
}

static sigset_t none;

static long suspend(void)
{
	const sigset_t alarm = BIT(SIGALRM);
	long n;

	sys_rt_sigprocmask(SIG_BLOCK, &alarm, NULL);
	n = sys3(__NR_rt_sigsuspend, (long)&none, sizeof(none), 0);
	sys_rt_sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	return n;
}

static long wait_other(void)
{
	const sigset_t usr1 = BIT(SIGUSR1);

	return sys4(__NR_rt_sigtimedwait, (long)&usr1, 0, 0, sizeof(usr1));
}

/* A pipe's end that nobody writes to: fd 0 of the test's. */
static long read_pipe(void)
{
	return sys_read(0, page, 1);
}

static void waits(void)
{
	interrupted("nanosleep", nanosleep_long);
	interrupted("nanosleep nowhere", sleep_nowhere);
	interrupted("clock_nanosleep", sleep_until);
	interrupted("futex", futex_timed);
	interrupted("pause", pause_call);
	interrupted("sigsuspend", suspend);
	interrupted("sigtimedwait", wait_other);
	must_handle(SIGALRM, on_signal, 0);
	set_timer(0, 30 * MS, 0);
	say("read: %ld\n", read_pipe());
}

/* The alarm is handled; then the call goes on, until the second one ends the process. */
static void restarted(void)
{
	must_handle(SIGALRM, on_signal, SA_RESTART | SA_RESETHAND);
	set_timer(0, 30 * MS, 30 * MS);
	say("read: %ld\n", read_pipe());
}

static void restarted_futex(void)
{
	static int word;

	must_handle(SIGALRM, on_signal, SA_RESTART | SA_RESETHAND);
	set_timer(0, 30 * MS, 30 * MS);
	say("futex: %ld\n", sys6(__NR_futex, (long)&word, FUTEX_WAIT, 0, 0, 0, 0));
}

/* What is ignored interrupts nothing. */
static void ignored(void)
{
	struct sigaction ign = { .sa_handler = SIG_IGN };
	const struct timespec t = { 0, 100000000 };

	sys_rt_sigaction(SIGALRM, &ign, NULL);
	set_timer(0, 10 * MS, 10 * MS);
	say("nanosleep: %ld\n", sys3(__NR_nanosleep, (long)&t, 0, 0));
	set_timer(1, 10 * MS, 10 * MS);
	set_timer(1, 0, 0);
	say("done\n");
}

static void killed(void)
{
	set_timer(0, 10 * MS, 0);
	say("pause: %ld\n", pause_call());
}

static void killed_at_work(void)
{
	set_timer(0, 10 * MS, 0);
	for (;;)
		;
}

static void show(int which)
{
	struct itimerval v = { { 9, 9 }, { 9, 9 } };
	long n = sys3(__NR_getitimer, which, (long)&v, 0);

	say("getitimer %d: %ld, %ld.%ld %d\n", which, n, v.it_interval.tv_sec,
	    v.it_interval.tv_usec, v.it_value.tv_sec > 90);
}

/* Taken late, it goes on from when it was due: the next time is less than an interval away. */
static void late(void)
{
	const struct itimerval v = { { 1000, 0 }, { 0, 10 * MS } };
	const unsigned long mask = BIT(SIGALRM);
	const struct timespec t = { 0, 110000000 };
	struct itimerval now;

	must_handle(SIGALRM, on_signal, 0);
	sys4(__NR_rt_sigprocmask, 0, (long)&mask, 0, 8);
	sys3(__NR_setitimer, 0, (long)&v, 0);
	sys4(__NR_clock_nanosleep, 1, 0, (long)&t, 0);
	sys4(__NR_rt_sigprocmask, 1, (long)&mask, 0, 8);
	sys3(__NR_getitimer, 0, (long)&now, 0);
	say("seen %d late %d\n", seen,
	    now.it_value.tv_sec < 999 ||
		    (now.it_value.tv_sec == 999 && now.it_value.tv_usec <= 900 * MS));
}

static void values(void)
{
	static const struct itimerval bad[] = {
		{ { 0, 1000000 }, { 1, 0 } }, { { 0, -1 }, { 1, 0 } },
		{ { -1, 0 }, { 1, 0 } },      { { 0, 0 }, { 1, 1000000 } },
		{ { 0, 0 }, { 0, -1 } },      { { 0, 0 }, { -1, 0 } },
	};
	struct itimerval v = { { 0, 0 }, { 1l << 33, 0 } }, old;

	for (int which = -1; which < 4; which++) {
		say("setitimer %ld\n", set_timer(which, 100 * 1000000l, 3000005));
		show(which);
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
			say("%ld ", sys3(__NR_setitimer, which, (long)&bad[i], 0));
		say("nowhere %ld %ld ", sys3(__NR_setitimer, which, NOWHERE, 0),
		    sys3(__NR_getitimer, which, NOWHERE, 0));
		say("%ld\n", sys3(__NR_setitimer, which, (long)&v, NOWHERE));
		show(which);
		memset(&old, 0, sizeof(old));
		say("old %ld ", sys3(__NR_setitimer, which, 0, (long)&old));
		say("%d\n", old.it_value.tv_sec > 1000);
		show(which);
	}
	say("alarm %ld\n", sys3(__NR_alarm, 100, 0, 0));
	say("alarm %ld\n", sys3(__NR_alarm, 0xffffffff, 0, 0));
	show(0);
	set_timer(0, 10400000, 0);
	say("alarm %ld\n", sys3(__NR_alarm, 0, 0, 0));
	set_timer(0, 900000, 0);
	say("alarm %ld\n", sys3(__NR_alarm, 0, 0, 0));
	set_timer(0, 400000, 0);
	say("alarm %ld\n", sys3(__NR_alarm, 0, 0, 0));
	say("alarm %ld\n", sys3(__NR_alarm, 0, 0, 0));
}

static long timed_wait(sigset_t set, siginfo_t *info, long sec, long nsec)
{
	const struct timespec t = { sec, nsec };

	return sys4(__NR_rt_sigtimedwait, (long)&set, (long)info, (long)&t, sizeof(set));
}

static void timedwait(void)
{
	const sigset_t set = BIT(SIGUSR1) | BIT(SIGALRM) | BIT(40);
	siginfo_t info;

	sys_rt_sigprocmask(SIG_BLOCK, &set, NULL);
	say("none: %ld\n", timed_wait(set, &info, 0, 0));
	say("soon: %ld\n", timed_wait(set, &info, 0, 1000000));
	say("bad: %ld %ld %ld\n", timed_wait(set, &info, -1, 0),
	    timed_wait(set, &info, 0, 1000000000),
	    sys4(__NR_rt_sigtimedwait, (long)&set, 0, 0, 4));
	say("nowhere: %ld ", sys4(__NR_rt_sigtimedwait, NOWHERE, 0, 0, 8));
	say("%ld\n", sys4(__NR_rt_sigtimedwait, (long)&set, 0, NOWHERE, 8));
	sys_kill((int)sys_getpid(), SIGUSR1);
	sys_kill((int)sys_getpid(), 40);
	sys_kill((int)sys_getpid(), 40);
	say("other: %ld\n", timed_wait(BIT(SIGUSR2) | BIT(SIGKILL), &info, 0, 0));
	for (int i = 0; i < 4; i++) {
		memset(&info, 0, sizeof(info));
		say("%ld: ", timed_wait(set, &info, 0, 0));
		say("%d %d %d\n", info.si_signo, info.si_code, info.si_pid == sys_getpid());
	}
	sys_kill((int)sys_getpid(), SIGUSR1);
	say("nowhere: %ld\n", timed_wait(set, (void *)NOWHERE, 0, 0));
	say("gone: %ld\n", timed_wait(set, NULL, 0, 0));
	set_timer(0, 30 * MS, 0);
	memset(&info, 0, sizeof(info));
	say("alarm: %ld ", timed_wait(set, &info, 1000, 0));
	say("%d %d %d\n", info.si_signo, info.si_code, info.si_pid);
	set_timer(0, 30 * MS, 0);
	say("alarm: %ld\n", sys4(__NR_rt_sigtimedwait, (long)&set, 0, 0, 8));
	say("suspend: %ld ", sys3(__NR_rt_sigsuspend, (long)&set, 4, 0));
	say("%ld\n", sys3(__NR_rt_sigsuspend, NOWHERE, 8, 0));
}

/* A signal that is pending while it is blocked comes in sigsuspend at once. */
static void suspended(void)
{
	const sigset_t set = BIT(SIGUSR1) | BIT(SIGUSR2), usr2 = BIT(SIGUSR2);
	sigset_t now;

	must_handle(SIGUSR1, on_signal, 0);
	must_handle(SIGUSR2, on_signal, 0);
	sys_rt_sigprocmask(SIG_BLOCK, &set, NULL);
	sys_kill((int)sys_getpid(), SIGUSR1);
	sys_kill((int)sys_getpid(), SIGUSR2);
	say("suspend: %ld\n", sys3(__NR_rt_sigsuspend, (long)&usr2, 8, 0));
	sys_rt_sigprocmask(SIG_BLOCK, NULL, &now);
	say("mask %lx\n", now);
	say("suspend: %ld\n", sys3(__NR_rt_sigsuspend, (long)&none, 8, 0));
	sys_rt_sigprocmask(SIG_BLOCK, NULL, &now);
	say("mask %lx\n", now);
}

/* From outside: it says when it may come. */
static void outside(void)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		must_handle(all[i], on_signal, 0);
	say("ready\n");
	say("pause: %ld\n", pause_call());
}

static void outside_at_work(void)
{
	must_handle(SIGTERM, on_signal, 0);
	say("ready\n");
	while (!seen)
		;
}

static void outside_default(void)
{
	say("ready\n");
	pause_call();
}

static const struct way ways[] = {
	{ "work", work },
	{ "calls", calls },
	{ "cpu", cpu_timers },
	{ "waits", waits },
	{ "restarted", restarted },
	{ "restarted-futex", restarted_futex },
	{ "ignored", ignored },
	{ "killed", killed },
	{ "killed-at-work", killed_at_work },
	{ "values", values },
	{ "late", late },
	{ "timedwait", timedwait },
	{ "suspended", suspended },
	{ "outside", outside },
	{ "outside-at-work", outside_at_work },
	{ "outside-default", outside_default },
};

int main(int argc, char **argv)
{
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY");
}
