/* SPDX-License-Identifier: MIT */
/*
 * stack.c: the stack as a program finds it; fs/exec.c (strings) and create_elf_tables() of
 * fs/binfmt_elf.c. From the top down:
 *
 *	8 zero bytes | file name | envp strings | argv strings | "x86_64" | 16 random bytes
 *	| to 16 bytes | auxv | envp[] NULL | argv[] NULL | argc  <- rsp
 *
 * It is put together here and copied in once.
 */
#include "vmm/vm/stack.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <unistd.h>

#include "vmm/observe/error.h"

/* setup_arg_pages(): what is mapped beyond the arguments at first. */
#define STACK_EXPAND (128ull << 10)
/* prepare_arg_pages(): a quarter of the limit for strings and pointers. */
#define ARGS_MAX (STACK_LIMIT / 4)
#define AUX_MAX 24

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

/* A stack in the making: buf's end is top. */
struct build {
	char *buf;
	uint64_t size;
	gva_t top;     /* the stack's end */
	uint64_t skip; /* layout->stack_skip */
	gva_t at;      /* where the last thing went */
	Elf64_auxv_t aux[AUX_MAX];
	unsigned nr_aux;
};

static void *hva_of(const struct build *b, gva_t gva)
{
	return b->buf + (b->size - (b->top - gva));
}

static gva_t push(struct build *b, const void *data, uint64_t len)
{
	b->at -= len;
	memcpy(hva_of(b, b->at), data, len);
	return b->at;
}

static void aux(struct build *b, uint64_t type, uint64_t value)
{
	b->aux[b->nr_aux++] = (Elf64_auxv_t){ type, { value } };
}

/* NEW_AUX_ENT, in Linux's order. What the processor is comes from the host's own vector. */
static void fill_aux(struct build *b, const struct image *image, gva_t random,
		     gva_t platform, gva_t execfn)
{
	unsigned int eax, ebx, ecx, edx;

	if (getauxval(AT_MINSIGSTKSZ))
		aux(b, AT_MINSIGSTKSZ, getauxval(AT_MINSIGSTKSZ));
	/* glibc's getauxval() has a value of its own for this one; Linux's is CPUID.1:EDX */
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		aux(b, AT_HWCAP, edx);
	aux(b, AT_PAGESZ, PAGE_SIZE);
	aux(b, AT_CLKTCK, (uint64_t)sysconf(_SC_CLK_TCK));
	aux(b, AT_PHDR, image->phdr);
	aux(b, AT_PHENT, sizeof(Elf64_Phdr));
	aux(b, AT_PHNUM, image->phnum);
	aux(b, AT_BASE, image->base);
	aux(b, AT_FLAGS, 0);
	aux(b, AT_ENTRY, image->entry);
	aux(b, AT_UID, getuid());
	aux(b, AT_EUID, geteuid());
	aux(b, AT_GID, getgid());
	aux(b, AT_EGID, getegid());
	aux(b, AT_SECURE, 0);
	aux(b, AT_RANDOM, random);
	aux(b, AT_HWCAP2, getauxval(AT_HWCAP2));
	aux(b, AT_EXECFN, execfn);
	aux(b, AT_PLATFORM, platform);
	aux(b, AT_NULL, 0);
}

static size_t count(const char *const *v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

static uint64_t strings_size(const char *const *v)
{
	uint64_t size = 0;

	for (; *v; v++)
		size += strlen(*v) + 1;
	return size;
}

/* Push strings so that v[0] is lowest; pointers[] gets their addresses. */
static void push_strings(struct build *b, const char *const *v, size_t n,
			 uint64_t *pointers)
{
	pointers[n] = 0;
	while (n--)
		pointers[n] = push(b, v[n], strlen(v[n]) + 1);
}

static int build(struct build *b, const struct image *image, const char *name,
		 const char *const *argv, const char *const *envp, uint64_t *pointers,
		 struct mm_args *where)
{
	size_t argc = count(argv), envc = count(envp), words = 1 + argc + 1 + envc + 1;
	gva_t execfn, platform, random;
	char seed[16];
	uint64_t zero = 0;

	push(b, &zero, sizeof(zero));
	where->env_end = execfn = push(b, name, strlen(name) + 1);
	push_strings(b, envp, envc, pointers + 1 + argc + 1);
	where->env_start = b->at;
	push_strings(b, argv, argc, pointers + 1);
	where->arg_start = b->at;
	pointers[0] = argc;
	b->at = (b->at - b->skip) & ~15ull; /* arch_align_stack() */
	platform = push(b, "x86_64", sizeof("x86_64"));
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	random = push(b, seed, sizeof(seed));
	fill_aux(b, image, random, platform, execfn);
	/* rsp is a multiple of 16: STACK_ROUND() */
	b->at = (b->at - words * 8 - b->nr_aux * sizeof(b->aux[0])) & ~15ull;
	b->at += words * 8 + b->nr_aux * sizeof(b->aux[0]);
	where->auxv_end = b->at;
	where->auxv_start = push(b, b->aux, b->nr_aux * sizeof(b->aux[0]));
	push(b, pointers, words * 8);
	return 0;
}

int stack_build(struct mm *mm, const struct image *image, const struct layout *layout,
		gva_t vdso, const char *name, const char *const *argv,
		const char *const *envp, gva_t *rsp, struct mv_error *err)
{
	uint64_t words = 3 + count(argv) + count(envp), size;
	struct build b = { .top = layout->stack_top,
			   .skip = layout->stack_skip,
			   .at = layout->stack_top };
	uint64_t *pointers = calloc(words, sizeof(*pointers));
	int ret;

	size = strings_size(argv) + strings_size(envp) + strlen(name) + words * 8;
	if (size > ARGS_MAX) {
		free(pointers);
		return mv_fail(err, E2BIG,
			       "%s: arguments and environment take %lu bytes; %llu are "
			       "allowed",
			       name, size, ARGS_MAX);
	}
	if (vdso) /* ARCH_DLINFO comes first */
		aux(&b, AT_SYSINFO_EHDR, vdso);
	b.size = page_align(size + sizeof(b.aux) + 128 + b.skip);
	b.buf = calloc(1, b.size);
	ret = b.buf && pointers ? build(&b, image, name, argv, envp, pointers, &mm->args)
				: -ENOMEM;
	if (!ret)
		ret = mm_map_stack(mm, b.top, b.size + STACK_EXPAND);
	if (!ret && mm_copy_to(mm, b.at, hva_of(&b, b.at), b.top - b.at))
		ret = -ENOMEM;
	*rsp = b.at;
	free(b.buf);
	free(pointers);
	return ret ? mv_fail(err, -ret, "%s: its stack: %s", name, strerrordesc_np(-ret))
		   : 0;
}
