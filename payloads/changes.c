/* SPDX-License-Identifier: MIT */
/*
 * changes.c: changes page-table entries one way at a time, at CHANGES_AT, and calls an empty function after
 * each: places to stop and compare. All of it was done before, at another address, so that code, stack and
 * upper tables are there.
 */
#include "guest/rt.h"

#define WARM_UP 0x20000000ul
#define CHANGES_AT 0x10000000ul /* an empty 2 MiB of a GiB that has a pmd table already */
#define PAGES 4

#define place(name)                                      \
	__attribute__((noinline)) void name(void);       \
	__attribute__((noinline)) void name(void)        \
	{                                                \
		asm volatile("# " #name : : : "memory"); \
	}

place(mapped) place(written) place(was_read) place(written_again) place(protected)
	place(unmapped) place(populated)

		static void change(char *p)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	volatile char *bytes = p;

	must_map(p, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, flags, -1);
	mapped();
	bytes[0] = 1;
	written();
	(void)bytes[PAGE_SIZE];
	was_read();
	bytes[PAGE_SIZE] = 1;
	written_again();
	sys_mprotect(p, PAGE_SIZE, PROT_READ);
	protected();
	sys_munmap(p, PAGES * PAGE_SIZE);
	unmapped();
	must_map(p, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, -1);
	populated();
}

int main(void)
{
	change((char *)WARM_UP);
	change((char *)CHANGES_AT);
	return 0;
}
