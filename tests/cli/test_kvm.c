/* SPDX-License-Identifier: MIT */
/* test_kvm.c: where /dev/kvm can't be used, each command says so and what to do. */
#include <sys/stat.h>

#include "tests/cli/spawn.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_kvm, .timeout = TEST_SECONDS);

/* A path that anyone can execute, for the folder that is tested may be root's. */
static bool others_can_run(void)
{
	struct outcome o;

	mapvisor_as(&(struct setup){ .uid = NOBODY }, &o, "--version");
	return o.status == 0;
}

static bool others_can_use_kvm(void)
{
	struct stat st;

	return stat("/dev/kvm", &st) || st.st_mode & 0006;
}

Test(cli_kvm, a_forbidden_device_exits_with_125_and_says_so)
{
	struct outcome o;

	if (getuid() || others_can_use_kvm() || !others_can_run())
		SKIP("needs root, and a /dev/kvm that others can't use");
	mapvisor_as(&(struct setup){ .uid = NOBODY }, &o, "run", payload("hello"));
	assert_error(&o, 125, "/dev/kvm", "ermission");
}

Test(cli_kvm, doctor_says_how_to_get_at_a_forbidden_device)
{
	struct outcome o;

	if (getuid() || others_can_use_kvm() || !others_can_run())
		SKIP("needs root, and a /dev/kvm that others can't use");
	mapvisor_as(&(struct setup){ .uid = NOBODY }, &o, "doctor");
	assert_status(&o, 125);
	assert_has(o.err, "/dev/kvm");
	assert_has(o.out, "missing");
	assert_has(o.out, "usermod");
}

Test(cli_kvm, a_missing_device_exits_with_125_and_says_so)
{
	struct outcome o;

	mapvisor_as(&(struct setup){ .no_dev = true }, &o, "run", payload("hello"));
	if (o.status == 77)
		SKIP("needs a mount namespace");
	assert_error(&o, 125, "/dev/kvm");
}

Test(cli_kvm, doctor_says_what_may_be_wrong_with_a_missing_device)
{
	struct outcome o;

	mapvisor_as(&(struct setup){ .no_dev = true }, &o, "doctor");
	if (o.status == 77)
		SKIP("needs a mount namespace");
	assert_status(&o, 125);
	assert_has(o.err, "/dev/kvm");
	assert_has(o.out, "device");
	assert_has(o.out, "missing");
}

Test(cli_kvm, doctors_json_says_that_nothing_can_run)
{
	struct outcome o;
	json_t *json;

	mapvisor_as(&(struct setup){ .no_dev = true }, &o, "doctor", "--json");
	if (o.status == 77)
		SKIP("needs a mount namespace");
	assert_status(&o, 125);
	json = parse_json(o.out);
	cr_assert(json_is_false(json_object_get(json, "usable")));
	json_decref(json);
}

Test(cli_kvm, doctor_has_a_verdict_on_each_line)
{
	static const char *const names[] = { "KVM API",	    "module",	    "second stage",
					     "SYSCALL",	    "memory slots", "huge pages",
					     "exit by out", "vectors" };
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "doctor");
	assert_status(&o, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_has(o.out, names[i]);
	assert_has(o.out, "ok\n");
}

Test(cli_kvm, doctors_json_has_a_name_a_value_and_a_verdict_each)
{
	struct outcome o;
	json_t *json, *check;
	size_t i;

	REQUIRE_KVM();
	mapvisor(&o, "doctor", "--json");
	assert_status(&o, 0);
	json = parse_json(o.out);
	cr_assert(json_is_true(json_object_get(json, "usable")));
	cr_assert_gt(json_array_size(json_object_get(json, "checks")), 5);
	json_array_foreach(json_object_get(json, "checks"), i, check) {
		cr_assert_str_not_empty(json_text(check, "name"));
		cr_assert_str_not_empty(json_text(check, "value"));
		assert_has("ok slow missing", json_text(check, "verdict"));
	}
	json_decref(json);
}
