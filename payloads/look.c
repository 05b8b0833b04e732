/* SPDX-License-Identifier: MIT */
/*
 * look.c: the calls that ask about files, as they should and as they shouldn't be made, a line
 * of output a call. DIR holds: file (5 bytes), sub/inner, sub/deep/, link -> sub/inner,
 * dirlink -> sub, dangling -> nothing, loop -> loop, many/ (300 files with long names).
 */
#include <linux/stat.h>

#include "payloads/try.h"

#define O_RDONLY_DIR (O_RDONLY | O_DIRECTORY)

static char page[2 * PAGE_SIZE] __attribute__((aligned(4096)));
static char many_names[64 * KIB];

static void show_stat(const char *what, long err, const struct stat *st)
{
	if (err)
		say("%s = %ld\n", what, err);
	else
		say("%s: dev %lx ino %lu mode %x links %lu size %ld blocks %ld blksize %ld "
		    "uid %u gid %u rdev %lx mtime %ld.%ld\n",
		    what, st->st_dev, st->st_ino, st->st_mode, st->st_nlink, st->st_size,
		    st->st_blocks, st->st_blksize, st->st_uid, st->st_gid, st->st_rdev,
		    st->st_mtime, st->st_mtime_nsec);
}

static void stat_all(int dir)
{
	static const char *const paths[] = {
		"file",
		"file/",
		"sub",
		"sub/",
		"link",
		"link/",
		"loop",
		"sub/../file",
		"dangling",
		"sub/inner",
		"nothing",
		"file/x",
		"",
		"sub/nothing",
		"nothing/x",
		"dirlink/",
		"loop/x",
		"dirlink/inner",
		".",
		"dirlink/../file",
		"sub/..//./sub",
		"sub/deep/.",
		"./file",
		"/dev/null",
	};
	struct stat st = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		say("-- %s\n", paths[i]);
		memset(&st, 0x55, sizeof(st));
		show_stat("stat", CALL(stat, paths[i], &st), &st);
		show_stat("lstat", CALL(lstat, paths[i], &st), &st);
		show_stat("at", CALL(newfstatat, dir, paths[i], &st, 0), &st);
		show_stat("at nofollow",
			  CALL(newfstatat, dir, paths[i], &st, AT_SYMLINK_NOFOLLOW), &st);
		show_stat("at empty", CALL(newfstatat, dir, paths[i], &st, AT_EMPTY_PATH),
			  &st);
	}
	show_stat("no path", CALL(newfstatat, dir, NULL, &st, AT_EMPTY_PATH), &st);
	show_stat("no path", CALL(newfstatat, dir, NULL, &st, 0), &st);
	show_stat("cwd", CALL(newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH), &st);
	TRY(stat, BAD, &st);
	TRY(stat, "file", BAD);
	TRY(stat, "nothing", BAD);
	TRY(newfstatat, -1, "file", &st, 0);
	TRY(newfstatat, -1, "", &st, AT_EMPTY_PATH);
	TRY(newfstatat, -1, "/dev/null", &st, 0);
	TRY(newfstatat, 1, "file", &st, 0);
	TRY(newfstatat, dir, "file", &st, 0x8000);
	TRY(newfstatat, dir, BAD, &st, 0x8000);
	TRY(newfstatat, dir, "file", &st, 0x4000);
	TRY(fstat, -1, &st);
}

static void statx_all(int dir)
{
	struct statx stx = { 0 };

	TRY(statx, dir, "file", 0, STATX_BASIC_STATS, &stx);
	say("mode %x size %ld ino %lu mask %x attributes %lx\n", stx.stx_mode,
	    (long)stx.stx_size, (unsigned long)stx.stx_ino, stx.stx_mask & 0x7ff,
	    (unsigned long)stx.stx_attributes);
	TRY(statx, dir, "link", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stx);
	say("mode %x size %ld\n", stx.stx_mode, (long)stx.stx_size);
	TRY(statx, dir, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx);
	TRY(statx, dir, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS, &stx);
	say("mode %x\n", stx.stx_mode);
	TRY(statx, dir, "", 0, STATX_BASIC_STATS, &stx);
	TRY(statx, dir, "file", AT_STATX_FORCE_SYNC, STATX_SIZE, &stx);
	TRY(statx, dir, "file", AT_STATX_SYNC_TYPE, STATX_SIZE, &stx);
	TRY(statx, dir, "file", 0x8000, STATX_SIZE, &stx);
	TRY(statx, dir, "file", 0, 0x80000000, &stx);
	TRY(statx, dir, "file", 0, STATX_SIZE, BAD);
	TRY(statx, dir, BAD, 0, STATX_SIZE, &stx);
	TRY(statx, -1, "file", 0, STATX_SIZE, &stx);
}

