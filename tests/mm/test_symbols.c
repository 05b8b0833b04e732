/* SPDX-License-Identifier: MIT */
/*
 * Addresses get the names that a look at every symbol would give them, nested ones too; and a file costs a bounded
 * part of our memory, whatever it says of its symbols.
 */
#include <criterion/criterion.h>
#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* ---- what a file says */

#define SYMBOLS_MAX (1u << 19) /* image.h */
#define NAMES_MAX (32u << 20)
#define MEMORY_MAX (100 << 20) /* for the largest table, and the longest names */

enum { STRTAB = 1, SYMTAB, DYNSYM, SECTIONS };

struct file {
	Elf64_Ehdr ehdr;
	Elf64_Shdr sections[SECTIONS];
	char names[16];
	Elf64_Sym dynsym[1], symtab[2]; /* behind which it may have a hole */
};

#define NAME_ONE 1
#define NAME_TWO 5

/* "one" in .symtab, "two" in .dynsym, and nothing else of it that counts. */
static struct file sound_file(void)
{
	static const Elf64_Sym symbol = {
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = 1,
		.st_value = 8,
		.st_size = 8,
	};
	struct file f = {
		.ehdr = { .e_shoff = offsetof(struct file, sections),
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = SECTIONS },
		.sections = { [STRTAB] = { .sh_type = SHT_STRTAB,
					   .sh_offset = offsetof(struct file, names),
					   .sh_size = sizeof(f.names) },
			      [SYMTAB] = { .sh_type = SHT_SYMTAB,
					   .sh_offset = offsetof(struct file, symtab),
					   .sh_size = sizeof(f.symtab),
					   .sh_entsize = sizeof(Elf64_Sym),
					   .sh_link = STRTAB },
			      [DYNSYM] = { .sh_type = SHT_DYNSYM,
					   .sh_offset = offsetof(struct file, dynsym),
					   .sh_size = sizeof(f.dynsym),
					   .sh_entsize = sizeof(Elf64_Sym),
					   .sh_link = STRTAB } },
		.names = "\0one\0two",
		.symtab = { [1] = symbol },
		.dynsym = { symbol },
	};

	f.symtab[1].st_name = NAME_ONE;
	f.dynsym[0].st_name = NAME_TWO;
	return f;
}

/* An image of it, with a hole behind it up to `size`. */
static struct image open_file(const struct file *f, size_t size)
{
	struct image image = { .fd = memfd_create("elf", MFD_CLOEXEC), .end = SPACE };

	cr_assert_eq(write(image.fd, f, sizeof(*f)), (ssize_t)sizeof(*f));
	cr_assert_eq(ftruncate(image.fd, (off_t)size), 0);
	return image;
}

/* It has the one symbol, or the other, and nothing more; NULL: none at all. */
static void assert_name(const struct file *f, size_t size, const char *name)
{
	struct image image = open_file(f, size);
	const struct image_symbol *symbol = image_symbol_at(&image, 9);

	cr_assert_eq(image_symbol(&image, "one") != NULL, name && !strcmp(name, "one"));
	cr_assert_eq(image_symbol(&image, "two") != NULL, name && !strcmp(name, "two"));
	if (name)
		cr_assert_str_eq(symbol->name, name);
	else
		cr_assert_null(symbol);
	image_close(&image);
}

/* The most memory that this process has had. */
static long peak(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss << 10;
}

Test(symbols, come_from_symtab_or_else_from_dynsym)
{
	struct file f = sound_file();

	assert_name(&f, sizeof(f), "one");
	f.sections[SYMTAB].sh_type = SHT_NULL;
	assert_name(&f, sizeof(f), "two");
	f.sections[DYNSYM].sh_type = SHT_NULL;
	assert_name(&f, sizeof(f), NULL);
}

