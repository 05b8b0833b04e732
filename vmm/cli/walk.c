/* SPDX-License-Identifier: MIT */
/* walk.c: `mapvisor walk` runs a program, then shows how an address is translated. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "vmm/cli/json.h"
#include "vmm/cli/parse.h"
#include "vmm/cli/session.h"

/* SYMBOL[+OFFSET]; no symbol of C or the assembler begins with a digit. */
static bool find_symbol(struct session *s, const char *text, uint64_t *gva)
{
	const char *plus = strchr(text, '+');
	uint64_t size, offset = 0;
	char name[256];

	if (plus && !parse_number(plus + 1, &offset))
		return session_fail(s, STATUS_FAILED, "%s: the offset '%s' is not a number",
				    text, plus + 1);
	if (snprintf(name, sizeof(name), "%.*s", plus ? (int)(plus - text) : -1, text) >=
		    (int)sizeof(name) ||
	    mv_symbol(s->vm, name, gva, &size))
		return session_fail(s, STATUS_FAILED, "%s: no symbol of that name in %s",
				    name, s->opt.argv[0]);
	*gva += offset;
	return true;
}

static bool find_target(struct session *s, uint64_t *gva)
{
	const char *text = s->opt.target;
	struct mv_walk walk;

	*gva = 0;
	if (!isdigit((unsigned char)*text)) {
		if (!find_symbol(s, text, gva))
			return false;
	} else if (!parse_number(text, gva)) {
		return session_fail(s, STATUS_FAILED,
				    "%s: not an address; give 0x and hexadecimal digits, a "
				    "decimal number of 64 bits at most, or SYMBOL[+OFFSET]",
				    text);
	}
	if (mv_walk(s->vm, *gva, &walk))
		return session_fail(s, STATUS_FAILED,
				    "%s: not a canonical address: its bits 63 to 47 differ",
				    text);
	return true;
}

static bool print_walk(struct session *s, uint64_t gva)
{
	struct mv_walk walk;

	if (!s->opt.json) {
		mv_print_walk(s->vm, gva, s->out);
		mv_print_tables(s->vm, s->out);
		return true;
	}
	mv_walk(s->vm, gva, &walk);
	return json_print(json_walk(s->vm, &walk), s->out) ||
	       session_fail(s, STATUS_FAILED, "walk: %s", strerror(errno));
}

int cmd_walk(struct cli *cli, int argc, char **argv)
{
	static const struct command_line line = {
		.args_doc = "ADDR|SYMBOL[+OFFSET] [--] PROGRAM [ARGS...]",
		.doc = "Run PROGRAM as 'mapvisor run' does, then show the steps from the "
		       "pgd to the frame that ADDR has when it ends, and how many tables "
		       "there are at each level, with what all that could be would "
		       "cost.\v"
		       "ADDR is hexadecimal with 0x, or decimal; SYMBOL is one of "
		       "PROGRAM's. The report is shown however PROGRAM ends; the exit "
		       "status is PROGRAM's.",
		.target = true,
		.report = true,
	};
	struct session s;
	uint64_t gva;

	/* Find the address first: a misspelt symbol should cost nobody the run. */
	if (session_open(&s, cli, &line, argc, argv) && find_target(&s, &gva) &&
	    session_run(&s))
		print_walk(&s, gva);
	return session_close(&s);
}
