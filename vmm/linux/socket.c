/* SPDX-License-Identifier: MIT */
/*
 * socket.c: there are no sockets: the network, and other processes, aren't the payload's. Each call
 * answers as a Linux does that knows no address family, and as it does for files that aren't
 * sockets; net/socket.c. One of the embedder's, behind 0, 1 or 2, is read and written, and no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/wait.h"

/* linux/net.h and linux/socket.h */
#define SOCK_TYPE_MASK 0xf
#define SOCK_MAX (SOCK_PACKET + 1)
#define CMSG_COMPAT 0x80000000u

/* __sys_socket_create(), sock_create() */
static int create(int family, int type)
{
	if ((type & ~SOCK_TYPE_MASK) & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	return (type & SOCK_TYPE_MASK) >= SOCK_MAX ? -EINVAL : -EAFNOSUPPORT;
}

int64_t sys_socket(struct process *p, const uint64_t a[6])
{
	(void)p;
	return create((int)a[0], (int)a[1]);
}

/* __sys_socketpair(): the numbers are found and told before there are sockets. */
int64_t sys_socketpair(struct process *p, const uint64_t a[6])
{
	const int type = (int)a[1];
	int nrs[2];

	if ((type & ~SOCK_TYPE_MASK) & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	nrs[0] = fd_unused(&p->files);
	nrs[1] = nrs[0] < 0 ? nrs[0] : fd_unused_from(&p->files, (unsigned)nrs[0] + 1);
	if (nrs[1] < 0)
		return nrs[1];
	if (mm_copy_to(p->mm, a[3], nrs, sizeof(nrs)))
		return -EFAULT;
	return create((int)a[0], type);
}

/* sockfd_lookup() */
static int lookup(struct process *p, uint64_t fd)
{
	const struct file *file = fd_get(&p->files, (unsigned)fd);

	if (!file)
		return -EBADF;
	return file->kind == FILE_SOCKET ? -EOPNOTSUPP : -ENOTSOCK;
}

/* bind, listen, accept, shutdown, and those that ask and set: they look for the file first. */
int64_t sys_bind(struct process *p, const uint64_t a[6])
{
	return lookup(p, a[0]);
}

/* The address comes first: move_addr_to_kernel(). */
int64_t sys_connect(struct process *p, const uint64_t a[6])
{
	const int size = (int)a[2];
	struct sockaddr_storage address;
	const int err = lookup(p, a[0]);

	if (err == -EBADF)
		return err;
	if (size < 0 || (size_t)size > sizeof(address))
		return -EINVAL;
	return size && mm_copy_from(p->mm, &address, a[1], (uint64_t)size) ? -EFAULT : err;
}

int64_t sys_accept4(struct process *p, const uint64_t a[6])
{
	const int err = lookup(p, a[0]);

	if (err != -EBADF && (int)a[3] & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	return err;
}

/* sendto and recvfrom: import_ubuf() comes first. */
int64_t sys_sendto(struct process *p, const uint64_t a[6])
{
	const uint64_t size = min_u64(a[2], MAX_RW_COUNT);

	return access_ok(a[1], size) ? lookup(p, a[0]) : -EFAULT;
}

/* sendmsg and recvmsg */
int64_t sys_sendmsg(struct process *p, const uint64_t a[6])
{
	return a[2] & CMSG_COMPAT ? -EINVAL : lookup(p, a[0]);
}

int64_t sys_sendmmsg(struct process *p, const uint64_t a[6])
{
	return a[3] & CMSG_COMPAT ? -EINVAL : lookup(p, a[0]);
}

int64_t sys_recvmmsg(struct process *p, const uint64_t a[6])
{
	struct wait_time time = { .gva = a[4] };
	int err;

	if (a[3] & CMSG_COMPAT)
		return -EINVAL;
	err = wait_time(p, &time);
	return err ? err : lookup(p, a[0]);
}
