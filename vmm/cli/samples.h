/* SPDX-License-Identifier: MIT */
/* samples.h: measured values of one kind, and what to say of them. */
#ifndef CLI_SAMPLES_H
#define CLI_SAMPLES_H

#include <stddef.h>

#define MAX_SAMPLES 256

struct samples {
	size_t n;
	double values[MAX_SAMPLES];
};

/* Beyond MAX_SAMPLES they are dropped. */
void samples_add(struct samples *samples, double value);

/* The smallest value that the part q of them, 0 to 1, doesn't exceed; n must not be 0. */
double samples_quantile(const struct samples *samples, double q);

#endif
