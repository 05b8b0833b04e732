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

/* A stack of 16 pages that ends at `end`, from which on placement goes down. */
static gva_t space_with_stack(struct space *s, gva_t end)
{
	space_init(s, 1ull << 30, 1, MV_THP_NEVER);
	cr_assert(!mm_map_stack(&s->mm, end, 16 * PAGE_SIZE));
	s->mm.mmap_base = end;
	return end - 16 * PAGE_SIZE;
}

static gva_t place(struct space *s, uint64_t len)
{
	return (gva_t)mm_get_unmapped_area(&s->mm, NULL, 0, len, 0, ANON);
}

Test(vma, a_new_mapping_keeps_the_gap_below_a_stack)
{
	struct space s;
	const gva_t end = BASE + 4096 * PAGE_SIZE, start = space_with_stack(&s, end),
		    gap = start - STACK_GUARD_GAP;

	cr_assert_eq(place(&s, PAGE_SIZE), gap - PAGE_SIZE);
	map(&s, BASE, PAGE_SIZE, RW, ANON);
	cr_assert_eq(place(&s, PAGE_SIZE), gap - PAGE_SIZE);
	cr_assert_eq(place(&s, gap - BASE - PAGE_SIZE), BASE + PAGE_SIZE);
	space_destroy(&s);
}

/* unmapped_area_topdown() of mm/vma.c goes on below the whole gap, not below the next VMA. */
Test(vma, a_new_mapping_keeps_out_of_a_stacks_gap_also_below_what_lies_in_it)
{
	struct space s;
	const gva_t end = BASE + 4096 * PAGE_SIZE, start = space_with_stack(&s, end),
		    gap = start - STACK_GUARD_GAP;

	map(&s, start - 8 * PAGE_SIZE, 5 * PAGE_SIZE, RW, ANON);
	cr_assert_eq(place(&s, PAGE_SIZE), gap - PAGE_SIZE);
	/* too long for the hole that is right below the stack: its gap doesn't come into it */
	cr_assert_eq(place(&s, 4 * PAGE_SIZE), start - 12 * PAGE_SIZE);
	space_destroy(&s);
}

/* unmapped_area() goes on behind the stack. */
Test(vma, a_new_low_mapping_goes_behind_a_stack_whose_gap_it_would_begin_in)
{
	const gva_t low = 0x40000000, start = low + 100 * PAGE_SIZE;
	struct space s;

	space_init(&s, 1ull << 30, 1, MV_THP_NEVER);
	map(&s, low, 10 * PAGE_SIZE, RW, ANON);
	cr_assert(!mm_map_stack(&s.mm, start + 16 * PAGE_SIZE, 16 * PAGE_SIZE));
	cr_assert_eq(mm_get_unmapped_area(&s.mm, NULL, 0, PAGE_SIZE, 0, ANON | MAP_32BIT),
		     (long)(start + 16 * PAGE_SIZE));
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
