/* SPDX-License-Identifier: MIT */
/*
 * fault.c: one way for every page fault, in the shape of Linux's mm/memory.c: find the
 * VMA, walk, and one function a kind.
 *
 * No system call and no malloc in it, but where a kind needs one: a private copy of
 * a file's page (pread), a file's first window, the file's size at its end, a 2 MiB leaf after a
 * table was unlinked (a drop), and memory for the VMM's own structures, mapped many pages at a time.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "vmm/mm/pgtable.h"
#include "vmm/mm/record.h"
#include "vmm/observe/probes.h"

/* Most 2 MiB leaves that one fault makes: 32 MiB. */
#define HUGE_AROUND_MAX 16

/* A fault on its way. */
struct fault {
	struct mm *mm;
	struct vma *vma;
	gva_t gva;	     /* page-aligned */
	unsigned access;     /* MV_READ, MV_WRITE or MV_EXEC */
	bool guest;	     /* a CPU in ring 3 waits for it and will retry the access */
	struct pt_path path; /* to the entry for gva, or as far as tables exist */
};

static struct mm_fault done(enum mv_fault kind)
{
	return (struct mm_fault){ .kind = kind };
}

static struct mm_fault out_of_memory(void)
{
	return mm_fatal(SIGKILL, SI_KERNEL);
}

static struct mm_fault host_error(int err)
{
	return (struct mm_fault){ .kind = MV_FAULT_FATAL, .err = err };
}

static uint64_t index_of(gva_t gva)
{
	return gva >> PAGE_SHIFT;
}

/* reusable_anon_vma() of mm/vma.c: the id of a neighbour that differs in its access at most. */
static unsigned reusable_id(const struct vma *a, const struct vma *b,
			    const struct vma *from)
{
	if (!a || !b || a->vm_end != b->vm_start || a->vm_object != b->vm_object ||
	    (a->vm_flags ^ b->vm_flags) & ~VM_PROT ||
	    b->vm_pgoff != vma_pgoff(a, a->vm_end))
		return 0;
	return from->anon_id;
}

void mm_prepare_anon_id(struct mm *mm, struct vma *vma)
{
	struct vma *prev, *next;

	if (vma->anon_id)
		return;
	/* find_mergeable_anon_vma(): take a neighbour's, so that they can still merge */
	next = vma_next(vma);
	prev = vma_prev(vma);
	vma->anon_id = reusable_id(vma, next, next);
	if (!vma->anon_id)
		vma->anon_id = reusable_id(prev, vma, prev);
	if (!vma->anon_id)
		vma->anon_id = ++mm->last_anon_id;
}

/* The frame whose count stands for a private page: the first of a 2 MiB one. */
static gfn_t head(struct pagemap_entry page)
{
	return page.huge ? page.gfn & ~(gfn_t)(PMD_PAGES - 1) : page.gfn;
}

static bool only_owner(const struct fault *f, struct pagemap_entry page)
{
	return phys_frame(f->mm->phys, head(page))->refs == 1;
}

/*
 * The entry for a private page that may have content: writable only if it has no other owner. A is
 * set, for without it the page would be taken for one that was never touched.
 */
static uint64_t private_entry(const struct fault *f, struct pagemap_entry page)
{
	uint64_t bits = vma_private_prot(f->vma) | PTE_A | (page.huge ? PTE_PS : 0);

	return pte_make(head(page), only_owner(f, page) ? bits : bits & ~PTE_W);
}

/* Walk on to the pte, making tables. */
static int alloc_ptes(struct fault *f)
{
	if (f->path.level == LEVEL_PTE)
		return 0;
	return pt_walk(f->mm, f->gva, LEVEL_PTE, true, &f->path);
}

/* One zeroed frame. */
static gfn_t alloc_frame(const struct fault *f)
{
	unsigned got;

	return phys_alloc_anon(f->mm->phys, 1, &got);
}

/* The pte table of f->gva, once there is one: its first entry. */
static uint64_t *pte_table(const struct fault *f)
{
	return f->path.entry[LEVEL_PTE] - level_index(f->gva, LEVEL_PTE);
}

/* reading anonymous memory gives it no page on Linux; a copy of a file's page is one */
static bool makes_page(const struct fault *f)
{
	return f->access == MV_WRITE || !vma_is_anonymous(f->vma) ||
	       f->mm->forbids_zeropage;
}

