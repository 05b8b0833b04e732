/* SPDX-License-Identifier: MIT */
/* test_programs.c: programs of C libraries' (tests/programs), as they are, beside themselves run natively. */
#include "tests/kvm/program.h"

#define LIMIT .timeout = 60

Test(programs, a_static_program_of_glibc_runs_as_it_does_natively, LIMIT)
{
	assert_as_native(program_path("hello-glibc"), "one", "", "three");
}

Test(programs, a_static_pie_of_glibc_runs_as_it_does_natively, LIMIT)
{
	assert_as_native(program_path("hello-glibc-pie"), "one", "", "three");
}

Test(programs, a_static_program_of_musl_runs_as_it_does_natively, LIMIT)
{
	assert_as_native(program_path("hello-musl"), "one", "", "three");
}

Test(programs, bases_lists_limits_and_name_are_as_they_are_natively, LIMIT)
{
	assert_as_native(payload_path("thread"));
}

Test(programs, bases_stay_where_calls_go_through_the_port, LIMIT)
{
	char want[1 << 14];
	struct sandbox s;

	REQUIRE_KVM();
	run_natively((const char *const[]){ payload_path("thread"), NULL }, want,
		     sizeof(want));
	sandbox_init(&s);
	sandbox_do(&s, "thread", "out");
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, want);
	sandbox_close(&s);
}
