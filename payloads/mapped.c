/* SPDX-License-Identifier: MIT */
/*
 * mapped.c WAY [FILE]: memory calls in corners where Linux's rules aren't the first that come to mind. It says what
 * it saw, natively the same. FILE can be made anew.
 */
#include "payloads/try.h"
#include "payloads/ways.h"

#include <linux/capability.h>
#include <linux/falloc.h>

#define AT ((char *)0x200000000000)
#define PAGES 8
#define LEN (PAGES * PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)

static const char *path;

/* FILE, each of its pages full of its number, from 10 on. */
static int make_file(void)
{
	static char page[PAGE_SIZE];
	int fd = (int)sys_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < PAGES; i++) {
		memset(page, 10 + i, PAGE_SIZE);
		sys_pwrite64(fd, page, PAGE_SIZE, i * PAGE_SIZE);
	}
	return fd;
}

static char *map_at(unsigned page, int prot, int flags, int fd)
{
	return must_map(AT + page * PAGE_SIZE, LEN, prot, flags | MAP_FIXED, fd);
}

/* The first byte of each page, as a call finds it; -: none is to be had. */
static void say_pages(const char *what, const char *p)
{
	char byte = 0;
	int fds[2];

	CALL(pipe, fds);
	say("%s:", what);
	for (unsigned i = 0; i < PAGES; i++) {
		if (sys_write(fds[1], p + i * PAGE_SIZE, 1) != 1) {
			say(" -");
			continue;
		}
		sys_read(fds[0], &byte, 1);
		say(" %d", byte);
	}
	say("\n");
	sys_close(fds[0]);
	sys_close(fds[1]);
}

static unsigned long hex(const char **at)
{
	unsigned long n = 0;

	for (; **at && **at != '-' && **at != ' '; (*at)++)
		n = n << 4 | (unsigned long)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
	(*at)++;
	return n;
}

