/* SPDX-License-Identifier: MIT */
/*
 * policy.c: that a payload opens what was granted, as it was granted, and nothing else,
 * whatever path it takes. The tree that each test finds in its folder:
 *
 *	in/file  in/sub/file  in/other/  in/sub/deep/  what tests grant
 *	out/secret                                     what they don't
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/cli/tempdir.h"
#include "tests/lib/random.h"
#include "vmm/linux/policy.h"

static struct policy policy;

static void put(const char *name, const char *text)
{
	temp_file(name, text, strlen(text), 0644);
}

static void make_dir(const char *name)
{
	cr_assert_eq(mkdir(temp_path(name), 0755), 0, "%s", name);
}

static void make_link(const char *target, const char *name)
{
	cr_assert_eq(symlink(target, temp_path(name)), 0, "%s", name);
}

/* A link whose target is another place of the tree, by its absolute path. */
static void make_absolute_link(const char *target, const char *name)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", tempdir, target);
	make_link(full, name);
}

static void make_tree(void)
{
	make_tempdir();
	make_dir("in");
	make_dir("in/sub");
	make_dir("in/sub/deep");
	make_dir("in/other");
	make_dir("out");
	put("in/file", "file");
	put("in/sub/file", "sub/file");
	put("out/secret", "secret");
}

static void remove_policy_tree(void)
{
	policy_destroy(&policy);
	remove_tempdir();
}

TestSuite(policy, .init = make_tree, .fini = remove_policy_tree);

/* Grant up to two places of the tree; NULL: none. */
static void grant2(const char *a, bool a_writable, const char *b, bool b_writable)
{
	char path_a[PATH_MAX], path_b[PATH_MAX];
	struct mv_grant grants[] = { { path_a, a_writable }, { path_b, b_writable } };
	struct mv_error err = { .num = 0 };

	snprintf(path_a, sizeof(path_a), "%s/%s", tempdir, a);
	snprintf(path_b, sizeof(path_b), "%s/%s", tempdir, b ? b : "");
	cr_assert_eq(policy_init(&policy, grants, b ? 2 : 1, &err), 0, "%s", err.text);
}

static void grant(const char *name, bool writable)
{
	grant2(name, writable, NULL, false);
}

/* Open a path as it is. 0 or -errno; `text` is what it holds, `real` its real path. */
static char text[64], real[PATH_MAX];

static int open_raw(const char *base, const char *path, int flags)
{
	struct opened opened;
	int err = policy_open(&policy, base, path, flags, 0666, &opened);
	ssize_t n;

	text[0] = '\0';
	if (err)
		return err;
	n = pread(opened.fd, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	strcpy(real, opened.path);
	cr_expect(fcntl(opened.fd, F_GETFD) & FD_CLOEXEC);
	cr_expect(fcntl(opened.fd, F_GETFL) & O_NONBLOCK);
	close(opened.fd);
	free(opened.path);
	return 0;
}

/* Open a place of the tree by its absolute path. */
static int open_in(const char *name, int flags)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", tempdir, name);
	return open_raw(NULL, path, flags);
}

static bool exists(const char *name)
{
	struct stat st;

	return !lstat(temp_path(name), &st);
}

static off_t size_of(const char *name)
{
	struct stat st;

	cr_assert_eq(stat(temp_path(name), &st), 0, "%s", name);
	return st.st_size;
}

#define opens(name, content)                                          \
	do {                                                          \
		cr_expect_eq(open_in(name, O_RDONLY), 0, "%s", name); \
		cr_expect_str_eq(text, content, "%s", name);          \
	} while (0)

#define refuses(name, flags, err) cr_expect_eq(open_in(name, flags), -(err), "%s", name)

/* ---- what was granted, and what wasn't */

Test(policy, without_a_grant_nothing_opens)
{
	struct mv_error err;

	cr_assert_eq(policy_init(&policy, NULL, 0, &err), 0);
	refuses("in/file", O_RDONLY, EACCES);
	refuses("in/missing", O_RDONLY, EACCES);
	cr_expect_eq(open_raw(NULL, "/", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "/etc/passwd", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "etc", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "", O_RDONLY), -ENOENT);
}

Test(policy, a_directory_grants_what_is_beneath)
{
	grant("in", false);
	opens("in/file", "file");
	opens("in/sub/file", "sub/file");
	opens("in//./sub///file", "sub/file");
	cr_expect_eq(open_in("in", O_RDONLY | O_DIRECTORY), 0);
	cr_expect_eq(open_in("in/sub/", O_RDONLY), 0);
	refuses("in/missing", O_RDONLY, ENOENT);
	refuses("in/missing/file", O_RDONLY, ENOENT);
	refuses("in/file/x", O_RDONLY, ENOTDIR);
	refuses("in/file/", O_RDONLY, ENOTDIR);
	refuses("in/file", O_RDONLY | O_DIRECTORY, ENOTDIR);
	refuses("out/secret", O_RDONLY, EACCES);
	refuses("", O_RDONLY, EACCES);
}

