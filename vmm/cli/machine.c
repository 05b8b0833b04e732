/* SPDX-License-Identifier: MIT */
/* machine.c: what the host says of itself, beside what mv_host() finds out. */
#include "vmm/cli/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* The value of /proc/cpuinfo's first line of that name, to be freed; or NULL. */
static char *cpuinfo(const char *name)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL, *value = NULL;
	size_t room = 0, len = strlen(name);

	if (!file)
		return NULL;
	while (!value && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, name, len) && strchr(" \t:", line[len]) &&
		    strchr(line, ':'))
			value = strdup(strchr(line, ':') + 1);
	}
	free(line);
	fclose(file);
	return value;
}

char *machine_cpu(char *buf, size_t len)
{
	char *model = cpuinfo("model name");

	snprintf(buf, len, "%s", model ? model + strspn(model, " ") : "unknown");
	free(model);
	return buf;
}

char *machine_kernel(char *buf, size_t len)
{
	struct utsname name;

	snprintf(buf, len, "%s", uname(&name) ? "unknown" : name.release);
	return buf;
}

char *machine_date(char *buf, size_t len)
{
	const time_t now = time(NULL);
	struct tm tm;

	*buf = '\0';
	if (localtime_r(&now, &tm))
		strftime(buf, len, "%F", &tm);
	return buf;
}

bool machine_has_flag(const char *flag)
{
	char *flags = cpuinfo("flags"), *rest = flags, *word;
	bool found = false;

	while (rest && !found && (word = strsep(&rest, " ")))
		found = !strcmp(word, flag);
	free(flags);
	return found;
}
