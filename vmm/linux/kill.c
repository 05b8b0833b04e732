/* SPDX-License-Identifier: MIT */
/*
 * kill.c: kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo: there is nobody to send to but the
 * process itself. kernel/signal.c.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/signal.h"

static int64_t send_checked(struct process *p, struct pending *q, int signo, int code)
{
	if (signo < 0 || signo > SIGNALS)
		return -EINVAL;
	return signo ? signal_send_to(p, q, signo, code) : 0;
}

/* pid 0 and -PAYLOAD_PID are its process group. -1 is all others, of which there is none. */
int64_t sys_kill(struct process *p, const uint64_t a[6])
{
	int pid = (int)a[0];

	if (pid != PAYLOAD_PID && pid != 0 && pid != -PAYLOAD_PID)
		return -ESRCH;
	return send_checked(p, &p->signals.shared, (int)a[1], SI_USER);
}

int64_t sys_tkill(struct process *p, const uint64_t a[6])
{
	int tid = (int)a[0];

	if (tid <= 0)
		return -EINVAL;
	if (tid != PAYLOAD_PID)
		return -ESRCH;
	return send_checked(p, &p->signals.own, (int)a[1], SI_TKILL);
}

int64_t sys_tgkill(struct process *p, const uint64_t a[6])
{
	int tgid = (int)a[0], tid = (int)a[1];

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	if (tgid != PAYLOAD_PID || tid != PAYLOAD_PID)
		return -ESRCH;
	return send_checked(p, &p->signals.own, (int)a[2], SI_TKILL);
}

/* The part of siginfo_t that the kernel knows, struct kernel_siginfo; the rest is room. */
#define INFO_KNOWN 48

/* How many si_codes a signal has of its own: sig_sicodes[] of kernel/signal.c. */
static int own_codes(int signo)
{
	switch (signo) {
	case SIGILL:
		return 11; /* NSIGILL */
	case SIGFPE:
		return 15; /* NSIGFPE */
	case SIGSEGV:
		return 10; /* NSIGSEGV */
	case SIGBUS:
		return 5; /* NSIGBUS */
	case SIGSYS:
		return 2; /* NSIGSYS */
	default:
		return 6; /* NSIGTRAP, NSIGCHLD, NSIGPOLL */
	}
}

/* known_siginfo_layout() */
static bool layout_known(const siginfo_t *info)
{
	if (info->si_code == SI_KERNEL)
		return true;
	if (info->si_code > SI_USER)
		return info->si_code <= own_codes(info->si_signo);
	return info->si_code >= SI_DETHREAD || info->si_code == SI_ASYNCNL;
}

/* copy_siginfo_from_user(): what isn't known must be nothing. */
static int copy_info(struct process *p, int signo, gva_t gva, siginfo_t *info)
{
	char rest[sizeof(*info) - INFO_KNOWN];

	memset(info, 0, sizeof(*info));
	if (mm_copy_from(p->mm, info, gva, INFO_KNOWN))
		return -EFAULT;
	info->si_signo = signo;
	if (layout_known(info))
		return 0;
	if (mm_copy_from(p->mm, rest, gva + INFO_KNOWN, sizeof(rest)))
		return -EFAULT;
	for (size_t i = 0; i < sizeof(rest); i++)
		if (rest[i])
			return -E2BIG;
	return 0;
}

/* do_rt_sigqueueinfo(): only to itself may it say that the kernel sent it, or kill. */
static int64_t queue_info(struct process *p, struct pending *q, int tid, bool known,
			  const siginfo_t *info)
{
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && tid != PAYLOAD_PID)
		return -EPERM;
	if (!known)
		return -ESRCH;
	if (info->si_signo < 0 || info->si_signo > SIGNALS)
		return -EINVAL;
	return info->si_signo ? signal_send_info(p, q, info) : 0;
}

int64_t sys_rt_sigqueueinfo(struct process *p, const uint64_t a[6])
{
	const int pid = (int)a[0];
	siginfo_t info;
	int err = copy_info(p, (int)a[1], a[2], &info);

	return err ? err
		   : queue_info(p, &p->signals.shared, pid, pid == PAYLOAD_PID, &info);
}

int64_t sys_rt_tgsigqueueinfo(struct process *p, const uint64_t a[6])
{
	const int tgid = (int)a[0], tid = (int)a[1];
	siginfo_t info;
	int err = copy_info(p, (int)a[2], a[3], &info);

	if (err)
		return err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return queue_info(p, &p->signals.own, tid,
			  tgid == PAYLOAD_PID && tid == PAYLOAD_PID, &info);
}
