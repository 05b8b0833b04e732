/* SPDX-License-Identifier: MIT */
/* native.h: the same payload natively and in a sandbox. What is right comes from the host's kernel. */
#ifndef TESTS_NATIVE_H
#define TESTS_NATIVE_H

#include <limits.h>
#include <sys/resource.h>

#include "tests/kvm/sandbox.h"

/*
 * Run argv natively in a process group of its own, which it may kill; a shell's exit status. in, -1:
 * the test's own, is its 0.
 */
static inline int natively(const char *const *argv, int in, char *text, size_t size)
{
	char test[] = "TEST=1", *const envp[] = { test, NULL };
	const struct rlimit no_core = { 0, 0 };
	int out = memfd_create("native", MFD_CLOEXEC), status = 0;
	pid_t pid = fork();
	ssize_t n;

	if (!pid) {
		setpgid(0, 0);
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		execve(argv[0], (char *const *)(uintptr_t)argv, envp);
		_exit(127);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	n = pread(out, text, size - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	close(out);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/*
 * PAYLOAD WAY [ARGUMENT], both ways, says and ends the same; in is its 0, -1: none; file, which may be
 * NULL, is granted. The status of both.
 */
static inline int same_with_input(int in, const char *payload, const char *way,
				  const char *argument, const char *file)
{
	char path[PATH_MAX], native[1 << 15];
	const struct mv_grant grant = { file, true };
	struct sandbox s;
	int status;

	strcpy(path, payload_path(payload));
	status = natively((const char *const[]){ path, way, argument, NULL }, in, native,
			  sizeof(native));
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = file ? 1 : 0;
	s.opt.fds[0] = in;
	sandbox_load(&s, (const char *const[]){ payload, way, argument, NULL });
	sandbox_run(&s);
	cr_expect_str_eq(s.text, native, "%s %s: found\n%s\nexpected\n%s", way,
			 argument ? argument : "", s.text, native);
	cr_expect_eq(s.end.status, status, "%s %s: status %d, %d expected", way,
		     argument ? argument : "", s.end.status, status);
	sandbox_close(&s);
	return status;
}

/* ... with a pipe that nobody writes to. */
static inline int same_with_pipe(const char *payload, const char *way, const char *argument,
				 const char *file)
{
	int fds[2], status;

	cr_assert(!pipe(fds));
	status = same_with_input(fds[0], payload, way, argument, file);
	close(fds[0]);
	close(fds[1]);
	return status;
}

static inline int same_as_native(const char *payload, const char *way, const char *argument,
				 const char *file)
{
	return same_with_input(-1, payload, way, argument, file);
}

#endif
