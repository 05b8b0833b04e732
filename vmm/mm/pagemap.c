/* SPDX-License-Identifier: MIT */
/* pagemap.c: the radix tree of pagemap.h. */
#include "vmm/mm/pagemap.h"

#include <errno.h>

#include "vmm/mm/pte.h"

#define HUGE_TAG 1u /* in a slot of level 2: a 2 MiB frame, not a node */

/*
 * A node is 512 slots, and its frame counts those that are not 0. A slot holds a node's gfn << 1, at
 * level 2 perhaps that of a frame and HUGE_TAG instead, and at level 1 a gfn.
 */

void pagemap_init(struct pagemap *map, struct phys *phys)
{
	*map = (struct pagemap){ .phys = phys };
}

static uint64_t *slots_of(const struct pagemap *map, gfn_t node)
{
	return (uint64_t *)phys_hva(map->phys, gfn_gpa(node));
}

static void add_used(const struct pagemap *map, gfn_t node, unsigned n)
{
	phys_frame(map->phys, node)->refs += n;
}

static void free_node(struct pagemap *map, gfn_t node)
{
	if (node == map->last)
		map->last = 0;
	phys_free_node(map->phys, node);
}

static gfn_t node_of(uint64_t slot)
{
	return (gfn_t)(slot >> 1);
}

static void free_below(struct pagemap *map, gfn_t node, unsigned level)
{
	const uint64_t *slot = slots_of(map, node);

	for (unsigned i = 0; level > LEVEL_PTE && i < PTRS_PER_TABLE; i++)
		if (slot[i] && !(slot[i] & HUGE_TAG))
			free_below(map, node_of(slot[i]), level - 1);
	free_node(map, node);
}

void pagemap_destroy(struct pagemap *map)
{
	if (map->root)
		free_below(map, map->root, LEVEL_PGD);
	pagemap_init(map, map->phys);
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return index >> (TABLE_SHIFT * (level - 1)) & (PTRS_PER_TABLE - 1);
}

/* Free the nodes on the way to index, from `node` down, that hold nothing. True: `node` was freed. */
static bool prune(struct pagemap *map, gfn_t node, unsigned level, uint64_t index)
{
	uint64_t *slot = &slots_of(map, node)[slot_of(index, level)];

	if (level > LEVEL_PTE && *slot && !(*slot & HUGE_TAG) &&
	    prune(map, node_of(*slot), level - 1, index)) {
		*slot = 0;
		add_used(map, node, -1u);
	}
	if (phys_frame(map->phys, node)->refs)
		return false;
	free_node(map, node);
	return true;
}

/* The node at `level` that covers index, made where missing if alloc; 0 else, and none was made. */
static gfn_t descend(struct pagemap *map, uint64_t index, unsigned level, bool alloc)
{
	gfn_t node = map->root, child;

	if (!node && (!alloc || !(node = map->root = phys_alloc_node(map->phys))))
		return 0;
	for (unsigned l = LEVEL_PGD; l > level; l--) {
		uint64_t *slot = &slots_of(map, node)[slot_of(index, l)];

		if (*slot & HUGE_TAG || (!*slot && !alloc))
			return 0;
		if (!*slot) {
			child = phys_alloc_node(map->phys);
			if (!child && prune(map, map->root, LEVEL_PGD, index))
				map->root = 0;
			if (!child)
				return 0;
			*slot = (uint64_t)child << 1;
			add_used(map, node, 1);
		}
		node = node_of(*slot);
	}
	return node;
}

static uint64_t base_of(uint64_t index)
{
	return index & ~(uint64_t)(PTRS_PER_TABLE - 1);
}

/* The lowest node for index, if it is the one used last. */
static gfn_t last_node(const struct pagemap *map, uint64_t index)
{
	return map->last && map->last_base == base_of(index) ? map->last : 0;
}

struct pagemap_entry pagemap_get(const struct pagemap *map, uint64_t index)
{
	gfn_t node = map->root;

	if (last_node(map, index))
		return (struct pagemap_entry){
			(gfn_t)map->last_slots[slot_of(index, LEVEL_PTE)], false
		};
	for (unsigned l = LEVEL_PGD; node && l > LEVEL_PTE; l--) {
		uint64_t s = slots_of(map, node)[slot_of(index, l)];

		if (s & HUGE_TAG)
			return (struct pagemap_entry){
				node_of(s) + slot_of(index, LEVEL_PTE), true
			};
		node = node_of(s);
	}
	if (!node)
		return (struct pagemap_entry){ 0, false };
	return (struct pagemap_entry){
		(gfn_t)slots_of(map, node)[slot_of(index, LEVEL_PTE)], false
	};
}

