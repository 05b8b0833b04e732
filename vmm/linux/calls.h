/* SPDX-License-Identifier: MIT */
/*
 * calls.h: what the files of vmm/linux/ share: the functions behind the numbers, one a
 * call, with the arguments as they were in registers. They return what rax shall hold, or
 * one of the next two; what narrows an argument does it as Linux's SYSCALL_DEFINE does.
 */
#ifndef LINUX_CALLS_H
#define LINUX_CALLS_H

#include "vmm/linux/process.h"

/*
 * As in linux/errno.h, and never seen by a payload: the call was interrupted. If no signal is to be
 * delivered, or none that has a handler, it is made again. After a handler, it is -EINTR; but
 * -ERESTARTSYS, if the action has SA_RESTART, is made again by the payload.
 */
#define ERESTARTSYS 512
#define ERESTARTNOHAND 514
/* Never seen either: rt_sigreturn has no result, all registers come from the frame. */
#define ESIGRETURN 600

/* include/linux/fs.h: the most that one read or write transfers. */
#define MAX_RW_COUNT (INT32_MAX & PAGE_MASK)

/* Whether a range is in the payload's half: arch/x86/include/asm/uaccess_64.h */
static inline bool access_ok(gva_t gva, uint64_t len)
{
	return len <= MV_TASK_SIZE && gva <= MV_TASK_SIZE - len;
}

/* process.c */
int64_t sys_exit(struct process *p, const uint64_t a[6]);
int64_t sys_getpid(struct process *p, const uint64_t a[6]);
int64_t sys_getppid(struct process *p, const uint64_t a[6]);

/* memory.c */
int64_t sys_mmap(struct process *p, const uint64_t a[6]);
int64_t sys_munmap(struct process *p, const uint64_t a[6]);
int64_t sys_mprotect(struct process *p, const uint64_t a[6]);
int64_t sys_brk(struct process *p, const uint64_t a[6]);
int64_t sys_msync(struct process *p, const uint64_t a[6]);
int64_t sys_mremap(struct process *p, const uint64_t a[6]);
int64_t sys_madvise(struct process *p, const uint64_t a[6]);
int64_t sys_mincore(struct process *p, const uint64_t a[6]);
int64_t sys_mlock(struct process *p, const uint64_t a[6]);
int64_t sys_mlock2(struct process *p, const uint64_t a[6]);
int64_t sys_munlock(struct process *p, const uint64_t a[6]);
int64_t sys_mlockall(struct process *p, const uint64_t a[6]);
int64_t sys_munlockall(struct process *p, const uint64_t a[6]);

/* open.c */
int64_t sys_open(struct process *p, const uint64_t a[6]);
int64_t sys_creat(struct process *p, const uint64_t a[6]);
int64_t sys_openat(struct process *p, const uint64_t a[6]);
int64_t sys_close(struct process *p, const uint64_t a[6]);
int64_t sys_lseek(struct process *p, const uint64_t a[6]);

/* stat.c */
int64_t sys_stat(struct process *p, const uint64_t a[6]);
int64_t sys_lstat(struct process *p, const uint64_t a[6]);
int64_t sys_newfstatat(struct process *p, const uint64_t a[6]);
int64_t sys_fstat(struct process *p, const uint64_t a[6]);
int64_t sys_statx(struct process *p, const uint64_t a[6]);
int64_t sys_access(struct process *p, const uint64_t a[6]);
int64_t sys_faccessat(struct process *p, const uint64_t a[6]);
int64_t sys_faccessat2(struct process *p, const uint64_t a[6]);
int64_t sys_readlink(struct process *p, const uint64_t a[6]);
int64_t sys_readlinkat(struct process *p, const uint64_t a[6]);
int64_t sys_statfs(struct process *p, const uint64_t a[6]);
int64_t sys_fstatfs(struct process *p, const uint64_t a[6]);

