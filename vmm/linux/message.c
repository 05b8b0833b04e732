/* SPDX-License-Identifier: MIT */
/*
 * message.c: sendmsg, recvmsg, and several of them in one call, as net/socket.c has them. No control data
 * is sent, so none is received.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/linux/pair.h"
#include "vmm/linux/stream.h"
#include "vmm/linux/wait.h"

/* linux/socket.h */
#define CMSG_COMPAT 0x80000000u
/* As net.core.optmem_max bounds it, by less. */
#define CONTROL_MAX 4096

/* One of the payload's: what copy_msghdr_from_user() makes of it. */
struct message {
	gva_t gva;	  /* where it is */
	struct msghdr of; /* pointers are the payload's */
	struct buffers b; /* what its vector stands for */
};

/* 0 or -errno. */
static int get_message(struct process *p, struct message *m)
{
	if (mm_copy_from(p->mm, &m->of, m->gva, sizeof(m->of)))
		return -EFAULT;
	if (!m->of.msg_name)
		m->of.msg_namelen = 0;
	if ((int)m->of.msg_namelen < 0)
		return -EINVAL;
	m->of.msg_namelen =
		(socklen_t)min_u64(m->of.msg_namelen, sizeof(struct sockaddr_storage));
	return 0;
}

static int get_vector(struct process *p, struct message *m)
{
	if (m->of.msg_iovlen > IOV_COUNT_MAX)
		return -EMSGSIZE;
	return buffers_import(p, &m->b, (gva_t)m->of.msg_iov, m->of.msg_iovlen);
}

/* Nothing goes along, neither files nor credentials; what isn't SOL_SOCKET's Linux skips: __scm_send(). */
static int check_control(struct process *p, const struct msghdr *msg)
{
	char control[CONTROL_MAX];
	const size_t size = msg->msg_controllen;
	struct cmsghdr head;

	if (size > sizeof(control))
		return -ENOBUFS;
	if (mm_copy_from(p->mm, control, (gva_t)msg->msg_control, size))
		return -EFAULT;
	for (size_t at = 0; at + sizeof(head) <= size; at += CMSG_ALIGN(head.cmsg_len)) {
		memcpy(&head, control + at, sizeof(head));
		if (head.cmsg_len < sizeof(head) || head.cmsg_len > size - at)
			return -EINVAL;
		if (head.cmsg_level == SOL_SOCKET)
			return -EINVAL;
	}
	return 0;
}

/* ___sys_sendmsg() */
static int64_t send_message(struct process *p, const struct file *file, gva_t gva,
			    int flags)
{
	struct sockaddr_storage address;
	struct message m;
	int err;

	m.gva = gva;
	err = get_message(p, &m);
	if (!err && mm_copy_from(p->mm, &address, (gva_t)m.of.msg_name, m.of.msg_namelen))
		err = -EFAULT;
	if (!err)
		err = get_vector(p, &m);
	if (!err)
		err = check_control(p, &m.of);
	if (!err)
		err = pair_check_send(file, flags, &address, (int)m.of.msg_namelen);
	return err ? err : pair_send(p, file, &m.b, flags);
}

/* Beside the bytes: a name, of which there is none; flags, and the size of no control data. 0 or -EFAULT. */
static int put_message(struct process *p, const struct message *m, int told)
{
	const size_t none = 0;
	int err = 0;

	if (m->of.msg_name)
		err = pair_put_address(p, NULL, 0, (gva_t)m->of.msg_name,
				       m->gva + offsetof(struct msghdr, msg_namelen));
	if (err)
		return err;
	if (mm_copy_to(p->mm, m->gva + offsetof(struct msghdr, msg_flags), &told,
		       sizeof(told)) ||
	    mm_copy_to(p->mm, m->gva + offsetof(struct msghdr, msg_controllen), &none,
		       sizeof(none)))
		return -EFAULT;
	return 0;
}

