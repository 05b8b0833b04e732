/* SPDX-License-Identifier: MIT */
/* test_terminal.c: a program on a terminal: what it asks and sets, and what is typed, as natively. KVM. */
#include "tests/cli/terminal.h"
#include "tests/kvm/program.h"

TestSuite(cli_terminal, .timeout = TEST_SECONDS);

static void run(bool native, const char *way, const char *const *typed, struct outcome *o,
		struct termios *after)
{
	const char *const argv[] = { mapvisor_path(), "run", program_path("terminal-glibc"),
				     way, NULL };

	spawn_on_terminal(argv + (native ? 2 : 0), typed, o, after);
}

static void assert_same(const char *way, const char *const *typed)
{
	static struct outcome native, sandbox;

	REQUIRE_KVM();
	REQUIRE_TERMINAL();
	run(true, way, typed, &native, NULL);
	run(false, way, typed, &sandbox, NULL);
	cr_assert_eq(native.status, 0, "natively: %d, %s", native.status, native.out);
	cr_expect_str_eq(sandbox.out, native.out);
	cr_expect_eq(sandbox.status, 0);
}

Test(cli_terminal, its_name_leads_to_it)
{
	assert_same("names", NULL);
}

Test(cli_terminal, its_modes_can_be_set)
{
	assert_same("modes", NULL);
}

Test(cli_terminal, a_read_waits_for_as_many_bytes_and_as_long_as_its_modes_say)
{
	assert_same("paces", (const char *[]){ "ab", "cd", "efg", "hi", "jk", "l", NULL });
}

Test(cli_terminal, ctrl_c_and_a_new_size_are_signals)
{
	assert_same("signals", (const char *[]){ "\3", NULL });
}

Test(cli_terminal, its_process_group_is_the_payloads)
{
	assert_same("groups", NULL);
}

Test(cli_terminal, output_and_input_are_held_and_thrown_away)
{
	assert_same("flow", (const char *[]){ "gone\n", NULL });
}

/* By Ctrl-Z, to a shell that has modes of its own; then by a key that ends no line. */
Test(cli_terminal, its_modes_are_back_when_a_stopped_one_goes_on)
{
	char command[8192];
	struct outcome o;

	REQUIRE_KVM();
	REQUIRE_TERMINAL();
	snprintf(command, sizeof(command), "%s run %s key; stty sane; printf '> '; fg",
		 mapvisor_path(), program_path("terminal-glibc"));
	spawn_on_terminal((const char *[]){ "/bin/sh", "-m", "-c", command, NULL },
			  (const char *[]){ "\x1a", "c", NULL }, &o, NULL);
	assert_has(o.out, "got c");
}

Test(cli_terminal, its_modes_stay_after_an_exit_and_go_with_who_is_killed)
{
	struct termios after[4];
	struct outcome o;

	REQUIRE_KVM();
	REQUIRE_TERMINAL();
	run(true, "names", NULL, &o, &after[0]);
	run(true, "exit", NULL, &o, &after[1]);
	run(false, "exit", NULL, &o, &after[2]);
	run(false, "abort", NULL, &o, &after[3]);
	cr_assert_neq(after[0].c_lflag, after[1].c_lflag);
	cr_expect_eq(after[2].c_lflag, after[1].c_lflag);
	cr_expect_eq(after[3].c_lflag, after[0].c_lflag);
	assert_has(o.out, "SIGABRT");
}
