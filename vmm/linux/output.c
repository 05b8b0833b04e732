/* SPDX-License-Identifier: MIT */
/* output.c: files of the starter's that grow otherwise than by the bytes of a write. See output.h. */
#include "vmm/linux/output.h"

#include <sys/stat.h>

bool output_may_grow(struct process *p, const struct file *file, off_t end)
{
	struct stat st;
	uint64_t more;

	if (!file->starters || !p->output.limited || fstat(file->fd, &st) ||
	    !S_ISREG(st.st_mode) || end <= st.st_size)
		return true;
	more = (uint64_t)(end - st.st_size);
	if (more > p->output.left) {
		p->output.over = true;
		return false;
	}
	output_done(p, file, (int64_t)more);
	return true;
}
