/* SPDX-License-Identifier: MIT */
/*
 * fuzz_calls.c: fuzz target: any system calls with any arguments, in any order, and the signals that come
 * of them. Nothing may crash or wait, and what wasn't granted stays as it was, and closed.
 *
 * An input is calls of a byte for the number and a byte for each argument; see number() and argument().
 * The kick is pending all the time: who waits is interrupted at once.
 */
#include <asm/unistd_64.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/remove_tree.h"
#include "vmm/linux/calls.h"

#define LIMIT (32ull << 20)
#define FILE_MAX (8ull << 20)
#define CALLS_MAX 64
#define KICK (SIGRTMAX - 1)

/* The payload's memory at the start: data, read-only, none. Behind it nothing. */
#define BASE 0x10000000ull
#define DATA_SIZE (16 * PAGE_SIZE)
#define STRINGS BASE /* a path every PATH_ROOM bytes */
#define PATH_ROOM 256

#define FPU_SIZE 832u /* of XSAVE, up to AVX */

/* A folder with three: rw and ro are granted, secret isn't. */
struct folder {
	char top[64], rw[80], ro[80], secret[80];
};

struct input {
	const uint8_t *data;
	size_t size;
};

struct target {
	struct fuzz_space space;
	struct process p;
	struct input in;
	struct sig_regs regs;
	char fpu_area[FPU_SIZE + SIG_FPU_TAIL] __attribute__((aligned(64)));
};

static const char *const paths[] = {
	"%s/rw/a",
	"%s/rw/new",
	"%s/rw/sub/b",
	"%s/rw",
	"%s/ro/a",
	"%s/ro",
	"%s/secret/a",
	"%s/secret/new",
	"%s/rw/../secret/a",
	"%s/rw/out/a",
	"%s/rw/link",
	"%s/rw/root/etc/passwd",
	"%s/ro/out",
	"%s",
	"/",
	"/etc/passwd",
	"/dev/zero",
	"/dev/null",
	"/proc/self/maps",
	"/proc/self/mem",
	"/proc/self/fd/0",
	"a",
	"../../../etc/hosts",
	"",
	"/dev/kvm",
	"/dev/shm/fuzz",
	"%s/rw/loop",
	"%s/rw/sub/../../ro/a",
};

static uint8_t byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static uint64_t word(struct input *in)
{
	uint64_t w = 0;

	for (int i = 0; i < 8; i++)
		w = w << 8 | byte(in);
	return w;
}

/* A call that is served, or one of the others. */
static int number(struct input *in)
{
	static int served[CALL_ROWS];
	static unsigned n;
	static bool filled;
	const unsigned b = byte(in);

	for (int nr = 0; !filled && nr < CALL_ROWS; nr++)
		if (linux_serves(nr))
			served[n++] = nr;
	filled = true;
	if (b >= 250)
		return (int)word(in);
	return served[(b * n) / 250];
}

static uint64_t argument(struct input *in)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		3,
		4,
		5,
		7,
		8,
		16,
		64,
		100,
		4095,
		4096,
		4097,
		65536,
		1 << 20,
		1u << 31,
		0x7fffffff,
		UINT32_MAX,
		1ull << 32,
		INT64_MAX,
		1ull << 63,
		UINT64_MAX,
		(uint64_t)-2,
		(uint64_t)-100, /* AT_FDCWD */
		(uint64_t)-4096,
		0x22, /* MAP_PRIVATE | MAP_ANONYMOUS */
		0x21, /* MAP_SHARED | MAP_ANONYMOUS */
		0x32, /* ... | MAP_FIXED */
		O_RDWR | O_CREAT,
		BASE + PAGE_SIZE,
		BASE + 4 * PAGE_SIZE,
		BASE + 4 * PAGE_SIZE + 1,
		BASE + 5 * PAGE_SIZE - 4,
		BASE + DATA_SIZE - 8,
		BASE + DATA_SIZE - 3,
		BASE + DATA_SIZE,		  /* read-only */
		BASE + DATA_SIZE + PAGE_SIZE,	  /* none */
		BASE + DATA_SIZE + 2 * PAGE_SIZE, /* nothing */
		MV_TASK_SIZE - 8,
		MV_TASK_SIZE,
		0xffff800000000000,
		0xffffffff80000000,
	};
	const unsigned b = byte(in), n = sizeof(values) / sizeof(*values);

	if (b < n)
		return values[b];
	if (b < 128)
		return b - n; /* a small number */
	if (b < 192)
		return STRINGS + (b % (sizeof(paths) / sizeof(*paths))) * PATH_ROOM;
	if (b < 224)
		return BASE + 4 * PAGE_SIZE + (b - 192) * 64ull;
	return word(in);
}

