/* SPDX-License-Identifier: MIT */
/*
 * segv.c: dies of SIGSEGV in the way asked for. A function a way, so that the report of
 * the fault can name it.
 */
#include "guest/rt.h"

#define noinline __attribute__((noinline))
#define NOWHERE ((char *)0xdead0000)

/*
 * Where the access goes, for whoever looks afterwards. As the pointer itself is volatile,
 * the compiler can't see through it, nor leave the access out.
 */
volatile char *volatile fault_address;

static inline __attribute__((always_inline)) void read_at(void *addr)
{
	fault_address = addr;
	(void)*fault_address;
}

static inline __attribute__((always_inline)) void write_at(void *addr)
{
	fault_address = addr;
	*fault_address = 1;
}

static char *map_pages(size_t n, int prot)
{
	return must_map(NULL, n * PAGE_SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static noinline void read_null(void)
{
	read_at(NULL);
}

static noinline void read_unmapped(void)
{
	read_at(NOWHERE);
}

static noinline void write_unmapped(void)
{
	write_at(NOWHERE);
}

static noinline void call_unmapped(void)
{
	fault_address = NOWHERE;
	((void (*)(void))fault_address)();
}

static noinline void write_readonly(void)
{
	write_at(map_pages(1, PROT_READ));
}

static noinline void read_kernel(void)
{
	read_at((void *)0xffffffff80000000);
}

/* Its upper bits are not all alike: #GP rather than #PF, and nothing says which address. */
static noinline void read_noncanonical(void)
{
	read_at((void *)0x8000000000000000);
}

static noinline void read_gap(void)
{
	char *p = map_pages(2, PROT_READ);

	sys_munmap(p + PAGE_SIZE, PAGE_SIZE);
	read_at(p);
	read_at(p + PAGE_SIZE);
}

static noinline void overflow_stack(void)
{
	volatile char frame[1024];

	frame[0] = 1;
	if (frame[0])
		overflow_stack();
	/* Something to do after the call, as a tail call would be a mere loop. */
	frame[0] = 0;
}

static const struct {
	const char *name;
	void (*access)(void);
} ways[] = {
	{ "null", read_null },
	{ "read", read_unmapped },
	{ "write", write_unmapped },
	{ "exec", call_unmapped },
	{ "prot", write_readonly },
	{ "kernel", read_kernel },
	{ "noncanonical", read_noncanonical },
	{ "gap", read_gap },
	{ "stack", overflow_stack },
};

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : ways[0].name;

	for (size_t i = 0; argc <= 2 && i < ARRAY_SIZE(ways); i++) {
		if (strcmp(name, ways[i].name))
			continue;
		say("about to fault: %s\n", name);
		ways[i].access();
		die(0, "%s: the access succeeded", name);
	}
	usage("[null|read|write|exec|prot|kernel|noncanonical|gap|stack]");
}
