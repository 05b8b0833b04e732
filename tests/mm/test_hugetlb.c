/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb.c: MAP_HUGETLB: what it promises, maps and refuses. Each call of the table has the
 * answer that Linux 6.18 gave; where the host has a pool of huge pages, it is asked again, and
 * VMAs, content and mincore are compared, too. No KVM.
 */
#include <linux/mman.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/lib/random.h"
#include "tests/mm/space.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define GIB (1ull << 30)
#define H PMD_SIZE
#define P PAGE_SIZE
/* Where nothing else of a process lies; BLOCKS huge pages of it are mapped before each call. */
#define REGION 0x200000000000ul
#define BLOCKS 4
#define ROOM (16 * H)
#define HUGE_FLAGS (MAP_ANONYMOUS | MAP_HUGETLB)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)

enum op { MMAP, MUNMAP, MPROTECT, MREMAP, MADVISE, MLOCK, MUNLOCK, MSYNC };

/* Addresses from REGION on; results, too, where they are addresses. */
static const struct call {
	enum op op;
	uint64_t addr, len;
	int arg;	      /* protection, advice, flags */
	uint64_t len2, to;    /* mremap's; mmap: flags, offset in the file */
	long private, shared; /* Linux 6.18's answers */
} calls[] = {
	/* mmap: over what is there, and at the end of the region */
	{ MMAP, 8 * H, H, RW, MAP_FIXED, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, 1, RW, MAP_FIXED, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, H + P, PROT_READ, MAP_FIXED, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, PROT_NONE, MAP_FIXED, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, RW | PROT_EXEC, MAP_FIXED, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H + P, H, RW, MAP_FIXED, 0, -EINVAL, -EINVAL },
	{ MMAP, 8 * H + P, H, RW, 0, 0, 9 * H, 9 * H },
	{ MMAP, H, H, RW, MAP_FIXED, 0, H, H },
	{ MMAP, H, H, RW, MAP_FIXED_NOREPLACE, 0, -EEXIST, -EEXIST },
	{ MMAP, 8 * H, 0, RW, MAP_FIXED, 0, -EINVAL, -EINVAL },
	{ MMAP, 8 * H, UINT64_MAX - P, RW, MAP_FIXED, 0, -EINVAL, -EINVAL },
	{ MMAP, 8 * H, 1ull << 47, RW, MAP_FIXED, 0, -ENOMEM, -ENOMEM },
	{ MMAP, 8 * H, 1ull << 48, RW, 0, 0, -ENOMEM, -ENOMEM },
	{ MMAP, 8 * H, H, RW, MAP_FIXED, P, -EINVAL, -EINVAL },
	{ MMAP, H, H, RW, MAP_FIXED, P, -EINVAL, -EINVAL },
	{ MMAP, 8 * H, H, RW, MAP_FIXED, H, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, PROT_READ, MAP_FIXED, H, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, RW, MAP_FIXED | MAP_HUGE_2MB, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, RW, MAP_FIXED | 20 << MAP_HUGE_SHIFT, 0, -EINVAL, -EINVAL },
	{ MMAP, 8 * H, H, RW, MAP_FIXED | MAP_GROWSDOWN, 0, -EINVAL, -EINVAL },
	{ MMAP, 8 * H, H, RW, MAP_FIXED | MAP_NORESERVE, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, RW, MAP_FIXED | MAP_POPULATE, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, RW, MAP_FIXED | MAP_LOCKED, 0, 8 * H, 8 * H },
	{ MMAP, 8 * H, H, RW, MAP_FIXED | MAP_STACK, 0, 8 * H, 8 * H },
	/* munmap */
	{ MUNMAP, H, H, 0, 0, 0, 0, 0 },
	{ MUNMAP, 0, ROOM, 0, 0, 0, 0, 0 },
	{ MUNMAP, H, P, 0, 0, 0, -EINVAL, -EINVAL },
	{ MUNMAP, 0, P, 0, 0, 0, -EINVAL, -EINVAL },
	{ MUNMAP, H + P, H - P, 0, 0, 0, -EINVAL, -EINVAL },
	{ MUNMAP, H, H + P, 0, 0, 0, -EINVAL, -EINVAL },
	{ MUNMAP, 3 * H + P, 2 * H, 0, 0, 0, -EINVAL, -EINVAL },
	{ MUNMAP, 3 * H, H + P, 0, 0, 0, 0, 0 },
	/* mprotect */
	{ MPROTECT, H, H, PROT_READ, 0, 0, 0, 0 },
	{ MPROTECT, 0, 4 * H, PROT_READ, 0, 0, 0, 0 },
	{ MPROTECT, H, H, PROT_NONE, 0, 0, 0, 0 },
	{ MPROTECT, 0, H, RW | PROT_EXEC, 0, 0, 0, 0 },
	{ MPROTECT, H, P, PROT_READ, 0, 0, -EINVAL, -EINVAL },
	{ MPROTECT, H, P, RW, 0, 0, 0, 0 },
	{ MPROTECT, H + P, H - P, PROT_READ, 0, 0, -EINVAL, -EINVAL },
	{ MPROTECT, 3 * H, 2 * H, PROT_READ, 0, 0, -ENOMEM, -ENOMEM },
	/* mremap */
	{ MREMAP, 0, 4 * H, 0, 2 * H, 0, 0, 0 },
	{ MREMAP, 0, 4 * H, 0, 2 * H + P, 0, 0, 0 },
	{ MREMAP, 0, 4 * H, 0, P, 0, 0, 0 },
	{ MREMAP, P, H, 0, P, 0, -EINVAL, -EINVAL },
	{ MREMAP, 0, 4 * H, 0, 5 * H, 0, -EINVAL, -EINVAL },
	{ MREMAP, 0, 4 * H, MREMAP_MAYMOVE, 5 * H, 0, -EINVAL, -EINVAL },
	{ MREMAP, 0, P, MREMAP_MAYMOVE, 2 * P, 0, 0, 0 },
	{ MREMAP, 0, 4 * H, MOVE, 4 * H, 8 * H, 8 * H, 8 * H },
	{ MREMAP, H, H, MOVE, H, 8 * H, 8 * H, 8 * H },
	{ MREMAP, 0, 2 * H, MOVE, H, 8 * H, 8 * H, 8 * H },
	{ MREMAP, H, P, MOVE, P, 8 * H, 8 * H, 8 * H },
	{ MREMAP, 3 * H, 2 * H, MOVE, 2 * H, 8 * H, 8 * H, 8 * H },
	{ MREMAP, H, H, MOVE, H, 8 * H + P, -EINVAL, -EINVAL },
	{ MREMAP, H, H, MREMAP_MAYMOVE, H, 8 * H + P, -EINVAL, -EINVAL },
	{ MREMAP, 0, H, MOVE, 2 * H, 8 * H, -EINVAL, -EINVAL },
	{ MREMAP, 0, 0, MREMAP_MAYMOVE, H, 0, -EINVAL, -EINVAL },
	{ MREMAP, 0, 0, MOVE, H, 8 * H, -EINVAL, -EINVAL },
	{ MREMAP, 0, H, MOVE | MREMAP_DONTUNMAP, H, 8 * H, -EINVAL, -EINVAL },
	{ MREMAP, 0, H, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, H, 0, -EINVAL, -EINVAL },
	/* madvise */
	{ MADVISE, 0, 2 * H, MADV_DONTNEED, 0, 0, 0, 0 },
	{ MADVISE, 0, H + P, MADV_DONTNEED, 0, 0, 0, 0 },
	{ MADVISE, 0, P, MADV_DONTNEED, 0, 0, 0, 0 },
	{ MADVISE, P, H, MADV_DONTNEED, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_DONTNEED_LOCKED, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_FREE, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_COLD, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_PAGEOUT, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_COLLAPSE, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_HUGEPAGE, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_NOHUGEPAGE, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_GUARD_INSTALL, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_GUARD_REMOVE, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_WILLNEED, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_MERGEABLE, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_UNMERGEABLE, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_DONTFORK, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_DOFORK, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_DONTDUMP, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_DODUMP, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_WIPEONFORK, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, H, MADV_KEEPONFORK, 0, 0, 0, 0 },
	{ MADVISE, 0, P, MADV_DONTDUMP, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, 0, P, MADV_RANDOM, 0, 0, -EINVAL, -EINVAL },
	{ MADVISE, P, P, MADV_NORMAL, 0, 0, 0, 0 },
	{ MADVISE, 0, H, MADV_REMOVE, 0, 0, -EACCES, 0 },
	{ MADVISE, P, P, MADV_REMOVE, 0, 0, -EACCES, 0 },
	{ MADVISE, 0, H + 2 * P, MADV_REMOVE, 0, 0, -EACCES, 0 },
	{ MADVISE, H - P, 2 * P, MADV_REMOVE, 0, 0, -EACCES, 0 },
	{ MADVISE, 3 * H + P, P, MADV_POPULATE_READ, 0, 0, 0, 0 },
	{ MADVISE, 2 * H, 2 * H, MADV_POPULATE_WRITE, 0, 0, 0, 0 },
	{ MADVISE, 3 * H, 2 * H, MADV_POPULATE_WRITE, 0, 0, -ENOMEM, -ENOMEM },
	/* mlock and msync */
	{ MLOCK, 0, 4 * H, 0, 0, 0, 0, 0 },
	{ MLOCK, H + P, P, 0, 0, 0, 0, 0 },
	{ MLOCK, 3 * H + P, P, MLOCK_ONFAULT, 0, 0, 0, 0 },
	{ MLOCK, 3 * H, 2 * H, 0, 0, 0, -ENOMEM, -ENOMEM },
	{ MUNLOCK, P, P, 0, 0, 0, 0, 0 },
	{ MSYNC, P, H, MS_SYNC, 0, 0, 0, 0 },
	{ MSYNC, 0, H, MS_SYNC | MS_INVALIDATE, 0, 0, 0, 0 },
};

