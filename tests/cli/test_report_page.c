/* SPDX-License-Identifier: MIT */
/*
 * test_report_page.c: `mapvisor report`: what is wrong with a trace is told with its line, and the page
 * has nothing of the trace that a browser could take for its own. tests/report looks at the page itself.
 */
#include <ctype.h>

#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"

TestSuite(cli_report_page, .timeout = TEST_SECONDS, .init = make_tempdir,
	  .fini = remove_tempdir);

#define HEADER "{\"type\":\"mapvisor-trace\",\"version\":1,\"program\":[\"p\"]}\n"
#define EVENT(n, fields) "{\"seq\":" #n ",\"t\":" #n "," fields "}\n"
#define PGD \
	EVENT(1, "\"type\":\"table\",\"made\":true,\"level\":\"pgd\",\"gpa\":\"0x1000\"")
#define TRAILER(n) "{\"type\":\"trailer\",\"events\":" #n ",\"lost\":0}\n"

/* The page of a trace with that text, as a new string; or what was said instead, in o. */
static char *report(struct outcome *o, const char *trace)
{
	static unsigned nr;
	char in[256], out[256], *page = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(in, sizeof(in), "%s/trace-%u", tempdir, nr);
	snprintf(out, sizeof(out), "%s/page-%u", tempdir, nr++);
	f = fopen(in, "w");
	cr_assert_not_null(f);
	cr_assert_geq(fputs(trace, f), 0);
	fclose(f);
	mapvisor(o, "report", in, "-o", out);
	f = fopen(out, "r");
	if (f)
		cr_assert_gt(getdelim(&page, &size, '\0', f), 0);
	if (f)
		fclose(f);
	return page;
}

static void assert_wrong(const char *trace, const char *line, const char *why)
{
	struct outcome o;
	char *page = report(&o, trace);

	assert_error(&o, 125, "trace-");
	assert_has(o.err, line);
	assert_has(o.err, why);
	cr_assert_null(page, "a page was written");
}

Test(cli_report_page, a_line_that_is_no_json_is_named)
{
	assert_wrong(HEADER "{\"seq\":1,\n" TRAILER(0), "line 2:", "not JSON");
	assert_wrong(HEADER PGD "nonsense\n" TRAILER(1), "line 3:", "not JSON");
	assert_wrong(HEADER "[]\n", "line 2:", "not an object");
	assert_wrong(HEADER "\n", "line 2:", "not JSON");
}

/* As a file system may leave behind what was not written out when the machine stopped. */
Test(cli_report_page, a_line_that_begins_with_nul_is_no_json)
{
	static const char trace[] = HEADER PGD "\0\0\0\n" TRAILER(1);
	struct outcome o;

	mapvisor(&o, "report", temp_file("nul", trace, sizeof(trace) - 1, 0600));
	assert_error(&o, 125, "line 3:", "not JSON");
}

Test(cli_report_page, what_is_no_trace_is_refused)
{
	assert_wrong("", "line 1:", "empty");
	assert_wrong("hello\n", "line 1:", "not JSON");
	assert_wrong("#PF r 0x0 = fatal\n", "line 1:", "mapvisor trace --format=json");
	assert_wrong("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n",
		     "line 1:", "mapvisor trace --format=json");
	assert_wrong("{}\n", "line 1:", "mapvisor trace --format=json");
	assert_wrong("{\"type\":\"mapvisor-trace\",\"version\":2,\"program\":[\"p\"]}\n",
		     "line 1:", "version");
	assert_wrong("{\"type\":\"mapvisor-trace\",\"version\":1,\"program\":[7]}\n",
		     "line 1:", "program");
}

Test(cli_report_page, an_unknown_type_kind_or_level_is_named)
{
	assert_wrong(HEADER EVENT(1, "\"type\":\"fork\""), "line 2:", "fork");
	assert_wrong(HEADER EVENT(1, "\"type\":\"\\u001b[2J\""), "line 2:", "\\033[2J");
	assert_wrong(HEADER EVENT(1,
				  "\"type\":\"fault\",\"kind\":\"odd\",\"access\":\"r\""),
		     "line 2:", "odd");
	assert_wrong(
		HEADER EVENT(1, "\"type\":\"table\",\"level\":\"p4d\",\"gpa\":\"0x1000\""),
		"line 2:", "p4d");
	assert_wrong(HEADER EVENT(1, "\"type\":\"fault\",\"kind\":\"anonymous\","
				     "\"access\":\"q\""),
		     "line 2:", "'q'");
}

