/* SPDX-License-Identifier: MIT */
/*
 * bench_measure.c: how each figure of `mapvisor bench` on exits, starts and anonymous memory
 * is taken: in rounds, in which the sandbox and what it is compared with take turns, each in
 * a new process. A round's sample is the median of what it measured, where that is more than
 * one thing.
 */
#include <string.h>

#include "vmm/cli/bench_job.h"

#define USEC_PER_NSEC 1e-3
#define ENOUGH_NS 500000000ull /* for a start of some ms to be lost in */
#define FAULT_SIZE "8M"	       /* 2048 faults a round */
#define SWEEP_SIZE "1G"
#define QUICK_SWEEP_SIZE "512M"
#define CALLS "4K"
#define BLOCKS_SIZE "64M" /* faults of 2 MiB each, a round's */
#define BLOCKS 32	  /* ... so many */
#define REST_SIZE "8M"	  /* 2044 violations a round */
#define REST_BLOCKS 4	  /* ... in so many times 2 MiB */

/* One page a fault: what a fault costs that nothing is saved on. */
static const struct job fault_job = {
	.payload = "bench/touch",
	.args = { "fault", FAULT_SIZE },
	.options = { LIMIT, "--fault-around=4K", "--thp=never" },
};

static int take_floor(struct bench *bench, struct mv_host *host)
{
	return mv_host(host, &bench->cli->err) ? STATUS_FAILED : 0;
}

