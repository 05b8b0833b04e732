/* SPDX-License-Identifier: MIT */
/* clocks.h: what a clockid_t of the payload's stands for, time.c; and times in ns. */
#ifndef LINUX_CLOCKS_H
#define LINUX_CLOCKS_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

struct process;

#define NS_PER_SEC 1000000000ull
/* CPU time is known by ticks, so asking a timer of it more often than this leads nowhere; ns. */
#define CPU_PRECISION 1000000

static inline struct timespec ns_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_SEC),
				  .tv_nsec = (long)(ns % NS_PER_SEC) };
}

static inline struct timeval ns_timeval(uint64_t ns)
{
	return (struct timeval){ .tv_sec = (time_t)(ns / NS_PER_SEC),
				 .tv_usec = (suseconds_t)(ns % NS_PER_SEC / 1000) };
}

/* Of two times the earlier one; 0: never. */
static inline uint64_t earlier(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* linux/posix-timers_types.h: the clock of a pid has these bits. */
#define CPUCLOCK_WHICH 3
#define CPUCLOCK_FD 3
#define CPUCLOCK_PERTHREAD 4
/* ... and that of a file these, kernel/time/posix-timers.h. */
#define CLOCKFD_MASK 7
#define CLOCKFD 3

/* What a clock measures. */
enum clock_kind {
	CLOCK_NONE, /* there is no such clock */
	CLOCK_OF_HOST,
	CLOCK_OF_CPU, /* all CPU time */
	CLOCK_OF_USER,
	CLOCK_OF_BOTH, /* user and system time */
};

enum clock_kind clock_kind(clockid_t clock);
/* A clock of CPU time now, in ns. */
uint64_t clock_cpu_ns(const struct process *p, enum clock_kind kind);

#endif
