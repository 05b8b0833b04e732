/* SPDX-License-Identifier: MIT */
/* clock.h: the time that all measurements and limits are taken by. */
#ifndef OBSERVE_CLOCK_H
#define OBSERVE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in ns: by the vDSO, without a system call. */
static inline uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
