/* SPDX-License-Identifier: MIT */
/*
 * change.c: the calls that change directories and what files are like, as they should and as they
 * shouldn't be made, a line of output a call; and what there is afterwards. DIR is as look.c
 * has it, but with few files in many/.
 */
#include <linux/fs.h>
#include <linux/utsname.h>

#include "payloads/try.h"

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

static void show_file(const char *path)
{
	struct stat st = { 0 };
	long err = CALL(lstat, path, &st);

	if (err)
		say("  %s: %ld\n", path, err);
	else
		say("  %s: mode %x links %lu uid %u gid %u\n", path, st.st_mode,
		    (st.st_mode & 0170000) == 0040000 ? 0 : st.st_nlink, st.st_uid,
		    st.st_gid);
}

static void show_times(const char *path)
{
	struct stat st = { 0 };

	CALL(lstat, path, &st);
	say("  %s: %ld.%ld %ld.%ld\n", path, st.st_atime, st.st_atime_nsec, st.st_mtime,
	    st.st_mtime_nsec);
}

static void creating(void)
{
	static const int masks[] = { 022, 0, 077, 0777 };
	char name[16] = "created-x", dir[16] = "dir-x";

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		name[8] = dir[4] = (char)('0' + i);
		CALL(umask, masks[i]);
		sys_close(sys_open(name, O_WRONLY | O_CREAT | O_EXCL, 0666));
		show_file(name);
		say("mkdir %ld\n", CALL(mkdir, dir, 01777));
		show_file(dir);
	}
	CALL(umask, 022);
}

static void directories(int dir)
{
	TRY(mkdir, "new", 0755);
	TRY(mkdir, "new", 0755);
	TRY(mkdir, "new/", 0755);
	TRY(mkdir, "new/a/", 0700);
	TRY(mkdir, "new/b/c", 0700);
	TRY(mkdir, "file/x", 0700);
	TRY(mkdir, "dangling", 0700);
	TRY(mkdir, "dangling/", 0700);
	TRY(mkdir, "loop/x", 0700);
	TRY(mkdir, ".", 0700);
	TRY(mkdir, "..", 0700);
	TRY(mkdir, "new/.", 0700);
	TRY(mkdir, "new/x/.", 0700);
	TRY(mkdir, "", 0700);
	TRY(mkdir, BAD, 0700);
	TRY(mkdirat, dir, "dirlink/made", 07777);
	TRY(mkdirat, -1, "x", 0700);
	TRY(mkdirat, 1, "x", 0700);
	show_file("sub/made");
	TRY(mknod, "node", 0100666, 0);
	show_file("node");
	TRY(mknod, "node", 0100666, 0);
	TRY(mknod, "nodes/", 0, 0);
	TRY(mknod, "nothing/node", 0, 0);
	TRY(mknod, "node-dir", 040777, 0);
	TRY(mknod, "node-link", 0120777, 0);
	TRY(mknod, "nothing/node", 0170000, 0);
	TRY(mknod, BAD, 0, 0);
	TRY(mknodat, dir, "dirlink/node", 0777, 0);
	show_file("sub/node");
	TRY(mknodat, -1, "x", 0, 0);
	TRY(unlink, "node");
	TRY(unlink, "sub/node");
	TRY(rmdir, "new");
	TRY(rmdir, "new/a/.");
	TRY(rmdir, "new/a/..");
	TRY(rmdir, "/");
	TRY(rmdir, "file");
	TRY(rmdir, "file/");
	TRY(rmdir, "dirlink");
	TRY(rmdir, "dirlink/");
	TRY(rmdir, "nothing");
	TRY(rmdir, "");
	TRY(rmdir, "new/a/");
	TRY(unlinkat, dir, "new", AT_REMOVEDIR);
	TRY(unlinkat, dir, "new", 1);
	TRY(rmdir, "sub/made");
}

