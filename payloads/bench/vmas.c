/* SPDX-License-Identifier: MIT */
/*
 * vmas.c: what an anonymous fault costs in an address space of N VMAs. The region and the
 * pages touched in it are the same for all N: every other page may be accessed where VMAs
 * alternate, and of those each STRIDE-th is touched.
 */
#include "guest/rt.h"

#define REGION_PAGES 61440ul
#define STRIDE 26 /* pages; even */

static char *region;

/* n VMAs from the region's one: each second page, from the first on, loses its access. */
static void cut(size_t n)
{
	for (size_t i = 1; i < n; i += 2) {
		long err = sys_mprotect(region + (i - 1) * PAGE_SIZE, PAGE_SIZE, PROT_NONE);

		if (err)
			die(err, "cannot make VMA %lu", i);
	}
}

int main(int argc, char **argv)
{
	static uint32_t cycles[REGION_PAGES / STRIDE];
	size_t n = argc == 2 ? parse_size(argv[1]) : 0;

	if (!n || n > REGION_PAGES)
		usage("N");
	region = must_map(NULL, REGION_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	sys_madvise(region, REGION_PAGES * PAGE_SIZE, MADV_NOHUGEPAGE);
	cut(n);
	memset(cycles, 1, sizeof(cycles));
	for (size_t i = 0; i < ARRAY_SIZE(cycles); i++) {
		volatile char *p = region + (i * STRIDE + 1) * PAGE_SIZE;
		uint64_t start = rdtsc();

		*p = 1;
		cycles[i] = rdtsc() - start;
	}
	say_cycles("pages", cycles, ARRAY_SIZE(cycles));
	return 0;
}