/* Give a frame that nobody owns yet to the private page at f->gva. */
static int own_private(struct fault *f, gfn_t gfn)
{
	int err = pagemap_set(&f->mm->anon, index_of(f->gva), gfn, 1);

	if (err) {
		struct gather g;

		gather_init(&g, f->mm->phys);
		phys_frame(f->mm->phys, gfn)->refs = 1;
		gather_put(&g, (struct pagemap_entry){ gfn, false }, true);
		gather_finish(&g);
		return err;
	}
	phys_frame(f->mm->phys, gfn)->refs = 1;
	if (makes_page(f))
		mm_prepare_anon_id(f->mm, f->vma);
	return 0;
}

/* Whether the page is one that MADV_GUARD_INSTALL made unusable. */
static bool guarded(const struct mm *mm, uint64_t index)
{
	return mm->guards.pages && pagemap_get(&mm->guards, index).gfn;
}

/* How many pages a fault maps at first: MADV_RANDOM and MADV_SEQUENTIAL have a word in it. */
static unsigned around_pages(const struct fault *f)
{
	if (f->vma->vm_flags & VM_RAND_READ)
		return 1;
	if (f->vma->vm_flags & VM_SEQ_READ && f->mm->fault_around > 1)
		return (unsigned)min_u64(8ull * f->mm->fault_around, PTRS_PER_TABLE);
	return f->mm->fault_around;
}

/*
 * The pages around a fault that it maps, too: [first, last) in the pte table of gva. An
 * aligned window of mm->fault_around pages within the VMA; where the pages right below it
 * have all been used, twice as much, and so on: memory that is walked through.
 */
static void around(const struct fault *f, unsigned *first, unsigned *last)
{
	const uint64_t *table = pte_table(f);
	unsigned at = level_index(f->gva, LEVEL_PTE), n = around_pages(f);
	gva_t base = f->gva & PMD_MASK;

	for (; n > 1 && n < PTRS_PER_TABLE; n *= 2) {
		unsigned start = at & ~(n - 1), below = 0;

		while (below < n && below < start && table[start - below - 1] & PTE_A)
			below++;
		if (below < n)
			break;
	}
	*first = at & ~(n - 1);
	*last = *first + n;
	if (base + *first * PAGE_SIZE < f->vma->vm_start)
		*first = level_index(f->vma->vm_start, LEVEL_PTE);
	if (base + *last * PAGE_SIZE > f->vma->vm_end)
		*last = (unsigned)((f->vma->vm_end - base) >> PAGE_SHIFT);
}

/* Whether the 2 MiB at gva are in heavy use: a leaf, or a table half of which was accessed. */
static bool used_densely(struct mm *mm, gva_t gva)
{
	struct pt_path path;
	unsigned n = 0;

	pt_walk(mm, gva & PMD_MASK, LEVEL_PTE, false, &path);
	if (path.level == LEVEL_PMD)
		return *path.entry[LEVEL_PMD] & PTE_A;
	if (path.level != LEVEL_PTE)
		return false;
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++)
		n += !!(path.entry[LEVEL_PTE][i] & PTE_A);
	return n >= PTRS_PER_TABLE / 2;
}

/* One 2 MiB leaf, in the pmd entry of a block that has nothing yet. False: not to be had. */
static bool map_huge(struct fault *f, gva_t block, uint64_t *pmd)
{
	struct mm *mm = f->mm;
	gfn_t gfn = phys_spare(mm->phys) < PMD_PAGES ? 0 : phys_alloc_huge(mm->phys);

	if (!gfn)
		return false;
	if (pagemap_set_huge(&mm->anon, index_of(block), gfn)) {
		phys_free_anon(mm->phys, gfn, PMD_PAGES);
		return false;
	}
	phys_frame(mm->phys, gfn)->refs = 1;
	pt_set(mm, f->path.table[LEVEL_PMD], pmd,
	       pte_make(gfn, vma_private_prot(f->vma) | PTE_PS));
	mm->count.huge++;
	return true;
}

/*
 * How many leaves a fault makes, from its own on: as around(), twice as many as there are used
 * ones right below, in the same table.
 */
