/* SPDX-License-Identifier: MIT */
/* pairs.c WAY: what socketpair(2) gives, and all that can be done with it; natively the same. */
#include "payloads/try.h"
#include "payloads/ways.h"

#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/socket.h>

#define AF_UNIX 1
#define STREAM 1
#define DGRAM 2
#define RAW 3
#define SEQPACKET 5
#define CLOEXEC O_CLOEXEC
#define NONBLOCK O_NONBLOCK

#define OOB 1
#define PEEK 2
#define TRUNC 0x20
#define DONTWAIT 0x40
#define EOR 0x80
#define WAITALL 0x100
#define NOSIGNAL 0x4000
#define WAITFORONE 0x10000
#define CMSG_CLOEXEC 0x40000000
#define CMSG_COMPAT 0x80000000u

#define MS 1000

struct msghdr {
	void *name;
	int namelen;
	struct iovec *iov;
	size_t iovlen;
	void *control;
	size_t controllen;
	unsigned flags;
};

struct mmsghdr {
	struct msghdr of;
	unsigned len;
};

struct cmsghdr {
	size_t len;
	int level, type;
	int data[2];
};

/* What a vector may point to. */
#define CHARS(text) ((char[]){ text })

static const int types[] = { STREAM, DGRAM, SEQPACKET };
static char page[PAGE_SIZE], big[MIB], *edge; /* edge: 8 bytes, and then nothing */
static int a, b, seen;

static void note(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	seen = sig;
}

static void open_pair(int type)
{
	int fds[2] = { -1, -1 };

	say("-- type %x: %ld\n", (unsigned)type, CALL(socketpair, AF_UNIX, type, 0, fds));
	a = fds[0];
	b = fds[1];
}

static void close_pair(void)
{
	CALL(close, a);
	CALL(close, b);
}

static void each_type(void (*way)(void))
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		open_pair(types[i]);
		way();
		close_pair();
	}
}

/* What is in page, as far as it is printed; and then nothing. */
static void text(long n)
{
	page[n < 0 ? 0 : n > 60 ? 60 : n] = '\0';
	say("  [%s]\n", page);
	memset(page, '.', 64);
}

#define GET(flags) text(TRY(recvfrom, b, page, 60, flags, 0, 0))

static void alarm_in(long usec)
{
	const struct itimerval v = { { 0, 0 }, { 0, usec } };

	seen = 0;
	CALL(setitimer, 0, &v, 0);
}

static void signals(void)
{
	say("signal %d\n", seen);
	seen = 0;
}

/* ---- making them */

static void make(void)
{
	static const int wrong[] = { 0, 4, 6, 10, 11, 15, 0x100, 0x10001, -1 };
	int fds[2] = { -1, -1 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		say("type %x\n", (unsigned)wrong[i]);
		TRY(socketpair, AF_UNIX, wrong[i], 0, fds);
	}
	TRY(socketpair, AF_UNIX, STREAM, 1, fds);
	TRY(socketpair, AF_UNIX, STREAM, 2, fds);
	TRY(socketpair, AF_UNIX, DGRAM, -1, fds);
	TRY(socketpair, AF_UNIX, STREAM, 0, BAD);
	TRY(socketpair, AF_UNIX, 77, 0, BAD);
	TRY(socketpair, AF_UNIX, STREAM, 0, fds);
	say("%d %d\n", fds[0], fds[1]);
	TRY(socketpair, AF_UNIX, RAW | CLOEXEC, 0, fds);
	say("%d %d\n", fds[0], fds[1]);
	TRY(fcntl, fds[0], F_GETFD);
	TRY(fcntl, fds[0], F_GETFL);
	TRY(socketpair, AF_UNIX, SEQPACKET | NONBLOCK, 0, fds);
	TRY(fcntl, fds[1], F_GETFD);
	TRY(fcntl, fds[1], F_GETFL);
	TRY(fcntl, fds[1], F_SETFL, 0);
	TRY(fcntl, fds[1], F_GETFL);
	TRY(fcntl, fds[0], F_GETFL);
	TRY(fcntl, fds[0], F_SETFL, O_DIRECT);
	TRY(fcntl, fds[0], F_GETPIPE_SZ);
	TRY(fcntl, fds[0], F_SETPIPE_SZ, PAGE_SIZE);
}

