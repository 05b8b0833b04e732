/* SPDX-License-Identifier: MIT */
/* test_passed.c: signals that are sent to the command reach the payload. */
#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_passed, .init = make_tempdir, .fini = remove_tempdir,
	  .timeout = TEST_SECONDS);

/* mapvisor COMMAND with the payload timers WAY, and the signal when that is ready. First: of the shell. */
static void send_after(struct outcome *o, const char *first, const char *command,
		       const char *way, const char *signal)
{
	char script[8192];

	snprintf(script, sizeof(script),
		 "%s; rm -f %s/out; %s %s %s %s >%s/out & until [ -s %s/out ]; do sleep 0.02; done; "
		 "kill -%s $!; wait $!; status=$?; cat %s/out; exit $status",
		 first, tempdir, mapvisor_path(), command, payload("timers"), way, tempdir,
		 tempdir, signal, tempdir);
	spawn(&(struct setup){ .variable = "PATH=/usr/bin:/bin" },
	      (const char *[]){ "/bin/sh", "-c", script, NULL }, o);
}

static void send_to(struct outcome *o, const char *command, const char *way,
		    const char *signal)
{
	send_after(o, ":", command, way, signal);
}

static void send_ignored_to(struct outcome *o, const char *command, const char *way,
			    const char *signal)
{
	char first[32];

	snprintf(first, sizeof(first), "trap '' %s", signal);
	send_after(o, first, command, way, signal);
}

Test(cli_passed, a_payload_handles_what_is_sent_to_run)
{
	struct outcome o;

	REQUIRE_KVM();
	send_to(&o, "run", "outside", "USR1");
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "ready\nsignal 10 code 128 pid 0 mask 0\npause: -4\n");
	send_to(&o, "stat", "outside", "TERM");
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "ready\nsignal 15 code 128 pid 0 mask 0\npause: -4\n");
}

/* Ctrl-Z stops the command, fg lets it go on: an editor draws anew then. */
Test(cli_passed, a_payload_that_was_stopped_is_told_when_it_goes_on)
{
	struct outcome o;

	REQUIRE_KVM();
	send_to(&o, "run", "outside", "STOP $! && sleep 0.1; kill -CONT");
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "ready\nsignal 18 code 128 pid 0 mask 0\npause: -4\n");
}

Test(cli_passed, what_ends_a_payload_ends_the_command_without_a_report)
{
	struct outcome o;

	REQUIRE_KVM();
	send_to(&o, "run", "outside-default", "TERM");
	assert_status(&o, 128 + 15);
	cr_assert_str_eq(o.err, "Terminated\n", "%s", o.err);
}

/* As nohup(1) has it: until the payload asks for it. */
Test(cli_passed, what_the_command_was_started_to_ignore_the_payload_ignores_too)
{
	struct outcome o;

	REQUIRE_KVM();
	send_ignored_to(&o, "run --timeout=1s", "outside-default", "HUP");
	assert_status(&o, 124);
	send_ignored_to(&o, "run", "outside", "HUP");
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "ready\nsignal 1 code 128 pid 0 mask 0\npause: -4\n");
}

Test(cli_passed, what_a_payload_ignores_by_default_does_nothing)
{
	struct outcome o;

	REQUIRE_KVM();
	send_to(&o, "run --timeout=1s", "outside-default", "WINCH");
	assert_status(&o, 124);
}
