/* SPDX-License-Identifier: MIT */
/*
 * test_kernel.c: mmap, munmap, mprotect and msync against the host's kernel: the same random calls
 * are made here, in this process, and in an mm, at the same addresses; results and the list
 * of VMAs must be equal after each.
 */
#include <stdio.h>

#include "tests/mm/space.h"

/* Where nothing else of a process lies, sanitized or not. */
#define REGION 0x200000000000ull
#define PAGES 48
#define STEPS 3000
#define LIST_MAX 8192

struct call {
	unsigned op;
	gva_t addr;
	uint64_t len;
	int prot, flags;
};

static uint64_t state;

static unsigned pick(unsigned n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(state >> 33) % n;
}

/* Mostly pages of the region, now and then something that has to be refused. */
static struct call random_call(void)
{
	static const int flags[] = { ANON,
				     ANON,
				     ANON | MAP_NORESERVE,
				     MAP_SHARED | MAP_ANONYMOUS,
				     MAP_ANONYMOUS,
				     ANON | MAP_FIXED_NOREPLACE };
	struct call c = { .op = pick(5),
			  .addr = REGION + pick(PAGES) * PAGE_SIZE,
			  .len = (1 + pick(8)) * PAGE_SIZE,
			  .prot = (int)pick(8),
			  .flags = flags[pick(6)] | MAP_FIXED };

	if (!pick(25))
		c.len = (uint64_t[]){ 0, 1, UINT64_MAX, 1ull << 47, 5000 }[pick(5)];
	if (!pick(25))
		c.addr += (uint64_t[]){ 1, 0x800, 0x7fffffffffff0000 }[pick(3)];
	if (c.len < 1ull << 40 && c.addr + c.len > REGION + PAGES * PAGE_SIZE &&
	    c.addr < REGION + PAGES * PAGE_SIZE)
		c.len = PAGE_SIZE;
	return c;
}

static long here(const struct call *c)
{
	void *addr = (void *)c->addr;
	long ret;

	switch (c->op) {
	case 0:
	case 1:
		ret = (long)mmap(addr, c->len, c->prot, c->flags, -1, 0);
		return ret == -1 ? -errno : ret;
	case 2:
		ret = munmap(addr, c->len);
		break;
	case 3:
		ret = mprotect(addr, c->len, c->prot);
		break;
	default:
		ret = msync(addr, c->len, c->prot);
		break;
	}
	return ret ? -errno : 0;
}

static long there(struct space *s, const struct call *c)
{
	switch (c->op) {
	case 0:
	case 1:
		return mm_mmap(&s->mm, c->addr, c->len, c->prot, c->flags, NULL, false,
			       false, 0);
	case 2:
		return mm_munmap(&s->mm, c->addr, c->len);
	case 3:
		return mm_mprotect(&s->mm, c->addr, c->len, c->prot);
	default:
		return mm_msync(&s->mm, c->addr, c->len, c->prot);
	}
}

/* "START-END PROT" of the lines that lie in the region. */
static void list_here(char *list)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], *prot;
	size_t n = 0;

	*list = '\0';
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start = strtoul(line, &prot, 16);
		unsigned long end = strtoul(prot + 1, &prot, 16);

		if (start >= REGION && end <= REGION + PAGES * PAGE_SIZE)
			n += (size_t)snprintf(list + n, LIST_MAX - n, "%lx-%lx %.4s\n",
					      start, end, prot + 1);
	}
	fclose(maps);
}

static void list_there(struct space *s, char *list)
{
	struct mv_vma v;
	size_t n = 0;

	*list = '\0';
	for (gva_t at = 0; !mm_vma_info(&s->mm, at, &v); at = v.end)
		n += (size_t)snprintf(list + n, LIST_MAX - n, "%lx-%lx %c%c%c%c\n", v.start,
				      v.end, v.prot & MV_READ ? 'r' : '-',
				      v.prot & MV_WRITE ? 'w' : '-',
				      v.prot & MV_EXEC ? 'x' : '-', v.shared ? 's' : 'p');
}

/* Write to a page that both may write: private pages decide about merging. */
static void write_somewhere(struct space *s)
{
	gva_t gva = REGION + pick(PAGES) * PAGE_SIZE;
	struct mv_vma v;

	if (!mm_vma_info(&s->mm, gva, &v) && v.start <= gva && v.prot & MV_WRITE) {
		*(volatile char *)gva = 1;
		touch(s, gva, MV_WRITE);
	}
}

static void compare_with_kernel(uint64_t seed)
{
	static char want[LIST_MAX], found[LIST_MAX];
	struct space s;

	state = seed;
	space_init(&s, 1ull << 30, 1, MV_THP_NEVER);
	for (unsigned i = 0; i < STEPS; i++) {
		struct call c = random_call();
		long a = here(&c), b = there(&s, &c);

		cr_assert_eq(
			a, b,
			"seed %lu step %u: op %u(%#lx, %#lx, %d, %#x) = %ld, kernel %ld",
			seed, i, c.op, c.addr, c.len, c.prot, c.flags, b, a);
		list_here(want);
		list_there(&s, found);
		cr_assert_str_eq(found, want,
				 "seed %lu step %u: op %u(%#lx, %#lx, %d, %#x):\n%s"
				 "kernel:\n%s",
				 seed, i, c.op, c.addr, c.len, c.prot, c.flags, found,
				 want);
		if (!pick(3))
			write_somewhere(&s);
	}
	munmap((void *)REGION, PAGES * PAGE_SIZE);
	space_destroy(&s);
}

Test(kernel, random_calls_return_and_leave_what_linux_does_seed_1)
{
	compare_with_kernel(1);
}

Test(kernel, random_calls_return_and_leave_what_linux_does_seed_2)
{
	compare_with_kernel(2);
}

Test(kernel, random_calls_return_and_leave_what_linux_does_seed_3)
{
	compare_with_kernel(3);
}
