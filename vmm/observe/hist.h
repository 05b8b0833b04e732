/* SPDX-License-Identifier: MIT */
/*
 * hist.h: a histogram of durations, log-linear: 16 buckets for each power of two, so that a
 * quantile is right to 1/16. Adding is a few instructions and no allocation.
 */
#ifndef OBSERVE_HIST_H
#define OBSERVE_HIST_H

#include <stdint.h>

#define HIST_SUB 16
#define HIST_BUCKETS (64 * HIST_SUB)

struct hist {
	uint64_t total;	   /* values added */
	uint64_t sum;	   /* of them */
	uint64_t min, max; /* of them; 0 where there are none */
	uint32_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t value);
/* Add all values of another one. */
void hist_merge(struct hist *h, const struct hist *from);
/* The value below which a part q (0 to 1) of all lies, never outside [min, max]; 0: no values. */
uint64_t hist_quantile(const struct hist *h, double q);

#endif