static void access_all(int dir)
{
	TRY(access, "file", 0);
	TRY(access, "file", 4);
	TRY(access, "file", 1);
	TRY(access, "file", 7);
	TRY(access, "file", 8);
	TRY(access, "sub", 1);
	TRY(access, "nothing", 0);
	TRY(access, "dangling", 0);
	TRY(access, "loop", 0);
	TRY(access, "", 0);
	TRY(access, BAD, 0);
	TRY(access, BAD, 8);
	TRY(access, "/dev/null", 6);
	TRY(faccessat, dir, "sub/inner", 4);
	TRY(faccessat, -1, "sub/inner", 4);
	TRY(faccessat, 1, "sub/inner", 4);
	TRY(faccessat2, dir, "dangling", 0, AT_SYMLINK_NOFOLLOW);
	TRY(faccessat2, dir, "", 4, AT_EMPTY_PATH);
	TRY(faccessat2, dir, "", 4, 0);
	TRY(faccessat2, dir, "file", 4, AT_EACCESS);
	TRY(faccessat2, dir, "file", 4, 0x8000);
}

static void links(int dir)
{
	char text[64] = { 0 };
	int fd;

	memset(text, 0, sizeof(text));
	TRY(readlink, "link", text, sizeof(text));
	say("%s\n", text);
	memset(text, 0, sizeof(text));
	TRY(readlink, "link", text, 3);
	say("%s\n", text);
	TRY(readlink, "link", text, 0);
	TRY(readlink, "link", text, -1);
	TRY(readlink, "link", BAD, 4);
	TRY(readlink, "file", text, 4);
	TRY(readlink, "sub", text, 4);
	TRY(readlink, "dirlink/", text, 4);
	TRY(readlink, "nothing", text, 4);
	TRY(readlink, "", text, 4);
	TRY(readlink, BAD, text, 4);
	TRY(readlinkat, dir, "dangling", text, sizeof(text));
	TRY(readlinkat, dir, "", text, sizeof(text));
	TRY(readlinkat, AT_FDCWD, "", text, sizeof(text));
	TRY(readlinkat, -1, "link", text, sizeof(text));
	TRY(readlinkat, -1, "", text, sizeof(text));
	fd = sys_openat(dir, "link", O_PATH | O_NOFOLLOW, 0);
	memset(text, 0, sizeof(text));
	TRY(readlinkat, fd, "", text, sizeof(text));
	say("%s\n", text);
	sys_close(fd);
}

/* Its last part, as the test may find the program by another path. */
static void own_program(void)
{
	char text[4096] = { 0 };
	long n = CALL(readlink, "/proc/self/exe", text, sizeof(text) - 1), at = n;

	while (at > 0 && text[at - 1] != '/')
		at--;
	text[n > 0 ? n : 0] = '\0';
	say("exe: %s %s\n", n > 0 && *text == '/' ? "/" : "?", text + at);
}

static void opens(int dir)
{
	static const struct {
		const char *path;
		int flags;
	} tries[] = {
		{ "file", O_RDONLY | O_NOFOLLOW },
		{ "link", O_RDONLY },
		{ "link", O_RDONLY | O_NOFOLLOW },
		{ "link", O_PATH },
		{ "link", O_PATH | O_NOFOLLOW },
		{ "link", O_PATH | O_NOFOLLOW | O_DIRECTORY },
		{ "sub", O_PATH | O_DIRECTORY },
		{ "sub", O_RDONLY },
		{ "sub", O_RDONLY_DIR | O_CLOEXEC },
		{ "sub", O_WRONLY },
		{ "sub", O_RDWR },
		{ "file", O_RDONLY_DIR },
		{ "file", O_PATH | O_DIRECTORY },
		{ "file", O_PATH | O_WRONLY | O_CREAT | O_EXCL | O_TRUNC },
		{ "nothing", O_PATH },
		{ "nothing", O_PATH | O_CREAT },
		{ "file/", O_PATH },
		{ "dirlink", O_RDONLY_DIR | O_NOFOLLOW },
		{ "dirlink/", O_RDONLY_DIR | O_NOFOLLOW },
		{ "dangling", O_RDONLY },
		{ "loop", O_RDONLY },
		{ "file", O_RDONLY | O_CREAT | O_EXCL },
		{ "sub", O_RDONLY | O_CREAT },
		{ "sub", O_RDONLY_DIR | O_CREAT },
		{ "/dev/null", O_PATH },
		{ "/dev/null", O_RDWR | O_CLOEXEC },
	};
	struct stat st = { 0 };
	char byte;

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		int fd = sys_openat(dir, tries[i].path, tries[i].flags, 0600);

		say("open %s %x: %d\n", tries[i].path, tries[i].flags, fd < 0 ? fd : 0);
		if (fd < 0)
			continue;
		say("mode %ld %x", sys_fstat(fd, &st), st.st_mode);
		say(" read %ld seek %ld map %ld\n", sys_read(fd, &byte, 1),
		    sys_lseek(fd, 0, SEEK_SET),
		    tries[i].flags & O_PATH
			    ? sys_mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0)
			    : 0);
		sys_close(fd);
	}
}

