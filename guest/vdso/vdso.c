/* SPDX-License-Identifier: MIT */
/*
 * vdso.c: what programs call instead of clock_gettime(2) and its kin, in ring 3 and without
 * an exit; vdso(7), and lib/vdso/gettimeofday.c of Linux. What the data page doesn't know is
 * asked for by SYSCALL, which makes the VMM write it anew.
 */
#include <linux/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "guest/vdso/data.h"

#define NSEC_PER_SEC 1000000000ul
#define NSEC_PER_USEC 1000ul

/* The page below the image: vdso.lds. */
extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));

struct getcpu_cache;

int __vdso_clock_gettime(int id, struct timespec *ts);
int __vdso_clock_getres(int id, struct timespec *res);
int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz);
long __vdso_time(long *t);
int __vdso_getcpu(unsigned *cpu, unsigned *node, struct getcpu_cache *unused);

#define ALIAS(name) \
	extern __typeof__(__vdso_##name)(name) __attribute__((weak, alias("__vdso_" #name)))

static long system_call(long nr, long a, const void *b)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return ret;
}

/* rdtsc_ordered(): not before the loads that precede it. */
static uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* False: the page doesn't know, or is being written. */
static bool read_clock(int id, uint64_t *ns)
{
	const struct vdso_clock *c;
	uint64_t cycles;
	uint32_t seq;
	bool valid;

	if ((unsigned)id >= VDSO_CLOCKS)
		return false;
	c = &vdso_data.clock[id];
	seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
	cycles = rdtsc() - c->tsc;
	valid = cycles < c->valid;
	*ns = c->ns + (cycles * c->mult >> VDSO_SHIFT);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return valid && !(seq & 1) && seq == __atomic_load_n(&c->seq, __ATOMIC_RELAXED);
}

int __vdso_clock_gettime(int id, struct timespec *ts)
{
	uint64_t ns;

	if (!read_clock(id, &ns))
		return (int)system_call(SYS_clock_gettime, id, ts);
	ts->tv_sec = (long)(ns / NSEC_PER_SEC);
	ts->tv_nsec = (long)(ns % NSEC_PER_SEC);
	return 0;
}
ALIAS(clock_gettime);

int __vdso_clock_getres(int id, struct timespec *res)
{
	const bool coarse = id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE;
	const bool fine = id == CLOCK_REALTIME || id == CLOCK_MONOTONIC ||
			  id == CLOCK_MONOTONIC_RAW || id == CLOCK_BOOTTIME ||
			  id == CLOCK_TAI;

	if (!fine && (!coarse || !vdso_data.coarse_ns))
		return (int)system_call(SYS_clock_getres, id, res);
	if (res) {
		res->tv_sec = 0;
		res->tv_nsec = fine ? 1 : (long)vdso_data.coarse_ns;
	}
	return 0;
}
ALIAS(clock_getres);

int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz)
{
	uint64_t ns;

	if (!tv || tz || !read_clock(CLOCK_REALTIME, &ns))
		return (int)system_call(SYS_gettimeofday, (long)tv, tz);
	tv->tv_sec = (long)(ns / NSEC_PER_SEC);
	tv->tv_usec = (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
	return 0;
}
ALIAS(gettimeofday);

long __vdso_time(long *t)
{
	uint64_t ns;
	long now;

	if (!read_clock(CLOCK_REALTIME_COARSE, &ns))
		return system_call(SYS_time, (long)t, NULL);
	now = (long)(ns / NSEC_PER_SEC);
	if (t)
		*t = now;
	return now;
}
ALIAS(time);

/* As getcpu(2) answers: there is one. */
int __vdso_getcpu(unsigned *cpu, unsigned *node, struct getcpu_cache *unused)
{
	(void)unused;
	if (cpu)
		*cpu = 0;
	if (node)
		*node = 0;
	return 0;
}
ALIAS(getcpu);
