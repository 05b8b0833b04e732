/* SPDX-License-Identifier: MIT */
/*
 * test_kernel.c: the mmap family against the host's kernel: the same random calls are made
 * here, in this process, and in an mm, at the same addresses. After each, results and VMAs are
 * equal; now and then, what may be read and written, the content, and mincore, too.
 *
 * This process's memory is touched by system calls only: they say EFAULT where a load would end it.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mman.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/lib/pkeys.h"
#include "tests/lib/random.h"
#include "tests/lib/shrink.h"
#include "tests/mm/space.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

/* Where nothing else of a process lies, sanitized or not. */
#define REGION 0x200000000000ull
#define PAGES 48
#define STEPS 6000 /* KERNEL_STEPS in the environment: so many */
#define STEPS_MAX 1000000
#define LIST_MAX 8192
#define FILE_PAGES 12
#define LOCK_PAGES 24

enum op {
	OP_MMAP,
	OP_MMAP_FILE,
	OP_MUNMAP,
	OP_MPROTECT,
	OP_MSYNC,
	OP_MREMAP,
	OP_MADVISE,
	OP_MLOCK,
	OP_MUNLOCK,
	OP_TRUNCATE,
	OP_LOAD,
	OP_STORE,
	OPS
};

static const char *const op_names[] = { "mmap",	   "mmap_file", "munmap",  "mprotect",
					"msync",   "mremap",	"madvise", "mlock",
					"munlock", "truncate",	"load",	   "store" };

struct call {
	enum op op;
	gva_t addr, to;
	uint64_t len, len2;
	int prot, flags, file;
};

/* Both sides of the comparison, and what they share. */
struct pair {
	struct space s;
	int fd[2]; /* files; the second is open for reading only */
	struct object *obj[2];
	int pipe[2]; /* system calls that touch memory */
};

static gva_t place(uint64_t *p)
{
	return REGION + pick_from(p, PAGES) * PAGE_SIZE;
}

/* Within the region, so that nothing else of this process is hit. */
static uint64_t length(uint64_t *p, gva_t at, unsigned most)
{
	return min_u64((1 + pick_from(p, most)) * PAGE_SIZE,
		       REGION + PAGES * PAGE_SIZE - at);
}

static int mmap_flags(uint64_t *p, bool file)
{
	static const int types[] = { MAP_PRIVATE, MAP_PRIVATE,	       MAP_PRIVATE,
				     MAP_SHARED,  MAP_SHARED_VALIDATE, 0 };
	static const int extras[] = { MAP_NORESERVE, MAP_STACK,	   MAP_POPULATE,
				      MAP_LOCKED,    MAP_NONBLOCK, MAP_FIXED_NOREPLACE };
	int flags = types[pick_from(p, 6)] | MAP_FIXED | (file ? 0 : MAP_ANONYMOUS);

	return pick_from(p, 3) ? flags : flags | extras[pick_from(p, 6)];
}

/* Not MADV_PAGEOUT, a hint, which takes clean pages of shared memory on Linux. */
static int advice(uint64_t *p)
{
	static const int all[] = {
		MADV_NORMAL,
		MADV_RANDOM,
		MADV_SEQUENTIAL,
		MADV_WILLNEED,
		MADV_DONTNEED,
		MADV_DONTNEED,
		MADV_DONTNEED,
		MADV_FREE,
		MADV_REMOVE,
		MADV_DONTFORK,
		MADV_DOFORK,
		MADV_MERGEABLE,
		MADV_UNMERGEABLE,
		MADV_HUGEPAGE,
		MADV_NOHUGEPAGE,
		MADV_DONTDUMP,
		MADV_DODUMP,
		MADV_WIPEONFORK,
		MADV_KEEPONFORK,
		MADV_COLD,
		MADV_COLD,
		MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
		24,
		MADV_GUARD_INSTALL,
		MADV_GUARD_INSTALL,
		MADV_GUARD_REMOVE,
		7,
		-1,
		1000,
	};

	return all[pick_from(p, sizeof(all) / sizeof(*all))];
}

