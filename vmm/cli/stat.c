/* SPDX-License-Identifier: MIT */
/* stat.c: `mapvisor stat` runs a program, once or several times, and says what it took. */
#include "vmm/cli/stat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/json.h"
#include "vmm/cli/session.h"

/* All runs of the command. */
struct runs {
	struct session s;
	struct mv_floor floor;
	struct stat_run *run;
	size_t n;
	json_t *json; /* an object each; NULL without --json */
};

static bool take(struct runs *r)
{
	json_t *json;

	stat_take(&r->run[r->n++], r->s.vm, &r->floor);
	if (!r->json)
		return true;
	json = stat_json(r->s.vm, &r->floor);
	json_object_set_new(json, "status", json_integer(r->s.status));
	return !json_array_append_new(r->json, json) ||
	       session_fail(&r->s, STATUS_FAILED, "stat: %s", strerror(ENOMEM));
}

static bool run_all(struct runs *r)
{
	const unsigned n = r->s.opt.repeat;

	r->run = calloc(n, sizeof(*r->run));
	if (!r->run)
		return session_fail(&r->s, STATUS_FAILED, "stat: %s", strerror(ENOMEM));
	r->json = r->s.opt.json ? json_array() : NULL;
	if (mv_floor(&r->floor, &r->s.cli->err)) {
		r->s.status = STATUS_FAILED;
		return false;
	}
	for (unsigned i = 0; i < n; i++)
		if ((i && !session_again(&r->s)) || !session_run(&r->s) || !take(r))
			return false;
	return true;
}

static void print_command(char **argv, FILE *out)
{
	for (char **arg = argv; *arg; arg++)
		fprintf(out, "%s%s", arg == argv ? "" : " ", *arg);
}

static void print_text(struct runs *r)
{
	FILE *out = r->s.out;

	fprintf(out, "\n Performance counter stats for '");
	print_command(r->s.opt.argv, out);
	if (r->n > 1)
		fprintf(out, "' (%zu runs):\n\n", r->n);
	else
		fprintf(out, "':\n\n");
	stat_print(r->run, r->n, out);
	session_wrote(&r->s, fputc('\n', out) != EOF);
}

static json_t *floor_json(const struct mv_floor *f)
{
	return json_members((const struct json_member[]){
		{ "port_exit_ns", json_integer((json_int_t)f->port_exit_ns) },
		{ "syscall_ns", json_integer((json_int_t)f->syscall_ns) },
		{ "pf_exit_ns", json_integer((json_int_t)f->pf_exit_ns) },
		{ "port_exit_cpu_ns", json_integer((json_int_t)f->port_exit_cpu_ns) },
		{ "syscall_cpu_ns", json_integer((json_int_t)f->syscall_cpu_ns) },
		{ "pf_exit_cpu_ns", json_integer((json_int_t)f->pf_exit_cpu_ns) },
		{ "stage2_ns", json_integer((json_int_t)f->stage2_ns) },
		{ "stage2_2m_ns", json_integer((json_int_t)f->stage2_2m_ns) },
		{ 0 },
	});
}

static void print_json(struct runs *r)
{
	json_t *json = json_members((const struct json_member[]){
		{ "command", json_arguments(r->s.opt.argv) },
		{ "floor", floor_json(&r->floor) },
		{ "runs", json_incref(r->json) },
		{ "rows", stat_rows_json(r->run, r->n) },
		{ 0 },
	});

	session_wrote(&r->s, json_print(json, r->s.out));
}

int cmd_stat(struct cli *cli, int argc, char **argv)
{
	static const struct command_line line = {
		.args_doc = "[--] PROGRAM [ARGS...]",
		.doc = "Run PROGRAM as 'mapvisor run' does, and write to standard error "
		       "what it took, as 'perf stat' does: faults, tables, frames, exits, "
		       "calls, and where the time went.\v"
		       "The report is written however PROGRAM ends; the exit status is "
		       "PROGRAM's, with --repeat the last one's. With --json it is one "
		       "object.",
		.report = true,
		.stat = true,
		.to_stderr = true,
	};
	struct runs r = { .n = 0 };

	if (session_open(&r.s, cli, &line, argc, argv)) {
		r.s.opt.stats = false; /* the report has it */
		if (run_all(&r)) {
			if (r.json)
				print_json(&r);
			else
				print_text(&r);
		}
	}
	json_decref(r.json);
	free(r.run);
	return session_close(&r.s);
}
