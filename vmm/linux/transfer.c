/* SPDX-License-Identifier: MIT */
/*
 * transfer.c: between files without the payload's memory, and what is asked of a file as a whole: its
 * size, its blocks, that it is on disk. Checks in the order of fs/read_write.c and fs/open.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/linux/output.h"
#include "vmm/linux/path.h"
#include "vmm/linux/stream.h"

/* What is spliced before the kick is looked for. */
#define STEP_MAX (1u << 20)
/* ... what is copied, in fewer steps: a file system may do it by sharing blocks. */
#define COPY_MAX (16ull << 20)

/* Where a transfer is in a file: at the payload's *where, or, if that is NULL, at the file's own. */
struct position {
	gva_t where;
	off_t at;
};

static int read_position(struct process *p, struct position *pos, gva_t where)
{
	pos->where = where;
	if (where && mm_copy_from(p->mm, &pos->at, where, sizeof(pos->at)))
		return -EFAULT;
	return 0;
}

static int write_position(struct process *p, const struct position *pos)
{
	if (!pos->where)
		return 0;
	return mm_copy_to(p->mm, pos->where, &pos->at, sizeof(pos->at)) ? -EFAULT : 0;
}

static off_t *host_position(struct position *pos)
{
	return pos->where ? &pos->at : NULL;
}

/*
 * len bytes are about to be written at its own position, or at *at: a memfd's memory, and what lies between its end
 * and there of one that is the starter's. 0 or -errno.
 */
static int charge(struct process *p, struct file *file, const off_t *at, uint64_t len)
{
	const off_t pos = file_write_at(file, at ? *at : POS_CURRENT, false);

	if (pos < 0)
		return 0; /* no file that has one */
	if (!output_may_grow(p, file, pos))
		return -EFBIG;
	return file_charge(file, p->mm, (uint64_t)pos + len);
}

/* Whether it matters how much is written to it: mostly not, and then nothing more is asked about it. */
static bool is_limited(const struct process *p, const struct file *out)
{
	return p->limits.of[RLIMIT_FSIZE].cur != RLIM64_INFINITY || out->memory ||
	       (out->starters && p->output.limited);
}

/* Into a pipe; it may have to wait for room. */
static int64_t send_to_pipe(struct process *p, const struct file *out,
			    const struct file *in, off_t *at, size_t len)
{
	struct guard g;
	int64_t n;

	do {
		guard_begin(&g);
		n = splice(in->fd, at, out->fd, NULL, len, SPLICE_F_NONBLOCK);
		if (n < 0)
			n = -errno;
		guard_end(p, &g, n >= 0);
		if (n == -EAGAIN) {
			n = stream_wait(p, out, POLLOUT);
			if (!n)
				continue;
		}
		return n;
	} while (true);
}

static int64_t send_to_file(struct process *p, struct file *out, const struct file *in,
			    off_t *at, size_t len)
{
	struct stat st;
	struct guard g;
	int64_t n;
	int err = 0;

	if (is_limited(p, out) && !fstat(in->fd, &st))
		err = charge(p, out, NULL,
			     st.st_size ? min_u64(len, (uint64_t)st.st_size) : len);
	if (err)
		return err;
	guard_begin(&g);
	n = sendfile(out->fd, in->fd, at, len);
	if (n < 0)
		n = -errno;
	guard_end(p, &g, n >= 0);
	return n;
}

static bool is_pipe(const struct file *file)
{
	return file->kind == FILE_STREAM && fcntl(file->fd, F_GETPIPE_SZ) >= 0;
}

/* Whether writing to it can't make the VMM wait: a regular file, or /dev/null. */
static bool takes_at_once(const struct file *file)
{
	return file->kind == FILE_REGULAR || (file->kind == FILE_STREAM && !file->starters);
}

static int64_t send_some(struct process *p, struct file *out, const struct file *in,
			 off_t *at, size_t len)
{
	if (is_pipe(out))
		return send_to_pipe(p, out, in, at, len);
	return takes_at_once(out) ? send_to_file(p, out, in, at, len) : -EINVAL;
}

