/* SPDX-License-Identifier: MIT */
/*
 * bench.c: `mapvisor bench` prints what faults, exits and starts cost on this machine, each
 * beside what it is measured against and the limit that this project sets itself.
 */
#include "vmm/cli/bench.h"

#include <argp.h>
#include <errno.h>
#include <fnmatch.h>
#include <libgen.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/cli/json.h"
#include "vmm/cli/machine.h"

enum {
	OPT_JSON = 256,
	OPT_QUICK,
	OPT_CHECK,
	OPT_PAYLOADS,
	OPT_PLOT,
};

static const struct metric metrics[] = {
	[PORT_EXIT] = { .name = "port_exit",
			.unit = "ns",
			.measure = measure_faults,
			.what = "a call by `out` that does nothing" },
	[GETPPID] = { .name = "getppid",
		      .unit = "ns",
		      .measure = measure_getppid,
		      .ratio_limit = 1.3,
		      .what = "getppid() by SYSCALL; floor: port_exit of the same run" },
	[PF_EXIT_FLOOR] = { .name = "pf_exit_floor",
			    .unit = "ns",
			    .measure = measure_faults,
			    .what = "a #PF that is answered by storing one PTE" },
	[FAULT_ANON_4K] = { .name = "fault_anon_4k",
			    .unit = "ns",
			    .measure = measure_faults,
			    .ratio_limit = 1.3,
			    .what = "an anonymous fault that maps one page" },
	[VMM_FAULT_PATH] = { .name = "vmm_fault_path",
			     .unit = "ns",
			     .measure = measure_fault_path,
			     .limit = 500,
			     .what = "the VMM's own time in fault_anon_4k, outside KVM_RUN" },
	[FAULT_ANON_2M] = { .name = "fault_anon_2m",
			    .unit = "ns",
			    .measure = measure_fault_2m,
			    .what = "an anonymous fault that gets a 2 MiB leaf, zeroed; floor: "
				    "the native one and pf_exit_floor" },
	[FAULT_STAGE2_DIRECT] = { .name = "fault_stage2_direct",
				  .unit = "ns",
				  .measure = measure_stage2,
				  .what = "a second-stage violation alone: the entry is there, "
					  "its frame has no memory yet; the host kernel serves "
					  "it" },
	[FAULT_STAGE2_UFFD] = { .name = "fault_stage2_uffd",
				.unit = "ns",
				.measure = measure_stage2,
				.what = "a second-stage violation alone that the VMM serves, "
					"--stage2=uffd; floor: fault_stage2_direct" },
	[CPU] = { .name = "cpu",
		  .unit = "ms",
		  .measure = measure_cpu,
		  .ratio_limit = 1.03,
		  .what = "a loop without memory or calls, process and all" },
	[START_HELLO] = { .name = "start_hello",
			  .unit = "us",
			  .measure = measure_start_hello,
			  .limit = 5000,
			  .ratio_limit = 6,
			  .what = "mapvisor run hello, start to exit" },
	[START_BIG] = { .name = "start_big",
			.unit = "us",
			.measure = measure_start_big,
			.limit = 5000,
			.ratio_limit = 6,
			.what = "mapvisor run --mem=16G hello, start to exit" },
	[TOUCH_ANON] = { .name = "touch_anon",
			 .unit = "ns/page",
			 .measure = measure_touch,
			 .ratio_limit = 0.6,
			 .what = "1 GiB written page by page; native: 4 KiB pages" },
	[TOUCH_ANON_THP] = { .name = "touch_anon_thp",
			     .unit = "ns/page",
			     .measure = measure_touch,
			     .ratio_limit = 1.3,
			     .what = "1 GiB written page by page; native: transparent huge pages" },
	[TOUCH_ANON_4K] = { .name = "touch_anon_4k",
			    .unit = "ns/page",
			    .measure = measure_touch,
			    .what = "1 GiB written page by page, --thp=never; native: 4 KiB pages" },
	[FAULT_FILE_READ_4K] = { .name = "fault_file_read_4k",
				 .unit = "ns",
				 .measure = measure_file_faults,
				 .what = "a read fault on a private file page, one a fault" },
	[FAULT_SHARED_WRITE_4K] = { .name = "fault_shared_write_4k",
				    .unit = "ns",
				    .measure = measure_file_faults,
				    .what = "a write fault on a shared file page" },
	[FAULT_COW_4K] = { .name = "fault_cow_4k",
			   .unit = "ns",
			   .measure = measure_file_faults,
			   .what = "a write fault on a private file page: its copy" },
	[TOUCH_FILE] = { .name = "touch_file",
			 .unit = "ns/page",
			 .measure = measure_file_read,
			 .ratio_limit = 1.5,
			 .what = "256 MiB of a cached file, mapped and read; native: pread "
				 "into huge pages and read" },
	[READ_FILE_AGAIN] = { .name = "read_file_again",
			      .unit = "ns/page",
			      .measure = measure_file_read,
			      .ratio_limit = 1.05,
			      .what = "touch_file's memory read once more" },
	[TOUCH_COW] = { .name = "touch_cow",
			.unit = "ns/page",
			.measure = measure_cow,
			.ratio_limit = 1.3,
			.what = "a cached file, mapped privately, a byte of each page written; "
				"floor: touch_anon by 4 KiB and a copy" },
	[WRITE_1M] = { .name = "write_1m",
		       .unit = "ns",
		       .measure = measure_write,
		       .ratio_limit = 1.2,
		       .what = "a write() of 1 MiB to a cached file; floor: native and a getppid(); "
			       "ratio: without the latter" },
	[WRITE_1M_EXITS] = { .name = "write_1m_exits",
			     .unit = "exits",
			     .measure = measure_write,
			     .limit = 1,
			     .what = "exits of a write() of 1 MiB" },
	[MAP_CYCLE] = { .name = "mmap_touch_munmap_64k",
			.unit = "ns",
			.measure = measure_map_cycle,
			.what = "64 KiB mapped, one page touched, unmapped" },
	[MAP_CYCLE_EXITS] = { .name = "mmap_touch_munmap_exits",
			      .unit = "exits",
			      .measure = measure_map_cycle,
			      .limit = 2,
			      .what = "exits of mmap_touch_munmap_64k beyond those of its two calls" },
	[VMA_10] = { .name = "vma_10",
		     .unit = "ns",
		     .measure = measure_vmas,
		     .what = "an anonymous fault of 4 KiB among 10 VMAs" },
	[VMA_60000] = { .name = "vma_60000",
			.unit = "ns",
			.measure = measure_vmas,
			.ratio_limit = 1.1,
			.what = "an anonymous fault of 4 KiB among 60,000 VMAs; floor: vma_10" },
};

