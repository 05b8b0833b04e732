/* SPDX-License-Identifier: MIT */
/* trace.c: `mapvisor trace` runs a program, and shows what happens while it happens. */
#include "vmm/cli/trace.h"

#include <argp.h>
#include <string.h>

enum {
	OPT_FORMAT = 512, /* beyond options.c's */
	OPT_FILTER,
	OPT_RANGE,
};

static const struct argp_option table[] = {
	{ .doc = "What is shown of it, and how:", .group = GROUP_OWN },
	{ .name = "format",
	  .key = OPT_FORMAT,
	  .arg = "text|json|perfetto",
	  .doc = "Lines to read (default), a JSON object a line, or a file for "
		 "ui.perfetto.dev" },
	{ .name = "filter",
	  .key = OPT_FILTER,
	  .arg = "KIND,...",
	  .doc = "Only such events: call, fault, violation, table, entries, vma, signal, "
		 "end, all; a kind of fault (fault:anonymous, fault:file-read, "
		 "fault:write-protect); a call (mmap)" },
	{ .name = "range",
	  .key = OPT_RANGE,
	  .arg = "START-END|SYMBOL[+LEN]",
	  .doc = "Only events about these addresses" },
	{ .name = "verbose",
	  .key = 'v',
	  .doc = "Show for each fault the VMA and the walk before and after, and at the "
		 "end how many events there were" },
	{ .name = "output",
	  .key = 'o',
	  .arg = "FILE",
	  .doc = "Write the trace to FILE (default: standard error)" },
	{ 0 },
};

static int set_format(struct trace_options *opt, const char *text)
{
	static const struct trace_format *const formats[] = { &trace_text, &trace_json,
							      &trace_perfetto };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!strcmp(formats[i]->name, text)) {
			opt->format = formats[i];
			return 0;
		}
	}
	return cli_usage(opt->cli, "--format=%s: not one of text, json, perfetto", text);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct trace_options *opt = state->input;
	struct trace_filter filter;

	switch (key) {
	case OPT_FORMAT:
		return set_format(opt, arg);
	case OPT_FILTER:
		opt->filter = arg;
		return filter_parse(&filter, opt->cli, arg);
	case OPT_RANGE:
		opt->range = arg;
		return 0;
	case 'v':
		opt->verbose = true;
		return 0;
	case 'o':
		opt->output = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_trace(struct cli *cli, int argc, char **argv)
{
	static const struct argp argp = { .options = table, .parser = parse_option };
	struct trace_options opt = { .cli = cli };
	const struct command_line line = {
		.args_doc = "[--] PROGRAM [ARGS...]",
		.doc = "Run PROGRAM as 'mapvisor run' does, and show each call, each page "
		       "fault and each signal, as strace(1) would.\v"
		       "The exit status is PROGRAM's. --json is --format=json. A trace in "
		       "JSON has all events unless --filter "
		       "is given.",
		.own = &argp,
		.own_input = &opt,
	};
	struct trace t = { 0 };
	struct session s;

	if (session_prepare(&s, cli, &line, argc, argv) && trace_open(&t, &opt, &s) &&
	    session_load(&s) && trace_begin(&t, &s))
		session_run(&s);
	trace_close(&t, &s);
	return session_close(&s);
}
