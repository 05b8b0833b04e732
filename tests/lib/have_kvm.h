/* SPDX-License-Identifier: MIT */
/* have_kvm.h: whether a sandbox can run here; what is skipped where none can says so. */
#ifndef TESTS_HAVE_KVM_H
#define TESTS_HAVE_KVM_H

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

#endif
