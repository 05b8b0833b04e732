/* SPDX-License-Identifier: MIT */
/*
 * lock.h: locks on files. They are the host's, so that other processes see them - on files
 * that the payload may change. On others its locks for reading, and flock's, are its own: nothing that was
 * granted for reading can keep the host's programs waiting.
 *
 * Known limit: POSIX locks belong to the VMM's process, all of its sandboxes together.
 */
#ifndef LINUX_LOCK_H
#define LINUX_LOCK_H

#include "vmm/linux/calls.h"

/* fcntl(2) with F_GETLK, F_SETLK, F_SETLKW or F_OFD_*; arg: a struct flock of the payload's. */
int64_t lock_fcntl(struct process *p, struct file *file, int cmd, gva_t arg);
/* A number of file's is closed: locks_remove_posix() of fs/locks.c. */
void lock_closed(struct process *p, const struct file *file);

#endif
