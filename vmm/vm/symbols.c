/* SPDX-License-Identifier: MIT */
/*
 * symbols.c: names for addresses and addresses for names, from the file's symbol table. It is an enemy's, who may
 * change it while it is read: each part is copied once, and what a part says of others is checked in the copy.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/vm/image.h"

#define SYMBOLS_MAX (1u << 19)
#define NAMES_MAX (32u << 20)

static int by_gva(const void *a, const void *b)
{
	const struct image_symbol *x = a, *y = b;

	return (x->gva > y->gva) - (x->gva < y->gva);
}

/* A part of the file, as a new array with a '\0' behind it. NULL: it isn't all there, is empty, or over max. */
static void *read_part(const struct image *image, uint64_t offset, uint64_t size,
		       uint64_t max)
{
	char *part;

	if (!size || size > max)
		return NULL;
	part = malloc(size + 1);
	if (!part)
		return NULL;
	if (pread(image->fd, part, size, (off_t)offset) != (ssize_t)size) {
		free(part);
		return NULL;
	}
	part[size] = '\0';
	return part;
}

/* Whether a symbol names a place in memory. */
static bool places(const Elf64_Sym *sym, const char *name)
{
	const unsigned type = ELF64_ST_TYPE(sym->st_info);

	return *name && sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS &&
	       type != STT_TLS && type != STT_SECTION && type != STT_FILE;
}

static void take_symbols(struct image *image, const Elf64_Sym *syms, size_t n,
			 size_t names_size)
{
	for (size_t i = 0; i < n; i++) {
		const Elf64_Sym *sym = &syms[i];

		if (sym->st_name < names_size && places(sym, image->names + sym->st_name))
			image->symbols[image->nr_symbols++] =
				(struct image_symbol){ image->names + sym->st_name,
						       sym->st_value + image->bias,
						       sym->st_size };
	}
}

static void read_table(struct image *image, const Elf64_Shdr *table,
		       const Elf64_Shdr *names)
{
	const size_t n = table->sh_size / sizeof(Elf64_Sym);
	Elf64_Sym *syms = read_part(image, table->sh_offset, n * sizeof(*syms),
				    SYMBOLS_MAX * sizeof(*syms));

	image->names = read_part(image, names->sh_offset, names->sh_size, NAMES_MAX);
	if (syms && image->names)
		image->symbols = calloc(n, sizeof(*image->symbols));
	if (image->symbols)
		take_symbols(image, syms, n, names->sh_size);
	free(syms);
	if (image->nr_symbols)
		return;
	free(image->symbols);
	free(image->names);
	image->symbols = NULL;
	image->names = NULL;
}

static gva_t end_of(const struct image_symbol *s)
{
	return s->gva + s->size < s->gva ? UINT64_MAX : s->gva + s->size;
}

/* The sweep that makes places: symbols that cover where it is, those that began later on top. */
struct sweep {
	struct image *image;
	const struct image_symbol **open;
	size_t nr_open;
	const struct image_symbol *label; /* the last one */
};

static void add_place(struct image *image, gva_t gva, const struct image_symbol *symbol)
{
	struct image_place *last = image->places + image->nr_places - 1;

	if (!image->nr_places || last->gva != gva)
		last = &image->places[image->nr_places++];
	*last = (struct image_place){ gva, symbol };
}

/* Symbols that end up to gva: what was under them shows again, unless it has ended, too. */
static void close_until(struct sweep *s, gva_t gva)
{
	gva_t end;

	while (s->nr_open && (end = end_of(s->open[s->nr_open - 1])) <= gva) {
		while (s->nr_open && end_of(s->open[s->nr_open - 1]) <= end)
			s->nr_open--;
		add_place(s->image, end, s->nr_open ? s->open[s->nr_open - 1] : s->label);
	}
}

/*
 * Symbols may overlap, and one lies in another: of those that cover a gva the last to begin counts.
 * Where none does, the last label before it, which has no size, is all that can be said. Each symbol
 * begins one place and ends one.
 */
void image_index_symbols(struct image *image)
{
	struct sweep s = { .image = image };

	image->places = calloc(2 * image->nr_symbols, sizeof(*image->places));
	s.open = calloc(image->nr_symbols, sizeof(const struct image_symbol *));
	for (size_t i = 0; image->places && s.open && i < image->nr_symbols; i++) {
		const struct image_symbol *symbol = &image->symbols[i];

		close_until(&s, symbol->gva);
		if (symbol->size)
			s.open[s.nr_open++] = symbol;
		else
			s.label = symbol;
		if (symbol->size || !s.nr_open)
			add_place(image, symbol->gva, symbol);
	}
	if (s.open)
		close_until(&s, UINT64_MAX);
	free(s.open);
}

/* The first of a type, of which there is no other in a sound file. */
static void read_first_table(struct image *image, const Elf64_Shdr *sections, size_t n,
			     uint32_t type)
{
	size_t i = 0;

	while (i < n && (sections[i].sh_type != type || !sections[i].sh_size))
		i++;
	if (i < n && sections[i].sh_entsize == sizeof(Elf64_Sym) &&
	    sections[i].sh_link < n && sections[sections[i].sh_link].sh_type == SHT_STRTAB)
		read_table(image, &sections[i], &sections[sections[i].sh_link]);
}

/* .symtab, or .dynsym of a stripped file. */
static void read_symbols(struct image *image)
{
	Elf64_Shdr *sections;
	Elf64_Ehdr ehdr;

	if (pread(image->fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) ||
	    ehdr.e_shentsize != sizeof(*sections))
		return;
	sections = read_part(image, ehdr.e_shoff, ehdr.e_shnum * sizeof(*sections),
			     UINT16_MAX * sizeof(*sections));
	if (!sections)
		return;
	read_first_table(image, sections, ehdr.e_shnum, SHT_SYMTAB);
	if (!image->nr_symbols)
		read_first_table(image, sections, ehdr.e_shnum, SHT_DYNSYM);
	free(sections);
	if (!image->nr_symbols)
		return;
	qsort(image->symbols, image->nr_symbols, sizeof(*image->symbols), by_gva);
	image_index_symbols(image);
}

static void need_symbols(struct image *image)
{
	if (atomic_load_explicit(&image->symbols_read, memory_order_acquire))
		return;
	pthread_mutex_lock(&image->symbols_lock);
	if (!image->symbols_read) {
		read_symbols(image);
		atomic_store_explicit(&image->symbols_read, true, memory_order_release);
	}
	pthread_mutex_unlock(&image->symbols_lock);
}

const struct image_symbol *image_symbol(struct image *image, const char *name)
{
	need_symbols(image);
	for (size_t i = 0; i < image->nr_symbols; i++)
		if (!strcmp(image->symbols[i].name, name))
			return &image->symbols[i];
	return NULL;
}

const struct image_symbol *image_symbol_at(struct image *image, gva_t gva)
{
	size_t low = 0, high, mid;

	need_symbols(image);
	high = image->nr_places;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (image->places[mid].gva <= gva)
			low = mid + 1;
		else
			high = mid;
	}
	return low && gva < image->end ? image->places[low - 1].symbol : NULL;
}