Test(symbols, of_a_table_that_is_too_large_are_not_read)
{
	const size_t size = 4ul << 30, table = SYMBOLS_MAX * sizeof(Elf64_Sym);
	struct file f = sound_file();
	const long before = peak();

	f.sections[DYNSYM].sh_type = SHT_NULL;
	f.sections[SYMTAB].sh_size = table;
	assert_name(&f, size, "one");
	f.sections[SYMTAB].sh_size = table + sizeof(Elf64_Sym);
	assert_name(&f, size, NULL);
	f.sections[SYMTAB].sh_size = 3ul << 30;
	assert_name(&f, size, NULL);
	f.sections[SYMTAB].sh_size = UINT64_MAX;
	assert_name(&f, size, NULL);
	cr_assert_lt(peak() - before, MEMORY_MAX);
}

Test(symbols, whose_names_are_too_long_are_not_read)
{
	const size_t size = 4ul << 30;
	struct file f = sound_file();
	const long before = peak();

	f.sections[STRTAB].sh_size = NAMES_MAX;
	assert_name(&f, size, "one");
	f.sections[STRTAB].sh_size = NAMES_MAX + 1;
	assert_name(&f, size, NULL);
	f.sections[STRTAB].sh_size = UINT64_MAX;
	assert_name(&f, size, NULL);
	cr_assert_lt(peak() - before, MEMORY_MAX);
}

/* As many sections as there may be, all of them .symtab, and more than that, as the first one may say. */
Test(symbols, are_those_of_one_table_though_there_be_thousands)
{
	const size_t n = UINT16_MAX, size = 64 << 20, sections = 32 << 20;
	struct file f = sound_file();
	const long before = peak();
	struct image image;

	f.sections[SYMTAB].sh_size = 2 << 20;
	f.ehdr.e_shnum = (uint16_t)n;
	f.ehdr.e_shoff = sections;
	image = open_file(&f, size);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(pwrite(image.fd, &f.sections[i == STRTAB ? STRTAB : SYMTAB],
				    sizeof(Elf64_Shdr),
				    (off_t)(sections + i * sizeof(Elf64_Shdr))),
			     (ssize_t)sizeof(Elf64_Shdr));
	cr_assert_str_eq(image_symbol_at(&image, 9)->name, "one");
	image_close(&image);
	f = sound_file();
	f.ehdr.e_shnum = 0;
	f.sections[0].sh_size = 10000000;
	assert_name(&f, 1ul << 30, NULL);
	cr_assert_lt(peak() - before, MEMORY_MAX);
}

Test(symbols, that_lie_outside_the_file_or_of_its_names_are_none)
{
	struct file f;

#define DAMAGE(field, value, name)                \
	do {                                      \
		f = sound_file();                 \
		f.sections[DYNSYM].sh_type = 0;   \
		f.field = (value);                \
		assert_name(&f, sizeof(f), name); \
	} while (0)
	DAMAGE(ehdr.e_shoff, sizeof(f) - 1, NULL);
	DAMAGE(ehdr.e_shoff, UINT64_MAX - 1, NULL);
	DAMAGE(ehdr.e_shentsize, 63, NULL);
	DAMAGE(ehdr.e_shnum, SYMTAB, NULL);
	DAMAGE(sections[SYMTAB].sh_link, SECTIONS, NULL);
	DAMAGE(sections[SYMTAB].sh_link, SYMTAB, NULL);
	DAMAGE(sections[SYMTAB].sh_link, UINT32_MAX, NULL);
	DAMAGE(sections[SYMTAB].sh_entsize, 0, NULL);
	DAMAGE(sections[SYMTAB].sh_entsize, 1, NULL);
	DAMAGE(sections[SYMTAB].sh_size, 23, NULL);
	DAMAGE(sections[SYMTAB].sh_offset, sizeof(f) - 47, NULL);
	DAMAGE(sections[SYMTAB].sh_offset, UINT64_MAX, NULL);
	DAMAGE(sections[STRTAB].sh_offset, UINT64_MAX - 7, NULL);
	DAMAGE(sections[STRTAB].sh_size, NAME_ONE, NULL);
	DAMAGE(symtab[1].st_name, sizeof(f.names), NULL);
	DAMAGE(symtab[1].st_name, UINT32_MAX, NULL);
	/* the last name ends with the table */
	DAMAGE(sections[STRTAB].sh_size, NAME_ONE + 3, "one");
#undef DAMAGE
}
