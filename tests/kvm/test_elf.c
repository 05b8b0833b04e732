/* SPDX-License-Identifier: MIT */
/* test_elf.c: damaged executables: refused with their path, or run to some end; nothing else. */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 120

static unsigned char *image;
static size_t image_size;

static void read_image(const char *name)
{
	FILE *f = fopen(payload_path(name), "re");
	struct stat st;

	cr_assert(f && !fstat(fileno(f), &st));
	image_size = (size_t)st.st_size;
	image = (unsigned char *)malloc(image_size);
	cr_assert_eq(fread(image, 1, image_size, f), image_size);
	fclose(f);
}

/* what: how the file is damaged, for the message. */
static void try_bytes(const unsigned char *bytes, size_t len, const char *what)
{
	const char *argv[] = { "elf", NULL }, *envp[] = { NULL };
	struct mv_error err = { 0 };
	struct mv_options opt;
	struct mv_exit end;
	struct mv_vm *vm;
	char path[PATH_MAX];
	int r;

	make_file(path, bytes, len);
	chmod(path, 0755);
	mv_options_init(&opt);
	opt.mem = 64 << 20;
	opt.timeout_ns = SECOND / 5;
	opt.fds[0] = opt.fds[1] = opt.fds[2] = -1;
	cr_assert(!mv_open(&opt, &vm, &err), "%s: %s", what, err.text);
	r = mv_load(vm, path, argv, envp, &err);
	if (r) {
		cr_expect(r == -ENOEXEC || r == -EACCES, "%s: mv_load gave %d: %s", what, r,
			  err.text);
		cr_expect(strstr(err.text, path), "%s: path not named: %s", what, err.text);
	} else {
		r = mv_run(vm, &end, &err);
		cr_expect(!r, "%s: mv_run gave %d: %s", what, r, err.text);
	}
	mv_close(vm);
	unlink(path);
}

Test(elf, a_file_cut_anywhere_is_refused_or_runs, LIMIT)
{
	char what[64];

	REQUIRE_KVM();
	read_image("hello");
	for (size_t len = 0; len <= 1024 && len < image_size; len += len < 256 ? 1 : 64) {
		snprintf(what, sizeof(what), "cut to %zu", len);
		try_bytes(image, len, what);
	}
	for (size_t len = 2048; len < image_size; len += 1024) {
		snprintf(what, sizeof(what), "cut to %zu", len);
		try_bytes(image, len, what);
	}
}

/* Each 1, 2, 4, 8-byte piece of the head and of the program headers. */
static void each_field(const char *name)
{
	static const uint64_t values[] = {
		0,	  1,	   2,	       -1ull,	   -4096ull,	   0x7ff,
		0x1000,	  0xffff,  1ull << 47, 1ull << 63, 0x7fffffffffff, 0x7ffffffff000,
		0x400000, 0x401800
	};
	Elf64_Ehdr *h;
	size_t end;
	char what[96];

	read_image(name);
	h = (Elf64_Ehdr *)image;
	end = h->e_phoff + h->e_phnum * sizeof(Elf64_Phdr);
	for (size_t at = 4; at < end; at += at < 64 ? 2 : 8)
		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
			unsigned char old[8];
			size_t n = at < 24 || (at >= 48 && at < 64) ? 2 : 8;

			memcpy(old, image + at, 8);
			memcpy(image + at, &values[v], n);
			snprintf(what, sizeof(what), "%s: %zu bytes at %zu = 0x%llx", name,
				 n, at, (unsigned long long)values[v]);
			try_bytes(image, image_size, what);
			memcpy(image + at, old, 8);
		}
}

Test(elf, any_value_in_a_header_field_is_refused_or_runs, LIMIT)
{
	REQUIRE_KVM();
	each_field("hello");
}

Test(elf, any_value_in_a_pies_header_field_is_refused_or_runs, LIMIT)
{
	REQUIRE_KVM();
	each_field("hello-pie");
}

Test(elf, random_damage_is_refused_or_runs, LIMIT)
{
	uint64_t x = 88172645463325252ull;
	unsigned char *copy;

	REQUIRE_KVM();
	read_image("hello");
	copy = (unsigned char *)malloc(image_size);
	for (unsigned int n = 0; n < 2000; n++) {
		char what[64];

		snprintf(what, sizeof(what), "mutation %u", n);
		memcpy(copy, image, image_size);
		for (unsigned int k = 0; k < 1 + n % 6; k++) {
			size_t at;

			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			at = x % 3 ? (x >> 8) % 512 : (x >> 8) % image_size;
			copy[at] = (unsigned char)(x >> 56);
		}
		try_bytes(copy, image_size, what);
	}
	free(copy);
}

/* The most memory that this process has had. */
static long peak(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss << 10;
}

