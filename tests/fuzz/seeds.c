/* SPDX-License-Identifier: MIT */
/*
 * seeds.c: inputs of the fuzz target mm that were written by hand: calls in an order that random
 * bytes don't come upon, each about something that was or would be a bug. The suite mm runs them,
 * and libFuzzer begins with them. fuzz_mm.c says how the bytes are read.
 *
 * An input ends with a look at all that was written, and one more after a reclaim.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/calls.h"

/* ---- how an mm is made: with room for 4033 pages, without fault-around, the region mapped */

#define SMALL_PAGES 1, 3, 1
#define HUGE_PAGES 2, 3, 1

/* ---- arguments */

/* Page 0 to 31 of block 0 to 3. */
#define AT(block, page) (block) * 64 + (page), 0
#define ONE_PAGE 0
#define BLOCKS(n) (160 + (n)-1)
#define NO_ACCESS 0
#define READ_WRITE 3

/* ---- calls */

#define CALL(name) ((CALL_BYTES + NR_CALLS - 1) / NR_CALLS * NR_CALLS + CALL_##name)
#define READ(at) CALL(TOUCH), at, 0, 0, 0
#define WRITE(at, value) CALL(TOUCH), at, 0, 1, value
#define ADVISE(name, at, len) CALL(MADVISE), ADVICE_##name, at, len
#define PROTECT(at, len, prot) CALL(MPROTECT), at, len, prot
#define UNMAP(at, len) CALL(MUNMAP), at, len
/* MAP_FIXED, to read and write */
#define MAP(name, at, len) CALL(MMAP), at, len, KIND_##name * 4, READ_WRITE
/* MREMAP_MAYMOVE | MREMAP_FIXED */
#define MOVE(from, to, len) CALL(MREMAP), 2, from, to, len
#define RECLAIM(effort) CALL(RECLAIM), effort
/* No page more than there are; as many as at first. */
#define NO_ROOM CALL(LIMIT), 0
#define LITTLE_ROOM CALL(LIMIT), 2 /* a page, but not as many as are needed */
#define ALL_ROOM CALL(LIMIT), 128

/* MADV_FREE, and then the page is written again: what it has now must stay. */
#define FREE_THEN_WRITE(block, page, len)                              \
	WRITE(AT(block, page), 1), ADVISE(FREE, AT(block, page), len), \
		WRITE(AT(block, page), 2)

#define SEED(name, ...)                                          \
	{                                                        \
		name, (const uint8_t[]){ __VA_ARGS__ },          \
			sizeof((const uint8_t[]){ __VA_ARGS__ }) \
	}

