/* SPDX-License-Identifier: MIT */
/*
 * moved.c DIR: what is open or mapped, and the cwd, while their names change and go. DIR is empty. It says what each call
 * came to, natively the same but for DIR's name.
 */
#include "payloads/try.h"

static const char *top;

/* A path of n bytes, with DIR for what it is called. */
static void say_path(const char *what, char *path, long n)
{
	const size_t len = strlen(top);

	if (n < 0) {
		say("%s: %ld\n", what, n);
		return;
	}
	path[n] = '\0';
	if ((size_t)n >= len && !memcmp(path, top, len))
		say("%s: DIR%s\n", what, path + len);
	else
		say("%s: %s\n", what, path);
}

static const char *fd_name(int fd)
{
	static char name[32];
	char digits[12];
	int n = 0, i = 0;

	memcpy(name, "/proc/self/fd/", 14);
	do
		digits[n++] = (char)('0' + fd % 10);
	while (fd /= 10);
	while (n)
		name[14 + i++] = digits[--n];
	name[14 + i] = '\0';
	return name;
}

static void say_link(const char *what, int fd)
{
	char text[4096];

	say_path(what, text, CALL(readlink, fd_name(fd), text, sizeof(text) - 1));
}

static void say_cwd(const char *what)
{
	char text[4096];
	long n = CALL(getcwd, text, sizeof(text));

	say_path(what, text, n > 0 ? n - 1 : n);
	say_path("its link", text,
		 CALL(readlink, "/proc/self/cwd", text, sizeof(text) - 1));
}

/* The path that the maps have for what is mapped there, and the smaps: the lines that begin with its address. */
static void say_mapped(const char *what, const char *at)
{
	static const char *const texts[] = { "/proc/self/maps", "/proc/self/smaps" };
	static char text[256 * KIB];
	char start[16];
	size_t len;

	for (int i = 0; i < 12; i++)
		start[i] = "0123456789abcdef"[(unsigned long)at >> (44 - 4 * i) & 15];
	start[12] = '-';
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		int fd = (int)CALL(open, texts[i], O_RDONLY);
		long n;

		for (len = 0; (n = CALL(read, fd, text + len, sizeof(text) - 1 - len)) > 0;)
			len += (size_t)n;
		CALL(close, fd);
		text[len] = '\0';
		for (char *line = text; *line; line++) {
			char *end = line, *path;

			while (*end != '\n')
				end++;
			for (path = line; path < end && *path != '/'; path++)
				;
			if (!memcmp(line, start, 13))
				say_path(what, path, end - path);
			line = end;
		}
	}
}

static char *in_top(const char *name)
{
	static char paths[2][4096];
	static unsigned next;
	char *path = paths[next++ % 2];

	memcpy(path, top, strlen(top) + 1);
	memcpy(path + strlen(top), name, strlen(name) + 1);
	return path;
}

/* Opens it once more by its link, and reads what is there. */
static void again(int fd, int flags)
{
	char text[16] = "";
	struct stat st = { 0 };
	long nr = CALL(open, fd_name(fd), flags, 0600), n;

	say("again %x: %ld\n", flags, nr < 0 ? nr : 0);
	if (nr < 0)
		return;
	n = CALL(read, nr, text, sizeof(text));
	say("  read %ld '%s'\n", n, text);
	say("  write %ld\n", CALL(write, nr, "more", 4));
	CALL(fstat, nr, &st);
	say("  links %lu, size %ld\n", st.st_nlink,
	    (st.st_mode & 0170000) == 0040000 ? 0 : st.st_size);
	CALL(close, nr);
}

static int make(int dir, const char *name, const char *text)
{
	const int fd = (int)CALL(openat, dir, name, O_RDWR | O_CREAT | O_EXCL, 0644);

	CALL(write, fd, text, strlen(text));
	return fd;
}

