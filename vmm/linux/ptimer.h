/* SPDX-License-Identifier: MIT */
/*
 * ptimer.h: POSIX timers, timer_create(2) and its kin; kernel/time/posix-timers.c. As interval timers are,
 * they are looked at when the kick comes: ptimers_next(). One that has sent its signal and has an
 * interval stands still until that is taken, and then goes on by whole intervals: those it missed are its
 * overrun.
 */
#ifndef LINUX_PTIMER_H
#define LINUX_PTIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/linux/clocks.h"
#include "vmm/linux/sigqueue.h"

struct process;

enum ptimer_state {
	PTIMER_STILL, /* not set, or expired and done; or SIGEV_NONE, which is only asked about */
	PTIMER_RUNS,
	PTIMER_SENT, /* its signal isn't taken yet, or is ignored; it has an interval */
};

struct ptimer {
	LIST_ENTRY(ptimer) link;
	int id;
	clockid_t clock; /* whose time it goes by now: common_hrtimer_arm() */
	bool realtime; /* it was made for CLOCK_REALTIME, by which it goes until an absolute time */
	enum clock_kind kind; /* of clock */
	int notify;	      /* SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID */
	enum ptimer_state state;
	uint64_t next; /* ns of its clock: when it expires, or did so last; 0: it wasn't set */
	uint64_t interval;    /* ns; 0: it expires once */
	int64_t overrun;      /* intervals since it expired, less one */
	int64_t overrun_last; /* ... until its signal was taken last: timer_getoverrun(2) */
	struct queued signal; /* what it sends */
	bool queued;	      /* ... and is pending */
};

struct ptimers {
	LIST_HEAD(ptimer_list, ptimer) all;
	unsigned nr;
	int next_id;
};

void ptimers_init(struct ptimers *t);
/* After the queues of signals. */
void ptimers_destroy(struct ptimers *t);

/* Send the signals of those that have expired. */
void ptimers_expire(struct process *p);
/* One's signal was taken: how often it expired since it was sent. It goes on. */
int ptimer_taken(struct process *p, struct ptimer *t);
/* ... was thrown away, for it is ignored by now. */
void ptimer_lost(struct ptimer *t);
/* The signal isn't ignored any more: what those with an interval would have sent is. */
void ptimers_heeded(struct process *p, int signo);

/* When a kick is wanted for them, as itimers_next() has it; what is there stays if it is earlier. */
void ptimers_next(const struct process *p, uint64_t *wall, uint64_t *cpu);

#endif
