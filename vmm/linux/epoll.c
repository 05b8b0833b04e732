/* SPDX-License-Identifier: MIT */
/* epoll.c: epoll_create, epoll_ctl, epoll_wait and their kin. See epoll.h. */
#include "vmm/linux/epoll.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/linux/path.h"
#include "vmm/linux/stream.h"
#include "vmm/linux/wait.h"

/* EP_MAX_EVENTS of fs/eventpoll.c */
#define EVENTS_MAX (INT32_MAX / (int)sizeof(struct epoll_event))
/* What one epoll_wait takes from the host at a time, and gives. */
#define BATCH 256
/* What may be registered, for each file that may be open: as fs.epoll.max_user_watches bounds it. */
#define WATCHES_EACH 8

static int64_t do_create(struct process *p, bool cloexec)
{
	const int fd = epoll_create1(EPOLL_CLOEXEC);
	int64_t nr;

	if (fd < 0)
		return -errno;
	nr = install_own(p, fd, 0, O_RDWR, cloexec);
	if (nr >= 0)
		fd_get(&p->files, (unsigned)nr)->epoll = true;
	return nr;
}

int64_t sys_epoll_create(struct process *p, const uint64_t a[6])
{
	return (int)a[0] <= 0 ? -EINVAL : do_create(p, false);
}

int64_t sys_epoll_create1(struct process *p, const uint64_t a[6])
{
	const int flags = (int)a[0];

	return flags & ~EPOLL_CLOEXEC ? -EINVAL : do_create(p, flags);
}

/* ---- What is registered */

static struct watch *find(const struct file *epoll, const struct file *file, unsigned nr)
{
	struct watch *w;

	LIST_FOREACH(w, &epoll->watches, link)
	if (w->file == file && w->nr == nr)
		return w;
	return NULL;
}

/* Whether the host has a file by this number in the epoll: for another number of the payload's. */
static bool is_taken(const struct file *epoll, int fd)
{
	const struct watch *w;

	LIST_FOREACH(w, &epoll->watches, link)
	if (w->fd == fd)
		return true;
	return false;
}

static void insert(struct watch *w)
{
	LIST_INSERT_HEAD(&w->epoll->watches, w, link);
	LIST_INSERT_HEAD(&w->file->watched, w, link_of);
	w->epoll->nr_watches++;
	w->all->nr++;
	w->all->own += w->own;
}

/* It is no longer in the host's epoll. */
static void drop(struct watch *w)
{
	LIST_REMOVE(w, link);
	LIST_REMOVE(w, link_of);
	w->epoll->nr_watches--;
	w->all->nr--;
	w->all->own -= w->own;
	if (w->own)
		close(w->fd);
	free(w);
}

void epoll_forget(struct file *file)
{
	struct watch *w, *next;

	for (w = LIST_FIRST(&file->watched); w; w = next) {
		next = LIST_NEXT(w, link_of);
		epoll_ctl(w->epoll->fd, EPOLL_CTL_DEL, w->fd, NULL);
		drop(w);
	}
	for (w = LIST_FIRST(&file->watches); w; w = next) {
		next = LIST_NEXT(w, link);
		drop(w);
	}
}

/* ---- epoll_ctl */

/* EPOLLWAKEUP takes a capability, without which it is ignored. */
static int host_ctl(int epoll, int op, int fd, const struct epoll_event *event)
{
	struct epoll_event ours = *event;

	ours.events &= ~(uint32_t)EPOLLWAKEUP;
	return epoll_ctl(epoll, op, fd, &ours) ? -errno : 0;
}

/* Whether one more may be registered; own: with a duplicate. */
static bool has_room(const struct watches *all, bool own)
{
	return all->nr < WATCHES_EACH * all->files && (!own || all->own < all->files);
}

/* One that isn't there yet: w->fd is what the host is to know it by. */
static int ctl_new(struct watch *w, int op, const struct epoll_event *event)
{
	int err;

	w->fd = w->file->fd;
	w->own = is_taken(w->epoll, w->fd);
	if (op == EPOLL_CTL_ADD && !has_room(w->all, w->own))
		return -ENOSPC;
	if (w->own)
		w->fd = fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
	if (w->fd < 0)
		return -ENOMEM;
	err = host_ctl(w->epoll->fd, op, w->fd, event);
	if (err && w->own)
		close(w->fd);
	return err;
}