/* ---- as a file */

static void as_file(void)
{
	char name[] = "/proc/self/fd/N";
	struct stat st = { 0 };
	long n;

	n = sys_fstat(a, &st);
	say("%ld: %x\n", n, st.st_mode);
	name[sizeof(name) - 2] = (char)('0' + a);
	n = TRY(readlink, name, page, 8);
	text(n);
	TRY(open, name, O_RDWR);
	TRY(open, name, O_RDONLY | O_DIRECTORY);
	TRY(open, name, O_RDONLY | O_NOFOLLOW);
	n = TRY(open, name, O_PATH);
	TRY(sendto, n, page, 1, 0, 0, 0);
	TRY(close, n);
	TRY(lseek, a, 0, 0);
	TRY(pread64, a, page, 1, 0);
	TRY(pwrite64, a, page, 1, 0);
	TRY(ftruncate, a, 0);
	TRY(fsync, a);
	TRY(mmap, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, a, 0);
	TRY(getdents64, a, page, 100);
	TRY(ioctl, a, TCGETS, page);
	TRY(ioctl, a, FIONREAD, BAD);
	TRY(readv, a, BAD, 1);
	TRY(readv, a, page, 0);
	TRY(writev, a, page, 0);
	TRY(read, a, page, 0);
	TRY(read, a, BAD, 1);
	TRY(write, a, BAD, 1);
}

/* ---- errors of the calls */

static void errors(void)
{
	struct msghdr m = { 0 };
	char name[128] = { AF_UNIX, 0 };

	TRY(sendto, a, BAD, 1, 0, 0, 0);
	TRY(sendto, a, edge, 9, 0, 0, 0);
	TRY(sendto, a, page, 1, 0, BAD, 2);
	TRY(sendto, a, page, 1, 0, page, -1);
	TRY(sendto, a, page, 1, 0, page, 129);
	TRY(sendto, a, page, 1, 0, name, 0);
	TRY(sendto, a, page, 1, 0, name, 2);
	TRY(sendto, a, page, 1, 0, name, 1);
	TRY(sendto, a, page, 1, 0, name, 111);
	TRY(sendto, a, page, 1, 0, name, 10);
	name[0] = 2;
	TRY(sendto, a, page, 1, 0, name, 16);
	TRY(sendto, a, page, 1, 0, 0, 16);
	TRY(sendmsg, a, BAD, 0);
	TRY(sendmsg, a, BAD, CMSG_COMPAT);
	TRY(recvmsg, a, BAD, DONTWAIT);
	TRY(recvmsg, a, BAD, CMSG_COMPAT);
	TRY(sendmsg, 99, BAD, 0);
	TRY(recvmsg, 0, BAD, 0);
	m.iovlen = 1025;
	TRY(sendmsg, a, &m, 0);
	TRY(recvmsg, a, &m, DONTWAIT);
	m.iovlen = 1;
	TRY(sendmsg, a, &m, 0);
	m.iov = BAD;
	TRY(sendmsg, a, &m, 0);
	m.iovlen = 0;
	m.name = page;
	m.namelen = -1;
	TRY(sendmsg, a, &m, 0);
	TRY(recvmsg, a, &m, DONTWAIT);
	m.name = BAD;
	m.namelen = 8;
	TRY(sendmsg, a, &m, 0);
	m.namelen = 0;
	TRY(sendmsg, a, &m, 0);
	TRY(recvmsg, b, &m, DONTWAIT);
	TRY(recvfrom, b, BAD, 1, DONTWAIT, 0, 0);
	TRY(recvfrom, b, page, 10, DONTWAIT | OOB, 0, 0);
	TRY(sendto, a, "x", 1, 0, 0, 0);
	TRY(recvfrom, b, page, 10, 0, page, 0);
	TRY(sendto, a, "x", 1, 0, 0, 0);
	*(int *)(void *)name = -1;
	TRY(recvfrom, b, page, 10, DONTWAIT, page, name);
	TRY(sendto, a, "x", 1, 0, 0, 0);
	TRY(recvfrom, b, BAD, 1, DONTWAIT, 0, 0);
	TRY(recvfrom, b, (void *)16, 1, DONTWAIT, 0, 0);
	TRY(recvfrom, b, page, 1, DONTWAIT, 0, 0);
	TRY(shutdown, a, -1);
	TRY(shutdown, a, 3);
	TRY(shutdown, a, 0x100000001);
}

