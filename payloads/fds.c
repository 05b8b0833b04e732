/* SPDX-License-Identifier: MIT */
/*
 * fds.c: the calls on open files and their numbers, as they should and as they shouldn't be
 * made, a line of output a call. In DIR it makes files, and removes none.
 */
#include <asm/ioctls.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/poll.h>

#include "payloads/try.h"

static char page[2 * PAGE_SIZE] __attribute__((aligned(4096)));

/* Numbers as from an empty table: a test's own process may have left others open. */
#define LOW 100

static int up(int fd)
{
	int high = (int)CALL(fcntl, fd, F_DUPFD, LOW);

	sys_close(fd);
	return high;
}

static void numbers(int file)
{
	char byte = 0;

	TRY(fcntl, file, F_DUPFD, 200);
	TRY(fcntl, file, F_DUPFD, 200);
	TRY(fcntl, file, F_DUPFD_CLOEXEC, 200);
	TRY(fcntl, 200, F_GETFD);
	TRY(fcntl, 202, F_GETFD);
	TRY(fcntl, 202, F_SETFD, 0);
	TRY(fcntl, 202, F_GETFD);
	TRY(fcntl, 202, F_SETFD, 7);
	TRY(fcntl, 202, F_GETFD);
	TRY(fcntl, file, F_DUPFD, -1);
	TRY(fcntl, file, F_DUPFD, 1 << 30);
	TRY(fcntl, 99, F_DUPFD, 0);
	TRY(fcntl, file, 9999, 0);
	TRY(fcntl, -1, 9999, 0);
	TRY(dup, -1);
	TRY(dup2, file, 210);
	TRY(dup2, file, file);
	TRY(dup2, 211, 211);
	TRY(dup2, 211, 212);
	TRY(dup2, file, -1);
	TRY(dup2, file, 1 << 30);
	TRY(dup3, file, 213, O_CLOEXEC);
	TRY(fcntl, 213, F_GETFD);
	TRY(dup3, file, file, 0);
	TRY(dup3, file, 214, 1);
	TRY(dup3, 214, 215, 0);
	/* one open file, one position */
	TRY(read, 200, &byte, 1);
	TRY(lseek, 210, 0, SEEK_CUR);
	TRY(close_range, 200, 201, 4);
	TRY(fcntl, 201, F_GETFD);
	TRY(close_range, 202, 200, 0);
	TRY(close_range, 200, 200, 8);
	TRY(close_range, 200, -1, 0);
	TRY(close, 200);
	TRY(close, 213);
	TRY(lseek, file, 0, SEEK_SET);
}

static void flags_of(const char *name, int flags)
{
	int fd = sys_open(name, flags, 0600);

	say("%s %x: %lx", name, flags, CALL(fcntl, fd, F_GETFL));
	say(" %ld", CALL(fcntl, fd, F_SETFL, O_APPEND | O_NONBLOCK));
	say(" %lx", CALL(fcntl, fd, F_GETFL));
	say(" %ld", CALL(fcntl, fd, F_SETFL, 0));
	say(" %lx\n", CALL(fcntl, fd, F_GETFL));
	sys_close(fd);
}