int measure_faults(struct bench *bench)
{
	struct result *results = bench->results;
	int rounds = bench->quick ? 3 : 15;
	struct mv_host host;
	double own;

	for (int i = 0; i <= rounds; i++) {
		int err = i % 2 ? take_floor(bench, &host) : 0;

		err = err ? err : take(bench, &fault_job, p50_ns, &own);
		if (!err && i % 2 == 0)
			err = take_floor(bench, &host);
		if (err)
			return err;
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

/* The same faults, with the VMM's time measured. */
int measure_fault_path(struct bench *bench)
{
	int rounds = bench->quick ? 5 : 25;
	struct mv_counters counters;
	struct mv_options opt;

	mv_options_init(&opt);
	opt.fault_around = MV_PAGE_SIZE;
	opt.thp = MV_THP_NEVER;
	opt.timeout_ns = LIMIT_NS;
	opt.timing = true;
	for (int i = 0; i <= rounds; i++) {
		int err = count_job(bench, &fault_job, &opt, &counters);

		if (err)
			return err;
		if (i)
			samples_add(&bench->results[VMM_FAULT_PATH].own,
				    counters.fault_ns_p50);
	}
	return 0;
}

/* What is timed must be leaves in the sandbox and huge pages natively, not 4 KiB in disguise. */
static int check_huge(struct bench *bench, const struct job *own, const struct job *native,
		      bool *have_native)
{
	struct mv_counters counters;
	struct mv_options opt;
	struct child child = { .ns = 0 };
	int err;

	mv_options_init(&opt);
	opt.fault_around = MV_PAGE_SIZE;
	opt.thp = MV_THP_ALWAYS;
	opt.timeout_ns = LIMIT_NS;
	err = count_job(bench, own, &opt, &counters);
	if (!err && counters.huge < BLOCKS)
		return fail_job(bench, own->payload, "it got no 2 MiB leaves");
	if (!err)
		err = run_job(bench, native, &child);
	*have_native = child.faults < 512 * BLOCKS / 2;
	return err;
}

/* A leaf a fault: none is made ahead. */
int measure_fault_2m(struct bench *bench)
{
	const struct job fetch = { .payload = "bench/touch",
				   .native = true,
				   .args = { "sweep", BLOCKS_SIZE, "huge" } };
	const struct job own = { .payload = "bench/touch",
				 .args = { "block", BLOCKS_SIZE, "huge" },
				 .options = { LIMIT, "--fault-around=4K", "--thp=always" },
				 .before = &fetch };
	struct job native = own;
	struct result *result = &bench->results[FAULT_ANON_2M];
	int rounds = bench->quick ? 2 : 9, err;
	bool have_native = false;

	native.native = true;
	err = check_huge(bench, &own, &native, &have_native);
	if (!err)
		err = take_rounds(bench, result, rounds,
				  &(struct jobs){ &own, have_native ? &native : NULL,
						  NULL },
				  p50_ns);
	if (err || !have_native)
		return err;
	if (mv_host(&bench->host, &bench->cli->err))
		return STATUS_FAILED;
	/* the host zeroes as much for either; and there is an exit */
	result->ratio.n = 0;
	for (size_t i = 0; i < result->own.n; i++) {
		double floor = result->native.values[i] + (double)bench->host.pf_exit_ns;

		samples_add(&result->floor, floor);
		samples_add(&result->ratio, result->own.values[i] / floor);
	}
	return 0;
}

/*
 * What is timed must be violations: one guest fault maps all of a block, and each page then
 * asks for memory by itself. Only with uffd are these counted; the frames are the same without.
 */
static int check_stage2(struct bench *bench, const struct job *job)
{
	struct mv_counters counters = { 0 };
	struct mv_options opt;
	int err;

	mv_options_init(&opt);
	opt.fault_around = 512 * MV_PAGE_SIZE;
	opt.timeout_ns = LIMIT_NS;
	opt.thp = MV_THP_NEVER;
	opt.stage2 = bench->host.userfaultfd ? MV_STAGE2_UFFD : MV_STAGE2_DIRECT;
	err = count_job(bench, job, &opt, &counters);
	if (!err && counters.faults[MV_FAULT_ANON] > REST_BLOCKS * 16)
		return fail_job(bench, job->payload, "its pages were not mapped around");
	if (!err && bench->host.userfaultfd && counters.pages_zeroed < REST_BLOCKS * 511)
		return fail_job(bench, job->payload, "its pages had memory already");
	return err;
}

int measure_stage2(struct bench *bench)
{
	const struct job direct = { .payload = "bench/touch",
				    .args = { "rest", REST_SIZE },
				    .options = { LIMIT, "--fault-around=2M",
						 "--thp=never" } };
	const struct job native = { .payload = "bench/touch",
				    .native = true,
				    .args = { "rest", REST_SIZE, "nohuge" } };
	struct job uffd = direct;
	int rounds = bench->quick ? 2 : 9, err = check_stage2(bench, &direct);

	uffd.options[3] = "--stage2=uffd";
	if (!err)
		err = take_rounds(bench, &bench->results[FAULT_STAGE2_DIRECT], rounds,
				  &(struct jobs){ &direct, &native, NULL }, p50_ns);
	if (err || !bench->host.userfaultfd) /* no figure where it can't be had */
		return err;
	return take_rounds(bench, &bench->results[FAULT_STAGE2_UFFD], rounds,
			   &(struct jobs){ &uffd, &native, &direct }, p50_ns);
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
	return take_rounds(bench, &bench->results[CPU], bench->quick ? 3 : 9,
			   &(struct jobs){ &own, &native, NULL }, elapsed_ms);
}

static int measure_start(struct bench *bench, struct result *result, const char *option)
{
	const struct job own = { .payload = "hello", .options = { option } };
	const struct job native = { .payload = "hello", .native = true };
	int err = take_rounds(bench, result, bench->quick ? 20 : 100,
			      &(struct jobs){ &own, &native, NULL }, elapsed_us);

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

int measure_touch(struct bench *bench)
{
	const char *size = bench->quick ? QUICK_SWEEP_SIZE : SWEEP_SIZE;
	/*
	 * A machine that is itself a guest may have lent its free memory to its host, and gets
	 * it back at ten times a fault's cost. Who touches as much right before pays for it.
	 */
	const struct job fetch_memory = { .payload = "bench/touch",
					  .native = true,
					  .args = { "sweep", size, "huge" } };
	const struct job own = { .payload = "bench/touch",
				 .args = { "sweep", size },
				 .options = { LIMIT },
				 .before = &fetch_memory };
	const struct job own_4k = { .payload = "bench/touch",
				    .args = { "sweep", size },
				    .options = { LIMIT, "--thp=never" },
				    .before = &fetch_memory };
	const struct job huge = { .payload = "bench/touch",
				  .native = true,
				  .before = &fetch_memory,
				  .args = { "sweep", size, "huge" } };
	const struct job nohuge = { .payload = "bench/touch",
				    .native = true,
				    .before = &fetch_memory,
				    .args = { "sweep", size, "nohuge" } };
	int rounds = bench->quick ? 2 : 5;
	int err = take_rounds(bench, &bench->results[TOUCH_ANON], rounds,
			      &(struct jobs){ &own, &nohuge, NULL }, ns_per_page);

	if (err)
		return err;
	err = take_rounds(bench, &bench->results[TOUCH_ANON_THP], rounds,
			  &(struct jobs){ &own, &huge, NULL }, ns_per_page);
	if (err)
		return err;
	return take_rounds(bench, &bench->results[TOUCH_ANON_4K], rounds,
			   &(struct jobs){ &own_4k, &nohuge, NULL }, ns_per_page);
}

/* Both calls by one process: what a call does beyond leaving is little. */
int measure_getppid(struct bench *bench)
{
	const struct job own = { .payload = "bench/exits",
				 .args = { CALLS },
				 .options = { LIMIT } };
	const struct job native = { .payload = "bench/exits",
				    .args = { CALLS, "native" },
				    .native = true };
	struct result *result = &bench->results[GETPPID];
	int rounds = bench->quick ? 3 : 15, err = 0;
	struct child child;

	for (int i = 0; i <= rounds && !err; i++) {
		err = run_job(bench, &own, &child);
		if (err || !i)
			continue;
		samples_add(&result->own, call_ns(&child, "getppid_syscall"));
		samples_add(&result->floor, p50_ns(&child));
		samples_add(&result->ratio,
			    call_ns(&child, "getppid_syscall") / p50_ns(&child));
		err = run_job(bench, &native, &child);
		samples_add(&result->native, call_ns(&child, "getppid_syscall"));
	}
	return err;
}
