/* SPDX-License-Identifier: MIT */
/*
 * test_walk.c: mm_walk() against a model of four-level paging that was written from SDM vol. 3A,
 * 4.5 and 4.6 alone, and reads raw memory: over generated combinations of entry bits, at every
 * level, and accesses.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "vmm/mm/pgtable.h"

/* ---- the model: nothing of pte.h, types.h or pgtable.c is used in it */

enum access { READ, WRITE, FETCH };

/* What the processor does with a user-mode access. */
struct outcome {
	bool faults;
	uint64_t physical;  /* if not: where it goes */
	unsigned long page; /* ... and the page's size */
	unsigned error;	    /* if so: bits P, W/R, U/S and I/D of the error code; 4.7 */
};

/* 8 bytes of guest-physical memory. */
typedef uint64_t read_fn(const void *memory, uint64_t physical);

static struct outcome page_fault(enum access access, bool present)
{
	return (struct outcome){ .faults = true,
				 .error = (present ? 1 : 0) | (access == WRITE ? 2 : 0) |
					  4 | (access == FETCH ? 16 : 0) };
}

/* Table 4-14 and figure 4-8; CR0.WP = 1, IA32_EFER.NXE = 1, no PCID, no keys, MAXPHYADDR 52. */
static struct outcome model(read_fn *read, const void *memory, uint64_t cr3,
			    uint64_t linear, enum access access)
{
	uint64_t entry = 0, base = cr3, offset_bits = 12;
	bool writable = true, user = true, no_execute = false;

	for (int shift = 39; shift >= 12; shift -= 9) {
		entry = read(memory,
			     (base & 0xffffffffff000) + 8 * (linear >> shift & 0x1ff));
		if (!(entry & 1))
			return page_fault(access, false);
		writable = writable && (entry >> 1 & 1);
		user = user && (entry >> 2 & 1);
		no_execute = no_execute || entry >> 63;
		base = entry;
		if ((shift == 21 || shift == 30) && (entry >> 7 & 1)) {
			offset_bits = (uint64_t)shift;
			break;
		}
	}
	if (!user || (access == WRITE && !writable) || (access == FETCH && no_execute))
		return page_fault(access, true);
	return (struct outcome){
		.physical = (entry & 0xffffffffff000 & ~((1ull << offset_bits) - 1)) |
			    (linear & ((1ull << offset_bits) - 1)),
		.page = 1ul << offset_bits,
	};
}

/* ---- the tables under test */

static uint64_t read_phys(const void *memory, uint64_t physical)
{
	const struct mm *mm = memory;
	uint64_t value;

	memcpy(&value, phys_hva(mm->phys, physical), sizeof(value));
	return value;
}

struct space {
	struct phys phys;
	struct mm mm;
	gfn_t frame; /* what the leaf leads to */
};

static void space_init(struct space *s)
{
	unsigned got;

	cr_assert(!phys_init(&s->phys, NULL, NULL, 1ull << 40, 1ull << 30));
	cr_assert(!mm_init(&s->mm, &s->phys, 1, MV_THP_NEVER));
	s->frame = phys_alloc_anon(&s->phys, 1, &got);
}

static void space_destroy(struct space *s)
{
	mm_destroy(&s->mm);
	phys_destroy(&s->phys);
}

/* Compare one gva under all three accesses; where they differ, say how. */
static void compare(struct space *s, gva_t gva)
{
	static const unsigned bit[] = { MV_READ, MV_WRITE, MV_EXEC };
	const uint64_t cr3 = gfn_gpa(s->mm.pgd);
	struct mv_walk walk;

	cr_assert(!mm_walk(&s->mm, gva, &walk));
	for (int a = READ; a <= FETCH; a++) {
		struct outcome want = model(read_phys, &s->mm, cr3, gva, (enum access)a);
		bool allowed = walk.present && walk.access & bit[a];

		cr_assert_eq(allowed, !want.faults, "gva %#lx access %d: allowed %d", gva,
			     a, allowed);
		if (want.faults) {
			cr_assert_eq(walk.present, want.error & 1, "gva %#lx", gva);
			continue;
		}
		cr_assert_eq(walk.gpa, want.physical, "gva %#lx: gpa %#lx, %#lx expected",
			     gva, walk.gpa, want.physical);
		cr_assert_eq(walk.page_size, want.page);
	}
}

