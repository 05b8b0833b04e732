/* SPDX-License-Identifier: MIT */
/* space.h: an mm without KVM, for tests, whose memory operations are written down. */
#ifndef TESTS_SPACE_H
#define TESTS_SPACE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/stage2.h"
#include "vmm/mm/check.h"
#include "vmm/mm/pgtable.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

struct space {
	struct phys phys;
	struct mm mm;
	unsigned slots, drops; /* what the VM was asked for */
};

static inline int space_slot(void *ctx, unsigned slot, gpa_t gpa, uint64_t size, void *hva)
{
	struct space *s = ctx;

	cr_assert_eq(gpa % PMD_SIZE, 0);
	cr_assert_eq((uintptr_t)hva % PMD_SIZE, 0, "slot %u", slot);
	s->slots += size ? 1 : -1u;
	return 0;
}

static inline int space_drop(void *ctx)
{
	((struct space *)ctx)->drops++;
	return 0;
}

static const struct phys_ops space_ops = { space_slot, space_drop };

static inline void space_init_as(struct space *s, enum mv_stage2 stage2, uint64_t limit,
				 unsigned around, enum mv_thp thp)
{
	struct mv_error err;

	memset(s, 0, sizeof(*s));
	cr_assert(!phys_init(&s->phys, &space_ops, s, 1ull << 40, limit));
	if (stage2 == MV_STAGE2_UFFD)
		cr_assert(!phys_serve(&s->phys, &err), "%s", err.text);
	cr_assert(!mm_init(&s->mm, &s->phys, around, thp));
}

/* With the second stage that this run of the suite is for. */
static inline void space_init(struct space *s, uint64_t limit, unsigned around,
			      enum mv_thp thp)
{
	REQUIRE_STAGE2();
	space_init_as(s, test_stage2(), limit, around, thp);
}

/* Everything in it is consistent. */
static inline void check(struct space *s)
{
	char text[256];

	cr_assert_null(mm_check(&s->mm, text, sizeof(text)), "%s", text);
}

static inline void space_destroy(struct space *s)
{
	check(s);
	mm_destroy(&s->mm);
	cr_assert_eq(s->phys.reserved, 0, "frames are left");
	cr_assert_eq(s->phys.nodes, 0, "nodes are left");
	phys_drop(&s->phys);
	phys_trim(&s->phys);
	cr_assert_eq(s->phys.charged, 0, "tables are left");
	phys_destroy(&s->phys);
}

static inline gva_t map(struct space *s, gva_t at, uint64_t len, int prot, int flags)
{
	long ret = mm_mmap(&s->mm, at, len, prot, flags | (at ? MAP_FIXED : 0), NULL, false,
			   false, 0);

	cr_assert(ret > 0, "mmap: %ld", ret);
	check(s);
	return (gva_t)ret;
}

/* The entry for gva; 0: none. */
static inline uint64_t entry(struct space *s, gva_t gva)
{
	struct pt_path path;

	pt_walk(&s->mm, gva, LEVEL_PTE, false, &path);
	return *pt_last(&path);
}

/* What a CPU does: fault if it must, then set A, and D for a write. */
static inline struct mm_fault touch(struct space *s, gva_t gva, unsigned access)
{
	struct mm_fault f = { .kind = MV_FAULT_SPURIOUS };
	struct pt_path path;

	if (!(pte_access(entry(s, gva)) & access))
		f = mm_fault(&s->mm, gva, access);
	if (f.kind != MV_FAULT_FATAL) {
		pt_walk(&s->mm, gva, LEVEL_PTE, false, &path);
		cr_assert(pte_access(*pt_last(&path)) & access, "%#lx", gva);
		*pt_last(&path) |= access == MV_WRITE ? PTE_A | PTE_D : PTE_A;
	}
	return f;
}

/* Where the entry for gva leads, as the CPU would reach it. */
static inline unsigned char *byte_at(struct space *s, gva_t gva)
{
	struct mv_walk w;

	cr_assert(!mm_walk(&s->mm, gva, &w));
	cr_assert(w.present, "%#lx is not mapped", gva);
	return (unsigned char *)phys_hva(&s->phys, w.gpa);
}

static inline void assert_fault(struct mm_fault f, enum mv_fault kind)
{
	cr_assert_eq(f.kind, kind, "%s, %s expected (signal %d)", mv_fault_name(f.kind),
		     mv_fault_name(kind), f.signal);
}

static inline void assert_fatal(struct mm_fault f, int signal, int code)
{
	assert_fault(f, MV_FAULT_FATAL);
	cr_assert_eq(f.signal, signal);
	cr_assert_eq(f.code, code);
}

/* A file of `pages` pages, each filled with 'a', 'b', ..., and its object. */
static inline struct object *file_object(struct space *s, unsigned pages, bool writable,
					 int *fd)
{
	struct object *obj;
	char page[PAGE_SIZE];

	*fd = memfd_create("file", MFD_CLOEXEC);
	cr_assert(*fd >= 0);
	for (unsigned i = 0; i < pages; i++) {
		memset(page, 'a' + (int)i % 26, sizeof(page));
		cr_assert_eq(write(*fd, page, sizeof(page)), (ssize_t)sizeof(page));
	}
	cr_assert(!object_new_file(&s->phys, dup(*fd), writable, "file", &obj));
	return obj;
}

static inline gva_t map_file(struct space *s, struct object *obj, uint64_t len, int prot,
			     int flags)
{
	long ret = mm_mmap(&s->mm, 0, len, prot, flags, obj, true, obj->writable, 0);

	cr_assert(ret > 0, "mmap: %ld", ret);
	return (gva_t)ret;
}

#endif