unsigned pagemap_empty_run(const struct pagemap *map, uint64_t index, unsigned max)
{
	gfn_t node = last_node(map, index);
	unsigned first = slot_of(index, LEVEL_PTE), n = 0,
		 top = node ? LEVEL_PTE : LEVEL_PGD;
	const uint64_t *slot;

	max = (unsigned)min_u64(max, PTRS_PER_TABLE - first);
	node = node ? node : map->root;
	for (unsigned l = top; node && l > LEVEL_PTE; l--) {
		uint64_t s = slots_of(map, node)[slot_of(index, l)];

		if (s & HUGE_TAG)
			return 0;
		node = node_of(s);
	}
	if (!node)
		return max;
	slot = slots_of(map, node) + first;
	while (n < max && !slot[n])
		n++;
	return n;
}

int pagemap_set(struct pagemap *map, uint64_t index, gfn_t gfn, unsigned n)
{
	gfn_t node = last_node(map, index);
	uint64_t *slot;

	if (!node && !(node = descend(map, index, LEVEL_PTE, true)))
		return -ENOMEM;
	if (node != map->last)
		map->last_slots = slots_of(map, node);
	map->last = node;
	map->last_base = base_of(index);
	slot = map->last_slots + slot_of(index, LEVEL_PTE);
	for (unsigned i = 0; i < n; i++)
		slot[i] = gfn + i;
	add_used(map, node, n);
	map->pages += n;
	return 0;
}

int pagemap_set_huge(struct pagemap *map, uint64_t index, gfn_t gfn)
{
	gfn_t node = descend(map, index, LEVEL_PMD, true);

	if (!node)
		return -ENOMEM;
	slots_of(map, node)[slot_of(index, LEVEL_PMD)] = (uint64_t)gfn << 1 | HUGE_TAG;
	add_used(map, node, 1);
	map->pages += PMD_PAGES;
	return 0;
}

int pagemap_split(struct pagemap *map, uint64_t index)
{
	gfn_t node = descend(map, index, LEVEL_PMD, false);
	gfn_t leaf = phys_alloc_node(map->phys);
	uint64_t *slot, *below;

	if (!leaf)
		return -ENOMEM;
	slot = &slots_of(map, node)[slot_of(index, LEVEL_PMD)];
	below = slots_of(map, leaf);
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++)
		below[i] = node_of(*slot) + i;
	add_used(map, leaf, PTRS_PER_TABLE);
	*slot = (uint64_t)leaf << 1;
	return 0;
}

/* Clear index's slot in the node and below; true: it is empty now. */
static bool clear_level(struct pagemap *map, gfn_t node, unsigned level, uint64_t index,
			struct pagemap_entry *was)
{
	uint64_t *slot = &slots_of(map, node)[slot_of(index, level)];

	if (!*slot)
		return false;
	if (level == LEVEL_PTE) {
		*was = (struct pagemap_entry){ (gfn_t)*slot, false };
		map->pages--;
	} else if (*slot & HUGE_TAG) {
		*was = (struct pagemap_entry){ node_of(*slot), true };
		map->pages -= PMD_PAGES;
	} else {
		if (!clear_level(map, node_of(*slot), level - 1, index, was))
			return false;
		free_node(map, node_of(*slot));
	}
	*slot = 0;
	add_used(map, node, -1u);
	return !phys_frame(map->phys, node)->refs;
}

struct pagemap_entry pagemap_clear(struct pagemap *map, uint64_t index)
{
	struct pagemap_entry was = { 0, false };

	if (map->root && clear_level(map, map->root, LEVEL_PGD, index, &was)) {
		free_node(map, map->root);
		map->root = 0;
	}
	return was;
}

static uint64_t next_level(const struct pagemap *map, gfn_t node, unsigned level,
			   uint64_t index, uint64_t end)
{
	uint64_t span = 1ull << (TABLE_SHIFT * (level - 1)), found;
	const uint64_t *slot = slots_of(map, node);

	for (unsigned i = slot_of(index, level); i < PTRS_PER_TABLE && index < end; i++) {
		if (slot[i] && (level == LEVEL_PTE || slot[i] & HUGE_TAG))
			return index;
		if (slot[i]) {
			found = next_level(map, node_of(slot[i]), level - 1, index, end);
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
	return min_u64(next_level(map, map->root, LEVEL_PGD, index, end), end);
}

/* How many nodes there are from `node` down; *right becomes false where slots are miscounted. */
static uint64_t count_nodes(const struct pagemap *map, gfn_t node, unsigned level,
			    bool *right)
{
	const uint64_t *slot = slots_of(map, node);
	uint64_t n = 1;
	unsigned used = 0;

	for (unsigned i = 0; i < PTRS_PER_TABLE; i++) {
		used += slot[i] != 0;
		if (level > LEVEL_PTE && slot[i] && !(slot[i] & HUGE_TAG))
			n += count_nodes(map, node_of(slot[i]), level - 1, right);
	}
	*right &= used && used == phys_frame(map->phys, node)->refs;
	return n;
}

uint64_t pagemap_nodes(const struct pagemap *map)
{
	bool right = true;
	uint64_t n = map->root ? count_nodes(map, map->root, LEVEL_PGD, &right) : 0;

	return right ? n : 0;
}
