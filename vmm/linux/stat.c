/* SPDX-License-Identifier: MIT */
/*
 * stat.c: what is asked about files: the stat family, access and readlink, with the order of
 * checks of fs/stat.c and fs/open.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/linux/path.h"
#include "vmm/linux/proc.h"

/* include/uapi/linux/stat.h */
#define STATX_RESERVED 0x80000000u
/* fs/proc/root.c: s_blocksize */
#define PROC_BLOCK 1024
#define SYNC_TYPE (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC)
#define ST_VALID 0x20 /* include/linux/statfs.h */
#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | SYNC_TYPE)

/* A number for what has no inode: FNV-1a of its path. */
static uint64_t path_number(const char *path)
{
	uint64_t n = 0xcbf29ce484222325;

	for (; *path; path++)
		n = (n ^ (unsigned char)*path) * 0x100000001b3;
	return n;
}

/* What exists as a name only: the directories between grants, and the links of /proc/self/fd. */
static void stat_name(struct process *p, const struct target *t, struct stat *st)
{
	*st = (struct stat){ .st_ino = path_number(t->path),
			     .st_mode = t->mode,
			     .st_nlink = 2,
			     .st_blksize = PAGE_SIZE };
	if (!S_ISLNK(t->mode))
		return;
	/* proc_pid_make_inode(), proc_fd_instantiate() */
	st->st_nlink = 1;
	st->st_size = t->mode & 0077 ? 0 : 64; /* exe's, which all may follow, has none */
	st->st_blksize = PROC_BLOCK;
	st->st_uid = p->ids.uid.effective;
	st->st_gid = p->ids.gid.effective;
	clock_gettime(CLOCK_REALTIME_COARSE, &st->st_mtim);
	st->st_atim = st->st_ctim = st->st_mtim;
}

/* A text of /proc/self is not the memory that holds it: proc_pident_instantiate(). */
static void stat_text(const struct proc_text *text, struct stat *st)
{
	if (!text)
		return;
	st->st_mode = S_IFREG | text->mode;
	st->st_nlink = 1;
	st->st_blksize = PROC_BLOCK;
	st->st_size = st->st_blocks = 0;
}

static int stat_target(struct process *p, const struct target *t, struct stat *st)
{
	int err = 0;

	if (t->fd < 0 && !t->file)
		stat_name(p, t, st);
	else if (t->file)
		err = file_stat(p, t->file, st);
	else if (fstat(t->fd, st))
		err = -errno;
	if (!err)
		stat_text(t->text, st);
	return err;
}

static int64_t do_stat(struct process *p, int dirfd, gva_t path, gva_t to, int flags)
{
	struct target t;
	struct stat st;
	int err = flags & ~STAT_FLAGS ? -EINVAL : target_find(p, &t, dirfd, path, flags);

	if (err)
		return err;
	/* the kernel's own layout, unused fields zeroed: cp_new_stat() of fs/stat.c */
	err = stat_target(p, &t, &st);
	target_put(&t);
	if (err)
		return err;
	return mm_copy_to(p->mm, to, &st, sizeof(st)) ? -EFAULT : 0;
}

int64_t sys_stat(struct process *p, const uint64_t a[6])
{
	return do_stat(p, AT_FDCWD, a[0], a[1], 0);
}

int64_t sys_lstat(struct process *p, const uint64_t a[6])
{
	return do_stat(p, AT_FDCWD, a[0], a[1], AT_SYMLINK_NOFOLLOW);
}

int64_t sys_newfstatat(struct process *p, const uint64_t a[6])
{
	return do_stat(p, (int)a[0], a[1], a[2], (int)a[3]);
}

int64_t sys_fstat(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get_raw(&p->files, (unsigned)a[0]);
	struct stat st;
	int err;

	if (!file)
		return -EBADF;
	err = file_stat(p, file, &st);
	if (err)
		return err;
	stat_text(file->text, &st);
	return mm_copy_to(p->mm, a[1], &st, sizeof(st)) ? -EFAULT : 0;
}

static int statx_target(struct process *p, const struct target *t, int flags, unsigned mask,
			struct statx *stx)
{
	struct stat st;

	if (t->fd < 0) {
		stat_name(p, t, &st);
		*stx = (struct statx){ .stx_mask = STATX_BASIC_STATS,
				       .stx_ino = st.st_ino,
				       .stx_mode = (uint16_t)st.st_mode,
				       .stx_nlink = (uint32_t)st.st_nlink,
				       .stx_size = (uint64_t)st.st_size,
				       .stx_uid = st.st_uid,
				       .stx_gid = st.st_gid,
				       .stx_blksize = (uint32_t)st.st_blksize };
		stx->stx_mtime.tv_sec = st.st_mtim.tv_sec;
		stx->stx_mtime.tv_nsec = (uint32_t)st.st_mtim.tv_nsec;
		stx->stx_atime = stx->stx_ctime = stx->stx_mtime;
		return 0;
	}
	if (statx(t->fd, "", (flags & SYNC_TYPE) | AT_EMPTY_PATH, mask, stx))
		return -errno;
	if (t->text) {
		stx->stx_mode = (uint16_t)(S_IFREG | t->text->mode);
		stx->stx_nlink = 1;
		stx->stx_blksize = PROC_BLOCK;
		stx->stx_size = stx->stx_blocks = 0;
	}
	return 0;
}

