/* SPDX-License-Identifier: MIT */
/*
 * pair.h: the two ends that socketpair(2) gives: the only sockets that a payload can make. They are the
 * host's, of AF_UNIX, have no name, and carry bytes to each other alone: neither files nor
 * credentials go along, so that no other process, and no queue but theirs, comes into play.
 */
#ifndef LINUX_PAIR_H
#define LINUX_PAIR_H

#include <sys/socket.h>

#include "vmm/linux/buffers.h"

/* Whether it is an end of one; another socket, behind 0, 1 or 2, is the embedder's. */
static inline bool is_pair(const struct file *file)
{
	return file->kind == FILE_SOCKET && file->owned;
}

/* sockfd_lookup(). 0; -EBADF, -ENOTSOCK; -EOPNOTSUPP: it is the embedder's. */
int pair_find(struct process *p, uint64_t fd, struct file **file);
/* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET; the host's fd. */
int pair_type(int fd);

/*
 * What an end may have sent at most that the other hasn't received yet, in pages of the host's memory: its SO_SNDBUF,
 * and what one more message takes.
 */
uint64_t pair_pages(int fd);

/*
 * Bytes, -errno, -ERESTARTSYS or -ERESTARTNOHAND; flags are MSG_*, of which unknown ones mean nothing, as on Linux;
 * told, which may be NULL, becomes recvmsg's msg_flags.
 */
int64_t pair_receive(struct process *p, const struct file *file, struct buffers *b,
		     int flags, int *told);
int64_t pair_send(struct process *p, const struct file *file, struct buffers *b, int flags);

/* Whether a call that sends may have these flags and `size` bytes of address. 0 or -errno. */
int pair_check_send(const struct file *file, int flags,
		    const struct sockaddr_storage *address, int size);
/* move_addr_to_user(): `size` bytes of address, as far as there is room for them, and how many there are. 0 or -errno. */
int pair_put_address(struct process *p, const void *address, int size, gva_t to,
		     gva_t size_at);

#endif
