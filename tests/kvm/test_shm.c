/* SPDX-License-Identifier: MIT */
/* test_shm.c: System V shared memory, natively and in a sandbox. */
#include <sys/shm.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                  \
	Test(shm, test, LIMIT)                                           \
	{                                                                \
		REQUIRE_KVM();                                           \
		cr_expect_eq(same_as_native("shm", way, NULL, NULL), 0); \
	}

SAME(segments_are_made_found_and_removed_as_natively, "sizes")
SAME(segments_are_attached_where_and_how_they_are_natively, "attach")
SAME(pieces_are_counted_and_detached_as_natively, "pieces")
SAME(a_segment_that_was_removed_lives_as_long_as_its_last_mapping, "over-the-last")
SAME(other_memory_is_none_of_its_segments, "others")
SAME(pieces_of_a_segment_are_not_merged, "apart")

/* 64 MiB in segments that nobody is attached to any more: nothing of them can be taken back. */
Test(shm, what_segments_hold_counts_against_the_memory_limit, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.mem = 32 << 20;
	sandbox_do(&s, "shm", "leak");
	cr_expect_eq(s.end.kind, MV_EXIT_OOM);
	sandbox_close(&s);
	sandbox_init(&s);
	s.opt.mem = 96 << 20;
	sandbox_do(&s, "shm", "leak");
	mv_assert_exited(&s.end, 0);
	sandbox_close(&s);
}

/* The host's segments, as many as there were. */
Test(shm, the_host_has_no_segment_of_a_sandboxs, LIMIT)
{
	struct shm_info before, after;
	struct sandbox s;

	REQUIRE_KVM();
	cr_assert_geq(shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&before), 0);
	sandbox_init(&s);
	sandbox_do(&s, "shm", "leak");
	cr_assert_geq(shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&after), 0);
	cr_expect_lt(after.shm_tot, before.shm_tot + (16 << 20) / 4096);
	sandbox_close(&s);
}
