/* SPDX-License-Identifier: MIT */
/*
 * check.c: see check.h. While it runs, `next` of each anonymous frame in use, 0 else, counts how
 * often the frame was met.
 */
#include "vmm/mm/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/mm/pgtable.h"

struct check {
	struct mm *mm;
	char *text; /* what is wrong, first */
	size_t size;
	bool failed;
	uint64_t tables[5]; /* by level, those met */
	uint64_t owned;	    /* frames of 4 KiB that something owns */
	uint64_t nodes;	    /* pagemaps', those met */
	uint64_t promised;  /* charged for huge pages that have no frame yet */
};

__attribute__((format(printf, 2, 3))) static void wrong(struct check *c, const char *fmt,
							...)
{
	va_list args;

	if (c->failed)
		return;
	c->failed = true;
	va_start(args, fmt);
	vsnprintf(c->text, c->size, fmt, args);
	va_end(args);
}

static struct arena *arena_of(const struct check *c, gfn_t gfn)
{
	return phys_arena(c->mm->phys, gfn_gpa(gfn));
}

/* ---- VMAs */

static void check_tree(struct check *c)
{
	uint64_t n = 0, total = 0, locked = 0, data = 0;
	bool cached = !c->mm->last_vma;
	gva_t end = 0;

	for (struct vma *v = vma_find(c->mm, 0); v; v = vma_next(v), n++) {
		if (v->vm_start < end || v->vm_start >= v->vm_end ||
		    (v->vm_start | v->vm_end) & ~PAGE_MASK || v->vm_end > MV_TASK_SIZE)
			wrong(c, "VMA %#lx-%#lx after one that ends at %#lx", v->vm_start,
			      v->vm_end, end);
		if (v->vm_flags & VM_HUGETLB && (v->vm_start | v->vm_end) & ~PMD_MASK)
			wrong(c, "VMA %#lx-%#lx cuts a huge page", v->vm_start, v->vm_end);
		end = v->vm_end;
		total += vma_pages(v);
		locked += v->vm_flags & VM_LOCKED ? vma_pages(v) : 0;
		if ((v->vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE)
			data += vma_pages(v);
		cached |= v == c->mm->last_vma;
		if (v->vm_object && !v->vm_object->refs)
			wrong(c, "VMA %#lx names an object that was freed", v->vm_start);
	}
	locked += c->mm->locked_ghosts;
	if (data != c->mm->data_vm)
		wrong(c, "%lu pages of data, counted %lu", data, c->mm->data_vm);
	if (n != c->mm->map_count || total != c->mm->total_vm || locked != c->mm->locked_vm)
		wrong(c, "%lu VMAs of %lu pages, %lu locked; counted %u, %lu, %lu", n,
		      total, locked, c->mm->map_count, c->mm->total_vm, c->mm->locked_vm);
	if (!cached)
		wrong(c, "the VMA found last is none any more");
}

/* ---- owners of frames */

/* Something owns the frame at gfn, `pages` long. */
static void own(struct check *c, gfn_t gfn, unsigned pages, const char *who, uint64_t index)
{
	struct arena *a = arena_of(c, gfn);
	struct frame *f;

	if (!a || (a->kind != ARENA_ANON && a->kind != ARENA_HUGE)) {
		wrong(c, "%s page %#lx: gfn %#x is no anonymous frame", who, index, gfn);
		return;
	}
	f = phys_frame(c->mm->phys, gfn);
	if (!f->refs) { /* perhaps on a free list, whose link next is */
		wrong(c, "%s page %#lx: gfn %#x is nobody's", who, index, gfn);
		return;
	}
	if (!f->next)
		c->owned += pages;
	f->next++;
}

static void own_all(struct check *c, const struct pagemap *map, const char *who,
		    void (*each)(struct check *c, uint64_t index))
{
	uint64_t i = 0, end = 1ull << PAGEMAP_BITS, pages = 0;

	for (; (i = pagemap_next(map, i, end)) < end;) {
		struct pagemap_entry page = pagemap_get(map, i);
		unsigned n = page.huge ? PMD_PAGES : 1;

		own(c, page.gfn, n, who, i);
		if (each)
			each(c, i);
		pages += n;
		i += n;
	}
	if (pages != map->pages)
		wrong(c, "%s: %lu pages, counted %lu", who, pages, map->pages);
	c->nodes += pagemap_nodes(map);
}

static void private_page(struct check *c, uint64_t index)
{
	struct vma *v = vma_lookup(c->mm, index << PAGE_SHIFT);

	if (!v || !vma_private(v))
		wrong(c, "private page %#lx without a private VMA", index << PAGE_SHIFT);
	else if (v->vm_flags & VM_HUGETLB && !pagemap_get(&c->mm->anon, index).huge)
		wrong(c, "private page %#lx of 4 KiB in a VMA of 2 MiB ones",
		      index << PAGE_SHIFT);
	if (pagemap_get(&c->mm->guards, index).gfn)
		wrong(c, "private page %#lx under a guard", index << PAGE_SHIFT);
}

/* Objects that VMAs name, each once: when its first VMA comes. */
static bool first_vma_of(struct check *c, const struct vma *vma)
{
	for (struct vma *v = vma_find(c->mm, 0); v != vma; v = vma_next(v))
		if (v->vm_object == vma->vm_object)
			return false;
	return true;
}

/* Blocks of the object's private VMAs, of the object itself where it is shared. */
static uint64_t blocks_of(struct check *c, const struct vma *vma, uint64_t *filled)
{
	uint64_t pages = 0;

	*filled = vma->vm_object->pages.pages;
	if (!vma_private(vma))
		return vma->vm_object->size >> PMD_SHIFT;
	for (struct vma *v = vma_find(c->mm, 0); v; v = vma_next(v)) {
		if (v->vm_object != vma->vm_object)
			continue;
		pages += vma_pages(v);
		for (gva_t at = v->vm_start; at < v->vm_end; at += PMD_SIZE)
			if (pagemap_get(&c->mm->anon, at >> PAGE_SHIFT).gfn)
				*filled += PMD_PAGES;
	}
	return pages / PMD_PAGES;
}

/* Huge pages that were reserved are charged as long as they have no frame. */
static void check_promises(struct check *c, const struct vma *vma)
{
	const struct object *obj = vma->vm_object;
	uint64_t filled, blocks = blocks_of(c, vma, &filled);
	uint64_t expected = obj->reserves ? blocks - filled / PMD_PAGES : 0;

	c->promised += obj->promised * PMD_PAGES;
	if (filled % PMD_PAGES)
		wrong(c, "VMA %#lx: %lu pages are no huge ones", vma->vm_start, filled);
	/* of a shared one that begins behind its object's first page, less was reserved */
	if (vma_private(vma) ? obj->promised != expected : obj->promised > expected)
		wrong(c, "VMA %#lx: %lu huge pages promised, %lu expected", vma->vm_start,
		      obj->promised, expected);
}

static void check_owners(struct check *c)
{
	uint64_t end = MV_TASK_SIZE >> PAGE_SHIFT;

	own_all(c, &c->mm->anon, "private", private_page);
	for (struct vma *v = vma_find(c->mm, 0); v; v = vma_next(v))
		if (v->vm_object && v->vm_object->kind == OBJECT_ANON && first_vma_of(c, v))
			own_all(c, &v->vm_object->pages, "shared", NULL);
	c->nodes += pagemap_nodes(&c->mm->guards);
	for (struct vma *v = vma_find(c->mm, 0); v; v = vma_next(v))
		if (v->vm_flags & VM_HUGETLB && first_vma_of(c, v))
			check_promises(c, v);
	for (uint64_t i = 0; (i = pagemap_next(&c->mm->guards, i, end)) < end; i++)
		if (!vma_lookup(c->mm, i << PAGE_SHIFT))
			wrong(c, "a guard at %#lx without a VMA", i << PAGE_SHIFT);
}

/* Was each frame met as often as it is said to have owners? Lists' `next` is not a count. */
static void check_frames(struct check *c, const struct arena *a)
{
	for (uint32_t i = 0; i < a->next_fresh; i++) {
		struct frame *f = &a->frames[i];

		if (f->refs && f->next != f->refs)
			wrong(c, "gfn %#lx has %u owners, %u are known",
			      (a->gpa >> PAGE_SHIFT) + i, f->refs, f->next);
		if (f->refs)
			f->next = 0;
	}
}

/* ---- entries */

/* The object's own frame for the page at gva; 0: none yet. */
static gfn_t object_frame(const struct vma *v, gva_t gva)
{
	uint64_t pgoff = vma_pgoff(v, gva), before, after;

	if (!v->vm_object)
		return 0;
	switch (v->vm_object->kind) {
	case OBJECT_ANON:
		return pagemap_get(&v->vm_object->pages, pgoff).gfn;
	case OBJECT_FILE:
		return object_file_frame(v->vm_object, pgoff, &before, &after);
	case OBJECT_ZERO:
	case OBJECT_NONE:
		break;
	}
	return 0;
}

static void check_leaf(struct check *c, gva_t gva, unsigned level, uint64_t e)
{
	struct vma *v = vma_lookup(c->mm, gva);
	struct pagemap_entry page = pagemap_get(&c->mm->anon, gva >> PAGE_SHIFT);
	uint64_t allowed = v ? vma_page_prot(v) : 0;

	if (!v || !allowed || gva + (1ull << level_shift(level)) > v->vm_end) {
		wrong(c, "entry %#lx for %#lx, where no VMA allows one", e, gva);
		return;
	}
	if (page.gfn) {
		gfn_t head = page.huge ? page.gfn & ~(gfn_t)(PMD_PAGES - 1) : page.gfn;

		if (pte_gfn(e) != head || page.huge != (level == LEVEL_PMD))
			wrong(c, "entry %#lx for %#lx, whose private page is gfn %#x", e,
			      gva, page.gfn);
		if (phys_frame(c->mm->phys, head)->refs > 1 || !v->anon_id)
			allowed &= ~PTE_W;
	} else {
		unsigned want = v->vm_flags & VM_HUGETLB ? LEVEL_PMD : LEVEL_PTE;

		if (vma_is_anonymous(v) || level != want ||
		    (vma_private(v) && want == LEVEL_PMD) ||
		    pte_gfn(e) != object_frame(v, gva))
			wrong(c, "entry %#lx for %#lx, where no page is", e, gva);
		if (vma_private(v))
			allowed &= ~PTE_W;
	}
	if (!(e & PTE_P) || !(e & PTE_U) || (e & PTE_W && !(allowed & PTE_W)) ||
	    (!(e & PTE_NX) && allowed & PTE_NX))
		wrong(c, "entry %#lx for %#lx allows more than %#lx", e, gva, allowed);
	if (pagemap_get(&c->mm->guards, gva >> PAGE_SHIFT).gfn)
		wrong(c, "entry %#lx for %#lx, which is guarded", e, gva);
}

/* Pages of the monitor's are table frames; they belong to no VMA. */
static bool monitors(const struct check *c, gva_t gva, uint64_t e)
{
	return (gva >= MV_TASK_SIZE || gva == MV_ENTRY_GVA) &&
	       arena_of(c, pte_gfn(e))->kind == ARENA_TABLE;
}

static void check_table(struct check *c, gfn_t table, unsigned level, gva_t base)
{
	const uint64_t *entry = (uint64_t *)phys_hva(c->mm->phys, gfn_gpa(table));
	struct frame *f = phys_frame(c->mm->phys, table);
	unsigned used = 0;

	c->tables[level]++;
	if (f->place != pt_place(level, base)) {
		wrong(c, "table gfn %#x at %#lx is free, or reached twice", table, base);
		return;
	}
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++) {
		gva_t gva = base + ((gva_t)i << level_shift(level));
		struct arena *a;

		if (!entry[i])
			continue;
		used++;
		a = arena_of(c, pte_gfn(entry[i]));
		if (!a)
			wrong(c, "entry %#lx for %#lx leads to no memory", entry[i], gva);
		else if (pte_leaf(entry[i], level) && !monitors(c, gva, entry[i]))
			check_leaf(c, gva, level, entry[i]);
		else if (!pte_leaf(entry[i], level) && a->kind == ARENA_TABLE)
			check_table(c, pte_gfn(entry[i]), level - 1, gva);
		else if (!pte_leaf(entry[i], level))
			wrong(c, "entry %#lx for %#lx leads to no table", entry[i], gva);
	}
	if (used != f->refs)
		wrong(c, "table gfn %#x at %#lx: %u entries in use, counted %u", table,
		      base, used, f->refs);
}

