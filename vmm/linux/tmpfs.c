/* SPDX-License-Identifier: MIT */
/* tmpfs.c: see tmpfs.h. Who may not mount does so in a user name space of its own. */
#include "vmm/linux/tmpfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
/* Of a few pages, too, some files can be made. */
#define INODES_MIN 16u

/* What is to become its owner, and the only one whom the name space knows. */
struct request {
	uint64_t size;
	uid_t uid;
	gid_t gid;
	int fd; /* the result: tmpfs_make()'s */
};

static bool set(int fs, const char *key, const char *text)
{
	return !syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, text, 0);
}

static bool set_number(int fs, const char *key, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return set(fs, key, text);
}

static int mount_it(uint64_t size)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), fd = -1, err = 0;
	const uint64_t inodes = size / PAGE;

	if (fs < 0)
		return -errno;
	if (set_number(fs, "size", size) &&
	    set_number(fs, "nr_inodes", inodes < INODES_MIN ? INODES_MIN : inodes) &&
	    set(fs, "mode", "1777") &&
	    !syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
				  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fd < 0)
		err = -errno;
	close(fs);
	return fd < 0 ? err : fd;
}

/* ---- in a user name space */

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* An id that isn't mapped can own nothing there: user_namespaces(7). */
static bool map_ids(const struct request *r)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "%u %u 1", r->uid, r->uid);
	snprintf(gid, sizeof(gid), "%u %u 1", r->gid, r->gid);
	return write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/uid_map", uid) &&
	       write_text("/proc/self/gid_map", gid);
}

static int in_namespace(void *arg)
{
	struct request *r = arg;

	r->fd = map_ids(r) ? mount_it(r->size) : -EPERM;
	_exit(0);
}

#define STACK_SIZE (64u << 10)

/* As vfork(2) has it, but for the descriptors, which are common: so the result is ours, too. */
static int mount_elsewhere(struct request *r)
{
	const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_VM | CLONE_VFORK |
			  CLONE_FILES;
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t all, old;
	pid_t pid;

	if (stack == MAP_FAILED)
		return -ENOMEM;
	sigfillset(&all); /* no handler of this process's runs on that stack */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = clone(in_namespace, stack + STACK_SIZE, flags, r);
	if (pid > 0)
		waitpid(pid, NULL, __WALL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	munmap(stack, STACK_SIZE);
	return pid > 0 ? r->fd : -EPERM;
}

int tmpfs_make(uint64_t size)
{
	struct request r = {
		.size = size, .uid = geteuid(), .gid = getegid(), .fd = -EPERM
	};
	int fd = mount_it(size);

	return fd == -EPERM ? mount_elsewhere(&r) : fd;
}