Test(policy, a_name_that_begins_alike_is_another)
{
	make_dir("inner");
	put("inner/file", "no");
	put("in/sub-file", "yes");
	grant2("in", false, "in/sub", true);
	refuses("inner/file", O_RDONLY, EACCES);
	refuses("in/sub-file", O_RDWR, EACCES);
	opens("in/sub-file", "yes");
}

Test(policy, a_file_grants_itself_only)
{
	grant("in/file", false);
	opens("in/file", "file");
	refuses("in/file/x", O_RDONLY, ENOTDIR);
	refuses("in", O_RDONLY, EACCES);
	refuses("in/sub/file", O_RDONLY, EACCES);
	refuses("in/file", O_RDWR, EACCES);
}

Test(policy, a_granted_file_that_becomes_a_link_stays_shut)
{
	grant("in/file", true);
	cr_assert_eq(unlink(temp_path("in/file")), 0);
	make_absolute_link("out/secret", "in/file");
	refuses("in/file", O_RDONLY, EACCES);
	refuses("in/file", O_WRONLY | O_TRUNC, EACCES);
	cr_expect_eq(size_of("out/secret"), 6);
}

Test(policy, the_root_can_be_granted)
{
	struct mv_grant root = { "/", false };
	struct mv_error err;

	cr_assert_eq(policy_init(&policy, &root, 1, &err), 0);
	opens("in/file", "file");
	opens("in/../../../../../..//..", "");
	cr_expect_str_eq(real, "/");
	refuses("in/file", O_RDWR, EACCES);
}

Test(policy, relative_paths_begin_at_the_cwd_of_the_start)
{
	struct mv_grant grants[] = { { "in", false }, { "../nothing/..", false } };
	struct mv_error err;

	cr_assert_eq(chdir(tempdir), 0);
	cr_assert_eq(policy_init(&policy, grants, 2, &err), -ENOENT);
	cr_assert_eq(policy_init(&policy, grants, 1, &err), 0);
	cr_assert_eq(chdir("/"), 0);
	cr_expect_eq(open_raw(NULL, "in/file", O_RDONLY), 0);
	cr_expect_eq(open_raw(NULL, "./out/../in/file", O_RDONLY), 0);
	cr_expect_eq(open_raw(NULL, "out/secret", O_RDONLY), -EACCES);
}

Test(policy, a_directory_is_a_base)
{
	char base[PATH_MAX];

	grant("in", false);
	cr_assert_eq(open_in("in/sub", O_RDONLY), 0);
	strcpy(base, real);
	cr_expect_eq(open_raw(base, "file", O_RDONLY), 0);
	cr_expect_str_eq(text, "sub/file");
	cr_expect_eq(open_raw(base, "../file", O_RDONLY), 0);
	cr_expect_str_eq(text, "file");
	cr_expect_eq(open_raw(base, "../../out/secret", O_RDONLY), -EACCES);
}

/* ---- ways out */

Test(policy, dots_do_not_leave)
{
	grant("in", true);
	refuses("in/../out/secret", O_RDONLY, EACCES);
	refuses("in/sub/../../out/secret", O_RDONLY, EACCES);
	refuses("in/..", O_RDONLY, EACCES);
	refuses("in/sub/../..", O_RDONLY, EACCES);
	refuses("in/../../../../../../../etc/passwd", O_RDONLY, EACCES);
	refuses("in/../new", O_RDWR | O_CREAT, EACCES);
	cr_expect_not(exists("new"));
}

Test(policy, dots_within_are_the_file_systems)
{
	make_link("sub/deep", "in/link");
	grant("in", false);
	opens("in/sub/../file", "file");
	opens("in/link/../file", "sub/file"); /* not in/file: sub/deep is where the link
						 leads */
	opens("in/../in/file", "file");
	refuses("in/missing/../file", O_RDONLY, ENOENT);
	refuses("in/file/../file", O_RDONLY, ENOTDIR);
}

Test(policy, links_do_not_leave)
{
	make_absolute_link("out/secret", "in/absolute");
	make_link("../out/secret", "in/relative");
	make_link("../../../../../../../../etc/passwd", "in/far");
	make_absolute_link("out", "in/dir");
	make_link("..", "in/up");
	make_link("relative", "in/chain");
	make_link("../up/out/secret", "in/sub/chain");
	grant("in", true);
	refuses("in/absolute", O_RDONLY, EACCES);
	refuses("in/relative", O_RDONLY, EACCES);
	refuses("in/relative", O_RDWR | O_TRUNC, EACCES);
	refuses("in/far", O_RDONLY, EACCES);
	refuses("in/dir/secret", O_RDONLY, EACCES);
	refuses("in/dir/new", O_RDWR | O_CREAT, EACCES);
	refuses("in/up/out/secret", O_RDONLY, EACCES);
	refuses("in/chain", O_RDONLY, EACCES);
	refuses("in/sub/chain", O_RDONLY, EACCES);
	cr_expect_eq(size_of("out/secret"), 6);
	cr_expect_not(exists("out/new"));
}

