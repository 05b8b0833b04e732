/* SPDX-License-Identifier: MIT */
/* stream.c: reading and writing what may have to wait. */
#include "vmm/linux/stream.h"
#include "vmm/linux/output.h"
#include "vmm/linux/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
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

int64_t stream_left(int64_t deadline)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = deadline - (now.tv_sec * 1000000000ll + now.tv_nsec);
	return left > 0 ? left : 0;
}

int stream_poll(struct process *p, struct pollfd *fds, unsigned nr, int64_t deadline)
{
	struct timespec ts;
	bool pending;
	int64_t ns;
	int n;

	fds[0] = (struct pollfd){ .fd = wake_fd(p), .events = POLLIN };
	if (fds[0].fd < -1)
		return fds[0].fd;
	/* one is there to be delivered already; but what is ready comes first, as in do_poll() */
	pending = deadline && signal_pending(&p->signals);
	if (pending)
		deadline = 0;
	/* other signals are the embedder's: for the payload they didn't happen */
	do {
		ns = deadline < 0 ? 0 : stream_left(deadline);
		ts = (struct timespec){ ns / 1000000000, ns % 1000000000 };
		n = ppoll(fds, nr, deadline < 0 ? NULL : &ts, NULL);
	} while (n < 0 && errno == EINTR);
	vdso_stale(&p->vdso);
	if (n < 0)
		return -errno;
	return fds[0].revents || (pending && !n) ? -ERESTARTSYS : n;
}

/* Wait for fd (-1: none) to be ready, or a deadline: 0. -ERESTARTSYS: the kick came first. */
static int wait_ready(struct process *p, int fd, short events, int64_t deadline)
{
	struct pollfd fds[2] = { [1] = { .fd = fd, .events = events } };
	const int n = stream_poll(p, fds, 2, deadline);

	return n < 0 ? n : 0;
}

int64_t stream_deadline(int64_t ns)
{
	struct timespec now;
	int64_t at;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (__builtin_add_overflow(now.tv_sec * 1000000000ll + now.tv_nsec, ns, &at))
		return INT64_MAX;
	return at;
}

int stream_sleep(struct process *p, int ms)
{
	return wait_ready(p, -1, 0, stream_deadline(ms * 1000000ll));
}

int stream_interrupted(struct process *p)
{
	return wait_ready(p, -1, 0, 0);
}

/* No file is needed for it, as the payload may have used up all. */
static bool is_kicked(const struct process *p)
{
	sigset_t set;

	return p->kick_signal && !sigpending(&set) && sigismember(&set, p->kick_signal) > 0;
}

bool stream_cut(struct process *p, int64_t done, int64_t n, bool any)
{
	if (done / (int64_t)CHUNK_MAX == (done - n) / (int64_t)CHUNK_MAX || !is_kicked(p))
		return false;
	if (p->is_over && p->is_over(p->run))
		return true;
	signals_collect(p);
	return any ? signal_pending(&p->signals) : signal_ends(p);
}

int stream_wait_fd(struct process *p, int fd)
{
	return wait_ready(p, fd, POLLIN, -1);
}

/* Whether its users wait for it; others than the payload may have said that nobody shall. */
static bool waits(const struct file *file)
{
	return file->nonblock == NONBLOCK_NO || (file->nonblock == NONBLOCK_HOST &&
						 !(fcntl(file->fd, F_GETFL) & O_NONBLOCK));
}

