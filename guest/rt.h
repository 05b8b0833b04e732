/* SPDX-License-Identifier: MIT */
/*
 * rt.h: the runtime of freestanding payloads, for Linux and for mapvisor alike: system
 * calls, output, and the few helpers that a program without libc misses.
 *
 * Calls return what the kernel returns: a result, or -errno. No user address is
 * negative as a long, so r < 0 says that a call failed, mmap() too.
 */
#ifndef GUEST_RT_H
#define GUEST_RT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/ucontext.h>
#include <asm/unistd.h>
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/time.h>
#include <linux/uio.h>

#include <mapvisor/guest.h>

#define PAGE_SIZE 4096ul
#define PAGE_ALIGN(n) (((n) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

#define KIB 1024ul
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

/* Reads "mapvisor" in memory; what payloads leave there is made from it. */
#define PATTERN 0x726f73697670616dul

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Linux's calling convention; `syscall' itself overwrites rcx and r11. */
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;

	asm volatile("syscall"
		     : "+a"(nr)
		     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return nr;
}

static inline long sys4(long nr, long a, long b, long c, long d)
{
	register long r10 asm("r10") = d;

	asm volatile("syscall"
		     : "+a"(nr)
		     : "D"(a), "S"(b), "d"(c), "r"(r10)
		     : "rcx", "r11", "memory");
	return nr;
}

static inline long sys3(long nr, long a, long b, long c)
{
	asm volatile("syscall"
		     : "+a"(nr)
		     : "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return nr;
}

/* The other way to the same calls, straight from ring 3. Linux answers it with SIGSEGV. */
static inline long mv_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;

	asm volatile("out %%al, %1"
		     : "+a"(nr)
		     : "i"(MV_PORT_CALL), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "memory");
	return nr;
}

/* Memory. */

static inline long sys_mmap(void *addr, size_t len, int prot, int flags, int fd, long off)
{
	return sys6(__NR_mmap, (long)addr, len, prot, flags, fd, off);
}

static inline long sys_munmap(void *addr, size_t len)
{
	return sys3(__NR_munmap, (long)addr, len, 0);
}

static inline long sys_mprotect(void *addr, size_t len, int prot)
{
	return sys3(__NR_mprotect, (long)addr, len, prot);
}

static inline long sys_madvise(void *addr, size_t len, int advice)
{
	return sys3(__NR_madvise, (long)addr, len, advice);
}

static inline long sys_msync(void *addr, size_t len, int flags)
{
	return sys3(__NR_msync, (long)addr, len, flags);
}

/* Unlike libc's: returns the break, which is the old one where it couldn't be moved. */
static inline long sys_brk(void *addr)
{
	return sys3(__NR_brk, (long)addr, 0, 0);
}

/* Files. */

static inline long sys_open(const char *path, int flags, int mode)
{
	return sys3(__NR_open, (long)path, flags, mode);
}

static inline long sys_openat(int dirfd, const char *path, int flags, int mode)
{
	return sys4(__NR_openat, dirfd, (long)path, flags, mode);
}

static inline long sys_close(int fd)
{
	return sys3(__NR_close, fd, 0, 0);
}

static inline long sys_read(int fd, void *buf, size_t len)
{
	return sys3(__NR_read, fd, (long)buf, len);
}

static inline long sys_pread64(int fd, void *buf, size_t len, long off)
{
	return sys4(__NR_pread64, fd, (long)buf, len, off);
}

static inline long sys_write(int fd, const void *buf, size_t len)
{
	return sys3(__NR_write, fd, (long)buf, len);
}

static inline long sys_pwrite64(int fd, const void *buf, size_t len, long off)
{
	return sys4(__NR_pwrite64, fd, (long)buf, len, off);
}

static inline long sys_writev(int fd, const struct iovec *iov, int count)
{
	return sys3(__NR_writev, fd, (long)iov, count);
}

static inline long sys_lseek(int fd, long off, int whence)
{
	return sys3(__NR_lseek, fd, off, whence);
}

static inline long sys_fstat(int fd, struct stat *st)
{
	return sys3(__NR_fstat, fd, (long)st, 0);
}

/* Signals. The kernel's struct sigaction, and its sigset_t: a long, signal n at bit n - 1. */

static inline long sys_rt_sigaction(int sig, const struct sigaction *act,
				    struct sigaction *old)
{
	return sys4(__NR_rt_sigaction, sig, (long)act, (long)old, sizeof(sigset_t));
}

static inline long sys_rt_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return sys4(__NR_rt_sigprocmask, how, (long)set, (long)old, sizeof(sigset_t));
}

static inline long sys_rt_sigpending(sigset_t *set)
{
	return sys3(__NR_rt_sigpending, (long)set, sizeof(*set), 0);
}

static inline long sys_sigaltstack(const stack_t *new, stack_t *old)
{
	return sys3(__NR_sigaltstack, (long)new, (long)old, 0);
}

static inline long sys_kill(int pid, int sig)
{
	return sys3(__NR_kill, pid, sig, 0);
}

static inline long sys_tgkill(int tgid, int tid, int sig)
{
	return sys3(__NR_tgkill, tgid, tid, sig);
}

/* restore.S */
void restore_rt(void) __attribute__((visibility("hidden")));

/* Process, time, chance. */

static inline long sys_getpid(void)
{
	return sys3(__NR_getpid, 0, 0, 0);
}

static inline long sys_getppid(void)
{
	return sys3(__NR_getppid, 0, 0, 0);
}

static inline long sys_clock_gettime(int clock, struct timespec *ts)
{
	return sys3(__NR_clock_gettime, clock, (long)ts, 0);
}

static inline long sys_getrandom(void *buf, size_t len, unsigned int flags)
{
	return sys3(__NR_getrandom, (long)buf, len, flags);
}

static inline _Noreturn void sys_exit(int status)
{
	for (;;)
		sys3(__NR_exit, status, 0, 0);
}

static inline _Noreturn void sys_exit_group(int status)
{
	for (;;)
		sys3(__NR_exit_group, status, 0, 0);
}

/* string.c */
void *memcpy(void *dst, const void *src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

/* start.c: the last part of argv[0]; without visibility, reading it may need the GOT. */
extern const char *program __attribute__((visibility("hidden")));

/*
 * print.c. Knows %s %c %d %u %x %ld %lu %lx %p, without widths. Text of up to 512 bytes
 * leaves in one write().
 */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* ... by a number other than 1. */
void say_to(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says "PROGRAM: what (errno N)" on fd 2 and exits with 1; err 0 has no errno. */
_Noreturn void die(long err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says "usage: PROGRAM ARGS" on fd 2 and exits with 2. */
_Noreturn void usage(const char *args);

/* parse.c: "12", "4K", "64M", "1G" or "2T" in bytes; 0 for whatever isn't one. */
size_t parse_size(const char *s);

/* must.c: mmap(), open() and sigaction() for those who can't go on without; size may be NULL. */
void *must_map(void *addr, size_t len, int prot, int flags, int fd);
int must_open(const char *path, int flags, size_t *size);

/* A handler with its siginfo_t and struct ucontext; flags beside SA_SIGINFO and SA_RESTORER. */
void must_handle(int sig, void (*handler)(int, siginfo_t *, void *), unsigned long flags);

/* time.c */
uint64_t now_ns(void);
uint64_t tsc_khz(void);

/* Neither what stands before it nor what stands behind it is counted on the wrong side. */
static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* cycles.c: sorts n timings and says "KEY n min_cycles ... p50_cycles ..." in a line. */
void say_cycles(const char *key, uint32_t *cycles, size_t n);

#endif
