/* SPDX-License-Identifier: MIT */
/*
 * mmap.c: mmap, munmap, mprotect, brk: the VMAs change first, then the entries, then
 * comes the flush. Checks, their order and their errors are those of Linux's mm/mmap.c,
 * mm/vma.c and mm/mprotect.c.
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
	int err;

	if (vma && vma->vm_flags & VM_HUGETLB && gva & ~PMD_MASK)
		return -EINVAL;	       /* hugetlb_vm_op_split() */
	err = mm_split_at(mm, g, gva); /* first: no leaf may lie across two VMAs */
	if (!err && vma && vma->vm_start < gva)
		err = vma_split(mm, vma, gva);
	return err;
}

static int cut_range(struct mm *mm, struct gather *g, gva_t start, gva_t end)
{
	int err = cut(mm, g, start);

	return err ? err : cut(mm, g, end);
}

void mm_clear_guards(struct mm *mm, gva_t start, gva_t end)
{
	uint64_t i = start >> PAGE_SHIFT, last = end >> PAGE_SHIFT;

	while ((i = pagemap_next(&mm->guards, i, last)) < last)
		pagemap_clear(&mm->guards, i);
}

/*
 * vms_gather_munmap_vmas(): no VMA lies across an end of [start, end). Only a hole in the middle of one is
 * held against the VMA limit, so that a process at the limit can still unmap.
 */
static int gather_vmas(struct mm *mm, struct gather *g, gva_t start, gva_t end)
{
	const struct vma *vma = vma_find(mm, start);

	if (!vma_overlaps(vma, start, end))
		return 0;
	if (vma->vm_start < start && end < vma->vm_end &&
	    mm->map_count >= mm->max_map_count)
		return -ENOMEM;
	return cut_range(mm, g, start, end);
}

/* do_vmi_align_munmap(): nothing is left mapped in [start, end). */
static int unmap(struct mm *mm, struct gather *g, gva_t start, gva_t end)
{
	struct vma *vma;
	int err = gather_vmas(mm, g, start, end);

	if (err || !vma_overlaps(vma_find(mm, start), start, end))
		return err;
	mm->hiwater_vm = max_u64(mm->hiwater_vm, mm->total_vm);
	mm_update_hiwater_rss(mm);
	mm_hugetlb_unreserve(mm, start, end);
	mm_zap_range(mm, g, start, end);
	mm_clear_guards(mm, start, end);
	/* the last VMA of an object takes the object's frames with it: not before the flush */
	err = gather_finish(g);
	while ((vma = vma_find(mm, start)) && vma->vm_start < end)
		vma_remove(mm, vma);
	return err;
}

int mm_do_munmap(struct mm *mm, gva_t addr, uint64_t len)
{
	struct gather g;
	int err;

	if (addr & ~PAGE_MASK || addr > MV_TASK_SIZE || len > MV_TASK_SIZE - addr || !len)
		return -EINVAL;
	gather_init(&g, mm->phys);
	err = unmap(mm, &g, addr, addr + page_align(len));
	return gather_finish(&g) ? g.err : err;
}

/* round_hint_to_min(). */
static gva_t round_hint(gva_t addr)
{
	addr &= PAGE_MASK;
	return addr && addr < MMAP_MIN_ADDR ? MMAP_MIN_ADDR : addr;
}

/* What mprotect may turn on, once the descriptor lets it be mapped at all; or -errno. */
static int may_flags(const struct object *obj, int prot, bool writable)
{
	int may = VM_MAY_ALL;

	if (obj->noexec && prot & PROT_EXEC)
		return -EPERM;
	if (obj->kind == OBJECT_NONE)
		return -ENODEV;
	if (obj->noexec)
		may &= ~(int)VM_MAYEXEC;
	return writable ? may : may & ~(int)VM_MAYWRITE;
}

