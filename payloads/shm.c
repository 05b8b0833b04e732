/* SPDX-License-Identifier: MIT */
/*
 * shm.c WAY: System V shared memory; says what it saw, natively the same. `leak' makes segments and touches
 * all of them, 64 MiB, as --mem is to end it.
 */
#include "guest/rt.h"

#include <linux/ipc.h>
#include <linux/shm.h>

#define SIZE (3 * PAGE_SIZE + 100)
#define LEN (4 * PAGE_SIZE)
#define KEY 0x6d7673
#define AT ((char *)0x200000000000)

static long get(int key, size_t size, int flags)
{
	return sys3(__NR_shmget, key, size, flags);
}

static char *at(long id, void *addr, int flags)
{
	return (char *)sys3(__NR_shmat, id, (long)addr, flags);
}

static long dt(const void *addr)
{
	return sys3(__NR_shmdt, (long)addr, 0, 0);
}

static long ctl(long id, int cmd, void *arg)
{
	return sys3(__NR_shmctl, id, cmd, (long)arg);
}

static bool is_error(const void *p)
{
	return (unsigned long)p > -4096ul;
}

/* Where it came to is the kernel's choice. */
static long outcome(const void *p)
{
	return is_error(p) ? (long)p : 0;
}

static void show(const char *what, long id)
{
	struct shmid64_ds ds = { 0 };
	long ret = ctl(id, IPC_STAT, &ds);

	if (ret < 0) {
		say("%s: %ld\n", what, ret);
		return;
	}
	say("%s: key %x mode %x size %lu attached %lu, by this %d %d, at times %d %d\n",
	    what, ds.shm_perm.key, ds.shm_perm.mode, ds.shm_segsz, ds.shm_nattch,
	    ds.shm_cpid == sys_getpid(), ds.shm_lpid == sys_getpid(), !!ds.shm_atime,
	    !!ds.shm_ctime);
}

static void sizes(void)
{
	long id, again;

	say("none: %ld\n", get(KEY, SIZE, 0600));
	say("nothing: %ld\n", get(KEY, 0, IPC_CREAT | 0600));
	say("too large: %ld %ld %ld\n", get(IPC_PRIVATE, 1ul << 50, 0600),
	    get(IPC_PRIVATE, -1ul, 0600), get(IPC_PRIVATE, -(1ul << 23), 0600));
	id = get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0640);
	say("made: %d\n", id >= 0);
	show("new", id);
	again = get(KEY, SIZE, 0);
	say("the same: %d\n", again == id);
	say("smaller %d larger %ld exclusive %ld\n", get(KEY, 1, 0600) == id,
	    get(KEY, SIZE + 1, 0600), get(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600));
	say("removed: %ld\n", ctl(id, IPC_RMID, NULL));
	say("gone: %ld %ld\n", get(KEY, SIZE, 0600), ctl(id, IPC_RMID, NULL));
	say("no such: %ld %ld %ld\n", ctl(-1, IPC_STAT, NULL), ctl(1 << 30, IPC_RMID, NULL),
	    outcome(at(-1, NULL, 0)));
	id = get(IPC_PRIVATE, SIZE, 0600);
	say("to nowhere: %ld, no command %ld %ld\n", ctl(id, IPC_STAT, (void *)8),
	    ctl(id, 77, NULL), ctl(id, -1, NULL));
	say("locked: %ld\n", ctl(id, SHM_LOCK, NULL));
	show("locked", id);
	say("unlocked: %ld\n", ctl(id, SHM_UNLOCK, NULL));
	ctl(id, IPC_RMID, NULL);
}

static void attach(void)
{
	long id = get(IPC_PRIVATE, SIZE, 0700);
	char *a = at(id, NULL, 0), *b = at(id, NULL, SHM_RDONLY), *c;

	say("attached: %ld %ld\n", outcome(a), outcome(b));
	show("twice", id);
	a[0] = 'x';
	a[SIZE - 1] = 'y';
	say("seen %c %c, behind it %d\n", b[0], b[SIZE - 1], b[LEN - 1]);
	say("placed: %ld\n", (long)at(id, AT, 0) - (long)AT);
	say("again: %ld, over it: %ld\n", (long)at(id, AT, 0),
	    (long)at(id, AT, SHM_REMAP) - (long)AT);
	say("odd: %ld, rounded: %ld\n", (long)at(id, AT + LEN + 8, 0),
	    (long)at(id, AT + LEN + 8, SHM_RND) - (long)AT);
	say("nowhere: %ld %ld\n", (long)at(id, NULL, SHM_REMAP),
	    (long)at(id, (char *)8, SHM_REMAP | SHM_RND));
	c = at(id, NULL, SHM_EXEC);
	say("to execute: %ld\n", outcome(c));
	show("many", id);
	say("written: %ld\n", sys_mprotect(b, LEN, PROT_READ | PROT_WRITE));
	say("detached: %ld %ld %ld %ld\n", dt(a), dt(a), dt(b + 8), dt(b + PAGE_SIZE));
	show("less", id);
	say("removed: %ld\n", ctl(id, IPC_RMID, NULL));
	show("while attached", id);
	say("attached still: %ld\n", (long)at(id, AT + 16 * LEN, 0) - (long)AT);
	say("with %c\n", AT[16 * LEN]);
	for (unsigned i = 0; i < 5; i++)
		say("detached: %ld\n",
		    dt((char *[]){ b, c, AT, AT + LEN, AT + 16 * LEN }[i]));
	show("gone", id);
}

