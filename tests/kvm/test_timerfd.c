/* SPDX-License-Identifier: MIT */
/* test_timerfd.c: timers that are files. What is right comes from the host's kernel. */
#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                      \
	Test(timerfd, test, LIMIT)                                           \
	{                                                                    \
		REQUIRE_KVM();                                               \
		cr_expect_eq(same_with_pipe("timerfd", way, NULL, NULL), 0); \
	}

SAME(is_made_for_the_clocks_and_with_the_flags_that_linux_has, "create")
SAME(wrong_calls_give_linux_errors, "errors")
SAME(it_has_the_values_that_it_was_given, "values")
SAME(it_expires_by_its_clock, "expire")
SAME(a_read_gives_how_often_it_expired, "reads")
SAME(it_can_be_waited_for_as_any_file, "waits")
SAME(numbers_of_one_open_file_share_it, "shared")
