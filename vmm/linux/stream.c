/* SPDX-License-Identifier: MIT */
/* stream.c: reading and writing what may have to wait. */
#include "vmm/linux/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

/*
 * A file descriptor that is readable as long as the kick is pending for this thread; -1:
 * there is no kick to wait for. Or -errno.
 */
static int wake_fd(struct process *p)
{
	sigset_t set;

	if (p->wake_fd < 0 && p->kick_signal) {
		sigemptyset(&set);
		sigaddset(&set, p->kick_signal);
		p->wake_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
		if (p->wake_fd < 0)
			return -errno;
	}
	return p->wake_fd;
}

/* Wait for fd (-1: none) to be ready, or timeout: 0. -ERESTARTSYS: the kick came first, or a
 * signal is there to be delivered already. */
static int wait_ready(struct process *p, int fd, short events, int timeout)
{
	int wake = wake_fd(p), n;
	struct pollfd fds[2] = { { .fd = wake, .events = POLLIN },
				 { .fd = fd, .events = events } };

	if (wake < -1)
		return wake;
	if (timeout && signal_pending(&p->signals))
		return -ERESTARTSYS;
	/* other signals are the embedder's: for the payload they didn't happen */
	do
		n = poll(fds, 2, timeout);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return fds[0].revents ? -ERESTARTSYS : 0;
}

int stream_interrupted(struct process *p)
{
	return wait_ready(p, -1, 0, 0);
}

int stream_wait(struct process *p, int fd)
{
	return wait_ready(p, fd, POLLIN, -1);
}

/* It isn't ready. Wait - but its other users may have said that nobody shall: -EAGAIN. */
static int wait_unless_nonblock(struct process *p, const struct file *file, short events)
{
	if (fcntl(file->fd, F_GETFL) & O_NONBLOCK)
		return -EAGAIN;
	return wait_ready(p, file->io_fd, events, -1);
}

static bool is_ready(const struct file *file, short events)
{
	struct pollfd fd = { .fd = file->fd, .events = events };

	return poll(&fd, 1, 0) > 0;
}

/* Whether RWF_NOWAIT is what makes it not wait. */
static bool uses_nowait(const struct file *file)
{
	return file->kind == FILE_STREAM && file->io_fd == file->fd && !file->no_nowait;
}

/* RWF_NOWAIT was refused: go on without it. False: it wasn't that. */
static bool give_up_nowait(struct file *file, int64_t err)
{
	if (err != -EOPNOTSUPP || !uses_nowait(file))
		return false;
	file->no_nowait = true;
	return true;
}

static struct msghdr message(struct chunk *c)
{
	return (struct msghdr){ .msg_iov = c->vec, .msg_iovlen = (size_t)c->nr };
}

/* Read without waiting: bytes, 0 at the end, -EAGAIN. */
static int64_t read_once(const struct file *file, struct chunk *c)
{
	struct msghdr msg = message(c);
	ssize_t n;

	if (file->kind == FILE_SOCKET)
		n = recvmsg(file->fd, &msg, MSG_DONTWAIT);
	else if (file->io_fd != file->fd)
		n = readv(file->io_fd, c->vec, c->nr);
	else if (uses_nowait(file))
		n = preadv2(file->fd, c->vec, c->nr, -1, RWF_NOWAIT);
	else if (is_ready(file, POLLIN))
		n = readv(file->fd, c->vec, c->nr);
	else
		return -EAGAIN;
	return n < 0 ? -errno : n;
}

int64_t stream_read(struct process *p, struct file *file, struct buffers *b)
{
	int64_t done = 0, n = 0;
	struct chunk c;

	while (b->left) {
		buffers_chunk(p, b, MV_WRITE, CHUNK_MAX, &c);
		n = read_once(file, &c);
		if (give_up_nowait(file, n) || n == -EINTR)
			continue;
		if (n == -EAGAIN && !done) {
			n = wait_unless_nonblock(p, file, POLLIN);
			if (!n)
				continue;
		}
		if (n <= 0)
			break;
		done += n;
		buffers_advance(b, (uint64_t)n);
		if ((uint64_t)n < c.len || file->messages)
			break;
	}
	return done ? done : n;
}

int64_t write_guarded(struct process *p, int fd, const struct chunk *c, off_t pos,
		      int flags)
{
	static const struct timespec now = { 0, 0 };
	sigset_t set, old;
	int err, sig = 0;
	ssize_t n;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	n = pwritev2(fd, c->vec, c->nr, pos, flags);
	err = errno;
	/* a write to a pipe may be short and signal, too */
	if (n < 0 || (uint64_t)n < c->len)
		sig = sigtimedwait(&set, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (sig > 0)
		signal_send(p, sig, SI_USER);
	return n < 0 ? -err : n;
}

/* Write without waiting: bytes, or -EAGAIN. */
static int64_t write_once(struct process *p, const struct file *file, struct chunk *c)
{
	struct msghdr msg = message(c);
	ssize_t n;

	if (file->kind == FILE_SOCKET) {
		n = sendmsg(file->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0 || errno != EPIPE)
			return n < 0 ? -errno : n;
		signal_send(p, SIGPIPE, SI_USER);
		return -EPIPE;
	}
	if (file->io_fd != file->fd)
		return write_guarded(p, file->io_fd, c, -1, 0);
	if (uses_nowait(file))
		return write_guarded(p, file->fd, c, -1, RWF_NOWAIT);
	return is_ready(file, POLLOUT) ? write_guarded(p, file->fd, c, -1, 0) : -EAGAIN;
}

/*
 * As much as one write may carry. If the call could block, PIPE_BUF: poll(2) says that a
 * pipe has room for that; unless another process takes it in between.
 */
static uint64_t write_max(const struct file *file)
{
	return file->kind == FILE_STREAM && file->no_nowait ? PIPE_BUF : CHUNK_MAX;
}

int64_t stream_write(struct process *p, struct file *file, struct buffers *b)
{
	int64_t done = 0, n = 0;
	struct chunk c;

	if (!b->left && !file->messages) /* a message may be empty */
		return 0;
	do {
		buffers_chunk(p, b, MV_READ, write_max(file), &c);
		if (file->messages && c.len < b->left)
			return -EMSGSIZE;
		n = write_once(p, file, &c);
		if (give_up_nowait(file, n) || n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			n = wait_unless_nonblock(p, file, POLLOUT);
			if (!n)
				continue;
		}
		if (n <= 0)
			break;
		done += n;
		buffers_advance(b, (uint64_t)n);
	} while (b->left);
	return done ? done : n;
}
