/* SPDX-License-Identifier: MIT */
/* grants.c: a policy's life: the grants that it is made of. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/linux/fdtable.h"
#include "vmm/linux/place.h"
#include "vmm/linux/tmpfs.h"
#include "vmm/mm/mm.h"
#include "vmm/observe/error.h"

/* What may come to the embedder's grants: a root, a /tmp, a /dev/shm. */
#define GRANTS_OWN 3

#define SHM_PATH "/dev/shm"

/* path, which is absolute, without dots and needless '/', `..` taken as text. */
static int tidy(const char *path, char out[PATH_MAX])
{
	size_t len;
	int err = 0;

	out[0] = '\0';
	for (path += strspn(path, "/"); *path && !err; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		if (path_is_dots(path, len, ".."))
			path_strip(out);
		else if (!path_is_dots(path, len, "."))
			err = path_append(out, path, len);
		path += len;
	}
	return err;
}

/* Open what the walk starts from, and make sure it can. -EINVAL: not to be granted. */
static int open_grant(struct grant *g)
{
	struct place pl = { .grant = g };
	struct stat st;
	int err;

	if (stat(*g->real ? g->real : "/", &st))
		return -errno;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return -EINVAL;
	g->skip = S_ISDIR(st.st_mode) ? strlen(g->real)
				      : (size_t)(strrchr(g->real, '/') - g->real);
	memcpy(pl.path, g->real, g->skip);
	g->fd = open(g->skip ? pl.path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (g->fd < 0)
		return -errno;
	pl.rel = g->real + g->skip;
	pl.rel += *pl.rel == '/';
	err = place_look(&pl, NULL);
	return err || (pl.mode & S_IFMT) == (st.st_mode & S_IFMT) ? err : -ENOENT;
}

static int add_grant(struct policy *pol, const struct mv_grant *grant)
{
	struct grant *g = &pol->grants[pol->nr_grants++];
	char full[PATH_MAX], name[PATH_MAX], real[PATH_MAX];
	int err;

	*g = (struct grant){ .fd = -1, .writable = grant->writable };
	err = policy_absolute(pol, NULL, grant->path, full);
	if (!err)
		err = tidy(full, name);
	if (err)
		return err;
	if (!realpath(grant->path, real))
		return -errno;
	g->name = strdup(name);
	g->real = strdup(real[1] ? real : "");
	if (!g->name || !g->real)
		return -ENOMEM;
	err = open_grant(g);
	if (err)
		return err;
	g->host = strndup(g->real, g->skip);
	return g->host ? 0 : -ENOMEM;
}

/* This process's umask, which umask(2) can't tell without changing it for all threads. */
static mode_t host_umask(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	static const char key[] = "Umask:";
	unsigned long mask = 022;
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, key, strlen(key)))
			mask = strtoul(line + strlen(key), NULL, 8);
	if (status)
		fclose(status);
	return mask & 0777;
}

static const char *why_not_granted(int err)
{
	if (err == -EINVAL)
		return "Neither a regular file nor a directory";
	if (err == -EMFILE)
		return "Too many open files: each grant keeps one; raise the limit (ulimit -n)";
	return strerrordesc_np(-err);
}

int policy_init(struct policy *pol, const struct mv_grant *grants, size_t n,
		struct mv_error *err)
{
	int ret = 0;

	*pol = (struct policy){ .umask = host_umask(),
				.cwd = getcwd(NULL, 0),
				.cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	pol->grants = calloc(n + GRANTS_OWN, sizeof(*pol->grants));
	if (!pol->grants) {
		policy_destroy(pol);
		return mv_fail_errno(err, ENOMEM, "grants");
	}
	for (size_t i = 0; i < n && !ret; i++) {
		ret = add_grant(pol, &grants[i]);
		if (ret)
			mv_fail(err, -ret, "grant %s: %s", grants[i].path,
				why_not_granted(ret));
	}
	if (ret)
		policy_destroy(pol);
	return ret;
}

/*
 * A directory under a name of the payload's own, which is all there is of it in its name space:
 * its place on the host, NULL if it has none, isn't. fd goes over. 0 or -ENOMEM.
 */
static int map_directory(struct policy *pol, int fd, const char *host, const char *name,
			 bool writable)
{
	struct grant *g = &pol->grants[pol->nr_grants++];

	*g = (struct grant){ .name = strdup(name),
			     .real = strdup(name),
			     .host = host ? strdup(host) : NULL,
			     .skip = strlen(name),
			     .fd = fd,
			     .writable = writable };
	return g->name && g->real && (g->host || !host) ? 0 : -ENOMEM;
}

int policy_add_root(struct policy *pol, const char *path, struct mv_error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char host[PATH_MAX];

	if (fd < 0)
		return mv_fail(err, errno, "root %s: %s", path, strerrordesc_np(errno));
	pol->own_root = true;
	if (host_link(fd, host) <= 1)
		*host = '\0';
	if (map_directory(pol, fd, host, "", false) || policy_set_cwd(pol, fd, ""))
		return mv_fail_errno(err, ENOMEM, "root");
	return 0;
}

int policy_add_tmp(struct policy *pol, uint64_t size, struct mv_error *err)
{
	int fd;

	for (size_t i = 0; i < pol->nr_grants; i++)
		if (!strcmp(pol->grants[i].name, "/tmp"))
			return mv_fail(
				err, EINVAL,
				"/tmp: it can be granted, or be the payload's own, not both");
	fd = tmpfs_make(size);
	if (fd == -EPERM)
		return mv_fail(
			err, EPERM,
			"/tmp: a tmpfs needs CAP_SYS_ADMIN or a user name space, and this host "
			"gives neither; run as root, or grant a directory for writing");
	if (fd < 0)
		return mv_fail_errno(err, -fd, "/tmp: tmpfs");
	if (map_directory(pol, fd, NULL, "/tmp", true))
		return mv_fail_errno(err, ENOMEM, "/tmp");
	return 0;
}

int policy_add_shm(struct policy *pol, struct mm *mm, uint64_t size)
{
	for (size_t i = 0; i < pol->nr_grants; i++)
		if (path_beneath(pol->grants[i].name, SHM_PATH) ||
		    path_beneath(pol->grants[i].real, SHM_PATH))
			return 0;
	pol->mm = mm;
	if (map_directory(pol, -1, NULL, SHM_PATH, true))
		return -ENOMEM;
	pol->grants[pol->nr_grants - 1].own = size;
	return 0;
}

void policy_destroy(struct policy *pol)
{
	for (size_t i = 0; pol->grants && i < pol->nr_grants; i++) {
		struct grant *g = &pol->grants[i];

		free(g->name);
		free(g->real);
		free(g->host);
		if (g->own && g->fd >= 0)
			phys_uncharge(pol->mm->phys, g->own >> PAGE_SHIFT);
		if (g->fd >= 0)
			close(g->fd);
	}
	free(pol->grants);
	free(pol->cwd);
	if (pol->cwd_fd >= 0)
		close(pol->cwd_fd);
}
