/* SPDX-License-Identifier: MIT */
/* ioctl.c: the few commands that all files know. A terminal's: terminal.c. */
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "vmm/linux/path.h"

/* ioctl_file_clone(): the blocks of another file of the same file system, for all of this one. */
static int64_t clone_file(struct process *p, const struct file *file, int from)
{
	const struct file *source = fd_get(&p->files, (unsigned)from);

	if (!source)
		return -EBADF;
	if (!file->writable || !source->readable)
		return -EBADF;
	if (file->kind != FILE_REGULAR || source->kind != FILE_REGULAR || file->starters)
		return -EOPNOTSUPP;
	return ioctl(file->fd, FICLONE, source->fd) ? -errno : file_was_cut(p, file);
}

/* do_vfs_ioctl(), then the terminal's; whatever else may be done to a device isn't served. */
int64_t sys_ioctl(struct process *p, const uint64_t a[6])
{
	const unsigned fd = (unsigned)a[0], cmd = (unsigned)a[1];
	struct file *file = fd_get(&p->files, fd);
	int n = 0;

	if (!file)
		return -EBADF;
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		p->files.cloexec[fd] = cmd == FIOCLEX;
		return 0;
	case FIONBIO:
		if (mm_copy_from(p->mm, &n, a[2], sizeof(n)))
			return -EFAULT;
		file_set_nonblock(file, n);
		return 0;
	case FIONREAD:
		if (ioctl(file->fd, cmd, &n))
			return -errno;
		return mm_copy_to(p->mm, a[2], &n, sizeof(n)) ? -EFAULT : 0;
	case FICLONE:
		return clone_file(p, file, (int)a[2]);
	default:
		return terminal_ioctl(p, file, cmd, a[2]);
	}
}
