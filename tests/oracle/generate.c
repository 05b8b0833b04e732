/* SPDX-License-Identifier: MIT */
/* generate.c: see generate.h. */
#include "tests/oracle/generate.h"

#include <linux/mman.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/lib/pkeys.h"
#include "tests/lib/random.h"

#define PAGE 4096ull
#define BLOCK (512 * PAGE)

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

/* How often the whole state is looked at. */
#define STATE_EVERY 12

#define ONE_OF(state, ...)                        \
	((const int[]){ __VA_ARGS__ })[pick_from( \
		state, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))]

/* Few pages, so that steps meet: around the blocks' borders, and where a window of 64 KiB begins. */
static uint64_t place(uint64_t *state)
{
	static const unsigned hot[] = { 0, 14, 250, 506, 1018, 1530, 2036 };

	return ORACLE_REGION +
	       (hot[pick_from(state, sizeof(hot) / sizeof(*hot))] + pick_from(state, 12)) *
		       PAGE;
}

/* Mostly some pages; now and then to somewhere behind, over blocks. */
static uint64_t length(uint64_t *state, uint64_t at)
{
	uint64_t len = (1 + pick_from(state, 6)) * PAGE;

	if (!pick_from(state, 6)) {
		uint64_t end = place(state);

		len = end > at ? end - at : BLOCK;
	}
	return at + len > ORACLE_END ? ORACLE_END - at : len;
}

static int mmap_flags(uint64_t *state, bool file)
{
	int flags = ONE_OF(state, MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED,
			   MAP_SHARED_VALIDATE, 0);

	if (!file)
		flags |= MAP_ANONYMOUS;
	if (!pick_from(state, 3))
		flags |= ONE_OF(state, MAP_NORESERVE, MAP_STACK, MAP_POPULATE, MAP_LOCKED,
				MAP_NONBLOCK | MAP_POPULATE, MAP_GROWSDOWN, MAP_DENYWRITE,
				MAP_EXECUTABLE, 0x10000000);
	return flags;
}

/*
 * Not MADV_PAGEOUT, by which Linux drops clean pages of shared memory, a hint; not
 * MADV_COLLAPSE, whose result depends on the host's huge pages.
 */
static int advice(uint64_t *state)
{
	return ONE_OF(state, MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		      MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE,
		      MADV_DONTFORK, MADV_DOFORK, MADV_MERGEABLE, MADV_UNMERGEABLE,
		      MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP,
		      MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_COLD, MADV_POPULATE_READ,
		      MADV_POPULATE_WRITE, 24 /* MADV_DONTNEED_LOCKED */,
		      MADV_GUARD_INSTALL, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE, 7, -1,
		      999);
}

static enum oracle_op pick_op(uint64_t *state)
{
	static const struct {
		enum oracle_op op;
		unsigned weight;
	} table[] = {
		{ OP_MMAP, 10 },
		{ OP_MMAP_FILE, 8 },
		{ OP_PLACE, 3 },
		{ OP_PLACE_FILE, 1 },
		{ OP_UNPLACE, 2 },
		{ OP_MUNMAP, 5 },
		{ OP_MPROTECT, 9 },
		{ OP_MREMAP, 6 },
		{ OP_MADVISE, 12 },
		{ OP_MINCORE, 2 },
		{ OP_MLOCK, 2 },
		{ OP_MUNLOCK, 2 },
		{ OP_MLOCKALL, 1 },
		{ OP_MUNLOCKALL, 1 },
		{ OP_MSYNC, 2 },
		{ OP_BRK, 1 },
		{ OP_LOAD, 22 },
		{ OP_STORE, 26 },
		{ OP_EXEC, 6 },
		{ OP_DIGEST, 4 },
		{ OP_READ, 4 },
		{ OP_WRITE, 4 },
		{ OP_TRUNCATE, 2 },
		{ OP_OUTSIDE_WRITE, 1 },
		{ OP_OUTSIDE_TRUNCATE, 1 },
	};
	unsigned all = 0, at;

	for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++)
		all += table[i].weight;
	at = pick_from(state, all);
	for (unsigned i = 0;; i++) {
		if (at < table[i].weight)
			return table[i].op;
		at -= table[i].weight;
	}
}

/* Somewhere in a page, at its very end, or one byte across. */
static uint64_t within(uint64_t *state, unsigned size)
{
	switch (pick_from(state, 4)) {
	case 0:
		return PAGE - size;
	case 1:
		return PAGE - size / 2;
	case 2:
		return 0;
	default:
		return pick_from(state, (unsigned)PAGE - 8);
	}
}

