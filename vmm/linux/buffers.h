/* SPDX-License-Identifier: MIT */
/*
 * buffers.h: the payload's memory that one call reads or writes, and the way to let the
 * host's kernel do that in place.
 */
#ifndef LINUX_BUFFERS_H
#define LINUX_BUFFERS_H

#include <sys/uio.h>

#include "vmm/linux/calls.h"

/* linux/uio.h: UIO_MAXIOV, the most that a vector may have, the payload's and ours. */
#define IOV_COUNT_MAX 1024
/* What goes to the host in one call, at most. No page is faulted in long before its use. */
#define CHUNK_MAX (1ull << 20)

/* What is still to be transferred. Each iov_base is a gva. */
struct buffers {
	struct iovec vec[IOV_COUNT_MAX];
	unsigned at; /* the first that isn't used up */
	unsigned nr;
	uint64_t left; /* bytes in all of them */
};

/* A part of it as the host sees it. */
struct chunk {
	struct iovec vec[IOV_COUNT_MAX];
	int nr;
	uint64_t len;
};

/* One buffer, as in read(2). 0 or -EFAULT: not the payload's half of the address space. */
int buffers_single(struct buffers *b, gva_t gva, uint64_t len);
/* A vector, as in readv(2), which is in the payload's memory, too. 0 or -errno. */
int buffers_import(struct process *p, struct buffers *b, gva_t vec, uint64_t count);
/* n bytes are done. */
void buffers_advance(struct buffers *b, uint64_t n);

/*
 * Host addresses for the next of it, at most max bytes; access: MV_READ where the payload's
 * memory is read. Memory that the payload may not access is in it as an address where
 * nobody may: the host's kernel then decides what that comes to, as it does natively
 * (nothing at the end of a file, a shorter count after some bytes, -EFAULT).
 */
void buffers_chunk(struct process *p, const struct buffers *b, unsigned access,
		   uint64_t max, struct chunk *c);

#endif
