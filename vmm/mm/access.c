/* SPDX-License-Identifier: MIT */
/*
 * access.c: the one translation function between the VMM and the payload's memory, and the
 * copies, iovecs, peeks and pokes made of it.
 *
 * A file's window is never touched by a plain load or store here: the file may shrink at any
 * time, and the host would answer with SIGBUS. The host's kernel copies instead, and says EFAULT.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/mm/pgtable.h"

/* A piece of the payload's memory, within one page, as the VMM can reach it. */
struct piece {
	char *hva;
	uint64_t len;
	bool window; /* of a file that may shrink */
};

/* What the CPU does to an entry that it uses; SDM vol. 3A, 4.8. */
static void mark_used(struct mm *mm, const struct pt_path *path, unsigned access)
{
	uint64_t bits = access == MV_WRITE ? PTE_A | PTE_D : PTE_A;

	if ((*pt_last(path) & bits) != bits)
		pt_set(mm, path->table[path->level], pt_last(path), *pt_last(path) | bits);
}

/*
 * The one translation: gva, of which len bytes are wanted, to a piece that may be read or
 * written. Faults it in with the payload's rights. -EFAULT; lock held.
 */
static int translate(struct mm *mm, gva_t gva, uint64_t len, unsigned access,
		     struct piece *piece)
{
	struct pt_path path;
	struct arena *a;
	gpa_t gpa;

	if (gva >= MV_TASK_SIZE)
		return -EFAULT;
	pt_walk_pte(mm, gva, &path);
	while (!(pte_access(*pt_last(&path)) & access)) {
		if (mm_handle_fault(mm, gva, access, false).kind == MV_FAULT_FATAL)
			return -EFAULT;
		pt_walk_pte(mm, gva, &path);
	}
	mark_used(mm, &path, access);
	gpa = (*pt_last(&path) & PTE_ADDR) |
	      (gva & ((1ull << level_shift(path.level)) - 1));
	a = phys_arena(mm->phys, gpa);
	*piece = (struct piece){ a->hva + (gpa - a->gpa),
				 min_u64(len, PAGE_SIZE - (gva & ~PAGE_MASK)),
				 a->kind == ARENA_FILE };
	return 0;
}

/* Copy within this process where either side may vanish: bytes copied. */
static uint64_t copy_guarded(void *to, void *from, uint64_t len)
{
	struct iovec local = { to, len }, remote = { from, len };
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return n < 0 ? 0 : (uint64_t)n;
}

static uint64_t copy_guarded_to(void *to, void *from, uint64_t len)
{
	struct iovec local = { from, len }, remote = { to, len };
	ssize_t n = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);

	return n < 0 ? 0 : (uint64_t)n;
}

/* Bytes copied of one piece. */
static uint64_t copy_piece(const struct piece *p, char *buf, unsigned access)
{
	if (p->window)
		return access == MV_READ ? copy_guarded(buf, p->hva, p->len)
					 : copy_guarded_to(p->hva, buf, p->len);
	if (access == MV_READ)
		memcpy(buf, p->hva, p->len);
	else
		memcpy(p->hva, buf, p->len);
	return p->len;
}

/* Copy until done or until a byte can't be reached; bytes NOT copied. */
static uint64_t copy(struct mm *mm, gva_t gva, char *buf, uint64_t len, unsigned access)
{
	struct piece p;

	pthread_mutex_lock(&mm->lock);
	while (len && !translate(mm, gva, len, access, &p)) {
		uint64_t n = copy_piece(&p, buf, access);

		gva += n;
		buf += n;
		len -= n;
		if (n < p.len)
			break;
	}
	pthread_mutex_unlock(&mm->lock);
	return len;
}

uint64_t mm_copy_from(struct mm *mm, void *buf, gva_t gva, uint64_t len)
{
	return copy(mm, gva, buf, len, MV_READ);
}

uint64_t mm_copy_to(struct mm *mm, gva_t gva, const void *buf, uint64_t len)
{
	return copy(mm, gva, (char *)(uintptr_t)buf, len, MV_WRITE);
}

long mm_copy_string(struct mm *mm, char *buf, gva_t gva, size_t size)
{
	size_t got = 0;

	while (got < size) { /* page by page: what lies behind the NUL need not exist */
		uint64_t want = min_u64(size - got, PAGE_SIZE - (gva & ~PAGE_MASK));
		uint64_t n = want - mm_copy_from(mm, buf + got, gva, want);
		char *nul = memchr(buf + got, 0, n);

		if (nul)
			return nul - buf;
		if (n < want)
			return -EFAULT;
		got += n;
		gva += n;
	}
	return -ENAMETOOLONG;
}

long mm_iovec(struct mm *mm, gva_t gva, uint64_t len, unsigned access, struct iovec *iov,
	      int max, int *nr)
{
	uint64_t done = 0;
	struct piece p;

	*nr = 0;
	pthread_mutex_lock(&mm->lock);
	while (done < len && !translate(mm, gva + done, len - done, access, &p)) {
		struct iovec *last = *nr ? &iov[*nr - 1] : NULL;

		if (last && (char *)last->iov_base + last->iov_len == p.hva)
			last->iov_len += p.len;
		else if (*nr < max)
			iov[(*nr)++] = (struct iovec){ p.hva, p.len };
		else
			break;
		done += p.len;
		mm->pinned = true;
	}
	pthread_mutex_unlock(&mm->lock);
	return done || !len ? (long)done : -EFAULT;
}

/* Whether it is the process's own memory: PageAnon(), or the page of zeroes. */
static bool own_page(const struct mm *mm, const struct vma *vma, gva_t gva)
{
	return vma_private(vma) &&
	       (vma_is_anonymous(vma) || pagemap_get(&mm->anon, gva >> PAGE_SHIFT).gfn);
}

