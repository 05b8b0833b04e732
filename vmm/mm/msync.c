/* SPDX-License-Identifier: MIT */
/* msync.c: msync(2), as Linux's mm/msync.c has it. */
#include <errno.h>
#include <sys/mman.h>

#include "vmm/mm/mm.h"

/* Have the host write back what of the file is dirty, through each window's mapping. */
static int sync_object(const struct object *obj, uint64_t offset, uint64_t len)
{
	for (unsigned i = 0; i < obj->nr_windows; i++) {
		const struct window *w = &obj->windows[i];
		uint64_t from = max_u64(offset, w->offset);
		uint64_t to = min_u64(offset + len, w->offset + w->arena->size);

		if (from < to &&
		    msync(w->arena->hva + (from - w->offset), to - from, MS_SYNC))
			return -errno;
	}
	return 0;
}

static long do_msync(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	gva_t end, start;
	struct vma *vma;
	long ret = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || addr & ~PAGE_MASK ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	end = addr + page_align(len);
	if (end < addr) /* a length that overflows to nothing is nothing, there too */
		return -ENOMEM;
	for (; addr < end; addr = vma->vm_end) {
		vma = vma_find(mm, addr);
		if (!vma || vma->vm_start >= end)
			return -ENOMEM;
		if (vma->vm_start > addr)
			ret = -ENOMEM;
		start = max_u64(addr, vma->vm_start);
		if (flags & MS_INVALIDATE && vma->vm_flags & VM_LOCKED)
			return -EBUSY;
		if (flags & MS_SYNC && vma->vm_flags & VM_SHARED &&
		    vma->vm_object->kind == OBJECT_FILE) {
			int err = sync_object(vma->vm_object,
					      vma_pgoff(vma, start) << PAGE_SHIFT,
					      min_u64(end, vma->vm_end) - start);

			if (err)
				return err;
		}
	}
	return ret;
}

long mm_msync(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	ret = do_msync(mm, addr, len, flags);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}
