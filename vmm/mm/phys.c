/* SPDX-License-Identifier: MIT */
/* phys.c: arenas grown on demand, frames given out and taken back. See phys.h. */
#include "vmm/mm/phys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "vmm/mm/pte.h"
#include "vmm/observe/probes.h"

/*
 * First and largest size of a kind's arenas. Adding a slot costs the shadow host time and
 * memory in proportion to its size (0.7 ms a GiB), and about 0.1 ms at least: start
 * small, double.
 */
static const uint64_t arena_first[ARENA_KINDS] = { 4 << 20, 16 << 20, 32 << 20, 0 };
static const uint64_t arena_max[ARENA_KINDS] = { 64 << 20, 512 << 20, 1 << 30, 0 };

/* A drop costs about 0.1 ms and every page's refault: share it among many tables. */
#define QUARANTINE_MAX 512

static void *reserve(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static uint64_t chunks_size(const struct phys *phys)
{
	uint64_t n = (phys->end - PHYS_BASE) >> PMD_SHIFT;

	return n *
	       sizeof(phys->chunks[0]); /* NOLINT(bugprone-sizeof-expression): pointers */
}

int phys_init(struct phys *phys, const struct phys_ops *ops, void *ctx, gpa_t end,
	      uint64_t limit_bytes)
{
	struct rlimit files;

	*phys = (struct phys){ .ops = ops,
			       .ctx = ctx,
			       .lock = PTHREAD_MUTEX_INITIALIZER,
			       .end = min_u64(end, PHYS_LIMIT),
			       .next_gpa = PHYS_BASE,
			       .quarantine_max = QUARANTINE_MAX,
			       .limit = limit_bytes >> PAGE_SHIFT };
	memcpy(phys->grow, arena_first, sizeof(arena_first));
	if (!getrlimit(RLIMIT_NOFILE, &files))
		phys->max_files = (unsigned)min_u64(files.rlim_cur / 2, UINT32_MAX);
	phys->chunks = reserve(chunks_size(phys));
	return phys->chunks ? 0 : -ENOMEM;
}

int phys_serve(struct phys *phys, struct mv_error *err)
{
	return stage2_open(&phys->stage2, err);
}

static void unmap_arena(struct arena *a)
{
	munmap(a->raw, a->raw_size);
	munmap(a->frames, (a->size >> PAGE_SHIFT) * sizeof(*a->frames));
}

void phys_destroy(struct phys *phys)
{
	struct arena *a;

	stage2_close(phys->stage2);
	while ((a = phys->arenas)) {
		phys->arenas = a->next;
		unmap_arena(a);
		free(a);
	}
	for (unsigned i = 0; i < 32; i++)
		while ((a = phys->spare[i])) {
			phys->spare[i] = a->next;
			free(a);
		}
	munmap(phys->chunks, chunks_size(phys));
	pthread_mutex_destroy(&phys->lock);
}

static void set_chunks(struct phys *phys, const struct arena *a, struct arena *to)
{
	for (uint64_t i = 0; i < a->size >> PMD_SHIFT; i++)
		phys->chunks[((a->gpa - PHYS_BASE) >> PMD_SHIFT) + i] = to;
}

/* An arena's gpa and slot number: those of a deleted one of that size, or new ones. */
static struct arena *new_place(struct phys *phys, uint64_t size)
{
	struct arena **spare = &phys->spare[__builtin_ctzll(size) % 32], *a = *spare;

	if (a) {
		*spare = a->next;
		return a;
	}
	if (size > phys->end - phys->next_gpa) {
		errno = ENOMEM;
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->gpa = phys->next_gpa;
	a->size = size;
	a->slot = phys->nr_slots++;
	phys->next_gpa += size;
	return a;
}

static void free_place(struct phys *phys, struct arena *a)
{
	struct arena **spare = &phys->spare[__builtin_ctzll(a->size) % 32];

	a->next = *spare;
	*spare = a;
}

/* Reserve the arena's memory here, aligned to 2 MiB. */
static int map_arena(struct arena *a)
{
	a->raw_size = a->size + PMD_SIZE;
	a->raw = reserve(a->raw_size);
	if (!a->raw)
		return -ENOMEM;
	a->hva = (char *)align_up((uintptr_t)a->raw, PMD_SIZE);
	a->frames = reserve((a->size >> PAGE_SHIFT) * sizeof(*a->frames));
	if (a->frames)
		return 0;
	munmap(a->raw, a->raw_size);
	return -ENOMEM;
}

/* What the kind puts behind the arena's addresses. Tables are written under phys->lock. */
static int back_arena(const struct phys *phys, const struct arena *a, int fd,
		      uint64_t offset, int prot)
{
	bool huge = a->kind == ARENA_HUGE && !phys->stage2;

	if (a->kind == ARENA_ANON ||
	    a->kind == ARENA_HUGE) /* fails where the host has no THP: fine */
		madvise(a->hva, a->size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (a->kind != ARENA_TABLE && phys->stage2)
		return stage2_add(phys->stage2, a->hva, a->gpa, a->size, fd, offset, prot);
	if (a->kind == ARENA_FILE && mmap(a->hva, a->size, prot, MAP_SHARED | MAP_FIXED, fd,
					  (off_t)offset) == MAP_FAILED)
		return -errno;
	return 0;
}

/* Before its memory goes. */
static void unback_arena(const struct phys *phys, const struct arena *a)
{
	if (a->kind != ARENA_TABLE)
		stage2_remove(phys->stage2, a->hva);
}

/* Lock held. */
static struct arena *add_arena(struct phys *phys, enum arena_kind kind, uint64_t size,
			       int fd, uint64_t offset, int prot)
{
	struct arena *a = new_place(phys, size);
	int err;

	if (!a)
		return NULL;
	a->kind = kind;
	a->next_fresh = 0;
	err = map_arena(a);
	if (err)
		goto fail_place;
	err = back_arena(phys, a, fd, offset, prot);
	if (err)
		goto fail_map;
	err = phys->ops ? phys->ops->slot(phys->ctx, a->slot, a->gpa, size, a->hva) : 0;
	if (err)
		goto fail_back;
	a->next = phys->arenas;
	phys->arenas = a;
	set_chunks(phys, a, a);
	return a;

fail_back:
	unback_arena(phys, a);
fail_map:
	unmap_arena(a);
fail_place:
	free_place(phys, a);
	errno = -err;
	return NULL;
}

/* Lock held: whether `unit` more fresh frames can be had without another arena. */
static bool has_fresh(const struct phys *phys, enum arena_kind kind, unsigned unit)
{
	const struct arena *a = phys->fresh[kind];

	return a && a->next_fresh + unit <= a->size >> PAGE_SHIFT;
}

/* Lock held: the arena of a kind that has `unit` more fresh frames. */
static struct arena *fresh_arena(struct phys *phys, enum arena_kind kind, unsigned unit)
{
	struct arena *a;

	if (has_fresh(phys, kind, unit))
		return phys->fresh[kind];
	a = add_arena(phys, kind, phys->grow[kind], -1, 0, 0);
	if (!a)
		return NULL;
	phys->grow[kind] = min_u64(phys->grow[kind] * 2, arena_max[kind]);
	phys->fresh[kind] = a;
	return a;
}

/* Lock held: up to `want` fresh frames in multiples of `unit`. */
static gfn_t take_fresh(struct phys *phys, enum arena_kind kind, unsigned unit,
			unsigned want, unsigned *got)
{
	struct arena *a = fresh_arena(phys, kind, unit);
	gfn_t gfn;

	if (!a)
		return 0;
	gfn = (gfn_t)(a->gpa >> PAGE_SHIFT) + a->next_fresh;
	*got = (unsigned)min_u64(want, (a->size >> PAGE_SHIFT) - a->next_fresh);
	a->next_fresh += *got;
	return gfn;
}

/* Lock held. */
static gfn_t pop(struct phys *phys, gfn_t *list)
{
	gfn_t gfn = *list;

	if (gfn) {
		struct frame *f = phys_frame(phys, gfn);

		*list = f->next;
		f->next = 0;
	}
	return gfn;
}

/* Lock held. */
static void push(struct phys *phys, gfn_t *list, gfn_t gfn)
{
	struct frame *f = phys_frame(phys, gfn);

	f->refs = 0;
	f->lazyfree = f->written = false;
	f->next = *list;
	*list = gfn;
}

/* Lock held. */
static void push_split(struct phys *phys, gfn_t gfn)
{
	push(phys, &phys->split, gfn);
	phys->nr_split++;
	phys->new_split++;
}

/* What the host refuses here costs memory or time, nothing else. */
void phys_set_huge(struct phys *phys, gfn_t gfn, bool huge)
{
	if (!phys->stage2)
		madvise(phys_hva(phys, gfn_gpa(gfn)), PMD_SIZE,
			huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

static uint64_t chunk_of(gfn_t gfn)
{
	return (gfn_gpa(gfn) - PHYS_BASE) >> PMD_SHIFT;
}

/* Lock held: those frames of the split list that make up whole 2 MiB become 2 MiB again. */
static void join_whole(struct phys *phys, const uint16_t *parts)
{
	gfn_t *at = &phys->split, gfn;

	while ((gfn = *at)) {
		struct frame *f = phys_frame(phys, gfn);

		if (parts[chunk_of(gfn)] < PMD_PAGES) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		f->next = 0;
		phys->nr_split--;
		if (gfn % PMD_PAGES == 0)
			push(phys, &phys->free[ARENA_HUGE], gfn);
	}
}

/*
 * Lock held: without it, memory that is split and freed again and again would take ever new
 * arenas. A search that half of the list paid for: its cost is spread over what was freed.
 */
static void join_split(struct phys *phys)
{
	uint16_t *parts;

	if (phys->nr_split < PMD_PAGES || phys->new_split < phys->nr_split / 2)
		return;
	phys->new_split = 0;
	parts = calloc((phys->next_gpa - PHYS_BASE) >> PMD_SHIFT, sizeof(*parts));
	if (!parts)
		return;
	for (gfn_t gfn = phys->split; gfn; gfn = phys_frame(phys, gfn)->next)
		parts[chunk_of(gfn)]++;
	join_whole(phys, parts);
	free(parts);
}

/*
 * Lock held: up to `want` adjoining ones from the head of a list; as a rule the next on it
 * adjoins, for they were freed together.
 */
static gfn_t pop_run(struct phys *phys, gfn_t *list, unsigned want, unsigned *got)
{
	gfn_t gfn = pop(phys, list);

	if (!gfn)
		return 0;
	for (*got = 1;
	     *got < want && *list == gfn + *got &&
	     phys_arena(phys, gfn_gpa(gfn + *got)) == phys_arena(phys, gfn_gpa(gfn));
	     ++*got)
		pop(phys, list);
	return gfn;
}

/* Lock held. Parts of 2 MiB come last: as long as they are free, they can be whole again. */
static gfn_t take_anon(struct phys *phys, unsigned want, unsigned *got)
{
	gfn_t gfn = pop_run(phys, &phys->free[ARENA_ANON], want, got);

	if (!gfn && !has_fresh(phys, ARENA_ANON, 1)) {
		gfn = pop_run(phys, &phys->split, want, got);
		phys->nr_split -= *got;
	}
	return gfn ? gfn : take_fresh(phys, ARENA_ANON, 1, want, got);
}

/* Lock held: freed tables' memory goes back to the host, run by run. */
static void trim(struct phys *phys)
{
	gfn_t gfn;
	unsigned n;

	while ((gfn = pop_run(phys, &phys->free[ARENA_TABLE], PMD_PAGES, &n))) {
		/* what the host would not take back stays charged, and is lost */
		bool kept = madvise(phys_hva(phys, gfn_gpa(gfn)), (uint64_t)n << PAGE_SHIFT,
				    MADV_DONTNEED);

		phys->nr_free_tables -= n;
		phys->charged -= kept ? 0 : n;
		while (n && !kept)
			push(phys, &phys->cold_tables, gfn + --n);
	}
}

void phys_trim(struct phys *phys)
{
	pthread_mutex_lock(&phys->lock);
	trim(phys);
	pthread_mutex_unlock(&phys->lock);
}

/* Lock held. What is freed but has memory still makes room. */
static bool has_room(struct phys *phys, uint64_t n)
{
	if (phys->nr_free_tables && phys->charged + n > phys->limit)
		trim(phys);
	return n <= phys->limit && phys->charged <= phys->limit - n;
}

uint64_t phys_spare(const struct phys *phys)
{
	uint64_t most = phys->limit - phys->limit / 8;

	return phys->charged < most ? most - phys->charged : 0;
}

bool phys_can_charge(struct phys *phys, uint64_t n)
{
	bool ok;

	pthread_mutex_lock(&phys->lock);
	ok = has_room(phys, n);
	pthread_mutex_unlock(&phys->lock);
	return ok;
}

/* Charge n pages to the limit and to what they are for; `always`: whatever the limit. */
static int charge(struct phys *phys, uint64_t *what, uint64_t n, bool always)
{
	bool ok;

	pthread_mutex_lock(&phys->lock);
	ok = always || has_room(phys, n);
	phys->charged += ok ? n : 0;
	*what += ok ? n : 0;
	pthread_mutex_unlock(&phys->lock);
	return ok ? 0 : -ENOMEM;
}

static void uncharge(struct phys *phys, uint64_t *what, uint64_t n)
{
	pthread_mutex_lock(&phys->lock);
	phys->charged -= n;
	*what -= n;
	pthread_mutex_unlock(&phys->lock);
}

int phys_charge(struct phys *phys, uint64_t n)
{
	return charge(phys, &phys->foreign, n, false);
}

void phys_uncharge(struct phys *phys, uint64_t n)
{
	uncharge(phys, &phys->foreign, n);
}

int phys_promise(struct phys *phys, uint64_t n)
{
	return charge(phys, &phys->promised, n, false);
}

void phys_promise_again(struct phys *phys, uint64_t n)
{
	charge(phys, &phys->promised, n, true);
}

void phys_unpromise(struct phys *phys, uint64_t n)
{
	uncharge(phys, &phys->promised, n);
}

gfn_t phys_alloc_anon(struct phys *phys, unsigned want, unsigned *got)
{
	gfn_t gfn = 0;

	*got = 0;
	pthread_mutex_lock(&phys->lock);
	if (has_room(phys, 1)) {
		want = (unsigned)min_u64(want, phys->limit - phys->charged);
		gfn = take_anon(phys, want, got);
		if (gfn) {
			phys->charged += *got;
			phys->reserved += *got;
			probe_frame_alloc(gfn, *got);
		}
	}
	pthread_mutex_unlock(&phys->lock);
	return gfn;
}

/* Lock held. */
static PROBED gfn_t take_huge(struct phys *phys)
{
	unsigned got = PMD_PAGES;
	gfn_t gfn;

	if (!phys->free[ARENA_HUGE] && !has_fresh(phys, ARENA_HUGE, PMD_PAGES))
		join_split(phys);
	gfn = pop(phys, &phys->free[ARENA_HUGE]);
	if (gfn) /* it may have been split */
		phys_set_huge(phys, gfn, true);
	else
		gfn = take_fresh(phys, ARENA_HUGE, PMD_PAGES, PMD_PAGES, &got);
	if (gfn) {
		phys->reserved += PMD_PAGES;
		probe_huge_alloc(gfn);
	}
	return gfn;
}

gfn_t phys_alloc_huge(struct phys *phys)
{
	gfn_t gfn = 0;

	pthread_mutex_lock(&phys->lock);
	if (has_room(phys, PMD_PAGES))
		gfn = take_huge(phys);
	phys->charged += gfn ? PMD_PAGES : 0;
	pthread_mutex_unlock(&phys->lock);
	return gfn;
}

gfn_t phys_alloc_promised_huge(struct phys *phys)
{
	gfn_t gfn;

	pthread_mutex_lock(&phys->lock);
	gfn = take_huge(phys);
	phys->promised -= gfn ? PMD_PAGES : 0;
	pthread_mutex_unlock(&phys->lock);
	return gfn;
}

/* Lock held: a zeroed page of ARENA_TABLE; one that has memory first. */
static gfn_t take_table(struct phys *phys)
{
	gfn_t gfn = pop(phys, &phys->free[ARENA_TABLE]);
	unsigned got;

	if (gfn) {
		phys->nr_free_tables--;
		memset(phys_hva(phys, gfn_gpa(gfn)), 0, PAGE_SIZE);
		return gfn;
	}
	if (!has_room(phys, 1))
		return 0;
	gfn = pop(phys, &phys->cold_tables);
	if (!gfn)
		gfn = take_fresh(phys, ARENA_TABLE, 1, 1, &got);
	phys->charged += gfn != 0;
	return gfn;
}

gfn_t phys_alloc_table(struct phys *phys)
{
	gfn_t gfn;

	if (phys->nr_quarantine >= phys->quarantine_max ||
	    (phys->nr_quarantine && phys->charged >= phys->limit))
		phys_drop(phys);
	pthread_mutex_lock(&phys->lock);
	gfn = take_table(phys);
	pthread_mutex_unlock(&phys->lock);
	return gfn;
}

gfn_t phys_alloc_node(struct phys *phys)
{
	gfn_t gfn;

	pthread_mutex_lock(&phys->lock);
	gfn = take_table(phys);
	phys->nodes += gfn != 0;
	pthread_mutex_unlock(&phys->lock);
	return gfn;
}

void phys_free_node(struct phys *phys, gfn_t gfn)
{
	pthread_mutex_lock(&phys->lock);
	push(phys, &phys->free[ARENA_TABLE], gfn);
	phys->nr_free_tables++;
	phys->nodes--;
	pthread_mutex_unlock(&phys->lock);
}

void phys_free_anon(struct phys *phys, gfn_t gfn, unsigned n)
{
	struct arena *a = phys_arena(phys, gfn_gpa(gfn));

	pthread_mutex_lock(&phys->lock);
	phys->charged -= n;
	phys->reserved -= n;
	probe_frame_free(gfn, n);
	while (n) /* from the end: the lowest is given out first, runs stay runs */
		if (a->kind == ARENA_HUGE && n >= PMD_PAGES && (gfn + n) % PMD_PAGES == 0) {
			n -= PMD_PAGES;
			push(phys, &phys->free[ARENA_HUGE], gfn + n);
		} else if (a->kind == ARENA_HUGE) {
			push_split(phys, gfn + --n);
		} else {
			push(phys, &phys->free[ARENA_ANON], gfn + --n);
		}
	pthread_mutex_unlock(&phys->lock);
}

void phys_free_table(struct phys *phys, gfn_t gfn)
{
	pthread_mutex_lock(&phys->lock);
	push(phys, &phys->quarantine, gfn);
	phys->nr_quarantine++;
	pthread_mutex_unlock(&phys->lock);
}

/* Lock held, after every translation was dropped. */
static void release_quarantine(struct phys *phys)
{
	gfn_t gfn;

	while ((gfn = pop(phys, &phys->quarantine)))
		push(phys, &phys->free[ARENA_TABLE], gfn);
	phys->nr_free_tables += phys->nr_quarantine;
	phys->nr_quarantine = 0;
	phys->drops++;
}

int phys_drop(struct phys *phys)
{
	int err;

	pthread_mutex_lock(&phys->lock);
	err = phys->ops ? phys->ops->drop(phys->ctx) : 0;
	if (!err)
		release_quarantine(phys);
	pthread_mutex_unlock(&phys->lock);
	return err;
}

struct arena *phys_add_window(struct phys *phys, int fd, uint64_t offset, uint64_t size,
			      bool writable)
{
	struct arena *a;

	pthread_mutex_lock(&phys->lock);
	a = add_arena(phys, ARENA_FILE, size, fd, offset,
		      PROT_READ | (writable ? PROT_WRITE : 0));
	pthread_mutex_unlock(&phys->lock);
	return a;
}

void phys_del_window(struct phys *phys, struct arena *arena)
{
	struct arena **p = &phys->arenas;

	pthread_mutex_lock(&phys->lock);
	while (*p != arena)
		p = &(*p)->next;
	*p = arena->next;
	set_chunks(phys, arena, NULL);
	if (!phys->ops ||
	    !phys->ops->slot(phys->ctx, arena->slot, arena->gpa, 0, arena->hva))
		release_quarantine(phys);
	unback_arena(phys, arena);
	unmap_arena(arena);
	free_place(phys, arena);
	pthread_mutex_unlock(&phys->lock);
}
