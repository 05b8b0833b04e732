/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mm.c: fuzz target: bytes as a sequence of calls to mm.h, faults, and changes of two mapped
 * files, with little memory. After each call the mm is checked, and beside it a shadow (shadow.h).
 *
 * A new call is a function op_NAME(), which takes its arguments by byte(), address(), place() and
 * length(), a name in calls.h, and a line in the table `ops`.
 */
#include <errno.h>
#include <linux/mman.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/calls.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/shadow.h"
#include "vmm/mm/check.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

#define HEAP (REGION + 2 * PMD_SIZE + 500 * PAGE_SIZE)
#define COPY_MAX (4 * PAGE_SIZE)
#define STEPS_MAX 200
#define NR_FILES 2
#define GUARDS_MAX (64ull << 20) /* bytes guarded at once: each page costs time */
#define MINCORE_MAX 64

struct fuzz {
	struct fuzz_space s;
	const uint8_t *in; /* what is left of the input */
	size_t left;
	struct object *file[NR_FILES];
	struct object *zero; /* /dev/zero */
	uint64_t limit;	     /* of memory, in pages */
	gva_t brk;
	gva_t last; /* address */
	struct shadow shadow;
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

/*
 * A page's address: of the first and last 32 of the first four blocks of the region; often the one
 * used last, or its block's; in one of 16 cases one that is odd.
 */
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
	if (how >= 80)
		return how < 200 ? f->last : f->last & PMD_MASK;
	f->last = REGION + where / 64 * PMD_SIZE +
		  (page < 32 ? page : PMD_PAGES - 64 + page) * PAGE_SIZE;
	return f->last;
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

	if (n < 96)
		return PAGE_SIZE;
	if (n < 160)
		return (n % 40 + 1) * PAGE_SIZE;
	if (n < 192)
		return (n % 4 + 1) * PMD_SIZE;
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

/* ---- the check after each call */

static void check(struct mm *mm)
{
	char text[256];

	must(!mm_check(mm, text, sizeof(text)), "%s", text);
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

/*
 * Whose the pages of a new mapping are. With an offset, huge pages may lie behind their object's
 * end, which a writable mapping only moves: hugetlbfs_file_mmap().
 */
static enum owner owner_of(int flags, int prot, uint64_t pgoff, bool zero)
{
	if (flags & MAP_GROWSDOWN || !(flags & MAP_ANONYMOUS || zero) ||
	    (flags & MAP_HUGETLB && pgoff && !(prot & PROT_WRITE)))
		return UNKNOWN;
	if (flags & MAP_HUGETLB)
		return flags & MAP_SHARED ? HUGE_SHARED : HUGE_PRIVATE;
	return flags & MAP_SHARED ? SHARED : PRIVATE;
}

/* /dev/zero is an object for private mappings only: the system call makes it MAP_ANONYMOUS else. */
static struct object *object_for(const struct fuzz *f, int flags, unsigned i)
{
	if (flags & MAP_ANONYMOUS)
		return NULL;
	if (i < NR_FILES)
		return f->file[i];
	return flags & MAP_SHARED ? f->file[0] : f->zero;
}

static void op_mmap(struct fuzz *f)
{
	static const int kinds[NR_KINDS] = {
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
		[KIND_HUGETLB] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		[KIND_HUGETLB_NORESERVE] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
					   MAP_NORESERVE,
		[KIND_HUGETLB_SHARED] = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
	};
	static const int hows[] = { MAP_FIXED, MAP_FIXED, 0, MAP_FIXED_NOREPLACE };
	gva_t addr = address(f);
	uint64_t len = length(f), pgoff;
	unsigned kind = byte(f), more = byte(f);
	int flags = kinds[kind / 4 % NR_KINDS] | hows[kind % 4], prot = (int)(more % 8);
	unsigned i = more / 8 % (NR_FILES + 1);
	struct object *obj;
	long ret;

	if (kind >= 240)
		flags ^= (int)(1u << byte(f) % 32);
	obj = object_for(f, flags, i);
	pgoff = more >= 240 ? (uint64_t)byte(f) << (byte(f) % 48) : more / 16;
	if (flags & MAP_HUGETLB && more % 4) { /* else most would be refused */
		addr &= PMD_MASK;
		pgoff = 0;
	}
	ret = mm_mmap(&f->s.mm, addr, len, prot, flags, obj, true, i != 1, pgoff);
	must(ret > -4096 && ret, "mmap: %ld", ret);
	if (flags & MAP_HUGETLB)
		len = align_up(len, PMD_SIZE);
	if (ret > 0)
		shadow_set(&f->shadow, (gva_t)ret, len,
			   owner_of(flags, prot, pgoff, obj == f->zero));
	else if (flags & MAP_HUGETLB) /* it may have unmapped before */
		shadow_set(&f->shadow, addr, len, UNKNOWN);
}

static void op_munmap(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);

	if (!mm_munmap(&f->s.mm, addr, len))
		shadow_set(&f->shadow, addr, len, UNKNOWN);
}

static void op_mprotect(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);
	unsigned prot = byte(f);

