/* SPDX-License-Identifier: MIT */
/*
 * test_smaps.c: what smaps and status say of memory. What is right comes from the host's kernel: the same
 * program runs natively, and must be told the same.
 */
#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                    \
	Test(smaps, test, LIMIT)                                           \
	{                                                                  \
		REQUIRE_KVM();                                             \
		cr_expect_eq(same_as_native("smaps", way, NULL, NULL), 0); \
	}

SAME(anonymous_pages_count_from_their_first_write_until_they_are_dropped, "touched")
SAME(pages_that_move_count_at_their_new_place, "moved")
SAME(pages_that_were_given_up_are_clean_until_they_are_written, "given-up")
SAME(shared_memory_counts_where_it_is_mapped, "shared")
SAME(what_a_call_writes_counts, "filled")
SAME(what_is_populated_counts_if_it_is_for_writing, "populated")
SAME(status_adds_up_the_pages_that_were_written, "sums")
SAME(the_peak_stays_and_a_move_adds_nothing_to_it, "peak")
SAME(the_most_that_was_resident_stays, "most-resident")
SAME(locked_memory_that_moved_counts_on_where_it_was_left, "locked")
SAME(code_data_and_stack_are_told_by_their_flags, "kinds")
SAME(code_and_data_of_the_program_are_where_its_file_says, "bounds")
SAME(flags_are_those_that_a_mapping_was_given, "mapped")
SAME(flags_are_those_that_were_advised, "advised")

/* Natively it may be its parent's, from before the exec. */
Test(smaps, the_most_that_was_resident_is_getrusages, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "smaps", "max-rss");
	mv_assert_exited(&s.end, 0);
	cr_expect_str_eq(s.text, "VmHWM\n");
	sandbox_close(&s);
}