/* Mostly pages of the region, now and then something that has to be refused. */
static struct call random_call(uint64_t *p)
{
	struct call c = { .op = (enum op)(pick_from(p, 3) ? OP_LOAD + pick_from(p, 2)
							  : pick_from(p, OP_LOAD)),
			  .addr = place(p),
			  .to = place(p),
			  .prot = comparable_prot((int)pick_from(p, 8)),
			  .file = (int)pick_from(p, 2) };

	c.len = length(p, c.addr, 8);
	c.len2 = pick_from(p, 2) ? c.len : length(p, c.to, 8);
	c.len2 = min_u64(c.len2, REGION + PAGES * PAGE_SIZE - max_u64(c.to, c.addr));
	if (c.op == OP_MMAP || c.op == OP_MMAP_FILE)
		c.flags = mmap_flags(p, c.op == OP_MMAP_FILE);
	else if (c.op == OP_MREMAP)
		c.flags = (int[]){ 0, MREMAP_MAYMOVE | MREMAP_FIXED,
				   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
				   MREMAP_FIXED }[pick_from(p, 4)];
	else if (c.op == OP_MADVISE)
		c.flags = advice(p);
	else if (c.op == OP_TRUNCATE)
		c.len = pick_from(p, FILE_PAGES * (unsigned)PAGE_SIZE);
	if (!pick_from(p, 25))
		c.len = (uint64_t[]){ 0, 1, UINT64_MAX, 1ull << 47, 5000 }[pick_from(p, 5)];
	if (c.len == 5000 && c.addr + c.len > REGION + PAGES * PAGE_SIZE)
		c.len = 1;
	if (!pick_from(p, 25))
		c.addr += (uint64_t[]){ 1, 0x800, 0x7fffffffffff0000 }[pick_from(p, 3)];
	if (c.len == 1ull << 47 && c.op != OP_MMAP && c.op != OP_MUNMAP)
		c.len = 0; /* it would leave the region */
	if (c.op >= OP_LOAD)
		c.addr = place(p) + pick_from(p, (unsigned)PAGE_SIZE);
	return c;
}

/* A byte at gva as the kernel reads it for a system call; -1: EFAULT. */
static int load_here(const struct pair *p, gva_t gva)
{
	unsigned char byte;

	if (write(p->pipe[1], (void *)gva, 1) != 1)
		return -1;
	cr_assert_eq(read(p->pipe[0], &byte, 1), 1);
	return byte;
}

static int load_there(struct pair *p, gva_t gva)
{
	unsigned char byte;

	return mm_copy_from(&p->s.mm, &byte, gva, 1) ? -1 : byte;
}

static bool store_here(const struct pair *p, gva_t gva, unsigned char byte)
{
	unsigned char rest;

	cr_assert_eq(write(p->pipe[1], &byte, 1), 1);
	if (read(p->pipe[0], (void *)gva, 1) == 1)
		return true;
	cr_assert_eq(read(p->pipe[0], &rest, 1), 1);
	return false;
}

static long here(const struct pair *p, const struct call *c)
{
	void *addr = (void *)c->addr;
	long ret = 0;

	switch (c->op) {
	case OP_MMAP:
		ret = (long)mmap(addr, c->len, c->prot, c->flags, -1, 0);
		break;
	case OP_MMAP_FILE:
		ret = (long)mmap(addr, c->len, c->prot, c->flags, p->fd[c->file],
				 (off_t)((c->to >> PAGE_SHIFT) % 4 << PAGE_SHIFT));
		break;
	case OP_MUNMAP:
		ret = munmap(addr, c->len);
		break;
	case OP_MPROTECT:
		ret = mprotect(addr, c->len, c->prot);
		break;
	case OP_MSYNC:
		ret = msync(addr, c->len, c->prot);
		break;
	case OP_MREMAP:
		ret = syscall(SYS_mremap, addr, c->len, c->len2, c->flags, c->to);
		break;
	case OP_MADVISE:
		ret = madvise(addr, c->len, c->flags);
		break;
	case OP_MLOCK:
		ret = syscall(SYS_mlock2, addr, c->len, c->prot & 3);
		break;
	case OP_MUNLOCK:
		ret = syscall(SYS_munlock, addr, c->len); /* ASan stubs libc's */
		break;
	case OP_TRUNCATE:
		if (c->len < FILE_PAGES * PAGE_SIZE)
			ret = ftruncate(p->fd[0], (off_t)c->len);
		break;
	case OP_LOAD:
		return load_here(p, c->addr);
	case OP_STORE:
		return store_here(p, c->addr, (unsigned char)c->prot);
	case OPS:
		break;
	}
	return ret == -1 ? -errno : ret;
}

