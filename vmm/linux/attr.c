/* SPDX-License-Identifier: MIT */
/*
 * attr.c: a file's mode, owner and times are set. Set-id bits are dropped: what a sandbox leaves
 * behind shall give nobody another's rights. Files of grants for reading: EROFS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/linux/path.h"

static int answer(int ret)
{
	return ret ? -errno : 0;
}

/* mnt_want_write() */
static int may_change(const struct target *t)
{
	return t->writable ? 0 : -EROFS;
}

/* The host's chmod wants a path; that of a descriptor leads nowhere but to its file. */
static int set_mode(const struct target *t, mode_t mode)
{
	char self[HOST_NAME_SIZE];
	int err = may_change(t);

	if (err)
		return err;
	if (S_ISLNK(t->mode)) /* chmod_common(): since Linux 6.6 on all file systems */
		return -EOPNOTSUPP;
	host_name(t->fd, self);
	return answer(chmod(self, mode & (0777 | S_ISVTX)));
}

static int64_t do_chmod(struct process *p, int dirfd, gva_t path, mode_t mode, int flags)
{
	struct target t;
	int err = target_find(p, &t, dirfd, path, flags);

	if (err)
		return err;
	err = set_mode(&t, mode);
	target_put(&t);
	return err;
}

int64_t sys_chmod(struct process *p, const uint64_t a[6])
{
	return do_chmod(p, AT_FDCWD, a[0], (mode_t)a[1], 0);
}

int64_t sys_fchmodat(struct process *p, const uint64_t a[6])
{
	return do_chmod(p, (int)a[0], a[1], (mode_t)a[2], 0);
}

int64_t sys_fchmodat2(struct process *p, const uint64_t a[6])
{
	const int flags = (int)a[3];

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return do_chmod(p, (int)a[0], a[1], (mode_t)a[2], flags);
}

/* An open file whose attributes may change. 0; -EBADF; -EROFS: it is from a grant for reading. */
static int find_changeable(struct process *p, unsigned fd, const struct file **file)
{
	*file = fd_get(&p->files, fd);
	if (!*file)
		return -EBADF;
	return (*file)->changeable ? 0 : -EROFS;
}

int64_t sys_fchmod(struct process *p, const uint64_t a[6])
{
	const struct file *file;
	int err = find_changeable(p, (unsigned)a[0], &file);

	return err ? err : answer(fchmod(file->fd, (mode_t)a[1] & (0777 | S_ISVTX)));
}

static int64_t do_chown(struct process *p, int dirfd, gva_t path, uid_t uid, gid_t gid,
			int flags)
{
	struct target t;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = target_find(p, &t, dirfd, path, flags);
	if (err)
		return err;
	err = may_change(&t);
	if (!err)
		err = answer(fchownat(t.fd, "", uid, gid, AT_EMPTY_PATH));
	target_put(&t);
	return err;
}

int64_t sys_chown(struct process *p, const uint64_t a[6])
{
	return do_chown(p, AT_FDCWD, a[0], (uid_t)a[1], (gid_t)a[2], 0);
}

int64_t sys_lchown(struct process *p, const uint64_t a[6])
{
	return do_chown(p, AT_FDCWD, a[0], (uid_t)a[1], (gid_t)a[2], AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchownat(struct process *p, const uint64_t a[6])
{
	return do_chown(p, (int)a[0], a[1], (uid_t)a[2], (gid_t)a[3], (int)a[4]);
}

int64_t sys_fchown(struct process *p, const uint64_t a[6])
{
	const struct file *file;
	int err = find_changeable(p, (unsigned)a[0], &file);

	return err ? err : answer(fchown(file->fd, (uid_t)a[1], (gid_t)a[2]));
}

/* do_utimes_fd(): no path, and the file is dirfd's. */
static int64_t set_times_fd(struct process *p, int fd, const struct timespec *times,
			    int flags)
{
	const struct file *file;
	int err = flags ? -EINVAL : find_changeable(p, (unsigned)fd, &file);

	return err ? err : answer(futimens(file->fd, times));
}

/* do_utimes(); times NULL: now. */
static int64_t set_times(struct process *p, int dirfd, gva_t path,
			 const struct timespec *times, int flags)
{
	struct target t;
	int err;

	if (!path && dirfd != AT_FDCWD)
		return set_times_fd(p, dirfd, times, flags);
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = target_find(p, &t, dirfd, path, flags);
	if (err)
		return err;
	err = may_change(&t);
	if (!err)
		err = answer(utimensat(t.fd, "", times, AT_EMPTY_PATH));
	target_put(&t);
	return err;
}

int64_t sys_utimensat(struct process *p, const uint64_t a[6])
{
	struct timespec times[2];

	if (a[2]) {
		if (mm_copy_from(p->mm, times, a[2], sizeof(times)))
			return -EFAULT;
		if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
			return 0;
	}
	return set_times(p, (int)a[0], a[1], a[2] ? times : NULL, (int)a[3]);
}

/* do_futimesat(): microseconds, which must be some. */
static int64_t set_times_us(struct process *p, int dirfd, gva_t path, gva_t from)
{
	struct timespec times[2];
	int64_t us[4];

	if (!from)
		return set_times(p, dirfd, path, NULL, 0);
	if (mm_copy_from(p->mm, us, from, sizeof(us)))
		return -EFAULT;
	if (us[1] < 0 || us[1] >= 1000000 || us[3] < 0 || us[3] >= 1000000)
		return -EINVAL;
	times[0] = (struct timespec){ us[0], us[1] * 1000 };
	times[1] = (struct timespec){ us[2], us[3] * 1000 };
	return set_times(p, dirfd, path, times, 0);
}

int64_t sys_utimes(struct process *p, const uint64_t a[6])
{
	return set_times_us(p, AT_FDCWD, a[0], a[1]);
}

int64_t sys_futimesat(struct process *p, const uint64_t a[6])
{
	return set_times_us(p, (int)a[0], a[1], a[2]);
}

int64_t sys_utime(struct process *p, const uint64_t a[6])
{
	struct timespec times[2] = { { 0, 0 }, { 0, 0 } };
	int64_t sec[2];

	if (!a[1])
		return set_times(p, AT_FDCWD, a[0], NULL, 0);
	if (mm_copy_from(p->mm, sec, a[1], sizeof(sec)))
		return -EFAULT;
	times[0].tv_sec = sec[0];
	times[1].tv_sec = sec[1];
	return set_times(p, AT_FDCWD, a[0], times, 0);
}
