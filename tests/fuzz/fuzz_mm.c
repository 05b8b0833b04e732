/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mm.c: fuzz target: bytes as a sequence of calls to mm.h, faults, and changes of two mapped
 * files, with little memory. After each call the mm is checked, and beside it a shadow is kept:
 * what the first bytes of each page of anonymous memory must be.
 *
 * A new call is a function op_NAME(), which takes its arguments by byte(), address(), place() and
 * length(), and a line in the table `ops`.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/* Where most addresses lie: 2 MiB blocks, the first and last 32 pages of the first four. */
#define REGION 0x200000000000ull
#define PAGES (8 * PMD_PAGES)
#define HEAP (REGION + 2 * PMD_SIZE + 500 * PAGE_SIZE)
#define SHADOW_BYTES \
	8 /* of each page: places lie in them, or right before the next page's */
#define COPY_MAX (4 * PAGE_SIZE)
#define STEPS_MAX 200
#define NR_FILES 2

struct shadow {
	bool known; /* anonymous: nobody but the calls here writes it */
	unsigned char byte[SHADOW_BYTES];
};

struct fuzz {
	struct fuzz_space s;
	const uint8_t *in; /* what is left of the input */
	size_t left;
	struct object *file[NR_FILES];
	gva_t brk;
	struct shadow page[PAGES]; /* of the region */
};

/* Made once; each input finds them with the same content. */
static int file_fd[NR_FILES];
static const bool file_writable[NR_FILES] = { true, false };
static const unsigned file_pages[NR_FILES] = { 8, 520 };

/* ---- arguments */

static unsigned byte(struct fuzz *f)
{
	if (!f->left)
		return 0;
	f->left--;
	return *f->in++;
}

/* A page's address; in one of 16 cases one that is odd. */
static gva_t address(struct fuzz *f)
{
	static const gva_t odd[] = { 0,
				     1,
				     PAGE_SIZE,
				     MMAP_MIN_ADDR,
				     REGION + 1,
				     REGION + PMD_SIZE - 1,
				     REGION - PAGE_SIZE,
				     MV_TASK_SIZE - PAGE_SIZE,
				     MV_TASK_SIZE,
				     1ull << 47,
				     UINT64_MAX & PAGE_MASK,
				     UINT64_MAX,
				     HEAP,
				     HEAP + PAGE_SIZE,
				     0x40000000,
				     MV_TASK_SIZE / 3 & PAGE_MASK };
	unsigned where = byte(f), page = where % 64;
	unsigned how = byte(f);

	if (how >= 240)
		return odd[how - 240];
	return REGION + where / 64 * PMD_SIZE +
	       (page < 32 ? page : PMD_PAGES - 64 + page) * PAGE_SIZE;
}

/* An address within a page. */
static gva_t place(struct fuzz *f)
{
	gva_t page = address(f);
	unsigned offset = byte(f) % (2 * SHADOW_BYTES);

	return page +
	       (offset < SHADOW_BYTES ? offset : PAGE_SIZE - offset + SHADOW_BYTES - 1);
}

/* Of a mapping. */
static uint64_t length(struct fuzz *f)
{
	static const uint64_t odd[] = {
		0, 1, 5000, UINT64_MAX, 1ull << 47, 1ull << 30, MV_TASK_SIZE, PAGE_SIZE - 1
	};
	unsigned n = byte(f);

	if (n < 160)
		return (n % 40 + 1) * PAGE_SIZE;
	if (n < 240)
		return (n % 4 + 1) * PMD_SIZE - (n / 4 % 4) * PAGE_SIZE;
	return odd[n % 8];
}

/* Of a copy. */
static uint64_t size_of_copy(struct fuzz *f)
{
	unsigned n = byte(f);

	return n < 128 ? n : (n - 127) * COPY_MAX / 128;
}

/* ---- the shadow */