static unsigned huge_around(const struct fault *f)
{
	const uint64_t used = PTE_PS | PTE_A;
	const uint64_t *pmd = f->path.entry[LEVEL_PMD];
	unsigned at = level_index(f->gva, LEVEL_PMD), n = 1, below = 0;

	while (f->mm->fault_around > 1 && n < HUGE_AROUND_MAX) {
		while (below < n && below < at && (pmd[-1 - (int)below] & used) == used)
			below++;
		if (below < n)
			break;
		n *= 2;
	}
	return n;
}

/* Nothing of the 2 MiB at block is mapped or has a frame, and all of it is the VMA's. */
static bool huge_fits(const struct fault *f, gva_t block)
{
	uint64_t index = index_of(block), end = index + PMD_PAGES;

	return mm_may_be_huge(f->mm, f->vma, block) &&
	       pagemap_next(&f->mm->anon, index, end) == end;
}

/* 2 MiB leaves wherever they fit, not only in dense use. */
static bool prefers_huge(const struct fault *f)
{
	return f->mm->thp == MV_THP_ALWAYS ||
	       (f->mm->thp == MV_THP_AUTO && f->vma->vm_flags & VM_HUGEPAGE);
}

static bool want_huge(const struct fault *f)
{
	gva_t block = f->gva & PMD_MASK;

	if (f->path.level == LEVEL_PTE || !huge_fits(f, block))
		return false;
	if (prefers_huge(f))
		return true;
	return (block >= f->vma->vm_start + PMD_SIZE &&
		used_densely(f->mm, block - PMD_SIZE)) ||
	       (block + 2 * PMD_SIZE <= f->vma->vm_end &&
		used_densely(f->mm, block + PMD_SIZE));
}

/* 2 MiB leaves. False: not even one is to be had, take the way of 4 KiB. */
static bool do_huge_anonymous_page(struct fault *f)
{
	gva_t block = f->gva & PMD_MASK;
	unsigned n, room = PTRS_PER_TABLE - level_index(block, LEVEL_PMD);
	uint64_t *pmd;

	if (pt_walk(f->mm, block, LEVEL_PMD, true, &f->path) || f->path.level != LEVEL_PMD)
		return false;
	pmd = f->path.entry[LEVEL_PMD];
	if (makes_page(f))
		mm_prepare_anon_id(f->mm, f->vma);
	if (*pmd || mm_unlink_tables(f->mm) || !map_huge(f, block, pmd))
		return false;
	n = (unsigned)min_u64(huge_around(f), room);
	for (unsigned i = 1; i < n; i++)
		if (pmd[i] || !huge_fits(f, block + i * PMD_SIZE) ||
		    !map_huge(f, block + i * PMD_SIZE, pmd + i))
			break;
	mm_note_idle(f->mm, block, block + n * PMD_SIZE);
	return true;
}

/* The pages of n from index on before the first guarded one. */
static unsigned unguarded_run(const struct mm *mm, uint64_t index, unsigned n)
{
	return (unsigned)(pagemap_next(&mm->guards, index, index + n) - index);
}

/*
 * Reserve frames for the empty pages of [first, last): entries only, the host backs them later.
 * As many as are to be had; none of them is needed.
 */
static void reserve_around(struct fault *f, unsigned first, unsigned last)
{
	struct mm *mm = f->mm;
	uint64_t *table = pte_table(f);
	uint64_t index = index_of(f->gva & PMD_MASK), bits = vma_private_prot(f->vma);
	unsigned n, got;

	for (unsigned i = first; i < last; i += n ? n : 1) {
		struct frame *frames;
		gfn_t gfn;

		n = pagemap_empty_run(&mm->anon, index + i, last - i);
		n = unguarded_run(mm, index + i, n);
		if (!n)
			continue;
		n = (unsigned)min_u64(n, phys_spare(mm->phys));
		gfn = n ? phys_alloc_anon(mm->phys, n, &got) : 0;
		if (!gfn)
			return;
		n = got;
		if (pagemap_set(&mm->anon, index + i, gfn, n)) {
			phys_free_anon(mm->phys, gfn, n);
			return;
		}
		frames = phys_frame(mm->phys, gfn);
		for (unsigned k = 0; k < n; k++)
			frames[k].refs = 1;
		pt_set_run(mm, f->path.table[LEVEL_PTE], table + i, gfn, bits, n);
		mm->count.around += n;
	}
}