Test(cli_report_page, a_field_that_is_missing_is_named)
{
	assert_wrong(HEADER "{\"t\":1,\"type\":\"end\",\"how\":\"status\"}\n",
		     "line 2:", "\"seq\"");
	assert_wrong(HEADER "{\"seq\":1,\"type\":\"end\",\"how\":\"status\"}\n",
		     "line 2:", "\"t\"");
	assert_wrong(HEADER EVENT(1, "\"how\":\"status\""), "line 2:", "\"type\"");
	assert_wrong(HEADER EVENT(1, "\"type\":\"end\""), "line 2:", "\"how\"");
	assert_wrong(HEADER EVENT(1, "\"type\":\"fault\",\"access\":\"r\""),
		     "line 2:", "\"kind\"");
	assert_wrong(HEADER PGD EVENT(2, "\"type\":\"entries\",\"level\":\"pgd\",\"n\":1"),
		     "line 3:", "\"table\"");
}

Test(cli_report_page, a_value_out_of_range_or_of_another_type_is_named)
{
	static const char *const entries[][2] = {
		{ "\"index\":512,\"n\":1", "\"index\"" },
		{ "\"index\":511,\"n\":2", "\"n\"" },
		{ "\"index\":0,\"n\":0", "\"n\"" },
		{ "\"index\":-1,\"n\":1", "\"index\"" },
		{ "\"index\":0,\"n\":99999999999999", "\"n\"" },
		{ "\"index\":\"0\",\"n\":1", "\"index\"" },
		{ "\"index\":0.5,\"n\":1", "\"index\"" },
		{ "\"n\":1,\"value\":7", "\"value\"" },
		{ "\"n\":1,\"value\":\"7\"", "\"value\"" },
		{ "\"n\":1,\"value\":\"0x\"", "\"value\"" },
		{ "\"n\":1,\"value\":\"0x11112222333344445\"", "\"value\"" },
		{ "\"n\":1,\"value\":\"0x1\\u00002\"", "\"value\"" },
	};
	char trace[1024];

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		snprintf(trace, sizeof(trace),
			 HEADER PGD "{\"seq\":2,\"t\":1,\"type\":\"entries\","
				    "\"table\":\"0x1000\",\"level\":\"pgd\",%s}\n",
			 entries[i][0]);
		assert_wrong(trace, "line 3:", entries[i][1]);
	}
	assert_wrong(HEADER "{\"seq\":1,\"t\":-1,\"type\":\"end\",\"how\":\"status\"}\n",
		     "line 2:", "\"t\"");
	assert_wrong(HEADER "{\"seq\":1,\"t\":9007199254740993,\"type\":\"end\","
			    "\"how\":\"status\"}\n",
		     "line 2:", "\"t\"");
	assert_wrong(HEADER EVENT(1, "\"type\":\"table\",\"level\":\"pgd\","
				     "\"gpa\":\"0x10000000000000\""),
		     "line 2:", "52 bits");
	assert_wrong(HEADER EVENT(1, "\"type\":\"vma\",\"added\":true,\"start\":\"0x2000\","
				     "\"end\":\"0x1000\""),
		     "line 2:", "VMA");
	assert_wrong(HEADER EVENT(1, "\"type\":\"vma\",\"added\":1,\"end\":\"0x1000\""),
		     "line 2:", "\"added\"");
	assert_wrong(HEADER EVENT(1, "\"type\":\"fault\",\"kind\":\"anonymous\","
				     "\"access\":\"r\",\"before\":[\"0x1\",\"0x1\",\"0x1\","
				     "\"0x1\",\"0x1\"]"),
		     "line 2:", "\"before\"");
}

/* Before it is named it may have been shifted, cast or added to: the sanitizers see that (make asan). */
Test(cli_report_page, each_number_out_of_its_range_is_named)
{
	static const char fault[] =
		"\"type\":\"fault\",\"kind\":\"anonymous\",\"access\":\"r\"";
	static const char entries[] =
		"\"type\":\"entries\",\"table\":\"0x1000\",\"level\":\"pgd\"";
	static const struct {
		const char *head, *name, *before, *behind;
	} fields[] = {
		{ fault, "size", "", "" },
		{ fault, "around", "", "" },
		{ fault, "huge", "", "" },
		{ fault, "copied", "", "" },
		{ fault, "spent", "", "" },
		{ fault, "pud", "\"made\":{", "}" },
		{ fault, "pmd", "\"made\":{", "}" },
		{ fault, "pte", "\"made\":{", "}" },
		{ entries, "index", "\"n\":1,", "" },
		{ entries, "n", "", "" },
		{ "\"type\":\"call\"", "nr", "", "" },
		{ "\"type\":\"call\"", "spent", "", "" },
		{ "\"type\":\"violation\",\"access\":\"r\",\"from\":\"file\"", "bytes", "",
		  "" },
		{ "\"type\":\"end\",\"how\":\"status\"", "status", "", "" },
	};
	static const char *const values[] = { "-9223372036854775808",
					      "9223372036854775807" };
	char trace[1024], name[16];

	for (size_t i = 0; i < 2 * sizeof(fields) / sizeof(fields[0]); i++) {
		snprintf(name, sizeof(name), "\"%s\"", fields[i / 2].name);
		snprintf(trace, sizeof(trace),
			 HEADER PGD "{\"seq\":2,\"t\":1,%s,%s%s:%s%s}\n",
			 fields[i / 2].head, fields[i / 2].before, name, values[i % 2],
			 fields[i / 2].behind);
		assert_wrong(trace, "line 3:", name);
	}
}

