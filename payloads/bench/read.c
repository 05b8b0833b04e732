/* SPDX-License-Identifier: MIT */
/*
 * read.c: what it costs to read a cached file through, the first time and again: `mapped'
 * through a private mapping; `copied' by pread() into fresh huge pages, and from there. Both
 * load a word of each 64 bytes.
 */
#include "guest/rt.h"

#define LINE 64

static unsigned long sum(const char *p, size_t size)
{
	unsigned long total = 0;

	for (size_t i = 0; i + LINE <= size; i += LINE)
		total += *(const volatile unsigned long *)(p + i);
	return total;
}

static char *copy(int fd, size_t size)
{
	char *p = must_map(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1);
	long n;

	sys_madvise(p, size, MADV_HUGEPAGE); /* a hint: without it, the figure is higher */
	for (size_t at = 0; at < size; at += n) {
		n = sys_pread64(fd, p + at, size - at, at);
		if (n <= 0)
			die(n, "cannot read at %lu", at);
	}
	return p;
}

int main(int argc, char **argv)
{
	bool mapped = argc == 3 && !strcmp(argv[1], "mapped");
	uint64_t first, again;
	unsigned long a, b;
	size_t size;
	char *p;
	int fd;

	if (argc != 3 || (!mapped && strcmp(argv[1], "copied")))
		usage("mapped|copied FILE");
	fd = must_open(argv[2], O_RDONLY, &size);

	first = now_ns();
	p = mapped ? must_map(NULL, size, PROT_READ, MAP_PRIVATE, fd) : copy(fd, size);
	a = sum(p, size);
	again = now_ns();
	first = again - first;
	b = sum(p, size);
	again = now_ns() - again;
	if (a != b)
		die(0, "the sums differ: %lx, %lx", a, b);
	say("pages %lu first_ns %lu again_ns %lu\n", size / PAGE_SIZE, first, again);
	return 0;
}
