/* SPDX-License-Identifier: MIT */
/*
 * ids.c: users, groups, process groups, sessions, capabilities; kernel/sys.c, kernel/groups.c,
 * kernel/capability.c. The VMM's ids without its capabilities: see ids.h. There is one process: it
 * leads its process group, in its parent's session.
 */
#include "vmm/linux/ids.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <unistd.h>

#include "vmm/linux/calls.h"

#define NO_ID UINT32_MAX /* (uid_t)-1: leave it as it is */

void ids_init(struct ids *ids)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	getresuid(&ruid, &euid, &suid);
	getresgid(&rgid, &egid, &sgid);
	ids->uid = (struct id_set){ ruid, euid, suid, euid };
	ids->gid = (struct id_set){ rgid, egid, sgid, egid };
}

int64_t sys_getuid(struct process *p, const uint64_t a[6])
{
	(void)a;
	return p->ids.uid.real;
}

int64_t sys_geteuid(struct process *p, const uint64_t a[6])
{
	(void)a;
	return p->ids.uid.effective;
}

int64_t sys_getgid(struct process *p, const uint64_t a[6])
{
	(void)a;
	return p->ids.gid.real;
}

int64_t sys_getegid(struct process *p, const uint64_t a[6])
{
	(void)a;
	return p->ids.gid.effective;
}

static int64_t put_three(struct process *p, const struct id_set *ids, const uint64_t a[6])
{
	if (mm_copy_to(p->mm, a[0], &ids->real, sizeof(ids->real)) ||
	    mm_copy_to(p->mm, a[1], &ids->effective, sizeof(ids->effective)) ||
	    mm_copy_to(p->mm, a[2], &ids->saved, sizeof(ids->saved)))
		return -EFAULT;
	return 0;
}

int64_t sys_getresuid(struct process *p, const uint64_t a[6])
{
	return put_three(p, &p->ids.uid, a);
}

int64_t sys_getresgid(struct process *p, const uint64_t a[6])
{
	return put_three(p, &p->ids.gid, a);
}

/* ---- changing them, as one without CAP_SETUID and CAP_SETGID may */

static int64_t set_id(struct id_set *ids, uint32_t id)
{
	if (id == NO_ID)
		return -EINVAL;
	if (id != ids->real && id != ids->saved)
		return -EPERM;
	ids->effective = ids->fs = id;
	return 0;
}

/* __sys_setreuid(); __sys_setregid() takes the saved id as the real one, too. */
static int64_t set_two(struct id_set *ids, uint32_t real, uint32_t effective)
{
	const struct id_set old = *ids;

	if (real != NO_ID && real != old.real && real != old.effective)
		return -EPERM;
	if (effective != NO_ID && effective != old.real && effective != old.effective &&
	    effective != old.saved)
		return -EPERM;
	if (real != NO_ID)
		ids->real = real;
	if (effective != NO_ID)
		ids->effective = effective;
	if (real != NO_ID || (effective != NO_ID && effective != old.real))
		ids->saved = ids->effective;
	ids->fs = ids->effective;
	return 0;
}

static bool may_be(const struct id_set *ids, uint32_t id)
{
	return id == NO_ID || id == ids->real || id == ids->effective || id == ids->saved;
}

static int64_t set_three(struct id_set *ids, const uint64_t a[6])
{
	const uint32_t real = (uint32_t)a[0], effective = (uint32_t)a[1],
		       saved = (uint32_t)a[2];

	if (!may_be(ids, real) || !may_be(ids, effective) || !may_be(ids, saved))
		return -EPERM;
	ids->real = real == NO_ID ? ids->real : real;
	ids->effective = effective == NO_ID ? ids->effective : effective;
	ids->saved = saved == NO_ID ? ids->saved : saved;
	ids->fs = ids->effective;
	return 0;
}

/* It has no errors: the old one is the answer. */
static int64_t set_fs(struct id_set *ids, uint32_t id)
{
	const uint32_t old = ids->fs;

	if (id != NO_ID && (may_be(ids, id) || id == old))
		ids->fs = id;
	return old;
}

int64_t sys_setuid(struct process *p, const uint64_t a[6])
{
	return set_id(&p->ids.uid, (uint32_t)a[0]);
}

int64_t sys_setgid(struct process *p, const uint64_t a[6])
{
	return set_id(&p->ids.gid, (uint32_t)a[0]);
}

int64_t sys_setreuid(struct process *p, const uint64_t a[6])
{
	return set_two(&p->ids.uid, (uint32_t)a[0], (uint32_t)a[1]);
}

int64_t sys_setregid(struct process *p, const uint64_t a[6])
{
	return set_two(&p->ids.gid, (uint32_t)a[0], (uint32_t)a[1]);
}

