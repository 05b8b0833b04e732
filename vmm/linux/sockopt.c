/* SPDX-License-Identifier: MIT */
/*
 * sockopt.c: options of socketpairs: net/core/sock.c. The host's sockets keep them; those that would make the
 * host do anything but that aren't there.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "vmm/linux/pair.h"
#include "vmm/linux/wait.h"

/* What a buffer can be set to: net.core.wmem_max and rmem_max, as they are by default. */
#define BUFFER_MOST 212992

/* What an option holds. */
union value {
	int number;
	struct timeval time;
	struct linger linger;
	struct ucred peer;
};

/* One that can be asked for. */
struct option {
	int name;
	unsigned size; /* of its value */
	bool settable;
};

static const struct option *find(int name)
{
	static const struct option options[] = {
		{ SO_TYPE, sizeof(int), false },
		{ SO_DOMAIN, sizeof(int), false },
		{ SO_PROTOCOL, sizeof(int), false },
		{ SO_ERROR, sizeof(int), false },
		{ SO_ACCEPTCONN, sizeof(int), false },
		{ SO_PEERCRED, sizeof(struct ucred), false },
		{ SO_DEBUG, sizeof(int), false },
		{ SO_REUSEPORT, sizeof(int), false },
		{ SO_PRIORITY, sizeof(int), false },
		{ SO_PASSCRED, sizeof(int), false },
		{ SO_RCVLOWAT, sizeof(int), false },
		{ SO_SNDLOWAT, sizeof(int), false },
		{ SO_TIMESTAMP, sizeof(int), false },
		{ SO_SNDBUF, sizeof(int), true },
		{ SO_RCVBUF, sizeof(int), true },
		{ SO_REUSEADDR, sizeof(int), true },
		{ SO_DONTROUTE, sizeof(int), true },
		{ SO_BROADCAST, sizeof(int), true },
		{ SO_KEEPALIVE, sizeof(int), true },
		{ SO_LINGER, sizeof(struct linger), true },
		{ SO_RCVTIMEO, sizeof(struct timeval), true },
		{ SO_SNDTIMEO, sizeof(struct timeval), true },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (options[i].name == name)
			return &options[i];
	return NULL;
}

/* ---- getsockopt */

/* Both ends are the payload's: init_peercred(). */
static int ask(const struct process *p, const struct file *file, int name,
	       union value *value, socklen_t *size)
{
	if (getsockopt(file->fd, SOL_SOCKET, name, value, size))
		return -errno;
	if (name == SO_PEERCRED)
		value->peer = (struct ucred){ PAYLOAD_PID, p->ids.uid.effective,
					      p->ids.gid.effective };
	return 0;
}

/* sk_getsockopt() */
static int64_t get(struct process *p, const struct file *file, int name, gva_t to,
		   gva_t size_at)
{
	union value value;
	socklen_t size = sizeof(value);
	int len, err;

	if (mm_copy_from(p->mm, &len, size_at, sizeof(len)))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	err = find(name) ? ask(p, file, name, &value, &size) : -ENOPROTOOPT;
	if (err)
		return err;
	size = (socklen_t)min_u64(size, (uint64_t)len);
	if (mm_copy_to(p->mm, to, &value, size) ||
	    mm_copy_to(p->mm, size_at, &size, sizeof(size)))
		return -EFAULT;
	return 0;
}

int64_t sys_getsockopt(struct process *p, const uint64_t a[6])
{
	struct file *file;
	const int err = pair_find(p, a[0], &file);

	if (err)
		return err;
	return (int)a[1] == SOL_SOCKET ? get(p, file, (int)a[2], a[3], a[4]) : -EOPNOTSUPP;
}

/* ---- setsockopt */

static int tell(const struct file *file, int name, const void *value, socklen_t size)
{
	return setsockopt(file->fd, SOL_SOCKET, name, value, size) ? -errno : 0;
}

/* Less is less from now on, but what was sent before is there. */
static int charge(struct process *p, struct file *file)
{
	const uint64_t pages = pair_pages(file->fd);

	if (!file->other || pages <= file->charged)
		return 0;
	if (mm_charge(p->mm, pages - file->charged))
		return -ENOBUFS;
	file->charged = pages;
	return 0;
}

/* Too many are as many as can be; less than 0, too: both are unsigned in the kernel. */
static int64_t set_buffer(struct process *p, struct file *file, int name, int size)
{
	int old = 0, err;
	socklen_t len = sizeof(old);

	if ((unsigned)size > BUFFER_MOST)
		size = BUFFER_MOST;
	getsockopt(file->fd, SOL_SOCKET, name, &old, &len);
	err = tell(file, name, &size, sizeof(size));
	if (err || name != SO_SNDBUF)
		return err;
	err = charge(p, file);
	old /= 2; /* the kernel doubles what it is told */
	if (err)
		tell(file, name, &old, sizeof(old));
	return err;
}

/*
 * sock_set_timeout(). The host counts in ticks, which is how long the payload waits then. Less than 0 is not to wait,
 * and shown as 0, which is for ever.
 */
static int64_t set_timeout(struct file *file, int name, struct timeval *time)
{
	int64_t *ns = name == SO_RCVTIMEO ? &file->receive_ns : &file->send_ns;
	const bool none = time->tv_sec < 0;
	socklen_t len = sizeof(*time);
	int err;

	if (none)
		time->tv_sec = 0;
	if (none && time->tv_usec >= 0 && time->tv_usec < 1000000)
		time->tv_usec = 0;
	err = tell(file, name, time, sizeof(*time));
	if (err)
		return err;
	getsockopt(file->fd, SOL_SOCKET, name, time, &len);
	if (time->tv_sec >= INT64_MAX / NSEC_PER_SEC) /* centuries */
		*ns = 0;
	else
		*ns = none ? 1 : time->tv_sec * NSEC_PER_SEC + time->tv_usec * 1000;
	return 0;
}

/* sk_setsockopt(): a number is read before it is known what is set. */
static int64_t set(struct process *p, struct file *file, int name, gva_t from, int len)
{
	const struct option *o = find(name);
	union value value;

	if (len < (int)sizeof(int))
		return -EINVAL;
	if (mm_copy_from(p->mm, &value, from, sizeof(int)))
		return -EFAULT;
	if (!o || !o->settable)
		return -ENOPROTOOPT;
	if ((unsigned)len < o->size)
		return -EINVAL;
	if (mm_copy_from(p->mm, &value, from, o->size))
		return -EFAULT;
	switch (name) {
	case SO_SNDBUF:
	case SO_RCVBUF:
		return set_buffer(p, file, name, value.number);
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		return set_timeout(file, name, &value.time);
	default:
		return tell(file, name, &value, o->size);
	}
}

int64_t sys_setsockopt(struct process *p, const uint64_t a[6])
{
	struct file *file;
	const int err = pair_find(p, a[0], &file);

	if (err)
		return err;
	if ((int)a[4] < 0)
		return -EINVAL;
	return (int)a[1] == SOL_SOCKET ? set(p, file, (int)a[2], a[3], (int)a[4])
				       : -EOPNOTSUPP;
}
