/* SPDX-License-Identifier: MIT */
/*
 * mmap.c: mmap, munmap, mprotect, brk, msync: the VMAs change first, then the entries, then
 * comes the flush. Checks, their order and their errors are those of Linux's mm/mmap.c,
 * mm/vma.c, mm/mprotect.c and mm/msync.c.
 */
#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "vmm/mm/mm.h"

/* LEGACY_MAP_MASK of linux/mman.h: what MAP_SHARED_VALIDATE doesn't refuse. */
#define LEGACY_MAP_MASK                                                                    \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE |            \
	 MAP_EXECUTABLE | MAP_UNINITIALIZED | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | \
	 MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT | MAP_ABOVE4G | \
	 MAP_HUGE_2MB | MAP_HUGE_1GB)

#ifndef MAP_ABOVE4G
#define MAP_ABOVE4G 0x80
#endif
#ifndef MAP_UNINITIALIZED
#define MAP_UNINITIALIZED 0x4000000
#endif

/* What one mmap populates at most; the rest comes with its faults. */
#define POPULATE_MAX (1ull << 30)

#define VM_MAY_ALL (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/* Split so that a VMA begins at gva, if one spans it. */
static int cut(struct mm *mm, struct gather *g, gva_t gva)
{
	struct vma *vma = vma_lookup(mm, gva);
	int err = 0;

	if (vma && vma->vm_start < gva)
		err = vma_split(mm, vma, gva);
	return err ? err : mm_split_at(mm, g, gva);
}

static int cut_range(struct mm *mm, struct gather *g, gva_t start, gva_t end)
{
	int err = cut(mm, g, start);

	return err ? err : cut(mm, g, end);
}

/* do_vmi_align_munmap(): nothing is left mapped in [start, end). */
static int unmap(struct mm *mm, struct gather *g, gva_t start, gva_t end)
{
	struct vma *vma = vma_find(mm, start);
	int err;

	if (!vma_overlaps(vma, start, end))
		return 0;
	err = cut_range(mm, g, start, end);
	if (err)
		return err;
	mm_zap_range(mm, g, start, end);
	/* the last VMA of an object takes the object's frames with it: not before the flush */
	err = gather_finish(g);
	while ((vma = vma_find(mm, start)) && vma->vm_start < end)
		vma_remove(mm, vma);
	return err;
}

/* Whether [addr, addr + len) is free down to the gap that a stack above it keeps. */
static bool is_free(struct mm *mm, gva_t addr, uint64_t len)
{
	struct vma *vma = vma_find(mm, addr);
	gva_t start = vma ? vma->vm_start : MV_TASK_SIZE;

	if (vma && vma->vm_flags & VM_GROWSDOWN)
		start = start > STACK_GUARD_GAP ? start - STACK_GUARD_GAP : 0;
	return addr + len <= start;
}

/* arch_get_unmapped_area_topdown() and the checks around it; gva or -errno. */
static long get_unmapped_area(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	gva_t low = MMAP_MIN_ADDR, high = mm->mmap_base, found;

	if (len > MV_TASK_SIZE)
		return -ENOMEM;
	if (flags & MAP_FIXED) {
		if (addr > MV_TASK_SIZE - len)
			return -ENOMEM;
		if (addr & ~PAGE_MASK)
			return -EINVAL;
		return addr < MMAP_MIN_ADDR ? -EPERM : (long)addr;
	}
	if (flags & MAP_32BIT) { /* find_start_end() of arch/x86/kernel/sys_x86_64.c */
		low = 0x40000000;
		high = 0x80000000;
	} else if (addr && addr <= MV_TASK_SIZE - len && is_free(mm, addr, len)) {
		return (long)addr;
	}
	if (flags & MAP_ABOVE4G)
		low = 1ull << 32;
	found = vma_find_hole(mm, len, low, high);
	if (!found && !(flags & MAP_32BIT))
		found = vma_find_hole(mm, len, MV_TASK_SIZE / 3 & PAGE_MASK, MV_TASK_SIZE);
	return found ? (long)found : -ENOMEM;
}