/* dir.c */
int64_t sys_getdents64(struct process *p, const uint64_t a[6]);
int64_t sys_getcwd(struct process *p, const uint64_t a[6]);
int64_t sys_chdir(struct process *p, const uint64_t a[6]);
int64_t sys_fchdir(struct process *p, const uint64_t a[6]);
int64_t sys_umask(struct process *p, const uint64_t a[6]);

/* fds.c */
int64_t sys_dup(struct process *p, const uint64_t a[6]);
int64_t sys_dup2(struct process *p, const uint64_t a[6]);
int64_t sys_dup3(struct process *p, const uint64_t a[6]);
int64_t sys_fcntl(struct process *p, const uint64_t a[6]);
int64_t sys_close_range(struct process *p, const uint64_t a[6]);
int64_t sys_pipe(struct process *p, const uint64_t a[6]);
int64_t sys_pipe2(struct process *p, const uint64_t a[6]);
int64_t sys_eventfd(struct process *p, const uint64_t a[6]);
int64_t sys_eventfd2(struct process *p, const uint64_t a[6]);

/* lock.c */
int64_t sys_flock(struct process *p, const uint64_t a[6]);

/* transfer.c */
int64_t sys_sendfile(struct process *p, const uint64_t a[6]);
int64_t sys_copy_file_range(struct process *p, const uint64_t a[6]);
int64_t sys_fallocate(struct process *p, const uint64_t a[6]);
int64_t sys_truncate(struct process *p, const uint64_t a[6]);
int64_t sys_ftruncate(struct process *p, const uint64_t a[6]);
int64_t sys_fsync(struct process *p, const uint64_t a[6]);
int64_t sys_fdatasync(struct process *p, const uint64_t a[6]);
int64_t sys_sync(struct process *p, const uint64_t a[6]);
int64_t sys_syncfs(struct process *p, const uint64_t a[6]);
int64_t sys_sync_file_range(struct process *p, const uint64_t a[6]);
int64_t sys_fadvise64(struct process *p, const uint64_t a[6]);
int64_t sys_readahead(struct process *p, const uint64_t a[6]);

/* inotify.c */
int64_t sys_inotify_init(struct process *p, const uint64_t a[6]);
int64_t sys_inotify_init1(struct process *p, const uint64_t a[6]);
int64_t sys_inotify_add_watch(struct process *p, const uint64_t a[6]);
int64_t sys_inotify_rm_watch(struct process *p, const uint64_t a[6]);

/* ioctl.c */
int64_t sys_ioctl(struct process *p, const uint64_t a[6]);

/* poll.c */
int64_t sys_poll(struct process *p, const uint64_t a[6]);
int64_t sys_ppoll(struct process *p, const uint64_t a[6]);
int64_t sys_select(struct process *p, const uint64_t a[6]);
int64_t sys_pselect6(struct process *p, const uint64_t a[6]);

/* epoll.c */
int64_t sys_epoll_create(struct process *p, const uint64_t a[6]);
int64_t sys_epoll_create1(struct process *p, const uint64_t a[6]);
int64_t sys_epoll_ctl(struct process *p, const uint64_t a[6]);
int64_t sys_epoll_wait(struct process *p, const uint64_t a[6]);
int64_t sys_epoll_pwait(struct process *p, const uint64_t a[6]);
int64_t sys_epoll_pwait2(struct process *p, const uint64_t a[6]);

/* socket.c */
int64_t sys_socket(struct process *p, const uint64_t a[6]);
int64_t sys_socketpair(struct process *p, const uint64_t a[6]);
int64_t sys_bind(struct process *p, const uint64_t a[6]);
int64_t sys_connect(struct process *p, const uint64_t a[6]);
int64_t sys_accept4(struct process *p, const uint64_t a[6]);
int64_t sys_getsockname(struct process *p, const uint64_t a[6]);
int64_t sys_getpeername(struct process *p, const uint64_t a[6]);
int64_t sys_shutdown(struct process *p, const uint64_t a[6]);
int64_t sys_sendto(struct process *p, const uint64_t a[6]);
int64_t sys_recvfrom(struct process *p, const uint64_t a[6]);

