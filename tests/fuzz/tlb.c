/* SPDX-License-Identifier: MIT */
/*
 * tlb.c: a TLB of a few entries. The MMU-notifier events that empty it are the VMM's madvise and
 * mprotect calls on guest memory: the linker (--wrap) leads them through here.
 */
#include "tests/fuzz/tlb.h"

#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"

#define ENTRIES 64

static struct cached {
	gva_t gva; /* page-aligned, as gpa and hva */
	gpa_t gpa;
	const char *hva;
	unsigned access; /* 0: the entry is empty */
} tlb[ENTRIES];

static struct cached *slot_of(gva_t gva)
{
	return &tlb[(gva >> PAGE_SHIFT ^ gva >> PMD_SHIFT) % ENTRIES];
}

void tlb_drop(void)
{
	memset(tlb, 0, sizeof(tlb));
}

void tlb_fill(struct mm *mm, gva_t gva, gpa_t gpa, unsigned access)
{
	struct cached *c = slot_of(gva);

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
}

void tlb_check(struct mm *mm)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (tlb[i].access)
			check_cached(mm, &tlb[i]);
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
	if (advice == MADV_DONTNEED)
		notify(addr, len);
	return __real_madvise(addr, len, advice);
}

int __wrap_mprotect(void *addr, size_t len, int prot)
{
	notify(addr, len);
	return __real_mprotect(addr, len, prot);
}
