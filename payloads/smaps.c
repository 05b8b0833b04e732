/* SPDX-License-Identifier: MIT */
/*
 * smaps.c WAY: has memory of a kind, and says what smaps and status say of it: natively the same, but for what is the
 * host's affair.
 */
#include "payloads/ways.h"

#include <linux/mman.h>
#include <linux/resource.h>

#define HERE ((char *)(8ull << 40))
#define PAGES 8
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char text[256 * KIB];

/* All of a text in /proc/self. */
static void read_text(const char *path)
{
	int fd = must_open(path, O_RDONLY, NULL);
	size_t len = 0;
	long n;

	while ((n = sys_read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	sys_close(fd);
}

static char *end_of(char *line)
{
	while (*line && *line != '\n')
		line++;
	return line;
}

static bool begins(const char *line, const char *with)
{
	return !memcmp(line, with, strlen(with));
}

/* What smaps has below the line that begins with `at`. */
static void show(const char *what, const char *at)
{
	char start[14] = "";
	char *line, *end;

	for (int i = 0; i < 12; i++)
		start[i] = "0123456789abcdef"[(unsigned long)at >> (44 - 4 * i) & 15];
	start[12] = '-';
	while (start[0] == '0')
		memcpy(start, start + 1, sizeof(start) - 1);
	read_text("/proc/self/smaps");
	for (line = text; *line && !begins(line, start);)
		line = end_of(line) + 1;
	say("%s: %s\n", what, *line ? "" : "none");
	while (*line) {
		line = end_of(line) + 1;
		end = end_of(line);
		*end = '\0';
		if (!begins(line, "LazyFree")) /* when pages come to that list is chance */
			say("  %s\n", line);
		if (begins(line, "VmFlags"))
			return;
	}
}

/* A number of status. */
static long status(const char *name)
{
	long n = 0;

	read_text("/proc/self/status");
	for (char *line = text; *line; line = end_of(line) + 1) {
		if (!begins(line, name) || line[strlen(name)] != ':')
			continue;
		for (; *line != '\n'; line++)
			if (*line >= '0' && *line <= '9')
				n = n * 10 + *line - '0';
		return n;
	}
	return -1;
}

static char *map(size_t pages, int flags)
{
	return must_map(HERE, pages * PAGE_SIZE, RW, flags | MAP_FIXED, -1);
}

static void touch(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		at[i * PAGE_SIZE] = 1;
}

static char read_page(const char *at)
{
	return *(const volatile char *)at;
}

/* Three pages are written and one is read, of eight. */
static char *map_some(void)
{
	char *at = map(PAGES, ANON);

	touch(at, 2);
	at[5 * PAGE_SIZE] = 1;
	read_page(at + 7 * PAGE_SIZE);
	return at;
}

static void touched(void)
{
	char *at = map_some();

	show("touched", at);
	sys_mprotect(at, PAGES * PAGE_SIZE, PROT_NONE);
	show("protected", at);
	sys_mprotect(at, PAGES * PAGE_SIZE, PROT_READ);
	show("for reading", at);
	read_page(at + 5 * PAGE_SIZE);
	show("read", at);
	sys_madvise(at, PAGE_SIZE, MADV_DONTNEED);
	show("dropped", at);
}

static void moved(void)
{
	char *at = map_some(), *to = at + 64 * PAGE_SIZE;

	sys6(__NR_mremap, (long)at, PAGES * PAGE_SIZE, PAGES * PAGE_SIZE,
	     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, (long)to, 0);
	show("moved", to);
	show("left", at);
	touch(at, 1);
	show("touched again", at);
}

static void given_up(void)
{
	char *at = map(PAGES, ANON);

	touch(at, 4);
	sys_madvise(at, 3 * PAGE_SIZE, MADV_FREE);
	show("given up", at);
	touch(at, 1);
	show("written again", at);
	sys_mprotect(at, PAGES * PAGE_SIZE, PROT_NONE);
	show("protected", at);
}

static void shared(void)
{
	char *at = map(PAGES, MAP_SHARED | MAP_ANONYMOUS);

	touch(at, 2);
	read_page(at + 4 * PAGE_SIZE);
	show("shared", at);
	sys_munmap(at + PAGE_SIZE, PAGE_SIZE);
	show("the lower part", at);
	show("the upper part", at + 2 * PAGE_SIZE);
}

/* By a call, which is an access of the kernel's. */
static void filled(void)
{
	char *at = map(PAGES, ANON);
	int fd = must_open("/proc/self/exe", O_RDONLY, NULL);

	sys_read(fd, at + PAGE_SIZE, 2 * PAGE_SIZE);
	show("filled", at);
}

static void populated(void)
{
	char *at = map(PAGES, ANON);

	sys_madvise(at, 4 * PAGE_SIZE, MADV_POPULATE_READ);
	show("for reading", at);
	sys_madvise(at, 2 * PAGE_SIZE, MADV_POPULATE_WRITE);
	show("for writing", at);
	show("mapped so", map(PAGES, ANON | MAP_POPULATE));
}

/* What so many pages, of which each third is written, add to status. */
static void sums(void)
{
	static const char *const names[] = { "RssAnon", "RssShmem" };
	static const int flags[] = { ANON, MAP_SHARED | MAP_ANONYMOUS };

	say("%s: %ld pages\n", "each", 100l); /* it has its stack from now on */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		long before = (status(names[i]), status(names[i]));
		char *at = map(300, flags[i]);

		for (int k = 0; k < 300; k += 3)
			at[k * PAGE_SIZE] = 1;
		say("%s: %ld more\n", names[i], status(names[i]) - before);
		sys_munmap(at, 300 * PAGE_SIZE);
		say("%s: %ld more\n", names[i], status(names[i]) - before);
	}
}

static char *move(char *at, size_t from, size_t to, int flags)
{
	char *new = at + GIB;

	sys6(__NR_mremap, (long)at, (long)(from * PAGE_SIZE), (long)(to * PAGE_SIZE),
	     MREMAP_MAYMOVE | MREMAP_FIXED | flags, (long)new, 0);
	return new;
}

/* The most that was mapped stays, and what is mapped twice amid a move is not of it. */
static void peak(void)
{
	const long before = status("VmPeak");
	char *at = map(1000, ANON);

	say("mapped: %ld\n", status("VmPeak") - before);
	at = move(at, 1000, 1000, 0);
	say("moved: %ld\n", status("VmPeak") - before);
	at = move(at, 1000, 1500, 0);
	say("grown: %ld\n", status("VmPeak") - before);
	sys_munmap(at, 1000 * PAGE_SIZE);
	say("unmapped: %ld, size %ld\n", status("VmPeak") - before,
	    status("VmPeak") - status("VmSize"));
	sys_munmap(at + 1000 * PAGE_SIZE, 500 * PAGE_SIZE);
	map(200, ANON);
	say("mapped: %ld, size %ld\n", status("VmPeak") - before,
	    status("VmPeak") - status("VmSize"));
}

/* Whether VmHWM is so many pages more than it was, as exactly as Linux counts by CPUs. */
static void say_hwm(const char *what, long before, long pages)
{
	const long more = status("VmHWM") - before - 4 * pages;

	say("%s: %s\n", what, more > -200 && more < 200 ? "as much more" : "not so much");
}

static void most_resident(void)
{
	const long before = (status("VmHWM"), status("VmHWM"));
	char *at = map(500, ANON);

	touch(at, 300);
	sys_munmap(at, 500 * PAGE_SIZE);
	say_hwm("unmapped", before, 300);
	at = map(500, ANON);
	touch(at, 400);
	sys_madvise(at, 500 * PAGE_SIZE, MADV_DONTNEED);
	touch(at, 100);
	say_hwm("dropped", before, 400);
	for (int i = 0; i < 100; i++) {
		touch(at, 500);
		sys_madvise(at, 500 * PAGE_SIZE, MADV_DONTNEED);
	}
	say_hwm("again and again", before, 500);
}

/* getrusage's is the same number. */
static void max_rss(void)
{
	static struct rusage ru;
	char *at = map(500, ANON);

	touch(at, 500);
	sys_munmap(at, 500 * PAGE_SIZE);
	sys3(__NR_getrusage, 0, (long)&ru, 0);
	say("%s\n", ru.ru_maxrss >= 2000 && ru.ru_maxrss <= status("VmHWM") &&
				    ru.ru_maxrss > status("VmHWM") - 64
			    ? "VmHWM"
			    : "another");
}

/* "Because we won't unmap we don't need to touch locked_vm" */
static void locked(void)
{
	char *at = map(PAGES, ANON);

	sys3(__NR_mlock, (long)at, PAGES * PAGE_SIZE, 0);
	say("locked: %ld\n", status("VmLck"));
	at = move(at, PAGES, PAGES, MREMAP_DONTUNMAP);
	say("moved: %ld\n", status("VmLck"));
	sys_munmap(at, PAGES * PAGE_SIZE);
	say("unmapped: %ld\n", status("VmLck"));
}

/* What is code, data and stack, by the kinds of memory. */
static void kinds(void)
{
	static const struct {
		int prot, flags;
	} of[] = {
		{ PROT_READ, ANON },
		{ RW, ANON },
		{ PROT_READ | PROT_EXEC, ANON },
		{ RW | PROT_EXEC, ANON },
		{ RW, MAP_SHARED | MAP_ANONYMOUS },
		{ PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS },
		{ RW, ANON | MAP_GROWSDOWN },
		{ PROT_READ | PROT_EXEC, ANON | MAP_GROWSDOWN },
	};
	static const char *const names[] = { "VmData", "VmStk", "VmExe", "VmLib" };
	long before;

	for (size_t i = 0; i < ARRAY_SIZE(of); i++)
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			before = status(names[k]);
			must_map(HERE, PAGES * PAGE_SIZE, of[i].prot,
				 of[i].flags | MAP_FIXED, -1);
			say("%u: %s %ld\n", (unsigned)i, names[k],
			    status(names[k]) - before);
			sys_munmap(HERE, PAGES * PAGE_SIZE);
		}
}

