/* SPDX-License-Identifier: MIT */
/* pair.c: what goes from one end of a socketpair to the other; net/unix/af_unix.c. See pair.h. */
#include "vmm/linux/pair.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "vmm/linux/stream.h"
#include "vmm/linux/wait.h"

/* What the host is told. MSG_OOB isn't sent, so there is none to be received, either. */
#define RECEIVE_FLAGS (MSG_PEEK | MSG_TRUNC | MSG_OOB | MSG_CMSG_CLOEXEC)
#define SEND_FLAGS MSG_EOR
/* A stream's bytes go in pieces of SKB_MAX_ALLOC + UNIX_SKB_FRAGS_SZ, 48 KiB, and what holds them. */
#define PIECE_MAX (64ull << 10)

int pair_find(struct process *p, uint64_t fd, struct file **file)
{
	*file = fd_get(&p->files, (unsigned)fd);
	if (!*file)
		return -EBADF;
	if ((*file)->kind != FILE_SOCKET)
		return -ENOTSOCK;
	return is_pair(*file) ? 0 : -EOPNOTSUPP;
}

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = 0;

	getsockopt(fd, SOL_SOCKET, name, &value, &len);
	return value;
}

int pair_type(int fd)
{
	return option(fd, SO_TYPE);
}

/*
 * sock_alloc_send_pskb(): more is taken as long as what is there, by its skb->truesize, is less than SO_SNDBUF. A message
 * may be as long as that, and a part of it is rounded up to a power of two.
 */
uint64_t pair_pages(int fd)
{
	const uint64_t size = (uint64_t)option(fd, SO_SNDBUF);
	const uint64_t more = pair_type(fd) == SOCK_STREAM ? PIECE_MAX : 2 * size;

	return page_align(size + more) >> PAGE_SHIFT;
}

/* ---- waiting */

/* Until when a call waits; WAIT_FOREVER: there is no SO_RCVTIMEO, or SO_SNDTIMEO. */
static int64_t begin(struct process *p, int64_t ns)
{
	return ns ? wait_begin(p, ns) : WAIT_FOREVER;
}

/* sock_intr_errno(): with a time, it isn't made again after a handler. */
static int64_t end(struct process *p, int64_t n, int64_t until)
{
	return until == WAIT_FOREVER ? n : wait_end(p, n, until);
}

/*
 * Nothing goes now. 1: try again; 0: nothing more will come, __skb_wait_for_more_packets(); -EAGAIN: it doesn't
 * wait, or time is up; -ERESTARTSYS.
 */
static int wait_ready(struct process *p, const struct file *file, short events, int flags,
		      int64_t until)
{
	struct pollfd fds[2] = { [1] = { .fd = file->fd, .events = events } };
	int n;

	if (flags & MSG_DONTWAIT || file->nonblock == NONBLOCK_YES)
		return -EAGAIN;
	n = stream_poll(p, fds, 2, until);
	if (n <= 0)
		return n ? n : -EAGAIN;
	return !(fds[1].revents & POLLRDHUP);
}

/* ---- receiving */

/* As much as there is is received without more of the payload's memory than that takes. */
static void chunk_of(struct process *p, const struct file *file, struct buffers *b,
		     struct chunk *c)
{
	const uint64_t left = b->left;
	int there = 0;

	ioctl(file->fd, FIONREAD, &there);
	b->left = min_u64(left, (uint64_t)there);
	buffers_chunk(p, b, MV_WRITE, CHUNK_MAX, c);
	b->left = left;
}