Test(policy, links_within_are_followed)
{
	make_link("sub/file", "in/relative");
	make_absolute_link("in/sub/file", "in/absolute");
	make_absolute_link("in/sub", "in/dir");
	make_link("../relative", "in/sub/chain");
	make_link("../in/file", "in/back");
	grant("in", false);
	opens("in/relative", "sub/file");
	opens("in/absolute", "sub/file");
	opens("in/dir/file", "sub/file");
	opens("in/sub/chain", "sub/file");
	opens("in/back", "file"); /* in/.. is left and entered again, as on Linux */
	refuses("in/relative", O_RDONLY | O_NOFOLLOW, ELOOP);
	refuses("in/relative", O_RDWR, EACCES);
}

Test(policy, links_lead_from_one_grant_into_another)
{
	make_absolute_link("out/secret", "in/absolute");
	make_link("../out", "in/dir");
	grant2("in", true, "out", false);
	opens("in/absolute", "secret");
	opens("in/dir/secret", "secret");
	refuses("in/absolute", O_RDWR, EACCES);
	refuses("in/dir/secret", O_WRONLY | O_TRUNC, EACCES);
	refuses("in/dir/new", O_WRONLY | O_CREAT, EACCES);
	cr_expect_eq(size_of("out/secret"), 6);
}

Test(policy, loops_of_links_end)
{
	make_link("loop", "in/loop");
	make_link("pong", "in/ping");
	make_link("ping/x", "in/pong");
	grant("in", false);
	refuses("in/loop", O_RDONLY, ELOOP);
	refuses("in/ping", O_RDONLY, ELOOP);
}

Test(policy, forty_links_are_the_limit)
{
	char name[32], target[32];

	make_link("file", "in/l1");
	for (int i = 2; i <= 41; i++) {
		snprintf(target, sizeof(target), "l%d", i - 1);
		snprintf(name, sizeof(name), "in/l%d", i);
		make_link(target, name);
	}
	grant("in", false);
	opens("in/l40", "file");
	refuses("in/l41", O_RDONLY, ELOOP);
}

/* ---- the walk as a whole */

/* Directories in directories, from in/ on; the path of the last goes to `deepest`. */
static void make_deep(char deepest[PATH_MAX], unsigned depth)
{
	strcpy(deepest, temp_path("in"));
	cr_assert_eq(chdir(deepest), 0);
	for (unsigned i = 0; i < depth; i++) {
		cr_assert(!mkdir("d", 0755) && !chdir("d"));
		strcat(deepest, "/d");
	}
}

/* They go again, from within: what removes the rest takes long to come there by their paths. */
static void remove_deep(const char *deepest, unsigned depth)
{
	cr_assert_eq(chdir(deepest), 0);
	for (unsigned i = 0; i < depth; i++)
		cr_assert(!chdir("..") && !rmdir("d"));
}

/* As many links as may be in the directory `in`, each to `way` and the next one there. */
static void make_links(const char *in, const char *way)
{
	char target[PATH_MAX], name[16];

	cr_assert_eq(chdir(in), 0);
	for (int i = 0; i < 39; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		cr_assert(snprintf(target, PATH_MAX, "%s/l%d", way, i + 1) < PATH_MAX);
		cr_assert_eq(symlink(target, name), 0);
	}
	cr_assert_eq(mkdir("l39", 0755), 0);
}

static void remove_links(const char *in)
{
	char name[16];

	cr_assert_eq(chdir(in), 0);
	for (int i = 0; i < 39; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		cr_assert_eq(unlink(name), 0);
	}
	cr_assert_eq(rmdir("l39"), 0);
}

/*
 * Often enough that walks which take more than a second each are ended by the test's limit; those of a tenth are far from
 * it, on a busy machine, too. Sanitizers take their time.
 */
#ifdef __SANITIZE_ADDRESS__
#define WALKS 10
#else
#define WALKS 40
#endif

static void walk_links_often(const char *in)
{
	char path[PATH_MAX];
	struct found found;

	cr_assert(snprintf(path, sizeof(path), "%s/l0", in) < PATH_MAX);
	grant("in", false);
	for (int i = 0; i < WALKS; i++) {
		cr_assert_eq(policy_find(&policy, NULL, path, true, &found), 0);
		cr_assert(S_ISDIR(found.mode));
		close(found.fd);
	}
	remove_links(in);
}

Test(policy, links_between_deep_places_are_walked_at_once, .timeout = 60)
{
	char deepest[PATH_MAX];

	make_deep(deepest, 1950);
	make_links(deepest, deepest);
	walk_links_often(deepest);
	remove_deep(deepest, 1950);
}

