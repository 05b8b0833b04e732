/* SPDX-License-Identifier: MIT */
/*
 * stage2.h: who serves the second stage in a test. scripts/run-tests runs suites a second
 * time with MAPVISOR_TEST_STAGE2=uffd; where userfaultfd can't be used, they are skipped then.
 */
#ifndef TESTS_STAGE2_H
#define TESTS_STAGE2_H

#include <linux/userfaultfd.h>
#include <mapvisor/mapvisor.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "tests/lib/require_kvm.h"

static inline enum mv_stage2 test_stage2(void)
{
	const char *mode = getenv("MAPVISOR_TEST_STAGE2");

	return mode && !strcmp(mode, "uffd") ? MV_STAGE2_UFFD : MV_STAGE2_DIRECT;
}

/* Asked of the kernel, not of the library: what it says is under test. */
static inline bool have_uffd(const char *test)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), num = errno, dev;
	char reason[128];

	if (fd < 0 && (dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC)) >= 0) {
		fd = ioctl(dev, USERFAULTFD_IOC_NEW, O_CLOEXEC);
		close(dev);
	}
	if (fd >= 0) {
		close(fd);
		return true;
	}
	snprintf(reason, sizeof(reason), "userfaultfd: %s", strerror(num));
	say_skipped(test, reason);
	return false;
}

#define REQUIRE_UFFD()                                        \
	do {                                                  \
		if (!have_uffd(criterion_current_test->name)) \
			cr_skip_test();                       \
	} while (0)

/* What this run of the suite is for. */
#define REQUIRE_STAGE2()                               \
	do {                                           \
		if (test_stage2() == MV_STAGE2_UFFD) { \
			REQUIRE_UFFD();                \
		}                                      \
	} while (0)

#endif
