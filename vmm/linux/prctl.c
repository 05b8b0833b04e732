/* SPDX-License-Identifier: MIT */
/* prctl.c: prctl(2) and personality(2): what a process is called, and may become. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/personality.h>

#include "vmm/linux/calls.h"

void process_name(struct process *p, const char *path)
{
	const char *name = strrchr(path, '/');

	strncpy(p->comm, name ? name + 1 : path, sizeof(p->comm) - 1);
}

/* strncpy_from_user() of TASK_COMM_LEN - 1 bytes. */
static int64_t set_name(struct process *p, gva_t gva)
{
	char name[sizeof(p->comm)] = "";
	long len = mm_copy_string(p->mm, name, gva, sizeof(name));

	if (len == -ENAMETOOLONG)
		len = mm_copy_from(p->mm, name, gva, sizeof(name) - 1) ? -EFAULT : 0;
	if (len < 0)
		return len;
	name[sizeof(name) - 1] = '\0';
	memset(p->comm, 0, sizeof(p->comm));
	memcpy(p->comm, name, strlen(name));
	return 0;
}

static int64_t put_int(struct process *p, gva_t gva, int value)
{
	return mm_copy_to(p->mm, gva, &value, sizeof(value)) ? -EFAULT : 0;
}

int64_t sys_prctl(struct process *p, const uint64_t a[6])
{
	const bool rest = a[2] || a[3] || a[4];

	switch ((int)a[0]) {
	case PR_SET_PDEATHSIG:
		if (a[1] > SIGNALS)
			return -EINVAL;
		p->death_signal = (int)a[1];
		return 0;
	case PR_GET_PDEATHSIG:
		return put_int(p, a[1], p->death_signal);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_DUMPABLE:
		if (a[1] > 1)
			return -EINVAL;
		p->dumpable = (int)a[1];
		return 0;
	case PR_SET_NAME:
		return set_name(p, a[1]);
	case PR_GET_NAME:
		return mm_copy_to(p->mm, a[1], p->comm, sizeof(p->comm)) ? -EFAULT : 0;
	case PR_CAPBSET_READ: /* none */
		return a[1] > CAP_LAST_CAP ? -EINVAL : 0;
	case PR_SET_NO_NEW_PRIVS:
		if (a[1] != 1 || rest)
			return -EINVAL;
		p->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a[1] || rest ? -EINVAL : p->no_new_privs;
	default:
		return -EINVAL;
	}
}

/* Those that change how the next program is loaded only: there will be none. */
#define PERSONALITIES (ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO)

int64_t sys_personality(struct process *p, const uint64_t a[6])
{
	const uint32_t persona = (uint32_t)a[0], old = p->personality;

	if (persona == UINT32_MAX)
		return old;
	if (persona & ~(uint32_t)PERSONALITIES)
		return -EINVAL;
	p->personality = persona;
	return old;
}