static struct shadow *shadow(struct fuzz *f, gva_t gva)
{
	if (gva < REGION || gva >= REGION + PAGES * PAGE_SIZE)
		return NULL;
	return &f->page[(gva - REGION) >> PAGE_SHIFT];
}

/* The pages of [start, end) are zero from now on, or not known. */
static void shadow_set(struct fuzz *f, gva_t start, gva_t end, bool known)
{
	start = max_u64(start & PAGE_MASK, REGION);
	end = min_u64(end, REGION + PAGES * PAGE_SIZE);
	for (; start < end; start += PAGE_SIZE)
		*shadow(f, start) = (struct shadow){ .known = known };
}

/* n bytes at gva were written. */
static void shadow_write(struct fuzz *f, gva_t gva, uint64_t n, unsigned char value)
{
	must(!n || gva < MV_TASK_SIZE, "%lu bytes written at %#lx", n, gva);
	for (gva_t at = gva & PAGE_MASK; n && at < gva + n; at += PAGE_SIZE)
		for (unsigned i = 0; i < SHADOW_BYTES; i++)
			if (at + i >= gva && at + i < gva + n && shadow(f, at))
				shadow(f, at)->byte[i] = value;
}

/* n bytes were read at gva. */
static void shadow_compare(struct fuzz *f, gva_t gva, const unsigned char *read, uint64_t n)
{
	must(!n || gva < MV_TASK_SIZE, "%lu bytes read at %#lx", n, gva);
	for (gva_t at = gva & PAGE_MASK; n && at < gva + n; at += PAGE_SIZE) {
		const struct shadow *page = shadow(f, at);

		if (!page || !page->known)
			continue;
		for (unsigned i = 0; i < SHADOW_BYTES; i++)
			if (at + i >= gva && at + i < gva + n)
				must(read[at + i - gva] == page->byte[i],
				     "%#lx reads %#x, %#x was written", at + i,
				     read[at + i - gva], page->byte[i]);
	}
}

static void shadow_compare_all(struct fuzz *f)
{
	unsigned char read[SHADOW_BYTES];

	for (gva_t at = REGION; at < REGION + PAGES * PAGE_SIZE; at += PAGE_SIZE)
		if (shadow(f, at)->known) {
			must(!mm_peek(&f->s.mm, read, at, sizeof(read)), "%#lx was mapped",
			     at);
			shadow_compare(f, at, read, sizeof(read));
		}
}

/* ---- the check after each call: VMAs in order, and entries only where one allows them */

static int check_leaf(struct mm *mm, const struct pt_leaf *leaf, void *arg)
{
	const struct vma *vma = vma_lookup(mm, leaf->gva);
	unsigned access = pte_access(*leaf->entry);

	(void)arg;
	must(vma, "an entry for %#lx, where no VMA is", leaf->gva);
	must(leaf->gva + (1ull << level_shift(leaf->level)) <= vma->vm_end,
	     "a leaf at %#lx beyond its VMA", leaf->gva);
	must(!(access & ~MV_READ & ~vma->vm_flags) && (vma->vm_flags & VM_PROT),
	     "%#lx: access %#x, flags %#x", leaf->gva, access, vma->vm_flags);
	must(phys_arena(mm->phys, *leaf->entry & PTE_ADDR), "%#lx leads to no memory",
	     leaf->gva);
	return 0;
}

static void check(struct mm *mm)
{
	struct vma *vma, *prev = NULL;
	unsigned n = 0;

	for (vma = vma_find(mm, 0); vma; vma = vma_next(vma)) {
		must(vma->vm_start < vma->vm_end &&
			     (!prev || prev->vm_end <= vma->vm_start),
		     "VMA %#lx-%#lx", vma->vm_start, vma->vm_end);
		prev = vma;
		n++;
	}
	must(n == mm->map_count, "%u VMAs, map_count %u", n, mm->map_count);
	pt_for_each(mm, 0, MV_TASK_SIZE, NULL, check_leaf, NULL);
	tlb_check(mm);
}

/* ---- the files */