struct args {
	struct cli *cli;
	bool wanted[NR_METRICS]; /* of them, what NAMEs ask for; none: all */
	bool some;		 /* there is a NAME */
	const char *payloads;
	const char *plot;	 /* the file to draw to; NULL: none */
	char plot_new[PATH_MAX]; /* ... its name until it is whole; "": always its own */
	bool json;
	bool quick;
	bool check;
};

static double p50(const struct samples *samples)
{
	return samples_quantile(samples, 0.5);
}

bool has_limit(const struct metric *metric)
{
	return metric->limit || metric->ratio_limit;
}

bool is_met(const struct metric *metric, const struct result *result)
{
	return (!metric->limit || p50(&result->own) <= metric->limit) &&
	       (!metric->ratio_limit || p50(&result->ratio) <= metric->ratio_limit);
}

/* Three figures that count: a time of 26.1 us and one of 2 s read equally well. */
static const char *number(char buf[16], double value)
{
	snprintf(buf, 16, "%.*f", value < 10 ? 2 : value < 100 ? 1 : 0, value);
	return buf;
}

static const char *median(char buf[16], const struct samples *samples)
{
	return samples->n ? number(buf, p50(samples)) : "-";
}

const char *limit_text(char buf[32], const struct metric *metric)
{
	int n = 0;

	if (!has_limit(metric))
		return "-";
	if (metric->limit)
		n = snprintf(buf, 32, "%g %s", metric->limit, metric->unit);
	if (metric->ratio_limit)
		snprintf(buf + n, 32 - n, "%s%gx", n ? ", " : "", metric->ratio_limit);
	return buf;
}

static const char *verdict(const struct metric *metric, const struct result *result)
{
	if (!has_limit(metric))
		return "-";
	return is_met(metric, result) ? "met" : "NOT met";
}

static void print_head(void)
{
	printf("%-23s %-8s %4s %8s %8s %8s %8s %8s %6s  %-12s %s\n", "name", "unit", "n",
	       "min", "p50", "p99", "native", "floor", "ratio", "limit", "verdict");
}

static void print_row(const struct metric *metric, const struct result *result, bool first)
{
	char min[16], mid[16], max[16], native[16], floor[16], ratio[16], limit[32];

	if (first)
		print_head();
	printf("%-23s %-8s %4zu %8s %8s %8s %8s %8s %6s  %-12s %s\n", metric->name,
	       metric->unit, result->own.n, number(min, samples_quantile(&result->own, 0)),
	       number(mid, p50(&result->own)),
	       number(max, samples_quantile(&result->own, 0.99)),
	       median(native, &result->native), median(floor, &result->floor),
	       median(ratio, &result->ratio), limit_text(limit, metric),
	       verdict(metric, result));
	fflush(stdout); /* the next one takes its time */
}

