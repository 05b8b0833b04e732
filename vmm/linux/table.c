/* SPDX-License-Identifier: MIT */
/* table.c: from a number to the function behind it; calls that have none are counted. */
#include <errno.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/numbers.h"
#include "vmm/observe/probes.h"

typedef int64_t (*call_fn)(struct process *p, const uint64_t a[6]);

/* By number; NULL: not served. */
static const call_fn table[] = {
	[__NR_accept] = sys_bind,
	[__NR_accept4] = sys_accept4,
	[__NR_access] = sys_access,
	[__NR_alarm] = sys_alarm,
	[__NR_arch_prctl] = sys_arch_prctl,
	[__NR_bind] = sys_bind,
	[__NR_brk] = sys_brk,
	[__NR_capget] = sys_capget,
	[__NR_capset] = sys_capset,
	[__NR_chdir] = sys_chdir,
	[__NR_chmod] = sys_chmod,
	[__NR_chown] = sys_chown,
	[__NR_clock_getres] = sys_clock_getres,
	[__NR_clock_gettime] = sys_clock_gettime,
	[__NR_clock_nanosleep] = sys_clock_nanosleep,
	[__NR_clock_settime] = sys_clock_settime,
	[__NR_close] = sys_close,
	[__NR_close_range] = sys_close_range,
	[__NR_connect] = sys_connect,
	[__NR_copy_file_range] = sys_copy_file_range,
	[__NR_creat] = sys_creat,
	[__NR_dup] = sys_dup,
	[__NR_dup2] = sys_dup2,
	[__NR_dup3] = sys_dup3,
	[__NR_epoll_create] = sys_epoll_create,
	[__NR_epoll_create1] = sys_epoll_create1,
	[__NR_epoll_ctl] = sys_epoll_ctl,
	[__NR_epoll_pwait] = sys_epoll_pwait,
	[__NR_epoll_pwait2] = sys_epoll_pwait2,
	[__NR_epoll_wait] = sys_epoll_wait,
	[__NR_eventfd] = sys_eventfd,
	[__NR_eventfd2] = sys_eventfd2,
	[__NR_exit] = sys_exit,
	[__NR_exit_group] = sys_exit,
	[__NR_faccessat] = sys_faccessat,
	[__NR_faccessat2] = sys_faccessat2,
	[__NR_fadvise64] = sys_fadvise64,
	[__NR_fallocate] = sys_fallocate,
	[__NR_fchdir] = sys_fchdir,
	[__NR_fchmod] = sys_fchmod,
	[__NR_fchmodat] = sys_fchmodat,
	[__NR_fchmodat2] = sys_fchmodat2,
	[__NR_fchown] = sys_fchown,
	[__NR_fchownat] = sys_fchownat,
	[__NR_fcntl] = sys_fcntl,
	[__NR_fdatasync] = sys_fdatasync,
	[__NR_fgetxattr] = sys_fgetxattr,
	[__NR_flistxattr] = sys_flistxattr,
	[__NR_flock] = sys_flock,
	[__NR_fremovexattr] = sys_fsetxattr,
	[__NR_fsetxattr] = sys_fsetxattr,
	[__NR_fstat] = sys_fstat,
	[__NR_fstatfs] = sys_fstatfs,
	[__NR_fsync] = sys_fsync,
	[__NR_ftruncate] = sys_ftruncate,
	[__NR_futex] = sys_futex,
	[__NR_futimesat] = sys_futimesat,
	[__NR_get_robust_list] = sys_get_robust_list,
	[__NR_getcpu] = sys_getcpu,
	[__NR_getcwd] = sys_getcwd,
	[__NR_getdents64] = sys_getdents64,
	[__NR_getegid] = sys_getegid,
	[__NR_geteuid] = sys_geteuid,
	[__NR_getgid] = sys_getgid,
	[__NR_getgroups] = sys_getgroups,
	[__NR_getitimer] = sys_getitimer,
	[__NR_getpeername] = sys_getpeername,
	[__NR_getpgid] = sys_getpgid,
	[__NR_getpgrp] = sys_getpgrp,
	[__NR_getpid] = sys_getpid,
	[__NR_getppid] = sys_getppid,
	[__NR_getpriority] = sys_getpriority,
	[__NR_getrandom] = sys_getrandom,
	[__NR_getresgid] = sys_getresgid,
	[__NR_getresuid] = sys_getresuid,
	[__NR_getrlimit] = sys_getrlimit,
	[__NR_getrusage] = sys_getrusage,
	[__NR_getsid] = sys_getsid,
	[__NR_getsockname] = sys_getsockname,
	[__NR_getsockopt] = sys_getsockopt,
	[__NR_gettid] = sys_getpid,
	[__NR_gettimeofday] = sys_gettimeofday,
	[__NR_getuid] = sys_getuid,
	[__NR_getxattr] = sys_getxattr,
	[__NR_inotify_add_watch] = sys_inotify_add_watch,
	[__NR_inotify_init1] = sys_inotify_init1,
	[__NR_inotify_init] = sys_inotify_init,
	[__NR_inotify_rm_watch] = sys_inotify_rm_watch,
	[__NR_ioctl] = sys_ioctl,
	[__NR_kill] = sys_kill,
	[__NR_lchown] = sys_lchown,
	[__NR_lgetxattr] = sys_lgetxattr,
	[__NR_link] = sys_link,
	[__NR_linkat] = sys_linkat,
	[__NR_listxattr] = sys_listxattr,
	[__NR_llistxattr] = sys_llistxattr,
	[__NR_lremovexattr] = sys_lsetxattr,
	[__NR_listen] = sys_bind,
	[__NR_lseek] = sys_lseek,
	[__NR_lsetxattr] = sys_lsetxattr,
	[__NR_lstat] = sys_lstat,
	[__NR_madvise] = sys_madvise,
	[__NR_membarrier] = sys_membarrier,
	[__NR_memfd_create] = sys_memfd_create,
	[__NR_mincore] = sys_mincore,
	[__NR_mkdir] = sys_mkdir,
	[__NR_mkdirat] = sys_mkdirat,
	[__NR_mknod] = sys_mknod,
	[__NR_mknodat] = sys_mknodat,
	[__NR_mlock] = sys_mlock,
	[__NR_mlock2] = sys_mlock2,
	[__NR_mlockall] = sys_mlockall,
	[__NR_mmap] = sys_mmap,
	[__NR_mprotect] = sys_mprotect,
	[__NR_mremap] = sys_mremap,
	[__NR_msync] = sys_msync,
	[__NR_munlock] = sys_munlock,
	[__NR_munlockall] = sys_munlockall,
	[__NR_munmap] = sys_munmap,
	[__NR_nanosleep] = sys_nanosleep,
	[__NR_newfstatat] = sys_newfstatat,
	[__NR_open] = sys_open,
	[__NR_openat] = sys_openat,
	[__NR_pause] = sys_pause,
	[__NR_personality] = sys_personality,
	[__NR_pipe] = sys_pipe,
	[__NR_pipe2] = sys_pipe2,
	[__NR_poll] = sys_poll,
	[__NR_ppoll] = sys_ppoll,
	[__NR_prctl] = sys_prctl,
	[__NR_pread64] = sys_pread64,
	[__NR_preadv2] = sys_preadv2,
	[__NR_preadv] = sys_preadv,
	[__NR_prlimit64] = sys_prlimit64,
	[__NR_pselect6] = sys_pselect6,
	[__NR_pwrite64] = sys_pwrite64,
	[__NR_pwritev] = sys_pwritev,
	[__NR_pwritev2] = sys_pwritev2,
	[__NR_read] = sys_read,
	[__NR_readahead] = sys_readahead,
	[__NR_readlink] = sys_readlink,
	[__NR_readlinkat] = sys_readlinkat,
	[__NR_readv] = sys_readv,
	[__NR_removexattr] = sys_setxattr,
	[__NR_recvfrom] = sys_recvfrom,
	[__NR_recvmmsg] = sys_recvmmsg,
	[__NR_recvmsg] = sys_recvmsg,
	[__NR_rename] = sys_rename,
	[__NR_renameat] = sys_renameat,
	[__NR_renameat2] = sys_renameat2,
	[__NR_rmdir] = sys_rmdir,
	[__NR_rt_sigaction] = sys_rt_sigaction,
	[__NR_rt_sigpending] = sys_rt_sigpending,
	[__NR_rt_sigprocmask] = sys_rt_sigprocmask,
	[__NR_rt_sigqueueinfo] = sys_rt_sigqueueinfo,
	[__NR_rt_sigreturn] = sys_rt_sigreturn,
	[__NR_rt_sigsuspend] = sys_rt_sigsuspend,
	[__NR_rt_sigtimedwait] = sys_rt_sigtimedwait,
	[__NR_rt_tgsigqueueinfo] = sys_rt_tgsigqueueinfo,
	[__NR_sched_get_priority_max] = sys_sched_get_priority_max,
	[__NR_sched_get_priority_min] = sys_sched_get_priority_min,
	[__NR_sched_getaffinity] = sys_sched_getaffinity,
	[__NR_sched_getparam] = sys_sched_getparam,
	[__NR_sched_getscheduler] = sys_sched_getscheduler,
	[__NR_sched_rr_get_interval] = sys_sched_rr_get_interval,
	[__NR_sched_setaffinity] = sys_sched_setaffinity,
	[__NR_sched_setparam] = sys_sched_setparam,
	[__NR_sched_setscheduler] = sys_sched_setscheduler,
	[__NR_sched_yield] = sys_sched_yield,
	[__NR_select] = sys_select,
	[__NR_sendfile] = sys_sendfile,
	[__NR_sendmmsg] = sys_sendmmsg,
	[__NR_sendmsg] = sys_sendmsg,
	[__NR_sendto] = sys_sendto,
	[__NR_set_robust_list] = sys_set_robust_list,
	[__NR_set_tid_address] = sys_set_tid_address,
	[__NR_setfsgid] = sys_setfsgid,
	[__NR_setfsuid] = sys_setfsuid,
	[__NR_setgid] = sys_setgid,
	[__NR_setgroups] = sys_setgroups,
	[__NR_setitimer] = sys_setitimer,
	[__NR_setpgid] = sys_setpgid,
	[__NR_setpriority] = sys_setpriority,
	[__NR_setregid] = sys_setregid,
	[__NR_setresgid] = sys_setresgid,
	[__NR_setresuid] = sys_setresuid,
	[__NR_setreuid] = sys_setreuid,
	[__NR_setrlimit] = sys_setrlimit,
	[__NR_setsid] = sys_setsid,
	[__NR_setsockopt] = sys_setsockopt,
	[__NR_settimeofday] = sys_settimeofday,
	[__NR_setuid] = sys_setuid,
	[__NR_setxattr] = sys_setxattr,
	[__NR_shmat] = sys_shmat,
	[__NR_shmctl] = sys_shmctl,
	[__NR_shmdt] = sys_shmdt,
	[__NR_shmget] = sys_shmget,
	[__NR_shutdown] = sys_shutdown,
	[__NR_sigaltstack] = sys_sigaltstack,
	[__NR_socket] = sys_socket,
	[__NR_socketpair] = sys_socketpair,
	[__NR_stat] = sys_stat,
	[__NR_statfs] = sys_statfs,
	[__NR_statx] = sys_statx,
	[__NR_symlink] = sys_symlink,
	[__NR_symlinkat] = sys_symlinkat,
	[__NR_sync] = sys_sync,
	[__NR_sync_file_range] = sys_sync_file_range,
	[__NR_syncfs] = sys_syncfs,
	[__NR_sysinfo] = sys_sysinfo,
	[__NR_tgkill] = sys_tgkill,
	[__NR_time] = sys_time,
	[__NR_timer_create] = sys_timer_create,
	[__NR_timer_delete] = sys_timer_delete,
	[__NR_timer_getoverrun] = sys_timer_getoverrun,
	[__NR_timer_gettime] = sys_timer_gettime,
	[__NR_timer_settime] = sys_timer_settime,
	[__NR_timerfd_create] = sys_timerfd_create,
	[__NR_timerfd_gettime] = sys_timerfd_gettime,
	[__NR_timerfd_settime] = sys_timerfd_settime,
	[__NR_times] = sys_times,
	[__NR_tkill] = sys_tkill,
	[__NR_truncate] = sys_truncate,
	[__NR_umask] = sys_umask,
	[__NR_uname] = sys_uname,
	[__NR_unlink] = sys_unlink,
	[__NR_unlinkat] = sys_unlinkat,
	[__NR_utime] = sys_utime,
	[__NR_utimensat] = sys_utimensat,
	[__NR_utimes] = sys_utimes,
	[__NR_wait4] = sys_wait4,
	[__NR_waitid] = sys_waitid,
	[__NR_write] = sys_write,
	[__NR_writev] = sys_writev,
};

