/* SPDX-License-Identifier: MIT */
/*
 * sparse.c: 1000 pages spread over the 128 TiB of user space, in seven groups, each wider
 * apart than the one before: neighbours share a pte table, then a pmd table, a pud table,
 * and at last nothing but the pgd. How many tables that takes, and how many there could be,
 * follows from the addresses alone.
 */
#include "guest/rt.h"

/*
 * Behind a program at the usual low address and its heap. Further up lie PIEs, mmap()'s area
 * and the stack: a few MiB that hardly meet one page in 1.25 TiB; if so, the call says it.
 */
#define FIRST (64 * GIB)

/* A place has a pte table to itself from 2 MiB on, a pmd from 1 GiB, a pud in the last. */
static const struct {
	const char *name;
	size_t step;
	unsigned int count;
} groups[] = {
	{ .name = "4 KiB", .step = 4 * KIB, .count = 200 },
	{ .name = "64 KiB", .step = 64 * KIB, .count = 200 },
	{ .name = "2 MiB", .step = 2 * MIB, .count = 200 },
	{ .name = "32 MiB", .step = 32 * MIB, .count = 100 },
	{ .name = "1 GiB", .step = 1 * GIB, .count = 150 },
	{ .name = "16 GiB", .step = 16 * GIB, .count = 50 },
	{ .name = "1.25 TiB", .step = 1280 * GIB, .count = 100 },
};

unsigned long places[1000];

/* What these places need, the program's own image and stack not counted. */
unsigned long expected_pte_tables;
unsigned long expected_pmd_tables;
unsigned long expected_pud_tables;

static void touch(unsigned long addr)
{
	unsigned long *p;

	p = must_map((void *)addr, PAGE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
	if ((unsigned long)p != addr)
		die(0, "%p is at %p", (void *)addr, p);
	*p = addr ^ PATTERN;
}

/* Addresses ascend, so a table is new where its part of the address has changed. */
static void count_tables(unsigned long addr, unsigned long last)
{
	expected_pte_tables += addr >> 21 != last >> 21;
	expected_pmd_tables += addr >> 30 != last >> 30;
	expected_pud_tables += addr >> 39 != last >> 39;
}

static unsigned int touch_all(void)
{
	unsigned long addr = FIRST, last = -1ul;
	unsigned int n = 0;

	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		for (unsigned int i = 0; i < groups[g].count; i++) {
			touch(addr);
			count_tables(addr, last);
			places[n++] = last = addr;
			addr += groups[g].step;
		}
		say("%u places %s apart, up to %p: so far "
		    "%lu pte, %lu pmd, %lu pud tables\n",
		    groups[g].count, groups[g].name, (void *)last, expected_pte_tables,
		    expected_pmd_tables, expected_pud_tables);
	}
	return n;
}

int main(void)
{
	unsigned int n = touch_all();
	unsigned long tables =
		1 + expected_pud_tables + expected_pmd_tables + expected_pte_tables;

	for (unsigned int i = 0; i < n; i++)
		if (*(unsigned long *)places[i] != (places[i] ^ PATTERN))
			die(0, "%p lost its word", (void *)places[i]);

	say("%u pages need 1 pgd, %lu pud, %lu pmd, %lu pte tables: %lu KiB\n", n,
	    expected_pud_tables, expected_pmd_tables, expected_pte_tables, tables * 4);
	say("a full set: 1 pgd (4 KiB), %lu pud (%lu MiB), %lu pmd (%lu GiB), "
	    "%lu pte (%lu GiB)\n",
	    1ul << 9, (PAGE_SIZE << 9) / MIB, 1ul << 18, (PAGE_SIZE << 18) / GIB, 1ul << 27,
	    (PAGE_SIZE << 27) / GIB);
	return 0;
}