#define CALLS (sizeof(calls) / sizeof(*calls))

static gva_t hugetlb(struct space *s, gva_t at, uint64_t len, int prot, int flags)
{
	return map(s, at, len, prot, flags | HUGE_FLAGS);
}

/* ---- the table, on either side */

/* Addresses from REGION on; errors and the rest as they are. */
static long from_region(long ret)
{
	return ret >= (long)REGION ? ret - (long)REGION : ret;
}

static long there(struct mm *mm, const struct call *c, int type)
{
	gva_t addr = REGION + c->addr;

	switch (c->op) {
	case MMAP:
		return mm_mmap(mm, addr, c->len, c->arg, type | (int)c->len2, NULL, false,
			       false, c->to >> PAGE_SHIFT);
	case MUNMAP:
		return mm_munmap(mm, addr, c->len);
	case MPROTECT:
		return mm_mprotect(mm, addr, c->len, c->arg);
	case MREMAP:
		return mm_mremap(mm, addr, c->len, c->len2, (uint64_t)c->arg,
				 REGION + c->to);
	case MADVISE:
		return mm_madvise(mm, addr, c->len, c->arg);
	case MLOCK:
		return mm_mlock(mm, addr, c->len, c->arg);
	case MUNLOCK:
		return mm_munlock(mm, addr, c->len);
	case MSYNC:
		return mm_msync(mm, addr, c->len, c->arg);
	}
	return 0;
}