/* Flags that a mapping is given, and those of its file. */
static void mapped(void)
{
	static const int flags[] = { ANON,
				     ANON | MAP_NORESERVE,
				     ANON | MAP_STACK,
				     ANON | MAP_GROWSDOWN,
				     ANON | MAP_LOCKED,
				     MAP_SHARED | MAP_ANONYMOUS,
				     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE };
	static const int protections[] = { PROT_NONE, PROT_READ, RW,
					   PROT_READ | PROT_EXEC };
	const int fd = must_open("/proc/self/exe", O_RDONLY, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		for (size_t k = 0; k < ARRAY_SIZE(protections); k++)
			show("anonymous", must_map(HERE, PAGES * PAGE_SIZE, protections[k],
						   flags[i] | MAP_FIXED, -1));
	for (size_t k = 0; k < ARRAY_SIZE(protections); k++)
		show("private file", must_map(HERE, PAGES * PAGE_SIZE, protections[k],
					      MAP_PRIVATE | MAP_FIXED, fd));
	show("shared file",
	     must_map(HERE, PAGES * PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, fd));
}

/* Flags that come later. */
static void advised(void)
{
	static const int advice[] = { MADV_SEQUENTIAL, MADV_RANDOM,	MADV_DONTFORK,
				      MADV_WIPEONFORK, MADV_DONTDUMP,	MADV_HUGEPAGE,
				      MADV_NOHUGEPAGE, MADV_MERGEABLE,	MADV_NORMAL,
				      MADV_DOFORK,     MADV_KEEPONFORK, MADV_DODUMP };
	char *at = map(PAGES, ANON);

	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		sys_madvise(at, PAGES * PAGE_SIZE, advice[i]);
		show("advised", at);
	}
	sys3(__NR_mlock2, (long)at, PAGES * PAGE_SIZE, MLOCK_ONFAULT);
	show("locked on fault", at);
	sys3(__NR_mlock, (long)at, PAGES * PAGE_SIZE, 0);
	show("locked", at);
	sys_mprotect(at, PAGES * PAGE_SIZE, PROT_READ);
	show("for reading", at);
}

/* A word of a text in /proc/self, as it stands there. */
static const char *word(const char *path, int nr)
{
	char *at = text;

	read_text(path);
	for (; nr > 1; at++)
		nr -= *at == ' ';
	for (int i = 0; at[i]; i++)
		if (at[i] == ' ')
			at[i] = '\0';
	return at;
}

/* Where the program's code and data are, which is no secret to itself. */
static void bounds(void)
{
	static const int fields[] = { 26, 27, 45, 46 };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		say("stat %d: %s\n", fields[i], word("/proc/self/stat", fields[i]));
	say("statm text: %s\n", word("/proc/self/statm", 4));
	say("VmExe: %ld\n", status("VmExe"));
}

static const struct way ways[] = {
	{ "touched", touched }, { "moved", moved },   { "given-up", given_up },
	{ "shared", shared },	{ "filled", filled }, { "populated", populated },
	{ "sums", sums },	{ "peak", peak },     { "most-resident", most_resident },
	{ "max-rss", max_rss }, { "locked", locked }, { "kinds", kinds },
	{ "bounds", bounds },	{ "mapped", mapped }, { "advised", advised },
};

int main(int argc, char **argv)
{
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY");
}
