/* SPDX-License-Identifier: MIT */
/* ioctl.c: the few commands that all files know. A terminal's: terminal.c. */
#include <errno.h>
#include <sys/ioctl.h>

#include "vmm/linux/path.h"

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
	default:
		return terminal_ioctl(p, file, cmd, a[2]);
	}
}