/* Load it, run it, and say how it died. */
static void die_of(const char *path)
{
	const char *argv[] = { "segv", "null", NULL }, *envp[] = { NULL };
	struct mv_error err = { 0 };
	struct mv_options opt;
	char *text = NULL;
	struct mv_exit end;
	struct mv_vm *vm;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	mv_options_init(&opt);
	opt.fds[0] = opt.fds[1] = opt.fds[2] = -1;
	cr_assert(!mv_open(&opt, &vm, &err), "%s", err.text);
	cr_assert(!mv_load(vm, path, argv, envp, &err), "%s", err.text);
	cr_assert(!mv_run(vm, &end, &err), "%s", err.text);
	mv_print_exit(vm, &end, out);
	fclose(out);
	cr_expect(strstr(text, "SIGSEGV"));
	free(text);
	mv_close(vm);
}

/* Which nobody needs to run a program, and a report for names only. */
Test(elf, sections_cost_a_bounded_part_of_memory_whatever_they_say, LIMIT)
{
	const size_t n = 10000000;
	const long before = peak();
	char path[PATH_MAX];
	const Elf64_Shdr first = { .sh_size = n };
	Elf64_Shdr *sections;
	Elf64_Ehdr *h;
	FILE *f;

	REQUIRE_KVM();
	read_image("segv");
	h = (Elf64_Ehdr *)image;
	sections = (Elf64_Shdr *)(image + h->e_shoff);
	for (unsigned i = 0; i < h->e_shnum; i++)
		if (sections[i].sh_type == SHT_SYMTAB) {
			sections[i].sh_offset = image_size;
			sections[i].sh_size = 3221225472; /* 24 times 2^27 */
		}
	make_file(path, image, image_size);
	chmod(path, 0755);
	cr_assert(!truncate(path, (off_t)image_size + 3221225472));
	die_of(path);
	unlink(path);
	/* as e_shnum says that the first section says it */
	h->e_shnum = 0;
	h->e_shoff = image_size;
	make_file(path, image, image_size);
	chmod(path, 0755);
	f = fopen(path, "ae");
	cr_assert_eq(fwrite(&first, sizeof(first), 1, f), 1);
	fclose(f);
	cr_assert(!truncate(path, (off_t)(image_size + n * sizeof(first))));
	die_of(path);
	unlink(path);
	free(image);
	cr_expect_lt(peak() - before, 100 << 20);
}

/* The last segment that can only be read has one byte in the file, by its header; its strings lie behind. */
static void shorten_strings(void)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)image;
	Elf64_Phdr *p = (Elf64_Phdr *)(image + e->e_phoff), *strings = NULL;

	for (unsigned i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_flags == PF_R)
			strings = &p[i];
	cr_assert(strings && strings->p_offset);
	strings->p_filesz = 1;
}

/* padzero() fails there, which is no error: the file's bytes stay. */
Test(elf, what_follows_a_segments_data_is_cleared_only_where_it_may_be_written, LIMIT)
{
	char path[PATH_MAX], native[256];
	const char *argv[] = { path, NULL }, *envp[] = { NULL };
	struct mv_error err = { 0 };
	struct sandbox s;

	REQUIRE_KVM();
	read_image("hello");
	shorten_strings();
	make_file(path, image, image_size);
	chmod(path, 0755);
	natively(argv, -1, native, sizeof(native));
	sandbox_init(&s);
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	cr_assert(!mv_load(s.vm, path, argv, envp, &err), "%s", err.text);
	sandbox_run(&s);
	cr_expect_str_eq(s.text, native);
	sandbox_close(&s);
	unlink(path);
	free(image);
}

/* What a line shows of an address stays on it, and says nothing to a terminal. */
Test(elf, control_characters_in_a_symbols_name_are_not_told, LIMIT)
{
	const char *argv[] = { "elf", NULL }, *envp[] = { NULL };
	struct mv_error err = { 0 };
	char path[PATH_MAX], text[64];
	struct mv_options opt;
	struct mv_vm *vm;
	uint64_t gva;

	REQUIRE_KVM();
	read_image("walkme");
	/* in .strtab, and where else it stands alone */
	for (char *at = (char *)image;
	     (at = (char *)memmem(at, image_size - (size_t)(at - (char *)image),
				  "\0marker_bss", 12));
	     at++) {
		/* a part of a name. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
		memcpy(at + 1, "m\n\x1b[\x9bJ", 6);
	}
	make_file(path, image, image_size);
	chmod(path, 0755);
	mv_options_init(&opt);
	cr_assert(!mv_open(&opt, &vm, &err), "%s", err.text);
	cr_assert(!mv_load(vm, path, argv, envp, &err), "%s", err.text);
	cr_assert_eq(mv_symbol(vm, "m\n\x1b[\x9bJ_bss", &gva, NULL), 0);
	cr_assert_eq(mv_symbol_at(vm, gva + 1, text, sizeof(text)), 0);
	cr_assert_str_eq(text, "m??[?J_bss+0x1");
	cr_assert_eq(mv_symbol_at(vm, gva, text, 3), 0);
	cr_assert_str_eq(text, "m?");
	mv_close(vm);
	unlink(path);
	free(image);
}
