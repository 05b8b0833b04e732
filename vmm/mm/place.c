/* SPDX-License-Identifier: MIT */
/*
 * place.c: where a new mapping goes: get_unmapped_area() of Linux's mm/mmap.c, the
 * architecture's part in arch/x86/kernel/sys_x86_64.c, and mm/huge_memory.c's alignment.
 */
#include <errno.h>
#include <sys/mman.h>

#include "vmm/mm/mm.h"

#ifndef MAP_ABOVE4G
#define MAP_ABOVE4G 0x80
#endif

bool mm_is_free(struct mm *mm, gva_t addr, uint64_t len)
{
	struct vma *vma = vma_find(mm, addr);

	return addr + len <= (vma ? vma_start_gap(vma) : MV_TASK_SIZE);
}

/* The stack whose gap ends below `end`, where the hole found is right below the stack; or NULL. */
static struct vma *stack_above(struct mm *mm, gva_t found, gva_t end)
{
	struct vma *next = vma_find(mm, found);

	if (next && next->vm_flags & VM_GROWSDOWN && vma_start_gap(next) < end)
		return next;
	return NULL;
}

/*
 * unmapped_area_topdown() of mm/vma.c. What begins in a stack's gap lowers the limit for all that
 * is looked at afterwards: also a hole in the gap that isn't right below the stack is left out.
 */
static gva_t hole_down(struct mm *mm, uint64_t len, gva_t low, gva_t high)
{
	struct vma *stack;
	gva_t found;

	while ((found = vma_find_hole(mm, len, low, high)) &&
	       (stack = stack_above(mm, found, found + len)))
		high = vma_start_gap(stack);
	return found;
}

/* unmapped_area(): the hole is of len bytes, and what goes there at a multiple of align. */
static gva_t hole_up(struct mm *mm, uint64_t len, uint64_t align, gva_t low, gva_t high)
{
	struct vma *stack;
	gva_t found;

	while ((found = vma_find_hole_up(mm, len, low, high))) {
		stack = stack_above(mm, found, align_up(found, align) + len - 1);
		if (!stack)
			return align_up(found, align);
		low = stack->vm_end;
	}
	return 0;
}

static bool hint_is_free(struct mm *mm, gva_t hint, uint64_t len, gva_t end)
{
	return hint && len <= end && hint <= end - len && mm_is_free(mm, hint, len);
}

/* arch_get_unmapped_area(): the lowest hole. MAP_32BIT has its own GiB; find_start_end(). */
static long bottom_up(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	bool low = flags & MAP_32BIT;
	gva_t begin = low ? 0x40000000 : TASK_UNMAPPED_BASE, found;
	gva_t end = low ? 0x80000000 : MV_TASK_SIZE;

	if (hint_is_free(mm, page_align(addr), len, end))
		return (long)page_align(addr);
	found = hole_up(mm, len, PAGE_SIZE, begin, end);
	return found ? (long)found : -ENOMEM;
}

/* arch_get_unmapped_area_topdown(): the highest hole below mmap_base. */
static long top_down(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	gva_t low = flags & MAP_ABOVE4G ? 1ull << 32 : MMAP_MIN_ADDR, found;

	if (flags & MAP_32BIT)
		return bottom_up(mm, addr, len, flags);
	if (hint_is_free(mm, addr & PAGE_MASK, len, MV_TASK_SIZE))
		return (long)(addr & PAGE_MASK);
	found = hole_down(mm, len, low, mm->mmap_base);
	return found ? (long)found : bottom_up(mm, addr, len, flags);
}

/*
 * __thp_get_unmapped_area(): such that 2 MiB of the file, or of the address where there is none,
 * can be one leaf. 0: not to be had with the room for that.
 */
static gva_t aligned(struct mm *mm, gva_t addr, uint64_t len, uint64_t offset, int flags)
{
	uint64_t first = align_up(offset, PMD_SIZE), end = offset + len, shift;
	long found;

	if (end <= first || end - first < PMD_SIZE || len + PMD_SIZE < len ||
	    len + PMD_SIZE > MV_TASK_SIZE)
		return 0;
	found = top_down(mm, addr, len + PMD_SIZE, flags);
	if (found < 0)
		return 0;
	if (found == (long)addr) /* the hint goes before the alignment */
		return addr;
	shift = (offset - (gva_t)found) & (PMD_SIZE - 1);
	return (gva_t)found + (shift ? shift : PMD_SIZE);
}

/* The hole's length for which any place in it has `len` bytes at a multiple of 2 MiB. */
static uint64_t with_slack(uint64_t len)
{
	return len + PMD_SIZE - PAGE_SIZE;
}

/* arch_get_unmapped_area() with the align_mask of a file of huge pages. */
static long huge_bottom_up(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	bool low = flags & MAP_32BIT;
	gva_t begin = low ? 0x40000000 : TASK_UNMAPPED_BASE, found;
	gva_t end = low ? 0x80000000 : MV_TASK_SIZE;

	if (hint_is_free(mm, addr, len, end))
		return (long)addr;
	found = hole_up(mm, with_slack(len), PMD_SIZE, begin, end);
	return found ? (long)found : -ENOMEM;
}

/* hugetlb_get_unmapped_area() of fs/hugetlbfs/inode.c; len is a multiple of 2 MiB. */
static long huge_area(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	gva_t low = flags & MAP_ABOVE4G ? 1ull << 32 : MMAP_MIN_ADDR, found;

	addr = align_up(addr, PMD_SIZE);
	if (flags & MAP_32BIT)
		return huge_bottom_up(mm, addr, len, flags);
	if (hint_is_free(mm, addr, len, MV_TASK_SIZE))
		return (long)addr;
	found = hole_down(mm, with_slack(len), low, mm->mmap_base);
	if (!found)
		return huge_bottom_up(mm, addr, len, flags);
	return (long)((found + with_slack(len) - len) & PMD_MASK);
}

long mm_get_unmapped_area(struct mm *mm, const struct object *file, gva_t addr,
			  uint64_t len, uint64_t pgoff, int flags)
{
	bool huge = file ? file->thp_aligned
			 : !addr && len % PMD_SIZE == 0 && !(flags & MAP_SHARED);

	gva_t found = 0;

	if (file && file->kind == OBJECT_ZERO && flags & MAP_SHARED)
		huge = false; /* get_unmapped_area_zero(): it will be tmpfs's */
	if (len > MV_TASK_SIZE)
		return -ENOMEM;
	if (flags & MAP_FIXED) {
		if (file && file->huge && addr & ~PMD_MASK)
			return -EINVAL;
		if (addr > MV_TASK_SIZE - len)
			return -ENOMEM;
		if (addr & ~PAGE_MASK)
			return -EINVAL;
		return addr < MMAP_MIN_ADDR ? -EPERM : (long)addr;
	}
	if (file && file->huge)
		return huge_area(mm, addr, len, flags);
	if (huge)
		found = aligned(mm, addr, len, file ? pgoff << PAGE_SHIFT : 0, flags);
	return found ? (long)found : top_down(mm, addr, len, flags);
}
