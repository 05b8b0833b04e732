/* SPDX-License-Identifier: MIT */
/*
 * bench_measure.c: how each figure of `mapvisor bench` is taken: in rounds, in which the
 * sandbox and what it is compared with take turns, each in a new process. A round's sample
 * is the median of what it measured, where that is more than one thing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/bench.h"
#include "vmm/cli/child.h"

#define MSEC_PER_NSEC 1e-6
#define USEC_PER_NSEC 1e-3
#define LIMIT_NS 60000000000ull /* no job takes a tenth of it */
#define LIMIT "--timeout=60"	/* the same; a start has none, for it may cost something */
#define ENOUGH_NS 500000000ull	/* for a start of some ms to be lost in */
#define FAULT_SIZE "8M"		/* 2048 faults a round */
#define SWEEP_SIZE "1G"

/* A payload with its arguments; natively, mapvisor's options are left out. */
struct job {
	const char *payload;
	const char *args[4];
	const char *options[4];
	bool native;
	const struct job *before; /* run right before each of it, unmeasured; or NULL */
};

/* One page a fault: what a fault costs that nothing is saved on. */
static const struct job fault_job = {
	.payload = "bench/touch",
	.args = { "fault", FAULT_SIZE },
	.options = { LIMIT, "--fault-around=4K", "--thp=never" },
};

static int fail_job(struct bench *bench, const char *program, const char *why)
{
	return cli_fail(bench->cli, STATUS_FAILED, "%s: %s", program, why);
}

static int find_payload(struct bench *bench, const char *name, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/%s", bench->payloads, name) >= PATH_MAX)
		return fail_job(bench, bench->payloads, strerror(ENAMETOOLONG));
	return 0;
}

static int run_job(struct bench *bench, const struct job *job, struct child *child)
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

/* The number behind a word of a payload's output, as in "pages 10 total_ns 500"; or -1. */
static double output_value(const struct child *child, const char *key)
{
	size_t len = strlen(key);
	const char *at = child->out;

	for (; (at = strstr(at, key)); at += len)
		if ((at == child->out || at[-1] == ' ') && at[len] == ' ')
			return strtod(at + len, NULL);
	return -1;
}

static double elapsed_us(const struct child *child)
{
	return child->ns * USEC_PER_NSEC;
}

static double elapsed_ms(const struct child *child)
{
	return child->ns * MSEC_PER_NSEC;
}

static double ns_per_page(const struct child *child)
{
	return output_value(child, "total_ns") / output_value(child, "pages");
}

static double fault_ns(const struct child *child)
{
	return output_value(child, "p50_cycles") * 1e6 / output_value(child, "tsc_khz");
}

