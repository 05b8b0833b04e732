/* SPDX-License-Identifier: MIT */
/*
 * program.c: the oracle's program: makes the steps that it is given, and records what came of
 * each. It runs natively and in the sandbox; the records must be equal.
 *
 *	program [-v] < acknowledgements > records, in a directory with `steps` and the files
 *
 * With -v it says in words what it recorded.
 */
#include "guest/rt.h"
#include "tests/oracle/step.h"

#define BATCH 256

struct access_state {
	uint64_t rsp; /* as the access's function began: where its handler goes back to */
	uint32_t signal, error;
	int32_t code;
	uint64_t addr;
};

static struct access_state state __asm__("oracle_state") __attribute__((used));
static struct oracle_record records[BATCH];
static unsigned nr_records;
static bool verbose;
static int files[ORACLE_FILES];
static uint64_t anchor; /* the end of what the kernel placed first */
static uint64_t first_brk;
static struct {
	uint64_t addr, len;
} slots[ORACLE_SLOTS];

/* Accesses that may fault. The handler makes them return 0, with `state` telling why. */
uint64_t load8(uint64_t addr) __attribute__((visibility("hidden")));
uint64_t load1(uint64_t addr) __attribute__((visibility("hidden")));
uint64_t store8(uint64_t addr, uint64_t value) __attribute__((visibility("hidden")));
uint64_t store1(uint64_t addr, uint64_t value) __attribute__((visibility("hidden")));
uint64_t exec(uint64_t addr) __attribute__((visibility("hidden")));
extern const char recover[] __attribute__((visibility("hidden")));

__asm__(".text\n"
	"load8:	mov %rsp, oracle_state(%rip); mov (%rdi), %rax; ret\n"
	"load1:	mov %rsp, oracle_state(%rip); movzbl (%rdi), %eax; ret\n"
	"store8: mov %rsp, oracle_state(%rip); mov %rsi, (%rdi); mov $1, %eax; ret\n"
	"store1: mov %rsp, oracle_state(%rip); mov %sil, (%rdi); mov $1, %eax; ret\n"
	"exec:	mov %rsp, oracle_state(%rip); call *%rdi; mov $1, %eax; ret\n"
	"recover: xor %eax, %eax; ret\n");

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	struct ucontext *uc = ctx;

	state.signal = (uint32_t)sig;
	state.code = info->si_code;
	state.addr = (uint64_t)info->si_addr;
	state.error = uc->uc_mcontext.err & 0x12;
	uc->uc_mcontext.rip = (uint64_t)recover;
	uc->uc_mcontext.rsp = state.rsp;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

/* ---- records */

static void flush(void)
{
	const char *p = (const char *)records;
	size_t left = nr_records * sizeof(records[0]);

	while (left) {
		long n = sys_write(1, p, left);

		if (n <= 0)
			sys_exit_group(3);
		p += n;
		left -= (size_t)n;
	}
	nr_records = 0;
}

static void record(const struct oracle_record *r)
{
	records[nr_records++] = *r;
	if (nr_records == BATCH)
		flush();
}

/* Have the driver make the step, and wait until it did. */
static void ask_driver(void)
{
	char done;

	record(&(struct oracle_record){ .request = 1 });
	flush();
	if (sys_read(0, &done, 1) != 1)
		sys_exit_group(3);
}

/* An address that the kernel chose, as a distance that doesn't depend on where it began. */
static int64_t comparable(int64_t addr)
{
	if (addr < 0 || ((uint64_t)addr >= ORACLE_REGION && (uint64_t)addr < ORACLE_END) ||
	    (uint64_t)addr < 0x100000000)
		return addr;
	return addr - (int64_t)anchor;
}

/* ---- the state as a whole */

static char maps[64 << 10];

static uint64_t hex(const char **p)
{
	uint64_t n = 0;

	for (;; ++*p)
		if (**p >= '0' && **p <= '9')
			n = n << 4 | (uint64_t)(**p - '0');
		else if (**p >= 'a' && **p <= 'f')
			n = n << 4 | (uint64_t)(**p - 'a' + 10);
		else
			return n;
}

/* What of a mapping is resident, into the digest. */
static uint64_t resident(uint64_t h, uint64_t start, uint64_t end)
{
	static unsigned char vec[ORACLE_PAGES];
	uint64_t n = (end - start) / PAGE_SIZE, run = 0;

	if (n > ORACLE_PAGES)
		return h;
	h = mix(h,
		(uint64_t)sys3(__NR_mincore, (long)start, (long)(end - start), (long)vec));
	for (uint64_t i = 0; i < n; i++) {
		h = mix(h, vec[i] & 1);
		if (verbose && vec[i] & 1)
			run++;
		if (verbose && run && (i + 1 == n || !(vec[i + 1] & 1))) {
			say_to(2, "    resident %lx +%lu\n",
			       start + (i + 1 - run) * PAGE_SIZE, run);
			run = 0;
		}
	}
	return h;
}

