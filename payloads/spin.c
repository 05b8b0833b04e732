/* SPDX-License-Identifier: MIT */
/*
 * spin.c: works on registers only: N rounds, to compare time and results with a run
 * elsewhere; or for ever, to be stopped from outside.
 */
#include "guest/rt.h"

uint64_t bits = PATTERN;
double real = 1.0;
volatile uint64_t laps;

/* Both chains depend on their last step: neither is shortened by a clever compiler. */
static void spin(uint64_t rounds)
{
	uint64_t x = bits;
	double y = real;

	while (rounds--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		y = y * 0.75 + (double)(x >> 40);
	}
	bits = x;
	real = y;
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? parse_size(argv[1]) : 0;
	uint64_t image;

	if (argc > 2 || (argc > 1 && !rounds))
		usage("[ROUNDS]");
	if (!rounds) {
		for (;; laps++)
			spin(MIB);
	}
	spin(rounds);
	memcpy(&image, &real, sizeof(image));
	say("%lu rounds: %lx %lx\n", rounds, bits, image);
	return 0;
}