static void addresses(void)
{
	int len = 110;

	memset(page, 'x', 64);
	TRY(getsockname, a, page, &len);
	say("%d: %x %x\n", len, page[0], page[1] + page[2]);
	len = 1;
	memset(page, 'x', 64);
	TRY(getpeername, a, page, &len);
	say("%d: %x %x\n", len, page[0], page[1]);
	len = 0;
	TRY(getsockname, a, BAD, &len);
	say("%d\n", len);
	TRY(getsockname, a, BAD, &len);
	len = -1;
	TRY(getpeername, a, page, &len);
	TRY(getpeername, a, page, BAD);
	TRY(getpeername, a, page, 0);
	TRY(sendto, a, "x", 1, 0, 0, 0);
	len = 64;
	TRY(recvfrom, b, page, 1, 0, page, &len);
	say("%d\n", len);
	TRY(close, b);
	len = 64;
	TRY(getpeername, a, page, &len);
	TRY(sendto, a, "x", 1, NOSIGNAL, 0, 0);
	TRY(getpeername, a, page, &len);
	TRY(sendto, a, "x", 1, NOSIGNAL, 0, 0);
}

/* ---- bytes and messages */

static void transfers(void)
{
	int n = -1;

	TRY(write, a, "first", 5);
	TRY(sendto, a, "second", 6, EOR, 0, 0);
	TRY(sendto, a, page, 0, 0, 0, 0);
	TRY(write, a, "", 0);
	TRY(sendto, a, "third", 5, DONTWAIT | NOSIGNAL | CMSG_CLOEXEC, 0, 0);
	TRY(ioctl, b, FIONREAD, &n);
	say("%d to read\n", n);
	GET(PEEK);
	GET(PEEK | WAITALL);
	text(TRY(recvfrom, b, page, 2, PEEK | TRUNC, 0, 0));
	text(TRY(recvfrom, b, page, 2, 0, 0, 0));
	text(TRY(recvfrom, b, page, 2, TRUNC, 0, 0));
	TRY(ioctl, b, FIONREAD, &n);
	say("%d to read\n", n);
	text(TRY(recvfrom, b, page, 0, DONTWAIT, 0, 0));
	text(TRY(read, b, page, 3));
	GET(DONTWAIT);
	GET(DONTWAIT);
	GET(DONTWAIT | PEEK);
	GET(DONTWAIT);
	GET(DONTWAIT | WAITALL);
	TRY(recvfrom, b, page, 0, DONTWAIT, 0, 0);
	TRY(write, b, "back", 4);
	text(TRY(read, a, page, 60));
}

static void vectors(void)
{
	struct iovec v[3] = { { CHARS("abc"), 3 }, { CHARS(""), 0 }, { CHARS("defg"), 4 } },
		     w[2];
	struct iovec bad[2] = { { page, 2 }, { edge, 9 } };

	TRY(writev, a, v, 3);
	w[0] = (struct iovec){ page, 2 };
	w[1] = (struct iovec){ page + 2, 20 };
	text(TRY(readv, b, w, 2));
	TRY(writev, a, bad, 2);
	TRY(ioctl, b, FIONREAD, big);
	say("%d to read\n", *(int *)(void *)big);
	TRY(sendto, a, "0123456789ab", 12, 0, 0, 0);
	TRY(readv, b, bad, 2);
	text(TRY(recvfrom, b, page, 60, DONTWAIT, 0, 0));
	text(TRY(recvfrom, b, page, 60, DONTWAIT, 0, 0));
}

