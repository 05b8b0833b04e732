/* SPDX-License-Identifier: MIT */
/*
 * mremap.c: mremap(2): a range of the address space shrinks, grows or goes elsewhere, with its
 * pages. Checks, their order and their errors are those of Linux's mm/mremap.c (6.17 and
 * later, where one call may move several VMAs).
 */
#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "vmm/mm/pgtable.h"

/* A move keeps so far below the VMA limit that its unmapping can't fail for it. */
#define MAPS_TO_SPARE 3

/* struct vma_remap_struct. */
struct remap {
	struct mm *mm;
	struct vma *vma; /* that holds addr */
	gva_t addr;
	uint64_t old_len, new_len; /* page-aligned */
	uint64_t flags;
	gva_t new_addr; /* where it goes, or is */
	bool populate;	/* what it grew by is locked */
};

static bool implies_new_addr(const struct remap *r)
{
	return r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

static bool overlaps(const struct remap *r)
{
	return r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr;
}

/* check_mremap_params() */
static int check_params(const struct remap *r)
{
	if (r->flags & ~(uint64_t)(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP) ||
	    r->addr & ~PAGE_MASK || !r->new_len || r->new_len > MV_TASK_SIZE)
		return -EINVAL;
	if (!implies_new_addr(r))
		return 0;
	if (r->new_addr > MV_TASK_SIZE - r->new_len || r->new_addr & ~PAGE_MASK ||
	    !(r->flags & MREMAP_MAYMOVE) ||
	    (r->flags & MREMAP_DONTUNMAP && r->old_len != r->new_len) || overlaps(r))
		return -EINVAL;
	return r->mm->map_count + 2 >= r->mm->max_map_count - MAPS_TO_SPARE ? -ENOMEM : 0;
}

/* align_hugetlb(): whole pages of 2 MiB, and never more of them. */
static bool align_hugetlb(struct remap *r)
{
	r->old_len = align_up(r->old_len, PMD_SIZE);
	r->new_len = align_up(r->new_len, PMD_SIZE);
	return !((r->addr | r->new_addr) & ~PMD_MASK) && r->new_len <= r->old_len;
}

/* check_prep_vma() */
static int check_vma(struct remap *r)
{
	const struct vma *vma = r->vma;
	uint64_t old_len, pgoff;

	if (!vma)
		return -EFAULT;
	if (vma->vm_flags & VM_HUGETLB && !align_hugetlb(r))
		return -EINVAL;
	old_len = min_u64(r->old_len, r->new_len);
	if (!implies_new_addr(r))
		r->new_addr = r->addr;
	if (!implies_new_addr(r) && r->new_len <= r->old_len)
		return 0;
	if (!r->old_len && vma_private(vma))
		return -EINVAL;
	if (r->flags & MREMAP_DONTUNMAP && vma->vm_flags & (VM_HUGETLB | VM_SPECIAL))
		return -EINVAL;
	if (old_len > vma->vm_end - r->addr)
		return -EFAULT;
	if (r->new_len <= r->old_len)
		return 0;
	r->populate = vma->vm_flags & VM_LOCKED;
	pgoff = vma_pgoff(vma, r->addr);
	if (pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (vma->vm_flags & VM_SPECIAL)
		return -EFAULT;
	if (!mm_mlock_future_ok(r->mm, vma->vm_flags, r->new_len - r->old_len))
		return -EAGAIN;
	return vma_may_expand(r->mm, vma->vm_flags, (r->new_len - r->old_len) >> PAGE_SHIFT)
		       ? 0
		       : -ENOMEM;
}

/* ---- pages on the move */

struct move {
	struct gather *g;
	gva_t delta; /* new - old, modulo 2^64 */
};

/*
 * The entry for a private page at its new place, if a table for it is to be had. If not, the page
 * is one that has none, and its D is lost.
 */
static void move_entry(struct mm *mm, gva_t gva, unsigned level, uint64_t entry)
{
	struct pt_path path;

	if (!pt_walk(mm, gva, level, true, &path) && path.level == level &&
	    !*pt_last(&path))
		pt_set(mm, path.table[level], pt_last(&path), entry);
	else
		mm_keep_dirty(mm, pte_gfn(entry), entry);
}

static uint64_t new_index(const struct move *m, uint64_t index)
{
	return (index + (m->delta >> PAGE_SHIFT)) & ((1ull << PAGEMAP_BITS) - 1);
}

/* The private page at `index` gets the index of its new place; its entries are the caller's. */
static bool move_page(struct mm *mm, const struct move *m, uint64_t index)
{
	struct pagemap_entry page = pagemap_clear(&mm->anon, index);
	uint64_t to = new_index(m, index);
	int err;

	err = page.huge ? pagemap_set_huge(&mm->anon, to, page.gfn)
			: pagemap_set(&mm->anon, to, page.gfn, 1);
	if (!err)
		return true;
	/* no memory for the VMM's own: the page is lost, and the payload ends for it */
	mm->oom = true;
	gather_put(m->g, page, true);
	return false;
}

/* move_ptes(): private pages take their entry along; others get theirs by a fault. */
static int move_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct pagemap_entry page = pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT);
	const struct move *m = arg;
	uint64_t old = *leaf->entry;

	pt_set(mm, leaf->table, leaf->entry, 0);
	mm_unlink_shadow(m->g, leaf, old);
	if (page.gfn && !(old & PTE_A)) { /* only reserved: nothing to move */
		gather_put(m->g, pagemap_clear(&mm->anon, leaf->gva >> PAGE_SHIFT), false);
		return 0;
	}
	if (old & PTE_A)
		gather_keep(m->g, pte_gfn(old), pt_leaf_pages(leaf));
	if (page.gfn && move_page(mm, m, leaf->gva >> PAGE_SHIFT))
		move_entry(mm, leaf->gva + m->delta, leaf->level, old);
	return 0;
}

