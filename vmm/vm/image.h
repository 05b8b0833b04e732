/* SPDX-License-Identifier: MIT */
/* image.h: the executable that a sandbox runs: its ELF file, where it lies, its symbols. */
#ifndef VM_IMAGE_H
#define VM_IMAGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "vmm/linux/policy.h"
#include "vmm/mm/mm.h"
#include "vmm/vm/layout.h"

/* A function or variable of the file. */
struct image_symbol {
	const char *name; /* in image->names */
	gva_t gva;
	uint64_t size;
};

/* From gva on, up to the next place, this symbol is the answer. */
struct image_place {
	gva_t gva;
	const struct image_symbol *symbol; /* NULL: none */
};

struct image {
	char *path; /* as it was given; of a script, its interpreter's */
	char *name; /* ... absolute, without links, as the payload sees it */
	int fd;
	gva_t bias;  /* what is added to the file's addresses; 0 for ET_EXEC */
	gva_t entry; /* its own: AT_ENTRY */
	gva_t start; /* where it starts: its interpreter's entry, or its own */
	gva_t base;  /* AT_BASE: where its interpreter lies; 0: it has none */
	gva_t phdr;  /* AT_PHDR: where its program headers lie; 0: in no segment */
	unsigned phnum;
	gva_t end;	   /* behind its last segment, page-aligned: the heap's start */
	uint64_t data_len; /* bytes of that segment that are the file's: end_data - start_data */
	gva_t start_data; /* ... where it begins */
	gva_t start_code,
		end_code; /* of the executable segments: what the file has of them */
	/* Read at the first look-up, in whatever thread, and never changed: */
	pthread_mutex_t symbols_lock; /* held by who reads them */
	atomic_bool symbols_read;
	struct image_symbol *symbols; /* by gva */
	size_t nr_symbols;
	char *names;		    /* the string table that theirs stand in */
	struct image_place *places; /* by gva */
	size_t nr_places;
};

/*
 * Open a program: by the host's path, or as the payload itself might, through its grants, where `of`
 * names what asks for it. -ENOENT, -EACCES, -ENOMEM, with words. image_close() is the caller's in any case.
 */
int image_open(struct image *image, const struct policy *policy, const char *path,
	       struct mv_error *err);
int image_open_granted(struct image *image, const struct policy *policy, const char *path,
		       const char *of, struct mv_error *err);
/*
 * Map the segments of an ELF file that was opened, and of its interpreter, which the policy must grant,
 * without touching a page of them. As before, and -ENOEXEC; -ELIBBAD for an interpreter that is none.
 */
int image_load(struct image *image, struct mm *mm, const struct policy *policy,
	       const struct layout *layout, struct mv_error *err);
void image_close(struct image *image);

/* Make places for symbols, which are there, by gva. */
void image_index_symbols(struct image *image);

/*
 * By name: the symbol, or NULL. A file whose table has more than half a million (2^19), or names of more than
 * 32 MiB, is as one without: it is a payload's, and may cost us only so much time and memory.
 */
const struct image_symbol *image_symbol(struct image *image, const char *name);
/* The symbol that covers gva; else the last label before it; or NULL. */
const struct image_symbol *image_symbol_at(struct image *image, gva_t gva);

#endif
