/* SPDX-License-Identifier: MIT */
/* hist.c: the histogram of hist.h. */
#include "vmm/observe/hist.h"

#define SUB_BITS 4

static unsigned bucket_of(uint64_t v)
{
	unsigned log;

	if (v < HIST_SUB)
		return (unsigned)v;
	log = 63 - (unsigned)__builtin_clzll(v);
	return (log - SUB_BITS + 1) * HIST_SUB + (v >> (log - SUB_BITS) & (HIST_SUB - 1));
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned b)
{
	unsigned log, width;

	if (b < HIST_SUB)
		return b;
	log = b / HIST_SUB + SUB_BITS - 1;
	width = log - SUB_BITS;
	return ((uint64_t)(HIST_SUB + b % HIST_SUB) << width) + ((1ull << width) / 2);
}

void hist_add(struct hist *h, uint64_t value)
{
	h->bucket[bucket_of(value)]++;
	h->min = !h->total || value < h->min ? value : h->min;
	h->max = value > h->max ? value : h->max;
	h->sum += value;
	h->total++;
}

void hist_merge(struct hist *h, const struct hist *from)
{
	if (!from->total)
		return;
	for (unsigned b = 0; b < HIST_BUCKETS; b++)
		h->bucket[b] += from->bucket[b];
	h->min = !h->total || from->min < h->min ? from->min : h->min;
	h->max = from->max > h->max ? from->max : h->max;
	h->sum += from->sum;
	h->total += from->total;
}

static uint64_t clamp(const struct hist *h, uint64_t value)
{
	return value < h->min ? h->min : value > h->max ? h->max : value;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t rank = (uint64_t)(q * (double)h->total), seen = 0;

	for (unsigned b = 0; b < HIST_BUCKETS && h->total; b++) {
		seen += h->bucket[b];
		if (seen > rank || seen == h->total)
			return clamp(h, value_of(b));
	}
	return 0;
}
