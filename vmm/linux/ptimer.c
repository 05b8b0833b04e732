/* SPDX-License-Identifier: MIT */
/* ptimer.c: timer_create, timer_settime, timer_gettime, timer_getoverrun, timer_delete. See ptimer.h. */
#include "vmm/linux/ptimer.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/sleep.h"

void ptimers_init(struct ptimers *t)
{
	*t = (struct ptimers){ .nr = 0 };
	LIST_INIT(&t->all);
}

void ptimers_destroy(struct ptimers *t)
{
	struct ptimer *at, *next;

	for (at = LIST_FIRST(&t->all); at; at = next) {
		next = LIST_NEXT(at, link);
		free(at);
	}
	ptimers_init(t);
}

/* ---- times */

/* KTIME_MAX stands for all that is beyond it. */
static uint64_t timespec_ns(const struct timespec *t)
{
	if ((uint64_t)t->tv_sec >= INT64_MAX / NS_PER_SEC)
		return INT64_MAX;
	return (uint64_t)t->tv_sec * NS_PER_SEC + (uint64_t)t->tv_nsec;
}

static uint64_t host_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return timespec_ns(&now);
}

/* Clocks as they were read: once, however many timers go by them. */
struct times {
	uint64_t host[CLOCK_TAI + 1],
		cpu[CLOCK_OF_BOTH + 1]; /* by clock, by kind; 0: not yet */
};

static uint64_t time_of(const struct process *p, const struct ptimer *t,
			struct times *times)
{
	uint64_t *at = t->kind == CLOCK_OF_HOST ? &times->host[t->clock]
						: &times->cpu[t->kind];

	if (!*at)
		*at = t->kind == CLOCK_OF_HOST ? host_ns(t->clock)
					       : clock_cpu_ns(p, t->kind);
	return *at;
}

static uint64_t now_of(const struct process *p, const struct ptimer *t)
{
	return time_of(p, t, &(struct times){ .host = { 0 } });
}

/* ktime_add_safe() */
static uint64_t later(uint64_t ns, uint64_t by)
{
	return ns > INT64_MAX - by ? INT64_MAX : ns + by;
}

/* hrtimer_forward(): beyond now by whole intervals. How many. */
static int64_t forward(struct ptimer *t, uint64_t now)
{
	uint64_t n;

	if (now < t->next)
		return 0;
	n = (now - t->next) / t->interval + 1;
	t->next += n * t->interval;
	return (int64_t)n;
}

/* timer_overrun_to_int() */
static int told(int64_t overrun)
{
	return overrun > INT_MAX ? INT_MAX : (int)overrun;
}

/* ---- what it sends */

static struct pending *queue_of(struct process *p, const struct ptimer *t)
{
	return t->notify == SIGEV_THREAD_ID ? &p->signals.own : &p->signals.shared;
}

static void send(struct process *p, struct ptimer *t)
{
	if (signal_ignored(p, t->signal.info.si_signo))
		return;
	pending_add_timer(queue_of(p, t), &t->signal);
	t->queued = true;
}

/* What it has sent, and nobody has taken, is of no interest any more: it is set anew, or goes. */
static void take_back(struct process *p, struct ptimer *t)
{
	if (t->queued)
		pending_remove_timer(queue_of(p, t), &t->signal);
	t->queued = false;
}

/* Of those that have expired the one that did so first; NULL: none has. */
static struct ptimer *first_due(const struct process *p, struct times *times)
{
	struct ptimer *t, *first = NULL;
	uint64_t late, most = 0, now;

	LIST_FOREACH(t, &p->ptimers.all, link)
	{
		if (t->state != PTIMER_RUNS)
			continue;
		now = time_of(p, t, times);
		late = now - t->next;
		if (now < t->next || (first && late < most))
			continue;
		first = t;
		most = late;
	}
	return first;
}

/* In the order in which the kernel would have sent them. */
void ptimers_expire(struct process *p)
{
	struct times times = { .host = { 0 } };
	struct ptimer *t;

	while ((t = first_due(p, &times))) {
		t->state = t->interval ? PTIMER_SENT : PTIMER_STILL;
		send(p, t);
	}
}

