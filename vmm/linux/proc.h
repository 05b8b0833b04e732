/* SPDX-License-Identifier: MIT */
/*
 * proc.h: what is served of /proc: the payload's own folder, as /proc/self, /proc/thread-self and
 * /proc/PID. Its texts are made when they are opened.
 */
#ifndef LINUX_PROC_H
#define LINUX_PROC_H

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

#include "vmm/linux/calls.h"

/* A text there: its name, its permissions, and what writes it. proc(5) has the formats. */
struct proc_text {
	const char *name;
	mode_t mode;
	void (*print)(struct process *p, FILE *out);
};

/* The text that path, absolute, names; NULL: none. */
const struct proc_text *proc_text(const char *path);
/* Whether path is /proc/self/fd, or /dev/fd: a directory of the numbers in use. */
bool proc_fd_folder(const char *path);
/*
 * The number N of a path /proc/self/fd/N, /dev/fd/N, /dev/stdin and its kin; PROC_FD_NONE: it is no number,
 * nor in use; -1: it is none of these paths.
 */
#define PROC_FD_NONE INT_MAX
int proc_fd(const char *path);
/* Whether path is /proc/self/exe: the program, which needs no grant. */
bool proc_exe(const char *path);
/* The text of a link there. Bytes; -EINVAL: it is no link that is served; -ENOENT. */
ssize_t proc_readlink(const struct process *p, const char *path, char text[PATH_MAX]);
/* One line of maps: show_map_vma() of fs/proc/task_mmu.c, with a path as whoever reads it needs it. */
void proc_print_vma(const struct mv_vma *v, const char *path,
		    void (*print_name)(const char *name, FILE *out), FILE *out);
/* The last line of a VMA's smaps. */
void proc_print_flags(unsigned vm_flags, FILE *out);

#endif
