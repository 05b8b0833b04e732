/* SPDX-License-Identifier: MIT */
/*
 * walkme.c: leaves known bytes in a page of each kind that an image has, for tests and
 * `mapvisor walk' to find: initialised data, read-only data, and data that starts as zero.
 */
#include "guest/rt.h"

#define COUNT "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
#define own_page __attribute__((aligned(PAGE_SIZE)))

/* 48 bytes of text and 16 that count; the rest of each page is zero. */
own_page char marker[PAGE_SIZE] = "mapvisor: these bytes stand at marker, counting:" COUNT;
own_page const char marker_ro[PAGE_SIZE] =
	"mapvisor: these bytes stand at marker_ro, count:" COUNT;
own_page char marker_bss[PAGE_SIZE];

int main(void)
{
	volatile char *rw = marker;
	const volatile char *ro = marker_ro;

	rw[0] = rw[0];
	(void)ro[0];
	memset(marker_bss, 0xa5, sizeof(marker_bss));
	say("marker %p\n", (void *)marker);
	say("marker_ro %p\n", (const void *)marker_ro);
	say("marker_bss %p\n", (void *)marker_bss);
	return 0;
}
