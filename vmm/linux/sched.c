/* SPDX-License-Identifier: MIT */
/*
 * sched.c: the one CPU, the one thread, and what would be others: kernel/sched/, kernel/futex/,
 * kernel/exit.c.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/sleep.h"

/* linux/sched.h, younger than Debian 12's headers */
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
#ifndef SCHED_EXT
#define SCHED_EXT 7
#endif

/* cpumask_size() of a kernel for one CPU. */
#define CPU_MASK sizeof(uint64_t)

int64_t sys_sched_yield(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	sched_yield();
	return 0;
}

static bool is_self(int pid)
{
	return !pid || pid == PAYLOAD_PID;
}

/* Whether `which' and `who' are about the process: its number, its group's, its user's. 0 or -errno. */
static int check_priority(const struct process *p, int which, int who)
{
	switch (which) {
	case PRIO_PROCESS:
	case PRIO_PGRP:
		return is_self(who) ? 0 : -ESRCH;
	case PRIO_USER:
		return !who || (uid_t)who == p->ids.uid.real ? 0 : -ESRCH;
	default:
		return -EINVAL;
	}
}

/* nice_to_rlimit(), so that it is no error. */
int64_t sys_getpriority(struct process *p, const uint64_t a[6])
{
	int err = check_priority(p, (int)a[0], (int)a[1]);

	return err ? err : 20 - p->nice;
}

/* It is kept and told: the host schedules who runs it. Without CAP_SYS_NICE it only goes up. */
int64_t sys_setpriority(struct process *p, const uint64_t a[6])
{
	const int value = (int)a[2];
	const int nice = value < PRIO_MIN ? PRIO_MIN : value > 19 ? 19 : value;
	int err = check_priority(p, (int)a[0], (int)a[1]);

	if (err)
		return err;
	if (nice < p->nice)
		return -EACCES;
	p->nice = nice;
	return 0;
}

int64_t sys_sched_getaffinity(struct process *p, const uint64_t a[6])
{
	const uint32_t len = (uint32_t)a[1];
	const uint64_t cpus = 1;

	if (!len || len % sizeof(uint64_t))
		return -EINVAL;
	if (!is_self((int)a[0]))
		return -ESRCH;
	return mm_copy_to(p->mm, a[2], &cpus, sizeof(cpus)) ? -EFAULT : (int64_t)CPU_MASK;
}

int64_t sys_sched_setaffinity(struct process *p, const uint64_t a[6])
{
	const uint32_t len = (uint32_t)a[1];
	uint64_t cpus = 0;

	if (mm_copy_from(p->mm, &cpus, a[2], min_u64(len, sizeof(cpus))))
		return -EFAULT;
	if (!is_self((int)a[0]))
		return -ESRCH;
	return cpus & 1 ? 0 : -EINVAL;
}

/* ---- policies: kept and told, like its priority */

/* The lowest and highest priority of a policy; false: there is none. */
static bool policy_range(int policy, int *low, int *high)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		*low = 1;
		*high = 99;
		return true;
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
	case SCHED_EXT:
		*low = *high = 0;
		return true;
	default:
		return false;
	}
}

int64_t sys_sched_get_priority_max(struct process *p, const uint64_t a[6])
{
	int low, high;

	(void)p;
	return policy_range((int)a[0], &low, &high) ? high : -EINVAL;
}

int64_t sys_sched_get_priority_min(struct process *p, const uint64_t a[6])
{
	int low, high;

	(void)p;
	return policy_range((int)a[0], &low, &high) ? low : -EINVAL;
}

static int check_pid(int pid)
{
	if (pid < 0)
		return -EINVAL;
	return is_self(pid) ? 0 : -ESRCH;
}

int64_t sys_sched_getscheduler(struct process *p, const uint64_t a[6])
{
	const int err = check_pid((int)a[0]);

	return err ? err : p->sched_policy;
}

int64_t sys_sched_getparam(struct process *p, const uint64_t a[6])
{
	const struct sched_param param = { 0 };
	const int err = a[1] ? check_pid((int)a[0]) : -EINVAL;

	if (err)
		return err;
	return mm_copy_to(p->mm, a[1], &param, sizeof(param)) ? -EFAULT : 0;
}

static bool can_nice(const struct process *p)
{
	return (uint64_t)(20 - p->nice) <= p->limits.of[RLIMIT_NICE].cur;
}

/*
 * __sched_setscheduler(), without CAP_SYS_NICE: nobody gets a real-time policy, nor leaves
 * SCHED_IDLE or SCHED_RESET_ON_FORK behind.
 */
static int set_policy(struct process *p, int policy, int priority)
{
	const int reset = policy & SCHED_RESET_ON_FORK;
	int low, high;

	policy &= ~SCHED_RESET_ON_FORK;
	if (!policy_range(policy, &low, &high) || policy >= SCHED_DEADLINE ||
	    priority < low || priority > high)
		return -EINVAL;
	if (high || (p->sched_policy & SCHED_RESET_ON_FORK && !reset))
		return -EPERM;
	if ((p->sched_policy & ~SCHED_RESET_ON_FORK) == SCHED_IDLE &&
	    policy != SCHED_IDLE && !can_nice(p))
		return -EPERM;
	p->sched_policy = policy | reset;
	return 0;
}

