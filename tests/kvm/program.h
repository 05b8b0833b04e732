/* SPDX-License-Identifier: MIT */
/* program.h: run a program that was not made for the sandbox in it and natively, and compare. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <sys/personality.h>

#include "tests/kvm/sandbox.h"

static inline const char *program_path(const char *name)
{
	static _Thread_local char path[4096];
	const char *dir = getenv("PROGRAMS");

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "build/tests/programs", name);
	return path;
}

/* As run_natively(), for whatever exit status: that; and without randomised addresses. */
static inline int native_status(const char *const *argv, char *text, size_t size)
{
	char test[] = "TEST=1", *const envp[] = { test, NULL };
	int out = memfd_create("native", MFD_CLOEXEC), status = 0;
	pid_t pid = fork();
	ssize_t n;

	if (!pid) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		close(STDIN_FILENO);
		personality(ADDR_NO_RANDOMIZE);
		execve(argv[0], (char *const *)(uintptr_t)argv, envp);
		_exit(127);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	n = pread(out, text, size - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	close(out);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* argv[0] is the program's path. What is granted, and other options, stand in s->opt. */
static inline void sandbox_as_native(struct sandbox *s, const char *const *argv)
{
	static const char *const envp[] = { "TEST=1", NULL };
	static _Thread_local char want[1 << 16];
	const int status = native_status(argv, want, sizeof(want));
	struct mv_error err = { 0 };

	cr_assert(!mv_open(&s->opt, &s->vm, &err), "%s", err.text);
	cr_assert(!mv_load(s->vm, argv[0], argv, envp, &err), "%s", err.text);
	sandbox_run(s);
	mv_assert_exited(&s->end, status);
	cr_assert_str_eq(s->text, want);
	sandbox_close(s);
}

#define assert_as_native(...)                                      \
	do {                                                       \
		const char *const argv_[] = { __VA_ARGS__, NULL }; \
		struct sandbox s_;                                 \
                                                                   \
		REQUIRE_KVM();                                     \
		sandbox_init(&s_);                                 \
		sandbox_as_native(&s_, argv_);                     \
	} while (0)

#endif
