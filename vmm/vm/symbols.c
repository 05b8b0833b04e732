/* SPDX-License-Identifier: MIT */
/* symbols.c: names for addresses and addresses for names, from the file's symbol tables. */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/vm/image.h"

static int by_gva(const void *a, const void *b)
{
	const struct image_symbol *x = a, *y = b;

	return (x->gva > y->gva) - (x->gva < y->gva);
}

/* Whether a symbol names a place in memory. */
static bool places(const GElf_Sym *sym, const char *name)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);

	return name && *name && sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS &&
	       type != STT_TLS && type != STT_SECTION && type != STT_FILE;
}

static void read_table(struct image *image, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = shdr->sh_entsize ? shdr->sh_size / shdr->sh_entsize : 0;
	struct image_symbol *all;
	GElf_Sym sym;

	if (!data || !n || n > data->d_size / sizeof(Elf64_Sym))
		return;
	all = realloc(image->symbols, (image->nr_symbols + n) * sizeof(*all));
	if (!all)
		return;
	image->symbols = all;
	for (size_t i = 0; i < n && gelf_getsym(data, (int)i, &sym); i++) {
		const char *name = elf_strptr(image->elf, shdr->sh_link, sym.st_name);

		if (places(&sym, name))
			all[image->nr_symbols++] =
				(struct image_symbol){ name, sym.st_value + image->bias,
						       sym.st_size };
	}
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

/* .symtab, or .dynsym of a stripped file. */
static void read_symbols(struct image *image)
{
	static const GElf_Word types[] = { SHT_SYMTAB, SHT_DYNSYM };

	for (unsigned i = 0; i < 2 && !image->nr_symbols; i++) {
		Elf_Scn *scn = NULL;
		GElf_Shdr shdr;

		while ((scn = elf_nextscn(image->elf, scn)))
			if (gelf_getshdr(scn, &shdr) && shdr.sh_type == types[i] &&
			    shdr.sh_size)
				read_table(image, scn, &shdr);
	}
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
