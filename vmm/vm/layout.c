/* SPDX-License-Identifier: MIT */
/*
 * layout.c: address randomisation: arch/x86/mm/mmap.c, randomize_stack_top() and arch_align_stack(),
 * arch_randomize_brk(), and load_elf_binary() for a PIE. What randomize_va_space = 2 does.
 */
#include "vmm/vm/layout.h"

#include <errno.h>
#include <sys/random.h>

/* CONFIG_ARCH_MMAP_RND_BITS as x86-64 has it by default: 28 bits, in pages. */
#define MMAP_RND_MASK ((1ull << 28) - 1)
/* __STACK_RND_MASK of asm/elf.h: 22 bits, in pages. */
#define STACK_RND_MASK 0x3fffffull
/* arch_align_stack() of arch/x86/kernel/process.c. */
#define STACK_SKIP 8192
/* arch_randomize_brk(): within a GiB. */
#define BRK_RANGE (1ull << 30)
/* mmap_base(): SIZE_128M, and five sixths of the address space. */
#define GAP_MIN (128ull << 20)
#define GAP_MAX (MV_TASK_SIZE / 6 * 5)

/* mmap_base(): below the stack, which may begin so far down and grow so far. */
static gva_t mmap_base(uint64_t rnd, uint64_t stack_rnd)
{
	uint64_t gap = STACK_LIMIT + stack_rnd + STACK_GUARD_GAP;

	gap = gap < GAP_MIN ? GAP_MIN : gap > GAP_MAX ? GAP_MAX : gap;
	return page_align(MV_TASK_SIZE - gap - rnd);
}

struct layout layout_fixed(void)
{
	return (struct layout){ .stack_top = MV_TASK_SIZE,
				.mmap_base = mmap_base(0, 0),
				.dyn_base = MV_DYN_BASE };
}

int layout_random(struct layout *layout)
{
	uint64_t r[5];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return -EIO;
	*layout = (struct layout){
		.stack_top = MV_TASK_SIZE - ((r[0] & STACK_RND_MASK) << PAGE_SHIFT),
		.stack_skip = r[1] % STACK_SKIP,
		.mmap_base = mmap_base((r[2] & MMAP_RND_MASK) << PAGE_SHIFT,
				       STACK_RND_MASK << PAGE_SHIFT),
		.dyn_base = MV_DYN_BASE + ((r[3] & MMAP_RND_MASK) << PAGE_SHIFT),
		.brk_skip = (r[4] % (BRK_RANGE >> PAGE_SHIFT)) << PAGE_SHIFT,
	};
	return 0;
}