static void make_access(uint64_t *state, struct oracle_step *s)
{
	s->len2 = pick_from(state, 3) ? 1 : 8;
	s->addr += within(state, (unsigned)s->len2);
	s->to = pick_from(state, 3) ? 0xc3 : pick_from(state, 256) * 0x0101010101010101ull;
	if (s->op == OP_EXEC)
		s->len2 = 1;
	if (s->op == OP_DIGEST) {
		s->addr &= ~(PAGE - 1);
		s->len = (1 + pick_from(state, 3)) * PAGE;
	}
}

static void make_file_step(uint64_t *state, struct oracle_step *s)
{
	static const enum oracle_file writable[] = { FILE_RW, FILE_RW, FILE_SMALL,
						     FILE_MEMFD };

	s->file = writable[pick_from(state, 4)];
	s->to = pick_from(state, ORACLE_FILE_PAGES * (unsigned)PAGE);
	if (s->op == OP_OUTSIDE_WRITE || s->op == OP_OUTSIDE_TRUNCATE)
		s->file = FILE_RW;
	if (s->op == OP_TRUNCATE || s->op == OP_OUTSIDE_TRUNCATE)
		s->len = pick_from(state, ORACLE_FILE_PAGES * (unsigned)PAGE);
	if (s->op == OP_READ || s->op == OP_WRITE) {
		s->addr += within(state, 8);
		s->len = 1 + pick_from(state, 3 * (unsigned)PAGE);
	}
	s->len2 = 1 + pick_from(state, 2 * (unsigned)PAGE);
}

/* What has to be refused, or nearly. */
static void spoil(uint64_t *state, struct oracle_step *s)
{
	static const uint64_t lens[] = { 0, 1, UINT64_MAX, 5000, 1ull << 63 };

	if (pick_from(state, 2))
		s->len = lens[pick_from(state, 5)];
	else
		s->addr += 1 + pick_from(state, 4095);
	if (s->op == OP_MADVISE && s->len == 1ull << 63)
		s->len = 0; /* it would reach the program's own stack */
	if (s->op == OP_MREMAP && pick_from(state, 2))
		s->len2 = lens[pick_from(state, 4)];
}

static void make_call(uint64_t *state, struct oracle_step *s)
{
	switch (s->op) {
	case OP_MMAP:
	case OP_MMAP_FILE:
		s->flags = mmap_flags(state, s->op == OP_MMAP_FILE) |
			   (pick_from(state, 8) ? MAP_FIXED : MAP_FIXED_NOREPLACE);
		s->file = pick_from(state, ORACLE_FILES);
		s->to = pick_from(state, 10) * PAGE;
		break;
	case OP_PLACE:
	case OP_PLACE_FILE:
		s->flags = mmap_flags(state, s->op == OP_PLACE_FILE) |
			   (pick_from(state, 4) ? 0 : MAP_32BIT);
		s->file = pick_from(state, ORACLE_FILES);
		s->addr = pick_from(state, 4) ? 0 : s->addr;
		s->len = pick_from(state, 4) ? s->len : BLOCK;
		break;
	case OP_MREMAP:
		s->flags = ONE_OF(state, 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED,
				  MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_FIXED,
				  MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP);
		s->len2 = pick_from(state, 2) ? s->len : length(state, s->to);
		if (s->to + s->len2 > ORACLE_END)
			s->len2 = ORACLE_END - s->to;
		break;
	case OP_MADVISE:
		s->flags = advice(state);
		break;
	case OP_MLOCK:
		s->flags = ONE_OF(state, 0, 0, 1, 2);
		break;
	case OP_MLOCKALL: /* MCL_CURRENT counts the program's own mappings, too */
		s->flags =
			ONE_OF(state, MCL_FUTURE, MCL_FUTURE | MCL_ONFAULT, MCL_ONFAULT, 0);
		break;
	case OP_MSYNC:
		s->flags = (int)pick_from(state, 8);
		break;
	case OP_BRK:
		s->len = pick_from(state, 40) * 1000;
		break;
	default:
		break;
	}
	if (!pick_from(state, 30))
		spoil(state, s);
}

static void make(uint64_t *state, struct oracle_step *s)
{
	*s = (struct oracle_step){ .op = pick_op(state),
				   .addr = place(state),
				   .to = place(state) };
	s->prot = comparable_prot((int)pick_from(state, 8));
	s->len = length(state, s->addr);
	switch (s->op) {
	case OP_LOAD:
	case OP_STORE:
	case OP_EXEC:
	case OP_DIGEST:
		make_access(state, s);
		break;
	case OP_READ:
	case OP_WRITE:
	case OP_TRUNCATE:
	case OP_OUTSIDE_WRITE:
	case OP_OUTSIDE_TRUNCATE:
		make_file_step(state, s);
		break;
	default:
		make_call(state, s);
		break;
	}
}

