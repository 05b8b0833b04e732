/* SPDX-License-Identifier: MIT */
/*
 * poll.c: waiting for several files: poll and select, as fs/select.c has them. The
 * host's kernel does the waiting; the kick ends it.
 */
#include <errno.h>
#include <string.h>

#include "vmm/linux/stream.h"
#include "vmm/linux/wait.h"

/* What the payload called, and the same for the host, whose first entry is the kick's. */
struct poll_set {
	struct pollfd theirs[FD_MAX];
	struct pollfd ours[FD_MAX + 1];
};

/* A number without a file is ready, with POLLNVAL, as -1 is never. */
static int64_t poll_files(struct process *p, struct poll_set *s, unsigned nr, int64_t until)
{
	unsigned wrong = 0;
	int n;

	for (unsigned i = 0; i < nr; i++) {
		const struct file *file =
			s->theirs[i].fd < 0 ? NULL
					    : fd_get(&p->files, (unsigned)s->theirs[i].fd);

		s->ours[i + 1] = (struct pollfd){ .fd = file ? file->fd : -1,
						  .events = s->theirs[i].events };
		s->theirs[i].revents = s->theirs[i].fd >= 0 && !file ? POLLNVAL : 0;
		wrong += s->theirs[i].revents != 0;
	}
	n = stream_poll(p, s->ours, nr + 1, wrong ? 0 : until);
	if (n < 0)
		return n;
	for (unsigned i = 0; i < nr; i++)
		s->theirs[i].revents |= s->ours[i + 1].revents;
	return n + (int64_t)wrong;
}

static int64_t do_poll(struct process *p, gva_t fds, unsigned nr, int64_t until)
{
	struct poll_set s;
	int64_t n;

	if (nr > p->files.limit)
		return -EINVAL;
	if (mm_copy_from(p->mm, s.theirs, fds, nr * sizeof(*s.theirs)))
		return -EFAULT;
	n = poll_files(p, &s, nr, until);
	for (unsigned i = 0; n >= 0 && i < nr; i++)
		if (mm_copy_to(p->mm,
			       fds + i * sizeof(*s.theirs) +
				       offsetof(struct pollfd, revents),
			       &s.theirs[i].revents, sizeof(s.theirs[i].revents)))
			return -EFAULT;
	return n;
}

int64_t sys_poll(struct process *p, const uint64_t a[6])
{
	const int64_t until = wait_begin(p, wait_ms(a[2]));
	const int64_t n = do_poll(p, a[0], (unsigned)a[1], until);

	return wait_end(p, n, until);
}

/* poll_select_finish(): where it can't be written, nobody is told. */
static void write_time(struct process *p, const struct wait_time *t, int64_t until)
{
	int64_t ns, at[2];

	if (!t->gva)
		return;
	ns = until > 0 ? stream_left(until) : 0;
	at[0] = ns / NSEC_PER_SEC;
	at[1] = ns % NSEC_PER_SEC / (t->micro ? 1000 : 1);
	mm_copy_to(p->mm, t->gva, at, sizeof(at));
}

int64_t sys_ppoll(struct process *p, const uint64_t a[6])
{
	struct wait_time time = { .gva = a[2] };
	int64_t until, n;
	int err = wait_time(p, &time);

	if (!err)
		err = wait_mask(p, a[3], a[4]);
	if (err)
		return wait_end(p, err, 0);
	until = wait_begin(p, time.ns);
	n = do_poll(p, a[0], (unsigned)a[1], until);
	n = wait_end(p, n, until);
	if (n != -ERESTARTNOHAND)
		write_time(p, &time, until);
	return n;
}

/* ---- select */

/* The three sets, in longs, and what poll(2) calls them: POLLIN_SET and so on. */
#define SET_LONGS (FD_MAX / 64)
static const short set_asks[3] = { POLLIN, POLLOUT, POLLPRI };
static const short set_takes[3] = { POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
				    POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR, POLLPRI };

