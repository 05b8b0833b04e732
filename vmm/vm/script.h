/* SPDX-License-Identifier: MIT */
/* script.h: a program that is a script (#!) is its interpreter's argument. */
#ifndef VM_SCRIPT_H
#define VM_SCRIPT_H

#include "vmm/vm/image.h"

struct script {
	const char *const *argv; /* what the program in the end is to be given */
	const char **args;	 /* ... if it was made here */
	char **texts;		 /* what of it was */
	size_t nr_texts;
};

/*
 * Open what is to be executed at the host's path: it, or the interpreter that its first line names, or
 * that one's, which the policy must grant: fs/binfmt_script.c. -ENOENT, -EACCES, -ENOEXEC, -ELOOP,
 * -ENOMEM, with words. script_free() and image_close() are the caller's in any case; argv must outlive both.
 */
int script_resolve(struct script *s, struct image *image, const struct policy *policy,
		   const char *path, const char *const *argv, struct mv_error *err);
void script_free(struct script *s);

#endif
