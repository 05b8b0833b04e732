/* SPDX-License-Identifier: MIT */
/* timerfd.c WAY: timers that are files. It says what it saw, natively the same. */
#include "payloads/try.h"
#include "payloads/ways.h"

#include <linux/eventpoll.h>
#include <linux/poll.h>
#include <linux/time.h>
#include <linux/timerfd.h>

#define MS 1000000
#define NOT_THERE 99
#define NEVER 1000

static unsigned long ticks;
static char page[PAGE_SIZE];

static struct itimerspec spec(long sec, long nsec, long interval)
{
	return (struct itimerspec){ .it_value = { sec, nsec },
				    .it_interval = { interval / (1000 * MS),
						     interval % (1000 * MS) } };
}

static int new_timer(int clock, int flags)
{
	return (int)CALL(timerfd_create, clock, flags);
}

static long arm(int fd, int flags, long sec, long nsec, long interval)
{
	const struct itimerspec new = spec(sec, nsec, interval);

	return CALL(timerfd_settime, fd, flags, &new, 0);
}

static void create(void)
{
	static const int no_clocks[] = { -1, -2, 2, 3, 4, 5, 6, 10, 11, 12 };
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(no_clocks); i++)
		TRY(timerfd_create, no_clocks[i], 0);
	TRY(timerfd_create, CLOCK_MONOTONIC, 1);
	TRY(timerfd_create, CLOCK_REALTIME, TFD_NONBLOCK | O_APPEND);
	fd = new_timer(CLOCK_REALTIME, 0);
	TRY(fcntl, fd, F_GETFD);
	TRY(fcntl, fd, F_GETFL);
	fd = new_timer(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	TRY(fcntl, fd, F_GETFD);
	TRY(fcntl, fd, F_GETFL);
	TRY(read, fd, &ticks, 8);
	TRY(write, fd, &ticks, 8);
}

static void errors(void)
{
	const struct itimerspec good = spec(NEVER, 0, 0), negative = spec(-1, 0, 0),
				nsec = spec(0, 1000 * MS, 0), interval = spec(1, 0, -1);
	int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK), fds[2] = { -1, -1 };
	const int event = (int)CALL(eventfd2, 0, 0);
	struct itimerspec old;

	TRY(pipe2, fds, 0);
	TRY(timerfd_settime, fd, 0, BAD, 0);
	TRY(timerfd_settime, fd, 0, 0, 0);
	TRY(timerfd_settime, NOT_THERE, 4, BAD, 0);
	TRY(timerfd_settime, NOT_THERE, 4, &good, 0);
	TRY(timerfd_settime, NOT_THERE, 0, &negative, 0);
	TRY(timerfd_settime, NOT_THERE, 0, &good, 0);
	TRY(timerfd_settime, fds[0], 0, &good, 0);
	TRY(timerfd_settime, event, 0, &good, 0);
	TRY(timerfd_settime, 0, 0, &good, 0);
	TRY(timerfd_settime, fd, 4, &good, 0);
	TRY(timerfd_settime, fd, 0, &negative, 0);
	TRY(timerfd_settime, fd, 0, &nsec, 0);
	TRY(timerfd_settime, fd, 0, &interval, 0);
	TRY(timerfd_gettime, NOT_THERE, BAD);
	TRY(timerfd_gettime, event, BAD);
	TRY(timerfd_gettime, fd, BAD);
	TRY(timerfd_gettime, fd, &old);
	say("runs: %d\n", old.it_value.tv_sec || old.it_value.tv_nsec);
	/* set, however little becomes of the old one */
	TRY(timerfd_settime, fd, 0, &good, BAD);
	TRY(timerfd_gettime, fd, &old);
	say("runs: %d\n", old.it_value.tv_sec >= NEVER - 100);
}

static void values(void)
{
	const struct itimerspec new = spec(NEVER, 0, 7000l * MS + 5);
	const int fd = new_timer(CLOCK_MONOTONIC, 0);
	struct itimerspec old;

	TRY(timerfd_settime, fd, 0, &new, &old);
	say("%ld.%ld each %ld.%ld\n", old.it_value.tv_sec, old.it_value.tv_nsec,
	    old.it_interval.tv_sec, old.it_interval.tv_nsec);
	TRY(timerfd_gettime, fd, &old);
	say("%d each %ld.%ld\n", old.it_value.tv_sec >= NEVER - 100, old.it_interval.tv_sec,
	    old.it_interval.tv_nsec);
	say("stopped: %ld\n", arm(fd, 0, 0, 0, 3));
	TRY(timerfd_gettime, fd, &old);
	say("%ld.%ld each %ld.%ld\n", old.it_value.tv_sec, old.it_value.tv_nsec,
	    old.it_interval.tv_sec, old.it_interval.tv_nsec);
}