static void say_message(long n, const struct msghdr *m)
{
	say("  namelen %d controllen %lu flags %x\n", m->namelen, m->controllen, m->flags);
	text(n);
}

static void messages(void)
{
	struct iovec v = { CHARS("message"), 7 }, w = { page, 60 };
	struct cmsghdr c = { sizeof(c), 99, 1, { 1, 1 } };
	struct msghdr m = { .iov = &v, .iovlen = 1 };
	struct msghdr r = { big, 100, &w, 1, big, 1000, 77 };

	TRY(sendmsg, a, &m, 0);
	say_message(TRY(recvmsg, b, &r, 0), &r);
	TRY(sendmsg, a, &m, EOR);
	w.iov_len = 3;
	r.controllen = 50;
	say_message(TRY(recvmsg, b, &r, CMSG_CLOEXEC), &r);
	say_message(TRY(recvmsg, b, &r, DONTWAIT | TRUNC), &r);
	TRY(sendmsg, a, &m, 0);
	say_message(TRY(recvmsg, b, &r, TRUNC | DONTWAIT), &r);
	m.control = &c;
	m.controllen = 15;
	TRY(sendmsg, a, &m, 0);
	m.controllen = sizeof(c);
	TRY(sendmsg, a, &m, 0);
	c.len = 15;
	TRY(sendmsg, a, &m, 0);
	c.len = sizeof(c) + 1;
	TRY(sendmsg, a, &m, 0);
	m.control = BAD;
	TRY(sendmsg, a, &m, 0);
	m.controllen = 1ul << 31;
	TRY(sendmsg, a, &m, 0);
	m.controllen = 1ul << 20;
	TRY(sendmsg, a, &m, 0);
	m.control = &c;
	m.controllen = sizeof(c);
	c = (struct cmsghdr){ sizeof(c), SOL_SOCKET, 77, { 0, 0 } };
	TRY(sendmsg, a, &m, 0);
	while (CALL(recvfrom, b, big, 100, DONTWAIT, 0, 0) > 0)
		;
	r.name = BAD;
	r.namelen = 8;
	m.controllen = 0;
	TRY(sendmsg, a, &m, 0);
	TRY(recvmsg, b, &r, DONTWAIT);
}

static void several(void)
{
	struct iovec v[3] = { { CHARS("one"), 3 },
			      { CHARS("three"), 5 },
			      { CHARS("seventy"), 7 } };
	struct mmsghdr m[3] = { { { .iov = v, .iovlen = 1 }, 9 },
				{ { .iov = v + 1, .iovlen = 1 }, 9 },
				{ { .iov = v + 2, .iovlen = 1 }, 9 } };
	struct iovec w[3] = { { page, 20 }, { page + 20, 20 }, { page + 40, 20 } };
	struct mmsghdr r[3] = { { { .iov = w, .iovlen = 1 }, 9 },
				{ { .iov = w + 1, .iovlen = 1 }, 9 },
				{ { .iov = w + 2, .iovlen = 1 }, 9 } };
	struct timespec t = { 5, 0 };

	TRY(sendmmsg, a, m, 3, 0);
	say("%u %u %u\n", m[0].len, m[1].len, m[2].len);
	TRY(recvmmsg, b, r, 3, WAITFORONE, &t);
	say("%u %u %u, time is left: %d\n", r[0].len, r[1].len, r[2].len, t.tv_sec == 4);
	text(60);
	TRY(recvmmsg, b, r, 3, DONTWAIT, 0);
	TRY(recvmmsg, b, r, 0, DONTWAIT, 0);
	TRY(sendmmsg, a, m, 0, 0);
	TRY(sendmmsg, a, BAD, 1, 0);
	m[1].of.iov = BAD;
	TRY(sendmmsg, a, m, 3, 0);
	TRY(sendmmsg, a, m + 1, 1, 0);
	t = (struct timespec){ 0, 0 };
	TRY(recvmmsg, b, r, 3, 0, &t);
	TRY(recvmmsg, b, r, 3, DONTWAIT, BAD);
	TRY(recvmmsg, b, r, 3, CMSG_COMPAT, BAD);
	TRY(recvmmsg, 99, r, 3, DONTWAIT, 0);
	t.tv_nsec = -1;
	TRY(recvmmsg, 99, r, 3, DONTWAIT, &t);
}

