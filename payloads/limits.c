/* SPDX-License-Identifier: MIT */
/*
 * limits.c: meets the memory limit, or another, in a call. WHAT says in which; ends with 0 where that call is
 * to fail, with 1 if it was let through, and not at all where the sandbox ends it.
 */
#include "guest/rt.h"

#define SIZE (64 * MIB)
#define PIECE (128 * KIB)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE */

static long memfd(void)
{
	return sys3(__NR_memfd_create, (long)"memory", 0, 0);
}

/* A call that reads or writes a memfd of PIECE bytes, for each PIECE of memory. */
static long each_piece(char *memory, bool read)
{
	static char piece[PIECE];
	long fd = memfd(), ret = sys_pwrite64((int)fd, piece, PIECE, 0);

	for (size_t at = 0; ret == PIECE && at < SIZE; at += PIECE)
		ret = read ? sys_pread64((int)fd, memory + at, PIECE, 0)
			   : sys_pwrite64((int)fd, memory + at, PIECE, 0);
	return ret;
}

/* memfds that are closed as soon as they are mapped: -ENOSPC in the end. */
static long keep_mapped(void)
{
	static char piece[PIECE];
	long ret = PIECE;

	for (size_t at = 0; ret == PIECE && at < SIZE; at += PIECE) {
		long fd = memfd();

		ret = sys_pwrite64((int)fd, piece, PIECE, 0);
		must_map(NULL, PIECE, PROT_READ, MAP_SHARED, (int)fd);
		sys_close((int)fd);
	}
	return ret;
}

/* Written at its end, wherever it is: by a flag of the file's or of the call's. */
static long append(bool by_call)
{
	static char piece[PIECE];
	struct iovec vec = { piece, PIECE };
	long fd = memfd(), ret = PIECE;

	if (!by_call)
		sys3(__NR_fcntl, fd, 4 /* F_SETFL */, 02000 /* O_APPEND */);
	for (size_t at = 0; ret == PIECE && at < SIZE; at += PIECE)
		ret = sys6(__NR_pwritev2, fd, (long)&vec, 1, 0, 0,
			   by_call ? 0x10 /* RWF_APPEND */ : 0);
	return ret;
}

/* Memfds of a page each, closed when they are mapped: -ENFILE. One that is unmapped makes room for another. */
static long map_files(void)
{
	long n = 0, last = 0, at, fd;

	for (;; n++, last = at) {
		fd = memfd();
		at = sys_mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, (int)fd, 0);
		sys_close((int)fd);
		if (at < 0)
			break;
	}
	say("%ld files\n", n);
	sys_munmap((void *)last, PAGE_SIZE);
	must_map(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, (int)memfd());
	return at;
}

static long meet(const char *what)
{
	char *memory = must_map(NULL, SIZE, RW, ANON, -1);

	if (!strcmp(what, "read"))
		return each_piece(memory, true);
	if (!strcmp(what, "write"))
		return each_piece(memory, false);
	if (!strcmp(what, "random"))
		return sys_getrandom(memory, SIZE, 0);
	if (!strcmp(what, "mlock"))
		return sys3(__NR_mlock, (long)memory, 6 * MIB, 0);
	if (!strcmp(what, "populate"))
		return sys_mmap(NULL, SIZE, RW, ANON | MAP_POPULATE, -1, 0);
	if (!strcmp(what, "madvise"))
		return sys_madvise(memory, SIZE, POPULATE_WRITE);
	if (!strcmp(what, "grow"))
		return sys3(__NR_ftruncate, memfd(), SIZE, 0);
	if (!strcmp(what, "keep"))
		return keep_mapped();
	if (!strcmp(what, "append") || !strcmp(what, "append-call"))
		return append(!strcmp(what, "append-call"));
	if (!strcmp(what, "files"))
		return map_files();
	usage("read|write|random|mlock|populate|madvise|grow|keep|append|append-call|files");
}

int main(int argc, char **argv)
{
	long ret = meet(argc == 2 ? argv[1] : "");

	say("%s: %ld\n", argv[1], ret);
	return ret == -ENOSPC || ret == -ENFILE ? 0 : 1;
}
