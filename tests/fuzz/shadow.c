/* SPDX-License-Identifier: MIT */
/* shadow.c: see shadow.h. */
#include "tests/fuzz/shadow.h"

#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

struct page *shadow_page(struct shadow *s, gva_t gva)
{
	if (gva < REGION || gva >= REGION + PAGES * PAGE_SIZE)
		return NULL;
	return &s->page[(gva - REGION) >> PAGE_SHIFT];
}

/* The last page of [start, start + len), as far as the region goes, and one. */
static gva_t end_of(gva_t start, uint64_t len)
{
	gva_t end = REGION + PAGES * PAGE_SIZE;

	return start >= end || len >= end - start ? end : page_align(start + len);
}

void shadow_set(struct shadow *s, gva_t start, uint64_t len, enum owner owner)
{
	gva_t end = end_of(start, len);

	for (gva_t at = max_u64(start & PAGE_MASK, REGION); at < end; at += PAGE_SIZE)
		*shadow_page(s, at) = (struct page){ .owner = owner };
}

/* The pages of [start, start + len) that an owner has became zero, or some of them did. */
static void become_zero(struct shadow *s, gva_t start, uint64_t len, enum owner owner,
			bool surely)
{
	gva_t end = end_of(start, len);

	for (gva_t at = max_u64(start & PAGE_MASK, REGION); at < end; at += PAGE_SIZE) {
		struct page *page = shadow_page(s, at);

		if (page->owner != owner)
			continue;
		page->maybe_zero = !surely;
		if (surely)
			memset(page->byte, 0, sizeof(page->byte));
	}
}

static void set_guarded(struct shadow *s, gva_t start, uint64_t len, bool guarded)
{
	gva_t end = end_of(start, len);

	for (gva_t at = max_u64(start & PAGE_MASK, REGION); at < end; at += PAGE_SIZE)
		shadow_page(s, at)->guarded = guarded;
}

/* Of a page that was written in part: is the rest of it what it was, or zero for good? */
static void settle(struct shadow *s, gva_t at, struct page *page, uint64_t written)
{
	unsigned char read[SHADOW_BYTES];
	bool zero = false;

	must(!mm_peek(s->mm, read, at, sizeof(read)), "%#lx was mapped", at);
	for (unsigned i = 0; i < SHADOW_BYTES; i++)
		zero |= !(written >> i & 1) && read[i] != page->byte[i];
	for (unsigned i = 0; zero && i < SHADOW_BYTES; i++)
		if (!(written >> i & 1))
			page->byte[i] = 0;
	page->maybe_zero = false;
	must(!memcmp(read, page->byte, sizeof(read)), "%#lx after MADV_FREE and a write",
	     at);
}

void shadow_write(struct shadow *s, gva_t gva, uint64_t n, unsigned char value)
{
	must(!n || gva < MV_TASK_SIZE, "%lu bytes written at %#lx", n, gva);
	for (gva_t at = gva & PAGE_MASK; n && at < gva + n; at += PAGE_SIZE) {
		struct page *page = shadow_page(s, at);
		uint64_t written = 0;

		if (!page)
			continue;
		must(!page->guarded, "%#lx is guarded, and was written", at);
		for (unsigned i = 0; i < SHADOW_BYTES; i++)
			if (at + i >= gva && at + i < gva + n) {
				page->byte[i] = value;
				written |= 1u << i;
			}
		if (page->owner && page->maybe_zero)
			settle(s, at, page, written);
	}
}

/* len bytes of the page, from `offset` on, were read. */
static void compare_page(struct page *page, gva_t at, unsigned offset,
			 const unsigned char *read, unsigned len)
{
	if (page->maybe_zero && memcmp(page->byte + offset, read, len)) {
		/* it went, then, all of it */
		page->maybe_zero = false;
		memset(page->byte, 0, sizeof(page->byte));
	}
	for (unsigned i = 0; i < len; i++)
		must(read[i] == page->byte[offset + i], "%#lx reads %#x, %#x was written",
		     at + offset + i, read[i], page->byte[offset + i]);
}

/* n bytes were read at gva, by an access or (peek) by the truth. */
static void compare(struct shadow *s, gva_t gva, const unsigned char *read, uint64_t n,
		    bool peek)
{
	must(!n || gva < MV_TASK_SIZE, "%lu bytes read at %#lx", n, gva);
	for (gva_t at = gva & PAGE_MASK; n && at < gva + n; at += PAGE_SIZE) {
		struct page *page = shadow_page(s, at);
		gva_t from = max_u64(at, gva), to = min_u64(at + SHADOW_BYTES, gva + n);

		if (!page)
			continue;
		must(peek || !page->guarded, "%#lx is guarded, and was read", at);
		if (page->owner && from < to)
			compare_page(page, at, (unsigned)(from - at), read + (from - gva),
				     (unsigned)(to - from));
	}
}

void shadow_compare(struct shadow *s, gva_t gva, const unsigned char *read, uint64_t n)
{
	compare(s, gva, read, n, false);
}

