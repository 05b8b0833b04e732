/* SPDX-License-Identifier: MIT */
/* timerfd.c: timers that are read as files, the host's; fs/timerfd.c. */
#include <errno.h>
#include <fcntl.h>
#include <sys/timerfd.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/path.h"
#include "vmm/linux/sleep.h"

/* 0; -errno: no such clock, or one whose timers wake the machine, CAP_WAKE_ALARM. */
static int check_clock(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

/* The host's never waits, as that of an eventfd: who reads it waits in stream.c. */
int64_t sys_timerfd_create(struct process *p, const uint64_t a[6])
{
	const clockid_t clock = (clockid_t)a[0];
	const int flags = (int)a[1];
	struct file *file;
	int64_t nr;
	int fd, err;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	err = check_clock(clock);
	if (err)
		return err;
	fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	nr = install_own(p, fd, 0, O_RDWR, flags & TFD_CLOEXEC);
	if (nr < 0)
		return nr;
	file = fd_get(&p->files, (unsigned)nr);
	file->timer = true;
	file->most = sizeof(uint64_t);
	file_set_nonblock(file, flags & TFD_NONBLOCK);
	return nr;
}

/* timerfd_fget(): 0, or -errno. */
static int find(const struct process *p, unsigned fd, const struct file **file)
{
	*file = fd_get(&p->files, fd);
	if (!*file)
		return -EBADF;
	return (*file)->timer ? 0 : -EINVAL;
}

int64_t sys_timerfd_settime(struct process *p, const uint64_t a[6])
{
	const int flags = (int)a[1];
	struct itimerspec new, old;
	const struct file *file;
	int err;

	if (mm_copy_from(p->mm, &new, a[2], sizeof(new)))
		return -EFAULT;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) ||
	    !itimerspec_valid(&new))
		return -EINVAL;
	err = find(p, (unsigned)a[0], &file);
	if (err)
		return err;
	if (timerfd_settime(file->fd, flags, &new, &old))
		return -errno;
	return a[3] && mm_copy_to(p->mm, a[3], &old, sizeof(old)) ? -EFAULT : 0;
}

int64_t sys_timerfd_gettime(struct process *p, const uint64_t a[6])
{
	const struct file *file;
	struct itimerspec left;
	int err = find(p, (unsigned)a[0], &file);

	if (err)
		return err;
	if (timerfd_gettime(file->fd, &left))
		return -errno;
	return mm_copy_to(p->mm, a[1], &left, sizeof(left)) ? -EFAULT : 0;
}
