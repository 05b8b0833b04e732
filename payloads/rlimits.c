/* SPDX-License-Identifier: MIT */
/* rlimits.c WAY [FILE]: resource limits that bind. It says what it saw, natively the same. */
#include "payloads/ways.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RLIMIT_FSIZE 1
#define RLIMIT_DATA 2
#define RLIMIT_AS 9
#define P PAGE_SIZE

static char text[8192];

/* A number of /proc/self/status, in KiB there, in pages. */
static unsigned long status(const char *key)
{
	long fd = sys_open("/proc/self/status", O_RDONLY, 0);
	long n = sys_read((int)fd, text, sizeof(text) - 1), len = (long)strlen(key);
	unsigned long kib = 0;

	sys_close((int)fd);
	for (long i = 0; i + len < n; i++) {
		if (memcmp(text + i, key, (size_t)len))
			continue;
		for (i += len; text[i] != 'k'; i++)
			if (text[i] >= '0' && text[i] <= '9')
				kib = kib * 10 + (unsigned long)(text[i] - '0');
		return kib / 4;
	}
	return 0;
}

static void limit(int resource, unsigned long cur, unsigned long max)
{
	const unsigned long l[2] = { cur, max };

	if (sys3(__NR_setrlimit, resource, (long)l, 0))
		say("setrlimit fails\n");
}

/* So many pages more than there are. */
static void more(int resource, long pages)
{
	limit(resource,
	      ((unsigned long)((long)status(resource == RLIMIT_AS ? "VmSize" : "VmData") +
			       pages)) *
		      P,
	      ~0ul);
}

static bool failed(long ret)
{
	return ret < 0 && ret > -4096;
}

static void said(const char *what, long ret)
{
	say("%s: %ld\n", what, failed(ret) ? ret : 0);
}

