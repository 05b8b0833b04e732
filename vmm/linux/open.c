/* SPDX-License-Identifier: MIT */
/* open.c: files from open to close. I/O: see rw.c; what is asked about them: stat.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/linux/lock.h"
#include "vmm/linux/pair.h"
#include "vmm/linux/path.h"
#include "vmm/linux/proc.h"
#include "vmm/linux/special.h"

int file_stat(struct process *p, const struct file *file, struct stat *st)
{
	if (fstat(file->fd, st))
		return -errno;
	return S_ISREG(st->st_mode)
		       ? mm_file_seen(p->mm, st->st_dev, st->st_ino, st->st_size)
		       : 0;
}

int file_was_cut(struct process *p, const struct file *file)
{
	struct stat st;

	return file_stat(p, file, &st);
}

/* What a grant allowed to be opened. 0 or -errno. */
static int install(struct process *p, int fd, const struct opened *opened, const char *path,
		   int flags)
{
	struct file *file = file_new(opened->fd, true, opened->mode, flags, path);

	if (!file) {
		close(opened->fd);
		return -ENOMEM;
	}
	file->path_only = flags & O_PATH;
	file->placed = true;
	file->changeable = opened->writable;
	file->shown_flags = flags & SHOWN_FLAGS;
	file_set_nonblock(file, flags & O_NONBLOCK);
	fd_install(&p->files, fd, file, flags & O_CLOEXEC);
	return flags & O_TRUNC ? file_was_cut(p, file) : 0;
}

/* Open a path of our own copy and give it a number, fd. 0 or -errno. */
static int open_as(struct process *p, int fd, const char *base, const char *path, int flags,
		   mode_t mode)
{
	struct opened opened;
	struct file *file;
	int err;

	if (special_path(path)) {
		err = special_open(p, path, flags, &file);
		if (!err)
			fd_install(&p->files, fd, file, flags & O_CLOEXEC);
		return err;
	}
	err = policy_open(&p->policy, base, path, flags, mode & ~p->umask, &opened);
	if (err)
		return err;
	err = install(p, fd, &opened, opened.path, flags);
	free(opened.path);
	return err;
}

/* O_PATH of what is open: its place, by which nothing is read or written. 0 or -errno. */
static int open_place_of(struct process *p, int fd, const struct file *file, int flags)
{
	char name[HOST_NAME_SIZE];
	struct file *place;
	struct stat st;
	int host;

	host_name(file->fd, name);
	host = open(name, O_PATH | O_CLOEXEC | (flags & O_DIRECTORY));
	if (host < 0)
		return -errno;
	if (fstat(host, &st) ||
	    !(place = file_new(host, true, st.st_mode, O_RDONLY, file->path))) {
		close(host);
		return -ENOMEM;
	}
	place->path_only = true;
	place->placed = file->placed;
	place->changeable = file->changeable;
	place->memory = file->memory;
	place->text = file->text;
	fd_install(&p->files, fd, place, flags & O_CLOEXEC);
	return 0;
}

/* What was opened by a path: the file itself, wherever that leads now. 0 or -errno. */
static int reopen(struct process *p, int fd, const struct file *file, int flags)
{
	struct opened opened;
	int err = policy_reopen(file->fd, file->changeable, flags, &opened);

	return err ? err : install(p, fd, &opened, file->path, flags);
}

/*
 * A link of /proc/self/fd. What a grant allowed to be opened is, as it allows; what is the sandbox's own, by its
 * path; what has none (a pipe, a memfd) is shared with the first number, position included; so is what fds 0-2
 * were given, if no grant is about it: the payload has it anyhow.
 */
