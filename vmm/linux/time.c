/* SPDX-License-Identifier: MIT */
/* time.c: clocks, which are the host's, and sleeping by them; kernel/time/. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/clocks.h"
#include "vmm/linux/sleep.h"
#include "vmm/linux/usage.h"

/* linux/time.h: gone, its number is kept. */
#define CLOCK_SGI_CYCLE 10

/* pid_for_clock(): the payload's own, which may be 0; and what of it. */
static enum clock_kind cpu_clock(clockid_t clock)
{
	static const enum clock_kind which[] = { CLOCK_OF_BOTH, CLOCK_OF_USER,
						 CLOCK_OF_CPU };
	const int pid = ~(clock >> 3);

	if ((clock & CPUCLOCK_WHICH) == CPUCLOCK_FD || (pid && pid != PAYLOAD_PID))
		return CLOCK_NONE;
	return which[clock & CPUCLOCK_WHICH];
}

enum clock_kind clock_kind(clockid_t clock)
{
	if (clock < 0)
		return cpu_clock(clock);
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
		return CLOCK_OF_CPU;
	return clock <= CLOCK_TAI && clock != CLOCK_SGI_CYCLE ? CLOCK_OF_HOST : CLOCK_NONE;
}

uint64_t clock_cpu_ns(const struct process *p, enum clock_kind kind)
{
	struct usage u;

	usage_get(p, &u);
	return kind == CLOCK_OF_CPU    ? u.cpu
	       : kind == CLOCK_OF_USER ? u.user
				       : u.user + u.system;
}

static int64_t put_timespec(struct process *p, gva_t gva, const struct timespec *ts)
{
	return mm_copy_to(p->mm, gva, ts, sizeof(*ts)) ? -EFAULT : 0;
}

/* What a payload sees of the host's clocks, by a call as by its vDSO. 0 or -errno. */
static int read_clock(struct process *p, clockid_t clock, struct timespec *ts)
{
	uint64_t ns;

	if (!vdso_read(&p->vdso, clock, &ns))
		return clock_gettime(clock, ts) ? -errno : 0;
	*ts = ns_timespec(ns);
	return 0;
}

int64_t sys_clock_gettime(struct process *p, const uint64_t a[6])
{
	const enum clock_kind kind = clock_kind((clockid_t)a[0]);
	struct timespec ts;
	int err;

	if (kind == CLOCK_NONE)
		return -EINVAL;
	if (kind == CLOCK_OF_HOST) {
		err = read_clock(p, (clockid_t)a[0], &ts);
		return err ? err : put_timespec(p, a[1], &ts);
	}
	ts = ns_timespec(clock_cpu_ns(p, kind));
	return put_timespec(p, a[1], &ts);
}

/*
 * do_sys_settimeofday64(): times are the host's, and a payload has no CAP_SYS_TIME. The zone, too, which nobody
 * may set either, is looked at last.
 */
int64_t sys_settimeofday(struct process *p, const uint64_t a[6])
{
	struct timeval tv;
	struct timezone tz;

	if (a[0] && mm_copy_from(p->mm, &tv, a[0], sizeof(tv)))
		return -EFAULT;
	if (a[0] && (tv.tv_usec > 999999 || tv.tv_usec < 0))
		return -EINVAL;
	if (a[1] && mm_copy_from(p->mm, &tz, a[1], sizeof(tz)))
		return -EFAULT;
	if (a[0] && tv.tv_sec < 0)
		return -EINVAL;
	return -EPERM;
}

/* Of the host's clocks one can be set: posix_clock_realtime_set(). */
int64_t sys_clock_settime(struct process *p, const uint64_t a[6])
{
	const clockid_t clock = (clockid_t)a[0];
	struct timespec ts;

	const bool cpu = clock < 0 && clock_kind(clock) != CLOCK_NONE;

	if (!cpu && clock != CLOCK_REALTIME)
		return -EINVAL;
	if (mm_copy_from(p->mm, &ts, a[1], sizeof(ts)))
		return -EFAULT;
	if (cpu)
		return -EPERM; /* posix_cpu_clock_set() */
	return timespec_valid(&ts) && ts.tv_sec >= 0 ? -EPERM : -EINVAL;
}

int64_t sys_clock_getres(struct process *p, const uint64_t a[6])
{
	clockid_t clock = (clockid_t)a[0];
	struct timespec ts;

	if (clock_kind(clock) == CLOCK_NONE)
		return -EINVAL;
	/* of a pid: the same of whosever CPU clock it is */
	if (clock < 0)
		clock = (clockid_t)(~0u << 3 | ((unsigned)clock & 7u));
	if (syscall(SYS_clock_getres, clock, &ts))
		return -errno;
	return a[1] ? put_timespec(p, a[1], &ts) : 0;
}

