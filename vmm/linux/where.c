/* SPDX-License-Identifier: MIT */
/* where.c: where things are by now that were opened by a path, the cwd among them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/linux/fdtable.h"
#include "vmm/linux/place.h"

#define DELETED " (deleted)"

/*
 * Whether what is open was removed, as the end of the host's name for it says; or that is its name: then there
 * is something of that name, and it is this. own: no name of the host's leads there.
 */
static bool was_removed(int fd, const char *link, bool own)
{
	const size_t len = strlen(link), end = strlen(DELETED);
	struct stat st = { 0 }, there;

	if (len < end || strcmp(link + len - end, DELETED) != 0)
		return false;
	if (fstat(fd, &st) || !st.st_nlink || own)
		return !st.st_nlink;
	return lstat(link, &there) || st.st_dev != there.st_dev ||
	       st.st_ino != there.st_ino;
}

/* Whether fd is on a file system of the payload's own, where the host's names begin at its root. */
static const struct grant *own_grant(const struct policy *pol, int fd)
{
	struct stat st, own;

	for (size_t i = 0; i < pol->nr_grants; i++) {
		const struct grant *g = &pol->grants[i];
		const int top = __atomic_load_n(&g->fd, __ATOMIC_ACQUIRE);

		if (!g->host && top >= 0 && !fstat(top, &own) && !fstat(fd, &st) &&
		    st.st_dev == own.st_dev)
			return g;
	}
	return NULL;
}

/* The deepest grant that the host's path is in; of a file that is granted itself, only this file. */
static const struct grant *host_grant(const struct policy *pol, const char *link,
				      const char **rest)
{
	const struct grant *found = NULL;
	const char *r;

	for (size_t i = 0; i < pol->nr_grants; i++) {
		const struct grant *g = &pol->grants[i];

		r = g->host ? path_beneath(link, g->host) : NULL;
		if (!r || (found && r < *rest) ||
		    (g->real[g->skip] && strcmp(r, g->real + g->skip)))
			continue;
		found = g;
		*rest = r;
	}
	return found;
}

static bool name_in(const struct grant *g, const char *rest, char path[PATH_MAX])
{
	if (!g ||
	    snprintf(path, PATH_MAX, "%.*s%s", (int)g->skip, g->real, rest) >= PATH_MAX)
		return false;
	if (!*path)
		strcpy(path, "/");
	return true;
}

bool policy_name(const struct policy *pol, const char *host, char path[PATH_MAX])
{
	const char *rest = NULL;
	const struct grant *g = host_grant(pol, host, &rest);

	return name_in(g, rest, path);
}

/* With a root of the payload's own its place on the host isn't its name. */
void policy_exe_name(const struct policy *pol, const char *path, char name[PATH_MAX])
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		snprintf(real, sizeof(real), "/%s", basename(path));
	if (!policy_name(pol, real, name))
		strcpy(name, pol->own_root ? strrchr(real, '/') : real);
}

int policy_where(const struct policy *pol, int fd, const char *was, char path[PATH_MAX])
{
	const struct grant *own;
	char link[PATH_MAX];
	bool removed;

	if (host_link(fd, link) < 0 || *link != '/') {
		strcpy(path, was);
		return 0;
	}
	own = own_grant(pol, fd);
	removed = was_removed(fd, link, own);
	if (removed)
		link[strlen(link) - strlen(DELETED)] = '\0';
	if (!(own ? name_in(own, link[1] ? link : "", path) : policy_name(pol, link, path)))
		strcpy(path, was);
	if (removed && strlen(path) + sizeof(DELETED) <= PATH_MAX)
		strcat(path, DELETED);
	return removed;
}

int policy_cwd(const struct policy *pol, char path[PATH_MAX])
{
	int removed = 0;

	if (!pol->cwd)
		return -ENOENT;
	if (pol->cwd_fd >= 0)
		removed = policy_where(pol, pol->cwd_fd, pol->cwd, path);
	else
		strcpy(path, pol->cwd);
	if (!*path)
		strcpy(path, "/");
	return removed;
}

int policy_set_cwd(struct policy *pol, int fd, const char *path)
{
	char *cwd = strdup(path);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (!cwd || (fd >= 0 && copy < 0)) {
		free(cwd);
		return -ENOMEM;
	}
	free(pol->cwd);
	if (pol->cwd_fd >= 0)
		close(pol->cwd_fd);
	pol->cwd = cwd;
	pol->cwd_fd = copy;
	return 0;
}
