/* SPDX-License-Identifier: MIT */
/* sandbox.h: run a payload in a test, with its output kept, and files in a folder of its own. */
#ifndef TESTS_SANDBOX_H
#define TESTS_SANDBOX_H

#include <mapvisor/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/stage2.h"

#define SECOND 1000000000ull
#define ARGS_MAX 8

/* A sandbox under test. */
struct sandbox {
	struct mv_vm *vm;
	struct mv_exit end; /* of the last sandbox_run() */
	struct mv_options opt;
	int out;	    /* what the payload writes to its 1 and 2: a memfd */
	char text[1 << 16]; /* it, after sandbox_run() */
};

static inline const char *payload_path(const char *name)
{
	static _Thread_local char path[4096];
	const char *dir = getenv("PAYLOADS");

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "build/payloads", name);
	return path;
}

/* Options that a test may still change before sandbox_load(). */
static inline void sandbox_init(struct sandbox *s)
{
	REQUIRE_STAGE2();
	memset(s, 0, sizeof(*s));
	mv_options_init(&s->opt);
	s->opt.stage2 = test_stage2();
	s->opt.timeout_ns = 20 * SECOND;
	s->out = memfd_create("output", MFD_CLOEXEC);
	cr_assert(s->out >= 0);
	s->opt.fds[0] = -1;
	s->opt.fds[1] = s->opt.fds[2] = s->out;
}

/* argv: the payload's name, arguments, NULL. */
static inline void sandbox_load(struct sandbox *s, const char *const *argv)
{
	static const char *const envp[] = { "TEST=1", NULL };
	struct mv_error err = { 0 };

	cr_assert(!mv_open(&s->opt, &s->vm, &err), "%s", err.text);
	cr_assert(!mv_load(s->vm, payload_path(argv[0]), argv, envp, &err), "%s", err.text);
}

static inline void sandbox_run(struct sandbox *s)
{
	struct mv_error err = { 0 };
	ssize_t n;

	cr_assert(!mv_run(s->vm, &s->end, &err), "%s", err.text);
	n = pread(s->out, s->text, sizeof(s->text) - 1, 0);
	s->text[n < 0 ? 0 : n] = '\0';
}

static inline void sandbox_close(struct sandbox *s)
{
	mv_close(s->vm);
	close(s->out);
}

/* Load and run with the options as they are. */
#define sandbox_do(s, ...)                                                     \
	do {                                                                   \
		sandbox_load((s), (const char *const[]){ __VA_ARGS__, NULL }); \
		sandbox_run(s);                                                \
	} while (0)

static inline uint64_t symbol(struct sandbox *s, const char *name)
{
	uint64_t gva = 0;

	cr_assert(!mv_symbol(s->vm, name, &gva, NULL), "no symbol %s", name);
	return gva;
}

/* The 64-bit global of that name. */
static inline uint64_t global(struct sandbox *s, const char *name)
{
	uint64_t value = 0;

	cr_assert(!mv_read(s->vm, symbol(s, name), &value, sizeof(value), NULL));
	return value;
}

static inline struct mv_counters counters(struct sandbox *s)
{
	struct mv_counters c;

	mv_counters(s->vm, &c);
	return c;
}

/* Run a program of the host's, argv[0], found as a shell does; what it writes is in text. */
static inline void run_natively(const char *const *argv, char *text, size_t size)
{
	char test[] = "TEST=1", *const envp[] = { test, NULL };
	int out = memfd_create("native", MFD_CLOEXEC), status;
	pid_t pid = fork();
	ssize_t n;

	if (!pid) {
		dup2(out, STDOUT_FILENO);
		execvpe(argv[0], (char *const *)(uintptr_t)argv, envp);
		_exit(127);
	}
	cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "%s", argv[0]);
	n = pread(out, text, size - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	close(out);
}

/* A file of the test's own with these bytes; path has room for PATH_MAX. */
static inline void make_file(char *path, const void *bytes, size_t len)
{
	int fd;

	strcpy(path, "/tmp/mapvisor-test-XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static inline void assert_file_eq(const char *path, const void *bytes, size_t len)
{
	char *found = (char *)malloc(len + 1);
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(found, 1, len + 1, file) : 0;

	cr_assert(n == len && !memcmp(found, bytes, len), "%s holds other bytes", path);
	free(found);
	if (file)
		fclose(file);
}

/* Line by line, so that a failure says which. */
static inline void expect_same_lines(char *found, char *want)
{
	char *f, *w, *rest_f, *rest_w;

	f = strtok_r(found, "\n", &rest_f);
	w = strtok_r(want, "\n", &rest_w);
	for (; f && w; f = strtok_r(NULL, "\n", &rest_f), w = strtok_r(NULL, "\n", &rest_w))
		cr_expect_str_eq(f, w);
	cr_expect(!f && !w, "sandbox: %s; natively: %s", f ? f : "at its end",
		  w ? w : "at its end");
}

#endif