int64_t sys_statx(struct process *p, const uint64_t a[6])
{
	int flags = (int)a[2], err;
	unsigned mask = (unsigned)a[3];
	struct statx stx;
	struct target t;

	if (mask & STATX_RESERVED || (flags & SYNC_TYPE) == SYNC_TYPE ||
	    flags & ~STAT_FLAGS)
		return -EINVAL;
	err = target_find(p, &t, (int)a[0], a[1], flags);
	if (err)
		return err;
	err = statx_target(p, &t, flags, mask, &stx);
	target_put(&t);
	if (err)
		return err;
	return mm_copy_to(p->mm, a[4], &stx, sizeof(stx)) ? -EFAULT : 0;
}

/* do_faccessat(): what may be written at all is asked last. */
static int64_t do_access(struct process *p, int dirfd, gva_t path, int mode, int flags)
{
	static const int valid = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
	struct target t;
	int err;

	if (mode & ~(R_OK | W_OK | X_OK) || flags & ~valid)
		return -EINVAL;
	err = target_find(p, &t, dirfd, path, flags);
	if (err)
		return err;
	if (t.text)
		err = mode & (W_OK | X_OK) ? -EACCES : 0;
	else if (t.fd >= 0 && syscall(SYS_faccessat2, t.fd, "", mode,
				      (flags & AT_EACCESS) | AT_EMPTY_PATH))
		err = -errno;
	if (!err && mode & W_OK && !t.writable &&
	    (S_ISREG(t.mode) || S_ISDIR(t.mode) || S_ISLNK(t.mode)))
		err = -EROFS;
	target_put(&t);
	return err;
}

int64_t sys_access(struct process *p, const uint64_t a[6])
{
	return do_access(p, AT_FDCWD, a[0], (int)a[1], 0);
}

int64_t sys_faccessat(struct process *p, const uint64_t a[6])
{
	return do_access(p, (int)a[0], a[1], (int)a[2], 0);
}

int64_t sys_faccessat2(struct process *p, const uint64_t a[6])
{
	return do_access(p, (int)a[0], a[1], (int)a[2], (int)a[3]);
}

/* The text of the link that t is. Its length or -errno, as do_readlinkat() has it. */
static ssize_t read_link(const struct target *t, char text[PATH_MAX])
{
	ssize_t n;

	if (!S_ISLNK(t->mode))
		return t->unnamed ? -ENOENT : -EINVAL;
	n = readlinkat(t->fd, "", text, PATH_MAX);
	return n < 0 ? -errno : n;
}

static int64_t do_readlink(struct process *p, int dirfd, gva_t path, gva_t to, int size)
{
	char text[PATH_MAX];
	struct path_arg arg;
	struct target t;
	ssize_t n;
	int err;

	if (size <= 0)
		return -EINVAL;
	err = path_arg(p, &arg, dirfd, path);
	if (err)
		return err;
	n = proc_readlink(p, arg.text, text);
	if (n == -EINVAL) { /* not one of those */
		if (!*arg.text && dirfd == AT_FDCWD)
			return -ENOENT;
		err = target_find(p, &t, dirfd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
		if (err)
			return err;
		n = read_link(&t, text);
		target_put(&t);
	}
	if (n < 0)
		return n;
	n = n < size ? n : size;
	return mm_copy_to(p->mm, to, text, (uint64_t)n) ? -EFAULT : n;
}

int64_t sys_readlink(struct process *p, const uint64_t a[6])
{
	return do_readlink(p, AT_FDCWD, a[0], a[1], (int)a[2]);
}

int64_t sys_readlinkat(struct process *p, const uint64_t a[6])
{
	return do_readlink(p, (int)a[0], a[1], a[2], (int)a[3]);
}

/* A directory between grants: an empty file system in memory, which nobody may write. */
static const struct statfs between = { .f_type = TMPFS_MAGIC,
				       .f_bsize = PAGE_SIZE,
				       .f_namelen = NAME_MAX,
				       .f_frsize = PAGE_SIZE,
				       .f_flags = ST_VALID | ST_RDONLY };

static int64_t give_statfs(struct process *p, int fd, gva_t to)
{
	struct statfs fs = between;

	if (fd >= 0 && fstatfs(fd, &fs))
		return -errno;
	return mm_copy_to(p->mm, to, &fs, sizeof(fs)) ? -EFAULT : 0;
}

int64_t sys_statfs(struct process *p, const uint64_t a[6])
{
	struct target t;
	int64_t ret = target_find(p, &t, AT_FDCWD, a[0], 0);

	if (ret)
		return ret;
	ret = give_statfs(p, t.fd, a[1]);
	target_put(&t);
	return ret;
}

int64_t sys_fstatfs(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get_raw(&p->files, (unsigned)a[0]);

	return file ? give_statfs(p, file->fd, a[1]) : -EBADF;
}
