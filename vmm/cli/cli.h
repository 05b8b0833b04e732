/* SPDX-License-Identifier: MIT */
/*
 * cli.h: what the subcommands share: a call's context, its exit status, and the one way
 * to fail. A command never prints an error nor exits: it leaves the text in the context
 * and returns the status; main() prints.
 */
#ifndef CLI_H
#define CLI_H

#include <mapvisor/mapvisor.h>
#include <stdarg.h>

/* As env(1), timeout(1) and docker-run(1) have them; all others are the payload's. */
enum {
	STATUS_UNMET = 1,      /* bench --check: a limit isn't met */
	STATUS_TIMEOUT = 124,  /* --timeout passed */
	STATUS_OUTPUT = 153,   /* more than --max-output was to be written */
	STATUS_FAILED = 125,   /* mapvisor itself failed */
	STATUS_NOEXEC = 126,   /* PROGRAM can't be executed */
	STATUS_NOTFOUND = 127, /* there is no PROGRAM */
};

struct cli {
	char name[32];	     /* "mapvisor", then "mapvisor run": whose --help to look up */
	int fds[3];	     /* for mv_options.fds: -1 what we were started without */
	struct mv_error err; /* text[0]: it failed, and why */
	bool usage;	     /* ... by what was typed, so that --help helps */
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Note why, and return status. */
int cli_fail(struct cli *cli, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int cli_vfail(struct cli *cli, int status, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* The same for what was typed: returns EINVAL, for an argp parser to hand up. */
int cli_usage(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Parse, up to the first argument that isn't an option and on as the parser says. 0, or
 * an exit status; --help and getopt's own errors exit.
 */
struct argp;
int cli_parse(struct cli *cli, const struct argp *argp, int argc, char **argv, void *input);

/* The subcommands: argv[0] is "mapvisor", the rest theirs. The exit status is returned. */
int cmd_run(struct cli *cli, int argc, char **argv);
int cmd_maps(struct cli *cli, int argc, char **argv);
int cmd_stat(struct cli *cli, int argc, char **argv);
int cmd_walk(struct cli *cli, int argc, char **argv);
int cmd_trace(struct cli *cli, int argc, char **argv);
int cmd_report(struct cli *cli, int argc, char **argv);
int cmd_bench(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);

#endif
