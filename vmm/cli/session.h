/* SPDX-License-Identifier: MIT */
/* session.h: one program's run, from the command line to the exit status. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "vmm/cli/options.h"
#include "vmm/cli/signals.h"

struct session {
	struct cli *cli;
	struct options opt;
	struct mv_vm *vm;
	struct signals signals; /* the payload's */
	int killed;		/* by which of them it was ended; 0: none */
	FILE *out;		/* where a report goes */
	int status;		/* for exit(3) */
};

/*
 * The steps of a command, each only after the one before gave true. False: status and
 * the error are set, and only session_close() is left to do.
 */
bool session_open(struct session *s, struct cli *cli, const struct command_line *line,
		  int argc, char **argv);
bool session_run(struct session *s);
/* The same program once more, in a new sandbox; then session_run(). */
bool session_again(struct session *s);
/* session_run() in two: run to a stop or the end; then, at the end, say how it ended. */
bool session_step(struct session *s, struct mv_exit *end);
bool session_ended(struct session *s, const struct mv_exit *end);

/* session_open() in two: the sandbox is there; the program is loaded. */
bool session_prepare(struct session *s, struct cli *cli, const struct command_line *line,
		     int argc, char **argv);
bool session_load(struct session *s);

/*
 * The report was written, as far as is known yet: s->out has no error. Else false is returned, and
 * the failure noted, with errno's reason and where it was to go.
 */
bool session_wrote(struct session *s, bool written);

/* Ends it, in any case; the exit status is returned, but where a signal was passed on and ended it: this
 * process ends by that, too. */
int session_close(struct session *s);

/* Note a failure; false is returned. */
bool session_fail(struct session *s, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
