/* SPDX-License-Identifier: MIT */
/* stack.h: a program's first stack: strings, auxiliary vector, envp, argv, argc. */
#ifndef VM_STACK_H
#define VM_STACK_H

#include "vmm/vm/image.h"

/*
 * Map the stack and fill it for the image, as Linux's create_elf_tables(). name: what was to be executed
 * (AT_EXECFN), perhaps a script. vdso: AT_SYSINFO_EHDR, 0: none. *rsp: where argc is. -E2BIG, -ENOMEM, with words.
 */
int stack_build(struct mm *mm, const struct image *image, const struct layout *layout,
		gva_t vdso, const char *name, const char *const *argv,
		const char *const *envp, gva_t *rsp, struct mv_error *err);

#endif
