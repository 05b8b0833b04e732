/* SPDX-License-Identifier: MIT */
/*
 * write.c: what writes of 1 MiB into a cached file cost, one after the other from its start;
 * and before each a call that does nothing, for what of it is the call. `silent' leaves the
 * figures out, and with them the clock, which is read as often as there is time.
 */
#include "guest/rt.h"

#define SIZE (1ul << 20)
#define MOST 256

int main(int argc, char **argv)
{
	bool silent = argc == 4 && !strcmp(argv[3], "silent");
	size_t n = argc == 3 || silent ? parse_size(argv[2]) : 0, size;
	uint32_t calls[MOST], writes[MOST];
	uint64_t start;
	char *chunk;
	long wrote;
	int fd;

	if (!n || n > MOST)
		usage("FILE N [silent], N being 256 at most");
	fd = must_open(argv[1], O_RDWR, &size);
	if (size < n * SIZE)
		die(0, "%s is too short", argv[1]);
	chunk = must_map(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1);
	memset(chunk, 0xa5, SIZE);

	for (size_t i = 0; i < n; i++) {
		start = rdtsc();
		sys_getppid();
		calls[i] = rdtsc() - start;
		start = rdtsc();
		wrote = sys_write(fd, chunk, SIZE);
		writes[i] = rdtsc() - start;
		if (wrote != SIZE)
			die(wrote, "cannot write %lu bytes", SIZE);
	}
	if (silent)
		return 0;
	say_cycles("call write_1m n", writes, n);
	say_cycles("call getppid n", calls, n);
	return 0;
}
