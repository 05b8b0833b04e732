/* SPDX-License-Identifier: MIT */
/* granted.h: the host's own programs as a sandbox runs them: their libraries and data granted, and a folder. */
#ifndef TESTS_CLI_GRANTED_H
#define TESTS_CLI_GRANTED_H

#include <limits.h>
#include <unistd.h>

#include "tests/cli/spawn.h"

#define ARGS_MAX 12

/* argv[0] is a path; folder may be written to; mapvisor is the executable. */
static inline void spawn_granted(const char *mapvisor, const char *folder,
				 const char *const *argv, struct outcome *outcome)
{
	static const char *const grants[] = { "--ro=/usr", "--ro=/lib", "--ro=/lib64",
					      "--ro=/bin", "--ro=/etc" };
	const struct setup setup = { 0 };
	const char *all[ARGS_MAX + 10] = { mapvisor, "run" };
	char data[PATH_MAX + 8];
	size_t n = 2;

	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++)
		if (!access(grants[i] + strlen("--ro="), F_OK))
			all[n++] = grants[i];
	snprintf(data, sizeof(data), "--rw=%s", folder);
	all[n++] = data;
	all[n++] = "--";
	for (size_t i = 0; i < ARGS_MAX && argv[i]; i++)
		all[n++] = argv[i];
	spawn(&setup, all, outcome);
}

#endif
