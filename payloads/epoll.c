/* SPDX-License-Identifier: MIT */
/*
 * epoll.c WAY [FILE]: epoll over all kinds of files, and waits whose signal mask is another. It says
 * what it saw, natively the same. FILE is a regular one; 0 is a pipe that nobody writes to.
 */
#include "payloads/try.h"

#include <linux/eventpoll.h>
#include <linux/poll.h>
#include <linux/time.h>

#define BIT(sig) (1ul << ((sig)-1))
#define MS 1000
#define NOT_THERE 99
#define MANY 30

static struct epoll_event events[8];
static char page[PAGE_SIZE];
static int seen;

static struct epoll_event event(unsigned mask, unsigned long data)
{
	return (struct epoll_event){ mask, data };
}

static long ctl(const char *what, int ep, int op, int fd, unsigned mask, unsigned long data)
{
	struct epoll_event e = event(mask, data);

	return show(what, CALL(epoll_ctl, ep, op, fd, &e));
}
#define CTL(...) ctl("ctl(" #__VA_ARGS__ ")", __VA_ARGS__)

/* What is ready now. */
static void ready(int ep, int max)
{
	long n = CALL(epoll_wait, ep, events, max, 0);

	say("ready: %ld\n", n);
	for (long i = 0; i < n; i++)
		say("  %x %lx\n", events[i].events, (unsigned long)events[i].data);
}

static int new_epoll(void)
{
	return (int)CALL(epoll_create1, 0);
}

static void errors(const char *name)
{
	int fds[2] = { -1, -1 }, file = must_open(name, O_RDONLY, NULL),
	    path = must_open(name, O_PATH, NULL);
	int ep, other;

	TRY(epoll_create, 0);
	TRY(epoll_create, -1);
	TRY(epoll_create1, 1);
	ep = (int)TRY(epoll_create, 1);
	other = (int)TRY(epoll_create1, EPOLL_CLOEXEC);
	TRY(fcntl, ep, F_GETFD);
	TRY(fcntl, other, F_GETFD);
	TRY(fcntl, ep, F_GETFL);
	TRY(pipe2, fds, 0);
	CTL(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0);
	CTL(ep, EPOLL_CTL_ADD, path, EPOLLIN, 0);
	CTL(ep, EPOLL_CTL_ADD, NOT_THERE, EPOLLIN, 0);
	CTL(ep, EPOLL_CTL_ADD, -1, EPOLLIN, 0);
	CTL(NOT_THERE, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0);
	CTL(fds[0], EPOLL_CTL_ADD, fds[1], EPOLLIN, 0);
	CTL(fds[0], EPOLL_CTL_ADD, file, EPOLLIN, 0);
	CTL(file, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0);
	CTL(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0);
	CTL(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN, 0);
	CTL(ep, EPOLL_CTL_DEL, fds[0], 0, 0);
	CTL(ep, 77, fds[0], EPOLLIN, 0);
	TRY(epoll_ctl, ep, EPOLL_CTL_ADD, fds[0], BAD);
	TRY(epoll_ctl, NOT_THERE, EPOLL_CTL_ADD, fds[0], BAD);
	TRY(epoll_ctl, ep, EPOLL_CTL_DEL, fds[0], BAD);
	CTL(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE, 1);
	CTL(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN, 1);
	CTL(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLEXCLUSIVE, 1);
	CTL(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1);
	CTL(ep, EPOLL_CTL_ADD, fds[1], EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT, 1);
	CTL(ep, EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE, 1);
	TRY(epoll_wait, ep, page, 0, 0);
	TRY(epoll_wait, ep, page, -1, 0);
	TRY(epoll_wait, ep, page, 0x7fffffff, 0);
	TRY(epoll_wait, ep, BAD, 1, 0);
	TRY(epoll_wait, NOT_THERE, page, 1, 0);
	TRY(epoll_wait, NOT_THERE, BAD, 1, 0);
	TRY(epoll_wait, fds[0], page, 1, 0);
	TRY(epoll_wait, path, page, 1, 0);
	TRY(epoll_pwait, ep, page, 1, 0, page, 4);
	TRY(epoll_pwait, ep, page, 1, 0, BAD, 8);
	TRY(epoll_pwait2, ep, page, 1, BAD, NULL, 0);
	TRY(epoll_pwait2, ep, page, 1, (&(struct timespec){ 0, -1 }), NULL, 0);
	TRY(epoll_pwait2, ep, page, 1, (&(struct timespec){ 0, 1000 }), NULL, 0);
	TRY(epoll_wait, ep, page, 1, 5);
	TRY(read, ep, page, 1);
	TRY(write, ep, page, 1);
}