static long there(struct pair *p, const struct call *c)
{
	struct mm *mm = &p->s.mm;
	struct object *obj = p->obj[c->file];
	unsigned char byte = (unsigned char)c->prot;
	struct stat st;

	switch (c->op) {
	case OP_MMAP:
		return mm_mmap(mm, c->addr, c->len, c->prot, c->flags, NULL, false, false,
			       0);
	case OP_MMAP_FILE:
		return mm_mmap(mm, c->addr, c->len, c->prot, c->flags, obj, true,
			       obj->writable, (c->to >> PAGE_SHIFT) % 4);
	case OP_MUNMAP:
		return mm_munmap(mm, c->addr, c->len);
	case OP_MPROTECT:
		return mm_mprotect(mm, c->addr, c->len, c->prot);
	case OP_MSYNC:
		return mm_msync(mm, c->addr, c->len, c->prot);
	case OP_MREMAP:
		return mm_mremap(mm, c->addr, c->len, c->len2, (uint64_t)c->flags, c->to);
	case OP_MADVISE:
		return mm_madvise(mm, c->addr, c->len, c->flags);
	case OP_MLOCK:
		return mm_mlock(mm, c->addr, c->len, c->prot & 3);
	case OP_MUNLOCK:
		return mm_munlock(mm, c->addr, c->len);
	case OP_TRUNCATE:
		cr_assert(!fstat(p->fd[0], &st));
		return mm_file_seen(mm, st.st_dev, st.st_ino, st.st_size);
	case OP_LOAD:
		return load_there(p, c->addr);
	case OP_STORE:
		return !mm_copy_to(mm, c->addr, &byte, 1);
	case OPS:
		break;
	}
	return 0;
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
	for (gva_t at = 0; !mm_vma_next(&s->mm, at, &v); at = v.end)
		n += (size_t)snprintf(list + n, LIST_MAX - n, "%lx-%lx %c%c%c%c\n", v.start,
				      v.end, v.prot & MV_READ ? 'r' : '-',
				      v.prot & MV_WRITE ? 'w' : '-',
				      v.prot & MV_EXEC ? 'x' : '-', v.shared ? 's' : 'p');
}

/* What the two differ in; "": nothing. */
struct difference {
	unsigned step;
	char text[2 * LIST_MAX + 256];
};

__attribute__((format(printf, 2, 3))) static bool differs(struct difference *d,
							  const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, args);
	va_end(args);
	return true;
}

static bool compare_mincore(struct pair *p, struct difference *d)
{
	for (gva_t gva = REGION; gva < REGION + PAGES * PAGE_SIZE; gva += PAGE_SIZE) {
		unsigned char a = 0, b = 0;
		long want = mincore((void *)gva, PAGE_SIZE, &a) ? -errno : 1;
		long found = mm_mincore(&p->s.mm, gva, 1, &b);

		if (want != found || b != (a & 1))
			return differs(d, "mincore %#lx: %ld, %u; kernel %ld, %u", gva,
				       found, b, want, a);
	}
	return false;
}

static bool compare_content(struct pair *p, struct difference *d)
{
	for (gva_t gva = REGION; gva < REGION + PAGES * PAGE_SIZE; gva += PAGE_SIZE / 4) {
		int want = load_here(p, gva), found = load_there(p, gva);

		if (want != found)
			return differs(d, "content of %#lx: %d, kernel %d", gva, found,
				       want);
	}
	return false;
}

static bool compare_lists(struct pair *p, struct difference *d)
{
	static char want[LIST_MAX], found[LIST_MAX];

	list_here(want);
	list_there(&p->s, found);
	return strcmp(want, found) && differs(d, "VMAs:\n%skernel:\n%s", found, want);
}

/* One call on both sides, and what it left. */
static bool step(struct pair *p, const struct call *c, unsigned i, struct difference *d)
{
	long want = here(p, c), found = there(p, c);
	char text[256];

	d->step = i;
	if (want != found)
		return differs(d, "%ld, kernel %ld", found, want);
	if (mm_check(&p->s.mm, text, sizeof(text)))
		return differs(d, "%s", text);
	if (c->op < OP_LOAD && compare_lists(p, d))
		return true;
	return (i % 16 == 0 && compare_mincore(p, d)) ||
	       (i % 128 == 0 && compare_content(p, d));
}