/* ---- the folder */

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	must(file && fputs(text, file) >= 0 && !fclose(file), "%s", path);
}

static void make_link(const char *folder, const char *name, const char *to)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	must(!symlink(to, path), "%s", path);
}

static void make_folder(struct folder *f)
{
	char path[PATH_MAX];

	strcpy(f->top, "/tmp/mapvisor-fuzz-XXXXXX");
	must(mkdtemp(f->top), "mkdtemp");
	snprintf(f->rw, sizeof(f->rw), "%s/rw", f->top);
	snprintf(f->ro, sizeof(f->ro), "%s/ro", f->top);
	snprintf(f->secret, sizeof(f->secret), "%s/secret", f->top);
	must(!mkdir(f->rw, 0700) && !mkdir(f->ro, 0700) && !mkdir(f->secret, 0700),
	     "mkdir");
	snprintf(path, sizeof(path), "%s/sub", f->rw);
	must(!mkdir(path, 0700), "mkdir");
	write_file(f->rw, "a", "writable\n");
	write_file(f->ro, "a", "readable\n");
	write_file(f->secret, "a", "secret\n");
	make_link(f->rw, "out", "../secret");
	make_link(f->rw, "link", "../secret/a");
	make_link(f->rw, "root", "/");
	make_link(f->rw, "loop", "loop");
	make_link(f->ro, "out", "../secret/a");
}

/* The folder holds that one file with that text, and perhaps a link. */
static void check_untouched(const char *folder, const char *text, int entries)
{
	char path[PATH_MAX], found[64] = "";
	DIR *dir = opendir(folder);
	FILE *file;
	int n = 0;

	must(dir, "%s", folder);
	while (readdir(dir))
		n++;
	closedir(dir);
	must(n == entries + 2, "%s has %d entries", folder, n);
	snprintf(path, sizeof(path), "%s/a", folder);
	file = fopen(path, "re");
	must(file, "%s", path);
	must(fread(found, 1, sizeof(found) - 1, file) == strlen(text), "%s has '%s'", path,
	     found);
	fclose(file);
	must(!strcmp(found, text), "%s has '%s'", path, found);
}

/* All that is open was granted, or is the sandbox's own. */
static void check_files(const struct process *p, const struct folder *f)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	for (unsigned fd = 0; fd < FD_MAX; fd++) {
		const struct file *file = fd_get(&p->files, fd);

		if (!file || !file->owned)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
		n = readlink(link, path, sizeof(path) - 1);
		must(n > 0, "%s", link);
		path[n] = '\0';
		must(!strncmp(path, f->rw, strlen(f->rw)) ||
			     !strncmp(path, f->ro, strlen(f->ro)) ||
			     !strncmp(path, "/memfd:", 7) ||
			     !strncmp(path, "anon_inode:", 11) ||
			     !strncmp(path, "pipe:", 5) || !strncmp(path, "/dev/", 5),
		     "%s is open", path);
		must(strcmp(path, "/dev/kvm"), "%s is open", path);
	}
}

/* ---- the payload */

static int64_t call(struct process *p, int nr, uint64_t a, uint64_t b, uint64_t c,
		    uint64_t d, uint64_t e)
{
	const uint64_t args[6] = { a, b, c, d, e, 0 };
	int64_t result = 0;

	linux_call(p, nr, args, &result);
	return result;
}

static void map(struct process *p, gva_t at, uint64_t len, int prot)
{
	must(call(p, __NR_mmap, at, len, (uint64_t)prot, 0x32, UINT64_MAX) == (int64_t)at,
	     "mmap");
}

