/* SPDX-License-Identifier: MIT */
/*
 * sleep.h: waiting for time to pass. The kick must be able to end it, so it is a wait for a timerfd
 * and for the kick together; and a call that was interrupted by it is made again, so when it ends
 * is noted in the process.
 */
#ifndef LINUX_SLEEP_H
#define LINUX_SLEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct process;

/* A sleep under way, whose call was interrupted. */
struct sleep {
	bool on;
	bool forever;
	clockid_t clock; /* of the host */
	struct timespec until;
};

/* timespec64_valid() */
static inline bool timespec_valid(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

/* itimerspec64_valid() */
static inline bool itimerspec_valid(const struct itimerspec *t)
{
	return timespec_valid(&t->it_value) && timespec_valid(&t->it_interval);
}

/*
 * Until `time` by that clock (CLOCK_REALTIME, MONOTONIC, BOOTTIME, TAI), or for so long: 0. NULL: for
 * ever. -ERESTARTSYS: interrupted; when the call is made again, what it gives isn't looked at, the sleep goes on. -errno.
 */
int sleep_until(struct process *p, clockid_t clock, bool absolute,
		const struct timespec *time);

/* How much of the sleep under way is left; false: nothing. */
bool sleep_left(const struct process *p, struct timespec *left);

#endif
