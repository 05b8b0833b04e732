/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mm.c: fuzz target: bytes as a sequence of calls to mm.h, faults, and changes of two mapped
 * files, with little memory. After each call the mm is checked, and beside it a shadow is kept:
 * what the first bytes of each page of anonymous memory must be, wherever mremap takes it.
 *
 * A new call is a function op_NAME(), which takes its arguments by byte(), address(), place() and
 * length(), and a line in the table `ops`.
 */
#include <errno.h>
#include <linux/mman.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
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

/* Where most addresses lie: 2 MiB blocks, the first and last 32 pages of the first four. */
#define REGION 0x200000000000ull
#define PAGES (8 * PMD_PAGES)
#define HEAP (REGION + 2 * PMD_SIZE + 500 * PAGE_SIZE)
#define SHADOW_BYTES \
	8 /* of each page: places lie in them, or right before the next page's */
#define COPY_MAX (4 * PAGE_SIZE)
#define STEPS_MAX 200
#define NR_FILES 2
#define GUARDS_MAX (64ull << 20) /* bytes guarded at once: each page costs time */
#define MINCORE_MAX 64

/* Whose the page is: nobody but the calls here writes those that are known. */
enum owner {
	UNKNOWN,
	PRIVATE, /* anonymous memory */
	SHARED	 /* ... of an object that is mapped once */
};

struct shadow {
	enum owner owner;
	bool maybe_zero; /* or it is zero by now: MADV_FREE; until it is written again */
	bool guarded;
	unsigned char byte[SHADOW_BYTES];
};

