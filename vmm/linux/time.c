/* SPDX-License-Identifier: MIT */
/* time.c: clocks. They are the host's. */
#include <errno.h>
#include <time.h>

#include "vmm/linux/calls.h"

int64_t sys_clock_gettime(struct process *p, const uint64_t a[6])
{
	clockid_t clock = (clockid_t)a[0];
	struct timespec ts;

	/* negative ones name a clock of a pid or an fd, which would be ours */
	if (clock < 0)
		return -EINVAL;
	/* the payload's one thread is this one; our others are none of its business */
	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		clock = CLOCK_THREAD_CPUTIME_ID;
	if (clock_gettime(clock, &ts))
		return -errno;
	return mm_copy_to(p->mm, a[1], &ts, sizeof(ts)) ? -EFAULT : 0;
}