	mm_mprotect(&f->s.mm, addr, len,
		    (int)(prot < 128 ? prot % 4 : prot % 16) |
			    (prot >= 240 ? PROT_GROWSDOWN : 0));
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
		shadow_set(&f->shadow, from, to - from, PRIVATE);
	else
		shadow_set(&f->shadow, to, from - to, UNKNOWN);
	f->brk = (gva_t)ret;
}

static void op_msync(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);

	mm_msync(&f->s.mm, addr, len, (int)(byte(f) % 16));
}

/* What a call of the mmap family may return. */
static void must_be_error(long ret)
{
	must(ret <= 0 && ret > -4096 && ret != -EIO, "%ld", ret);
}

/*
 * The shadow after an mremap that failed, or lost pages: it may have unmapped, or moved some VMAs
 * before, and rounded up to 2 MiB.
 */
static void mremap_failed(struct fuzz *f, gva_t addr, uint64_t old_len, gva_t to,
			  uint64_t new_len, bool fixed)
{
	if (!fixed && !f->s.mm.oom)
		return;
	shadow_set(&f->shadow, addr, min_u64(old_len, MV_TASK_SIZE) + PMD_SIZE, UNKNOWN);
	shadow_set(&f->shadow, to, min_u64(new_len, MV_TASK_SIZE) + PMD_SIZE, UNKNOWN);
}

static bool is_hugetlb(struct fuzz *f, gva_t gva)
{
	const struct vma *vma = vma_lookup(&f->s.mm, gva);

	return vma && vma->vm_flags & VM_HUGETLB;
}

/*
 * A length as mremap rounds it: by the VMA at addr; where all VMAs of a range move, its end by the
 * last one.
 */
static uint64_t rounded(struct fuzz *f, gva_t addr, uint64_t len, bool all)
{
	len = page_align(len);
	if (!is_hugetlb(f, all && len ? addr + len - 1 : addr))
		return len;
	return align_up(addr + len, PMD_SIZE) - addr;
}

static void op_mremap(struct fuzz *f)
{
	static const uint64_t flags_for[] = {
		0,
		MREMAP_MAYMOVE,
		MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
		MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		MREMAP_FIXED,
		MREMAP_DONTUNMAP,
		8,
	};
	unsigned how = byte(f);
	gva_t addr = address(f), to = address(f);
	uint64_t old_len = length(f), new_len = how & 8 ? length(f) : old_len;
	uint64_t flags = flags_for[how % 8], old_round, new_round;
	bool all;
	long ret;

	if (how >= 240) /* what is shared gets a second mapping */
		old_len = 0;
	all = flags & MREMAP_FIXED && page_align(old_len) == page_align(new_len);
	old_round = rounded(f, addr, old_len, all);
	new_round = rounded(f, addr, new_len, all);
	ret = mm_mremap(&f->s.mm, addr, old_len, new_len, flags, to);
	if (ret > 0 && !f->s.mm.oom) {
		shadow_mremap(&f->shadow, addr, old_round, (gva_t)ret, new_round,
			      flags & MREMAP_DONTUNMAP);
		return;
	}
	if (ret > 0)
		to = (gva_t)ret;
	else
		must_be_error(ret);
	mremap_failed(f, addr, old_len, to, new_len, flags & MREMAP_FIXED);
}