static void check_tables(struct check *c)
{
	const struct mm *mm = c->mm;
	struct pt_path path;

	check_table(c, mm->pgd, LEVEL_PGD, 0);
	for (unsigned l = LEVEL_PTE; l <= LEVEL_PGD; l++)
		if (c->tables[l] != mm->count.tables[l] ||
		    mm->count.tables_made[l] - mm->count.tables_freed[l] != c->tables[l])
			wrong(c, "level %u: %lu tables, counted %lu", l, c->tables[l],
			      mm->count.tables[l]);
	if (!mm->last_pte_table)
		return;
	pt_walk(c->mm, mm->last_pte_base, LEVEL_PTE, false, &path);
	if (path.level != LEVEL_PTE || path.table[LEVEL_PTE] != mm->last_pte_table)
		wrong(c, "the table used last for %#lx is none any more",
		      mm->last_pte_base);
}

/* ---- memory */

/* A list's length; every frame on it is nobody's, and of the right kind. */
static uint64_t list_length(struct check *c, gfn_t gfn, enum arena_kind kind)
{
	uint64_t n = 0;

	for (; gfn && n < 1u << 30; gfn = phys_frame(c->mm->phys, gfn)->next, n++) {
		enum arena_kind is = arena_of(c, gfn)->kind;

		if (is != kind)
			wrong(c, "gfn %#x is on a list of another kind", gfn);
		if (phys_frame(c->mm->phys, gfn)->refs && kind != ARENA_TABLE)
			wrong(c, "gfn %#x is free, and has owners", gfn);
	}
	return n;
}

