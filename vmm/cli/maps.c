/* SPDX-License-Identifier: MIT */
/* maps.c: `mapvisor maps` runs a program, then shows its VMAs. */
#include <errno.h>
#include <string.h>

#include "vmm/cli/json.h"
#include "vmm/cli/session.h"

int cmd_maps(struct cli *cli, int argc, char **argv)
{
	static const struct command_line line = {
		.args_doc = "[--] PROGRAM [ARGS...]",
		.doc = "Run PROGRAM as 'mapvisor run' does, then show its VMAs as they "
		       "are when it ends, in the form of /proc/PID/smaps.\v"
		       "The report is shown however PROGRAM ends; the exit status is "
		       "PROGRAM's. With --json it is an array with an object for each "
		       "VMA.",
		.report = true,
	};
	struct session s;

	if (session_open(&s, cli, &line, argc, argv) && session_run(&s)) {
		if (!s.opt.json)
			mv_print_smaps(s.vm, s.out);
		else if (!json_print(json_maps(s.vm), s.out))
			session_fail(&s, STATUS_FAILED, "maps: %s", strerror(errno));
	}
	return session_close(&s);
}
