/* SPDX-License-Identifier: MIT */
/* vma.c: the VMA tree: find, split, merge, and the search for a hole. */
#include "vmm/mm/vma.h"

#include <errno.h>
#include <stdlib.h>

static void augment(struct vma *vma);
#undef RB_AUGMENT
#define RB_AUGMENT(x) augment(x)

#include "vmm/mm/mm.h"
#include "vmm/mm/record.h"

static int compare(const struct vma *a, const struct vma *b)
{
	return (a->vm_start > b->vm_start) - (a->vm_start < b->vm_start);
}

/* The analyzer can't see that a node is never its own neighbour or child. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */

RB_GENERATE_INTERNAL(vma_tree, vma, node, compare, __attribute__((unused)) static)

gva_t vma_start_gap(const struct vma *vma)
{
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > STACK_GUARD_GAP ? vma->vm_start - STACK_GUARD_GAP : 0;
}

static uint64_t hole(gva_t from, gva_t to)
{
	return to > from ? to - from : 0;
}

static void augment(struct vma *vma)
{
	const struct vma *l = RB_LEFT(vma, node), *r = RB_RIGHT(vma, node);

	vma->tree_start = l ? l->tree_start : vma->vm_start;
	vma->tree_end = r ? r->tree_end : vma->vm_end;
	vma->tree_gap = 0;
	if (l)
		vma->tree_gap = max_u64(l->tree_gap, hole(l->tree_end, vma->vm_start));
	if (r)
		vma->tree_gap =
			max_u64(vma->tree_gap,
				max_u64(r->tree_gap, hole(vma->vm_end, r->tree_start)));
}

static void augment_up(struct vma *vma)
{
	for (; vma; vma = RB_PARENT(vma, node))
		augment(vma);
}

struct vma *vma_find(struct mm *mm, gva_t gva)
{
	struct vma *vma = mm->last_vma, *found = NULL;

	if (vma && vma->vm_start <= gva && gva < vma->vm_end)
		return vma;
	vma = RB_ROOT(&mm->vmas);
	while (vma) {
		if (vma->vm_end > gva) {
			found = mm->last_vma = vma;
			if (vma->vm_start <= gva)
				break;
			vma = RB_LEFT(vma, node);
		} else {
			vma = RB_RIGHT(vma, node);
		}
	}
	return found;
}

struct vma *vma_lookup(struct mm *mm, gva_t gva)
{
	struct vma *vma = vma_find(mm, gva);

	return vma && vma->vm_start <= gva ? vma : NULL;
}

struct vma *vma_next(struct vma *vma)
{
	return RB_NEXT(vma_tree, NULL, vma);
}

struct vma *vma_prev(struct vma *vma)
{
	return RB_PREV(vma_tree, NULL, vma);
}

struct vma *vma_find_prev(struct mm *mm, gva_t gva)
{
	struct vma *vma = RB_ROOT(&mm->vmas), *found = NULL;

	while (vma) {
		if (vma->vm_end <= gva) {
			found = vma;
			vma = RB_RIGHT(vma, node);
		} else {
			vma = RB_LEFT(vma, node);
		}
	}
	return found;
}

struct vma *vma_new(const struct vma *from)
{
	struct vma *vma = malloc(sizeof(*vma));

	if (!vma)
		return NULL;
	*vma = *from;
	if (vma->vm_object)
		object_get(vma->vm_object);
	return vma;
}

