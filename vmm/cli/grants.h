/* SPDX-License-Identifier: MIT */
/* grants.h: --ro, --rw and --ro-system: what the payload may see, and what is said of it. */
#ifndef CLI_GRANTS_H
#define CLI_GRANTS_H

#include "vmm/cli/options.h"

/* So many grants one --ro-system may be; a second one adds none. */
#define GRANTS_SYSTEM 11

/* 0, or EINVAL with the error. opt->grants has room. */
int grants_add(struct options *opt, const char *path, bool writable);

/* What a distribution's programs are, and are loaded from, as far as this host has it. */
void grants_add_system(struct options *opt);

/* Where mv_open() has failed: if at a grant or the root, the error names the option. */
void grants_name_option(const struct options *opt);

/*
 * Whether options ended at PROGRAM, a directory, because more than one word came behind --ro or --rw:
 * the shell's doing, if a pattern was typed.
 */
bool grants_ended_options(const struct options *opt);

#endif
