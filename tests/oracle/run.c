/* SPDX-License-Identifier: MIT */
/* run.c: see run.h. */
#include "tests/oracle/run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* RLIMIT_MEMLOCK of a payload. */
#define MEMLOCK (8ul << 20)
/* No run of a batch takes so long. */
#define ALARM_SECONDS 60

/*
 * On tmpfs a file's pages are all in the page cache, whatever was read ahead, and mincore can be
 * compared.
 */
int oracle_init(struct oracle *o, const char *mapvisor, const char *program)
{
	const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	char path[256];

	*o = (struct oracle){ .mapvisor = mapvisor, .program = program };
	snprintf(o->dir, sizeof(o->dir), "%s/oracle.XXXXXX", base);
	if (!mkdtemp(o->dir))
		return -1;
	snprintf(path, sizeof(path), "%s/rw", o->dir);
	o->rw = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return o->rw < 0 ? -1 : 0;
}

static void remove_file(const struct oracle *o, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", o->dir, name);
	unlink(path);
}

void oracle_destroy(struct oracle *o)
{
	remove_file(o, "rw");
	remove_file(o, "small");
	remove_file(o, "steps");
	rmdir(o->dir);
	close(o->rw);
}

/* `size` bytes that tell their place, with a hole in the middle. */
static void fill(int fd, unsigned size)
{
	static unsigned char bytes[ORACLE_FILE_PAGES * 4096];

	for (unsigned i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 4096);
	if (ftruncate(fd, 0) || ftruncate(fd, size) || pwrite(fd, bytes, size / 3, 0) < 0 ||
	    pwrite(fd, bytes + size / 2, size - size / 2, size / 2) < 0)
		abort();
}

/* The files as they are at the start of each run, and the steps. */
static void prepare(struct oracle *o, const struct oracle_step *steps, unsigned n)
{
	char path[256];
	int fd;

	fill(o->rw, ORACLE_FILE_PAGES / 2 * 4096 + 1234);
	snprintf(path, sizeof(path), "%s/small", o->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fill(fd, 300);
	close(fd);
	snprintf(path, sizeof(path), "%s/steps", o->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, steps, n * sizeof(*steps)) != (ssize_t)(n * sizeof(*steps)))
		abort();
	close(fd);
}

/* As a payload is in the sandbox: no huge pages, no randomisation, no right beyond a limit. */
static void become_payload(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2] = { { 0 } };
	const struct rlimit lock = { MEMLOCK, MEMLOCK };
	const struct rlimit stack = { MEMLOCK, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &lock);
	setrlimit(RLIMIT_STACK, &stack);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	personality(ADDR_NO_RANDOMIZE);
	if (!syscall(SYS_capget, &head, caps)) {
		/* root gets all of them back at exec, but for those it may not have */
		prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0);
		caps[0].inheritable = 0;
		syscall(SYS_capset, &head, caps);
	}
}

static void start(const struct oracle *o, const struct side *side, int in, int out, int log)
{
	const char *argv[24];
	unsigned n = 0;

	dup2(in, 0);
	dup2(out, 1);
	if (log >= 0)
		dup2(log, 2);
	alarm(ALARM_SECONDS);
	if (chdir(o->dir))
		_exit(99);
	if (side->options[0]) {
		argv[n++] = o->mapvisor;
		argv[n++] = "run";
		argv[n++] = "--no-aslr";
		argv[n++] = "--rw";
		argv[n++] = o->dir;
		for (unsigned i = 0; side->options[i]; i++)
			argv[n++] = side->options[i];
		argv[n++] = "--";
	} else {
		become_payload();
	}
	argv[n++] = o->program;
	if (log >= 0)
		argv[n++] = "-v";
	argv[n] = NULL;
	execv(argv[0], (char *const *)argv);
	_exit(98);
}

/* A step that is the driver's to make. */
static void make_outside(const struct oracle *o, const struct oracle_step *s)
{
	static char bytes[8192];

	memset(bytes, (int)(s->to % 251), sizeof(bytes));
	if (s->op == OP_OUTSIDE_WRITE && pwrite(o->rw, bytes, s->len2, (off_t)s->to) < 0)
		abort();
	if (s->op == OP_OUTSIDE_TRUNCATE && ftruncate(o->rw, (off_t)s->len))
		abort();
}

static bool read_record(int fd, struct oracle_record *r)
{
	size_t got = 0;
	ssize_t n;

	while (got < sizeof(*r)) {
		n = read(fd, (char *)r + got, sizeof(*r) - got);
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

unsigned run_side(struct oracle *o, const struct side *side,
		  const struct oracle_step *steps, unsigned n,
		  struct oracle_record *records, int log)
{
	int in[2], out[2];
	unsigned got = 0;
	pid_t pid;

	prepare(o, steps, n);
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	pid = fork();
	if (!pid)
		start(o, side, in[0], out[1], log);
	close(in[0]);
	close(out[1]);
	while (got < n && read_record(out[0], &records[got])) {
		if (!records[got].request) {
			got++;
			continue;
		}
		make_outside(o, &steps[got]);
		if (write(in[1], "", 1) != 1)
			break;
	}
	close(in[1]);
	close(out[0]);
	kill(pid, got < n ? SIGTERM : 0);
	waitpid(pid, &o->status, 0);
	return got;
}
