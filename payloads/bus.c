/* SPDX-License-Identifier: MIT */
/* bus.c: maps one page more than a file has and reads it: SIGBUS, as nothing is there. */
#include "guest/rt.h"

volatile char *volatile fault_address;

static __attribute__((noinline)) void read_behind_end(char *end)
{
	fault_address = end;
	(void)*fault_address;
}

int main(int argc, char **argv)
{
	size_t size, len;
	char *p;
	int fd;

	if (argc != 2)
		usage("FILE");
	fd = must_open(argv[1], O_RDONLY, &size);
	len = PAGE_ALIGN(size);
	p = must_map(NULL, len + PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd);

	/* The rest of the last page is there, and zero. */
	for (size_t i = size; i < len; i++)
		if (p[i])
			die(0, "byte %lu is not zero", i);
	say("%lu bytes are there, about to read byte %lu\n", len, len);
	read_behind_end(p + len);
	die(0, "the access succeeded");
}