void shadow_compare_truth(struct shadow *s, gva_t gva, const unsigned char *read,
			  uint64_t n)
{
	compare(s, gva, read, n, true);
}

bool shadow_written(const struct page *page)
{
	uint64_t all;

	_Static_assert(sizeof(all) == sizeof(page->byte), "one number");
	memcpy(&all, page->byte, sizeof(all));
	return all;
}

/* It is mapped, and in no frame: it can be nothing but zero. That is most of them, so it is quick. */
static bool is_zero(struct shadow *s, gva_t at, const struct page *page)
{
	return (page->owner == PRIVATE || page->owner == HUGE_PRIVATE) &&
	       !shadow_written(page) && vma_lookup(s->mm, at) &&
	       !pagemap_get(&s->mm->anon, at >> PAGE_SHIFT).gfn;
}

void shadow_compare_all(struct shadow *s)
{
	unsigned char read[SHADOW_BYTES];

	for (gva_t at = REGION; at < REGION + PAGES * PAGE_SIZE; at += PAGE_SIZE)
		if (shadow_page(s, at)->owner && !is_zero(s, at, shadow_page(s, at))) {
			must(!mm_peek(s->mm, read, at, sizeof(read)), "%#lx was mapped",
			     at);
			compare(s, at, read, sizeof(read), true);
		}
}

/* ---- advice */

/* Blocks of MAP_HUGETLB must lie in the range whole: an advice for less is refused, or not for them. */
static void huge_become_zero(struct shadow *s, gva_t addr, uint64_t len, bool surely)
{
	gva_t from = align_up(addr, PMD_SIZE), to = (addr + len) & PMD_MASK;

	if (from >= addr && to > from)
		become_zero(s, from, to - from, HUGE_PRIVATE, surely);
}

void shadow_guard(struct shadow *s, gva_t start, uint64_t len)
{
	set_guarded(s, start, len, true);
}

void shadow_advise(struct shadow *s, gva_t addr, uint64_t len, int behavior, bool all)
{
	switch (behavior) {
	case MV_MADV_GUARD_INSTALL:
		become_zero(s, addr, len, PRIVATE, all);
		break;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		become_zero(s, addr, len, PRIVATE, all);
		huge_become_zero(s, addr, len, all);
		break;
	case MADV_FREE:
		become_zero(s, addr, len, PRIVATE, false);
		break;
	case MADV_REMOVE:
		become_zero(s, addr, len, SHARED, all);
		become_zero(s, addr, len, HUGE_SHARED, all);
		break;
	case MV_MADV_GUARD_REMOVE:
		set_guarded(s, addr, len, false);
		break;
	default:
		break;
	}
}

/* ---- moves */

/* The object that is mapped at gva can be reached at several addresses from now on. */
static void alias(struct shadow *s, gva_t gva)
{
	const struct object *obj = vma_lookup(s->mm, gva)->vm_object;

	for (struct vma *v = vma_find(s->mm, 0); v; v = vma_next(v))
		for (gva_t at = max_u64(v->vm_start, REGION);
		     v->vm_object == obj && at < v->vm_end && shadow_page(s, at);
		     at += PAGE_SIZE)
			shadow_page(s, at)->owner = UNKNOWN;
}

/* What the pages of [from, from + len) were, to where they are now. */
static void move(struct shadow *s, gva_t from, gva_t to, uint64_t len,
		 const struct page *pages)
{
	gva_t end = end_of(to, len);

	for (gva_t at = max_u64(to, REGION); at < end; at += PAGE_SIZE) {
		gva_t was = from + (at - to);

		*shadow_page(s, at) = shadow_page(s, was)
					      ? pages[(was - REGION) >> PAGE_SHIFT]
					      : (struct page){ .owner = UNKNOWN };
	}
}

/* After MREMAP_DONTUNMAP: the old place is still mapped, without its private pages. */
static void leave_empty(struct shadow *s, gva_t start, uint64_t len)
{
	gva_t end = end_of(start, len);

	for (gva_t at = max_u64(start, REGION); at < end; at += PAGE_SIZE) {
		enum owner owner = shadow_page(s, at)->owner;

		if (owner == SHARED)
			alias(s, at);
		*shadow_page(s, at) =
			(struct page){ .owner = owner == PRIVATE ? PRIVATE : UNKNOWN };
	}
}

void shadow_mremap(struct shadow *s, gva_t addr, uint64_t old_len, gva_t to,
		   uint64_t new_len, bool dontunmap)
{
	static struct page was[PAGES];
	const struct page *last;
	enum owner owner;

	memcpy(was, s->page, sizeof(was));
	last = old_len ? shadow_page(s, addr + old_len - 1) : NULL;
	owner = last && last->owner == PRIVATE ? PRIVATE : UNKNOWN;
	if (!dontunmap)
		shadow_set(s, addr, old_len, UNKNOWN);
	move(s, addr, to, min_u64(old_len, new_len), was);
	if (dontunmap)
		leave_empty(s, addr, old_len);
	if (new_len > old_len)
		shadow_set(s, to + old_len, new_len - old_len, owner);
	if (!old_len)
		alias(s, to);
}
