/* SPDX-License-Identifier: MIT */
/*
 * hoard.c WAY: has the host keep ever more memory that belongs to no frame, until it is refused:
 * `memfd` closes each file that it has mapped, `maps` opens /proc/self/maps again and again, `places` too, but
 * with O_PATH, which takes none, and `locks` takes locks on its own files.
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

static long another_place(void)
{
	return sys_open("/proc/self/maps", 010000000 /* O_PATH */, 0);
}

/* A thousand locks on a file, which don't lie side by side: they can't be one. */
static long more_locks(void)
{
	int fd = (int)sys3(__NR_memfd_create, (long)"locks", 0, 0);
	struct {
		short type, whence;
		long start, len;
		int pid;
	} lock = { .type = 1 /* F_WRLCK */, .len = 1 };
	long err = fd;

	for (; err >= 0 && lock.start < 2000; lock.start += 2)
		err = sys3(__NR_fcntl, fd, 6 /* F_SETLK */, (long)&lock);
	return err;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		long (*once)(void);
	} ways[] = {
		{ "memfd", another_memfd },
		{ "maps", another_list },
		{ "places", another_place },
		{ "locks", more_locks },
	};
	long (*once)(void) = NULL;
	long ret = 0, n = 0;

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(ways); i++)
		if (!strcmp(argv[1], ways[i].name))
			once = ways[i].once;
	if (!once)
		usage("memfd|maps|places|locks");
	if (once == another_list || once == another_place)
		make_vmas();
	for (; n < TIMES && ret >= 0; n++)
		ret = once();
	say("%ld times: %ld\n", n, ret);
	return 0;
}
