/* SPDX-License-Identifier: MIT */
/*
 * ptimers.c WAY: POSIX timers, and signals that carry something. It says what it saw, natively the same: of
 * times only what can't be otherwise.
 */
#include "payloads/ways.h"

#include <linux/time.h>

#define BIT(sig) (1ul << ((sig)-1))
#define RT 40
#define NOWHERE 8
#define MS 1000000l
#define MONO 1

static volatile int seen;

static long create(int clock, int notify, int signo, long value, int *id)
{
	struct sigevent e = { 0 };

	*id = -1;
	e.sigev_notify = notify;
	e.sigev_signo = signo;
	e.sigev_value.sival_ptr = (void *)value;
	e._sigev_un._tid = (int)sys3(__NR_gettid, 0, 0, 0);
	return sys3(__NR_timer_create, clock, (long)&e, (long)id);
}

static long settime(int id, int flags, long ns, long interval, struct itimerspec *old)
{
	const struct itimerspec v = { { interval / 1000000000, interval % 1000000000 },
				      { ns / 1000000000, ns % 1000000000 } };

	return sys4(__NR_timer_settime, id, flags, (long)&v, (long)old);
}

static long ns_of(const struct timespec *t)
{
	return t->tv_sec * 1000000000l + t->tv_nsec;
}

/* -1: the call failed */
static long left(int id, long *interval)
{
	struct itimerspec v = { { 0, 0 }, { 0, 0 } };

	if (sys3(__NR_timer_gettime, id, (long)&v, 0))
		return -1;
	if (interval)
		*interval = ns_of((const struct timespec *)&v.it_interval);
	return ns_of((const struct timespec *)&v.it_value);
}

static void nap(long ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	while (sys3(__NR_nanosleep, (long)&t, (long)&t, 0) == -EINTR)
		;
}

static void block(unsigned long set, bool on)
{
	sys4(__NR_rt_sigprocmask, on ? 0 : 1, (long)&set, 0, sizeof(set));
}

static unsigned long pending(void)
{
	unsigned long set = 0;

	sys3(__NR_rt_sigpending, (long)&set, sizeof(set), 0);
	return set;
}

static void tell(int sig, siginfo_t *info, void *context)
{
	(void)context;
	seen++;
	say("signal %d code %d id %d overrun %d value %lx\n", sig, info->si_code,
	    info->si_tid, info->si_overrun, (unsigned long)info->si_ptr);
}

static void tell_sender(int sig, siginfo_t *info, void *context)
{
	(void)context;
	seen++;
	say("signal %d code %d from itself %d, value %lx\n", sig, info->si_code,
	    info->si_pid == sys_getpid(), (unsigned long)info->si_ptr);
}

/* ... all that a frame has of it. */
static void tell_bytes(int sig, siginfo_t *info, void *context)
{
	const unsigned long *words = (const unsigned long *)info;

	(void)context;
	seen++;
	say("signal %d:", sig);
	for (size_t i = 0; i < sizeof(*info) / sizeof(*words); i++)
		say(" %lx", words[i]);
	say("\n");
}

