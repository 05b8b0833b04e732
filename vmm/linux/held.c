/* SPDX-License-Identifier: MIT */
/* held.c: counts what the host's kernel holds for open files. See held.h. */
#include "vmm/linux/held.h"

#include <stdio.h>
#include <string.h>

#include "vmm/linux/fdtable.h"

static unsigned count_lines(int fd, const char *start)
{
	char name[sizeof("/proc/self/fdinfo/") + 3 * sizeof(int)], line[256];
	unsigned n = 0;
	FILE *info;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	info = fopen(name, "re");
	while (info && fgets(line, sizeof(line), info))
		n += !strncmp(line, start, strlen(start));
	if (info)
		fclose(info);
	return n;
}

/* Of a file with two numbers they count twice. */
bool held_room(const struct fdtable *t, unsigned *taken, unsigned max, const char *line)
{
	if (*taken < max)
		return true;
	*taken = 1;
	for (unsigned nr = 0; nr < FD_MAX; nr++) {
		const struct file *file = fd_get(t, nr);

		if (file && file->owned)
			*taken += count_lines(file->fd, line);
	}
	return *taken < max;
}