int64_t sys_gettimeofday(struct process *p, const uint64_t a[6])
{
	struct timezone tz;
	struct timespec ts;
	struct timeval tv;
	int err = read_clock(p, CLOCK_REALTIME, &ts);

	if (err)
		return err;
	if (syscall(SYS_gettimeofday, NULL, &tz))
		return -errno;
	tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
	if (a[0] && mm_copy_to(p->mm, a[0], &tv, sizeof(tv)))
		return -EFAULT;
	return a[1] && mm_copy_to(p->mm, a[1], &tz, sizeof(tz)) ? -EFAULT : 0;
}

int64_t sys_time(struct process *p, const uint64_t a[6])
{
	struct timespec now;
	int err = read_clock(p, CLOCK_REALTIME_COARSE, &now); /* ktime_get_real_seconds() */

	if (err)
		return err;
	return a[0] && mm_copy_to(p->mm, a[0], &now.tv_sec, sizeof(now.tv_sec))
		       ? -EFAULT
		       : now.tv_sec;
}

/* ---- sleeping */

/* 0; -errno: no such clock, or none to sleep by. */
static int check_sleep_clock(clockid_t clock)
{
	struct timespec res;

	if (clock < 0 && (clock & CLOCKFD_MASK) == CLOCKFD)
		return -EOPNOTSUPP;
	if (clock_kind(clock) == CLOCK_NONE)
		return -EINVAL;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_PROCESS_CPUTIME_ID:
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM: /* alarm_timer_nsleep(): CAP_WAKE_ALARM, and a device */
		return clock_getres(clock, &res) ? -EOPNOTSUPP : -EPERM;
	default:
		return clock < 0 && clock & CPUCLOCK_PERTHREAD ? -EINVAL
		       : clock < 0			       ? 0
							       : -EOPNOTSUPP;
	}
}

/* By its own CPU clock, which stands still: now, or never. */
static int sleep_by_cpu(struct process *p, bool absolute, const struct timespec *time)
{
	struct usage u;

	usage_get(p, &u);
	if ((uint64_t)time->tv_sec <= UINT64_MAX / NS_PER_SEC - 1 &&
	    (uint64_t)time->tv_sec * NS_PER_SEC + (uint64_t)time->tv_nsec <=
		    (absolute ? u.cpu : 0))
		return 0;
	return sleep_until(p, CLOCK_MONOTONIC, false, NULL);
}

/* hrtimer_nanosleep() was interrupted: if by a signal, say how much is left. */
static int64_t end_sleep(struct process *p, bool absolute, gva_t remaining)
{
	struct timespec left;

	signals_collect(p);
	if (!signal_pending(&p->signals))
		return -ERESTARTSYS;
	if (absolute || !remaining)
		return -ERESTARTNOHAND;
	if (!sleep_left(p, &left))
		return 0;
	return mm_copy_to(p->mm, remaining, &left, sizeof(left)) ? -EFAULT
								 : -ERESTARTNOHAND;
}

static int begin_sleep(struct process *p, clockid_t clock, bool absolute, gva_t gva)
{
	struct timespec time;

	if (p->sleep.on)
		return sleep_until(p, clock, absolute, NULL);
	if (mm_copy_from(p->mm, &time, gva, sizeof(time)))
		return -EFAULT;
	if (!timespec_valid(&time))
		return -EINVAL;
	if (clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID)
		return sleep_by_cpu(p, absolute, &time);
	return sleep_until(p, clock, absolute, &time);
}

static int64_t do_sleep(struct process *p, clockid_t clock, bool absolute, gva_t gva,
			gva_t remaining)
{
	int err = begin_sleep(p, clock, absolute, gva);

	return err == -ERESTARTSYS ? end_sleep(p, absolute, remaining) : err;
}

int64_t sys_nanosleep(struct process *p, const uint64_t a[6])
{
	return do_sleep(p, CLOCK_MONOTONIC, false, a[0], a[1]);
}

int64_t sys_clock_nanosleep(struct process *p, const uint64_t a[6])
{
	const clockid_t clock = (clockid_t)a[0];
	int err = check_sleep_clock(clock);

	return err ? err : do_sleep(p, clock, (int)a[1] & TIMER_ABSTIME, a[2], a[3]);
}
