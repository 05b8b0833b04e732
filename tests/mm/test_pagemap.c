/* SPDX-License-Identifier: MIT */
/* test_pagemap.c: the radix tree against a plain array, by random operations. */
#include <criterion/criterion.h>

#include "tests/lib/random.h"
#include "vmm/mm/pagemap.h"

#define BLOCKS 8u
#define BLOCK 512u

/* A few blocks that lie far apart: each level of the tree has more than one slot in use. */
static const uint64_t base_of[BLOCKS] = {
	0, 512, 1024, 262144 - 512, 262144, 1ull << 27, 1ull << 35, (1ull << 36) - 512
};

struct model {
	gfn_t gfn[BLOCKS][BLOCK];
	bool huge[BLOCKS];
};

static uint64_t state;

static unsigned pick(unsigned n)
{
	return pick_from(&state, n);
}

static unsigned run(const struct model *m, unsigned b, unsigned i, unsigned max)
{
	unsigned n = 0;

	while (n < max && i + n < BLOCK && !m->gfn[b][i + n])
		n++;
	return n;
}

static void compare_page(const struct pagemap *map, const struct model *m, unsigned b,
			 unsigned i)
{
	struct pagemap_entry e = pagemap_get(map, base_of[b] + i);

	cr_assert_eq(e.gfn, m->gfn[b][i], "block %u page %u", b, i);
	cr_assert_eq(e.huge, m->gfn[b][i] && m->huge[b], "block %u page %u", b, i);
}

/* pagemap_next() finds what the array has, and nothing else. */
static void compare_all(const struct pagemap *map, const struct model *m)
{
	uint64_t at = 0, end = 1ull << PAGEMAP_BITS, pages = 0;

	for (unsigned b = 0; b < BLOCKS; b++)
		for (unsigned i = 0; i < BLOCK; i++) {
			if (!m->gfn[b][i])
				continue;
			at = pagemap_next(map, at, end);
			cr_assert_eq(at, base_of[b] + i, "%#lx", at);
			at++;
			pages++;
		}
	cr_assert_eq(pagemap_next(map, at, end), end);
	cr_assert_eq(map->pages, pages);
}

static void set(struct pagemap *map, struct model *m, unsigned b, unsigned i, gfn_t gfn)
{
	unsigned n = run(m, b, i, 1 + pick(40));

	cr_assert_eq(pagemap_empty_run(map, base_of[b] + i, n ? n : 1), n);
	if (!n)
		return;
	cr_assert(!pagemap_set(map, base_of[b] + i, gfn, n));
	for (unsigned k = 0; k < n; k++)
		m->gfn[b][i + k] = gfn + k;
}

static void set_huge(struct pagemap *map, struct model *m, unsigned b, gfn_t gfn)
{
	if (run(m, b, 0, BLOCK) < BLOCK)
		return;
	cr_assert(!pagemap_set_huge(map, base_of[b], gfn));
	m->huge[b] = true;
	for (unsigned k = 0; k < BLOCK; k++)
		m->gfn[b][k] = gfn + k;
}

static void clear(struct pagemap *map, struct model *m, unsigned b, unsigned i)
{
	struct pagemap_entry e = pagemap_clear(map, base_of[b] + i);
	bool huge = m->huge[b];

	cr_assert_eq(e.gfn, m->gfn[b][huge ? 0 : i]);
	cr_assert_eq(e.huge, huge);
	if (huge)
		memset(m->gfn[b], 0, sizeof(m->gfn[b]));
	m->gfn[b][i] = 0;
	m->huge[b] = false;
}

Test(pagemap, agrees_with_an_array_after_each_of_100000_operations)
{
	static struct model m;
	struct pagemap map;
	struct phys phys;

	state = 7;
	cr_assert(!phys_init(&phys, NULL, NULL, 1ull << 40, 1ull << 30));
	pagemap_init(&map, &phys);
	for (unsigned step = 0; step < 100000; step++) {
		unsigned b = pick(BLOCKS), i = pick(BLOCK), op = pick(16);
		gfn_t gfn = (1 + pick(100000)) * BLOCK;

		if (op < 7)
			set(&map, &m, b, i, gfn);
		else if (op < 13)
			clear(&map, &m, b, i);
		else if (op < 14)
			set_huge(&map, &m, b, gfn);
		else if (op < 15 && m.huge[b]) {
			cr_assert(!pagemap_split(&map, base_of[b]));
			m.huge[b] = false;
		} else if (!pick(20))
			for (unsigned k = 0; k < BLOCK; k++)
				clear(&map, &m, b, k);
		compare_page(&map, &m, b, i);
		compare_page(&map, &m, pick(BLOCKS), pick(BLOCK));
		if (step % 500 == 0)
			compare_all(&map, &m);
	}
	compare_all(&map, &m);
	pagemap_destroy(&map);
	cr_assert_eq(phys.nodes, 0);
	phys_destroy(&phys);
}