static struct mm_fault do_anonymous_page(struct fault *f)
{
	unsigned first, last;
	gfn_t gfn;

	if (want_huge(f) && do_huge_anonymous_page(f))
		return done(MV_FAULT_ANON);
	if (alloc_ptes(f) || !(gfn = alloc_frame(f)) || own_private(f, gfn))
		return out_of_memory();
	pt_set(f->mm, f->path.table[LEVEL_PTE], pt_last(&f->path),
	       pte_make(gfn, vma_private_prot(f->vma)));
	around(f, &first, &last);
	if (last - first > 1) {
		reserve_around(f, first, last);
		mm_note_idle(f->mm, (f->gva & PMD_MASK) + first * PAGE_SIZE,
			     (f->gva & PMD_MASK) + last * PAGE_SIZE);
	}
	return done(MV_FAULT_ANON);
}

/* The object's frame for page pgoff, made where there is none. 0: no memory. */
static gfn_t shared_frame(struct fault *f, uint64_t pgoff)
{
	struct pagemap *pages = &f->vma->vm_object->pages;
	gfn_t gfn = pagemap_get(pages, pgoff).gfn;

	if (gfn)
		return gfn;
	gfn = alloc_frame(f);
	if (gfn && pagemap_set(pages, pgoff, gfn, 1)) {
		phys_free_anon(f->mm->phys, gfn, 1);
		return 0;
	}
	if (gfn)
		phys_frame(f->mm->phys, gfn)->refs = 1;
	return gfn;
}

/* do_fault_around(): entries for what the object has around the fault. */
static void shared_around(struct fault *f)
{
	uint64_t *table = pte_table(f);
	uint64_t bits = vma_page_prot(f->vma), pgoff;
	unsigned first, last;
	gfn_t gfn;

	around(f, &first, &last);
	for (unsigned i = first; i < last; i++) {
		gva_t gva = (f->gva & PMD_MASK) + i * PAGE_SIZE;

		pgoff = vma_pgoff(f->vma, gva);
		if (table[i] || guarded(f->mm, index_of(gva)) ||
		    !(gfn = pagemap_get(&f->vma->vm_object->pages, pgoff).gfn))
			continue;
		pt_set(f->mm, f->path.table[LEVEL_PTE], table + i, pte_make(gfn, bits));
		f->mm->count.around++;
	}
}

/* Anonymous memory that is shared: the object owns the frame. */
static struct mm_fault do_shared_anonymous(struct fault *f)
{
	gfn_t gfn;

	if (alloc_ptes(f) || !(gfn = shared_frame(f, vma_pgoff(f->vma, f->gva))))
		return out_of_memory();
	pt_set(f->mm, f->path.table[LEVEL_PTE], pt_last(&f->path),
	       pte_make(gfn, vma_page_prot(f->vma)));
	shared_around(f);
	return done(MV_FAULT_ANON);
}

/* Entries for the private pages around that lost theirs, too. */
static void remap_around(struct fault *f)
{
	uint64_t *table = pte_table(f);
	uint64_t index = index_of(f->gva & PMD_MASK);
	unsigned first, last;

	around(f, &first, &last);
	for (unsigned i = first; i < last; i++) {
		struct pagemap_entry page = pagemap_get(&f->mm->anon, index + i);

		if (table[i] || !page.gfn)
			continue;
		pt_set(f->mm, f->path.table[LEVEL_PTE], table + i, private_entry(f, page));
		f->mm->count.around++;
	}
}

/* The page's content was there, its entry was not. */
static struct mm_fault do_remap(struct fault *f, struct pagemap_entry page)
{
	int err;

