/* SPDX-License-Identifier: MIT */
/* test_hist.c: histograms of durations, and how much of them a thread had no CPU. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "vmm/observe/hist.h"
#include "vmm/observe/oncpu.h"

#define VALUES 100000u
#define MSEC 1000000ull

static void assert_near(uint64_t value, uint64_t wanted)
{
	cr_assert(value >= wanted - wanted / 16 && value <= wanted + wanted / 16,
		  "%lu is not within 1/16 of %lu", value, wanted);
}

Test(hist, quantiles_are_right_to_a_sixteenth)
{
	static struct hist h;

	for (unsigned i = 1; i <= VALUES; i++)
		hist_add(&h, i * 7);
	assert_near(hist_quantile(&h, 0.5), VALUES / 2 * 7);
	assert_near(hist_quantile(&h, 0.9), VALUES / 10 * 9 * 7);
	assert_near(hist_quantile(&h, 0.99), VALUES / 100 * 99 * 7);
	cr_assert_eq(h.min, 7);
	cr_assert_eq(h.max, VALUES * 7);
	cr_assert_eq(h.total, VALUES);
	cr_assert_eq(h.sum, 7ull * VALUES * (VALUES + 1) / 2);
}

Test(hist, one_value_is_all_quantiles_exactly)
{
	static struct hist h;

	hist_add(&h, 123456789);
	cr_assert_eq(hist_quantile(&h, 0), 123456789);
	cr_assert_eq(hist_quantile(&h, 0.5), 123456789);
	cr_assert_eq(hist_quantile(&h, 1), 123456789);
}

Test(hist, of_nothing_is_all_zero)
{
	static struct hist h;

	cr_assert_eq(hist_quantile(&h, 0.5), 0);
}

Test(hist, merged_is_as_if_all_had_been_added_to_one)
{
	static struct hist odd, even, both, empty;

	for (unsigned i = 5; i < 5005; i++) {
		hist_add(i % 2 ? &odd : &even, i);
		hist_add(&both, i);
	}
	hist_merge(&odd, &empty);
	hist_merge(&odd, &even);
	cr_assert_eq(memcmp(&odd, &both, sizeof(both)), 0);
	hist_merge(&empty, &both);
	cr_assert_eq(memcmp(&empty, &both, sizeof(both)), 0);
}

Test(oncpu, a_sleep_is_time_without_a_cpu)
{
	struct oncpu o;
	uint64_t start, ns, off;

	oncpu_begin(&o);
	start = clock_ns();
	usleep(20000);
	ns = clock_ns() - start;
	off = oncpu_off(&o, ns);
	cr_assert_leq(off, ns);
	cr_assert_geq(off, 15 * MSEC);
}

Test(oncpu, work_is_none)
{
	struct oncpu o;
	uint64_t start = oncpu_clock(), worked;

	oncpu_begin(&o);
	do
		worked = oncpu_clock() - start;
	while (worked < 20 * MSEC);
	/* of an interval as long as the work was, had nobody else run */
	cr_assert_leq(oncpu_off(&o, worked), MSEC);
}

Test(oncpu, short_intervals_have_used_what_the_clock_says_of_them)
{
	/* 5 ms of CPU time since it was asked last, and 50 short intervals of nearly 100 us */
	struct oncpu o = { .asked = oncpu_clock() - 5 * MSEC };

	for (unsigned i = 0; i < 50; i++)
		cr_assert_eq(oncpu_off(&o, ONCPU_LONG_NS - 1), 0);
	/* nothing, or little, is left for the long one */
	cr_assert_geq(oncpu_off(&o, 100 * MSEC), 90 * MSEC);
}