static void check_totals(struct check *c)
{
	const struct phys *phys = c->mm->phys;
	uint64_t fresh[ARENA_KINDS] = { 0 }, free, tables, quarantine, kept;

	for (const struct arena *a = phys->arenas; a; a = a->next)
		fresh[a->kind] += a->next_fresh;
	free = list_length(c, phys->free[ARENA_ANON], ARENA_ANON) +
	       list_length(c, phys->split, ARENA_HUGE) +
	       list_length(c, phys->free[ARENA_HUGE], ARENA_HUGE) * PMD_PAGES;
	quarantine = list_length(c, phys->quarantine, ARENA_TABLE);
	kept = list_length(c, phys->free[ARENA_TABLE], ARENA_TABLE);
	tables = fresh[ARENA_TABLE] - list_length(c, phys->cold_tables, ARENA_TABLE);
	if (quarantine != phys->nr_quarantine || kept != phys->nr_free_tables)
		wrong(c, "%lu tables in quarantine, %lu free ones; counted %u, %u",
		      quarantine, kept, phys->nr_quarantine, phys->nr_free_tables);
	if (c->owned != phys->reserved)
		wrong(c, "%lu frames have an owner, %lu are reserved", c->owned,
		      phys->reserved);
	if (fresh[ARENA_ANON] + fresh[ARENA_HUGE] != c->owned + free)
		wrong(c, "of %lu frames %lu have an owner and %lu are free",
		      (uint64_t)fresh[ARENA_ANON] + fresh[ARENA_HUGE], c->owned, free);
	if (c->nodes != phys->nodes)
		wrong(c, "%lu nodes without an empty one, counted %lu", c->nodes,
		      phys->nodes);
	if (c->promised != phys->promised)
		wrong(c, "%lu pages promised, counted %lu", c->promised, phys->promised);
	if (phys->charged != phys->reserved + tables + phys->foreign + phys->promised)
		wrong(c,
		      "charged %lu for %lu frames, %lu tables, %lu promised pages, %lu others",
		      phys->charged, phys->reserved, tables, phys->promised, phys->foreign);
}

const char *mm_check(struct mm *mm, char *text, size_t size)
{
	struct check c = { .mm = mm, .text = text, .size = size };

	pthread_mutex_lock(&mm->lock);
	check_tree(&c);
	check_tables(&c);
	check_owners(&c);
	for (const struct arena *a = mm->phys->arenas; a; a = a->next)
		if (a->kind == ARENA_ANON || a->kind == ARENA_HUGE)
			check_frames(&c, a);
	check_totals(&c);
	pthread_mutex_unlock(&mm->lock);
	return c.failed ? text : NULL;
}
