/* SPDX-License-Identifier: MIT */
/* test_files.c: calls on files and directories, beside the same payload run natively. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/kvm/sandbox.h"
#include "tests/lib/remove_tree.h"

#define LIMIT .timeout = 60

static void put_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* The tree that payloads/look.c says; path has room for PATH_MAX. */
static void make_tree(char *path)
{
	char name[NAME_MAX + 1];
	int dir;

	strcpy(path, "/tmp/mapvisor-test-XXXXXX");
	cr_assert(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(dir >= 0 && !mkdirat(dir, "sub", 0755) && !mkdirat(dir, "many", 0755) &&
		  !mkdirat(dir, "sub/deep", 0700));
	put_file(dir, "file", "bytes");
	put_file(dir, "sub/inner", "inner bytes\n");
	cr_assert(
		!symlinkat("sub/inner", dir, "link") && !symlinkat("sub", dir, "dirlink") &&
		!symlinkat("nothing", dir, "dangling") && !symlinkat("loop", dir, "loop"));
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many/%0*d", 100 + i % 50, i);
		put_file(dir, name, "");
	}
	close(dir);
}

/* The payload on a tree of its own each time, or on the same one twice. */
static void same_as_natively(const char *payload, bool writable, bool own_trees)
{
	static char native[1 << 16];
	char path[PATH_MAX];
	struct mv_grant grant = { path, writable };
	struct sandbox s;

	make_tree(path);
	run_natively((const char *const[]){ payload_path(payload), path, NULL }, native,
		     sizeof(native));
	if (own_trees) {
		remove_tree(path);
		make_tree(path);
	}
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, payload, path);
	mv_assert_exited(&s.end, 0);
	expect_same_lines(s.text, native);
	sandbox_close(&s);
	remove_tree(path);
}

Test(files, looking_at_them_is_as_it_is_natively, LIMIT)
{
	REQUIRE_KVM();
	same_as_natively("look", true, false);
}

Test(files, numbers_pipes_and_positions_are_as_they_are_natively, LIMIT)
{
	REQUIRE_KVM();
	same_as_natively("fds", true, true);
}

Test(files, making_moving_and_removing_them_is_as_it_is_natively, LIMIT)
{
	REQUIRE_KVM();
	same_as_natively("change", true, true);
}

/* A tree as it is, in lines: of each file its name, mode and size. */
static char *tree_text;
static size_t tree_at;

static int note_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	tree_at += (size_t)snprintf(tree_text + tree_at, 1 << 10, "%s %o %ld %ld %ld\n",
				    path, st->st_mode, (long)st->st_size,
				    st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	return ftw->level > 9;
}

static char *note_tree(const char *path)
{
	tree_text = (char *)calloc(1, 1 << 20);
	tree_at = 0;
	cr_assert(!nftw(path, note_one, 16, FTW_PHYS));
	return tree_text;
}

/* Whatever the payloads do that make, move, remove and write. */
static void leaves_it_alone(const char *payload, const char *path)
{
	struct mv_grant grant = { path, false };
	char *before = note_tree(path), *after;
	struct sandbox s;

	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, payload, path);
	mv_assert_exited(&s.end, 0);
	sandbox_close(&s);
	after = note_tree(path);
	cr_expect_str_eq(after, before, "%s", payload);
	free(before);
	free(after);
}

Test(files, a_grant_for_reading_stays_as_it_is, LIMIT)
{
	char path[PATH_MAX];

	REQUIRE_KVM();
	make_tree(path);
	leaves_it_alone("change", path);
	leaves_it_alone("fds", path);
	remove_tree(path);
}

/* It is for reading. */
static void drop_writable(char *text)
{
	char *line = strstr(text, "access(\"file\", 7)");

	char *end = line ? strchr(line, '\n') : NULL;

	cr_assert(end);
	memmove(line, end, strlen(end) + 1);
}

Test(files, a_directory_as_the_root_is_as_it_is_natively_at_its_own_place, LIMIT)
{
	static char native[1 << 16];
	char path[PATH_MAX];
	struct sandbox s;

	REQUIRE_KVM();
	make_tree(path);
	run_natively((const char *const[]){ payload_path("look"), path, NULL }, native,
		     sizeof(native));
	sandbox_init(&s);
	s.opt.root = path;
	sandbox_do(&s, "look", "/");
	mv_assert_exited(&s.end, 0);
	cr_expect(strstr(s.text, "access(\"file\", 7) = -30\n") ||
		  strstr(s.text, "access(\"file\", 7) = -13\n"));
	drop_writable(s.text);
	drop_writable(native);
	expect_same_lines(s.text, native);
	sandbox_close(&s);
	remove_tree(path);
}

static void make_empty(char path[PATH_MAX])
{
	strcpy(path, "/tmp/mapvisor-test-XXXXXX");
	cr_assert(mkdtemp(path));
}

/* Both start from an empty directory. */
static void assert_tmp_same(const char *name)
{
	static char native[1 << 16];
	char path[PATH_MAX];
	struct mv_error err = { 0 };
	struct sandbox s;

	make_empty(path);
	sandbox_init(&s);
	s.opt.tmp = 1 << 20;
	if (mv_open(&s.opt, &s.vm, &err) == -EPERM) {
		remove_tree(path);
		SKIP("a tmpfs needs CAP_SYS_ADMIN");
	}
	mv_close(s.vm);
	run_natively((const char *const[]){ payload_path(name), path, NULL }, native,
		     sizeof(native));
	sandbox_do(&s, name, "/tmp");
	mv_assert_exited(&s.end, 0);
	expect_same_lines(s.text, native);
	sandbox_close(&s);
	remove_tree(path);
}

Test(files, a_private_tmp_is_like_a_directory_of_the_host_s, LIMIT)
{
	REQUIRE_KVM();
	assert_tmp_same("change");
}

Test(files, what_moves_in_a_private_tmp_is_known_by_its_new_name, LIMIT)
{
	REQUIRE_KVM();
	assert_tmp_same("moved");
}

/* Both work in a directory that is empty. */
static void assert_dir_same(const char *name)
{
	static char native[1 << 16];
	char path[PATH_MAX], again[PATH_MAX];
	struct mv_grant grant = { again, true };
	struct sandbox s;

	make_empty(path);
	make_empty(again);
	run_natively((const char *const[]){ payload_path(name), path, NULL }, native,
		     sizeof(native));
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, name, again);
	mv_assert_exited(&s.end, 0);
	expect_same_lines(s.text, native);
	sandbox_close(&s);
	remove_tree(path);
	remove_tree(again);
}

/* By /proc/self/fd, maps, openat() and getcwd(): renamed, removed, and another in its place. */
Test(files, what_is_open_is_known_by_its_new_name, LIMIT)
{
	REQUIRE_KVM();
	assert_dir_same("moved");
}

Test(files, what_happens_in_a_directory_is_told_by_inotify, LIMIT)
{
	REQUIRE_KVM();
	assert_dir_same("watch");
}

Test(files, no_more_are_opened_than_the_limit_says, LIMIT)
{
	char path[PATH_MAX];
	struct mv_grant grant = { path, false };
	struct sandbox s;

	REQUIRE_KVM();
	make_tree(path);
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	s.opt.max_files = 3;
	/* 0, which is closed, is its directory's */
	sandbox_do(&s, "look", path);
	mv_assert_exited(&s.end, 0);
	cr_expect(strstr(s.text, "\nopen file 20000: -24\n"), "%s", s.text);
	sandbox_close(&s);
	remove_tree(path);
}