/* round_hint_to_min(). */
static gva_t round_hint(gva_t addr)
{
	addr &= PAGE_MASK;
	return addr && addr < MMAP_MIN_ADDR ? MMAP_MIN_ADDR : addr;
}

/* The flags that a file's mapping gets beyond its protection; or -errno. */
static int file_flags(const struct object *obj, uint64_t len, int prot, int flags,
		      bool readable, bool writable, uint64_t pgoff)
{
	int vm_flags = 0;

	/* file_mmap_ok(): the offset of the last byte fits a loff_t */
	if (pgoff > ((uint64_t)INT64_MAX >> PAGE_SHIFT) - (len >> PAGE_SHIFT))
		return -EOVERFLOW;
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		flags &= LEGACY_MAP_MASK;
		/* fall through */
	case MAP_SHARED_VALIDATE:
		if (flags & ~(LEGACY_MAP_MASK | MAP_TYPE))
			return -EOPNOTSUPP;
		if (prot & PROT_WRITE && !writable)
			return -EACCES;
		vm_flags |= VM_MAYSHARE | (writable ? VM_SHARED : 0);
		/* fall through */
	case MAP_PRIVATE:
		if (!readable)
			return -EACCES;
		if (!obj)
			return -ENODEV;
		if (flags & MAP_GROWSDOWN)
			return -EINVAL;
		if ((vm_flags & VM_MAYSHARE) && !writable)
			return vm_flags | (VM_MAYREAD | VM_MAYEXEC);
		return vm_flags | VM_MAY_ALL;
	default:
		return -EINVAL;
	}
}

static int anon_flags(int flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		if (flags & MAP_GROWSDOWN)
			return -EINVAL;
		return VM_SHARED | VM_MAYSHARE | VM_MAY_ALL;
	case MAP_PRIVATE:
		return VM_MAY_ALL | (flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0);
	default:
		return -EINVAL;
	}
}

/* mmap_region(): what was there goes, the new VMA comes, merged where it can be. */
static int map_region(struct mm *mm, const struct vma *want)
{
	struct gather g;
	struct vma *vma;
	int err;

	gather_init(&g, mm->phys);
	err = unmap(mm, &g, want->vm_start, want->vm_end);
	if (gather_finish(&g))
		return g.err;
	if (err)
		return err;
	vma = vma_new(want);
	if (!vma)
		return -ENOMEM;
	vma_insert(mm, vma);
	vma_merge(mm, vma);
	return 0;
}

/*
 * MAP_POPULATE: fault in what can be; errors are not mmap's. It is a wish: a payload that wishes
 * for terabytes must not keep the VMM busy beyond its time limit.
 */
static void populate(struct mm *mm, gva_t start, gva_t end)
{
	const struct vma *vma = vma_lookup(mm, start);
	unsigned access = vma->vm_flags & VM_WRITE && vma_private(vma) ? MV_WRITE : MV_READ;

	end = min_u64(end, start + POPULATE_MAX);
	for (gva_t gva = start; gva < end; gva += PAGE_SIZE)
		if (mm_handle_fault(mm, gva, access, false).kind == MV_FAULT_FATAL)
			return;
}

static long do_mmap(struct mm *mm, gva_t addr, uint64_t len, int prot, int flags,
		    struct object *obj, bool readable, bool writable, uint64_t pgoff)
{
	struct vma want = { .vm_pgoff = pgoff, .vm_object = obj };
	int vm_flags, err;
	long ret;