/* Blocking, by each clock, for so long and until then. */
static void expire(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct timespec before, now;
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		fd = new_timer(clocks[i], 0);
		sys_clock_gettime(clocks[i], &before);
		arm(fd, 0, 0, 10 * MS, 0);
		say("for: %ld ", CALL(read, fd, &ticks, 8));
		sys_clock_gettime(clocks[i], &now);
		say("%lu %d\n", ticks,
		    (now.tv_sec - before.tv_sec) * 1000 * MS + now.tv_nsec -
				    before.tv_nsec >=
			    10 * MS);
		before = now;
		before.tv_sec++;
		arm(fd, TFD_TIMER_ABSTIME, before.tv_sec, 0, 0);
		say("until: %ld ", CALL(read, fd, &ticks, 8));
		sys_clock_gettime(clocks[i], &now);
		say("%lu %d\n", ticks, now.tv_sec >= before.tv_sec);
	}
	say("long ago: %ld ", arm(fd, TFD_TIMER_ABSTIME, 0, 1, 0));
	say("%ld\n", CALL(read, fd, &ticks, 8));
	fd = new_timer(CLOCK_REALTIME, 0);
	say("unless set: %ld ",
	    arm(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, 0, 1, 0));
	say("%ld %lu\n", CALL(read, fd, &ticks, 8), ticks);
}

static void reads(void)
{
	const int fd = new_timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	const struct timespec some = { 0, 10 * MS };
	const struct iovec halves[] = { { page, 4 }, { page + 8, 4 } };
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	TRY(read, fd, &ticks, 8);
	arm(fd, 0, 0, 1, 0);
	say("poll: %ld\n", CALL(poll, &ready, 1, -1));
	TRY(read, fd, &ticks, 7);
	TRY(read, fd, page, 16);
	TRY(read, fd, &ticks, 8);
	arm(fd, 0, 0, 1, 0);
	say("poll: %ld\n", CALL(poll, &ready, 1, -1));
	TRY(readv, fd, halves, 2);
	say("%d %d\n", page[0], page[8]);
	arm(fd, 0, 0, 1, MS);
	CALL(nanosleep, &some, 0);
	say("%ld ", CALL(read, fd, &ticks, 8));
	say("%d\n", ticks >= 9);
	/* what has expired is forgotten when it is set */
	say("poll: %ld\n", CALL(poll, &ready, 1, -1));
	say("set: %ld ", arm(fd, 0, NEVER, 0, 0));
	say("%ld\n", CALL(read, fd, &ticks, 8));
}

static void waits(void)
{
	const int fd = new_timer(CLOCK_MONOTONIC, 0), ep = (int)CALL(epoll_create1, 0);
	struct epoll_event in = { EPOLLIN | EPOLLET, 7 }, out;
	struct pollfd ready = { .fd = fd, .events = POLLIN | POLLOUT };
	unsigned long set[16] = { 1ul << fd };

	TRY(epoll_ctl, ep, EPOLL_CTL_ADD, fd, &in);
	say("poll: %ld\n", CALL(poll, &ready, 1, 0));
	arm(fd, 0, 0, 5 * MS, 0);
	say("select: %ld %d\n", CALL(select, fd + 1, set, 0, 0, 0), set[0] == 1ul << fd);
	say("poll: %ld ", CALL(poll, &ready, 1, -1));
	say("%x\n", ready.revents);
	say("epoll: %ld ", CALL(epoll_wait, ep, &out, 1, -1));
	say("%x %lx\n", out.events, (unsigned long)out.data);
	say("again: %ld\n", CALL(epoll_wait, ep, &out, 1, 0));
	arm(fd, 0, 0, 5 * MS, 0);
	say("next: %ld\n", CALL(epoll_wait, ep, &out, 1, -1));
}

static void shared(void)
{
	const int fd = new_timer(CLOCK_MONOTONIC, 0), other = (int)CALL(dup, fd);
	struct itimerspec left;

	arm(other, 0, NEVER, 0, 0);
	TRY(timerfd_gettime, fd, &left);
	say("runs: %d\n", left.it_value.tv_sec >= NEVER - 100);
	TRY(close, fd);
	arm(other, 0, 0, MS, 0);
	TRY(read, other, &ticks, 8);
	TRY(fcntl, other, F_SETFL, O_NONBLOCK);
	TRY(read, other, &ticks, 8);
	TRY(close, other);
	TRY(timerfd_gettime, other, &left);
}

static const struct way ways[] = {
	{ "create", create }, { "errors", errors }, { "values", values },
	{ "expire", expire }, { "reads", reads },   { "waits", waits },
	{ "shared", shared },
};

int main(int argc, char **argv)
{
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY");
}
