/* SPDX-License-Identifier: MIT */
/* special.h: files that are the sandbox's own, open to every payload. */
#ifndef LINUX_SPECIAL_H
#define LINUX_SPECIAL_H

#include "vmm/linux/calls.h"

/* Whether path, absolute, is one of them. */
bool special_path(const char *path);
/* Open it; *file has one reference. 0 or -errno. */
int special_open(struct process *p, const char *path, int flags, struct file **file);

#endif
