/* SPDX-License-Identifier: MIT */
/*
 * limits.c: getrlimit, setrlimit, prlimit64: do_prlimit() of kernel/sys.c. STACK and MEMLOCK hold in the
 * mm, as AS and DATA do, NOFILE in the table of files, SIGPENDING for signals and timers, FSIZE for all that makes
 * files longer; the others are kept and told, and bound nothing: --mem and --timeout do.
 */
#include "vmm/linux/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/linux/calls.h"

/* sysctl_nr_open of fs/file.c. */
#define NR_OPEN (1024 * 1024)
/* Entries of a queue; Linux goes by the memory that there is. */
#define SIGPENDING_LIMIT 4096
/* MQ_BYTES_MAX of linux/resource.h. */
#define MQ_BYTES_MAX 819200

void limits_init(struct limits *l, unsigned max_files)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		l->of[i] = (struct limit){ RLIM64_INFINITY, RLIM64_INFINITY };
	l->of[RLIMIT_STACK].cur = STACK_LIMIT;
	l->of[RLIMIT_CORE].cur = 0;
	l->of[RLIMIT_NOFILE] = (struct limit){ max_files, max_files };
	l->of[RLIMIT_MEMLOCK] = (struct limit){ MEMLOCK_LIMIT, MEMLOCK_LIMIT };
	l->of[RLIMIT_SIGPENDING] = (struct limit){ SIGPENDING_LIMIT, SIGPENDING_LIMIT };
	l->of[RLIMIT_MSGQUEUE] = (struct limit){ MQ_BYTES_MAX, MQ_BYTES_MAX };
	l->of[RLIMIT_NICE] = l->of[RLIMIT_RTPRIO] = (struct limit){ 0, 0 };
	/* one process and one thread, until there can be more */
	l->of[RLIMIT_NPROC] = (struct limit){ 1, 1 };
}

/* A limit holds from now on where it is kept. */
static void tell(struct process *p, unsigned resource, const struct limit *l)
{
	const uint64_t cur = l->cur;

	if (resource == RLIMIT_NOFILE) {
		p->files.limit = (unsigned)cur;
		return;
	}
	pthread_mutex_lock(&p->mm->lock);
	if (resource == RLIMIT_STACK)
		p->mm->stack_limit = cur;
	if (resource == RLIMIT_MEMLOCK)
		p->mm->memlock_limit = cur >> PAGE_SHIFT;
	if (resource == RLIMIT_AS)
		p->mm->as_limit = cur >> PAGE_SHIFT;
	if (resource ==
	    RLIMIT_DATA) { /* 0 binds brk alone: may_expand_vm(), for Valgrind */
		p->mm->data_limit = (cur ? cur : l->max) >> PAGE_SHIFT;
		p->mm->brk_limit = cur;
	}
	pthread_mutex_unlock(&p->mm->lock);
}

/* new and old may be NULL. The payload has no capability, so no hard limit goes up. */
static int do_prlimit(struct process *p, unsigned resource, const struct limit *new,
		      struct limit *old)
{
	struct limit *l;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	l = &p->limits.of[resource];
	if (new) {
		if (new->cur > new->max)
			return -EINVAL;
		if (resource == RLIMIT_NOFILE && new->max > NR_OPEN)
			return -EPERM;
		if (new->max > l->max)
			return -EPERM;
	}
	if (old)
		*old = *l;
	if (new) {
		*l = *new;
		tell(p, resource, new);
	}
	return 0;
}

/* ---- RLIMIT_FSIZE */

static int too_long(struct process *p)
{
	signal_send(p, SIGXFSZ, SI_USER);
	return -EFBIG;
}

/* Whether it binds: most never ask for it. */
static bool fsize_limited(const struct process *p, const struct file *file, struct stat *st)
{
	return p->limits.of[RLIMIT_FSIZE].cur != RLIM64_INFINITY && !fstat(file->fd, st) &&
	       S_ISREG(st->st_mode);
}

int limit_write(struct process *p, const struct file *file, off_t pos, bool append,
		uint64_t *len)
{
	const uint64_t most = p->limits.of[RLIMIT_FSIZE].cur;
	struct stat st;

	if (!fsize_limited(p, file, &st))
		return 0;
	pos = file_write_at(file, pos, append);
	if (pos < 0)
		return 0;
	if ((uint64_t)pos >= most)
		return too_long(p);
	*len = min_u64(*len, most - (uint64_t)pos);
	return 0;
}

int limit_size(struct process *p, const struct file *file, off_t size)
{
	struct stat st;

	if (!fsize_limited(p, file, &st) || size <= st.st_size ||
	    (uint64_t)size <= p->limits.of[RLIMIT_FSIZE].cur)
		return 0;
	return too_long(p);
}

int64_t sys_getrlimit(struct process *p, const uint64_t a[6])
{
	struct limit old;
	int err = do_prlimit(p, (unsigned)a[0], NULL, &old);

	if (err)
		return err;
	return mm_copy_to(p->mm, a[1], &old, sizeof(old)) ? -EFAULT : 0;
}

int64_t sys_setrlimit(struct process *p, const uint64_t a[6])
{
	struct limit new;

	if (mm_copy_from(p->mm, &new, a[1], sizeof(new)))
		return -EFAULT;
	return do_prlimit(p, (unsigned)a[0], &new, NULL);
}

/* Of others it sees none. */
int64_t sys_prlimit64(struct process *p, const uint64_t a[6])
{
	const int pid = (int)a[0];
	struct limit new, old;
	int err;

	if (a[2] && mm_copy_from(p->mm, &new, a[2], sizeof(new)))
		return -EFAULT;
	if (pid && pid != PAYLOAD_PID)
		return -ESRCH;
	err = do_prlimit(p, (unsigned)a[1], a[2] ? &new : NULL, a[3] ? &old : NULL);
	if (err || !a[3])
		return err;
	return mm_copy_to(p->mm, a[3], &old, sizeof(old)) ? -EFAULT : 0;
}
