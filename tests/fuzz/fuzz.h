/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h: what the fuzz targets share: their entries, their assertion, and an mm without KVM,
 * as tests/mm/space.h makes it, but without Criterion. `make fuzz` builds each target with
 * libFuzzer, under the name that it wants; `make test` calls them in the suite mm.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/tlb.h"

/* libFuzzer's interface: run one input; 0. What is wrong aborts. */
int fuzz_elf(const uint8_t *data, size_t size);
int fuzz_mm(const uint8_t *data, size_t size);
int fuzz_calls(const uint8_t *data, size_t size);

/* must(condition, "format", ...): else say where and what, and abort. */
#define must(cond, ...)                                                                    \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #cond); \
			fprintf(stderr, __VA_ARGS__);                                      \
			fputc('\n', stderr);                                               \
			abort();                                                           \
		}                                                                          \
	} while (0)

/* More than any input needs. */
#define SLOTS_MAX 10000

struct fuzz_space {
	struct phys phys;
	struct mm mm;
	int slots;    /* memory slots that exist */
	int slot_max; /* that the VM gives */
};

static inline int fuzz_slot(void *ctx, unsigned slot, gpa_t gpa, uint64_t size, void *hva)
{
	struct fuzz_space *s = ctx;

	must(gpa % PMD_SIZE == 0 && (uintptr_t)hva % PMD_SIZE == 0, "slot %u", slot);
	if (size && s->slots >= s->slot_max)
		return -ENOSPC;
	s->slots += size ? 1 : -1;
	if (!size)
		tlb_drop();
	return 0;
}

static inline int fuzz_drop(void *ctx)
{
	(void)ctx;
	tlb_drop();
	return 0;
}

static inline void fuzz_space_init(struct fuzz_space *s, uint64_t limit, unsigned around,
				   enum mv_thp thp)
{
	static const struct phys_ops ops = { fuzz_slot, fuzz_drop };

	tlb_drop();
	s->slots = 0;
	s->slot_max = SLOTS_MAX;
	must(!phys_init(&s->phys, &ops, s, 1ull << 38, limit), "no memory");
	must(!mm_init(&s->mm, &s->phys, around, thp), "no memory");
}

/* All that was the mm's and its objects' must have come back: objects are put before. */
static inline void fuzz_space_destroy(struct fuzz_space *s)
{
	must(s->phys.reserved == 0, "%lu frames are left", s->phys.reserved);
	must(s->phys.nodes == 0, "%lu nodes are left", s->phys.nodes);
	must(s->phys.charged == s->phys.nr_quarantine + s->phys.nr_free_tables,
	     "%lu pages are charged", s->phys.charged);
	for (const struct arena *a = s->phys.arenas; a; a = a->next) {
		must(a->kind != ARENA_FILE, "a window is left");
		s->slots--;
	}
	must(s->slots == 0, "%d slots too many", s->slots);
	phys_destroy(&s->phys);
}

/*
 * What a CPU does: fault if it must, then set A, and D for a write. Where the page is then, in
 * *gpa, unless the fault was fatal.
 */
static inline struct mm_fault fuzz_touch(struct fuzz_space *s, gva_t gva, unsigned access,
					 gpa_t *gpa)
{
	struct mm_fault f = { .kind = MV_FAULT_SPURIOUS };
	struct pt_path path;
	uint64_t span;

	pt_walk(&s->mm, gva, LEVEL_PTE, false, &path);
	if (!(pte_access(*pt_last(&path)) & access)) {
		if (s->mm.nr_vcpus == 1) /* another one would not notice */
			tlb_fault(gva);
		f = mm_fault(&s->mm, gva, access);
	}
	if (f.kind == MV_FAULT_FATAL)
		return f;
	pt_walk(&s->mm, gva, LEVEL_PTE, false, &path);
	must(pte_access(*pt_last(&path)) & access, "%#lx after a fault of kind %s", gva,
	     mv_fault_name(f.kind));
	*pt_last(&path) |= access == MV_WRITE ? PTE_A | PTE_D : PTE_A;
	span = 1ull << level_shift(path.level);
	*gpa = (*pt_last(&path) & PTE_ADDR & ~(span - 1)) | (gva & (span - 1));
	must(phys_arena(&s->phys, *gpa), "%#lx leads to gpa %#lx, which is no memory", gva,
	     *gpa);
	tlb_fill(&s->mm, gva, *gpa, access);
	return f;
}

#endif