static int advice(struct fuzz *f)
{
	static const int all[] = {
		[ADVICE_DONTNEED] = MADV_DONTNEED,
		[ADVICE_FREE] = MADV_FREE,
		[ADVICE_FREE_TOO] = MADV_FREE,
		[ADVICE_REMOVE] = MADV_REMOVE,
		[ADVICE_COLLAPSE] = MADV_COLLAPSE,
		[ADVICE_COLLAPSE_TOO] = MADV_COLLAPSE,
		[ADVICE_GUARD_INSTALL] = MADV_GUARD_INSTALL,
		[ADVICE_GUARD_REMOVE] = MADV_GUARD_REMOVE,
		[ADVICE_POPULATE_READ] = MADV_POPULATE_READ,
		[ADVICE_POPULATE_WRITE] = MADV_POPULATE_WRITE,
		[ADVICE_DONTNEED_LOCKED] = MADV_DONTNEED_LOCKED,
		MADV_HUGEPAGE,
		MADV_NOHUGEPAGE,
		MADV_COLD,
		MADV_PAGEOUT,
		MADV_WILLNEED,
		MADV_NORMAL,
		MADV_RANDOM,
		MADV_SEQUENTIAL,
		MADV_DONTFORK,
		MADV_DOFORK,
		MADV_MERGEABLE,
		MADV_UNMERGEABLE,
		MADV_DONTDUMP,
		MADV_DODUMP,
		MADV_WIPEONFORK,
		MADV_KEEPONFORK,
		5,
		-1,
	};
	unsigned i = byte(f);

	if (i < 128) /* half of them do something to pages */
		return all[i % NR_ADVICES];
	return i < 250 ? all[i % (sizeof(all) / sizeof(*all))] : (int)byte(f);
}

static void op_madvise(struct fuzz *f)
{
	int behavior = advice(f);
	gva_t addr = address(f);
	uint64_t len = length(f);
	long ret;

	if (behavior == MADV_GUARD_INSTALL)
		len = min_u64(len, GUARDS_MAX);
	ret = mm_madvise(&f->s.mm, addr, len, behavior);
	must_be_error(ret);
	if (addr & ~PAGE_MASK || page_align(len) < len)
		must(ret == -EINVAL, "%ld", ret);
	else /* ENOMEM: a hole, and the rest was done; or no memory: to split a leaf, for a guard */
		shadow_advise(&f->shadow, addr, len, behavior,
			      !ret || (ret == -ENOMEM && !f->s.mm.oom &&
				       phys_can_charge(&f->s.phys, 1)));
	if (!ret && behavior == MADV_GUARD_INSTALL)
		shadow_guard(&f->shadow, addr, len);
	if (f->s.mm.oom && behavior == MADV_COLLAPSE)
		shadow_set(&f->shadow, addr, len, UNKNOWN);
}

/* Pages that have something are in memory. */
static void op_mincore(struct fuzz *f)
{
	unsigned char vec[MINCORE_MAX + 1];
	gva_t addr = address(f) & PAGE_MASK;
	long n, max = byte(f) % (MINCORE_MAX + 1);

	memset(vec, 0xaa, sizeof(vec));
	n = mm_mincore(&f->s.mm, addr, (uint64_t)max, vec);
	must(n == -ENOMEM || (n >= 0 && n <= max), "%ld of %ld", n, max);
	must(vec[n > 0 ? n : 0] == 0xaa, "beyond %ld", n);
	for (long i = 0; i < n; i++, addr += PAGE_SIZE) {
		const struct page *page = shadow_page(&f->shadow, addr);

		if (page && page->owner && !page->maybe_zero && shadow_written(page))
			must(vec[i] & 1, "%#lx is in memory", addr);
	}
}

/* What was locked is in memory, but for files: they may have been cut. */
static void must_be_resident(struct fuzz *f, gva_t addr, uint64_t len)
{
	gva_t end = page_align(addr + len);
	unsigned char vec;
	struct mv_vma v;

	for (gva_t at = addr & PAGE_MASK; at < end; at += PAGE_SIZE) {
		must(!mm_vma_next(&f->s.mm, at, &v) && v.start <= at, "%#lx was locked",
		     at);
		must((mm_mincore(&f->s.mm, at, 1, &vec) == 1 && vec & 1) || v.ino,
		     "%#lx was locked, and is not in memory", at);
	}
}

static void op_mlock(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);
	unsigned how = byte(f);
	int flags = how < 128 ? 0 : how < 250 ? MLOCK_ONFAULT : (int)byte(f);
	long ret = mm_mlock(&f->s.mm, addr, len, flags);

	must_be_error(ret);
	if (!ret && !flags)
		must_be_resident(f, addr, len);
}

static void op_munlock(struct fuzz *f)
{
	gva_t addr = address(f);

	must_be_error(mm_munlock(&f->s.mm, addr, length(f)));
}

