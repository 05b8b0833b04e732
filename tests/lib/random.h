/* SPDX-License-Identifier: MIT */
/* random.h: numbers that a seed stands for, the same on every machine. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>

/* The next one of those that *state stands for, below n. Knuth's MMIX generator. */
static inline unsigned pick_from(uint64_t *state, unsigned n)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(*state >> 33) % n;
}

#endif
