/* SPDX-License-Identifier: MIT */
/*
 * file.c: what the first touch of a mapped file's pages costs, by kind of fault: each page's
 * cycles by `fault', all pages' time by `sweep'.
 */
#include "guest/rt.h"

static const struct mode {
	const char *name;
	int open, prot, map;
} modes[] = {
	{ "shared-read", O_RDONLY, PROT_READ, MAP_SHARED },
	{ "private-read", O_RDONLY, PROT_READ, MAP_PRIVATE },
	{ "private-write", O_RDONLY, PROT_READ | PROT_WRITE, MAP_PRIVATE },
	{ "shared-write", O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED },
};

static char *region;
static size_t pages;

/* A write that changes nothing, in one instruction: its first access is a write fault. */
static inline void write_same(char *p)
{
	asm volatile("orb $0, %0" : "+m"(*p));
}

static inline void touch(size_t page, bool write)
{
	if (write)
		write_same(region + page * PAGE_SIZE);
	else
		(void)*(volatile char *)(region + page * PAGE_SIZE);
}

static void fault(bool write)
{
	uint32_t *cycles = must_map(NULL, pages * sizeof(*cycles), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1);

	/* The samples' own faults must not fall between two readings. */
	memset(cycles, 1, pages * sizeof(*cycles));
	for (size_t i = 0; i < pages; i++) {
		uint64_t start = rdtsc();

		touch(i, write);
		cycles[i] = rdtsc() - start;
	}
	say_cycles("pages", cycles, pages);
}

static void sweep(bool write)
{
	uint64_t ns = now_ns();

	for (size_t i = 0; i < pages; i++)
		touch(i, write);
	ns = now_ns() - ns;
	say("pages %lu total_ns %lu ns_per_page %lu\n", pages, ns, ns / pages);
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(name, modes[i].name))
			return &modes[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct mode *mode = argc > 3 ? find_mode(argv[3]) : NULL;
	size_t size, most = argc > 4 ? parse_size(argv[4]) : ~0ul;
	bool one_by_one = argc > 1 && !strcmp(argv[1], "fault");
	int fd;

	if (!mode || argc > 5 || !most || (!one_by_one && strcmp(argv[1], "sweep")))
		usage("fault|sweep FILE shared-read|private-read|private-write|shared-write "
		      "[SIZE]");
	fd = must_open(argv[2], mode->open, &size);
	size = size < most ? size : most;
	region = must_map(NULL, size, mode->prot, mode->map, fd);
	pages = PAGE_ALIGN(size) / PAGE_SIZE;
	if (one_by_one)
		fault(mode->prot & PROT_WRITE);
	else
		sweep(mode->prot & PROT_WRITE);
	return 0;
}
