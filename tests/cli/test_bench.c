/* SPDX-License-Identifier: MIT */
/* test_bench.c: what `mapvisor bench` prints and draws; no figure's size is a test's business. */
#include <limits.h>
#include <sys/stat.h>

#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_bench, .timeout = TEST_SECONDS, .init = make_tempdir, .fini = remove_tempdir);

/* Every key of an object is one of those; the first `must` of them are there. */
static void assert_keys(const json_t *object, const char *const *keys, size_t n,
			size_t must)
{
	const char *key;
	json_t *value;

	for (size_t i = 0; i < must; i++)
		cr_assert(json_object_get(object, keys[i]), "no %s", keys[i]);
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;

		while (i < n && strcmp(keys[i], key))
			i++;
		cr_assert_lt(i, n, "%s is unknown", key);
	}
}

static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	cr_assert(json_is_number(value), "%s is no number", key);
	return json_number_value(value);
}

static void assert_result(const json_t *r)
{
	static const char *const keys[] = { "name",  "unit",  "n",	     "min",
					    "p50",   "p99",   "native_p50",  "floor_p50",
					    "ratio", "limit", "ratio_limit", "met" };

	assert_keys(r, keys, sizeof(keys) / sizeof(keys[0]), 6);
	cr_assert_str_not_empty(json_text(r, "name"));
	cr_assert_str_not_empty(json_text(r, "unit"));
	cr_assert_geq(json_int(r, "n"), 1);
	cr_assert_gt(number(r, "min"), 0);
	cr_assert_leq(number(r, "min"), number(r, "p50"));
	cr_assert_leq(number(r, "p50"), number(r, "p99"));
	for (size_t i = 6; i < 11; i++)
		if (json_object_get(r, keys[i]))
			cr_assert_gt(number(r, keys[i]), 0, "%s", keys[i]);
}

Test(cli_bench, json_is_one_object_of_host_and_results)
{
	static const char *const top[] = { "host", "results" };
	static const char *const host[] = { "cpu",	    "kernel",
					    "second_stage", "system_call_entry",
					    "module",	    "thp",
					    "cpus",	    "date" };
	static const char *const names[] = { "port_exit", "pf_exit_floor", "fault_anon_4k",
					     "fault_stage2_direct", "start_hello" };
	struct outcome o;
	json_t *json, *result;
	size_t i;

	REQUIRE_KVM();
	mapvisor(&o, "bench", "--quick", "--json", "--payloads", payload(""), "start_hello",
		 "p*_exit*", "fault_anon_4k", "fault_stage2_direct");
	assert_status(&o, 0);
	json = parse_json(o.out);
	assert_keys(json, top, 2, 2);
	assert_keys(json_object_get(json, "host"), host, 8, 8);
	/* in bench's own order, each once */
	cr_assert_eq(json_array_size(json_object_get(json, "results")), 5);
	json_array_foreach(json_object_get(json, "results"), i, result) {
		assert_result(result);
		cr_assert_str_eq(json_text(result, "name"), names[i]);
	}
	cr_assert(json_object_get(json_array_get(json_object_get(json, "results"), 4),
				  "native_p50"));
	json_decref(json);
}

