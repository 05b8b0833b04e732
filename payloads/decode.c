/* SPDX-License-Identifier: MIT */
/*
 * decode.c: makes calls with each flag and number that they know, and some that they don't, so
 * that they fail on Linux as in a sandbox, and change nothing: for comparing how they are shown.
 */
#include "guest/rt.h"

/* No address of the payload's, one that is not aligned, and no file. */
#define BAD 0xffff800000000000
#define ODD 1
#define NO_FD 99
/* What strace knows by its age: MAP_DROPPABLE, and memfd's flags but for the first three. */
#define YOUNG_MAP 8l
#define KNOWN_MFD 7l
#define YOUNG_MADV 102

static const char path[] = "/nowhere/\"quoted\"\tand\\\001\x7f\3777";

static void call(long nr, long a, long b, long c, long d)
{
	sys6(nr, a, b, c, d, NO_FD, PAGE_SIZE);
}

static void by_bits(long flag)
{
	const long create = flag & O_CREAT ? O_EXCL : 0;

	call(__NR_mmap, BAD, 0, flag, MAP_PRIVATE | MAP_ANONYMOUS);
	call(__NR_mmap, 0, 0, PROT_READ, flag & ~YOUNG_MAP);
	call(__NR_mmap, 0, 0, PROT_READ | PROT_EXEC,
	     (flag & ~YOUNG_MAP) | MAP_SHARED | MAP_FIXED);
	call(__NR_mprotect, ODD, PAGE_SIZE, flag, 0);
	call(__NR_open, (long)path, flag | create, 0640, 0);
	call(__NR_openat, NO_FD, (long)"relative", flag | O_RDWR, 0);
	call(__NR_msync, ODD, PAGE_SIZE, flag, 0);
	call(__NR_mremap, ODD, 0, PAGE_SIZE, flag);
	call(__NR_mlock2, BAD, PAGE_SIZE, flag, 0);
	call(__NR_memfd_create, BAD, flag & KNOWN_MFD, 0, 0);
	call(__NR_getrandom, BAD, 16, flag, 0);
}

static void by_numbers(long n)
{
	call(__NR_madvise, ODD, PAGE_SIZE, n, 0);
	call(__NR_lseek, NO_FD, -n, n, 0);
	call(__NR_clock_gettime, n, BAD, 0, 0);
	call(__NR_rt_sigprocmask, n, 0, BAD, 8);
	call(__NR_read, NO_FD, BAD, n, 0);
	call(__NR_pwrite64, NO_FD, (long)path, n, -n);
}

int main(void)
{
	by_bits(0);
	for (int bit = 0; bit < 32; bit++)
		by_bits(1l << bit);
	by_bits(0x7fffffff);
	for (long n = 0; n < YOUNG_MADV; n++)
		by_numbers(n);
	return 0;
}