static int64_t set_scheduler(struct process *p, int pid, int policy, gva_t gva)
{
	struct sched_param param;

	if (!gva || pid < 0)
		return -EINVAL;
	if (mm_copy_from(p->mm, &param, gva, sizeof(param)))
		return -EFAULT;
	return is_self(pid) ? set_policy(p, policy, param.sched_priority) : -ESRCH;
}

int64_t sys_sched_setscheduler(struct process *p, const uint64_t a[6])
{
	return (int)a[1] < 0 ? -EINVAL : set_scheduler(p, (int)a[0], (int)a[1], a[2]);
}

int64_t sys_sched_setparam(struct process *p, const uint64_t a[6])
{
	return set_scheduler(p, (int)a[0], p->sched_policy, a[1]);
}

/* The host's: it schedules who runs the payload. */
int64_t sys_sched_rr_get_interval(struct process *p, const uint64_t a[6])
{
	const int err = check_pid((int)a[0]);
	struct timespec ts;

	if (err)
		return err;
	if (sched_rr_get_interval(0, &ts))
		return -errno;
	return mm_copy_to(p->mm, a[1], &ts, sizeof(ts)) ? -EFAULT : 0;
}

/* ---- where it runs */

int64_t sys_getcpu(struct process *p, const uint64_t a[6])
{
	const uint32_t zero = 0;

	if (a[0] && mm_copy_to(p->mm, a[0], &zero, sizeof(zero)))
		return -EFAULT;
	return a[1] && mm_copy_to(p->mm, a[1], &zero, sizeof(zero)) ? -EFAULT : 0;
}

/* MEMBARRIER_CMD_QUERY, 0: no other command is supported. */
int64_t sys_membarrier(struct process *p, const uint64_t a[6])
{
	(void)p;
	return (int)a[0] || (unsigned)a[1] ? -EINVAL : 0;
}

/* ---- children: it has none */

int64_t sys_wait4(struct process *p, const uint64_t a[6])
{
	const int options = (int)a[2];

	(void)p;
	if (options & ~(int)(WNOHANG | WUNTRACED | WCONTINUED | (int)__WNOTHREAD |
			     (int)__WCLONE | (int)__WALL))
		return -EINVAL;
	return (int)a[0] == INT_MIN ? -ESRCH : -ECHILD;
}

int64_t sys_waitid(struct process *p, const uint64_t a[6])
{
	const int which = (int)a[0], id = (int)a[1], options = (int)a[3];

	(void)p;
	if (options & ~(int)(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED |
			     (int)__WNOTHREAD | (int)__WCLONE | (int)__WALL) ||
	    !(options & (int)(WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	switch (which) {
	case P_ALL:
		return -ECHILD;
	case P_PID:
		return id <= 0 ? -EINVAL : -ECHILD;
	case P_PGID:
		return id < 0 ? -EINVAL : -ECHILD;
	case P_PIDFD:
		return id < 0 ? -EINVAL : -EBADF; /* nothing makes one */
	default:
		return -EINVAL;
	}
}

/* ---- futexes of one thread: nobody else waits, and nobody will wake it */

/* get_futex_key() and, if value is wanted, futex_get_value_locked(): 0 or -errno. */
static int check_futex(struct process *p, gva_t gva, bool private, uint32_t *value)
{
	if (gva % sizeof(uint32_t))
		return -EINVAL;
	if (!access_ok(gva, sizeof(uint32_t)))
		return -EFAULT;
	/* a private one is its address, that of a shared one is the page behind it */
	if (!private && mm_futex_page(p->mm, gva))
		return -EFAULT;
	return value && mm_copy_from(p->mm, value, gva, sizeof(*value)) ? -EFAULT : 0;
}

static int64_t futex_wait(struct process *p, const uint64_t a[6], clockid_t clock,
			  bool absolute, const struct timespec *timeout)
{
	uint32_t value;
	int err;

	if (!p->sleep.on) {
		err = check_futex(p, a[0], (int)a[1] & FUTEX_PRIVATE_FLAG, &value);
		if (err)
			return err;
		if (value != (uint32_t)a[2])
			return -EAGAIN;
	}
	err = sleep_until(p, clock, absolute, timeout);
	if (!err)
		return -ETIMEDOUT;
	return err == -ERESTARTSYS && timeout ? -ERESTARTNOHAND : err;
}

/* futex_wait() and futex_wake(); the rest is refused as by a kernel without it. */
int64_t sys_futex(struct process *p, const uint64_t a[6])
{
	const int op = (int)a[1], cmd = op & FUTEX_CMD_MASK;
	const bool waits = cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET;
	const bool bitset = cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAKE_BITSET;
	const clockid_t clock = op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME
							  : CLOCK_MONOTONIC;
	struct timespec timeout;

	if (!waits && cmd != FUTEX_WAKE && cmd != FUTEX_WAKE_BITSET)
		return -ENOSYS;
	if (waits && a[3]) {
		if (mm_copy_from(p->mm, &timeout, a[3], sizeof(timeout)))
			return -EFAULT;
		if (!timespec_valid(&timeout))
			return -EINVAL;
	}
	if (op & FUTEX_CLOCK_REALTIME && cmd != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	if (bitset && !(uint32_t)a[5])
		return -EINVAL;
	if (waits)
		return futex_wait(p, a, clock, bitset, a[3] ? &timeout : NULL);
	return check_futex(p, a[0], op & FUTEX_PRIVATE_FLAG, NULL);
}