/*
 * Whether there is nothing to be read there: then nothing is written, and meets no limit. What has no size, of
 * sysfs, say, is asked for a byte.
 */
static bool at_end(const struct file *in, const off_t *at)
{
	const off_t pos = at ? *at : lseek(in->fd, 0, SEEK_CUR);
	struct stat st;
	char byte;

	if (fstat(in->fd, &st))
		return false;
	return st.st_size ? pos >= st.st_size : pread(in->fd, &byte, 1, pos) <= 0;
}

/* do_sendfile() */
static int64_t do_sendfile(struct process *p, uint64_t out_fd, uint64_t in_fd, off_t *at,
			   uint64_t count)
{
	const struct file *in = fd_get(&p->files, (unsigned)in_fd);
	struct file *out;
	uint64_t done = 0, room;
	int64_t n = 0;

	if (!in || !in->readable)
		return -EBADF;
	if (at && in->kind == FILE_STREAM && lseek(in->fd, 0, SEEK_CUR) < 0)
		return -ESPIPE;
	if ((at && *at < 0) || (ssize_t)count < 0)
		return -EINVAL;
	count = min_u64(count, MAX_RW_COUNT);
	out = fd_get(&p->files, (unsigned)out_fd);
	if (!out || !out->writable)
		return -EBADF;
	if (in->kind != FILE_REGULAR)
		return -EINVAL;
	do {
		room = min_u64(count - done, STEP_MAX);
		n = 0;
		/* what is written at its end the host refuses, but for a pipe */
		if (room && is_limited(p, out) && !at_end(in, at) &&
		    (out->kind != FILE_REGULAR || !file_appends(out))) {
			n = limit_write(p, out, POS_CURRENT, false, &room);
			room = n ? 0 : output_room(p, out, room);
		}
		n = room ? send_some(p, out, in, at, room) : n;
		output_done(p, out, n);
		if (n > 0)
			done += (uint64_t)n;
	} while (n > 0 && done < count && !stream_cut(p, (int64_t)done, n, true));
	return done ? (int64_t)done : n;
}

int64_t sys_sendfile(struct process *p, const uint64_t a[6])
{
	struct position pos;
	int64_t n = read_position(p, &pos, a[2]);

	if (n)
		return n;
	n = do_sendfile(p, a[0], a[1], host_position(&pos), a[3]);
	return write_position(p, &pos) ? -EFAULT : n;
}

/* generic_copy_file_checks(): what is wrong otherwise the host says. */
static bool can_copy(const struct file *in, const struct file *out,
		     const struct position *from, const struct position *to, uint64_t len)
{
	struct stat st;

	return in->readable && out->writable && !file_appends(out) && !fstat(in->fd, &st) &&
	       S_ISREG(st.st_mode) && !fstat(out->fd, &st) && S_ISREG(st.st_mode) &&
	       (!from->where || (from->at >= 0 && from->at <= INT64_MAX - (off_t)len)) &&
	       (!to->where || (to->at >= 0 && to->at <= INT64_MAX - (off_t)len));
}

/* How much of it may be copied: by limits, and by what there is. 0 or -errno. */
static int64_t prepare_copy(struct process *p, const struct file *in, struct file *out,
			    const struct position *from, const struct position *to,
			    uint64_t *len)
{
	const off_t *to_at = to->where ? &to->at : NULL;
	int64_t n = limit_write(p, out, to_at ? *to_at : POS_CURRENT, false, len);

	if (n || !*len || at_end(in, from->where ? &from->at : NULL))
		return n;
	n = charge(p, out, to_at, *len);
	if (!n)
		*len = output_room(p, out, *len);
	return n;
}