static void move_guards(struct mm *mm, const struct move *m, uint64_t i, uint64_t end)
{
	for (; (i = pagemap_next(&mm->guards, i, end)) < end; i++) {
		pagemap_clear(&mm->guards, i);
		if (pagemap_set(&mm->guards, new_index(m, i), 1, 1))
			mm->oom = true;
	}
}

/* Split the 2 MiB frames of [start, end) that a move by delta would lay across two blocks. */
static int split_blocks(struct mm *mm, struct gather *g, gva_t start, gva_t end,
			gva_t delta)
{
	int err = mm_split_at(mm, g, start);

	if (!err)
		err = mm_split_at(mm, g, end);
	if (!(delta & ~PMD_MASK))
		return err;
	for (uint64_t i = start >> PAGE_SHIFT, last = end >> PAGE_SHIFT;
	     !err && (i = pagemap_next(&mm->anon, i, last)) < last;
	     i = (i | (PMD_PAGES - 1)) + 1)
		err = mm_split_block(mm, g, (i << PAGE_SHIFT) & PMD_MASK);
	return err;
}

/* move_page_tables(): the private pages of [addr, addr + len), and their entries. */
static int move_pages(struct mm *mm, gva_t addr, gva_t to, uint64_t len)
{
	uint64_t i = addr >> PAGE_SHIFT, end = (addr + len) >> PAGE_SHIFT;
	struct gather g;
	struct move m = { &g, to - addr };
	int err;

	gather_init(&g, mm->phys);
	err = split_blocks(mm, &g, addr, addr + len, m.delta);
	/* where pages move to, they need nodes before those that they leave are free */
	if (!phys_can_charge(mm->phys, (len >> PMD_SHIFT) + 8))
		mm_reclaim_some(mm, RECLAIM_OBJECTS);
	if (!err) {
		pt_for_each(mm, addr, addr + len, &g, move_leaf, &m);
		for (; (i = pagemap_next(&mm->anon, i, end)) < end; i++)
			move_page(mm, &m, i);
		move_guards(mm, &m, addr >> PAGE_SHIFT, end);
		mm_note_idle(mm, to, to + len);
	}
	return gather_finish(&g) ? g.err : err;
}

