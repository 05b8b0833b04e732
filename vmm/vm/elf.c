/* SPDX-License-Identifier: MIT */
/*
 * elf.c: load an executable, as Linux's fs/binfmt_elf.c does: each PT_LOAD becomes a private
 * mapping of the file, and anonymous memory behind it for its .bss. A dynamic program names an
 * interpreter (PT_INTERP: ld.so), which is loaded beside it, and starts first. Every field of
 * both files is an enemy's.
 */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/observe/error.h"
#include "vmm/vm/image.h"

/* include/linux/namei.h: MAXSYMLINKS. */
#define LINKS_MAX 40
/* load_elf_phdrs(): the program headers fit in 64 KiB. */
#define PHDRS_MAX (65536 / sizeof(Elf64_Phdr))

/* A load on its way. */
struct load {
	struct image *image;
	struct mm *mm;
	struct object *obj; /* the file, to be mapped */
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[PHDRS_MAX];
	gva_t dyn_base; /* of an ET_DYN; 0: where there is room */
	int bad; /* what a file that can't be loaded is: ENOEXEC, of an interpreter ELIBBAD */
	struct mv_error *err;
};

static int refuse(const struct load *l, const char *why)
{
	return mv_fail(l->err, l->bad, "%s: %s", l->image->path, why);
}

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_386:
		return "a 32-bit x86";
	case EM_ARM:
		return "an ARM";
	case EM_AARCH64:
		return "an AArch64";
	case EM_RISCV:
		return "a RISC-V";
	case EM_PPC64:
		return "a PowerPC";
	case EM_S390:
		return "an S/390";
	default:
		return "another machine's";
	}
}

static int check_ehdr(const struct load *l)
{
	const unsigned char *id = l->ehdr.e_ident;
	const char *path = l->image->path;
	const unsigned machine = id[EI_DATA] == ELFDATA2MSB ? be16toh(l->ehdr.e_machine)
							    : l->ehdr.e_machine;

	if (machine != EM_X86_64)
		return mv_fail(l->err, l->bad,
			       "%s: %s program (e_machine %u); x86-64 is needed", path,
			       machine_name(machine), machine);
	if (id[EI_CLASS] != ELFCLASS64)
		return refuse(l, "a 32-bit ELF file; ELF64 is needed");
	if (id[EI_DATA] != ELFDATA2LSB)
		return refuse(l, "a big-endian ELF file; x86-64 is little-endian");
	if (id[EI_VERSION] != EV_CURRENT || l->ehdr.e_version != EV_CURRENT)
		return refuse(l, "an ELF file of unknown version");
	if (l->ehdr.e_type != ET_EXEC && l->ehdr.e_type != ET_DYN)
		return mv_fail(l->err, l->bad, "%s: ELF type %u is no executable%s", path,
			       l->ehdr.e_type,
			       l->ehdr.e_type == ET_REL ? " (an object file: link it first)"
							: "");
	if (l->ehdr.e_phentsize != sizeof(Elf64_Phdr))
		return mv_fail(l->err, l->bad,
			       "%s: program headers of %u bytes; %zu expected", path,
			       l->ehdr.e_phentsize, sizeof(Elf64_Phdr));
	return 0;
}

/* load_elf_phdrs() */
static int read_phdrs(struct load *l)
{
	const size_t n = l->ehdr.e_phnum, size = n * sizeof(l->phdr[0]);

	if (!n || n > PHDRS_MAX)
		return mv_fail(l->err, l->bad,
			       "%s: %zu program headers; 1 to %zu can be run",
			       l->image->path, n, PHDRS_MAX);
	if (pread(l->image->fd, l->phdr, size, (off_t)l->ehdr.e_phoff) != (ssize_t)size)
		return refuse(l,
			      "its program headers lie outside the file: it is truncated");
	l->image->phnum = (unsigned)n;
	return 0;
}

static int check_segment(const struct load *l, unsigned i, gva_t *low)
{
	const Elf64_Phdr *p = &l->phdr[i];
	const char *why = NULL;
	uint64_t sum;

	if (p->p_memsz < p->p_filesz)
		why = "is larger in the file than in memory";
	else if (__builtin_add_overflow(p->p_offset, p->p_filesz, &sum) ||
		 sum > l->obj->size)
		why = "lies outside the file, which is truncated or damaged";
	else if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &sum) ||
		 sum > MV_TASK_SIZE ||
		 page_align(sum) >
			 MV_TASK_SIZE - (l->ehdr.e_type == ET_DYN ? l->dyn_base : 0))
		why = "ends outside the address space";
	else if (l->ehdr.e_type == ET_EXEC && p->p_vaddr < MMAP_MIN_ADDR)
		why = "lies below the lowest address that may be mapped (0x10000)";
	else if ((p->p_vaddr ^ p->p_offset) & ~PAGE_MASK)
		why = "has an address and an offset that differ within a page";
	else if (p->p_vaddr < *low)
		why = "overlaps the one before it, or is not in ascending order";
	if (why)
		return mv_fail(l->err, l->bad, "%s: segment %u %s", l->image->path, i, why);
	*low = p->p_vaddr + p->p_memsz;
	return 0;
}