static long here(const struct call *c, int type)
{
	char *addr = (char *)(REGION + c->addr);
	long ret = 0;

	switch (c->op) {
	case MMAP:
		ret = (long)mmap(addr, c->len, c->arg, type | (int)c->len2, -1,
				 (off_t)c->to);
		break;
	case MUNMAP:
		ret = munmap(addr, c->len);
		break;
	case MPROTECT:
		ret = mprotect(addr, c->len, c->arg);
		break;
	case MREMAP:
		ret = syscall(SYS_mremap, addr, c->len, c->len2, c->arg, REGION + c->to);
		break;
	case MADVISE:
		ret = madvise(addr, c->len, c->arg);
		break;
	case MLOCK:
		ret = syscall(SYS_mlock2, addr, c->len, c->arg);
		break;
	case MUNLOCK:
		ret = munlock(addr, c->len);
		break;
	case MSYNC:
		ret = msync(addr, c->len, c->arg);
		break;
	}
	return ret == -1 ? -errno : ret;
}

/* The first two blocks are written, at their first and their third page. */
static void prepare_there(struct space *s, int type)
{
	const unsigned char bytes[] = { 1, 2, 3, 4 };

	mm_munmap(&s->mm, REGION, ROOM);
	hugetlb(s, REGION, BLOCKS * H, RW, type);
	for (unsigned i = 0; i < 4; i++)
		cr_assert(!mm_copy_to(&s->mm, REGION + i / 2 * H + i % 2 * 2 * P, bytes + i,
				      1));
}