int mm_futex_page(struct mm *mm, gva_t gva)
{
	const struct vma *vma;
	struct piece p;
	int err = -EFAULT;

	pthread_mutex_lock(&mm->lock);
	vma = vma_lookup(mm, gva); /* no stack grows for it: gup_vma_lookup() */
	if (vma && vma->vm_flags & VM_WRITE)
		err = translate(mm, gva, 1, MV_WRITE, &p);
	else if (vma && !translate(mm, gva, 1, MV_READ, &p))
		err = own_page(mm, vma, gva) ? -EFAULT : 0;
	pthread_mutex_unlock(&mm->lock);
	return err;
}

/* Bytes of the part of [gva, gva + len) in one page that were read or written; lock held. */
typedef uint64_t page_fn(struct mm *mm, gva_t gva, char *buf, uint64_t len);

/* fn page by page, until done or until a byte can't be reached; bytes NOT done. */
static uint64_t by_pages(struct mm *mm, gva_t gva, char *buf, uint64_t len, page_fn *fn)
{
	uint64_t want, n;

	pthread_mutex_lock(&mm->lock);
	do {
		want = min_u64(len, PAGE_SIZE - (gva & ~PAGE_MASK));
		n = want ? fn(mm, gva, buf, want) : 0;
		gva += n;
		buf += n;
		len -= n;
	} while (len && n == want);
	pthread_mutex_unlock(&mm->lock);
	return len;
}

/* What of a file's page stands for content: the rest of the page is zero. */
static uint64_t read_file(const struct vma *vma, gva_t gva, char *buf, uint64_t len)
{
	uint64_t offset = (vma_pgoff(vma, gva) << PAGE_SHIFT) | (gva & ~PAGE_MASK);
	struct object *obj = vma->vm_object;
	ssize_t n;

	if (object_refresh(obj) || !object_has_page(obj, offset >> PAGE_SHIFT))
		return 0;
	memset(buf, 0, len);
	n = pread(obj->fd, buf, len, (off_t)offset);
	return n < 0 ? 0 : len;
}

/* Bytes read of the part of [gva, gva + len) in one page. */
static uint64_t peek_page(struct mm *mm, gva_t gva, char *buf, uint64_t len)
{
	struct vma *vma = vma_lookup(mm, gva);
	struct pagemap_entry page = { 0, false };

	if (!vma)
		return 0;
	if (vma_private(vma))
		page = pagemap_get(&mm->anon, gva >> PAGE_SHIFT);
	else if (vma->vm_object->kind == OBJECT_ANON &&
		 !object_has_page(vma->vm_object, vma_pgoff(vma, gva)))
		return 0;
	else if (vma->vm_object->kind == OBJECT_ANON)
		page = pagemap_get(&vma->vm_object->pages, vma_pgoff(vma, gva));
	if (page.gfn)
		memcpy(buf, phys_hva(mm->phys, gfn_gpa(page.gfn)) + (gva & ~PAGE_MASK),
		       len);
	else if (vma->vm_object && vma->vm_object->kind == OBJECT_FILE)
		return read_file(vma, gva, buf, len);
	else
		memset(buf, 0, len);
	return len;
}

uint64_t mm_peek(struct mm *mm, void *buf, gva_t gva, uint64_t len)
{
	return by_pages(mm, gva, buf, len, peek_page);
}

/*
 * FOLL_FORCE: the private page as if the VMA could be written, then with the VMA's protection
 * again. Bytes written of the part of [gva, gva + len) in one page.
 */
static uint64_t poke_page(struct mm *mm, gva_t gva, char *buf, uint64_t len)
{
	struct vma *vma = vma_lookup(mm, gva);
	struct piece p;
	struct gather g;
	bool oom = mm->oom;
	unsigned flags;
	int err;

	if (!vma)
		return 0;
	/* "hugetlb does not support FOLL_FORCE|FOLL_WRITE" */
	if (!(vma->vm_flags & VM_WRITE) &&
	    (!vma_private(vma) || vma->vm_flags & VM_HUGETLB))
		return 0;
	flags = vma->vm_flags;
	vma->vm_flags |= VM_READ | VM_WRITE;
	err = translate(mm, gva, len, MV_WRITE, &p);
	mm->oom = oom; /* it is not the payload that asks */
	if (!err)
		len = copy_piece(&p, buf, MV_WRITE);
	if (vma->vm_flags != flags) {
		vma->vm_flags = flags;
		gather_init(&g, mm->phys);
		mm_protect_range(mm, &g, vma, vma->vm_start, vma->vm_end);
		err = gather_finish(&g) ? g.err : err;
	}
	return err ? 0 : len;
}

uint64_t mm_poke(struct mm *mm, gva_t gva, const void *buf, uint64_t len)
{
	return by_pages(mm, gva, (char *)(uintptr_t)buf, len, poke_page);
}

int mm_read_gpa(struct mm *mm, gpa_t gpa, void *buf, uint64_t len)
{
	char *to = buf;

	while (len) {
		struct arena *a = phys_arena(mm->phys, gpa);
		struct piece p = { .len = min_u64(len, PAGE_SIZE - (gpa & ~PAGE_MASK)) };

		if (!a)
			return -EFAULT;
		p.hva = a->hva + (gpa - a->gpa);
		p.window = a->kind == ARENA_FILE;
		if (copy_piece(&p, to, MV_READ) < p.len)
			return -EFAULT;
		to += p.len;
		gpa += p.len;
		len -= p.len;
	}
	return 0;
}
