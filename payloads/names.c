/* SPDX-License-Identifier: MIT */
/*
 * names.c maps|exit|utf8|die: maps a memfd whose name could steer a terminal and forge lines; then says how its maps
 * have it, ends, or dies right behind it, so that a report names it.
 */
#include "payloads/ways.h"

/* C1's CSI, in UTF-8 */
#define NAME "\033[2J\033]0;title\007\r\b\n0000-1000 rwxp \\ \xc2\x9b[2J \x7f e \xc3\xa9"

static char maps[64 * KIB];

/* Nothing is mapped behind it. */
static char *map_named(const char *name)
{
	char *room =
		must_map(NULL, 16 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int fd = (int)sys3(__NR_memfd_create, (long)name, 0, 0);

	sys_munmap(room, 16 * PAGE_SIZE);
	sys3(__NR_ftruncate, fd, PAGE_SIZE, 0);
	return must_map(room, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			fd);
}

/* From each memfd's name on: the rest of a line isn't the same everywhere. */
static void show_maps(void)
{
	static const char memfd[] = "/memfd:";
	size_t len = 0;
	long n;
	int fd;

	map_named(NAME " \x9b[2J");
	fd = (int)sys_open("/proc/self/maps", O_RDONLY, 0);
	while ((n = sys_read(fd, maps + len, sizeof(maps) - 1 - len)) > 0)
		len += (size_t)n;
	for (char *line = maps, *end; line < maps + len; line = end + 1) {
		end = line;
		while (*end && *end != '\n')
			end++;
		*end = '\0';
		for (char *at = line; at < end; at++)
			if (!memcmp(at, memfd, sizeof(memfd) - 1))
				say("%s\n", at);
	}
}

static void leave(void)
{
	map_named(NAME " \x9b[2J");
}

/* JSON can have it as it is. */
static void leave_utf8(void)
{
	map_named(NAME);
}

static void die_behind(void)
{
	map_named(NAME " \x9b[2J")[PAGE_SIZE] = 1;
}

static const struct way ways[] = { { "maps", show_maps },
				   { "exit", leave },
				   { "utf8", leave_utf8 },
				   { "die", die_behind } };

int main(int argc, char **argv)
{
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("maps|exit|utf8|die");
}
