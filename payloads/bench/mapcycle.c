/* SPDX-License-Identifier: MIT */
/* mapcycle.c: what it costs to map 64 KiB, touch one page of it and unmap it, N times. */
#include "guest/rt.h"

#define SIZE (64 * KIB)

static void cycle(void)
{
	char *p = must_map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1);
	long err;

	*(volatile char *)p = 1;
	err = sys_munmap(p, SIZE);
	if (err)
		die(err, "cannot unmap");
}

int main(int argc, char **argv)
{
	size_t n = argc == 2 ? parse_size(argv[1]) : 0;
	uint32_t *cycles;

	if (!n)
		usage("N");
	cycles = must_map(NULL, n * sizeof(*cycles), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memset(cycles, 1, n * sizeof(*cycles));
	for (size_t i = 0; i < n; i++) {
		uint64_t start = rdtsc();

		cycle();
		cycles[i] = rdtsc() - start;
	}
	say_cycles("cycles", cycles, n);
	return 0;
}
