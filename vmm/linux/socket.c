/* SPDX-License-Identifier: MIT */
/*
 * socket.c: there is no network, and other processes aren't the payload's. What socketpair(2) gives reaches nobody,
 * and is served: pair.c. All else answers as a Linux does that knows no address family, and as it does for files
 * that aren't sockets; net/socket.c. One of the embedder's, behind 0, 1 or 2, is read and written, and no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "vmm/linux/pair.h"
#include "vmm/linux/path.h"

/* linux/net.h and linux/socket.h */
#define SOCK_TYPE_MASK 0xf
#define SOCK_MAX (SOCK_PACKET + 1)

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

/* The host's, which says what is wrong with type and protocol: unix_create(). */
static int64_t create_pair(struct process *p, int type, int protocol)
{
	struct ends e = { .mode = S_IFSOCK,
			  .flags = { O_RDWR, O_RDWR },
			  .cloexec = type & SOCK_CLOEXEC };
	struct file *file;
	int64_t err;
	int nrs[2];

	if (socketpair(AF_UNIX, (type & SOCK_TYPE_MASK) | SOCK_CLOEXEC, protocol, e.fds))
		return -errno;
	e.pages = pair_pages(e.fds[0]);
	err = install_ends(p, &e, nrs);
	for (int i = 0; i < 2 && !err; i++) {
		file = fd_get(&p->files, (unsigned)nrs[i]);
		file->messages = pair_type(file->fd) != SOCK_STREAM;
		file_set_nonblock(file, type & SOCK_NONBLOCK);
	}
	return err;
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
	return (int)a[0] == AF_UNIX ? create_pair(p, type, (int)a[2])
				    : create((int)a[0], type);
}

/* ---- What isn't served; the file is looked for first. */

static int refuse(struct process *p, uint64_t fd)
{
	struct file *file;
	const int err = pair_find(p, fd, &file);

	return err ? err : -EOPNOTSUPP;
}

/* bind, listen, accept */
int64_t sys_bind(struct process *p, const uint64_t a[6])
{
	return refuse(p, a[0]);
}

/* move_addr_to_kernel() */
static int get_address(struct process *p, struct sockaddr_storage *address, gva_t from,
		       int size)
{
	if (size < 0 || (size_t)size > sizeof(*address))
		return -EINVAL;
	return size && mm_copy_from(p->mm, address, from, (uint64_t)size) ? -EFAULT : 0;
}

/* The address comes first. */
int64_t sys_connect(struct process *p, const uint64_t a[6])
{
	struct sockaddr_storage address;
	const int refused = refuse(p, a[0]);
	int err;

	if (refused == -EBADF)
		return refused;
	err = get_address(p, &address, a[1], (int)a[2]);
	return err ? err : refused;
}

int64_t sys_accept4(struct process *p, const uint64_t a[6])
{
	const int err = refuse(p, a[0]);

	if (err != -EBADF && (int)a[3] & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	return err;
}

/* ---- What pairs are asked */

int64_t sys_getsockname(struct process *p, const uint64_t a[6])
{
	const sa_family_t unnamed = AF_UNIX;
	struct file *file;
	const int err = pair_find(p, a[0], &file);

	return err ? err : pair_put_address(p, &unnamed, sizeof(unnamed), a[1], a[2]);
}

/* Its other end has no name, either; it may have none: unix_dgram_disconnected(). */
int64_t sys_getpeername(struct process *p, const uint64_t a[6])
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	struct file *file;
	const int err = pair_find(p, a[0], &file);

	if (err)
		return err;
	if (getpeername(file->fd, (struct sockaddr *)&address, &size))
		return -errno;
	return pair_put_address(p, &address, (int)size, a[1], a[2]);
}

int64_t sys_shutdown(struct process *p, const uint64_t a[6])
{
	struct file *file;
	const int err = pair_find(p, a[0], &file);

	if (err)
		return err;
	return shutdown(file->fd, (int)a[1]) ? -errno : 0;
}

/* import_ubuf() */
static int get_buffer(struct buffers *b, gva_t gva, uint64_t len)
{
	return buffers_single(b, gva, min_u64(len, MAX_RW_COUNT));
}

int64_t sys_sendto(struct process *p, const uint64_t a[6])
{
	const int size = a[4] ? (int)a[5] : 0, flags = (int)a[3];
	struct sockaddr_storage address;
	struct file *file;
	struct buffers b;
	int err = get_buffer(&b, a[1], a[2]);

	if (!err)
		err = pair_find(p, a[0], &file);
	if (!err)
		err = get_address(p, &address, a[4], size);
	if (!err)
		err = pair_check_send(file, flags, &address, size);
	return err ? err : pair_send(p, file, &b, flags);
}

/* Who sent it has no name, which is told afterwards: it is an address of no bytes. */
int64_t sys_recvfrom(struct process *p, const uint64_t a[6])
{
	struct file *file;
	struct buffers b;
	int err = get_buffer(&b, a[1], a[2]);
	int64_t n;

	if (!err)
		err = pair_find(p, a[0], &file);
	if (err)
		return err;
	n = pair_receive(p, file, &b, (int)a[3], NULL);
	if (n < 0 || !a[4])
		return n;
	err = pair_put_address(p, NULL, 0, a[4], a[5]);
	return err ? err : n;
}
