/* SPDX-License-Identifier: MIT */
/* shrink.h: the steps of a failure without those that it doesn't need. */
#ifndef TESTS_SHRINK_H
#define TESTS_SHRINK_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether n steps fail; they may be written to, and one more may be put behind them. */
typedef bool shrink_fn(void *steps, unsigned n, void *arg);

/*
 * Leave out what the failure doesn't need, in ever smaller pieces. n steps of `size` bytes; how many are
 * left of them.
 */
static inline unsigned shrink(void *steps, size_t size, unsigned n, shrink_fn *fails,
			      void *arg)
{
	char *less = (char *)calloc(n + 1, size), *all = (char *)steps;

	for (unsigned piece = n / 2; less && piece; piece = piece > 1 ? (piece + 1) / 2 : 0)
		for (unsigned at = 0; at + piece <= n;) {
			memcpy(less, all, at * size);
			memcpy(less + at * size, all + (at + piece) * size,
			       (n - at - piece) * size);
			if (fails(less, n - piece, arg)) {
				n -= piece;
				memcpy(all, less, n * size);
			} else {
				at += piece;
			}
		}
	free(less);
	return n;
}

#endif
