/* SPDX-License-Identifier: MIT */
/*
 * output.c WAY [FILE]: writes 100 bytes, or all of FILE, to 1 by one number or another, again and again, by WAY, for --max-output to end it; FILE
 * is one of 1000 bytes.
 */
#include "guest/rt.h"

#define TIMES 100

static char text[100];

/* Until there is no more: once more at the end. */
static long put_all(bool send, int fd, int in)
{
	long n, sum = 0;

	do {
		n = send ? sys4(__NR_sendfile, fd, in, 0, 10 * sizeof(text))
			 : sys6(__NR_copy_file_range, in, 0, fd, 0, 2000, 0);
		sum += n;
	} while (n > 0);
	return sum;
}

static long put(const char *way, int fd, int in, int i)
{
	struct iovec vec[2] = { { text, 60 }, { text, 40 } };

	if (!strcmp(way, "write"))
		return sys_write(fd, text, sizeof(text));
	if (!strcmp(way, "writev"))
		return sys3(__NR_writev, fd, (long)vec, 2);
	if (!strcmp(way, "pwrite"))
		return sys_pwrite64(fd, text, sizeof(text), i * 100l);
	if (!strcmp(way, "hole"))
		return sys_pwrite64(fd, text, sizeof(text), i * 400l);
	if (!strcmp(way, "hole-seek")) {
		sys3(__NR_lseek, fd, 300, 1 /* SEEK_CUR */);
		return sys_write(fd, text, sizeof(text));
	}
	if (!strcmp(way, "hole-copy")) {
		long at = i * 400l;

		return sys6(__NR_copy_file_range, in, 0, fd, (long)&at, sizeof(text), 0);
	}
	if (!strcmp(way, "append"))
		sys3(__NR_fcntl, fd, 4 /* F_SETFL */, 02000 /* O_APPEND */);
	if (!strcmp(way, "sendfile") || !strcmp(way, "append"))
		return sys4(__NR_sendfile, fd, in, 0, sizeof(text));
	if (!strcmp(way, "copy_file_range"))
		return sys6(__NR_copy_file_range, in, 0, fd, 0, sizeof(text), 0);
	if (!strcmp(way, "ftruncate"))
		return sys3(__NR_ftruncate, fd, (i + 1) * 100l, 0);
	if (!strcmp(way, "sendfile-all") || !strcmp(way, "copy-all"))
		return put_all(!strcmp(way, "sendfile-all"), fd, in);
	if (!strcmp(way, "insert")) /* of whole blocks only */
		return sys4(__NR_fallocate, fd, 0x20, 0, 4096);
	if (!strcmp(way, "tty"))
		return sys_write((int)sys_open("/dev/tty", O_WRONLY, 0), text,
				 sizeof(text));
	if (!strcmp(way, "fallocate"))
		return sys4(__NR_fallocate, fd, 0, i * 100l, 100);
	usage("write|writev|pwrite|sendfile|copy_file_range|ftruncate|fallocate|"
	      "hole|hole-seek|hole-copy|append|sendfile-all|copy-all|insert|tty [FILE]");
	return 0;
}

int main(int argc, char **argv)
{
	int in = argc > 2 ? must_open(argv[2], O_RDONLY, NULL) : -1;

	memset(text, 'x', sizeof(text));
	/* by another number, too */
	sys3(__NR_dup2, 1, 77, 0);
	for (int i = 0; i < TIMES; i++) {
		if (in >= 0)
			sys3(__NR_lseek, in, 0, 0);
		put(argc > 1 ? argv[1] : "", i % 2 ? 77 : 1, in, i);
	}
	return 7;
}
