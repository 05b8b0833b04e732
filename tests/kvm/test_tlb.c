/* SPDX-License-Identifier: MIT */
/* test_tlb.c: the TLB contract: after each kind of change the guest sees the new state. */
#include <limits.h>
#include <sys/prctl.h>

#include "tests/kvm/sandbox.h"

#define LIMIT .timeout = 60

/* In all settings that decide how the change reaches the tables. */
static void dies_in_every_mode(const char *way, int code)
{
	static const uint64_t around[] = { 4096, 65536, 2 << 20 };

	for (int mode = 0; mode < 9; mode++) {
		struct sandbox s;

		sandbox_init(&s);
		s.opt.fault_around = around[mode % 3];
		s.opt.thp = (enum mv_thp)(mode / 3);
		sandbox_do(&s, "tlb", way);
		mv_assert_signal(&s.end, SIGSEGV, code, global(&s, "fault_address"));
		sandbox_close(&s);
	}
}

Test(tlb, an_unmapped_page_faults, LIMIT)
{
	REQUIRE_KVM();
	dies_in_every_mode("die-unmapped", SEGV_MAPERR);
}

Test(tlb, a_page_made_read_only_refuses_the_next_write, LIMIT)
{
	REQUIRE_KVM();
	dies_in_every_mode("die-read-only", SEGV_ACCERR);
}

Test(tlb, a_page_made_prot_none_faults, LIMIT)
{
	REQUIRE_KVM();
	dies_in_every_mode("die-none", SEGV_ACCERR);
}

Test(tlb, a_page_cut_out_of_a_2_mib_leaf_faults, LIMIT)
{
	REQUIRE_KVM();
	dies_in_every_mode("die-in-leaf", SEGV_MAPERR);
}

Test(tlb, an_address_whose_table_went_away_faults_though_tables_are_reused, LIMIT)
{
	REQUIRE_KVM();
	dies_in_every_mode("die-table", SEGV_MAPERR);
	dies_in_every_mode("die-tables", SEGV_MAPERR);
}

Test(tlb, memory_where_a_2_mib_leaf_was_keeps_what_is_written, LIMIT)
{
	REQUIRE_KVM();
	for (int thp = MV_THP_NEVER; thp <= MV_THP_ALWAYS; thp++) {
		struct sandbox s;

		sandbox_init(&s);
		s.opt.thp = (enum mv_thp)thp;
		sandbox_do(&s, "tlb", "replace-leaf");
		mv_assert_exited(&s.end, 0);
		sandbox_close(&s);
	}
}

Test(tlb, recycled_tables_show_new_pages_only, LIMIT)
{
	struct sandbox s;
	struct mv_counters c;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "tlb", "recycle");
	mv_assert_exited(&s.end, 0);
	c = counters(&s);
	cr_assert(c.drops > 0, "no table was ever reused: the test shows nothing");
	cr_assert(c.tables_made[1] > 2000);
	cr_assert(c.tables[1] < 10);
	sandbox_close(&s);
}

/* Where the host has no huge page for it, the shadow of a 2 MiB leaf is a table of its own. */
Test(tlb, a_table_in_a_2_mib_leafs_place_shows_new_pages_only, LIMIT)
{
	REQUIRE_KVM();
	for (int without_thp = 0; without_thp < 2; without_thp++) {
		struct sandbox s;

		cr_assert(!prctl(PR_SET_THP_DISABLE, without_thp, 0, 0, 0));
		sandbox_init(&s);
		s.opt.thp = MV_THP_ALWAYS;
		sandbox_do(&s, "tlb", "leaf-to-table");
		mv_assert_exited(&s.end, 0);
		sandbox_close(&s);
	}
}

Test(tlb, a_copy_that_a_call_made_is_seen_by_a_guest_that_had_read_the_page, LIMIT)
{
	char path[PATH_MAX];
	struct mv_grant grant = { path, false };
	struct sandbox s;

	REQUIRE_KVM();
	make_file(path, "first and last: Z", 17);
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, "tlb", "call-copies", path);
	mv_assert_exited(&s.end, 0);
	assert_file_eq(path, "first and last: Z", 17);
	sandbox_close(&s);
	unlink(path);
}