/* message.c */
int64_t sys_sendmsg(struct process *p, const uint64_t a[6]);
int64_t sys_recvmsg(struct process *p, const uint64_t a[6]);
int64_t sys_sendmmsg(struct process *p, const uint64_t a[6]);
int64_t sys_recvmmsg(struct process *p, const uint64_t a[6]);

/* sockopt.c */
int64_t sys_getsockopt(struct process *p, const uint64_t a[6]);
int64_t sys_setsockopt(struct process *p, const uint64_t a[6]);

/* change.c */
int64_t sys_mkdir(struct process *p, const uint64_t a[6]);
int64_t sys_mkdirat(struct process *p, const uint64_t a[6]);
int64_t sys_mknod(struct process *p, const uint64_t a[6]);
int64_t sys_mknodat(struct process *p, const uint64_t a[6]);
int64_t sys_unlink(struct process *p, const uint64_t a[6]);
int64_t sys_unlinkat(struct process *p, const uint64_t a[6]);
int64_t sys_rmdir(struct process *p, const uint64_t a[6]);
int64_t sys_rename(struct process *p, const uint64_t a[6]);
int64_t sys_renameat(struct process *p, const uint64_t a[6]);
int64_t sys_renameat2(struct process *p, const uint64_t a[6]);
int64_t sys_link(struct process *p, const uint64_t a[6]);
int64_t sys_linkat(struct process *p, const uint64_t a[6]);
int64_t sys_symlink(struct process *p, const uint64_t a[6]);
int64_t sys_symlinkat(struct process *p, const uint64_t a[6]);

/* attr.c */
int64_t sys_chmod(struct process *p, const uint64_t a[6]);
int64_t sys_fchmod(struct process *p, const uint64_t a[6]);
int64_t sys_fchmodat(struct process *p, const uint64_t a[6]);
int64_t sys_fchmodat2(struct process *p, const uint64_t a[6]);
int64_t sys_chown(struct process *p, const uint64_t a[6]);
int64_t sys_fchown(struct process *p, const uint64_t a[6]);
int64_t sys_lchown(struct process *p, const uint64_t a[6]);
int64_t sys_fchownat(struct process *p, const uint64_t a[6]);
int64_t sys_utimensat(struct process *p, const uint64_t a[6]);
int64_t sys_utimes(struct process *p, const uint64_t a[6]);
int64_t sys_futimesat(struct process *p, const uint64_t a[6]);
int64_t sys_utime(struct process *p, const uint64_t a[6]);

/* shm.c */
int64_t sys_shmget(struct process *p, const uint64_t a[6]);
int64_t sys_shmat(struct process *p, const uint64_t a[6]);
int64_t sys_shmdt(struct process *p, const uint64_t a[6]);
int64_t sys_shmctl(struct process *p, const uint64_t a[6]);

/* special.c */
int64_t sys_memfd_create(struct process *p, const uint64_t a[6]);

/* rw.c */
int64_t sys_read(struct process *p, const uint64_t a[6]);
int64_t sys_write(struct process *p, const uint64_t a[6]);
int64_t sys_pread64(struct process *p, const uint64_t a[6]);
int64_t sys_pwrite64(struct process *p, const uint64_t a[6]);
int64_t sys_readv(struct process *p, const uint64_t a[6]);
int64_t sys_writev(struct process *p, const uint64_t a[6]);
int64_t sys_preadv(struct process *p, const uint64_t a[6]);
int64_t sys_pwritev(struct process *p, const uint64_t a[6]);
int64_t sys_preadv2(struct process *p, const uint64_t a[6]);
int64_t sys_pwritev2(struct process *p, const uint64_t a[6]);