struct fuzz {
	struct fuzz_space s;
	const uint8_t *in; /* what is left of the input */
	size_t left;
	struct object *file[NR_FILES];
	struct object *zero; /* /dev/zero */
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

/* The last page of [start, start + len), as far as the region goes, and one. */
static gva_t shadow_end(gva_t start, uint64_t len)
{
	gva_t end = REGION + PAGES * PAGE_SIZE;

	return start >= end || len >= end - start ? end : page_align(start + len);
}

/* The pages of [start, start + len) are new: zero, or not known. */
static void shadow_set(struct fuzz *f, gva_t start, uint64_t len, enum owner owner)
{
	gva_t end = shadow_end(start, len);

	for (gva_t at = max_u64(start & PAGE_MASK, REGION); at < end; at += PAGE_SIZE)
		*shadow(f, at) = (struct shadow){ .owner = owner };
}

/* The pages of [start, start + len) that an owner has became zero, or some of them did. */
static void shadow_zero(struct fuzz *f, gva_t start, uint64_t len, enum owner owner,
			bool surely)
{
	gva_t end = shadow_end(start, len);

	for (gva_t at = max_u64(start & PAGE_MASK, REGION); at < end; at += PAGE_SIZE) {
		struct shadow *page = shadow(f, at);

		if (page->owner != owner)
			continue;
		page->maybe_zero = !surely;
		if (surely)
			memset(page->byte, 0, sizeof(page->byte));
	}
}

static void shadow_guard(struct fuzz *f, gva_t start, uint64_t len, bool guarded)
{
	gva_t end = shadow_end(start, len);

	for (gva_t at = max_u64(start & PAGE_MASK, REGION); at < end; at += PAGE_SIZE)
		shadow(f, at)->guarded = guarded;
}

/* Of a page that was written in part: is the rest of it what it was, or zero for good? */
static void settle(struct fuzz *f, gva_t at, struct shadow *page, uint64_t written)
{
	unsigned char read[SHADOW_BYTES];
	bool zero = false;

	must(!mm_peek(&f->s.mm, read, at, sizeof(read)), "%#lx was mapped", at);
	for (unsigned i = 0; i < SHADOW_BYTES; i++)
		zero |= !(written >> i & 1) && read[i] != page->byte[i];
	for (unsigned i = 0; zero && i < SHADOW_BYTES; i++)
		if (!(written >> i & 1))
			page->byte[i] = 0;
	page->maybe_zero = false;
	must(!memcmp(read, page->byte, sizeof(read)), "%#lx after MADV_FREE and a write",
	     at);
}

/* n bytes at gva were written. */
static void shadow_write(struct fuzz *f, gva_t gva, uint64_t n, unsigned char value)
{
	must(!n || gva < MV_TASK_SIZE, "%lu bytes written at %#lx", n, gva);
	for (gva_t at = gva & PAGE_MASK; n && at < gva + n; at += PAGE_SIZE) {
		struct shadow *page = shadow(f, at);
		uint64_t written = 0;

		if (!page)
			continue;
		must(!page->guarded, "%#lx is guarded, and was written", at);
		for (unsigned i = 0; i < SHADOW_BYTES; i++)
			if (at + i >= gva && at + i < gva + n) {
				page->byte[i] = value;
				written |= 1u << i;
			}
		if (page->owner && page->maybe_zero)
			settle(f, at, page, written);
	}
}

/* len bytes of the page, from `offset` on, were read. */
static void compare_page(struct shadow *page, gva_t at, unsigned offset,
			 const unsigned char *read, unsigned len)
{
	if (page->maybe_zero && memcmp(page->byte + offset, read, len)) {
		/* it went, then, all of it */
		page->maybe_zero = false;
		memset(page->byte, 0, sizeof(page->byte));
	}
	for (unsigned i = 0; i < len; i++)
		must(read[i] == page->byte[offset + i], "%#lx reads %#x, %#x was written",
		     at + offset + i, read[i], page->byte[offset + i]);
}

/* n bytes were read at gva, by an access or (peek) by the truth. */
static void compare(struct fuzz *f, gva_t gva, const unsigned char *read, uint64_t n,
		    bool peek)
{
	must(!n || gva < MV_TASK_SIZE, "%lu bytes read at %#lx", n, gva);
	for (gva_t at = gva & PAGE_MASK; n && at < gva + n; at += PAGE_SIZE) {
		struct shadow *page = shadow(f, at);
		gva_t from = max_u64(at, gva), to = min_u64(at + SHADOW_BYTES, gva + n);

		if (!page)
			continue;
		must(peek || !page->guarded, "%#lx is guarded, and was read", at);
		if (page->owner && from < to)
			compare_page(page, at, (unsigned)(from - at), read + (from - gva),
				     (unsigned)(to - from));
	}
}

static void shadow_compare(struct fuzz *f, gva_t gva, const unsigned char *read, uint64_t n)
{
	compare(f, gva, read, n, false);
}

static void shadow_compare_all(struct fuzz *f)
{
	unsigned char read[SHADOW_BYTES];

	for (gva_t at = REGION; at < REGION + PAGES * PAGE_SIZE; at += PAGE_SIZE)
		if (shadow(f, at)->owner) {
			must(!mm_peek(&f->s.mm, read, at, sizeof(read)), "%#lx was mapped",
			     at);
			compare(f, at, read, sizeof(read), true);
		}
}

/* ---- the shadow of a move */

/* The object that is mapped at gva can be reached at several addresses from now on. */
static void shadow_alias(struct fuzz *f, gva_t gva)
{
	const struct object *obj = vma_lookup(&f->s.mm, gva)->vm_object;

	for (struct vma *v = vma_find(&f->s.mm, 0); v; v = vma_next(v))
		for (gva_t at = max_u64(v->vm_start, REGION);
		     v->vm_object == obj && at < v->vm_end && shadow(f, at);
		     at += PAGE_SIZE)
			shadow(f, at)->owner = UNKNOWN;
}

/* What the pages of [from, from + len) were, to where they are now. */
static void shadow_move(struct fuzz *f, gva_t from, gva_t to, uint64_t len,
			const struct shadow *pages)
{
	gva_t end = shadow_end(to, len);

	for (gva_t at = max_u64(to, REGION); at < end; at += PAGE_SIZE) {
		gva_t was = from + (at - to);

		*shadow(f, at) = shadow(f, was) ? pages[(was - REGION) >> PAGE_SHIFT]
						: (struct shadow){ .owner = UNKNOWN };
	}
}

/* After MREMAP_DONTUNMAP: the old place is still mapped, without its private pages. */
static void shadow_left_empty(struct fuzz *f, gva_t start, uint64_t len)
{
	gva_t end = shadow_end(start, len);

	for (gva_t at = max_u64(start, REGION); at < end; at += PAGE_SIZE) {
		enum owner owner = shadow(f, at)->owner;

		if (owner == SHARED)
			shadow_alias(f, at);
		*shadow(f, at) =
			(struct shadow){ .owner = owner == PRIVATE ? PRIVATE : UNKNOWN };
	}
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

/* Whose the pages of a new mapping are. */
static enum owner owner_of(int flags, bool zero)
{
	if (flags & MAP_GROWSDOWN || !(flags & MAP_ANONYMOUS || zero))
		return UNKNOWN;
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
	};
	static const int hows[] = { MAP_FIXED, MAP_FIXED, 0, MAP_FIXED_NOREPLACE };
	gva_t addr = address(f);
	uint64_t len = length(f), pgoff;
	unsigned kind = byte(f), more = byte(f);
	int flags = kinds[kind / 4 % 12] | hows[kind % 4], prot = (int)(more % 8);
	unsigned i = more / 8 % (NR_FILES + 1);
	struct object *obj;
	long ret;

	if (kind >= 240)
		flags ^= (int)(1u << byte(f) % 32);
	flags &=
		~MAP_HUGETLB; /* what it rounds and refuses is no business of the shadow's */
	obj = object_for(f, flags, i);
	pgoff = more >= 240 ? (uint64_t)byte(f) << (byte(f) % 48) : more / 16;
	ret = mm_mmap(&f->s.mm, addr, len, prot, flags, obj, true, i != 1, pgoff);
	must(ret > -4096 && ret, "mmap: %ld", ret);
	if (ret > 0)
		shadow_set(f, (gva_t)ret, len, owner_of(flags, obj == f->zero));
}

static void op_munmap(struct fuzz *f)
{
	gva_t addr = address(f);
	uint64_t len = length(f);

	if (!mm_munmap(&f->s.mm, addr, len))
		shadow_set(f, addr, len, UNKNOWN);
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
		shadow_set(f, from, to - from, PRIVATE);
	else
		shadow_set(f, to, from - to, UNKNOWN);
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

/* The shadow after an mremap that failed: it may have unmapped, or moved some VMAs before. */
static void mremap_failed(struct fuzz *f, gva_t addr, uint64_t old_len, gva_t to,
			  uint64_t new_len, bool fixed)
{
	if (!fixed && !f->s.mm.oom)
		return;
	shadow_set(f, addr, old_len, UNKNOWN);
	shadow_set(f, to, new_len, UNKNOWN);
}

/* ... after one that took what was at addr, as `was` shows it, to `to`. */
static void mremapped(struct fuzz *f, gva_t addr, uint64_t old_len, gva_t to,
		      uint64_t new_len, bool dontunmap)
{
	static struct shadow was[PAGES];
	const struct shadow *last = old_len ? shadow(f, addr + old_len - 1) : NULL;
	enum owner owner = last && last->owner == PRIVATE ? PRIVATE : UNKNOWN;

	memcpy(was, f->page, sizeof(was));
	if (!dontunmap)
		shadow_set(f, addr, old_len, UNKNOWN);
	shadow_move(f, addr, to, min_u64(old_len, new_len), was);
	if (dontunmap)
		shadow_left_empty(f, addr, old_len);
	if (new_len > old_len)
		shadow_set(f, to + old_len, new_len - old_len, owner);
	if (!old_len)
		shadow_alias(f, to);
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
	uint64_t flags = flags_for[how % 8];
	long ret;

	if (how >= 240) /* what is shared gets a second mapping */
		old_len = 0;
	ret = mm_mremap(&f->s.mm, addr, old_len, new_len, flags, to);
	if (ret > 0) {
		mremapped(f, addr, page_align(old_len), (gva_t)ret, page_align(new_len),
			  flags & MREMAP_DONTUNMAP);
		return;
	}
	must_be_error(ret);
	mremap_failed(f, addr, old_len, to, new_len, flags & MREMAP_FIXED);
}

static int advice(struct fuzz *f)
{
	static const int all[] = {
		MADV_DONTNEED,
		MADV_FREE,
		MADV_FREE,
		MADV_REMOVE,
		MADV_COLLAPSE,
		MADV_COLLAPSE,
		MADV_GUARD_INSTALL,
		MADV_GUARD_REMOVE,
		MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
		MADV_DONTNEED_LOCKED,
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

	return i < 250 ? all[i % (sizeof(all) / sizeof(*all))] : (int)byte(f);
}

/* What an advice that was valid did to the content; all: to each page of the range. */
static void advised(struct fuzz *f, gva_t addr, uint64_t len, int behavior, bool all)
{
	switch (behavior) {
	case MADV_GUARD_INSTALL:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		shadow_zero(f, addr, len, PRIVATE, all);
		break;
	case MADV_FREE:
		shadow_zero(f, addr, len, PRIVATE, false);
		break;
	case MADV_REMOVE:
		shadow_zero(f, addr, len, SHARED, all);
		break;
	case MADV_GUARD_REMOVE:
		shadow_guard(f, addr, len, false);
		break;
	default:
		break;
	}
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
	else /* ENOMEM: a hole; the rest was done */
		advised(f, addr, len, behavior, !ret || ret == -ENOMEM);
	if (!ret && behavior == MADV_GUARD_INSTALL)
		shadow_guard(f, addr, len, true);
	if (f->s.mm.oom && behavior == MADV_COLLAPSE)
		shadow_set(f, addr, len, UNKNOWN);
}

/* Pages that have something are in memory. */
static void op_mincore(struct fuzz *f)
{
	static const unsigned char zeroes[SHADOW_BYTES];
	unsigned char vec[MINCORE_MAX + 1];
	gva_t addr = address(f) & PAGE_MASK;
	long n, max = byte(f) % (MINCORE_MAX + 1);

	memset(vec, 0xaa, sizeof(vec));
	n = mm_mincore(&f->s.mm, addr, (uint64_t)max, vec);
	must(n == -ENOMEM || (n >= 0 && n <= max), "%ld of %ld", n, max);
	must(vec[n > 0 ? n : 0] == 0xaa, "beyond %ld", n);
	for (long i = 0; i < n; i++, addr += PAGE_SIZE) {
		const struct shadow *page = shadow(f, addr);

		if (page && page->owner && !page->maybe_zero &&
		    memcmp(page->byte, zeroes, sizeof(zeroes)))
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
	const struct shadow *page = shadow(f, gva);

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
			     (v->shared && !(page && page->owner)),
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
	compare(f, gva, truth, n, true);
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
		shadow_set(f, end - size, size, UNKNOWN);
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
	{ "mremap", op_mremap },
	{ "madvise", op_madvise },
	{ "mremap", op_mremap },
	{ "madvise", op_madvise },
	{ "mincore", op_mincore },
	{ "mlock", op_mlock },
	{ "munlock", op_munlock },
	{ "mlockall", op_mlockall },
	{ "munlockall", op_munlockall },
	{ "truncated", op_truncated },
	{ "list", op_list },
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

/* The third byte: most inputs find the region mapped, so that more of their calls do something. */
static void map_region(struct fuzz *f)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (!(byte(f) % 4))
		return;
	must(mm_mmap(&f->s.mm, REGION, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, flags,
		     NULL, true, true, 0) == (long)REGION,
	     "mmap");
	shadow_set(f, REGION, PAGES * PAGE_SIZE, PRIVATE);
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
	f.zero = object_new_zero(&f.s.phys, "/dev/zero");
	must(f.zero, "no memory");
	for (unsigned step = 0; f.left && step < STEPS_MAX; step++) {
		const struct op *op = &ops[byte(&f) % (sizeof(ops) / sizeof(ops[0]))];

		if (tell)
			fprintf(stderr, "step %u: %s\n", step, op->name);
		f.s.mm.oom = false;
		op->run(&f);
		check(&f.s.mm);
	}
	shadow_compare_all(&f);
	destroy_mm(&f);
	return 0;
}
