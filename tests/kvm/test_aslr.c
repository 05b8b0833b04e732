/* SPDX-License-Identifier: MIT */
/* test_aslr.c: where things lie with mv_options.aslr, and without. */
#include "tests/kvm/program.h"

#define LIMIT .timeout = 60
#define RUNS 8
#define GIB (1ull << 30)

/* Where a program's parts were found at its end. */
struct parts {
	uint64_t code, heap, mapped, stack;
};

/* A dynamic program's interpreter, args-pie, is what mmap placed first. */
static struct parts parts_of(const char *path, bool aslr)
{
	const struct mv_grant grant = { payload_path(""), false };
	const char *argv[] = { path, NULL };
	struct mv_error err = { 0 };
	struct parts parts = { 0 };
	struct sandbox s;
	struct mv_vma v;

	sandbox_init(&s);
	s.opt.aslr = aslr;
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	cr_assert(!mv_load(s.vm, path, argv, argv + 1, &err), "%s", err.text);
	sandbox_run(&s);
	cr_assert_eq(s.end.kind, MV_EXIT_STATUS);
	for (uint64_t at = 0; !mv_vma(s.vm, at, &v); at = v.end) {
		if (!parts.code)
			parts.code = v.start;
		if (!strcmp(v.name, "[heap]"))
			parts.heap = v.start;
		else if (!strcmp(v.name, "[stack]"))
			parts.stack = v.end;
		else if (strstr(v.name, "/args-pie"))
			parts.mapped = v.end;
	}
	sandbox_close(&s);
	return parts;
}

Test(aslr, without_it_all_lies_where_linux_puts_it_without_randomisation, LIMIT)
{
	struct parts p;

	REQUIRE_KVM();
	p = parts_of(program_path("hello-glibc-pie"), false);
	cr_expect_eq(p.code, 0x555555554000);
	cr_expect_eq(p.stack, 0x7ffffffff000);
	p = parts_of(program_path("hello-glibc"), false);
	cr_expect_eq(p.code, 0x400000);
	cr_expect_eq(p.stack, 0x7ffffffff000);
}

/*
 * arch/x86/mm/mmap.c: 28 bits of pages for a PIE and for mappings, 22 for the stack, and a GiB for the heap.
 * That none of so many runs sets a high bit is as good as impossible.
 */
Test(aslr, with_it_as_many_bits_change_as_linux_changes, LIMIT)
{
	const uint64_t base = 0x555555554000, top = 0x7ffffffff000;
	uint64_t code = 0, stack = 0, heap = 0, same_code = ~0ull;
	struct parts p;

	REQUIRE_KVM();
	for (unsigned i = 0; i < RUNS; i++) {
		p = parts_of(program_path("hello-glibc-pie"), true);
		cr_expect(p.code >= base && p.code < base + (1ull << 40), "%lx", p.code);
		cr_expect(p.stack <= top && p.stack > top - (16 * GIB), "%lx", p.stack);
		cr_expect(p.heap > p.code && p.heap < p.code + GIB + (2ull << 20), "%lx",
			  p.heap);
		code |= p.code - base;
		same_code &= p.code - base;
		stack |= top - p.stack;
		heap |= p.heap - p.code;
	}
	cr_expect_neq(code, same_code, "%d runs at one address", RUNS);
	cr_expect_gt(code, 1ull << 36);
	cr_expect_gt(stack, 1ull << 30);
	cr_expect_gt(heap, 1ull << 26);
}

Test(aslr, mappings_begin_below_the_stack_at_random, LIMIT)
{
	const uint64_t top = 0x7ffffffff000 - (16 * GIB);
	uint64_t first = 0;
	bool differ = false;
	struct parts p;

	REQUIRE_KVM();
	for (unsigned i = 0; i < RUNS; i++) {
		p = parts_of(program_path("interpreted-fixed"), true);
		cr_expect(p.mapped < top && p.mapped > top - (1ull << 41), "%lx", p.mapped);
		differ |= first && p.mapped != first;
		first = p.mapped;
	}
	cr_expect(differ);
}

Test(aslr, programs_run_as_they_do_natively_wherever_they_lie, LIMIT)
{
	static const char *const names[] = { "hello-glibc", "hello-glibc-pie",
					     "hello-musl" };

	REQUIRE_KVM();
	for (unsigned i = 0; i < 4 * 3; i++) {
		const char *argv[] = { program_path(names[i % 3]), "one", NULL };
		struct sandbox s;

		sandbox_init(&s);
		s.opt.aslr = true;
		sandbox_as_native(&s, argv);
	}
}