static void open_file(struct fuzz *f, unsigned i)
{
	must(!object_new_file(&f->s.phys, dup(file_fd[i]), file_writable[i], "file",
			      &f->file[i]),
	     "file %u", i);
}

/* Each page's first bytes tell it from the others. */
static void fill_file(unsigned i)
{
	char text[16];

	must(!ftruncate(file_fd[i], 0) &&
		     !ftruncate(file_fd[i], (off_t)(file_pages[i] * PAGE_SIZE)),
	     "ftruncate");
	for (unsigned n = 0; n < 8; n++) {
		snprintf(text, sizeof(text), "file %u page %u", i, n);
		must(pwrite(file_fd[i], text, sizeof(text), (off_t)(n * PAGE_SIZE)) > 0,
		     "pwrite");
	}
}

static void make_files(struct fuzz *f)
{
	for (unsigned i = 0; i < NR_FILES; i++) {
		if (!file_fd[i])
			file_fd[i] = memfd_create("fuzz", MFD_CLOEXEC);
		must(file_fd[i] > 0, "memfd_create");
		fill_file(i);
		open_file(f, i);
	}
}

/* ---- the calls */

static void op_mmap(struct fuzz *f)
{
	static const int kinds[] = {
		MAP_PRIVATE | MAP_ANONYMOUS,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
		MAP_SHARED | MAP_ANONYMOUS,
		MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED,
		MAP_PRIVATE,
		MAP_PRIVATE | MAP_POPULATE,
		MAP_SHARED,
		MAP_SHARED | MAP_POPULATE,
		MAP_SHARED_VALIDATE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE,
	};
	static const int hows[] = { MAP_FIXED, MAP_FIXED, 0, MAP_FIXED_NOREPLACE };
	gva_t addr = address(f);
	uint64_t len = length(f), pgoff;
	unsigned kind = byte(f), more = byte(f);
	int flags = kinds[kind / 4 % 15] | hows[kind % 4], prot = (int)(more % 8);
	unsigned i = more / 8 % NR_FILES;
	struct object *obj;
	long ret;

	if (kind >= 240)
		flags ^= (int)(1u << byte(f) % 32);
	obj = flags & MAP_ANONYMOUS ? NULL : f->file[i];
	pgoff = more >= 240 ? (uint64_t)byte(f) << (byte(f) % 48) : more / 16;
	if (flags & MAP_HUGETLB && more % 4) { /* else it would be refused too often */
		addr &= PMD_MASK;
		pgoff = 0;
	}
	ret = mm_mmap(&f->s.mm, addr, len, prot, flags, obj, true, file_writable[i], pgoff);
	must(ret > -4096 && ret, "mmap: %ld", ret);
	len = flags & MAP_HUGETLB ? align_up(len, PMD_SIZE) : page_align(len);
	if (ret > 0)
		shadow_set(f, (gva_t)ret, (gva_t)ret + len,
			   flags & MAP_ANONYMOUS && !(flags & MAP_GROWSDOWN));
	else if (flags & MAP_HUGETLB && len < MV_TASK_SIZE)
		shadow_set(f, addr, addr + len,
			   false); /* it may have unmapped, then failed */
}

static void op_munmap(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);

	if (!mm_munmap(&f->s.mm, addr, len))
		shadow_set(f, addr, addr + page_align(len), false);
}

static void op_mprotect(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);
	unsigned prot = byte(f);

	mm_mprotect(&f->s.mm, addr, len,
		    (int)(prot % 16) | (prot >= 240 ? PROT_GROWSDOWN : 0));
}

static void op_brk(struct fuzz *f)
{
	gva_t want = HEAP + byte(f) * (PAGE_SIZE / 4);
	gva_t from = page_align(f->brk), to;
	long ret = mm_brk(&f->s.mm, byte(f) < 250 ? want : address(f));

	if (ret == (long)f->brk)
		return;
	to = page_align((gva_t)ret);
	if (to > from)
		shadow_set(f, from, to, true);
	else
		shadow_set(f, to, from, false);
	f->brk = (gva_t)ret;
}