/* signal.c */
int64_t sys_rt_sigaction(struct process *p, const uint64_t a[6]);
int64_t sys_rt_sigprocmask(struct process *p, const uint64_t a[6]);
int64_t sys_rt_sigpending(struct process *p, const uint64_t a[6]);
int64_t sys_rt_sigreturn(struct process *p, const uint64_t a[6]);
int64_t sys_sigaltstack(struct process *p, const uint64_t a[6]);
int64_t sys_pause(struct process *p, const uint64_t a[6]);
int64_t sys_rt_sigsuspend(struct process *p, const uint64_t a[6]);
int64_t sys_rt_sigtimedwait(struct process *p, const uint64_t a[6]);

/* kill.c */
int64_t sys_kill(struct process *p, const uint64_t a[6]);
int64_t sys_tkill(struct process *p, const uint64_t a[6]);
int64_t sys_tgkill(struct process *p, const uint64_t a[6]);
int64_t sys_rt_sigqueueinfo(struct process *p, const uint64_t a[6]);
int64_t sys_rt_tgsigqueueinfo(struct process *p, const uint64_t a[6]);

/* itimer.c */
int64_t sys_setitimer(struct process *p, const uint64_t a[6]);
int64_t sys_getitimer(struct process *p, const uint64_t a[6]);
int64_t sys_alarm(struct process *p, const uint64_t a[6]);

/* ptimer.c */
int64_t sys_timer_create(struct process *p, const uint64_t a[6]);
int64_t sys_timer_settime(struct process *p, const uint64_t a[6]);
int64_t sys_timer_gettime(struct process *p, const uint64_t a[6]);
int64_t sys_timer_getoverrun(struct process *p, const uint64_t a[6]);
int64_t sys_timer_delete(struct process *p, const uint64_t a[6]);

/* timerfd.c */
int64_t sys_timerfd_create(struct process *p, const uint64_t a[6]);
int64_t sys_timerfd_settime(struct process *p, const uint64_t a[6]);
int64_t sys_timerfd_gettime(struct process *p, const uint64_t a[6]);

/* thread.c */
int64_t sys_arch_prctl(struct process *p, const uint64_t a[6]);
int64_t sys_set_tid_address(struct process *p, const uint64_t a[6]);
int64_t sys_set_robust_list(struct process *p, const uint64_t a[6]);
int64_t sys_get_robust_list(struct process *p, const uint64_t a[6]);

/* limits.c */
int64_t sys_getrlimit(struct process *p, const uint64_t a[6]);
int64_t sys_setrlimit(struct process *p, const uint64_t a[6]);
int64_t sys_prlimit64(struct process *p, const uint64_t a[6]);

/* uname.c */
int64_t sys_uname(struct process *p, const uint64_t a[6]);

/* time.c */
int64_t sys_clock_gettime(struct process *p, const uint64_t a[6]);
int64_t sys_clock_getres(struct process *p, const uint64_t a[6]);
int64_t sys_clock_settime(struct process *p, const uint64_t a[6]);
int64_t sys_settimeofday(struct process *p, const uint64_t a[6]);
int64_t sys_gettimeofday(struct process *p, const uint64_t a[6]);
int64_t sys_time(struct process *p, const uint64_t a[6]);
int64_t sys_nanosleep(struct process *p, const uint64_t a[6]);
int64_t sys_clock_nanosleep(struct process *p, const uint64_t a[6]);

/* usage.c */
int64_t sys_getrusage(struct process *p, const uint64_t a[6]);
int64_t sys_times(struct process *p, const uint64_t a[6]);
int64_t sys_sysinfo(struct process *p, const uint64_t a[6]);

