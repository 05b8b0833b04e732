/* SPDX-License-Identifier: MIT */
/* test_run.c: `mapvisor run`: its exit status, what reaches the payload, and grants. */
#include <sys/stat.h>
#include <time.h>

#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/stage2.h"

TestSuite(cli_run, .timeout = TEST_SECONDS, .init = make_tempdir, .fini = remove_tempdir);

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

Test(cli_run, the_payloads_output_is_passed_on_and_nothing_else)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", payload("hello"));
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "hello, world\n");
	cr_assert_str_empty(o.err);
}

Test(cli_run, the_payloads_exit_status_is_passed_on)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", payload("noexec"), "ok", "and", "more"); /* usage: 2 */
	assert_status(&o, 2);
	mapvisor(&o, "run", payload("wordcount"), "/nowhere/file"); /* die: 1 */
	assert_status(&o, 1);
}

Test(cli_run, a_segmentation_fault_exits_with_139_and_a_report)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", payload("noexec"));
	assert_status(&o, 139);
	assert_has(o.err, "SIGSEGV");
}

Test(cli_run, a_bus_error_exits_with_135_and_a_report)
{
	const char *file = temp_file("file", "x", 1, 0600);
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--ro", file, payload("bus"), file);
	assert_status(&o, 135);
	assert_has(o.err, "SIGBUS");
}

Test(cli_run, timeout_ends_a_loop_with_124)
{
	struct outcome o;
	double start;

	REQUIRE_KVM();
	start = seconds();
	mapvisor(&o, "run", "--timeout=300ms", payload("spin"));
	assert_error(&o, 124, "spin", "0.300 s", "--timeout");
	cr_assert_lt(seconds() - start, 10);
}

Test(cli_run, cpu_time_ends_a_loop_with_124)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--cpu-time=200ms", payload("spin"));
	assert_error(&o, 124, "spin", "0.200 s of CPU time", "--cpu-time");
	mapvisor(&o, "run", "--cpu-time=1ms", payload("timers"), "cpu");
	assert_status(&o, 124);
}

/* Whatever it is written by, and by whatever number: what lies within is there. */
Test(cli_run, max_output_ends_with_153_who_writes_more)
{
	/* how, and how far it comes: what would go farther is not begun, but a write is cut */
	static const struct {
		const char *name;
		long size;
	} ways[] = {
		{ "write", 1050 },	     { "writev", 1050 },   { "pwrite", 1050 },
		{ "sendfile", 1050 },	     { "hole", 900 },	   { "hole-seek", 800 },
		{ "copy_file_range", 1050 }, { "hole-copy", 900 }, { "ftruncate", 1000 },
		{ "fallocate", 1000 },
	};
	char file[256], out[256], option[300], bytes[1000] = { 0 };
	struct outcome o;
	struct stat st;

	REQUIRE_KVM();
	strcpy(file, temp_file("in", bytes, sizeof(bytes), 0600));
	strcpy(out, temp_path("out"));
	snprintf(option, sizeof(option), "--ro=%s", file);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		mapvisor_as(&(struct setup){ .out = out }, &o, "run", option,
			    "--max-output=1050", payload("output"), ways[i].name, file);
		assert_error(&o, 153, "output", "1050 bytes", "--max-output");
		cr_expect_eq(stat(out, &st), 0);
		cr_expect_eq(st.st_size, ways[i].size, "%s: %ld bytes", ways[i].name,
			     (long)st.st_size);
	}
}

/* Into a pipe O_APPEND has no meaning; of a file without a size there is content, too. */
Test(cli_run, max_output_counts_what_is_sent_to_a_pipe)
{
	char command[8192], file[256], bytes[1000] = { 0 };
	struct outcome o;

	REQUIRE_KVM();
	strcpy(file, temp_file("in", bytes, sizeof(bytes), 0600));
	snprintf(command, sizeof(command),
		 "%s run --ro=%s --max-output=1050 %s append %s | wc -c", mapvisor_path(),
		 file, payload("output"), file);
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/bin/sh", "-c", command, NULL }, &o);
	cr_expect_str_eq(o.out, "1050\n");
	if (access("/sys/kernel/uevent_seqnum", R_OK))
		SKIP("no sysfs");
	strcpy(file, "/sys/kernel/uevent_seqnum");
	snprintf(command, sizeof(command),
		 "%s run --ro=/sys/kernel --max-output=3 %s append %s | wc -c",
		 mapvisor_path(), payload("output"), file);
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/bin/sh", "-c", command, NULL }, &o);
	cr_expect_str_eq(o.out, "3\n", "%s", o.out);
}

