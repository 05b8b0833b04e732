/* SPDX-License-Identifier: MIT */
/*
 * oncpu.h: how much of a thread's time it had no CPU, for time that is cut into intervals. The
 * thread's CPU clock costs a system call, so it is asked at the end of long intervals only: short
 * ones are taken to have had the CPU, and what the clock says beyond them is the long one's.
 */
#ifndef OBSERVE_ONCPU_H
#define OBSERVE_ONCPU_H

#include "vmm/observe/clock.h"

/* Longer than an exit and what follows it; shorter than most preemptions. */
#define ONCPU_LONG_NS 100000u

struct oncpu {
	uint64_t asked; /* what the CPU clock said last */
	uint64_t since; /* ns of intervals since then */
};

static inline uint64_t oncpu_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline void oncpu_begin(struct oncpu *o)
{
	*o = (struct oncpu){ .asked = oncpu_clock() };
}

/* An interval of so many ns ends now; of them, those without a CPU. */
static inline uint64_t oncpu_off(struct oncpu *o, uint64_t ns)
{
	uint64_t now, used;

	if (ns < ONCPU_LONG_NS) {
		o->since += ns;
		return 0;
	}
	now = oncpu_clock();
	used = now - o->asked;
	used = used > o->since ? used - o->since : 0;
	*o = (struct oncpu){ .asked = now };
	return ns > used ? ns - used : 0;
}

#endif
