/* SPDX-License-Identifier: MIT */
/* grow.c: moves the break up in uneven steps, down, and up again: that part is zero. */
#include "guest/rt.h"

/* What the first and last byte of each piece hold, and what goes when the heap shrinks. */
#define FIRST 0xa5
#define LAST 0x5a
#define OLD 0xee

unsigned char *heap;
size_t heap_size;

static void set_size(size_t size)
{
	long got = sys_brk(heap + size);

	if (got != (long)heap + (long)size)
		die(0, "the break is %ld bytes from where %lu were asked for",
		    got - (long)heap, size);
	heap_size = size;
}

/* By 2, 7, 22, 67, ...: breaks within a page, on its edge and across many. */
static unsigned int grow_to(size_t size)
{
	unsigned int steps = 0;

	for (size_t step = 2; heap_size < size; step = 3 * step + 1, steps++) {
		size_t old = heap_size;

		set_size(size - old < step ? size : old + step);
		if (heap[old] || heap[heap_size - 1])
			die(0, "new memory at %lu is not zero", old);
		heap[heap_size - 1] = LAST;
		heap[old] = FIRST;
	}
	return steps;
}

static void expect(unsigned char byte, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (heap[i] != byte)
			die(0, "byte %lu is %x, not %x", i, heap[i], byte);
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? parse_size(argv[1]) : MIB;
	size_t half = size / 2, page_end;
	unsigned int steps;

	if (argc > 2 || size < 4 * PAGE_SIZE)
		usage("[SIZE], 16K at least");
	heap = (unsigned char *)sys_brk(NULL);
	page_end = PAGE_ALIGN((unsigned long)heap + half) - (unsigned long)heap;

	steps = grow_to(size);
	say("grew to %lu bytes in %u steps\n", size, steps);
	memset(heap + half, OLD, size - half);
	set_size(half);
	say("shrank to %lu bytes\n", half);

	/* The page that the lower break cut stays whole; those above it went. */
	set_size(size);
	expect(FIRST, 0, 1);
	expect(OLD, half, page_end);
	expect(0, page_end, size);
	heap[size - 1] = LAST;
	say("grew to %lu bytes again: the lower half is kept, what came anew is zero\n",
	    size);
	return 0;
}