static void as(void)
{
	char *at;
	long top;

	at = must_map(NULL, 30 * P, RW, ANON, -1);
	sys_munmap(at + 10 * P, 20 * P);
	more(RLIMIT_AS, 8);
	said("9 pages", sys_mmap(NULL, 9 * P, RW, ANON, -1, 0));
	said("9 of PROT_NONE", sys_mmap(NULL, 9 * P, PROT_NONE, ANON, -1, 0));
	said("8 pages", sys_mmap(NULL, 8 * P, RW, ANON, -1, 0));
	said("1 more", sys_mmap(NULL, P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	said("in the place of others", sys_mmap(at, 10 * P, RW, ANON | MAP_FIXED, -1, 0));
	said("half in their place",
	     sys_mmap(at + 5 * P, 10 * P, RW, ANON | MAP_FIXED, -1, 0));
	said("mremap", sys4(__NR_mremap, (long)at, 10 * P, 11 * P, 1));
	said("munmap", sys_munmap(at + 5 * P, 5 * P));
	said("mremap", sys4(__NR_mremap, (long)at, 5 * P, 10 * P, 1));
	said("mprotect", sys_mprotect(at, P, PROT_READ));
	said("mprotect", sys_mprotect(at, P, RW));
	said("mremap, and keep", sys6(__NR_mremap, (long)at, P, P, 5, 0, 0));
	top = sys3(__NR_brk, 0, 0, 0);
	say("brk grows %d\n", sys3(__NR_brk, top + 2 * P, 0, 0) != top);
	more(RLIMIT_AS, 2);
	say("brk grows %d\n", sys3(__NR_brk, top + 2 * P, 0, 0) != top);
	say("brk grows %d\n", sys3(__NR_brk, top + 3 * P, 0, 0) != top + 2 * (long)P);
	more(RLIMIT_AS, -50);
	said("below what there is", sys_mmap(NULL, P, RW, ANON, -1, 0));
	said("munmap", sys_munmap(at + 2 * P, P));
}

/* Private and writable is data; what becomes so counts, too. */
static void data(void)
{
	char *at = must_map(NULL, 10 * P, PROT_READ, ANON, -1);
	long top;

	more(RLIMIT_DATA, 4);
	said("5 pages", sys_mmap(NULL, 5 * P, RW, ANON, -1, 0));
	said("5 to read", sys_mmap(NULL, 5 * P, PROT_READ, ANON, -1, 0));
	said("5 shared", sys_mmap(NULL, 5 * P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	said("5 that grow down", sys_mmap(NULL, 5 * P, RW, ANON | MAP_GROWSDOWN, -1, 0));
	said("mprotect 5", sys_mprotect(at, 5 * P, RW));
	said("mprotect 4", sys_mprotect(at, 4 * P, RW));
	said("1 more", sys_mmap(NULL, P, RW, ANON, -1, 0));
	said("mprotect back", sys_mprotect(at, 4 * P, PROT_READ));
	said("1 more", sys_mmap(NULL, P, RW, ANON, -1, 0));
	said("mremap", sys4(__NR_mremap, (long)at + 4 * P, 6 * P, 60 * P, 1));
	top = sys3(__NR_brk, 0, 0, 0);
	limit(RLIMIT_DATA, 0, ~0ul);
	said("limit 0", sys_mmap(NULL, P, RW, ANON, -1, 0));
	say("brk grows %d\n", sys3(__NR_brk, top + P, 0, 0) != top);
	limit(RLIMIT_DATA, 1ul << 40, ~0ul);
	say("brk grows %d\n", sys3(__NR_brk, top + P, 0, 0) != top);
	say("brk grows %d\n", sys3(__NR_brk, top + 100 * P, 0, 0) != top + (long)P);
	/* the heap and the program's own data */
	for (long i = 90; i < 120; i++) {
		limit(RLIMIT_DATA, (unsigned long)i * P, ~0ul);
		say("%d", sys3(__NR_brk, top + 101 * P, 0, 0) == top + 101 * (long)P);
		limit(RLIMIT_DATA, 1ul << 40, ~0ul);
		sys3(__NR_brk, top + 100 * P, 0, 0);
	}
	say("\n");
}

/* ... and the stack can't grow. */
static void stack(void)
{
	volatile char *sp = __builtin_frame_address(0);

	sp[-64 * (long)P] = 1;
	more(RLIMIT_AS, 100);
	sp[-150 * (long)P] = 1;
	say("100 pages\n");
	sp[-1500 * (long)P] = 1;
	say("1000 pages\n");
}

static int seen, code;
static unsigned long most = 1000;

static void on_xfsz(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	seen++;
	code = info->si_code;
}

/* Each with the file as it is then, and whether a signal came. What it says goes to a file, too. */
static void wrote(int fd, const char *what, long ret)
{
	struct stat st = { 0 };

	limit(RLIMIT_FSIZE, ~0ul, ~0ul);
	sys3(__NR_fstat, fd, (long)&st, 0);
	say("%s: %ld, %d signals of code %d, %ld bytes\n", what, ret, seen, code,
	    (long)st.st_size);
	seen = 0;
	limit(RLIMIT_FSIZE, most, ~0ul);
}

/* What is wrong with a call otherwise comes first; fd is at its limit. */
static void first(const char *path, int fd, int in, int append, const char *bytes)
{
	const struct iovec vec = { (void *)(uintptr_t)bytes, 100 };
	const int self = (int)sys_open(path, O_RDONLY, 0);
	int pipe[2];
	long from = 0, at = 1000, wrong = -1;

	sys3(__NR_pipe, (long)pipe, 0, 0);
	limit(RLIMIT_FSIZE, ~0ul, ~0ul);
	sys3(__NR_ftruncate, fd, 1000, 0);
	sys_pwrite64(in, bytes, 2000, 0);
	limit(RLIMIT_FSIZE, most, ~0ul);
	sys3(__NR_lseek, fd, 1000, 0);
	wrote(fd, "copied from what isn't open for it",
	      sys6(__NR_copy_file_range, append, 0, fd, (long)&at, 100, 0));
	wrote(fd, "... to what appends",
	      sys6(__NR_copy_file_range, self, 0, append, 0, 100, 0));
	wrote(fd, "... to before 0",
	      sys6(__NR_copy_file_range, self, (long)&from, fd, (long)&wrong, 100, 0));
	wrote(fd, "... from before 0",
	      sys6(__NR_copy_file_range, self, (long)&wrong, fd, (long)&at, 100, 0));
	wrote(fd, "... from a pipe",
	      sys6(__NR_copy_file_range, pipe[0], 0, fd, (long)&at, 1, 0));
	wrote(fd, "... nothing", sys6(__NR_copy_file_range, self, 0, fd, (long)&at, 0, 0));
	wrote(fd, "... something",
	      sys6(__NR_copy_file_range, self, 0, fd, (long)&at, 10, 0));
	from = 1000;
	wrote(fd, "... from the end",
	      sys6(__NR_copy_file_range, self, (long)&from, fd, (long)&at, 10, 0));
	wrote(fd, "pwritev2 with a flag that there isn't",
	      sys6(__NR_pwritev2, fd, (long)&vec, 1, 1000, 0, 0x4000));
	wrote(fd, "fallocate of no mode", sys4(__NR_fallocate, fd, 0x8000, 0, 2000));
	wrote(fd, "sendfile to what appends", sys4(__NR_sendfile, append, in, 0, 100));
	wrote(fd, "sendfile of nothing", sys4(__NR_sendfile, fd, in, 0, 0));
	sys3(__NR_lseek, in, 2000, 0);
	wrote(fd, "sendfile from the end", sys4(__NR_sendfile, fd, in, 0, 100));
}

/* A file may be 1000 bytes long. */
static void fsize(const char *path)
{
	static char bytes[2000];
	const struct iovec vec[2] = { { bytes, 400 }, { bytes, 400 } };
	int fd = (int)sys_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), in, again;
	long at;

	must_handle(25, on_xfsz, 0); /* SIGXFSZ */
	in = (int)sys3(__NR_memfd_create, (long)"in", 0, 0);
	sys_write(in, bytes, sizeof(bytes));
	limit(RLIMIT_FSIZE, most, ~0ul);
	wrote(fd, "write", sys_write(fd, bytes, 600));
	wrote(fd, "... half of it", sys_write(fd, bytes, 600));
	wrote(fd, "... nothing", sys_write(fd, bytes, 600));
	wrote(fd, "no bytes", sys_write(fd, bytes, 0));
	wrote(fd, "in the middle", sys_pwrite64(fd, bytes, 600, 300));
	wrote(fd, "... to its end", sys_pwrite64(fd, bytes, 600, 600));
	wrote(fd, "... behind it", sys_pwrite64(fd, bytes, 600, 1000));
	wrote(fd, "shorter", sys3(__NR_ftruncate, fd, 700, 0));
	wrote(fd, "longer", sys3(__NR_ftruncate, fd, 1000, 0));
	wrote(fd, "too long", sys3(__NR_ftruncate, fd, 1001, 0));
	wrote(fd, "... by its name", sys3(__NR_truncate, (long)path, 1001, 0));
	wrote(fd, "fallocate", sys4(__NR_fallocate, fd, 0, 0, 1001));
	wrote(fd, "... more than that", sys4(__NR_fallocate, fd, 0, 500, 500));
	sys3(__NR_ftruncate, fd, 500, 0);
	sys3(__NR_lseek, fd, 500, 0);
	wrote(fd, "writev", sys3(__NR_writev, fd, (long)vec, 2));
	sys3(__NR_ftruncate, fd, 500, 0);
	again = (int)sys_open(path, O_WRONLY | O_APPEND, 0);
	wrote(fd, "appended", sys_write(again, bytes, 600));
	wrote(fd, "appended", sys_write(again, bytes, 600));
	sys3(__NR_ftruncate, fd, 500, 0);
	sys3(__NR_lseek, fd, 0, 0);
	wrote(fd, "RWF_APPEND", sys6(__NR_pwritev2, fd, (long)vec, 2, 0, 0, 16));
	sys3(__NR_ftruncate, fd, 0, 0);
	at = 0;
	wrote(fd, "sendfile", sys4(__NR_sendfile, fd, in, (long)&at, 1500));
	wrote(fd, "sendfile", sys4(__NR_sendfile, fd, in, (long)&at, 1500));
	sys3(__NR_ftruncate, in, 0, 0);
	wrote(in, "a memfd, too", sys_pwrite64(in, bytes, 1500, 0));
	first(path, fd, in, again, bytes);
	most = 0;
	limit(RLIMIT_FSIZE, most, ~0ul);
	wrote(fd, "none at all", sys_pwrite64(fd, bytes, 1, 0));
	wrote(fd, "/dev/null",
	      sys_write((int)sys_open("/dev/null", O_WRONLY, 0), bytes, 500));
}

static const struct way ways[] = { { "as", as }, { "data", data }, { "stack", stack } };

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "fsize")) {
		fsize(argv[2]);
		return 0;
	}
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY [FILE]");
}
