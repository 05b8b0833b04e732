/* SPDX-License-Identifier: MIT */
/*
 * special.c: files that are the sandbox's own, and need no grant: /dev/zero and its kin,
 * the texts of /proc/self, and what memfd_create(2) makes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/linux/path.h"
#include "vmm/linux/proc.h"
#include "vmm/linux/special.h"

/* A text on its way into the file that stands for it. */
struct text_sink {
	struct process *p;
	struct file *file;
	uint64_t size; /* so far */
};

/* What it takes counts as the payload's before it is there: the list of its VMAs can be long. */
static ssize_t write_text(void *arg, const char *bytes, size_t len)
{
	struct text_sink *sink = arg;

	if (file_charge(sink->file, sink->p->mm, sink->size + len) ||
	    write(sink->file->fd, bytes, len) != (ssize_t)len)
		return 0;
	sink->size += len;
	return (ssize_t)len;
}

/* The text as it is now. 0 or -ENOMEM. */
static int print_text(struct process *p, const struct proc_text *text, struct file *file)
{
	static const cookie_io_functions_t to_file = { .write = write_text };
	struct text_sink sink = { p, file, 0 };
	FILE *out = fopencookie(&sink, "w", to_file);
	int failed;

	if (!out)
		return -ENOMEM;
	file->memory = true;
	text->print(p, out);
	failed = ferror(out);
	if (fclose(out) || failed)
		return -ENOMEM;
	lseek(file->fd, 0, SEEK_SET);
	return 0;
}

/* A file of its own for a text, empty. fd or -errno. */
static int open_text(const struct proc_text *text, int flags)
{
	int fd;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	fd = memfd_create(text->name, MFD_CLOEXEC);
	return fd < 0 ? -ENOMEM : fd;
}

static int open_device(const char *path, int flags)
{
	const int served = O_ACCMODE | O_NONBLOCK | O_APPEND | O_DIRECTORY | O_TRUNC |
			   O_NOFOLLOW | O_PATH;
	int fd;

	if (flags & O_DIRECT) /* as policy_open() has it */
		return -EINVAL;
	fd = open(path, (flags & served) | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

/* What they say is nobody's secret, and what is written to them changes nothing for others. */
static bool is_device(const char *path)
{
	static const char *const names[] = { "/dev/zero", "/dev/null", "/dev/full",
					     "/dev/random", "/dev/urandom" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return false;
}

/* The controlling terminal, where the payload was given it anyhow. */
static bool is_terminal(const char *path)
{
	return !strcmp(path, "/dev/tty");
}

bool special_path(const char *path)
{
	return is_device(path) || is_terminal(path) || proc_fd_folder(path) ||
	       proc_text(path);
}

/*
 * /proc/self/fd: of the host's nothing is read. For what it has to say of itself stands a folder with the
 * same mode, whose size tells nothing of the VMM.
 */
static int open_fd_folder(int flags)
{
	int fd;

	if (flags & O_CREAT || (flags & O_ACCMODE) != O_RDONLY)
		return -EISDIR;
	fd = open("/proc/self/map_files", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* What path, one of special_path(), is; text: of it. fd or -errno. */
static int open_path(struct process *p, const char *path, const struct proc_text *text,
		     int flags)
{
	if (text)
		return open_text(text, flags);
	if (proc_fd_folder(path))
		return open_fd_folder(flags);
	if (is_terminal(path) && !p->files.terminal && !(flags & O_PATH))
		return -ENXIO;
	return open_device(path, flags);
}

int special_open(struct process *p, const char *path, int flags, struct file **file)
{
	const struct proc_text *text = proc_text(path);
	int fd = open_path(p, path, text, flags);
	struct stat st;
	int err;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || !(*file = file_new(fd, true, st.st_mode, flags, path))) {
		close(fd);
		return -ENOMEM;
	}
	(*file)->path_only = flags & O_PATH;
	(*file)->shown_flags = flags & SHOWN_FLAGS;
	(*file)->fd_folder = proc_fd_folder(path);
	(*file)->text = text;
	if (flags & O_PATH)
		return 0;
	if (is_terminal(path))
		file_set_terminal(*file, flags);
	(*file)->zero = !strcmp(path, "/dev/zero");
	if (!strcmp(path, "/dev/null"))
		(*file)->most = 0;
	err = text ? print_text(p, text, *file) : 0;
	if (err)
		file_put(*file, p->mm);
	return err;
}

/* MFD_NAME_MAX_LEN of mm/memfd.c, and the NUL. */
#define MEMFD_NAME_SIZE 250

int64_t sys_memfd_create(struct process *p, const uint64_t a[6])
{
	char name[MEMFD_NAME_SIZE], real[sizeof(name) + sizeof("/memfd: (deleted)")];
	long len = mm_copy_string(p->mm, name, a[0], sizeof(name));
	unsigned flags = (unsigned)a[1];
	struct file *file;
	int nr, fd;

	/* huge pages, and what is newer, would be host memory of another kind */
	if (flags & ~(unsigned)(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	if (len == -ENAMETOOLONG)
		return -EINVAL;
	if (len < 0)
		return len;
	nr = fd_unused(&p->files);
	if (nr < 0)
		return nr;
	fd = memfd_create(name, MFD_CLOEXEC | (flags & MFD_ALLOW_SEALING));
	if (fd < 0)
		return -errno;
	snprintf(real, sizeof(real), "/memfd:%s (deleted)", name);
	file = file_new(fd, true, S_IFREG, O_RDWR, real);
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	file->memory = file->changeable = true;
	fd_install(&p->files, nr, file, flags & MFD_CLOEXEC);
	return nr;
}
