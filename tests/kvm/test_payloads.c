/* SPDX-License-Identifier: MIT */
/* test_payloads.c: payloads under KVM, and what guest memory holds afterwards, byte by byte. */
#include <limits.h>
#include <sys/stat.h>

#include "tests/kvm/sandbox.h"

#define LIMIT .timeout = 60

Test(payloads, hello_writes_its_greeting_and_exits_with_0, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "hello");
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, "hello, world\n");
	mv_assert_mem_eq(s.vm, symbol(&s, "greeting"), "hello, world\n", 13);
	sandbox_close(&s);
}

Test(payloads, marker_bytes_stand_at_their_symbols, LIMIT)
{
	static const unsigned char want[64] =
		"mapvisor: these bytes stand at marker, counting:"
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
	unsigned char read[64];
	struct sandbox s;
	struct mv_walk w;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "walkme");
	mv_assert_exited(&s.end, 0);
	mv_assert_mem_eq(s.vm, symbol(&s, "marker"), want, 64);
	mv_assert_mem_is(s.vm, symbol(&s, "marker_bss"), 0xa5, MV_PAGE_SIZE);
	mv_assert_entry(s.vm, symbol(&s, "marker"), MV_READ | MV_WRITE);
	mv_assert_entry(s.vm, symbol(&s, "marker_ro"), MV_READ);
	mv_assert_prot(s.vm, symbol(&s, "marker_ro"), MV_READ);
	mv_assert_other_frame(s.vm, symbol(&s, "marker"), symbol(&s, "marker_bss"));
	cr_assert(!mv_walk(s.vm, symbol(&s, "marker"), &w));
	cr_assert(!mv_read_gpa(s.vm, w.gpa, read, 64));
	cr_assert(!memcmp(read, want, 64), "the frame the walk leads to holds other bytes");
	sandbox_close(&s);
}

Test(payloads, anon_pages_hold_their_pattern_in_every_mode, LIMIT)
{
	static const uint64_t around[] = { 4096, 65536, 2 << 20 };
	const uint64_t pattern = 0x726f73697670616dull; /* "mapvisor" in memory */

	REQUIRE_KVM();
	for (int mode = 0; mode < 9; mode++) {
		struct sandbox s;
		uint64_t region;

		sandbox_init(&s);
		s.opt.fault_around = around[mode % 3];
		s.opt.thp = (enum mv_thp)(mode / 3);
		sandbox_do(&s, "anon", "16M");
		mv_assert_exited(&s.end, 0);
		region = global(&s, "region");
		for (uint64_t i = 0; i < 4096; i++) {
			uint64_t word = i ^ pattern;

			mv_assert_mem_eq(s.vm, region + i * MV_PAGE_SIZE, &word, 8);
		}
		sandbox_close(&s);
	}
}

Test(payloads, sparse_costs_the_tables_that_arithmetic_says, LIMIT)
{
	struct sandbox s, none;
	struct mv_counters c, base;

	REQUIRE_KVM();
	sandbox_init(&none);
	sandbox_do(&none, "hello");
	base = counters(&none);
	sandbox_init(&s);
	sandbox_do(&s, "sparse");
	mv_assert_exited(&s.end, 0);
	c = counters(&s);
	cr_assert_eq(c.tables[1] - base.tables[1], global(&s, "expected_pte_tables"));
	cr_assert_eq(c.tables[2] - base.tables[2], global(&s, "expected_pmd_tables"));
	/* its pgd entry 0 is the image's, too */
	cr_assert_eq(c.tables[3] - base.tables[3], global(&s, "expected_pud_tables") - 1);
	cr_assert_eq(c.tables[4], 1);
	sandbox_close(&s);
	sandbox_close(&none);
}

Test(payloads, shared_edits_the_host_file_in_place, LIMIT)
{
	const char before[] = "Some Letters, 123\n", after[] = "SOME LETTERS, 123\n";
	char path[PATH_MAX];
	struct mv_grant grant = { path, true };
	struct sandbox s;

	REQUIRE_KVM();
	make_file(path, before, sizeof(before) - 1);
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, "shared", path);
	mv_assert_exited(&s.end, 0);
	assert_file_eq(path, after, sizeof(after) - 1);
	sandbox_close(&s);
	unlink(path);
}