static void prepare_here(int type)
{
	volatile unsigned char *at = (unsigned char *)REGION;

	munmap((void *)REGION, ROOM);
	cr_assert(mmap((void *)REGION, BLOCKS * H, RW, type | HUGE_FLAGS | MAP_FIXED, -1,
		       0) == (void *)REGION);
	for (unsigned i = 0; i < 4; i++)
		at[i / 2 * H + i % 2 * 2 * P] = (unsigned char)(i + 1);
}

static unsigned pool_number(const char *name)
{
	char path[128], line[32];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s", name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f))
		n = (unsigned)strtoul(line, NULL, 10);
	fclose(f);
	return n;
}

/* Huge pages that the host's pool has to spare. */
static unsigned pool(void)
{
	unsigned free = pool_number("free_hugepages"), resv = pool_number("resv_hugepages");

	return free > resv ? free - resv : 0;
}

/* VMAs in the region: "START-END PROT ", in units of pages. */
static void list_here(char *list, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], *prot;
	size_t n = 0;

	*list = '\0';
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start = strtoul(line, &prot, 16);
		unsigned long end = strtoul(prot + 1, &prot, 16);

		if (start >= REGION && start < REGION + ROOM)
			n += (size_t)snprintf(list + n, size - n, "%lx-%lx %.4s %s",
					      start - REGION, end - REGION, prot + 1,
					      strchr(line, '/') ? strchr(line, '/') : "\n");
	}
	fclose(maps);
}

static void list_there(struct space *s, char *list, size_t size)
{
	struct mv_vma v;
	size_t n = 0;

	*list = '\0';
	for (gva_t at = REGION; !mm_vma_next(&s->mm, at, &v) && v.start < REGION + ROOM;
	     at = v.end)
		n += (size_t)snprintf(list + n, size - n, "%lx-%lx %c%c%c%c %s\n",
				      v.start - REGION, v.end - REGION,
				      v.prot & MV_READ ? 'r' : '-',
				      v.prot & MV_WRITE ? 'w' : '-',
				      v.prot & MV_EXEC ? 'x' : '-', v.shared ? 's' : 'p',
				      v.name);
}

/* A byte as the kernel reads it for a system call; -1: EFAULT. */
static int load_here(const int *pipe_fd, gva_t gva)
{
	unsigned char byte;

	if (write(pipe_fd[1], (void *)gva, 1) != 1)
		return -1;
	cr_assert_eq(read(pipe_fd[0], &byte, 1), 1);
	return byte;
}

static int load_there(struct space *s, gva_t gva)
{
	unsigned char byte;

	return mm_copy_from(&s->mm, &byte, gva, 1) ? -1 : byte;
}

/*
 * A known difference: residency of shared huge pages goes by entries on Linux, which MADV_DONTNEED
 * takes; here it goes by the object's pages.
 */
static bool residency_differs(const struct call *c, bool shared)
{
	return shared && c->op == MADVISE &&
	       (c->arg == MADV_DONTNEED || c->arg == MADV_DONTNEED_LOCKED);
}

/*
 * Linux 6.18 loses the reservations of what stays behind when a part of a private mapping is
 * moved: its pool would be smaller until the host starts anew. These calls were made once.
 */
static bool harms_the_host(const struct call *c, bool shared)
{
	return c->op == MREMAP && c->arg & MREMAP_FIXED && !shared &&
	       (c->addr || c->len < BLOCKS * H);
}

static void compare_residency(struct space *s, unsigned nr)
{
	for (gva_t at = REGION; at < REGION + ROOM; at += H / 2) {
		unsigned char a = 0, b = 0;
		bool no = mincore((void *)at, P, &a),
		     none = mm_mincore(&s->mm, at, 1, &b) < 0;

		cr_expect(no == none && (a & 1) == (b & 1), "call %u: mincore %#lx: %d %d",
			  nr, at - REGION, a, b);
	}
}

/* The first bytes of each block's first three pages. */
static void compare_content(struct space *s, unsigned nr, const int *pipe_fd)
{
	for (gva_t at = REGION; at < REGION + ROOM; at += at % H == 2 * P ? H - 2 * P : P) {
		int a = load_here(pipe_fd, at), b = load_there(s, at);

		cr_expect_eq(a, b, "call %u: %#lx reads %d, Linux: %d", nr, at - REGION, b,
			     a);
	}
}

