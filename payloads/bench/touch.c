/* SPDX-License-Identifier: MIT */
/*
 * touch.c: what the first touch of anonymous memory costs: each page's cycles by `fault', each
 * 2 MiB's by `block', each but the first page's of every 2 MiB by `rest'; all pages' time by
 * `sweep', which has no fences between the touches.
 */
#include "guest/rt.h"

#define BLOCK 512 /* pages of 2 MiB, under one pte table or one leaf */

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

/* Of every `every` pages, from the one after `first` untimed ones on, time `n`. */
static void fault(size_t every, size_t first, size_t n)
{
	size_t samples = pages / every * n, k = 0;
	uint32_t *cycles = map(samples * sizeof(*cycles));

	/* The samples' own faults must not fall between two readings. */
	memset(cycles, 1, samples * sizeof(*cycles));
	for (size_t i = 0; i + every <= pages; i += every) {
		if (first)
			touch(i);
		for (size_t j = i + first; j < i + first + n; j++) {
			uint64_t start = rdtsc();

			touch(j);
			cycles[k++] = rdtsc() - start;
		}
	}
	say_cycles("pages", cycles, samples);
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
	const char *mode = argc > 2 ? argv[1] : "";

	if (size < PAGE_SIZE || argc > 4 || (argc == 4 && !huge && !nohuge))
		usage("fault|block|rest|sweep SIZE [huge|nohuge]");
	region = map(size);
	pages = size / PAGE_SIZE;
	/* A hint: where it isn't known, the figures are those without it. */
	if (argc == 4)
		sys_madvise(region, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (!strcmp(mode, "fault"))
		fault(1, 0, 1);
	else if (!strcmp(mode, "block"))
		fault(BLOCK, 0, 1);
	else if (!strcmp(mode, "rest"))
		fault(BLOCK, 1, BLOCK - 1);
	else if (!strcmp(mode, "sweep"))
		sweep();
	else
		usage("fault|block|rest|sweep SIZE [huge|nohuge]");
	return 0;
}
