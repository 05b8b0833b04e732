/* SPDX-License-Identifier: MIT */
/* uname.c: the system's name. The kernel is the host's, as its ABI is; the host's own name is not told. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "vmm/linux/calls.h"

int64_t sys_uname(struct process *p, const uint64_t a[6])
{
	struct utsname name;

	if (uname(&name))
		return -errno;
	/* whatever stood behind the shorter names must not be told either */
	memset(name.nodename, 0, sizeof(name.nodename));
	memset(name.domainname, 0, sizeof(name.domainname));
	strcpy(name.nodename, "mapvisor");
	strcpy(name.domainname, "(none)");
	return mm_copy_to(p->mm, a[0], &name, sizeof(name)) ? -EFAULT : 0;
}