static void flags(void)
{
	int fds[2] = { -1, -1 }, path = sys_open("file", O_PATH, 0);

	flags_of("file", O_RDONLY);
	flags_of("file", O_RDWR | O_APPEND);
	flags_of("file", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	flags_of("file", O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NOCTTY);
	flags_of("file", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	flags_of("new", O_RDWR | O_CREAT | O_EXCL);
	flags_of("sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	flags_of("/dev/null", O_RDWR | O_NOFOLLOW);
	say("creat: %lx\n", CALL(fcntl, CALL(creat, "created", 0640), F_GETFL));
	TRY(creat, "sub", 0640);
	TRY(creat, "", 0640);
	TRY(creat, BAD, 0640);
	CALL(pipe2, fds, O_NONBLOCK | O_CLOEXEC);
	say("pipe: %lx %lx\n", CALL(fcntl, fds[0], F_GETFL), CALL(fcntl, fds[1], F_GETFL));
	say("pipe: %ld %ld\n", CALL(fcntl, fds[0], F_GETFD), CALL(fcntl, fds[1], F_GETFD));
	say("size: %ld\n", CALL(fcntl, fds[0], F_GETPIPE_SZ));
	say("size: %ld\n", CALL(fcntl, fds[0], F_SETPIPE_SZ, 5000));
	TRY(fcntl, path, F_GETPIPE_SZ);
	TRY(fcntl, path, F_SETFL, 0);
	TRY(fcntl, fds[0], F_GET_SEALS);
	sys_close(fds[0]);
	sys_close(fds[1]);
	sys_close(path);
}

/* /proc/self/fd as a place to begin at. */
static void folder(void)
{
	int path = sys_open("/proc/self/fd", O_PATH | O_DIRECTORY, 0), pipe[2], dir;
	char text[64] = { 0 };

	CALL(pipe, pipe);
	CALL(dup2, pipe[0], 60);
	dir = sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
	say("readlinkat %d\n", CALL(readlinkat, path, "60", text, sizeof(text)) > 5);
	say("openat %d %d %d\n", CALL(openat, path, "60", O_RDONLY, 0) >= 0,
	    CALL(openat, dir, "./60", O_RDONLY, 0) >= 0,
	    CALL(openat, dir, ".//./60", O_RDONLY, 0) >= 0);
	TRY(openat, path, "999", O_RDONLY, 0);
	TRY(openat, dir, "x", O_RDONLY, 0);
	TRY(lseek, dir, 0x7fffffffffffffff, SEEK_SET);
	TRY(lseek, dir, 5, SEEK_SET);
	TRY(lseek, dir, 0x7fffffffffffffff, SEEK_CUR);
	TRY(lseek, dir, -6, SEEK_CUR);
	TRY(fchdir, dir);
	say("readlink %d, open %d\n", CALL(readlink, "60", text, sizeof(text)) > 5,
	    CALL(open, "60", O_RDONLY, 0) >= 0);
}

static void pipes(void)
{
	int fds[2] = { -1, -1 }, rd, wr, value = 0;
	struct pollfd polls[3];

	TRY(pipe2, fds, O_NONBLOCK);
	rd = up(fds[0]);
	wr = up(fds[1]);
	TRY(pipe2, fds, 1);
	TRY(pipe2, BAD, 0);
	TRY(read, rd, page, 1);
	polls[0] = (struct pollfd){ .fd = rd, .events = POLLIN | POLLOUT };
	polls[1] = (struct pollfd){ .fd = wr, .events = POLLIN | POLLOUT };
	polls[2] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = 77 };
	TRY(poll, polls, 3, 0);
	say("%x %x %x\n", polls[0].revents, polls[1].revents, polls[2].revents);
	TRY(write, wr, "word", 4);
	polls[2].fd = 99;
	TRY(poll, polls, 3, 1000);
	say("%x %x %x\n", polls[0].revents, polls[1].revents, polls[2].revents);
	TRY(ioctl, rd, FIONREAD, &value);
	say("%d bytes\n", value);
	TRY(lseek, rd, 0, SEEK_SET);
	TRY(pread64, rd, page, 1, 0);
	TRY(write, rd, page, 1);
	TRY(read, wr, page, 1);
	/* the last page can't be written to: bytes before it are lost, as natively */
	TRY(mprotect, page + PAGE_SIZE, PAGE_SIZE, PROT_READ);
	TRY(read, rd, page + PAGE_SIZE - 2, 4);
	TRY(read, rd, page, 4);
	TRY(write, wr, page, 2 * PAGE_SIZE);
	for (int i = 0; i < 9; i++)
		TRY(write, wr, page, 2 * PAGE_SIZE);
	TRY(poll, polls, 2, 0);
	say("%x %x\n", polls[0].revents, polls[1].revents);
	TRY(mprotect, page + PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE);
	TRY(poll, BAD, 1, 0);
	TRY(poll, polls, 1 << 30, 0);
	TRY(poll, NULL, 0, 0);
	TRY(close, wr);
	for (int i = 0; i < 11; i++)
		TRY(read, rd, page, 2 * PAGE_SIZE);
	TRY(poll, polls, 1, -1);
	say("%x\n", polls[0].revents);
	TRY(close, rd);
	TRY(poll, polls, 1, -1);
	say("%x\n", polls[0].revents);
}

static void broken_pipe(void)
{
	sigset_t set = 1ul << (SIGPIPE - 1);
	int fds[2] = { -1, -1 };

	sys_rt_sigprocmask(SIG_BLOCK, &set, NULL);
	CALL(pipe, fds);
	sys_close(fds[0]);
	TRY(write, fds[1], "word", 4);
	set = 0;
	sys_rt_sigpending(&set);
	say("pending: %lx\n", set);
	sys_close(fds[1]);
}

static void selects(void)
{
	struct timespec ts = { 0, 1000000 };
	struct {
		long sec, usec;
	} tv = { 0, 1000 };
	unsigned long in[16] = { 0 }, out[16] = { 0 };
	int fds[2] = { -1, -1 }, rd, wr;

	CALL(pipe, fds);
	rd = up(fds[0]);
	wr = up(fds[1]);
	in[rd / 64] |= 1ul << rd % 64;
	out[wr / 64] |= 1ul << wr % 64;
	TRY(select, 128, in, NULL, NULL, &tv);
	say("%lx, left %ld %ld\n", in[rd / 64], tv.sec, tv.usec);
	in[rd / 64] |= 1ul << rd % 64;
	TRY(select, 128, in, out, NULL, NULL);
	say("%lx %lx\n", in[rd / 64], out[wr / 64]);
	TRY(write, wr, "w", 1);
	in[rd / 64] |= 1ul << rd % 64;
	TRY(pselect6, 1 << 20, in, out, NULL, &ts, NULL);
	say("%lx %lx\n", in[rd / 64], out[wr / 64]);
	TRY(select, 0, NULL, NULL, NULL, &tv);
	TRY(select, -1, NULL, NULL, NULL, &tv);
	TRY(select, 64, BAD, NULL, NULL, &tv);
	TRY(select, 0, BAD, NULL, NULL, &tv);
	tv.usec = -1;
	TRY(select, 0, NULL, NULL, NULL, &tv);
	TRY(select, 0, NULL, NULL, NULL, BAD);
	tv.sec = tv.usec = (long)(~0ul >> 1); /* together more than there are */
	TRY(select, 0, NULL, NULL, NULL, &tv);
	in[3] = 1;
	TRY(select, 256, in, NULL, NULL, NULL);
	ts.tv_nsec = 1000000000;
	TRY(pselect6, 0, NULL, NULL, NULL, &ts, NULL);
	TRY(ppoll, NULL, 0, &ts, NULL, 8);
	ts.tv_nsec = 1000;
	TRY(ppoll, NULL, 0, &ts, NULL, 8);
	say("left %ld %ld\n", ts.tv_sec, ts.tv_nsec);
	TRY(ppoll, NULL, 0, &ts, page, 4);
	TRY(ppoll, NULL, 0, &ts, BAD, 8);
	sys_close(rd);
	sys_close(wr);
}

static void counters(void)
{
	int fd = up((int)CALL(eventfd2, 3, O_NONBLOCK));
	uint64_t n = 0;

	TRY(read, fd, &n, 8);
	say("%lu\n", n);
	TRY(read, fd, &n, 8);
	TRY(read, fd, &n, 7);
	n = 5;
	TRY(write, fd, &n, 8);
	TRY(write, fd, &n, 8);
	n = -1;
	TRY(write, fd, &n, 8);
	n = -2;
	TRY(write, fd, &n, 8);
	TRY(read, fd, &n, 100);
	say("%lu\n", n);
	TRY(eventfd2, 0, 2);
	say("%lx\n", CALL(fcntl, fd, F_GETFL));
	sys_close(fd);
}

static void positions(void)
{
	int fd = sys_open("positions", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char a[] = "first ", b[] = "second";
	struct iovec iov[] = { { a, 6 }, { b, 6 } };
	struct iovec part[] = { { page, 4 }, { BAD, 4 } };
	struct iovec hole[] = { { page + PAGE_SIZE - 3, 8 }, { page, 4 } };

	TRY(pwritev, fd, iov, 2, 4);
	TRY(preadv, fd, iov, 2, 4);
	TRY(preadv, fd, iov, 2, -1);
	TRY(preadv, -1, iov, 2, -1);
	TRY(preadv, -1, iov, 2, 0);
	TRY(preadv, fd, iov, 1025, 0);
	TRY(preadv, fd, BAD, 2, 0);
	TRY(preadv, fd, part, 2, 0);
	TRY(preadv, fd, iov, 2, 0x7fffffffffffffff);
	TRY(preadv2, fd, iov, 2, -1, 0, 0);
	TRY(preadv2, fd, iov, 2, -1, 0, 0);
	TRY(preadv2, fd, iov, 2, -2, 0, 0);
	TRY(preadv2, fd, iov, 2, 0, 0, 0x80000000);
	TRY(preadv2, fd, iov, 0, 0, 0, 0x80000000);
	TRY(pwritev2, fd, iov, 2, -1, 0, RWF_APPEND);
	TRY(pwritev2, fd, iov, 2, 0, 0, RWF_DSYNC);
	TRY(lseek, fd, 0, SEEK_END);
	TRY(mprotect, page + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
	TRY(preadv, fd, hole, 2, 0);
	TRY(pwritev, fd, hole, 2, 0);
	TRY(mprotect, page + PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE);
	TRY(preadv, 1, iov, 2, 0);
	sys_close(fd);
}

static void holes(void)
{
	int fd = sys_open("holes", O_RDWR | O_CREAT | O_TRUNC, 0644);
	int ro = sys_open("holes", O_RDONLY, 0);

	TRY(ftruncate, fd, 1 << 20);
	TRY(pwrite64, fd, "data", 4, 512 * KIB);
	TRY(lseek, fd, 0, SEEK_DATA);
	TRY(lseek, fd, 512 * KIB, SEEK_HOLE);
	TRY(lseek, fd, 600 * KIB, SEEK_DATA);
	TRY(lseek, fd, 2 << 20, SEEK_HOLE);
	TRY(fallocate, fd, 0, 0, 2 << 20);
	TRY(lseek, fd, 0, SEEK_END);
	TRY(fallocate, fd, FALLOC_FL_KEEP_SIZE, 0, 3 << 20);
	TRY(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE_SIZE);
	TRY(fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE_SIZE);
	TRY(fallocate, fd, 0, -1, 1);
	TRY(fallocate, fd, 0, 0, 0);
	TRY(fallocate, fd, 0, 0x7fffffffffffffff, 1);
	TRY(fallocate, ro, 0, 0, 1);
	TRY(fallocate, -1, 0, 0, 1);
	TRY(ftruncate, ro, 1);
	TRY(ftruncate, fd, -1);
	TRY(ftruncate, -1, -1);
	TRY(truncate, "holes", 10);
	TRY(lseek, fd, 0, SEEK_END);
	TRY(truncate, "holes", -1);
	TRY(truncate, "sub", 1);
	TRY(truncate, "nothing", 1);
	TRY(truncate, "/dev/null", 1);
	TRY(truncate, "holes/", 1);
	TRY(fsync, fd);
	TRY(fdatasync, ro);
	TRY(fsync, -1);
	TRY(sync_file_range, fd, 0, 0, 7);
	TRY(sync_file_range, fd, 0, 0, 8);
	TRY(sync_file_range, fd, -1, 0, 7);
	TRY(fadvise64, fd, 0, 0, 3);
	TRY(fadvise64, fd, 0, 0, 99);
	TRY(fadvise64, fd, 0, -1, 3);
	TRY(readahead, ro, 0, 4096);
	TRY(readahead, -1, 0, 4096);
	sys_close(fd);
	sys_close(ro);
}

static void transfers(void)
{
	int from = sys_open("sub/inner", O_RDONLY, 0);
	int to = sys_open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644);
	int append = sys_open("copy", O_WRONLY | O_APPEND, 0);
	int dir = sys_open("sub", O_RDONLY, 0), null = sys_open("/dev/null", O_RDWR, 0);
	int fds[2] = { -1, -1 };
	long off = 6, at = 3;
	struct iovec nowhere[] = { { NULL, 3 }, { BAD, 4 } };

	CALL(pipe, fds);
	/* never looked at, and never an error */
	TRY(write, null, NULL, 3);
	TRY(writev, null, nowhere, 2);
	TRY(sendfile, to, from, NULL, 5);
	TRY(lseek, from, 0, SEEK_CUR);
	TRY(sendfile, to, from, &off, 100);
	say("off %ld\n", off);
	TRY(sendfile, to, from, &off, 100);
	TRY(sendfile, fds[1], from, NULL, 100);
	TRY(sendfile, null, to, &at, 2);
	say("at %ld\n", at);
	TRY(sendfile, append, from, &at, 2);
	TRY(sendfile, from, to, NULL, 2);
	TRY(sendfile, to, append, NULL, 2);
	TRY(sendfile, to, fds[0], NULL, 2);
	TRY(sendfile, to, fds[0], &at, 2);
	TRY(sendfile, to, dir, NULL, 2);
	TRY(sendfile, -1, from, NULL, 2);
	TRY(sendfile, to, -1, NULL, 2);
	TRY(sendfile, to, from, BAD, 2);
	at = -1;
	TRY(sendfile, to, from, &at, 2);
	at = 2;
	off = 0;
	TRY(copy_file_range, from, &at, to, &off, 4, 0);
	say("at %ld off %ld\n", at, off);
	TRY(copy_file_range, from, &at, to, NULL, 1000, 0);
	TRY(copy_file_range, from, NULL, to, NULL, 4, 1);
	TRY(copy_file_range, dir, NULL, to, NULL, 4, 0);
	TRY(copy_file_range, fds[0], NULL, to, NULL, 4, 0);
	TRY(copy_file_range, from, NULL, append, NULL, 4, 0);
	TRY(copy_file_range, to, NULL, from, NULL, 4, 0);
	TRY(copy_file_range, -1, NULL, to, NULL, 4, 0);
	TRY(copy_file_range, from, BAD, to, NULL, 4, 0);
	say("%ld bytes: ", sys_pread64(to, page, 100, 0));
	say("%s\n", page);
	for (int i = 0; i < 2; i++)
		sys_close(fds[i]);
	sys_close(from);
	sys_close(to);
	sys_close(append);
	sys_close(dir);
	sys_close(null);
}

static struct flock range(short type, long start, long len)
{
	return (struct flock){ .l_type = type, .l_start = start, .l_len = len };
}

static void locks(void)
{
	int a = sys_open("file", O_RDWR, 0), b = sys_open("file", O_RDONLY, 0), null;
	struct flock fl = range(F_WRLCK, 0, 10);

	TRY(fcntl, a, F_SETLK, &fl);
	TRY(fcntl, b, F_SETLK, &fl);
	fl = range(F_RDLCK, 0, 10);
	TRY(fcntl, b, F_SETLKW, &fl);
	TRY(fcntl, b, F_GETLK, &fl);
	say("type %d\n", fl.l_type);
	fl = range(F_WRLCK, 100, 10);
	TRY(fcntl, a, F_OFD_SETLK, &fl);
	fl = range(F_RDLCK, 105, 10);
	TRY(fcntl, b, F_OFD_SETLK, &fl);
	TRY(fcntl, b, F_OFD_GETLK, &fl);
	say("type %d start %ld len %ld pid %d\n", fl.l_type, fl.l_start, fl.l_len,
	    fl.l_pid);
	fl.l_pid = 1;
	TRY(fcntl, b, F_OFD_SETLK, &fl);
	fl = range(7, 0, 0);
	TRY(fcntl, a, F_SETLK, &fl);
	fl = range(F_WRLCK, -1, 1);
	TRY(fcntl, a, F_SETLK, &fl);
	TRY(fcntl, a, F_SETLK, BAD);
	TRY(fcntl, -1, F_SETLK, BAD);
	TRY(flock, a, 2 | 4);
	TRY(flock, b, 1 | 4);
	TRY(flock, a, 8);
	TRY(flock, b, 1 | 4);
	TRY(flock, a, 77);
	TRY(flock, 1, 2);
	TRY(flock, 1, 8);
	null = sys_open("/dev/null", O_RDONLY, 0);
	TRY(flock, null, 2);
	TRY(flock, null, 8);
	sys_close(null);
	TRY(flock, -1, 2);
	sys_close(a);
	sys_close(b);
}

static void devices(int file)
{
	int value = -1, fd = sys_open("sub", O_RDONLY, 0);

	TRY(lseek, file, 2, SEEK_SET);
	TRY(ioctl, file, FIONREAD, &value);
	say("%d\n", value);
	TRY(ioctl, file, FIONREAD, BAD);
	TRY(ioctl, file, TCGETS, page);
	TRY(ioctl, file, TIOCGWINSZ, page);
	TRY(ioctl, fd, FIONREAD, &value);
	TRY(ioctl, -1, TCGETS, page);
	TRY(ioctl, file, FIOCLEX, 0);
	TRY(fcntl, file, F_GETFD);
	TRY(ioctl, file, FIONCLEX, 0);
	TRY(fcntl, file, F_GETFD);
	TRY(ioctl, file, FIONBIO, BAD);
	value = 1;
	TRY(ioctl, file, FIONBIO, &value);
	say("%lx\n", CALL(fcntl, file, F_GETFL));
	sys_close(fd);
}

#define PAGES 8

/* A read into memory that isn't there yet: what of it is made. */
static void read_into_new(const char *what, int fd, const char *file)
{
	const int from = file ? must_open(file, O_RDONLY, NULL) : -1;
	const int change = file ? (int)sys_open(file, O_WRONLY, 0) : -1;
	unsigned char there[PAGES] = "";
	char *mem = must_map(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | (file ? 0 : MAP_ANONYMOUS), from);

	say("%s: %ld, ", what, sys_read(fd, mem, PAGES * PAGE_SIZE));
	CALL(mincore, mem, PAGES * PAGE_SIZE, there);
	for (size_t i = 0; !file && i < PAGES; i++)
		say("%d", there[i] & 1);
	/* its page is the file's still, if nothing was read */
	if (file && sys_pwrite64(change, "#", 1, PAGE_SIZE / 2) == 1)
		say("%c", mem[PAGE_SIZE / 2]);
	say("\n");
}

static void short_reads(void)
{
	int fds[2], event = (int)CALL(eventfd2, 0, O_NONBLOCK);

	CALL(pipe2, fds, O_NONBLOCK);
	read_into_new("nothing", fds[0], NULL);
	read_into_new("nothing", fds[0], "file");
	CALL(write, fds[1], "five!", 5);
	read_into_new("five", fds[0], NULL);
	CALL(write, fds[1], page, PAGE_SIZE);
	CALL(write, fds[1], page, 5);
	read_into_new("more", fds[0], NULL);
	sys_close(fds[1]);
	read_into_new("the end", fds[0], NULL);
	read_into_new("the end", fds[0], "file");
	read_into_new("no event", event, NULL);
	CALL(write, event, &(long){ 3 }, 8);
	read_into_new("an event", event, NULL);
	read_into_new("null", must_open("/dev/null", O_RDONLY, NULL), NULL);
	sys_close(event);
	sys_close(fds[0]);
}

int main(int argc, char **argv)
{
	int file;

	if (argc != 2)
		usage("DIR");
	say("chdir = %ld\n", CALL(chdir, argv[1]));
	file = up(must_open("file", O_RDONLY, NULL));
	numbers(file);
	flags();
	pipes();
	broken_pipe();
	selects();
	counters();
	positions();
	holes();
	transfers();
	locks();
	devices(file);
	short_reads();
	folder();
	return 0;
}
