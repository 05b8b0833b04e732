/* SPDX-License-Identifier: MIT */
/* test_sockets.c: there are none. What is right comes from the host's kernel, for families it hasn't, either. */
#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

Test(sockets, calls_for_them_answer_as_where_there_are_none, LIMIT)
{
	REQUIRE_KVM();
	cr_expect_eq(same_with_pipe("sockets", "none", NULL, NULL), 0);
}
