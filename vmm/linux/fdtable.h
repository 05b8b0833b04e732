/* SPDX-License-Identifier: MIT */
/*
 * fdtable.h: open files, and the numbers a process knows them by. As in Linux, several
 * numbers may come to name one open file (dup, fork), which is therefore counted.
 */
#ifndef LINUX_FDTABLE_H
#define LINUX_FDTABLE_H

#include <limits.h>
#include <mapvisor/mapvisor.h>
#include <sys/types.h>

#include "vmm/linux/epoll.h"

struct mm;
struct object;
struct proc_text;

/* RLIMIT_NOFILE as most systems set it, and at most. */
#define FD_MAX MV_MAX_FILES

/* A place in a file: wherever the open file is. */
#define POS_CURRENT (-1)

/* What a file of the starter's is called that no grant is about. */
#define GRANTED_NAME "granted:[file]"

/* What reading and writing it is like. */
enum file_kind {
	FILE_REGULAR, /* answers at once: regular files, and block devices behind fds 0-2 */
	FILE_DIRECTORY,
	FILE_STREAM, /* may make its user wait: pipe, terminal, character device */
	FILE_SOCKET,
};

/*
 * O_NONBLOCK of an open file: as the host's says, until the payload sets it. It is then the
 * payload's alone, for an embedder's file is others', too.
 */
enum nonblock { NONBLOCK_HOST, NONBLOCK_NO, NONBLOCK_YES };

/*
 * An open file: open(2)'s "open file description". A terminal is opened anew for reading
 * and writing it, since O_NONBLOCK is the open file's, which others share.
 */
struct file {
	unsigned refs;	     /* numbers that name it */
	enum file_kind kind; /* of what is open */
	int fd;		     /* the host's */
	bool owned;	     /* fd is ours to close; else an embedder's, one of fds 0-2 */
	bool starters; /* it is one of these, or their terminal: what is written is output, output.h */
	int io_fd;	    /* what to read and write: fd, or the terminal's second one */
	bool terminal;	    /* see terminal.h */
	bool messages;	    /* a socket that keeps one write's bytes together */
	int64_t receive_ns; /* of a socketpair: SO_RCVTIMEO; 0: for ever */
	int64_t send_ns;    /* ... and SO_SNDTIMEO */
	bool no_nowait;	    /* RWF_NOWAIT was refused */
	int most; /* bytes that a read comes to at most, 0 of /dev/null; -1: any number */
	bool readable, writable; /* how it was opened */
	bool zero;		 /* /dev/zero: mapped, it is anonymous memory */
	bool path_only;		 /* O_PATH: no more than a place */
	bool placed;		 /* it was opened by a path: see policy_where() */
	bool changeable;	 /* its mode, times and owner are the payload's to set */
	enum nonblock nonblock;
	int shown_flags; /* of F_GETFL's, those that the host's fd has otherwise */
	const struct proc_text *text; /* of /proc/self it is this; NULL: no text */
	bool memory; /* held by the host for it: its size counts as the payload's memory */
	uint64_t charged;   /* ... in pages; of a pipe or socketpair, what it may hold */
	struct file *other; /* ... its other end, as long as that is open */
	char *path; /* absolute, without symbolic links, when it was opened; "" where it has none */
	bool fd_folder;		   /* /proc/self/fd: its entries are the numbers in use */
	uint64_t folder_at;	   /* ... where its reading goes on: f_pos */
	bool timer;		   /* of timerfd_create's */
	bool inotify;		   /* of inotify_init's */
	bool epoll;		   /* of epoll_create's; see epoll.h */
	unsigned nr_watches;	   /* ... entries in the next: struct watches bounds them */
	struct watch_list watches; /* ... what is registered with it */
	struct watch_list watched; /* where it is registered itself */
	struct object *object;	   /* for VMAs, a reference; NULL until the first mmap */
};

struct fdtable {
	struct file **files;	/* FD_MAX of them, by number; NULL: free */
	bool *cloexec;		/* by number: FD_CLOEXEC */
	unsigned next;		/* all below are in use */
	unsigned limit;		/* RLIMIT_NOFILE, FD_MAX at most: new numbers are below */
	struct watches watches; /* in the epolls among them */
	bool terminal; /* of 0, 1 and 2 one was given that is the controlling terminal */
	unsigned locks; /* that were taken since they were counted; 0: none ever. Closing looks for them */
	unsigned marks; /* watches of inotify's, as locks */
};

/* An empty table but for 0, 1 and 2, which stand for fds; a closed one is left out. */
int fdtable_init(struct fdtable *t, const int fds[3], unsigned limit, struct mv_error *err);
void fdtable_destroy(struct fdtable *t, struct mm *mm);

/* The open file behind a number, or NULL; also NULL for one of O_PATH's: fdget(). */
struct file *fd_get(const struct fdtable *t, unsigned fd);
/* ... and those, too: fdget_raw(). */
struct file *fd_get_raw(const struct fdtable *t, unsigned fd);
/* The lowest free number, which stays free until fd_install(); or -EMFILE. */
int fd_unused(struct fdtable *t);
/* ... from `from` on. */
int fd_unused_from(struct fdtable *t, unsigned from);
/* fd, got from fd_unused(), names file from now on; the caller's reference goes over. */
void fd_install(struct fdtable *t, int fd, struct file *file, bool cloexec);
/* The number is free again. mm: whose lock guards objects. 0 or -EBADF. */
int fd_close(struct fdtable *t, unsigned fd, struct mm *mm);

/*
 * An open file for a host fd, with one reference. path is copied. NULL: no memory, and fd
 * is still the caller's.
 */
struct file *file_new(int fd, bool owned, mode_t mode, int flags, const char *path);
/*
 * A file of memfd_create is about to be `size` bytes long at least: that counts against the
 * memory limit, however much of it is written. Others: nothing. 0 or -ENOSPC.
 */
int file_charge(struct file *file, struct mm *mm, uint64_t size);
/* It is the starter's terminal, opened with these flags: no reader of it can make the VMM wait. */
void file_set_terminal(struct file *file, int flags);
/* Whether it is written at its end, wherever it is: O_APPEND. */
bool file_appends(const struct file *file);
/* Where a write begins: at its end, at pos, or, if that is POS_CURRENT, where the file is; or -errno. */
off_t file_write_at(const struct file *file, off_t pos, bool append);
/* O_NONBLOCK, for the payload. */
void file_set_nonblock(struct file *file, bool on);
/*
 * The VMM's own name for a host fd, for calls that want a path: it leads nowhere but to what is open. And
 * what the host says is there: a path, or "pipe:[7]"; its length, or -errno.
 */
#define HOST_NAME_SIZE (sizeof("/proc/self/fd/") + 3 * sizeof(int))
void host_name(int fd, char name[HOST_NAME_SIZE]);
ssize_t host_link(int fd, char text[PATH_MAX]);
/* Let one reference go. */
void file_put(struct file *file, struct mm *mm);

#endif