/* The row that counts nr: its own, or the one of -1, which those that find none share. */
static struct unknown_call *unknown_row(struct process *p, int64_t nr)
{
	unsigned own = 0;

	for (unsigned i = 0; i < p->nr_unknown; i++) {
		if (p->unknown[i].nr == nr)
			return &p->unknown[i];
		own += p->unknown[i].nr != -1;
	}
	if (own == UNKNOWN_ROWS && nr != -1)
		return unknown_row(p, -1);
	p->unknown[p->nr_unknown] = (struct unknown_call){ .nr = nr };
	return &p->unknown[p->nr_unknown++];
}

static int64_t unknown_call(struct process *p, int64_t nr)
{
	p->calls_unknown++;
	unknown_row(p, nr)->count++;
	return -ENOSYS;
}

unsigned linux_call_row(int nr)
{
	if (nr >= 0 && nr < CALL_ROWS)
		return (unsigned)nr;
	return nr == MV_CALL_NOP ? CALL_ROW_NOP : CALL_ROW_OTHER;
}

int linux_row_call(unsigned row)
{
	if (row < CALL_ROWS)
		return (int)row;
	return row == CALL_ROW_NOP ? MV_CALL_NOP : -1;
}

/* IS_ERR_VALUE() of linux/err.h: what a libc would make errno of. */
static bool is_error(int64_t result)
{
	return result < 0 && result >= -4095;
}