/* A folder and a file in it move, and others take their places. */
static int move(int *file, const char **map)
{
	int dir;

	TRY(mkdir, "a", 0755);
	TRY(mkdir, "d", 0755);
	dir = (int)CALL(open, "a", O_RDONLY | O_DIRECTORY);
	*file = make(dir, "f", "first");
	*map = must_map(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, *file);
	say_mapped("mapped", *map);
	say_link("folder", dir);
	say_link("file", *file);
	TRY(rename, "a", "d/b");
	TRY(mkdir, "a", 0755);
	CALL(close, make(AT_FDCWD, "a/other", "other"));
	say_link("folder", dir);
	say_link("file", *file);
	say_mapped("mapped", *map);
	say("other %ld\n", CALL(openat, dir, "other", O_RDONLY));
	say("f %d\n", CALL(openat, dir, "f", O_RDONLY) >= 0);
	say("up %d\n", CALL(openat, dir, "../b/f", O_RDONLY) >= 0);
	say("mkdirat %ld\n", CALL(mkdirat, dir, "n", 0755));
	say("renameat %ld\n", CALL(renameat, dir, "f", dir, "g"));
	say_mapped("mapped", *map);
	say_link("file", *file);
	return dir;
}

/* Its name goes, and comes again for another. */
static void remove(int dir, int file, const char *map)
{
	int other;

	again(file, O_RDONLY);
	again(file, O_WRONLY | O_APPEND);
	say("truncate %ld\n", CALL(truncate, fd_name(file), 3));
	say("linkat %ld\n", CALL(linkat, AT_FDCWD, fd_name(file), dir, "linked", 0x400));
	say("unlinkat %ld\n", CALL(unlinkat, dir, "linked", 0));
	say("unlinkat %ld\n", CALL(unlinkat, dir, "g", 0));
	say_link("file", file);
	say_mapped("mapped", map);
	other = make(dir, "g", "second");
	say_link("file", file);
	say_link("other", other);
	again(file, O_RDONLY);
	again(file, O_RDWR);
	again(file, O_RDWR | O_CREAT);
	again(file, O_RDWR | O_CREAT | O_EXCL);
	again(file, O_RDONLY | O_DIRECTORY);
	again(file, O_RDONLY | O_NOFOLLOW);
	again(file, 010000000 /* O_PATH */);
	again(file, O_RDWR | O_TRUNC);
	again(other, O_RDONLY);
	again(dir, O_RDONLY);
	again(dir, O_WRONLY);
	say("linkat %ld\n", CALL(linkat, AT_FDCWD, fd_name(file), dir, "linked", 0x400));
	say("truncate %ld\n", CALL(truncate, fd_name(file), 3));
	say("chmod %ld\n", CALL(chmod, fd_name(file), 0600));
	other = make(dir, "named (deleted)", "");
	say_link("named so", other);
	TRY(unlink, "d/b/named (deleted)");
	say_link("named so", other);
}

/* The cwd moves, and goes. */
static void wander(int dir)
{
	int gone;

	TRY(chdir, "d/b/n");
	say_cwd("cwd");
	TRY(rename, in_top("/d"), in_top("/e"));
	say_cwd("cwd");
	say_link("folder", dir);
	CALL(close, make(AT_FDCWD, "here", ""));
	say("here %ld\n", CALL(access, in_top("/e/b/n/here"), 0));
	TRY(mkdir, "gone", 0755);
	TRY(chdir, "gone");
	gone = (int)CALL(open, ".", O_RDONLY | O_DIRECTORY);
	TRY(rmdir, "../gone");
	say_cwd("cwd");
	say_link("gone", gone);
	TRY(open, "x", O_RDWR | O_CREAT, 0644);
	TRY(mkdir, "x", 0755);
	TRY(access, "x", 0);
	say("openat %ld\n", CALL(openat, gone, "x", O_RDONLY));
	say("openat %ld\n", CALL(openat, gone, "x", O_RDWR | O_CREAT, 0644));
	say("mkdirat %ld\n", CALL(mkdirat, gone, "x", 0755));
	say("fchdir %ld\n", CALL(fchdir, dir));
	say_cwd("cwd");
	say("chdir %ld\n", CALL(chdir, fd_name(gone)));
	say_cwd("cwd");
	TRY(chdir, top);
	say_cwd("cwd");
}

int main(int argc, char **argv)
{
	const char *map;
	int dir, file;

	if (argc < 2)
		return 2;
	top = argv[1];
	if (CALL(chdir, top))
		return 3;
	dir = move(&file, &map);
	remove(dir, file, map);
	wander(dir);
	return 0;
}
