/* SPDX-License-Identifier: MIT */
/*
 * bench.h: what `mapvisor bench` measures, and each figure beside what it is measured
 * against. bench.c has the command and prints; bench_measure.c, bench_file.c and bench_map.c
 * measure, by the jobs of bench_job.c.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "vmm/cli/cli.h"
#include "vmm/cli/samples.h"

struct bench;

/* In the order in which they are measured and printed. */
enum {
	PORT_EXIT,
	GETPPID,
	PF_EXIT_FLOOR,
	FAULT_ANON_4K,
	VMM_FAULT_PATH,
	FAULT_ANON_2M,
	FAULT_STAGE2_DIRECT,
	FAULT_STAGE2_UFFD,
	CPU,
	START_HELLO,
	START_BIG,
	TOUCH_ANON,
	TOUCH_ANON_THP,
	TOUCH_ANON_4K,
	FAULT_FILE_READ_4K,
	FAULT_SHARED_WRITE_4K,
	FAULT_COW_4K,
	TOUCH_FILE,
	READ_FILE_AGAIN,
	TOUCH_COW,
	WRITE_1M,
	WRITE_1M_EXITS,
	MAP_CYCLE,
	MAP_CYCLE_EXITS,
	VMA_10,
	VMA_60000,
	NR_METRICS
};

/*
 * One figure. Samples of own, and of native or floor, are taken in turns, so that what
 * disturbs the machine disturbs both; ratio has own divided by that neighbour, pair by
 * pair.
 */
struct result {
	struct samples own;
	struct samples native; /* the same work without a sandbox */
	struct samples floor;  /* the least that it could cost on this machine */
	struct samples ratio;
	bool measured; /* or tried: it may be that this host hasn't what it measures */
	bool shown;    /* it was asked for, not only measured along with another */
};

/* What a figure is, and what it should reach. */
struct metric {
	const char *name;
	const char *unit;
	int (*measure)(struct bench *bench); /* neighbours with the same one share a run */
	double limit;			     /* of own's p50, in unit; 0: none */
	double ratio_limit;		     /* of ratio's p50; 0: none */
	const char *what;
};

struct bench {
	struct cli *cli;
	char self[PATH_MAX];	 /* our own executable */
	char payloads[PATH_MAX]; /* the folder of hello, spin and bench/ */
	char file[PATH_MAX]; /* what is mapped, made when it is first needed; "": not yet */
	bool quick;
	struct mv_host host;
	struct result results[NR_METRICS];
};

/* "5000 us, 6x"; "-" where there is no limit. */
const char *limit_text(char buf[32], const struct metric *metric);
bool has_limit(const struct metric *metric);
bool is_met(const struct metric *metric, const struct result *result);

/*
 * bench_plot.c: a drawing of all that was measured, for a browser or a document. What can't be
 * written shows in ferror(out).
 */
void bench_plot(const struct bench *bench, const struct metric *metrics, FILE *out);

/* Take the samples of some metrics. 0, or an exit status with the error noted. */
int measure_faults(struct bench *bench);      /* PORT_EXIT, PF_EXIT_FLOOR, FAULT_ANON_4K */
int measure_getppid(struct bench *bench);     /* GETPPID */
int measure_fault_path(struct bench *bench);  /* VMM_FAULT_PATH */
int measure_fault_2m(struct bench *bench);    /* FAULT_ANON_2M */
int measure_stage2(struct bench *bench);      /* FAULT_STAGE2_DIRECT, ..._UFFD */
int measure_cpu(struct bench *bench);	      /* CPU */
int measure_start_hello(struct bench *bench); /* START_HELLO */
int measure_start_big(struct bench *bench);   /* START_BIG */
int measure_touch(struct bench *bench); /* TOUCH_ANON, TOUCH_ANON_THP, TOUCH_ANON_4K */
int measure_file_faults(struct bench *bench); /* FAULT_FILE_READ_4K to FAULT_COW_4K */
int measure_file_read(struct bench *bench);   /* TOUCH_FILE, READ_FILE_AGAIN */
int measure_cow(struct bench *bench);	      /* TOUCH_COW */
int measure_write(struct bench *bench);	      /* WRITE_1M, WRITE_1M_EXITS */
int measure_map_cycle(struct bench *bench);   /* MAP_CYCLE, MAP_CYCLE_EXITS */
int measure_vmas(struct bench *bench);	      /* VMA_10, VMA_60000 */

/* bench_file.c: remove the file, if one was made. */
void bench_remove_file(struct bench *bench);

#endif
