/* SPDX-License-Identifier: MIT */
/*
 * soak.c: maps, touches, protects, unmaps and frees at random for SECONDS: anonymous memory,
 * blocks of 2 MiB, shared memory, a file privately and shared, the heap. What it holds at a
 * time is bounded, so whoever runs it must not grow. Each page of memory that is no file's is
 * zero or holds its own address.
 */
#include "guest/rt.h"

#define REGIONS 32
#define REGION_PAGES 2048 /* 8 MiB */
#define HEAP_MAX (8 * MIB)
#define NS_PER_SECOND 1000000000ul
#define OPS_PER_CLOCK 64

enum kind {
	ANON,
	BLOCKS, /* touched from end to end, so that 2 MiB leaves come about */
	SHARED,
	FILE_PRIVATE,
	FILE_SHARED,
	KINDS
};

static struct region {
	enum kind kind;
	char *start; /* NULL: none */
	size_t pages;
	bool readable, writable;
} regions[REGIONS];

static int fd;
static size_t file_pages;
static char *heap_start, *heap_end;
static unsigned long ops, state;

/* xorshift64: the same run again with the same seed. */
static unsigned long random_below(unsigned long n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

static bool is_file(const struct region *r)
{
	return r->kind == FILE_PRIVATE || r->kind == FILE_SHARED;
}

static void check_page(char *p)
{
	unsigned long found = *(unsigned long *)p;

	if (found && found != (unsigned long)p)
		die(0, "the page at %p holds %lx", p, found);
	*(unsigned long *)p = (unsigned long)p;
}

/* A file's page is written with what it may hold anyway: its last byte counts nothing. */
static void touch(const struct region *r, size_t page)
{
	char *p = r->start + page * PAGE_SIZE;

	if (r->writable && is_file(r))
		p[PAGE_SIZE - 1] = (char)ops;
	else if (r->writable)
		check_page(p);
	else if (r->readable)
		(void)*(volatile char *)p;
}

static void touch_some(const struct region *r)
{
	for (unsigned long n = random_below(32); n; n--)
		touch(r, random_below(r->pages));
}

static void touch_through(const struct region *r)
{
	size_t from = random_below(r->pages), n = random_below(r->pages - from);

	for (size_t i = from; i < from + n; i++)
		touch(r, i);
}

static void map(struct region *r)
{
	static const int flags[KINDS] = {
		[ANON] = MAP_PRIVATE | MAP_ANONYMOUS,
		[BLOCKS] = MAP_PRIVATE | MAP_ANONYMOUS,
		[SHARED] = MAP_SHARED | MAP_ANONYMOUS,
		[FILE_PRIVATE] = MAP_PRIVATE,
		[FILE_SHARED] = MAP_SHARED,
	};

	r->kind = random_below(KINDS);
	r->pages = 1 + random_below(r->kind == BLOCKS ? REGION_PAGES : 256);
	if (is_file(r) && r->pages > file_pages)
		r->pages = file_pages;
	r->readable = r->writable = true;
	r->start = must_map(NULL, r->pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    flags[r->kind], is_file(r) ? fd : -1);
	if (r->kind == BLOCKS)
		touch_through(r);
}

/* From one side, the other, or all: what is left is one piece. */
static void unmap(struct region *r)
{
	size_t n = random_below(3) ? r->pages : 1 + random_below(r->pages);
	bool head = random_below(2);
	long err = sys_munmap(head ? r->start : r->start + (r->pages - n) * PAGE_SIZE,
			      n * PAGE_SIZE);

	if (err)
		die(err, "cannot unmap %lu pages", n);
	if (head)
		r->start += n * PAGE_SIZE;
	r->pages -= n;
	if (!r->pages)
		r->start = NULL;
}

static void protect(char *start, size_t pages, int prot)
{
	long err = sys_mprotect(start, pages * PAGE_SIZE, prot);

	if (err)
		die(err, "cannot protect %lu pages", pages);
}

/* A part is taken away and given back, which cuts VMAs and joins them; then all of it. */
static void protect_some(struct region *r)
{
	size_t from = random_below(r->pages), n = 1 + random_below(r->pages - from);
	unsigned long prot = random_below(4);

	protect(r->start + from * PAGE_SIZE, n, PROT_NONE);
	protect(r->start + from * PAGE_SIZE, n, PROT_READ);
	r->readable = prot > 0;
	r->writable = prot > 1;
	protect(r->start, r->pages,
		(r->readable ? PROT_READ : 0) | (r->writable ? PROT_WRITE : 0));
}

static void move_heap(void)
{
	char *to = heap_start + random_below(HEAP_MAX / PAGE_SIZE) * PAGE_SIZE;

	if ((char *)sys_brk(to) != to)
		die(0, "cannot move the break to %p", to);
	for (char *p = heap_end; p < to; p += PAGE_SIZE) {
		if (*p)
			die(0, "the heap's page at %p is not zero", p);
		*p = 1;
	}
	heap_end = to;
}

static void do_something(void)
{
	struct region *r = &regions[random_below(REGIONS)];

	ops++;
	if (!random_below(64))
		move_heap();
	else if (!r->start)
		map(r);
	else if (!random_below(4))
		unmap(r);
	else if (!random_below(4))
		protect_some(r);
	else if (!random_below(4))
		touch_through(r);
	else
		touch_some(r);
}

static void free_all(void)
{
	for (size_t i = 0; i < REGIONS; i++)
		if (regions[i].start)
			sys_munmap(regions[i].start, regions[i].pages * PAGE_SIZE);
	sys_brk(heap_start);
}

int main(int argc, char **argv)
{
	size_t size, seconds = argc > 2 ? parse_size(argv[2]) : 0;
	uint64_t end;

	state = argc > 3 ? parse_size(argv[3]) : 1;
	if (argc < 3 || argc > 4 || !seconds || !state)
		usage("FILE SECONDS [SEED]");
	fd = must_open(argv[1], O_RDWR, &size);
	file_pages = size / PAGE_SIZE;
	if (!file_pages)
		die(0, "%s: shorter than a page", argv[1]);
	heap_start = (char *)PAGE_ALIGN(sys_brk(NULL));
	heap_end = heap_start;
	if ((char *)sys_brk(heap_start) != heap_start)
		die(0, "cannot move the break to %p", heap_start);
	end = now_ns() + seconds * NS_PER_SECOND;
	while (now_ns() < end)
		for (int i = 0; i < OPS_PER_CLOCK; i++)
			do_something();
	free_all();
	say("operations %lu\n", ops);
	return 0;
}
