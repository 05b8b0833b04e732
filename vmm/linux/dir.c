/* SPDX-License-Identifier: MIT */
/* dir.c: directories: what is in them, and the one where relative paths begin. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/linux/path.h"

/* So much is asked of the host at once: what fits is the same as if it had been one call. */
#define DENTS_CHUNK (32u << 10)

/*
 * Whole entries within the first n bytes of buf, in bytes; *next: where the directory
 * goes on behind them, if there is one.
 */
static size_t whole_entries(const char *buf, size_t n, off_t *next)
{
	size_t at = 0;

	for (;;) {
		const struct dirent64 *d = (const struct dirent64 *)(buf + at);

		if (n - at < offsetof(struct dirent64, d_name) || n - at < d->d_reclen)
			return at;
		*next = d->d_off;
		at += d->d_reclen;
	}
}

/* Some more of them, at most max bytes. Bytes, 0 at the end, -errno. */
static int64_t some_entries(struct process *p, int fd, gva_t to, size_t max)
{
	char buf[DENTS_CHUNK] __attribute__((aligned(8)));
	const off_t before = lseek(fd, 0, SEEK_CUR);
	off_t next = before;
	uint64_t missing;
	size_t given;
	long n;

	n = syscall(SYS_getdents64, fd, buf, min_u64(max, sizeof(buf)));
	if (n <= 0)
		return n < 0 ? -errno : 0;
	missing = access_ok(to, (uint64_t)n) ? mm_copy_to(p->mm, to, buf, (uint64_t)n)
					     : (uint64_t)n;
	if (!missing)
		return n;
	/* filldir64(): an entry that can't be written whole stays in the directory */
	given = whole_entries(buf, (size_t)n - missing, &next);
	lseek(fd, next, SEEK_SET);
	return given ? (int64_t)given : -EFAULT;
}

/* ---- /proc/self/fd */

/* The entry at *at, or the next that there is; its length. 0: there is none, or no room for it. */
static size_t fd_entry(const struct process *p, uint64_t *at, size_t room,
		       struct dirent64 *d)
{
	size_t len;

	while (*at >= 2 && *at < FD_MAX + 2 && !fd_get_raw(&p->files, (unsigned)*at - 2))
		++*at;
	if (*at >= FD_MAX + 2)
		return 0;
	if (*at < 2)
		strcpy(d->d_name, *at ? ".." : ".");
	else
		sprintf(d->d_name, "%lu", *at - 2);
	len = offsetof(struct dirent64, d_name) + strlen(d->d_name) + 1;
	len = (len + 7) & ~(size_t)7;
	if (len > room)
		return 0;
	d->d_ino = *at + 1;
	*at += 1;
	d->d_off = (off_t)*at;
	d->d_reclen = (unsigned short)len;
	d->d_type = *at <= 2 ? DT_DIR : DT_LNK;
	return len;
}

/* proc_readfd_common(): what is open now, from where the last call ended. */
static int64_t list_fds(struct process *p, struct file *file, gva_t to, size_t room)
{
	uint64_t done = 0, at = file->folder_at;
	struct dirent64 d;
	size_t n;

	for (;;) {
		memset(&d, 0, sizeof(d));
		n = fd_entry(p, &at, room - done, &d);
		if (!n)
			break;
		if (!access_ok(to + done, n) || mm_copy_to(p->mm, to + done, &d, n))
			return done ? (int64_t)done : -EFAULT;
		done += n;
		file->folder_at = at;
	}
	return done || at >= FD_MAX + 2 ? (int64_t)done : -EINVAL;
}

int64_t sys_getdents64(struct process *p, const uint64_t a[6])
{
	struct file *file = fd_get(&p->files, (unsigned)a[0]);
	const uint64_t count = (unsigned)a[2];
	int64_t n = 0;
	uint64_t done = 0;

	if (!file)
		return -EBADF;
	if (file->kind != FILE_DIRECTORY)
		return -ENOTDIR;
	if (file->fd_folder)
		return list_fds(p, file, a[1], count);
	do {
		n = some_entries(p, file->fd, a[1] + done, count - done);
		if (n > 0)
			done += (uint64_t)n;
	} while (n > 0 && done < count);
	return done ? (int64_t)done : n;
}

int64_t sys_getcwd(struct process *p, const uint64_t a[6])
{
	char cwd[PATH_MAX];
	uint64_t size;

	if (policy_cwd(&p->policy, cwd))
		return -ENOENT;
	size = strlen(cwd) + 1;
	if (size > a[1])
		return -ERANGE;
	return mm_copy_to(p->mm, a[0], cwd, size) ? -EFAULT : (int64_t)size;
}

/* MAY_EXEC | MAY_CHDIR; a directory between grants may be passed through. */
static int set_cwd(struct process *p, int fd, const char *path, bool placed)
{
	if (fd >= 0 && syscall(SYS_faccessat2, fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH))
		return -errno;
	return policy_set_cwd(&p->policy, placed ? fd : -1, path);
}

int64_t sys_chdir(struct process *p, const uint64_t a[6])
{
	struct target t;
	int err = target_find(p, &t, AT_FDCWD, a[0], 0);

	if (err)
		return err;
	err = S_ISDIR(t.mode) ? set_cwd(p, t.fd, t.path, t.file ? t.file->placed : !t.own)
			      : -ENOTDIR;
	target_put(&t);
	return err;
}

int64_t sys_fchdir(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get_raw(&p->files, (unsigned)a[0]);

	if (!file)
		return -EBADF;
	if (file->kind != FILE_DIRECTORY)
		return -ENOTDIR;
	return set_cwd(p, file->fd, file->path, file->placed);
}

int64_t sys_umask(struct process *p, const uint64_t a[6])
{
	const mode_t old = p->umask;

	p->umask = (mode_t)a[0] & 0777;
	return old;
}