static void names(int dir)
{
	static char text[4097];

	TRY(symlink, "target", "symlink");
	TRY(symlink, "target", "symlink");
	TRY(symlink, "target", "another/");
	TRY(symlink, "", "another");
	TRY(symlink, BAD, "another");
	TRY(symlink, "x", BAD);
	TRY(symlink, "target", "");
	TRY(symlinkat, "/absolute", dir, "sub/absolute");
	TRY(readlink, "sub/absolute", text, 20);
	memset(text, 'x', 256);
	TRY(symlink, "x", text);
	TRY(mkdir, text, 0700);
	TRY(unlink, text);
	memset(text, 'x', 4096);
	TRY(symlink, text, "long");
	TRY(unlink, text);
	TRY(link, "file", "hard");
	TRY(link, "file", "hard");
	TRY(link, "file", "sub/hard");
	TRY(link, "nothing", "x");
	TRY(link, "sub", "x");
	TRY(link, "file", "x/");
	TRY(link, "file/", "x");
	TRY(link, "file", "nothing/x");
	TRY(link, "link", "hardlink");
	TRY(linkat, dir, "link", dir, "hardfile", AT_SYMLINK_FOLLOW);
	TRY(linkat, dir, "link", dir, "x", 1);
	TRY(linkat, dir, "dangling", dir, "harddangling", 0);
	TRY(linkat, dir, "dangling", dir, "x", AT_SYMLINK_FOLLOW);
	TRY(linkat, dir, "", dir, "x", 0);
	TRY(link, "/dev/null", "x");
	show_file("file");
	show_file("hardlink");
	show_file("hardfile");
	TRY(unlink, "hard");
	TRY(unlink, "hard");
	TRY(unlink, "hardlink/");
	TRY(unlink, "hardlink");
	TRY(unlink, "sub");
	TRY(unlink, "sub/");
	TRY(unlink, "file/");
	TRY(unlink, "nothing/");
	TRY(unlink, ".");
	TRY(unlink, "sub/..");
	TRY(unlink, "dirlink/hard");
	TRY(unlink, "file/x");
	TRY(unlink, "");
	TRY(unlink, BAD);
	TRY(unlinkat, -1, "file", 0);
	TRY(unlinkat, dir, "symlink", 0);
	show_file("file");
}

static void moving(int dir)
{
	int fd = sys_open("file", O_RDONLY, 0);
	struct stat st = { 0 };

	TRY(mkdir, "from", 0755);
	TRY(mkdir, "to", 0755);
	TRY(rename, "file", "moved");
	TRY(rename, "file", "moved");
	TRY(rename, "moved", "from/file");
	TRY(rename, "from/file", "to/nothing/x");
	TRY(rename, "from", "to");
	TRY(rename, "from", "to/file");
	TRY(rename, "to", "to/inside");
	TRY(rename, "to/file", "from");
	TRY(rename, "to", "file/");
	TRY(rename, "file", "sub");
	TRY(rename, "sub", "created-0");
	TRY(rename, "created-0", "x/");
	TRY(rename, "created-0/", "x");
	TRY(rename, "created-0", ".");
	TRY(rename, ".", "x");
	TRY(rename, "..", "x");
	TRY(rename, "dirlink/inner", "inner");
	TRY(rename, "link", "relinked");
	TRY(rename, "", "x");
	TRY(rename, "inner", "");
	TRY(rename, BAD, "x");
	TRY(rename, "inner", BAD);
	TRY(renameat, dir, "inner", -1, "x");
	TRY(renameat2, dir, "inner", dir, "created-0", RENAME_NOREPLACE);
	TRY(renameat2, dir, "inner", dir, "created-0", RENAME_EXCHANGE);
	TRY(renameat2, dir, "inner", dir, "nothing", RENAME_EXCHANGE);
	TRY(renameat2, dir, "inner", dir, "x", RENAME_EXCHANGE | RENAME_NOREPLACE);
	TRY(renameat2, dir, "inner", dir, "x", 8);
	TRY(renameat2, dir, "inner", dir, ".", RENAME_NOREPLACE);
	TRY(fstat, fd, &st);
	say("size %ld\n", st.st_size);
	show_file("to/file");
	show_file("inner");
	show_file("relinked");
	show_file("dirlink");
	sys_close(fd);
}

/* Linux 6.6, by its number: the sandbox has it on every kernel. */
static bool has_fchmodat2(void)
{
	struct new_utsname name;
	const char *at = name.release;
	long major = 0, minor = 0;

	memset(&name, 0, sizeof(name));
	CALL(uname, &name);
	for (; *at >= '0' && *at <= '9'; at++)
		major = major * 10 + *at - '0';
	for (at += *at == '.'; *at >= '0' && *at <= '9'; at++)
		minor = minor * 10 + *at - '0';
	return major > 6 || (major == 6 && minor >= 6);
}

