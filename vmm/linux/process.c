/* SPDX-License-Identifier: MIT */
/* process.c: a process's life, and the calls about itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/special.h"
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

/*
 * What 0, 1 and 2 are called: what a grant shows has its name there, terminals and the sandbox's own files
 * theirs; names of others are the host's affair.
 */
static int name_starters(struct process *p)
{
	char path[PATH_MAX];

	for (unsigned nr = 0; nr < 3; nr++) {
		struct file *file = fd_get(&p->files, nr);

		if (!file || file->terminal || special_path(file->path))
			continue;
		if (!policy_name(&p->policy, file->path, path))
			*path = '\0';
		free(file->path);
		file->path = strdup(path);
		if (!file->path)
			return -ENOMEM;
	}
	return 0;
}

static void object_where(const void *p, const struct object *obj, char path[PATH_MAX])
{
	policy_where(&((const struct process *)p)->policy, obj->fd, obj->name, path);
}

int process_init(struct process *p, struct mm *mm, const struct mv_options *opt,
		 struct mv_error *err)
{
	int ret;

	*p = (struct process){ .mm = mm, .wake_fd = -1, .exe_fd = -1, .dumpable = 1 };
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
	if (!ret && name_starters(p)) {
		fdtable_destroy(&p->files, NULL);
		ret = mv_fail_errno(err, ENOMEM, "open files");
	}
	if (ret) {
		policy_destroy(&p->policy);
		return ret;
	}
	mm->where = object_where;
	mm->where_owner = p;
	return 0;
}

void process_destroy(struct process *p)
{
	fdtable_destroy(&p->files, p->mm);
	shm_destroy(&p->shm);
	signals_destroy(&p->signals);
	ptimers_destroy(&p->ptimers);
	terminals_destroy(&p->terminals);
	p->mm->where = NULL;
	policy_destroy(&p->policy);
	vdso_close(&p->vdso);
	free(p->exe);
	if (p->exe_fd >= 0)
		close(p->exe_fd);
	if (p->wake_fd >= 0)
		close(p->wake_fd);
}

int process_set_exe(struct process *p, const char *name, int fd)
{
	if (p->exe_fd >= 0)
		close(p->exe_fd);
	free(p->exe);
	p->exe = strdup(name);
	p->exe_fd = p->exe ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	return p->exe_fd < 0 ? -errno : 0;
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
