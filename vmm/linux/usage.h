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

#endif