static void read_text(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "r");

	cr_assert(f, "%s", path);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

Test(cli_run, max_output_leaves_who_writes_as_much_alone)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--max-output=10000", payload("output"), "write");
	assert_status(&o, 7);
	cr_expect_eq(strlen(o.out), 10000);
	mapvisor(&o, "run", "--max-output=9999", payload("output"), "write");
	assert_status(&o, 153);
	cr_expect_eq(strlen(o.out), 9999);
	mapvisor(&o, "run", "--max-output=0", payload("output"), "write");
	assert_error(&o, 125, "--max-output=0", "not a size");
}

/* No grant is about it, and it was given anyhow. */
Test(cli_run, a_payload_can_open_its_standard_output_by_name)
{
	char out[256], text[64] = { 0 };
	struct outcome o;
	FILE *f;

	REQUIRE_KVM();
	strcpy(out, temp_path("named"));
	mapvisor_as(&(struct setup){ .out = out }, &o, "run", payload("named"),
		    "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1");
	assert_status(&o, 0);
	f = fopen(out, "r");
	cr_assert(f && fread(text, 1, sizeof(text) - 1, f));
	fclose(f);
	cr_expect_str_eq(text, "/dev/stdout\n/dev/fd/1\n/proc/self/fd/1\n");
	mapvisor_as(&(struct setup){ .out = out }, &o, "run", "--max-output=20",
		    payload("named"), "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1");
	assert_error(&o, 153, "--max-output");
}

/* Its standard output's name is shown if a grant shows the file; the program's place on the host to who has no root. */
Test(cli_run, names_of_the_host_are_shown_as_far_as_they_are_granted)
{
	char out[256], option[300], root[300], text[4096] = { 0 }, program[4096];
	struct outcome o;

	REQUIRE_KVM();
	strcpy(out, temp_path("named"));
	strcpy(program, realpath(payload("self"), text));
	mapvisor_as(&(struct setup){ .out = out }, &o, "run", program, "links");
	read_text(out, text, sizeof(text));
	cr_expect(!strncmp(text, "granted:[file]\n", 15), "%s", text);
	cr_expect(strstr(text, program), "%s", text);
	snprintf(option, sizeof(option), "--ro=%s", out);
	mapvisor_as(&(struct setup){ .out = out }, &o, "run", option, program, "links");
	read_text(out, text, sizeof(text));
	cr_expect(!strncmp(text, out, strlen(out)), "%s", text);
	snprintf(root, sizeof(root), "--root=%s", tempdir);
	mapvisor_as(&(struct setup){ .out = out }, &o, "run", root, program, "links");
	read_text(out, text, sizeof(text));
	cr_expect_str_eq(text, "/named\n/self\n");
}

/* 100 times a file of 100 bytes, and nothing of it once more: that is no output. */
Test(cli_run, max_output_holds_nothing_against_who_reached_it)
{
	static const char *const ways[] = { "sendfile-all", "copy-all" };
	char file[256], out[256], option[300], bytes[100] = { 0 };
	struct outcome o;

	REQUIRE_KVM();
	strcpy(file, temp_file("in", bytes, sizeof(bytes), 0600));
	strcpy(out, temp_path("out"));
	snprintf(option, sizeof(option), "--ro=%s", file);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		mapvisor_as(&(struct setup){ .out = out }, &o, "run", option,
			    "--max-output=10000", payload("output"), ways[i], file);
		assert_status(&o, 7);
	}
}

