/* SPDX-License-Identifier: MIT */
/* shared.c: edits a file in place through a shared mapping: lower case becomes upper. */
#include "guest/rt.h"

char *view;
size_t changed;

int main(int argc, char **argv)
{
	size_t size;
	long err;
	int fd;

	if (argc != 2)
		usage("FILE");
	fd = must_open(argv[1], O_RDWR, &size);
	if (size)
		view = must_map(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	/* A byte that stays is not written: its page may stay clean. */
	for (size_t i = 0; i < size; i++) {
		if (view[i] >= 'a' && view[i] <= 'z') {
			view[i] += 'A' - 'a';
			changed++;
		}
	}
	err = sys_msync(view, size, MS_SYNC);
	if (err < 0)
		die(err, "%s: cannot sync", argv[1]);
	say("%lu bytes changed\n", changed);
	return 0;
}
