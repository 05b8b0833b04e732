/* SPDX-License-Identifier: MIT */
/* itimer.c: setitimer, getitimer, alarm. See itimer.h. */
#include "vmm/linux/itimer.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/clocks.h"
#include "vmm/linux/usage.h"
#include "vmm/observe/clock.h"

/* KTIME_MAX stands for all that is beyond it. */
static uint64_t timeval_ns(struct timeval t)
{
	if ((uint64_t)t.tv_sec >= INT64_MAX / NS_PER_SEC)
		return INT64_MAX;
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_usec * 1000;
}

/* What a timer goes by. */
static uint64_t clock_of(const struct process *p, int which)
{
	struct usage u;

	if (which == ITIMER_REAL)
		return clock_ns();
	usage_get(p, &u);
	return which == ITIMER_VIRTUAL ? u.user : u.cpu;
}

/* TICK_NSEC, which the kernel adds to a CPU timer: set_cpu_itimer() of kernel/time/itimer.c */
static uint64_t tick(void)
{
	struct timespec res = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &res);
	return (uint64_t)res.tv_nsec;
}

static void set(struct process *p, int which, uint64_t value, uint64_t interval)
{
	struct itimer *t = &p->itimer[which];

	*t = (struct itimer){ .interval = interval };
	if (value)
		t->next = clock_of(p, which) + value + (which == ITIMER_REAL ? 0 : tick());
	p->rearm = true;
}

/* One that is due has a little left: itimer_get_remtime(), and a tick, get_cpu_itimer(). */
static uint64_t time_left(const struct process *p, int which)
{
	const struct itimer *t = &p->itimer[which];
	uint64_t now;

	if (!t->next)
		return 0;
	now = clock_of(p, which);
	if (t->next > now)
		return t->next - now;
	return which == ITIMER_REAL ? 1000 : tick();
}

static struct itimerval value_of(const struct process *p, int which)
{
	return (struct itimerval){
		.it_interval = ns_timeval(p->itimer[which].interval),
		.it_value = ns_timeval(time_left(p, which)),
	};
}

static bool timeval_valid(struct timeval t)
{
	return t.tv_sec >= 0 && t.tv_usec >= 0 && t.tv_usec < 1000000;
}

int64_t sys_setitimer(struct process *p, const uint64_t a[6])
{
	const int which = (int)a[0];
	struct itimerval new = { 0 }, old;

	if (a[1]) {
		if (mm_copy_from(p->mm, &new, a[1], sizeof(new)))
			return -EFAULT;
		if (!timeval_valid(new.it_value) || !timeval_valid(new.it_interval))
			return -EINVAL;
	}
	if (which < 0 || which >= ITIMERS)
		return -EINVAL;
	old = value_of(p, which);
	set(p, which, timeval_ns(new.it_value), timeval_ns(new.it_interval));
	return a[2] && mm_copy_to(p->mm, a[2], &old, sizeof(old)) ? -EFAULT : 0;
}

int64_t sys_getitimer(struct process *p, const uint64_t a[6])
{
	const int which = (int)a[0];
	struct itimerval value;

	if (which < 0 || which >= ITIMERS)
		return -EINVAL;
	value = value_of(p, which);
	return mm_copy_to(p->mm, a[1], &value, sizeof(value)) ? -EFAULT : 0;
}

/* Of the seconds that were left, none is 0 but of one that didn't run: alarm_setitimer(). */
int64_t sys_alarm(struct process *p, const uint64_t a[6])
{
	const uint64_t left = time_left(p, ITIMER_REAL);
	uint64_t seconds = left / NS_PER_SEC;
	const uint64_t ns = left % NS_PER_SEC;

	set(p, ITIMER_REAL, (uint32_t)a[0] * NS_PER_SEC, 0);
	if ((!seconds && ns) || ns >= NS_PER_SEC / 2)
		seconds++;
	return (int64_t)seconds;
}

static void expire_one(struct process *p, int which)
{
	static const int signals[ITIMERS] = { SIGALRM, SIGVTALRM, SIGPROF };
	struct itimer *t = &p->itimer[which];

	if (!t->next || clock_of(p, which) < t->next)
		return;
	if (which != ITIMER_REAL) {
		t->next = t->interval ? t->next + t->interval : 0;
	} else {
		t->due = t->interval ? t->next : 0;
		t->next = 0;
	}
	signal_post(p, signals[which]);
}

void itimers_expire(struct process *p)
{
	for (int i = 0; i < ITIMERS; i++)
		expire_one(p, i);
	p->rearm = true;
}

/* By whole intervals from when it was due, so that it doesn't drift: hrtimer_forward(). */
void itimers_taken(struct process *p)
{
	struct itimer *t = &p->itimer[ITIMER_REAL];

	if (!t->due)
		return;
	t->next = t->due + ((clock_ns() - t->due) / t->interval + 1) * t->interval;
	t->due = 0;
	p->rearm = true;
}

void itimers_next(const struct process *p, uint64_t *wall, uint64_t *cpu)
{
	uint64_t left;

	*wall = p->itimer[ITIMER_REAL].next;
	*cpu = 0;
	for (int i = ITIMER_VIRTUAL; i < ITIMERS; i++) {
		if (!p->itimer[i].next)
			continue;
		left = time_left(p, i);
		*cpu = earlier(*cpu, left < CPU_PRECISION ? CPU_PRECISION : left);
	}
}
