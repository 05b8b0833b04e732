/* SPDX-License-Identifier: MIT */
/* test_ports.c: the port of calls is for OUT; all IN from it are what they are natively. */
#include "tests/kvm/native.h"

#define SAME(test, way, status)                                                 \
	Test(ports, test, .timeout = 60)                                        \
	{                                                                       \
		REQUIRE_KVM();                                                  \
		cr_expect_eq(same_as_native("ports", way, NULL, NULL), status); \
	}

SAME(an_in_is_a_segv_that_its_handler_can_step_over, "memory", 0)
SAME(an_in_to_memory_that_may_not_be_written_is_the_same, "read-only", 0)
SAME(an_in_to_where_nothing_is_mapped_is_the_same, "nothing", 0)
SAME(an_in_to_what_is_no_address_is_the_same, "not-canonical", 0)
SAME(an_in_without_a_handler_ends_the_payload, "unhandled", 128 + SIGSEGV)
