/* SPDX-License-Identifier: MIT */
/*
 * hoard.c WAY: has the host keep ever more memory that belongs to no frame, until it is refused:
 * `memfd` closes each file that it has mapped.
 */
#include "guest/rt.h"

#define SIZE (8 * MIB)
#define TIMES 512

static long another_memfd(void)
{
	int fd = (int)sys3(__NR_memfd_create, (long)"hoard", 0, 0);
	long err = sys3(__NR_ftruncate, fd, SIZE, 0);
	volatile char *mem;

	if (fd < 0 || err)
		return fd < 0 ? fd : err;
	mem = must_map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	for (size_t at = 0; at < SIZE; at += PAGE_SIZE)
		mem[at] = 1;
	return sys_close(fd);
}

int main(int argc, char **argv)
{
	long ret = 0, n = 0;

	if (argc < 2 || strcmp(argv[1], "memfd") != 0)
		usage("memfd");
	for (; n < TIMES && ret >= 0; n++)
		ret = another_memfd();
	say("%ld times: %ld\n", n, ret);
	return 0;
}
