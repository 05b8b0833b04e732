/* SPDX-License-Identifier: MIT */
/*
 * tlb.c [WAY [FILE]]: uses a translation, has it changed, and uses it again: each way is one kind
 * of change of docs/tlb-contract.md. Those whose name begins with `die-` must end with
 * SIGSEGV at `fault_address`: a translation that outlived its change would let them live.
 */
#include "guest/rt.h"

#define BLOCK (2 * MIB)
#define ROUNDS 2000

void *fault_address;

static volatile unsigned long *map_at(void *addr, size_t len)
{
	return must_map(addr, len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | (addr ? MAP_FIXED : 0), -1);
}

static void check(long err, const char *what)
{
	if (err < 0)
		die(err, "%s", what);
}

static void expect(const char *what, unsigned long found, unsigned long want)
{
	if (found != want)
		die(0, "%s: %lx, not %lx", what, found, want);
}

/* A page that was written, and is used after `change` made of it what it may. */
static void use_after(long (*change)(void *page), bool write)
{
	volatile unsigned long *page = map_at(NULL, PAGE_SIZE);

	*page = PATTERN;
	expect("written", *page, PATTERN);
	fault_address = (void *)page;
	check(change((void *)page), "change");
	if (write)
		*page = 1;
	else
		say("%lx", *page);
}

static long unmap(void *page)
{
	return sys_munmap(page, PAGE_SIZE);
}

static long make_read_only(void *page)
{
	return sys_mprotect(page, PAGE_SIZE, PROT_READ);
}

static long make_none(void *page)
{
	return sys_mprotect(page, PAGE_SIZE, PROT_NONE);
}

static void die_unmapped(const char *file)
{
	(void)file;
	use_after(unmap, false);
}

static void die_read_only(const char *file)
{
	(void)file;
	use_after(make_read_only, true);
}

static void die_none(const char *file)
{
	(void)file;
	use_after(make_none, false);
}

/* The page's whole table goes with it, and may serve other addresses. */
static void use_old_table(unsigned long others)
{
	volatile unsigned long *old = map_at((void *)(64 * GIB), PAGE_SIZE);

	*old = PATTERN;
	fault_address = (void *)old;
	check(unmap((void *)old), "munmap");
	for (unsigned long i = 1; i <= others; i++)
		*map_at((void *)(64 * GIB + i * BLOCK), PAGE_SIZE) = i;
	say("%lx", *old);
}

/* At once: what KVM keeps of the old table is still there. */
static void die_table(const char *file)
{
	(void)file;
	use_old_table(4);
}

/* After so many that tables are used again. */
static void die_tables(const char *file)
{
	(void)file;
	use_old_table(ROUNDS);
}

/* In the middle of memory that 2 MiB entries map. */
static void die_in_leaf(const char *file)
{
	volatile char *mem = (void *)map_at((void *)(64 * GIB), 4 * BLOCK);

	(void)file;
	for (unsigned long at = 0; at < 4 * BLOCK; at += PAGE_SIZE)
		mem[at] = 1;
	fault_address = (void *)(mem + 3 * BLOCK + 5 * PAGE_SIZE);
	check(unmap(fault_address), "munmap");
	expect("the page before", mem[3 * BLOCK + 4 * PAGE_SIZE], 1);
	expect("the page behind", mem[3 * BLOCK + 6 * PAGE_SIZE], 1);
	mem[3 * BLOCK + 5 * PAGE_SIZE] = 1;
}

/* Tables come and go so often that they must be used again; each mapping starts with zeroes. */
static void recycle(const char *file)
{
	(void)file;
	for (unsigned long i = 0; i < ROUNDS; i++) {
		volatile unsigned long *page =
			map_at((void *)(64 * GIB + i % 7 * BLOCK), PAGE_SIZE);

		expect("a new page", *page, 0);
		*page = i + 1;
		expect("it, written", *page, i + 1);
		check(unmap((void *)page), "munmap");
	}
}

/* Memory of a 2 MiB leaf goes, other memory is mapped there, and more of it goes. */
static void replace_leaf(const char *file)
{
	volatile char *old = (void *)map_at((void *)(64 * GIB), BLOCK), *new;

	(void)file;
	for (unsigned long at = 0; at < BLOCK; at += PAGE_SIZE)
		old[at] = 1;
	check(sys_munmap((void *)old, BLOCK), "munmap");
	new = (void *)map_at((void *)(old - BLOCK), 2 * BLOCK);
	for (unsigned long at = 0; at < 2 * BLOCK; at += PAGE_SIZE)
		new[at] = 2;
	check(sys_munmap((void *)new, BLOCK), "munmap");
	for (unsigned long at = 0; at < BLOCK; at += PAGE_SIZE)
		expect("what was written", old[at], 2);
}

/* A private page of a file that was read gets its copy from a call's write, not from ours. */
static void call_copies(const char *file)
{
	size_t size;
	int fd = must_open(file, O_RDONLY, &size);
	volatile unsigned char *page =
		must_map(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	unsigned char last = page[size - 1];

	expect("the file's first byte", page[0] != last, 1);
	check(sys_pread64(fd, (void *)page, 1, (long)size - 1), "pread");
	expect("the byte that was read in", page[0], last);
}

/*
 * A 2 MiB leaf goes, its frame is used elsewhere, and small mappings with gaps take its place:
 * they must be new pages, not that frame's.
 */
static void leaf_to_table(const char *file)
{
	char *base = (char *)(512 * BLOCK), *other = base + GIB;
	volatile unsigned long *page;

	(void)file;
	map_at(base, BLOCK);
	for (size_t at = 0; at < BLOCK; at += PAGE_SIZE)
		*(volatile unsigned long *)(base + at) = PATTERN;
	check(sys_munmap(base, BLOCK), "munmap");
	map_at(other, 2 * BLOCK);
	for (size_t at = 0; at < 2 * BLOCK; at += PAGE_SIZE)
		*(volatile unsigned long *)(other + at) = ~at;
	for (size_t at = 0; at < BLOCK; at += 32 * PAGE_SIZE)
		map_at(base + at, 31 * PAGE_SIZE);
	for (size_t at = 0; at < BLOCK; at += PAGE_SIZE) {
		page = (unsigned long *)(base + at);
		if (at / PAGE_SIZE % 32 == 31)
			continue;
		expect("new page", *page, 0);
		*page = at;
	}
	for (size_t at = 0; at < 2 * BLOCK; at += PAGE_SIZE)
		expect("other memory", *(unsigned long *)(other + at), ~at);
}

static const struct way {
	const char *name;
	void (*fn)(const char *file);
} ways[] = {
	{ "die-unmapped", die_unmapped },
	{ "die-read-only", die_read_only },
	{ "die-none", die_none },
	{ "die-table", die_table },
	{ "die-tables", die_tables },
	{ "die-in-leaf", die_in_leaf },
	{ "recycle", recycle },
	{ "call-copies", call_copies },
	{ "leaf-to-table", leaf_to_table },
	{ "replace-leaf", replace_leaf },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(ways); i++)
		if (!strcmp(argv[1], ways[i].name)) {
			ways[i].fn(argc > 2 ? argv[2] : argv[0]);
			say("ok: %s\n", ways[i].name);
			return 0;
		}
	usage("die-unmapped|die-read-only|die-none|die-table|die-tables|die-in-leaf|recycle|"
	      "call-copies FILE|leaf-to-table|replace-leaf");
}
