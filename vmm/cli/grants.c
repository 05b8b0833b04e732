/* SPDX-License-Identifier: MIT */
/* grants.c: --ro, --rw and --ro-system. See grants.h. */
#include "vmm/cli/grants.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * By hier(7), and of /etc what the loader and the names of programs lead to, and where Perl looks first. The
 * rest of it is the host's own: users, keys.
 */
static const char *const system_paths[] = {
	"/usr",
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/etc/alternatives",
	"/etc/ld.so.cache",
	"/etc/localtime",
	"/etc/perl",
};

_Static_assert(ARRAY_SIZE(system_paths) == GRANTS_SYSTEM, "the room that options.c leaves");

int grants_add(struct options *opt, const char *path, bool writable)
{
	if (!*path)
		return cli_usage(opt->cli, "--%s: the path is empty",
				 writable ? "rw" : "ro");
	opt->grants[opt->mv.ngrants++] = (struct mv_grant){ path, writable };
	return 0;
}

void grants_add_system(struct options *opt)
{
	if (opt->ro_system)
		return;
	opt->ro_system = true;
	for (size_t i = 0; i < ARRAY_SIZE(system_paths); i++)
		if (!access(system_paths[i], F_OK))
			opt->grants[opt->mv.ngrants++] =
				(struct mv_grant){ .path = system_paths[i] };
}

/* ... which the library, that knows of no options, has begun with `what PATH: '. */
static bool name_option(struct cli *cli, const char *what, const char *option,
			const char *path)
{
	char old[sizeof(cli->err.text)], head[sizeof(cli->err.text)];
	size_t len = (size_t)snprintf(head, sizeof(head), "%s %s: ", what, path);

	if (len >= sizeof(head) || strncmp(cli->err.text, head, len) != 0)
		return false;
	strcpy(old, cli->err.text);
	cli_fail(cli, 0, "%s%s: %s", option, path, old + len);
	return true;
}

static bool is_systems(const struct mv_grant *grant)
{
	for (size_t i = 0; i < ARRAY_SIZE(system_paths); i++)
		if (grant->path == system_paths[i])
			return true;
	return false;
}

void grants_name_option(const struct options *opt)
{
	if (opt->mv.root && name_option(opt->cli, "root", "--root=", opt->mv.root))
		return;
	for (size_t i = 0; i < opt->mv.ngrants; i++) {
		const struct mv_grant *grant = &opt->grants[i];

		if (name_option(opt->cli, "grant",
				is_systems(grant) ? "--ro-system: "
				: grant->writable ? "--rw="
						  : "--ro=",
				grant->path))
			return;
	}
}

bool grants_ended_options(const struct options *opt)
{
	const char *before = opt->argv[-1]; /* there is one: the command's name at least */
	struct stat st;

	if (stat(opt->argv[0], &st) || !S_ISDIR(st.st_mode))
		return false;
	for (size_t i = 0; i < opt->mv.ngrants; i++)
		if (opt->grants[i].path == before)
			return true;
	return false;
}
