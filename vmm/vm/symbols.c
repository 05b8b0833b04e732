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
	if (image->nr_symbols)
		qsort(image->symbols, image->nr_symbols, sizeof(*image->symbols), by_gva);
	image->symbols_read = true;
}

const struct image_symbol *image_symbol(struct image *image, const char *name)
{
	if (!image->symbols_read)
		read_symbols(image);
	for (size_t i = 0; i < image->nr_symbols; i++)
		if (!strcmp(image->symbols[i].name, name))
			return &image->symbols[i];
	return NULL;
}

const struct image_symbol *image_symbol_at(struct image *image, gva_t gva)
{
	const struct image_symbol *covers = NULL, *before = NULL;

	if (!image->symbols_read)
		read_symbols(image);
	if (gva >= image->end)
		return NULL;
	for (size_t i = 0; i < image->nr_symbols && image->symbols[i].gva <= gva; i++) {
		const struct image_symbol *s = &image->symbols[i];

		if (!s->size) /* a label: where nothing has a size that covers gva */
			before = s;
		else if (gva - s->gva < s->size)
			covers = s;
	}
	return covers ? covers : before;
}
