/* SPDX-License-Identifier: MIT */
/*
 * bench_map.c: figures of `mapvisor bench` on what the address space itself costs: mapping
 * and unmapping, and many VMAs.
 */
#include "vmm/cli/bench_job.h"

#define CYCLES "2K"
#define CYCLES_MORE "4K"
#define MORE_CYCLES 2048
#define OWN_CALLS 2 /* of a cycle: mmap and munmap */

/* Of a cycle, beyond its own calls. */
static int count_exits(struct bench *bench)
{
	const struct job few = { .payload = "bench/mapcycle", .args = { CYCLES } };
	const struct job more = { .payload = "bench/mapcycle", .args = { CYCLES_MORE } };
	struct mv_options opt;
	double exits;
	int err;

	mv_options_init(&opt);
	opt.timeout_ns = LIMIT_NS;
	err = count_more_exits(bench, &few, &more, &opt, &exits);
	if (err)
		return err;
	samples_add(&bench->results[MAP_CYCLE_EXITS].own, exits / MORE_CYCLES - OWN_CALLS);
	return 0;
}

int measure_map_cycle(struct bench *bench)
{
	const struct job own = { .payload = "bench/mapcycle",
				 .args = { CYCLES },
				 .options = { LIMIT } };
	struct job native = own;
	int err;

	native.native = true;
	err = take_rounds(bench, &bench->results[MAP_CYCLE], bench->quick ? 3 : 9,
			  &(struct jobs){ &own, &native, NULL }, p50_ns);
	return err ? err : count_exits(bench);
}

/* Rounds of both in turns, and of both natively. */
int measure_vmas(struct bench *bench)
{
	struct result *few = &bench->results[VMA_10], *many = &bench->results[VMA_60000];
	const struct job own[2] = {
		{ .payload = "bench/vmas",
		  .args = { "10" },
		  .options = { LIMIT, "--fault-around=4K", "--thp=never" } },
		{ .payload = "bench/vmas",
		  .args = { "60000" },
		  .options = { LIMIT, "--fault-around=4K", "--thp=never" } },
	};
	struct job native[2] = { own[0], own[1] };
	int err;

	native[0].native = native[1].native = true;
	err = take_rounds(bench, many, bench->quick ? 2 : 7,
			  &(struct jobs){ &own[1], &native[1], &own[0] }, p50_ns);
	if (err)
		return err;
	few->own = many->floor;
	for (size_t i = 0; i < few->own.n && !err; i++) {
		double taken;

		err = take(bench, &native[0], p50_ns, &taken);
		if (err)
			break;
		samples_add(&few->native, taken);
		samples_add(&few->ratio, few->own.values[i] / taken);
	}
	return err;
}
