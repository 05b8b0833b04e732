/* SPDX-License-Identifier: MIT */
/* test_record.c: what a test can say of single faults, with criterion.h's record. */
#include "tests/kvm/sandbox.h"
#include "tests/lib/require_kvm.h"

TestSuite(record, .timeout = 60);

/* The program's 8 bytes behind a symbol. */
static uint64_t pointer(struct mv_vm *vm, const char *symbol)
{
	uint64_t gva, value;

	cr_assert(!mv_symbol(vm, symbol, &gva, NULL));
	cr_assert(!mv_read(vm, gva, &value, sizeof(value), NULL));
	return value;
}

/* cow of `size` bytes, a page a fault, and what it did to its private view. */
static uint64_t record_cow(struct sandbox *s, struct mv_record *r, off_t size)
{
	char path[] = "/tmp/mapvisor-record-XXXXXX";
	int fd = mkstemp(path);
	struct mv_grant grant = { path, false };

	cr_assert(fd >= 0 && !ftruncate(fd, size));
	s->opt.fault_around = MV_PAGE_SIZE;
	s->opt.grants = &grant;
	s->opt.ngrants = 1;
	sandbox_load(s, (const char *[]){ "cow", path, NULL });
	mv_record(r, s->vm);
	sandbox_run(s);
	mv_record_end(s->vm);
	unlink(path);
	close(fd);
	mv_assert_exited(&s->end, 0);
	return pointer(s->vm, "private_view");
}

Test(record, this_loop_took_one_write_protect_fault_at_this_address_and_made_one_pte_table)
{
	struct mv_record r;
	struct sandbox s;
	uint64_t view, other;

	REQUIRE_KVM();
	sandbox_init(&s);
	view = record_cow(&s, &r, MV_PAGE_SIZE);
	other = pointer(s.vm, "shared_view");
	cr_assert_eq(other, view - MV_PAGE_SIZE); /* as mmap places them: in one table */
	/* it reads both views, then writes the first byte of its own */
	mv_assert_recorded(&r, MV_FAULT_READ, view, view + MV_PAGE_SIZE, 1);
	mv_assert_recorded(&r, MV_FAULT_WP, view, view + 1, 1);
	mv_assert_recorded(&r, MV_FAULT_WP, 0, UINT64_MAX, 1);
	mv_assert_tables_made(&r, 1, other, view + MV_PAGE_SIZE, 1);
	mv_record_free(&r);
	sandbox_close(&s);
}

/* mmap's space ends a page below 2 MiB: the view has 511 pages there, and 2 in the 2 MiB below. */
Test(record, a_loop_over_2_mib_and_a_page_makes_two_pte_tables)
{
	const uint64_t size = 513ull * MV_PAGE_SIZE;
	struct mv_record r;
	struct sandbox s;
	uint64_t view;

	REQUIRE_KVM();
	sandbox_init(&s);
	view = record_cow(&s, &r, (off_t)size);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the text of a failure ends with the test */
	mv_assert_recorded(&r, MV_FAULT_WP, view, view + size, 513);
	mv_assert_tables_made(&r, 1, view, view + size, 2);
	mv_record_free(&r);
	sandbox_close(&s);
}

Test(record, a_count_that_differs_is_told_with_the_faults_there)
{
	struct mv_event_fault faults[] = {
		{ .gva = 0x1000, .rip = 0x401000, .kind = MV_FAULT_WP },
		{ .gva = 0x2000,
		  .rip = 0x401004,
		  .kind = MV_FAULT_ANON,
		  .made = { 0, 0, 1, 1 } },
	};
	const struct mv_record r = { .faults = faults, .nr = 2 };
	char *text = mv_record_text(&r, 0x1000, 0x2000, "anonymous", 1,
				    mv_record_faults(&r, MV_FAULT_ANON, 0x1000, 0x2000));

	cr_assert_str_eq(text,
			 "0x1000-0x2000: expected 1 anonymous, found 0; faults there:\n"
			 "  0x1000 write-protect, from 0x401000\n");
	free(text);
	cr_assert_eq(mv_record_tables(&r, 2, 0x1000, 0x2001), 1);
	cr_assert_eq(mv_record_tables(&r, 1, 0x1000, 0x2000), 0);
}