static void op_msync(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);

	mm_msync(&f->s.mm, addr, len, (int)(byte(f) % 16));
}

/* Read or write a byte at gpa as a CPU does. False: KVM would say EFAULT, a file was cut. */
static bool cpu_access(struct fuzz *f, gva_t gva, gpa_t gpa, unsigned access,
		       unsigned char value)
{
	unsigned char found;
	struct iovec here = { access == MV_WRITE ? &value : &found, 1 };
	struct iovec there = { phys_hva(&f->s.phys, gpa), 1 };

	if (access == MV_WRITE) {
		if (process_vm_writev(getpid(), &here, 1, &there, 1, 0) != 1)
			return false;
		shadow_write(f, gva, 1, value);
		return true;
	}
	if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) != 1)
		return false;
	shadow_compare(f, gva, &found, 1);
	return true;
}

/* A fault that ended the payload: rightly so? v: the first VMA that ended above gva. */
static void must_be_fatal(struct fuzz *f, const struct mv_vma *v, gva_t gva,
			  unsigned access, struct mm_fault end)
{
	bool allowed = access == MV_READ ? v->prot : v->prot & access;

	if (v->start > gva && v->growsdown)
		return; /* a stack that grew, or could not */
	if (v->start > gva || v->end <= gva)
		must(end.signal == SIGSEGV && end.code == SEGV_MAPERR,
		     "%#lx, where nothing is: signal %d, err %d", gva, end.signal, end.err);
	else if (!allowed)
		must(end.signal == SIGSEGV && end.code == SEGV_ACCERR,
		     "%#lx, access %u, is not allowed: signal %d", gva, access, end.signal);
	else if (end.signal == SIGBUS)
		must((v->ino && strcmp(v->name, "file") == 0) ||
			     (v->name[0] == '/' && v->noreserve) || v->offset,
		     "SIGBUS at %#lx", gva);
	else if (end.err)
		must(end.err == -ENOSPC && f->s.slots >= f->s.slot_max, "%#lx: err %d", gva,
		     end.err);
	else
		must(end.signal == SIGKILL, "%#lx, access %u: signal %d, err %d", gva,
		     access, end.signal, end.err);
}

/* An access of the payload's. */
static void op_touch(struct fuzz *f)
{
	gva_t gva = place(f);
	unsigned access = 1u << byte(f) % 3;
	unsigned char value = (unsigned char)byte(f);
	struct mv_vma v;
	struct mm_fault end;
	gpa_t gpa;

	mm_vma_info(&f->s.mm, gva, &v);
	end = fuzz_touch(&f->s, gva, access, &gpa);
	if (end.kind != MV_FAULT_FATAL && !cpu_access(f, gva, gpa, access, value)) {
		must(mm_revalidate(&f->s.mm) > 0,
		     "%#lx: a file was cut, nothing is dropped", gva);
		end = fuzz_touch(&f->s, gva, access, &gpa);
		must(end.kind == MV_FAULT_FATAL && end.signal == SIGBUS,
		     "%#lx lies behind the end of its file", gva);
	}
	if (end.kind == MV_FAULT_FATAL)
		must_be_fatal(f, &v, gva, access, end);
}

/* Read what there is by the truth, then as the payload would: it must be the same. */
static void op_copy_from(struct fuzz *f)
{
	static unsigned char truth[COPY_MAX], found[COPY_MAX];
	gva_t gva = place(f);
	uint64_t len = size_of_copy(f), n;

	n = len - mm_peek(&f->s.mm, truth, gva, len);
	shadow_compare(f, gva, truth, n);
	n = min_u64(n, len - mm_copy_from(&f->s.mm, found, gva, len));
	shadow_compare(f, gva, found, n);
	/* behind its end a file's last page may have bytes that are no content of the file */
	for (uint64_t i = 0; i < n; i++)
		must(truth[i] == found[i] || ((gva + i) & ~PAGE_MASK) >= SHADOW_BYTES,
		     "%#lx: %#x, but %#x by the truth", gva + i, found[i], truth[i]);
}

