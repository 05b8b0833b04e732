/* SPDX-License-Identifier: MIT */
/* layout.h: where the parts of a program's address space begin. */
#ifndef VM_LAYOUT_H
#define VM_LAYOUT_H

#include <mapvisor/guest.h>

#include "vmm/mm/mm.h"

struct layout {
	gva_t stack_top;
	uint64_t stack_skip; /* bytes between its strings and what is below: arch_align_stack() */
	gva_t mmap_base;   /* placement goes down from here */
	gva_t dyn_base;	   /* of a PIE, before its alignment */
	uint64_t brk_skip; /* bytes between the program's end and its heap */
};

/* Where Linux puts them without randomisation. */
struct layout layout_fixed(void);
/* ... with: as many random bits as Linux on x86-64 takes by default. 0; -EIO: no random number */
int layout_random(struct layout *layout);

#endif
