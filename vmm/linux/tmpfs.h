/* SPDX-License-Identifier: MIT */
/* tmpfs.h: a file system in the host's memory, for one sandbox. */
#ifndef LINUX_TMPFS_H
#define LINUX_TMPFS_H

#include <stdint.h>

/*
 * A tmpfs of at most `size` bytes, and an inode for each page of them, that is mounted nowhere and gone
 * with its last descriptor. Its root is this user's, with the mode of /tmp. The root's fd, close-on-exec,
 * or -errno; -EPERM: this process has no CAP_SYS_ADMIN, nor may it make a user name space where it
 * had it. tmpfs(5), fsopen(2). Any thread may call it.
 */
int tmpfs_make(uint64_t size);

#endif
