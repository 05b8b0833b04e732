/* SPDX-License-Identifier: MIT */
/* test_trace.c: what `mapvisor trace` tells of a run, in each of its formats. */
#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/cli/trace_file.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_trace, .timeout = TEST_SECONDS, .init = make_tempdir, .fini = remove_tempdir);

/* A and D, which the processor sets without telling; SDM vol. 3A, 4.8. */
#define AD 0x60ull
#define TABLES 64

/* `mapvisor trace -o FILE --format=json ...`, its status, and the events. */
#define trace_json(outcome, status, ...)                                       \
	(mapvisor(outcome, "trace", "--format=json", "-o", temp_path("trace"), \
		  __VA_ARGS__),                                                \
	 (void)({ assert_status(outcome, status); }),                          \
	 read_trace(temp_path("trace"), true))

/* The last event. */
static const json_t *last(const json_t *events)
{
	return json_array_get(events, json_array_size(events) - 1);
}

static void assert_end(const json_t *events, const char *how, long long status)
{
	cr_assert(is_type(last(events), "end"));
	cr_assert_str_eq(json_text(last(events), "how"), how);
	cr_assert_eq(json_int(last(events), "status"), status);
}

/* ---- JSON ---- */

Test(cli_trace, json_has_the_fields_of_the_schema_and_no_others)
{
	static const char *const programs[] = { "hello", "walkme", "protect", "hugetlb" };
	struct outcome o;
	json_t *events;

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		events = trace_json(&o, 0, payload(programs[i]));
		assert_end(events, "status", 0);
		cr_assert_gt(count_type(events, "fault"), 0);
		cr_assert_gt(count_type(events, "table"), 0);
		cr_assert_gt(count_type(events, "entries"), 0);
		cr_assert_gt(count_type(events, "vma"), 0);
		json_decref(events);
	}
}

Test(cli_trace, json_shows_a_call_as_it_was_made)
{
	struct outcome o;
	json_t *events;
	const json_t *e;
	size_t i, n = 0;

	REQUIRE_KVM();
	events = trace_json(&o, 0, payload("hello"));
	json_array_foreach(events, i, e) {
		if (!is_type(e, "call") || json_int(e, "nr") != 1)
			continue;
		n++;
		cr_assert_str_eq(json_text(e, "name"), "write");
		cr_assert_str_eq(json_text(e, "text"), "write(1, \"hello, world\\n\", 13)");
		cr_assert_eq(json_int(e, "result"), 13);
		cr_assert_eq(json_array_size(json_object_get(e, "args")), 3);
		cr_assert_null(json_object_get(e, "error"));
	}
	cr_assert_eq(n, 1);
	json_decref(events);
}

Test(cli_trace, is_complete_when_a_signal_ends_the_payload)
{
	struct outcome o;
	json_t *events;
	const json_t *e;

	REQUIRE_KVM();
	events = trace_json(&o, 139, payload("noexec"));
	assert_end(events, "signal", 139);
	e = json_array_get(events, json_array_size(events) - 2);
	cr_assert(is_type(e, "signal"));
	cr_assert_str_eq(json_text(e, "signal"), "SIGSEGV");
	cr_assert_str_eq(json_text(e, "code"), "SEGV_ACCERR");
	e = json_array_get(events, json_array_size(events) - 3);
	cr_assert(is_type(e, "fault"));
	cr_assert_str_eq(json_text(e, "kind"), "fatal");
	cr_assert_str_eq(json_text(e, "access"), "x");
	json_decref(events);
}

Test(cli_trace, is_complete_when_the_time_is_over)
{
	struct outcome o;
	json_t *events;

	REQUIRE_KVM();
	events = trace_json(&o, 124, "--timeout=200ms", payload("spin"));
	assert_end(events, "timeout", 124);
	json_decref(events);
}

