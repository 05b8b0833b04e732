/* SPDX-License-Identifier: MIT */
/*
 * transfer.c WAY [FILE]: calls that transfer so much that a signal, or the end, comes amid them. It says what
 * came of them, natively the same. FILE is empty.
 */
#include "payloads/try.h"

#include <linux/time.h>

#define PIECE (2 * MIB)
#define PIECES 1024
#define GIB (1024 * MIB)

static struct iovec pieces[PIECES];
static volatile int seen;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	seen++;
}

/* One piece of memory, as often as will do. */
static void make_pieces(void)
{
	void *piece = must_map(NULL, PIECE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);

	for (int i = 0; i < PIECES; i++)
		pieces[i] = (struct iovec){ piece, PIECE };
}

static void set_alarm(long usec)
{
	const struct itimerval v = { { 0, 0 }, { 0, usec } };

	seen = 0;
	must_handle(SIGALRM, on_signal, SA_RESTART);
	CALL(setitimer, 0, &v, NULL);
}

static void tell(const char *call, long n, long all)
{
	say("%s: %s, signals %d\n", call,
	    n == all ? "all"
	    : n > 0  ? "a part"
		     : "nothing",
	    seen);
}

/* A call about so many pieces, amid which an alarm comes. */
#define AMID(nr, usec, call, fd, ...)                                        \
	do {                                                                 \
		set_alarm(usec);                                             \
		tell(#call, CALL(call, fd, pieces, nr, ##__VA_ARGS__, 0),    \
		     (nr) * (long)PIECE - ((nr) == PIECES ? PAGE_SIZE : 0)); \
	} while (0)

/* 2 GiB of them take seconds. */
static void devices(void)
{
	const int fd = must_open("/dev/urandom", O_RDWR, NULL);

	AMID(PIECES, 20000, readv, fd);
	AMID(PIECES, 20000, preadv, fd);
	AMID(PIECES, 20000, writev, fd);
	AMID(PIECES, 20000, pwritev, fd);
}

static void regular(int fd)
{
	CALL(ftruncate, fd, 256 * MIB);
	AMID(128, 2000, preadv, fd);
	AMID(128, 2000, readv, fd);
	AMID(128, 2000, pwritev, fd);
}

/* What was asked for was FILE of 2 GiB: if that is what is there, nothing has ended the call. */
static void grow(const char *how, const char *file)
{
	const int in = must_open(file, O_RDWR, NULL), out = must_open(file, O_RDWR, NULL);
	long from = 0, to = GIB;

	CALL(ftruncate, in, GIB);
	CALL(lseek, out, GIB, SEEK_SET);
	if (!strcmp(how, "write"))
		CALL(pwritev, out, pieces, PIECES / 2, GIB);
	else if (!strcmp(how, "copy"))
		CALL(copy_file_range, in, &from, out, &to, GIB, 0);
	else
		CALL(sendfile, out, in, NULL, GIB);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		usage("devices|regular FILE|write FILE|copy FILE|send FILE");
	make_pieces();
	if (!strcmp(argv[1], "devices"))
		devices();
	else if (!strcmp(argv[1], "regular"))
		regular(must_open(argv[2], O_RDWR, NULL));
	else
		grow(argv[1], argv[2]);
	return 0;
}
