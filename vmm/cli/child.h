/* SPDX-License-Identifier: MIT */
/* child.h: run a program to its end, with its output and the time it took. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <stdint.h>

struct child {
	int status;	/* as a shell shows it: 128+N for signal N */
	long faults;	/* its minor page faults, and its children's */
	uint64_t ns;	/* from before posix_spawn(3) to after wait4(2) */
	char out[4096]; /* what it wrote to its standard output; cut to fit */
};

/*
 * Run argv[0], a path, with an empty environment. 0, or a positive errno value. What it
 * writes to standard error goes to ours.
 */
int child_run(const char *const *argv, struct child *child);

#endif
