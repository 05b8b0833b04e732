/* SPDX-License-Identifier: MIT */
/* test_rlimits.c: resource limits that bind. What is right comes from the host's kernel. */
#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way, status)                                                   \
	Test(rlimits, test, LIMIT)                                                \
	{                                                                         \
		REQUIRE_KVM();                                                    \
		cr_expect_eq(same_as_native("rlimits", way, NULL, NULL), status); \
	}

SAME(address_space_is_what_all_mappings_take, "as", 0)
SAME(data_is_what_is_private_and_writable, "data", 0)
SAME(a_stack_grows_within_the_address_space, "stack", 128 + SIGSEGV)

Test(rlimits, a_file_grows_to_its_limit_by_no_call_further, LIMIT)
{
	char path[PATH_MAX];

	REQUIRE_KVM();
	make_file(path, "", 0);
	cr_expect_eq(same_as_native("rlimits", "fsize", path, path), 0);
	unlink(path);
}
