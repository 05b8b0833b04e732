/* SPDX-License-Identifier: MIT */
/* pagemap.c: the radix tree of pagemap.h. */
#include "vmm/mm/pagemap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define SLAB_SIZE (256u << 10)
#define HUGE_TAG 1u /* in a slot of level 2: a 2 MiB frame, not a node */

/*
 * A slot holds a node's address, at level 2 perhaps a gfn << 1 | HUGE_TAG instead, and at
 * level 1 a gfn.
 */
struct pagemap_node {
	uint64_t used;		       /* slots that are not 0; on the free list: unused */
	uint64_t slot[PTRS_PER_TABLE]; /* on the free list, slot[0] is the next */
};

struct pagemap_slab {
	struct pagemap_slab *next;
	uint64_t cut; /* bytes given out, this header included */
};

void pagemap_init(struct pagemap *map)
{
	*map = (struct pagemap){ 0 };
}

void pagemap_destroy(struct pagemap *map)
{
	struct pagemap_slab *s;

	while ((s = map->slabs)) {
		map->slabs = s->next;
		munmap(s, SLAB_SIZE);
	}
	pagemap_init(map);
}

static struct pagemap_node *new_node(struct pagemap *map)
{
	struct pagemap_slab *s = map->slabs;
	struct pagemap_node *n = map->free;

	if (n) {
		map->free = (struct pagemap_node *)(uintptr_t)n->slot[0];
		memset(n, 0, sizeof(*n));
		return n;
	}
	if (!s || s->cut + sizeof(*n) > SLAB_SIZE) {
		s = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (s == MAP_FAILED)
			return NULL;
		s->next = map->slabs;
		s->cut = sizeof(*s);
		map->slabs = s;
	}
	n = (struct pagemap_node *)((char *)s + s->cut);
	s->cut += sizeof(*n);
	return n;
}

static void free_node(struct pagemap *map, struct pagemap_node *n)
{
	if (map->last && n == map->last)
		map->last = NULL;
	n->slot[0] = (uintptr_t)map->free;
	map->free = n;
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return index >> (TABLE_SHIFT * (level - 1)) & (PTRS_PER_TABLE - 1);
}

static struct pagemap_node *node_of(uint64_t slot)
{
	return (struct pagemap_node *)(uintptr_t)slot;
}

/* The node at `level` that covers index, made where missing if alloc; NULL else. */
static struct pagemap_node *descend(struct pagemap *map, uint64_t index, unsigned level,
				    bool alloc)
{
	struct pagemap_node *n = map->root, *child;

	if (!n && (!alloc || !(n = map->root = new_node(map))))
		return NULL;
	for (unsigned l = LEVEL_PGD; l > level; l--) {
		uint64_t *slot = &n->slot[slot_of(index, l)];

		if (*slot & HUGE_TAG)
			return NULL;
		if (!*slot) {
			if (!alloc || !(child = new_node(map)))
				return NULL;
			*slot = (uintptr_t)child;
			n->used++;
		}
		n = node_of(*slot);
	}
	return n;
}

static uint64_t base_of(uint64_t index)
{
	return index & ~(uint64_t)(PTRS_PER_TABLE - 1);
}

/* The lowest node for index, if it is the one used last. */
static struct pagemap_node *last_node(const struct pagemap *map, uint64_t index)
{
	return map->last && map->last_base == base_of(index) ? map->last : NULL;
}

struct pagemap_entry pagemap_get(const struct pagemap *map, uint64_t index)
{
	const struct pagemap_node *n = last_node(map, index);
	unsigned top = n ? LEVEL_PTE : LEVEL_PGD;

	n = n ? n : map->root;
	for (unsigned l = top; n && l > LEVEL_PTE; l--) {
		uint64_t s = n->slot[slot_of(index, l)];

		if (s & HUGE_TAG)
			return (struct pagemap_entry){
				(gfn_t)(s >> 1) + slot_of(index, LEVEL_PTE), true
			};
		n = node_of(s);
	}
	return (struct pagemap_entry){ n ? (gfn_t)n->slot[slot_of(index, LEVEL_PTE)] : 0,
				       false };
}

