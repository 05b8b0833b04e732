/* SPDX-License-Identifier: MIT */
/*
 * report_model.c: what a trace's events add up to.
 *
 * No event says whether a frame is anonymous. But an arena of guest-physical memory has frames of
 * one kind only, and is made of whole 2 MiB (docs/architecture.md): one anonymous fault, or one
 * entry in an anonymous VMA, tells it of all frames in the same 2 MiB.
 */
#include "vmm/cli/report_model.h"

#include <stdlib.h>
#include <string.h>

#define NR_SLOTS 512u
#define ADDRESS UINT64_C(0x000ffffffffff000) /* of an entry: SDM vol. 3A, 4.5 */
#define P UINT64_C(1)
#define PS UINT64_C(0x80)
#define PMD_SHIFT 21

/* A VMA that there is. */
struct area {
	RB_ENTRY(area) node;
	uint64_t start, end; /* gva */
	uint32_t life;	     /* its row of l_vma */
	bool anonymous;
};

/* Which of a table's slots are in use, lead to a page, to an anonymous one. */
struct slots {
	uint64_t used[NR_SLOTS / 64], page[NR_SLOTS / 64], anon[NR_SLOTS / 64];
	unsigned nr;
};

static int compare(const struct area *a, const struct area *b)
{
	return (a->start > b->start) - (a->start < b->start);
}

/* The analyzer can't see that a node is never its own neighbour or child. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */

RB_GENERATE_INTERNAL(areas, area, node, compare, __attribute__((unused)) static)

void model_init(struct model *m, struct pack *pack)
{
	*m = (struct model){ .pack = pack, .areas = RB_INITIALIZER(&m->areas) };
}

void model_free(struct model *m)
{
	struct area *area;

	while ((area = RB_ROOT(&m->areas))) {
		RB_REMOVE(areas, &m->areas, area);
		free(area);
	}
	dict_free(&m->gpas);
	dict_free(&m->anonymous);
	free(m->current.data);
}

/* ---- Tables ---- */

/* Where the number of the table at gpa stands; NULL: no memory. */
static uint32_t *table_at(struct model *m, uint64_t gpa)
{
	struct column_data *c = &m->current;
	uint32_t number;

	if (!dict_add(&m->gpas, &gpa, sizeof(gpa), &number)) {
		m->pack->failed = true;
		return NULL;
	}
	if (number >= c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		uint32_t *more = reallocarray(c->data, cap, sizeof(*more));

		if (!more) {
			m->pack->failed = true;
			return NULL;
		}
		c->data = more;
		c->cap = cap;
	}
	if (number >= c->n) {
		c->n = number + 1;
		((uint32_t *)c->data)[number] = PACK_NONE;
	}
	return (uint32_t *)c->data + number;
}

static uint32_t add_table(struct model *m, uint32_t born, unsigned level, uint64_t gpa,
			  uint64_t gva)
{
	struct pack *p = m->pack;

	pack_put(p, COL_i_level, level);
	pack_put(p, COL_i_gpa, gpa);
	pack_put(p, COL_i_gva, gva);
	pack_put(p, COL_i_born, born);
	pack_put(p, COL_i_died, PACK_NONE);
	return pack_rows(p, COL_i_level) - 1;
}

uint32_t model_table(struct model *m, uint32_t event, bool made, unsigned level,
		     uint64_t gpa, uint64_t gva)
{
	uint32_t *at = table_at(m, gpa), table;

	if (!at || m->pack->failed)
		return PACK_NONE;
	if (*at != PACK_NONE && made) /* that it went was left out */
		pack_set(m->pack, COL_i_died, *at, event);
	if (*at == PACK_NONE || made)
		*at = add_table(m, made ? event : 0, level, gpa, gva);
	table = *at;
	if (!made && !m->pack->failed) {
		pack_set(m->pack, COL_i_died, table, event);
		*at = PACK_NONE;
	}
	return table;
}

uint32_t model_entries(struct model *m, uint32_t event, unsigned level, uint64_t gpa,
		       uint64_t table_gva)
{
	uint32_t *at = table_at(m, gpa);

	if (!at || m->pack->failed)
		return PACK_NONE;
	/* One that came into being, or became another, in an event that was left out. */
	if (*at == PACK_NONE)
		*at = add_table(m, 0, level, gpa, table_gva);
	else if (pack_get(m->pack, COL_i_level, *at) != level ||
		 pack_get(m->pack, COL_i_gva, *at) != table_gva)
		model_table(m, event, true, level, gpa, table_gva);
	return *at;
}

/* ---- VMAs ---- */

