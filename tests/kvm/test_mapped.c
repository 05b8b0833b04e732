/* SPDX-License-Identifier: MIT */
/* test_mapped.c: memory calls natively and in a sandbox. What is right comes from the host's kernel. */
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                     \
	Test(mapped, test, LIMIT)                                           \
	{                                                                   \
		REQUIRE_KVM();                                              \
		cr_expect_eq(same_as_native("mapped", way, NULL, NULL), 0); \
	}

/* ... with a file in /tmp. */
#define SAME_FILE(test, way)                                                \
	Test(mapped, test, LIMIT)                                           \
	{                                                                   \
		char path[PATH_MAX];                                        \
                                                                            \
		REQUIRE_KVM();                                              \
		make_file(path, "", 0);                                     \
		cr_expect_eq(same_as_native("mapped", way, path, path), 0); \
		unlink(path);                                               \
	}

SAME_FILE(private_copies_of_content_that_moves_in_its_file_go, "moved-content")
SAME_FILE(vmas_that_one_mremap_moves_may_be_of_any_kind_but_dev_zeros, "moved-several")
SAME_FILE(a_file_can_be_executed_where_its_mount_allows_it, "executed-file")
SAME(what_no_program_is_loaded_from_cant_be_executed, "executed-others")

Test(mapped, a_file_that_is_somebody_elses_to_change_is_told_to_be_in_memory, LIMIT)
{
	static const char bytes[8 * 4096];
	char path[PATH_MAX];

	REQUIRE_KVM();
	make_file(path, bytes, sizeof(bytes));
	if (chmod(path, 0644) || chown(path, 12345, 12345)) {
		unlink(path);
		SKIP("a file of another user needs CAP_CHOWN");
	}
	cr_expect_eq(same_as_native("mapped", "secret-residency", path, path), 0);
	unlink(path);
}

/* A tmpfs that this thread alone sees. False: who may not mount. */
static bool mount_noexec(const char *dir)
{
	return !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", dir, "tmpfs", MS_NOEXEC, NULL);
}

Test(mapped, nothing_of_a_noexec_mount_can_be_executed, LIMIT)
{
	char dir[] = "/tmp/mapvisor-noexec-XXXXXX", path[64];
	bool mounted;

	REQUIRE_KVM();
	cr_assert(mkdtemp(dir));
	mounted = mount_noexec(dir);
	if (mounted) {
		snprintf(path, sizeof(path), "%s/file", dir);
		close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
		cr_expect_eq(same_as_native("mapped", "executed-file", path, path), 0);
		umount(dir);
	}
	rmdir(dir);
	if (!mounted)
		cr_skip_test("a mount needs CAP_SYS_ADMIN");
}

Test(mapped, the_heap_begins_apart_from_bss, LIMIT)
{
	REQUIRE_KVM();
	cr_assert(personality(ADDR_NO_RANDOMIZE) >= 0); /* as the sandbox by default */
	cr_expect_eq(same_as_native("mapped", "grown-heap", NULL, NULL), 0);
}

SAME(map_sync_keeps_vmas_apart, "synced")

Test(mapped, map_sync_is_refused_by_file_systems_that_know_it, LIMIT)
{
	char path[PATH_MAX];
	struct statfs fs;

	REQUIRE_KVM();
	make_file(path, "", 0);
	cr_assert(!statfs(path, &fs));
	if (fs.f_type != OVERLAYFS_SUPER_MAGIC) /* what lies beneath decides */
		cr_expect_eq(same_as_native("mapped", "synced-file", path, path), 0);
	unlink(path);
}

SAME(a_vma_without_a_whole_block_is_not_collapsed, "collapsed")
SAME_FILE(an_offset_may_be_as_far_as_the_file_allows, "far-offsets")

SAME(the_page_where_data_ends_is_its_files_again_once_it_was_dropped, "dropped-data")

Test(mapped, the_vdso_refuses_advice_as_natively, LIMIT)
{
	char native[4096], path[PATH_MAX];
	struct sandbox s;

	REQUIRE_KVM();
	strcpy(path, payload_path("mapped"));
	natively((const char *const[]){ path, "advised-vdso", NULL }, -1, native,
		 sizeof(native));
	sandbox_init(&s);
	s.opt.vdso = true;
	sandbox_do(&s, "mapped", "advised-vdso");
	cr_expect_str_eq(s.text, native);
	sandbox_close(&s);
}