/* ---- how much they hold */

static void fills(void)
{
	static const size_t sizes[] = { 1, 1000, 5000, 70000, 212960, 212961, MIB };
	long n, count;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (count = 0; (n = CALL(sendto, a, big, sizes[i], DONTWAIT, 0, 0)) > 0;)
			count += n;
		say("of %lu: %ld bytes, then %ld\n", sizes[i], count, n);
		while ((n = CALL(recvfrom, b, big, MIB, DONTWAIT, 0, 0)) > 0)
			count -= n;
		say("  %ld too many, then %ld\n", count, n);
	}
}

/* ---- ends */

static void ends(void)
{
	TRY(sendto, a, "left", 4, 0, 0, 0);
	TRY(shutdown, a, 1);
	TRY(sendto, a, "x", 1, NOSIGNAL, 0, 0);
	signals();
	TRY(sendto, a, "x", 1, 0, 0, 0);
	signals();
	TRY(write, a, "x", 1);
	signals();
	TRY(write, a, "", 0);
	signals();
	GET(0);
	GET(DONTWAIT);
	GET(DONTWAIT | WAITALL);
	TRY(sendto, b, "back", 4, 0, 0, 0);
	TRY(shutdown, b, 2);
	GET(0); /* of datagrams, only their receiver can have enough */
	GET(DONTWAIT);
	TRY(read, b, page, 9);
	TRY(recvfrom, a, page, 2, 0, 0, 0);
	TRY(recvfrom, a, page, 2, DONTWAIT, 0, 0);
	TRY(recvfrom, a, page, 2, DONTWAIT, 0, 0);
	TRY(sendto, b, "x", 1, NOSIGNAL, 0, 0);
}

static void closed(void)
{
	TRY(sendto, a, "unread", 6, 0, 0, 0);
	TRY(sendto, b, "back", 4, 0, 0, 0);
	TRY(close, b);
	TRY(recvfrom, a, page, 60, DONTWAIT, 0, 0);
	TRY(recvfrom, a, page, 60, DONTWAIT, 0, 0);
	TRY(recvfrom, a, page, 60, DONTWAIT, 0, 0);
	TRY(sendto, a, "x", 1, 0, 0, 0);
	signals();
	TRY(write, a, "x", 1);
	signals();
	TRY(recvfrom, a, page, 60, DONTWAIT, 0, 0);
}

static void duplicates(void)
{
	long c = TRY(dup, b);

	TRY(close, b);
	TRY(sendto, a, "x", 1, NOSIGNAL, 0, 0);
	TRY(recvfrom, c, page, 1, DONTWAIT, 0, 0);
	TRY(fcntl, c, F_SETFL, O_NONBLOCK);
	TRY(read, c, page, 1);
	TRY(close, a);
	TRY(recvfrom, c, page, 1, DONTWAIT, 0, 0);
	b = (int)c;
}

static void polled(const char *what)
{
	const short all = POLLIN | POLLOUT | POLLPRI | POLLRDHUP;
	struct pollfd fds[2] = { { a, all, 0 }, { b, all, 0 } };
	long n = CALL(poll, fds, 2, 0);

	say("%s: %ld, %x %x\n", what, n, fds[0].revents, fds[1].revents);
}

static void polls(void)
{
	const int on = 1;
	unsigned long in, out;

	polled("at first");
	TRY(write, a, "x", 1);
	polled("with a byte");
	in = out = 1ul << a | 1ul << b;
	TRY(select, b + 1, &in, &out, 0, (&(long[2]){ 0, 0 }));
	say("%lx %lx\n", in, out);
	TRY(ioctl, a, FIONBIO, &on);
	while (CALL(write, a, big, 1000) > 0)
		;
	polled("full");
	TRY(write, a, "x", 1);
	while (CALL(recvfrom, b, big, MIB, DONTWAIT, 0, 0) > 0)
		;
	polled("empty");
	TRY(read, a, page, 1);
	TRY(shutdown, a, 1);
	polled("shut for writing");
	TRY(shutdown, a, 0);
	polled("shut");
	TRY(close, a);
	polled("closed");
}

