/* SPDX-License-Identifier: MIT */
/* memory.c: the mmap family: from registers and file numbers to vmm/mm/. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "vmm/linux/stream.h"

/*
 * Linux keeps protections and mmap's flags in an unsigned long, mm/ here in an int. Bits
 * beyond it mean nothing, but are unknown ones to those calls that refuse these: bit 31,
 * which means nothing either, stands for all of them.
 */
static int fold(uint64_t bits)
{
	return (int)((uint32_t)bits | (bits >> 32 ? 1u << 31 : 0));
}

/* Its object, as it has none yet: what can't be mapped has one, too, for mmap to ask. 0 or -errno. */
static int new_object(struct phys *phys, struct file *file)
{
	int fd, err;

	if (file->zero) {
		file->object = object_new_zero(phys, file->fd, file->path);
	} else if (file->kind == FILE_REGULAR && file->readable && !file->text) {
		fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		err = object_new_file(phys, fd, file->writable,
				      *file->path ? file->path : GRANTED_NAME,
				      &file->object);
		if (!err)
			file->object->placed = file->placed;
		if (err != -ENODEV)
			return err;
	}
	if (!file->object)
		file->object = object_new_none(phys, file->fd);
	if (!file->object)
		return -ENOMEM;
	/* as the file in /proc that it stands for */
	file->object->noexec |= file->text != NULL;
	return 0;
}

/*
 * What VMAs of an open file refer to. One for all its mappings: they may merge, as Linux's
 * with an equal vm_file do. 0 or -errno.
 */
static int file_object(struct process *p, struct file *file, struct object **obj)
{
	/* without a mapping nobody told it that the file was cut */
	int err = file->object ? object_refresh(file->object)
			       : new_object(p->mm->phys, file);

	*obj = file->object;
	return err;
}

/*
 * seal_check_write(): a memfd whose owner has ruled out that it is written from now on; one that is mapped for
 * reading stays so. Others have no seals.
 */
static bool sealed(const struct file *file, int flags)
{
	const int type = flags & MAP_TYPE;
	int seals;

	if (!file->writable || (type != MAP_SHARED && type != MAP_SHARED_VALIDATE))
		return false;
	seals = fcntl(file->fd, F_GET_SEALS);
	return seals > 0 && seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
}

int64_t sys_mmap(struct process *p, const uint64_t a[6])
{
	int prot = fold(a[2]), flags = fold(a[3]), err;
	struct object *obj = NULL;
	struct file *file = NULL;
	bool writable = false;

	if (a[5] & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		file = fd_get(&p->files, (unsigned)a[4]);
		if (!file)
			return -EBADF;
		if (flags & MAP_HUGETLB) /* ksys_mmap_pgoff(): not a file of hugetlbfs */
			return -EINVAL;
		err = file_object(p, file, &obj);
		if (err)
			return err;
		writable = file->writable && !sealed(file, flags);
		if (prot & PROT_WRITE && writable != file->writable)
			return -EPERM;
	}
	return mm_mmap(p->mm, a[0], a[1], prot, flags, obj, file && file->readable,
		       writable, a[5] >> PAGE_SHIFT);
}

int64_t sys_munmap(struct process *p, const uint64_t a[6])
{
	return mm_munmap(p->mm, a[0], a[1]);
}

int64_t sys_mprotect(struct process *p, const uint64_t a[6])
{
	return mm_mprotect(p->mm, a[0], a[1], fold(a[2]));
}

int64_t sys_brk(struct process *p, const uint64_t a[6])
{
	return mm_brk(p->mm, a[0]);
}

int64_t sys_msync(struct process *p, const uint64_t a[6])
{
	return mm_msync(p->mm, a[0], a[1], (int)a[2]);
}

int64_t sys_mremap(struct process *p, const uint64_t a[6])
{
	return mm_mremap(p->mm, a[0], a[1], a[2], a[3], a[4]);
}

/* What may take long goes in steps of so much, between which a kick is looked for. */
#define ADVICE_STEP (1ull << 30)

/* Advice that is work for each page, though there be no memory behind it yet. */
static bool takes_long(int behavior)
{
	return behavior == MADV_POPULATE_READ || behavior == MADV_POPULATE_WRITE ||
	       behavior == MV_MADV_GUARD_INSTALL;
}

int64_t sys_madvise(struct process *p, const uint64_t a[6])
{
	uint64_t len = page_align(a[1]), step;
	int behavior = (int)a[2];
	long ret, unmapped = 0;

	if (!takes_long(behavior) || len <= ADVICE_STEP || a[0] + len < a[0])
		return mm_madvise(p->mm, a[0], a[1], behavior);
	for (gva_t at = a[0], end = at + len; at < end; at += step) {
		step = min_u64(end - at, ADVICE_STEP);
		ret = mm_madvise(p->mm, at, step, behavior);
		/* guards go on behind a hole, and tell of it at the end */
		if (ret == -ENOMEM && behavior == MV_MADV_GUARD_INSTALL && !p->mm->oom)
			unmapped = ret;
		else if (ret)
			return ret;
		if (step < end - at && stream_interrupted(p) == -ERESTARTSYS)
			return -ERESTARTSYS;
	}
	return unmapped;
}

/*
 * In pieces, as mm/mincore.c does it: what stands before an error has been written. All of the address
 * space may be asked for, with few pages for the answer: a kick ends it.
 */
int64_t sys_mincore(struct process *p, const uint64_t a[6])
{
	unsigned char vec[PAGE_SIZE];
	uint64_t pages = (a[1] >> PAGE_SHIFT) + !!(a[1] & ~PAGE_MASK), to = a[2];
	gva_t at = a[0];
	long n;

	if (at & ~PAGE_MASK)
		return -EINVAL;
	if (!access_ok(at, a[1]))
		return -ENOMEM;
	if (!access_ok(to, pages))
		return -EFAULT;
	for (; pages;
	     pages -= (uint64_t)n, to += (uint64_t)n, at += (uint64_t)n << PAGE_SHIFT) {
		n = mm_mincore(p->mm, at, min_u64(pages, sizeof(vec)), vec);
		if (n < 0)
			return n;
		if (mm_copy_to(p->mm, to, vec, (uint64_t)n))
			return -EFAULT;
		if ((uint64_t)n < pages && stream_interrupted(p) == -ERESTARTSYS)
			return -ERESTARTSYS;
	}
	return 0;
}

int64_t sys_mlock(struct process *p, const uint64_t a[6])
{
	return mm_mlock(p->mm, a[0], a[1], 0);
}

int64_t sys_mlock2(struct process *p, const uint64_t a[6])
{
	return mm_mlock(p->mm, a[0], a[1], (int)a[2]);
}

int64_t sys_munlock(struct process *p, const uint64_t a[6])
{
	return mm_munlock(p->mm, a[0], a[1]);
}

int64_t sys_mlockall(struct process *p, const uint64_t a[6])
{
	return mm_mlockall(p->mm, (int)a[0]);
}

int64_t sys_munlockall(struct process *p, const uint64_t a[6])
{
	(void)a;
	return mm_munlockall(p->mm);
}