Test(hugetlb, each_call_is_answered_as_linux_answered_it)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED };
	struct space s;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	for (unsigned i = 0; i < 2 * CALLS; i++) {
		const struct call *c = &calls[i / 2];
		long want = i % 2 ? c->shared : c->private, ret;

		prepare_there(&s, types[i % 2]);
		ret = from_region(there(&s.mm, c, types[i % 2] | HUGE_FLAGS));
		cr_expect_eq(ret, want, "call %u, %s: %ld, Linux: %ld", i / 2,
			     i % 2 ? "shared" : "private", ret, want);
		check(&s);
	}
	space_destroy(&s);
}

/* ---- calls at random, beside memory of 4 KiB pages */

/* Mostly multiples of 2 MiB, within the region. */
static uint64_t place(uint64_t *p)
{
	return pick_from(p, 12) * H + (pick_from(p, 4) ? 0 : pick_from(p, 4) * P);
}

static int advice(uint64_t *p)
{
	static const int all[] = { MADV_DONTNEED,  MADV_DONTNEED,      MADV_DONTNEED,
				   MADV_FREE,	   MADV_REMOVE,	       MADV_REMOVE,
				   MADV_DONTDUMP,  MADV_RANDOM,	       MADV_NORMAL,
				   MADV_COLD,	   MADV_GUARD_INSTALL, MADV_GUARD_REMOVE,
				   MADV_WILLNEED,  MADV_POPULATE_READ, MADV_POPULATE_WRITE,
				   MADV_WIPEONFORK };

	return all[pick_from(p, sizeof(all) / sizeof(*all))];
}

static struct call random_call(uint64_t *p)
{
	static const int remaps[] = { MOVE, MOVE, 0,
				      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP };
	struct call c = { .op = (enum op)pick_from(p, MADVISE + 1),
			  .addr = place(p),
			  .len = (1 + pick_from(p, 4)) * H -
				 (pick_from(p, 3) ? 0 : pick_from(p, 4) * P),
			  .to = place(p) };

	c.len2 = pick_from(p, 3) ? c.len : min_u64(c.len, (1 + pick_from(p, 2)) * H);
	if (c.op == MADVISE)
		c.arg = advice(p);
	else if (c.op == MREMAP)
		c.arg = remaps[pick_from(p, 4)];
	else
		c.arg = pick_from(p, 3) ? RW
					: (int[]){ PROT_READ, PROT_NONE }[pick_from(p, 2)];
	if (c.op == MMAP) {
		c.len2 = pick_from(p, 3) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
		c.to = 0;
	}
	return c;
}

static int random_type(uint64_t *p)
{
	static const int types[] = {
		MAP_PRIVATE | HUGE_FLAGS,    MAP_SHARED | HUGE_FLAGS,
		MAP_PRIVATE | HUGE_FLAGS,    MAP_SHARED | HUGE_FLAGS,
		MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS
	};

	return types[pick_from(p, 6)];
}

static bool store_here(const int *pipe_fd, gva_t gva, unsigned char byte)
{
	unsigned char rest;

	cr_assert_eq(write(pipe_fd[1], &byte, 1), 1);
	if (read(pipe_fd[0], (void *)gva, 1) == 1)
		return true;
	cr_assert_eq(read(pipe_fd[0], &rest, 1), 1);
	return false;
}

/* A few bytes, the same on both sides. */
static void store_some(struct space *s, uint64_t *p, const int *pipe_fd, unsigned step)
{
	for (unsigned i = 0; i < 8; i++) {
		gva_t at = REGION + pick_from(p, 16) * H + pick_from(p, 3) * P;
		unsigned char byte = (unsigned char)pick_from(p, 256);
		bool no = mm_copy_to(&s->mm, at, &byte, 1);

		cr_assert(!pipe_fd || store_here(pipe_fd, at, byte) == !no,
			  "step %u: a store at %#lx", step, at - REGION);
	}
}