/* As the payload is: no right beyond the limit, and no huge pages. */
static void become_ordinary(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2];
	const struct rlimit lock = { LOCK_PAGES * PAGE_SIZE, LOCK_PAGES * PAGE_SIZE };

	cr_assert(!syscall(SYS_capget, &head, caps));
	caps[0].effective &= ~(1u << CAP_IPC_LOCK);
	cr_assert(!syscall(SYS_capset, &head, caps));
	cr_assert(!setrlimit(RLIMIT_MEMLOCK, &lock));
	cr_assert(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

/* Whether this kernel gives a page to memory that is only read. PM_MMAP_EXCLUSIVE of fs/proc/task_mmu.c. */
static bool kernel_forbids_zeropage(void)
{
	volatile char *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	cr_assert(page != MAP_FAILED && fd >= 0);
	(void)*page;
	cr_assert_eq(pread(fd, &entry, sizeof(entry),
			   (off_t)((uintptr_t)page / PAGE_SIZE * sizeof(entry))),
		     sizeof(entry));
	close(fd);
	munmap((void *)(uintptr_t)page, PAGE_SIZE);
	return entry >> 56 & 1;
}

static void pair_init(struct pair *p)
{
	char path[64];

	become_ordinary();
	memset(p, 0, sizeof(*p));
	space_init(&p->s, 1ull << 30, 1, MV_THP_NEVER);
	p->s.mm.memlock_limit = LOCK_PAGES;
	p->s.mm.forbids_zeropage = kernel_forbids_zeropage();
	cr_assert(!pipe2(p->pipe, O_CLOEXEC));
	p->obj[0] = file_object(&p->s, FILE_PAGES, true, &p->fd[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd[0]);
	p->fd[1] = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(p->fd[1] >= 0);
	cr_assert(!object_new_file(&p->s.phys, dup(p->fd[1]), false, "file", &p->obj[1]));
}

static void pair_destroy(struct pair *p)
{
	munmap((void *)REGION, PAGES * PAGE_SIZE);
	object_put(p->obj[0]);
	object_put(p->obj[1]);
	close(p->fd[0]);
	close(p->fd[1]);
	close(p->pipe[0]);
	close(p->pipe[1]);
	space_destroy(&p->s);
}

/* All calls, until the first difference. */
static bool run(const struct call *calls, unsigned n, struct difference *d)
{
	struct pair p;
	bool found = false;

	pair_init(&p);
	for (unsigned i = 0; i < n && !found; i++)
		found = step(&p, &calls[i], i, d);
	found = found || compare_mincore(&p, d) || compare_content(&p, d);
	if (!found)
		pair_destroy(&p);
	return found;
}

/* ... in a process of its own, whose end is looked at only. */
static bool fails(void *calls, unsigned n, void *arg)
{
	static struct difference d;
	int status;
	pid_t pid = fork();

	(void)arg;
	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		_exit(run((const struct call *)calls, n, &d));
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

static void print_calls(const struct call *calls, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fprintf(stderr,
			"%s addr %#lx len %#lx len2 %#lx to %#lx prot %d flags %#x file %d\n",
			op_names[calls[i].op], calls[i].addr, calls[i].len, calls[i].len2,
			calls[i].to, calls[i].prot, calls[i].flags, calls[i].file);
}

static void compare_with_kernel(uint64_t seed)
{
	static struct call calls[STEPS_MAX];
	static struct difference d;
	const char *steps = getenv("KERNEL_STEPS");
	unsigned n = steps ? (unsigned)min_u64(strtoul(steps, NULL, 10), STEPS_MAX) : STEPS;
	uint64_t state = seed;

	for (unsigned i = 0; i < n; i++)
		calls[i] = random_call(&state);
	if (!fails(calls, n, NULL))
		return;
	n = shrink(calls, sizeof(*calls), n, fails, NULL);
	print_calls(calls, n);
	cr_assert(!run(calls, n, &d), "seed %lu, step %u of those above: %s", seed, d.step,
		  d.text);
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