/* One line of maps: "START-END PROT OFFSET DEV INODE". */
static void digest_line(const char *p, struct oracle_record *r)
{
	uint64_t start = hex(&p), end, offset;
	const char *prot;

	p++;
	end = hex(&p);
	prot = ++p;
	p += 5;
	offset = hex(&p);
	/* what the steps mapped: in the region, or just below the anchor */
	if (!(start >= ORACLE_REGION && start < ORACLE_END) &&
	    !(start < anchor && start >= anchor - GIB))
		return;
	r->digest = mix(r->digest, (uint64_t)comparable((int64_t)start));
	r->digest = mix(r->digest, end - start);
	for (int i = 0; i < 4; i++)
		r->digest = mix(r->digest, (uint64_t)prot[i]);
	/* of anonymous memory under a file's name, the address that it was mapped at */
	offset = (uint64_t)comparable((int64_t)offset);
	r->digest = mix(r->digest, offset);
	if (verbose)
		say_to(2, "    %lx-%lx %c%c%c%c %lx\n",
		       (uint64_t)comparable((int64_t)start),
		       (uint64_t)comparable((int64_t)start) + end - start, prot[0], prot[1],
		       prot[2], prot[3], offset);
	if (start >= ORACLE_REGION && start < ORACLE_END)
		r->mincore = resident(r->mincore, start, end);
}

static void digest_state(struct oracle_record *r)
{
	int fd = must_open("/proc/self/maps", O_RDONLY, NULL);
	long len = 0, n;

	while ((n = sys_read(fd, maps + len, sizeof(maps) - 1 - (size_t)len)) > 0)
		len += n;
	sys_close(fd);
	maps[len] = '\0';
	for (const char *p = maps; *p;) {
		digest_line(p, r);
		while (*p && *p++ != '\n')
			;
	}
}

/* ---- steps */

static void place(const struct oracle_step *s, int fd, struct oracle_record *r)
{
	uint64_t i = s->to % ORACLE_SLOTS;

	if (slots[i].len)
		sys_munmap((void *)slots[i].addr, slots[i].len);
	slots[i].len = 0;
	r->ret = sys_mmap((void *)s->addr, s->len, s->prot, s->flags, fd, 0);
	if (r->ret > 0) {
		slots[i].addr = (uint64_t)r->ret;
		slots[i].len = s->len;
	}
	r->ret = comparable(r->ret);
}

static void unplace(const struct oracle_step *s, struct oracle_record *r)
{
	uint64_t i = s->to % ORACLE_SLOTS;

	r->ret = slots[i].len ? sys_munmap((void *)slots[i].addr, slots[i].len) : 0;
	slots[i].len = 0;
}

/* Where the kernel moved it it stays, as a slot's. */
static void remap(const struct oracle_step *s, struct oracle_record *r)
{
	uint64_t i = s->to / PAGE_SIZE % ORACLE_SLOTS;

	r->ret = sys6(__NR_mremap, (long)s->addr, (long)s->len, (long)s->len2, s->flags,
		      (long)s->to, 0);
	if (r->ret > 0 && comparable(r->ret) != r->ret) {
		if (slots[i].len)
			sys_munmap((void *)slots[i].addr, slots[i].len);
		slots[i].addr = (uint64_t)r->ret;
		slots[i].len = s->len2;
	}
	r->ret = comparable(r->ret);
}

static void digest_pages(const struct oracle_step *s, struct oracle_record *r)
{
	for (uint64_t at = s->addr; at < s->addr + s->len && !state.signal; at += 512)
		r->digest = mix(r->digest, load8(at));
}

static void access(const struct oracle_step *s, struct oracle_record *r)
{
	switch (s->op) {
	case OP_LOAD:
		r->digest = s->len2 == 1 ? load1(s->addr) : load8(s->addr);
		break;
	case OP_STORE:
		r->ret = (int64_t)(s->len2 == 1 ? store1(s->addr, s->to)
						: store8(s->addr, s->to));
		break;
	case OP_EXEC: /* a `ret`, or nothing is executed */
		if (load1(s->addr) == 0xc3)
			r->ret = (int64_t)exec(s->addr);
		break;
	default:
		digest_pages(s, r);
		break;
	}
	r->signal = state.signal;
	r->code = state.code;
	r->addr = state.addr;
	r->error = state.error;
	state.signal = 0;
	state.code = 0;
	state.addr = 0;
	state.error = 0;
}

/* What it wrote goes into the record and out of memory again: with 2 MiB leaves it may differ. */
static void ask_mincore(const struct oracle_step *s, struct oracle_record *r)
{
	uint64_t pages = PAGE_ALIGN(s->len) / PAGE_SIZE;

	r->ret = sys3(__NR_mincore, (long)s->addr, (long)s->len, (long)s->to);
	/* where it fails it may have written a part */
	for (uint64_t i = 0; i < pages && i < ORACLE_PAGES && !state.signal; i++) {
		r->mincore = mix(r->mincore, load1(s->to + i) & 1);
		store1(s->to + i, 0);
	}
	memset(&state, 0, sizeof(state));
}

