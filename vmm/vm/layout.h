/* SPDX-License-Identifier: MIT */
/* layout.h: where the parts of a program's address space begin. */
#ifndef VM_LAYOUT_H
#define VM_LAYOUT_H

#include <mapvisor/guest.h>

#include "vmm/mm/mm.h"

struct layout {
	gva_t stack_top;
	gva_t dyn_base; /* of a PIE, before its alignment */
};

/* Where Linux puts them without randomisation. */
static inline struct layout layout_fixed(void)
{
	return (struct layout){ .stack_top = MV_TASK_SIZE, .dyn_base = MV_DYN_BASE };
}

#endif
