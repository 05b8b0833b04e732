/* SPDX-License-Identifier: MIT */
/* script.c: `#!` lines, as load_script() of fs/binfmt_script.c takes them apart. */
#include "vmm/vm/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/observe/error.h"

/* include/uapi/linux/binfmts.h: what of a file is looked at. */
#define BINPRM_BUF_SIZE 256
/* exec_binprm() of fs/exec.c: so many files on the way to a program, it included. */
#define DEPTH_MAX 6

/* A first line: both within the buffer; arg NULL: it has none. */
struct line {
	char *name, *arg;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first in [at, last] that is no blank; NULL: none. */
static char *next_non_blank(char *at, const char *last)
{
	for (; at <= last; at++)
		if (!is_blank(*at))
			return at;
	return NULL;
}

/* ... that is a blank or the end. */
static char *next_terminator(char *at, const char *last)
{
	for (; at <= last; at++)
		if (is_blank(*at) || !*at)
			return at;
	return NULL;
}

/* False: no interpreter's name, or one that may go on behind the buffer. */
static bool take_line(char buf[BINPRM_BUF_SIZE], struct line *line)
{
	char *last = &buf[BINPRM_BUF_SIZE - 1], *sep;
	char *end = memchr(buf, '\n', strnlen(buf, BINPRM_BUF_SIZE));

	if (!end) {
		end = next_non_blank(buf + 2, last);
		if (!end || !next_terminator(end, last))
			return false;
		end = last;
	}
	while (is_blank(end[-1]))
		end--;
	line->arg = NULL;
	line->name = next_non_blank(buf + 2, end);
	if (!line->name || line->name == end)
		return false;
	sep = next_terminator(line->name, end);
	if (sep && *sep)
		line->arg = next_non_blank(sep, end);
	*end = '\0';
	if (line->arg)
		*sep = '\0';
	return true;
}

static size_t count(const char *const *v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

/* A copy that lives as long as the script; NULL: no memory. */
static const char *keep(struct script *s, const char *text)
{
	char *copy = strdup(text);

	if (copy)
		s->texts[s->nr_texts++] = copy;
	return copy;
}

/* argv[0] becomes name, perhaps arg, and the script's own path. */
static int put_before(struct script *s, const struct line *line, const char *path)
{
	const size_t n = count(s->argv), head = line->arg ? 3 : 2;
	const char **args = calloc(head + n, sizeof(*args));
	size_t at = 0;

	if (!args)
		return -ENOMEM;
	args[at++] = keep(s, line->name);
	if (line->arg)
		args[at++] = keep(s, line->arg);
	args[at++] = keep(s, path);
	for (size_t i = 0; i < at; i++)
		if (!args[i]) {
			free(args);
			return -ENOMEM;
		}
	memcpy(args + at, s->argv + 1, (n - 1) * sizeof(*args));
	free(s->args);
	s->argv = s->args = args;
	return 0;
}

/* What was opened is a script: open its interpreter in its place. 1: it is none. */
static int step(struct script *s, struct image *image, const struct policy *policy,
		struct mv_error *err)
{
	char buf[BINPRM_BUF_SIZE] = "";
	struct image next;
	struct line line;
	int ret;

	if (pread(image->fd, buf, sizeof(buf), 0) < 2 || memcmp(buf, "#!", 2) != 0)
		return 1;
	if (!take_line(buf, &line))
		return mv_fail(err, ENOEXEC,
			       "%s: a script, whose first line names no interpreter, or a "
			       "longer one than %d bytes",
			       image->path, BINPRM_BUF_SIZE);
	if (put_before(s, &line, image->path))
		return mv_fail_errno(err, ENOMEM, image->path);
	ret = image_open_granted(&next, policy, line.name, image->path, err);
	image_close(image);
	*image = next;
	return ret;
}

int script_resolve(struct script *s, struct image *image, const struct policy *policy,
		   const char *path, const char *const *argv, struct mv_error *err)
{
	int ret = image_open(image, policy, path, err);

	*s = (struct script){ .argv = argv,
			      .texts = calloc(3 * DEPTH_MAX, sizeof(*s->texts)) };
	if (!ret && !s->texts)
		ret = mv_fail_errno(err, ENOMEM, path);
	for (unsigned depth = 0; !ret; depth++) {
		if (depth == DEPTH_MAX)
			return mv_fail(err, ELOOP,
				       "%s: a script of a script of a script: no program "
				       "after %d of them",
				       path, DEPTH_MAX);
		ret = step(s, image, policy, err);
	}
	return ret < 0 ? ret : 0;
}

void script_free(struct script *s)
{
	for (size_t i = 0; i < s->nr_texts; i++)
		free(s->texts[i]);
	free(s->texts);
	free(s->args);
}