/* ___sys_recvmsg() */
static int64_t receive_message(struct process *p, const struct file *file, gva_t gva,
			       int flags)
{
	struct message m;
	int err, told = 0;
	int64_t n;

	m.gva = gva;
	err = get_message(p, &m);
	if (!err)
		err = get_vector(p, &m);
	if (err)
		return err;
	n = pair_receive(p, file, &m.b, flags, &told);
	if (n >= 0)
		err = put_message(p, &m, told);
	return err ? err : n;
}

static int find(struct process *p, const uint64_t a[6], unsigned flags, struct file **file)
{
	return flags & CMSG_COMPAT ? -EINVAL : pair_find(p, a[0], file);
}

int64_t sys_sendmsg(struct process *p, const uint64_t a[6])
{
	struct file *file;
	const int err = find(p, a, (unsigned)a[2], &file);

	return err ? err : send_message(p, file, a[1], (int)a[2]);
}

int64_t sys_recvmsg(struct process *p, const uint64_t a[6])
{
	struct file *file;
	const int err = find(p, a, (unsigned)a[2], &file);

	return err ? err : receive_message(p, file, a[1], (int)a[2]);
}

/* ---- Several */

static gva_t nth(gva_t vec, unsigned i)
{
	return vec + i * sizeof(struct mmsghdr);
}

/* What one of them came to is written beside it. n or -EFAULT. */
static int64_t put_length(struct process *p, gva_t gva, int64_t n)
{
	const unsigned len = (unsigned)n;

	if (n < 0)
		return n;
	return mm_copy_to(p->mm, gva + offsetof(struct mmsghdr, msg_len), &len, sizeof(len))
		       ? -EFAULT
		       : n;
}

/* __sys_sendmmsg(): what is wrong with one is told if it is the first. */
int64_t sys_sendmmsg(struct process *p, const uint64_t a[6])
{
	const unsigned nr = (unsigned)min_u64((unsigned)a[2], IOV_COUNT_MAX);
	unsigned done = 0;
	struct file *file;
	int64_t n = find(p, a, (unsigned)a[3], &file);

	while (n >= 0 && done < nr) {
		const gva_t at = nth(a[1], done);

		n = put_length(p, at, send_message(p, file, at, (int)a[3]));
		done += n >= 0;
	}
	return done ? (int64_t)done : n;
}

/* do_recvmmsg(), whose time is looked at after each message only. How many there are, or -errno. */
static int64_t receive_several(struct process *p, const struct file *file, gva_t vec,
			       unsigned nr, int flags, const int64_t *until)
{
	unsigned done = 0;
	int64_t n = 0;

	while (n >= 0 && done < nr) {
		const gva_t at = nth(vec, done);

		n = put_length(p, at,
			       receive_message(p, file, at, flags & ~MSG_WAITFORONE));
		done += n >= 0;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (until && !stream_left(*until))
			break;
	}
	return done ? (int64_t)done : n;
}

int64_t sys_recvmmsg(struct process *p, const uint64_t a[6])
{
	const unsigned nr = (unsigned)min_u64((unsigned)a[2], IOV_COUNT_MAX);
	struct wait_time time = { .gva = a[4] };
	struct file *file;
	int64_t until, left, n;
	int err;

	if ((unsigned)a[3] & CMSG_COMPAT)
		return -EINVAL;
	err = wait_time(p, &time);
	if (!err)
		err = pair_find(p, a[0], &file);
	if (err)
		return err;
	until = stream_deadline(time.ns);
	n = receive_several(p, file, a[1], nr, (int)a[3], time.gva ? &until : NULL);
	if (n <= 0 || !time.gva)
		return n;
	left = stream_left(until);
	return mm_copy_to(p->mm, time.gva,
			  (int64_t[]){ left / NSEC_PER_SEC, left % NSEC_PER_SEC },
			  2 * sizeof(left))
		       ? -EFAULT
		       : n;
}
