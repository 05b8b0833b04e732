/* SPDX-License-Identifier: MIT */
/* test_mapped.c: memory calls natively and in a sandbox. What is right comes from the host's kernel. */
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
