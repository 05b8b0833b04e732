/* SPDX-License-Identifier: MIT */
/*
 * calls.c: each call as it should and as it shouldn't be made, a line of output a call.
 * The output depends on nothing but FILE's size (64 bytes at least): that of Linux and that
 * of a sandbox can be compared line by line, if both write to a pipe or a file.
 */
#include "guest/rt.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)
#define PAGE PAGE_SIZE
/* No user address: in the upper half, and where the lower half's last page ends. */
#define BAD ((void *)0xffff800000000000)
#define END ((void *)0x7ffffffff000)
#define HUGE (1ul << 47)

/* TRY shows the result; TRY_OK hides one that differs from run to run, as addresses do. */
#define TRY(call, ...) show(#call "(" #__VA_ARGS__ ")", sys_##call(__VA_ARGS__), true)
#define TRY_OK(call, ...) show(#call "(" #__VA_ARGS__ ")", sys_##call(__VA_ARGS__), false)

static long show(const char *call, long result, bool exact)
{
	if (exact || result < 0)
		say("%s = %ld\n", call, result);
	else
		say("%s = ok\n", call);
	return result;
}

static void open_and_close(const char *file)
{
	int fd;

	fd = TRY_OK(open, file, O_RDONLY, 0);
	TRY(close, fd);
	TRY(close, fd);
	TRY(close, -1);
	TRY(open, "", O_RDONLY, 0);
	TRY(open, NULL, O_RDONLY, 0);
	TRY(open, BAD, O_RDONLY, 0);
	TRY(open, "/nowhere/to/be/found", O_RDONLY, 0);
	TRY(open, file, O_RDONLY | O_DIRECTORY, 0);
	fd = TRY_OK(openat, AT_FDCWD, file, O_RDONLY, 0);
	TRY(close, fd);
	TRY(openat, -1, "relative", O_RDONLY, 0);
}

static void read_and_seek(int fd)
{
	struct stat st;
	char buf[16];

	TRY(read, fd, buf, 0);
	TRY(read, fd, buf, 4);
	TRY(lseek, fd, 0, SEEK_CUR);
	TRY(read, fd, BAD, 4);
	TRY(read, fd, NULL, 4);
	TRY(read, -1, buf, 4);
	TRY(pread64, fd, buf, 2, 1);
	TRY(pread64, fd, buf, 2, -1);
	TRY(pread64, fd, buf, 2, 1l << 40);
	TRY(pread64, fd, BAD, 2, 0);
	TRY(pread64, -1, buf, 2, 0);
	TRY(lseek, fd, 7, SEEK_SET);
	TRY(lseek, fd, -3, SEEK_CUR);
	TRY(lseek, fd, -1, SEEK_SET);
	TRY(lseek, fd, 0, 99);
	TRY(lseek, -1, 0, SEEK_SET);
	TRY(lseek, fd, 0, SEEK_END);
	TRY(read, fd, buf, 4);
	TRY(fstat, fd, &st);
	say("st_size = %ld\n", st.st_size);
	TRY(fstat, fd, BAD);
	TRY(fstat, -1, &st);
}

/* fd can't be written: what is wrong with it counts before what is wrong with the rest. */
static void write_out(int fd)
{
	char a[] = "written ", b[] = "in two pieces\n";
	struct iovec iov[] = { { a, sizeof(a) - 1 }, { b, sizeof(b) - 1 } };
	struct iovec negative = { a, -1ul };

	TRY(write, 1, "written in one\n", 15);
	TRY(write, 1, a, 0);
	TRY(write, 1, BAD, 4);
	TRY(write, 1, NULL, 4);
	TRY(write, fd, a, 4);
	TRY(write, -1, a, 4);
	TRY(pwrite64, fd, a, 4, 0);
	TRY(pwrite64, fd, a, 4, -1);
	TRY(pwrite64, -1, a, 4, 0);
	TRY(writev, 1, iov, 2);
	TRY(writev, 1, iov, 0);
	TRY(writev, 1, iov, -1);
	TRY(writev, 1, iov, 1025);
	TRY(writev, 1, &negative, 1);
	TRY(writev, 1, NULL, 1);
	TRY(writev, fd, iov, 2);
	TRY(writev, -1, iov, 2);
}

/* A buffer that ends too early, and a file that takes nothing, or not all: which counts? */
static void write_what_is_refused(void)
{
	char *p = must_map(NULL, 2 * PAGE, RW, ANON, -1), *own;
	int fd = (int)sys3(__NR_memfd_create, (long)"sealed", 2, 0), full;

	TRY(munmap, p + PAGE, PAGE);
	full = TRY_OK(open, "/dev/full", O_WRONLY, 0);
	TRY(write, full, p, 2 * PAGE);
	TRY(write, full, p + PAGE, PAGE);
	TRY(write, fd, p, 2 * PAGE);
	TRY(pwrite64, fd, p, 2 * PAGE, 100);
	/* of its own, which begins to exist as it is written behind it */
	sys3(__NR_ftruncate, fd, 100, 0);
	own = must_map(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd);
	TRY(pwrite64, fd, own + PAGE + 8, 100, 3 * PAGE);
	TRY(pwrite64, fd, own + 3 * PAGE + 200, PAGE, 3 * PAGE + 300);
	sys3(__NR_ftruncate, fd, 8 * PAGE, 0);
	sys3(__NR_fcntl, fd, 1033, 4); /* F_SEAL_GROW */
	TRY(pwrite64, fd, p, 2 * PAGE, 0);
	TRY(pwrite64, fd, p, 2 * PAGE, PAGE);
	TRY(pwrite64, fd, p, 2 * PAGE, 8 * PAGE);
	TRY(pwrite64, fd, p + PAGE, PAGE, 0);
	sys3(__NR_fcntl, fd, 1033, 8); /* F_SEAL_WRITE */
	TRY(pwrite64, fd, p, 2 * PAGE, 0);
	TRY(write, fd, p, 2 * PAGE);
	TRY(close, full);
	TRY(close, fd);
}