typedef uint64_t write_fn(struct mm *mm, gva_t gva, const void *buf, uint64_t len);

static void write_by(struct fuzz *f, write_fn *fn)
{
	static unsigned char buf[COPY_MAX];
	gva_t gva = place(f);
	uint64_t len = size_of_copy(f), left;
	unsigned char value = (unsigned char)byte(f);

	memset(buf, value, len);
	left = fn(&f->s.mm, gva, buf, len);
	must(left <= len, "%lu of %lu bytes left", left, len);
	shadow_write(f, gva, len - left, value);
}

static void op_copy_to(struct fuzz *f)
{
	write_by(f, mm_copy_to);
}

static void op_poke(struct fuzz *f)
{
	write_by(f, mm_poke);
}

static void op_copy_string(struct fuzz *f)
{
	static char buf[COPY_MAX];
	gva_t gva = place(f);
	size_t size = size_of_copy(f);
	long n = mm_copy_string(&f->s.mm, buf, gva, size);

	must(n == -EFAULT || n == -ENAMETOOLONG || (n >= 0 && (size_t)n < size), "%ld", n);
	if (n >= 0)
		must(strlen(buf) == (size_t)n, "%ld", n);
	if (n >= 0)
		shadow_compare(f, gva, (unsigned char *)buf, (uint64_t)n + 1);
}

/* As readv and writev do with the pieces: the host's kernel copies. */
static void op_iovec(struct fuzz *f)
{
	static unsigned char buf[COPY_MAX];
	gva_t gva = place(f);
	uint64_t len = size_of_copy(f), sum = 0;
	unsigned how = byte(f);
	unsigned char value = (unsigned char)byte(f);
	unsigned access = how % 2 ? MV_WRITE : MV_READ;
	struct iovec iov[4], here = { buf, len };
	int nr, max = 1 + (int)(how / 2 % 4);
	long ret = mm_iovec(&f->s.mm, gva, len, access, iov, max, &nr);
	ssize_t n;

	must(nr >= 0 && nr <= max, "%d pieces", nr);
	for (int i = 0; i < nr; i++)
		sum += iov[i].iov_len;
	must(ret == (long)sum || (ret == -EFAULT && !nr), "%ld, pieces of %lu", ret, sum);
	must(sum <= len, "%lu of %lu", sum, len);
	memset(buf, value, len);
	if (access == MV_WRITE)
		n = process_vm_writev(getpid(), &here, 1, iov, (unsigned)nr, 0);
	else
		n = process_vm_readv(getpid(), &here, 1, iov, (unsigned)nr, 0);
	if (n > 0 && access == MV_WRITE)
		shadow_write(f, gva, (uint64_t)n, value);
	else if (n > 0)
		shadow_compare(f, gva, buf, (uint64_t)n);
}

static void op_look(struct fuzz *f)
{
	gva_t gva = place(f);
	struct mv_walk walk;
	struct mv_vma v;

	must(!mm_walk(&f->s.mm, gva, &walk) || gva >> 47, "%#lx", gva);
	if (mm_vma_info(&f->s.mm, gva, &v))
		return;
	must(v.end > gva && v.start < v.end, "%#lx-%#lx for %#lx", v.start, v.end, gva);
	must(v.reserved <= v.end - v.start && v.huge <= v.reserved &&
		     v.backed <= v.reserved && v.accessed <= v.reserved &&
		     v.dirty <= v.reserved && v.anonymous <= v.reserved,
	     "%#lx-%#lx: %lu reserved", v.start, v.end, v.reserved);
}

static void op_revalidate(struct fuzz *f)
{
	long n = mm_revalidate(&f->s.mm);

	must(n >= 0, "%ld", n);
}

