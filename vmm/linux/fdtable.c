/* SPDX-License-Identifier: MIT */
/* fdtable.c: open files and their numbers. */
#include "vmm/linux/fdtable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/linux/epoll.h"
#include "vmm/mm/mm.h"
#include "vmm/observe/error.h"

static enum file_kind kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFBLK:
		return FILE_REGULAR;
	case S_IFDIR:
		return FILE_DIRECTORY;
	case S_IFSOCK:
		return FILE_SOCKET;
	default:
		return FILE_STREAM;
	}
}

struct file *file_new(int fd, bool owned, mode_t mode, int flags, const char *path)
{
	int acc = flags & O_ACCMODE;
	struct file *file = malloc(sizeof(*file));

	if (!file)
		return NULL;
	*file = (struct file){ .refs = 1,
			       .kind = kind_of(mode),
			       .fd = fd,
			       .owned = owned,
			       .starters = !owned,
			       .io_fd = fd,
			       .most = -1,
			       .readable = acc == O_RDONLY || acc == O_RDWR,
			       .writable = acc == O_WRONLY || acc == O_RDWR,
			       .path = strdup(path) };
	if (!file->path) {
		free(file);
		return NULL;
	}
	return file;
}

int file_charge(struct file *file, struct mm *mm, uint64_t size)
{
	uint64_t pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	if (!file->memory || pages <= file->charged)
		return 0;
	if (mm_charge(mm, pages - file->charged))
		return -ENOSPC;
	file->charged = pages;
	return 0;
}

bool file_appends(const struct file *file)
{
	return fcntl(file->fd, F_GETFL) & O_APPEND;
}

off_t file_write_at(const struct file *file, off_t pos, bool append)
{
	struct stat st;

	if (append)
		return fstat(file->fd, &st) ? -errno : st.st_size;
	if (pos == POS_CURRENT)
		pos = lseek(file->fd, 0, SEEK_CUR);
	return pos < 0 ? -errno : pos;
}

void file_set_nonblock(struct file *file, bool on)
{
	file->nonblock = on ? NONBLOCK_YES : NONBLOCK_NO;
}

/* What one end holds is there until the other is closed, too. */
static void leave_other(struct file *file)
{
	if (!file->other)
		return;
	file->other->charged += file->charged;
	file->other->other = NULL;
	file->charged = 0;
}

void file_put(struct file *file, struct mm *mm)
{
	if (--file->refs)
		return;
	epoll_forget(file);
	leave_other(file);
	if (file->object && mm) { /* without an mm nothing was mapped yet */
		pthread_mutex_lock(&mm->lock);
		/* mappings may outlive it, and hold a memfd's memory */
		file->object->charged = file->charged;
		object_put(file->object);
		pthread_mutex_unlock(&mm->lock);
	} else if (file->charged && mm) {
		phys_uncharge(mm->phys, file->charged);
	}
	if (file->io_fd != file->fd)
		close(file->io_fd);
	if (file->owned)
		close(file->fd);
	free(file->path);
	free(file);
}

void host_name(int fd, char name[HOST_NAME_SIZE])
{
	snprintf(name, HOST_NAME_SIZE, "/proc/self/fd/%d", fd);
}

ssize_t host_link(int fd, char text[PATH_MAX])
{
	char name[HOST_NAME_SIZE];
	ssize_t n;

	host_name(fd, name);
	n = readlink(name, text, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

/* The path behind a host fd, for names in maps; "" for a pipe and its like. */
static void fd_path(int fd, char path[PATH_MAX])
{
	if (host_link(fd, path) < 0 || *path != '/')
		*path = '\0';
}

/*
 * A write to a terminal can wait for a reader though poll(2) said there was room, and no
 * kick would reach it. Where the terminal may be opened anew, that is one's own O_NONBLOCK.
 */
void file_set_terminal(struct file *file, int flags)
{
	int fd;

	file->starters = file->terminal = true;
	if (!*file->path)
		return;
	fd = open(file->path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (isatty(fd))
		file->io_fd = fd;
	else
		close(fd);
}

static bool keeps_messages(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type != SOCK_STREAM;
}

/* The payload's number `nr` stands for the embedder's fd. */
static int install_std(struct fdtable *t, int nr, int fd, struct mv_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	struct file *file;
	int flags;

	if (fd < 0 || (flags = fcntl(fd, F_GETFL)) < 0 || fstat(fd, &st))
		return 0; /* closed here, so closed there */
	if (flags & O_PATH)
		flags = O_ACCMODE; /* neither to be read nor written */
	fd_path(fd, path);
	file = file_new(fd, false, st.st_mode, flags, path);
	if (!file)
		return mv_fail_errno(err, ENOMEM, "open files");
	if (file->kind == FILE_SOCKET)
		file->messages = keeps_messages(fd);
	if (file->kind == FILE_STREAM && isatty(fd)) {
		file_set_terminal(file, flags);
		t->terminal |= tcgetsid(fd) == getsid(0);
	}
	t->files[nr] = file;
	return 0;
}

int fdtable_init(struct fdtable *t, const int fds[3], unsigned limit, struct mv_error *err)
{
	int ret = 0;

	*t = (struct fdtable){ .files = calloc(FD_MAX, sizeof(struct file *)),
			       .cloexec = calloc(FD_MAX, sizeof(bool)),
			       .limit = limit,
			       .watches = { .files = limit } };
	if (!t->files || !t->cloexec) {
		free(t->files);
		free(t->cloexec);
		return mv_fail_errno(err, ENOMEM, "open files");
	}
	for (int i = 0; i < 3 && !ret; i++)
		ret = install_std(t, i, fds[i], err);
	if (ret)
		fdtable_destroy(t, NULL);
	return ret;
}

void fdtable_destroy(struct fdtable *t, struct mm *mm)
{
	for (unsigned fd = 0; fd < FD_MAX; fd++)
		fd_close(t, fd, mm);
	free(t->files);
	free(t->cloexec);
}

struct file *fd_get_raw(const struct fdtable *t, unsigned fd)
{
	return fd < FD_MAX ? t->files[fd] : NULL;
}

struct file *fd_get(const struct fdtable *t, unsigned fd)
{
	struct file *file = fd_get_raw(t, fd);

	return file && !file->path_only ? file : NULL;
}

int fd_unused(struct fdtable *t)
{
	while (t->next < t->limit && t->files[t->next])
		t->next++;
	return t->next < t->limit ? (int)t->next : -EMFILE;
}

int fd_unused_from(struct fdtable *t, unsigned from)
{
	unsigned fd = from < t->next ? t->next : from;

	while (fd < t->limit && t->files[fd])
		fd++;
	return fd < t->limit ? (int)fd : -EMFILE;
}

void fd_install(struct fdtable *t, int fd, struct file *file, bool cloexec)
{
	t->files[fd] = file;
	t->cloexec[fd] = cloexec;
}

int fd_close(struct fdtable *t, unsigned fd, struct mm *mm)
{
	struct file *file = fd_get_raw(t, fd);

	if (!file)
		return -EBADF;
	t->files[fd] = NULL;
	if (fd < t->next)
		t->next = fd;
	file_put(file, mm);
	return 0;
}
