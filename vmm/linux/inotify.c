/* SPDX-License-Identifier: MIT */
/*
 * inotify.c: what happens to granted files and directories, inotify(7). The host's kernel tells it, in the
 * host's words, which are the payload's: numbers of watches and names within a directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "vmm/linux/held.h"
#include "vmm/linux/path.h"
#include "vmm/linux/stream.h"

/* The host's user has some 128 instances, for all processes, and as many watches as it has memory. */
#define INSTANCES_MAX 16
#define WATCHES_MAX 8192

/* Events that one read hands on: the host doesn't split one between two pieces of memory. */
#define EVENTS_SIZE 16384

/* fs/notify/inotify/inotify_user.c */
#define MASK_BITS                                                                    \
	(IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR |      \
	 IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR | \
	 IN_ONESHOT)

static bool too_many(const struct process *p)
{
	unsigned n = 0;

	for (unsigned nr = 0; nr < p->files.limit; nr++) {
		const struct file *file = fd_get(&p->files, nr);

		n += file && file->inotify;
	}
	return n >= INSTANCES_MAX;
}

int64_t sys_inotify_init1(struct process *p, const uint64_t a[6])
{
	const int flags = (int)a[0];
	struct file *file;
	int64_t nr;
	int fd;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	if (too_many(p))
		return -EMFILE;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return -errno;
	nr = install_own(p, fd, 0, O_RDONLY, flags & IN_CLOEXEC);
	if (nr < 0)
		return nr;
	file = fd_get(&p->files, (unsigned)nr);
	file->inotify = true;
	file_set_nonblock(file, flags & IN_NONBLOCK);
	return nr;
}

int64_t sys_inotify_init(struct process *p, const uint64_t a[6])
{
	(void)a;
	return sys_inotify_init1(p, (const uint64_t[6]){ 0 });
}

/* 0; -EBADF; -EINVAL: it is another kind of file. */
static int find(struct process *p, unsigned fd, struct file **file)
{
	*file = fd_get(&p->files, fd);
	if (!*file)
		return -EBADF;
	return (*file)->inotify ? 0 : -EINVAL;
}

/* The host wants a path; that of a descriptor leads nowhere but to what was found. */
static int64_t watch(struct process *p, const struct file *file, const struct target *t,
		     uint32_t mask)
{
	char name[HOST_NAME_SIZE];
	int wd;

	if (t->fd < 0 || t->own)
		return -EACCES;
	if (mask & IN_ONLYDIR && !S_ISDIR(t->mode))
		return -ENOTDIR;
	if (!held_room(&p->files, &p->files.marks, WATCHES_MAX, "inotify wd:"))
		return -ENOSPC;
	host_name(t->fd, name);
	wd = inotify_add_watch(file->fd, name,
			       mask & ~(uint32_t)(IN_DONT_FOLLOW | IN_ONLYDIR));
	if (wd < 0)
		return -errno;
	p->files.marks += p->files.marks < WATCHES_MAX;
	return wd;
}

int64_t sys_inotify_add_watch(struct process *p, const uint64_t a[6])
{
	const uint32_t mask = (uint32_t)a[2];
	struct file *file;
	struct target t;
	int64_t ret;

	if (!(mask & MASK_BITS) || (mask & IN_MASK_ADD && mask & IN_MASK_CREATE))
		return -EINVAL;
	ret = find(p, (unsigned)a[0], &file);
	if (!ret)
		ret = target_find(p, &t, AT_FDCWD, a[1],
				  mask & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	if (ret)
		return ret;
	ret = watch(p, file, &t, mask);
	target_put(&t);
	return ret;
}

int64_t sys_inotify_rm_watch(struct process *p, const uint64_t a[6])
{
	struct file *file;
	const int err = find(p, (unsigned)a[0], &file);

	if (err)
		return err;
	return inotify_rm_watch(file->fd, (int)a[1]) ? -errno : 0;
}

/* What was read goes into the buffers. Bytes, or -EFAULT where nothing got there. */
static int64_t hand_on(struct process *p, struct buffers *b, const char *events, uint64_t n)
{
	uint64_t done = 0, part, missing = 0;

	while (done < n && !missing) {
		const struct iovec *v = &b->vec[b->at];

		part = min_u64(v->iov_len, n - done);
		missing = mm_copy_to(p->mm, (gva_t)v->iov_base, events + done, part);
		done += part - missing;
		buffers_advance(b, part - missing);
	}
	return done || !n ? (int64_t)done : -EFAULT;
}

int64_t inotify_read_events(struct process *p, const struct file *file, struct buffers *b)
{
	char events[EVENTS_SIZE];
	ssize_t n;
	int err = 0;

	do {
		n = read(file->fd, events, min_u64(b->left, sizeof(events)));
		if (n >= 0)
			return hand_on(p, b, events, (uint64_t)n);
		if (errno != EAGAIN)
			return -errno;
		err = stream_wait(p, file, POLLIN);
	} while (!err);
	return err;
}
