/* SPDX-License-Identifier: MIT */
/* place.h: what the files of a policy share: policy.c, grants.c, where.c. */
#ifndef LINUX_PLACE_H
#define LINUX_PLACE_H

#include <errno.h>
#include <string.h>

#include "vmm/linux/policy.h"

/* Where a path leads, in the host's terms: no link, no dot in it. */
struct place {
	char path[PATH_MAX];	   /* absolute; "" is the root */
	const struct grant *grant; /* the deepest that it is in; NULL: none */
	const char *rel; /* if granted: the end of path, from grant->fd's directory on */
	mode_t mode;	 /* of what is there; 0: nothing */
	bool slash;	 /* the payload's path ended in one: it wants a directory */
};

/*
 * See what is at a granted place: pl->mode, and where a symbolic link points to, unless link
 * is NULL: a link that isn't followed isn't read, which would be its atime. 0 also where there is nothing; -ELOOP: a
 * link is on the way there.
 */
int place_look(struct place *pl, char *link);

/* The path in full, as text; base as policy_open()'s. 0, -ENOENT or -ENAMETOOLONG. */
int policy_absolute(const struct policy *pol, const char *base, const char *path,
		    char full[PATH_MAX]);

/* ---- paths as text */

/*
 * What of path comes after top, where path is top or beneath it; else NULL. The deeper top
 * is, the farther on in path the result points.
 */
static inline const char *path_beneath(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (strncmp(path, top, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

/* Take the last name off. The root's parent is the root. */
static inline void path_strip(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* One name more. 0 or -ENAMETOOLONG. */
static inline int path_append(char path[PATH_MAX], const char *name, size_t len)
{
	size_t at = strlen(path);

	if (at + 1 + len >= PATH_MAX)
		return -ENAMETOOLONG;
	path[at] = '/';
	memcpy(path + at + 1, name, len);
	path[at + 1 + len] = '\0';
	return 0;
}

/* Whether a name is `dots`, "." or "..". */
static inline bool path_is_dots(const char *name, size_t len, const char *dots)
{
	return len == strlen(dots) && !memcmp(name, dots, len);
}

#endif