static void more_modes(int dir, int fd)
{
	TRY(fchmodat2, dir, "created-0", 0611, 0);
	show_file("created-0");
	TRY(fchmodat2, fd, "", 0622, AT_EMPTY_PATH);
	show_file("created-0");
	TRY(fchmodat2, fd, "", 0622, 0);
	TRY(fchmodat2, dir, "dirlink", 0755, AT_SYMLINK_NOFOLLOW);
	TRY(fchmodat2, dir, "file", 0644, AT_SYMLINK_NOFOLLOW);
	TRY(fchmodat2, dir, "file", 0644, 1);
	TRY(fchmodat2, -1, "file", 0644, 0);
}

static void modes(int dir)
{
	int fd = sys_open("created-0", O_RDWR, 0), path = sys_open("created-0", O_PATH, 0);

	TRY(chmod, "created-0", 0600);
	show_file("created-0");
	TRY(chmod, "relinked", 0640);
	show_file("relinked");
	TRY(fchmodat, dir, "dirlink", 01755);
	show_file("sub");
	if (has_fchmodat2())
		more_modes(dir, fd);
	TRY(fchmod, fd, 0444);
	TRY(fchmod, path, 0444);
	TRY(fchmod, -1, 0444);
	TRY(chmod, "nothing", 0600);
	TRY(chmod, "dangling", 0600);
	TRY(chmod, BAD, 0600);
	show_file("created-0");
	TRY(chown, "created-0", -1, -1);
	TRY(lchown, "dangling", -1, -1);
	TRY(chown, "dangling", -1, -1);
	TRY(fchown, fd, -1, -1);
	TRY(fchown, path, -1, -1);
	TRY(fchownat, dir, "dangling", -1, -1, AT_SYMLINK_NOFOLLOW);
	TRY(fchownat, dir, "", -1, -1, AT_EMPTY_PATH);
	TRY(fchownat, fd, "", -1, -1, AT_EMPTY_PATH);
	TRY(fchownat, dir, "file", -1, -1, 1);
	sys_close(fd);
	sys_close(path);
}

static void times(int dir)
{
	struct timespec ts[2] = { { 1000, 5 }, { 2000, 999999999 } };
	struct {
		long sec, usec;
	} tv[2] = { { 3000, 7 }, { 4000, 999999 } };
	long sec[2] = { 5000, 6000 };
	int fd = sys_open("created-0", O_RDONLY, 0),
	    path = sys_open("created-0", O_PATH, 0);

	TRY(utimensat, dir, "created-0", ts, 0);
	show_times("created-0");
	TRY(utimensat, dir, "dangling", ts, AT_SYMLINK_NOFOLLOW);
	show_times("dangling");
	TRY(utimensat, dir, "dangling", ts, 0);
	TRY(utimensat, dir, "created-0", ts, 1);
	ts[0].tv_nsec = 0x3ffffffe; /* UTIME_OMIT */
	ts[1].tv_sec = 7;
	TRY(utimensat, fd, NULL, ts, 0);
	show_times("created-0");
	TRY(utimensat, path, NULL, ts, 0);
	TRY(utimensat, path, "", ts, AT_EMPTY_PATH);
	TRY(utimensat, fd, NULL, ts, AT_SYMLINK_NOFOLLOW);
	TRY(utimensat, AT_FDCWD, NULL, ts, 0);
	TRY(utimensat, dir, "created-0", BAD, 0);
	ts[1].tv_nsec = 1000000000;
	TRY(utimensat, dir, "created-0", ts, 0);
	ts[1].tv_nsec = 0x3ffffffe;
	TRY(utimensat, -1, BAD, ts, 77);
	TRY(utimensat, dir, "created-0", NULL, 0);
	TRY(utimes, "created-0", tv);
	show_times("created-0");
	tv[0].sec = 3500;
	TRY(futimesat, dir, "created-0", tv);
	TRY(utime, "inner", sec);
	show_times("inner");
	show_times("created-0");
	tv[0].usec = 1000000;
	TRY(utimes, "created-0", tv);
	TRY(utimes, "nothing", NULL);
	TRY(utime, "inner", BAD);
	sys_close(fd);
	sys_close(path);
}

int main(int argc, char **argv)
{
	int dir;

	if (argc != 2)
		usage("DIR");
	say("chdir = %ld\n", CALL(chdir, argv[1]));
	dir = must_open(".", O_RDONLY | O_DIRECTORY, NULL);
	creating();
	directories(dir);
	names(dir);
	moving(dir);
	modes(dir);
	times(dir);
	return 0;
}