static json_t *json_result(const struct metric *metric, const struct result *result)
{
	json_t *json = json_members((const struct json_member[]){
		{ "name", json_string(metric->name) },
		{ "unit", json_string(metric->unit) },
		{ "n", json_integer(result->own.n) },
		{ "min", json_real(samples_quantile(&result->own, 0)) },
		{ "p50", json_real(p50(&result->own)) },
		{ "p99", json_real(samples_quantile(&result->own, 0.99)) },
		{ 0 },
	});

	if (result->native.n)
		json_object_set_new(json, "native_p50", json_real(p50(&result->native)));
	if (result->floor.n)
		json_object_set_new(json, "floor_p50", json_real(p50(&result->floor)));
	if (result->ratio.n)
		json_object_set_new(json, "ratio", json_real(p50(&result->ratio)));
	if (metric->limit)
		json_object_set_new(json, "limit", json_real(metric->limit));
	if (metric->ratio_limit)
		json_object_set_new(json, "ratio_limit", json_real(metric->ratio_limit));
	if (has_limit(metric))
		json_object_set_new(json, "met", json_boolean(is_met(metric, result)));
	return json;
}

static json_t *json_host(const struct mv_host *host)
{
	char cpu[128], kernel[128], date[16];

	return json_members((const struct json_member[]){
		{ "cpu", json_string(machine_cpu(cpu, sizeof(cpu))) },
		{ "kernel", json_string(machine_kernel(kernel, sizeof(kernel))) },
		{ "second_stage", json_string(host->stage2) },
		{ "system_call_entry",
		  json_string(host->syscall_ring3 ? "ring 3" : "ring 0") },
		{ "module", json_string(host->module) },
		{ "thp", json_string(host->thp) },
		{ "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)) },
		{ "date", json_string(machine_date(date, sizeof(date))) },
		{ 0 },
	});
}

static int print_json(struct bench *bench, json_t *results)
{
	json_t *json = json_members((const struct json_member[]){
		{ "host", json_host(&bench->host) },
		{ "results", results },
		{ 0 },
	});

	if (json_print(json, stdout))
		return 0;
	return cli_fail(bench->cli, STATUS_FAILED, "bench: %s", strerror(errno));
}

/* A figure's name, or a pattern of some, as the shell's. False: there is none. */
static bool want(struct args *args, const char *pattern)
{
	bool found = false;

	for (int i = 0; i < NR_METRICS; i++)
		if (!fnmatch(pattern, metrics[i].name, 0))
			args->wanted[i] = found = true;
	args->some |= found;
	return found;
}

/* One CPU for all that is compared; a migration in between would be measured too. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set); /* worse figures without, but figures */
}

