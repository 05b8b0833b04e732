/* SPDX-License-Identifier: MIT */
/*
 * counted.c: takes an exact number of faults of each kind, makes an exact number of tables and calls,
 * for what counts them to be checked; with 0 rounds it does all the rest of its work, so that the
 * difference of two runs has nothing else in it. Needs --fault-around=4K --thp=never.
 *
 * A round: 10 anonymous faults and one by a call, 7 reads of file pages, 3 shared writes, 4 private
 * copies, 2 write-protect, 3 remap; 1 pud table, 2 pmd tables and 5 pte tables, one of which goes
 * again; 7 getppid, 2 failing close and 1 pread64.
 */
#include "guest/rt.h"

#define ANON 10
#define READS 5
#define SHARED 3
#define COPIES 4
#define WRITE_PROTECT 2
#define REMAPS 3
#define GETPPIDS 7
#define BAD_CLOSES 2
/* far: so many reads, each out of reach of the reading ahead of the one before */
#define FAR_READS 5
#define FAR (2 * MIB)

#define RW (PROT_READ | PROT_WRITE)

/* In a pgd entry of their own; then in a pmd table of their own, each in a pte table of its own. */
#define ANON_AT ((char *)0x100000000000)
#define READS_AT (ANON_AT + GIB)
#define SHARED_AT (READS_AT + 2 * MIB)
#define COPIES_AT (READS_AT + 4 * MIB)
#define WRITE_PROTECT_AT (READS_AT + 6 * MIB)

extern char __executable_start[], etext[];

static volatile char sink;

static void map(char *at, size_t pages, int prot, int flags, int fd)
{
	must_map(at, pages * PAGE_SIZE, prot, flags | MAP_FIXED_NOREPLACE, fd);
}

static void read_pages(const volatile char *at, size_t pages, size_t step)
{
	for (size_t i = 0; i < pages; i++)
		sink = at[i * step];
}

/* One instruction, whose first access is a write. */
static void write_pages(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		asm volatile("orb $0, %0" : "+m"(at[i * PAGE_SIZE]));
}

static void memory(int fd, size_t rounds)
{
	map(ANON_AT, ANON + 1, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	map(READS_AT, READS, PROT_READ, MAP_PRIVATE, fd);
	map(SHARED_AT, SHARED, RW, MAP_SHARED, fd);
	map(COPIES_AT, COPIES, RW, MAP_PRIVATE, fd);
	map(WRITE_PROTECT_AT, WRITE_PROTECT, RW, MAP_PRIVATE, fd);

	write_pages(ANON_AT, rounds * ANON);
	read_pages(READS_AT, rounds * READS, PAGE_SIZE);
	write_pages(SHARED_AT, rounds * SHARED);
	write_pages(COPIES_AT, rounds * COPIES);
	read_pages(WRITE_PROTECT_AT, rounds * WRITE_PROTECT, PAGE_SIZE);
	write_pages(WRITE_PROTECT_AT, rounds * WRITE_PROTECT);
	if (rounds)
		sys_pread64(fd, ANON_AT + ANON * PAGE_SIZE, 1, 0);

	sys_mprotect(ANON_AT, REMAPS * PAGE_SIZE, PROT_NONE);
	sys_mprotect(ANON_AT, REMAPS * PAGE_SIZE, RW);
	write_pages(ANON_AT, rounds * REMAPS);
	sys_munmap(COPIES_AT, COPIES * PAGE_SIZE);
}

static void calls(size_t rounds)
{
	for (size_t i = 0; i < rounds * GETPPIDS; i++)
		sys_getppid();
	for (size_t i = 0; i < rounds * BAD_CLOSES; i++)
		sys_close(-1);
}

int main(int argc, char **argv)
{
	bool far = argc == 3 && !strcmp(argv[2], "far");
	bool some = argc == 3 && !strcmp(argv[2], "1");
	size_t size;
	int fd;

	if (argc != 3 || (!far && !some && strcmp(argv[2], "0")))
		usage("FILE 0|1|far");
	fd = must_open(argv[1], O_RDWR, &size);
	read_pages(__executable_start, (etext - __executable_start) / PAGE_SIZE + 1,
		   PAGE_SIZE);
	if (far) {
		map(READS_AT, FAR_READS * FAR / PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd);
		read_pages(READS_AT, FAR_READS, FAR);
		return 0;
	}
	memory(fd, some);
	calls(some);
	return 0;
}