/* A line is a call. */
/* clang-format off */
const struct seed seeds[] = {
	SEED("free-write-no-access",
	     SMALL_PAGES,
	     FREE_THEN_WRITE(0, 0, ONE_PAGE),
	     PROTECT(AT(0, 0), ONE_PAGE, NO_ACCESS),
	     PROTECT(AT(0, 0), ONE_PAGE, READ_WRITE),
	     READ(AT(0, 0)),
	     RECLAIM(0),
	     READ(AT(0, 0))),
	SEED("free-write-no-access-huge",
	     HUGE_PAGES,
	     FREE_THEN_WRITE(1, 0, BLOCKS(1)),
	     PROTECT(AT(1, 0), BLOCKS(1), NO_ACCESS),
	     PROTECT(AT(1, 0), BLOCKS(1), READ_WRITE),
	     READ(AT(1, 0)),
	     RECLAIM(0),
	     READ(AT(1, 0))),
	SEED("free-write-split-by-mprotect",
	     HUGE_PAGES,
	     FREE_THEN_WRITE(0, 0, BLOCKS(1)),
	     PROTECT(AT(0, 1), ONE_PAGE, NO_ACCESS),
	     READ(AT(0, 0)),
	     RECLAIM(0),
	     READ(AT(0, 0))),
	SEED("free-write-split-by-dontneed",
	     HUGE_PAGES,
	     FREE_THEN_WRITE(0, 0, BLOCKS(1)),
	     ADVISE(DONTNEED, AT(0, 3), ONE_PAGE),
	     READ(AT(0, 0)),
	     RECLAIM(0),
	     READ(AT(0, 0))),
	SEED("free-write-split-by-reclaim",
	     HUGE_PAGES,
	     FREE_THEN_WRITE(0, 0, BLOCKS(1)),
	     RECLAIM(2),
	     READ(AT(0, 0)),
	     RECLAIM(0),
	     READ(AT(0, 0))),
	SEED("free-write-split-by-mremap",
	     HUGE_PAGES,
	     FREE_THEN_WRITE(0, 0, BLOCKS(1)),
	     MOVE(AT(0, 0), AT(3, 7), ONE_PAGE),
	     READ(AT(3, 7)),
	     RECLAIM(0),
	     READ(AT(3, 7))),
	SEED("free-write-split-collapse",
	     HUGE_PAGES,
	     FREE_THEN_WRITE(0, 0, BLOCKS(1)),
	     ADVISE(DONTNEED, AT(0, 3), ONE_PAGE),
	     READ(AT(0, 0)),
	     WRITE(AT(0, 3), 4),
	     ADVISE(COLLAPSE, AT(0, 0), BLOCKS(1)),
	     RECLAIM(0),
	     READ(AT(0, 0)),
	     READ(AT(0, 3))),
	SEED("free-write-collapse",
	     SMALL_PAGES,
	     FREE_THEN_WRITE(0, 0, ONE_PAGE),
	     ADVISE(COLLAPSE, AT(0, 0), BLOCKS(1)),
	     RECLAIM(0),
	     READ(AT(0, 0))),
	SEED("free-collapse-write-split",
	     SMALL_PAGES,
	     WRITE(AT(0, 0), 1),
	     ADVISE(FREE, AT(0, 0), ONE_PAGE),
	     ADVISE(COLLAPSE, AT(0, 0), BLOCKS(1)),
	     WRITE(AT(0, 0), 2),
	     PROTECT(AT(0, 1), ONE_PAGE, NO_ACCESS),
	     READ(AT(0, 0)),
	     RECLAIM(0),
	     READ(AT(0, 0))),
	SEED("free-write-mremap",
	     SMALL_PAGES,
	     FREE_THEN_WRITE(0, 0, ONE_PAGE),
	     MOVE(AT(0, 0), AT(3, 0), ONE_PAGE),
	     READ(AT(3, 0)),
	     RECLAIM(0),
	     READ(AT(3, 0))),
	/*
	 * No table is to be had for the entry at its new place. The page's own index is: there,
	 * another page without an entry has its node; its table went, and the reclaim let the
	 * host have it. And here, another page keeps table and node from being free.
	 */
	SEED("free-write-mremap-without-tables",
	     SMALL_PAGES,
	     WRITE(AT(3, 1), 3),
	     PROTECT(AT(3, 1), ONE_PAGE, NO_ACCESS),
	     RECLAIM(0),
	     WRITE(AT(0, 1), 4),
	     FREE_THEN_WRITE(0, 0, ONE_PAGE),
	     NO_ROOM,
	     MOVE(AT(0, 0), AT(3, 0), ONE_PAGE),
	     ALL_ROOM,
	     READ(AT(3, 0)),
	     RECLAIM(0),
	     READ(AT(3, 0))),
	SEED("hugetlb-dontneed-again",
	     SMALL_PAGES,
	     MAP(HUGETLB, AT(1, 0), BLOCKS(2)),
	     ADVISE(POPULATE_WRITE, AT(1, 0), BLOCKS(2)),
	     WRITE(AT(1, 5), 1),
	     ADVISE(DONTNEED, AT(1, 0), BLOCKS(1)),
	     WRITE(AT(1, 5), 2),
	     UNMAP(AT(1, 0), BLOCKS(1)),
	     MAP(HUGETLB, AT(1, 0), BLOCKS(1)),
	     WRITE(AT(1, 5), 3)),
	SEED("hugetlb-dontneed-without-room",
	     SMALL_PAGES,
	     MAP(HUGETLB, AT(1, 0), BLOCKS(1)),
	     WRITE(AT(1, 5), 1),
	     ADVISE(DONTNEED, AT(1, 0), BLOCKS(1)),
	     NO_ROOM,
	     WRITE(AT(1, 5), 2),
	     READ(AT(1, 5))),
	/* two VMAs: the first's guard finds no room, and the second keeps what it had */
	SEED("guards-without-room",
	     SMALL_PAGES,
	     WRITE(AT(1, 5), 1),
	     PROTECT(AT(0, 0), BLOCKS(1), NO_ACCESS),
	     LITTLE_ROOM,
	     ADVISE(GUARD_INSTALL, AT(0, 0), BLOCKS(2)),
	     READ(AT(1, 5))),
	SEED("hugetlb-moved",
	     SMALL_PAGES,
	     MAP(HUGETLB, AT(0, 0), BLOCKS(2)),
	     WRITE(AT(0, 5), 1),
	     MOVE(AT(0, 0), AT(2, 0), BLOCKS(2)),
	     WRITE(AT(3, 5), 2),
	     ADVISE(DONTNEED, AT(2, 0), BLOCKS(2)),
	     WRITE(AT(2, 5), 3)),
	SEED("hugetlb-noreserve-dontneed",
	     SMALL_PAGES,
	     MAP(HUGETLB_NORESERVE, AT(0, 0), BLOCKS(1)),
	     WRITE(AT(0, 5), 1),
	     ADVISE(DONTNEED, AT(0, 0), BLOCKS(1)),
	     WRITE(AT(0, 5), 2)),
	SEED("hugetlb-shared-hole",
	     SMALL_PAGES,
	     MAP(HUGETLB_SHARED, AT(0, 0), BLOCKS(2)),
	     WRITE(AT(0, 5), 1),
	     WRITE(AT(1, 5), 2),
	     ADVISE(REMOVE, AT(0, 0), BLOCKS(1)),
	     ADVISE(DONTNEED, AT(1, 0), BLOCKS(1)),
	     WRITE(AT(0, 5), 3),
	     READ(AT(1, 5))),
	/* read-only, from page 0xfc << 12 of the object on: there is nothing, a fault is SIGBUS */
	SEED("hugetlb-shared-behind-its-end",
	     SMALL_PAGES,
	     CALL(MMAP), AT(0, 0), BLOCKS(2), KIND_HUGETLB_SHARED * 4, 0xfc, 0xfc, 12,
	     PROTECT(AT(0, 0), BLOCKS(2), 1),
	     READ(AT(0, 0))),
};
/* clang-format on */

const size_t nr_seeds = sizeof(seeds) / sizeof(seeds[0]);

static int write_seed(const char *folder, const struct seed *seed)
{
	char path[512];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, seed->name);
	file = fopen(path, "wb");
	if (!file) {
		fprintf(stderr, "seed %s: %m\n", path);
		return 1;
	}
	n = fwrite(seed->data, 1, seed->size, file);
	if (fclose(file) || n != seed->size) {
		fprintf(stderr, "seed %s: cannot write\n", path);
		return 1;
	}
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");
	int status = 0;

	(void)argc;
	(void)argv;
	if (!folder)
		return 0;
	for (size_t i = 0; i < nr_seeds && !status; i++)
		status = write_seed(folder, &seeds[i]);
	exit(status);
}