Test(cli_report_page, events_out_of_their_order_are_named)
{
	assert_wrong(HEADER PGD PGD, "line 3:", "\"seq\"");
	assert_wrong(HEADER PGD TRAILER(1) PGD, "line 4:", "trailer");
	assert_wrong(HEADER PGD TRAILER(2), "line 3:", "2 events");
}

Test(cli_report_page, a_trace_without_its_end_gives_a_page_and_a_warning)
{
	struct outcome o;
	char *page = report(&o, HEADER PGD);

	assert_status(&o, 0);
	cr_assert_not_null(page);
	assert_has(o.err, "no trailer");
	free(page);
	page = report(&o, HEADER PGD "{\"seq\":2,\"t\":1,\"ty");
	assert_status(&o, 0);
	cr_assert_not_null(page);
	assert_has(o.err, "no trailer");
	free(page);
	page = report(&o, HEADER PGD TRAILER(1));
	assert_status(&o, 0);
	cr_assert_str_empty(o.err);
	free(page);
}

Test(cli_report_page, nothing_of_the_trace_stands_in_the_page_as_it_is)
{
	static const char hostile[] = "</script><img src=x onerror=alert(1)>";
	char trace[2048], *page, *data;
	struct outcome o;

	snprintf(trace, sizeof(trace),
		 "{\"type\":\"mapvisor-trace\",\"version\":1,\"program\":[\"%s\"]}\n" EVENT(
			 1, "\"type\":\"vma\",\"added\":true,\"start\":\"0x1000\","
			    "\"end\":\"0x2000\",\"name\":\"%s\"") TRAILER(1),
		 hostile, hostile);
	page = report(&o, trace);
	assert_status(&o, 0);
	assert_lacks(page, "onerror");
	data = strstr(page, "id=\"data\">");
	cr_assert_not_null(data);
	for (data = strchr(data, '>') + 1; *data && *data != '<'; data++)
		cr_assert(isalnum((unsigned char)*data) || strchr("+/=\n", *data), "'%c'",
			  *data);
	free(page);
}

Test(cli_report_page, the_page_goes_to_standard_output_unless_a_file_is_named)
{
	const char *trace = temp_file("trace", HEADER PGD, strlen(HEADER PGD), 0600);
	struct outcome o;

	mapvisor(&o, "report", trace);
	assert_status(&o, 0);
	cr_assert_eq(strncmp(o.out, "<!DOCTYPE html>", 15), 0);
}

Test(cli_report_page, what_cannot_be_read_or_written_is_told)
{
	char trace[256];
	struct outcome o;

	snprintf(trace, sizeof(trace), "%s",
		 temp_file("trace", HEADER PGD, strlen(HEADER PGD), 0600));
	mapvisor(&o, "report", "/nowhere/trace");
	assert_error(&o, 125, "/nowhere/trace", "No such file");
	mapvisor(&o, "report", tempdir);
	assert_error(&o, 125, "directory");
	mapvisor(&o, "report", trace, "-o", "/nowhere/page");
	assert_status(&o, 125);
	assert_has(o.err, "/nowhere/page: No such file");
	mapvisor(&o, "report", trace, "-o", "/dev/full");
	assert_status(&o, 125);
	assert_has(o.err, "/dev/full: No space left");
	mapvisor_as(&(struct setup){ .out = "/dev/full" }, &o, "report", trace);
	assert_status(&o, 125);
	assert_has(o.err, "standard output");
}

Test(cli_report_page, it_takes_one_trace)
{
	struct outcome o;

	mapvisor(&o, "report");
	assert_error(&o, 125, "TRACE", "--help");
	mapvisor(&o, "report", "a", "b");
	assert_error(&o, 125, "'b'", "--help");
	mapvisor(&o, "report", "--frobnicate");
	assert_error(&o, 125, "--frobnicate");
}

Test(cli_report_page, an_endless_line_ends_in_an_error)
{
	struct outcome o;

	mapvisor(&o, "report", "/dev/zero");
	assert_error(&o, 125, "/dev/zero", "line 1:");
}
