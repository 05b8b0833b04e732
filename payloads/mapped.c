/* SPDX-License-Identifier: MIT */
/*
 * mapped.c WAY [FILE]: memory calls in corners where Linux's rules aren't the first that come to mind. It says what
 * it saw, natively the same. FILE can be made anew.
 */
#include "payloads/try.h"
#include "payloads/ways.h"

#include <linux/falloc.h>

#define AT ((char *)0x200000000000)
#define PAGES 8
#define LEN (PAGES * PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)

static const char *path;

/* FILE, each of its pages full of its number, from 10 on. */
static int make_file(void)
{
	static char page[PAGE_SIZE];
	int fd = (int)sys_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < PAGES; i++) {
		memset(page, 10 + i, PAGE_SIZE);
		sys_pwrite64(fd, page, PAGE_SIZE, i * PAGE_SIZE);
	}
	return fd;
}

static char *map_at(unsigned page, int prot, int flags, int fd)
{
	return must_map(AT + page * PAGE_SIZE, LEN, prot, flags | MAP_FIXED, fd);
}

/* The first byte of each page, as a call finds it; -: none is to be had. */
static void say_pages(const char *what, const char *p)
{
	char byte = 0;
	int fds[2];

	CALL(pipe, fds);
	say("%s:", what);
	for (unsigned i = 0; i < PAGES; i++) {
		if (sys_write(fds[1], p + i * PAGE_SIZE, 1) != 1) {
			say(" -");
			continue;
		}
		sys_read(fds[0], &byte, 1);
		say(" %d", byte);
	}
	say("\n");
	sys_close(fds[0]);
	sys_close(fds[1]);
}

/* ---- files whose content moves */

/* Pages 3 and 5 were written, 1 too, which is before what moves; all were read. */
static void move_content(const char *what, int mode)
{
	int fd = make_file();
	char *shared = map_at(0, RW, MAP_SHARED, fd);
	char *copies = map_at(2 * PAGES, RW, MAP_PRIVATE, fd);

	copies[PAGE_SIZE] = copies[3 * PAGE_SIZE] = copies[5 * PAGE_SIZE] = 91;
	CALL(madvise, copies + 6 * PAGE_SIZE, PAGE_SIZE, 102); /* MADV_GUARD_INSTALL */
	say_pages("shared, before", shared);
	say_pages("copies, before", copies);
	say("%s: %ld\n", what, CALL(fallocate, fd, mode, 2 * PAGE_SIZE, 2 * PAGE_SIZE));
	say_pages("shared", shared);
	say_pages("copies", copies);
	copies[4 * PAGE_SIZE] = 92;
	say_pages("written again", copies);
	sys_munmap(AT, 4 * LEN);
	sys_close(fd);
}

static void moved_content(void)
{
	move_content("collapse", FALLOC_FL_COLLAPSE_RANGE);
	move_content("insert", FALLOC_FL_INSERT_RANGE);
	move_content("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	move_content("zero", FALLOC_FL_ZERO_RANGE);
	move_content("allocate", 0);
}

static const struct way ways[] = { { "moved-content", moved_content } };

int main(int argc, char **argv)
{
	path = argc == 3 ? argv[2] : NULL;
	if (argc < 2 || argc > 3 || !run_way(ways, ARRAY_SIZE(ways), argv[1]))
		usage("WAY [FILE]");
	return 0;
}