/* pipe_fd: NULL without a kernel to compare with. */
static void run_random(uint64_t seed, const int *pipe_fd)
{
	char a[8192], b[8192];
	struct space s;
	uint64_t p = seed;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	for (unsigned i = 0; i < 400; i++) {
		struct call c = random_call(&p);
		int type = random_type(&p);
		long ret, want;

		/* see harms_the_host() */
		if (pipe_fd && c.op == MREMAP && c.arg & MREMAP_FIXED)
			continue;
		ret = from_region(there(&s.mm, &c, type));
		want = pipe_fd ? from_region(here(&c, type)) : ret;

		cr_assert_eq(
			ret, want,
			"seed %lu, step %u: op %u %#lx %#lx %d %#lx %#lx: %ld, Linux %ld",
			seed, i, c.op, c.addr, c.len, c.arg, c.len2, c.to, ret, want);
		check(&s);
		store_some(&s, &p, pipe_fd, i);
		if (!pipe_fd)
			continue;
		list_here(a, sizeof(a));
		list_there(&s, b, sizeof(b));
		cr_assert_str_eq(a, b, "seed %lu, step %u: Linux has\n%sand not\n%s", seed,
				 i, a, b);
		compare_content(&s, i, pipe_fd);
	}
	space_destroy(&s);
}

Test(hugetlb, random_calls_leave_all_consistent, .timeout = 60)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		run_random(seed, NULL);
}

/* VMAs, content and residency after each call. */
static void compare_table(const int *pipe_fd)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED };
	char a[2048], b[2048];
	struct space s;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	for (unsigned i = 0; i < 2 * CALLS; i++) {
		const struct call *c = &calls[i / 2];
		long want, ret;

		if (harms_the_host(c, i % 2))
			continue;
		prepare_here(types[i % 2]);
		prepare_there(&s, types[i % 2]);
		want = from_region(here(c, types[i % 2] | HUGE_FLAGS));
		ret = from_region(there(&s.mm, c, types[i % 2] | HUGE_FLAGS));
		cr_expect_eq(ret, want, "call %u, %s: %ld, Linux: %ld", i / 2,
			     i % 2 ? "shared" : "private", ret, want);
		list_here(a, sizeof(a));
		list_there(&s, b, sizeof(b));
		cr_expect_str_eq(a, b, "call %u: Linux has\n%sand not\n%s", i / 2, a, b);
		if (!residency_differs(c, i % 2))
			compare_residency(&s, i / 2);
		compare_content(&s, i / 2, pipe_fd);
		check(&s);
	}
	munmap((void *)REGION, ROOM);
	space_destroy(&s);
}

/* One test: each skipped one that runs beside another costs Criterion a leak. */
Test(hugetlb, the_table_and_random_calls_do_what_they_do_on_this_host, .timeout = 120)
{
	int fd[2];

	if (pool() < 48)
		SKIP("the host has no pool of 48 huge pages (vm.nr_hugepages)");
	cr_assert(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	cr_assert(!pipe(fd));
	compare_table(fd);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		run_random(seed, fd);
		munmap((void *)REGION, 2 * ROOM);
	}
}

/* ---- what it does to frames, entries and the memory limit */

Test(hugetlb, one_fault_makes_one_leaf_whatever_thp_says)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED };

	for (int thp = MV_THP_NEVER; thp <= MV_THP_ALWAYS; thp++)
		for (unsigned i = 0; i < 2; i++) {
			struct space s;
			gva_t gva;

			space_init(&s, GIB, 16, (enum mv_thp)thp);
			gva = hugetlb(&s, 0, 3 * H, RW, types[i]);
			cr_assert_eq(gva % H, 0);
			assert_fault(touch(&s, gva + H + 12345, i ? MV_READ : MV_WRITE),
				     MV_FAULT_ANON);
			cr_assert(entry(&s, gva + H) & PTE_PS);
			cr_assert_eq(entry(&s, gva), 0);
			cr_assert_eq(entry(&s, gva + 2 * H), 0);
			cr_assert_eq(*byte_at(&s, gva + 2 * H - 1), 0);
			cr_assert_eq(s.mm.count.tables[LEVEL_PTE], 0);
			space_destroy(&s);
		}
}

