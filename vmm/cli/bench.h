/* SPDX-License-Identifier: MIT */
/*
 * bench.h: what `mapvisor bench` measures, and each figure beside what it is measured
 * against. bench.c has the command and prints; bench_measure.c measures.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <limits.h>

#include "vmm/cli/cli.h"
#include "vmm/cli/samples.h"

/* In the order in which they are measured and printed. */
enum {
	PORT_EXIT,
	PF_EXIT_FLOOR,
	FAULT_ANON_4K,
	VMM_FAULT_PATH,
	CPU,
	START_HELLO,
	START_BIG,
	TOUCH_ANON,
	TOUCH_ANON_THP,
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
};

struct bench {
	struct cli *cli;
	char self[PATH_MAX];	 /* our own executable */
	char payloads[PATH_MAX]; /* the folder of hello, spin and bench/ */
	bool quick;
	struct mv_host host;
	struct result results[NR_METRICS];
};

/* Take the samples of some metrics. 0, or an exit status with the error noted. */
int measure_faults(struct bench *bench);      /* PORT_EXIT to FAULT_ANON_4K */
int measure_fault_path(struct bench *bench);  /* VMM_FAULT_PATH */
int measure_cpu(struct bench *bench);	      /* CPU */
int measure_start_hello(struct bench *bench); /* START_HELLO */
int measure_start_big(struct bench *bench);   /* START_BIG */
int measure_touch(struct bench *bench);	      /* TOUCH_ANON, TOUCH_ANON_THP */

#endif