static void refusals(void)
{
	static const int clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 100, -1, -2, -6 };
	static const struct {
		int notify, signo;
	} events[] = { { 0, 14 }, { 0, 0 },  { 0, 65 }, { 0, -1 }, { 1, 0 },
		       { 1, 99 }, { 2, 10 }, { 2, 0 },	{ 3, 10 }, { 4, 10 },
		       { 4, 0 },  { 5, 10 }, { 8, 10 }, { -1, 10 } };
	struct itimerspec v = { { 0, 0 }, { 1, 0 } };
	struct sigevent other = { .sigev_notify = 4, .sigev_signo = 10 };
	int id = -1;

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		long ret = create(clocks[i], 0, 14, 1, &id);

		say("clock %d: %ld, id %d\n", clocks[i], ret, id);
	}
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		long ret = create(MONO, events[i].notify, events[i].signo, 1, &id);

		say("notify %d signal %d: %ld\n", events[i].notify, events[i].signo, ret);
	}
	other._sigev_un._tid = 1 << 22;
	say("of another thread: %ld\n",
	    sys3(__NR_timer_create, MONO, (long)&other, (long)&id));
	say("no event: %ld\n", sys3(__NR_timer_create, MONO, 0, (long)&id));
	say("nowhere: %ld %ld\n", sys3(__NR_timer_create, MONO, NOWHERE, (long)&id),
	    sys3(__NR_timer_create, MONO, 0, NOWHERE));
	say("bad clock first: %ld\n", sys3(__NR_timer_create, 100, NOWHERE, NOWHERE));
	say("settime: %ld %ld %ld\n", settime(12345, 0, MS, 0, NULL),
	    sys4(__NR_timer_settime, id, 0, 0, 0),
	    sys4(__NR_timer_settime, id, 0, NOWHERE, 0));
	v.it_value.tv_nsec = 1000000000;
	say("... too many ns: %ld", sys4(__NR_timer_settime, id, 0, (long)&v, 0));
	v.it_value.tv_nsec = 0;
	v.it_value.tv_sec = -1;
	say(" less than none: %ld", sys4(__NR_timer_settime, id, 0, (long)&v, 0));
	v.it_value.tv_sec = 1000;
	v.it_interval.tv_nsec = -1;
	say(" interval: %ld", sys4(__NR_timer_settime, id, 0, (long)&v, 0));
	v.it_interval.tv_nsec = 0;
	say(" old nowhere: %ld", sys4(__NR_timer_settime, id, 0, (long)&v, NOWHERE));
	say(" but set: %d\n", left(id, NULL) > 900000 * MS);
	say("gettime: %ld %ld\n", sys3(__NR_timer_gettime, 12345, (long)&v, 0),
	    sys3(__NR_timer_gettime, id, NOWHERE, 0));
	say("getoverrun: %ld %ld\n", sys3(__NR_timer_getoverrun, 12345, 0, 0),
	    sys3(__NR_timer_getoverrun, id, 0, 0));
	say("delete: %ld %ld %ld\n", sys3(__NR_timer_delete, 12345, 0, 0),
	    sys3(__NR_timer_delete, id, 0, 0), sys3(__NR_timer_delete, id, 0, 0));
}

/* Which numbers they get; they aren't used again. */
static void numbers(void)
{
	int a = -1, b = -1, c = -1;

	create(MONO, 1, 0, 0, &a);
	create(MONO, 1, 0, 0, &b);
	sys3(__NR_timer_delete, b, 0, 0);
	create(MONO, 1, 0, 0, &c);
	say("%d %d\n", b - a, c - b);
}

static void once(void)
{
	static const int clocks[] = { 0, 1, 7, 11 };
	int id;

	must_handle(SIGALRM, tell, 0);
	must_handle(RT, tell_bytes, 0);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		create(clocks[i], i % 2 ? 4 : 0, i % 2 ? RT : SIGALRM,
		       (long)0x123456789abcul, &id);
		say("not set: %ld\n", left(id, NULL));
		settime(id, 0, 2 * MS, 0, NULL);
		nap(20 * MS);
		say("then: %ld overrun %ld\n", left(id, NULL),
		    sys3(__NR_timer_getoverrun, id, 0, 0));
	}
	sys3(__NR_timer_create, MONO, 0, (long)&id);
	settime(id, 0, 1, 0, NULL);
	nap(5 * MS);
	say("seen %d\n", seen);
}

/* Its time by the clock, which may have passed already. */
static void absolute(void)
{
	struct timespec now = { 0, 0 };
	int id;

	must_handle(RT, tell, 0);
	for (int clock = 0; clock < 2; clock++) {
		create(clock, 0, RT, clock, &id);
		sys3(__NR_clock_gettime, clock, (long)&now, 0);
		settime(id, 1, ns_of(&now) + 5 * MS, 0, NULL);
		say("soon: %d\n", left(id, NULL) <= 5 * MS);
		nap(20 * MS);
		settime(id, 1, ns_of(&now) - 5 * MS, 0, NULL);
		nap(5 * MS);
		settime(id, 1, 1, 0, NULL);
		nap(5 * MS);
		say("seen %d, left %ld\n", seen, left(id, NULL));
	}
}