/* The signal is sent when the trace has begun: there is something in the file. */
Test(cli_trace, is_complete_when_it_is_interrupted)
{
	char script[8192];
	struct outcome o;
	json_t *events;

	REQUIRE_KVM();
	snprintf(script, sizeof(script),
		 "%s trace --format=json -o %s/trace %s & "
		 "until [ -s %s/trace ]; do sleep 0.05; done; kill -TERM $!; wait $!",
		 mapvisor_path(), tempdir, payload("spin"), tempdir);
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/bin/sh", "-c", script, NULL }, &o);
	assert_status(&o, 143);
	events = read_trace(temp_path("trace"), true);
	assert_end(events, "signal", 143);
	json_decref(events);
}

Test(cli_trace, is_complete_when_memory_is_short)
{
	struct outcome o;
	json_t *events;

	REQUIRE_KVM();
	events = trace_json(&o, 137, "--mem=4M", payload("anon"), "64M");
	assert_end(events, "memory", 137);
	json_decref(events);
}

/* Faults of a page each, with what they write: more than the ring between the threads holds. */
Test(cli_trace, loses_no_event_of_a_run_with_many)
{
	long long faults = 0;
	struct outcome o;
	json_t *events, *stats, *n;
	const char *kind;

	REQUIRE_KVM();
	events = trace_json(&o, 0, "--json", "--fault-around=4K", "--thp=never", "--stats",
			    payload("anon"), "16M");
	stats = parse_json(o.err);
	json_object_foreach(json_object_get(stats, "faults"), kind, n)
		faults += json_integer_value(n);
	cr_assert_gt(faults, 4096);
	cr_assert_eq((long long)count_type(events, "fault"), faults);
	cr_assert_eq((long long)count_type(events, "call"), json_int(stats, "calls"));
	json_decref(stats);
	json_decref(events);
}

/* ---- Replay ---- */

struct table {
	unsigned long long gpa;
	unsigned long long entry[512];
};

static struct table *find_table(struct table *tables, unsigned long long gpa)
{
	for (unsigned i = 0; i < TABLES; i++)
		if (tables[i].gpa == gpa)
			return &tables[i];
	return NULL;
}

static void replay(struct table *tables, const json_t *e)
{
	struct table *t;

	if (is_type(e, "table") && json_is_true(json_object_get(e, "made"))) {
		t = find_table(tables, 0);
		cr_assert_not_null(t);
		memset(t, 0, sizeof(*t));
		t->gpa = json_hex(e, "gpa");
	} else if (is_type(e, "table")) {
		t = find_table(tables, json_hex(e, "gpa"));
		cr_assert_not_null(t);
		t->gpa = 0;
	} else if (is_type(e, "entries")) {
		t = find_table(tables, json_hex(e, "table"));
		cr_assert_not_null(t);
		for (long long i = 0; i < json_int(e, "n"); i++)
			t->entry[json_int(e, "index") + i] =
				json_hex(e, "value") +
				(unsigned long long)i * json_hex(e, "step");
	}
}

/* What another run, of `mapvisor walk', reads from the tables in guest memory at the end. */
static void assert_walk_eq(struct table *tables, const char *symbol)
{
	unsigned long long table, want;
	struct outcome o;
	json_t *walk, *step;
	size_t i;

	mapvisor(&o, "walk", "--no-aslr", "--json", "-o", temp_path("walk"), symbol,
		 payload("walkme"));
	assert_status(&o, 0);
	walk = json_load_file(temp_path("walk"), 0, NULL);
	cr_assert_not_null(walk);
	cr_assert_eq(json_array_size(json_object_get(walk, "steps")), 4);
	json_array_foreach(json_object_get(walk, "steps"), i, step) {
		table = json_hex(step, "table");
		want = json_hex(step, "entry");
		cr_assert_not_null(find_table(tables, table), "no table at %#llx", table);
		cr_assert_eq(find_table(tables, table)->entry[json_int(step, "index")] | AD,
			     want | AD, "%s, step %zu", symbol, i);
	}
	json_decref(walk);
}