/* Without waiting: bytes, 0, -errno. */
static int64_t receive_once(struct process *p, const struct file *file, struct buffers *b,
			    int flags, int *told)
{
	struct msghdr msg;
	struct chunk c;
	int64_t n;

	chunk_of(p, file, b, &c);
	do {
		msg = (struct msghdr){ .msg_iov = c.vec, .msg_iovlen = (size_t)c.nr };
		n = recvmsg(file->fd, &msg, (flags & RECEIVE_FLAGS) | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (told)
		*told = msg.msg_flags;
	return n;
}

/* Whether a stream's receiver wants all that it asked for. */
static bool gathers(const struct file *file, int flags)
{
	return flags & MSG_WAITALL && !(flags & MSG_PEEK) && !file->messages;
}

int64_t pair_receive(struct process *p, const struct file *file, struct buffers *b,
		     int flags, int *told)
{
	const int64_t until = begin(p, file->receive_ns);
	int64_t done = 0, n;

	for (;;) {
		n = receive_once(p, file, b, flags, told);
		if (n == -EAGAIN) {
			n = wait_ready(p, file, POLLIN | POLLRDHUP, flags, until);
			if (n > 0)
				continue;
		}
		if (n <= 0)
			break;
		done += n;
		if (!gathers(file, flags))
			break;
		buffers_advance(b, (uint64_t)n);
		if (!b->left || stream_cut(p, done, n, true))
			break;
	}
	return end(p, done ? done : n, until);
}

/* ---- sending */

/* Without waiting: bytes, or -errno. */
static int64_t send_once(struct process *p, const struct file *file,
			 const struct buffers *b, int flags)
{
	struct msghdr msg;
	struct chunk c;
	int64_t n;

	buffers_chunk(p, b, MV_READ, CHUNK_MAX, &c);
	if (file->messages && c.len < b->left)
		return -EMSGSIZE;
	do {
		msg = (struct msghdr){ .msg_iov = c.vec, .msg_iovlen = (size_t)c.nr };
		n = sendmsg(file->fd, &msg,
			    (flags & SEND_FLAGS) | MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* unix_stream_sendmsg(), unix_dgram_sendmsg(), of which the first alone sends a signal. */
int64_t pair_send(struct process *p, const struct file *file, struct buffers *b, int flags)
{
	const int64_t until = begin(p, file->send_ns);
	int64_t done = 0, n;

	for (;;) {
		n = send_once(p, file, b, flags);
		if (n == -EAGAIN) {
			n = wait_ready(p, file, POLLOUT, flags, until);
			if (n > 0)
				continue;
		}
		if (n <= 0)
			break;
		done += n;
		buffers_advance(b, (uint64_t)n);
		if (!b->left || stream_cut(p, done, n, true))
			break;
	}
	if (n == -EPIPE && !done && !file->messages && !(flags & MSG_NOSIGNAL))
		signal_send(p, SIGPIPE, SI_USER);
	return end(p, done ? done : n, until);
}

/* ---- addresses */

/* unix_validate_addr() */
static bool is_name(const struct sockaddr_storage *address, int size)
{
	return size > (int)offsetof(struct sockaddr_un, sun_path) &&
	       size <= (int)sizeof(struct sockaddr_un) && address->ss_family == AF_UNIX;
}

/*
 * A connected stream takes none, and a sequence of packets ignores it. Datagrams could go elsewhere: but no name leads
 * out of the sandbox, and nobody in it has one. MSG_OOB is as without CONFIG_AF_UNIX_OOB.
 */
int pair_check_send(const struct file *file, int flags,
		    const struct sockaddr_storage *address, int size)
{
	const int type = pair_type(file->fd);

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!size || type == SOCK_SEQPACKET)
		return 0;
	if (type == SOCK_STREAM)
		return -EISCONN;
	if (!is_name(address, size))
		return -EINVAL;
	return ((const struct sockaddr_un *)address)->sun_path[0] ? -EACCES : -ECONNREFUSED;
}

int pair_put_address(struct process *p, const void *address, int size, gva_t to,
		     gva_t size_at)
{
	int len;

	if (mm_copy_from(p->mm, &len, size_at, sizeof(len)))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (mm_copy_to(p->mm, size_at, &size, sizeof(size)))
		return -EFAULT;
	len = len < size ? len : size;
	return len && mm_copy_to(p->mm, to, address, (uint64_t)len) ? -EFAULT : 0;
}