/* Whether they are parts of one file that overlap, which is an error of the whole. */
static bool overlap(const struct file *in, const struct file *out,
		    const struct position *from, const struct position *to, uint64_t len)
{
	const off_t a = from->where ? from->at : lseek(in->fd, 0, SEEK_CUR);
	const off_t b = to->where ? to->at : lseek(out->fd, 0, SEEK_CUR);
	struct stat x, y;

	if (fstat(in->fd, &x) || fstat(out->fd, &y))
		return false;
	if (a < x.st_size)
		len = min_u64(len, (uint64_t)(x.st_size - a));
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
	       (uint64_t)(a < b ? b - a : a - b) < len;
}

/* In steps, between which the kick is looked for. Bytes or -errno. */
static int64_t copy_steps(struct process *p, const struct file *in, const struct file *out,
			  struct position *from, struct position *to, uint64_t len)
{
	const uint64_t most = len > COPY_MAX && !overlap(in, out, from, to, len) ? COPY_MAX
										 : len;
	int64_t done = 0, n;
	uint64_t step;

	do {
		step = min_u64(len - (uint64_t)done, most);
		n = copy_file_range(in->fd, host_position(from), out->fd, host_position(to),
				    step, 0);
		if (n < 0)
			return done ? done : -errno;
		done += n;
	} while ((uint64_t)n == step && (uint64_t)done < len &&
		 !stream_cut(p, done, n, true));
	return done;
}

int64_t sys_copy_file_range(struct process *p, const uint64_t a[6])
{
	const struct file *in = fd_get(&p->files, (unsigned)a[0]);
	struct file *out = fd_get(&p->files, (unsigned)a[2]);
	struct position from, to;
	struct guard g;
	uint64_t room;
	int64_t n;

	if (!in || !out)
		return -EBADF;
	if (read_position(p, &from, a[1]) || read_position(p, &to, a[3]))
		return -EFAULT;
	if (a[5])
		return -EINVAL;
	room = min_u64(a[4], MAX_RW_COUNT);
	n = is_limited(p, out) && can_copy(in, out, &from, &to, room)
		    ? prepare_copy(p, in, out, &from, &to, &room)
		    : 0;
	if (n || p->output.over)
		return n;
	guard_begin(&g);
	n = copy_steps(p, in, out, &from, &to, room);
	guard_end(p, &g, n >= 0);
	output_done(p, out, n);
	if (n > 0 && (write_position(p, &from) || write_position(p, &to)))
		return -EFAULT;
	return n;
}

/* Modes that make a file longer, as far as it goes; INSERT_RANGE by all that it inserts. */
static int64_t fallocate_grows(struct process *p, const struct file *file, int mode,
			       off_t len, off_t end)
{
	struct stat st;
	int64_t n = 0;

	if (mode & FALLOC_FL_INSERT_RANGE) {
		if (fstat(file->fd, &st) || __builtin_add_overflow(st.st_size, len, &end))
			return -EFBIG;
	} else if (!(mode & ~(FALLOC_FL_ZERO_RANGE | FALLOC_FL_UNSHARE_RANGE))) {
		n = limit_size(p, file, end);
	}
	return n || output_may_grow(p, file, end) ? n : -EFBIG;
}

/* What the call made of the file's mappings: ext4_collapse_range(), ext4_insert_range(). */
static int64_t fallocated(struct process *p, const struct file *file, int mode, off_t at)
{
	struct stat st;
	int err = 0;

	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		err = fstat(file->fd, &st)
			      ? -errno
			      : mm_file_moved(p->mm, st.st_dev, st.st_ino, (uint64_t)at);
	return err ? err : file_was_cut(p, file);
}

int64_t sys_fallocate(struct process *p, const uint64_t a[6])
{
	struct file *file = fd_get(&p->files, (unsigned)a[0]);
	const off_t at = (off_t)a[2], len = (off_t)a[3];
	struct guard g;
	int64_t n = 0;
	off_t end = 0;

	if (!file)
		return -EBADF;
	if (file->writable && at >= 0 && len > 0 && !__builtin_add_overflow(at, len, &end))
		n = file->memory ? file_charge(file, p->mm, (uint64_t)end) : 0;
	if (!n && file->writable && len > 0)
		n = fallocate_grows(p, file, (int)a[1], len, end);
	if (n)
		return n;
	guard_begin(&g);
	if (fallocate(file->fd, (int)a[1], at, len))
		n = -errno;
	guard_end(p, &g, !n);
	return n ? n : fallocated(p, file, (int)a[1], at);
}

