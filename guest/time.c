/* SPDX-License-Identifier: MIT */
/* time.c: the clock, and the time stamp counter's rate. */
#include "guest/rt.h"

#define CALIBRATE_NS 50000000ul

uint64_t now_ns(void)
{
	struct timespec ts;
	long err = sys_clock_gettime(CLOCK_MONOTONIC, &ts);

	if (err < 0)
		die(err, "cannot read the clock");
	return ts.tv_sec * 1000000000ul + ts.tv_nsec;
}

/* Both readings follow a clock call, so what that costs falls out. */
uint64_t tsc_khz(void)
{
	uint64_t ns = now_ns(), tsc = rdtsc(), end;

	do
		end = now_ns();
	while (end - ns < CALIBRATE_NS);
	return (rdtsc() - tsc) * 1000000 / (end - ns);
}
