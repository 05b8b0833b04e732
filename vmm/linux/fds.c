/* SPDX-License-Identifier: MIT */
/* fds.c: numbers of open files: dup, fcntl, close_range, and the making of pipes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/linux/lock.h"
#include "vmm/linux/path.h"
#include "vmm/linux/stream.h"

/* Of a pipe whose size is the system's: PIPE_DEF_BUFFERS of linux/pipe_fs_i.h. */
#define PIPE_SIZE_MAX (16 * PAGE_SIZE)

/* fd, a free number, names file, too. */
static int64_t name_it(struct process *p, int fd, struct file *file, bool cloexec)
{
	if (fd < 0)
		return fd;
	file->refs++;
	fd_install(&p->files, fd, file, cloexec);
	return fd;
}

int64_t sys_dup(struct process *p, const uint64_t a[6])
{
	struct file *file = fd_get_raw(&p->files, (unsigned)a[0]);

	return file ? name_it(p, fd_unused(&p->files), file, false) : -EBADF;
}

/* ksys_dup3(), and what is behind the new number is closed. */
static int64_t do_dup3(struct process *p, unsigned old, unsigned new, bool cloexec)
{
	struct file *file = fd_get_raw(&p->files, old);

	if (new >= p->files.limit || !file)
		return -EBADF;
	file->refs++;
	close_fd(p, new);
	fd_install(&p->files, (int)new, file, cloexec);
	return new;
}

int64_t sys_dup2(struct process *p, const uint64_t a[6])
{
	const unsigned old = (unsigned)a[0], new = (unsigned)a[1];

	if (old == new)
		return fd_get_raw(&p->files, old) ? (int64_t)old : -EBADF;
	return do_dup3(p, old, new, false);
}

int64_t sys_dup3(struct process *p, const uint64_t a[6])
{
	const int flags = (int)a[2];

	if (flags & ~O_CLOEXEC || (unsigned)a[0] == (unsigned)a[1])
		return -EINVAL;
	return do_dup3(p, (unsigned)a[0], (unsigned)a[1], flags);
}

int64_t sys_close_range(struct process *p, const uint64_t a[6])
{
	const unsigned first = (unsigned)a[0], last = (unsigned)a[1],
		       flags = (unsigned)a[2];

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	for (unsigned fd = first; fd <= last && fd < FD_MAX; fd++) {
		if (!fd_get_raw(&p->files, fd))
			continue;
		if (flags & CLOSE_RANGE_CLOEXEC)
			p->files.cloexec[fd] = true;
		else
			close_fd(p, fd);
	}
	return 0;
}

/*
 * F_GETFL. The VMM opens files with flags of its own; an O_NONBLOCK that the payload set on
 * an embedder's file is the payload's alone.
 */
