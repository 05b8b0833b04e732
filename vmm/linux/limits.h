/* SPDX-License-Identifier: MIT */
/*
 * limits.h: a process's resource limits: getrlimit(2). They are the payload's own, and have nothing to
 * do with the VMM's.
 */
#ifndef LINUX_LIMITS_H
#define LINUX_LIMITS_H

#include <stdint.h>
#include <sys/resource.h>

/* As struct rlimit64 has it; RLIM_INFINITY is all ones. */
struct limit {
	uint64_t cur, max;
};

struct limits {
	struct limit
		of[RLIM_NLIMITS]; /* by RLIMIT_...; those of mm and the files are told to them */
};

/* INIT_RLIMITS of Linux's asm-generic/resource.h, with the mm's and the files' own. */
void limits_init(struct limits *l, unsigned max_files);

#endif
