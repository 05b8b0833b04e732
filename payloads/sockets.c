/* SPDX-License-Identifier: MIT */
/* sockets.c: calls for sockets without any, and what each comes to; natively the same. 0 is a pipe. */
#include "payloads/try.h"

#define NO_FAMILY 99
#define NOT_THERE 77

static char page[PAGE_SIZE];

static void on(int fd)
{
	say("on %d\n", fd);
	TRY(bind, fd, page, 16);
	TRY(bind, fd, BAD, 1000);
	TRY(connect, fd, page, 16);
	TRY(connect, fd, BAD, 16);
	TRY(connect, fd, BAD, 0);
	TRY(connect, fd, page, 129);
	TRY(connect, fd, page, -1);
	TRY(listen, fd, 1);
	TRY(accept, fd, 0, 0);
	TRY(accept4, fd, 0, 0, 1);
	TRY(accept4, fd, BAD, BAD, 0);
	TRY(getsockname, fd, BAD, BAD);
	TRY(getpeername, fd, page, page);
	TRY(getsockopt, fd, 1, 1, page, page + 64);
	TRY(setsockopt, fd, 1, 1, page, 4);
	TRY(shutdown, fd, 2);
	TRY(shutdown, fd, 77);
	TRY(sendto, fd, page, 1, 0, 0, 0);
	TRY(sendto, fd, BAD, 1, 0, 0, 0);
	TRY(sendto, fd, page, -1, 0, 0, 0);
	TRY(recvfrom, fd, page, 1, 0, 0, 0);
	TRY(recvfrom, fd, BAD, 1, 0, 0, 0);
	TRY(sendmsg, fd, BAD, 0);
	TRY(sendmsg, fd, BAD, 0x80000000);
	TRY(recvmsg, fd, BAD, 0);
	TRY(sendmmsg, fd, BAD, 1, 0);
	TRY(sendmmsg, fd, BAD, 1, 0x80000000);
	TRY(recvmmsg, fd, BAD, 1, 0, 0);
	TRY(recvmmsg, fd, BAD, 1, 0, BAD);
}

int main(int argc, char **argv)
{
	const int none = 0;

	(void)argv;
	if (argc != 2)
		usage("WAY");
	CALL(close_range, 3, ~0u, 0); /* whatever it was started with */
	TRY(socket, NO_FAMILY, 1, 0);
	TRY(socket, -1, 1, 0);
	TRY(socket, NO_FAMILY, 0x100, 0);
	TRY(socket, 2, 15, 0);
	TRY(socketpair, NO_FAMILY, 1, 0, page);
	TRY(socketpair, NO_FAMILY, 1, 0, BAD);
	TRY(socketpair, NO_FAMILY, 0x100, 0, BAD);
	say("%d %d\n", ((const int *)(void *)page)[0], ((const int *)(void *)page)[1]);
	on(none);
	on(NOT_THERE);
	return 0;
}