/* It is set, asked, set anew and stopped; none of that sends anything. */
static void asked(void)
{
	struct itimerspec old = { { 9, 9 }, { 9, 9 } };
	long interval = 0, ns;
	int id;

	must_handle(RT, tell, 0);
	create(MONO, 0, RT, 1, &id);
	settime(id, 0, 3600000 * MS, 7 * MS, &old);
	say("before: %ld %ld\n", ns_of((const struct timespec *)&old.it_value),
	    ns_of((const struct timespec *)&old.it_interval));
	ns = left(id, &interval);
	say("set: %d %ld\n", ns > 3590000 * MS && ns <= 3600000 * MS, interval);
	settime(id, 0, 1800000 * MS, 0, &old);
	ns = ns_of((const struct timespec *)&old.it_value);
	say("anew: %d %ld\n", ns > 3590000 * MS && ns <= 3600000 * MS,
	    ns_of((const struct timespec *)&old.it_interval));
	ns = left(id, &interval);
	say("then: %d %ld\n", ns > 1790000 * MS && ns <= 1800000 * MS, interval);
	settime(id, 0, 0, 5 * MS, &old);
	ns = left(id, &interval);
	say("stopped: %ld %ld\n", ns, interval);
	settime(id, 0, 0x7fffffffffffffff, 0x7fffffffffffffff, NULL);
	say("for ever: %d\n", left(id, NULL) > 0);
	say("seen %d\n", seen);
}

/* While its signal is blocked intervals pass: once it is told how many, and none is told twice. */
static void overrun(void)
{
	unsigned long set = BIT(RT);
	struct timespec zero = { 0, 0 };
	siginfo_t info = { 0 };
	int id, more;
	long ret;

	block(set, true);
	create(MONO, 0, RT, 77, &id);
	settime(id, 0, 2 * MS, 2 * MS, NULL);
	nap(50 * MS);
	say("pending %lx, left %d, ", pending(), left(id, NULL) <= 2 * MS);
	say("overrun before %ld\n", sys3(__NR_timer_getoverrun, id, 0, 0));
	nap(10 * MS);
	ret = sys4(__NR_rt_sigtimedwait, (long)&set, (long)&info, (long)&zero, sizeof(set));
	more = info.si_overrun;
	say("signal %ld code %d value %lx overruns %d, told again %d\n", ret, info.si_code,
	    (unsigned long)info.si_ptr, more >= 20,
	    sys3(__NR_timer_getoverrun, id, 0, 0) == more);
	settime(id, 0, 0, 0, NULL);
	ret = sys4(__NR_rt_sigtimedwait, (long)&set, (long)&info, (long)&zero, sizeof(set));
	say("stopped: %ld, overrun %ld\n", ret, sys3(__NR_timer_getoverrun, id, 0, 0));
}

/* Its signal is pending when it is set anew, or goes: nobody gets it. */
static void taken_back(void)
{
	struct timespec zero = { 0, 0 };
	unsigned long set = BIT(RT);
	int id, other;

	block(set, true);
	create(MONO, 0, RT, 1, &id);
	create(MONO, 0, RT, 2, &other);
	settime(id, 0, MS, 0, NULL);
	settime(other, 0, 2 * MS, 0, NULL);
	nap(10 * MS);
	sys3(__NR_timer_delete, id, 0, 0);
	must_handle(RT, tell, 0);
	block(set, false);
	say("after delete: seen %d\n", seen);
	block(set, true);
	settime(other, 0, MS, MS, NULL);
	nap(10 * MS);
	settime(other, 0, 3600000 * MS, 0, NULL);
	say("after settime: %ld\n",
	    sys4(__NR_rt_sigtimedwait, (long)&set, 0, (long)&zero, sizeof(set)));
}

/* An old signal comes once from each timer, and from kill if there is none yet. */
static void old_signals(void)
{
	const int me = (int)sys_getpid();
	int id[3];

	block(BIT(SIGUSR1), true);
	for (int i = 0; i < 3; i++) {
		create(MONO, i == 2 ? 4 : 0, SIGUSR1, 10 + i, &id[i]);
		settime(id[i], 0, (i + 1) * MS, 0, NULL);
	}
	nap(20 * MS);
	sys3(__NR_kill, me, SIGUSR1, 0);
	must_handle(SIGUSR1, tell, 0);
	block(BIT(SIGUSR1), false);
	say("seen %d\n", seen);
}

