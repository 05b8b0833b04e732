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

/*
 * What the kernel is to be told. It is all written before a name space is needed: who enters it shares this
 * process's memory, and does nothing but system calls.
 */
struct request {
	char size[24], inodes[24]; /* of the file system */
	char uid_map[40],
		gid_map[40]; /* its owner, and the only one whom the name space knows */
	int fd;		     /* the result: tmpfs_make()'s */
};

static void write_request(struct request *r, uint64_t size)
{
	const uint64_t inodes = size / PAGE < INODES_MIN ? INODES_MIN : size / PAGE;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	snprintf(r->size, sizeof(r->size), "%" PRIu64, size);
	snprintf(r->inodes, sizeof(r->inodes), "%" PRIu64, inodes);
	/* an id that isn't mapped can own nothing there: user_namespaces(7) */
	snprintf(r->uid_map, sizeof(r->uid_map), "%u %u 1", uid, uid);
	snprintf(r->gid_map, sizeof(r->gid_map), "%u %u 1", gid, gid);
}

static bool set(int fs, const char *key, const char *text)
{
	return !syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, text, 0);
}

static int mount_it(const struct request *r)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), fd = -1, err = 0;

	if (fs < 0)
		return -errno;
	if (set(fs, "size", r->size) && set(fs, "nr_inodes", r->inodes) &&
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

static int in_namespace(void *arg)
{
	struct request *r = arg;

	r->fd = write_text("/proc/self/setgroups", "deny") &&
				write_text("/proc/self/uid_map", r->uid_map) &&
				write_text("/proc/self/gid_map", r->gid_map)
			? mount_it(r)
			: -EPERM;
	return 0;
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
	struct request r;
	int fd;

	write_request(&r, size);
	fd = mount_it(&r);
	return fd == -EPERM ? mount_elsewhere(&r) : fd;
}