static int add(const struct watch *new, int op, const struct epoll_event *event)
{
	struct watch *w = malloc(sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	*w = *new;
	err = ctl_new(w, op, event);
	if (err)
		free(w);
	else
		insert(w);
	return err;
}

/* do_epoll_ctl(). The host's checks the rest, in its order. */
int64_t sys_epoll_ctl(struct process *p, const uint64_t a[6])
{
	struct watch new = { .nr = (unsigned)a[2], .all = &p->files.watches }, *w;
	struct epoll_event event = { 0 };
	const int op = (int)a[1];
	int err;

	if (op != EPOLL_CTL_DEL && mm_copy_from(p->mm, &event, a[3], sizeof(event)))
		return -EFAULT;
	new.epoll = fd_get(&p->files, (unsigned)a[0]);
	new.file = fd_get(&p->files, new.nr);
	if (!new.epoll || !new.file)
		return -EBADF;
	if (!new.epoll->epoll) /* nor is an embedder's the payload's: it can't be polled, or... */
		return host_ctl(new.file->fd, op, new.file->fd, &event);
	w = find(new.epoll, new.file, new.nr);
	if (!w) /* success is that of EPOLL_CTL_ADD */
		return add(&new, op, &event);
	err = host_ctl(new.epoll->fd, op, w->fd, &event);
	if (!err && op == EPOLL_CTL_DEL)
		drop(w);
	return err;
}

/* ---- epoll_wait */

/* How many of nr events the payload's memory has room for. More aren't taken, so none is lost. */
static int room_for(struct process *p, gva_t gva, int nr)
{
	const uint64_t size = sizeof(struct epoll_event);
	struct iovec pages[BATCH * sizeof(struct epoll_event) / PAGE_SIZE + 2];
	int used;
	const long room = mm_iovec(p->mm, gva, (uint64_t)nr * size, MV_WRITE, pages,
				   sizeof(pages) / sizeof(*pages), &used);

	return room < 0 ? 0 : (int)((uint64_t)room / size);
}

/* What is there now: ep_send_events(). */
static int64_t take_events(struct process *p, const struct file *file, gva_t gva, int max)
{
	struct epoll_event events[BATCH];
	struct pollfd ready = { .fd = file->fd, .events = POLLIN };
	int n;

	if (poll(&ready, 1, 0) <= 0)
		return 0;
	if ((unsigned)max > file->nr_watches)
		max = (int)file->nr_watches;
	max = room_for(p, gva, max < BATCH ? max : BATCH);
	if (!max)
		return -EFAULT;
	n = epoll_wait(file->fd, events, max, 0);
	if (n < 0)
		return -errno;
	return mm_copy_to(p->mm, gva, events, (uint64_t)n * sizeof(*events)) ? -EFAULT : n;
}

/* ep_poll() */
static int64_t wait_events(struct process *p, const struct file *file, gva_t gva, int max,
			   int64_t until)
{
	struct pollfd fds[2] = { [1] = { .fd = file->fd, .events = POLLIN } };
	int64_t n;

	for (;;) {
		n = take_events(p, file, gva, max);
		if (n || !until)
			return n;
		n = stream_poll(p, fds, 2, until);
		if (n <= 0)
			return n;
	}
}

/* ep_check_params() */
static int check_wait(const struct file *file, gva_t gva, int max)
{
	if (!file)
		return -EBADF;
	if (max <= 0 || max > EVENTS_MAX)
		return -EINVAL;
	if (!access_ok(gva, (uint64_t)max * sizeof(struct epoll_event)))
		return -EFAULT;
	return file->epoll ? 0 : -EINVAL;
}

/* do_epoll_wait(). It ends with EINTR whatever a handler's action says, and so does poll. */
static int64_t do_wait(struct process *p, const uint64_t a[6], int64_t ns)
{
	const struct file *file = fd_get(&p->files, (unsigned)a[0]);
	const int64_t until = wait_begin(p, ns);
	const int max = (int)a[2];
	const int err = check_wait(file, a[1], max);

	return wait_end(p, err ? err : wait_events(p, file, a[1], max, until), until);
}

int64_t sys_epoll_wait(struct process *p, const uint64_t a[6])
{
	return do_wait(p, a, wait_ms(a[3]));
}

int64_t sys_epoll_pwait(struct process *p, const uint64_t a[6])
{
	const int err = wait_mask(p, a[4], a[5]);

	return err ? wait_end(p, err, 0) : do_wait(p, a, wait_ms(a[3]));
}

int64_t sys_epoll_pwait2(struct process *p, const uint64_t a[6])
{
	struct wait_time time = { .gva = a[3] };
	int err = wait_time(p, &time);

	if (!err)
		err = wait_mask(p, a[4], a[5]);
	return err ? wait_end(p, err, 0) : do_wait(p, a, time.ns);
}