/* Ignored, one with an interval waits until it isn't. */
static void ignored(void)
{
	struct kernel_sigaction {
		unsigned long handler, flags, restorer, mask;
	} ignore = { 1, 0, 0, 0 };
	long interval = 0, ns;
	int id, single;

	sys4(__NR_rt_sigaction, RT, (long)&ignore, 0, 8);
	create(MONO, 0, RT, 3, &id);
	create(MONO, 0, RT, 4, &single);
	settime(id, 0, 2 * MS, 2 * MS, NULL);
	settime(single, 0, 2 * MS, 0, NULL);
	nap(20 * MS);
	ns = left(id, &interval);
	say("left %d of %ld, %ld\n", ns <= 2 * MS, interval / MS, left(single, NULL));
	block(BIT(RT), true);
	say("pending %lx\n", pending());
	block(BIT(RT), false);
	settime(id, 0, 2 * MS, 3600000 * MS, NULL);
	settime(single, 0, 2 * MS, 0, NULL);
	nap(20 * MS);
	say("seen %d\n", seen);
	must_handle(RT, tell, 0);
	say("seen %d\n", seen);
	nap(5 * MS);
	say("seen %d\n", seen);
}

static void by_cpu(void)
{
	static const int clocks[] = { 2, 3, -6, -2 };
	volatile unsigned long n = 0;
	int id;

	must_handle(RT, tell, 0);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (create(clocks[i], 0, RT, (long)i, &id)) {
			say("none\n");
			continue;
		}
		seen = 0;
		settime(id, 0, 20 * MS, 0, NULL);
		nap(60 * MS);
		say("asleep: seen %d\n", seen);
		while (!seen)
			n++;
		say("then %ld\n", left(id, NULL));
	}
}

static void count(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	seen++;
}

/* At work, again and again. */
static void work(void)
{
	unsigned long sum = 0, check = 0;
	int id, cpu;

	must_handle(RT, count, 0);
	create(MONO, 0, RT, 0, &id);
	create(2, 0, RT, 0, &cpu);
	settime(id, 0, MS, MS, NULL);
	settime(cpu, 0, 4 * MS, 4 * MS, NULL);
	for (unsigned long i = 0; seen < 50; i++) {
		sum += i * i;
		check += i * i;
		asm volatile("" : "+r"(sum));
	}
	say("%d\n", sum == check);
}

/* SIGEV_NONE: it is asked about, and sends nothing. */
static void silent(void)
{
	long interval = 0, ns;
	int id, single;

	must_handle(SIGALRM, tell, 0);
	create(MONO, 1, 0, 0, &id);
	create(MONO, 1, 0, 0, &single);
	settime(id, 0, 2 * MS, 3 * MS, NULL);
	settime(single, 0, 2 * MS, 0, NULL);
	nap(20 * MS);
	ns = left(id, &interval);
	say("left %d of %ld, %ld, seen %d\n", ns <= 3 * MS, interval / MS,
	    left(single, NULL), seen);
}

/* ---- signals that carry something */

static long queue(int pid, int sig, int code, long value)
{
	siginfo_t info = { 0 };

	info.si_signo = 5; /* it isn't looked at */
	info.si_errno = 6;
	info.si_code = code;
	info.si_pid = 1234;
	info.si_uid = 5678;
	info.si_ptr = (void *)value;
	return sys3(__NR_rt_sigqueueinfo, pid, sig, (long)&info);
}

static void queued(void)
{
	static const int codes[] = {
		-1, -2, -3, -4, -5, -6, -7, -8, -60, 0, 1, 2, 128, 6, 7
	};
	const int me = (int)sys_getpid();

	must_handle(RT, tell_bytes, 0);
	must_handle(SIGUSR1, tell_bytes, 0);
	must_handle(SIGSEGV, tell_bytes, 0);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		say("code %d: %ld\n", codes[i],
		    queue(me, RT, codes[i], 0x1122334455667788));
		queue(me, SIGUSR1, codes[i], 5);
		queue(me, SIGSEGV, codes[i], 5);
	}
}

