/* SPDX-License-Identifier: MIT */
/*
 * step.h: what the oracle's program is told to do, a step at a time, and what it records of
 * each. Fixed layouts, shared by the program, which has no libc, and the driver.
 */
#ifndef ORACLE_STEP_H
#define ORACLE_STEP_H

#include <stdint.h>

/* Where the steps play: four blocks of 2 MiB, in which nothing else of a process lies. */
#define ORACLE_REGION 0x200000000000ul
#define ORACLE_PAGES 2048ul
#define ORACLE_END (ORACLE_REGION + ORACLE_PAGES * 4096)

/* Files in the directory that it runs in: read and write, the same for reading only, ... */
enum oracle_file {
	FILE_RW,
	FILE_RO,
	FILE_SMALL,
	FILE_ZERO,
	FILE_NULL,
	FILE_MEMFD,
	ORACLE_FILES
};
#define ORACLE_FILE_PAGES 24

/* Mappings that the kernel placed, to unmap again. */
#define ORACLE_SLOTS 8

enum oracle_op {
	OP_MMAP,      /* at addr */
	OP_MMAP_FILE, /* file, offset to */
	OP_PLACE,     /* mmap where the kernel likes, into slot `to` */
	OP_PLACE_FILE,
	OP_UNPLACE, /* munmap slot `to` */
	OP_MUNMAP,
	OP_MPROTECT,
	OP_MREMAP, /* addr, len to len2, to */
	OP_MADVISE,
	OP_MINCORE, /* of [addr, addr + len), vector at `to` */
	OP_MLOCK,
	OP_MUNLOCK,
	OP_MLOCKALL,
	OP_MUNLOCKALL,
	OP_MSYNC,
	OP_BRK,	  /* the first break and len */
	OP_LOAD,  /* len2 bytes, 1 or 8 */
	OP_STORE, /* ... of `to` */
	OP_EXEC,  /* where a `ret` stands */
	OP_DIGEST,
	OP_READ,	     /* file at offset to, into [addr, addr + len) */
	OP_WRITE,	     /* ... from it */
	OP_TRUNCATE,	     /* file to len bytes */
	OP_OUTSIDE_WRITE,    /* by the driver, len2 bytes at offset to */
	OP_OUTSIDE_TRUNCATE, /* ... to len bytes */
	OP_STATE,	     /* the VMA list, and mincore of all that is mapped */
	ORACLE_OPS
};

struct oracle_step {
	uint32_t op;
	uint32_t file;
	int32_t prot, flags; /* or behavior */
	uint64_t addr, len, len2, to;
};

struct oracle_record {
	int64_t ret;	  /* what the call returned, addresses made comparable */
	uint32_t signal;  /* that an access ended by; 0: none */
	int32_t code;	  /* si_code */
	uint64_t addr;	  /* si_addr */
	uint64_t digest;  /* of the bytes read; OP_STATE: of the VMA list */
	uint64_t mincore; /* OP_STATE, OP_MINCORE: of the bytes of mincore */
	uint32_t request; /* this is no record, but the driver's turn to make the step */
	uint32_t error;	  /* the #PF error code's W and I */
};

#endif
