/* SPDX-License-Identifier: MIT */
/*
 * mlock.c: mlock and its kin, as Linux's mm/mlock.c has them, and populating, as mm/gup.c does
 * it. What is locked has been faulted in and given memory; the VMM takes it back never.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "vmm/mm/pgtable.h"

/* How much is populated before the host is asked to back it: one aligned 2 MiB at a time. */
#define CHUNK PMD_SIZE

bool mm_can_do_mlock(const struct mm *mm)
{
	return mm->memlock_limit;
}

bool mm_mlock_future_ok(const struct mm *mm, unsigned vm_flags, uint64_t len)
{
	return !(vm_flags & VM_LOCKED) ||
	       (len >> PAGE_SHIFT) + mm->locked_vm <= mm->memlock_limit;
}

/* Frames of one arena that adjoin: what one madvise gives memory to. */
struct backing {
	char *hva; /* NULL: none yet */
	uint64_t len;
	int advice;
	bool write; /* a file's pages are to be written: else they get no dirtier than they are */
	int err; /* a file's page can't be had: -EFAULT */
};

static void back(struct backing *b)
{
	/* what fails here otherwise is backed by the access, or ends the payload then */
	if (b->hva && madvise(b->hva, b->len, b->advice) && errno == EFAULT)
		b->err = -EFAULT;
	b->hva = NULL;
}

static int back_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	uint64_t e = *leaf->entry, len = 1ull << level_shift(leaf->level);
	char *hva = phys_hva(mm->phys, e & PTE_ADDR);
	struct backing *b = arg;
	const bool file = phys_arena(mm->phys, e & PTE_ADDR)->kind == ARENA_FILE;
	const int advice = file && !b->write ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;

	if (b->hva && b->hva + b->len == hva && b->advice == advice) {
		b->len += len;
		return 0;
	}
	back(b);
	b->hva = hva;
	b->len = len;
	b->advice = advice;
	return 0;
}

static int fault_error(const struct mm_fault *fault)
{
	if (fault->err)
		return fault->err;
	return fault->signal == SIGKILL ? -ENOMEM : -EFAULT;
}

/* Entries for all pages of [start, end), within one VMA, then memory. */
static int fault_in_vma(struct mm *mm, gva_t start, gva_t end, unsigned access)
{
	const uint64_t used = access == MV_WRITE ? PTE_A | PTE_D : PTE_A;
	struct backing b = { .write = access == MV_WRITE };
	struct pt_path path;
	int err = 0;

	for (gva_t at = start; at < end && !err;) {
		pt_walk_pte(mm, at, &path);
		if (!(pte_access(*pt_last(&path)) & access)) {
			struct mm_fault f = mm_handle_fault(mm, at, access, false);

			err = f.kind == MV_FAULT_FATAL ? fault_error(&f) : 0;
			continue;
		}
		/* as used: it would be taken back as one that was never touched */
		pt_set(mm, path.table[path.level], pt_last(&path), *pt_last(&path) | used);
		at = (at & ~((1ull << level_shift(path.level)) - 1)) +
		     (1ull << level_shift(path.level));
	}
	pt_for_each(mm, start, end, NULL, back_leaf, &b);
	back(&b);
	return err ? err : b.err;
}

int mm_fault_in(struct mm *mm, gva_t start, gva_t end, unsigned access)
{
	int err = 0;

	for (gva_t at = start, next; at < end && !err; at = next) {
		next = min_u64((at & PMD_MASK) + CHUNK, end);
		err = fault_in_vma(mm, at, next, access);
	}
	return err;
}