/* ---- VMAs on the move */

/* copy_vma(): what stands at the new place. */
static struct vma moved(const struct remap *r)
{
	struct vma new = *r->vma;

	new.vm_start = r->new_addr;
	new.vm_end = r->new_addr + r->new_len;
	new.vm_pgoff = vma_pgoff(r->vma, r->addr);
	/* without pages yet it merges better as if it had been mapped there */
	if (vma_is_anonymous(r->vma) && !r->vma->anon_id)
		new.vm_pgoff = new.vm_start >> PAGE_SHIFT;
	return new;
}

/* dontunmap_complete(): the old VMA stays, empty. */
static void leave_empty(const struct remap *r)
{
	struct vma *vma = vma_lookup(r->mm, r->addr);
	uint64_t before = r->mm->locked_vm;

	vma_set_flags(r->mm, vma, vma->vm_flags & ~VM_LOCKED_MASK);
	/* "Because we won't unmap we don't need to touch locked_vm", for good */
	r->mm->locked_ghosts += before - r->mm->locked_vm;
	r->mm->locked_vm = before;
	if (vma->vm_start == r->addr && vma->vm_end == r->addr + r->old_len)
		vma->anon_id = 0;
}

/* The old place goes. What is promised to private huge pages has moved, not ended. */
static void unmap_moved(const struct remap *r, struct object *obj)
{
	uint64_t promised = obj ? obj->promised : 0;

	mm_do_munmap(r->mm, r->addr, r->old_len);
	if (obj)
		mm_hugetlb_promise(obj, promised - obj->promised);
}

/* move_vma() */
static long move_vma(struct remap *r)
{
	const uint64_t hiwater_vm = r->mm->hiwater_vm;
	struct vma new;
	int err;

	if (r->mm->map_count >= r->mm->max_map_count - MAPS_TO_SPARE)
		return -ENOMEM;
	new = moved(r);
	if (!mm_insert_region(r->mm, &new))
		return -ENOMEM;
	err = r->old_len ? move_pages(r->mm, r->addr, r->new_addr, r->old_len) : 0;
	if (err) { /* the host failed, or has no memory: what moved has moved */
		r->mm->oom |= err == -ENOMEM;
		return err;
	}
	if (r->flags & MREMAP_DONTUNMAP)
		leave_empty(r);
	else if (r->old_len)
		unmap_moved(r, new.vm_object);
	/* "total_vm is about to be raised artificially high for a moment" */
	r->mm->hiwater_vm = hiwater_vm;
	return (long)r->new_addr;
}

/* vrm_set_new_addr() */
static int set_new_addr(struct remap *r)
{
	const struct vma *vma = r->vma;
	const struct object *obj = vma->vm_object;
	const struct object *file = obj && (obj->kind != OBJECT_ANON || obj->huge) ? obj
										   : NULL;
	int flags = (r->flags & MREMAP_FIXED ? MAP_FIXED : 0) |
		    (vma_private(vma) ? 0 : MAP_SHARED);
	long addr = mm_get_unmapped_area(r->mm, file, implies_new_addr(r) ? r->new_addr : 0,
					 r->new_len, vma_pgoff(vma, r->addr), flags);

	if (addr < 0)
		return (int)addr;
	r->new_addr = (gva_t)addr;
	return 0;
}

static int shrink(const struct remap *r)
{
	return mm_do_munmap(r->mm, r->addr + r->new_len, r->old_len - r->new_len);
}

/* mremap_to() */
static long remap_to(struct remap *r)
{
	int err = 0;

	if (r->flags & MREMAP_FIXED) {
		err = mm_do_munmap(r->mm, r->new_addr, r->new_len);
		if (err)
			return err;
	}
	if (r->new_len < r->old_len) {
		err = shrink(r);
		if (err)
			return err;
		r->old_len = r->new_len;
	}
	r->vma = vma_lookup(r->mm, r->addr);
	if (!r->vma)
		return -EFAULT;
	if (r->flags & MREMAP_DONTUNMAP &&
	    !vma_may_expand(r->mm, r->vma->vm_flags, r->old_len >> PAGE_SHIFT))
		return -ENOMEM;
	err = set_new_addr(r);
	return err ? err : move_vma(r);
}

