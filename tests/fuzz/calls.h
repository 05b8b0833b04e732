/* SPDX-License-Identifier: MIT */
/*
 * calls.h: how an input of the fuzz target mm names its calls and advices, for fuzz_mm.c, which reads
 * it, and seeds.c, which writes some.
 */
#ifndef TESTS_FUZZ_CALLS_H
#define TESTS_FUZZ_CALLS_H

#include <stddef.h>
#include <stdint.h>

enum call {
	CALL_TOUCH,
	CALL_MADVISE,
	CALL_MPROTECT,
	CALL_MMAP,
	CALL_MREMAP,
	CALL_MUNMAP,
	CALL_BRK,
	CALL_MSYNC,
	CALL_COPY_FROM,
	CALL_COPY_TO,
	CALL_POKE,
	CALL_COPY_STRING,
	CALL_IOVEC,
	CALL_LOOK,
	CALL_REVALIDATE,
	CALL_TRUNCATE,
	CALL_WRITE_FILE,
	CALL_REOPEN,
	CALL_MAP_STACK,
	CALL_MINCORE,
	CALL_MLOCK,
	CALL_MUNLOCK,
	CALL_MLOCKALL,
	CALL_MUNLOCKALL,
	CALL_TRUNCATED,
	CALL_LIST,
	CALL_RECLAIM,
	CALL_LIMIT,
	NR_CALLS
};

/* From this byte on, one names a call by its remainder. Below, it is one of the first few. */
#define CALL_BYTES 128

/* The advices that come most, in the order of fuzz_mm.c's table: those that do something to pages. */
enum advice {
	ADVICE_DONTNEED,
	ADVICE_FREE,
	ADVICE_FREE_TOO,
	ADVICE_REMOVE,
	ADVICE_COLLAPSE,
	ADVICE_COLLAPSE_TOO,
	ADVICE_GUARD_INSTALL,
	ADVICE_GUARD_REMOVE,
	ADVICE_POPULATE_READ,
	ADVICE_POPULATE_WRITE,
	ADVICE_DONTNEED_LOCKED,
	NR_ADVICES
};

/* A mapping's kind, in the order of fuzz_mm.c's table; those that seeds map. */
enum kind { KIND_HUGETLB = 12, KIND_HUGETLB_NORESERVE, KIND_HUGETLB_SHARED, NR_KINDS };

/* An input that was written by hand. */
struct seed {
	const char *name; /* of its file: what happens in it */
	const uint8_t *data;
	size_t size;
};

extern const struct seed seeds[];
extern const size_t nr_seeds;

/* libFuzzer's interface. With FUZZ_SEEDS=FOLDER, write the seeds there, a file each. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