	/* no table is in the leaf's place */
	if (!page.huge && f->path.level == LEVEL_PMD &&
	    mm_rejoin_block(f->mm, f->vma, f->gva & PMD_MASK))
		page = pagemap_get(&f->mm->anon, index_of(f->gva));
	err = page.huge ? mm_unlink_tables(f->mm) : 0;
	if (err)
		return host_error(err);
	if (page.huge ? pt_walk(f->mm, f->gva, LEVEL_PMD, true, &f->path) : alloc_ptes(f))
		return out_of_memory();
	/* it may have been read only, before its entry went: no second fault for the write */
	if (f->access == MV_WRITE)
		mm_prepare_anon_id(f->mm, f->vma);
	pt_set(f->mm, f->path.table[f->path.level], pt_last(&f->path),
	       private_entry(f, page));
	if (!page.huge)
		remap_around(f);
	return done(MV_FAULT_REMAP);
}

/* Whether Linux would have called it a major fault: asked before anything reads the page. */
static void note_major(const struct fault *f)
{
	if (unlikely(f->mm->ask_major) &&
	    !object_page_cached(f->vma->vm_object, vma_pgoff(f->vma, f->gva)))
		f->mm->count.major++;
}

/* Its host can't be trusted: one page, if it gives that, and no write before it was asked for. */
static struct mm_fault do_distrusted_page(struct fault *f, gfn_t gfn, uint64_t bits)
{
	const bool write = f->access == MV_WRITE;

	if (!object_ask(f->vma->vm_object, gfn, write))
		return mm_fatal(SIGBUS, BUS_ADRERR);
	pt_set(f->mm, f->path.table[LEVEL_PTE], pt_last(&f->path),
	       pte_make(gfn, write ? bits : bits & ~PTE_W));
	return done(write ? MV_FAULT_SHARED : MV_FAULT_READ);
}

/* Map the file's own page, and those around it: no memory is taken, none is read. */
static struct mm_fault do_file_page(struct fault *f)
{
	struct mm *mm = f->mm;
	struct object *obj = f->vma->vm_object;
	uint64_t bits = vma_page_prot(f->vma), pgoff, after, before, *table;
	unsigned first, last, at = level_index(f->gva, LEVEL_PTE);
	gva_t base = f->gva & PMD_MASK;
	gfn_t gfn;

	if (alloc_ptes(f))
		return out_of_memory();
	pgoff = vma_pgoff(f->vma, f->gva);
	note_major(f);
	gfn = object_file_frame(obj, pgoff, &before, &after);
	if (!gfn)
		return host_error(-errno);
	if (vma_private(f->vma))
		bits &= ~PTE_W;
	if (unlikely(obj->distrusted))
		return do_distrusted_page(f, gfn, bits);
	around(f, &first, &last);
	first = at - (unsigned)min_u64(at - first, before);
	last = at + (unsigned)min_u64(last - at, after);
	table = pte_table(f);
	for (unsigned i = first; i < last; i++) {
		gva_t gva = base + i * PAGE_SIZE;

		if (i != at && (table[i] || !object_has_page(obj, pgoff + i - at) ||
				guarded(mm, index_of(gva)) ||
				pagemap_get(&mm->anon, index_of(gva)).gfn))
			continue;
		pt_set(mm, f->path.table[LEVEL_PTE], table + i,
		       pte_make(gfn + i - at, bits));
		mm->count.around += i != at;
	}
	return done(f->access == MV_WRITE ? MV_FAULT_SHARED : MV_FAULT_READ);
}

/*
 * The entry for f->gva, which may have led to `old`, leads to a frame of its own now. A
 * CPU that waits for it retries the write and finds the new one; any other translation of
 * the old frame has to go. A is set, since the frame has content.
 */
static int repoint(struct fault *f, gfn_t gfn)
{
	uint64_t old = *pt_last(&f->path);
	struct gather g;

	pt_set(f->mm, f->path.table[LEVEL_PTE], pt_last(&f->path),
	       pte_make(gfn, vma_page_prot(f->vma) | PTE_A));
	if (!(old & PTE_A) || (f->guest && f->access == MV_WRITE && f->mm->nr_vcpus <= 1))
		return 0;
	gather_init(&g, f->mm->phys);
	gather_keep(&g, pte_gfn(old), 1);
	return gather_finish(&g);
}

/* Read page f->gva of the file into a frame. Bytes, 0 behind the file's end, -errno. */
static long fill_from_file(const struct fault *f, gfn_t gfn)
{
	return object_read_page(f->vma->vm_object, vma_pgoff(f->vma, f->gva),
				phys_hva(f->mm->phys, gfn_gpa(gfn)), PAGE_SIZE);
}