int ptimer_taken(struct process *p, struct ptimer *t)
{
	t->queued = false;
	if (t->state != PTIMER_SENT)
		return 0;
	t->overrun_last = t->overrun + forward(t, now_of(p, t));
	t->overrun = -1;
	t->state = PTIMER_RUNS;
	p->rearm = true;
	return told(t->overrun_last);
}

void ptimer_lost(struct ptimer *t)
{
	t->queued = false;
}

void ptimers_heeded(struct process *p, int signo)
{
	struct ptimer *t;

	LIST_FOREACH(t, &p->ptimers.all, link)
	if (t->signal.info.si_signo == signo && t->state == PTIMER_SENT && !t->queued)
		send(p, t);
}

void ptimers_next(const struct process *p, uint64_t *wall, uint64_t *cpu)
{
	const uint64_t monotonic = LIST_EMPTY(&p->ptimers.all) ? 0
							       : host_ns(CLOCK_MONOTONIC);
	struct times times = { .host = { 0 } };
	const struct ptimer *t;
	uint64_t now, left;

	LIST_FOREACH(t, &p->ptimers.all, link)
	{
		if (t->state != PTIMER_RUNS)
			continue;
		now = time_of(p, t, &times);
		left = t->next > now ? t->next - now : 0;
		if (t->kind == CLOCK_OF_HOST)
			*wall = earlier(*wall, later(monotonic, left));
		else
			*cpu = earlier(*cpu, left < CPU_PRECISION ? CPU_PRECISION : left);
	}
}

/* ---- making them */

/*
 * Whose timer_create the kernel has, clockid_to_kclock() of kernel/time/posix-timers.c; a pid's may fail yet. 0
 * or -errno.
 */
static int check_clock(clockid_t clock)
{
	struct timespec res;

	if (clock < 0)
		return (clock & CLOCKFD_MASK) == CLOCKFD ? -EOPNOTSUPP : 0;
	if (clock_kind(clock) == CLOCK_NONE)
		return -EINVAL;
	switch (clock) {
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM: /* alarm_timer_create(): a device, and CAP_WAKE_ALARM */
		return clock_getres(clock, &res) ? -EOPNOTSUPP : -EPERM;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	default:
		return 0;
	}
}

/* good_sigevent() */
static bool event_valid(const struct sigevent *e)
{
	switch (e->sigev_notify) {
	case SIGEV_THREAD_ID:
		if (e->_sigev_un._tid != PAYLOAD_PID)
			return false;
		/* fallthrough */
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		return e->sigev_signo > 0 && e->sigev_signo <= SIGNALS;
	default:
		return e->sigev_notify == SIGEV_NONE;
	}
}

/* What the struct has, which may come from a payload; else SIGALRM, and its id as value. */
static void set_event(struct ptimer *t, const struct sigevent *e)
{
	siginfo_t *info = &t->signal.info;

	t->notify = e ? e->sigev_notify : SIGEV_SIGNAL;
	*info = (siginfo_t){ .si_signo = e ? e->sigev_signo : SIGALRM,
			     .si_code = SI_TIMER };
	info->si_timerid = t->id;
	if (e)
		info->si_value = e->sigev_value;
	else
		info->si_value.sival_int = t->id;
	t->signal.timer = t;
}

static int64_t do_create(struct process *p, clockid_t clock, const struct sigevent *e,
			 gva_t id_at)
{
	struct ptimers *all = &p->ptimers;
	struct ptimer *t;
	int err = check_clock(clock), id;

	if (err)
		return err;
	if (!signals_have_room(p))
		return -EAGAIN;
	if (e && !event_valid(e))
		return -EINVAL;
	if (mm_copy_to(p->mm, id_at, &all->next_id, sizeof(all->next_id)))
		return -EFAULT;
	id = all->next_id;
	all->next_id = (int)(((unsigned)id + 1) & INT_MAX);
	if (clock_kind(clock) == CLOCK_NONE) /* posix_cpu_timer_create() comes last */
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -EAGAIN;
	t->id = id;
	t->clock = clock;
	t->realtime = clock == CLOCK_REALTIME;
	t->kind = clock_kind(clock);
	t->overrun = -1;
	set_event(t, e);
	LIST_INSERT_HEAD(&all->all, t, link);
	all->nr++;
	return 0;
}

