/* SPDX-License-Identifier: MIT */
/*
 * change.c: what changes directories: names that are made, moved and removed. The checks are in
 * the order of fs/namei.c. Where a grant is for reading, or on the way to one, it is as on a
 * read-only mount: EROFS; a grant's own top is a mount point: EBUSY; between grants: EXDEV.
 *
 * The host's call gets the directory that was found and a single name, of which it follows no link.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/linux/path.h"

static int find_parent(struct process *p, struct parent *parent, int dirfd, gva_t path)
{
	struct path_arg arg;
	const int err = path_arg(p, &arg, dirfd, path);

	return err ? err : policy_parent(&p->policy, arg.base, arg.text, parent);
}

static void put_parent(const struct parent *parent)
{
	if (parent->fd >= 0)
		close(parent->fd);
}

static bool ends_in_slash(const struct parent *parent)
{
	return *parent->name && parent->name[strlen(parent->name) - 1] == '/';
}

/* What the name stands for now: its type, or 0. */
static mode_t there(const struct parent *parent)
{
	char name[sizeof(parent->name)];
	struct stat st;

	if (parent->top && parent->fd < 0)
		return S_IFDIR;
	if (parent->fd < 0)
		return 0;
	memcpy(name, parent->name, sizeof(name));
	name[strcspn(name, "/")] = '\0';
	return fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) ? 0
								   : st.st_mode & S_IFMT;
}

static int answer(int ret)
{
	return ret ? -errno : 0;
}

/* A name can't be made, for err; what is wrong with itself comes first. */
static int refuse_name(const struct parent *parent, bool dir, int err)
{
	if (there(parent) || parent->top)
		return -EEXIST;
	return ends_in_slash(parent) && !dir ? -ENOENT : err;
}

/*
 * filename_create(): whether a name may be made. 0: the host is to be asked, who knows what else
 * may be wrong.
 */
static int may_create(const struct parent *parent, bool dir)
{
	if (parent->last != LAST_NAME)
		return -EEXIST;
	if (parent->writable && !parent->top)
		return 0;
	return refuse_name(parent, dir, -EROFS);
}