Test(hugetlb, memory_is_promised_by_mmap_and_charged_once)
{
	struct space s;
	gva_t gva;
	uint64_t before, full;

	space_init(&s, 16 * H, 16, MV_THP_NEVER);
	before = s.phys.charged;
	gva = hugetlb(&s, REGION, 10 * H, RW, MAP_PRIVATE);
	cr_assert_eq(s.phys.charged - before, 10 * PMD_PAGES);
	cr_assert_eq(mm_mmap(&s.mm, 0, 6 * H, RW, MAP_SHARED | HUGE_FLAGS, NULL, false,
			     false, 0),
		     -ENOMEM);
	for (unsigned i = 0; i < 10; i++)
		touch(&s, gva + i * H, MV_WRITE);
	check(&s);
	full = s.phys.charged;
	cr_assert_eq(full - before, 10 * PMD_PAGES + 2 + 3, "two tables, three nodes");
	/* pages that go stay promised; what is unmapped does not */
	cr_assert_eq(mm_madvise(&s.mm, gva, 4 * H, MADV_DONTNEED), 0);
	cr_assert_eq(s.phys.charged, full);
	cr_assert_eq(s.phys.reserved, 6 * PMD_PAGES);
	check(&s);
	cr_assert_eq(mm_munmap(&s.mm, gva + 2 * H, 4 * H), 0);
	cr_assert_eq(s.phys.charged, full - 4 * PMD_PAGES);
	check(&s);
	space_destroy(&s);
}

Test(hugetlb, shared_pages_stay_promised_until_the_last_part_is_unmapped)
{
	struct space s;
	gva_t gva;

	space_init(&s, 16 * H, 16, MV_THP_NEVER);
	gva = hugetlb(&s, 0, 4 * H, RW, MAP_SHARED);
	touch(&s, gva, MV_WRITE);
	cr_assert_eq(mm_munmap(&s.mm, gva, 3 * H), 0);
	cr_assert_eq(s.phys.promised + s.phys.reserved, 4 * PMD_PAGES);
	check(&s);
	cr_assert_eq(mm_munmap(&s.mm, gva + 3 * H, H), 0);
	cr_assert_eq(s.phys.promised + s.phys.reserved, 0);
	space_destroy(&s);
}

Test(hugetlb, reclaim_takes_and_splits_no_huge_page)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED };

	for (unsigned i = 0; i < 2; i++) {
		const char byte = 7;
		struct space s;
		char got = 0;
		gva_t gva;

		space_init(&s, 4 * H, 16, MV_THP_ALWAYS);
		gva = hugetlb(&s, 0, 2 * H, RW, types[i]);
		cr_assert(!mm_copy_to(&s.mm, gva + P, &byte, 1));
		touch(&s, gva + H, MV_READ);
		cr_assert(mm_reclaim_some(&s.mm, RECLAIM_ZEROES) >= 0);
		cr_assert_eq(s.phys.reserved, 2 * PMD_PAGES);
		check(&s);
		cr_assert(!mm_copy_from(&s.mm, &got, gva + P, 1));
		cr_assert_eq(got, byte);
		cr_assert_eq(s.mm.count.huge, 2);
		space_destroy(&s);
	}
}

Test(hugetlb, without_a_promise_the_fault_that_finds_no_memory_is_a_bus_error)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED };

	for (unsigned i = 0; i < 2; i++) {
		struct space s;
		gva_t gva;

		space_init(&s, 4 * H, 16, MV_THP_NEVER);
		gva = hugetlb(&s, 0, 8 * H, RW, types[i] | MAP_NORESERVE);
		for (unsigned k = 0; k < 3; k++)
			assert_fault(touch(&s, gva + k * H, MV_WRITE), MV_FAULT_ANON);
		assert_fatal(touch(&s, gva + 3 * H, MV_WRITE), SIGBUS, BUS_ADRERR);
		cr_assert_not(s.mm.oom);
		space_destroy(&s);
	}
}

Test(hugetlb, behind_the_end_of_its_file_there_is_nothing)
{
	struct space s;
	long gva;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	gva = mm_mmap(&s.mm, 0, H, PROT_READ, MAP_SHARED | HUGE_FLAGS, NULL, false, false,
		      PMD_PAGES);
	cr_assert(gva > 0);
	assert_fatal(touch(&s, (gva_t)gva, MV_READ), SIGBUS, BUS_ADRERR);
	space_destroy(&s);
}

