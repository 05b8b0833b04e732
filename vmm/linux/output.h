/* SPDX-License-Identifier: MIT */
/*
 * output.h: mv_options.max_output: what a payload may write to the files that its starter gave it, 0, 1
 * and 2, however it names them now. Its own files are bounded by where they lie.
 */
#ifndef LINUX_OUTPUT_H
#define LINUX_OUTPUT_H

#include "vmm/linux/process.h"

/* How much of len bytes may go to the file. 0 of more than that: the payload is to be ended. */
static inline uint64_t output_room(struct process *p, const struct file *file, uint64_t len)
{
	const uint64_t room = !file->starters ? len : min_u64(len, p->output.left);

	p->output.over |= len && !room;
	return room;
}

/*
 * It is about to end at `end`, or to be written from there on: what that makes it longer counts as written, a hole
 * or not. False: it may not be.
 */
bool output_may_grow(struct process *p, const struct file *file, off_t end);

/* So many were written. */
static inline void output_done(struct process *p, const struct file *file, int64_t n)
{
	if (file->starters && n > 0 && p->output.limited)
		p->output.left -= min_u64((uint64_t)n, p->output.left);
}

#endif
