/* SPDX-License-Identifier: MIT */
/* sleep.c: see sleep.h. */
#include "vmm/linux/sleep.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/linux/stream.h"

/* KTIME_MAX: beyond it nothing is counted. */
#define SECONDS_MAX (INT64_MAX / 1000000000 - 1)

static struct timespec clock_now(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return now;
}

static struct timespec timespec_sum(struct timespec a, struct timespec b)
{
	struct timespec sum = { a.tv_sec, a.tv_nsec + b.tv_nsec };

	if (sum.tv_nsec >= 1000000000) {
		sum.tv_nsec -= 1000000000;
		sum.tv_sec++;
	}
	if (__builtin_add_overflow(sum.tv_sec, b.tv_sec, &sum.tv_sec) ||
	    sum.tv_sec > SECONDS_MAX)
		sum = (struct timespec){ .tv_sec = SECONDS_MAX };
	return sum;
}

/* No timerfd goes by TAI, which is CLOCK_REALTIME and some seconds. */
static void avoid_tai(struct sleep *s)
{
	const time_t ahead = clock_now(CLOCK_TAI).tv_sec - clock_now(CLOCK_REALTIME).tv_sec;

	if (s->clock != CLOCK_TAI)
		return;
	s->clock = CLOCK_REALTIME;
	s->until.tv_sec = s->until.tv_sec > ahead ? s->until.tv_sec - ahead : 0;
}

static void begin(struct sleep *s, clockid_t clock, bool absolute,
		  const struct timespec *time)
{
	*s = (struct sleep){ .on = true, .forever = !time, .clock = clock };
	if (!time)
		return;
	if (absolute) {
		s->until = timespec_sum(*time, (struct timespec){ 0 });
		avoid_tai(s);
		return;
	}
	/* that a clock was set is nothing to who waits for so long: hrtimer_setup() */
	if (clock != CLOCK_BOOTTIME)
		s->clock = CLOCK_MONOTONIC;
	s->until = timespec_sum(clock_now(s->clock), *time);
}

static int wait_for_timer(struct process *p, const struct sleep *s)
{
	struct itimerspec when = { .it_value = s->until };
	int fd, err;

	if (!when.it_value.tv_sec && !when.it_value.tv_nsec)
		when.it_value.tv_nsec = 1; /* 0 would be never */
	fd = timerfd_create(s->clock, TFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) ? -errno
								  : stream_wait_fd(p, fd);
	close(fd);
	return err;
}

int sleep_until(struct process *p, clockid_t clock, bool absolute,
		const struct timespec *time)
{
	if (!p->sleep.on)
		begin(&p->sleep, clock, absolute, time);
	return p->sleep.forever ? stream_wait_fd(p, -1) : wait_for_timer(p, &p->sleep);
}

bool sleep_left(const struct process *p, struct timespec *left)
{
	const struct sleep *s = &p->sleep;
	const struct timespec now = clock_now(s->clock);

	if (s->forever) { /* by its own CPU clock: KTIME_MAX */
		*left = (struct timespec){ .tv_sec = SECONDS_MAX };
		return true;
	}
	*left = (struct timespec){ s->until.tv_sec - now.tv_sec,
				   s->until.tv_nsec - now.tv_nsec };
	if (left->tv_nsec < 0) {
		left->tv_nsec += 1000000000;
		left->tv_sec--;
	}
	return left->tv_sec > 0 || (!left->tv_sec && left->tv_nsec > 0);
}
