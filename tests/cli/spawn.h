/* SPDX-License-Identifier: MIT */
/*
 * spawn.h: run the mapvisor that is tested, as a shell would, and look at what came of it.
 * $MAPVISOR is the executable (default: build/mapvisor), $PAYLOADS the folder of built
 * payloads (default: build/payloads).
 */
#ifndef TESTS_CLI_SPAWN_H
#define TESTS_CLI_SPAWN_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Every test has it; a child that hangs is ended before. */
#define TEST_SECONDS 60
#define CHILD_SECONDS 40

#define NOBODY 65534

struct outcome {
	int status;	 /* as a shell shows it */
	char out[65536]; /* both cut to fit */
	char err[65536];
};

/* What is unusual about the child; all zero: nothing. */
struct setup {
	int uid;	      /* become this user */
	bool no_dev;	      /* an empty /dev; status 77 where that can't be made */
	bool close_out;	      /* start without standard output */
	bool free_stack;      /* no limit to the stack, so that more arguments pass */
	const char *out;      /* standard output is this file */
	const char *variable; /* "NAME=VALUE" in its environment, which is empty else */
};

static inline const char *mapvisor_path(void)
{
	const char *path = getenv("MAPVISOR");

	return path ? path : "build/mapvisor";
}

/* The path of a built payload; good until the fourth call after. */
static inline const char *payload(const char *name)
{
	static char paths[4][4096];
	static unsigned int next;
	char *path = paths[next++ % 4];
	const char *folder = getenv("PAYLOADS");

	snprintf(path, sizeof(paths[0]), "%s/%s", folder ? folder : "build/payloads", name);
	return path;
}

static inline void hide_dev(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/dev", "tmpfs", 0, NULL))
		_exit(77);
}

static inline _Noreturn void become(const struct setup *setup, const char *const *argv,
				    int out, int err)
{
	char *environment[] = { (char *)setup->variable, NULL };
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	if (setup->out)
		out = open(setup->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(78);
	if (setup->close_out)
		close(1);
	if (setup->no_dev)
		hide_dev();
	if (setup->uid &&
	    (setgid(setup->uid) || setresuid(setup->uid, setup->uid, setup->uid)))
		_exit(78);
	if (setup->free_stack)
		setrlimit(RLIMIT_STACK, &unlimited);
	alarm(CHILD_SECONDS);
	execve(argv[0], (char **)argv, environment);
	_exit(79);
}

static inline void take_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	cr_assert_geq(n, 0);
	text[n] = '\0';
	close(fd);
}

static inline void spawn(const struct setup *setup, const char *const *argv,
			 struct outcome *outcome)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	pid_t pid = fork();
	int status;

	cr_assert(out >= 0 && err >= 0 && pid >= 0);
	if (!pid)
		become(setup, argv, out, err);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	take_text(out, outcome->out, sizeof(outcome->out));
	take_text(err, outcome->err, sizeof(outcome->err));
	cr_assert_neq(outcome->status, 79, "%s: can't be executed", argv[0]);
}

/* struct outcome o; mapvisor(&o, "run", "--stats", payload("hello")); */
#define mapvisor(outcome, ...) mapvisor_as(&(struct setup){ 0 }, outcome, __VA_ARGS__)
#define mapvisor_as(setup, outcome, ...) \
	spawn(setup, (const char *[]){ mapvisor_path(), __VA_ARGS__, NULL }, outcome)

#define assert_status(outcome, expected)                                                \
	cr_assert_eq((outcome)->status, expected, "exit status %d, not %d; stderr: %s", \
		     (outcome)->status, expected, (outcome)->err)
#define assert_has(text, part) \
	cr_assert_not_null(strstr(text, part), "no '%s' in: %s", part, text)
#define assert_lacks(text, part) \
	cr_assert_null(strstr(text, part), "'%s' in: %s", part, text)

/* An error of ours: its status, on stderr only, in our name, with these words in it. */
#define assert_error(outcome, expected, ...)                                           \
	do {                                                                           \
		static const char *const words[] = { __VA_ARGS__ };                    \
		assert_status(outcome, expected);                                      \
		cr_assert_str_empty((outcome)->out);                                   \
		cr_assert_eq(strncmp((outcome)->err, "mapvisor", 8), 0, "stderr: %s",  \
			     (outcome)->err);                                          \
		for (size_t word = 0; word < sizeof(words) / sizeof(words[0]); word++) \
			assert_has((outcome)->err, words[word]);                       \
	} while (0)

static inline json_t *parse_json(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	cr_assert_not_null(json, "not JSON, line %d: %s: %s", error.line, error.text, text);
	return json;
}

/* The number in "0x..." behind a key. */
static inline unsigned long long json_hex(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	cr_assert_not_null(text, "no string %s", key);
	cr_assert_eq(strncmp(text, "0x", 2), 0, "%s: %s", key, text);
	return strtoull(text, NULL, 16);
}

static inline long long json_int(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	cr_assert(json_is_integer(value), "no number %s", key);
	return json_integer_value(value);
}

static inline const char *json_text(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	cr_assert_not_null(text, "no string %s", key);
	return text;
}

#endif