static bool holds_entry(const Elf64_Phdr *p, gva_t entry)
{
	return p->p_flags & PF_X && entry >= p->p_vaddr && entry - p->p_vaddr < p->p_memsz;
}

/* All of it, before anything is mapped. *align: the largest that a segment asks for. */
static int check_segments(const struct load *l, uint64_t *align)
{
	bool any = false, entry = false;
	gva_t low = 0;
	int err;

	*align = PAGE_SIZE;
	for (unsigned i = 0; i < l->image->phnum; i++) {
		const Elf64_Phdr *p = &l->phdr[i];

		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		err = check_segment(l, i, &low);
		if (err)
			return err;
		any = true;
		entry |= holds_entry(p, l->ehdr.e_entry);
		if (p->p_align && !(p->p_align & (p->p_align - 1)) &&
		    p->p_align <= 1ull << 30)
			*align = max_u64(*align, p->p_align);
	}
	if (!any)
		return refuse(l, "no segment to load (no PT_LOAD)");
	if (!entry)
		return mv_fail(l->err, l->bad,
			       "%s: its entry, %#lx, lies in no executable segment",
			       l->image->path, l->ehdr.e_entry);
	return 0;
}

static int map(const struct load *l, gva_t start, gva_t end, int prot, struct object *obj,
	       uint64_t offset)
{
	const int anon = obj ? 0 : MAP_ANONYMOUS;
	long ret = mm_mmap(l->mm, start, end - start, prot, MAP_PRIVATE | MAP_FIXED | anon,
			   obj, true, false, offset >> PAGE_SHIFT);

	if (ret < 0)
		return mv_fail(l->err, (int)-ret, "%s: mapping %#lx-%#lx: %s",
			       l->image->path, start, end, strerrordesc_np((int)-ret));
	return 0;
}

/* padzero(): what of the page the file's part doesn't fill; not in memory that may not be written. */
static int clear_tail(const struct load *l, gva_t from, bool writable)
{
	static const char zeroes[PAGE_SIZE];
	const uint64_t left = mm_copy_to(l->mm, from, zeroes, page_align(from) - from);

	if (!left || !writable)
		return 0;
	return mv_fail(l->err, l->mm->oom ? ENOMEM : l->bad,
		       "%s: the page in which its data ends: %s", l->image->path,
		       l->mm->oom ? "no memory" : "the file was cut");
}

/* elf_load(): the file's part, the zeroes up to the page's end, anonymous memory behind. */
static int map_segment(const struct load *l, const Elf64_Phdr *p)
{
	int prot = (p->p_flags & PF_R ? PROT_READ : 0) |
		   (p->p_flags & PF_W ? PROT_WRITE : 0) |
		   (p->p_flags & PF_X ? PROT_EXEC : 0);
	gva_t start = p->p_vaddr + l->image->bias, file_end = start + p->p_filesz;
	gva_t end = page_align(start + p->p_memsz), bss = start & PAGE_MASK;
	int err;

	if (p->p_filesz) {
		bss = page_align(file_end);
		err = map(l, start & PAGE_MASK, bss, prot, l->obj, p->p_offset & PAGE_MASK);
		if (err)
			return err;
		if (p->p_memsz > p->p_filesz)
			err = clear_tail(l, file_end, p->p_flags & PF_W);
		if (err)
			return err;
	}
	if (bss < end) /* vm_brk_flags() */
		return map(l, bss, end, PROT_READ | PROT_WRITE | (prot & PROT_EXEC), NULL,
			   0);
	return 0;
}

/* load_elf_binary(): where code and data begin and end; segments ascend. */
static void note_bounds(struct image *image, const Elf64_Phdr *p)
{
	const gva_t start = p->p_vaddr + image->bias;

	image->end = page_align(start + p->p_memsz);
	image->start_data = start;
	image->data_len = p->p_filesz;
	if (!(p->p_flags & PF_X))
		return;
	if (!image->end_code)
		image->start_code = start;
	image->end_code = start + p->p_filesz;
}

static int map_segments(struct load *l)
{
	struct image *image = l->image;

	for (unsigned i = 0; i < image->phnum; i++) {
		const Elf64_Phdr *p = &l->phdr[i];
		int err;

		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		err = map_segment(l, p);
		if (err)
			return err;
		note_bounds(image, p);
		if (l->ehdr.e_phoff >= p->p_offset &&
		    l->ehdr.e_phoff < p->p_offset + p->p_filesz)
			image->phdr =
				l->ehdr.e_phoff - p->p_offset + p->p_vaddr + image->bias;
	}
	return 0;
}

