/* SPDX-License-Identifier: MIT */
/* wait.c: times and signal masks of calls that wait for several files. See wait.h. */
#include "vmm/linux/wait.h"

#include <errno.h>

#include "vmm/linux/sigstack.h"
#include "vmm/linux/sleep.h"
#include "vmm/linux/stream.h"

/* As many as there are numbers for. */
static int64_t in_ns(const struct timespec *t)
{
	int64_t ns;

	if (__builtin_mul_overflow(t->tv_sec, NSEC_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, t->tv_nsec, &ns))
		return INT64_MAX;
	return ns;
}

int wait_time(struct process *p, struct wait_time *t)
{
	struct timespec at;

	t->ns = WAIT_FOREVER;
	if (!t->gva)
		return 0;
	if (mm_copy_from(p->mm, &at, t->gva, sizeof(at)))
		return -EFAULT;
	if (t->micro) { /* kern_select() takes more than a second of them */
		/* too many become less than 0, as in the kernel, where sums wrap */
		(void)__builtin_add_overflow(at.tv_sec, at.tv_nsec / 1000000, &at.tv_sec);
		at.tv_nsec = at.tv_nsec % 1000000 * 1000;
	}
	if (!timespec_valid(&at))
		return -EINVAL;
	t->ns = in_ns(&at);
	return 0;
}

int64_t wait_ms(uint64_t arg)
{
	const int ms = (int)arg;

	return ms < 0 ? WAIT_FOREVER : ms * 1000000ll;
}

int wait_mask(struct process *p, gva_t mask, uint64_t size)
{
	struct signals *s = &p->signals;
	uint64_t set;

	if (!mask)
		return 0;
	if (size != sizeof(set))
		return -EINVAL;
	if (mm_copy_from(p->mm, &set, mask, sizeof(set)))
		return -EFAULT;
	if (!s->has_saved) /* else the call is made again */
		s->saved = s->blocked;
	s->has_saved = true;
	set_blocked(p, set);
	return 0;
}

int64_t wait_begin(struct process *p, int64_t ns)
{
	int64_t until = p->wait_until;

	p->wait_until = 0;
	if (until)
		return until;
	if (ns == WAIT_FOREVER)
		return WAIT_FOREVER;
	return ns ? stream_deadline(ns) : 0;
}

/*
 * Interrupted, it is made again until the same time, but not after a handler, whatever SA_RESTART
 * says; signal(7). The mask stays until then: with the old one, what has interrupted might be blocked,
 * and what is to wait might not. The handler's frame restores it, as in sigsuspend.
 */
int64_t wait_end(struct process *p, int64_t result, int64_t until)
{
	const bool interrupted = result == -ERESTARTSYS;

	if (!interrupted)
		signals_restore_mask(p);
	p->wait_until = interrupted ? until : 0;
	return interrupted ? -ERESTARTNOHAND : result;
}
