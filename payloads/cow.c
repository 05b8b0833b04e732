/* SPDX-License-Identifier: MIT */
/*
 * cow.c: maps a file privately, and a second time shared; reads both, writes each page of
 * the private view, and looks who has seen it: nobody else may, neither view nor file.
 */
#include "guest/rt.h"

unsigned char *private_view;
unsigned char *shared_view;
size_t pages_copied;

static unsigned char file_byte(int fd, size_t off)
{
	unsigned char byte;
	long n = sys_pread64(fd, &byte, 1, off);

	if (n != 1)
		die(n, "cannot read byte %lu", off);
	return byte;
}

/* Both views name the file's page until the write copies it: no byte but one may differ. */
static void write_page(int fd, size_t off, size_t len)
{
	unsigned char *mine = private_view + off, *theirs = shared_view + off;
	unsigned char old = *theirs;

	if (memcmp(mine, theirs, len))
		die(0, "the views differ at %lu before the write", off);
	*mine = ~old;
	if (*mine == old)
		die(0, "the write at %lu is lost", off);
	if (*theirs != old)
		die(0, "the write at %lu reached the shared view", off);
	if (file_byte(fd, off) != old)
		die(0, "the write at %lu reached the file", off);
	if (memcmp(mine + 1, theirs + 1, len - 1))
		die(0, "the copy at %lu is not the page", off);
	pages_copied++;
}

int main(int argc, char **argv)
{
	const int rw = PROT_READ | PROT_WRITE;
	size_t size;
	int fd;

	if (argc != 2)
		usage("FILE");
	fd = must_open(argv[1], O_RDONLY, &size);
	if (size) {
		private_view = must_map(NULL, size, rw, MAP_PRIVATE, fd);
		shared_view = must_map(NULL, size, PROT_READ, MAP_SHARED, fd);
	}
	for (size_t off = 0; off < size; off += PAGE_SIZE)
		write_page(fd, off, size - off < PAGE_SIZE ? size - off : PAGE_SIZE);
	say("%lu pages copied\n", pages_copied);
	return 0;
}