/* ---- waiting */

static void waits(void)
{
	struct iovec v = { page, 10 };
	struct msghdr m = { .iov = &v, .iovlen = 1 };

	for (int restart = 0; restart < 2; restart++) {
		must_handle(SIGALRM, note, restart ? SA_RESTART : 0);
		if (restart) /* what would be made again for ever */
			CALL(fcntl, b, F_SETFL, O_NONBLOCK);
		alarm_in(20 * MS);
		TRY(recvfrom, b, page, 10, 0, 0, 0);
		alarm_in(20 * MS);
		TRY(recvmsg, b, &m, 0);
		alarm_in(20 * MS);
		TRY(read, b, page, 10);
		CALL(sendto, a, "some", 4, 0, 0, 0);
		alarm_in(20 * MS);
		TRY(recvfrom, b, page, 10, WAITALL, 0, 0);
	}
	alarm_in(0);
	must_handle(SIGALRM, note, 0);
	alarm_in(50 * MS);
	say("%d\n", CALL(sendto, a, big, MIB, 0, 0, 0) > 0);
	alarm_in(0);
	while (CALL(sendto, a, big, 1000, DONTWAIT, 0, 0) > 0)
		;
	alarm_in(20 * MS);
	TRY(write, a, big, 1000);
	alarm_in(20 * MS);
	TRY(sendmsg, a, &m, 0);
}

/* A handler sends what is waited for. */
static void send_one(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	seen = sig;
	CALL(sendto, a, "late", 4, 0, 0, 0);
}

static void restarts(void)
{
	const long time[2] = { 10, 0 };

	must_handle(SIGALRM, send_one, SA_RESTART);
	alarm_in(20 * MS);
	GET(0);
	alarm_in(20 * MS);
	text(TRY(recvfrom, b, page, 4, WAITALL, 0, 0));
	TRY(setsockopt, b, SOL_SOCKET, SO_RCVTIMEO_OLD, time, 16);
	alarm_in(20 * MS);
	GET(0);
	GET(0);
}

static void timeouts(void)
{
	long time[2] = { 0, 40 * MS };
	uint64_t begin;

	TRY(setsockopt, b, SOL_SOCKET, SO_RCVTIMEO_OLD, time, 16);
	begin = now_ns();
	TRY(recvfrom, b, page, 4, 0, 0, 0);
	TRY(read, b, page, 4);
	begin = now_ns() - begin;
	say("in time: %d\n", begin >= 80000000 && begin < 2000000000);
	TRY(sendto, a, "abc", 3, 0, 0, 0);
	TRY(recvfrom, b, page, 4, WAITALL, 0, 0);
	TRY(setsockopt, a, SOL_SOCKET, SO_SNDTIMEO_OLD, time, 16);
	while (CALL(sendto, a, big, 1000, DONTWAIT, 0, 0) > 0)
		;
	begin = now_ns();
	TRY(write, a, big, 1000);
	begin = now_ns() - begin;
	say("in time: %d\n", begin >= 40000000 && begin < 2000000000);
	while (CALL(recvfrom, b, big, MIB, DONTWAIT, 0, 0) > 0)
		;
	time[0] = -1;
	time[1] = 0;
	TRY(setsockopt, b, SOL_SOCKET, SO_RCVTIMEO_OLD, time, 16);
	TRY(recvfrom, b, page, 4, 0, 0, 0);
	time[0] = 0;
	TRY(setsockopt, b, SOL_SOCKET, SO_RCVTIMEO_OLD, time, 16);
	must_handle(SIGALRM, note, 0);
	alarm_in(20 * MS);
	TRY(recvfrom, b, page, 4, 0, 0, 0);
	signals();
}

/* ---- options */

static void ask(int name)
{
	unsigned value[4] = { 77, 77, 77, 77 };
	int len = 16;
	long n = CALL(getsockopt, a, SOL_SOCKET, name, value, &len);

	if (name == SO_PEERCRED && !n)
		value[0] = value[0] == (unsigned)sys_getpid();
	say("option %d: %ld, %d: %u %u %u %u\n", name, n, len, value[0], value[1], value[2],
	    value[3]);
}