/* Why the file that was opened can't be executed; NULL: it can. */
static const char *why_not(const struct image *image)
{
	struct stat st;

	if (fstat(image->fd, &st))
		return strerrordesc_np(errno);
	if (S_ISDIR(st.st_mode))
		return "is a directory";
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (faccessat(image->fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH))
		return "Permission denied: it is not executable (chmod +x)";
	return NULL;
}

/* Without waiting for a FIFO's writer. */
int image_open(struct image *image, const struct policy *policy, const char *path,
	       struct mv_error *err)
{
	char name[PATH_MAX];
	const char *why;

	policy_exe_name(policy, path, name);
	*image = (struct image){ .fd = -1, .path = strdup(path), .name = strdup(name) };
	if (!image->path || !image->name)
		return mv_fail_errno(err, ENOMEM, path);
	image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (image->fd < 0)
		return mv_fail_errno(err, errno, path);
	why = why_not(image);
	return why ? mv_fail(err, EACCES, "%s: %s", path, why) : 0;
}

/* Where what was found leads to, if it is a link. False: it is none. */
static bool follow_link(const struct found *found, char to[PATH_MAX])
{
	char link[PATH_MAX];
	ssize_t n = found->fd < 0 ? -1 : readlinkat(found->fd, "", link, PATH_MAX - 1);
	const char *slash = strrchr(found->path, '/');

	if (found->fd >= 0)
		close(found->fd);
	if (n < 0 || !slash)
		return false;
	link[n] = '\0';
	return snprintf(to, PATH_MAX, "%.*s%s",
			*link == '/' ? 0 : (int)(slash - found->path) + 1, found->path,
			link) < PATH_MAX;
}

/* A path that isn't granted may itself be, and be a link that leads elsewhere: to `to'. */
static bool leads_outside(const struct policy *policy, const char *path, char to[PATH_MAX])
{
	struct found found;
	unsigned links = 0;

	snprintf(to, PATH_MAX, "%s", path);
	for (; links < LINKS_MAX && !policy_find(policy, NULL, to, false, &found); links++)
		if (!follow_link(&found, to))
			return false;
	return links;
}

static int not_granted(const struct policy *policy, const char *path, const char *of,
		       struct mv_error *err)
{
	char to[PATH_MAX];
	bool link = leads_outside(policy, path, to);

	return mv_fail(err, EACCES,
		       "%s: its interpreter %s%s%s%s is not granted: give --ro for where it "
		       "lies and for what it reads, or --ro-system",
		       of, path, link ? " leads to " : "", link ? to : "",
		       link ? ", which" : "");
}

int image_open_granted(struct image *image, const struct policy *policy, const char *path,
		       const char *of, struct mv_error *err)
{
	struct opened opened;
	const char *why;
	int ret;

	*image = (struct image){ .fd = -1, .path = strdup(path) };
	if (!image->path)
		return mv_fail_errno(err, ENOMEM, path);
	if (!*path) /* which is the current directory to open_exec() */
		return mv_fail(err, EACCES, "%s: its interpreter's name is empty", of);
	ret = policy_open(policy, NULL, path, O_RDONLY, 0, &opened);
	if (ret == -EACCES)
		return not_granted(policy, path, of, err);
	if (ret)
		return mv_fail(err, -ret, "%s: its interpreter %s: %s", of, path,
			       strerrordesc_np(-ret));
	image->name = opened.path;
	image->fd = opened.fd;
	why = why_not(image);
	return why ? mv_fail(err, EACCES, "%s: its interpreter %s: %s", of, path, why) : 0;
}

static bool is_elf(const unsigned char id[EI_NIDENT])
{
	return !memcmp(id, ELFMAG, SELFMAG) &&
	       (id[EI_CLASS] == ELFCLASS32 || id[EI_CLASS] == ELFCLASS64) &&
	       (id[EI_DATA] == ELFDATA2LSB || id[EI_DATA] == ELFDATA2MSB);
}

/* Both classes' have in the same place what check_ehdr() looks at until it knows the class. */
static int read_ehdr(struct load *l)
{
	const ssize_t n = pread(l->image->fd, &l->ehdr, sizeof(l->ehdr), 0);
	size_t size = sizeof(Elf64_Ehdr);

	if (n < 0)
		return mv_fail_errno(l->err, errno, l->image->path);
	if (!n)
		return refuse(l, "an empty file, no ELF executable");
	if (n < EI_NIDENT || !is_elf(l->ehdr.e_ident))
		return refuse(l, "not an ELF file");
	if (l->ehdr.e_ident[EI_CLASS] == ELFCLASS32)
		size = sizeof(Elf32_Ehdr);
	if ((size_t)n < size)
		return refuse(l, "its ELF header can't be read: the file is truncated");
	return 0;
}

