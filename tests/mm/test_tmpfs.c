/* SPDX-License-Identifier: MIT */
/* test_tmpfs.c: a file system of a sandbox's own, made with CAP_SYS_ADMIN and without. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/require_kvm.h"
#include "vmm/linux/tmpfs.h"

#define PAGE 4096
#define CANT 77

/* Pages that a new file there takes of 8. */
static int fill(int dir)
{
	static const char page[PAGE];
	int fd = openat(dir, "file", O_WRONLY | O_CREAT | O_EXCL, 0600), n = 0;

	while (fd >= 0 && write(fd, page, PAGE) == PAGE && n < 8)
		n++;
	close(fd);
	return n;
}

/* 0, CANT, or which of these is otherwise. */
static int make_and_look(void)
{
	int fd = tmpfs_make(2 * PAGE), other;
	struct statfs fs;
	struct stat st;

	if (fd == -EPERM)
		return CANT;
	if (fd < 0)
		return 1;
	if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		return 2;
	if (fstat(fd, &st) || st.st_mode != (S_IFDIR | 01777) || st.st_uid != geteuid() ||
	    st.st_gid != getegid())
		return 3;
	if (fstatfs(fd, &fs) || fs.f_blocks != 2 || fs.f_files > 16)
		return 4;
	if (fill(fd) != 2)
		return 5;
	other = tmpfs_make(2 * PAGE);
	if (other < 0 || !faccessat(other, "file", F_OK, 0))
		return 6;
	return waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD ? 0 : 7;
}

/* Mounting is for CAP_SYS_ADMIN, whoever has it. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0, 0, 0 } };

	if (syscall(SYS_capset, &head, none))
		_exit(8);
}

static int as_anyone(void)
{
	const uid_t uid = getuid() ? getuid() : 12345;
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ||
		    prctl(PR_SET_DUMPABLE, 1)) /* which setresuid() has changed */
			_exit(CANT);
		drop_capabilities();
		_exit(make_and_look());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(tmpfs, is_of_its_size_empty_and_its_makers)
{
	const int result = make_and_look();

	if (result == CANT)
		SKIP("neither CAP_SYS_ADMIN nor a user name space");
	cr_expect_eq(result, 0);
}

Test(tmpfs, can_be_made_without_capabilities)
{
	const int result = as_anyone();

	if (result == CANT)
		SKIP("no user name spaces for everyone");
	cr_expect_eq(result, 0);
}
