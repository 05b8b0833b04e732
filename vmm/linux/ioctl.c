/* SPDX-License-Identifier: MIT */
/* ioctl.c: what programs ask a terminal, and the few commands that all files know. */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <sys/ioctl.h>

#include "vmm/linux/path.h"

/* Ask the host, and hand on what it says. */
static int64_t ask(struct process *p, const struct file *file, unsigned cmd, void *answer,
		   uint64_t size, gva_t to)
{
	if (ioctl(file->fd, cmd, answer))
		return -errno;
	return mm_copy_to(p->mm, to, answer, size) ? -EFAULT : 0;
}

/* do_vfs_ioctl(), then the terminal's; whatever else may be done to a device isn't served. */
int64_t sys_ioctl(struct process *p, const uint64_t a[6])
{
	const unsigned fd = (unsigned)a[0], cmd = (unsigned)a[1];
	struct file *file = fd_get(&p->files, fd);
	struct termios termios = { 0 };
	struct winsize size = { 0 };
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
		return ask(p, file, cmd, &n, sizeof(n), a[2]);
	case TCGETS:
		return ask(p, file, cmd, &termios, sizeof(termios), a[2]);
	case TIOCGWINSZ:
		return ask(p, file, cmd, &size, sizeof(size), a[2]);
	default:
		return -ENOTTY;
	}
}