/* The host cuts a file or makes it longer; not within the bytes that are compared. */
static void op_truncate(struct fuzz *f)
{
	static const unsigned tails[] = { 0, 0, 100, 4095 };
	unsigned i = byte(f), pages = byte(f);

	if (pages >= 128)
		pages += 400;
	must(!ftruncate(file_fd[i % NR_FILES],
			(off_t)(pages * PAGE_SIZE + tails[i / NR_FILES % 4])),
	     "ftruncate");
}

/* The host writes to a file. */
static void op_write_file(struct fuzz *f)
{
	unsigned i = byte(f) % NR_FILES;
	char text[] = { (char)byte(f), 'w', 'r', 'i', 't', 't', 'e', 'n' };

	must(pwrite(file_fd[i], text, sizeof(text), (off_t)(byte(f) * PAGE_SIZE)) > 0,
	     "pwrite");
}

/* The last open file goes; VMAs may hold the object still. Then it is opened again. */
static void op_reopen(struct fuzz *f)
{
	unsigned i = byte(f) % NR_FILES;

	object_put(f->file[i]);
	open_file(f, i);
}

static void op_map_stack(struct fuzz *f)
{
	gva_t end = address(f);
	uint64_t size = (byte(f) % 64 + 1) * PAGE_SIZE;

	if (end & ~PAGE_MASK || end > MV_TASK_SIZE || end < MMAP_MIN_ADDR + size)
		return; /* the loader's to check */
	if (!mm_map_stack(&f->s.mm, end, size))
		shadow_set(f, end - size, end, false);
}

static const struct op {
	const char *name;
	void (*run)(struct fuzz *f);
} ops[] = {
	{ "touch", op_touch },
	{ "mmap", op_mmap },
	{ "munmap", op_munmap },
	{ "mprotect", op_mprotect },
	{ "brk", op_brk },
	{ "msync", op_msync },
	{ "copy_from", op_copy_from },
	{ "copy_to", op_copy_to },
	{ "poke", op_poke },
	{ "copy_string", op_copy_string },
	{ "iovec", op_iovec },
	{ "look", op_look },
	{ "revalidate", op_revalidate },
	{ "truncate", op_truncate },
	{ "write_file", op_write_file },
	{ "reopen", op_reopen },
	{ "map_stack", op_map_stack },
};

/* ---- an input */

/* The first two bytes: how the mm is made, with how much memory, and of how many slots. */
static void make_mm(struct fuzz *f)
{
	static const uint64_t limits[] = { 16, 64, 1024, 16384 };
	unsigned how = byte(f), limit = byte(f);

	fuzz_space_init(&f->s, (limits[limit % 4] + limit / 4) * PAGE_SIZE,
			1u << how / 3 % 10, (enum mv_thp)(how % 3));
	f->s.mm.start_brk = f->s.mm.brk = f->brk = HEAP;
	if (limit >= 192)
		f->s.slot_max = 1 + (int)(limit / 4 % 4);
	f->s.mm.nr_vcpus = 1 + how / 30 % 2;
	if (how >= 240)
		f->s.mm.max_map_count = 8;
}

static void destroy_mm(struct fuzz *f)
{
	mm_destroy(&f->s.mm);
	for (unsigned i = 0; i < NR_FILES; i++)
		object_put(f->file[i]);
	fuzz_space_destroy(&f->s);
}

int fuzz_mm(const uint8_t *data, size_t size)
{
	const bool tell = getenv("FUZZ_TELL"); /* the calls by name, for a reproduction */
	static struct fuzz f;

	f = (struct fuzz){ .in = data, .left = size };
	make_mm(&f);
	make_files(&f);
	for (unsigned step = 0; f.left && step < STEPS_MAX; step++) {
		const struct op *op = &ops[byte(&f) % (sizeof(ops) / sizeof(ops[0]))];

		if (tell)
			fprintf(stderr, "step %u: %s\n", step, op->name);
		op->run(&f);
		check(&f.s.mm);
	}
	shadow_compare_all(&f);
	destroy_mm(&f);
	return 0;
}
