/* SPDX-License-Identifier: MIT */
/* bench_job.c: payloads run as jobs of `mapvisor bench`, and their figures gathered. */
#include "vmm/cli/bench_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MSEC_PER_NSEC 1e-6
#define USEC_PER_NSEC 1e-3

int fail_job(struct bench *bench, const char *program, const char *why)
{
	return cli_fail(bench->cli, STATUS_FAILED, "%s: %s", program, why);
}

int find_payload(struct bench *bench, const char *name, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/%s", bench->payloads, name) >= PATH_MAX)
		return fail_job(bench, bench->payloads, strerror(ENAMETOOLONG));
	return 0;
}

int run_job(struct bench *bench, const struct job *job, struct child *child)
{
	const char *argv[16] = { 0 };
	char program[PATH_MAX], why[64];
	size_t n = 0;
	int err;

	err = find_payload(bench, job->payload, program);
	if (err)
		return err;
	if (!job->native) {
		argv[n++] = bench->self;
		argv[n++] = "run";
		for (size_t i = 0; i < ARRAY_SIZE(job->options) && job->options[i]; i++)
			argv[n++] = job->options[i];
	}
	argv[n++] = program;
	for (size_t i = 0; i < ARRAY_SIZE(job->args) && job->args[i]; i++)
		argv[n++] = job->args[i];
	err = child_run(argv, child);
	if (err)
		return fail_job(bench, program, strerror(err));
	if (!child->status)
		return 0;
	snprintf(why, sizeof(why), "exit status %d, %s", child->status,
		 job->native ? "natively" : "in the sandbox");
	return fail_job(bench, program, why);
}

double output_value(const struct child *child, const char *key)
{
	size_t len = strlen(key);
	const char *at = child->out;

	for (; (at = strstr(at, key)); at += len)
		if ((at == child->out || at[-1] == ' ') && at[len] == ' ')
			return strtod(at + len, NULL);
	return -1;
}

double elapsed_us(const struct child *child)
{
	return child->ns * USEC_PER_NSEC;
}

double elapsed_ms(const struct child *child)
{
	return child->ns * MSEC_PER_NSEC;
}

double ns_per_page(const struct child *child)
{
	return output_value(child, "total_ns") / output_value(child, "pages");
}

double p50_ns(const struct child *child)
{
	return output_value(child, "p50_cycles") * 1e6 / output_value(child, "tsc_khz");
}

double call_ns(const struct child *child, const char *call)
{
	char key[64];
	const char *line;
	struct child rest = { .status = 0 };

	snprintf(key, sizeof(key), "call %s ", call);
	line = strstr(child->out, key);
	if (!line)
		return -1;
	strcpy(rest.out, line);
	return p50_ns(&rest);
}

int take(struct bench *bench, const struct job *job,
	 double (*value)(const struct child *child), double *taken)
{
	struct child child;
	int err = job->before ? run_job(bench, job->before, &child) : 0;

	if (!err)
		err = run_job(bench, job, &child);
	if (err)
		return err;
	*taken = value(&child);
	if (!(*taken > 0))
		return fail_job(bench, job->payload, "its output has no figure");
	return 0;
}

/* What is compared with own, and where it goes. Either may be missing. */
static int take_others(struct bench *bench, const struct jobs *jobs,
		       double (*value)(const struct child *child), double taken[2])
{
	int err = 0;

	if (jobs->native)
		err = take(bench, jobs->native, value, &taken[0]);
	if (!err && jobs->floor)
		err = take(bench, jobs->floor, value, &taken[1]);
	return err;
}

static void add_round(struct result *result, const struct jobs *jobs, double own,
		      const double others[2])
{
	samples_add(&result->own, own);
	if (jobs->native)
		samples_add(&result->native, others[0]);
	if (jobs->floor)
		samples_add(&result->floor, others[1]);
	if (jobs->native || jobs->floor)
		samples_add(&result->ratio, own / others[jobs->floor != NULL]);
}

int take_rounds(struct bench *bench, struct result *result, int rounds,
		const struct jobs *jobs, double (*value)(const struct child *child))
{
	double own, others[2];
	int err = 0;

	for (int i = 0; i <= rounds && !err; i++) {
		if (i % 2)
			err = take_others(bench, jobs, value, others);
		if (!err)
			err = take(bench, jobs->own, value, &own);
		if (!err && i % 2 == 0)
			err = take_others(bench, jobs, value, others);
		if (!err && i)
			add_round(result, jobs, own, others);
	}
	return err;
}

static int run_counted(const struct mv_options *opt, const char *const *argv,
		       struct mv_counters *counters, struct mv_error *err)
{
	static const char *const environment[] = { NULL };
	struct mv_vm *vm = NULL;
	struct mv_exit end = { .status = -1 };
	int failed = mv_open(opt, &vm, err) ||
		     mv_load(vm, argv[0], argv, environment, err) || mv_run(vm, &end, err);

	if (!failed)
		mv_counters(vm, counters);
	mv_close(vm);
	return failed ? -1 : end.status;
}

int count_job(struct bench *bench, const struct job *job, struct mv_options *opt,
	      struct mv_counters *counters)
{
	const char *argv[ARRAY_SIZE(job->args) + 2] = { 0 };
	char program[PATH_MAX];
	int status = find_payload(bench, job->payload, program);

	if (status)
		return status;
	argv[0] = program;
	memcpy(argv + 1, job->args, sizeof(job->args));
	opt->fds[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (opt->fds[1] < 0)
		return fail_job(bench, "/dev/null", strerror(errno));
	status = run_counted(opt, argv, counters, &bench->cli->err);
	close(opt->fds[1]);
	if (status < 0)
		return STATUS_FAILED;
	return status ? fail_job(bench, program, "it failed in the sandbox") : 0;
}

int count_more_exits(struct bench *bench, const struct job *few, const struct job *more,
		     struct mv_options *opt, double *exits)
{
	struct mv_counters a = { 0 }, b = { 0 };
	int err = count_job(bench, few, opt, &a);

	if (!err)
		err = count_job(bench, more, opt, &b);
	if (!err)
		*exits = (double)(b.exits - b.exits_other) -
			 (double)(a.exits - a.exits_other);
	return err;
}