/* Where the file system can insert; elsewhere it is all refused. */
Test(cli_run, max_output_counts_what_is_inserted)
{
	struct outcome o;
	struct stat st;
	char out[256];

	REQUIRE_KVM();
	strcpy(out, temp_file("out", (char[8192]){ 0 }, 8192, 0600));
	mapvisor_as(&(struct setup){ .out = out }, &o, "run", "--max-output=10000",
		    payload("output"), "insert");
	cr_expect_eq(stat(out, &st), 0);
	cr_expect_leq(st.st_size, 8192 + 10000, "%ld bytes", (long)st.st_size);
}

Test(cli_run, max_output_counts_what_goes_to_the_terminal_by_its_name)
{
	char command[8192];
	struct outcome o;

	REQUIRE_KVM();
	if (access("/usr/bin/script", X_OK))
		SKIP("no script(1)");
	snprintf(command, sizeof(command), "%s run --max-output=1050 %s tty 2>/dev/null",
		 mapvisor_path(), payload("output"));
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/usr/bin/script", "-qec", command, "/dev/null", NULL },
	      &o);
	assert_status(&o, 153);
	cr_expect_eq(strspn(o.out, "x"), 1050, "%s", o.out);
}

/* It sleeps for 1.5 s. */
Test(cli_run, cpu_time_does_not_count_a_sleep)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--cpu-time=1s", payload("self"), "sleep-long");
	assert_status(&o, 0);
}

Test(cli_run, verbose_names_each_call_that_is_not_served)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--verbose", payload("self"), "none");
	assert_status(&o, 0);
	cr_assert_str_eq(o.err, "mapvisor: fork: not served, ENOSYS (1 times)\n"
				"mapvisor: vfork: not served, ENOSYS (1 times)\n"
				"mapvisor: clone: not served, ENOSYS (1 times)\n"
				"mapvisor: clone3: not served, ENOSYS (1 times)\n"
				"mapvisor: execve: not served, ENOSYS (1 times)\n");
	mapvisor(&o, "run", payload("self"), "none");
	cr_assert_str_eq(o.err, "");
}

Test(cli_run, timeout_leaves_a_short_run_alone)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--timeout", "30", payload("hello"));
	assert_status(&o, 0);
	mapvisor(&o, "run", "--timeout=0", payload("hello"));
	assert_status(&o, 0);
}

Test(cli_run, every_way_to_write_a_value_is_taken)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--mem=64M", "--fault-around=4K", "--thp=never",
		 "--timeout=1.5m", payload("hello"));
	assert_status(&o, 0);
	mapvisor(&o, "run", "--mem", "1t", "--fault-around", "2097152", "--thp", "always",
		 "--timeout", ".5h", payload("hello"));
	assert_status(&o, 0);
}

Test(cli_run, options_after_the_program_are_the_payloads)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", payload("args"), "--mem", "--help", "-x", "--", "--stats", "");
	assert_status(&o, 0);
	assert_has(o.out, "argc 7\n");
	assert_has(o.out, "argv[1] \"--mem\"\n");
	assert_has(o.out, "argv[2] \"--help\"\n");
	assert_has(o.out, "argv[3] \"-x\"\n");
	assert_has(o.out, "argv[4] \"--\"\n");
	assert_has(o.out, "argv[5] \"--stats\"\n");
	assert_has(o.out, "argv[6] \"\"\n");
	cr_assert_str_empty(o.err);
}

Test(cli_run, two_dashes_end_the_options)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--mem=64M", "--", payload("args"), "--", "x");
	assert_status(&o, 0);
	assert_has(o.out, "argc 3\n");
	assert_has(o.out, "argv[1] \"--\"\n");
	mapvisor(&o, "run", "--", "--mem=64M");
	assert_error(&o, 127, "--mem=64M");
}

Test(cli_run, the_program_is_argv_0)
{
	const char *program = payload("args");
	char line[4200];
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", program);
	snprintf(line, sizeof(line), "argv[0] \"%s\"\n", program);
	assert_has(o.out, line);
}

Test(cli_run, the_environment_is_empty_unless_granted)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor_as(&(struct setup){ .variable = "SECRET=1" }, &o, "run", payload("args"));
	assert_status(&o, 0);
	assert_lacks(o.out, "envp");
}

