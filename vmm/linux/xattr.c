/* SPDX-License-Identifier: MIT */
/*
 * xattr.c: extended attributes, as on a file system that has none: what a host's file has of them is
 * its labels and ACLs, which aren't the payload's to read or set. fs/xattr.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "vmm/linux/path.h"

/* import_xattr_name(): 0, -ERANGE or -EFAULT. */
static int check_name(struct process *p, gva_t gva)
{
	char name[XATTR_NAME_MAX + 1];
	long len = mm_copy_string(p->mm, name, gva, sizeof(name));

	if (!len || len == -ENAMETOOLONG)
		return -ERANGE;
	return len < 0 ? (int)len : 0;
}

/* name: 0 for a list. change: of the file. 0 is said of an empty list. */
static int64_t answer(struct process *p, const struct target *t, gva_t name, bool change)
{
	int err = name ? check_name(p, name) : 0;

	if (err || !name)
		return err;
	return change && !t->writable ? -EROFS : -EOPNOTSUPP;
}

static int64_t by_path(struct process *p, gva_t path, gva_t name, bool change, int flags)
{
	struct target t;
	int64_t ret = target_find(p, &t, AT_FDCWD, path, flags);

	if (ret)
		return ret;
	ret = answer(p, &t, name, change);
	target_put(&t);
	return ret;
}

static int64_t by_fd(struct process *p, uint64_t fd, gva_t name, bool change)
{
	const struct file *file = fd_get(&p->files, (unsigned)fd);
	struct target t = { .writable = file && file->changeable };

	return file ? answer(p, &t, name, change) : -EBADF;
}

int64_t sys_getxattr(struct process *p, const uint64_t a[6])
{
	return by_path(p, a[0], a[1], false, 0);
}

int64_t sys_lgetxattr(struct process *p, const uint64_t a[6])
{
	return by_path(p, a[0], a[1], false, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fgetxattr(struct process *p, const uint64_t a[6])
{
	return by_fd(p, a[0], a[1], false);
}

int64_t sys_setxattr(struct process *p, const uint64_t a[6])
{
	return by_path(p, a[0], a[1], true, 0);
}

int64_t sys_lsetxattr(struct process *p, const uint64_t a[6])
{
	return by_path(p, a[0], a[1], true, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fsetxattr(struct process *p, const uint64_t a[6])
{
	return by_fd(p, a[0], a[1], true);
}

int64_t sys_listxattr(struct process *p, const uint64_t a[6])
{
	return by_path(p, a[0], 0, false, 0);
}

int64_t sys_llistxattr(struct process *p, const uint64_t a[6])
{
	return by_path(p, a[0], 0, false, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_flistxattr(struct process *p, const uint64_t a[6])
{
	return by_fd(p, a[0], 0, false);
}