/* The flags that a file's mapping gets beyond its protection; or -errno. */
static int file_flags(const struct object *obj, uint64_t len, int prot, int flags,
		      bool readable, bool writable, uint64_t pgoff)
{
	const int known = LEGACY_MAP_MASK | MAP_TYPE | (obj->knows_sync ? MAP_SYNC : 0);
	int shared = 0, may;

	/* file_mmap_ok() */
	if (pgoff > ((obj->wide ? UINT64_MAX : INT64_MAX) - len) >> PAGE_SHIFT)
		return -EOVERFLOW;
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		flags &= LEGACY_MAP_MASK;
		/* fall through */
	case MAP_SHARED_VALIDATE:
		if (flags & ~known)
			return -EOPNOTSUPP;
		if (prot & PROT_WRITE && !writable)
			return -EACCES;
		shared = VM_MAYSHARE | (writable ? VM_SHARED : 0);
		/* fall through */
	case MAP_PRIVATE:
		if (!readable)
			return -EACCES;
		may = may_flags(obj, prot, writable || !shared);
		if (may > 0 && flags & MAP_GROWSDOWN)
			return -EINVAL;
		return may < 0 ? may : may | shared;
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

struct vma *mm_insert_region(struct mm *mm, const struct vma *want)
{
	struct vma *vma = vma_new(want);

	if (!vma)
		return NULL;
	vma_insert(mm, vma);
	return vma_merge(mm, vma);
}

static uint64_t pages_mapped(struct mm *mm, gva_t start, gva_t end)
{
	uint64_t len = 0;

	for (struct vma *vma = vma_find(mm, start); vma && vma->vm_start < end;
	     vma = vma_next(vma))
		len += min_u64(end, vma->vm_end) - max_u64(start, vma->vm_start);
	return len >> PAGE_SHIFT;
}

/* Too much, by RLIMIT_AS or _DATA: vms_abort_munmap_vmas() leaves what was cut as it is. */
static int refuse_region(struct mm *mm, const struct vma *want)
{
	struct gather g;
	int err;

	gather_init(&g, mm->phys);
	err = gather_vmas(mm, &g, want->vm_start, want->vm_end);
	return gather_finish(&g) ? g.err : err ? err : -ENOMEM;
}

/* mmap_region(): what was there goes, the new VMA comes. */
static int map_region(struct mm *mm, const struct vma *want)
{
	const uint64_t there = pages_mapped(mm, want->vm_start, want->vm_end);
	int err;

	if (!vma_may_expand(mm, want->vm_flags, vma_pages(want) - there))
		return refuse_region(mm, want);
	err = mm_do_munmap(mm, want->vm_start, want->vm_end - want->vm_start);
	/* daxdev_mapping_supported(), which is asked when what was there is gone */
	if (!err && want->vm_flags & VM_SYNC && want->vm_object &&
	    want->vm_object->knows_sync)
		err = -EOPNOTSUPP;
	if (!err && want->vm_flags & VM_HUGETLB)
		err = mm_hugetlb_reserve(mm, want);
	if (err)
		return err;
	return mm_insert_region(mm, want) ? 0 : -ENOMEM;
}

/* VM_ flags that mmap's flags are: calc_vm_flag_bits() of linux/mman.h. */
static unsigned flag_bits(int flags)
{
	return (flags & MAP_LOCKED ? VM_LOCKED : 0) |
	       (flags & MAP_STACK ? VM_NOHUGEPAGE : 0) | (flags & MAP_SYNC ? VM_SYNC : 0) |
	       (flags & MAP_NORESERVE ? VM_NORESERVE : 0);
}

/*
 * MAP_POPULATE: a wish, whose errors are not mmap's. A payload that wishes for terabytes must
 * not keep the VMM busy beyond its time limit.
 */
static void populate(struct mm *mm, gva_t start, gva_t end)
{
	mm_populate(mm, start, min_u64(end, start + POPULATE_MAX));
}

/* The VMA that is wanted, but for its object; 0 or -errno. */
static int describe(struct mm *mm, struct vma *want, uint64_t len, int prot, int flags,
		    const struct object *obj, bool readable, bool writable)
{
	int kind;

	if (flags & MAP_LOCKED && !mm_can_do_mlock(mm))
		return -EPERM;
	want->vm_flags = ((unsigned)prot & VM_PROT) | flag_bits(flags) | mm->def_flags;
	if (!mm_mlock_future_ok(mm, want->vm_flags, len))
		return -EAGAIN;
	if (flags & MAP_ANONYMOUS)
		kind = anon_flags(flags);
	else
		kind = file_flags(obj, len, prot, flags, readable, writable,
				  want->vm_pgoff);
	if (kind < 0)
		return kind;
	want->vm_flags |= (unsigned)kind;
	/* accountable_mapping() */
	if (obj && obj->huge)
		want->vm_flags |= VM_HUGETLB;
	else if ((want->vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE)
		want->vm_flags |= VM_ACCOUNT;
	return 0;
}

/*
 * What stands behind anonymous memory: an object of its own if it is shared. The offset that
 * /dev/zero was mapped at stays, though the object begins at 0.
 */
static int anon_object(struct mm *mm, struct vma *want)
{
	if (!(want->vm_flags & VM_SHARED)) {
		want->vm_pgoff = want->vm_start >> PAGE_SHIFT;
		return 0;
	}
	if (!want->vm_object)
		want->vm_pgoff = 0;
	want->vm_object = object_new_anon(mm->phys, want->vm_end - want->vm_start);
	return want->vm_object ? 0 : -ENOMEM;
}

static long do_mmap(struct mm *mm, gva_t addr, uint64_t len, int prot, int flags,
		    struct object *obj, bool readable, bool writable, uint64_t pgoff)
{
	struct vma want = { .vm_pgoff = pgoff, .vm_object = obj };
	bool anon, wanted;
	long ret;
	int err;

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
	ret = mm_get_unmapped_area(mm, obj, addr, len, pgoff, flags);
	if (ret < 0)
		return ret;
	want.vm_start = (gva_t)ret;
	want.vm_end = want.vm_start + len;
	if (flags & MAP_FIXED_NOREPLACE &&
	    vma_overlaps(vma_find(mm, want.vm_start), want.vm_start, want.vm_end))
		return -EEXIST;
	err = describe(mm, &want, len, prot, flags, obj, readable, writable);
	/* shared, /dev/zero is what MAP_ANONYMOUS is: shmem_zero_setup() */
	anon = flags & MAP_ANONYMOUS ||
	       (obj && obj->kind == OBJECT_ZERO && want.vm_flags & VM_SHARED);
	if (!err && anon)
		err = anon_object(mm, &want);
	if (err)
		return err;
	wanted = want.vm_flags & VM_LOCKED ||
		 (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	if (want.vm_flags & VM_HUGETLB) /* __mmap_complete(): never counted as locked */
		want.vm_flags &= ~VM_LOCKED_MASK;
	err = map_region(mm, &want);
	if (anon)
		object_put(want.vm_object);
	if (err)
		return err;
	if (wanted)
		populate(mm, want.vm_start, want.vm_end);
	return (long)want.vm_start;
}

/* hstate_sizelog(): 2 MiB is the default, and the only size. */
static bool has_hstate(int flags)
{
	unsigned log = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	return !log || log == PMD_SHIFT;
}

/* ksys_mmap_pgoff(): memory in huge pages is a file's, to all that follows. */
static long mmap_hugetlb(struct mm *mm, gva_t addr, uint64_t len, int prot, int flags,
			 uint64_t pgoff)
{
	struct object *obj;
	long ret;

	if (!(flags & MAP_ANONYMOUS) || !has_hstate(flags))
		return -EINVAL;
	len = align_up(len, PMD_SIZE);
	obj = object_new_hugetlb(mm->phys, len);
	if (!obj)
		return -ENOMEM;
	ret = do_mmap(mm, addr, len, prot, flags & ~MAP_ANONYMOUS, obj, true, true, pgoff);
	object_put(obj);
	return ret;
}

long mm_mmap(struct mm *mm, gva_t addr, uint64_t len, int prot, int flags,
	     struct object *obj, bool readable, bool writable, uint64_t pgoff)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	if (flags & MAP_HUGETLB)
		ret = mmap_hugetlb(mm, addr, len, prot, flags, pgoff);
	else
		ret = do_mmap(mm, addr, len, prot, flags, obj, readable, writable, pgoff);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

long mm_munmap(struct mm *mm, gva_t addr, uint64_t len)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	ret = mm_do_munmap(mm, addr, len);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

/* mprotect_fixup()'s way with VM_ACCOUNT. */
static unsigned account(const struct vma *vma, unsigned vm_flags)
{
	if (vm_flags & VM_WRITE) {
		if (!(vma->vm_flags &
		      (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE | VM_HUGETLB)))
			vm_flags |= VM_ACCOUNT;
	} else if (vma_is_anonymous(vma) && !vma->anon_id) {
		vm_flags &= ~VM_ACCOUNT;
	}
	return vm_flags;
}

static bool keeps_apart(const struct vma *vma)
{
	return vma->vm_object && vma->vm_object->keeps_apart;
}

/* Whether [start, end) of vma would only move the border to a neighbour with these flags. */
static bool moves_border(struct vma *vma, gva_t start, gva_t end, unsigned vm_flags)
{
	struct vma part = *vma;

	part.vm_start = start;
	part.vm_end = end;
	part.vm_pgoff = vma_pgoff(vma, start);
	part.vm_flags = vm_flags;
	if (keeps_apart(vma) && start == vma->vm_start && end == vma->vm_end)
		return false; /* can_merge_remove_vma(): none may go */
	return (start == vma->vm_start && vma_can_merge(vma_prev(vma), &part)) ||
	       (end == vma->vm_end && vma_can_merge(&part, vma_next(vma)));
}

/* split_vma(): where that would go beyond the VMA limit it fails. */
static int cut_within_limit(struct mm *mm, struct gather *g, gva_t gva)
{
	struct vma *vma = vma_lookup(mm, gva);

	if (vma && vma->vm_start < gva && mm->map_count >= mm->max_map_count)
		return -ENOMEM;
	return cut(mm, g, gva);
}

int mm_modify_flags(struct mm *mm, struct gather *g, struct vma **pvma, gva_t start,
		    gva_t end, unsigned vm_flags)
{
	struct vma *vma = *pvma;
	const bool border = moves_border(vma, start, end, vm_flags);
	int err;

	if (border) {
		err = cut_range(mm, g, start, end);
	} else {
		err = cut_within_limit(mm, g, start);
		if (!err)
			err = cut_within_limit(mm, g, end);
	}
	if (err)
		return err;
	vma = vma_lookup(mm, start);
	vma_set_flags(mm, vma, vm_flags);
	*pvma = border || !keeps_apart(vma) ? vma_merge(mm, vma) : vma;
	return 0;
}

/* mprotect_fixup(): the part of *vma in [start, end) gets prot; *vma becomes what holds it then. */
static int protect_vma(struct mm *mm, struct gather *g, struct vma **pvma, gva_t start,
		       gva_t end, unsigned prot)
{
	unsigned old = (*pvma)->vm_flags, vm_flags = (old & ~VM_PROT) | prot;
	const uint64_t pages = (end - start) >> PAGE_SHIFT;
	int err;

	if (prot & ~(vm_flags >> VM_MAY_SHIFT))
		return -EACCES;
	if (vm_flags == old)
		return 0;
	if (prot & VM_WRITE && !vma_may_expand(mm, vm_flags, pages) &&
	    vma_may_expand(mm, old, pages))
		return -ENOMEM; /* it turns into data */
	err = mm_modify_flags(mm, g, pvma, start, end, account(*pvma, vm_flags));
	if (err)
		return err;
	mm_protect_range(mm, g, *pvma, start, end);
	/* "Private VM_LOCKED VMA becoming writable: trigger COW" */
	if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && prot & VM_WRITE)
		mm_populate(mm, start, end);
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
	       mm_mlock_future_ok(mm, mm->def_flags, newbrk - oldbrk) &&
	       mm_is_free(mm, oldbrk, newbrk - oldbrk + PAGE_SIZE);
}

/* do_brk_flags(): vma_prev_limit() doesn't find what ends where the heap begins, so .bss stays apart. */
static int extend_heap(struct mm *mm, const struct vma *want)
{
	struct vma *vma, *prev;

	if (!vma_may_expand(mm, want->vm_flags, vma_pages(want)) || !(vma = vma_new(want)))
		return -ENOMEM;
	vma_insert(mm, vma);
	prev = vma_prev(vma);
	if (prev && prev->vm_end > mm->start_brk)
		vma_merge_next(mm, prev);
	return 0;
}

static long do_brk(struct mm *mm, gva_t brk)
{
	gva_t was = mm->brk, oldbrk = page_align(was), newbrk = page_align(brk);
	struct vma want = { .vm_flags = VM_READ | VM_WRITE | VM_MAY_ALL | VM_ACCOUNT |
					mm->def_flags };

	/* check_data_rlimit(): also if it shrinks */
	if (brk < mm->start_brk || brk > MV_TASK_SIZE ||
	    (mm->brk_limit != UINT64_MAX &&
	     brk - mm->start_brk + mm->data_len > mm->brk_limit))
		return (long)was;
	if (newbrk < oldbrk) {
		/* where nothing of the heap is left it doesn't shrink */
		if (!vma_overlaps(vma_find(mm, newbrk), newbrk, oldbrk) ||
		    mm_do_munmap(mm, newbrk, oldbrk - newbrk))
			return (long)was;
	} else if (newbrk > oldbrk) {
		want.vm_start = oldbrk;
		want.vm_end = newbrk;
		want.vm_pgoff = oldbrk >> PAGE_SHIFT;
		mm->brk = brk; /* first: the VMA comes with its name */
		if (!brk_has_room(mm, oldbrk, newbrk) || extend_heap(mm, &want)) {
			mm->brk = was;
			return (long)was;
		}
		if (want.vm_flags & VM_LOCKED)
			mm_populate(mm, oldbrk, newbrk);
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

/* What the code's pages may become, a debugger's breakpoints want; nobody writes the data. */
static int map_vdso_at(struct mm *mm, struct object *obj, gva_t gva)
{
	const struct vma data = {
		.vm_start = gva,
		.vm_end = gva + PAGE_SIZE,
		.vm_flags = VM_READ | VM_MAYREAD | VM_DONTDUMP | VM_SPECIAL,
		.vm_object = obj,
	};
	const struct vma code = {
		.vm_start = data.vm_end,
		.vm_end = gva + page_align(obj->size),
		.vm_flags = VM_READ | VM_EXEC | VM_MAY_ALL | VM_DONTEXPAND,
		.vm_pgoff = 1,
		.vm_object = obj,
	};
	int err = map_region(mm, &code);

	return err ? err : map_region(mm, &data);
}

long mm_map_vdso(struct mm *mm, struct object *obj)
{
	long gva;
	int err;

	pthread_mutex_lock(&mm->lock);
	gva = mm_get_unmapped_area(mm, NULL, 0, page_align(obj->size), 0, 0);
	err = gva < 0 ? (int)gva : map_vdso_at(mm, obj, (gva_t)gva);
	pthread_mutex_unlock(&mm->lock);
	return err ? err : gva + (long)PAGE_SIZE;
}

/* expand_downwards() of mm/vma.c. */
int mm_expand_stack(struct mm *mm, struct vma *vma, gva_t gva)
{
	struct vma *prev = vma_prev(vma);

	gva &= PAGE_MASK;
	if (!(vma->vm_flags & VM_GROWSDOWN) || gva < MMAP_MIN_ADDR)
		return -ENOMEM;
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && prev->vm_flags & VM_PROT &&
	    gva - prev->vm_end < STACK_GUARD_GAP)
		return -ENOMEM;
	mm_prepare_anon_id(mm, vma);
	/* moved up by mremap its offset may be too low; then acct_stack_growth() */
	if ((vma->vm_start - gva) >> PAGE_SHIFT > vma->vm_pgoff ||
	    !vma_may_expand(mm, vma->vm_flags, (vma->vm_start - gva) >> PAGE_SHIFT) ||
	    vma->vm_end - gva > mm->stack_limit ||
	    !mm_mlock_future_ok(mm, vma->vm_flags, vma->vm_start - gva))
		return -ENOMEM;
	vma_resize(mm, vma, gva, vma->vm_end);
	return 0;
}