static int open_again(struct process *p, int fd, int nr, int flags)
{
	struct file *file = fd_get_raw(&p->files, (unsigned)nr);
	const int access = flags & O_ACCMODE;
	int err;

	if (!file)
		return -ENOENT;
	if (flags & O_NOFOLLOW)
		return -ELOOP;
	if (flags & O_PATH)
		return open_place_of(p, fd, file, flags);
	if (file->placed)
		return reopen(p, fd, file, flags);
	if (*file->path && !file->memory) {
		err = open_as(p, fd, NULL, file->path, flags & ~(O_CREAT | O_EXCL), 0);
		if (err != -EACCES || !file->starters)
			return err;
	}
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	if (is_pair(file)) /* sock_no_open() */
		return -ENXIO;
	if ((access != O_WRONLY && !file->readable) ||
	    (access != O_RDONLY && !file->writable) || file->path_only)
		return -EACCES;
	file->refs++;
	fd_install(&p->files, fd, file, flags & O_CLOEXEC);
	return 0;
}

/* /proc/self/exe. What runs isn't written: deny_write_access(). */
static int open_exe(struct process *p, int fd, int flags)
{
	const struct file exe = { .fd = p->exe_fd, .path = p->exe, .placed = true };
	struct opened opened;
	int err;

	if (!p->exe)
		return -ENOENT;
	if (flags & O_NOFOLLOW)
		return -ELOOP;
	if (flags & O_PATH)
		return open_place_of(p, fd, &exe, flags);
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		return -ETXTBSY;
	err = policy_reopen(p->exe_fd, false, flags, &opened);
	return err ? err : install(p, fd, &opened, p->exe, flags);
}

static int64_t do_open(struct process *p, int dirfd, gva_t name, int flags, mode_t mode)
{
	struct path_arg path;
	int err = path_arg(p, &path, dirfd, name), fd, nr, terminal;

	if (err == -EFAULT || err == -ENAMETOOLONG) /* getname() comes first */
		return err;
	fd = fd_unused(&p->files);
	if (fd < 0)
		return fd;
	if (err)
		return err;
	if (flags & O_PATH) /* build_open_flags() of fs/open.c */
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	nr = proc_fd(path.text);
	terminal = path_terminal(p, path.text);
	if (nr >= 0)
		err = open_again(p, fd, nr, flags);
	else if (proc_exe(path.text))
		err = open_exe(p, fd, flags);
	else if (terminal >= 0) /* a device, not a link to one */
		err = open_again(p, fd, terminal, flags & ~O_NOFOLLOW);
	else
		err = open_as(p, fd, path.base, path.text, flags, mode);
	return err ? err : fd;
}

int64_t sys_open(struct process *p, const uint64_t a[6])
{
	return do_open(p, AT_FDCWD, a[0], (int)a[1], (mode_t)a[2]);
}

int64_t sys_creat(struct process *p, const uint64_t a[6])
{
	return do_open(p, AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, (mode_t)a[1]);
}

int64_t sys_openat(struct process *p, const uint64_t a[6])
{
	return do_open(p, (int)a[0], a[1], (int)a[2], (mode_t)a[3]);
}

int close_fd(struct process *p, unsigned fd)
{
	const struct file *file = fd_get(&p->files, fd);

	if (file)
		lock_closed(p, file);
	return fd_close(&p->files, fd, p->mm);
}

int64_t sys_close(struct process *p, const uint64_t a[6])
{
	return close_fd(p, (unsigned)a[0]);
}

/* In /proc/self/fd: generic_file_llseek(), of a directory without a size. */
static int64_t seek_folder(struct file *file, int64_t offset, int whence)
{
	if (whence == SEEK_CUR &&
	    __builtin_add_overflow(offset, (int64_t)file->folder_at, &offset))
		return -EINVAL;
	if (whence != SEEK_CUR && whence != SEEK_SET)
		return -EINVAL;
	/* a number and the two before them: s_maxbytes of fs/proc/root.c */
	if (offset < 0 || offset > INT32_MAX)
		return -EINVAL;
	file->folder_at = (uint64_t)offset;
	return offset;
}

int64_t sys_lseek(struct process *p, const uint64_t a[6])
{
	struct file *file = fd_get(&p->files, (unsigned)a[0]);
	off_t at;

	if (!file)
		return -EBADF;
	if (file->fd_folder)
		return seek_folder(file, (int64_t)a[1], (int)a[2]);
	at = lseek(file->fd, (off_t)a[1], (int)a[2]);
	return at < 0 ? -errno : at;
}
