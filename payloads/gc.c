/* SPDX-License-Identifier: MIT */
/*
 * gc.c: memory as a runtime that collects garbage uses it: a reservation of 64 GiB, of which heaps are
 * committed by mprotect and given back by MADV_DONTNEED and by mapping nothing over them; a write
 * barrier of protected pages, whose SIGSEGV a handler on an alternate stack repairs, and goes on.
 */
#include "guest/rt.h"

#define RESERVED (64ul << 30)
#define HEAPS 64
#define STRIDE (RESERVED / HEAPS)
#define HEAP_SIZE (64 * PAGE_SIZE)
#define ROUNDS 8
#define HANDLER_STACK (16 * PAGE_SIZE)

static char *reserved, *stack; /* the handler's */
static volatile unsigned long repaired, strangers;

static char *heap(unsigned i)
{
	return reserved + i * STRIDE;
}

/* The barrier: the page is noted, and may be written from now on. */
static void on_barrier(int sig, siginfo_t *info, void *context)
{
	char *addr = info->si_addr;
	char here;

	(void)sig;
	(void)context;
	if (addr < reserved || addr >= reserved + RESERVED ||
	    info->si_code != SEGV_ACCERR) {
		strangers++;
		sys_exit(9);
	}
	if (&here < stack || &here >= stack + HANDLER_STACK)
		strangers++;
	repaired++;
	sys_mprotect((void *)((unsigned long)addr & ~(PAGE_SIZE - 1)), PAGE_SIZE,
		     PROT_READ | PROT_WRITE);
}

static void allocate(unsigned round)
{
	for (unsigned i = 0; i < HEAPS; i++)
		for (unsigned page = i % 3; page < HEAP_SIZE / PAGE_SIZE; page += 3)
			*(volatile unsigned long *)(heap(i) + page * PAGE_SIZE) +=
				round * 1000 + page;
}

static unsigned long sum(void)
{
	unsigned long all = 0;

	for (unsigned i = 0; i < HEAPS; i++)
		for (unsigned page = 0; page < HEAP_SIZE / PAGE_SIZE; page++)
			all += *(volatile unsigned long *)(heap(i) + page * PAGE_SIZE);
	return all;
}

/* Every second heap goes: by advice, or by a mapping of nothing, which is committed anew. */
static long sweep(unsigned round)
{
	long err = 0;

	for (unsigned i = round % 2; i < HEAPS; i += 2) {
		if (i % 4 < 2)
			err |= sys_madvise(heap(i), HEAP_SIZE, MADV_DONTNEED);
		else
			err |= sys_mmap(heap(i), HEAP_SIZE, PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
						MAP_FIXED,
					-1, 0) != (long)heap(i) ||
			       sys_mprotect(heap(i), HEAP_SIZE, PROT_READ | PROT_WRITE);
	}
	return err;
}

int main(void)
{
	stack_t alternate = { .ss_size = HANDLER_STACK };
	long err;

	stack = must_map(NULL, HANDLER_STACK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1);
	alternate.ss_sp = stack;
	err = sys_sigaltstack(&alternate, NULL);
	reserved = must_map(NULL, RESERVED, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	must_handle(SIGSEGV, on_barrier, SA_ONSTACK);
	for (unsigned i = 0; i < HEAPS; i++)
		err |= sys_mprotect(heap(i), HEAP_SIZE, PROT_READ | PROT_WRITE);
	say("committed: %ld\n", err);
	for (unsigned round = 0; round < ROUNDS; round++) {
		allocate(round);
		say("round %d: %lu ", round, sum());
		for (unsigned i = 0; i < HEAPS; i++)
			err |= sys_mprotect(heap(i), HEAP_SIZE, PROT_READ);
		allocate(round);
		say("%lu, %lu repaired, ", sum(), repaired);
		for (unsigned i = 0; i < HEAPS; i++)
			err |= sys_mprotect(heap(i), HEAP_SIZE, PROT_READ | PROT_WRITE);
		err |= sweep(round);
		say("%lu kept: %ld\n", sum(), err);
	}
	say("%lu strangers; unmapped: %ld\n", strangers, sys_munmap(reserved, RESERVED));
	return 0;
}
