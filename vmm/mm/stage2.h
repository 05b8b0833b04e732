/* SPDX-License-Identifier: MIT */
/*
 * stage2.h: second-stage violations, served by the VMM itself through userfaultfd(2).
 *
 *   access -> guest's tables: gpa -> KVM: hva -> nothing there -> userfaultfd -> this
 *             file's thread: zeroes, or a piece of the file -> the access is made again
 *
 * Without it the host kernel does all of that alone (--stage2=direct). A range's memory is MISSING
 * until it is touched, by the guest, by the VMM or by the host kernel on behalf of either:
 *
 *   anonymous  one page of zeroes a violation; memory given back is MISSING again
 *   file       a piece of STAGE2_PIECE bytes of the host's own shared mapping of the file is laid
 *              over the place: the page cache's pages, as in a window that is mapped at once. What
 *              lies behind the file's end then gives EFAULT, as there
 *
 * The faulting thread may hold mm->lock and phys->lock: the one that serves takes neither, but a
 * lock of its own, under which nobody touches a range's memory. It knows no KVM.
 */
#ifndef MM_STAGE2_H
#define MM_STAGE2_H

#include <mapvisor/mapvisor.h>

#include "vmm/mm/types.h"

/* What a violation maps of a file: aligned, and less than the smallest window. */
#define STAGE2_PIECE (64ull << 10)

struct stage2;

/* One that was served, for who wants to know each. */
struct stage2_violation {
	uint64_t ns,
		spent; /* when it was heard of, CLOCK_MONOTONIC; how long it took to serve */
	gpa_t gpa;     /* that was accessed; page-aligned */
	gpa_t start;   /* from here on */
	uint64_t bytes; /* ... so much has memory now */
	bool write, file;
};

/* All zero: none. */
struct stage2_log {
	struct stage2_violation *all;
	size_t nr, room;
	uint64_t lost; /* for want of memory */
};

struct stage2_count {
	uint64_t violations; /* served */
	uint64_t zeroed;     /* pages given as zeroes for them */
	uint64_t from_files; /* pages of files mapped for them */
	unsigned ranges;     /* that are served now */
};

/*
 * A userfaultfd that sees the kernel's accesses, too (KVM's are such). -EPERM; -ENOSYS: the
 * kernel has none.
 */
int stage2_userfaultfd(void);

/* Start to serve: a userfaultfd and a thread, with all signals blocked. 0 or -errno. */
int stage2_open(struct stage2 **out, struct mv_error *err);
/* The thread has ended and the fds are closed when it returns. NULL is allowed. */
void stage2_close(struct stage2 *s2);

/*
 * Serve [hva, hva + size), private anonymous memory at gpa that nobody has touched: by zeroes (fd -1), or
 * by the file from offset on, with prot. fd stays the caller's, and open until the
 * range is removed. 0 or -errno: the file can't be mapped, no memory.
 */
int stage2_add(struct stage2 *s2, char *hva, gpa_t gpa, uint64_t size, int fd,
	       uint64_t offset, int prot);
/* Lay its file over all of the range that begins at hva, as later it may not be mapped any more. 0 or -errno. */
int stage2_map_whole(struct stage2 *s2, char *hva);
/* Before its memory is unmapped: from here on it may be anybody's. */
void stage2_remove(struct stage2 *s2, char *hva);

/* Keep a log of each violation from now on, or no more. */
void stage2_record(struct stage2 *s2, bool on);
/*
 * What was logged since the last time: in *log, whose memory is the log's from now on. Complete as
 * stage2_count() is.
 */
void stage2_take(struct stage2 *s2, struct stage2_log *log);

/* Complete with all that any access waited for. s2 may be NULL: zeroes. */
struct stage2_count stage2_count(struct stage2 *s2);

#endif
