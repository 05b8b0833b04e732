/* SPDX-License-Identifier: MIT */
/* path.h: what calls that take a path share: the way from their arguments to a file. */
#ifndef LINUX_PATH_H
#define LINUX_PATH_H

#include "vmm/linux/calls.h"

/*
 * Of F_GETFL's flags, those that the host's open file has for the VMM's own reasons. The payload's
 * are kept in struct file, without O_CLOEXEC, which build_open_flags() strips.
 */
#define HOST_FLAGS (O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW)
#define SHOWN_FLAGS (O_DIRECTORY | O_NOFOLLOW)

/* A path argument, and the directory where it begins if it is relative. */
struct path_arg {
	char text[PATH_MAX];
	const char *base; /* real path, in the next; NULL: the cwd */
	char where[PATH_MAX];
};

/*
 * Which of 0, 1 and 2 is the terminal of this name, as ttyname(3) finds and asks about it; -1: none. It was
 * given, whatever else is granted.
 */
int path_terminal(const struct process *p, const char *path);
/*
 * Read both from the payload. 0; -EFAULT, -ENAMETOOLONG; -EBADF, -ENOTDIR: the path counts
 * on dirfd, which isn't a directory. "" is left to the caller.
 */
int path_arg(struct process *p, struct path_arg *path, int dirfd, gva_t gva);

/*
 * What the calls of the *at family find: the path's end, or, with AT_EMPTY_PATH and
 * a path of "" (or gva 0), dirfd's own file.
 */
struct target {
	int fd;			      /* the host's; -1: see struct found */
	bool owned;		      /* ... to be closed */
	mode_t mode;		      /* what it is; as far as S_IFMT */
	bool writable;		      /* may be changed */
	bool unnamed;		      /* it is dirfd's file */
	bool own;		      /* /dev/null and its like: the sandbox's own */
	const struct proc_text *text; /* as struct file's */
	const struct file *file;      /* if unnamed and not the cwd's */
	char path[PATH_MAX]; /* real, if it has one; of a file when it was opened */
};

/* gva: the path. flags: AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW count. 0 or -errno. */
int target_find(struct process *p, struct target *t, int dirfd, gva_t gva, int flags);
void target_put(struct target *t);

/* Where what is open is now; "" where it has no path. 0; 1: it was removed, as policy_where() has it. */
int file_where(const struct process *p, const struct file *file, char path[PATH_MAX]);
/* fstat(2), from which mappings learn that somebody has cut the file. 0 or -errno. */
int file_stat(struct process *p, const struct file *file, struct stat *st);
/* The file was cut by the payload itself. 0 or -errno. */
int file_was_cut(struct process *p, const struct file *file);

/* A file of the sandbox's own gets a number; fd is closed where it can't. The number or -errno. */
int64_t install_own(struct process *p, int fd, mode_t mode, int flags, bool cloexec);
/* The two ends of a pipe or socketpair, as the host made them. */
struct ends {
	int fds[2];
	mode_t mode;  /* as install_own() takes it */
	int flags[2]; /* ... of each */
	bool cloexec;
	uint64_t pages; /* of the host's memory that each may hold: they are charged until both are closed */
};
/* ... and their numbers, both or none. 0; -ENFILE: there is no memory; -errno. */
int64_t install_ends(struct process *p, const struct ends *e, int nrs[2]);
/* Free a number, and do what goes with it: POSIX locks. 0 or -EBADF. */
int close_fd(struct process *p, unsigned fd);

#endif
