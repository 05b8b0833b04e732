/* SPDX-License-Identifier: MIT */
/* rw.c: the read and write family, in the order of checks of fs/read_write.c. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/linux/buffers.h"
#include "vmm/linux/output.h"
#include "vmm/linux/pair.h"
#include "vmm/linux/stream.h"

static struct file *readable_file(struct process *p, uint64_t fd)
{
	struct file *file = fd_get(&p->files, (unsigned)fd);

	return file && file->readable ? file : NULL;
}

static struct file *writable_file(struct process *p, uint64_t fd)
{
	struct file *file = fd_get(&p->files, (unsigned)fd);

	return file && file->writable ? file : NULL;
}

/* A read of no bytes may fail, too, but readv(2) doesn't ask the file. */
static int64_t read_nothing(const struct file *file, off_t pos)
{
	ssize_t n = pos == POS_CURRENT ? read(file->fd, NULL, 0)
				       : pread(file->fd, NULL, 0, pos);

	return n < 0 ? -errno : n;
}

/*
 * Bytes that a read can come to: memory behind them must not be touched, which mincore and
 * the VMAs would tell. Files without a size (of debugfs, say) may have any.
 */
static uint64_t readable_bytes(const struct file *file, off_t pos, uint64_t want)
{
	struct stat st;

	if (fstat(file->fd, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return want;
	if (pos == POS_CURRENT)
		pos = lseek(file->fd, 0, SEEK_CUR);
	return pos < st.st_size ? min_u64(want, (uint64_t)(st.st_size - pos)) : 0;
}

/*
 * A regular file that has nothing to read yet. Few can be polled, so it is asked again. 0; or -EAGAIN, where the
 * payload doesn't wait; or -ERESTARTSYS.
 */
static int wait_regular(struct process *p, const struct file *file)
{
	return file->nonblock == NONBLOCK_NO ? stream_sleep(p, RETRY_MS) : -EAGAIN;
}

static bool may_wait(const struct file *file)
{
	return file->kind == FILE_STREAM || file->kind == FILE_SOCKET;
}

/*
 * Regular files are left by no signal that has a handler: signal(7). Devices that are read and written at
 * a position, /dev/urandom say, are.
 */
static bool is_cut(struct process *p, const struct file *file, int64_t done, int64_t n)
{
	return stream_cut(p, done, n, may_wait(file));
}

/* What mostly answers at once. */
static int64_t read_regular(struct process *p, const struct file *file, struct buffers *b,
			    off_t pos, int flags)
{
	int64_t done = 0, n = 0;
	struct chunk c;

	b->left = readable_bytes(file, pos, b->left);
	if (!b->left && !flags)
		return read_nothing(file, pos);
	do {
		buffers_chunk(p, b, MV_WRITE, CHUNK_MAX, &c);
		n = preadv2(file->fd, c.vec, c.nr, pos, flags);
		if (n < 0)
			n = -errno;
		if (n == -EAGAIN && !done && !(flags & RWF_NOWAIT)) {
			n = wait_regular(p, file);
			if (!n)
				continue;
		}
		if (n <= 0)
			break;
		done += n;
		buffers_advance(b, (uint64_t)n);
		if ((uint64_t)n < c.len)
			break;
		if (pos != POS_CURRENT)
			pos += n;
	} while (b->left && !is_cut(p, file, done, n));
	return done ? done : n;
}

/* The chunk's last piece stands for memory that the payload may not access. */
static bool ends_in_hole(const struct chunk *c)
{
	return c->nr && !c->vec[c->nr - 1].iov_base;
}

/* Whether the next byte that is to be written can be read. */
static bool readable_now(struct process *p, const struct buffers *b)
{
	char byte;

	return b->left && !mm_copy_from(p->mm, &byte, (gva_t)b->vec[b->at].iov_base, 1);
}

/* include/uapi/linux/fs.h: what is younger is refused, as a kernel may. */
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#define RWF_SERVED \
	(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND)

/* kiocb_set_rw_flags() */
static bool appends(const struct file *file, int flags)
{
	if (flags & RWF_APPEND)
		return true;
	return !(flags & RWF_NOAPPEND) && file_appends(file);
}

/* generic_write_checks(): what RLIMIT_FSIZE leaves of it. */
static int check_limit(struct process *p, const struct file *file, struct buffers *b,
		       off_t pos, int flags)
{
	if (!b->left || p->limits.of[RLIMIT_FSIZE].cur == RLIM64_INFINITY)
		return 0;
	return limit_write(p, file, pos, appends(file, flags), &b->left);
}

/* A memfd grows by what is written behind its end, and a file of the starter's by what lies between, too. */
static int charge_write(struct process *p, struct file *file, off_t pos, uint64_t len,
			int flags)
{
	off_t at;

	if (!len || (!file->memory && (!file->starters || !p->output.limited)))
		return 0;
	at = file_write_at(file, pos, appends(file, flags));
	if (at < 0)
		return 0; /* a device */
	if (!output_may_grow(p, file, at))
		return -EFBIG;
	return file_charge(file, p->mm, (uint64_t)at + len);
}

static int64_t write_regular(struct process *p, struct file *file, struct buffers *b,
			     off_t pos, int flags)
{
	int64_t done = 0, n = check_limit(p, file, b, pos, flags);
	struct chunk c;
	uint64_t room;
	bool again = false;

	if (!n)
		n = charge_write(p, file, pos, b->left, flags);
	if (n)
		return n;
	while (b->left) {
		room = output_room(p, file, min_u64(b->left, CHUNK_MAX));
		if (!room)
			break;
		buffers_chunk(p, b, MV_READ, room, &c);
		n = write_guarded(p, file->fd, &c, pos, flags);
		output_done(p, file, n);
		if (n > 0) {
			done += n;
			buffers_advance(b, (uint64_t)n);
			pos += pos == POS_CURRENT ? 0 : n;
		}
		/*
		 * Where memory was missing, look once more: it may be the file's, which has
		 * grown up to there by this very write, or up to where it was to begin, which
		 * wrote nothing yet: shmem_write_end(). That is so once.
		 */
		if (n != (int64_t)c.len && (!ends_in_hole(&c) || !readable_now(p, b)))
			break;
		if (n <= 0 && (n != -EFAULT || again))
			break;
		if (n > 0 && is_cut(p, file, done, n))
			break;
		again = n <= 0;
	}
	return done ? done : n;
}

static int64_t do_read(struct process *p, struct file *file, struct buffers *b)
{
	if (file->inotify)
		return inotify_read_events(p, file, b);
	if (is_pair(file)) /* sock_read_iter(): nothing is asked for nothing */
		return b->left ? pair_receive(p, file, b, 0, NULL) : 0;
	return may_wait(file) ? stream_read(p, file, b)
			      : read_regular(p, file, b, POS_CURRENT, 0);
}

static int64_t do_write(struct process *p, struct file *file, struct buffers *b)
{
	if (is_pair(file))
		return pair_send(p, file, b, 0);
	return may_wait(file) ? stream_write(p, file, b)
			      : write_regular(p, file, b, POS_CURRENT, 0);
}

int64_t sys_read(struct process *p, const uint64_t a[6])
{
	struct file *file = readable_file(p, a[0]);
	struct buffers b;
	int err;

	if (!file)
		return -EBADF;
	err = buffers_single(&b, a[1], a[2]);
	return err ? err : do_read(p, file, &b);
}

int64_t sys_write(struct process *p, const uint64_t a[6])
{
	struct file *file = writable_file(p, a[0]);
	struct buffers b;
	int err;

	if (!file)
		return -EBADF;
	err = buffers_single(&b, a[1], a[2]);
	return err ? err : do_write(p, file, &b);
}

/* A vector of no bytes asks nothing of the file: vfs_readv(), vfs_writev(). */
int64_t sys_readv(struct process *p, const uint64_t a[6])
{
	struct file *file = readable_file(p, a[0]);
	struct buffers b;
	int err;

	if (!file)
		return -EBADF;
	err = buffers_import(p, &b, a[1], a[2]);
	return err || !b.left ? err : do_read(p, file, &b);
}

int64_t sys_writev(struct process *p, const uint64_t a[6])
{
	struct file *file = writable_file(p, a[0]);
	struct buffers b;
	int err;

	if (!file)
		return -EBADF;
	err = buffers_import(p, &b, a[1], a[2]);
	return err || !b.left ? err : do_write(p, file, &b);
}

/* rw_verify_area(): the range of a pread or pwrite. */
static bool range_ok(off_t pos, uint64_t len)
{
	return len <= (uint64_t)INT64_MAX - (uint64_t)pos;
}

/* Devices that can be read at a position do it at once; for others there is ESPIPE. */
int64_t sys_pread64(struct process *p, const uint64_t a[6])
{
	struct file *file = fd_get(&p->files, (unsigned)a[0]);
	off_t pos = (off_t)a[3];
	struct buffers b;
	int err;

	if (pos < 0)
		return -EINVAL;
	if (!file)
		return -EBADF;
	if (may_wait(file) && preadv(file->fd, NULL, 0, pos) < 0)
		return -errno;
	if (!file->readable)
		return -EBADF;
	err = buffers_single(&b, a[1], a[2]);
	if (err)
		return err;
	return range_ok(pos, a[2]) ? read_regular(p, file, &b, pos, 0) : -EINVAL;
}

int64_t sys_pwrite64(struct process *p, const uint64_t a[6])
{
	struct file *file = fd_get(&p->files, (unsigned)a[0]);
	off_t pos = (off_t)a[3];
	struct buffers b;
	int err;

	if (pos < 0)
		return -EINVAL;
	if (!file)
		return -EBADF;
	if (may_wait(file) && pwritev(file->fd, NULL, 0, pos) < 0)
		return -errno;
	if (!file->writable)
		return -EBADF;
	err = buffers_single(&b, a[1], a[2]);
	if (err)
		return err;
	return range_ok(pos, a[2]) ? write_regular(p, file, &b, pos, 0) : -EINVAL;
}

/*
 * The v2 calls' flags, which a file is asked about after all else is right. Those that wait can do
 * without any: what isn't waited for is a file's own affair here.
 */
static int64_t read_with(struct process *p, struct file *file, struct buffers *b, off_t pos,
			 int flags)
{
	if (!may_wait(file) || pos != POS_CURRENT)
		return read_regular(p, file, b, pos, flags);
	return flags ? -EOPNOTSUPP : do_read(p, file, b);
}

static int64_t write_with(struct process *p, struct file *file, struct buffers *b,
			  off_t pos, int flags)
{
	if (!may_wait(file) || pos != POS_CURRENT)
		return flags & ~RWF_SERVED ? -EOPNOTSUPP
					   : write_regular(p, file, b, pos, flags);
	return flags ? -EOPNOTSUPP : do_write(p, file, b);
}

/* do_preadv() and do_pwritev(); with pos POS_CURRENT, as preadv2 may have it, do_readv(). */
static int64_t do_vector(struct process *p, const uint64_t a[6], off_t pos, int flags,
			 bool write)
{
	struct file *file = fd_get(&p->files, (unsigned)a[0]);
	struct buffers b;
	int err;

	if (!file)
		return -EBADF;
	if (pos != POS_CURRENT && may_wait(file) &&
	    (write ? pwritev(file->fd, NULL, 0, pos) : preadv(file->fd, NULL, 0, pos)) < 0)
		return -errno;
	if (!(write ? file->writable : file->readable))
		return -EBADF;
	err = buffers_import(p, &b, a[1], a[2]);
	if (err || !b.left)
		return err;
	if (pos != POS_CURRENT && !range_ok(pos, b.left))
		return -EINVAL;
	return write ? write_with(p, file, &b, pos, flags)
		     : read_with(p, file, &b, pos, flags);
}

/* pos_from_hilo(): a long holds all of a position. */
int64_t sys_preadv(struct process *p, const uint64_t a[6])
{
	return (off_t)a[3] < 0 ? -EINVAL : do_vector(p, a, (off_t)a[3], 0, false);
}

int64_t sys_pwritev(struct process *p, const uint64_t a[6])
{
	return (off_t)a[3] < 0 ? -EINVAL : do_vector(p, a, (off_t)a[3], 0, true);
}

int64_t sys_preadv2(struct process *p, const uint64_t a[6])
{
	return (off_t)a[3] < POS_CURRENT ? -EINVAL
					 : do_vector(p, a, (off_t)a[3], (int)a[5], false);
}

int64_t sys_pwritev2(struct process *p, const uint64_t a[6])
{
	return (off_t)a[3] < POS_CURRENT ? -EINVAL
					 : do_vector(p, a, (off_t)a[3], (int)a[5], true);
}