Test(cli_bench, names_all_figures_in_its_help)
{
	static const char *const names[] = { "port_exit",
					     "pf_exit_floor",
					     "vmm_fault_path",
					     "fault_anon_4k",
					     "fault_file_read_4k",
					     "fault_shared_write_4k",
					     "fault_cow_4k",
					     "fault_anon_2m",
					     "fault_stage2_direct",
					     "fault_stage2_uffd",
					     "touch_anon",
					     "touch_anon_4k",
					     "touch_file",
					     "touch_cow",
					     "read_file_again",
					     "getppid",
					     "mmap_touch_munmap_64k",
					     "cpu",
					     "start_hello",
					     "start_big",
					     "vma_10",
					     "vma_60000" };
	struct outcome o;

	mapvisor(&o, "bench", "--help");
	assert_status(&o, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_has(o.out, names[i]);
}

/* xmllint says whether it is XML. */
Test(cli_bench, plot_draws_what_was_asked_for)
{
	struct outcome o;
	char path[PATH_MAX], command[PATH_MAX + 32];
	static char text[1 << 16];
	FILE *file;

	REQUIRE_KVM();
	snprintf(path, sizeof(path), "%s", temp_path("plot.svg"));
	mapvisor(&o, "bench", "--quick", "--plot", path, "--payloads", payload(""),
		 "fault_anon_4k", "start_hello");
	assert_status(&o, 0);
	snprintf(command, sizeof(command), "xmllint --noout %s", path);
	cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c) */
	file = fopen(path, "re");
	cr_assert(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_has(text, ">fault_anon_4k<");
	assert_has(text, ">start_hello<");
	assert_lacks(text, ">pf_exit_floor<"); /* measured with the first, not asked for */
}

Test(cli_bench, plot_says_that_a_file_cant_be_written_before_it_measures)
{
	struct outcome o;

	mapvisor(&o, "bench", "--plot", "/nowhere/plot.svg", "--payloads", "/nowhere");
	assert_error(&o, 125, "/nowhere/plot.svg");
}

/* Run by root it would be the end of /dev/stdout, otherwise. */
Test(cli_bench, plot_leaves_a_link_or_a_device_what_it_is)
{
	char file[PATH_MAX], link[PATH_MAX];
	struct outcome o;
	struct stat st;

	REQUIRE_KVM();
	snprintf(file, sizeof(file), "%s", temp_path("plot.svg"));
	snprintf(link, sizeof(link), "%s", temp_path("link"));
	cr_assert_eq(symlink(file, link), 0);
	mapvisor(&o, "bench", "--plot", link, "--payloads", "/nowhere");
	assert_status(&o, 125);
	cr_assert_eq(lstat(link, &st), 0, "it is there no more");
	mapvisor(&o, "bench", "--quick", "--plot", link, "--payloads", payload(""),
		 "port_exit");
	assert_status(&o, 0);
	cr_assert_eq(lstat(link, &st), 0);
	cr_assert(S_ISLNK(st.st_mode));
	cr_assert_eq(stat(file, &st), 0);
	cr_assert_gt(st.st_size, 0);
}

/* A figure that is counted, so that its limit may be a test's business. */
static void assert_exits(const char *name, double most)
{
	struct outcome o;
	json_t *json, *result;

	mapvisor(&o, "bench", "--quick", "--json", "--payloads", payload(""), name);
	assert_status(&o, 0);
	json = parse_json(o.out);
	result = json_array_get(json_object_get(json, "results"), 0);
	cr_assert_str_eq(json_text(result, "name"), name);
	cr_assert_str_eq(json_text(result, "unit"), "exits");
	cr_assert_leq(json_number_value(json_object_get(result, "p50")), most);
	json_decref(json);
}

Test(cli_bench, counts_the_exits_of_a_mapping)
{
	REQUIRE_KVM();
	assert_exits("mmap_touch_munmap_exits", 2);
}

Test(cli_bench, counts_one_exit_for_a_write_of_a_mebibyte)
{
	REQUIRE_KVM();
	assert_exits("write_1m_exits", 1);
}

Test(cli_bench, removes_its_file)
{
	struct outcome o;
	char variable[64];
	json_t *json;

	REQUIRE_KVM();
	snprintf(variable, sizeof(variable), "TMPDIR=%s", tempdir);
	mapvisor_as(&(struct setup){ .variable = variable }, &o, "bench", "--quick",
		    "--json", "--payloads", payload(""), "fault_file_read_4k");
	assert_status(&o, 0);
	json = parse_json(o.out);
	cr_assert_eq(json_array_size(json_object_get(json, "results")), 1);
	json_decref(json);
	cr_assert_eq(rmdir(tempdir), 0, "something is left in TMPDIR");

	mapvisor_as(&(struct setup){ .variable = variable }, &o, "bench", "--quick",
		    "--payloads", payload(""), "touch_file");
	assert_error(&o, 125, tempdir, "mapvisor-bench");
}

Test(cli_bench, names_the_payload_that_it_misses)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "bench", "--payloads", "/nowhere", "start_hello");
	assert_error(&o, 125, "/nowhere", "--payloads");
	mapvisor(&o, "bench", "--payloads", tempdir, "start_hello");
	assert_error(&o, 125, "hello");
}