struct sets {
	gva_t gva[3]; /* 0: none */
	uint64_t bits[3][SET_LONGS];
	uint64_t size; /* bytes of each */
};

static int read_sets(struct process *p, struct sets *s, int nr)
{
	memset(s->bits, 0, sizeof(s->bits));
	s->size = ((uint64_t)nr + 63) / 64 * 8;
	for (int i = 0; i < 3; i++)
		if (s->gva[i] && mm_copy_from(p->mm, s->bits[i], s->gva[i], s->size))
			return -EFAULT;
	return 0;
}

static bool has_bit(const struct sets *s, int set, unsigned fd)
{
	return s->bits[set][fd / 64] >> fd % 64 & 1;
}

/* max_select_fd(): a number without a file is an error here. How many entries. */
static int sets_to_poll(struct process *p, const struct sets *s, unsigned nr,
			struct poll_set *poll)
{
	int n = 0;

	for (unsigned fd = 0; fd < nr; fd++) {
		short events = 0;

		for (int i = 0; i < 3; i++)
			events |= has_bit(s, i, fd) ? set_asks[i] : 0;
		if (!events)
			continue;
		if (!fd_get(&p->files, fd))
			return -EBADF;
		poll->theirs[n++] = (struct pollfd){ .fd = (int)fd, .events = events };
	}
	return n;
}

static int64_t poll_to_sets(struct process *p, struct sets *s, const struct poll_set *poll,
			    unsigned nr)
{
	int64_t found = 0;

	for (unsigned i = 0; i < nr; i++) {
		const unsigned fd = (unsigned)poll->theirs[i].fd;

		for (int set = 0; set < 3; set++) {
			const uint64_t bit = 1ull << fd % 64;

			if (!(s->bits[set][fd / 64] & bit))
				continue;
			if (poll->theirs[i].revents & set_takes[set])
				found++;
			else
				s->bits[set][fd / 64] &= ~bit;
		}
	}
	for (int set = 0; set < 3; set++)
		if (s->gva[set] && mm_copy_to(p->mm, s->gva[set], s->bits[set], s->size))
			return -EFAULT;
	return found;
}

/* core_sys_select() */
static int64_t do_select(struct process *p, int nr, struct sets *s, int64_t until)
{
	struct poll_set poll;
	int64_t n;
	int err, used;

	if (nr < 0)
		return -EINVAL;
	nr = nr < (int)FD_MAX ? nr : (int)FD_MAX;
	err = read_sets(p, s, nr);
	if (err)
		return err;
	used = sets_to_poll(p, s, (unsigned)nr, &poll);
	if (used < 0)
		return used;
	n = poll_files(p, &poll, (unsigned)used, until);
	return n < 0 ? n : poll_to_sets(p, s, &poll, (unsigned)used);
}

static int64_t timed_select(struct process *p, const uint64_t a[6],
			    const struct wait_time *time)
{
	struct sets s = { .gva = { a[1], a[2], a[3] } };
	const int64_t until = wait_begin(p, time->ns);
	int64_t n = do_select(p, (int)a[0], &s, until);

	n = wait_end(p, n, until);
	if (n != -ERESTARTNOHAND)
		write_time(p, time, until);
	return n;
}

int64_t sys_select(struct process *p, const uint64_t a[6])
{
	struct wait_time time = { .gva = a[4], .micro = true };
	const int err = wait_time(p, &time);

	return err ? err : timed_select(p, a, &time);
}

int64_t sys_pselect6(struct process *p, const uint64_t a[6])
{
	struct wait_time time = { .gva = a[4] };
	uint64_t mask[2] = { 0, 0 }; /* its address and size */
	int err;

	if (a[5] && mm_copy_from(p->mm, mask, a[5], sizeof(mask)))
		return wait_end(p, -EFAULT, 0);
	err = wait_time(p, &time);
	if (!err)
		err = wait_mask(p, mask[0], mask[1]);
	return err ? wait_end(p, err, 0) : timed_select(p, a, &time);
}
