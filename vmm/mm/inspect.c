/* SPDX-License-Identifier: MIT */
/* inspect.c: an mm as it is shown: a walk's steps, and what of a VMA is mapped and backed. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/mm/pgtable.h"

/* Take the walk's next step; false: the processor would end here. */
static bool take_step(struct mv_walk *walk, const struct pt_path *path, unsigned level)
{
	uint64_t entry = *path->entry[level];

	walk->steps[walk->nsteps++] =
		(struct mv_walk_step){ level, level_index(walk->gva, level),
				       gfn_gpa(path->table[level]), entry };
	walk->present = entry & PTE_P && pte_leaf(entry, level);
	walk->access &= pte_access(entry); /* every level must allow it; 4.6.1 */
	return entry & PTE_P && !pte_leaf(entry, level);
}

int mm_walk(struct mm *mm, gva_t gva, struct mv_walk *walk)
{
	struct pt_path path;
	unsigned level = LEVEL_PGD;

	*walk = (struct mv_walk){ .gva = gva, .access = MV_READ | MV_WRITE | MV_EXEC };
	if (gva_canonical(gva) != gva)
		return -EINVAL;
	pthread_mutex_lock(&mm->lock);
	pt_walk(mm, gva, LEVEL_PTE, false, &path);
	while (take_step(walk, &path, level))
		level--;
	if (walk->present) {
		walk->page_size = 1ull << level_shift(level);
		walk->gpa = (*path.entry[level] & PTE_ADDR & ~(walk->page_size - 1)) |
			    (gva & (walk->page_size - 1));
	} else {
		walk->access = 0;
	}
	pthread_mutex_unlock(&mm->lock);
	return 0;
}

/* Bytes of [hva, hva + len), len at most 2 MiB, that the host has in memory for us. */
static uint64_t resident(char *hva, uint64_t len)
{
	unsigned char vec[PMD_PAGES];
	uint64_t n = 0;

	if (mincore(hva, len, vec))
		return 0;
	for (uint64_t i = 0; i < len >> PAGE_SHIFT; i++)
		n += vec[i] & 1;
	return n << PAGE_SHIFT;
}

/* A run of entries whose frames adjoin, so that one mincore serves it. */
struct tally {
	struct mv_vma *info;
	char *hva; /* of the run; NULL: none is open */
	uint64_t len;
};

static void close_run(struct tally *t)
{
	if (t->hva)
		t->info->backed += resident(t->hva, t->len);
	t->hva = NULL;
}

static int tally_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	struct tally *t = arg;
	uint64_t e = *leaf->entry, size = 1ull << level_shift(leaf->level);
	struct arena *a = phys_arena(mm->phys, e & PTE_ADDR);
	char *hva = phys_hva(mm->phys, e & PTE_ADDR);

	t->info->reserved += size;
	t->info->huge += leaf->level == LEVEL_PMD ? size : 0;
	t->info->accessed += e & PTE_A ? size : 0;
	t->info->dirty += e & PTE_D ? size : 0;
	t->info->anonymous += a->kind != ARENA_FILE ? size : 0;
	if (t->hva && t->hva + t->len == hva && t->len + size <= PMD_SIZE) {
		t->len += size;
		return 0;
	}
	close_run(t);
	t->hva = hva;
	t->len = size;
	return 0;
}

const char *mm_vma_name(const struct mm *mm, const struct vma *vma)
{
	if (vma->vm_object && vma->vm_object->special)
		return vma->vm_pgoff ? vma->vm_object->name : "[vvar]";
	if (vma->vm_object)
		return vma->vm_object->name ? vma->vm_object->name : "/dev/zero (deleted)";
	if (vma->vm_flags & VM_STACK)
		return "[stack]";
	if (vma->vm_start < mm->brk &&
	    vma->vm_end > mm->start_brk) /* vma_is_initial_heap() */
		return "[heap]";
	return "";
}

/* show_map_vma() of fs/proc/task_mmu.c asks for a file, which _install_special_mapping() gives none. */
uint64_t mm_vma_offset(const struct vma *vma)
{
	return vma->vm_object && !vma->vm_object->special ? vma->vm_pgoff << PAGE_SHIFT : 0;
}

/* seq_path() asks d_path(), which knows of renames and removals. */
static void find_path(const struct mm *mm, const struct vma *vma, char path[PATH_MAX])
{
	if (vma->vm_object && vma->vm_object->placed && mm->where)
		mm->where(mm->where_owner, vma->vm_object, path);
	else
		strcpy(path, mm_vma_name(mm, vma));
}

