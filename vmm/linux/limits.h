/* SPDX-License-Identifier: MIT */
/*
 * limits.h: a process's resource limits: getrlimit(2). They are the payload's own, and have nothing to
 * do with the VMM's.
 */
#ifndef LINUX_LIMITS_H
#define LINUX_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct file;
struct process;

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

/*
 * RLIMIT_FSIZE. What of *len bytes may be written to a file at pos, POS_CURRENT: at its position; append: at
 * its end. generic_write_check_limits(). And whether it may be so long: inode_newsize_ok(). 0, or -EFBIG, and
 * SIGXFSZ is sent.
 */
int limit_write(struct process *p, const struct file *file, off_t pos, bool append,
		uint64_t *len);
int limit_size(struct process *p, const struct file *file, off_t size);

#endif
