/* SPDX-License-Identifier: MIT */
/* cycles.c: what many timings have in common: percentiles, by a heapsort in place. */
#include "guest/rt.h"

static void sift_down(uint32_t *v, size_t root, size_t n)
{
	uint32_t x = v[root];
	size_t child;

	for (; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && v[child] < v[child + 1])
			child++;
		if (v[child] <= x)
			break;
		v[root] = v[child];
	}
	v[root] = x;
}

static void sort(uint32_t *v, size_t n)
{
	for (size_t i = n / 2; i--;)
		sift_down(v, i, n);
	while (n > 1) {
		uint32_t max = v[0];

		v[0] = v[--n];
		v[n] = max;
		sift_down(v, 0, n);
	}
}

void say_cycles(const char *key, uint32_t *cycles, size_t n)
{
	sort(cycles, n);
	say("%s %lu min_cycles %u p50_cycles %u p90_cycles %u p99_cycles %u max_cycles %u "
	    "tsc_khz %lu\n",
	    key, n, cycles[0], cycles[n / 2], cycles[n * 9 / 10], cycles[n * 99 / 100],
	    cycles[n - 1], tsc_khz());
}
