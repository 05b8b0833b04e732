/* SPDX-License-Identifier: MIT */
/* test_epoll.c: epoll, and masks of calls that wait. What is right comes from the host's kernel. */
#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                    \
	Test(epoll, test, LIMIT)                                           \
	{                                                                  \
		REQUIRE_KVM();                                             \
		cr_expect_eq(same_with_pipe("epoll", way, NULL, NULL), 0); \
	}

SAME(it_has_levels_edges_and_single_shots, "states")
SAME(what_it_watches_is_an_open_file_by_a_number, "numbers")
SAME(one_watches_another, "nested")
SAME(an_event_without_room_for_it_is_kept, "no-memory")
SAME(a_wait_is_interrupted_as_linux_has_it, "waits")
SAME(a_mask_holds_for_the_time_of_the_wait, "masks")

Test(epoll, wrong_calls_give_linux_errors, LIMIT)
{
	char path[PATH_MAX];

	REQUIRE_KVM();
	cr_assert(realpath(payload_path("epoll"), path));
	cr_expect_eq(same_with_pipe("epoll", "errors", path, path), 0);
}