/* do_ftruncate(), of a file that may be written. */
static int64_t cut(struct process *p, struct file *file, off_t size)
{
	struct guard g;
	int64_t n = limit_size(p, file, size);

	if (!n && !output_may_grow(p, file, size))
		n = -EFBIG;
	if (!n)
		n = file_charge(file, p->mm, (uint64_t)size);
	if (n)
		return n;
	guard_begin(&g);
	if (ftruncate(file->fd, size))
		n = -errno;
	guard_end(p, &g, !n);
	return n ? n : file_was_cut(p, file);
}

int64_t sys_ftruncate(struct process *p, const uint64_t a[6])
{
	struct file *file = fd_get(&p->files, (unsigned)a[0]);

	if ((int64_t)a[1] < 0)
		return -EINVAL;
	if (!file)
		return -EBADF;
	if (file->kind != FILE_REGULAR || !file->writable)
		return -EINVAL;
	return cut(p, file, (off_t)a[1]);
}

/* vfs_truncate(): what it is, then if it may be changed at all. */
static int64_t truncate_target(struct process *p, const struct target *t, off_t size)
{
	struct opened opened;
	struct file *file;
	int64_t ret;

	if (S_ISDIR(t->mode))
		return -EISDIR;
	if (!S_ISREG(t->mode) || t->own)
		return -EINVAL;
	if (!t->writable)
		return -EROFS;
	ret = t->file ? policy_reopen(t->fd, true, O_WRONLY, &opened)
		      : policy_open(&p->policy, NULL, t->path, O_WRONLY, 0, &opened);
	if (ret)
		return ret;
	file = file_new(opened.fd, true, opened.mode, O_WRONLY, t->path);
	free(opened.path);
	if (!file) {
		close(opened.fd);
		return -ENOMEM;
	}
	ret = cut(p, file, size);
	file_put(file, p->mm);
	return ret;
}

int64_t sys_truncate(struct process *p, const uint64_t a[6])
{
	struct target t;
	int64_t ret;

	if ((int64_t)a[1] < 0)
		return -EINVAL;
	ret = target_find(p, &t, AT_FDCWD, a[0], 0);
	if (ret)
		return ret;
	ret = truncate_target(p, &t, (off_t)a[1]);
	target_put(&t);
	return ret;
}

/* ---- what the host's kernel does alone, and at once */

static int64_t answer(int ret)
{
	return ret ? -errno : 0;
}

int64_t sys_fsync(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get(&p->files, (unsigned)a[0]);

	return file ? answer(fsync(file->fd)) : -EBADF;
}

int64_t sys_fdatasync(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get(&p->files, (unsigned)a[0]);

	return file ? answer(fdatasync(file->fd)) : -EBADF;
}

int64_t sys_syncfs(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get(&p->files, (unsigned)a[0]);

	return file ? answer(syncfs(file->fd)) : -EBADF;
}

/* Of all that there is, what it may have written. */
int64_t sys_sync(struct process *p, const uint64_t a[6])
{
	(void)a;
	policy_sync(&p->policy);
	return 0;
}

int64_t sys_sync_file_range(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get(&p->files, (unsigned)a[0]);

	if (!file)
		return -EBADF;
	return answer(sync_file_range(file->fd, (off_t)a[1], (off_t)a[2], (unsigned)a[3]));
}

int64_t sys_fadvise64(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get(&p->files, (unsigned)a[0]);

	if (!file)
		return -EBADF;
	return -posix_fadvise(file->fd, (off_t)a[1], (off_t)a[2], (int)a[3]);
}

int64_t sys_readahead(struct process *p, const uint64_t a[6])
{
	const struct file *file = fd_get(&p->files, (unsigned)a[0]);

	if (!file || !file->readable)
		return -EBADF;
	return answer((int)readahead(file->fd, (off_t)a[1], a[2]));
}