/* populate_vma_page_range(): how its flags want it populated. */
static int populate_vma(struct mm *mm, const struct vma *vma, gva_t start, gva_t end)
{
	unsigned access = (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE ? MV_WRITE
									       : MV_READ;

	if (vma->vm_flags & VM_LOCKONFAULT)
		return 0;
	return vma->vm_flags & VM_PROT ? mm_fault_in(mm, start, end, access) : -EFAULT;
}

int mm_populate(struct mm *mm, gva_t start, gva_t end)
{
	struct vma *vma = start < end ? vma_find(mm, start) : NULL;
	int err = 0;

	for (; vma && vma->vm_start < end && !err; vma = vma_next(vma))
		err = populate_vma(mm, vma, max_u64(start, vma->vm_start),
				   min_u64(end, vma->vm_end));
	return err;
}

/* mlock_fixup() */
static int fixup(struct mm *mm, struct gather *g, struct vma **vma, gva_t start, gva_t end,
		 unsigned locked)
{
	unsigned vm_flags = ((*vma)->vm_flags & ~VM_LOCKED_MASK) | locked;

	/* huge pages are never counted as locked */
	if (vm_flags == (*vma)->vm_flags || vm_flags & (VM_HUGETLB | VM_SPECIAL))
		return 0;
	return mm_modify_flags(mm, g, vma, start, end, vm_flags);
}

/* apply_vma_lock_flags() */
static int apply(struct mm *mm, gva_t start, uint64_t len, unsigned locked)
{
	gva_t end = start + len;
	struct gather g;
	struct vma *vma;
	int err = 0;

	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	gather_init(&g, mm->phys);
	vma = vma_lookup(mm, start);
	for (gva_t at = start; at < end && !err; at = vma->vm_end, vma = vma_next(vma)) {
		if (!vma || vma->vm_start > at) {
			err = -ENOMEM;
			break;
		}
		err = fixup(mm, &g, &vma, at, min_u64(end, vma->vm_end), locked);
	}
	return gather_finish(&g) ? g.err : err;
}

/* count_mm_mlocked_page_nr() */
static uint64_t locked_within(struct mm *mm, gva_t start, gva_t end)
{
	struct vma *vma = vma_find(mm, start);
	uint64_t bytes = 0;

	for (; vma && vma->vm_start < end; vma = vma_next(vma))
		if (vma->vm_flags & VM_LOCKED)
			bytes += min_u64(end, vma->vm_end) - max_u64(start, vma->vm_start);
	return bytes >> PAGE_SHIFT;
}

static long do_mlock(struct mm *mm, gva_t addr, uint64_t len, unsigned locked)
{
	uint64_t pages;
	int err;

	if (!mm_can_do_mlock(mm))
		return -EPERM;
	len = page_align(len + (addr & ~PAGE_MASK));
	addr &= PAGE_MASK;
	pages = (len >> PAGE_SHIFT) + mm->locked_vm;
	if (pages > mm->memlock_limit)
		pages -= locked_within(mm, addr, addr + len);
	if (pages > mm->memlock_limit)
		return -ENOMEM;
	err = apply(mm, addr, len, locked);
	if (err)
		return err;
	err = mm_populate(mm, addr, addr + len);
	/* __mlock_posix_error_return() */
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;
}

long mm_mlock(struct mm *mm, gva_t addr, uint64_t len, int flags)
{
	unsigned locked = VM_LOCKED | (flags & MLOCK_ONFAULT ? VM_LOCKONFAULT : 0);
	long ret;

	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	pthread_mutex_lock(&mm->lock);
	ret = do_mlock(mm, addr, len, locked);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

long mm_munlock(struct mm *mm, gva_t addr, uint64_t len)
{
	long ret;

	len = page_align(len + (addr & ~PAGE_MASK));
	pthread_mutex_lock(&mm->lock);
	ret = apply(mm, addr & PAGE_MASK, len, 0);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

/* apply_mlockall_flags(), for the VMAs that there are: what fails there is no error. */
static int apply_all(struct mm *mm, unsigned locked)
{
	struct vma *vma = vma_find(mm, 0);
	struct gather g;

	gather_init(&g, mm->phys);
	for (; vma; vma = vma_next(vma))
		fixup(mm, &g, &vma, vma->vm_start, vma->vm_end, locked);
	return gather_finish(&g) ? g.err : 0;
}

static long do_mlockall(struct mm *mm, int flags)
{
	unsigned locked = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	int err;

	if (!mm_can_do_mlock(mm))
		return -EPERM;
	if (flags & MCL_CURRENT && mm->total_vm > mm->memlock_limit)
		return -ENOMEM;
	mm->def_flags = flags & MCL_FUTURE ? locked : 0;
	if (!(flags & MCL_CURRENT))
		return 0;
	err = apply_all(mm, locked);
	/* mm_populate() goes on behind what can't be, and tells nobody */
	for (struct vma *vma = vma_find(mm, 0); vma && !mm->oom; vma = vma_next(vma))
		populate_vma(mm, vma, vma->vm_start, vma->vm_end);
	return err;
}

long mm_mlockall(struct mm *mm, int flags)
{
	long ret;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) ||
	    flags == MCL_ONFAULT)
		return -EINVAL;
	pthread_mutex_lock(&mm->lock);
	ret = do_mlockall(mm, flags);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}

long mm_munlockall(struct mm *mm)
{
	long ret;

	pthread_mutex_lock(&mm->lock);
	mm->def_flags = 0;
	ret = apply_all(mm, 0);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}