	if (!len)
		return -EINVAL;
	if (flags & MAP_FIXED_NOREPLACE)
		flags |= MAP_FIXED;
	if (!(flags & MAP_FIXED))
		addr = round_hint(addr);
	len = page_align(len);
	if (!len)
		return -ENOMEM;
	if (pgoff + (len >> PAGE_SHIFT) < pgoff)
		return -EOVERFLOW;
	if (mm->map_count > mm->max_map_count)
		return -ENOMEM;
	ret = get_unmapped_area(mm, addr, len, flags);
	if (ret < 0)
		return ret;
	want.vm_start = (gva_t)ret;
	want.vm_end = want.vm_start + len;
	if (flags & MAP_FIXED_NOREPLACE &&
	    vma_overlaps(vma_find(mm, want.vm_start), want.vm_start, want.vm_end))
		return -EEXIST;
	if (flags & MAP_ANONYMOUS)
		vm_flags = anon_flags(flags);
	else
		vm_flags = file_flags(obj, len, prot, flags, readable, writable, pgoff);
	if (vm_flags < 0)
		return vm_flags;
	if (flags &
	    MAP_HUGETLB) /* no pool of reserved huge pages here: as Linux with an empty one */
		return -ENOMEM;
	want.vm_flags = (unsigned)vm_flags | ((unsigned)prot & VM_PROT) |
			(flags & MAP_NORESERVE ? VM_NORESERVE : 0);
	/* accountable_mapping() */
	if ((want.vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE)
		want.vm_flags |= VM_ACCOUNT;
	if (flags & MAP_ANONYMOUS) {
		want.vm_pgoff = vm_flags & VM_SHARED ? 0 : want.vm_start >> PAGE_SHIFT;
		want.vm_object = vm_flags & VM_SHARED ? object_new_anon(mm->phys) : NULL;
		if (vm_flags & VM_SHARED && !want.vm_object)
			return -ENOMEM;
	}
	err = map_region(mm, &want);
	if (flags & MAP_ANONYMOUS)
		object_put(want.vm_object);
	if (err)
		return err;
	if ((flags & MAP_POPULATE && !(flags & MAP_NONBLOCK)) || flags & MAP_LOCKED)
		populate(mm, want.vm_start, want.vm_end);
	return (long)want.vm_start;
}

long mm_mmap(struct mm *mm, gva_t addr, uint64_t len, int prot, int flags,
	     struct object *obj, bool readable, bool writable, uint64_t pgoff)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	ret = do_mmap(mm, addr, len, prot, flags, obj, readable, writable, pgoff);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

static long do_munmap(struct mm *mm, gva_t addr, uint64_t len)
{
	struct gather g;
	int err;

	if (addr & ~PAGE_MASK || addr > MV_TASK_SIZE || len > MV_TASK_SIZE - addr || !len)
		return -EINVAL;
	gather_init(&g, mm->phys);
	err = unmap(mm, &g, addr, addr + page_align(len));
	return gather_finish(&g) ? g.err : err;
}

long mm_munmap(struct mm *mm, gva_t addr, uint64_t len)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	ret = do_munmap(mm, addr, len);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

/* mprotect_fixup()'s way with VM_ACCOUNT. */
static unsigned account(const struct vma *vma, unsigned vm_flags)
{
	if (vm_flags & VM_WRITE) {
		if (!(vma->vm_flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE)))
			vm_flags |= VM_ACCOUNT;
	} else if (!vma->vm_object && !vma->anon_id) {
		vm_flags &= ~VM_ACCOUNT;
	}
	return vm_flags;
}

/* mprotect_fixup(): the part of *vma in [start, end) gets prot; *vma becomes what holds it then. */
static int protect_vma(struct mm *mm, struct gather *g, struct vma **pvma, gva_t start,
		       gva_t end, unsigned prot)
{
	struct vma *vma = *pvma;
	unsigned vm_flags = (vma->vm_flags & ~VM_PROT) | prot;
	int err;

	if (prot & ~(vm_flags >> VM_MAY_SHIFT))
		return -EACCES;
	if (vm_flags == vma->vm_flags)
		return 0;
	vm_flags = account(vma, vm_flags);
	err = cut_range(mm, g, start, end);
	if (err)
		return err;
	vma = vma_lookup(mm, start);
	vma->vm_flags = vm_flags;
	mm_protect_vma(mm, g, vma);
	*pvma = vma_merge(mm, vma);
	return 0;
}

