/* SPDX-License-Identifier: MIT */
/*
 * policy.h: which files of the host a payload may open: those that the embedder granted,
 * and what lies beneath those of them that are directories. All else is EACCES.
 *
 * A grant is like a mount in the payload's name space, at the path by which it was
 * given and at the place to which that led then. What lies beneath the deepest one decides:
 * a read-only grant within a writable one stays read-only, whatever way leads there.
 * Between grants there are no files, only names: `..` and `.` are taken as text there.
 *
 * Paths are walked here, as path_resolution(7) has it, so that a symbolic link or a `..`
 * may lead from one grant into another, but nowhere else. That walk only finds a name
 * without links and dots; what opens it is openat2(2) beneath the grant's directory, which
 * follows no link and no `..` at all. Whoever changes the tree in between gets an error,
 * not a file.
 *
 * What is open, and the cwd, are where the host says they are by now: whoever renamed them.
 *
 * Known limit: a hard link is a file of its own name.
 */
#ifndef LINUX_POLICY_H
#define LINUX_POLICY_H

#include <limits.h>
#include <mapvisor/mapvisor.h>
#include <sys/stat.h>

struct mm;

/* Paths of grants are absolute, without dots or a '/' at the end: "" is the root. */
struct grant {
	char *name;  /* as it was given, made absolute: what the payload calls it */
	char *real;  /* where that led: without symbolic links; of one with a name of the
		      * payload's own, name again */
	size_t skip; /* bytes of real that name fd's directory */
	char *host; /* ... its path on the host; NULL: a file system of the payload's own */
	int fd; /* O_PATH: the granted directory, or the one that holds the granted file; -1:
		 * /dev/shm, not made yet */
	uint64_t own; /* of /dev/shm its bytes, which count as mm's memory once it is there; else 0 */
	bool writable;
};

struct policy {
	struct grant *grants;
	size_t nr_grants;
	mode_t umask;  /* the host's, which the host's kernel takes off what is created */
	struct mm *mm; /* of policy_add_shm() */
	char *cwd; /* where relative paths begin, when it was set; NULL: that directory was gone */
	bool own_root; /* the root is a directory of the host's: see policy_add_root() */
	int cwd_fd; /* O_PATH: it; -1: a name between grants, or not a directory of the host's */
};

/* 0, or -errno with "grant PATH: WHY" in *err. */
int policy_init(struct policy *pol, const struct mv_grant *grants, size_t n,
		struct mv_error *err);
/* The directory at path as the root, for reading, and as the cwd. Once, then /tmp. 0 or -errno with *err. */
int policy_add_root(struct policy *pol, const char *path, struct mv_error *err);
/*
 * A file system of its own as /tmp, in the host's memory: at most size bytes, by whole pages. Once. 0,
 * or -errno with *err; -EINVAL: /tmp is granted.
 */
int policy_add_tmp(struct policy *pol, uint64_t size, struct mv_error *err);
/*
 * ... as /dev/shm, made when a path first leads there: its size counts as mm's memory from then on, -ENOSPC
 * where that can't be; where the host has no tmpfs for it there is none, -ENOENT. A grant of, or beneath, the host's
 * /dev/shm stands instead of it. size: whole pages. Last, once. mm must outlive the policy. 0 or -ENOMEM.
 */
int policy_add_shm(struct policy *pol, struct mm *mm, uint64_t size);
void policy_destroy(struct policy *pol);

/* A file that was opened. */
struct opened {
	int fd;	       /* the host's; close-on-exec */
	mode_t mode;   /* regular file or directory; with O_PATH anything */
	char *path;    /* its real one; to be freed */
	bool writable; /* its grant is */
};

/*
 * openat(2) for the payload. base: the real path of the directory that a relative path
 * begins at; NULL: the cwd. 0 or -errno; of the errors that Linux doesn't have there:
 *
 *  -EACCES      not granted; or for writing, where the grant is for reading (O_TRUNC is
 *               writing, and so is O_CREAT of what isn't there); or not a file: a FIFO,
 *               socket or device
 *  -EINVAL      O_DIRECT, or the access mode 3: not served
 *  -EOPNOTSUPP  O_TMPFILE, as from a file system without it
 *
 * Of mode, permissions count, whatever the host's umask; set-id and sticky bits are dropped.
 */
int policy_open(const struct policy *pol, const char *base, const char *path, int flags,
		mode_t mode, struct opened *opened);

/*
 * What is open behind the host's fd, once more, as open(2) of its /proc/self/fd/N; writable: its grant is.
 * opened->path is NULL. 0, or -errno as above.
 */
int policy_reopen(int fd, bool writable, int flags, struct opened *opened);

/*
 * Where what is open behind the host's fd is now, to the payload. was: where it was opened; still, where it has
 * left the grants. 0; 1: it was removed, and path, as d_path() of fs/d_path.c has it, ends in " (deleted)".
 */
int policy_where(const struct policy *pol, int fd, const char *was, char path[PATH_MAX]);
/* What the host's path is called in the payload's name space; false: it isn't there. */
bool policy_name(const struct policy *pol, const char *host, char path[PATH_MAX]);
/* ... of a program that the embedder found at path on the host, granted or not. */
void policy_exe_name(const struct policy *pol, const char *path, char name[PATH_MAX]);
/* The cwd, "/" the root. 0; 1: as above; -ENOENT: it was gone from the start. */
int policy_cwd(const struct policy *pol, char path[PATH_MAX]);
/* chdir(2) has found it; fd, -1 or the host's, stays the caller's. 0 or -ENOMEM. */
int policy_set_cwd(struct policy *pol, int fd, const char *path);

/* syncfs(2) of what is granted for writing. */
void policy_sync(const struct policy *pol);

/* What a path leads to, to be asked about. */
struct found {
	int fd; /* O_PATH, to be closed; -1: on the way to a grant, nothing but a name */
	mode_t mode;	     /* of anything that there is; of such a name a directory's */
	bool writable;	     /* its grant is */
	char path[PATH_MAX]; /* its real one; "" is the root */
};

/*
 * Find what path leads to; base as above. follow: also its last name, if that is a link.
 * 0, or -errno as path_resolution(7) has them, and -EACCES for what isn't granted.
 */
int policy_find(const struct policy *pol, const char *base, const char *path, bool follow,
		struct found *found);

/* How a path's last name is to be taken: LAST_NORM and so on of linux/namei.h. */
enum last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

/* Where a path's last name is, or is to be, in order to make or remove it. */
struct parent {
	int fd; /* O_PATH: the directory; to be closed; -1 with top, where that isn't granted */
	enum last last;
	char name[NAME_MAX + 2]; /* in it; with a '/' behind it as the path had it */
	const struct grant *grant;
	bool writable; /* it is */
	bool top;      /* what the name stands for was granted by itself: a mount point */
	bool holds;    /* ... or such is somewhere beneath it */
};

/*
 * Find the directory that path's last name is in; base as above. Links are followed on the
 * way, the last one isn't. 0 or -errno: filename_parentat() of fs/namei.c.
 */
int policy_parent(const struct policy *pol, const char *base, const char *path,
		  struct parent *parent);

#endif
