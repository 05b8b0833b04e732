/* SPDX-License-Identifier: MIT */
/* test_stage2.c: the second stage's violations under KVM: counted exactly, and none in direct mode. */
#include <errno.h>
#include <limits.h>

#include "tests/kvm/sandbox.h"

#define LIMIT .timeout = 60

static struct mv_counters count_anon(const char *size, enum mv_stage2 stage2,
				     uint64_t around, enum mv_thp thp)
{
	struct mv_counters c;
	struct sandbox s;

	sandbox_init(&s);
	s.opt.stage2 = stage2;
	s.opt.fault_around = around;
	s.opt.thp = thp;
	sandbox_do(&s, "anon", size);
	mv_assert_exited(&s.end, 0);
	c = counters(&s);
	sandbox_close(&s);
	return c;
}

Test(stage2, so_many_pages_touched_are_so_many_violations_in_every_mode, LIMIT)
{
	static const uint64_t around[] = { 4096, 65536, 2 << 20 };

	REQUIRE_KVM();
	REQUIRE_UFFD();
	for (int mode = 0; mode < 9; mode++) {
		enum mv_thp thp = (enum mv_thp)(mode / 3);
		struct mv_counters few =
			count_anon("4K", MV_STAGE2_UFFD, around[mode % 3], thp);
		struct mv_counters many =
			count_anon("6M", MV_STAGE2_UFFD, around[mode % 3], thp);

		cr_assert_eq(many.violations - few.violations, 1535, "mode %d: %lu, %lu",
			     mode, many.violations, few.violations);
		cr_assert_eq(many.pages_zeroed - few.pages_zeroed, 1535);
		cr_assert_eq(many.pages_from_files, few.pages_from_files);
		cr_assert_eq(many.huge > 0, thp != MV_THP_NEVER, "mode %d", mode);
	}
}

Test(stage2, a_direct_one_counts_nothing, LIMIT)
{
	struct mv_counters c;

	REQUIRE_KVM();
	c = count_anon("6M", MV_STAGE2_DIRECT, 65536, MV_THP_AUTO);
	cr_assert_eq(c.violations, 0);
	cr_assert_eq(c.pages_zeroed, 0);
	cr_assert_eq(c.pages_from_files, 0);
}

Test(stage2, guest_faults_are_the_same_whoever_serves_it, LIMIT)
{
	struct mv_counters c[2];

	REQUIRE_KVM();
	REQUIRE_UFFD();
	for (int i = 0; i < 2; i++)
		c[i] = count_anon("6M", (enum mv_stage2)i, 65536, MV_THP_AUTO);
	cr_assert_arr_eq(c[0].faults, c[1].faults, sizeof(c[0].faults));
	cr_assert_eq(c[0].around, c[1].around);
	cr_assert_eq(c[0].huge, c[1].huge);
	cr_assert_eq(c[0].frames, c[1].frames);
}

Test(stage2, a_mapped_file_is_served_from_the_file_by_pieces, LIMIT)
{
	const size_t len = 40 * MV_PAGE_SIZE; /* 3 pieces of 16 pages */
	char path[PATH_MAX], *bytes = calloc(1, len);
	struct mv_grant grant = { path, true };
	uint64_t from_files[2];
	struct sandbox s;

	REQUIRE_KVM();
	REQUIRE_UFFD();
	memset(bytes, 'x', len);
	make_file(path, bytes, len);
	for (int i = 0; i < 2;
	     i++) { /* the second time without a file: the program's pages */
		sandbox_init(&s);
		s.opt.stage2 = MV_STAGE2_UFFD;
		s.opt.grants = &grant;
		s.opt.ngrants = 1;
		sandbox_do(&s, "shared", i ? "/nowhere" : path);
		mv_assert_exited(&s.end, i);
		from_files[i] = counters(&s).pages_from_files;
		sandbox_close(&s);
	}
	cr_assert_eq(from_files[0] - from_files[1], 48, "%lu, %lu", from_files[0],
		     from_files[1]);
	memset(bytes, 'X', len);
	assert_file_eq(path, bytes, len);
	unlink(path);
	free(bytes);
}

Test(stage2, an_unknown_one_is_refused, LIMIT)
{
	struct mv_options opt;
	struct mv_error err;
	struct mv_vm *vm;

	mv_options_init(&opt);
	opt.stage2 = (enum mv_stage2)2;
	cr_assert_eq(mv_open(&opt, &vm, &err), -EINVAL);
	cr_assert(strstr(err.text, "stage2"), "%s", err.text);
}
