/* SPDX-License-Identifier: MIT */
/* copy.c: what it costs to copy pages into fresh memory, in pages of 4 KiB. */
#include "guest/rt.h"

int main(int argc, char **argv)
{
	const int rw = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	size_t size = argc == 2 ? parse_size(argv[1]) : 0, pages = size / PAGE_SIZE;
	char *from, *to;
	uint64_t ns;

	if (!pages)
		usage("SIZE");
	from = must_map(NULL, size, rw, flags, -1);
	to = must_map(NULL, size, rw, flags, -1);
	sys_madvise(to, size, MADV_NOHUGEPAGE);
	memset(from, 1, size);
	ns = now_ns();
	memcpy(to, from, size);
	ns = now_ns() - ns;
	say("pages %lu total_ns %lu ns_per_page %lu\n", pages, ns, ns / pages);
	return 0;
}