void generate(uint64_t seed, struct oracle_step *steps, unsigned n)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;

	memset(steps, 0, n * sizeof(*steps));
	for (unsigned i = 0; i < n; i++)
		if (i % STATE_EVERY == STATE_EVERY - 1 || i + 1 == n)
			steps[i].op = OP_STATE;
		else
			make(&state, &steps[i]);
}

/* ---- in words */

void print_step(FILE *out, const struct oracle_step *s)
{
	static const char *const fds[] = { "rw",       "ro",	   "small",
					   "dev_zero", "dev_null", "memfd" };
	const unsigned long a = s->addr, len = s->len, len2 = s->len2, to = s->to;

	switch (s->op) {
	case OP_MMAP:
	case OP_PLACE:
		fprintf(out, "mmap((void *)%#lx, %#lx, %d, %#x, -1, 0);", a, len, s->prot,
			(unsigned)s->flags);
		break;
	case OP_MMAP_FILE:
	case OP_PLACE_FILE:
		fprintf(out, "mmap((void *)%#lx, %#lx, %d, %#x, %s, %#lx);", a, len,
			s->prot, (unsigned)s->flags, fds[s->file],
			s->op == OP_MMAP_FILE ? to : 0);
		break;
	case OP_UNPLACE:
		fprintf(out, "munmap(slot[%lu].addr, slot[%lu].len);", to % ORACLE_SLOTS,
			to % ORACLE_SLOTS);
		break;
	case OP_MUNMAP:
		fprintf(out, "munmap((void *)%#lx, %#lx);", a, len);
		break;
	case OP_MPROTECT:
		fprintf(out, "mprotect((void *)%#lx, %#lx, %d);", a, len, s->prot);
		break;
	case OP_MREMAP:
		fprintf(out, "mremap((void *)%#lx, %#lx, %#lx, %#x, (void *)%#lx);", a, len,
			len2, (unsigned)s->flags, to);
		break;
	case OP_MADVISE:
		fprintf(out, "madvise((void *)%#lx, %#lx, %d);", a, len, s->flags);
		break;
	case OP_MINCORE:
		fprintf(out, "mincore((void *)%#lx, %#lx, (void *)%#lx);", a, len, to);
		break;
	case OP_MLOCK:
		fprintf(out, "mlock2((void *)%#lx, %#lx, %d);", a, len, s->flags);
		break;
	case OP_MUNLOCK:
		fprintf(out, "munlock((void *)%#lx, %#lx);", a, len);
		break;
	case OP_MLOCKALL:
		fprintf(out, "mlockall(%d);", s->flags);
		break;
	case OP_MUNLOCKALL:
		fprintf(out, "munlockall();");
		break;
	case OP_MSYNC:
		fprintf(out, "msync((void *)%#lx, %#lx, %d);", a, len, s->flags);
		break;
	case OP_BRK:
		fprintf(out, "brk(first_brk + %#lx);", len);
		break;
	case OP_LOAD:
		fprintf(out, "*(volatile uint%lu_t *)%#lx;", len2 * 8, a);
		break;
	case OP_STORE:
		fprintf(out, "*(volatile uint%lu_t *)%#lx = %#lx;", len2 * 8, a, to);
		break;
	case OP_EXEC:
		fprintf(out, "((void (*)(void))%#lx)();", a);
		break;
	case OP_DIGEST:
		fprintf(out, "digest((void *)%#lx, %#lx);", a, len);
		break;
	case OP_READ:
		fprintf(out, "pread(%s, (void *)%#lx, %#lx, %#lx);", fds[s->file], a, len,
			to);
		break;
	case OP_WRITE:
		fprintf(out, "pwrite(%s, (void *)%#lx, %#lx, %#lx);", fds[s->file], a, len,
			to);
		break;
	case OP_TRUNCATE:
		fprintf(out, "ftruncate(%s, %#lx);", fds[s->file], len);
		break;
	case OP_OUTSIDE_WRITE:
		fprintf(out, "/* another process: pwrite(%s, _, %#lx, %#lx); */",
			fds[s->file], len2, to);
		break;
	case OP_OUTSIDE_TRUNCATE:
		fprintf(out, "/* another process: ftruncate(%s, %#lx); */", fds[s->file],
			len);
		break;
	default:
		fprintf(out, "state();");
		break;
	}
	fputc('\n', out);
}
