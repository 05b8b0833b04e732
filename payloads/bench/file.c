/* SPDX-License-Identifier: MIT */
/* file.c: what the first touch of a mapped file's pages costs, by kind of fault. */
#include "guest/rt.h"

static const struct {
	const char *name;
	int open, prot, map;
} modes[] = {
	{ "shared-read", O_RDONLY, PROT_READ, MAP_SHARED },
	{ "private-read", O_RDONLY, PROT_READ, MAP_PRIVATE },
	{ "private-write", O_RDONLY, PROT_READ | PROT_WRITE, MAP_PRIVATE },
	{ "shared-write", O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED },
};

/* A write that changes nothing, in one instruction: its first access is a write fault. */
static inline void write_same(char *p)
{
	asm volatile("orb $0, %0" : "+m"(*p));
}

static void touch_all(char *p, size_t pages, bool write)
{
	for (; pages; pages--, p += PAGE_SIZE) {
		if (write)
			write_same(p);
		else
			(void)*(volatile char *)p;
	}
}

int main(int argc, char **argv)
{
	size_t size, pages, m = 0;
	uint64_t ns;
	char *p;
	int fd;

	while (argc == 3 && m < ARRAY_SIZE(modes) && strcmp(argv[2], modes[m].name))
		m++;
	if (argc != 3 || m == ARRAY_SIZE(modes))
		usage("FILE shared-read|private-read|private-write|shared-write");
	fd = must_open(argv[1], modes[m].open, &size);
	p = must_map(NULL, size, modes[m].prot, modes[m].map, fd);
	pages = PAGE_ALIGN(size) / PAGE_SIZE;

	ns = now_ns();
	touch_all(p, pages, modes[m].prot & PROT_WRITE);
	ns = now_ns() - ns;
	say("mode %s pages %lu total_ns %lu ns_per_page %lu\n", modes[m].name, pages, ns,
	    ns / pages);
	return 0;
}
