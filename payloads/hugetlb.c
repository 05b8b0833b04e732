/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.c: maps memory in huge pages, private and shared, leaves a word in each 4 KiB of it,
 * and takes one away from each, and the right to write another.
 */
#include "guest/rt.h"

#define HUGE (2 * MIB)
#define PAGES 4

uint64_t private, shared;

static void must(long err, const char *what)
{
	if (err < 0)
		die(err, "%s", what);
}

static uint64_t use(int type)
{
	char *at = (char *)sys_mmap(NULL, PAGES * HUGE, PROT_READ | PROT_WRITE,
				    type | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	must((long)at, "mmap");
	for (size_t i = 0; i < PAGES * HUGE; i += PAGE_SIZE)
		*(uint64_t *)(at + i) = i ^ PATTERN;
	must(sys_mprotect(at + HUGE, HUGE, PROT_READ), "mprotect");
	must(sys_munmap(at, HUGE), "munmap"); /* where the next one may be placed */
	if (sys_munmap(at + HUGE, PAGE_SIZE) != -EINVAL)
		die(0, "a part of a huge page was unmapped");
	for (size_t i = HUGE; i < PAGES * HUGE; i += PAGE_SIZE)
		if (*(volatile uint64_t *)(at + i) != (i ^ PATTERN))
			die(0, "another word at %lu", i);
	return (uint64_t)at;
}

int main(void)
{
	private = use(MAP_PRIVATE);
	shared = use(MAP_SHARED);
	say("%lu huge pages\n", 2ul * PAGES);
	return 0;
}
