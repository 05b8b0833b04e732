/* SPDX-License-Identifier: MIT */
/*
 * wait.h: what the calls that wait for several files share: poll, select, epoll_wait.
 *
 * A call that was interrupted is made again from its start, but waits no longer in all:
 * process.wait_until.
 */
#ifndef LINUX_WAIT_H
#define LINUX_WAIT_H

#include "vmm/linux/calls.h"

#define WAIT_FOREVER (-1)
#define NSEC_PER_SEC 1000000000ll
#define NSEC_PER_MSEC 1000000ll

/* A time as the payload has it; of select and ppoll, what is left goes back there. */
struct wait_time {
	gva_t gva;  /* 0: for ever */
	bool micro; /* struct timeval, else timespec */
	int64_t ns;
};

/* Read it. 0 or -errno. */
int wait_time(struct process *p, struct wait_time *t);
/* An argument of so many ms, in ns; less than 0: for ever. */
int64_t wait_ms(uint64_t arg);

/*
 * The signals that are blocked for the time of the call: set_user_sigmask(). Nothing comes between
 * that and the wait, so that no signal is missed. 0 or -errno; wait_end() must follow.
 */
int wait_mask(struct process *p, gva_t mask, uint64_t size);

/* Until when a call of now, or one that is made again, waits. 0: not at all. */
int64_t wait_begin(struct process *p, int64_t ns);

/* What the call gives; the mask is as it was, or will be, once a handler has run. */
int64_t wait_end(struct process *p, int64_t result, int64_t until);

#endif
