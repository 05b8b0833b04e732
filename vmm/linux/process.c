/* SPDX-License-Identifier: MIT */
/* process.c: a process's life, and the calls about itself. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/linux/calls.h"
#include "vmm/observe/error.h"

#define SHM_MOST (64ull << 20)

static int add_shm(struct process *p, const struct mv_options *opt, struct mv_error *err)
{
	const uint64_t size = opt->shm == MV_SHM_AUTO ? min_u64(opt->mem / 4, SHM_MOST)
						      : opt->shm;

	if (!size)
		return 0;
	return policy_add_shm(&p->policy, p->mm, page_align(size))
		       ? mv_fail_errno(err, ENOMEM, "/dev/shm")
		       : 0;
}

int process_init(struct process *p, struct mm *mm, const struct mv_options *opt,
		 struct mv_error *err)
{
	int ret;

	*p = (struct process){ .mm = mm, .wake_fd = -1, .dumpable = 1 };
	shm_init(&p->shm);
	p->output.limited = opt->max_output;
	p->output.left = opt->max_output ? opt->max_output : UINT64_MAX;
	ids_init(&p->ids);
	p->nice = getpriority(PRIO_PROCESS, 0);
	signals_init(&p->signals, opt->ignored);
	ptimers_init(&p->ptimers);
	limits_init(&p->limits, opt->max_files);
	ret = policy_init(&p->policy, opt->grants, opt->ngrants, err);
	if (ret)
		return ret;
	p->umask = p->policy.umask;
	if (opt->root)
		ret = policy_add_root(&p->policy, opt->root, err);
	if (!ret && opt->tmp)
		ret = policy_add_tmp(&p->policy, opt->tmp, err);
	if (!ret)
		ret = add_shm(p, opt, err);
	if (!ret)
		ret = fdtable_init(&p->files, opt->fds, opt->max_files, err);
	if (ret)
		policy_destroy(&p->policy);
	return ret;
}

void process_destroy(struct process *p)
{
	fdtable_destroy(&p->files, p->mm);
	shm_destroy(&p->shm);
	signals_destroy(&p->signals);
	ptimers_destroy(&p->ptimers);
	terminals_destroy(&p->terminals);
	policy_destroy(&p->policy);
	vdso_close(&p->vdso);
	free(p->exe);
	if (p->wake_fd >= 0)
		close(p->wake_fd);
}

void process_set_exe(struct process *p, const char *path)
{
	free(p->exe);
	p->exe = realpath(path, NULL);
}

/* exit and exit_group alike, as long as there is one thread. */
int64_t sys_exit(struct process *p, const uint64_t a[6])
{
	p->ended = true;
	p->status = a[0] & 0xff;
	return 0;
}

/* getpid and gettid. */
int64_t sys_getpid(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	return PAYLOAD_PID;
}

int64_t sys_getppid(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	return PAYLOAD_PPID;
}