static void describe(const struct vma *vma, struct mv_vma *info)
{
	info->start = vma->vm_start;
	info->end = vma->vm_end;
	info->prot = vma->vm_flags & VM_PROT;
	info->max_prot = vma->vm_flags >> VM_MAY_SHIFT & VM_PROT;
	info->noreserve = vma->vm_flags & VM_NORESERVE;
	info->shared = vma->vm_flags & VM_MAYSHARE;
	info->growsdown = vma->vm_flags & VM_GROWSDOWN;
	info->locked = vma->vm_flags & VM_LOCKED;
	info->hugetlb = vma->vm_flags & VM_HUGETLB;
	info->offset = mm_vma_offset(vma);
	if (vma->vm_object && !vma->vm_object->special) {
		info->dev = vma->vm_object->dev;
		info->ino = vma->vm_object->ino;
	}
}

/* Bytes of the frames that stand in [start, end) of a pagemap. */
static uint64_t frames_in(const struct pagemap *map, uint64_t start, uint64_t end)
{
	uint64_t n = 0;

	while ((start = pagemap_next(map, start, end)) < end) {
		uint64_t step = pagemap_get(map, start).huge ? PMD_PAGES : 1;

		start += step;
		n += step;
	}
	return n << PAGE_SHIFT;
}

/* A private VMA's own pages, or the part of a shared object that it shows. */
static uint64_t charged(const struct mm *mm, const struct vma *vma)
{
	if (vma_private(vma))
		return frames_in(&mm->anon, vma->vm_start >> PAGE_SHIFT,
				 vma->vm_end >> PAGE_SHIFT);
	if (vma->vm_object->kind != OBJECT_ANON)
		return 0;
	return frames_in(&vma->vm_object->pages, vma->vm_pgoff,
			 vma_pgoff(vma, vma->vm_end));
}

int mm_vma_next(struct mm *mm, gva_t gva, struct mv_vma *info)
{
	struct vma *vma;

	*info = (struct mv_vma){ 0 };
	pthread_mutex_lock(&mm->lock);
	vma = vma_find(mm, gva);
	if (vma) {
		describe(vma, info);
		strncpy(info->name, mm_vma_name(mm, vma), sizeof(info->name) - 1);
	}
	pthread_mutex_unlock(&mm->lock);
	return vma ? 0 : -ENOENT;
}

void mm_vma_path(struct mm *mm, gva_t gva, char path[PATH_MAX])
{
	const struct vma *vma;

	*path = '\0';
	pthread_mutex_lock(&mm->lock);
	vma = vma_lookup(mm, gva);
	if (vma)
		find_path(mm, vma, path);
	pthread_mutex_unlock(&mm->lock);
}

struct object *mm_object_at(struct mm *mm, gva_t gva)
{
	const struct vma *vma;

	pthread_mutex_lock(&mm->lock);
	vma = vma_lookup(mm, gva);
	pthread_mutex_unlock(&mm->lock);
	return vma ? vma->vm_object : NULL;
}

int mm_vma_info(struct mm *mm, gva_t gva, struct mv_vma *info)
{
	struct tally t = { info, NULL, 0 };
	char path[PATH_MAX];
	struct vma *vma;

	*info = (struct mv_vma){ 0 };
	pthread_mutex_lock(&mm->lock);
	vma = vma_find(mm, gva);
	if (vma) {
		describe(vma, info);
		find_path(mm, vma, path);
		memcpy(info->name, path, strnlen(path, sizeof(info->name) - 1));
		pt_for_each(mm, vma->vm_start, vma->vm_end, NULL, tally_leaf, &t);
		close_run(&t);
		info->charged = charged(mm, vma);
	}
	pthread_mutex_unlock(&mm->lock);
	return vma ? 0 : -ENOENT;
}

static int count_idle(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	uint64_t *idle = arg;

	if (!(*leaf->entry & PTE_A) && pagemap_get(&mm->anon, leaf->gva >> PAGE_SHIFT).gfn)
		*idle += 1ull << level_shift(leaf->level);
	return 0;
}

void mm_memory(struct mm *mm, struct mv_memory *m)
{
	const struct phys *phys = mm->phys;
	uint64_t freed, idle = 0;

	pthread_mutex_lock(&mm->lock);
	freed = phys->nr_free_tables + phys->nr_quarantine;
	pt_for_each(mm, 0, MV_TASK_SIZE, NULL, count_idle, &idle);
	*m = (struct mv_memory){
		.limit = phys->limit << PAGE_SHIFT,
		.charged = phys->charged << PAGE_SHIFT,
		.touched = (phys->reserved << PAGE_SHIFT) - idle,
		.idle = idle,
		.tables = (phys->charged - phys->reserved - phys->nodes - phys->foreign -
			   phys->promised - freed)
			  << PAGE_SHIFT,
		.nodes = phys->nodes << PAGE_SHIFT,
		.freed = freed << PAGE_SHIFT,
		.memfds = phys->foreign << PAGE_SHIFT,
		.promised = phys->promised << PAGE_SHIFT,
	};
	pthread_mutex_unlock(&mm->lock);
}
