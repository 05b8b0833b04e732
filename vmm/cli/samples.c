/* SPDX-License-Identifier: MIT */
/* samples.c: measured values of one kind, and what to say of them. */
#include "vmm/cli/samples.h"

#include <stdlib.h>
#include <string.h>

void samples_add(struct samples *samples, double value)
{
	if (samples->n < MAX_SAMPLES)
		samples->values[samples->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_quantile(const struct samples *samples, double q)
{
	struct samples sorted = { .n = samples->n };
	size_t rank;

	memcpy(sorted.values, samples->values, sorted.n * sizeof(sorted.values[0]));
	qsort(sorted.values, sorted.n, sizeof(sorted.values[0]), compare);
	rank = q * sorted.n;
	return sorted.values[rank < sorted.n ? rank : sorted.n - 1];
}