Test(payloads, a_read_only_grant_is_never_written, LIMIT)
{
	char path[PATH_MAX];
	struct mv_grant grant = { path, false };
	struct sandbox s;

	REQUIRE_KVM();
	make_file(path, "abc", 3);
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, "shared", path);
	mv_assert_exited(&s.end, 1);
	cr_assert(strstr(s.text, "errno 13"), "%s", s.text);
	assert_file_eq(path, "abc", 3);
	sandbox_close(&s);
	unlink(path);
}

Test(payloads, a_private_write_leaves_file_and_other_view_alone, LIMIT)
{
	static char bytes[3 * MV_PAGE_SIZE];
	char path[PATH_MAX];
	struct mv_grant grant = { path, false };
	struct sandbox s;
	uint64_t shared, private;

	REQUIRE_KVM();
	memset(bytes, 'x', sizeof(bytes));
	make_file(path, bytes, sizeof(bytes));
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, "cow", path);
	mv_assert_exited(&s.end, 0);
	cr_assert_eq(global(&s, "pages_copied"), 3);
	shared = global(&s, "shared_view");
	private = global(&s, "private_view");
	mv_assert_mem_eq(s.vm, shared, bytes, sizeof(bytes));
	mv_assert_mem_eq(s.vm, private + 1, bytes + 1, MV_PAGE_SIZE - 1);
	mv_assert_other_frame(s.vm, shared, private);
	assert_file_eq(path, bytes, sizeof(bytes));
	sandbox_close(&s);
	unlink(path);
}

Test(payloads, grow_leaves_a_heap_vma_that_ends_at_the_break, LIMIT)
{
	struct sandbox s;
	struct mv_vma v;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "grow", "1M");
	mv_assert_exited(&s.end, 0);
	cr_assert(!mv_vma(s.vm, global(&s, "heap"), &v));
	cr_assert_str_eq(v.name, "[heap]");
	cr_assert_eq(v.end - global(&s, "heap"), global(&s, "heap_size"));
	sandbox_close(&s);
}

Test(payloads, every_change_of_a_mapping_is_seen_in_every_mode, LIMIT)
{
	static const uint64_t around[] = { 4096, 65536, 2 << 20 };

	REQUIRE_KVM();
	for (int mode = 0; mode < 9; mode++) {
		struct sandbox s;

		sandbox_init(&s);
		s.opt.fault_around = around[mode % 3];
		s.opt.thp = (enum mv_thp)(mode / 3);
		sandbox_do(&s, "protect");
		mv_assert_exited(&s.end, 0);
		sandbox_close(&s);
	}
}

/* What each way to die has to say. */
static void dies(const char *way, int signal, int code, const char *symbol_name,
		 unsigned access)
{
	struct sandbox s;
	char name[256] = "";

	sandbox_init(&s);
	sandbox_do(&s, "segv", way);
	mv_assert_signal(&s.end, signal, code,
			 code == SI_KERNEL ? 0 : global(&s, "fault_address"));
	cr_assert_eq(s.end.status, 128 + signal);
	cr_assert_eq(s.end.access, access);
	if (symbol_name) {
		cr_assert(!mv_symbol_at(s.vm, s.end.rip, name, sizeof(name)));
		cr_assert(!strncmp(name, symbol_name, strlen(symbol_name)), "%s", name);
	}
	sandbox_close(&s);
}

Test(fatal, a_null_read_is_maperr, LIMIT)
{
	REQUIRE_KVM();
	dies("null", SIGSEGV, SEGV_MAPERR, "read_null", MV_READ);
}

Test(fatal, a_write_to_nothing_is_maperr, LIMIT)
{
	REQUIRE_KVM();
	dies("write", SIGSEGV, SEGV_MAPERR, "write_unmapped", MV_WRITE);
}

Test(fatal, a_jump_to_nothing_is_maperr, LIMIT)
{
	REQUIRE_KVM();
	dies("exec", SIGSEGV, SEGV_MAPERR, NULL, MV_EXEC);
}

Test(fatal, a_write_to_a_read_only_page_is_accerr, LIMIT)
{
	REQUIRE_KVM();
	dies("prot", SIGSEGV, SEGV_ACCERR, "write_readonly", MV_WRITE);
}