static int64_t call(const struct oracle_step *s)
{
	void *addr = (void *)s->addr;
	int fd = files[s->file];
	struct stat st = { 0 };

	switch (s->op) {
	case OP_MMAP:
		return sys_mmap(addr, s->len, s->prot, s->flags, -1, 0);
	case OP_MMAP_FILE:
		return sys_mmap(addr, s->len, s->prot, s->flags, fd, (long)s->to);
	case OP_MUNMAP:
		return sys_munmap(addr, s->len);
	case OP_MPROTECT:
		return sys_mprotect(addr, s->len, s->prot);
	case OP_MADVISE:
		return sys_madvise(addr, s->len, s->flags);
	case OP_MLOCK:
		return sys3(__NR_mlock2, (long)addr, (long)s->len, s->flags);
	case OP_MUNLOCK:
		return sys3(__NR_munlock, (long)addr, (long)s->len, 0);
	case OP_MLOCKALL:
		return sys3(__NR_mlockall, s->flags, 0, 0);
	case OP_MUNLOCKALL:
		return sys3(__NR_munlockall, 0, 0, 0);
	case OP_MSYNC:
		return sys_msync(addr, s->len, s->flags);
	case OP_BRK:
		return sys_brk((void *)(first_brk + s->len)) - (int64_t)first_brk;
	case OP_READ:
		return sys_pread64(fd, addr, s->len, (long)s->to);
	case OP_WRITE:
		return sys_pwrite64(fd, addr, s->len, (long)s->to);
	case OP_TRUNCATE:
		return sys3(__NR_ftruncate, fd, (long)s->len, 0);
	default:
		ask_driver();
		sys_fstat(fd, &st);
		return st.st_size;
	}
}

static void make(const struct oracle_step *s, struct oracle_record *r)
{
	switch (s->op) {
	case OP_PLACE:
		place(s, -1, r);
		break;
	case OP_PLACE_FILE:
		place(s, files[s->file], r);
		break;
	case OP_UNPLACE:
		unplace(s, r);
		break;
	case OP_MREMAP:
		remap(s, r);
		break;
	case OP_MINCORE:
		ask_mincore(s, r);
		break;
	case OP_LOAD:
	case OP_STORE:
	case OP_EXEC:
	case OP_DIGEST:
		access(s, r);
		break;
	case OP_STATE:
		digest_state(r);
		break;
	default:
		r->ret = call(s);
		break;
	}
}

static void tell(unsigned i, const struct oracle_record *r)
{
	say_to(2, "%u: ret %ld", i, r->ret);
	if (r->signal)
		say_to(2, " signal %u code %d addr %lx error %x", r->signal, r->code,
		       r->addr, r->error);
	say_to(2, " digest %lx mincore %lx\n", r->digest, r->mincore);
}

/* What is placed next begins at a multiple of 2 MiB, wherever the first was placed. */
static void drop_anchor(void)
{
	/* shared, so that nothing becomes one mapping with it */
	uint64_t addr = (uint64_t)must_map(NULL, PAGE_SIZE, PROT_NONE,
					   MAP_SHARED | MAP_ANONYMOUS, -1);
	uint64_t rest = addr & (2 * MIB - 1);

	anchor = addr - rest;
	if (rest)
		must_map((void *)anchor, rest, PROT_NONE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
}

static void open_files(void)
{
	files[FILE_RW] = must_open("rw", O_RDWR, NULL);
	files[FILE_RO] = must_open("rw", O_RDONLY, NULL);
	files[FILE_SMALL] = must_open("small", O_RDWR, NULL);
	files[FILE_ZERO] = must_open("/dev/zero", O_RDWR, NULL);
	files[FILE_NULL] = must_open("/dev/null", O_RDWR, NULL);
	files[FILE_MEMFD] = (int)sys3(__NR_memfd_create, (long)"oracle", 0, 0);
	sys3(__NR_ftruncate, files[FILE_MEMFD], 5 * PAGE_SIZE + 100, 0);
}

int main(int argc, char **argv)
{
	static struct oracle_step steps[BATCH];
	int fd;
	long n;
	unsigned made = 0;

	verbose = argc > 1 && !strcmp(argv[1], "-v");
	fd = must_open("steps", O_RDONLY, NULL);
	open_files();
	must_handle(SIGSEGV, on_fault, 0);
	must_handle(SIGBUS, on_fault, 0);
	first_brk = (uint64_t)sys_brk(NULL);
	drop_anchor();
	while ((n = sys_read(fd, steps, sizeof(steps))) > 0)
		for (long i = 0; i < n / (long)sizeof(steps[0]); i++, made++) {
			struct oracle_record r = { 0 };

			make(&steps[i], &r);
			record(&r);
			if (verbose)
				tell(made, &r);
		}
	flush();
	return 0;
}
