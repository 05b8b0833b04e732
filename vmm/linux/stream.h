/* SPDX-License-Identifier: MIT */
/*
 * stream.h: pipes, terminals, sockets and devices behind fds 0-2: what may have to wait.
 * The kick signal, which the thread blocks, must be able to end the wait: so nothing here
 * blocks but poll(2), on the file and on a signalfd together.
 */
#ifndef LINUX_STREAM_H
#define LINUX_STREAM_H

#include <poll.h>
#include <signal.h>

#include "vmm/linux/buffers.h"

/*
 * How often what tells nobody when it is ready is asked again: a lock that somebody else has, a terminal whose
 * output drains or that has fewer bytes than a read waits for, a file that has nothing to read yet.
 */
#define RETRY_MS 10

/* Bytes, -errno, or -ERESTARTSYS; to a payload as read(2) and write(2) on such a file. */
int64_t stream_read(struct process *p, struct file *file, struct buffers *b);
int64_t stream_write(struct process *p, struct file *file, struct buffers *b);

/* ... of inotify's: inotify.c. */
int64_t inotify_read_events(struct process *p, const struct file *file, struct buffers *b);

/* -ERESTARTSYS: the kick has come; 0: it hasn't; -errno: it can't be told. */
int stream_interrupted(struct process *p);

/*
 * n bytes more have been transferred, `done` by now: whether that is to be all, as the run is to end, or a
 * signal ends the payload; or, any, one is to be delivered. Looked at once in CHUNK_MAX bytes only.
 */
bool stream_cut(struct process *p, int64_t done, int64_t n, bool any);

/* Wait until fd (-1: none) can be read: 0; or as above, or -errno. */
int stream_wait_fd(struct process *p, int fd);

/*
 * Times to wait until, on CLOCK_MONOTONIC in ns; negative: for ever; 0, which is long gone: not at
 * all. stream_left: what is left of one.
 */
int64_t stream_deadline(int64_t ns);
int64_t stream_left(int64_t deadline);

/*
 * poll(2) for fds[1] to fds[nr - 1]; fds[0] is the kick's. How many are ready, -errno,
 * or -ERESTARTSYS.
 */
int stream_poll(struct process *p, struct pollfd *fds, unsigned nr, int64_t deadline);
/* 0: file is ready for some of `events`; -EAGAIN: it is not, and O_NONBLOCK; -ERESTARTSYS. */
int stream_wait(struct process *p, const struct file *file, short events);
/* Wait for ms milliseconds: 0, or -ERESTARTSYS. */
int stream_sleep(struct process *p, int ms);

/*
 * Around a call to the host that may raise SIGPIPE or SIGXFSZ, which would end the VMM: they
 * are the payload's. whole: it did all that it should, so there can't be any.
 */
struct guard {
	sigset_t set, old;
};
void guard_begin(struct guard *g);
void guard_end(struct process *p, struct guard *g, bool whole);

/*
 * writev(2), at pos unless that is -1, with flags of pwritev2(2) - but SIGPIPE and SIGXFSZ,
 * which come with EPIPE and EFBIG and would end the VMM, are the payload's: see
 * signal_send().
 */
int64_t write_guarded(struct process *p, int fd, const struct chunk *c, off_t pos,
		      int flags);

#endif