/* P, W, U, A, D, G, NX in the seven bits of n. */
static uint64_t bits_of(unsigned n)
{
	return (n & 1) | (n & 2) | (n & 4) | (n & 8 ? 1u << 5 : 0) |
	       (n & 16 ? 1u << 6 : 0) | (n & 32 ? 1u << 8 : 0) | (n & 64 ? 1ull << 63 : 0);
}

Test(walk, agrees_with_the_model_for_all_bits_of_a_pte)
{
	struct pt_path path;
	struct space s;

	space_init(&s);
	cr_assert(!pt_walk(&s.mm, 0x123456789000, LEVEL_PTE, true, &path));
	for (unsigned n = 0; n < 128; n++) {
		*path.entry[LEVEL_PTE] = gfn_gpa(s.frame) | bits_of(n);
		compare(&s, 0x123456789000);
		compare(&s, 0x123456789fff);
	}
	*path.entry[LEVEL_PTE] = 0;
	space_destroy(&s);
}

Test(walk, agrees_with_the_model_for_rights_at_all_four_levels)
{
	struct pt_path path;
	struct space s;

	space_init(&s);
	cr_assert(!pt_walk(&s.mm, 0x7ffffffff123, LEVEL_PTE, true, &path));
	*path.entry[LEVEL_PTE] = gfn_gpa(s.frame);
	for (unsigned n = 0; n < 1 << 16; n++) { /* P, W, U and NX of each level */
		for (unsigned l = LEVEL_PTE; l <= LEVEL_PGD; l++) {
			unsigned four = n >> (4 * (l - 1)) & 15;

			*path.entry[l] = (*path.entry[l] & 0xffffffffff000) | (four & 7) |
					 (four & 8 ? 1ull << 63 : 0);
		}
		compare(&s, 0x7ffffffff123);
	}
	for (unsigned l = LEVEL_PTE; l <= LEVEL_PGD; l++)
		*path.entry[l] = (*path.entry[l] & 0xffffffffff000) | 7;
	*path.entry[LEVEL_PTE] = 0;
	space_destroy(&s);
}

Test(walk, agrees_with_the_model_for_a_2_mib_leaf)
{
	struct pt_path path;
	struct space s;
	gfn_t huge;

	space_init(&s);
	huge = phys_alloc_huge(&s.phys);
	cr_assert(huge);
	cr_assert(!pt_walk(&s.mm, 0x40000000, LEVEL_PMD, true, &path));
	for (unsigned n = 0; n < 128; n++) {
		if (!(bits_of(n) & 1))
			continue; /* PS means nothing in an entry that is not present */
		*path.entry[LEVEL_PMD] = gfn_gpa(huge) | bits_of(n) | 1u << 7;
		compare(&s, 0x40000000);
		compare(&s, 0x400abcde);
		compare(&s, 0x401fffff);
	}
	*path.entry[LEVEL_PMD] = 0;
	space_destroy(&s);
}

Test(walk, names_the_entry_that_is_missing)
{
	static const gva_t gva = 0x5555deadb000;
	struct pt_path path;
	struct mv_walk walk;
	struct space s;

	space_init(&s);
	for (unsigned l = LEVEL_PGD; l >= LEVEL_PTE; l--) {
		cr_assert(!mm_walk(&s.mm, gva, &walk));
		cr_assert(!walk.present);
		cr_assert_eq(walk.nsteps, 5 - l);
		cr_assert_eq(walk.steps[walk.nsteps - 1].level, l);
		cr_assert_eq(walk.steps[walk.nsteps - 1].index,
			     gva >> (12 + 9 * (l - 1)) & 511);
		if (l > LEVEL_PTE)
			cr_assert(!pt_walk(&s.mm, gva, l - 1, true, &path));
	}
	space_destroy(&s);
}

Test(walk, refuses_addresses_between_the_canonical_halves)
{
	struct mv_walk walk;
	struct space s;

	space_init(&s);
	cr_assert_eq(mm_walk(&s.mm, 0x800000000000, &walk), -EINVAL);
	cr_assert_eq(mm_walk(&s.mm, 0xffff7fffffffffff, &walk), -EINVAL);
	cr_assert_eq(mm_walk(&s.mm, 0x7fffffffffff, &walk), 0);
	cr_assert_eq(mm_walk(&s.mm, 0xffff800000000000, &walk), 0);
	space_destroy(&s);
}