void model_vma(struct model *m, uint32_t event, bool added, uint64_t start, uint64_t end,
	       uint32_t vma, bool anonymous)
{
	struct area key = { .start = start };
	struct area *old = RB_FIND(areas, &m->areas, &key), *area;
	struct pack *p = m->pack;

	if (p->failed)
		return;
	if (old) {
		pack_set(p, COL_l_died, old->life, event);
		RB_REMOVE(areas, &m->areas, old);
		free(old);
	}
	if (!added)
		return;
	area = malloc(sizeof(*area));
	if (!area) {
		p->failed = true;
		return;
	}
	*area = (struct area){ .start = start,
			       .end = end,
			       .life = pack_rows(p, COL_l_vma),
			       .anonymous = anonymous };
	RB_INSERT(areas, &m->areas, area);
	pack_put(p, COL_l_vma, vma);
	pack_put(p, COL_l_born, event);
	pack_put(p, COL_l_died, PACK_NONE);
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

/* The last VMA that begins at gva or below. */
static const struct area *area_at(const struct model *m, uint64_t gva)
{
	const struct area *area = RB_ROOT(&m->areas), *found = NULL;

	while (area) {
		if (area->start > gva) {
			area = RB_LEFT(area, node);
		} else {
			found = area;
			area = RB_RIGHT(area, node);
		}
	}
	return found && gva < found->end ? found : NULL;
}

void model_anonymous(struct model *m, uint64_t gpa)
{
	uint32_t number;

	gpa >>= PMD_SHIFT;
	if (!dict_add(&m->anonymous, &gpa, sizeof(gpa), &number))
		m->pack->failed = true;
}

void model_frame(struct model *m, uint64_t gva, uint64_t gpa)
{
	const struct area *area = area_at(m, gva);

	if (area && area->anonymous)
		model_anonymous(m, gpa);
}

/* ---- The counts ---- */

static bool is_anonymous(const struct model *m, uint64_t gpa)
{
	gpa >>= PMD_SHIFT;
	return dict_has(&m->anonymous, &gpa, sizeof(gpa));
}

/* 0, 1, 512, ... pages: what an entry of a table of that level maps. */
static double pages_of(unsigned level, uint64_t entry)
{
	if (!(entry & P) || (level > 1 && !(entry & PS)))
		return 0;
	return level == 1 ? 1 : level == 2 ? 512 : level == 3 ? 512 * 512 : 0;
}

static double one(unsigned level)
{
	return pages_of(level, P | PS);
}

struct counts {
	double pages, anon;
};

static void set_slot(const struct model *m, struct slots *s, struct counts *c,
		     unsigned level, unsigned index, uint64_t entry)
{
	const uint64_t bit = UINT64_C(1) << (index % 64);
	const unsigned word = index / 64;

	s->nr -= (s->used[word] & bit) != 0;
	c->pages -= s->page[word] & bit ? one(level) : 0;
	c->anon -= s->anon[word] & bit ? one(level) : 0;
	s->used[word] &= ~bit;
	s->page[word] &= ~bit;
	s->anon[word] &= ~bit;
	if (!entry)
		return;
	s->used[word] |= bit;
	s->nr++;
	if (pages_of(level, entry) == 0)
		return;
	s->page[word] |= bit;
	c->pages += one(level);
	if (is_anonymous(m, entry & ADDRESS)) {
		s->anon[word] |= bit;
		c->anon += one(level);
	}
}

static void count(const struct model *m, struct slots **slots)
{
	struct counts c = { 0 };
	struct pack *p = m->pack;

	for (size_t row = 0; row < pack_rows(p, COL_e_table); row++) {
		uint32_t table = pack_get(p, COL_e_table, row);
		uint64_t entry = pack_get(p, COL_e_value, row);
		uint64_t step = pack_get(p, COL_e_step, row);
		unsigned level = pack_get(p, COL_i_level, table);
		unsigned index = pack_get(p, COL_e_index, row);
		unsigned n = pack_get(p, COL_e_n, row);

		if (!slots[table])
			slots[table] = calloc(1, sizeof(*slots[table]));
		if (!slots[table]) {
			p->failed = true;
			return;
		}
		for (unsigned i = 0; i < n; i++)
			set_slot(m, slots[table], &c, level, index + i, entry + i * step);
		pack_put(p, COL_e_used, slots[table]->nr);
		pack_put_real(p, COL_e_pages, c.pages);
		pack_put_real(p, COL_e_anon, c.anon);
	}
}

void model_finish(struct model *m)
{
	size_t tables = pack_rows(m->pack, COL_i_level);
	struct slots **slots = calloc(tables + 1, sizeof(struct slots *));

	if (!slots)
		m->pack->failed = true;
	if (!m->pack->failed)
		count(m, slots);
	for (size_t i = 0; slots && i < tables; i++)
		free(slots[i]);
	free(slots);
}
