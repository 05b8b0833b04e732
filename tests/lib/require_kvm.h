/* SPDX-License-Identifier: MIT */
/*
 * require_kvm.h: what a test that runs a sandbox begins with. Where /dev/kvm can't be
 * opened the test is skipped: it says so and why, on a line that can be counted.
 */
#ifndef TESTS_REQUIRE_KVM_H
#define TESTS_REQUIRE_KVM_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One write a line: tests run side by side and share the stream. */
static inline void say_skipped(const char *test, const char *reason)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "SKIP: %s: %s\n", test, reason);

	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static inline bool have_kvm(const char *test)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	char reason[128];

	if (fd >= 0) {
		close(fd);
		return true;
	}
	snprintf(reason, sizeof(reason), "/dev/kvm: %s", strerror(errno));
	say_skipped(test, reason);
	return false;
}

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
