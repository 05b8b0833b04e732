/* SPDX-License-Identifier: MIT */
/* must.c: calls without which a payload has nothing to show. */
#include "guest/rt.h"

void *must_map(void *addr, size_t len, int prot, int flags, int fd)
{
	long p = sys_mmap(addr, len, prot, flags, fd, 0);

	if (p < 0)
		die(p, "cannot map %lu bytes", len);
	return (void *)p;
}

int must_open(const char *path, int flags, size_t *size)
{
	struct stat st;
	long fd, err;

	fd = sys_open(path, flags, 0);
	if (fd < 0)
		die(fd, "%s: cannot open", path);
	err = sys_fstat(fd, &st);
	if (err < 0)
		die(err, "%s: cannot stat", path);
	if (size)
		*size = st.st_size;
	return fd;
}

void must_handle(int sig, void (*handler)(int, siginfo_t *, void *), unsigned long flags)
{
	struct sigaction act = { .sa_handler = (__sighandler_t)(uintptr_t)handler,
				 .sa_flags = flags | SA_SIGINFO | SA_RESTORER,
				 .sa_restorer = restore_rt };
	long err = sys_rt_sigaction(sig, &act, NULL);

	if (err)
		die(err, "cannot handle signal %d", sig);
}
