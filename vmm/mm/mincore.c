/* SPDX-License-Identifier: MIT */
/*
 * mincore.c: mincore(2): which pages are in memory, as Linux's mm/mincore.c would say. A frame
 * that was only reserved for a page is not: the payload can't tell that it exists.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/mm/pgtable.h"

bool mm_private_resident(struct mm *mm, gva_t gva, uint64_t *entry)
{
	struct pt_path path;

	if (!pagemap_get(&mm->anon, gva >> PAGE_SHIFT).gfn)
		return false;
	pt_walk_pte(mm, gva, &path);
	*entry = *pt_last(&path);
	return !*entry || *entry & PTE_A;
}

/* What the host's page cache has of a file: asked by a mapping of our own. */
static void file_resident(const struct object *obj, uint64_t pgoff, uint64_t pages,
			  unsigned char *vec)
{
	char *p = mmap(NULL, pages << PAGE_SHIFT, PROT_READ, MAP_SHARED, obj->fd,
		       (off_t)(pgoff << PAGE_SHIFT));

	memset(vec, 0, pages);
	if (p == MAP_FAILED)
		return;
	mincore(p, pages << PAGE_SHIFT, vec);
	munmap(p, pages << PAGE_SHIFT);
}

static void object_resident(const struct vma *vma, gva_t addr, uint64_t pages,
			    unsigned char *vec)
{
	struct object *obj = vma->vm_object;
	uint64_t pgoff = vma_pgoff(vma, addr);

	if (obj && obj->kind == OBJECT_FILE)
		file_resident(obj, pgoff, pages, vec);
	else
		for (uint64_t i = 0; i < pages; i++)
			vec[i] = obj && pagemap_get(&obj->pages, pgoff + i).gfn;
}

long mm_mincore(struct mm *mm, gva_t addr, uint64_t pages, unsigned char *vec)
{
	struct vma *vma;
	uint64_t entry;

	pthread_mutex_lock(&mm->lock);
	vma = vma_lookup(mm, addr);
	if (vma) {
		pages = min_u64(pages, (vma->vm_end - addr) >> PAGE_SHIFT);
		if (vma->vm_object && vma->vm_object->secret)
			memset(vec, 1, pages);
		else
			object_resident(vma, addr, pages, vec);
		for (uint64_t i = 0; i < pages && vma_private(vma); i++)
			vec[i] |= mm_private_resident(mm, addr + i * PAGE_SIZE, &entry);
	}
	pthread_mutex_unlock(&mm->lock);
	return vma ? (long)pages : -ENOMEM;
}
