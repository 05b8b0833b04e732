/* SPDX-License-Identifier: MIT */
/*
 * fuzz_elf.c: fuzz target: arbitrary bytes as an executable, for the loader and the symbol
 * table's reader. What loads is looked at and touched, at each VMA's ends.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/observe/error.h"
#include "vmm/vm/image.h"

/*
 * An even number of bytes is the beginning of a file of this size, with a hole behind it: so a short
 * input can be a program whose segments lie inside the file. An odd one is the whole file.
 */
#define FILE_SIZE (1 << 20)
#define LIMIT (64ull << 20)
#define VMAS_MAX 64

/* The file, under a path that it can be opened by. */
static int make_file(const uint8_t *data, size_t size, char *path, size_t path_size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0, "memfd_create");
	must(write(fd, data, size) == (ssize_t)size, "write");
	if (size % 2 == 0 && size < FILE_SIZE)
		must(!ftruncate(fd, FILE_SIZE), "ftruncate");
	snprintf(path, path_size, "/proc/self/fd/%d", fd);
	return fd;
}

/* A page as the truth has it, and as the payload would find it. */
static void look_at(struct fuzz_space *s, const struct mv_vma *v, gva_t gva)
{
	static const unsigned accesses[] = { MV_READ, MV_EXEC, MV_WRITE };
	static char truth[PAGE_SIZE], found[PAGE_SIZE];
	const uint64_t len = PAGE_SIZE - (gva & ~PAGE_MASK);
	bool peeked = !mm_peek(&s->mm, truth, gva, len);
	gpa_t gpa;

	if (!mm_copy_from(&s->mm, found, gva, len))
		must(peeked && !memcmp(truth, found, len), "%#lx reads otherwise", gva);
	for (unsigned i = 0; i < 3; i++) {
		struct mm_fault f = fuzz_touch(s, gva, accesses[i], &gpa);

		must(f.kind != MV_FAULT_FATAL || f.signal || f.err, "%#lx", gva);
		must(f.kind == MV_FAULT_FATAL || accesses[i] == MV_READ ||
			     v->prot & accesses[i],
		     "%#lx permits what its VMA does not", gva);
	}
	if (peeked && !mm_peek(&s->mm, found, gva, len))
		must(!memcmp(truth, found, len), "%#lx was changed by a fault", gva);
}

static void look_at_vmas(struct fuzz_space *s)
{
	struct mv_vma v;
	gva_t at = 0;

	for (int i = 0; i < VMAS_MAX && !mm_vma_info(&s->mm, at, &v); i++) {
		must(v.start < v.end && v.start >= at && v.end <= MV_TASK_SIZE,
		     "%#lx-%#lx after %#lx", v.start, v.end, at);
		look_at(s, &v, v.start);
		look_at(s, &v, v.end - 1);
		look_at(s, &v, v.start + (v.end - v.start) / 2);
		at = v.end;
	}
}

static void look_at_symbols(struct image *image)
{
	const struct image_symbol *symbol = image_symbol_at(image, image->entry);

	if (symbol)
		must(image_symbol(image, symbol->name), "%s is not found", symbol->name);
	image_symbol(image, "_start");
	image_symbol_at(image, 0);
	image_symbol_at(image, UINT64_MAX);
}

int fuzz_elf(const uint8_t *data, size_t size)
{
	const struct layout layout = layout_fixed();
	const struct policy policy = { .cwd = NULL };
	char path[64], byte;
	struct fuzz_space s;
	struct mv_error err = { 0 };
	struct image image;
	int fd, ret;

	fuzz_space_init(&s, LIMIT, 16, MV_THP_ALWAYS);
	fd = make_file(data, size, path, sizeof(path));
	ret = image_open(&image, &policy, path, &err);
	if (!ret)
		ret = image_load(&image, &s.mm, &policy, &layout, &err);
	must(!ret == !err.num && (!ret || (ret == -err.num && *err.text)), "%d, %d: %s",
	     ret, err.num, err.text);
	if (!ret) {
		mm_peek(&s.mm, &byte, image.entry, 1);
		look_at_symbols(&image);
	}
	look_at_vmas(&s);
	image_close(&image);
	close(fd);
	mm_destroy(&s.mm);
	fuzz_space_destroy(&s);
	return 0;
}
