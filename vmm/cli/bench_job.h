/* SPDX-License-Identifier: MIT */
/*
 * bench_job.h: payloads run as jobs of `mapvisor bench`, and their figures gathered in rounds.
 * Functions that return an int return 0, or an exit status with the error noted.
 */
#ifndef CLI_BENCH_JOB_H
#define CLI_BENCH_JOB_H

#include "vmm/cli/bench.h"
#include "vmm/cli/child.h"

#define LIMIT_NS 60000000000ull /* no job takes a tenth of it */
#define LIMIT "--timeout=60"	/* the same; a start has none, for it may cost something */

/* A payload with its arguments; natively, mapvisor's options are left out. */
struct job {
	const char *payload;
	const char *args[4];
	const char *options[4];
	bool native;
	const struct job *before; /* run right before each of it, unmeasured; or NULL */
};

/* What a figure is taken from, and what it is compared with: the floor, if there is one. */
struct jobs {
	const struct job *own;
	const struct job *native; /* may be NULL, as floor may */
	const struct job *floor;
};

int fail_job(struct bench *bench, const char *program, const char *why);
int find_payload(struct bench *bench, const char *name, char path[PATH_MAX]);
int run_job(struct bench *bench, const struct job *job, struct child *child);

/* The number behind a word of a payload's output, as in "pages 10 total_ns 500"; or -1. */
double output_value(const struct child *child, const char *key);

/* A job's value: how long it took, or what it says. */
double elapsed_us(const struct child *child);
double elapsed_ms(const struct child *child);
double ns_per_page(const struct child *child);
double p50_ns(const struct child *child); /* of its cycles */
double call_ns(const struct child *child,
	       const char *call); /* of those of one of its lines */

/* Run a job and take its value, which is above 0 if the payload said what it should. */
int take(struct bench *bench, const struct job *job,
	 double (*value)(const struct child *child), double *taken);

/* Rounds of all; which is first changes, and round 0 only warms up. */
int take_rounds(struct bench *bench, struct result *result, int rounds,
		const struct jobs *jobs, double (*value)(const struct child *child));

/*
 * Run a job in a sandbox of our own, for only the library counts. opt->fds[1] is changed, the
 * job's own options don't count.
 */
int count_job(struct bench *bench, const struct job *job, struct mv_options *opt,
	      struct mv_counters *counters);

/*
 * The exits that one job has beyond another, which does the same less often: what their starts
 * and ends cost falls out. Counted, not timed. opt is as in count_job().
 */
int count_more_exits(struct bench *bench, const struct job *few, const struct job *more,
		     struct mv_options *opt, double *exits);

#endif