Test(policy, dots_at_a_deep_place_are_walked_at_once, .timeout = 60)
{
	static const char up_and_down[] = "/d/../d/d/../..";
	char deepest[PATH_MAX], in[PATH_MAX], way[PATH_MAX], *at;

	make_deep(deepest, 1000);
	strcpy(in, deepest);
	in[strlen(in) - strlen("/d/d")] = '\0';
	strcpy(way, in);
	for (at = strchr(way, '\0'); at + 2 * sizeof(up_and_down) < way + PATH_MAX;
	     at += strlen(at))
		strcpy(at, up_and_down);
	make_links(in, way);
	walk_links_often(in);
	remove_deep(deepest, 1000);
}

static const char *const tree_names[] = { "a", "b", "f", "k", "l", "m", "..", "." };

/* One to most names of those, some of which aren't there. */
static void random_path(uint64_t *state, char *path, unsigned most)
{
	*path = '\0';
	if (!pick_from(state, 3))
		strcat(path, "/");
	for (unsigned n = 1 + pick_from(state, most); n; n--) {
		strcat(path, tree_names[pick_from(state, 8)]);
		if (n > 1 || !pick_from(state, 6))
			strcat(path, "/");
	}
}

/* In the current folder: a, mostly b, a file f, and links k, l and m to anywhere. */
static void make_random_tree(uint64_t *state, unsigned depth)
{
	static const char *const links[] = { "k", "l", "m" };
	char target[64];

	close(open("f", O_CREAT | O_WRONLY, 0644));
	for (int i = 0; i < 3; i++) {
		random_path(state, target, 5);
		cr_assert_eq(symlink(target, links[i]), 0);
	}
	for (int i = 0; i < 2 && depth; i++) {
		if (mkdir(tree_names[i], 0755) || chdir(tree_names[i]))
			cr_assert_fail("%s", tree_names[i]);
		make_random_tree(state, i && depth > 2 ? 2 : depth - 1);
		cr_assert_eq(chdir(".."), 0);
	}
}

