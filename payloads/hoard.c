/* SPDX-License-Identifier: MIT */
/*
 * hoard.c WAY: has the host keep ever more memory that belongs to no frame, until it is refused:
 * `memfd` closes each file that it has mapped, `maps` opens /proc/self/maps again and again.
 */
#include "guest/rt.h"

#define SIZE (8 * MIB)
#define VMAS 8192
#define TIMES 900

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

static void make_vmas(void)
{
	char *mem = must_map(NULL, VMAS * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1);

	for (size_t i = 0; i < VMAS; i += 2)
		sys_mprotect(mem + i * PAGE_SIZE, PAGE_SIZE, PROT_NONE);
}

static long another_list(void)
{
	return sys_open("/proc/self/maps", O_RDONLY, 0);
}

int main(int argc, char **argv)
{
	bool maps = argc > 1 && !strcmp(argv[1], "maps");
	long ret = 0, n = 0;

	if (!maps && (argc < 2 || strcmp(argv[1], "memfd") != 0))
		usage("memfd|maps");
	if (maps)
		make_vmas();
	for (; n < TIMES && ret >= 0; n++)
		ret = maps ? another_list() : another_memfd();
	say("%ld times: %ld\n", n, ret);
	return 0;
}