/* The host took more off than the payload's umask does. */
static void widen(const struct process *p, const struct parent *parent, mode_t mode)
{
	int fd;

	if (!(mode & p->policy.umask & 0777))
		return;
	fd = openat(parent->fd, parent->name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	fchmod(fd, mode);
	close(fd);
}

static int64_t do_mkdir(struct process *p, int dirfd, gva_t path, mode_t mode)
{
	struct parent parent;
	int err = find_parent(p, &parent, dirfd, path);

	if (err)
		return err;
	mode &= (0777 | S_ISVTX) & ~p->umask;
	err = may_create(&parent, true);
	if (!err)
		err = answer(mkdirat(parent.fd, parent.name, mode));
	if (!err)
		widen(p, &parent, mode);
	put_parent(&parent);
	return err;
}

int64_t sys_mkdir(struct process *p, const uint64_t a[6])
{
	return do_mkdir(p, AT_FDCWD, a[0], (mode_t)a[1]);
}

int64_t sys_mkdirat(struct process *p, const uint64_t a[6])
{
	return do_mkdir(p, (int)a[0], a[1], (mode_t)a[2]);
}

/* may_mknod(). Devices, FIFOs and sockets are nobody's to make here, whose they were to open neither. */
static int check_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
		return 0;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

/* As open would, without O_CREAT's ways with what is there. */
static int make_file(const struct process *p, const struct parent *parent, mode_t mode)
{
	int fd = openat(parent->fd, parent->name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return errno == EISDIR ? -ENOENT : -errno; /* "name/" */
	if (mode & p->policy.umask)
		fchmod(fd, mode);
	close(fd);
	return 0;
}

static int64_t do_mknod(struct process *p, int dirfd, gva_t path, mode_t mode)
{
	struct parent parent;
	int err = check_type(mode);

	if (!err)
		err = find_parent(p, &parent, dirfd, path);
	if (err)
		return err;
	err = may_create(&parent, false);
	if (!err)
		err = make_file(p, &parent, mode & 0777 & ~p->umask);
	put_parent(&parent);
	return err;
}

int64_t sys_mknod(struct process *p, const uint64_t a[6])
{
	return do_mknod(p, AT_FDCWD, a[0], (mode_t)a[1]);
}

int64_t sys_mknodat(struct process *p, const uint64_t a[6])
{
	return do_mknod(p, (int)a[0], a[1], (mode_t)a[2]);
}

/* What both ways to remove find before they look at what the name stands for. */
static int may_remove(const struct parent *parent)
{
	if (!parent->writable)
		return -EROFS;
	return 0;
}

static int remove_file(const struct parent *parent)
{
	int err;

	if (parent->last != LAST_NAME)
		return -EISDIR;
	err = may_remove(parent);
	if (!err && parent->top)
		err = there(parent) == S_IFDIR ? -EISDIR : -EBUSY;
	return err ? err : answer(unlinkat(parent->fd, parent->name, 0));
}

static int remove_dir(const struct parent *parent)
{
	static const int errors[] = {
		[LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY, [LAST_ROOT] = -EBUSY
	};
	int err;

	if (parent->last != LAST_NAME)
		return errors[parent->last];
	err = may_remove(parent);
	if (!err && parent->top)
		err = there(parent) == S_IFDIR ? -EBUSY : -ENOTDIR;
	return err ? err : answer(unlinkat(parent->fd, parent->name, AT_REMOVEDIR));
}

static int64_t do_unlink(struct process *p, int dirfd, gva_t path, bool dir)
{
	struct parent parent;
	int err = find_parent(p, &parent, dirfd, path);

	if (err)
		return err;
	err = dir ? remove_dir(&parent) : remove_file(&parent);
	put_parent(&parent);
	return err;
}

int64_t sys_unlink(struct process *p, const uint64_t a[6])
{
	return do_unlink(p, AT_FDCWD, a[0], false);
}

int64_t sys_rmdir(struct process *p, const uint64_t a[6])
{
	return do_unlink(p, AT_FDCWD, a[0], true);
}

int64_t sys_unlinkat(struct process *p, const uint64_t a[6])
{
	if ((int)a[2] & ~AT_REMOVEDIR)
		return -EINVAL;
	return do_unlink(p, (int)a[0], a[1], (int)a[2] & AT_REMOVEDIR);
}

/*
 * do_renameat2(). A directory with a grant beneath it stays: its files would be found as another
 * grant's.
 */
static int move(const struct parent *from, const struct parent *to, unsigned flags)
{
	if (from->grant != to->grant)
		return -EXDEV;
	if (from->last != LAST_NAME)
		return -EBUSY;
	if (to->last != LAST_NAME)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (!from->writable)
		return -EROFS;
	if (from->top || from->holds || to->top || to->holds)
		return there(from) ? -EBUSY : -ENOENT;
	return answer(
		(int)syscall(SYS_renameat2, from->fd, from->name, to->fd, to->name, flags));
}

static int64_t do_rename(struct process *p, int from_fd, gva_t from_path, int to_fd,
			 gva_t to_path, unsigned flags)
{
	struct parent from, to;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = find_parent(p, &from, from_fd, from_path);
	if (err)
		return err;
	err = find_parent(p, &to, to_fd, to_path);
	if (!err) {
		err = move(&from, &to, flags);
		put_parent(&to);
	}
	put_parent(&from);
	return err;
}

int64_t sys_rename(struct process *p, const uint64_t a[6])
{
	return do_rename(p, AT_FDCWD, a[0], AT_FDCWD, a[1], 0);
}

int64_t sys_renameat(struct process *p, const uint64_t a[6])
{
	return do_rename(p, (int)a[0], a[1], (int)a[2], a[3], 0);
}

int64_t sys_renameat2(struct process *p, const uint64_t a[6])
{
	return do_rename(p, (int)a[0], a[1], (int)a[2], a[3], (unsigned)a[4]);
}

static int64_t do_symlink(struct process *p, gva_t target, int dirfd, gva_t path)
{
	struct parent parent;
	char text[PATH_MAX];
	long len = mm_copy_string(p->mm, text, target, sizeof(text));
	int err;

	if (len <= 0)
		return len ? len : -ENOENT;
	err = find_parent(p, &parent, dirfd, path);
	if (err)
		return err;
	err = may_create(&parent, false);
	if (!err)
		err = answer(symlinkat(text, parent.fd, parent.name));
	put_parent(&parent);
	return err;
}

int64_t sys_symlink(struct process *p, const uint64_t a[6])
{
	return do_symlink(p, a[0], AT_FDCWD, a[1]);
}

int64_t sys_symlinkat(struct process *p, const uint64_t a[6])
{
	return do_symlink(p, a[0], (int)a[1], a[2]);
}

/* The old file, by its real path, is a name in a directory again. */
static int link_to(struct process *p, const struct target *old, const struct parent *to)
{
	struct parent from;
	char path[PATH_MAX];
	int err = may_create(to, false);

	if (err)
		return err;
	if (old->own || old->fd < 0)
		return refuse_name(to, false, -EXDEV);
	strcpy(path, *old->path ? old->path : "/");
	if (old->file && file_where(p, old->file, path))
		return refuse_name(to, false, -ENOENT);
	if (policy_parent(&p->policy, NULL, path, &from))
		return refuse_name(to, false, -EXDEV);
	if (from.grant != to->grant || from.top)
		err = refuse_name(to, false, -EXDEV);
	else if (S_ISDIR(old->mode))
		err = refuse_name(to, false, -EPERM);
	else
		err = answer(linkat(from.fd, from.name, to->fd, to->name, 0));
	put_parent(&from);
	return err;
}

static int64_t do_link(struct process *p, const uint64_t a[4], int flags)
{
	struct parent to;
	struct target old;
	int err;

	if (flags & ~AT_SYMLINK_FOLLOW)
		return -EINVAL;
	err = target_find(p, &old, (int)a[0], a[1],
			  flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW);
	if (err)
		return err;
	err = find_parent(p, &to, (int)a[2], a[3]);
	if (!err) {
		err = link_to(p, &old, &to);
		put_parent(&to);
	}
	target_put(&old);
	return err;
}

int64_t sys_link(struct process *p, const uint64_t a[6])
{
	return do_link(p,
		       (uint64_t[]){ (uint64_t)AT_FDCWD, a[0], (uint64_t)AT_FDCWD, a[1] },
		       0);
}

int64_t sys_linkat(struct process *p, const uint64_t a[6])
{
	return do_link(p, a, (int)a[4]);
}
