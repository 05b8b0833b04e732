/* SPDX-License-Identifier: MIT */
/* wordcount.c: `wc -w FILE` on a mapping of the file; each page is a read fault. */
#include "guest/rt.h"

size_t words;

/*
 * As GNU wc has it in the C locale up to coreutils 9.1: white space ends a word, a
 * printable character makes one, and any other byte does neither.
 */
static size_t count(const unsigned char *p, size_t len)
{
	bool in_word = false;
	size_t n = 0;

	for (const unsigned char *end = p + len; p < end; p++) {
		if (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
			in_word = false;
		} else if (!in_word && *p > ' ' && *p <= '~') {
			in_word = true;
			n++;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	size_t size;
	int fd;

	if (argc != 2)
		usage("FILE");
	fd = must_open(argv[1], O_RDONLY, &size);
	if (size) /* nothing of length 0 can be mapped */
		words = count(must_map(NULL, size, PROT_READ, MAP_PRIVATE, fd), size);
	say("%lu %s\n", words, argv[1]);
	return 0;
}
