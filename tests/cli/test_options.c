/* SPDX-License-Identifier: MIT */
/* test_options.c: what is typed wrongly is named, with what is allowed; nothing runs. */
#include "tests/cli/spawn.h"

TestSuite(cli_options, .timeout = TEST_SECONDS);

#define PROGRAM "/nowhere/program" /* were it looked for, the status would be another */

Test(cli_options, no_command_is_an_error)
{
	struct outcome o;

	spawn(&(struct setup){ 0 }, (const char *[]){ mapvisor_path(), NULL }, &o);
	assert_error(&o, 125, "no command", "--help");
}

Test(cli_options, an_unknown_command_is_named)
{
	struct outcome o;

	mapvisor(&o, "frobnicate", PROGRAM);
	assert_error(&o, 125, "frobnicate", "--help");
}

Test(cli_options, an_unknown_option_before_the_command_is_named)
{
	struct outcome o;

	mapvisor(&o, "--frobnicate", "run", PROGRAM);
	assert_error(&o, 125, "--frobnicate");
}

Test(cli_options, an_unknown_option_is_named_by_every_command)
{
	static const char *const commands[] = { "run", "maps", "walk", "bench", "doctor" };
	struct outcome o;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		mapvisor(&o, commands[i], "--frobnicate");
		assert_error(&o, 125, "--frobnicate");
		assert_has(o.err, commands[i]);
	}
}

Test(cli_options, a_missing_program_is_told)
{
	struct outcome o;

	mapvisor(&o, "run", "--stats");
	assert_error(&o, 125, "PROGRAM");
	mapvisor(&o, "run", "--");
	assert_error(&o, 125, "PROGRAM");
	mapvisor(&o, "maps");
	assert_error(&o, 125, "PROGRAM");
}

Test(cli_options, walk_tells_what_is_missing)
{
	struct outcome o;

	mapvisor(&o, "walk");
	assert_error(&o, 125, "ADDR|SYMBOL");
	mapvisor(&o, "run", "");
	assert_error(&o, 125, "PROGRAM", "empty");
	mapvisor(&o, "walk", "0x1000");
	assert_error(&o, 125, "PROGRAM");
}

Test(cli_options, an_option_without_its_argument_is_named)
{
	static const char *const names[] = { "--mem",	       "--timeout", "--thp",
					     "--fault-around", "--ro",	    "--rw",
					     "--env",	       "--stage2" };
	struct outcome o;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		mapvisor(&o, "run", names[i]);
		assert_error(&o, 125, "argument");
		assert_has(o.err, names[i]);
	}
}

/* Each must be refused, with the option, the value and a word of what is allowed. */
static void assert_refused(const char *name, const char *const *values, const char *allowed)
{
	struct outcome o;
	char option[64];

	for (; *values; values++) {
		snprintf(option, sizeof(option), "--%s=%s", name, *values);
		mapvisor(&o, "run", option, PROGRAM);
		assert_status(&o, 125);
		assert_has(o.err, option);
		assert_has(o.err, allowed);
	}
}

Test(cli_options, a_size_that_is_none_is_refused)
{
	assert_refused("mem",
		       (const char *[]){ "", "x", "12Q", "1KB", "-1", " 1", "1.5G",
					 "0x1000", "G", "0", "0G", NULL },
		       "K, M, G or T");
}

Test(cli_options, a_memory_without_room_is_refused)
{
	struct outcome o;

	assert_refused("mem", (const char *[]){ "1", "1K", "255K", NULL }, "256K");
	mapvisor(&o, "run", "--mem=1M", "--shm=2M", PROGRAM);
	assert_error(&o, 125, "--shm", "2097152", "--mem");
}

Test(cli_options, a_size_that_overflows_is_refused)
{
	assert_refused("mem",
		       (const char *[]){ "18446744073709551616", "16777216T",
					 "99999999999999999999999999", "18014398509481985K",
					 NULL },
		       "K, M, G or T");
}

Test(cli_options, a_time_that_is_none_is_refused)
{
	assert_refused("timeout",
		       (const char *[]){ "", "x", ".", "1.", "1..5", "-1", "1d", "inf",
					 "nan", "1e3", "0x1", " 1", "ms", NULL },
		       "seconds");
}

Test(cli_options, a_time_that_overflows_is_refused)
{
	assert_refused("timeout",
		       (const char *[]){ "18446744074", "99999999999999999999", "5124096h",
					 NULL },
		       "seconds");
}

Test(cli_options, an_unknown_thp_setting_is_refused)
{
	assert_refused("thp", (const char *[]){ "", "sometimes", "Auto", "madvise", NULL },
		       "auto, never, always");
}

Test(cli_options, an_unknown_second_stage_is_refused)
{
	assert_refused("stage2",
		       (const char *[]){ "", "ept", "Direct", "uffd,direct", NULL },
		       "direct, uffd");
}

Test(cli_options, a_fault_around_out_of_range_or_no_power_of_2_is_refused)
{
	assert_refused("fault-around",
		       (const char *[]){ "0", "1", "2K", "3K", "5K", "6144", "4M",
					 "2097153", "16777216T", "", "x", NULL },
		       "4K to 2M");
}