/* Now and then the limit is another one. */
static void op_mlockall(struct fuzz *f)
{
	static const uint64_t limits[] = { 0, 16, MEMLOCK_LIMIT >> PAGE_SHIFT, 1u << 20 };
	unsigned how = byte(f);

	if (how >= 128)
		f->s.mm.memlock_limit = limits[how % 4];
	must_be_error(mm_mlockall(&f->s.mm, (int)(how / 4 % 16)));
}

static void op_munlockall(struct fuzz *f)
{
	must(!mm_munlockall(&f->s.mm), "munlockall");
	must(f->s.mm.locked_vm == f->s.mm.locked_ghosts, "%lu pages are locked",
	     f->s.mm.locked_vm);
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
		shadow_write(&f->shadow, gva, 1, value);
		return true;
	}
	if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) != 1)
		return false;
	shadow_compare(&f->shadow, gva, &found, 1);
	return true;
}

/* A fault that ended the payload: rightly so? v: the first VMA that ended above gva. */
static void must_be_fatal(struct fuzz *f, const struct mv_vma *v, gva_t gva,
			  unsigned access, struct mm_fault end)
{
	bool allowed = access == MV_READ ? v->prot : v->prot & access;
	const struct page *page = shadow_page(&f->shadow, gva);

	if (v->start > gva && v->growsdown)
		return; /* a stack that grew, or could not */
	if (v->start > gva || v->end <= gva)
		must(end.signal == SIGSEGV && end.code == SEGV_MAPERR,
		     "%#lx, where nothing is: signal %d, err %d", gva, end.signal, end.err);
	else if (!allowed)
		must(end.signal == SIGSEGV && end.code == SEGV_ACCERR,
		     "%#lx, access %u, is not allowed: signal %d", gva, access, end.signal);
	else if (pagemap_get(&f->s.mm.guards, gva >> PAGE_SHIFT).gfn)
		must(end.signal == SIGSEGV && end.code == SEGV_MAPERR,
		     "%#lx is guarded: signal %d, err %d", gva, end.signal, end.err);
	else if (end.signal == SIGBUS)
		must((v->ino && strcmp(v->name, "file") == 0) ||
			     (v->shared && !(page && page->owner)) ||
			     (v->hugetlb && (v->noreserve || v->offset)),
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
	static const unsigned accesses[] = { MV_READ, MV_WRITE, MV_WRITE, MV_EXEC };
	unsigned access = accesses[byte(f) % 4];
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
	shadow_compare_truth(&f->shadow, gva, truth, n);
	n = min_u64(n, len - mm_copy_from(&f->s.mm, found, gva, len));
	shadow_compare(&f->shadow, gva, found, n);
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
	shadow_write(&f->shadow, gva, len - left, value);
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
		shadow_compare(&f->shadow, gva, (unsigned char *)buf, (uint64_t)n + 1);
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
		shadow_write(&f->shadow, gva, (uint64_t)n, value);
	else if (n > 0)
		shadow_compare(&f->shadow, gva, buf, (uint64_t)n);
}

static void op_look(struct fuzz *f)
{
	gva_t gva = place(f);
	struct mm_smap smap;
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
	mm_smap(&f->s.mm, v.start, &smap);
	must(smap.rss + smap.hugetlb <= v.end - v.start && smap.anon <= smap.rss &&
		     smap.dirty + smap.lazyfree <= smap.rss && smap.huge <= smap.anon,
	     "%#lx-%#lx: %lu resident", v.start, v.end, smap.rss);
}

/* The VMAs from an address on, and each found from its inside. */
static void op_list(struct fuzz *f)
{
	gva_t from = address(f), last = 0;
	struct mv_vma v, same;

	for (gva_t at = from; !mm_vma_next(&f->s.mm, at, &v); at = v.end) {
		must(v.end > at && v.start >= last && v.start < v.end, "%#lx-%#lx", v.start,
		     v.end);
		must(!mm_vma_next(&f->s.mm, v.end - 1, &same) && same.start == v.start,
		     "%#lx-%#lx", v.start, v.end);
		last = v.end;
	}
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

/* ... and tells the mm at once, as the payload's own ftruncate does. */
static void op_truncated(struct fuzz *f)
{
	unsigned i = f->left ? *f->in % NR_FILES : 0;
	struct stat st;

	op_truncate(f);
	must(!fstat(f->file[i]->fd, &st), "fstat");
	must(!mm_file_seen(&f->s.mm, st.st_dev, st.st_ino, st.st_size), "mm_file_seen");
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
		shadow_set(&f->shadow, end - size, size, UNKNOWN);
}

/* As it comes when memory is short, but over all of the region. It is asked for no success. */
static void reclaim(struct fuzz *f, enum reclaim effort)
{
	long n;

	pthread_mutex_lock(&f->s.mm.lock);
	mm_note_idle(&f->s.mm, REGION, REGION + PAGES * PAGE_SIZE);
	n = mm_reclaim_some(&f->s.mm, effort);
	pthread_mutex_unlock(&f->s.mm.lock);
	must(n >= 0, "reclaim: %ld", n);
}

static void op_reclaim(struct fuzz *f)
{
	reclaim(f, byte(f) % RECLAIM_EFFORTS);
}

/* From now on there is room for so many pages only, or for as many as at first. */
static void op_limit(struct fuzz *f)
{
	unsigned room = byte(f);

	f->s.phys.limit = room < 128 ? f->s.phys.charged + room % 16 : f->limit;
	f->s.phys.limit = max_u64(f->s.phys.limit, f->s.phys.charged);
}

static const struct op {
	const char *name;
	void (*run)(struct fuzz *f);
} ops[NR_CALLS] = {
	[CALL_TOUCH] = { "touch", op_touch },
	[CALL_MADVISE] = { "madvise", op_madvise },
	[CALL_MPROTECT] = { "mprotect", op_mprotect },
	[CALL_MMAP] = { "mmap", op_mmap },
	[CALL_MREMAP] = { "mremap", op_mremap },
	[CALL_MUNMAP] = { "munmap", op_munmap },
	[CALL_BRK] = { "brk", op_brk },
	[CALL_MSYNC] = { "msync", op_msync },
	[CALL_COPY_FROM] = { "copy_from", op_copy_from },
	[CALL_COPY_TO] = { "copy_to", op_copy_to },
	[CALL_POKE] = { "poke", op_poke },
	[CALL_COPY_STRING] = { "copy_string", op_copy_string },
	[CALL_IOVEC] = { "iovec", op_iovec },
	[CALL_LOOK] = { "look", op_look },
	[CALL_REVALIDATE] = { "revalidate", op_revalidate },
	[CALL_TRUNCATE] = { "truncate", op_truncate },
	[CALL_WRITE_FILE] = { "write_file", op_write_file },
	[CALL_REOPEN] = { "reopen", op_reopen },
	[CALL_MAP_STACK] = { "map_stack", op_map_stack },
	[CALL_MINCORE] = { "mincore", op_mincore },
	[CALL_MLOCK] = { "mlock", op_mlock },
	[CALL_MUNLOCK] = { "munlock", op_munlock },
	[CALL_MLOCKALL] = { "mlockall", op_mlockall },
	[CALL_MUNLOCKALL] = { "munlockall", op_munlockall },
	[CALL_TRUNCATED] = { "truncated", op_truncated },
	[CALL_LIST] = { "list", op_list },
	[CALL_RECLAIM] = { "reclaim", op_reclaim },
	[CALL_LIMIT] = { "limit", op_limit },
};

/*
 * libFuzzer keeps an input for what it counts here, too: a call found the page used last in a state
 * that it made another one of. Few of them reach code that none reached before.
 */
#define STATES 64
__attribute__((section(
	"__libfuzzer_extra_counters"))) static uint8_t changes[NR_CALLS * STATES * STATES];

static unsigned state_of(struct mm *mm, gva_t gva)
{
	struct pagemap_entry page = pagemap_get(&mm->anon, gva >> PAGE_SHIFT);
	gfn_t head = page.huge ? page.gfn & ~(gfn_t)(PMD_PAGES - 1) : page.gfn;
	struct pt_path path;
	uint64_t e;

	pt_walk(mm, gva, LEVEL_PTE, false, &path);
	e = *pt_last(&path);
	return (e & PTE_P ? 1 : 0) + (e & PTE_W ? 2 : 0) + (e & PTE_D ? 4 : 0) +
	       (page.huge ? 8 : 0) + (page.gfn ? 16 : 0) +
	       (page.gfn && phys_frame(mm->phys, head)->lazyfree ? 32 : 0);
}

/* Half of the calls are among the first six, on which most depends, and most of those accesses. */
static unsigned next_op(struct fuzz *f)
{
	unsigned b = byte(f);

	if (b >= CALL_BYTES)
		return b % NR_CALLS;
	return b % 8 < 6 ? b % 8 : 0;
}

static void run(struct fuzz *f, unsigned i)
{
	gva_t gva = f->last;
	unsigned before = state_of(&f->s.mm, gva);

	f->s.mm.oom = f->s.mm.pinned = false;
	ops[i].run(f);
	changes[(i * STATES + before) * STATES + state_of(&f->s.mm, gva)] = 1;
	check(&f->s.mm);
}

/* ---- an input */

/* The first two bytes: how the mm is made, with how much memory, and of how many slots. */
static void make_mm(struct fuzz *f)
{
	static const uint64_t limits[] = { 16, 64, 1024, 4096 - 63 };
	unsigned how = byte(f), limit = byte(f);

	fuzz_space_init(&f->s, (limits[limit % 4] + limit / 4) * PAGE_SIZE,
			1u << how / 3 % 10, (enum mv_thp)(how % 3));
	f->limit = f->s.phys.limit;
	f->last = REGION;
	f->shadow.mm = &f->s.mm;
	f->s.mm.start_brk = f->s.mm.brk = f->brk = HEAP;
	if (limit >= 192)
		f->s.slot_max = 1 + (int)(limit / 4 % 4);
	f->s.mm.nr_vcpus = 1 + how / 30 % 2;
	if (how >= 240)
		f->s.mm.max_map_count = 8;
}

/* The third byte: most inputs find the region mapped, so that more of their calls do something. */
static void map_region(struct fuzz *f)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (!(byte(f) % 4))
		return;
	must(mm_mmap(&f->s.mm, REGION, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, flags,
		     NULL, true, true, 0) == (long)REGION,
	     "mmap");
	shadow_set(&f->shadow, REGION, PAGES * PAGE_SIZE, PRIVATE);
}

/* What the mm is asked for at last is to be had. */
#define LOOK_ROOM 256
/* Of pages that were never written, one in so many is read. */
#define LOOK_STEP 128

static void make_readable(struct fuzz *f)
{
	struct mv_vma v;

	mm_munlockall(&f->s.mm);
	f->s.phys.limit = max_u64(f->limit, f->s.phys.charged + LOOK_ROOM);
	for (gva_t at = REGION;
	     !mm_vma_next(&f->s.mm, at, &v) && v.start < REGION + PAGES * PAGE_SIZE;
	     at = v.end)
		mm_mprotect(&f->s.mm, v.start, v.end - v.start, PROT_READ);
}

/* What was written must be there, for the payload too, and after all that can be missed went. */
static void look_at_all(struct fuzz *f)
{
	make_readable(f);
	for (unsigned i = 0; i < PAGES; i++) {
		const struct page *page = &f->shadow.page[i];
		gva_t gva = REGION + i * PAGE_SIZE;
		gpa_t gpa;

		if (page->owner && !page->guarded &&
		    (shadow_written(page) || i % LOOK_STEP == 0) &&
		    fuzz_touch(&f->s, gva, MV_READ, &gpa).kind != MV_FAULT_FATAL)
			shadow_compare(&f->shadow, gva,
				       (unsigned char *)phys_hva(&f->s.phys, gpa),
				       SHADOW_BYTES);
	}
	check(&f->s.mm);
	for (enum reclaim effort = 0; effort < RECLAIM_EFFORTS; effort++)
		reclaim(f, effort);
	check(&f->s.mm);
	shadow_compare_all(&f->shadow);
}

static void destroy_mm(struct fuzz *f)
{
	mm_destroy(&f->s.mm);
	for (unsigned i = 0; i < NR_FILES; i++)
		object_put(f->file[i]);
	object_put(f->zero);
	fuzz_space_destroy(&f->s);
}

int fuzz_mm(const uint8_t *data, size_t size)
{
	const bool tell = getenv("FUZZ_TELL"); /* the calls by name, for a reproduction */
	static struct fuzz f;

	f = (struct fuzz){ .in = data, .left = size };
	make_mm(&f);
	map_region(&f);
	make_files(&f);
	f.zero = object_new_zero(&f.s.phys, -1, "/dev/zero");
	must(f.zero, "no memory");
	for (unsigned step = 0; f.left && step < STEPS_MAX; step++) {
		unsigned i = next_op(&f);

		if (tell)
			fprintf(stderr, "step %u: %s\n", step, ops[i].name);
		run(&f, i);
	}
	f.s.mm.pinned = false;
	look_at_all(&f);
	destroy_mm(&f);
	return 0;
}
