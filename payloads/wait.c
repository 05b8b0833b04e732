/* SPDX-License-Identifier: MIT */
/*
 * wait.c FILE: maps one page more than FILE has now, reads its last byte, waits for a byte on fd
 * 0, and reads again: FILE may have changed in between. First the byte that was there, then
 * the first one of the page that was not.
 */
#include "guest/rt.h"

void *fault_address;

int main(int argc, char **argv)
{
	volatile char *map;
	size_t size;
	char go, last;
	int fd;

	if (argc != 2)
		usage("FILE");
	fd = must_open(argv[1], O_RDONLY, &size);
	map = must_map(NULL, PAGE_ALIGN(size) + PAGE_SIZE, PROT_READ, MAP_SHARED, fd);
	fault_address = (void *)(map + size - 1);
	last = map[size - 1];
	say("last byte %c\n", last);
	if (sys_read(0, &go, 1) != 1)
		die(0, "nobody says go on");
	say("last byte %c now\n", map[size - 1]);
	fault_address = (void *)(map + PAGE_ALIGN(size));
	say("next byte %c\n", *(volatile char *)fault_address);
	return 0;
}