Test(cli_options, an_empty_path_or_name_is_refused)
{
	struct outcome o;

	mapvisor(&o, "run", "--ro=", PROGRAM);
	assert_error(&o, 125, "--ro", "empty");
	mapvisor(&o, "run", "--rw=", PROGRAM);
	assert_error(&o, 125, "--rw", "empty");
	mapvisor(&o, "run", "--env==x", PROGRAM);
	assert_error(&o, 125, "--env==x", "NAME");
	mapvisor(&o, "run", "--env=", PROGRAM);
	assert_error(&o, 125, "--env=", "NAME");
}

Test(cli_options, doctor_takes_no_argument)
{
	struct outcome o;

	mapvisor(&o, "doctor", "now");
	assert_error(&o, 125, "now");
}

Test(cli_options, bench_names_an_unknown_figure)
{
	struct outcome o;

	mapvisor(&o, "bench", "speed");
	assert_error(&o, 125, "speed");
	mapvisor(&o, "bench", "cpu", "touch_x*");
	assert_error(&o, 125, "touch_x*");
}

Test(cli_options, help_and_version_go_to_stdout_and_exit_with_0)
{
	struct outcome o;

	mapvisor(&o, "--version");
	assert_status(&o, 0);
	assert_has(o.out, "mapvisor ");
	mapvisor(&o, "--help");
	assert_status(&o, 0);
	assert_has(o.out, "Usage: mapvisor ");
	assert_has(o.out, "doctor");
	cr_assert_str_empty(o.err);
	mapvisor(&o, "help");
	assert_status(&o, 0);
	assert_has(o.out, "Usage: mapvisor ");
	mapvisor(&o, "--usage");
	assert_status(&o, 0);
}

Test(cli_options, each_command_has_a_help)
{
	static const char *const commands[] = { "run", "maps", "walk", "bench", "doctor" };
	struct outcome o, other;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		mapvisor(&o, commands[i], "--help");
		assert_status(&o, 0);
		assert_has(o.out, "Usage: mapvisor ");
		assert_has(o.out, commands[i]);
		mapvisor(&other, "help", commands[i]);
		assert_status(&other, 0);
		cr_assert_str_eq(o.out, other.out);
	}
}

/* Every line that begins with one blank and ends with ':' is one. */
static void assert_headings_have_entries(const char *help)
{
	const char *end;

	for (const char *line = help; *line; line = end + (*end == '\n')) {
		end = strchrnul(line, '\n');
		if (line[0] == ' ' && line[1] != ' ' && end[-1] == ':')
			cr_expect(!strncmp(end, "\n  ", 3), "an empty heading: %s", line);
	}
}

static const char *const all_commands[] = { "run",   "maps",   "walk",	"stat",
					    "trace", "report", "bench", "doctor" };

Test(cli_options, each_heading_of_a_help_has_options)
{
	struct outcome o;

	for (size_t i = 0; i < sizeof(all_commands) / sizeof(all_commands[0]); i++) {
		mapvisor(&o, all_commands[i], "--help");
		assert_status(&o, 0);
		assert_headings_have_entries(o.out);
	}
	mapvisor(&o, "--help");
	assert_headings_have_entries(o.out);
}

/* argp sorts them by name. */
Test(cli_options, no_text_of_a_help_goes_on_from_the_one_before)
{
	struct outcome o;

	for (size_t i = 0; i < sizeof(all_commands) / sizeof(all_commands[0]); i++) {
		mapvisor(&o, all_commands[i], "--help");
		assert_lacks(o.out, "  ...");
	}
}

Test(cli_options, help_has_options_under_the_heading_that_they_belong_to)
{
	static const char *const order[] = {
		"What the payload may see:",
		"--ro=",
		"--tmp",
		"Limits:",
		"--cpu-time=",
		"--timeout=",
		"How its memory is mapped:",
		"--fault-around=",
		"--thp=",
		"What is told:",
		"--json",
		"--output=",
		"--stats",
		"Looking at it on the way:",
		"--diff",
		"--pause-at=",
	};
	struct outcome o;
	const char *at;

	mapvisor(&o, "run", "--help");
	at = o.out;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		at = strstr(at, order[i]);
		cr_assert(at, "%s isn't behind %s: %s", order[i], i ? order[i - 1] : "",
			  o.out);
	}
}

Test(cli_options, help_says_that_path_is_not_searched)
{
	struct outcome o;

	mapvisor(&o, "run", "--help");
	assert_has(o.out, "PATH isn't searched");
}

Test(cli_options, help_for_no_command_is_an_error)
{
	struct outcome o;

	mapvisor(&o, "help", "frobnicate");
	assert_error(&o, 125, "frobnicate");
	mapvisor(&o, "help", "run", "maps");
	assert_error(&o, 125, "maps");
}

Test(cli_options, a_full_standard_output_is_told)
{
	struct outcome o;

	mapvisor_as(&(struct setup){ .out = "/dev/full" }, &o, "--version");
	assert_error(&o, 125, "standard output", "No space left");
	mapvisor_as(&(struct setup){ .out = "/dev/full" }, &o, "run", "--help");
	assert_error(&o, 125, "standard output", "No space left");
}

Test(cli_options, a_closed_standard_output_is_told)
{
	struct outcome o;

	mapvisor_as(&(struct setup){ .close_out = true }, &o, "--version");
	assert_error(&o, 125, "standard output");
}
