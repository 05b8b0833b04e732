/* SPDX-License-Identifier: MIT */
/* policy.c: the walk along a path, and the opening of what it leads to. The grants: grants.c. */
#include "vmm/linux/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "vmm/linux/fdtable.h"
#include "vmm/linux/tmpfs.h"
#include "vmm/mm/mm.h"

/* include/linux/namei.h */
#define MAXSYMLINKS 40

/* open(2)'s flags that go to the host as they are. */
#define PASSED_FLAGS                                                                 \
	(O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY | O_DSYNC | \
	 O_SYNC | O_NOATIME)

/* ---- grants */

/* Put the real path of a grant in the place of its name, where pl->path begins with one. */
static int use_real_path(const struct policy *pol, struct place *pl)
{
	const struct grant *by_name = NULL;
	const char *rest = NULL, *r;
	char path[PATH_MAX];

	for (size_t i = 0; i < pol->nr_grants; i++) {
		const struct grant *g = &pol->grants[i];

		r = path_beneath(pl->path, g->name);
		if (r && (!rest || r >= rest)) {
			rest = r;
			by_name = g;
		}
		r = path_beneath(pl->path, g->real);
		if (r && (!rest || r > rest)) {
			rest = r;
			by_name = NULL;
		}
	}
	if (!by_name)
		return 0;
	if (snprintf(path, sizeof(path), "%s%s", by_name->real, rest) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	strcpy(pl->path, path);
	return 0;
}

/*
 * /dev/shm, which a path has led to for the first time. Its pages are charged all at once, for a store
 * through a mapping is no call that could be refused. Whoever makes it second, at once, lets go
 * of what they made.
 */
static int make_shm(const struct policy *pol, struct grant *g)
{
	int fd = -EPERM, none = -1;

	if (mm_charge(pol->mm, g->own >> PAGE_SHIFT))
		return -ENOSPC;
	fd = tmpfs_make(g->own);
	if (fd >= 0 && __atomic_compare_exchange_n(&g->fd, &none, fd, false,
						   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return 0;
	phys_uncharge(pol->mm->phys, g->own >> PAGE_SHIFT);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -ENOENT : 0;
}

/* Find the grant that decides about pl->path: the deepest; of equals the writable one. */
static int find_grant(const struct policy *pol, struct place *pl)
{
	const char *rest = NULL;
	struct grant *found = NULL;
	int err = use_real_path(pol, pl);

	pl->grant = NULL;
	if (err)
		return err;
	for (size_t i = 0; i < pol->nr_grants; i++) {
		struct grant *g = &pol->grants[i];
		const char *r = path_beneath(pl->path, g->real);

		if (r && (!rest || r > rest || (r == rest && g->writable))) {
			rest = r;
			found = g;
		}
	}
	if (!found)
		return 0;
	if (__atomic_load_n(&found->fd, __ATOMIC_ACQUIRE) < 0) {
		err = make_shm(pol, found);
		if (err)
			return err;
	}
	pl->grant = found;
	pl->rel = pl->path + found->skip;
	pl->rel += *pl->rel == '/';
	return 0;
}

/* openat2() beneath a directory, along no link whatever; fd or -errno. */
static int open_beneath(int dir, const char *rel, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, dir, *rel ? rel : ".", &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return errno == EXDEV ? -EACCES : -errno;
	return (int)fd;
}

/*
 * The host's /proc is the VMM's own: /proc/self/mem would be this process's memory. No grant, of
 * the root, say, reaches into it.
 */
static bool on_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) || fs.f_type == PROC_SUPER_MAGIC;
}

int place_look(struct place *pl, char *link)
{
	int fd = open_beneath(pl->grant->fd, pl->rel, O_PATH, 0);
	struct stat st;
	ssize_t n;

	pl->mode = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st))
		goto fail;
	pl->mode = st.st_mode;
	if (link && S_ISLNK(st.st_mode)) {
		n = readlinkat(fd, "", link, PATH_MAX - 1);
		if (n < 0)
			goto fail;
		link[n] = '\0';
		/* what the VMM has open, or runs; /proc/self is a name */
		if (*link == '/' && on_procfs(fd)) {
			close(fd);
			return -EACCES;
		}
	}
	close(fd);
	return 0;
fail:
	n = -errno;
	close(fd);
	return (int)n;
}

/* ---- the walk */

/* So many of the last directories stay open, for `..` to lead back to. */
#define TRAIL_MAX 16

