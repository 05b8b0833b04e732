/* SPDX-License-Identifier: MIT */
/* clocks.h: what a clockid_t of the payload's stands for: time.c. */
#ifndef LINUX_CLOCKS_H
#define LINUX_CLOCKS_H

#include <stdint.h>
#include <time.h>

struct process;

/* linux/posix-timers_types.h: the clock of a pid has these bits. */
#define CPUCLOCK_WHICH 3
#define CPUCLOCK_FD 3
#define CPUCLOCK_PERTHREAD 4
/* ... and that of a file these, kernel/time/posix-timers.h. */
#define CLOCKFD_MASK 7
#define CLOCKFD 3

/* What a clock measures. */
enum clock_kind {
	CLOCK_NONE, /* there is no such clock */
	CLOCK_OF_HOST,
	CLOCK_OF_CPU, /* all CPU time */
	CLOCK_OF_USER,
	CLOCK_OF_BOTH, /* user and system time */
};

enum clock_kind clock_kind(clockid_t clock);
/* A clock of CPU time now, in ns. */
uint64_t clock_cpu_ns(const struct process *p, enum clock_kind kind);

#endif