/* A private page of a file is written: its copy. */
static struct mm_fault do_cow_fault(struct fault *f, enum mv_fault kind)
{
	gfn_t gfn;
	long n;

	if (alloc_ptes(f) || !(gfn = alloc_frame(f)))
		return out_of_memory();
	note_major(f);
	n = fill_from_file(f, gfn);
	if (own_private(f, gfn))
		return out_of_memory();
	if (n <= 0) { /* the page stays ours, without an entry: undo */
		struct gather g;

		gather_init(&g, f->mm->phys);
		gather_put(&g, pagemap_clear(&f->mm->anon, index_of(f->gva)), true);
		gather_finish(&g);
		return n == -EIO || n == 0 ? mm_fatal(SIGBUS, BUS_ADRERR)
					   : host_error((int)n);
	}
	f->mm->count.copied++;
	n = repoint(f, gfn);
	return n ? host_error((int)n) : done(kind);
}

/* A private frame with another owner is written: a copy of it. */
static struct mm_fault copy_private(struct fault *f, gfn_t old)
{
	struct pagemap_entry was;
	struct gather g;
	gfn_t gfn = alloc_frame(f);
	int err;

	if (!gfn)
		return out_of_memory();
	memcpy(phys_hva(f->mm->phys, gfn_gpa(gfn)), phys_hva(f->mm->phys, gfn_gpa(old)),
	       PAGE_SIZE);
	was = pagemap_clear(&f->mm->anon, index_of(f->gva));
	if (own_private(f, gfn))
		return out_of_memory();
	f->mm->count.copied++;
	err = repoint(f, gfn);
	gather_init(&g, f->mm->phys);
	gather_put(&g, was, false);
	gather_finish(&g);
	return err ? host_error(err) : done(MV_FAULT_WP);
}

/* Of a 2 MiB frame with another owner, copy the page that is written only. */
static struct mm_fault split_and_copy(struct fault *f)
{
	struct gather g;
	int err;

	gather_init(&g, f->mm->phys);
	err = mm_split_block(f->mm, &g, f->gva & PMD_MASK);
	if (gather_finish(&g))
		return host_error(g.err);
	if (err || alloc_ptes(f))
		return out_of_memory();
	return copy_private(f, pagemap_get(&f->mm->anon, index_of(f->gva)).gfn);
}

/* The private pages around that were read before they were written may be written now, too. */
static void reuse_around(struct fault *f)
{
	uint64_t *table = pte_table(f);
	uint64_t index = index_of(f->gva & PMD_MASK);
	unsigned first, last;

	around(f, &first, &last);
	for (unsigned i = first; i < last; i++) {
		struct pagemap_entry page = pagemap_get(&f->mm->anon, index + i);

		if (table[i] && page.gfn && only_owner(f, page))
			pt_set(f->mm, f->path.table[LEVEL_PTE], table + i,
			       table[i] | PTE_W);
	}
}

/* A write to an entry that doesn't allow it, in a VMA that does. */
static struct mm_fault do_wp_page(struct fault *f)
{
	struct pagemap_entry page = pagemap_get(&f->mm->anon, index_of(f->gva));

	if (!vma_private(f->vma) && f->vma->vm_object->distrusted &&
	    !object_ask(f->vma->vm_object, pte_gfn(*pt_last(&f->path)), true))
		return mm_fatal(SIGBUS, BUS_ADRERR);
	if (!vma_private(f->vma) || (page.gfn && only_owner(f, page))) {
		/* shared, or its only owner: reuse. Nothing weakens, nothing to flush */
		pt_set(f->mm, f->path.table[f->path.level], pt_last(&f->path),
		       *pt_last(&f->path) | PTE_W);
		if (page.gfn)
			mm_prepare_anon_id(f->mm, f->vma);
		if (page.gfn && !page.huge)
			reuse_around(f);
		return done(MV_FAULT_WP);
	}
	if (page.huge)
		return split_and_copy(f);
	if (page.gfn)
		return copy_private(f, page.gfn);
	return do_cow_fault(f, MV_FAULT_WP);
}

/* No entry: what stands behind the page, or shall? */
static struct mm_fault do_missing(struct fault *f)
{
	struct vma *vma = f->vma;
	struct object *obj = vma->vm_object;
	struct pagemap_entry page = { 0, false };