/*
 * Directories that the walk has come through: the next name is looked for in the last one, not along
 * all of the path anew, or a path of 2048 names with 40 links to as many would take seconds.
 *
 * Somebody may move them meanwhile, and out of the grant. So no more is taken from here than that a name on the
 * way is a directory: links, what isn't there, and the path's end are looked for from the grant's top.
 */
struct trail {
	const struct grant *grant; /* that they are in */
	size_t len;		   /* bytes of place.path that lead to the last one */
	unsigned nr;	    /* entries in the next; 0: the grant's top is to be used */
	int fds[TRAIL_MAX]; /* O_PATH: each lies in the one before */
};

static void trail_clear(struct trail *t)
{
	while (t->nr)
		close(t->fds[--t->nr]);
}

static void trail_push(struct trail *t, int fd)
{
	if (t->nr == TRAIL_MAX) {
		close(t->fds[0]);
		memmove(t->fds, t->fds + 1, --t->nr * sizeof(*t->fds));
	}
	t->fds[t->nr++] = fd;
}

/* pl->path has a name more: go there. False: it is no directory, or looked like none. */
static bool trail_go_on(struct trail *t, const struct place *pl)
{
	const char *name = strrchr(pl->path, '/');
	int fd;

	/* another grant begins here, or its real path stands in the place of its name now */
	if (!name || t->grant != pl->grant || t->len != (size_t)(name - pl->path))
		trail_clear(t);
	if (t->nr)
		fd = open_beneath(t->fds[t->nr - 1], name + 1, O_PATH | O_DIRECTORY, 0);
	else
		fd = open_beneath(pl->grant->fd, pl->rel, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return false;
	trail_push(t, fd);
	t->grant = pl->grant;
	t->len = strlen(pl->path);
	return true;
}

/* `..`, as text: pl->path, which has no links, loses its last name. */
static void trail_go_back(struct trail *t, struct place *pl)
{
	if (t->len != strlen(pl->path))
		trail_clear(t);
	if (t->nr)
		close(t->fds[--t->nr]);
	path_strip(pl->path);
	t->len = strlen(pl->path);
}

/*
 * todo without its first len bytes, and with the link that was there before it. pl->path,
 * which ended with that link, becomes what the link's target starts from.
 */
static int splice_link(char todo[PATH_MAX], const char *rest, const char *link,
		       struct place *pl)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", link, rest) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	strcpy(todo, path);
	if (*link == '/')
		pl->path[0] = '\0';
	else
		path_strip(pl->path);
	return 0;
}

/*
 * One name of the path: pl->path, a directory, goes on to it. rest is what follows the
 * name. 1: it was a link, which stands in todo now, to be walked from its start.
 */
static int step(const struct policy *pol, char todo[PATH_MAX], const char *rest,
		bool follow, struct place *pl, struct trail *t)
{
	bool last = !rest[strspn(rest, "/")], through = follow || !last || *rest;
	char link[PATH_MAX];
	int err = find_grant(pol, pl);

	if (err || !pl->grant || (!last && trail_go_on(t, pl)))
		return err;
	err = place_look(pl, through ? link : NULL);
	if (err)
		return err;
	pl->slash = last && *rest;
	if (S_ISLNK(pl->mode) && through) {
		if (*link == '/')
			trail_clear(t);
		err = splice_link(todo, rest, link, pl);
		return err ? err : 1;
	}
	trail_clear(t); /* a directory only now: it isn't in there */
	if (last || S_ISDIR(pl->mode))
		return 0;
	return pl->mode ? -ENOTDIR : -ENOENT;
}

/* Name by name from the root along todo, an absolute path, which is used up. */
static int walk_names(const struct policy *pol, char todo[PATH_MAX], bool follow,
		      struct place *pl, struct trail *t)
{
	char *at = todo;
	bool looked = false; /* at what pl->path says now */
	unsigned links = 0;
	size_t len;
	int err;

	pl->path[0] = '\0';
	for (at += strspn(at, "/"); *at; at += strspn(at, "/")) {
		len = strcspn(at, "/");
		err = 0;
		looked = false;
		if (path_is_dots(at, len, "..")) {
			trail_go_back(t, pl);
		} else if (!path_is_dots(at, len, ".")) {
			err = path_append(pl->path, at, len);
			if (!err)
				err = step(pol, todo, at + len, follow, pl, t);
			if (err < 0)
				return err;
			if (err && ++links > MAXSYMLINKS)
				return -ELOOP;
			looked = !err;
		}
		at = err ? todo : at + len;
	}
	if (looked)
		return 0;
	pl->slash = true;
	err = find_grant(pol, pl);
	return err || !pl->grant ? err : place_look(pl, NULL);
}