Test(cli_trace, replayed_gives_the_tables_that_walk_shows)
{
	struct table *tables = calloc(TABLES, sizeof(*tables));
	struct outcome o;
	json_t *events;
	const json_t *e;
	size_t i;

	REQUIRE_KVM();
	events = trace_json(&o, 0, "--no-aslr", payload("walkme"));
	json_array_foreach(events, i, e)
		replay(tables, e);
	assert_walk_eq(tables, "marker");
	assert_walk_eq(tables, "marker_ro");
	assert_walk_eq(tables, "marker_bss");
	json_decref(events);
	free(tables);
}

/* ---- Filters ---- */

/* `mapvisor trace --format=json OPTION walkme`: the events that are left. */
static json_t *filtered(const char *option, const char *more)
{
	struct outcome o;

	mapvisor(&o, "trace", "--no-aslr", "--format=json", "--fault-around=4K",
		 "--thp=never", "-o", temp_path("trace"), option, more, payload("walkme"));
	assert_status(&o, 0);
	return read_trace(temp_path("trace"), false);
}

Test(cli_trace, filter_leaves_the_kinds_that_were_asked_for)
{
	json_t *events;

	REQUIRE_KVM();
	events = filtered("--filter=call,end", "--");
	cr_assert_eq(count_type(events, "call"), 4);
	cr_assert_eq(count_type(events, "end"), 1);
	cr_assert_eq(json_array_size(events), 5);
	json_decref(events);
	events = filtered("--filter=vma", "--");
	cr_assert_gt(count_type(events, "vma"), 0);
	cr_assert_eq(json_array_size(events), count_type(events, "vma"));
	json_decref(events);
}

Test(cli_trace, filter_takes_kinds_of_faults_and_names_of_calls)
{
	const json_t *e;
	json_t *events;
	size_t i;

	REQUIRE_KVM();
	events = filtered("--filter=fault:write-protect,fault:private-copy,exit_group",
			  "--");
	cr_assert_eq(json_array_size(events), 3);
	json_array_foreach(events, i, e) {
		if (is_type(e, "call"))
			cr_assert_str_eq(json_text(e, "name"), "exit_group");
		else
			cr_assert(!strcmp(json_text(e, "kind"), "write-protect") ||
				  !strcmp(json_text(e, "kind"), "private copy"));
	}
	json_decref(events);
}

/* marker is read, then written: its page is the file's first, and a copy then. */
Test(cli_trace, range_leaves_what_is_about_a_symbol)
{
	json_t *events;

	REQUIRE_KVM();
	events = filtered("--range=marker", "--filter=fault");
	cr_assert_eq(json_array_size(events), 2);
	cr_assert_str_eq(json_text(json_array_get(events, 0), "symbol"), "marker");
	cr_assert_str_eq(json_text(json_array_get(events, 0), "kind"), "file read");
	cr_assert_str_eq(json_text(json_array_get(events, 1), "kind"), "write-protect");
	json_decref(events);
}

Test(cli_trace, range_takes_addresses_and_lengths)
{
	static const char *const none[] = { "--range=0x10000-0x20000", "--range=65536+4K" };
	json_t *events;

	REQUIRE_KVM();
	events = filtered("--range=0x7ff000000000-0x7fffffffffff", "--filter=fault,vma");
	cr_assert_eq(count_type(events, "fault"), 1); /* the stack's, for argv */
	cr_assert_eq(count_type(events, "vma"), 3);   /* [stack], [vvar], [vdso] */
	json_decref(events);
	events = filtered("--range=marker_bss+0x1000", "--filter=fault");
	cr_assert_eq(json_array_size(events), 1);
	json_decref(events);
	events = filtered(none[0], "--filter=fault,vma,call");
	cr_assert_eq(json_array_size(events), 0);
	json_decref(events);
}

