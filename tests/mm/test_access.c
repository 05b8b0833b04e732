/* SPDX-License-Identifier: MIT */
/* test_access.c: the VMM's own reads and writes of a payload's memory, and where they end. */
#include "tests/mm/space.h"

#define GIB (1ull << 30)
#define AT 0x40000000ull

Test(access, copies_cross_pages_and_end_at_a_hole)
{
	char in[3 * PAGE_SIZE], out[3 * PAGE_SIZE];
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, AT, 2 * PAGE_SIZE, RW, ANON);
	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7 + i / PAGE_SIZE);
	cr_assert_eq(mm_copy_to(&s.mm, AT + 100, in, sizeof(in)), PAGE_SIZE + 100);
	cr_assert_eq(mm_copy_from(&s.mm, out, AT + 100, sizeof(out)), PAGE_SIZE + 100);
	cr_assert_arr_eq(out, in, 2 * PAGE_SIZE - 100);
	cr_assert_eq(mm_copy_from(&s.mm, out, AT - 1, 2), 2, "nothing after a first hole");
	cr_assert_eq(mm_copy_from(&s.mm, out, UINT64_MAX - 3, 8), 8);
	cr_assert_eq(mm_copy_from(&s.mm, out, MV_TASK_SIZE, 1), 1);
	space_destroy(&s);
}

Test(access, copies_have_the_payloads_rights_only)
{
	struct space s;
	char c = 1;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, AT, PAGE_SIZE, PROT_NONE, ANON);
	map(&s, AT + PAGE_SIZE, PAGE_SIZE, PROT_READ, ANON);
	cr_assert_eq(mm_copy_from(&s.mm, &c, AT, 1), 1);
	cr_assert_eq(mm_copy_to(&s.mm, AT, &c, 1), 1);
	cr_assert_eq(mm_copy_from(&s.mm, &c, AT + PAGE_SIZE, 1), 0);
	cr_assert_eq(mm_copy_to(&s.mm, AT + PAGE_SIZE, &c, 1), 1);
	space_destroy(&s);
}

Test(access, a_string_needs_nothing_behind_its_nul)
{
	char buf[64];
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, AT, PAGE_SIZE, RW, ANON);
	cr_assert_eq(mm_copy_to(&s.mm, AT + PAGE_SIZE - 4, "abc", 4), 0);
	cr_assert_eq(mm_copy_string(&s.mm, buf, AT + PAGE_SIZE - 4, sizeof(buf)), 3);
	cr_assert_str_eq(buf, "abc");
	cr_assert_eq(mm_copy_string(&s.mm, buf, AT + PAGE_SIZE - 4, 4), 3);
	cr_assert_eq(mm_copy_string(&s.mm, buf, AT + PAGE_SIZE - 4, 3), -ENAMETOOLONG);
	cr_assert_eq(mm_copy_to(&s.mm, AT + PAGE_SIZE - 4, "abcd", 4), 0);
	cr_assert_eq(mm_copy_string(&s.mm, buf, AT + PAGE_SIZE - 4, sizeof(buf)), -EFAULT);
	space_destroy(&s);
}

Test(access, an_iovec_covers_what_is_accessible_in_at_most_max_pieces)
{
	struct iovec iov[8];
	struct space s;
	uint64_t sum = 0;
	int nr;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, AT, 3 * PAGE_SIZE, RW, ANON);
	for (int i = 2; i >= 0; i--) /* descending: frames don't adjoin */
		touch(&s, AT + (unsigned)i * PAGE_SIZE, MV_WRITE);
	cr_assert_eq(mm_iovec(&s.mm, AT + 10, 5 * PAGE_SIZE, MV_READ, iov, 8, &nr),
		     (long)(3 * PAGE_SIZE - 10));
	for (int i = 0; i < nr; i++)
		sum += iov[i].iov_len;
	cr_assert_eq(sum, 3 * PAGE_SIZE - 10);
	cr_assert_eq(mm_iovec(&s.mm, AT + 10, 3 * PAGE_SIZE, MV_READ, iov, 1, &nr),
		     (long)(PAGE_SIZE - 10));
	cr_assert_eq(nr, 1);
	cr_assert_eq(mm_iovec(&s.mm, AT - PAGE_SIZE, 5, MV_READ, iov, 8, &nr), -EFAULT);
	cr_assert_eq(mm_iovec(&s.mm, AT, 0, MV_READ, iov, 8, &nr), 0);
	space_destroy(&s);
}