int64_t sys_setresuid(struct process *p, const uint64_t a[6])
{
	return set_three(&p->ids.uid, a);
}

int64_t sys_setresgid(struct process *p, const uint64_t a[6])
{
	return set_three(&p->ids.gid, a);
}

int64_t sys_setfsuid(struct process *p, const uint64_t a[6])
{
	return set_fs(&p->ids.uid, (uint32_t)a[0]);
}

int64_t sys_setfsgid(struct process *p, const uint64_t a[6])
{
	return set_fs(&p->ids.gid, (uint32_t)a[0]);
}

/* The VMM's supplementary groups. */
int64_t sys_getgroups(struct process *p, const uint64_t a[6])
{
	static _Thread_local gid_t groups[NGROUPS_MAX];
	const int size = (int)a[0];
	int n;

	if (size < 0)
		return -EINVAL;
	n = getgroups(NGROUPS_MAX, groups);
	if (n < 0)
		return -errno;
	if (!size)
		return n;
	if (n > size)
		return -EINVAL;
	return mm_copy_to(p->mm, a[1], groups, (uint64_t)n * sizeof(*groups)) ? -EFAULT : n;
}

int64_t sys_setgroups(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	return -EPERM;
}

/* ---- process groups and sessions */

static bool is_self(int pid)
{
	return !pid || pid == PAYLOAD_PID;
}

int64_t sys_getpgrp(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	return PAYLOAD_PID;
}

int64_t sys_getpgid(struct process *p, const uint64_t a[6])
{
	(void)p;
	return is_self((int)a[0]) ? PAYLOAD_PID : -ESRCH;
}

int64_t sys_getsid(struct process *p, const uint64_t a[6])
{
	(void)p;
	return is_self((int)a[0]) ? PAYLOAD_PPID : -ESRCH;
}

int64_t sys_setpgid(struct process *p, const uint64_t a[6])
{
	const int pid = (int)a[0], pgid = (int)a[1];

	(void)p;
	if (pgid < 0)
		return -EINVAL;
	if (!is_self(pid))
		return -ESRCH;
	return is_self(pgid) ? 0 : -EPERM;
}

/* A process group's leader can't. */
int64_t sys_setsid(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	return -EPERM;
}

/* ---- capabilities: none */

/* cap_validate_magic(): how many structures a set takes. 0 or -errno. */
static int caps_version(struct process *p, gva_t header, unsigned *n)
{
	const uint32_t newest = _LINUX_CAPABILITY_VERSION_3;
	uint32_t version;

	if (mm_copy_from(p->mm, &version, header, sizeof(version)))
		return -EFAULT;
	switch (version) {
	case _LINUX_CAPABILITY_VERSION_1:
		*n = _LINUX_CAPABILITY_U32S_1;
		return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		*n = _LINUX_CAPABILITY_U32S_3;
		return 0;
	default:
		return mm_copy_to(p->mm, header, &newest, sizeof(newest)) ? -EFAULT
									  : -EINVAL;
	}
}

static int caps_pid(struct process *p, gva_t header, int *pid)
{
	const gva_t at = header + offsetof(struct __user_cap_header_struct, pid);

	return mm_copy_from(p->mm, pid, at, sizeof(*pid)) ? -EFAULT : 0;
}

int64_t sys_capget(struct process *p, const uint64_t a[6])
{
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	unsigned n = 0;
	int err = caps_version(p, a[0], &n), pid;

	if (err || !a[1])
		return err == -EINVAL && !a[1] ? 0 : err;
	err = caps_pid(p, a[0], &pid);
	if (err)
		return err;
	if (pid < 0)
		return -EINVAL;
	if (!is_self(pid))
		return -ESRCH;
	return mm_copy_to(p->mm, a[1], none, n * sizeof(*none)) ? -EFAULT : 0;
}

/* Bits beyond the last capability are ignored: mk_kernel_cap(). */
int64_t sys_capset(struct process *p, const uint64_t a[6])
{
	const uint32_t valid[] = { UINT32_MAX, (1u << (CAP_LAST_CAP - 31)) - 1 };
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3] = { 0 };
	unsigned n = 0;
	int err = caps_version(p, a[0], &n), pid;

	if (!err)
		err = caps_pid(p, a[0], &pid);
	if (err)
		return err;
	if (!is_self(pid))
		return -EPERM;
	if (mm_copy_from(p->mm, set, a[1], n * sizeof(*set)))
		return -EFAULT;
	for (unsigned i = 0; i < n; i++)
		if ((set[i].effective | set[i].permitted | set[i].inheritable) & valid[i])
			return -EPERM;
	return 0;
}