unsigned pagemap_empty_run(const struct pagemap *map, uint64_t index, unsigned max)
{
	const struct pagemap_node *node = last_node(map, index);
	unsigned first = slot_of(index, LEVEL_PTE), n = 0,
		 top = node ? LEVEL_PTE : LEVEL_PGD;
	max = (unsigned)min_u64(max, PTRS_PER_TABLE - first);
	node = node ? node : map->root;
	for (unsigned l = top; node && l > LEVEL_PTE; l--) {
		uint64_t s = node->slot[slot_of(index, l)];

		if (s & HUGE_TAG)
			return 0;
		node = node_of(s);
	}
	while (node && n < max && !node->slot[first + n])
		n++;
	return node ? n : max;
}

int pagemap_set(struct pagemap *map, uint64_t index, gfn_t gfn, unsigned n)
{
	struct pagemap_node *node = last_node(map, index);

	if (!node && !(node = descend(map, index, LEVEL_PTE, true)))
		return -ENOMEM;
	map->last = node;
	map->last_base = base_of(index);
	for (unsigned i = 0; i < n; i++)
		node->slot[slot_of(index, LEVEL_PTE) + i] = gfn + i;
	node->used += n;
	map->pages += n;
	return 0;
}

int pagemap_set_huge(struct pagemap *map, uint64_t index, gfn_t gfn)
{
	struct pagemap_node *n = descend(map, index, LEVEL_PMD, true);

	if (!n)
		return -ENOMEM;
	n->slot[slot_of(index, LEVEL_PMD)] = (uint64_t)gfn << 1 | HUGE_TAG;
	n->used++;
	map->pages += PMD_PAGES;
	return 0;
}

int pagemap_split(struct pagemap *map, uint64_t index)
{
	struct pagemap_node *n = descend(map, index, LEVEL_PMD, false);
	struct pagemap_node *leaf = new_node(map);
	uint64_t *slot;

	if (!leaf)
		return -ENOMEM;
	slot = &n->slot[slot_of(index, LEVEL_PMD)];
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++)
		leaf->slot[i] = (*slot >> 1) + i;
	leaf->used = PTRS_PER_TABLE;
	*slot = (uintptr_t)leaf;
	return 0;
}

/* Clear index's slot in n and below; true: n is empty now. */
static bool clear_level(struct pagemap *map, struct pagemap_node *n, unsigned level,
			uint64_t index, struct pagemap_entry *was)
{
	uint64_t *slot = &n->slot[slot_of(index, level)];

	if (!*slot)
		return false;
	if (level == LEVEL_PTE) {
		*was = (struct pagemap_entry){ (gfn_t)*slot, false };
		map->pages--;
	} else if (*slot & HUGE_TAG) {
		*was = (struct pagemap_entry){ (gfn_t)(*slot >> 1), true };
		map->pages -= PMD_PAGES;
	} else {
		if (!clear_level(map, node_of(*slot), level - 1, index, was))
			return false;
		free_node(map, node_of(*slot));
	}
	*slot = 0;
	return --n->used == 0;
}

struct pagemap_entry pagemap_clear(struct pagemap *map, uint64_t index)
{
	struct pagemap_entry was = { 0, false };

	if (map->root && clear_level(map, map->root, LEVEL_PGD, index, &was)) {
		free_node(map, map->root);
		map->root = NULL;
	}
	return was;
}

static uint64_t next_level(const struct pagemap_node *n, unsigned level, uint64_t index,
			   uint64_t end)
{
	uint64_t span = 1ull << (TABLE_SHIFT * (level - 1)), found;

	for (unsigned i = slot_of(index, level); i < PTRS_PER_TABLE && index < end; i++) {
		if (n->slot[i] && (level == LEVEL_PTE || n->slot[i] & HUGE_TAG))
			return index;
		if (n->slot[i]) {
			found = next_level(node_of(n->slot[i]), level - 1, index, end);
			if (found < end && found < (index & ~(span - 1)) + span)
				return found;
		}
		index = (index & ~(span - 1)) + span;
	}
	return index;
}

uint64_t pagemap_next(const struct pagemap *map, uint64_t index, uint64_t end)
{
	if (!map->root || index >= end || index >> PAGEMAP_BITS)
		return end;
	return min_u64(next_level(map->root, LEVEL_PGD, index, end), end);
}
