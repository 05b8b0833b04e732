/* SPDX-License-Identifier: MIT */
/*
 * touch.c: what the first touch of anonymous memory costs: each page's cycles by `fault',
 * all pages' time by `sweep', which has no fences between the touches.
 */
#include "guest/rt.h"

static char *region;
static size_t pages;

static void *map(size_t size)
{
	return must_map(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

static inline void touch(size_t page)
{
	*(volatile unsigned long *)(region + page * PAGE_SIZE) = 1;
}

static void fault(void)
{
	uint32_t *cycles = map(pages * sizeof(*cycles));

	/* The samples' own faults must not fall between two readings. */
	memset(cycles, 1, pages * sizeof(*cycles));
	for (size_t i = 0; i < pages; i++) {
		uint64_t start = rdtsc();

		touch(i);
		cycles[i] = rdtsc() - start;
	}
	say_cycles("pages", cycles, pages);
}

static void sweep(void)
{
	uint64_t ns = now_ns();

	for (size_t i = 0; i < pages; i++)
		touch(i);
	ns = now_ns() - ns;
	say("pages %lu total_ns %lu ns_per_page %lu\n", pages, ns, ns / pages);
}

int main(int argc, char **argv)
{
	size_t size = argc > 2 ? parse_size(argv[2]) : 0;
	bool huge = argc == 4 && !strcmp(argv[3], "huge");
	bool nohuge = argc == 4 && !strcmp(argv[3], "nohuge");
	bool one_by_one = argc > 2 && !strcmp(argv[1], "fault");

	if (size < PAGE_SIZE || argc > 4 || (argc == 4 && !huge && !nohuge) ||
	    (!one_by_one && strcmp(argv[1], "sweep")))
		usage("fault|sweep SIZE [huge|nohuge]");
	region = map(size);
	pages = size / PAGE_SIZE;
	/* A hint: where it isn't known, the figures are those without it. */
	if (argc == 4)
		sys_madvise(region, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (one_by_one)
		fault();
	else
		sweep();
	return 0;
}