/* Run a job and take its value, which is above 0 if the payload said what it should. */
static int take(struct bench *bench, const struct job *job,
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

/* Rounds of both; which is first changes, and round 0 only warms up. */
static int take_pairs(struct bench *bench, struct result *result, int rounds,
		      const struct job *own_job, const struct job *native_job,
		      double (*value)(const struct child *child))
{
	double own, native;
	int err = 0;

	for (int i = 0; i <= rounds && !err; i++) {
		if (i % 2)
			err = take(bench, native_job, value, &native);
		if (!err)
			err = take(bench, own_job, value, &own);
		if (!err && i % 2 == 0)
			err = take(bench, native_job, value, &native);
		if (err || !i)
			continue;
		samples_add(&result->own, own);
		samples_add(&result->native, native);
		samples_add(&result->ratio, own / native);
	}
	return err;
}

int measure_faults(struct bench *bench)
{
	struct result *results = bench->results;
	int rounds = bench->quick ? 5 : 15;
	struct mv_host host;
	double own;

	for (int i = 0; i <= rounds; i++) {
		int err = take(bench, &fault_job, fault_ns, &own);

		if (err)
			return err;
		if (mv_host(&host, &bench->cli->err))
			return STATUS_FAILED;
		if (!i)
			continue;
		samples_add(&results[PORT_EXIT].own, host.port_exit_ns);
		samples_add(&results[PF_EXIT_FLOOR].own, host.pf_exit_ns);
		samples_add(&results[FAULT_ANON_4K].own, own);
		samples_add(&results[FAULT_ANON_4K].floor, host.pf_exit_ns);
		samples_add(&results[FAULT_ANON_4K].ratio, own / host.pf_exit_ns);
	}
	return 0;
}

/* The same faults in a sandbox of our own, for only the library tells the VMM's time. */
static int time_fault_path(struct bench *bench, int out, struct mv_counters *counters)
{
	static const char *const environment[] = { NULL };
	struct mv_error *err = &bench->cli->err;
	const char *argv[] = { NULL, "fault", FAULT_SIZE, NULL };
	char program[PATH_MAX];
	struct mv_options opt;
	struct mv_vm *vm = NULL;
	struct mv_exit end;
	int status;

	mv_options_init(&opt);
	opt.fault_around = MV_PAGE_SIZE;
	opt.thp = MV_THP_NEVER;
	opt.timeout_ns = LIMIT_NS;
	opt.timing = true;
	opt.fds[1] = out;
	status = find_payload(bench, fault_job.payload, program);
	if (status)
		return status;
	argv[0] = program;
	if (mv_open(&opt, &vm, err) || mv_load(vm, program, argv, environment, err) ||
	    mv_run(vm, &end, err))
		status = STATUS_FAILED;
	else if (end.status)
		status = fail_job(bench, program, "it failed in the sandbox");
	else
		mv_counters(vm, counters);
	mv_close(vm);
	return status;
}

int measure_fault_path(struct bench *bench)
{
	int rounds = bench->quick ? 5 : 25;
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct mv_counters counters = { 0 };
	int err = 0;

	if (out < 0)
		return fail_job(bench, "/dev/null", strerror(errno));
	for (int i = 0; i <= rounds && !err; i++) {
		err = time_fault_path(bench, out, &counters);
		if (!err && i)
			samples_add(&bench->results[VMM_FAULT_PATH].own,
				    counters.fault_ns_p50);
	}
	close(out);
	return err;
}

int measure_cpu(struct bench *bench)
{
	char laps[32] = "";
	const struct job own = { .payload = "spin",
				 .args = { laps },
				 .options = { LIMIT } };
	const struct job native = { .payload = "spin", .args = { laps }, .native = true };
	struct child child = { .ns = 0 };

	for (uint64_t n = 1 << 25; child.ns < ENOUGH_NS; n *= 2) {
		int err;

		snprintf(laps, sizeof(laps), "%llu", (unsigned long long)n);
		err = run_job(bench, &native, &child);
		if (err)
			return err;
	}
	return take_pairs(bench, &bench->results[CPU], bench->quick ? 3 : 9, &own, &native,
			  elapsed_ms);
}

static int measure_start(struct bench *bench, struct result *result, const char *option)
{
	const struct job own = { .payload = "hello", .options = { option } };
	const struct job native = { .payload = "hello", .native = true };
	int err = take_pairs(bench, result, bench->quick ? 20 : 100, &own, &native,
			     elapsed_us);

	if (err)
		return err;
	/* Neither can be saved: a native process, and KVM's part of a VM. */
	if (mv_host(&bench->host, &bench->cli->err))
		return STATUS_FAILED;
	samples_add(&result->floor, samples_quantile(&result->native, 0.5) +
					    bench->host.bare_vm_ns * USEC_PER_NSEC);
	return 0;
}

int measure_start_hello(struct bench *bench)
{
	return measure_start(bench, &bench->results[START_HELLO], NULL);
}

int measure_start_big(struct bench *bench)
{
	return measure_start(bench, &bench->results[START_BIG], "--mem=16G");
}

/*
 * A machine that is itself a guest may have lent its free memory to its host, and gets it
 * back at ten times a fault's cost. Who touches as much right before pays for it.
 */
static const struct job fetch_memory = {
	.payload = "bench/touch",
	.native = true,
	.args = { "sweep", SWEEP_SIZE, "huge" },
};

int measure_touch(struct bench *bench)
{
	static const struct {
		int metric;
		struct job native;
	} against[] = {
		{ TOUCH_ANON,
		  { .payload = "bench/touch",
		    .native = true,
		    .before = &fetch_memory,
		    .args = { "sweep", SWEEP_SIZE, "nohuge" } } },
		{ TOUCH_ANON_THP,
		  { .payload = "bench/touch",
		    .native = true,
		    .before = &fetch_memory,
		    .args = { "sweep", SWEEP_SIZE, "huge" } } },
	};
	const struct job own = {
		.payload = "bench/touch",
		.args = { "sweep", SWEEP_SIZE },
		.options = { LIMIT },
		.before = &fetch_memory,
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(against) && !err; i++)
		err = take_pairs(bench, &bench->results[against[i].metric],
				 bench->quick ? 2 : 5, &own, &against[i].native,
				 ns_per_page);
	return err;
}