Test(access, a_peek_reads_without_a_trace)
{
	struct mm_counters before;
	char out[2 * PAGE_SIZE];
	struct object *obj;
	struct space s;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	map(&s, AT, PAGE_SIZE, PROT_NONE, ANON);
	obj = file_object(&s, 2, false, &fd);
	gva = map_file(&s, obj, 2 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE);
	before = s.mm.count;
	cr_assert_eq(mm_peek(&s.mm, out, AT, 1), 0);
	cr_assert_eq(out[0], 0);
	cr_assert_eq(mm_peek(&s.mm, out, gva + PAGE_SIZE - 1, 2), 0);
	cr_assert(out[0] == 'a' && out[1] == 'b');
	cr_assert_eq(mm_peek(&s.mm, out, AT + PAGE_SIZE - 1, 2), 1);
	cr_assert_arr_eq(&s.mm.count, &before, sizeof(before));
	cr_assert_eq(entry(&s, gva), 0);
	cr_assert_eq(s.phys.reserved, 0);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(access, a_poke_copies_a_read_only_private_page_and_refuses_a_shared_one)
{
	struct object *obj;
	struct space s;
	gva_t priv, shared;
	char c = 0;
	int fd;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	obj = file_object(&s, 2, true, &fd);
	priv = map_file(&s, obj, 2 * PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	shared = map_file(&s, obj, 2 * PAGE_SIZE, PROT_READ, MAP_SHARED);
	cr_assert_eq(mm_poke(&s.mm, priv + PAGE_SIZE - 1, "xy", 2), 0);
	cr_assert_eq(mm_poke(&s.mm, shared, "z", 1), 1);
	cr_assert(pread(fd, &c, 1, PAGE_SIZE) == 1 && c == 'b', "the file has it");
	cr_assert(!mm_copy_from(&s.mm, &c, priv + PAGE_SIZE, 1) && c == 'y');
	for (unsigned i = 0; i < 2; i++)
		cr_assert(!(entry(&s, priv + i * PAGE_SIZE) & PTE_W), "page %u", i);
	assert_fatal(mm_fault(&s.mm, priv, MV_WRITE), SIGSEGV, SEGV_ACCERR);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(access, a_poke_into_memory_without_access_leaves_no_entry)
{
	struct space s;
	char c = 0;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	map(&s, AT, 32 * PAGE_SIZE, PROT_NONE, ANON);
	cr_assert_eq(mm_poke(&s.mm, AT + 5, "k", 1), 0);
	for (unsigned i = 0; i < 32; i++)
		cr_assert_eq(entry(&s, AT + i * PAGE_SIZE), 0, "page %u", i);
	cr_assert(!mm_peek(&s.mm, &c, AT + 5, 1) && c == 'k');
	space_destroy(&s);
}

Test(access, a_file_cut_under_its_mapping_gives_a_short_count_and_no_signal)
{
	char out[3 * PAGE_SIZE];
	struct object *obj;
	struct space s;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	obj = file_object(&s, 3, true, &fd);
	gva = map_file(&s, obj, 3 * PAGE_SIZE, RW, MAP_SHARED);
	cr_assert_eq(mm_copy_from(&s.mm, out, gva, sizeof(out)), 0);
	cr_assert(!ftruncate(fd, PAGE_SIZE));
	cr_assert_eq(mm_copy_from(&s.mm, out, gva, sizeof(out)), 2 * PAGE_SIZE);
	cr_assert_eq(mm_copy_to(&s.mm, gva, out, sizeof(out)), 2 * PAGE_SIZE);
	cr_assert_eq(mm_peek(&s.mm, out, gva, sizeof(out)), 2 * PAGE_SIZE);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}