/* is_data_mapping() of mm/internal.h: private, writable, and no stack. */
static bool is_data(unsigned vm_flags)
{
	return (vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/* is_exec_mapping() */
static bool is_exec(unsigned vm_flags)
{
	return (vm_flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC;
}

bool vma_may_expand(const struct mm *mm, unsigned vm_flags, uint64_t pages)
{
	return mm->total_vm + pages <= mm->as_limit &&
	       (!is_data(vm_flags) || mm->data_vm + pages <= mm->data_limit);
}

/* vm_stat_account(): count the VMA's pages in; sign -1: out. */
static void account(struct mm *mm, const struct vma *vma, int sign)
{
	uint64_t pages = (uint64_t)sign * vma_pages(vma);

	mm->total_vm += pages;
	mm->data_vm += is_data(vma->vm_flags) ? pages : 0;
	mm->stack_vm += vma->vm_flags & VM_GROWSDOWN ? pages : 0;
	mm->exec_vm += is_exec(vma->vm_flags) ? pages : 0;
	mm->locked_vm += vma->vm_flags & VM_LOCKED ? pages : 0;
}

void vma_insert(struct mm *mm, struct vma *vma)
{
	RB_INSERT(vma_tree, &mm->vmas, vma);
	augment_up(vma);
	mm->map_count++;
	account(mm, vma, 1);
	if (unlikely(mm->events))
		record_vma(mm, vma, true);
}

void vma_remove(struct mm *mm, struct vma *vma)
{
	struct vma *prev = vma_prev(vma), *next = vma_next(vma);

	if (unlikely(mm->events))
		record_vma(mm, vma, false);
	if (mm->last_vma == vma)
		mm->last_vma = NULL;
	account(mm, vma, -1);
	RB_REMOVE(vma_tree, &mm->vmas, vma);
	/*
	 * The place that went away is below or beside a neighbour: the two paths up
	 * hold every node whose subtree changed.
	 */
	augment_up(prev);
	augment_up(next);
	mm->map_count--;
	object_put(vma->vm_object);
	free(vma);
}

void vma_resize(struct mm *mm, struct vma *vma, gva_t start, gva_t end)
{
	if (unlikely(mm->events))
		record_vma(mm, vma, false);
	account(mm, vma, -1);
	vma->vm_pgoff += ((int64_t)start - (int64_t)vma->vm_start) / (int64_t)PAGE_SIZE;
	vma->vm_start = start;
	vma->vm_end = end;
	account(mm, vma, 1);
	augment_up(vma);
	if (unlikely(mm->events))
		record_vma(mm, vma, true);
}

void vma_set_flags(struct mm *mm, struct vma *vma, unsigned vm_flags)
{
	if (unlikely(mm->events))
		record_vma(mm, vma, false);
	account(mm, vma, -1);
	vma->vm_flags = vm_flags;
	account(mm, vma, 1);
	if (unlikely(mm->events))
		record_vma(mm, vma, true);
}

int vma_split(struct mm *mm, struct vma *vma, gva_t gva)
{
	struct vma *upper;

	if (vma->vm_object && vma->vm_object->special) /* special_mapping_split() */
		return -EINVAL;
	upper = vma_new(vma);
	if (!upper)
		return -ENOMEM;
	upper->vm_start = gva;
	upper->vm_pgoff = vma_pgoff(vma, gva);
	vma_resize(mm, vma, vma->vm_start, gva);
	vma_insert(mm, upper);
	return 0;
}

/* is_mergeable_vma() and is_mergeable_anon_vma() of mm/vma.c. */
bool vma_can_merge(const struct vma *a, const struct vma *b)
{
	return a && b && a->vm_end == b->vm_start && a->vm_flags == b->vm_flags &&
	       !(a->vm_flags & (VM_HUGETLB | VM_SPECIAL)) && a->vm_object == b->vm_object &&
	       vma_pgoff(a, a->vm_end) == b->vm_pgoff &&
	       (!a->anon_id || !b->anon_id || a->anon_id == b->anon_id);
}

/* b's range becomes a's. */
static struct vma *join(struct mm *mm, struct vma *a, struct vma *b)
{
	gva_t end = b->vm_end;

	if (!a->anon_id)
		a->anon_id = b->anon_id;
	vma_remove(mm, b);
	vma_resize(mm, a, a->vm_start, end);
	return a;
}

struct vma *vma_merge_next(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_next(vma);

	return vma_can_merge(vma, next) ? join(mm, vma, next) : vma;
}

struct vma *vma_merge(struct mm *mm, struct vma *vma)
{
	struct vma *prev = vma_prev(vma);

	if (vma_can_merge(prev, vma))
		vma = join(mm, prev, vma);
	return vma_merge_next(mm, vma);
}

/*
 * [low, high): where the subtree lies, and what may be used. A subtree without room is
 * left at once, so the descent is one path down but for the edges of the limits.
 */
static gva_t find_hole(const struct vma *vma, uint64_t len, gva_t low, gva_t high)
{
	gva_t found;

	if (low >= high || high - low < len)
		return 0;
	if (!vma)
		return high - len;
	if (max_u64(vma->tree_gap,
		    max_u64(hole(low, vma->tree_start), hole(vma->tree_end, high))) < len)
		return 0;
	found = find_hole(RB_RIGHT(vma, node), len, max_u64(low, vma->vm_end), high);
	if (found)
		return found;
	return find_hole(RB_LEFT(vma, node), len, low, min_u64(high, vma->vm_start));
}

gva_t vma_find_hole(struct mm *mm, uint64_t len, gva_t low, gva_t high)
{
	return find_hole(RB_ROOT(&mm->vmas), len, low, high);
}

/* find_hole() in the mirror. */
static gva_t find_hole_up(const struct vma *vma, uint64_t len, gva_t low, gva_t high)
{
	gva_t found;

	if (low >= high || high - low < len)
		return 0;
	if (!vma)
		return low;
	if (max_u64(vma->tree_gap,
		    max_u64(hole(low, vma->tree_start), hole(vma->tree_end, high))) < len)
		return 0;
	found = find_hole_up(RB_LEFT(vma, node), len, low, min_u64(high, vma->vm_start));
	if (found)
		return found;
	return find_hole_up(RB_RIGHT(vma, node), len, max_u64(low, vma->vm_end), high);
}

gva_t vma_find_hole_up(struct mm *mm, uint64_t len, gva_t low, gva_t high)
{
	return find_hole_up(RB_ROOT(&mm->vmas), len, low, high);
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */
