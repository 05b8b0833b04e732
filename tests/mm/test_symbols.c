/* SPDX-License-Identifier: MIT */
/* Addresses get the names that a look at every symbol would give them, nested ones too. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/lib/random.h"
#include "vmm/vm/image.h"

TestSuite(symbols, .timeout = 60);

#define SPACE 200

/* What image_symbol_at() promises, word by word. */
static const struct image_symbol *look_at_all(const struct image *image, gva_t gva)
{
	const struct image_symbol *covers = NULL, *label = NULL;

	for (size_t i = 0; i < image->nr_symbols; i++) {
		const struct image_symbol *s = &image->symbols[i];

		if (s->gva <= gva && !s->size)
			label = s;
		else if (s->gva <= gva && gva - s->gva < s->size)
			covers = s;
	}
	return covers ? covers : label;
}

static void assert_found(struct image *image)
{
	image->symbols_read = true;
	image->end = SPACE;
	image_index_symbols(image);
	for (gva_t gva = 0; gva < SPACE; gva++)
		cr_assert_eq(image_symbol_at(image, gva), look_at_all(image, gva),
			     "at %lu of %zu symbols", gva, image->nr_symbols);
	cr_assert_null(image_symbol_at(image, SPACE));
	free(image->places);
}

Test(symbols, that_lie_in_one_another_are_found_from_the_inside)
{
	struct image_symbol all[] = {
		{ "outer", 10, 100 }, { "middle", 20, 50 }, { "inner", 30, 10 },
		{ "label", 35, 0 },   { "beside", 60, 5 },  { "across", 65, 60 },
		{ "last", 150, 0 },
	};
	struct image image = { .symbols = all, .nr_symbols = sizeof(all) / sizeof(*all) };

	assert_found(&image);
	image.places = NULL;
	image.nr_places = 0;
	image_index_symbols(&image);
	cr_assert_null(image_symbol_at(&image, 9));
	cr_assert_str_eq(image_symbol_at(&image, 19)->name, "outer");
	cr_assert_str_eq(image_symbol_at(&image, 39)->name, "inner");
	cr_assert_str_eq(image_symbol_at(&image, 40)->name, "middle");
	cr_assert_str_eq(image_symbol_at(&image, 124)->name, "across");
	cr_assert_str_eq(image_symbol_at(&image, 125)->name, "label");
	cr_assert_str_eq(image_symbol_at(&image, 199)->name, "last");
	free(image.places);
}

static int by_gva(const void *a, const void *b)
{
	const struct image_symbol *x = a, *y = b;

	return (x->gva > y->gva) - (x->gva < y->gva);
}

Test(symbols, of_any_shape_are_found_as_by_looking_at_each)
{
	struct image_symbol all[24];
	uint64_t state = 1;

	for (unsigned round = 0; round < 2000; round++) {
		struct image image = { .symbols = all, .nr_symbols = 1 + round % 24 };

		for (size_t i = 0; i < image.nr_symbols; i++) {
			all[i].gva = pick_from(&state, SPACE);
			all[i].size = pick_from(&state, 4) ? pick_from(&state, SPACE / 2)
							   : 0;
		}
		all[0].size = round % 7 ? all[0].size : UINT64_MAX;
		qsort(all, image.nr_symbols, sizeof(*all), by_gva);
		assert_found(&image);
	}
}
