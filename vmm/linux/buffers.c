/* SPDX-License-Identifier: MIT */
/* buffers.c: from the payload's buffers to iovecs that the host can use. */
#include "vmm/linux/buffers.h"

#include <errno.h>

int buffers_single(struct buffers *b, gva_t gva, uint64_t len)
{
	if (!access_ok(gva, len))
		return -EFAULT;
	b->left = min_u64(len, MAX_RW_COUNT);
	b->vec[0] = (struct iovec){ (void *)gva, b->left };
	b->at = 0;
	b->nr = 1;
	return 0;
}

int buffers_import(struct process *p, struct buffers *b, gva_t vec, uint64_t count)
{
	uint64_t size = count * sizeof(*b->vec), missing;

	b->at = 0;
	b->nr = 0;
	b->left = 0;
	if (count > IOV_COUNT_MAX)
		return -EINVAL;
	missing = mm_copy_from(p->mm, b->vec, vec, size);
	for (uint64_t i = 0; i < (size - missing) / sizeof(*b->vec); i++)
		if ((ssize_t)b->vec[i].iov_len < 0)
			return -EINVAL;
	if (missing)
		return -EFAULT;
	for (; b->nr < count; b->nr++) {
		struct iovec *v = &b->vec[b->nr];

		if (count == 1) /* import_ubuf() cuts first, checks then */
			v->iov_len = min_u64(v->iov_len, MAX_RW_COUNT);
		if (!access_ok((gva_t)v->iov_base, v->iov_len))
			return -EFAULT;
		v->iov_len = min_u64(v->iov_len, MAX_RW_COUNT - b->left);
		b->left += v->iov_len;
	}
	return 0;
}

void buffers_advance(struct buffers *b, uint64_t n)
{
	b->left -= n;
	while (n) {
		struct iovec *v = &b->vec[b->at];
		uint64_t part = min_u64(n, v->iov_len);

		v->iov_base = (void *)((gva_t)v->iov_base + part); /* a gva: 0 may be one */
		v->iov_len -= part;
		n -= part;
		if (!v->iov_len)
			b->at++;
	}
}

/* Add [gva, gva + len) to the chunk. False: it is full, or the rest can't be accessed. */
static bool add_range(struct process *p, struct chunk *c, gva_t gva, uint64_t len,
		      unsigned access)
{
	while (len && c->nr < IOV_COUNT_MAX) {
		int nr;
		long got = mm_iovec(p->mm, gva, len, access, c->vec + c->nr,
				    IOV_COUNT_MAX - c->nr, &nr);

		if (got <= 0)
			return false;
		c->nr += nr;
		c->len += (uint64_t)got;
		gva += (uint64_t)got;
		len -= (uint64_t)got;
	}
	return !len;
}

void buffers_chunk(struct process *p, const struct buffers *b, unsigned access,
		   uint64_t max, struct chunk *c)
{
	/* what stays for later is whole pages, if it can: how a pipe packs it depends on that */
	const uint64_t over = (max - b->left) & ~PAGE_MASK;
	const uint64_t want = b->left <= max ? b->left : over < max ? max - over : max;

	c->nr = 0;
	c->len = 0;
	for (unsigned i = b->at; c->len < want; i++) {
		const struct iovec *v = &b->vec[i];

		if (!add_range(p, c, (gva_t)v->iov_base, min_u64(v->iov_len, want - c->len),
			       access))
			break;
	}
	if (c->len < want && c->nr < IOV_COUNT_MAX) {
		/* at 0, no process has memory: mmap_min_addr */
		c->vec[c->nr++] = (struct iovec){ NULL, want - c->len };
		c->len = want;
	}
}