static void map_anonymous(void)
{
	char *p = (char *)TRY_OK(mmap, NULL, 3 * PAGE, RW, ANON, -1, 0);

	TRY(mmap, NULL, 0, RW, ANON, -1, 0);
	TRY(mmap, NULL, -1ul, RW, ANON, -1, 0);
	TRY(mmap, NULL, HUGE, RW, ANON, -1, 0);
	TRY(mmap, NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0);
	TRY(mmap, NULL, PAGE, RW, ANON, -1, 1);
	TRY_OK(mmap, BAD, PAGE, RW, ANON, -1, 0);
	TRY_OK(mmap, p + 1, PAGE, RW, ANON, -1, 0);
	TRY(mmap, p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	TRY(mmap, END, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	TRY(mmap, BAD, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	TRY(mmap, p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	TRY_OK(mmap, p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	TRY_OK(mmap, NULL, 1, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	TRY_OK(mmap, NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	TRY(munmap, p, 0);
	TRY(munmap, p + 1, PAGE);
	TRY(munmap, p, -1ul);
	TRY(munmap, p, HUGE);
	TRY(munmap, BAD, PAGE);
	TRY(munmap, p, 3 * PAGE);
	TRY(munmap, p, 3 * PAGE);
	TRY(write, 1, p, 4);
}

static void map_file(int fd)
{
	void *p = (void *)TRY_OK(mmap, NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	TRY_OK(mmap, NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	TRY_OK(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 16 * PAGE);
	TRY_OK(mmap, NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE, fd, 0);
	TRY(mmap, NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 1 << 24, fd, 0);
	TRY(mmap, NULL, PAGE, RW, MAP_SHARED, fd, 0);
	TRY(mmap, NULL, PAGE, PROT_READ, 0, fd, 0);
	TRY(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 1);
	TRY(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, -PAGE);
	TRY(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0);
	TRY(mmap, NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0);
	TRY(mprotect, p, PAGE, RW);
	TRY(msync, p, PAGE, MS_SYNC);
	TRY(munmap, p, PAGE);
}

static void protect_and_sync(void)
{
	char *p = must_map(NULL, 3 * PAGE, RW, ANON, -1);

	TRY(mprotect, p, 2 * PAGE, PROT_READ);
	TRY(mprotect, p, 0, PROT_READ);
	TRY(mprotect, p + 1, PAGE, PROT_READ);
	TRY(mprotect, p, PAGE, 0x40);
	TRY(mprotect, p, -1ul, PROT_READ);
	TRY(mprotect, BAD, PAGE, PROT_READ);
	TRY(getrandom, p, 16, 0);
	TRY(mprotect, p, PAGE, PROT_NONE);
	TRY(write, 1, p, 4);

	TRY(msync, p, PAGE, MS_SYNC);
	TRY(msync, p, PAGE, MS_ASYNC | MS_SYNC);
	TRY(msync, p, PAGE, 8);
	TRY(msync, p + 1, PAGE, MS_SYNC);
	TRY(msync, p, 0, MS_SYNC);

	TRY(munmap, p + PAGE, PAGE);
	TRY(mprotect, p, 3 * PAGE, RW);
	TRY(msync, p, 3 * PAGE, MS_SYNC);
	TRY(mprotect, p + PAGE, PAGE, RW);
}

static void move_break(void)
{
	char *end = (char *)TRY_OK(brk, NULL);

	say("brk(1) moves by %ld\n", sys_brk((void *)1) - (long)end);
	say("brk(BAD) moves by %ld\n", sys_brk(BAD) - (long)end);
	say("brk(end + 1) moves by %ld\n", sys_brk(end + 1) - (long)end);
	say("brk(end) moves by %ld\n", sys_brk(end) - (long)end);
}

static void others(void)
{
	struct timespec ts;
	char buf[16];

	TRY(clock_gettime, CLOCK_REALTIME, &ts);
	TRY(clock_gettime, CLOCK_MONOTONIC, &ts);
	TRY(clock_gettime, 9999, &ts);
	TRY(clock_gettime, CLOCK_MONOTONIC, BAD);
	TRY(clock_gettime, CLOCK_MONOTONIC, NULL);
	TRY(getrandom, buf, 16, 0);
	TRY(getrandom, buf, 0, 0);
	TRY(getrandom, buf, 16, 0x80);
	TRY(getrandom, BAD, 16, 0);
	TRY(getrandom, NULL, 16, 0);
	TRY_OK(getpid);
	TRY_OK(getppid);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2)
		usage("FILE");
	fd = must_open(argv[1], O_RDONLY, NULL);
	open_and_close(argv[1]);
	read_and_seek(fd);
	write_out(fd);
	write_what_is_refused();
	map_anonymous();
	map_file(fd);
	protect_and_sync();
	move_break();
	others();
	say("exit(0)\n");
	sys_exit(0);
}
