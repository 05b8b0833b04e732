/* SPDX-License-Identifier: MIT */
/* options.h: the options that every command which runs a program takes. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "vmm/cli/cli.h"

struct argp;

/* --help's groups, in this order. What names none follows the entry before it in its table. */
enum { GROUP_SEES = 1, GROUP_LIMITS, GROUP_MAPPED, GROUP_TOLD, GROUP_OWN };

/* What a command has beside them. */
struct command_line {
	const char *args_doc;
	const char *doc;
	bool target;		/* an ADDR|SYMBOL comes before PROGRAM */
	bool report;		/* it writes one: there is --output */
	bool stat;		/* what is run is timed, and --repeat is taken */
	bool to_stderr;		/* ... by default to standard error */
	const struct argp *own; /* options that it alone has; or NULL */
	void *own_input;	/* ... for their parser */
};

struct options {
	struct cli *cli;
	const struct command_line *line;
	struct mv_options mv;
	struct mv_grant *grants;
	const char **env; /* "NAME=VALUE", no name twice; ends with NULL */
	size_t nenv;
	const char *target;
	char **argv;	    /* PROGRAM and its arguments; ends with NULL */
	const char *output; /* NULL: standard output, or for stat standard error */
	bool stats;
	bool json;
	bool perf_map;
	bool ro_system;	 /* grants have it */
	bool verbose;	 /* name the calls that are not served */
	unsigned repeat; /* runs: 1 without --repeat */
};

/* 0, or an exit status. What strings it keeps are argv's. options_free() in any case. */
int options_parse(struct options *opt, struct cli *cli, const struct command_line *line,
		  int argc, char **argv);
void options_free(struct options *opt);

#endif
