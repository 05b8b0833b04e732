/* SPDX-License-Identifier: MIT */
/*
 * fuzzcalls.c [SEED [ROUNDS]]: makes calls at random, with arguments that an enemy would choose:
 * addresses at the edges of pages and of the address space, lengths and offsets that overflow,
 * numbers that nobody serves. It may well end itself by that; nothing else may.
 */
#include "guest/rt.h"

static char page[3 * PAGE_SIZE] __attribute__((aligned(4096)));

static unsigned long state;

static unsigned long pick(unsigned long n)
{
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (state >> 33) % n;
}

static long nasty(void)
{
	const long values[] = {
		0,
		1,
		2,
		3,
		7,
		8,
		4095,
		4096,
		4097,
		65536,
		-1,
		-2,
		-4096,
		0x7fffffff,
		0x80000000,
		(long)0x8000000000000000,
		0x7fffffffffffffff,
		(long)page,
		(long)page + 1,
		(long)page + 2 * (long)PAGE_SIZE - 3,
		(long)page + 3 * (long)PAGE_SIZE - 1,
		0x7ffffffff000,
		0x7fffffffefff,
		0x800000000000,
		(long)0xffff800000000000,
		(long)0xffffffff80000000,
		(long)0xffffffff80001000,
		0x10000,
		0x400000,
		0x100000000,
		(long)__builtin_frame_address(0),
		0x555555554000,
	};

	return pick(4) ? values[pick(ARRAY_SIZE(values))] : (long)(state ^ state << 31);
}

/* Not among them: exit, and read of 0, which would wait for a terminal. */
static long number(void)
{
	static const short served[] = {
		__NR_write,	    __NR_open,	    __NR_close,	 __NR_fstat,  __NR_lseek,
		__NR_mmap,	    __NR_mprotect,  __NR_munmap, __NR_brk,    __NR_pread64,
		__NR_pwrite64,	    __NR_writev,    __NR_readv,	 __NR_openat, __NR_msync,
		__NR_clock_gettime, __NR_getrandom, __NR_getpid,
	};

	if (!pick(10))
		return (long)pick(500) + 500;
	if (!pick(20))
		return nasty() | 1024;
	return served[pick(ARRAY_SIZE(served))];
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 2 ? parse_size(argv[2]) : 2000;

	state = argc > 1 ? parse_size(argv[1]) : 1;
	for (unsigned long i = 0; i < rounds; i++) {
		long nr = number();

		/* not its own code and stack: it would soon be over */
		if (nr == __NR_munmap || nr == __NR_mprotect)
			sys6(nr, nasty() | 1, nasty(), nasty(), 0, 0, 0);
		else if (nr == __NR_mmap)
			sys6(nr, nasty(), nasty(), nasty() | 3, nasty() & ~0x10, nasty(),
			     nasty());
		else
			sys6(nr, nasty(), nasty(), nasty(), nasty(), nasty(), nasty());
	}
	return 0;
}
