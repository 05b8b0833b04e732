/* SPDX-License-Identifier: MIT */
/* walk.c: `mapvisor walk` runs a program, then shows how addresses are translated. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/json.h"
#include "vmm/cli/target.h"

static json_t *walk_json(struct session *s, uint64_t gva)
{
	struct mv_walk walk;

	mv_walk(s->vm, gva, &walk);
	return json_walk(s->vm, &walk);
}

/* Of one address its object, of several an array. */
static json_t *walks_json(struct session *s, const uint64_t *gvas, size_t nr)
{
	json_t *json = nr > 1 ? json_array() : walk_json(s, gvas[0]);

	for (size_t i = 0; nr > 1 && i < nr; i++)
		if (json_array_append_new(json, walk_json(s, gvas[i]))) {
			json_decref(json);
			return NULL;
		}
	return json;
}

static bool print_walks(struct session *s, const uint64_t *gvas, size_t nr)
{
	if (s->opt.json)
		return json_print(walks_json(s, gvas, nr), s->out) ||
		       session_fail(s, STATUS_FAILED, "walk: %s", strerror(errno));
	for (size_t i = 0; i < nr; i++)
		mv_print_walk(s->vm, gvas[i], s->out);
	mv_print_tables(s->vm, s->out);
	return true;
}

int cmd_walk(struct cli *cli, int argc, char **argv)
{
	static const struct command_line line = {
		.args_doc = "ADDR|SYMBOL[+OFFSET][,...] [--] PROGRAM [ARGS...]",
		.doc = "Run PROGRAM as 'mapvisor run' does, then show the steps from the "
		       "pgd to the frame that each ADDR has when it ends, and how many "
		       "tables there are at each level, with what all that could be would "
		       "cost.\v"
		       "ADDR is hexadecimal with 0x, or decimal; SYMBOL is one of "
		       "PROGRAM's. The report is shown however PROGRAM ends; the exit "
		       "status is PROGRAM's. With --json it is an object, of several "
		       "addresses an array of them.",
		.target = true,
		.report = true,
	};
	uint64_t *gvas = NULL;
	struct session s;
	size_t nr;

	/* Find the addresses first: a misspelt symbol should cost nobody the run. */
	if (session_open(&s, cli, &line, argc, argv) &&
	    target_list(&s, s.opt.target, &gvas, &nr) && session_run(&s))
		print_walks(&s, gvas, nr);
	free(gvas);
	return session_close(&s);
}