struct entry {
	uint64_t ino, off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static void show_entries(const char *buf, long n)
{
	say("entries: %ld\n", n);
	for (long at = 0; at < n;) {
		const struct entry *e = (const struct entry *)(buf + at);

		say(" %lu %d %s\n", e->ino, e->type, e->name);
		at += e->len;
	}
}

static void entries(int dir)
{
	int many = sys_openat(dir, "many", O_RDONLY_DIR, 0);
	int sub = sys_openat(dir, "sub", O_RDONLY_DIR, 0);
	int file = sys_openat(dir, "file", O_RDONLY, 0);
	int path = sys_openat(dir, "sub", O_PATH, 0);

	show_entries(many_names, CALL(getdents64, sub, many_names, sizeof(many_names)));
	TRY(getdents64, sub, many_names, sizeof(many_names));
	TRY(getdents64, sub, BAD, 1000);
	TRY(lseek, sub, 0, SEEK_SET);
	TRY(getdents64, sub, many_names, 10);
	TRY(getdents64, sub, many_names, 30);
	TRY(getdents64, sub, many_names, 0);
	TRY(getdents64, sub, BAD, 1000);
	/* 60 bytes to the end of what can be written: two entries or so */
	TRY(mprotect, page + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
	show_entries(page + PAGE_SIZE - 60,
		     CALL(getdents64, sub, page + PAGE_SIZE - 60, 1000));
	show_entries(many_names, CALL(getdents64, sub, many_names, 1000));
	TRY(getdents64, file, many_names, 1000);
	TRY(getdents64, path, many_names, 1000);
	TRY(getdents64, -1, many_names, 1000);
	/* more than one call's worth, to the last byte */
	for (int i = 0; i < 4; i++)
		show_entries(many_names, CALL(getdents64, many, many_names,
					      sizeof(many_names) - 40000 * (i == 1)));
	sys_close(many);
	sys_close(sub);
	sys_close(file);
	sys_close(path);
}

static void cwd(const char *top)
{
	char text[4096] = { 0 };
	struct stat st = { 0 };
	const long len = top[1] ? (long)strlen(top) : 0;
	int fd;

	say("getcwd = %d\n", CALL(getcwd, text, sizeof(text)) == (long)strlen(top) + 1);
	say("%s\n", strcmp(text, top) ? "elsewhere" : "there");
	TRY(getcwd, text, 1);
	TRY(getcwd, BAD, sizeof(text));
	TRY(getcwd, NULL, 0);
	TRY(chdir, "dirlink/deep");
	say("getcwd = %ld\n", CALL(getcwd, text, sizeof(text)) - len);
	say("%s\n", text + len);
	TRY(stat, "../inner", &st);
	fd = sys_open("..", O_PATH, 0);
	TRY(chdir, "nothing");
	TRY(chdir, "../inner");
	TRY(chdir, BAD);
	TRY(chdir, "");
	TRY(fchdir, fd);
	TRY(stat, "inner", &st);
	TRY(fchdir, -1);
	TRY(fchdir, 1);
	TRY(chdir, top);
	TRY(stat, "file", &st);
	sys_close(fd);
}

int main(int argc, char **argv)
{
	int dir;

	if (argc != 2)
		usage("DIR");
	TRY(umask, 027);
	TRY(umask, 07777022);
	TRY(umask, 022);
	say("chdir = %ld\n", CALL(chdir, argv[1]));
	dir = must_open(".", O_RDONLY_DIR, NULL);
	stat_all(dir);
	statx_all(dir);
	access_all(dir);
	links(dir);
	own_program();
	opens(dir);
	entries(dir);
	cwd(argv[1]);
	return 0;
}
