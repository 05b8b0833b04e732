/* SPDX-License-Identifier: MIT */
/*
 * test_perfmap.c: --perf-map, by what the kernel tells of the process: perf itself, and its rights, are
 * not needed.
 */
#include <elf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_perfmap, .timeout = TEST_SECONDS, .init = make_tempdir,
	  .fini = remove_tempdir);

#define RING_PAGES 16

/* perf_event_open(2): PERF_RECORD_MMAP2, without the sample_id that wasn't asked for. */
struct mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint64_t file[3]; /* what the file is, in one of two ways */
	uint32_t prot, flags;
	char filename[];
};

/* Hear of all mappings of a process's code from its execve() on. -1: not allowed. */
static int listen_to(pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.mmap = 1,
		.mmap2 = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static _Noreturn void become_when_told(int told, const char *const *argv)
{
	char byte;

	if (read(told, &byte, 1) != 1)
		_exit(78);
	alarm(CHILD_SECONDS);
	execv(argv[0], (char **)argv);
	_exit(79);
}

/* The records of mappings that a run of argv caused. False: the kernel won't tell. */
static bool watch(const char *const *argv, void **ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int told[2], fd, status;
	pid_t pid;

	cr_assert_eq(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
		become_when_told(told[0], argv);
	fd = listen_to(pid);
	if (fd >= 0)
		*ring = mmap(NULL, (1 + RING_PAGES) * page, PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, 0);
	cr_assert_eq(write(told[1], "", 1), 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	return fd >= 0 && *ring != MAP_FAILED;
}

/* The record of the file whose path ends so, mapped at addr; NULL: none. */
static const struct mmap2 *find(void *ring, const char *file, uint64_t addr)
{
	const struct perf_event_mmap_page *head = ring;
	const char *data = (const char *)ring + head->data_offset;

	cr_assert_lt(head->data_head, head->data_size, "the ring was too small");
	for (uint64_t at = 0; at < head->data_head;) {
		const struct mmap2 *m = (const struct mmap2 *)(data + at);
		const char *name = strrchr(m->filename, '/');

		if (m->header.type == PERF_RECORD_MMAP2 && m->addr == addr && name &&
		    !strcmp(name + 1, file))
			return m;
		at += m->header.size;
	}
	return NULL;
}

/* walkme's code, as GUEST_LINK has the linker lay it out: behind a page of headers. */
#define CODE 0x401000
/* ... and a static-PIE's; Linux without randomisation puts it there, too. */
#define PIE_CODE 0x555555555000

static void assert_shown(const char *name, uint64_t code)
{
	const char *argv[] = { mapvisor_path(), "run", "--perf-map", payload(name), NULL };
	const struct mmap2 *m;
	void *ring = NULL;

	if (!watch(argv, &ring))
		SKIP("the kernel refuses perf_event_open()");
	m = find(ring, name, code);
	cr_assert_not_null(m);
	cr_assert_eq(m->pgoff, 0x1000);
	cr_assert_eq(m->prot, (unsigned)(PROT_READ | PROT_EXEC));
}

Test(cli_perfmap, tells_the_kernel_what_code_lies_at_the_payloads_addresses)
{
	REQUIRE_KVM();
	assert_shown("walkme", CODE);
}

Test(cli_perfmap, tells_the_kernel_where_a_static_pie_lies)
{
	REQUIRE_KVM();
	assert_shown("walkme-pie", PIE_CODE);
}

Test(cli_perfmap, what_is_no_program_is_refused_as_without_it)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--perf-map", "/no/such");
	assert_error(&o, 127, "/no/such");
	mapvisor(&o, "run", "--perf-map", temp_file("text", "text", 4, 0700));
	assert_error(&o, 126, "not an ELF file");
}

Test(cli_perfmap, nothing_of_the_payload_is_mapped_without_it)
{
	const char *argv[] = { mapvisor_path(), "run", payload("walkme"), NULL };
	void *ring = NULL;

	REQUIRE_KVM();
	if (!watch(argv, &ring))
		SKIP("the kernel refuses perf_event_open()");
	cr_assert_null(find(ring, "walkme", CODE));
}

/* The first segment's address of mapvisor; 0 where the kernel chooses it. */
static uint64_t own_address(void)
{
	int fd = open(mapvisor_path(), O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr head;
	Elf64_Phdr first;

	cr_assert_eq(pread(fd, &head, sizeof(head), 0), (ssize_t)sizeof(head));
	cr_assert_eq(pread(fd, &first, sizeof(first), (off_t)head.e_phoff),
		     (ssize_t)sizeof(first));
	close(fd);
	return head.e_type == ET_EXEC ? first.p_vaddr : 0;
}

Test(cli_perfmap, code_where_mapvisor_lies_itself_is_refused_and_why)
{
	const uint64_t at = own_address();
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment;
		unsigned char code[9];
	} image = {
		.head = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				       ELFDATA2LSB, EV_CURRENT },
			  .e_type = ET_EXEC,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_entry = at + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
			  .e_phoff = sizeof(Elf64_Ehdr),
			  .e_ehsize = sizeof(Elf64_Ehdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1 },
		.segment = { .p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_vaddr = at,
			     .p_filesz = sizeof(image),
			     .p_memsz = sizeof(image),
			     .p_align = 0x1000 },
		/* xor %edi,%edi; mov $60,%eax; syscall: exit(0) */
		.code = { 0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05 },
	};
	struct outcome o;
	const char *path;

	REQUIRE_KVM();
	if (!at)
		SKIP("the kernel chooses where mapvisor lies");
	path = temp_file("there", &image, sizeof(image), 0700);
	mapvisor(&o, "run", path);
	assert_status(&o, 0);
	mapvisor(&o, "run", "--perf-map", path);
	assert_error(&o, 125, "--perf-map", "mapvisor itself");
}
