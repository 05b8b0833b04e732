/* SPDX-License-Identifier: MIT */
/*
 * stream.h: pipes, terminals, sockets and devices behind fds 0-2: what may have to wait.
 * The kick signal, which the thread blocks, must be able to end the wait: so nothing here
 * blocks but poll(2), on the file and on a signalfd together.
 */
#ifndef LINUX_STREAM_H
#define LINUX_STREAM_H

#include "vmm/linux/buffers.h"

/* Bytes, -errno, or -ERESTARTSYS; to a payload as read(2) and write(2) on such a file. */
int64_t stream_read(struct process *p, struct file *file, struct buffers *b);
int64_t stream_write(struct process *p, struct file *file, struct buffers *b);

/* -ERESTARTSYS: the kick has come; 0: it hasn't; -errno: it can't be told. */
int stream_interrupted(struct process *p);

/* Wait until fd (-1: none) can be read: 0; or as above, or -errno. */
int stream_wait(struct process *p, int fd);

/*
 * writev(2), at pos unless that is -1, with flags of pwritev2(2) - but SIGPIPE and SIGXFSZ,
 * which come with EPIPE and EFBIG and would end the VMM, are the payload's: see
 * signal_send().
 */
int64_t write_guarded(struct process *p, int fd, const struct chunk *c, off_t pos,
		      int flags);

#endif
