/* SPDX-License-Identifier: MIT */
/* child.c: run a program to its end, with its output and the time it took. */
#include "vmm/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* posix_spawn(3) forks as vfork(2) does: its cost doesn't grow with our memory. */
static int spawn(const char *const *argv, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char *environment[] = { NULL };
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawn(pid, argv[0], &actions, NULL, (char *const *)argv,
				  environment);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* To its end, for a writer would wait or die else; what doesn't fit is dropped. */
static void read_all(int fd, char *out, size_t size)
{
	char excess[512];
	size_t used = 0;
	ssize_t n;

	do {
		if (used < size - 1)
			n = read(fd, out + used, size - 1 - used);
		else
			n = read(fd, excess, sizeof(excess));
		if (n > 0 && used < size - 1)
			used += n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	out[used] = '\0';
}

static int wait_for(pid_t pid, long *faults)
{
	struct rusage usage;
	int status;

	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return -1;
	*faults = usage.ru_minflt;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_run(const char *const *argv, struct child *child)
{
	int pipes[2], err;
	uint64_t start;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return errno;
	start = now_ns();
	err = spawn(argv, pipes[1], &pid);
	close(pipes[1]);
	if (!err) {
		read_all(pipes[0], child->out, sizeof(child->out));
		child->status = wait_for(pid, &child->faults);
		child->ns = now_ns() - start;
	}
	close(pipes[0]);
	return err;
}
