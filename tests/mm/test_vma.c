/* SPDX-License-Identifier: MIT */
/* test_vma.c: the search for a hole against brute force over pages; the limit of VMAs. */
#include "tests/lib/random.h"
#include "tests/mm/space.h"

#define BASE 0x10000000ull
#define PAGES 4096u

static uint64_t state;

static unsigned pick(unsigned n)
{
	return pick_from(&state, n);
}

/* The highest run of n free pages in [low, high), by looking at each; 0: none. */
static gva_t brute(const unsigned char *used, unsigned n, unsigned low, unsigned high)
{
	unsigned run = 0;

	for (unsigned i = high; i-- > low;) {
		run = used[i] ? 0 : run + 1;
		if (run == n)
			return BASE + i * PAGE_SIZE;
	}
	return 0;
}

static void change(struct space *s, unsigned char *used, unsigned most)
{
	unsigned at = pick(PAGES), n = 1 + pick(most);

	n = at + n > PAGES ? PAGES - at : n;
	if (pick(2)) {
		cr_assert(!mm_munmap(&s->mm, BASE + at * PAGE_SIZE, n * PAGE_SIZE));
		memset(used + at, 0, n);
	} else {
		map(s, BASE + at * PAGE_SIZE, n * PAGE_SIZE, (int)pick(8), ANON);
		memset(used + at, 1, n);
	}
}

static void search(uint64_t seed, unsigned most)
{
	static unsigned char used[PAGES];
	struct space s;

	memset(used, 0, sizeof(used));
	state = seed;
	space_init(&s, 1ull << 30, 1, MV_THP_NEVER);
	for (unsigned step = 0; step < 6000; step++) {
		unsigned low = pick(PAGES), high = pick(PAGES + 1), n = 1 + pick(40);
		gva_t want, found;

		change(&s, used, most);
		if (step % 3 == 0)
			low = 0, high = PAGES;
		want = brute(used, n, low, high);
		found = vma_find_hole(&s.mm, n * PAGE_SIZE, BASE + low * PAGE_SIZE,
				      BASE + high * PAGE_SIZE);
		cr_assert_eq(found, want,
			     "seed %lu step %u: %u pages in %u-%u: %#lx, not %#lx", seed,
			     step, n, low, high, found, want);
	}
	cr_assert(s.mm.map_count > 30, "%u VMAs are no test", s.mm.map_count);
	space_destroy(&s);
}

Test(vma, the_hole_found_is_the_highest_among_few_large_vmas)
{
	search(1, 60);
}

Test(vma, the_hole_found_is_the_highest_among_hundreds_of_vmas)
{
	search(2, 4);
}

Test(vma, a_hole_keeps_the_gap_below_a_stack)
{
	const gva_t end = BASE + 4096 * PAGE_SIZE, start = end - 16 * PAGE_SIZE;
	struct space s;

	space_init(&s, 1ull << 30, 1, MV_THP_NEVER);
	cr_assert(!mm_map_stack(&s.mm, end, 16 * PAGE_SIZE));
	cr_assert_eq(vma_find_hole(&s.mm, PAGE_SIZE, BASE, end),
		     start - STACK_GUARD_GAP - PAGE_SIZE);
	map(&s, BASE, PAGE_SIZE, RW, ANON);
	cr_assert_eq(vma_find_hole(&s.mm, PAGE_SIZE, BASE, end),
		     start - STACK_GUARD_GAP - PAGE_SIZE);
	cr_assert_eq(vma_find_hole(&s.mm, start - STACK_GUARD_GAP - BASE - PAGE_SIZE, BASE,
				   end),
		     BASE + PAGE_SIZE);
	cr_assert_eq(vma_find_hole(&s.mm, start - STACK_GUARD_GAP - BASE, BASE, end), 0);
	space_destroy(&s);
}

Test(vma, no_more_vmas_than_the_limit)
{
	struct space s;
	unsigned n = 0;
	long ret;

	space_init(&s, 1ull << 30, 1, MV_THP_NEVER);
	s.mm.max_map_count = 2000;
	do
		ret = mm_mmap(&s.mm, BASE + 2 * n * PAGE_SIZE, PAGE_SIZE, PROT_READ,
			      ANON | MAP_FIXED, NULL, false, false, 0);
	while (ret > 0 && ++n < 3000);
	cr_assert_eq(ret, -ENOMEM);
	/* do_mmap() of Linux refuses only above the limit */
	cr_assert_eq(n, 2001);
	space_destroy(&s);
}