/* Level and edge, once only, changed, and gone with its file. */
static void states(void)
{
	const unsigned long one = 1;
	int fds[2] = { -1, -1 }, ep = new_epoll(), count = (int)CALL(eventfd2, 0, 0);

	CALL(pipe2, fds, 0);
	CTL(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0x1111111122222222);
	CTL(ep, EPOLL_CTL_ADD, fds[1], EPOLLOUT | EPOLLET, 2);
	CTL(ep, EPOLL_CTL_ADD, count, EPOLLIN | EPOLLONESHOT, 3);
	ready(ep, 8);
	ready(ep, 8);
	CALL(write, fds[1], "x", 1);
	CALL(write, count, &one, sizeof(one));
	ready(ep, 8);
	ready(ep, 8);
	CTL(ep, EPOLL_CTL_MOD, count, EPOLLIN | EPOLLOUT | EPOLLWAKEUP, 4);
	ready(ep, 1);
	ready(ep, 1);
	ready(ep, 8);
	CALL(read, fds[0], page, 1);
	sys_close(fds[1]);
	ready(ep, 8);
	CTL(ep, EPOLL_CTL_DEL, count, 0, 0);
	CTL(ep, EPOLL_CTL_DEL, count, 0, 0);
	sys_close(fds[0]);
	ready(ep, 8);
	sys_close(ep);
}

/* What is registered is an open file and a number, and lasts as long as the open file. */
static void numbers(void)
{
	int fds[2] = { -1, -1 }, ep = new_epoll(), twin, copy;

	CALL(pipe2, fds, 0);
	CALL(write, fds[1], "x", 1);
	twin = (int)TRY(dup, fds[0]);
	CTL(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1);
	CTL(ep, EPOLL_CTL_MOD, twin, EPOLLIN, 2);
	CTL(ep, EPOLL_CTL_DEL, twin, EPOLLIN, 2);
	CTL(ep, EPOLL_CTL_ADD, twin, EPOLLIN, 2);
	CTL(ep, EPOLL_CTL_ADD, twin, EPOLLIN, 2);
	ready(ep, 8);
	sys_close(fds[0]);
	ready(ep, 8);
	CTL(ep, EPOLL_CTL_DEL, fds[0], 0, 0);
	copy = (int)TRY(dup2, fds[1], fds[0]);
	CTL(ep, EPOLL_CTL_MOD, copy, EPOLLIN, 3);
	CTL(ep, EPOLL_CTL_ADD, copy, EPOLLOUT, 4);
	CTL(ep, EPOLL_CTL_DEL, twin, 0, 0);
	ready(ep, 8);
	sys_close(twin);
	ready(ep, 8);
	TRY(dup2, ep, 50);
	sys_close(ep);
	ready(50, 8);
	CTL(50, EPOLL_CTL_DEL, copy, 0, 0);
	ready(50, 8);
	/* 1 stays open outside, but not here */
	twin = (int)CALL(dup, 0);
	sys_close(0);
	CTL(50, EPOLL_CTL_ADD, twin, EPOLLIN, 5);
	sys_close(twin);
	CTL(50, EPOLL_CTL_DEL, twin, 0, 0);
	ready(50, 8);
}

static void nested(void)
{
	struct pollfd poll = { .events = POLLIN };
	int fds[2] = { -1, -1 }, in = new_epoll(), out = new_epoll();

	CALL(pipe2, fds, 0);
	CTL(out, EPOLL_CTL_ADD, in, EPOLLIN, 1);
	CTL(in, EPOLL_CTL_ADD, out, EPOLLIN, 1);
	CTL(in, EPOLL_CTL_ADD, fds[0], EPOLLIN, 2);
	ready(out, 8);
	CALL(write, fds[1], "x", 1);
	ready(out, 8);
	ready(in, 8);
	poll.fd = out;
	TRY(poll, &poll, 1, 0);
	say("%x\n", poll.revents);
	sys_close(in);
	ready(out, 8);
	TRY(poll, &poll, 1, 0);
}

