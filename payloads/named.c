/* SPDX-License-Identifier: MIT */
/* named.c PATH...: opens each for writing, and writes its name into it. */
#include "guest/rt.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const int fd = must_open(argv[i], O_WRONLY, NULL);
		const size_t len = strlen(argv[i]);

		if (sys_write(fd, argv[i], len) != (long)len || sys_write(fd, "\n", 1) != 1)
			die(0, "%s: not written", argv[i]);
		sys_close(fd);
	}
	return 0;
}
