/* SPDX-License-Identifier: MIT */
/* test_stat.c: what `mapvisor stat` writes, where, and that its figures agree with one another. */
#include <math.h>
#include <regex.h>

#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_stat, .timeout = TEST_SECONDS, .init = make_tempdir, .fini = remove_tempdir);

static void assert_matches(const char *text, const char *pattern)
{
	regex_t regex;

	cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	cr_assert_eq(regexec(&regex, text, 0, NULL, 0), 0, "no '%s' in: %s", pattern, text);
	regfree(&regex);
}

Test(cli_stat, is_laid_out_as_perf_stat_is)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "stat", payload("bench/exits"), "1000");
	assert_status(&o, 0);
	assert_has(o.out, "getppid_syscall");
	assert_lacks(o.out, "page-faults");
	/* of perf stat -e page-faults,task-clock true, with other counts: 18 columns, and 4 */
	assert_matches(o.err, "^ Performance counter stats for '.*exits 1000':$");
	assert_matches(o.err,
		       "^ {12,17}[0-9,]{1,6}      page-faults {22}# {1,7}[0-9.]+ K?/sec$");
	assert_matches(o.err,
		       "^ {8,14}[0-9]+\\.[0-9]{2} msec guest-time {23}# +[0-9.]+% of ");
	assert_matches(o.err, "^ +[0-9.]{11} seconds time elapsed$");
	/* two of a thousand, and one or a few of them to read the clock */
	assert_matches(o.err, "^ {13}[2-9],[0-9]{3}      calls$");
	assert_matches(o.err, "^ {13}1,000        getppid +# +[0-9.]+ usec each$");
	assert_lacks(o.err, "+-");
}

Test(cli_stat, has_the_same_lines_as_run_with_stats)
{
	static const char *const names[] = { "page-faults",	"file-read-faults",
					     "around-mapped",	"pte-tables-made",
					     "frames-reserved", "calls" };
	struct outcome stat, run;

	REQUIRE_KVM();
	mapvisor(&stat, "stat", "--no-aslr", "--stats", payload("hello"));
	mapvisor(&run, "run", "--no-aslr", "--stats", payload("hello"));
	assert_status(&stat, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *in_stat = strstr(stat.err, names[i]),
			   *in_run = strstr(run.err, names[i]);

		cr_assert(in_stat && in_run, "%s", names[i]);
		cr_assert_null(strstr(in_stat + strlen(names[i]), "Performance"), "twice");
		cr_assert_eq(memcmp(in_stat - 24, in_run - 24, 24 + strlen(names[i])), 0,
			     "%s: %s%s", names[i], stat.err, run.err);
	}
	assert_lacks(run.err, "-time");
}

Test(cli_stat, output_takes_the_report)
{
	char file[256], text[65536];
	struct outcome o;
	int fd;

	REQUIRE_KVM();
	snprintf(file, sizeof(file), "%s", temp_path("report"));
	mapvisor(&o, "stat", "-o", file, payload("hello"));
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "hello, world\n");
	cr_assert_str_empty(o.err);
	fd = open(file, O_RDONLY);
	cr_assert_geq(fd, 0);
	take_text(fd, text, sizeof(text));
	assert_has(text, "page-faults");
}

Test(cli_stat, a_report_that_cannot_be_written_is_told)
{
	char script[8192];
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "stat", "-o", "/dev/full", payload("hello"));
	assert_status(&o, 125);
	assert_has(o.err, "/dev/full: No space left on device");
	mapvisor(&o, "stat", "--json", "-o", "/dev/full", payload("hello"));
	assert_status(&o, 125);
	assert_has(o.err, "/dev/full: No space left on device");
	snprintf(script, sizeof(script), "exec %s stat %s 2>/dev/full", mapvisor_path(),
		 payload("hello"));
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/bin/sh", "-c", script, NULL }, &o);
	assert_status(&o, 125);
}

Test(cli_stat, a_payload_that_is_killed_has_its_report)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "stat", payload("noexec"));
	assert_status(&o, 139);
	assert_has(o.err, "SIGSEGV");
	assert_matches(o.err, "^ {17}1      fatal-faults ");
	mapvisor(&o, "stat", "--timeout=200ms", payload("spin"));
	assert_status(&o, 124);
	assert_matches(o.err, "^ {17}1      interrupted-exits");
	mapvisor(&o, "stat", "--mem=16M", payload("bench/touch"), "sweep", "64M");
	assert_status(&o, 137);
	assert_has(o.err, "page-faults");
}

Test(cli_stat, a_program_that_cannot_be_run_has_none)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "stat", "/nowhere/program");
	assert_error(&o, 127, "/nowhere/program");
	assert_lacks(o.err, "page-faults");
}

Test(cli_stat, repeat_takes_numbers_from_1_on_only)
{
	static const char *const wrong[] = { "0", "-1", "x", "1.5", "10001", "" };
	struct outcome o;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		mapvisor(&o, "stat", "-r", wrong[i], payload("hello"));
		assert_error(&o, 125, "--repeat", "from 1 to 10000");
	}
}