/* An event that there is no memory for is there the next time. */
static void no_memory(void)
{
	char *at = must_map(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int fds[2] = { -1, -1 }, ep = new_epoll();

	sys_munmap(at + PAGE_SIZE, PAGE_SIZE);
	CALL(pipe2, fds, 0);
	CTL(ep, EPOLL_CTL_ADD, fds[1], EPOLLOUT | EPOLLET, 1);
	TRY(epoll_wait, ep, 0x1000, 1, 0);
	TRY(epoll_wait, ep, at + PAGE_SIZE - 12, 8, 0);
	TRY(epoll_wait, ep, at, 8, 0);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	const struct ucontext *uc = context;

	(void)info;
	seen++;
	say("signal %d mask %lx\n", sig, uc->uc_sigmask);
}

static void set_alarm(long usec)
{
	const struct itimerval v = { { 0, 0 }, { 0, usec } };

	sys3(__NR_setitimer, 0, (long)&v, 0);
}

static void show_mask(void)
{
	unsigned long now = 0;

	CALL(rt_sigprocmask, 0, NULL, &now, 8);
	say("blocked %lx seen %d\n", now, seen);
}

static const unsigned long open_mask, closed_mask = BIT(SIGALRM) | BIT(SIGUSR1);
static const struct timespec soon = { 0, 60000000 };

/* Each way to wait for fd with a mask: blocked signals interrupt it, those blocked by it don't. */
static void each_wait(const char *when, int ep, int fd, const unsigned long *mask,
		      bool timer)
{
	for (int i = 0; i < 4; i++) {
		const unsigned long arg[2] = { (unsigned long)mask, 8 };
		struct timespec t = soon;
		struct pollfd poll = { .fd = fd, .events = POLLIN };
		unsigned long set = 1ul << (fd & 63);
		long n;

		if (timer)
			set_alarm(20 * MS);
		else
			CALL(kill, sys_getpid(), SIGUSR1);
		if (i == 0)
			n = CALL(ppoll, &poll, 1, &t, mask, 8);
		else if (i == 1)
			n = CALL(pselect6, fd + 1, &set, 0, 0, &t, arg);
		else if (i == 2)
			n = CALL(epoll_pwait, ep, events, 8, 60, mask, 8);
		else
			n = CALL(epoll_pwait2, ep, events, 8, &t, mask, 8);
		say("%s %d: %ld\n", when, i, n);
		show_mask();
	}
}

static void masks(void)
{
	int fds[2] = { -1, -1 }, ep = new_epoll();

	CALL(pipe2, fds, 0);
	CTL(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1);
	must_handle(SIGALRM, on_signal, SA_RESTART);
	must_handle(SIGUSR1, on_signal, 0);
	each_wait("open to a timer", ep, fds[0], &open_mask, true);
	each_wait("closed to a timer", ep, fds[0], &closed_mask, true);
	CALL(rt_sigprocmask, SIG_BLOCK, &closed_mask, NULL, 8);
	each_wait("blocked, open to a timer", ep, fds[0], &open_mask, true);
	each_wait("blocked, open to what is pending", ep, fds[0], &open_mask, false);
	each_wait("without", ep, fds[0], NULL, false);
	CALL(write, fds[1], "x", 1);
	each_wait("ready and pending", ep, fds[0], &open_mask, false);
	say("%ld\n", CALL(epoll_pwait, NOT_THERE, events, 8, -1, &open_mask, 8));
	show_mask();
}

/* Interrupted by a handler, with SA_RESTART or not, it ends; ignored signals are none. */
static void waits(void)
{
	int fds[2] = { -1, -1 }, ep = new_epoll();

	CALL(pipe2, fds, 0);
	CTL(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1);
	for (int i = 0; i < 2; i++) {
		must_handle(SIGALRM, on_signal, i ? SA_RESTART : 0);
		set_alarm(20 * MS);
		TRY(epoll_wait, ep, events, 8, -1);
		set_alarm(20 * MS);
		TRY(epoll_pwait, ep, events, 8, 100000, NULL, 0);
		set_alarm(20 * MS);
		TRY(epoll_pwait2, ep, events, 8, NULL, NULL, 0);
	}
	must_handle(SIGALRM, (void *)1, 0);
	set_alarm(20 * MS);
	TRY(epoll_wait, ep, events, 8, 60);
}

/* As many epolls as files, each to watch all of them: how many can be registered. */
static void fill(const int *files, int n)
{
	struct epoll_event e = event(EPOLLIN, 0);
	int eps[MANY];
	long count = 0, err = 0;

	for (int i = 0; i < n; i++)
		eps[i] = new_epoll();
	for (int i = 0; i < n * n && !err; i++) {
		err = CALL(epoll_ctl, eps[i / n], EPOLL_CTL_ADD, files[i % n], &e);
		count += !err;
	}
	say("%ld are watched, then %ld\n", count, err);
	for (int i = 0; i < n; i++)
		sys_close(eps[i]);
}

/* ... twice, so that what was closed counts no more: of files, then of numbers for one file. */
static void many(void)
{
	int files[MANY];

	for (int i = 0; i < MANY; i++)
		files[i] = (int)CALL(eventfd2, 0, 0);
	fill(files, MANY);
	fill(files, MANY);
	for (int i = 1; i < MANY; i++)
		CALL(dup2, files[0], files[i]);
	fill(files, MANY);
	fill(files, MANY);
}

/* All that can be registered stays so. */
static void keep(void)
{
	struct epoll_event e = event(EPOLLIN, 0);
	int files[MANY];

	for (int i = 0; i < MANY; i++)
		files[i] = (int)(i ? CALL(dup, files[0]) : CALL(eventfd2, 0, 0));
	for (int i = 0, ep; i < MANY; i++) {
		ep = new_epoll();
		for (int k = 0; k < MANY; k++)
			CALL(epoll_ctl, ep, EPOLL_CTL_ADD, files[k], &e);
	}
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	CALL(close_range, 3, ~0u, 0); /* whatever it was started with */
	if (!strcmp(way, "errors") && argc == 3)
		errors(argv[2]);
	else if (!strcmp(way, "states"))
		states();
	else if (!strcmp(way, "numbers"))
		numbers();
	else if (!strcmp(way, "nested"))
		nested();
	else if (!strcmp(way, "no-memory"))
		no_memory();
	else if (!strcmp(way, "masks"))
		masks();
	else if (!strcmp(way, "waits"))
		waits();
	else if (!strcmp(way, "many"))
		many();
	else if (!strcmp(way, "keep"))
		keep();
	else
		usage("errors FILE|states|numbers|nested|no-memory|masks|waits|many|keep");
	return 0;
}