/* In order, each with its own value; an old one only once. */
static void in_order(void)
{
	const int me = (int)sys_getpid();

	block(BIT(RT) | BIT(RT + 1) | BIT(SIGUSR1), true);
	for (int i = 0; i < 3; i++) {
		queue(me, RT + 1, -1, 10 + i);
		queue(me, SIGUSR1, -1, 20 + i);
		queue(me, RT, -1, 30 + i);
	}
	sys3(__NR_tkill, (long)sys3(__NR_gettid, 0, 0, 0), RT, 0);
	must_handle(RT, tell_sender, 0);
	must_handle(RT + 1, tell, 0);
	must_handle(SIGUSR1, tell, 0);
	block(BIT(RT) | BIT(RT + 1) | BIT(SIGUSR1), false);
	say("seen %d\n", seen);
}

static void queue_errors(void)
{
	const int me = (int)sys_getpid();
	siginfo_t info = { 0 };

	info.si_code = -1;
	say("sig 0: %ld 65: %ld -1: %ld\n", queue(me, 0, -1, 0), queue(me, 65, -1, 0),
	    queue(me, -1, -1, 0));
	say("nobody: %ld, as the kernel %ld, as kill %ld\n", queue(1 << 22, RT, -1, 0),
	    queue(1 << 22, RT, 5, 0), queue(1 << 22, RT, 0, 0));
	say("nowhere: %ld\n", sys3(__NR_rt_sigqueueinfo, me, RT, NOWHERE));
	info.si_code = -9;
	((char *)&info)[100] = 1;
	say("unknown code, something behind: %ld\n",
	    sys3(__NR_rt_sigqueueinfo, me, RT, (long)&info));
	info.si_code = -1;
	say("of a thread: %ld %ld %ld %ld\n",
	    sys4(__NR_rt_tgsigqueueinfo, me, 1 << 22, RT, (long)&info),
	    sys4(__NR_rt_tgsigqueueinfo, 0, me, RT, (long)&info),
	    sys4(__NR_rt_tgsigqueueinfo, me, -1, RT, (long)&info),
	    sys4(__NR_rt_tgsigqueueinfo, me, me, 0, (long)&info));
	must_handle(RT, tell_bytes, 0);
	sys4(__NR_rt_tgsigqueueinfo, me, me, RT, (long)&info);
}

/* RLIMIT_SIGPENDING: what is beyond it is refused, or only its number is kept. */
static void full(void)
{
	const unsigned long limit[2] = { 5, 5 };
	const int me = (int)sys_getpid();
	int id, n = 0;

	say("limit %ld\n", sys3(__NR_setrlimit, 11, (long)limit, 0));
	block(BIT(RT) | BIT(SIGUSR1) | BIT(RT + 1), true);
	while (n < 100 && !queue(me, RT, -1, n))
		n++;
	say("%d\n", n <= 5); /* natively less, if its user has others */
	say("kill %ld, tkill %ld, timer %ld\n", sys3(__NR_kill, me, RT + 1, 0),
	    sys3(__NR_tkill, (long)sys3(__NR_gettid, 0, 0, 0), SIGUSR1, 0),
	    create(MONO, 0, RT, 0, &id));
	must_handle(RT + 1, tell_bytes, 0);
	must_handle(SIGUSR1, tell_bytes, 0);
	block(BIT(RT + 1) | BIT(SIGUSR1), false);
}

static const struct way ways[] = {
	{ "refusals", refusals },
	{ "numbers", numbers },
	{ "once", once },
	{ "absolute", absolute },
	{ "asked", asked },
	{ "overrun", overrun },
	{ "taken-back", taken_back },
	{ "old", old_signals },
	{ "ignored", ignored },
	{ "cpu", by_cpu },
	{ "work", work },
	{ "silent", silent },
	{ "queued", queued },
	{ "in-order", in_order },
	{ "queue-errors", queue_errors },
	{ "full", full },
};

int main(int argc, char **argv)
{
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY");
}
