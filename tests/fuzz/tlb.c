/* SPDX-License-Identifier: MIT */
/*
 * tlb.c: a TLB of a few entries, and what a shadow keeps linked. The MMU-notifier events that empty
 * the TLB are the VMM's madvise and mprotect calls on guest memory: the linker (--wrap) leads them
 * through here. What is linked goes by a drop of everything only: one that the VM makes, or a memory
 * slot's end.
 */
#include "tests/fuzz/tlb.h"

#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"

#define ENTRIES 64
#define TABLES 256

static struct cached {
	gva_t gva; /* page-aligned, as gpa and hva */
	gpa_t gpa;
	const char *hva;
	unsigned access; /* 0: the entry is empty. MV_WRITE: it has D, writes set none any more */
} tlb[ENTRIES];

/* 2 MiB leaves that were used. */
static struct leaf {
	gva_t gva;
	gfn_t gfn; /* 0: none */
} leaves[ENTRIES];

/* Tables that were walked: what for. */
static struct table {
	gfn_t gfn; /* 0: none */
	unsigned level;
	gva_t gva; /* that its span begins at */
} tables[TABLES];

static struct cached *slot_of(gva_t gva)
{
	return &tlb[(gva >> PAGE_SHIFT ^ gva >> PMD_SHIFT) % ENTRIES];
}

void tlb_drop(void)
{
	memset(tlb, 0, sizeof(tlb));
	memset(leaves, 0, sizeof(leaves));
	memset(tables, 0, sizeof(tables));
}

/* A table that a shadow was made of is no other address's before a drop. */
static void link_table(gfn_t gfn, unsigned level, gva_t gva)
{
	struct table *t = &tables[gfn % TABLES];

	if (level < LEVEL_PGD)
		gva &= ~((1ull << level_shift(level + 1)) - 1);
	else
		gva = 0;
	must(t->gfn != gfn || (t->level == level && t->gva == gva),
	     "table gfn %#x is used at %#lx, level %u; no drop since %#lx, level %u", gfn,
	     gva, level, t->gva, t->level);
	*t = (struct table){ gfn, level, gva };
}

static void link_path(struct mm *mm, gva_t gva)
{
	struct pt_path path;

	pt_walk(mm, gva, LEVEL_PTE, false, &path);
	for (unsigned level = LEVEL_PGD; level >= path.level; level--)
		link_table(path.table[level], level, gva);
	if (path.level == LEVEL_PMD)
		leaves[(gva >> PMD_SHIFT) % ENTRIES] =
			(struct leaf){ gva & PMD_MASK, pte_gfn(*pt_last(&path)) };
}

void tlb_fill(struct mm *mm, gva_t gva, gpa_t gpa, unsigned access)
{
	struct cached *c = slot_of(gva);

	link_path(mm, gva);
	gva &= PAGE_MASK;
	gpa &= PAGE_MASK;
	if (c->gva == gva && c->gpa == gpa)
		access |= c->access;
	*c = (struct cached){ gva, gpa, phys_hva(mm->phys, gpa), access };
}

void tlb_fault(gva_t gva)
{
	struct cached *c = slot_of(gva);

	if (c->gva == (gva & PAGE_MASK))
		c->access = 0;
}

static void check_cached(struct mm *mm, const struct cached *c)
{
	struct mv_walk walk;

	mm_walk(mm, c->gva, &walk);
	must(walk.present && walk.gpa == c->gpa && !(c->access & ~walk.access),
	     "%#lx is cached as gpa %#lx, access %u; the tables say %#lx, %u", c->gva,
	     c->gpa, c->access, walk.gpa, walk.access);
	must(!(c->access & MV_WRITE) || walk.steps[walk.nsteps - 1].entry & PTE_D,
	     "%#lx is cached as dirty: a write would go unseen", c->gva);
}

static void check_linked(struct mm *mm, const struct leaf *leaf)
{
	struct pt_path path;

	pt_walk(mm, leaf->gva, LEVEL_PTE, false, &path);
	must(path.level == LEVEL_PMD && pte_gfn(*pt_last(&path)) == leaf->gfn,
	     "the leaf at %#lx went without a drop", leaf->gva);
}

/* Where a pte table was walked, its shadow is linked still: no leaf may stand there before a drop. */
static void check_table(struct mm *mm, const struct table *t)
{
	struct pt_path path;

	pt_walk(mm, t->gva, LEVEL_PTE, false, &path);
	must(path.level != LEVEL_PMD || !*pt_last(&path),
	     "a leaf at %#lx where table gfn %#x was, without a drop", t->gva, t->gfn);
}

void tlb_check(struct mm *mm)
{
	for (unsigned i = 0; i < TABLES; i++)
		if (tables[i].gfn && tables[i].level == LEVEL_PTE)
			check_table(mm, &tables[i]);
	for (unsigned i = 0; i < ENTRIES; i++) {
		if (tlb[i].access)
			check_cached(mm, &tlb[i]);
		if (leaves[i].gfn)
			check_linked(mm, &leaves[i]);
	}
}

/* What KVM's MMU notifier does for [addr, addr + len). */
static void notify(const char *addr, size_t len)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (tlb[i].hva >= addr && tlb[i].hva < addr + len)
			tlb[i].access = 0;
}

int __real_madvise(void *addr, size_t len, int advice);
int __wrap_madvise(void *addr, size_t len, int advice);
int __real_mprotect(void *addr, size_t len, int prot);
int __wrap_mprotect(void *addr, size_t len, int prot);

int __wrap_madvise(void *addr, size_t len, int advice)
{
	/* MADV_POPULATE_* give memory where none is, others set a policy: no event to rely on */
	if (advice == MADV_DONTNEED)
		notify(addr, len);
	return __real_madvise(addr, len, advice);
}

int __wrap_mprotect(void *addr, size_t len, int prot)
{
	notify(addr, len);
	return __real_mprotect(addr, len, prot);
}
