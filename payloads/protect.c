/* SPDX-License-Identifier: MIT */
/*
 * protect.c: changes what four pages allow and what they are, and looks at them after
 * each change. A translation that outlived its change would show the old page.
 */
#include "guest/rt.h"

#define PAGES 4

volatile unsigned long *pages;

static volatile unsigned long *page(int i)
{
	return pages + i * PAGE_SIZE / sizeof(*pages);
}

static void check(long err, const char *what)
{
	if (err < 0)
		die(err, "%s", what);
}

/* Each page's first word against what it should hold. */
static void expect(const char *when, unsigned long a, unsigned long b, unsigned long c,
		   unsigned long d)
{
	const unsigned long want[PAGES] = { a, b, c, d };

	for (int i = 0; i < PAGES; i++)
		if (*page(i) != want[i])
			die(0, "%s: page %d holds %lx, not %lx", when, i, *page(i),
			    want[i]);
	say("ok: %s\n", when);
}

static void protect_middle(void)
{
	check(sys_mprotect((void *)page(1), 2 * PAGE_SIZE, PROT_READ), "mprotect to read");
	expect("two pages read-only", 10, 11, 12, 13);
	*page(0) = 20;
	*page(3) = 23;
	expect("their neighbours written", 20, 11, 12, 23);

	check(sys_mprotect((void *)page(1), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE),
	      "mprotect to write");
	*page(1) = 21;
	*page(2) = 22;
	expect("writable again, and written", 20, 21, 22, 23);

	check(sys_mprotect((void *)page(2), PAGE_SIZE, PROT_NONE), "mprotect to none");
	check(sys_mprotect((void *)page(2), PAGE_SIZE, PROT_READ), "mprotect back");
	expect("one page gone and back", 20, 21, 22, 23);
}

static void replace_middle(void)
{
	check(sys_munmap((void *)page(1), PAGE_SIZE), "munmap");
	must_map((void *)page(1), PAGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
	expect("one page unmapped and mapped anew", 20, 0, 22, 23);
	*page(1) = 31;
	expect("the new page written", 20, 31, 22, 23);

	must_map((void *)page(1), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
	expect("two pages replaced in place", 20, 0, 0, 23);
	*page(1) = 41;
	*page(2) = 42;
	expect("the new pages written", 20, 41, 42, 23);
}

int main(void)
{
	pages = must_map(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (int i = 0; i < PAGES; i++)
		*page(i) = 10 + i;
	expect("four pages written", 10, 11, 12, 13);
	protect_middle();
	replace_middle();
	return 0;
}
