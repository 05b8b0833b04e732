/* SPDX-License-Identifier: MIT */
/*
 * resident.c: asks with one mincore(2) for 64 TiB, the answer to which goes to 16 MiB that are mapped
 * again and again: minutes of work for who serves it.
 */
#include "guest/rt.h"

#define TIB (1024 * GIB)
#define PART (16 * MIB)
#define TIMES (64 * TIB / PAGE_SIZE / PART)

int main(void)
{
	char *vec = (void *)(100 * TIB), *mem = (void *)(8 * TIB);
	int fd = (int)sys3(__NR_memfd_create, (long)"vec", 0, 0);
	long ret = sys3(__NR_ftruncate, fd, PART, 0);

	for (size_t i = 0; i < TIMES && !ret; i++)
		must_map(vec + i * PART, PART, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd);
	must_map(mem, 64 * TIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
	ret = ret ? ret : sys3(__NR_mincore, (long)mem, 64 * TIB, (long)vec);
	say("mincore: %ld\n", ret);
	return 0;
}
