/* SPDX-License-Identifier: MIT */
/*
 * thread.c: what a C library's start-up asks for: FS and GS bases, which stay through faults, signals
 * and calls; the first thread's lists; limits; the system's name. It says what it found, natively the
 * same. With "out" the bases are set by calls through the port.
 */
#include <asm/prctl.h>
#include <linux/futex.h>
#include <linux/resource.h>
#include <linux/utsname.h>

#include "guest/rt.h"

/* AT_HWCAP2: wrfsbase may be used. arch/x86/include/uapi/asm/hwcap2.h */
#define HWCAP2_FSGSBASE 2

static uint64_t blocks[4][4];
static bool by_port;

static long prctl2(long option, long arg)
{
	return by_port ? mv_call(__NR_arch_prctl, option, arg, 0, 0, 0, 0)
		       : sys3(__NR_arch_prctl, option, arg, 0);
}

/* Which block a base shows: its first word. */
static uint64_t fs_block(void)
{
	uint64_t value;

	asm volatile("mov %%fs:0, %0" : "=r"(value));
	return value;
}

static uint64_t gs_block(void)
{
	uint64_t value;

	asm volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

static void show(const char *when)
{
	uint64_t fs = 0, gs = 0;

	prctl2(ARCH_GET_FS, (long)&fs);
	prctl2(ARCH_GET_GS, (long)&gs);
	say("%s: fs %lu gs %lu, told %s\n", when, fs_block(), gs_block(),
	    fs == (uintptr_t)blocks[fs_block()] && gs == (uintptr_t)blocks[gs_block()]
		    ? "the same"
		    : "others");
}

static void skip_ud2(int sig, siginfo_t *info, void *context)
{
	struct ucontext *uc = context;

	(void)sig;
	(void)info;
	show("in a handler");
	prctl2(ARCH_SET_FS, (long)blocks[3]);
	uc->uc_mcontext.rip += 2;
}

static void bases(const unsigned long *aux)
{
	unsigned long hwcap2 = 0;
	char *page;

	for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i][0] = i;
	say("set fs %ld", prctl2(ARCH_SET_FS, (long)blocks[1]));
	say(" gs %ld\n", prctl2(ARCH_SET_GS, (long)blocks[2]));
	show("after a call");
	page = must_map(NULL, 64 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (unsigned i = 0; i < 64; i++)
		page[i * PAGE_SIZE] = 1;
	show("after faults");
	must_handle(SIGILL, skip_ud2, 0);
	asm volatile("ud2" : : : "memory");
	show("after a handler that set fs");
	for (; aux[0] != AT_NULL; aux += 2)
		hwcap2 = aux[0] == AT_HWCAP2 ? aux[1] : hwcap2;
	if (hwcap2 & HWCAP2_FSGSBASE) {
		asm volatile("wrfsbase %0; wrgsbase %1" : : "r"(blocks[2]), "r"(blocks[0]));
		show("after wrfsbase");
		page[0] = (char)fs_block();
		sys_munmap(page, 64 * PAGE_SIZE);
		asm volatile("ud2" : : : "memory");
		show("after both");
	}
}

static void refusals(void)
{
	say("fs beyond the end: %ld\n", prctl2(ARCH_SET_FS, MV_TASK_SIZE));
	say("gs not canonical: %ld\n", prctl2(ARCH_SET_GS, (long)(1ul << 47 | 1ul << 63)));
	say("told to nowhere: %ld %ld\n", prctl2(ARCH_GET_FS, 8), prctl2(ARCH_GET_GS, -8));
	say("no such option: %ld\n", prctl2(0x1234, 0));
	say("cpuid: %ld\n", prctl2(ARCH_GET_CPUID, 0));
}

static void lists(void)
{
	static struct robust_list_head head;
	uint64_t found = 0, len = 0;

	say("tid %d\n",
	    sys3(__NR_set_tid_address, (long)&found, 0, 0) == sys3(__NR_gettid, 0, 0, 0));
	say("robust list: %ld %ld\n", sys3(__NR_set_robust_list, (long)&head, 24, 0),
	    sys3(__NR_set_robust_list, (long)&head, 23, 0));
	say("got %ld", sys3(__NR_get_robust_list, 0, (long)&found, (long)&len));
	say(" %d %lu\n", found == (uintptr_t)&head, len);
	say("of itself %ld\n",
	    sys3(__NR_get_robust_list, sys_getpid(), (long)&found, (long)&len));
	say("to nowhere %ld %ld\n", sys3(__NR_get_robust_list, 0, 8, (long)&len),
	    sys3(__NR_get_robust_list, 0, (long)&found, 8));
	say("of nobody %ld\n", sys3(__NR_get_robust_list, 0x3fffffff, 8, 8));
}

static long set_limit(unsigned resource, uint64_t cur, uint64_t max)
{
	const struct rlimit64 new = { cur, max };

	return sys4(__NR_prlimit64, 0, resource, (long)&new, 0);
}

static void show_limit(const char *name, unsigned resource)
{
	struct rlimit64 a = { 0 }, b = { 0 };
	long ret = sys4(__NR_prlimit64, sys_getpid(), resource, 0, (long)&a);

	say("%s %ld", name, ret);
	say(" %ld", sys3(__NR_getrlimit, resource, (long)&b, 0));
	say(" %lu %d\n", (uint64_t)a.rlim_cur,
	    a.rlim_cur == b.rlim_cur && a.rlim_max == b.rlim_max);
}

/* As deep as that, below where it is now. */
static bool stack_holds(size_t depth)
{
	bool held = true;
	volatile char *at = __builtin_frame_address(0);

	for (size_t i = 0; i < depth; i += PAGE_SIZE)
		at[-(long)i] = 0;
	return held;
}

static void limits(void)
{
	struct rlimit64 bad = { 2, 1 };
	long fd, n = 0;

	say("stack %ld\n", set_limit(RLIMIT_STACK, 4 * MIB, 8 * MIB));
	show_limit("stack", RLIMIT_STACK);
	say("3 MiB of it: %d\n", stack_holds(3 * MIB));
	say("files %ld\n", set_limit(RLIMIT_NOFILE, 20, 100));
	show_limit("files", RLIMIT_NOFILE);
	while ((fd = sys3(__NR_memfd_create, (long)"n", 0, 0)) >= 0)
		n = fd;
	say("below 20: %d, then %ld\n", n < 20, fd);
	say("locked %ld\n", set_limit(RLIMIT_MEMLOCK, 2 * PAGE_SIZE, 2 * PAGE_SIZE));
	show_limit("locked", RLIMIT_MEMLOCK);
	say("turned round: %ld\n", sys3(__NR_setrlimit, RLIMIT_CPU, (long)&bad, 0));
	say("no such limit: %ld\n", sys3(__NR_getrlimit, 16, (long)&bad, 0));
	say("from nowhere: %ld %ld\n", sys3(__NR_setrlimit, 99, 8, 0),
	    sys4(__NR_prlimit64, 0x3fffffff, 99, 8, 0));
	say("of nobody: %ld\n", sys4(__NR_prlimit64, 0x3fffffff, 99, 0, 0));
	say("to nowhere: %ld %ld\n", sys3(__NR_getrlimit, RLIMIT_CPU, 8, 0),
	    sys4(__NR_prlimit64, 0, RLIMIT_CPU, 0, 8));
	say("beyond what a file number can be: %ld\n",
	    set_limit(RLIMIT_NOFILE, 1, 1ul << 40));
}

static void name(void)
{
	struct new_utsname u;

	say("uname %ld", sys3(__NR_uname, (long)&u, 0, 0));
	say(" %s %s %s %s\n", u.sysname, u.release, u.version, u.machine);
	say("to nowhere %ld\n", sys3(__NR_uname, 8, 0, 0));
}

int main(int argc, char **argv, char **envp)
{
	by_port = argc == 2 && !strcmp(argv[1], "out");
	while (*envp)
		envp++;
	bases((const unsigned long *)(envp + 1));
	refusals();
	lists();
	limits();
	name();
	return 0;
}