int64_t sys_timer_create(struct process *p, const uint64_t a[6])
{
	struct sigevent event;

	if (a[1] && mm_copy_from(p->mm, &event, a[1], sizeof(event)))
		return -EFAULT;
	return do_create(p, (clockid_t)a[0], a[1] ? &event : NULL, a[2]);
}

static struct ptimer *find(struct process *p, int id)
{
	struct ptimer *t;

	LIST_FOREACH(t, &p->ptimers.all, link)
	if (t->id == id)
		return t;
	return NULL;
}

int64_t sys_timer_delete(struct process *p, const uint64_t a[6])
{
	struct ptimer *t = find(p, (int)a[0]);

	if (!t)
		return -EINVAL;
	take_back(p, t);
	LIST_REMOVE(t, link);
	p->ptimers.nr--;
	free(t);
	return 0;
}

/* ---- setting and asking */

/*
 * common_timer_get(): of one that expired once and is done nothing is left; one that is due, and not
 * looked at yet, has a nanosecond.
 */
static struct itimerspec value_of(const struct process *p, struct ptimer *t)
{
	struct itimerspec value = { .it_interval = ns_timespec(t->interval) };
	uint64_t now;

	if (!t->interval && t->state == PTIMER_STILL && t->notify != SIGEV_NONE)
		return value;
	now = now_of(p, t);
	if (t->interval && t->state != PTIMER_RUNS)
		t->overrun += forward(t, now);
	if (t->next > now)
		value.it_value = ns_timespec(t->next - now);
	else if (t->notify != SIGEV_NONE)
		value.it_value.tv_nsec = 1;
	return value;
}

/* common_timer_set() */
static void set(struct process *p, struct ptimer *t, int flags,
		const struct itimerspec *value)
{
	const uint64_t ns = timespec_ns(&value->it_value);

	take_back(p, t);
	t->state = PTIMER_STILL;
	t->overrun = -1;
	t->overrun_last = 0;
	t->next = t->interval = 0;
	p->rearm = true;
	if (!ns)
		return;
	t->interval = timespec_ns(&value->it_interval);
	/* for so long, however the clock is set meanwhile */
	if (t->realtime)
		t->clock = flags & TIMER_ABSTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	t->next = flags & TIMER_ABSTIME ? ns : later(now_of(p, t), ns);
	if (t->notify != SIGEV_NONE)
		t->state = PTIMER_RUNS;
}

int64_t sys_timer_settime(struct process *p, const uint64_t a[6])
{
	struct itimerspec new, old;
	struct ptimer *t;

	if (!a[2])
		return -EINVAL;
	if (mm_copy_from(p->mm, &new, a[2], sizeof(new)))
		return -EFAULT;
	if (!itimerspec_valid(&new))
		return -EINVAL;
	t = find(p, (int)a[0]);
	if (!t)
		return -EINVAL;
	old = value_of(p, t);
	set(p, t, (int)a[1], &new);
	return a[3] && mm_copy_to(p->mm, a[3], &old, sizeof(old)) ? -EFAULT : 0;
}

int64_t sys_timer_gettime(struct process *p, const uint64_t a[6])
{
	struct ptimer *t = find(p, (int)a[0]);
	struct itimerspec value;

	if (!t)
		return -EINVAL;
	value = value_of(p, t);
	return mm_copy_to(p->mm, a[1], &value, sizeof(value)) ? -EFAULT : 0;
}

int64_t sys_timer_getoverrun(struct process *p, const uint64_t a[6])
{
	const struct ptimer *t = find(p, (int)a[0]);

	return t ? told(t->overrun_last) : -EINVAL;
}
