/* SPDX-License-Identifier: MIT */
/* gather.c: flushing, gathered and done once. See gather.h for the contract. */
#include "vmm/mm/gather.h"

#include <errno.h>
#include <sys/mman.h>

/* Two mprotect calls a run beside one drop of everything and the refaults it costs. */
#define KEEP_RUNS_MAX 16

void gather_init(struct gather *g, struct phys *phys)
{
	g->phys = phys;
	g->nr = 0;
	g->drop = false;
	g->err = 0;
}

/* Translations that may be stale now: the sandbox must not go on. See phys->broken. */
static void note_error(struct gather *g, int err)
{
	if (!err)
		return;
	g->err = g->err ? g->err : err;
	g->phys->broken = g->phys->broken ? g->phys->broken : err;
}

static enum arena_kind run_kind(const struct gather *g, const struct gather_run *r)
{
	return phys_arena(g->phys, (gpa_t)r->gfn << PAGE_SHIFT)->kind;
}

/*
 * An MMU-notifier event that keeps the content. A file's window is zapped: the page
 * cache has the pages. Private anonymous memory would be freed by that; changing its protection
 * and back is an event, too.
 */
static int notify(char *hva, uint64_t size, enum arena_kind kind)
{
	if (kind == ARENA_FILE)
		return madvise(hva, size, MADV_DONTNEED) ? -errno : 0;
	if (mprotect(hva, size, PROT_READ) || mprotect(hva, size, PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

static bool too_many_keeps(const struct gather *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->nr; i++)
		n += !g->runs[i].free && run_kind(g, &g->runs[i]) != ARENA_FILE;
	return n > KEEP_RUNS_MAX;
}

/* The memory goes back to the host. Where that is refused nobody else gets the frames. */
static void free_run(struct gather *g, const struct gather_run *r, char *hva, uint64_t size)
{
	if (madvise(hva, size, MADV_DONTNEED)) {
		note_error(g, -errno);
		return;
	}
	phys_free_anon(g->phys, r->gfn, r->pages);
	g->phys->flush_free++;
}

static void flush(struct gather *g)
{
	bool dropped = g->drop || too_many_keeps(g);

	if (dropped)
		note_error(g, phys_drop(g->phys));
	for (unsigned i = 0; i < g->nr; i++) {
		struct gather_run *r = &g->runs[i];
		char *hva = phys_hva(g->phys, (gpa_t)r->gfn << PAGE_SHIFT);
		uint64_t size = (uint64_t)r->pages << PAGE_SHIFT;

		if (r->free) {
			free_run(g, r, hva, size);
		} else if (!dropped) {
			note_error(g, notify(hva, size, run_kind(g, r)));
			g->phys->flush_keep++;
		}
	}
	g->nr = 0;
	g->drop = false;
}

static void add_run(struct gather *g, gfn_t gfn, unsigned pages, bool free)
{
	struct gather_run *r = g->nr ? &g->runs[g->nr - 1] : NULL;

	if (r && r->free == free &&
	    phys_arena(g->phys, (gpa_t)r->gfn << PAGE_SHIFT) ==
		    phys_arena(g->phys, (gpa_t)gfn << PAGE_SHIFT)) {
		if (r->gfn + r->pages == gfn) {
			r->pages += pages;
			return;
		}
		if (gfn + pages == r->gfn) {
			r->gfn = gfn;
			r->pages += pages;
			return;
		}
	}
	if (g->nr == GATHER_RUNS)
		flush(g);
	g->runs[g->nr++] = (struct gather_run){ gfn, pages, free };
}

void gather_keep(struct gather *g, gfn_t gfn, unsigned pages)
{
	add_run(g, gfn, pages, false);
}

void gather_put(struct gather *g, struct pagemap_entry was, bool touched)
{
	unsigned pages = was.huge ? PMD_PAGES : 1;
	struct frame *f;

	if (!was.gfn)
		return;
	f = phys_frame(g->phys, was.gfn);
	if (--f->refs) {
		if (touched)
			gather_keep(g, was.gfn, pages);
	} else if (touched) {
		add_run(g, was.gfn, pages, true);
	} else {
		phys_free_anon(g->phys, was.gfn, pages);
	}
}

void gather_table(struct gather *g, gfn_t gfn)
{
	phys_free_table(g->phys, gfn);
}

void gather_drop(struct gather *g)
{
	g->drop = true;
}

int gather_finish(struct gather *g)
{
	if (g->nr || g->drop)
		flush(g);
	return g->err;
}