static const char *maps(void)
{
	static char text[1 << 16];
	const int fd = must_open("/proc/self/maps", O_RDONLY, NULL);
	size_t len = 0;
	long n;

	while ((n = sys_read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	sys_close(fd);
	return text;
}

/* The list of VMAs that have a part in [start, end), in pages from start on. */
static void say_maps(const char *start, const char *end)
{
	for (const char *at = maps(); *at; at++) {
		const unsigned long from = hex(&at), to = hex(&at);

		if (to > (unsigned long)start && from < (unsigned long)end)
			say("  %ld to %ld %c%c%c%c\n",
			    ((long)from - (long)start) / (long)PAGE_SIZE,
			    ((long)to - (long)start) / (long)PAGE_SIZE, at[0], at[1], at[2],
			    at[3]);
		while (*at != '\n')
			at++;
	}
}

/* ---- files whose content moves */

/* Pages 3 and 5 were written, 1 too, which is before what moves; all were read. */
static void move_content(const char *what, int mode)
{
	int fd = make_file();
	char *shared = map_at(0, RW, MAP_SHARED, fd);
	char *copies = map_at(2 * PAGES, RW, MAP_PRIVATE, fd);

	copies[PAGE_SIZE] = copies[3 * PAGE_SIZE] = copies[5 * PAGE_SIZE] = 91;
	CALL(madvise, copies + 6 * PAGE_SIZE, PAGE_SIZE, 102); /* MADV_GUARD_INSTALL */
	say_pages("shared, before", shared);
	say_pages("copies, before", copies);
	say("%s: %ld\n", what, CALL(fallocate, fd, mode, 2 * PAGE_SIZE, 2 * PAGE_SIZE));
	say_pages("shared", shared);
	say_pages("copies", copies);
	copies[4 * PAGE_SIZE] = 92;
	say_pages("written again", copies);
	sys_munmap(AT, 4 * LEN);
	sys_close(fd);
}

static void moved_content(void)
{
	move_content("collapse", FALLOC_FL_COLLAPSE_RANGE);
	move_content("insert", FALLOC_FL_INSERT_RANGE);
	move_content("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	move_content("zero", FALLOC_FL_ZERO_RANGE);
	move_content("allocate", 0);
}

/* ---- what one mremap moves */

enum kind { PRIVATE_FILE, SHARED_FILE, PRIVATE_ZERO, SHARED_ZERO, MEMFD, ANONYMOUS, KINDS };

static void map_kind(char *at, enum kind kind, int file, int zero, int memfd)
{
	const int flags = MAP_FIXED |
			  (kind == SHARED_FILE || kind == SHARED_ZERO || kind == MEMFD
				   ? MAP_SHARED
				   : MAP_PRIVATE);

	must_map(at, 2 * PAGE_SIZE, RW, flags | (kind == ANONYMOUS ? MAP_ANONYMOUS : 0),
		 kind <= SHARED_FILE   ? file
		 : kind <= SHARED_ZERO ? zero
		 : kind == MEMFD       ? memfd
				       : -1);
	*at = (char)(1 + kind);
}

/* Three VMAs, one of them of that kind, and a hole. */
static void move_three(enum kind kind, unsigned which, int file, int zero, int memfd)
{
	for (unsigned i = 0; i < 3; i++)
		map_kind(AT + 3 * i * PAGE_SIZE, i == which ? kind : ANONYMOUS, file, zero,
			 memfd);
	say("kind %d as number %u: %lx\n", kind, which,
	    CALL(mremap, AT, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, AT + LEN));
	say_pages("there", AT + LEN);
	say_maps(AT, AT + 2 * LEN);
	sys_munmap(AT, 2 * LEN);
}

static void moved_several(void)
{
	const int file = make_file(), zero = must_open("/dev/zero", O_RDWR, NULL);
	const int memfd = (int)CALL(memfd_create, "moved", 0);

	CALL(ftruncate, memfd, LEN);
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (unsigned which = 0; which < 3; which++)
			move_three(kind, which, file, zero, memfd);
}

/* ---- what may be executed */

/* Each protection, privately and shared, and whether it becomes executable. */
static void execute(const char *what, int fd)
{
	static const int flags[] = { MAP_PRIVATE, MAP_SHARED };

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		for (int prot = 0; prot < 8; prot++) {
			const long p = sys_mmap(NULL, PAGE_SIZE, prot, flags[i], fd, 0);

			say("%s %x %d: %ld", what, flags[i], prot, p < 0 ? p : 0);
			if (p > 0)
				say(" %ld", sys_mprotect((void *)p, PAGE_SIZE,
							 PROT_READ | PROT_EXEC));
			say("\n");
		}
	sys_close(fd);
}

/* FILE is where the test has it. */
static void executed_file(void)
{
	sys_close(make_file());
	execute("for both", (int)sys_open(path, O_RDWR, 0));
	execute("for reading", (int)sys_open(path, O_RDONLY, 0));
	execute("for writing", (int)sys_open(path, O_WRONLY, 0));
}

static void executed_others(void)
{
	int fds[2];

	CALL(pipe, fds);
	execute("pipe", fds[0]);
	execute("pipe's other end", fds[1]);
	execute("eventfd", (int)CALL(eventfd2, 0, 0));
	execute("epoll", (int)CALL(epoll_create1, 0));
	execute("timerfd", (int)CALL(timerfd_create, 1, 0));
	execute("memfd", (int)CALL(memfd_create, "executed", 0));
	execute("maps", (int)sys_open("/proc/self/maps", O_RDONLY, 0));
	execute("fds", (int)sys_open("/proc/self/fd", O_RDONLY, 0));
	execute("zero", (int)sys_open("/dev/zero", O_RDWR, 0));
	execute("null", (int)sys_open("/dev/null", O_RDWR, 0));
	execute("none", 99);
}

/* ---- the heap */

static char *heap;

static void move_break(const char *what, unsigned pages)
{
	say("%s: %ld\n", what, sys_brk(heap + pages * PAGE_SIZE) - (long)heap);
	say_maps(heap - PAGE_SIZE, heap + 2 * PAGES * PAGE_SIZE);
}

/* It begins right behind .bss, where nothing is random. */
static void grown_heap(void)
{
	heap = (char *)sys_brk(NULL);
	say_maps(heap - PAGE_SIZE, heap);
	move_break("begun", 2);
	heap[0] = 1;
	move_break("written, and longer", 4);
	move_break("none", 0);
	move_break("begun again", 2);
	sys_mprotect(heap, PAGE_SIZE, PROT_READ);
	move_break("part of it read-only", 3);
	sys_mprotect(heap, PAGE_SIZE, RW);
	move_break("one with .bss", 4);
	move_break("shorter", 1);
	sys_munmap(heap, PAGE_SIZE);
	move_break("its first page unmapped", 3);
	sys_mprotect(heap - PAGE_SIZE, PAGE_SIZE, PROT_READ);
	move_break("shorter", 1);
	sys_mprotect(heap - PAGE_SIZE, PAGE_SIZE, RW);
	move_break("all that is mapped before it is .bss", 2);
}

/* ---- MAP_SYNC */

static void sync_one(const char *what, int fd, int flags)
{
	static const int types[] = { MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE };

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(types); i++) {
		const long p = sys_mmap(NULL, PAGE_SIZE, i % 2 ? RW : PROT_READ,
					flags | types[i / 2] | MAP_SYNC, fd, 0);

		say("%s %u: %ld\n", what, i, p < 0 ? p : 0);
	}
}

/* Beside a VMA without it, and one with it. */
static void sync_beside(const char *what, int flags, int fd)
{
	flags |= MAP_PRIVATE | MAP_FIXED;
	must_map(AT, 2 * PAGE_SIZE, RW, flags, fd);
	sys_mmap(AT + 2 * PAGE_SIZE, 2 * PAGE_SIZE, RW, flags | MAP_SYNC, fd,
		 2 * PAGE_SIZE);
	sys_mmap(AT + 4 * PAGE_SIZE, 2 * PAGE_SIZE, RW, flags | MAP_SYNC, fd,
		 4 * PAGE_SIZE);
	sys_mprotect(AT, LEN, PROT_READ);
	say("%s:\n", what);
	say_maps(AT, AT + LEN);
	sys_munmap(AT, LEN);
}

static void synced(void)
{
	const int zero = (int)sys_open("/dev/zero", O_RDWR, 0);
	int fds[2], memfd = (int)CALL(memfd_create, "synced", 0);

	CALL(pipe, fds);
	sync_one("memory", -1, MAP_ANONYMOUS);
	sync_one("zero", zero, 0);
	sync_one("memfd", memfd, 0);
	sync_one("pipe", fds[0], 0);
	sync_one("pipe's other end", fds[1], 0);
	sync_beside("memory", MAP_ANONYMOUS, -1);
	sync_beside("zero", 0, zero);
	sync_beside("memfd", 0, memfd);
}

static void synced_file(void)
{
	const int fd = make_file();

	sync_one("for both", fd, 0);
	sync_one("for reading", (int)sys_open(path, O_RDONLY, 0), 0);
	sync_one("for writing", (int)sys_open(path, O_WRONLY, 0), 0);
	sync_one("folder", (int)sys_open("/proc/self/fd", O_RDONLY, 0), 0);
	/* what is refused as late as that has unmapped before */
	must_map(AT, LEN, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
	say("over memory: %ld\n", sys_mmap(AT + PAGE_SIZE, 2 * PAGE_SIZE, RW,
					   MAP_PRIVATE | MAP_SYNC | MAP_FIXED, fd, 0));
	say_maps(AT, AT + LEN);
}

/* ---- what is refused, and how */

#define MADV_COLLAPSE 25

/* MADV_COLLAPSE of so many pages of a VMA of so many, from `first` on, all written. */
static void collapse(unsigned first, unsigned pages, unsigned advised)
{
	char *p = must_map(AT + first * PAGE_SIZE, pages * PAGE_SIZE, RW,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);

	memset(p, 1, pages * PAGE_SIZE);
	say("%u of %u from %u: %ld\n", advised, pages, first,
	    sys_madvise(p, advised * PAGE_SIZE, MADV_COLLAPSE));
	sys_munmap(p, pages * PAGE_SIZE);
}

/* No block that the host would have to find memory for. */
static void collapsed(void)
{
	collapse(0, 4, 4);
	collapse(0, 511, 511);
	collapse(0, 511, 1024);
	collapse(0, 512, 4);
	collapse(0, 1024, 511);
	collapse(1, 1000, 1000);
	collapse(1, 1023, 100);
	collapse(500, 100, 100);
}

/* The first VMA of that name. */
static char *named(const char *name, size_t *len)
{
	const size_t n = strlen(name);
	const char *end;

	for (const char *at = maps(); *at; at = end + 1) {
		const unsigned long from = hex(&at), to = hex(&at);

		for (end = at; *end != '\n'; end++)
			;
		if ((size_t)(end - at) > n && !memcmp(end - n, name, n)) {
			*len = to - from;
			return (char *)from;
		}
	}
	die(0, "no %s", name);
}

static void advised_vdso(void)
{
	static const char *const names[] = { "[vvar]", "[vdso]" };
	static const int advice[] = { MADV_REMOVE, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
				      MADV_COLLAPSE };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		for (unsigned k = 0; k < ARRAY_SIZE(advice); k++) {
			size_t len;
			char *p = named(names[i], &len);

			say("%s %d: %ld\n", names[i], advice[k],
			    sys_madvise(p, len, advice[k]));
		}
}

static void offset(const char *what, int fd, int flags)
{
	static const unsigned long offsets[] = {
		0,
		0x7fffffffffffc000,
		0x7fffffffffffd000,
		0x7fffffffffffe000,
		0x7ffffffffffff000,
		0x8000000000000000,
		0xffffffffffffd000,
		0xffffffffffffe000,
		0xfffffffffffff000,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		const long p = sys_mmap(NULL, PAGE_SIZE, RW, flags, fd, (long)offsets[i]);

		say("%s at %lx: %ld", what, offsets[i], p < 0 ? p : 0);
		if (p >= 0)
			say(" %ld", sys_madvise((void *)p, PAGE_SIZE, MADV_REMOVE));
		say("\n");
		sys_munmap((void *)p, PAGE_SIZE);
	}
}

static void far_offsets(void)
{
	const int zero = (int)sys_open("/dev/zero", O_RDWR, 0);
	int fds[2], memfd = (int)CALL(memfd_create, "far", 0);

	CALL(pipe, fds);
	offset("zero, private", zero, MAP_PRIVATE);
	offset("zero, shared", zero, MAP_SHARED);
	offset("memfd", memfd, MAP_PRIVATE);
	offset("null", (int)sys_open("/dev/null", O_RDWR, 0), MAP_PRIVATE);
	offset("pipe", fds[0], MAP_PRIVATE);
	offset("maps", (int)sys_open("/proc/self/maps", O_RDONLY, 0), MAP_PRIVATE);
	offset("fds", (int)sys_open("/proc/self/fd", O_RDONLY, 0), MAP_PRIVATE);
	offset("file for writing", (int)sys_open(path, O_WRONLY, 0), MAP_PRIVATE);
	offset("memory", -1, MAP_PRIVATE | MAP_ANONYMOUS);
}

/* ---- where .data ends and .bss begins */

extern char _edata[];

static unsigned long sum(const char *p, const char *end)
{
	unsigned long n = 0;

	while (p < end)
		n = n * 31 + (unsigned char)*p++;
	return n;
}

/* The page is what it was before anything else looks at it. */
static void dropped_data(void)
{
	char *page = (char *)((unsigned long)_edata & ~(PAGE_SIZE - 1));
	const size_t used = (size_t)(_edata - page);
	char kept[PAGE_SIZE], again[PAGE_SIZE], resident = 0;

	CALL(mincore, page, PAGE_SIZE, &resident);
	memcpy(kept, page, PAGE_SIZE);
	sys_madvise(page, PAGE_SIZE, MADV_DONTNEED);
	memcpy(again, page, PAGE_SIZE);
	memcpy(page, kept, PAGE_SIZE);
	say("resident: %d\n", resident & 1);
	say("its file's bytes: %lx\n", sum(again, again + used));
	say("behind them: %lx\n", sum(again + used, again + PAGE_SIZE));
	sys_mprotect(page, PAGE_SIZE, PROT_READ);
	say_maps(page, page + PAGE_SIZE);
	sys_mprotect(page, PAGE_SIZE, RW);
	say_maps(page, page + PAGE_SIZE);
}

/* FILE is somebody else's: who may only read it isn't told which of it is in memory. */
static void secret_residency(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	static const struct __user_cap_data_struct none[2];
	int fd = must_open(path, O_RDONLY, NULL);
	char *p = map_at(0, PROT_READ, MAP_PRIVATE, fd);
	unsigned char there[PAGES] = "";

	say("capset %ld\n", CALL(capset, &header, none));
	CALL(fsync, fd);
	CALL(fadvise64, fd, 0, 0, 4 /* POSIX_FADV_DONTNEED */);
	say("mincore %ld ", CALL(mincore, p, LEN, there));
	for (size_t i = 0; i < PAGES; i++)
		say("%d", there[i]);
	say("\n");
}

static const struct way ways[] = { { "secret-residency", secret_residency },
				   { "moved-content", moved_content },
				   { "moved-several", moved_several },
				   { "executed-file", executed_file },
				   { "executed-others", executed_others },
				   { "grown-heap", grown_heap },
				   { "synced", synced },
				   { "synced-file", synced_file },
				   { "collapsed", collapsed },
				   { "advised-vdso", advised_vdso },
				   { "far-offsets", far_offsets },
				   { "dropped-data", dropped_data } };

int main(int argc, char **argv)
{
	path = argc == 3 ? argv[2] : NULL;
	if (argc < 2 || argc > 3 || !run_way(ways, ARRAY_SIZE(ways), argv[1]))
		usage("WAY [FILE]");
	return 0;
}