static long do_mprotect(struct mm *mm, struct gather *g, gva_t addr, uint64_t len, int prot)
{
	int grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	struct vma *vma;
	gva_t end, at;
	int err;

	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr & ~PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 0;
	end = addr + page_align(len);
	if (end <= addr)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	vma = vma_find(mm, addr);
	if (!vma || vma->vm_start >= end)
		return -ENOMEM;
	if (grows == PROT_GROWSDOWN) {
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
		addr = vma->vm_start;
	} else if (vma->vm_start > addr) {
		return -ENOMEM;
	} else if (grows == PROT_GROWSUP) { /* no VMA grows up on x86 */
		return -EINVAL;
	}
	for (at = addr; at < end; at = vma->vm_end, vma = vma_next(vma)) {
		if (!vma || vma->vm_start > at)
			return -ENOMEM;
		err = protect_vma(mm, g, &vma, at, min_u64(end, vma->vm_end),
				  (unsigned)prot & VM_PROT);
		if (err)
			return err;
	}
	return 0;
}

long mm_mprotect(struct mm *mm, gva_t addr, uint64_t len, int prot)
{
	struct gather g;
	long ret;

	pthread_mutex_lock(&mm->lock);
	gather_init(&g, mm->phys);
	ret = do_mprotect(mm, &g, addr, len, prot);
	if (gather_finish(&g))
		ret = g.err;
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

/* Whether the heap may grow to newbrk: a page and a stack's gap stay free above it. */
static bool brk_has_room(struct mm *mm, gva_t oldbrk, gva_t newbrk)
{
	return newbrk <= MV_TASK_SIZE - PAGE_SIZE && mm->map_count <= mm->max_map_count &&
	       is_free(mm, oldbrk, newbrk - oldbrk + PAGE_SIZE);
}

static long do_brk(struct mm *mm, gva_t brk)
{
	gva_t oldbrk = page_align(mm->brk), newbrk = page_align(brk);
	struct vma want = { .vm_flags = VM_READ | VM_WRITE | VM_MAY_ALL | VM_ACCOUNT };

	if (brk < mm->start_brk || brk > MV_TASK_SIZE)
		return (long)mm->brk;
	if (newbrk < oldbrk) {
		if (do_munmap(mm, newbrk, oldbrk - newbrk))
			return (long)mm->brk;
	} else if (newbrk > oldbrk) {
		want.vm_start = oldbrk;
		want.vm_end = newbrk;
		want.vm_pgoff = oldbrk >> PAGE_SHIFT;
		if (!brk_has_room(mm, oldbrk, newbrk) || map_region(mm, &want))
			return (long)mm->brk;
	}
	mm->brk = brk;
	return (long)brk;
}

long mm_brk(struct mm *mm, gva_t brk)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	ret = do_brk(mm, brk);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

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

int mm_map_stack(struct mm *mm, gva_t end, uint64_t size)
{
	struct vma want = { .vm_start = end - size,
			    .vm_end = end,
			    .vm_pgoff = (end - size) >> PAGE_SHIFT,
			    .vm_flags = VM_READ | VM_WRITE | VM_MAY_ALL | VM_GROWSDOWN |
					VM_STACK | VM_ACCOUNT };
	int err;

	pthread_mutex_lock(&mm->lock);
	err = map_region(mm, &want);
	pthread_mutex_unlock(&mm->lock);
	return err;
}

void mm_set_zero_from(struct mm *mm, gva_t gva)
{
	struct vma *vma;

	pthread_mutex_lock(&mm->lock);
	vma = vma_lookup(mm, gva);
	if (vma && gva & ~PAGE_MASK)
		vma->zero_from = gva;
	pthread_mutex_unlock(&mm->lock);
}

/* expand_downwards() of mm/vma.c. */
int mm_expand_stack(struct vma *vma, gva_t gva)
{
	struct vma *prev = vma_prev(vma);

	gva &= PAGE_MASK;
	if (!(vma->vm_flags & VM_GROWSDOWN) || gva < MMAP_MIN_ADDR ||
	    vma->vm_end - gva > STACK_LIMIT)
		return -ENOMEM;
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && prev->vm_flags & VM_PROT &&
	    gva - prev->vm_end < STACK_GUARD_GAP)
		return -ENOMEM;
	vma_resize(vma, gva, vma->vm_end);
	return 0;
}
