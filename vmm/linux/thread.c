/* SPDX-License-Identifier: MIT */
/*
 * thread.c: what a C library's start-up tells the kernel about its first thread: where its
 * thread-local memory is, and the lists that matter when it ends.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>

#include "vmm/linux/calls.h"

/* do_arch_prctl_64() and do_arch_prctl_common() of arch/x86/kernel. */
int64_t sys_arch_prctl(struct process *p, const uint64_t a[6])
{
	struct thread_bases *bases = &p->bases;

	switch ((int)a[0]) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (a[1] >= MV_TASK_SIZE)
			return -EPERM;
		*((int)a[0] == ARCH_SET_FS ? &bases->fs : &bases->gs) = a[1];
		bases->changed = true;
		return 0;
	case ARCH_GET_FS:
		return mm_copy_to(p->mm, a[1], &bases->fs, sizeof(bases->fs)) ? -EFAULT : 0;
	case ARCH_GET_GS:
		return mm_copy_to(p->mm, a[1], &bases->gs, sizeof(bases->gs)) ? -EFAULT : 0;
	case ARCH_GET_CPUID: /* CPUID isn't made to fault */
		return 1;
	case ARCH_SET_CPUID: /* set_cpuid_mode(), where the CPU can't */
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

/*
 * The word is cleared at the thread's end where other threads share its memory (mm_release() of
 * kernel/fork.c). There are none, so the address needn't be known.
 */
int64_t sys_set_tid_address(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	return PAYLOAD_PID;
}

/* kernel/futex/syscalls.c. Nobody waits for what the list holds at the thread's end: see above. */
int64_t sys_set_robust_list(struct process *p, const uint64_t a[6])
{
	if (a[1] != sizeof(struct robust_list_head))
		return -EINVAL;
	p->robust_list = a[0];
	return 0;
}

int64_t sys_get_robust_list(struct process *p, const uint64_t a[6])
{
	const uint64_t len = sizeof(struct robust_list_head);
	const int pid = (int)a[0];

	if (pid && pid != PAYLOAD_PID)
		return -ESRCH;
	if (mm_copy_to(p->mm, a[2], &len, sizeof(len)))
		return -EFAULT;
	return mm_copy_to(p->mm, a[1], &p->robust_list, sizeof(p->robust_list)) ? -EFAULT
										: 0;
}
