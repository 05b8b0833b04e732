/* SPDX-License-Identifier: MIT */
/*
 * special.c: files that need no grant: devices, /proc/self/maps, memfds. It says what
 * it found, natively the same.
 */
#include "guest/rt.h"

static void name_of(size_t len)
{
	static char name[400];
	long fd;

	memset(name, 'n', len);
	name[len] = '\0';
	fd = sys3(__NR_memfd_create, (long)name, 0, 0);
	say("a name of %lu: %ld\n", len, fd < 0 ? fd : 0);
	if (fd >= 0)
		sys_close((int)fd);
}

static void names(void)
{
	name_of(0);
	name_of(248);
	name_of(249);
	name_of(250);
	name_of(399);
	say("no name: %ld\n", sys3(__NR_memfd_create, 8, 0, 0));
	say("no such flag: %ld\n", sys3(__NR_memfd_create, (long)"n", 0x1000, 0));
}

/* Two mappings of a memfd and its file are one memory; behind its end there is none. */
static void memfd(void)
{
	int fd = (int)sys3(__NR_memfd_create, (long)"special", 0, 0);
	char *a, *b, byte = 0;

	say("grow: %ld\n", sys3(__NR_ftruncate, fd, 3 * PAGE_SIZE + 5, 0));
	a = must_map(NULL, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	b = must_map(NULL, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	a[PAGE_SIZE] = 'x';
	sys_pread64(fd, &byte, 1, PAGE_SIZE);
	say("seen: %c, %c\n", b[PAGE_SIZE], byte);
	b[PAGE_SIZE] = 'y';
	say("private: %c\n", a[PAGE_SIZE]);
	say("tail: %d\n", a[3 * PAGE_SIZE + 100]);
	say("shrink: %ld\n", sys3(__NR_ftruncate, fd, PAGE_SIZE, 0));
	/* private copies go with the file's end: a call says so */
	say("behind the end: %ld, %ld\n", sys_pwrite64(fd, a + PAGE_SIZE, 1, 0),
	    sys_pwrite64(fd, b + PAGE_SIZE, 1, 0));
}

/* What is mapped is written as before, also where it wasn't yet. */
static void sealed_while_mapped(void)
{
	int fd = (int)sys3(__NR_memfd_create, (long)"mapped", 2, 0);
	char *p, byte = 0;

	sys3(__NR_ftruncate, fd, 2 * MIB, 0);
	p = must_map(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	p[0] = 'a';
	sys3(__NR_ftruncate, fd, 4 * MIB, 0);
	say("sealed: %ld\n", sys3(__NR_fcntl, fd, 1033, 16));
	p[3 * MIB] = 'b';
	sys_pread64(fd, &byte, 1, 3 * MIB);
	say("written: %c, no more: %ld\n", byte, sys_pwrite64(fd, "c", 1, 0));
	sys_munmap(p, 4 * MIB);
	sys_close(fd);
}

/* Nobody may write to it any more: it can be mapped for reading. */
static void sealed(int seal)
{
	int fd = (int)sys3(__NR_memfd_create, (long)"sealed", 2, 0);
	long shared;

	sys_pwrite64(fd, "sealed", 6, 0);
	say("sealed: %ld\n", sys3(__NR_fcntl, fd, 1033, seal));
	say("private: %c\n",
	    *(char *)must_map(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd));
	*(char *)must_map(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd) = 'x';
	say("to write: %ld\n",
	    sys_mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	shared = sys_mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	say("shared: %c, to write %ld\n", *(char *)shared,
	    sys_mprotect((void *)shared, PAGE_SIZE, PROT_READ | PROT_WRITE));
}

static void device(const char *path)
{
	int fd = must_open(path, O_RDWR, NULL);
	char bytes[300];

	say("%s: %ld %ld ", path, sys_read(fd, bytes, sizeof(bytes)),
	    sys_write(fd, bytes, sizeof(bytes)));
	say("%ld ", sys_read(fd, (void *)8, sizeof(bytes)));
	say("%ld\n", sys_mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0));
	sys_close(fd);
}

static void devices(void)
{
	static const char *const others[] = { "/dev/full", "/dev/random", "/dev/urandom" };
	int zero = must_open("/dev/zero", O_RDWR, NULL), null;
	char *p = must_map(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero);
	char *s = must_map(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, zero);
	char byte = 'b';

	p[1] = s[1] = 'z';
	sys_read(zero, &byte, 1);
	say("zero: %d %d %d %ld\n", p[0], s[PAGE_SIZE], byte, sys_write(zero, "w", 1));
	null = must_open("/dev/null", O_RDWR, NULL);
	say("null: %ld %ld\n", sys_read(null, &byte, 1), sys_write(null, "word", 4));
	say("mapped: %ld\n", sys_mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE, null, 0));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		device(others[i]);
	say("for reading only: %ld\n",
	    sys_mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		     must_open("/dev/zero", O_RDONLY, NULL), 0));
}

static void maps(void)
{
	int fd = must_open("/proc/self/maps", O_RDONLY, NULL);
	char byte = 0;

	sys_read(fd, &byte, 1);
	say("maps: %c\n", byte);
	say("mapped: %ld\n", sys_mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0));
}

int main(void)
{
	names();
	memfd();
	sealed(8);  /* F_SEAL_WRITE */
	sealed(16); /* F_SEAL_FUTURE_WRITE */
	sealed_while_mapped();
	devices();
	maps();
	return 0;
}
