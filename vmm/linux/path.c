/* SPDX-License-Identifier: MIT */
/* path.c: from the arguments of a call to the file that they name. */
#include "vmm/linux/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmm/linux/proc.h"
#include "vmm/linux/special.h"

/*
 * Beneath /proc/self/fd there is no folder of the host's to begin at: the path is made whole, as it is
 * looked for there, without `./` first.
 */
static int in_fd_folder(struct path_arg *path, const char *folder)
{
	const size_t before = strlen(folder) + 1;
	size_t skip = 0, len;

	while (path->text[skip] == '.' && path->text[skip + 1] == '/')
		skip += 1 + strspn(path->text + skip + 1, "/");
	len = strlen(path->text + skip);
	memmove(path->text, path->text + skip, len + 1);
	if (before + len + 1 > sizeof(path->text))
		return -ENAMETOOLONG;
	memmove(path->text + before, path->text, len + 1);
	memcpy(path->text, folder, before - 1);
	path->text[before - 1] = '/';
	return 0;
}

int file_where(const struct process *p, const struct file *file, char path[PATH_MAX])
{
	if (file->placed)
		return policy_where(&p->policy, file->fd, file->path, path);
	strcpy(path, file->path);
	return 0;
}

int path_arg(struct process *p, struct path_arg *path, int dirfd, gva_t gva)
{
	long len = mm_copy_string(p->mm, path->text, gva, sizeof(path->text));
	const struct file *dir;

	path->base = NULL;
	if (len < 0)
		return (int)len;
	if (!len || *path->text == '/')
		return 0;
	if (dirfd == AT_FDCWD)
		return p->policy.cwd && proc_fd_folder(p->policy.cwd)
			       ? in_fd_folder(path, p->policy.cwd)
			       : 0;
	dir = fd_get_raw(&p->files, (unsigned)dirfd);
	if (!dir)
		return -EBADF;
	if (dir->kind != FILE_DIRECTORY)
		return -ENOTDIR;
	if (dir->fd_folder)
		return in_fd_folder(path, dir->path);
	path->base = path->where;
	return file_where(p, dir, path->where) ? -ENOENT : 0;
}

/* Its type is enough: who wants more asks fd. */
static int of_dirfd(struct process *p, struct target *t, int dirfd)
{
	struct stat st;

	t->file = fd_get_raw(&p->files, (unsigned)dirfd);
	if (!t->file)
		return -EBADF;
	if (fstat(t->file->fd, &st))
		return -errno;
	t->fd = t->file->fd;
	t->mode = st.st_mode;
	t->writable = t->file->changeable;
	t->unnamed = true;
	t->own = t->file->memory;
	t->text = t->file->text;
	strcpy(t->path, t->file->path);
	return 0;
}

static int by_path(const struct policy *pol, struct target *t, const struct path_arg *path,
		   bool follow)
{
	struct found found;
	int err = policy_find(pol, path->base, path->text, follow, &found);

	if (err)
		return err;
	t->fd = found.fd;
	t->owned = true;
	t->mode = found.mode;
	t->writable = found.writable;
	strcpy(t->path, found.path);
	return 0;
}

static int of_special(struct process *p, struct target *t, const char *path)
{
	struct file *file;
	struct stat st;
	int err = special_open(p, path, O_RDONLY | O_PATH, &file);

	if (err)
		return err;
	t->fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	file_put(file, p->mm);
	if (t->fd < 0)
		return -ENFILE;
	t->owned = t->own = true;
	if (fstat(t->fd, &st)) {
		target_put(t);
		return -EACCES;
	}
	t->mode = st.st_mode;
	t->text = proc_text(path);
	strcpy(t->path, path);
	return 0;
}

/* A link of /proc/self/fd, or what it leads to: not a path, but what is open. */
static int of_link(struct process *p, struct target *t, int nr, bool follow)
{
	int err = of_dirfd(p, t, nr);

	if (err || follow)
		return err == -EBADF ? -ENOENT : err;
	/* tid_fd_update_inode() */
	*t = (struct target){ .fd = -1,
			      .mode = S_IFLNK | (t->file->readable ? 0500 : 0) |
				      (t->file->writable ? 0300 : 0) };
	return 0;
}

/* The program, by /proc/self/exe. */
static int of_exe(const struct process *p, struct target *t, bool follow)
{
	struct stat st;

	if (!follow) { /* proc_pident_lookup() */
		t->mode = S_IFLNK | 0777;
		return 0;
	}
	if (!p->exe || fstat(p->exe_fd, &st))
		return -ENOENT;
	t->fd = p->exe_fd;
	t->mode = st.st_mode;
	t->own = true;
	strcpy(t->path, p->exe);
	return 0;
}

int path_terminal(const struct process *p, const char *path)
{
	const struct file *file;

	if (strncmp(path, "/dev/", 5) != 0)
		return -1;
	for (int nr = 0; nr < 3; nr++) {
		file = fd_get(&p->files, (unsigned)nr);
		if (file && file->terminal && !strcmp(file->path, path))
			return nr;
	}
	return -1;
}

int target_find(struct process *p, struct target *t, int dirfd, gva_t gva, int flags)
{
	struct path_arg path;
	int err, nr;

	*t = (struct target){ .fd = -1 };
	/* getname_maybe_null(): no path is an empty one; vfs_empty_path() */
	if (flags & AT_EMPTY_PATH && !gva) {
		path = (struct path_arg){ .base = NULL };
		err = 0;
	} else {
		err = path_arg(p, &path, dirfd, gva);
	}
	if (err)
		return err;
	if (!*path.text) {
		if (!(flags & AT_EMPTY_PATH))
			return -ENOENT;
		if (dirfd != AT_FDCWD)
			return of_dirfd(p, t, dirfd);
		strcpy(path.text, ".");
	}
	nr = proc_fd(path.text);
	if (nr >= 0)
		return of_link(p, t, nr, !(flags & AT_SYMLINK_NOFOLLOW));
	if (proc_exe(path.text))
		return of_exe(p, t, !(flags & AT_SYMLINK_NOFOLLOW));
	nr = path_terminal(p, path.text);
	if (nr >= 0)
		return of_link(p, t, nr, true);
	if (special_path(path.text))
		return of_special(p, t, path.text);
	return by_path(&p->policy, t, &path, !(flags & AT_SYMLINK_NOFOLLOW));
}

void target_put(struct target *t)
{
	if (t->owned && t->fd >= 0)
		close(t->fd);
}
