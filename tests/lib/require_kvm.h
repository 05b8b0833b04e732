/* SPDX-License-Identifier: MIT */
/*
 * require_kvm.h: what a test that runs a sandbox begins with. Where /dev/kvm can't be
 * opened the test is skipped: it says so and why, on a line that can be counted.
 */
#ifndef TESTS_REQUIRE_KVM_H
#define TESTS_REQUIRE_KVM_H

#include <criterion/criterion.h>

#include "tests/lib/have_kvm.h"

/* Leaves the test, which Criterion counts as skipped. */
#define SKIP(reason)                                               \
	do {                                                       \
		say_skipped(criterion_current_test->name, reason); \
		cr_skip_test();                                    \
	} while (0)

#define REQUIRE_KVM()                                        \
	do {                                                 \
		if (!have_kvm(criterion_current_test->name)) \
			cr_skip_test();                      \
	} while (0)

#endif