static void set(int name, int value)
{
	int all[2] = { value, 1 };

	say("set %d to %d: %ld\n", name, value,
	    CALL(setsockopt, a, SOL_SOCKET, name, all, 8));
	ask(name);
}

static void options(void)
{
	static const int names[] = { SO_DEBUG,
				     SO_REUSEADDR,
				     SO_TYPE,
				     SO_ERROR,
				     SO_DONTROUTE,
				     SO_BROADCAST,
				     SO_SNDBUF,
				     SO_RCVBUF,
				     SO_KEEPALIVE,
				     SO_PRIORITY,
				     SO_LINGER,
				     SO_REUSEPORT,
				     SO_PASSCRED,
				     SO_PEERCRED,
				     SO_RCVLOWAT,
				     SO_SNDLOWAT,
				     SO_RCVTIMEO_OLD,
				     SO_SNDTIMEO_OLD,
				     SO_TIMESTAMP_OLD,
				     SO_ACCEPTCONN,
				     SO_PROTOCOL,
				     SO_DOMAIN,
				     SO_SNDBUFFORCE,
				     0,
				     12345,
				     -1 };
	static const int sizes[] = { 0, 1, 2303, 2304, 2305, 50000, 212992 };
	const long times[][2] = { { 1, 0 },	  { 0, 1 },	   { 0, 999999 },
				  { 0, 1000000 }, { 1, -1 },	   { -1, 5 },
				  { -1, -1 },	  { 1l << 62, 0 }, { 0, 0 } };
	int len = 2, n = 1;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ask(names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		set(SO_SNDBUF, sizes[i]);
		set(SO_RCVBUF, sizes[i]);
	}
	set(SO_REUSEADDR, 5);
	set(SO_DONTROUTE, -1);
	set(SO_BROADCAST, 1);
	set(SO_KEEPALIVE, 1);
	set(SO_LINGER, 1);
	set(SO_TYPE, 1);
	set(SO_ERROR, 1);
	set(SO_PROTOCOL, 1);
	set(SO_ACCEPTCONN, 1);
	set(12345, 1);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		TRY(setsockopt, a, SOL_SOCKET, SO_RCVTIMEO_OLD, times[i], 16);
		ask(SO_RCVTIMEO_OLD);
	}
	TRY(getsockopt, a, SOL_SOCKET, SO_TYPE, page, &len);
	say("%d\n", len);
	TRY(getsockopt, a, SOL_SOCKET, SO_TYPE, BAD, &len);
	TRY(getsockopt, a, SOL_SOCKET, SO_TYPE, page, BAD);
	TRY(getsockopt, a, SOL_SOCKET, 12345, page, BAD);
	len = -1;
	TRY(getsockopt, a, SOL_SOCKET, SO_TYPE, page, &len);
	TRY(getsockopt, a, SOL_SOCKET, 12345, page, &len);
	len = 4;
	TRY(getsockopt, a, 0, 1, page, &len);
	TRY(getsockopt, a, 6, 1, page, BAD);
	TRY(setsockopt, a, 6, 1, page, 4);
	TRY(setsockopt, a, 6, 1, page, -1);
	TRY(setsockopt, a, SOL_SOCKET, SO_SNDBUF, &n, 3);
	TRY(setsockopt, a, SOL_SOCKET, SO_SNDBUF, BAD, 4);
	TRY(setsockopt, a, SOL_SOCKET, 12345, BAD, 4);
	TRY(setsockopt, a, SOL_SOCKET, SO_RCVTIMEO_OLD, page, 8);
	TRY(setsockopt, a, SOL_SOCKET, SO_RCVTIMEO_OLD, BAD, 8);
	TRY(setsockopt, a, SOL_SOCKET, SO_LINGER, page, 4);
	TRY(setsockopt, a, SOL_SOCKET, SO_KEEPALIVE, edge + 4, 100);
}

/* ---- memory: what this comes to natively depends on who runs it */

