/* SPDX-License-Identifier: MIT */
/*
 * usage.h: what a process has used of the CPU: what the threads that ran it did, the VMM's work for it
 * included, as a kernel's is natively.
 */
#ifndef LINUX_USAGE_H
#define LINUX_USAGE_H

#include <stdint.h>

struct process;

/* Nanoseconds and counts, of a thread or a process. */
struct usage {
	uint64_t cpu;		/* by its CPU clock */
	uint64_t user, system;	/* as the host's kernel divided it */
	uint64_t nvcsw, nivcsw; /* context switches */
	uint64_t inblock, oublock;
};

/* The thread that calls is about to run it, or has done so. */
void usage_begin(struct process *p);
void usage_end(struct process *p);
/* All until now. */
void usage_get(const struct process *p, struct usage *u);
/* ... by the CPU clock only. */
uint64_t usage_cpu(const struct process *p);
/* Faults that ended well and that nothing was read for: mm_account_fault(). */
uint64_t usage_minor_faults(const struct process *p);
/* Nanoseconds in clock ticks, as times(2) and /proc count: nsec_to_clock_t(). */
uint64_t usage_ticks(uint64_t ns);

#endif