Test(cli_run, env_sets_copies_and_replaces)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor_as(&(struct setup){ .variable = "OURS=1=2" }, &o, "run", "--env", "A=old",
		    "--env=OURS", "--env=A=new", "--env=EMPTY=", "--env=ABSENT",
		    payload("args"));
	assert_status(&o, 0);
	assert_has(o.out, "envp \"A=new\"\nenvp \"OURS=1=2\"\nenvp \"EMPTY=\"\n");
	assert_lacks(o.out, "A=old");
	assert_lacks(o.out, "ABSENT");
}

Test(cli_run, a_file_is_denied_unless_granted)
{
	const char *file = temp_file("file", "one two three\n", 14, 0600);
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", payload("wordcount"), file);
	assert_status(&o, 1);
	mapvisor(&o, "run", "--ro", file, payload("wordcount"), file);
	assert_status(&o, 0);
	assert_has(o.out, "3");
	mapvisor(&o, "run", "--ro", tempdir, payload("wordcount"), file);
	assert_status(&o, 0);
}

Test(cli_run, ro_does_not_grant_writing_and_rw_does)
{
	const char *file = temp_file("file", "lower", 5, 0600);
	struct outcome o;
	char text[6] = "";
	int fd;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--ro", file, payload("shared"), file);
	assert_status(&o, 1);
	mapvisor(&o, "run", "--rw", file, payload("shared"), file);
	assert_status(&o, 0);
	fd = open(file, O_RDONLY);
	cr_assert_eq(read(fd, text, 5), 5);
	close(fd);
	cr_assert_str_eq(text, "LOWER");
}

Test(cli_run, a_grant_that_does_not_exist_is_named)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--ro", "/nowhere/file", payload("hello"));
	assert_error(&o, 125, "--ro=/nowhere/file: No such file");
	mapvisor(&o, "run", "--ro", tempdir, "--rw=/dev/null", payload("hello"));
	assert_error(&o, 125, "--rw=/dev/null: Neither");
	mapvisor(&o, "run", "--root", "/nowhere", payload("hello"));
	assert_error(&o, 125, "--root=/nowhere: No such file");
}

Test(cli_run, grants_beyond_the_limit_of_open_files_say_how_to_raise_it)
{
	char command[8192];
	struct outcome o;

	REQUIRE_KVM();
	snprintf(command, sizeof(command), "ulimit -n 8; exec %s run --ro-system %s",
		 mapvisor_path(), payload("hello"));
	spawn(&(struct setup){ 0 }, (const char *[]){ "/bin/sh", "-c", command, NULL }, &o);
	assert_error(&o, 125, "--ro-system: /", "Too many open files", "ulimit -n");
}

/* Registers and a walk tell something of an instruction that failed, and nothing of a signal that was sent. */
Test(cli_run, a_signal_that_was_sent_is_told_in_a_line)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", payload("sigs"), "terminated");
	assert_status(&o, 128 + 15);
	cr_expect_eq(strncmp(o.err, "mapvisor: ", 10), 0, "%s", o.err);
	assert_has(o.err, "sigs: ended by SIGTERM\n");
	assert_lacks(o.err, "rip");
	mapvisor(&o, "run", payload("timers"), "killed");
	assert_status(&o, 128 + 14);
	assert_has(o.err, "timers: ended by SIGALRM\n");
}

Test(cli_run, nothing_is_said_of_a_broken_pipe)
{
	char command[8192];
	struct outcome o;

	REQUIRE_KVM();
	if (access("/usr/bin/yes", X_OK))
		SKIP("the host hasn't the program");
	snprintf(command, sizeof(command),
		 "{ %s run --ro-system /usr/bin/yes; echo $? >&2; } | head -n 1",
		 mapvisor_path());
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/bin/sh", "-c", command, NULL }, &o);
	cr_expect_str_eq(o.out, "y\n");
	cr_expect_str_eq(o.err, "141\n");
}

Test(cli_run, ro_system_grants_a_program_and_what_it_is_loaded_from)
{
	struct outcome o;

	REQUIRE_KVM();
	if (access("/bin/cat", X_OK))
		SKIP("the host hasn't the program");
	mapvisor(&o, "run", "--ro-system", "--", "/bin/cat", "/bin/cat", "/etc/passwd");
	assert_status(&o, 1);
	assert_has(o.err, "/etc/passwd: Permission denied");
	cr_assert_eq(strncmp(o.out, "\177ELF", 4), 0);
}