/* type 0: a pipe. */
static long make_one(int type)
{
	int fds[2];

	return type ? CALL(socketpair, AF_UNIX, type, 0, fds) : CALL(pipe2, fds, 0);
}

/* As many as there can be, and whether there can be one more when one end of each is closed. */
static void many(int type)
{
	int made = 0;
	long n;

	while (!(n = make_one(type)))
		made++;
	say("%d %ld\n", made, n);
	for (int i = 0; i < made; i++)
		CALL(close, 3 + 2 * i + i % 2);
	say("%ld\n", make_one(type));
	CALL(close_range, 3, ~0u, 0);
}

static void memory(void)
{
	for (int i = 0; i < 2; i++) {
		many(0);
		many(STREAM);
		many(DGRAM);
	}
}

/* What each end may send is set to be more. */
static void growth(void)
{
	const int most = 212992;

	open_pair(DGRAM);
	TRY(setsockopt, a, SOL_SOCKET, SO_SNDBUF, &most, 4);
	ask(SO_SNDBUF);
	TRY(setsockopt, b, SOL_SOCKET, SO_SNDBUF, &most, 4);
	a = b;
	ask(SO_SNDBUF);
}

/* ---- what isn't served */

static void refused(void)
{
	int fds[2];

	TRY(socket, AF_UNIX, STREAM, 0);
	TRY(socket, 2, STREAM, 0);
	TRY(socketpair, 2, STREAM, 0, fds);
	open_pair(STREAM);
	TRY(bind, a, "\1\0name", 6);
	TRY(connect, a, "\1\0\0name", 7);
	TRY(listen, a, 1);
	TRY(accept, a, 0, 0);
	TRY(sendto, a, "x", 1, OOB, 0, 0);
	open_pair(DGRAM);
	TRY(sendto, a, "x", 1, 0, "\1\0/tmp/socket", 14);
	TRY(sendto, a, "x", 1, 0, "\1\0\0name", 7);
	for (int type = 1; type <= 3; type++) {
		struct cmsghdr c = { 20, SOL_SOCKET, type, { a, 0 } };
		struct iovec v = { CHARS("x"), 1 };
		struct msghdr m = {
			.iov = &v, .iovlen = 1, .control = &c, .controllen = 24
		};

		TRY(sendmsg, a, &m, 0);
	}
	set(SO_PASSCRED, 1);
	set(SO_SNDBUFFORCE, 1 << 30);
	set(SO_RCVLOWAT, 2);
}

#define EACH(way)                    \
	static void way##_each(void) \
	{                            \
		each_type(way);      \
	}
EACH(as_file)
EACH(errors)
EACH(addresses)
EACH(transfers)
EACH(vectors)
EACH(messages)
EACH(several)
EACH(fills)
EACH(ends)
EACH(closed)
EACH(duplicates)
EACH(polls)
EACH(waits)
EACH(restarts)
EACH(timeouts)
EACH(options)

static const struct way ways[] = {
	{ "make", make },
	{ "file", as_file_each },
	{ "errors", errors_each },
	{ "addresses", addresses_each },
	{ "transfers", transfers_each },
	{ "vectors", vectors_each },
	{ "messages", messages_each },
	{ "several", several_each },
	{ "fills", fills_each },
	{ "ends", ends_each },
	{ "closed", closed_each },
	{ "duplicates", duplicates_each },
	{ "polls", polls_each },
	{ "waits", waits_each },
	{ "restarts", restarts_each },
	{ "timeouts", timeouts_each },
	{ "options", options_each },
	{ "memory", memory },
	{ "growth", growth },
	{ "refused", refused },
};

int main(int argc, char **argv)
{
	CALL(close_range, 3, ~0u, 0); /* whatever it was started with */
	must_handle(SIGPIPE, note, 0);
	edge = must_map(0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1);
	sys_munmap(edge + PAGE_SIZE, PAGE_SIZE);
	edge += PAGE_SIZE - 8;
	if (argc != 2 || !run_way(ways, ARRAY_SIZE(ways), argv[1]))
		usage("WAY");
	return 0;
}
