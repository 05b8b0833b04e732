/* SPDX-License-Identifier: MIT */
/* start.c: from _start to main(): relocates a static PIE, takes the stack apart. */
#include <linux/elf.h>

#include "guest/rt.h"

#define R_X86_64_RELATIVE 8 /* psABI, table 4.9; not in linux/elf.h */

int main(int argc, char **argv, char **envp);
_Noreturn void start_c(long *sp, const Elf64_Dyn *dyn);

/* A PIE is linked at 0 and begins with this header: its address is the load bias. */
extern char __ehdr_start[] __attribute__((visibility("hidden")));

const char *program = "payload";

/* Runs before any relocation is applied: no pointer in memory may be used here. */
static void relocate(const Elf64_Dyn *dyn)
{
	char *base = __ehdr_start;
	const Elf64_Rela *rela = NULL;
	size_t size = 0;

	for (; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_RELA)
			rela = (const Elf64_Rela *)(base + dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_RELASZ)
			size = dyn->d_un.d_val;
	}
	for (; size; size -= sizeof(*rela), rela++) {
		if (ELF64_R_TYPE(rela->r_info) != R_X86_64_RELATIVE)
			__builtin_trap();
		*(char **)(base + rela->r_offset) = base + rela->r_addend;
	}
}

_Noreturn void start_c(long *sp, const Elf64_Dyn *dyn)
{
	int argc = sp[0];
	char **argv = (char **)(sp + 1);

	if (dyn)
		relocate(dyn);
	if (argc) {
		program = argv[0];
		for (const char *s = argv[0]; *s; s++)
			if (*s == '/')
				program = s + 1;
	}
	sys_exit_group(main(argc, argv, argv + argc + 1));
}