/* Payloads are built beside the executable; elsewhere, --payloads says where. */
static int find_files(struct bench *bench, const char *payloads)
{
	char dir[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", bench->self, sizeof(bench->self) - 1);
	int n;

	if (len < 0)
		return cli_fail(bench->cli, STATUS_FAILED, "/proc/self/exe: %s",
				strerror(errno));
	bench->self[len] = '\0';
	strcpy(dir, bench->self);
	if (payloads)
		n = snprintf(bench->payloads, PATH_MAX, "%s", payloads);
	else
		n = snprintf(bench->payloads, PATH_MAX, "%s/payloads", dirname(dir));
	if (n >= PATH_MAX)
		return cli_fail(bench->cli, STATUS_FAILED, "%s: %s", bench->payloads,
				strerror(ENAMETOOLONG));
	if (access(bench->payloads, X_OK))
		return cli_fail(bench->cli, STATUS_FAILED,
				"%s: %s; say with --payloads where the built payloads are",
				bench->payloads, strerror(errno));
	return 0;
}

/* Measure what a metric needs, unless it was measured with the one before it. */
static int measure(struct bench *bench, int i)
{
	if (bench->results[i].measured)
		return 0;
	for (int k = 0; k < NR_METRICS; k++)
		if (metrics[k].measure == metrics[i].measure)
			bench->results[k].measured = true;
	return metrics[i].measure(bench);
}

/* False in *met: a limit isn't met. */
static int run_all(struct bench *bench, const struct args *args, json_t *json, bool *met)
{
	bool first = true;
	int status;

	for (int i = 0; i < NR_METRICS; i++) {
		const struct metric *metric = &metrics[i];
		struct result *result = &bench->results[i];

		if (args->some && !args->wanted[i])
			continue;
		status = measure(bench, i);
		if (status)
			return status;
		if (!result->own.n) {
			fprintf(stderr, "mapvisor: bench: %s: this host can't\n",
				metric->name);
			continue;
		}
		result->shown = true;
		*met = *met && is_met(metric, result);
		if (args->json)
			json_array_append_new(json, json_result(metric, result));
		else
			print_row(metric, result, first);
		first = false;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_QUICK:
		args->quick = true;
		return 0;
	case OPT_CHECK:
		args->check = true;
		return 0;
	case OPT_PAYLOADS:
		args->payloads = arg;
		return 0;
	case OPT_PLOT:
		args->plot = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!want(args, arg))
			return cli_usage(args->cli, "%s: no such figure; --help lists them",
					 arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "json", .key = OPT_JSON, .doc = "Write one JSON object" },
	{ .name = "quick", .key = OPT_QUICK, .doc = "Fewer rounds: some seconds in all" },
	{ .name = "check", .key = OPT_CHECK, .doc = "Exit with 1 if a limit isn't met" },
	{ .name = "payloads",
	  .key = OPT_PAYLOADS,
	  .arg = "DIR",
	  .doc = "Where hello, spin and bench/ are (default: payloads, beside mapvisor)" },
	{ .name = "plot",
	  .key = OPT_PLOT,
	  .arg = "FILE.svg",
	  .doc = "Draw the figures, too: a page to look at in a browser" },
};

/* Behind the options, the figures by name, for --help. */
static int parse_args(struct args *args, int argc, char **argv)
{
	struct argp_option table[ARRAY_SIZE(options) + NR_METRICS + 2] = { 0 };
	const struct argp argp = {
		.options = table,
		.parser = parse,
		.args_doc = "[NAME...]",
		.doc = "Measure faults, exits and starts on this machine, beside its own "
		       "floor and native figures, each with the limit that is to be "
		       "reached.\v"
		       "NAME measures that figure only; it may be a pattern, as "
		       "'fault_*'. The exit status is 0 if it could "
		       "measure, whatever the verdicts, unless --check is given.",
	};
	struct argp_option *option = table;

	memcpy(option, options, sizeof(options));
	option += ARRAY_SIZE(options);
	*option++ = (struct argp_option){ .doc = "Figures:" };
	for (int i = 0; i < NR_METRICS; i++)
		*option++ = (struct argp_option){
			.name = metrics[i].name,
			.flags = OPTION_DOC,
			.doc = metrics[i].what,
		};
	return cli_parse(args->cli, &argp, argc, argv, args);
}

/* Whether nothing but a file's content goes with the name: no device, no link. */
static bool may_replace(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? errno == ENOENT : S_ISREG(st.st_mode);
}

/*
 * Before minutes are spent on what can't be written. An earlier drawing stays until this one is
 * there: it is made beside it.
 */
static int open_plot(struct args *args, FILE **plot)
{
	const bool replace = args->plot && may_replace(args->plot);

	if (!args->plot)
		return 0;
	if (replace && snprintf(args->plot_new, PATH_MAX, "%s.new", args->plot) >= PATH_MAX)
		errno = ENAMETOOLONG;
	else if ((*plot = fopen(replace ? args->plot_new : args->plot, "we")))
		return 0;
	return cli_fail(args->cli, STATUS_FAILED, "%s: %s", args->plot, strerror(errno));
}

static void unlink_plot(const struct args *args)
{
	if (*args->plot_new)
		unlink(args->plot_new);
}

static int draw_plot(const struct bench *bench, const struct args *args, FILE *plot)
{
	const char *why = NULL;

	bench_plot(bench, metrics, plot);
	if (ferror(plot))
		why = "write error";
	if (fclose(plot) || (!why && *args->plot_new && rename(args->plot_new, args->plot)))
		why = why ? why : strerror(errno);
	if (!why)
		return 0;
	unlink_plot(args);
	return cli_fail(args->cli, STATUS_FAILED, "%s: %s", args->plot, why);
}

static void forget_plot(const struct args *args, FILE *plot)
{
	fclose(plot);
	unlink_plot(args);
}

static int prepare(struct bench *bench, const struct args *args)
{
	if (find_files(bench, args->payloads) || mv_host(&bench->host, &bench->cli->err))
		return STATUS_FAILED;
	pin();
	return 0;
}

int cmd_bench(struct cli *cli, int argc, char **argv)
{
	struct args args = { .cli = cli };
	struct bench bench = { .cli = cli };
	json_t *results;
	FILE *plot = NULL;
	bool met = true;
	int status;

	if (parse_args(&args, argc, argv) || open_plot(&args, &plot))
		return STATUS_FAILED;
	bench.quick = args.quick;
	results = json_array();
	status = prepare(&bench, &args);
	if (!status)
		status = run_all(&bench, &args, results, &met);
	bench_remove_file(&bench);
	if (status || !args.json)
		json_decref(results);
	else
		status = print_json(&bench, results);
	if (plot && status)
		forget_plot(&args, plot);
	else if (plot)
		status = draw_plot(&bench, &args, plot);
	if (!status && args.check && !met)
		status = STATUS_UNMET;
	return status;
}