static void count_call(struct process *p, int nr, int64_t result)
{
	struct call_count *row = &p->counts[linux_call_row(nr)];

	p->calls++;
	row->made++;
	row->failed += is_error(result) && result != -ESIGRETURN;
}

/* Or was the kick for somebody else? */
static bool interrupted_by_signal(struct process *p, int64_t rax, int64_t result)
{
	signals_collect(p);
	if (!signal_pending(&p->signals))
		return false;
	p->restart = result == -ERESTARTSYS ? RESTART_SYS : RESTART_NOHAND;
	p->restart_nr = rax;
	return true;
}

bool linux_serves(int nr)
{
	return nr >= 0 && (size_t)nr < sizeof(table) / sizeof(*table) && table[nr];
}

enum call_end linux_call(struct process *p, int64_t rax, const uint64_t args[6],
			 int64_t *result)
{
	/* "syscall numbers are treated as int": arch/x86/entry/entry_64.S */
	int nr = (int)rax;

	probe_call_begin(nr, args);
	if (linux_serves(nr))
		*result = table[nr](p, args);
	else if (nr == MV_CALL_NOP)
		*result = 0;
	else
		*result = unknown_call(p, nr);
	probe_call_end(*result);
	if (*result == -ERESTARTSYS || *result == -ERESTARTNOHAND) {
		if (!interrupted_by_signal(p, rax, *result))
			return CALL_INTERRUPTED;
		*result = -EINTR;
	} else {
		p->sleep.on = false;
	}
	count_call(p, nr, *result);
	if (p->ended)
		return CALL_EXIT;
	return *result == -ESIGRETURN ? CALL_SIGRETURN : CALL_DONE;
}