/* sched.c */
int64_t sys_getpriority(struct process *p, const uint64_t a[6]);
int64_t sys_setpriority(struct process *p, const uint64_t a[6]);
int64_t sys_sched_yield(struct process *p, const uint64_t a[6]);
int64_t sys_sched_getaffinity(struct process *p, const uint64_t a[6]);
int64_t sys_sched_setaffinity(struct process *p, const uint64_t a[6]);
int64_t sys_sched_get_priority_max(struct process *p, const uint64_t a[6]);
int64_t sys_sched_get_priority_min(struct process *p, const uint64_t a[6]);
int64_t sys_sched_getscheduler(struct process *p, const uint64_t a[6]);
int64_t sys_sched_setscheduler(struct process *p, const uint64_t a[6]);
int64_t sys_sched_getparam(struct process *p, const uint64_t a[6]);
int64_t sys_sched_setparam(struct process *p, const uint64_t a[6]);
int64_t sys_sched_rr_get_interval(struct process *p, const uint64_t a[6]);
int64_t sys_getcpu(struct process *p, const uint64_t a[6]);
int64_t sys_membarrier(struct process *p, const uint64_t a[6]);
int64_t sys_wait4(struct process *p, const uint64_t a[6]);
int64_t sys_waitid(struct process *p, const uint64_t a[6]);
int64_t sys_futex(struct process *p, const uint64_t a[6]);

/* prctl.c */
int64_t sys_prctl(struct process *p, const uint64_t a[6]);
int64_t sys_personality(struct process *p, const uint64_t a[6]);

/* ids.c */
int64_t sys_getuid(struct process *p, const uint64_t a[6]);
int64_t sys_geteuid(struct process *p, const uint64_t a[6]);
int64_t sys_getgid(struct process *p, const uint64_t a[6]);
int64_t sys_getegid(struct process *p, const uint64_t a[6]);
int64_t sys_getresuid(struct process *p, const uint64_t a[6]);
int64_t sys_getresgid(struct process *p, const uint64_t a[6]);
int64_t sys_setuid(struct process *p, const uint64_t a[6]);
int64_t sys_setgid(struct process *p, const uint64_t a[6]);
int64_t sys_setreuid(struct process *p, const uint64_t a[6]);
int64_t sys_setregid(struct process *p, const uint64_t a[6]);
int64_t sys_setresuid(struct process *p, const uint64_t a[6]);
int64_t sys_setresgid(struct process *p, const uint64_t a[6]);
int64_t sys_setfsuid(struct process *p, const uint64_t a[6]);
int64_t sys_setfsgid(struct process *p, const uint64_t a[6]);
int64_t sys_getgroups(struct process *p, const uint64_t a[6]);
int64_t sys_setgroups(struct process *p, const uint64_t a[6]);
int64_t sys_getpgrp(struct process *p, const uint64_t a[6]);
int64_t sys_getpgid(struct process *p, const uint64_t a[6]);
int64_t sys_getsid(struct process *p, const uint64_t a[6]);
int64_t sys_setpgid(struct process *p, const uint64_t a[6]);
int64_t sys_setsid(struct process *p, const uint64_t a[6]);
int64_t sys_capget(struct process *p, const uint64_t a[6]);
int64_t sys_capset(struct process *p, const uint64_t a[6]);

/* random.c */
int64_t sys_getrandom(struct process *p, const uint64_t a[6]);

/* ---- xattr.c */

int64_t sys_getxattr(struct process *p, const uint64_t a[6]);
int64_t sys_lgetxattr(struct process *p, const uint64_t a[6]);
int64_t sys_fgetxattr(struct process *p, const uint64_t a[6]);
int64_t sys_setxattr(struct process *p, const uint64_t a[6]);
int64_t sys_lsetxattr(struct process *p, const uint64_t a[6]);
int64_t sys_fsetxattr(struct process *p, const uint64_t a[6]);
int64_t sys_listxattr(struct process *p, const uint64_t a[6]);
int64_t sys_llistxattr(struct process *p, const uint64_t a[6]);
int64_t sys_flistxattr(struct process *p, const uint64_t a[6]);

#endif
