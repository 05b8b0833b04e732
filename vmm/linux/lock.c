/* SPDX-License-Identifier: MIT */
/* lock.c: fcntl's locks and flock(2). */
#include "vmm/linux/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "vmm/linux/held.h"
#include "vmm/linux/stream.h"

/* POSIX and OFD locks of a process at once: sqlite has some ten for each of its files. */
#define LOCKS_MAX 8192

static bool is_ofd(int cmd)
{
	return cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
}

static bool waits(int cmd)
{
	return cmd == F_SETLKW || cmd == F_OFD_SETLKW;
}

/* A lock for reading that the host doesn't learn of: it is had if nobody's is in the way. */
static int lock_unseen(const struct file *file, struct flock fl)
{
	if (fl.l_type == F_UNLCK)
		return 0;
	if (fcntl(file->fd, F_OFD_GETLK, &fl))
		return -errno;
	return fl.l_type == F_UNLCK ? 0 : -EAGAIN;
}

/* What frees a part of a lock leaves two. */
static bool lets_all_go(const struct flock *fl)
{
	return fl->l_type == F_UNLCK && fl->l_whence == SEEK_SET && !fl->l_start &&
	       !fl->l_len;
}

static int try_lock(struct process *p, const struct file *file, int cmd, struct flock *fl)
{
	if (!file->changeable && fl->l_type != F_WRLCK) {
		if (is_ofd(cmd) && fl->l_pid)
			return -EINVAL;
		fl->l_pid = 0;
		return lock_unseen(file, *fl);
	}
	/* each takes memory of the host's kernel */
	if (!lets_all_go(fl) && !held_room(&p->files, &p->files.locks, LOCKS_MAX, "lock:"))
		return -ENOLCK;
	p->files.locks += p->files.locks < LOCKS_MAX;
	return fcntl(file->fd, is_ofd(cmd) ? F_OFD_SETLK : F_SETLK, fl) ? -errno : 0;
}

static int64_t get_lock(struct process *p, const struct file *file, int cmd,
			struct flock *fl, gva_t arg)
{
	if (fcntl(file->fd, cmd, fl))
		return -errno;
	if (fl->l_type != F_UNLCK && fl->l_pid > 0)
		fl->l_pid = 0; /* as of a process in another pid name space */
	return mm_copy_to(p->mm, arg, fl, sizeof(*fl)) ? -EFAULT : 0;
}

int64_t lock_fcntl(struct process *p, struct file *file, int cmd, gva_t arg)
{
	struct flock fl;
	int err;

	if (mm_copy_from(p->mm, &fl, arg, sizeof(fl)))
		return -EFAULT;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK)
		return get_lock(p, file, cmd, &fl, arg);
	do {
		err = try_lock(p, file, cmd, &fl);
		if ((err != -EAGAIN && err != -EACCES) || !waits(cmd))
			return err;
		err = stream_sleep(p, RETRY_MS);
	} while (!err);
	return err;
}

void lock_closed(struct process *p, const struct file *file)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (p->files.locks && file->kind == FILE_REGULAR && file->changeable)
		fcntl(file->fd, F_SETLK, &all);
}

int64_t sys_flock(struct process *p, const uint64_t a[6])
{
	const struct file *file;
	const int cmd = (int)a[1] & ~LOCK_NB;
	int err;

	/* before the file is looked for, since Linux 6.0 */
	if (cmd != LOCK_SH && cmd != LOCK_EX && cmd != LOCK_UN)
		return -EINVAL;
	file = fd_get(&p->files, (unsigned)a[0]);
	if (!file)
		return -EBADF;
	/* what can't be written is locked for the payload alone: see lock.h */
	if (!file->changeable && (!file->starters || !file->writable))
		return 0;
	do {
		err = flock(file->fd, cmd | LOCK_NB) ? -errno : 0;
		if (err != -EAGAIN || (int)a[1] & LOCK_NB)
			return err;
		err = stream_sleep(p, RETRY_MS);
	} while (!err);
	return err;
}