Test(cli_trace, names_what_it_does_not_know)
{
	static const char *const bad[] = {
		"--filter=falt",   "--filter=",		"--filter=fault:anon",
		"--filter=call:x", "--format=xml",	"--range=10-5",
		"--range=x",	   "--range=0x10+",	"--range=no_such_symbol",
		"--range=5",	   "--range=marker-10", "--range=",
	};
	struct outcome o;

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		mapvisor(&o, "trace", "--no-aslr", bad[i], payload("walkme"));
		assert_status(&o, 125);
		cr_assert_str_empty(o.out, "%s", bad[i]);
		cr_assert_eq(strncmp(o.err, "mapvisor", 8), 0, "%s: %s", bad[i], o.err);
	}
}

/* ---- Text ---- */

/* The next line of *text, whose " <... us>" is cut off. */
static const char *next_line(char **text)
{
	char *line = strsep(text, "\n"), *spent = line ? strstr(line, " us>") : NULL;

	while (spent && spent > line && *spent != '<')
		spent--;
	if (spent && spent > line)
		spent[-1] = '\0';
	return line;
}

Test(cli_trace, text_shows_calls_faults_and_the_end)
{
	static const char *const want[] = {
		"#PF w 0x407000 <marker_bss> by ",
		"#PF r 0x402000 ",
		"#PF r 0x404",
		"write(1, \"marker 0x405000\\n\", 16)       = 16",
		"write(1, \"marker_ro 0x403000\\n\", 19)    = 19",
		"write(1, \"marker_bss 0x407000\\n\", 20)   = 20",
		"exit_group(0)                           = ?",
		"+++ exited with 0 +++",
		"",
	};
	struct outcome o;
	const char *line;
	char *text;

	REQUIRE_KVM();
	mapvisor(&o, "trace", "--no-aslr", "--fault-around=4K", payload("walkme"));
	assert_status(&o, 0);
	text = strstr(o.err, want[0]);
	cr_assert_not_null(text, "%s", o.err);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		line = next_line(&text);
		cr_assert_not_null(line);
		cr_assert_eq(strncmp(line, want[i], strlen(want[i])), 0, "'%s', not '%s'",
			     line, want[i]);
		if (want[i][0] != '#')
			cr_assert_str_eq(line, want[i]);
	}
}

Test(cli_trace, text_shows_a_signal_as_strace_does)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "trace", "--no-aslr", payload("segv"));
	assert_status(&o, 139);
	assert_has(o.err, "#PF r 0x0 by ");
	assert_has(o.err, "= fatal SIGSEGV (SEGV_MAPERR)");
	assert_has(
		o.err,
		"\n--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---\n"
		"+++ killed by SIGSEGV +++\npayload ended by SIGSEGV");
}

Test(cli_trace, verbose_shows_the_walk_before_and_after_and_counts)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "trace", "--no-aslr", "-v", "--fault-around=4K", payload("walkme"));
	assert_status(&o, 0);
	assert_has(o.err, "      pgd[  0]  missing -> 0x");
	assert_has(o.err, "      pud[  0]  no table -> 0x");
	assert_has(o.err, "      vma       00407000-00408000 rw-p 00000000 anonymous\n");
	assert_has(o.err, "      pte[  7]  missing -> 0x");
	assert_has(o.err, " events, 0 lost\n");
}

/* Where strace is: what it shows of the same program, run by Linux. */
static bool has_strace(void)
{
	if (!access("/usr/bin/strace", X_OK))
		return true;
	printf("SKIP: cli_trace: /usr/bin/strace isn't installed\n");
	return false;
}

/* Without the result, which a sandbox's files and numbers may make another. */
static void cut_result(char *line)
{
	char *at = NULL;

	for (char *p = line; (p = strstr(p, " = ")); p++)
		at = p;
	cr_assert_not_null(at, "no result: %s", line);
	while (at > line && at[-1] == ' ')
		at--;
	*at = '\0';
}