/* What the host's kernel finds, from that folder as the root; fd or -errno. */
static int host_finds(int root, const char *path, bool follow)
{
	const struct open_how how = { .flags = O_PATH | (follow ? 0u : O_NOFOLLOW),
				      .resolve = RESOLVE_IN_ROOT };
	long fd;

	do /* somebody renamed or mounted something meanwhile, anywhere: `..` is to be looked for again */
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : (int)fd;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* 30 deep, so that a path goes further down, and back, than the walk keeps directories open. */
Test(policy, whatever_path_leads_where_the_kernel_says)
{
	char path[PATH_MAX], *tail;
	uint64_t state = 1;
	struct found found;
	int root, want, err, there = 0;

	cr_assert_eq(chdir(temp_path("in/other")), 0);
	make_random_tree(&state, 30);
	root = open(temp_path("in/other"), O_PATH);
	cr_assert_eq(policy_init(&policy, NULL, 0, NULL), 0);
	cr_assert_eq(policy_add_root(&policy, temp_path("in/other"), NULL), 0);
	for (int i = 0; i < 20000; i++) {
		tail = path;
		for (unsigned n = pick_from(&state, 34); n; n--)
			tail = stpcpy(tail, "/a");
		for (unsigned n = pick_from(&state, 34); n && !(i % 3); n--)
			tail = stpcpy(tail, "/..");
		*tail++ = '/';
		random_path(&state, tail, 12);
		want = host_finds(root, path, i % 2);
		err = policy_find(&policy, NULL, path, i % 2, &found);
		cr_assert_eq(err, want < 0 ? want : 0, "%s: %d, not %d", path, err, want);
		if (err)
			continue;
		cr_assert(same_file(found.fd, want), "%s", path);
		close(found.fd);
		close(want);
		there++;
	}
	cr_expect_gt(there, 2000);
	close(root);
}

/* Moves in/sub out and back; only while it is out there is a file in it. */
static void *move_out_and_back(void *arg)
{
	char in[PATH_MAX], out[PATH_MAX], new[PATH_MAX];

	strcpy(in, temp_path("in/sub"));
	strcpy(out, temp_path("out/sub"));
	strcpy(new, temp_path("out/sub/new"));
	for (int i = 0; i < 3000; i++) {
		rename(in, out);
		close(open(new, O_CREAT | O_WRONLY, 0644));
		unlink(new);
		rename(out, in);
	}
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
	return NULL;
}

Test(policy, a_directory_that_leaves_the_grant_during_the_walk_leads_out_of_it_nowhere)
{
	char path[PATH_MAX];
	pthread_t mover;
	bool done = false;

	grant("in", false);
	strcpy(path, temp_path("in/other/../sub/deep/../new"));
	cr_assert_eq(pthread_create(&mover, NULL, move_out_and_back, &done), 0);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		cr_assert_neq(open_raw(NULL, path, O_RDONLY), 0);
	pthread_join(mover, NULL);
}

/* /proc is the VMM's own, /proc/self/mem its memory; and what its links show are names only. */
Test(policy, nothing_in_proc_is_opened_and_its_links_are_names)
{
	struct mv_grant proc = { "/proc", false };
	struct mv_error err;
	char path[64];
	int fd;

	cr_assert_eq(policy_init(&policy, &proc, 1, &err), 0, "%s", err.text);
	cr_expect_eq(open_raw(NULL, "/proc/self/stat", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "/proc/self/mem", O_RDONLY), -EACCES);
	fd = open(temp_path("out/secret"), O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	cr_expect_eq(open_raw(NULL, path, O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, path, O_RDONLY | O_NOFOLLOW), -ELOOP);
	cr_expect_eq(open_raw(NULL, "/proc/self/root", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "/proc/self/root/etc/passwd", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "/proc/self/cwd/.", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "/proc/self/exe", O_RDONLY), -EACCES);
	close(fd);
}

/* ---- which grant decides */

Test(policy, the_deepest_grant_decides)
{
	grant2("in", false, "in/sub", true);
	refuses("in/file", O_RDWR, EACCES);
	cr_expect_eq(open_in("in/sub/file", O_RDWR), 0);
	cr_expect_eq(open_in("in/other/../sub/file", O_RDWR), 0);
	refuses("in/sub/../file", O_RDWR, EACCES);
}

Test(policy, read_only_within_writable_stays_so_on_every_way)
{
	make_link("sub", "in/link");
	make_absolute_link("in/sub/file", "in/other/link");
	grant2("in", true, "in/sub", false);
	cr_expect_eq(open_in("in/file", O_RDWR), 0);
	opens("in/sub/file", "sub/file");
	refuses("in/sub/file", O_RDWR, EACCES);
	refuses("in/other/../sub/file", O_RDWR, EACCES);
	refuses("in/link/file", O_RDWR, EACCES);
	refuses("in/other/link", O_WRONLY | O_TRUNC, EACCES);
	refuses("in/sub/deep/../new", O_WRONLY | O_CREAT, EACCES);
	cr_expect_not(exists("in/sub/new"));
	cr_expect_eq(size_of("in/sub/file"), 8);
}

Test(policy, a_read_only_file_in_a_writable_directory)
{
	grant2("in", true, "in/sub/file", false);
	refuses("in/sub/file", O_RDWR, EACCES);
	refuses("in/other/../sub/file", O_RDWR, EACCES);
	cr_expect_eq(open_in("in/sub/new", O_RDWR | O_CREAT), 0);
}

Test(policy, of_equal_grants_the_writable_one_wins)
{
	grant2("in", true, "in", false);
	cr_expect_eq(open_in("in/file", O_RDWR), 0);
	policy_destroy(&policy);
	grant2("in", false, "in", true);
	cr_expect_eq(open_in("in/file", O_RDWR), 0);
}

Test(policy, a_grant_through_a_link_has_both_names)
{
	make_link("in/sub", "alias");
	grant("alias", false);
	opens("alias/file", "sub/file");
	opens("in/sub/file", "sub/file");
	refuses("in/file", O_RDONLY, EACCES);
	refuses("alias/../file", O_RDONLY, EACCES);
	/* it stays what it was, whatever the name leads to later */
	cr_assert_eq(unlink(temp_path("alias")), 0);
	make_link("out", "alias");
	opens("alias/file", "sub/file");
	refuses("alias/secret", O_RDONLY, ENOENT);
}

/* ---- reading and writing */

Test(policy, read_only_is_read_only)
{
	grant("in", false);
	refuses("in/file", O_WRONLY, EACCES);
	refuses("in/file", O_RDWR, EACCES);
	refuses("in/file", O_RDONLY | O_TRUNC, EACCES);
	refuses("in/file", O_WRONLY | O_TRUNC, EACCES);
	refuses("in/file", O_WRONLY | O_APPEND, EACCES);
	refuses("in/new", O_RDONLY | O_CREAT, EACCES);
	refuses("in/new", O_RDWR | O_CREAT | O_EXCL, EACCES);
	refuses("in/file", O_RDONLY | O_CREAT | O_EXCL, EEXIST);
	cr_expect_eq(open_in("in/file", O_RDONLY | O_CREAT), 0);
	cr_expect_eq(size_of("in/file"), 4);
	cr_expect_not(exists("in/new"));
}

Test(policy, what_is_opened_for_reading_cannot_be_written)
{
	struct opened opened;

	grant("in", true);
	cr_assert_eq(policy_open(&policy, NULL, temp_path("in/file"), O_RDONLY, 0, &opened),
		     0);
	cr_expect_eq((int)write(opened.fd, "x", 1), -1);
	cr_expect_eq(errno, EBADF);
	close(opened.fd);
	free(opened.path);
}

Test(policy, writable_creates_and_truncates)
{
	struct stat st;

	grant("in", true);
	cr_expect_eq(open_in("in/new", O_RDWR | O_CREAT | O_EXCL), 0);
	cr_expect_eq(stat(temp_path("in/new"), &st), 0);
	cr_expect_eq((int)(st.st_mode & 07111), 0);
	refuses("in/new", O_RDWR | O_CREAT | O_EXCL, EEXIST);
	refuses("in/none/new", O_RDWR | O_CREAT, ENOENT);
	refuses("in/dir/", O_RDWR | O_CREAT, EISDIR);
	refuses("in/sub", O_RDWR | O_CREAT, EISDIR);
	refuses("in/sub", O_RDWR, EISDIR);
	cr_expect_eq(open_in("in/file", O_WRONLY | O_TRUNC), 0);
	cr_expect_eq(size_of("in/file"), 0);
	cr_expect_eq(open_in("in/sub/file", O_RDONLY | O_TRUNC), 0);
	cr_expect_eq(size_of("in/sub/file"), 0);
}

Test(policy, set_id_bits_are_dropped)
{
	struct opened opened;
	struct stat st;

	grant("in", true);
	cr_assert_eq(policy_open(&policy, NULL, temp_path("in/new"), O_WRONLY | O_CREAT,
				 07755, &opened),
		     0);
	cr_expect_eq(fstat(opened.fd, &st), 0);
	cr_expect_eq((int)(st.st_mode & 07000), 0);
	close(opened.fd);
	free(opened.path);
}

/* For whoever may change the file, root too. */
Test(policy, set_id_bits_go_when_a_file_is_opened_for_writing)
{
	static const int flags[] = { O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC };
	struct stat st;

	grant("in", true);
	cr_assert_eq(chmod(temp_path("in/file"), 06755), 0);
	cr_expect_eq(open_in("in/file", O_RDONLY), 0);
	cr_expect_eq(stat(temp_path("in/file"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 06755);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		cr_assert_eq(chmod(temp_path("in/file"), 06755), 0);
		cr_expect_eq(open_in("in/file", flags[i]), 0);
		cr_expect_eq(stat(temp_path("in/file"), &st), 0);
		cr_expect_eq(st.st_mode & 07777, 0755);
	}
}

/* A link to what isn't there yet: O_CREAT makes it, but only beneath a writable grant. */
Test(policy, creating_through_a_link)
{
	make_link("sub/new", "in/inside");
	make_link("../out/new", "in/outside");
	grant("in", true);
	cr_expect_eq(open_in("in/inside", O_RDWR | O_CREAT), 0);
	cr_expect(exists("in/sub/new"));
	refuses("in/outside", O_RDWR | O_CREAT, EACCES);
	refuses("in/outside", O_RDWR | O_CREAT | O_EXCL, EEXIST);
	cr_expect_not(exists("out/new"));
}

/* ---- what isn't a file */

Test(policy, a_fifo_neither_waits_nor_opens, .timeout = 10)
{
	cr_assert_eq(mkfifo(temp_path("in/fifo"), 0666), 0);
	make_link("fifo", "in/link");
	grant("in", true);
	refuses("in/fifo", O_RDONLY, EACCES);
	refuses("in/fifo", O_WRONLY, EACCES);
	refuses("in/fifo", O_RDWR, EACCES);
	refuses("in/fifo", O_WRONLY | O_CREAT | O_TRUNC, EACCES);
	refuses("in/link", O_RDONLY, EACCES);
}

Test(policy, a_socket_does_not_open)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, temp_path("in/socket"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	grant("in", true);
	refuses("in/socket", O_RDWR, EACCES);
	close(fd);
}

Test(policy, a_device_does_not_open)
{
	struct mv_grant dev = { "/dev", true };
	struct mv_error err;

	cr_assert_eq(policy_init(&policy, &dev, 1, &err), 0, "%s", err.text);
	cr_expect_eq(open_raw(NULL, "/dev/null", O_RDWR), -EACCES);
	cr_expect_eq(open_raw(NULL, "/dev/zero", O_RDONLY), -EACCES);
	cr_expect_eq(open_raw(NULL, "/dev/tty", O_RDONLY), -EACCES);
}

/* ---- finding */

static int find(const char *name, bool follow, struct found *found)
{
	int err = policy_find(&policy, NULL, temp_path(name), follow, found);

	if (!err && found->fd >= 0)
		close(found->fd);
	return err;
}

Test(policy, what_was_not_granted_is_not_found_either)
{
	struct found found;

	make_absolute_link("out/secret", "in/link");
	grant("in", false);
	cr_expect_eq(find("out", true, &found), -EACCES);
	cr_expect_eq(find("out/secret", true, &found), -EACCES);
	cr_expect_eq(find("in/link", true, &found), -EACCES);
	cr_expect_eq(find("in/../out/secret", true, &found), -EACCES);
	cr_expect_eq(find("in/link", false, &found), 0);
	cr_expect(S_ISLNK(found.mode));
	refuses("out/secret", O_PATH, EACCES);
	cr_expect_eq(policy_find(&policy, NULL, "/proc/self/mem", true, &found), -EACCES);
}

Test(policy, the_way_to_a_grant_is_directories_without_anything_else)
{
	struct found found;

	grant("in/sub", false);
	cr_expect_eq(find("in", true, &found), 0);
	cr_expect(found.fd == -1 && found.mode == (S_IFDIR | 0555) && !found.writable);
	cr_expect_eq(find("in/file", true, &found), -EACCES);
	cr_expect_eq(find("in/su", true, &found), -EACCES);
	cr_expect_eq(find("in/sub/../file", true, &found), -EACCES);
	refuses("in", O_RDONLY | O_DIRECTORY, EACCES);
	refuses("in", O_PATH, EACCES);
}

Test(policy, of_what_is_found_the_deepest_grant_says_if_it_may_be_changed)
{
	struct found found;

	grant("in", true);
	cr_expect_eq(find("in/sub", true, &found), 0);
	cr_expect(found.writable);
	policy_destroy(&policy);
	grant("in", false);
	cr_expect_eq(find("in/sub", true, &found), 0);
	cr_expect(!found.writable);
	cr_expect_eq(find("in/none", true, &found), -ENOENT);
	cr_expect_eq(find("in/file/", true, &found), -ENOTDIR);
}

/* ---- making and removing */

static struct parent parent_of(const char *name)
{
	struct parent parent;

	cr_assert_eq(policy_parent(&policy, NULL, temp_path(name), &parent), 0, "%s", name);
	if (parent.fd >= 0)
		close(parent.fd);
	return parent;
}

Test(policy, a_grant_s_top_and_what_is_above_one_are_told)
{
	char top[PATH_MAX], sub[PATH_MAX];
	struct mv_grant grants[] = { { top, true }, { sub, false } };
	struct parent parent;

	strcpy(top, temp_path("in"));
	strcpy(sub, temp_path("in/sub/deep"));
	cr_assert_eq(policy_init(&policy, grants, 2, NULL), 0);
	parent = parent_of("in");
	cr_expect(parent.top && parent.holds && parent.fd == -1);
	parent = parent_of("in/sub/");
	cr_expect(!parent.top && parent.holds && parent.writable);
	cr_expect_str_eq(parent.name, "sub/");
	parent = parent_of("in/sub/deep");
	cr_expect(parent.top && parent.holds && parent.writable);
	parent = parent_of("in/sub/deep/new");
	cr_expect(!parent.top && !parent.holds && !parent.writable);
	parent = parent_of("in/sub/deeper");
	cr_expect(!parent.top && !parent.holds && parent.writable);
	cr_expect(parent_of("in/sub/.").last == LAST_DOT);
	cr_expect(parent_of("in/sub/../").last == LAST_DOTDOT);
}

Test(policy, names_are_made_nowhere_else_than_in_a_grant)
{
	struct parent parent;

	make_absolute_link("out", "in/link");
	grant("in", true);
	cr_expect_eq(policy_parent(&policy, NULL, temp_path("out/new"), &parent), -EACCES);
	cr_expect_eq(policy_parent(&policy, NULL, temp_path("in/link/new"), &parent),
		     -EACCES);
	cr_expect_eq(policy_parent(&policy, NULL, temp_path("in/../out/new"), &parent),
		     -EACCES);
	/* on the way to it: there, and for nobody to change */
	parent = parent_of("new");
	cr_expect(parent.fd == -1 && !parent.writable && !parent.grant);
}

/* ---- the payload's own names */

Test(policy, the_root_hides_where_it_is_and_others_lie_over_it)
{
	struct found found;
	struct mv_grant over = { tempdir, false };

	make_link("/sub/file", "in/link");
	make_link("../../../out/secret", "in/away");
	cr_assert_eq(policy_init(&policy, NULL, 0, NULL), 0);
	cr_assert_eq(policy_add_root(&policy, temp_path("in"), NULL), 0);
	cr_expect_eq(open_raw(NULL, "/file", O_RDONLY), 0);
	cr_expect_eq(open_raw(NULL, "sub/../../../file", O_RDONLY), 0);
	cr_expect_eq(open_raw(NULL, "/link", O_RDONLY), 0);
	cr_expect_str_eq(text, "sub/file");
	cr_expect_eq(open_raw(NULL, "/away", O_RDONLY), -ENOENT);
	cr_expect_eq(open_raw(NULL, "/file", O_RDWR), -EACCES);
	cr_expect_eq(policy_find(&policy, NULL, temp_path("in/file"), true, &found),
		     -ENOENT);
	policy_destroy(&policy);
	cr_assert_eq(policy_init(&policy, &over, 1, NULL), 0);
	cr_assert_eq(policy_add_root(&policy, temp_path("in"), NULL), 0);
	cr_expect_eq(open_in("out/secret", O_RDONLY), 0);
	cr_expect_eq(open_raw(NULL, "/sub/file", O_RDONLY), 0);
}

/* Write len bytes to the file. How many it took. */
static size_t fill(const char *path, size_t len)
{
	static const char bytes[4096];
	struct opened opened;
	size_t done = 0;
	ssize_t n = 1;

	cr_assert_eq(policy_open(&policy, NULL, path, O_WRONLY | O_CREAT, 0600, &opened),
		     0);
	while (done < len && n > 0) {
		n = write(opened.fd, bytes, sizeof(bytes));
		done += n > 0 ? (size_t)n : 0;
	}
	close(opened.fd);
	free(opened.path);
	return done;
}

Test(policy, tmp_is_its_own_and_no_larger_than_it_was_made)
{
	struct found found;
	struct mv_error err;

	cr_assert_eq(policy_init(&policy, &(struct mv_grant){ "/tmp", true }, 1, NULL), 0);
	cr_expect_eq(policy_add_tmp(&policy, 1 << 20, &err), -EINVAL, "both can't be /tmp");
	policy_destroy(&policy);
	cr_assert_eq(policy_init(&policy, NULL, 0, NULL), 0);
	if (policy_add_tmp(&policy, 1 << 20, &err) == -EPERM)
		cr_skip_test("a tmpfs needs CAP_SYS_ADMIN: %s", err.text);
	cr_expect_eq(fill("/tmp/file", 2 << 20), 1 << 20);
	cr_expect_eq(access("/tmp/file", F_OK), -1);
	cr_expect_eq(policy_find(&policy, NULL, temp_path("in/file"), true, &found),
		     -ENOENT);
	cr_expect_eq(policy_find(&policy, NULL, "/tmp/../tmp/./file", true, &found), 0);
	close(found.fd);
	policy_destroy(&policy);
	cr_assert_eq(policy_init(&policy, NULL, 0, NULL), 0);
	cr_assert_eq(policy_add_tmp(&policy, 1 << 20, &err), 0);
	cr_expect_eq(policy_find(&policy, NULL, "/tmp/file", true, &found), -ENOENT);
}

/* ---- bad input */

Test(policy, what_is_not_served_says_so)
{
	grant("in", true);
	refuses("in/file", O_RDONLY | O_DIRECT, EINVAL);
	refuses("in/file", O_ACCMODE, EINVAL);
	refuses("in/new", O_RDWR | O_CREAT | O_DIRECTORY, EINVAL);
	refuses("in", O_RDWR | O_TMPFILE, EOPNOTSUPP);
	/* bits that mean nothing mean nothing here, too: openat(2) ignores them */
	cr_expect_eq(open_in("in/file", O_RDONLY | 1 << 28), 0);
	cr_expect_eq(open_in("in/file", O_RDONLY | O_NONBLOCK), 0);
}

Test(policy, long_paths)
{
	char path[2 * PATH_MAX];
	size_t at;

	grant("in", true);
	strcpy(path, "in/");
	memset(path + 3, 'x', NAME_MAX + 1);
	path[3 + NAME_MAX + 1] = '\0';
	refuses(path, O_RDONLY, ENAMETOOLONG);
	refuses(path, O_RDWR | O_CREAT, ENAMETOOLONG);
	/* "/tmp/... in" and as much of "/./." as just fits, then a bit more */
	at = (size_t)snprintf(path, sizeof(path), "%s/in", tempdir);
	while (at + 7 < PATH_MAX)
		at += (size_t)snprintf(path + at, sizeof(path) - at, "/.");
	strcpy(path + at, "/file");
	cr_expect_eq(open_raw(NULL, path, O_RDONLY), 0);
	cr_expect_str_eq(text, "file");
	strcpy(path + at, "/./file");
	cr_expect_eq(open_raw(NULL, path, O_RDONLY), -ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	cr_expect_eq(open_raw(NULL, path, O_RDONLY), -ENAMETOOLONG);
}

Test(policy, a_link_that_makes_the_path_too_long)
{
	char target[PATH_MAX], path[PATH_MAX];

	memset(target, '/', sizeof(target));
	strcpy(target + sizeof(target) - 6, "./sub");
	target[0] = '.';
	make_link(target, "in/link");
	grant("in", false);
	cr_expect_eq(open_in("in/link", O_RDONLY), 0);
	snprintf(path, sizeof(path), "in/link/deep/../deep");
	refuses(path, O_RDONLY, ENAMETOOLONG);
}

/* ---- grants that can't be had */

Test(policy, errors_name_the_grant)
{
	char missing[PATH_MAX], fifo[PATH_MAX];
	struct mv_grant grants[] = { { missing, false }, { fifo, false } };
	struct mv_error err;

	snprintf(missing, sizeof(missing), "%s/missing", tempdir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", tempdir);
	cr_assert_eq(mkfifo(fifo, 0666), 0);
	cr_expect_eq(policy_init(&policy, grants, 1, &err), -ENOENT);
	cr_expect_eq(err.num, ENOENT);
	cr_expect(strstr(err.text, missing) &&
		  strstr(err.text, "No such file or directory"));
	cr_expect_eq(policy_init(&policy, grants + 1, 1, &err), -EINVAL);
	cr_expect(strstr(err.text, fifo) && strstr(err.text, "regular file"));
	grants[0].path = "";
	cr_expect_eq(policy_init(&policy, grants, 1, NULL), -ENOENT);
	cr_assert_eq(policy_init(&policy, NULL, 0, &err), 0);
}