Test(fatal, the_monitor_cannot_be_read, LIMIT)
{
	REQUIRE_KVM();
	dies("kernel", SIGSEGV, SEGV_MAPERR, "read_kernel", MV_READ);
}

Test(fatal, a_non_canonical_address_is_a_general_protection_fault, LIMIT)
{
	REQUIRE_KVM();
	dies("noncanonical", SIGSEGV, SI_KERNEL, "read_noncanonical", 0);
}

Test(fatal, endless_recursion_ends_at_the_stack_limit, LIMIT)
{
	struct sandbox s;
	struct mv_vma v;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "segv", "stack");
	cr_assert_eq(s.end.status, 128 + SIGSEGV);
	cr_assert_eq(s.end.code, SEGV_MAPERR);
	cr_assert(!mv_vma(s.vm, s.end.addr, &v));
	cr_assert_str_eq(v.name, "[stack]");
	cr_assert_eq(v.end - v.start, 8u << 20, "RLIMIT_STACK's 8 MiB");
	sandbox_close(&s);
}

Test(fatal, a_read_behind_the_end_of_the_file_is_sigbus, LIMIT)
{
	char path[PATH_MAX];
	struct mv_grant grant = { path, false };
	struct sandbox s;

	REQUIRE_KVM();
	make_file(path, "0123456789", 10);
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, "bus", path);
	mv_assert_signal(&s.end, SIGBUS, BUS_ADRERR, global(&s, "fault_address"));
	cr_assert_eq(s.end.status, 135);
	sandbox_close(&s);
	unlink(path);
}

/* The words of the pages that hugetlb left, by leaves of 2 MiB; its first one is unmapped. */
static void assert_huge_pages(struct sandbox *s, uint64_t base)
{
	const uint64_t pattern = 0x726f73697670616dull, huge = 2 << 20;
	struct mv_vma v;
	struct mv_walk w;

	cr_assert(!mv_vma(s->vm, base + huge, &v));
	cr_assert_eq(v.start, base + huge);
	cr_assert_str_eq(v.name, "/anon_hugepage (deleted)");
	cr_assert(v.hugetlb && v.huge == v.end - v.start);
	for (uint64_t i = huge; i < 4 * huge; i += MV_PAGE_SIZE) {
		uint64_t word = i ^ pattern;

		mv_assert_mem_eq(s->vm, base + i, &word, 8);
		cr_assert(!mv_walk(s->vm, base + i, &w));
		cr_assert_eq(w.page_size, huge);
		cr_assert_eq(w.access, i < 2 * huge ? MV_READ : MV_READ | MV_WRITE);
	}
}

Test(payloads, hugetlb_memory_lies_under_2_mib_leaves_in_every_mode, LIMIT)
{
	REQUIRE_KVM();
	for (int thp = MV_THP_NEVER; thp <= MV_THP_ALWAYS; thp++) {
		struct sandbox s;

		sandbox_init(&s);
		s.opt.thp = (enum mv_thp)thp;
		sandbox_do(&s, "hugetlb");
		mv_assert_exited(&s.end, 0);
		cr_assert_str_eq(s.text, "8 huge pages\n");
		assert_huge_pages(&s, global(&s, "private"));
		assert_huge_pages(&s, global(&s, "shared"));
		sandbox_close(&s);
	}
}

Test(fatal, a_page_without_prot_exec_is_not_executed, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "noexec");
	mv_assert_signal(&s.end, SIGSEGV, SEGV_ACCERR, global(&s, "page"));
	cr_assert_eq(s.end.access, MV_EXEC);
	sandbox_close(&s);
}

Test(fatal, memory_beyond_the_limit_ends_the_payload_with_137, LIMIT)
{
	struct sandbox s;
	struct mv_counters c;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.mem = 4 << 20;
	sandbox_do(&s, "anon", "64M");
	cr_assert_eq(s.end.kind, MV_EXIT_OOM);
	cr_assert_eq(s.end.status, 137);
	c = counters(&s);
	cr_assert(c.frames * MV_PAGE_SIZE <= 4 << 20);
	sandbox_close(&s);
}