Test(cli_run, ro_system_does_not_grant_writing_and_counts_once)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--ro-system", "--ro-system", payload("shared"), "/bin/cat");
	assert_status(&o, 1);
	mapvisor(&o, "run", "--ro-system=/usr", payload("hello"));
	assert_error(&o, 125, "--ro-system", "argument");
}

/* As a shell leaves `--ro /lib*`. */
Test(cli_run, a_second_word_behind_ro_is_told_to_be_taken_for_the_program)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--ro", "/etc", "/usr", "--", payload("hello"));
	assert_error(&o, 126, "/usr: is a directory", "PROGRAM", "--ro-system");
	mapvisor(&o, "run", "--ro", "/etc", "--", "/usr");
	assert_error(&o, 126, "/usr: is a directory\n");
}

Test(cli_run, stats_go_to_stderr)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--stats", payload("hello"));
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "hello, world\n");
	assert_has(o.err, "fault");
	assert_has(o.err, "exits");
}

Test(cli_run, stats_in_json_count_what_the_payload_did)
{
	struct outcome o;
	json_t *json;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--stats", "--json", payload("hello"));
	assert_status(&o, 0);
	json = parse_json(o.err);
	cr_assert_eq(json_int(json, "calls"), 2, "hello makes two: write and exit");
	cr_assert_eq(json_int(json, "calls_unknown"), 0);
	cr_assert_gt(json_int(json, "exits"), 0);
	cr_assert_eq(json_int(json_object_get(json, "tables"), "pgd"), 1);
	cr_assert(json_is_object(json_object_get(json, "faults")));
	json_decref(json);
}

Test(cli_run, stats_count_second_stage_violations_if_they_are_served_here)
{
	struct outcome o;
	json_t *json;

	REQUIRE_KVM();
	REQUIRE_UFFD();
	mapvisor(&o, "run", "--stage2=uffd", "--stats", "--json", payload("hello"));
	assert_status(&o, 0);
	json = parse_json(o.err);
	cr_assert_gt(json_int(json, "violations"), 0);
	cr_assert_gt(json_int(json, "pages_zeroed"), 0);
	cr_assert_eq(json_int(json, "pages_from_files") % 16, 0);
	json_decref(json);
	mapvisor(&o, "run", "--stage2", "direct", "--stats", "--json", payload("hello"));
	json = parse_json(o.err);
	cr_assert_eq(json_int(json, "violations"), 0);
	cr_assert_eq(json_int(json, "pages_zeroed"), 0);
	cr_assert_eq(json_int(json, "pages_from_files"), 0);
	json_decref(json);
	mapvisor(&o, "run", "--stage2=uffd", "--stats", payload("hello"));
	assert_has(o.err, "violations\n");
}

Test(cli_run, stats_name_the_calls_that_do_not_exist)
{
	struct outcome o;
	json_t *json;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--stats", "--json", payload("unknown"));
	assert_status(&o, 0);
	json = parse_json(o.err);
	cr_assert_eq(json_int(json, "calls_unknown"), 6);
	cr_assert_eq(json_array_size(json_object_get(json, "unknown_calls")), 6);
	json_decref(json);
}

Test(cli_run, stats_come_after_a_fatal_fault_too)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--stats", payload("noexec"));
	assert_status(&o, 139);
	assert_has(o.err, "SIGSEGV");
	assert_has(o.err, "exits");
}

Test(cli_run, a_closed_standard_output_reaches_nothing_else)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor_as(&(struct setup){ .close_out = true }, &o, "run", payload("hello"));
	assert_status(&o, 0);
	cr_assert_str_empty(o.out);
	cr_assert_str_empty(o.err);
}

Test(cli_run, memory_beyond_mem_exits_with_137_and_a_report)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--mem=16M", payload("bench/touch"), "sweep", "64M");
	assert_status(&o, 137);
	assert_has(o.err, "16384 KiB  allowed");
	assert_has(o.err, "mapvisor: ");
	assert_has(o.err, "touch: ended: it needed more memory than 16384 KiB (--mem)\n");
}
