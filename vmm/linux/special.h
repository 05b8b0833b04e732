/* SPDX-License-Identifier: MIT */
/* special.h: files that are the sandbox's own, open to every payload. */
#ifndef LINUX_SPECIAL_H
#define LINUX_SPECIAL_H

#include "vmm/linux/calls.h"

#include <stdio.h>

/* One line of /proc/PID/maps: show_map_vma() of fs/proc/task_mmu.c. */
void special_print_vma(const struct mv_vma *v, FILE *out);
/* Whether path, absolute, is one of them. */
bool special_path(const char *path);
/* Open it; *file has one reference. 0 or -errno. */
int special_open(struct process *p, const char *path, int flags, struct file **file);
/* The text of one of those links of /proc/self that are served. Bytes; -EINVAL: it is none. */
ssize_t special_readlink(const struct process *p, const char *path, char text[PATH_MAX]);

#endif
