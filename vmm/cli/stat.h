/* SPDX-License-Identifier: MIT */
/*
 * stat.h: what a run took, for `mapvisor stat` and for --stats: stat.c has the command,
 * stat_rows.c what is counted and how it is printed, stat_json.c all of it as JSON.
 */
#ifndef CLI_STAT_H
#define CLI_STAT_H

#include <jansson.h>
#include <mapvisor/mapvisor.h>

/* KVM's own counters that get a line; --json has all. */
#define KVM_ROWS 9
/* Numbers of calls that a run can tell apart: Linux's, one of our own, and all others. */
#define CALL_ROWS 514

/* One run, after it ended. */
struct stat_run {
	struct mv_counters c;
	struct mv_memory memory;
	uint64_t mapped, backed; /* bytes of all VMAs: see struct mv_vma */
	struct mv_times times;	 /* all 0: it wasn't timed */
	struct mv_floor floor;
	struct mv_fault_times fault;
	struct mv_call_count calls[CALL_ROWS];
	size_t ncalls;
	double kvm[KVM_ROWS]; /* NAN: this kernel doesn't count it */
};

/* Bytes of all VMAs: what entries map, and what the host has given memory for. */
void stat_sum_vmas(struct mv_vm *vm, uint64_t *mapped, uint64_t *backed);

/* What stands in vm now. floor: of this machine, where the run was timed; else NULL. */
void stat_take(struct stat_run *run, struct mv_vm *vm, const struct mv_floor *floor);

/* The lines, as perf-stat(1) lays them out: of several runs their means, and how sure these are. */
void stat_print(const struct stat_run *runs, size_t n, FILE *out);

/* All that is known of a run, as an object; NULL where memory is short. */
json_t *stat_json(struct mv_vm *vm, const struct mv_floor *floor);
/* The lines as an array: name, unit, mean, and error in percent of it. */
json_t *stat_rows_json(const struct stat_run *runs, size_t n);

#endif