Test(cli_trace, calls_are_decoded_as_strace_decodes_them)
{
	FILE *theirs, *ours;
	char a[512], b[512];
	struct outcome o;
	unsigned n = 0;

	REQUIRE_KVM();
	if (!has_strace())
		cr_skip_test("no strace");
	spawn(&(struct setup){ 0 },
	      (const char *[]){ "/usr/bin/strace", "-o", temp_path("strace"),
				payload("decode"), NULL },
	      &o);
	if (o.status) /* ptrace(2) may be forbidden */
		cr_skip_test("strace can't trace");
	theirs = fopen(temp_path("strace"), "re");
	mapvisor(&o, "trace", "--no-aslr", "--filter=call", "-o", temp_path("trace"),
		 payload("decode"));
	assert_status(&o, 0);
	ours = fopen(temp_path("trace"), "re");
	cr_assert(theirs && ours);
	cr_assert_not_null(fgets(a, sizeof(a), theirs)); /* execve */
	while (fgets(b, sizeof(b), ours)) {
		cr_assert_not_null(fgets(a, sizeof(a), theirs));
		cut_result(a);
		cut_result(b);
		cr_assert_str_eq(b, a);
		n++;
	}
	cr_assert_gt(n, 900);
	fclose(theirs);
	fclose(ours);
}

/* ---- Perfetto ---- */

static void assert_chrome_event(const json_t *e)
{
	const char *ph = json_text(e, "ph");

	cr_assert(*json_text(e, "name"));
	cr_assert_eq(json_int(e, "pid"), 1);
	cr_assert(json_is_object(json_object_get(e, "args")));
	cr_assert(strlen(ph) == 1 && strchr("MXCi", *ph), "%s", ph);
	if (*ph != 'M')
		cr_assert(json_number_value(json_object_get(e, "ts")) > 0);
	if (*ph == 'X')
		cr_assert(json_number_value(json_object_get(e, "dur")) > 0);
	if (*ph != 'C')
		json_int(e, "tid");
}

Test(cli_trace, perfetto_is_an_object_of_chromes_trace_events)
{
	unsigned calls = 0, faults = 0, counters = 0;
	struct outcome o;
	json_t *json;
	const json_t *e;
	size_t i;

	REQUIRE_KVM();
	mapvisor(&o, "trace", "--no-aslr", "--format=perfetto", "--fault-around=4K", "-o",
		 temp_path("trace"), payload("walkme"));
	assert_status(&o, 0);
	json = json_load_file(temp_path("trace"), 0, NULL);
	cr_assert_not_null(json);
	json_array_foreach(json_object_get(json, "traceEvents"), i, e) {
		const char *cat = json_string_value(json_object_get(e, "cat"));

		assert_chrome_event(e);
		counters += *json_text(e, "ph") == 'C';
		calls += cat && !strcmp(cat, "call");
		faults += cat && !strcmp(cat, "fault");
	}
	cr_assert_eq(calls, 4);
	cr_assert_geq(faults, 9);
	cr_assert_gt(counters, 10);
	cr_assert_eq(json_int(json_object_get(json, "otherData"), "lost"), 0);
	json_decref(json);
}

/* ---- What can't be written ---- */

Test(cli_trace, a_full_device_ends_the_run_and_is_told)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "trace", "--no-aslr", "-o", "/dev/full", payload("spin"));
	assert_status(&o, 125);
	assert_has(o.err, "/dev/full: No space left on device");
	mapvisor(&o, "trace", "--no-aslr", "-o", "/nowhere/trace", payload("hello"));
	assert_error(&o, 125, "/nowhere/trace: No such file");
}

/* The reader goes after a line; the payload would have run on for a long time. */
Test(cli_trace, a_reader_that_has_gone_ends_the_run_and_is_told)
{
	char script[8192];
	struct outcome o;

	REQUIRE_KVM();
	snprintf(script, sizeof(script),
		 "mkfifo %s/fifo; head -n 1 <%s/fifo >/dev/null & exec %s trace --format=json "
		 "--fault-around=4K --thp=never -o %s/fifo %s 16G",
		 tempdir, tempdir, mapvisor_path(), tempdir, payload("anon"));
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/bin/sh", "-c", script, NULL }, &o);
	assert_status(&o, 125);
	assert_has(o.err, "fifo: Broken pipe");
}