int stream_wait(struct process *p, const struct file *file, short events)
{
	return waits(file) ? wait_ready(p, file->io_fd, events, -1) : -EAGAIN;
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

/* Wait for more to read: 1; 0: it is too late; or as stream_wait(). */
static int wait_for_more(struct process *p, const struct file *file, int64_t deadline)
{
	struct pollfd fds[2] = { [1] = { .fd = file->io_fd, .events = POLLIN } };
	const int n = waits(file) ? stream_poll(p, fds, 2, deadline) : -EAGAIN;

	return n > 0 ? 1 : n;
}

/*
 * n_tty_poll() tells of VMIN bytes, not fewer: they are left where they are until there are enough.
 * 0: read them; or as stream_wait().
 */
static int gather(struct process *p, const struct file *file, const struct pace *pace)
{
	int there = 0, n = 0;

	if (pace->least == 1 || pace->next_ns >= 0)
		return 0;
	while (!n && !ioctl(file->fd, FIONREAD, &there) && (uint64_t)there < pace->least)
		n = wait_for_more(p, file, stream_deadline(RETRY_MS * NSEC_PER_MSEC));
	return n < 0 && !there ? n : 0;
}

static int64_t after(int64_t ns)
{
	return ns < 0 ? -1 : stream_deadline(ns);
}

/*
 * How many bytes a read comes to, of `most`: memory for more of them would be made that Linux doesn't touch. 0: it is
 * not known, or there are none.
 */
static uint64_t bytes_there(const struct file *file, uint64_t most)
{
	int n;

	if (file->most > 0 && most < (uint64_t)file->most)
		return most; /* too few to be answered at all */
	if (file->most >= 0)
		return is_ready(file, POLLIN) ? min_u64(most, (uint64_t)file->most) : 0;
	if (ioctl(file->io_fd, FIONREAD, &n)) /* no end: /dev/zero, /dev/urandom */
		return most;
	return n > 0 ? min_u64(most, (uint64_t)n) : 0;
}

/* So many are there, and no more memory than for these is made. */
static int64_t read_there(struct process *p, const struct file *file, struct buffers *b,
			  uint64_t there, struct chunk *c)
{
	const uint64_t left = b->left;

	b->left = there < CHUNK_MAX ? there : left;
	buffers_chunk(p, b, MV_WRITE, there, c);
	b->left = left;
	return read_once(file, c);
}

/* There was nothing: that is the end, or a byte has come since, or -EAGAIN. */
static int64_t read_end(struct process *p, const struct file *file, const struct buffers *b)
{
	struct chunk c = { .nr = 1, .len = 1 };
	char byte;
	int64_t n;

	if (!is_ready(file, POLLIN))
		return -EAGAIN;
	c.vec[0] = (struct iovec){ &byte, 1 };
	n = read_once(file, &c);
	if (n > 0 && mm_copy_to(p->mm, (gva_t)b->vec[b->at].iov_base, &byte, 1))
		return -EFAULT;
	return n;
}

int64_t stream_read(struct process *p, struct file *file, struct buffers *b)
{
	const struct pace pace = terminal_pace(file, b->left);
	int64_t done = 0, n = gather(p, file, &pace), deadline = after(pace.first_ns);
	uint64_t most, there;
	struct chunk c;

	if (n)
		return n;
	while (b->left) {
		most = min_u64(b->left, CHUNK_MAX);
		there = bytes_there(file, most);
		n = there ? read_there(p, file, b, there, &c) : read_end(p, file, b);
		if (give_up_nowait(file, n) || n == -EINTR)
			continue;
		if (n == -EAGAIN && (uint64_t)done < pace.least) {
			n = wait_for_more(p, file, deadline);
			if (n > 0)
				continue;
		}
		if (n <= 0)
			break;
		done += n;
		buffers_advance(b, (uint64_t)n);
		if (file->messages || ((uint64_t)n < most && (uint64_t)done >= pace.least))
			break;
		if (stream_cut(p, done, n, true))
			break;
		deadline = after(pace.next_ns);
	}
	return done ? done : n;
}

void guard_begin(struct guard *g)
{
	sigemptyset(&g->set);
	sigaddset(&g->set, SIGPIPE);
	sigaddset(&g->set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &g->set, &g->old);
}

void guard_end(struct process *p, struct guard *g, bool whole)
{
	static const struct timespec now = { 0, 0 };
	int sig = whole ? 0 : sigtimedwait(&g->set, NULL, &now);

	pthread_sigmask(SIG_SETMASK, &g->old, NULL);
	if (sig > 0)
		signal_send(p, sig, SI_USER);
}

int64_t write_guarded(struct process *p, int fd, const struct chunk *c, off_t pos,
		      int flags)
{
	struct guard g;
	int64_t n;

	guard_begin(&g);
	n = pwritev2(fd, c->vec, c->nr, pos, flags);
	if (n < 0)
		n = -errno;
	/* a write to a pipe may be short and signal, too */
	guard_end(p, &g, n >= 0 && (uint64_t)n == c->len);
	return n;
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
	uint64_t room;
	struct chunk c;

	if (!b->left && !file->messages) /* a message may be empty */
		return 0;
	do {
		room = output_room(p, file, min_u64(b->left, write_max(file)));
		if (b->left && !room)
			break;
		buffers_chunk(p, b, MV_READ, room, &c);
		if (file->messages && c.len < b->left)
			return -EMSGSIZE;
		n = write_once(p, file, &c);
		output_done(p, file, n);
		if (give_up_nowait(file, n) || n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			n = stream_wait(p, file, POLLOUT);
			if (!n)
				continue;
		}
		if (n <= 0)
			break;
		done += n;
		buffers_advance(b, (uint64_t)n);
	} while (b->left && !stream_cut(p, done, n, true));
	return done ? done : n;
}