/* Numbers only, but for the names and null of calls. */
static void assert_numbers(const json_t *json, const char *key)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_object(json))
		json_object_foreach((json_t *)json, name, value)
			assert_numbers(value, name);
	else if (json_is_array(json))
		json_array_foreach(json, i, value)
			assert_numbers(value, key);
	else
		cr_assert(json_is_number(json) || !strcmp(key, "name"), "%s", key);
}

static long long sum_of(const json_t *json)
{
	long long sum = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)json, name, value)
		sum += json_is_object(value) ? sum_of(value) : json_integer_value(value);
	return sum;
}

static void assert_run_agrees(const json_t *run)
{
	const json_t *times = json_object_get(run, "times");
	const json_t *faults = json_object_get(json_object_get(run, "fault_ns"), "all");
	long long calls = 0, failed = 0;
	json_t *call;
	size_t i;

	assert_numbers(run, "run");
	cr_assert_eq(sum_of(json_object_get(run, "exits_by")), json_int(run, "exits"));
	json_array_foreach(json_object_get(run, "calls_by"), i, call) {
		calls += json_int(call, "count");
		failed += json_int(call, "failed");
		cr_assert_geq(json_int(call, "ns"), 0);
	}
	cr_assert_eq(calls, json_int(run, "calls"));
	cr_assert_eq(failed, json_int(run, "calls_unknown"));
	cr_assert_eq(json_int(times, "guest_ns") + json_int(times, "kvm_ns") +
			     json_int(times, "vmm_ns") + json_int(times, "waited_ns"),
		     json_int(times, "elapsed_ns"));
	cr_assert_eq(json_int(faults, "count") + json_int(run, "host_faults"),
		     sum_of(json_object_get(run, "faults")));
	cr_assert_leq(json_int(run, "backed"), json_int(run, "mapped"));
}

static const json_t *row_of(const json_t *rows, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(json_text(row, "name"), name))
			return row;
	cr_assert(false, "no row %s", name);
	return NULL;
}

static double real_of(const json_t *json, const char *key)
{
	cr_assert(json_is_number(json_object_get(json, key)), "no number %s", key);
	return json_number_value(json_object_get(json, key));
}

static void assert_near(double value, double wanted)
{
	cr_assert(fabs(value - wanted) <= 1e-9 * fabs(wanted) + 1e-12, "%g, not %g", value,
		  wanted);
}

Test(cli_stat, json_is_one_object_whose_figures_agree)
{
	struct outcome o;
	json_t *json;

	REQUIRE_KVM();
	/* six calls that don't exist, and no other that fails */
	mapvisor(&o, "stat", "--json", payload("unknown"));
	assert_status(&o, 0);
	json = parse_json(o.err);
	cr_assert_eq(json_array_size(json_object_get(json, "command")), 1);
	cr_assert_eq(json_array_size(json_object_get(json, "runs")), 1);
	assert_numbers(json_object_get(json, "floor"), "floor");
	cr_assert_gt(json_int(json_object_get(json, "floor"), "pf_exit_ns"), 0);
	assert_run_agrees(json_array_get(json_object_get(json, "runs"), 0));
	assert_near(real_of(row_of(json_object_get(json, "rows"), "calls-not-served"),
			    "error_percent"),
		    0);
	json_decref(json);
}

/* A row's mean and error against the runs themselves. */
static void assert_row(const json_t *json, const char *name, const double x[3])
{
	const json_t *row = row_of(json_object_get(json, "rows"), name);
	double mean = (x[0] + x[1] + x[2]) / 3, squares = 0, error;

	for (unsigned i = 0; i < 3; i++)
		squares += (x[i] - mean) * (x[i] - mean);
	assert_near(real_of(row, "mean"), mean);
	/* in percent: the variance of a sample of 3, of its mean a third */
	error = real_of(row, "error_percent") / 100 * mean;
	assert_near(error * error, squares / 2 / 3);
}

Test(cli_stat, repeated_has_means_and_their_error)
{
	double vmm[3] = { 0 }, exits[3] = { 0 };
	struct outcome o;
	json_t *json, *run;
	size_t i;

	REQUIRE_KVM();
	mapvisor(&o, "stat", "--json", "-r", "3", payload("hello"));
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "hello, world\nhello, world\nhello, world\n");
	json = parse_json(o.err);
	cr_assert_eq(json_array_size(json_object_get(json, "runs")), 3);
	json_array_foreach(json_object_get(json, "runs"), i, run) {
		assert_run_agrees(run);
		cr_assert_eq(json_int(run, "status"), 0);
		vmm[i] = json_int(json_object_get(run, "times"), "vmm_ns") / 1e6;
		exits[i] = json_int(run, "exits");
	}
	assert_row(json, "vmm-time", vmm);
	assert_row(json, "exits", exits);
	json_decref(json);
}

Test(cli_stat, repeated_prints_the_error_beside_each_mean)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "stat", "-r", "2", payload("hello"));
	assert_status(&o, 0);
	assert_matches(o.err, "^ Performance counter stats for '.*hello' \\(2 runs\\):$");
	assert_matches(o.err, "page-faults +# +[0-9.]+ K?/sec +\\( \\+- +[0-9.]+% \\)$");
	assert_matches(
		o.err,
		"^ +[0-9.]+ \\+- [0-9.]+ seconds time elapsed  \\( \\+- *[0-9.]+% \\)$");
}
