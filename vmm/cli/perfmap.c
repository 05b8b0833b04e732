/* SPDX-License-Identifier: MIT */
/*
 * perfmap.c: --perf-map shows perf where the payload's code lies, so that its samples of the guest
 * get names.
 *
 * KVM tells perf the guest's rip, but nobody tells it what is mapped there. `perf kvm --guest-code` looks that
 * up in the maps of the process that runs the guest (findnew_guest_code() of tools/perf/util/machine.c): it
 * was made for test programs whose guest has the addresses of its host. So we map the program's code
 * at the payload's addresses ourselves, which the kernel tells perf of (PERF_RECORD_MMAP2), and unmap
 * it at once, which it does not: hostile code isn't left where the VMM could jump to it, and is
 * never touched.
 *
 * It has to be done before any guest code runs, and mv_open() tries an instruction: perf takes
 * the maps as they are at its first sample of the guest.
 */
#include "vmm/cli/perfmap.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <mapvisor/guest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_OFFSET ((uint64_t)MV_PAGE_SIZE - 1)

/* A segment of code at the payload's addresses. 0, or -errno: EEXIST where we have memory of our own. */
static int show(const Elf64_Phdr *p, uint64_t bias, int fd)
{
	void *at = (void *)((p->p_vaddr + bias) & ~PAGE_OFFSET), *found;
	size_t len = p->p_filesz + (p->p_vaddr & PAGE_OFFSET);

	found = mmap(at, len, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd,
		     (off_t)(p->p_offset & ~PAGE_OFFSET));
	if (found == MAP_FAILED)
		return -errno;
	munmap(found, len);
	return found == at ? 0 : -EEXIST;
}

static bool is_code(const Elf64_Phdr *p)
{
	return p->p_type == PT_LOAD && p->p_flags & PF_X && p->p_filesz;
}

/* What is to be added to a program's addresses: see load() of vmm/vm/elf.c. */
static uint64_t bias_of(const Elf64_Ehdr *ehdr, const Elf64_Phdr *phdrs)
{
	uint64_t align = MV_PAGE_SIZE;

	if (ehdr->e_type != ET_DYN)
		return 0;
	for (int i = 0; i < ehdr->e_phnum; i++)
		if (phdrs[i].p_type == PT_LOAD && phdrs[i].p_align > align)
			align = phdrs[i].p_align;
	return MV_DYN_BASE & ~(align - 1);
}

static bool show_all(struct session *s, const Elf64_Ehdr *ehdr, const Elf64_Phdr *phdrs,
		     int fd)
{
	const uint64_t bias = bias_of(ehdr, phdrs);

	for (int i = 0; i < ehdr->e_phnum; i++) {
		const Elf64_Phdr *p = &phdrs[i];
		const int err = is_code(p) ? show(p, bias, fd) : 0;

		if (err)
			return session_fail(s, STATUS_FAILED,
					    "--perf-map: %s: its code at 0x%lx: %s",
					    s->opt.argv[0], p->p_vaddr + bias,
					    err == -EEXIST
						    ? "mapvisor itself has memory there, "
						      "and perf can't tell them apart"
						    : strerror(-err));
	}
	return true;
}

/* NULL: what it is instead of a program is for mv_load() to say. */
static Elf64_Phdr *read_headers(int fd, Elf64_Ehdr *ehdr)
{
	Elf64_Phdr *phdrs;
	size_t size;

	if (pread(fd, ehdr, sizeof(*ehdr), 0) != sizeof(*ehdr) ||
	    memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr->e_phentsize != sizeof(*phdrs))
		return NULL;
	size = ehdr->e_phnum * sizeof(*phdrs);
	phdrs = malloc(size);
	if (phdrs && pread(fd, phdrs, size, (off_t)ehdr->e_phoff) == (ssize_t)size)
		return phdrs;
	free(phdrs);
	return NULL;
}

bool perfmap_show(struct session *s)
{
	int fd = open(s->opt.argv[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	Elf64_Phdr *phdrs;
	Elf64_Ehdr ehdr;
	bool ok;

	if (fd < 0)
		return true;
	phdrs = read_headers(fd, &ehdr);
	ok = !phdrs || show_all(s, &ehdr, phdrs, fd);
	free(phdrs);
	close(fd);
	return ok;
}
