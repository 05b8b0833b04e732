/* SPDX-License-Identifier: MIT */
/* random.c: getrandom: the host's own, written in place. */
#include <errno.h>
#include <sys/random.h>

#include "vmm/linux/buffers.h"
#include "vmm/linux/stream.h"

/* Fill one chunk. Bytes, fewer where memory ended; or -errno. */
static int64_t fill(const struct chunk *c, unsigned flags)
{
	int64_t done = 0;

	for (int i = 0; i < c->nr; i++) {
		char *at = c->vec[i].iov_base;
		size_t left = c->vec[i].iov_len;

		while (left) {
			ssize_t n = getrandom(at, left, flags);

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return done ? done : -errno;
			at += n;
			left -= (size_t)n;
			done += n;
		}
	}
	return done;
}

int64_t sys_getrandom(struct process *p, const uint64_t a[6])
{
	unsigned flags = (unsigned)a[2];
	int64_t done = 0, n = 0;
	struct buffers b;
	struct chunk c;
	int err;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	err = buffers_single(&b, a[0], min_u64(a[1], MAX_RW_COUNT)); /* import_ubuf() */
	if (err)
		return err;
	while (b.left) {
		buffers_chunk(p, &b, MV_WRITE, CHUNK_MAX, &c);
		n = fill(&c, flags);
		if (n <= 0)
			break;
		done += n;
		buffers_advance(&b, (uint64_t)n);
		/* 2 GiB take seconds; a signal ends them early, as on Linux */
		if ((uint64_t)n < c.len || stream_cut(p, done, n, true))
			break;
	}
	return done ? done : n;
}
