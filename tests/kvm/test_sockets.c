/* SPDX-License-Identifier: MIT */
/* test_sockets.c: there are none. What is right comes from the host's kernel, for families it hasn't, either. */
#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

Test(sockets, calls_for_them_answer_as_where_there_are_none, LIMIT)
{
	int fds[2];

	REQUIRE_KVM();
	cr_assert(!pipe(fds));
	cr_expect_eq(same_with_input(fds[0], "sockets", "none", NULL, NULL), 0);
	close(fds[0]);
	close(fds[1]);
}
