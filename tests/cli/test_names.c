/* SPDX-License-Identifier: MIT */
/*
 * test_names.c: what a payload, or its file, is called reaches whoever reads of it as text: nothing that could
 * steer a terminal or forge a line.
 */
#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_names, .timeout = TEST_SECONDS, .init = make_tempdir, .fini = remove_tempdir);

/* What payloads/names.c puts into the memfd's, and what it becomes. */
#define SHOWN_NAME "/memfd:\\033[2J\\033]0;title\\007\\015\\010\\0120000-1000 rwxp"

/* The tests' names have no U+0080 to U+009f that isn't a control character. */
static void assert_tame(const char *text)
{
	for (const char *at = text; *at; at++)
		cr_assert((*at >= ' ' && *at != 0x7f) || *at == '\n' || *at == '\t' ||
				  (unsigned char)*at > 0x9f ||
				  /* the second byte of an e with an accent */
				  (at > text && !memcmp(at - 1, "\xc3\xa9", 2)),
			  "byte 0x%02x in: %s", (unsigned char)*at, text);
}

/* How often a text has another in it. */
static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what))) {
		text++;
		n++;
	}
	return n;
}

Test(cli_names, a_memfds_name_is_tame_in_the_report_of_a_crash)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", payload("names"), "die");
	assert_status(&o, 139);
	assert_tame(o.err);
	assert_has(o.err, SHOWN_NAME);
	assert_has(o.err, "e \xc3\xa9"); /* which is none of their business */
}

Test(cli_names, a_memfds_name_is_tame_in_maps)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "maps", payload("names"), "exit");
	assert_status(&o, 0);
	assert_tame(o.out);
	assert_has(o.out, SHOWN_NAME);
	cr_assert_eq(count(o.out, "\n0000-1000"), 0);
}

Test(cli_names, a_memfds_name_is_escaped_in_json)
{
	static const char escaped[] =
		"/memfd:\\u001B[2J\\u001B]0;title\\u0007\\r\\b\\n0000";
	struct outcome o;

	REQUIRE_KVM();
	for (int way = 0; way < 4; way++) {
		const char *text = way & 1 ? o.err : o.out;

		if (way & 1)
			mapvisor(&o, "trace", "--format=json", "--filter=vma",
				 payload("names"), way & 2 ? "exit" : "utf8");
		else
			mapvisor(&o, "maps", "--json", payload("names"),
				 way & 2 ? "exit" : "utf8");
		assert_status(&o, 0);
		for (const char *at = text; *at; at++)
			cr_assert((*at >= ' ' && *at <= 0x7f) || *at == '\n', "0x%02x",
				  (unsigned char)*at);
		assert_has(text, escaped);
		assert_has(text, way & 2 ? "??[2J" : "\\u009B[2J");
	}
}

Test(cli_names, a_memfds_name_is_tame_in_a_trace)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "trace", "--verbose", "--filter=call,fault,vma", payload("names"),
		 "die");
	assert_status(&o, 139);
	assert_tame(o.err);
	cr_assert_geq(count(o.err, SHOWN_NAME), 2); /* the report of the crash has one */
}

/* A copy of hello of that name, in the test's folder. */
static const char *copy_named(const char *name)
{
	static char bytes[1 << 20];
	FILE *f = fopen(payload("hello"), "re");
	size_t n;

	cr_assert_not_null(f);
	n = fread(bytes, 1, sizeof(bytes), f);
	cr_assert_lt(n, sizeof(bytes));
	fclose(f);
	return temp_file(name, bytes, n, 0755);
}

Test(cli_names, a_programs_name_is_tame_wherever_it_stands)
{
	const char *path = copy_named("x\x1b[2J\x9b\xc2\x9b\n");
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "maps", path);
	assert_status(&o, 0);
	assert_tame(strchr(o.out, '\n')); /* behind its own line */
	assert_has(o.out, "x\\033[2J\\233\\302\\233\\012");
	mapvisor(&o, "run", "--timeout=nonsense", path);
	assert_tame(o.err);
	mapvisor(&o, "run", temp_path("y\x1b[2J\n"));
	assert_error(&o, 127, "y?[2J?");
	assert_tame(o.err);
}

Test(cli_names, an_interpreters_name_is_tame_where_it_is_refused)
{
	static const char text[] = "#!/no\x1b[2J\x9b\n";
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", temp_file("script", text, sizeof(text) - 1, 0755));
	assert_error(&o, 126, "/no?[2J?");
	assert_tame(o.err);
}
