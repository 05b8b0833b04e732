/* SPDX-License-Identifier: MIT */
/* report_read.h: a trace in JSON, line by line, into columns. */
#ifndef CLI_REPORT_READ_H
#define CLI_REPORT_READ_H

#include "vmm/cli/cli.h"
#include "vmm/cli/report_model.h"

struct trace {
	struct cli *cli;
	const char *file; /* for errors */
	uint64_t line;	  /* that is being read, from 1 on */
	bool bad;	  /* it is wrong: cli has why */
	bool cut;	  /* its end is missing */
	bool done;	  /* the trailer was read */
	uint64_t events;
	uint64_t seq; /* of the last event */
	uint64_t lost;
	json_t *header;
	struct pack pack;
	struct model model;
	struct dict vmas, symbols, walks;
};

/*
 * Read it to its end. What it says is not to be trusted: the first thing that isn't as
 * docs/trace.md has it is an error that names the line; a trace without its end is none, but noted.
 * 0, or an exit status. trace_free() in any case.
 */
int trace_read(struct trace *t, struct cli *cli, const char *file, FILE *in);
void trace_free(struct trace *t);

#endif
