/* SPDX-License-Identifier: MIT */
/* report.c: `mapvisor report` makes one page of a trace, to be looked at in a browser. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/report_read.h"

/* report/page.S: the page, and what goes into it where it says so. */
extern const char report_page[], report_page_end[];
extern const char report_style[], report_style_end[];
extern const char report_script[], report_script_end[];

struct report {
	struct cli *cli;
	const char *input;
	const char *output; /* NULL: standard output */
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct report *r = state->input;

	switch (key) {
	case 'o':
		r->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (r->input)
			return cli_usage(r->cli, "one TRACE at a time, not '%s' too", arg);
		r->input = arg;
		return 0;
	case ARGP_KEY_END:
		return r->input ? 0 : cli_usage(r->cli, "no TRACE given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int parse(struct report *r, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ .name = "output",
		  .key = 'o',
		  .arg = "FILE",
		  .doc = "Write the page to FILE (default: standard output)" },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "TRACE",
		.doc = "Make a page for a browser of what 'mapvisor trace --format=json' "
		       "wrote: faults over time and address, VMAs, page tables and walks at "
		       "any moment.\v"
		       "TRACE is a file, or - for standard input. The page is one file and "
		       "needs no network.",
	};
	int err = argp_parse(&argp, argc, argv, 0, NULL, r);

	if (err && !r->cli->err.text[0])
		cli_fail(r->cli, 0, "options: %s", strerror(err));
	return err ? STATUS_FAILED : 0;
}

static int read_trace(struct report *r, struct trace *t)
{
	bool standard = !strcmp(r->input, "-");
	FILE *in = standard ? stdin : fopen(r->input, "re");
	int status;

	if (!in)
		return cli_fail(r->cli, STATUS_FAILED, "%s: %s", r->input, strerror(errno));
	status = trace_read(t, r->cli, standard ? "standard input" : r->input, in);
	if (!standard)
		fclose(in);
	if (!status && t->cut)
		fprintf(stderr,
			"mapvisor: %s: no trailer: the trace ends after %llu events, "
			"before its program did\n",
			t->file, (unsigned long long)t->events);
	return status;
}

static json_t *meta_of(const struct trace *t)
{
	json_t *kinds = json_array(), *meta;

	for (int kind = 0; kind < MV_FAULT_KINDS; kind++)
		json_array_append_new(kinds, json_string(mv_fault_name(kind)));
	meta = json_pack("{s:O,s:I,s:b,s:o}", "header", t->header, "lost",
			 (json_int_t)t->lost, "cut", (int)t->cut, "kinds", kinds);
	return meta;
}

/* From *from up to the mark, which is skipped. */
static bool write_up_to(const char **from, const char *mark, FILE *out)
{
	const char *to = memmem(*from, report_page_end - *from, mark, strlen(mark));
	size_t len = to - *from;
	bool written = fwrite(*from, 1, len, out) == len;

	*from = to + strlen(mark);
	return written;
}

static bool write_part(const char *from, const char *end, FILE *out)
{
	return fwrite(from, 1, end - from, out) == (size_t)(end - from);
}

static bool write_page(struct trace *t, FILE *out)
{
	const char *page = report_page;

	return write_up_to(&page, "@STYLE@", out) &&
	       write_part(report_style, report_style_end, out) &&
	       write_up_to(&page, "@DATA@", out) && pack_write(&t->pack, meta_of(t), out) &&
	       write_up_to(&page, "@SCRIPT@", out) &&
	       write_part(report_script, report_script_end, out) &&
	       write_part(page, report_page_end, out);
}

static int write_report(struct report *r, struct trace *t)
{
	FILE *out = r->output ? fopen(r->output, "we") : stdout;
	const char *name = r->output ? r->output : "standard output";
	bool written;

	if (!out)
		return cli_fail(r->cli, STATUS_FAILED, "%s: %s", name, strerror(errno));
	written = write_page(t, out);
	if (!written)
		cli_fail(r->cli, STATUS_FAILED, "%s: %s", name, strerror(errno));
	if (r->output && fclose(out) && written) {
		written = false;
		cli_fail(r->cli, STATUS_FAILED, "%s: %s", name, strerror(errno));
	}
	return written ? 0 : STATUS_FAILED;
}

int cmd_report(struct cli *cli, int argc, char **argv)
{
	struct report r = { .cli = cli };
	struct trace trace = { 0 };
	int status = parse(&r, argc, argv);

	if (!status)
		status = read_trace(&r, &trace);
	if (!status)
		status = write_report(&r, &trace);
	trace_free(&trace);
	return status;
}