Test(hugetlb, reclaim_takes_none_of_its_pages)
{
	struct space s;
	gva_t gva;

	space_init(&s, 16 * H, 16, MV_THP_NEVER);
	gva = hugetlb(&s, 0, 2 * H, RW, MAP_PRIVATE);
	cr_assert_eq(mm_fault(&s.mm, gva, MV_READ).kind, MV_FAULT_ANON);
	cr_assert_eq(mm_reclaim(&s.mm), 0);
	cr_assert(entry(&s, gva));
	space_destroy(&s);
}

Test(hugetlb, a_size_that_there_is_none_of_is_refused)
{
	static const int sizes[] = { MAP_HUGE_1GB, MAP_HUGE_1MB, MAP_HUGE_512MB };
	struct space s;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(mm_mmap(&s.mm, 0, H, RW, MAP_PRIVATE | HUGE_FLAGS | sizes[i],
				     NULL, false, false, 0),
			     -EINVAL);
	hugetlb(&s, 0, H, RW, MAP_SHARED | MAP_HUGE_2MB);
	space_destroy(&s);
}

Test(hugetlb, populating_and_locking_make_all_leaves_and_lock_nothing)
{
	static const int flags[] = { MAP_POPULATE, MAP_LOCKED };

	for (unsigned i = 0; i < 4; i++) {
		struct space s;
		gva_t gva;

		space_init(&s, GIB, 16, MV_THP_NEVER);
		gva = hugetlb(&s, 0, 3 * H, RW,
			      flags[i % 2] | (i / 2 ? MAP_SHARED : MAP_PRIVATE));
		for (unsigned k = 0; k < 3; k++)
			cr_assert(entry(&s, gva + k * H) & PTE_PS);
		cr_assert_eq(mm_mlock(&s.mm, gva, 3 * H, 0), 0);
		cr_assert_eq(s.mm.locked_vm, 0);
		space_destroy(&s);
	}
}

Test(hugetlb, a_page_keeps_its_content_without_access_and_at_another_place)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED };

	for (unsigned i = 0; i < 2; i++) {
		const gva_t to = REGION + 8 * H;
		struct space s;

		space_init(&s, GIB, 16, MV_THP_NEVER);
		hugetlb(&s, REGION, 2 * H, RW, types[i]);
		touch(&s, REGION + H, MV_WRITE);
		*byte_at(&s, REGION + H + 5) = 7;
		cr_assert_eq(mm_mprotect(&s.mm, REGION, 2 * H, PROT_NONE), 0);
		assert_fatal(touch(&s, REGION + H, MV_READ), SIGSEGV, SEGV_ACCERR);
		cr_assert_eq(mm_mprotect(&s.mm, REGION, 2 * H, RW), 0);
		cr_assert_eq(mm_mremap(&s.mm, REGION, 2 * H, 2 * H, MOVE, to), (long)to);
		check(&s);
		touch(&s, to + H, MV_WRITE);
		cr_assert_eq(*byte_at(&s, to + H + 5), 7);
		cr_assert(entry(&s, to + H) & PTE_PS);
		check(&s);
		space_destroy(&s);
	}
}

Test(hugetlb, the_vmm_reads_and_writes_it_as_any_memory)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED };
	char buf[64] = "across the border of two pages", back[64];
	struct iovec iov[2];
	int nr;

	for (unsigned i = 0; i < 2; i++) {
		struct space s;
		gva_t gva, at;

		space_init(&s, GIB, 16, MV_THP_NEVER);
		gva = hugetlb(&s, 0, 2 * H, RW, types[i]);
		at = gva + H - 8;
		cr_assert_eq(mm_copy_to(&s.mm, at, buf, sizeof(buf)), 0);
		cr_assert_eq(mm_copy_from(&s.mm, back, at, sizeof(back)), 0);
		cr_assert_arr_eq(back, buf, sizeof(buf));
		cr_assert_eq(mm_peek(&s.mm, back, at, sizeof(back)), 0);
		cr_assert_arr_eq(back, buf, sizeof(buf));
		cr_assert_eq(mm_iovec(&s.mm, gva, H, MV_WRITE, iov, 2, &nr), (long)H);
		cr_assert_eq(nr, 1);
		cr_assert_eq(mm_poke(&s.mm, gva, "x", 1), 0);
		cr_assert_eq(mm_mprotect(&s.mm, gva, H, PROT_READ), 0);
		cr_assert_eq(mm_poke(&s.mm, gva, "y", 1), 1, "no FOLL_FORCE there");
		check(&s);
		space_destroy(&s);
	}
}