static void pieces(void)
{
	long id = get(IPC_PRIVATE, LEN, 0600), other = get(IPC_PRIVATE, LEN, 0600);

	at(id, AT, 0);
	sys_munmap(AT + PAGE_SIZE, PAGE_SIZE);
	show("a hole", id);
	sys_mprotect(AT + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ);
	show("cut", id);
	at(other, AT + PAGE_SIZE, SHM_REMAP);
	show("overlaid", id);
	show("by", other);
	say("detached: %ld\n", dt(AT));
	show("the rest", id);
	show("of the other", other);
	say("moved: %d\n",
	    sys6(__NR_mremap, (long)(AT + PAGE_SIZE), LEN, LEN, 3,
		 (long)(AT + 32 * PAGE_SIZE), 0) == (long)(AT + 32 * PAGE_SIZE));
	say("detached: %ld %ld\n", dt(AT + PAGE_SIZE), dt(AT + 32 * PAGE_SIZE));
	show("of the other", other);
	ctl(id, IPC_RMID, NULL);
	ctl(other, IPC_RMID, NULL);
}

/* Removed, and attached once more over its last VMA: that is what holds it. */
static void over_the_last(void)
{
	long id = get(IPC_PRIVATE, LEN, 0600);

	at(id, AT, 0);
	AT[0] = 'k';
	say("removed: %ld\n", ctl(id, IPC_RMID, NULL));
	say("over it: %ld\n", (long)at(id, AT, SHM_REMAP) - (long)AT);
	say("with %c\n", AT[0]);
	show("still", id);
	sys_munmap(AT, LEN);
	show("unmapped", id);
	say("gone: %ld\n", outcome(at(id, AT, 0)));
}

/* Memory of other kinds with its device, and numbers that were another's. */
static void others(void)
{
	int fd = (int)sys3(__NR_memfd_create, (long)"other", 0, 0);
	long id = get(IPC_PRIVATE, LEN, 0600);

	sys3(__NR_ftruncate, fd, LEN, 0);
	sys6(__NR_mmap, (long)AT, LEN, 3, 0x11, fd, 0);
	say("a memfd: %ld\n", dt(AT));
	AT[0] = 'x';
	sys6(__NR_mmap, (long)AT, LEN, 3, 0x31, -1, 0);
	say("anonymous: %ld\n", dt(AT));
	AT[0] = 'x';
	say("another's number: %ld %ld %ld\n", ctl(id + 32768, IPC_RMID, NULL),
	    ctl(id + 32768, SHM_LOCK, NULL), outcome(at(id + 32768, NULL, 0)));
	ctl(id, IPC_RMID, NULL);
}

/* What was cut stays so, but for its borders. */
static void apart(void)
{
	long id = get(IPC_PRIVATE, LEN, 0600);

	at(id, AT, 0);
	sys_mprotect(AT + PAGE_SIZE, PAGE_SIZE, PROT_READ);
	show("in three", id);
	sys_mprotect(AT + PAGE_SIZE, PAGE_SIZE, 3);
	show("and alike", id);
	sys_mprotect(AT, PAGE_SIZE, PROT_READ);
	show("the first to read", id);
	sys_mprotect(AT + PAGE_SIZE, PAGE_SIZE / 2, PROT_READ);
	show("the second, too", id);
	sys_mprotect(AT + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ);
	show("half of the third", id);
	sys_madvise(AT, LEN, 1);
	show("advised", id);
	ctl(id, IPC_RMID, NULL);
}

static void leak(void)
{
	for (int i = 0; i < 16; i++) {
		char *p = at(get(IPC_PRIVATE, 4 * MIB, 0600), NULL, 0);

		if (is_error(p))
			die((long)p, "cannot attach");
		for (size_t k = 0; k < 4 * MIB; k += PAGE_SIZE)
			p[k] = 1;
		dt(p);
	}
	say("all\n");
}

int main(int argc, char **argv)
{
	const char *way = argc == 2 ? argv[1] : "";

	if (!strcmp(way, "sizes"))
		sizes();
	else if (!strcmp(way, "attach"))
		attach();
	else if (!strcmp(way, "pieces"))
		pieces();
	else if (!strcmp(way, "over-the-last"))
		over_the_last();
	else if (!strcmp(way, "others"))
		others();
	else if (!strcmp(way, "apart"))
		apart();
	else if (!strcmp(way, "leak"))
		leak();
	else
		usage("sizes|attach|pieces|over-the-last|others|apart|leak");
	return 0;
}