/*
 * What a walk takes is bounded by the names in it: MAXSYMLINKS + 1 paths of PATH_MAX / 2. That is tenths of
 * a second at most, for which no kick is looked for.
 */
static int walk(const struct policy *pol, char todo[PATH_MAX], bool follow,
		struct place *pl)
{
	struct trail trail = { .nr = 0 };
	int err = walk_names(pol, todo, follow, pl, &trail);

	trail_clear(&trail);
	return err;
}

/* Whether a path has to be walked, links or not: it has a `..`, or ends in `.`. */
static bool has_dots(const char *path)
{
	bool dot = false;
	size_t len;

	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		dot = path_is_dots(path, len, ".");
		if (path_is_dots(path, len, ".."))
			return true;
		path += len;
	}
	return dot;
}

/* The names of a path, which has no `..`, without its `.`. */
static int take_names(const char *path, struct place *pl)
{
	size_t len;
	int err = 0;

	pl->path[0] = '\0';
	for (path += strspn(path, "/"); *path && !err; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		if (!path_is_dots(path, len, "."))
			err = path_append(pl->path, path, len);
		path += len;
		pl->slash = *path;
	}
	return err;
}

/*
 * Find what path, an absolute one, leads to. At once, as long as neither links nor dots
 * are met: mostly. create: a name that isn't there must be the last. No grant: it leads to
 * nothing that was granted.
 */
static int resolve_name(const struct policy *pol, char path[PATH_MAX], bool follow,
			bool create, struct place *pl)
{
	int err = -ELOOP;

	if (!has_dots(path)) {
		err = take_names(path, pl);
		if (!err)
			err = find_grant(pol, pl);
		if (!err && pl->grant)
			err = place_look(pl, NULL);
		if (!err && S_ISLNK(pl->mode) && (follow || pl->slash))
			err = -ELOOP;
		if (!err && create && !pl->mode)
			err = -ELOOP;
	}
	return err == -ELOOP ? walk(pol, path, follow, pl) : err;
}

/* ... which must have been granted: else -EACCES. */
static int resolve(const struct policy *pol, char path[PATH_MAX], bool follow, bool create,
		   struct place *pl)
{
	int err = resolve_name(pol, path, follow, create, pl);

	if (err)
		return err;
	return pl->grant ? 0 : -EACCES;
}

/* ---- opening */

