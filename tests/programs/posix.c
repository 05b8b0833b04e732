/* SPDX-License-Identifier: MIT */
/*
 * posix.c WAY [SIZE]: POSIX shared memory and semaphores as its C library has them, by files in
 * /dev/shm. `share': what one does with them, natively the same. `sparse SIZE': a file of SIZE, which
 * is mapped and stored to, page by page; it says how far it came.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define NAME "/mapvisor-test-shared"

static void say(const char *what, bool ok)
{
	const int err = errno;

	printf("%s: %s\n", what, ok ? "ok" : strerror(err));
}

static char *map(int fd)
{
	char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	say("mmap", p != MAP_FAILED);
	return p;
}

static void memory(void)
{
	int a = shm_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600), b;
	char *first, *second, byte = 0;
	struct stat st;

	say("shm_open", a >= 0);
	say("... again", shm_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600) >= 0);
	say("ftruncate", !ftruncate(a, 2 * PAGE + 100));
	b = shm_open(NAME, O_RDONLY, 0);
	say("... to read", b >= 0);
	first = map(a);
	second = map(a);
	strcpy(first + PAGE, "through one");
	printf("%s, %s", second + PAGE,
	       pread(b, &byte, 1, PAGE) == 1 && byte == 't' ? "" : "not ");
	printf("by pread\n");
	say("write", pwrite(b, "x", 1, 0) == 1);
	say("mmap of it for writing",
	    mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, b, 0) != MAP_FAILED);
	say("shm_unlink", !shm_unlink(NAME));
	say("... again", !shm_unlink(NAME));
	fstat(a, &st);
	printf("%ld bytes, %lu names, mode %o\n", (long)st.st_size,
	       (unsigned long)st.st_nlink, st.st_mode);
	close(a);
	close(b);
	second[2 * PAGE] = 'y';
	printf("still %s, %c\n", second + PAGE, first[2 * PAGE]);
	munmap(first, 3 * PAGE);
	munmap(second, 3 * PAGE);
}

static void semaphores(void)
{
	sem_t *a = sem_open(NAME, O_CREAT | O_EXCL, 0600, 2), *b;
	int value = -1;

	say("sem_open", a != SEM_FAILED);
	if (a == SEM_FAILED)
		return;
	say("... again", sem_open(NAME, O_CREAT | O_EXCL, 0600, 2) != SEM_FAILED);
	b = sem_open(NAME, 0);
	say("... what is there", b != SEM_FAILED);
	if (b == SEM_FAILED)
		return;
	say("sem_post", !sem_post(a));
	for (int i = 0; i < 4; i++)
		say("sem_trywait", !sem_trywait(b));
	sem_getvalue(a, &value);
	printf("value %d\n", value);
	say("sem_unlink", !sem_unlink(NAME));
	say("... again", !sem_unlink(NAME));
	sem_close(a);
	sem_close(b);
}

static sigjmp_buf over;

static void on_bus(int sig)
{
	siglongjmp(over, sig);
}

/* tmpfs has no page any more: SIGBUS. */
static void sparse(long size)
{
	int fd = shm_open(NAME, O_RDWR | O_CREAT, 0600), err;
	volatile long at = 0;
	char *p;

	err = fd < 0 ? errno : 0;
	printf("open: %s\n", err ? strerror(err) : "ok");
	if (err)
		return;
	if (ftruncate(fd, size))
		exit(1);
	p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	signal(SIGBUS, on_bus);
	if (!sigsetjmp(over, 1))
		for (; at < size; at += PAGE)
			p[at] = 1;
	printf("%ld of %ld\n", at, size);
	printf("write: %s\n", pwrite(fd, "x", 1, size) == 1 ? "ok" : strerror(errno));
	shm_unlink(NAME);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc == 3 && !strcmp(argv[1], "sparse")) {
		sparse(strtol(argv[2], NULL, 10));
		return 0;
	}
	memory();
	semaphores();
	return 0;
}
