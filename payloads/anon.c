/* SPDX-License-Identifier: MIT */
/*
 * anon.c: touches anonymous memory, one page in each STRIDE of SIZE: is it zero, and
 * does it keep what is written?
 */
#include "guest/rt.h"

unsigned long *region;
size_t pages;
unsigned long checksum;

static bool is_zero(const unsigned long *page)
{
	unsigned long bits = 0;

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*page); i++)
		bits |= page[i];
	return !bits;
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? parse_size(argv[1]) : MIB;
	size_t stride = argc > 2 ? parse_size(argv[2]) : PAGE_SIZE;
	size_t step = stride / sizeof(*region);

	if (argc > 3 || !size || !stride || stride % PAGE_SIZE)
		usage("[SIZE [STRIDE]], STRIDE a multiple of 4K");
	region = must_map(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	pages = (size - 1) / stride + 1;

	for (size_t i = 0; i < pages; i++) {
		if (!is_zero(region + i * step))
			die(0, "page %lu is not zero", i);
		region[i * step] = i ^ PATTERN;
	}
	for (size_t i = 0; i < pages; i++) {
		if (region[i * step] != (i ^ PATTERN))
			die(0, "page %lu lost its word", i);
		checksum += region[i * step];
	}
	say("%lu pages touched, checksum %lx\n", pages, checksum);
	return 0;
}