/* Where there is room for all segments of an ET_DYN: total_mapping_size(), and elf_map() with it. */
static int find_room(const struct load *l, gva_t *bias)
{
	gva_t low = 0, high = 0;
	bool any = false;
	long at;

	for (unsigned i = 0; i < l->image->phnum; i++) {
		const Elf64_Phdr *p = &l->phdr[i];

		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
		if (!any)
			low = p->p_vaddr & PAGE_MASK;
		any = true;
		high = page_align(p->p_vaddr + p->p_memsz);
	}
	at = mm_mmap(l->mm, 0, high - low, PROT_READ, MAP_PRIVATE, l->obj, true, false, 0);
	if (at >= 0)
		at = mm_munmap(l->mm, (gva_t)at, high - low) ? -ENOMEM : at;
	if (at < 0)
		return mv_fail(l->err, (int)-at, "%s: room for it: %s", l->image->path,
			       strerrordesc_np((int)-at));
	*bias = (gva_t)at - low;
	return 0;
}

static int place(struct load *l, uint64_t align)
{
	struct image *image = l->image;
	int err = 0;

	image->bias = 0;
	if (l->ehdr.e_type == ET_DYN && l->dyn_base)
		image->bias = l->dyn_base & ~(align - 1);
	else if (l->ehdr.e_type == ET_DYN)
		err = find_room(l, &image->bias);
	image->entry = image->start = l->ehdr.e_entry + image->bias;
	return err;
}

/* A file that was opened: its headers, its segments. */
static int load(struct load *l)
{
	struct image *image = l->image;
	uint64_t align;
	int err, fd;

	err = read_ehdr(l);
	if (!err)
		err = check_ehdr(l);
	if (!err)
		err = read_phdrs(l);
	if (err)
		return err;
	fd = fcntl(image->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return mv_fail_errno(l->err, errno, image->path);
	err = object_new_file(l->mm->phys, fd, false, image->name, &l->obj);
	if (err)
		return mv_fail_errno(l->err, -err, image->path);
	l->obj->placed = true;
	err = check_segments(l, &align);
	if (!err)
		err = place(l, align);
	if (!err)
		err = map_segments(l);
	object_put(l->obj);
	return err;
}

/* The path in the first PT_INTERP, as load_elf_binary() takes it; "" where there is none. */
static int interpreter_path(const struct load *l, char path[PATH_MAX])
{
	const Elf64_Phdr *p = NULL;

	*path = '\0';
	for (unsigned i = 0; i < l->image->phnum && !p; i++)
		if (l->phdr[i].p_type == PT_INTERP)
			p = &l->phdr[i];
	if (!p)
		return 0;
	if (p->p_filesz > PATH_MAX || p->p_filesz < 2)
		return refuse(
			l, "its interpreter's name (PT_INTERP) is too short or too long");
	if (pread(l->image->fd, path, p->p_filesz, (off_t)p->p_offset) !=
	    (ssize_t)p->p_filesz)
		return refuse(
			l,
			"its interpreter's name (PT_INTERP) lies outside the file: it is truncated");
	if (path[p->p_filesz - 1])
		return refuse(l, "its interpreter's name (PT_INTERP) has no end");
	return 0;
}

/* load_elf_interp(): it goes where mmap would put it, and gets control first. */
static int load_interpreter(struct load *l, const struct policy *policy)
{
	struct image interp = { .fd = -1 }, *program = l->image;
	char path[PATH_MAX];
	int err = interpreter_path(l, path);

	if (err || !*path)
		return err;
	err = image_open_granted(&interp, policy, path, program->path, l->err);
	if (!err) {
		l->image = &interp;
		l->bad = ELIBBAD;
		l->dyn_base = 0;
		err = load(l);
		l->image = program;
	}
	program->start = interp.entry;
	program->base = interp.bias;
	image_close(&interp);
	return err;
}

int image_load(struct image *image, struct mm *mm, const struct policy *policy,
	       const struct layout *layout, struct mv_error *err)
{
	struct load *l = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return mv_fail_errno(err, ENOMEM, image->path);
	l->image = image;
	l->mm = mm;
	l->err = err;
	l->bad = ENOEXEC;
	l->dyn_base = layout->dyn_base;
	ret = load(l);
	if (!ret)
		ret = load_interpreter(l, policy);
	free(l);
	return ret;
}

void image_close(struct image *image)
{
	free(image->places);
	free(image->symbols);
	free(image->names);
	if (image->fd >= 0)
		close(image->fd);
	free(image->path);
	free(image->name);
	*image = (struct image){ .fd = -1 };
}