/* vrm_can_expand_in_place() */
static bool can_expand(struct remap *r)
{
	gva_t end = r->addr + r->new_len;

	return r->vma->vm_end - r->addr == r->old_len && end > r->vma->vm_end &&
	       end <= MV_TASK_SIZE &&
	       !vma_overlaps(vma_find(r->mm, r->vma->vm_end), r->vma->vm_end, end);
}

static long expand(struct remap *r)
{
	int err;

	if (can_expand(r)) {
		vma_resize(r->mm, r->vma, r->vma->vm_start, r->addr + r->new_len);
		vma_merge_next(r->mm, r->vma);
		return (long)r->addr;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	err = set_new_addr(r);
	return err ? err : move_vma(r);
}

/* mremap_at() */
static long remap_at(struct remap *r)
{
	int err;

	if (r->new_len > r->old_len)
		return expand(r);
	err = r->new_len < r->old_len ? shrink(r) : 0;
	return err ? err : (long)r->addr;
}

/* vma_multi_allowed(): file systems' ways to place are known to obey, get_unmapped_area_zero() isn't. */
static bool multi_allowed(const struct vma *vma)
{
	return !vma->vm_object || vma->vm_object->kind != OBJECT_ZERO;
}

/* remap_move(): every VMA of the range, the holes between them kept. */
static long remap_move(const struct remap *whole)
{
	gva_t start = whole->addr, end = start + whole->old_len, last_end = 0;
	gva_t target = whole->new_addr;
	long ret = -EFAULT, moved_to;

	for (gva_t at = start; at < end; at = last_end) {
		struct vma *vma = vma_find(whole->mm, at);
		struct remap r = *whole;

		if (!vma || vma->vm_start >= end)
			break;
		if (at == start && start < vma->vm_start)
			return -EFAULT;
		r.vma = vma;
		r.addr = max_u64(vma->vm_start, start);
		r.old_len = r.new_len = min_u64(end, vma->vm_end) - r.addr;
		r.new_addr = target + (at == start ? 0 : vma->vm_start - last_end);
		last_end = vma->vm_end;
		if (!multi_allowed(vma) && (at != start || last_end < end))
			return -EFAULT;
		moved_to = check_vma(&r);
		if (!moved_to)
			moved_to = remap_to(&r);
		if (moved_to < 0)
			return moved_to;
		if (at == start)
			ret = moved_to;
		target = (gva_t)moved_to + r.new_len;
	}
	return ret;
}

static long do_mremap(struct remap *r)
{
	long ret = check_params(r);

	if (ret)
		return ret;
	if (r->flags & MREMAP_FIXED && r->old_len == r->new_len)
		return remap_move(r);
	r->vma = vma_lookup(r->mm, r->addr);
	ret = check_vma(r);
	if (ret)
		return ret;
	ret = implies_new_addr(r) ? remap_to(r) : remap_at(r);
	if (ret >= 0 && r->populate)
		mm_populate(r->mm, (gva_t)ret + r->old_len, (gva_t)ret + r->new_len);
	return ret;
}

long mm_mremap(struct mm *mm, gva_t addr, uint64_t old_len, uint64_t new_len,
	       uint64_t flags, gva_t new_addr)
{
	struct remap r = { .mm = mm,
			   .addr = addr,
			   .old_len = page_align(old_len),
			   .new_len = page_align(new_len),
			   .flags = flags,
			   .new_addr = new_addr };
	long ret;

	pthread_mutex_lock(&mm->lock);
	ret = do_mremap(&r);
	pthread_mutex_unlock(&mm->lock);
	return ret;
}
