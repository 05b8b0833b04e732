/* SPDX-License-Identifier: MIT */
/*
 * itimer.h: interval timers, by the wall clock, user time and CPU time; kernel/time/itimer.c. They are
 * looked at when the kick comes, which who runs the vCPU sees to: itimers_next().
 */
#ifndef LINUX_ITIMER_H
#define LINUX_ITIMER_H

#include <stdbool.h>
#include <stdint.h>

struct process;

/* Times by the timer's clock, in ns. */
struct itimer {
	uint64_t next;	   /* when it expires; 0: it doesn't run */
	uint64_t interval; /* 0: it does so once */
	uint64_t due; /* ITIMER_REAL: when it expired; it goes on when its SIGALRM is taken; or 0 */
};

/* ITIMER_REAL, by CLOCK_MONOTONIC; ITIMER_VIRTUAL, by usage.user; ITIMER_PROF, by usage.cpu. */
#define ITIMERS 3

/* Send the signals of those that have expired. */
void itimers_expire(struct process *p);
/* A SIGALRM was taken. */
void itimers_taken(struct process *p);
/*
 * When a kick is wanted: at *wall of CLOCK_MONOTONIC, and when the thread has used *cpu ns more; 0:
 * never.
 */
void itimers_next(const struct process *p, uint64_t *wall, uint64_t *cpu);

#endif
