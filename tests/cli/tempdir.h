/* SPDX-License-Identifier: MIT */
/* tempdir.h: a folder for a test's files. Both are for TestSuite(..., .init, .fini). */
#ifndef TESTS_CLI_TEMPDIR_H
#define TESTS_CLI_TEMPDIR_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/remove_tree.h"

static char tempdir[] = "/tmp/mapvisor-test-XXXXXX";

static void make_tempdir(void)
{
	cr_assert_not_null(mkdtemp(tempdir));
}

static void remove_tempdir(void)
{
	remove_tree(tempdir);
}

/* A path beneath it; good until the next call. */
static inline const char *temp_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", tempdir, name);
	return path;
}

/* Make a file there with these bytes, and return its path. */
static inline const char *temp_file(const char *name, const void *bytes, size_t len,
				    int mode)
{
	const char *path = temp_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	return path;
}

#endif
