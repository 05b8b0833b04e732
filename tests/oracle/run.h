/* SPDX-License-Identifier: MIT */
/* run.h: steps made by the program, natively or in a sandbox. */
#ifndef ORACLE_RUN_H
#define ORACLE_RUN_H

#include <stdbool.h>

#include "tests/oracle/step.h"

/* One way to run the program. */
struct side {
	const char *name;
	const char *options[8]; /* of `mapvisor run`; NULL: natively */
	bool huge;		/* 2 MiB leaves: what mincore says of them isn't compared */
};

/* What is the same for all runs of a process of the driver. */
struct oracle {
	const char *mapvisor, *program;
	char dir[128]; /* of its own: the files, `steps` */
	int rw;	       /* the file `rw`, for the steps from outside */
	int status;    /* of the last run, as waitpid() gave it */
};

/* A directory of its own, in dir. 0 or -1 with errno. */
int oracle_init(struct oracle *o, const char *mapvisor, const char *program);
void oracle_destroy(struct oracle *o);

/*
 * Run n steps; records gets what came of them. How many records came: fewer than n where the
 * program ended early. log: -1, or an fd for what the program says of each step.
 */
unsigned run_side(struct oracle *o, const struct side *side,
		  const struct oracle_step *steps, unsigned n,
		  struct oracle_record *records, int log);

#endif
