/* SPDX-License-Identifier: MIT */
/* run.c: `mapvisor run` runs a program; its exit status is the payload's. */
#include "vmm/cli/pause.h"

/* A file that stays empty was a misunderstanding. */
static bool has_a_report(struct session *s, const struct pause *pause)
{
	if (!s->opt.output || pause_wanted(pause))
		return true;
	return session_fail(s, STATUS_FAILED,
			    "-o %s: takes what --pause-at and --diff show, and neither is "
			    "given; 'mapvisor stat -o' writes counters",
			    s->opt.output);
}

int cmd_run(struct cli *cli, int argc, char **argv)
{
	struct pause pause = { .cli = cli };
	const struct command_line line = {
		.args_doc = "[--] PROGRAM [ARGS...]",
		.doc = "Run PROGRAM in a sandbox; the exit status is its own.\v"
		       "PROGRAM is a path, relative or absolute: PATH isn't searched. It "
		       "is an x86-64 ELF executable, or a script. A dynamic one needs what it "
		       "is loaded with, a script its interpreter: --ro-system has both, of "
		       "the host's. Options end at PROGRAM; what follows is passed to it.",
		.report = true,
		.to_stderr = true,
		.own = &pause_argp,
		.own_input = &pause,
	};
	struct session s;

	if (session_prepare(&s, cli, &line, argc, argv) && has_a_report(&s, &pause) &&
	    session_load(&s)) {
		if (pause_wanted(&pause))
			pause_run(&s, &pause);
		else
			session_run(&s);
	}
	pause_free(&pause);
	return session_close(&s);
}