int policy_absolute(const struct policy *pol, const char *base, const char *path,
		    char full[PATH_MAX])
{
	char cwd[PATH_MAX];

	if (!*path)
		return -ENOENT;
	if (*path == '/') {
		base = "";
	} else if (!base) {
		if (policy_cwd(pol, cwd))
			return -ENOENT;
		base = cwd[1] ? cwd : "";
	}
	if (snprintf(full, PATH_MAX, "%s%s%s", base, *base ? "/" : "", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

/* build_open_flags() of fs/open.c, and what isn't served. */
static int check_flags(int flags)
{
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if (flags & O_DIRECT || (flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL; /* since Linux 6.4 */
	return 0;
}

/* Whether the payload may open what was found, in the order of fs/namei.c: do_open(). */
static int permit(const struct place *pl, int flags)
{
	bool writing = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	bool dir = S_ISDIR(pl->mode);

	if (!pl->mode) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		if (pl->slash)
			return -EISDIR;
		return pl->grant->writable ? 0 : -EACCES;
	}
	if (flags & O_CREAT && flags & O_EXCL)
		return -EEXIST;
	if (flags & O_CREAT && (dir || pl->slash))
		return -EISDIR;
	if (!dir && (flags & O_DIRECTORY || pl->slash))
		return -ENOTDIR;
	if (dir && writing)
		return -EISDIR;
	if (S_ISLNK(pl->mode))
		return -ELOOP;
	if (!dir && !S_ISREG(pl->mode))
		return -EACCES;
	return writing && !pl->grant->writable ? -EACCES : 0;
}

/* What somebody wrote shall give nobody another's rights: file_remove_privs(), for a VMM with CAP_FSETID, too. */
static void drop_set_ids(int fd, const struct stat *st, int flags)
{
	if (S_ISREG(st->st_mode) && st->st_mode & (S_ISUID | S_ISGID) &&
	    ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
		fchmod(fd, st->st_mode & (0777 | S_ISVTX));
}

/*
 * It is open. Whatever stood at that place by then: a device or a FIFO neither waits nor gets
 * through. O_NONBLOCK stays, for there are regular files that wait, too: tracefs's trace_pipe.
 */
static int take_opened(int fd, bool writable, int flags, struct opened *opened)
{
	struct stat st;

	if (fd < 0)
		return fd == -ELOOP || fd == -ENXIO ? -EACCES : fd;
	if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ||
	    on_procfs(fd)) {
		close(fd);
		return -EACCES;
	}
	drop_set_ids(fd, &st, flags);
	opened->fd = fd;
	opened->mode = st.st_mode;
	opened->writable = writable;
	return 0;
}

static int open_place(const struct policy *pol, const struct place *pl, int flags,
		      mode_t mode, struct opened *opened)
{
	int fd, err, pass = flags & PASSED_FLAGS;

	if (!pl->grant->writable)
		pass &= ~O_CREAT;
	fd = open_beneath(pl->grant->fd, pl->rel, pass | O_NONBLOCK | O_NOCTTY,
			  pass & O_CREAT ? mode & 0777 : 0);
	err = take_opened(fd, pl->grant->writable, flags, opened);
	if (!err && !pl->mode &&
	    mode & pol->umask & 0777) /* it was created: with less than asked for */
		fchmod(opened->fd, mode & 0777);
	return err;
}

/* By a link of procfs that was made for the very file: no name is looked for. */
int policy_reopen(int fd, bool writable, int flags, struct opened *opened)
{
	const struct grant grant = { .writable = writable };
	struct place pl = { .grant = &grant };
	char name[HOST_NAME_SIZE];
	struct stat st;
	int err = check_flags(flags);

	if (err)
		return err;
	if (fstat(fd, &st))
		return -errno;
	pl.mode = st.st_mode;
	err = permit(&pl, flags);
	if (err)
		return err;
	opened->path = NULL;
	host_name(fd, name);
	flags &= ~(O_CREAT | O_EXCL);
	fd = open(name, (flags & PASSED_FLAGS) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return take_opened(fd < 0 ? -errno : fd, writable, flags, opened);
}

/* Cut what O_CREAT must not find at a path's end. Whether it was there. */
static bool strip_slashes(char *path)
{
	size_t len = strlen(path), n = len;

	while (n && path[n - 1] == '/')
		n--;
	path[n] = '\0';
	return n < len;
}

/* O_PATH: whatever is there, which can neither be read nor written. */
static int open_path(const struct policy *pol, const char *base, const char *path,
		     int flags, struct opened *opened)
{
	struct found found;
	int err = policy_find(pol, base, path, !(flags & O_NOFOLLOW), &found);

	if (err)
		return err;
	if (found.fd < 0)
		return -EACCES;
	if (flags & O_DIRECTORY && !S_ISDIR(found.mode))
		err = -ENOTDIR;
	opened->fd = found.fd;
	opened->mode = found.mode;
	opened->writable = found.writable;
	opened->path = err ? NULL : strdup(*found.path ? found.path : "/");
	if (opened->path)
		return 0;
	close(found.fd);
	return err ? err : -ENOMEM;
}

int policy_open(const struct policy *pol, const char *base, const char *path, int flags,
		mode_t mode, struct opened *opened)
{
	/* O_EXCL doesn't follow the last link: fs/open.c */
	bool follow = !(flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL));
	bool create = flags & O_CREAT, slash = false;
	struct place pl = { .slash = false };
	char full[PATH_MAX];
	int err = flags & O_PATH ? 0 : check_flags(flags);

	if (flags & O_PATH)
		return open_path(pol, base, path, flags, opened);
	if (!err)
		err = policy_absolute(pol, base, path, full);
	if (!err && create)
		slash = strip_slashes(full);
	if (!err)
		err = resolve(pol, full, follow && !slash, create, &pl);
	if (!err) /* a path in dots is one to a directory anyway */
		err = slash && !pl.slash ? -EISDIR : permit(&pl, flags);
	if (err)
		return err;
	opened->path = strdup(*pl.path ? pl.path : "/");
	if (!opened->path)
		return -ENOMEM;
	err = open_place(pol, &pl, flags, mode, opened);
	if (err)
		free(opened->path);
	return err;
}

void policy_sync(const struct policy *pol)
{
	for (size_t i = 0; i < pol->nr_grants; i++) {
		const struct grant *g = &pol->grants[i];
		int fd = -1;

		if (g->writable && g->host)
			fd = open_beneath(g->fd, "", O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0)
			continue;
		syncfs(fd);
		close(fd);
	}
}

/* ---- finding */

/* Whether path is on the way from the root to a grant, or to what needs none: special.h. */
static bool leads_to_grant(const struct policy *pol, const char *path)
{
	static const char *const own[] = { "/dev/null", "/proc/self/fd" };

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (path_beneath(own[i], path))
			return true;
	for (size_t i = 0; i < pol->nr_grants; i++)
		if (path_beneath(pol->grants[i].name, path) ||
		    path_beneath(pol->grants[i].real, path))
			return true;
	return false;
}

/* Open what was found, as it is by now. */
static int open_found(const struct place *pl, struct found *found)
{
	struct stat st;
	int fd;

	if (!pl->mode)
		return -ENOENT;
	fd = open_beneath(pl->grant->fd, pl->rel, O_PATH, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || on_procfs(fd)) {
		close(fd);
		return -EACCES;
	}
	if (pl->slash && !S_ISDIR(st.st_mode)) {
		close(fd);
		return -ENOTDIR;
	}
	found->fd = fd;
	found->mode = st.st_mode;
	found->writable = pl->grant->writable;
	return 0;
}

int policy_find(const struct policy *pol, const char *base, const char *path, bool follow,
		struct found *found)
{
	struct place pl = { .slash = false };
	char full[PATH_MAX];
	int err = policy_absolute(pol, base, path, full);

	if (!err)
		err = resolve_name(pol, full, follow, false, &pl);
	if (err)
		return err;
	strcpy(found->path, pl.path);
	if (pl.grant)
		return open_found(&pl, found);
	if (!leads_to_grant(pol, pl.path))
		return -EACCES;
	found->fd = -1;
	found->mode = S_IFDIR | 0555;
	found->writable = false;
	return 0;
}

/* ---- where names are made and removed */

/* Cut path's last name off: what kind it is, and a copy with the '/' that was behind it. */
static int cut_last(char *path, struct parent *parent)
{
	const bool slash = strip_slashes(path);
	char *name = strrchr(path, '/');
	size_t len;

	if (!name) {
		parent->last = LAST_ROOT;
		return 0;
	}
	*name++ = '\0';
	len = strlen(name);
	parent->last = path_is_dots(name, len, ".")    ? LAST_DOT
		       : path_is_dots(name, len, "..") ? LAST_DOTDOT
						       : LAST_NAME;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(parent->name, name, len + 1);
	if (slash)
		strcpy(parent->name + len, "/");
	return 0;
}

/* What the name in that directory is to the grants: a top, above one, or neither. */
static int look_for_grants(const struct policy *pol, const char *dir, struct parent *parent)
{
	struct place pl;
	int err;

	strcpy(pl.path, dir);
	err = path_append(pl.path, parent->name, strcspn(parent->name, "/"));
	for (size_t i = 0; i < pol->nr_grants && !err; i++) {
		parent->holds |= path_beneath(pol->grants[i].real, pl.path) != NULL;
		parent->top |= !strcmp(pol->grants[i].real, pl.path) ||
			       !strcmp(pol->grants[i].name, pl.path);
	}
	return err;
}

static int open_parent(const struct place *dir, struct parent *parent)
{
	if (!dir->mode)
		return -ENOENT;
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	parent->fd = open_beneath(dir->grant->fd, dir->rel, O_PATH | O_DIRECTORY, 0);
	if (parent->fd < 0)
		return parent->fd;
	if (on_procfs(parent->fd)) {
		close(parent->fd);
		return -EACCES;
	}
	parent->writable = dir->grant->writable;
	parent->grant = dir->grant;
	return 0;
}

int policy_parent(const struct policy *pol, const char *base, const char *path,
		  struct parent *parent)
{
	struct place dir = { .slash = false };
	char full[PATH_MAX];
	int err = policy_absolute(pol, base, path, full), too_long;

	*parent = (struct parent){ .fd = -1 };
	if (err)
		return err;
	too_long = cut_last(full, parent);
	err = resolve_name(pol, full, true, false, &dir);
	if (!err && too_long)
		err = too_long;
	if (!err && parent->last == LAST_NAME)
		err = look_for_grants(pol, dir.path, parent);
	if (err)
		return err;
	if (dir.grant)
		return open_parent(&dir, parent);
	return parent->top || leads_to_grant(pol, dir.path) ? 0 : -EACCES;
}