static void make_memory(struct process *p, const struct folder *f)
{
	char path[PATH_ROOM];

	map(p, BASE, DATA_SIZE, MV_READ | MV_WRITE);
	map(p, BASE + DATA_SIZE, PAGE_SIZE, MV_READ);
	map(p, BASE + DATA_SIZE + PAGE_SIZE, PAGE_SIZE, 0);
	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		memset(path, 0, sizeof(path));
		if (strstr(paths[i], "%s"))
			snprintf(path, sizeof(path), "%s%s", f->top, paths[i] + 2);
		else
			snprintf(path, sizeof(path), "%s", paths[i]);
		mm_copy_to(p->mm, STRINGS + i * PATH_ROOM, path, sizeof(path));
	}
}

/* As the run loop does, but that what would end the payload doesn't. */
static void deliver(struct target *t)
{
	struct sig_fpu fpu = { .area = t->fpu_area, .size = FPU_SIZE, .xfeatures = 7 };
	struct signal sig;

	for (int i = 0; i < 8 && signal_take(&t->p, &sig); i++)
		if (sig.action.handler)
			sigframe_push(&t->p, &sig, &t->regs, &fpu);
	t->p.restart = RESTART_NO;
	t->p.sleep.on = false;
	signals_restore_mask(&t->p);
}

static void make_call(struct target *t)
{
	struct sig_fpu fpu = { .area = t->fpu_area, .size = FPU_SIZE, .xfeatures = 7 };
	const int nr = number(&t->in);
	uint64_t args[6], data = argument(&t->in);
	int64_t result = 0;

	for (int i = 0; i < 6; i++)
		args[i] = argument(&t->in);
	/* what a call finds in memory is of the input, too */
	mm_copy_to(&t->space.mm, BASE + 4 * PAGE_SIZE + 64ull * (nr & 31), &data,
		   sizeof(data));
	t->p.rsp = t->regs.rsp;
	switch (linux_call(&t->p, nr, args, &result)) {
	case CALL_SIGRETURN:
		t->regs.rsp = args[0];
		sigframe_pop(&t->p, &t->regs, &fpu);
		break;
	case CALL_EXIT:
		t->p.ended = false;
		break;
	case CALL_INTERRUPTED:
		t->p.sleep.on = false;
		break;
	case CALL_DONE:
		must(result >= -4095 || (uint64_t)result < MV_TASK_SIZE, "call %d: %ld", nr,
		     result);
		break;
	}
	t->space.mm.pinned = false;
	deliver(t);
}

/* Once a process: the kick that stays, and files that can't fill the disk. */
static void begin(void)
{
	const struct rlimit size = { FILE_MAX, FILE_MAX };
	static bool begun;
	sigset_t kick;

	if (begun)
		return;
	begun = true;
	sigemptyset(&kick);
	sigaddset(&kick, KICK);
	pthread_sigmask(SIG_BLOCK, &kick, NULL);
	pthread_kill(pthread_self(), KICK);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &size);
}

int fuzz_calls(const uint8_t *data, size_t size)
{
	static struct target t;
	struct mv_options opt = { .ngrants = 2, .fds = { -1, -1, -1 }, .shm = 1 << 20 };
	struct mv_grant grants[2];
	struct mv_error err;
	struct folder f;

	begin();
	make_folder(&f);
	grants[0] = (struct mv_grant){ f.rw, true };
	grants[1] = (struct mv_grant){ f.ro, false };
	opt.grants = grants;
	opt.fds[1] = memfd_create("out", MFD_CLOEXEC);
	memset(&t, 0, sizeof(t));
	fuzz_space_init(&t.space, LIMIT, 16, MV_THP_AUTO);
	must(!process_init(&t.p, &t.space.mm, &opt, &err), "%s", err.text);
	t.p.kick_signal = KICK;
	t.in = (struct input){ data, size };
	t.regs.rsp = BASE + 12 * PAGE_SIZE;
	make_memory(&t.p, &f);
	for (int i = 0; i < CALLS_MAX && t.in.size; i++)
		make_call(&t);
	check_files(&t.p, &f);
	check_untouched(f.secret, "secret\n", 1);
	check_untouched(f.ro, "readable\n", 2);
	process_destroy(&t.p);
	mm_destroy(&t.space.mm);
	fuzz_space_destroy(&t.space);
	close(opt.fds[1]);
	remove_tree(f.top);
	return 0;
}