static int64_t get_flags(const struct file *file)
{
	int flags = fcntl(file->fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (file->owned)
		flags = (flags & ~HOST_FLAGS) | file->shown_flags;
	if (file->nonblock != NONBLOCK_HOST)
		flags &= ~O_NONBLOCK;
	return file->nonblock == NONBLOCK_YES ? flags | O_NONBLOCK : flags;
}

/* setfl() of fs/fcntl.c; O_ASYNC has nobody to signal. */
static int64_t set_flags(struct file *file, int flags)
{
	int host;

	if (flags & O_DIRECT && file->kind != FILE_STREAM)
		return -EINVAL;
	host = fcntl(file->fd, F_GETFL);
	if (host < 0)
		return -errno;
	host = (host & (O_NONBLOCK | O_ASYNC)) |
	       (flags & (O_APPEND | O_NOATIME | O_DIRECT));
	if (fcntl(file->fd, F_SETFL, host))
		return -errno;
	file_set_nonblock(file, flags & O_NONBLOCK);
	return 0;
}

static int64_t dup_from(struct process *p, struct file *file, unsigned from, bool cloexec)
{
	if (from >= p->files.limit)
		return -EINVAL;
	return name_it(p, fd_unused_from(&p->files, from), file, cloexec);
}

/* Of a pipe, so much is charged, as long as it doesn't grow. */
static int64_t set_pipe_size(const struct file *file, unsigned size)
{
	int n;

	if (!file->owned || size > PIPE_SIZE_MAX)
		return fcntl(file->fd, F_GETPIPE_SZ) < 0 ? -EBADF : -EPERM;
	n = fcntl(file->fd, F_SETPIPE_SZ, size);
	return n < 0 ? -errno : n;
}

/* F_SEAL_FUTURE_WRITE leaves alone what is mapped: it must be, here, too. */
static int keep_writable(struct process *p, const struct file *file)
{
	int err;

	if (!file->object || !file->writable)
		return 0;
	pthread_mutex_lock(&p->mm->lock);
	err = object_show_all(file->object);
	pthread_mutex_unlock(&p->mm->lock);
	return err;
}

static int64_t seals(struct process *p, const struct file *file, int cmd, unsigned arg)
{
	int n;

	if (!file->memory)
		return -EINVAL;
	n = cmd == F_ADD_SEALS && arg & F_SEAL_FUTURE_WRITE ? keep_writable(p, file) : 0;
	if (n)
		return n;
	n = fcntl(file->fd, cmd, arg);
	return n < 0 ? -errno : n;
}

/* What an O_PATH file may be asked, too: check_fcntl_cmd(). */
static bool fits_path_only(int cmd)
{
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFD ||
	       cmd == F_SETFD || cmd == F_GETFL;
}

int64_t sys_fcntl(struct process *p, const uint64_t a[6])
{
	const unsigned fd = (unsigned)a[0], arg = (unsigned)a[2];
	struct file *file = fd_get_raw(&p->files, fd);
	const int cmd = (int)a[1];
	int n;

	if (!file || (file->path_only && !fits_path_only(cmd)))
		return -EBADF;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_from(p, file, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return p->files.cloexec[fd] ? FD_CLOEXEC : 0;
	case F_SETFD:
		p->files.cloexec[fd] = arg & FD_CLOEXEC;
		return 0;
	case F_GETFL:
		return get_flags(file);
	case F_SETFL:
		return set_flags(file, (int)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_fcntl(p, file, cmd, a[2]);
	case F_GETPIPE_SZ:
		n = fcntl(file->fd, F_GETPIPE_SZ);
		return n < 0 ? -errno : n;
	case F_SETPIPE_SZ:
		return set_pipe_size(file, arg);
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return seals(p, file, cmd, arg);
	default:
		return -EINVAL;
	}
}

int64_t install_own(struct process *p, int fd, mode_t mode, int flags, bool cloexec)
{
	struct file *file;
	int nr = fd_unused(&p->files);

	if (nr < 0) {
		close(fd);
		return nr;
	}
	file = file_new(fd, true, mode, flags, "");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	file->changeable = true;
	fd_install(&p->files, nr, file, cloexec);
	return nr;
}

/* From the first one's number on, the charge goes with the files. */
static int64_t install_charged(struct process *p, const struct ends *e, int nrs[2])
{
	struct file *files[2];

	nrs[0] = (int)install_own(p, e->fds[0], e->mode, e->flags[0], e->cloexec);
	if (nrs[0] < 0) {
		phys_uncharge(p->mm->phys, 2 * e->pages);
		close(e->fds[1]);
		return nrs[0];
	}
	files[0] = fd_get(&p->files, (unsigned)nrs[0]);
	files[0]->charged = 2 * e->pages;
	nrs[1] = (int)install_own(p, e->fds[1], e->mode, e->flags[1], e->cloexec);
	if (nrs[1] < 0) {
		close_fd(p, (unsigned)nrs[0]);
		return nrs[1];
	}
	files[1] = fd_get(&p->files, (unsigned)nrs[1]);
	files[0]->charged = files[1]->charged = e->pages;
	files[0]->other = files[1];
	files[1]->other = files[0];
	return 0;
}

/* Where there is no memory for an inode, get_pipe_inode() and sock_alloc(), it is ENFILE natively. */
int64_t install_ends(struct process *p, const struct ends *e, int nrs[2])
{
	if (!mm_charge(p->mm, 2 * e->pages))
		return install_charged(p, e, nrs);
	close(e->fds[0]);
	close(e->fds[1]);
	return -ENFILE;
}

/* do_pipe2(): both numbers, or none. */
static int64_t do_pipe2(struct process *p, gva_t to, int flags)
{
	struct ends e = { .mode = S_IFIFO,
			  .flags = { O_RDONLY, O_WRONLY },
			  .cloexec = flags & O_CLOEXEC,
			  .pages = PIPE_SIZE_MAX / PAGE_SIZE / 2 };
	int64_t err;
	int nrs[2];

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (pipe2(e.fds, flags | O_CLOEXEC))
		return -errno;
	err = install_ends(p, &e, nrs);
	if (err)
		return err;
	if (!mm_copy_to(p->mm, to, nrs, sizeof(nrs)))
		return 0;
	close_fd(p, (unsigned)nrs[0]);
	close_fd(p, (unsigned)nrs[1]);
	return -EFAULT;
}

int64_t sys_pipe(struct process *p, const uint64_t a[6])
{
	return do_pipe2(p, a[0], 0);
}

int64_t sys_pipe2(struct process *p, const uint64_t a[6])
{
	return do_pipe2(p, a[0], (int)a[1]);
}

/*
 * The host's is always nonblocking: a value too large for the counter waits while poll(2)
 * says that there is room.
 */
static int64_t do_eventfd(struct process *p, unsigned value, int flags)
{
	struct file *file;
	int64_t nr;
	int fd;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	fd = eventfd(value, (flags & EFD_SEMAPHORE) | EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	nr = install_own(p, fd, 0, O_RDWR, flags & EFD_CLOEXEC);
	if (nr < 0)
		return nr;
	file = fd_get(&p->files, (unsigned)nr);
	file_set_nonblock(file, flags & EFD_NONBLOCK);
	file->most = sizeof(uint64_t);
	return nr;
}

int64_t sys_eventfd(struct process *p, const uint64_t a[6])
{
	return do_eventfd(p, (unsigned)a[0], 0);
}

int64_t sys_eventfd2(struct process *p, const uint64_t a[6])
{
	return do_eventfd(p, (unsigned)a[0], (int)a[1]);
}