	if (vma->vm_flags & VM_HUGETLB)
		return mm_hugetlb_fault(f->mm, vma, f->gva, &f->path);
	if (vma_private(vma))
		page = pagemap_get(&f->mm->anon, index_of(f->gva));
	if (page.gfn)
		return do_remap(f, page);
	if (vma_is_anonymous(vma))
		return do_anonymous_page(f);
	/* do_cow_fault() begins with it, and ends where the file does */
	if (vma_private(vma) && f->access == MV_WRITE)
		mm_prepare_anon_id(f->mm, vma);
	if (!object_has_page(obj, vma_pgoff(vma, f->gva))) {
		object_refresh(obj);
		if (!object_has_page(obj, vma_pgoff(vma, f->gva)))
			return mm_fatal(SIGBUS, BUS_ADRERR);
	}
	if (obj->kind == OBJECT_ANON)
		return do_shared_anonymous(f);
	if (vma_private(vma) && f->access == MV_WRITE)
		return do_cow_fault(f, MV_FAULT_COW);
	return do_file_page(f);
}

/* access_error() of arch/x86/mm/fault.c. */
static bool allowed(const struct vma *vma, unsigned access)
{
	if (access == MV_READ) /* x86 has no write-only and no execute-only pages */
		return vma->vm_flags & VM_PROT;
	return vma->vm_flags & access;
}

static struct mm_fault handle(struct fault *f)
{
	uint64_t entry;

	f->vma = f->gva < MV_TASK_SIZE ? vma_find(f->mm, f->gva) : NULL;
	if (!f->vma ||
	    (f->gva < f->vma->vm_start && mm_expand_stack(f->mm, f->vma, f->gva)))
		return mm_fatal(SIGSEGV, SEGV_MAPERR);
	if (!allowed(f->vma, f->access))
		return mm_fatal(SIGSEGV, SEGV_ACCERR);
	if (guarded(f->mm, index_of(f->gva)))
		return mm_fatal(SIGSEGV, SEGV_MAPERR);
	pt_walk_pte(f->mm, f->gva, &f->path);
	entry = *pt_last(&f->path);
	if (!entry)
		return do_missing(f);
	if (pte_access(entry) & f->access)
		return done(MV_FAULT_SPURIOUS);
	if (f->access == MV_WRITE)
		return do_wp_page(f);
	/* readable entries are all there are, and mprotect keeps NX as the VMA has it */
	return host_error(-EIO);
}

PROBED struct mm_fault mm_serve_fault(struct mm *mm, gva_t gva, unsigned access, bool guest)
{
	struct fault f = {
		.mm = mm, .gva = gva & PAGE_MASK, .access = access, .guest = guest
	};
	struct mm_fault end;

	probe_fault_begin(gva, access, guest);
	end = handle(&f);
	for (unsigned effort = 0; end.signal == SIGKILL && effort < RECLAIM_EFFORTS;
	     effort++) {
		/* what the fault made before it failed may stand empty */
		mm_note_idle(mm, f.gva, f.gva + PAGE_SIZE);
		if (mm_reclaim_some(mm, effort) > 0)
			end = handle(&f);
	}
	/* as the access will: nothing takes the page back before it, as one never touched */
	if (end.kind != MV_FAULT_FATAL)
		__atomic_or_fetch(pt_last(&f.path), PTE_A, __ATOMIC_RELAXED);
	mm->count.faults[end.kind]++;
	mm->count.host_faults += !guest;
	mm->oom |= !guest && end.signal == SIGKILL;
	probe_fault_end(f.gva, end.kind, end.signal);
	return end;
}

struct mm_fault mm_handle_fault(struct mm *mm, gva_t gva, unsigned access, bool guest)
{
	if (unlikely(mm->events))
		return record_fault(mm, gva, access, guest);
	return mm_serve_fault(mm, gva, access, guest);
}

struct mm_fault mm_fault(struct mm *mm, gva_t gva, unsigned access)
{
	struct mm_fault end;

	pthread_mutex_lock(&mm->lock);
	end = mm_handle_fault(mm, gva, access, true);
	pthread_mutex_unlock(&mm->lock);
	return end;
}
