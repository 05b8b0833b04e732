/* SPDX-License-Identifier: MIT */
/* test_limit.c: the memory limit: exact to the page, what is taken back first, and its end. */
#include "tests/mm/space.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define FILLER 0x200000000ull
#define FILLER_SIZE GIB

/* Anonymous pages from FILLER on, until there are none. How many. */
static unsigned fill(struct space *s)
{
	unsigned n = 0;

	map(s, FILLER, FILLER_SIZE, RW, ANON);
	while (touch(s, FILLER + n * PAGE_SIZE, MV_WRITE).kind != MV_FAULT_FATAL) {
		*byte_at(s, FILLER + n * PAGE_SIZE) = (unsigned char)n;
		n++;
	}
	check(s);
	return n;
}

static void assert_filled(struct space *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(*byte_at(s, FILLER + i * PAGE_SIZE), (unsigned char)i, "%u",
			     i);
}

/* What the host has given memory for, of all arenas but files' windows. */
static uint64_t backed_pages(const struct space *s)
{
	static unsigned char vec[GIB >> PAGE_SHIFT];
	uint64_t n = 0;

	for (const struct arena *a = s->phys.arenas; a; a = a->next) {
		if (a->kind == ARENA_FILE)
			continue;
		cr_assert(!mincore(a->hva, a->size, vec));
		for (uint64_t i = 0; i < a->size >> PAGE_SHIFT; i++)
			n += vec[i] & 1;
	}
	return n;
}

Test(limit, is_exact_to_the_page)
{
	for (unsigned around = 1; around <= 512; around *= 8) {
		struct space s;
		unsigned n;

		space_init(&s, 4 * MIB, around, MV_THP_NEVER);
		n = fill(&s);
		cr_assert_eq(s.phys.charged, s.phys.limit);
		/* a pgd, pud, pmd and two ptes; as many nodes */
		cr_assert_eq(n, 1024 - 10, "%u pages, %u around", n, around);
		assert_filled(&s, n);
		space_destroy(&s);
	}
}

Test(limit, what_the_host_backs_stays_below_it_also_after_tables_were_freed)
{
	struct space s;
	unsigned n;

	space_init(&s, 4 * MIB, 1, MV_THP_NEVER);
	map(&s, 0x40000000, GIB, RW, ANON);
	for (unsigned i = 0; i < 256; i++) {
		touch(&s, 0x40000000 + i * PMD_SIZE, MV_WRITE);
		*byte_at(&s, 0x40000000 + i * PMD_SIZE) = 1;
	}
	cr_assert(!mm_munmap(&s.mm, 0x40000000, GIB));
	cr_assert(backed_pages(&s) > 500,
		  "tables keep their memory as long as there is some");
	n = fill(&s);
	cr_assert_eq(n, 1024 - 10);
	if (!s.phys.stage2)
		cr_assert_leq(backed_pages(&s), 1024);
	space_destroy(&s);
}

/* One fault of each kind at gva, beyond the limit, and once more with room. */
static void starve(struct space *s, gva_t gva, unsigned access, enum mv_fault kind)
{
	unsigned n = fill(s);

	assert_fatal(touch(s, gva, access), SIGKILL, SI_KERNEL);
	check(s);
	assert_filled(s, n);
	cr_assert(!s->mm.oom, "no call was it");
	cr_assert(!mm_munmap(&s->mm, FILLER, FILLER_SIZE));
	assert_fault(touch(s, gva, access), kind);
	check(s);
}

Test(limit, ends_each_kind_of_fault)
{
	struct object *obj;
	struct space s;
	gva_t gva;
	int fd;

	space_init(&s, 2 * MIB, 16, MV_THP_AUTO);
	obj = file_object(&s, 4, true, &fd);
	gva = map(&s, 0x7f0000000000, PAGE_SIZE, RW, ANON);
	starve(&s, gva, MV_WRITE, MV_FAULT_ANON);
	gva = map(&s, 0x6f0000000000, PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS);
	starve(&s, gva, MV_WRITE, MV_FAULT_ANON);
	gva = map_file(&s, obj, 4 * PAGE_SIZE, RW, MAP_PRIVATE);
	starve(&s, gva + PAGE_SIZE, MV_WRITE, MV_FAULT_COW);
	touch(&s, gva, MV_READ);
	starve(&s, gva, MV_WRITE,
	       MV_FAULT_COW); /* the read-only entry went for its table */
	cr_assert(!mm_mlock(&s.mm, gva + 2 * PAGE_SIZE, PAGE_SIZE, 1)); /* MLOCK_ONFAULT */
	touch(&s, gva + 2 * PAGE_SIZE, MV_READ);
	starve(&s, gva + 2 * PAGE_SIZE, MV_WRITE, MV_FAULT_WP);
	cr_assert_eq(mm_mmap(&s.mm, 0x5f0000000000, PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED,
			     obj, true, true, 0),
		     0x5f0000000000);
	starve(&s, 0x5f0000000000, MV_WRITE, MV_FAULT_SHARED);
	/* its table went; the page, which the object owns, did not */
	starve(&s, 0x6f0000000000, MV_READ, MV_FAULT_ANON);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(limit, a_call_that_meets_it_says_so)
{
	struct space s;
	char byte = 1;
	gva_t gva;

	space_init(&s, 2 * MIB, 1, MV_THP_NEVER);
	gva = map(&s, 0x40000000, 4 * MIB, RW, ANON);
	fill(&s);
	cr_assert_eq(mm_poke(&s.mm, gva, &byte, 1), 1);
	cr_assert(!s.mm.oom, "a debugger was it");
	cr_assert_eq(mm_copy_to(&s.mm, gva, &byte, 1), 1);
	cr_assert(s.mm.oom);
	space_destroy(&s);
}

/* A 2 MiB of it costs a table and a node, however little it is used. */
Test(limit, counts_the_vmms_own_memory_for_guards)
{
	struct space s;
	long ret = 0;
	unsigned n = 0;

	space_init(&s, 2 * MIB, 1, MV_THP_NEVER);
	map(&s, 0x100000000, 4 * GIB, RW, ANON);
	while (!ret)
		ret = mm_madvise(&s.mm, 0x100000000 + n++ * PMD_SIZE, PAGE_SIZE, 102);
	cr_assert_eq(ret, -ENOMEM);
	cr_assert(s.mm.oom);
	cr_assert_eq(s.phys.charged, s.phys.limit);
	cr_assert(n > 500 && n < 512, "%u guards", n);
	space_destroy(&s);
}

/* ---- what is taken back */

/* A file of nothing, mapped shared, one page of each 2 MiB read. */
static gva_t sparse_file(struct space *s, unsigned blocks, struct object **obj, int *fd)
{
	gva_t gva;

	*fd = memfd_create("sparse", MFD_CLOEXEC);
	cr_assert(!ftruncate(*fd, (off_t)(blocks * PMD_SIZE)));
	cr_assert(!object_new_file(&s->phys, dup(*fd), true, "sparse", obj));
	gva = map_file(s, *obj, blocks * PMD_SIZE, RW, MAP_SHARED);
	for (unsigned i = 0; i < blocks; i++)
		assert_fault(touch(s, gva + i * PMD_SIZE, MV_WRITE), MV_FAULT_SHARED);
	return gva;
}

Test(limit, files_entries_go_for_the_sake_of_their_tables)
{
	struct object *obj;
	struct space s;
	unsigned n;
	gva_t gva;
	int fd;

	space_init(&s, 4 * MIB, 1, MV_THP_NEVER);
	gva = sparse_file(&s, 128, &obj, &fd);
	cr_assert(s.mm.count.tables[LEVEL_PTE] >= 128);
	n = fill(&s);
	cr_assert_geq(n, 1024 - 10 - 3, "%u pages: all tables of the file but the pgd", n);
	for (unsigned i = 0; i < 128; i++)
		cr_assert(!entry(&s, gva + i * PMD_SIZE));
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

/* An instruction that needs both pages at once: the one's table must not go for the other's. */
Test(limit, two_pages_that_one_instruction_needs_do_not_take_turns_for_ever)
{
	struct object *obj;
	struct space s;
	unsigned n, turns = 0;
	gva_t gva;
	int fd;

	space_init(&s, 4 * MIB, 1, MV_THP_NEVER);
	gva = sparse_file(&s, 2, &obj, &fd);
	n = fill(&s);
	cr_assert(!mm_munmap(&s.mm, FILLER + (n - 1) * PAGE_SIZE, PAGE_SIZE));
	while (turns < 1000 && !(entry(&s, gva) && entry(&s, gva + PMD_SIZE)))
		if (touch(&s, gva + turns++ % 2 * PMD_SIZE, MV_READ).kind == MV_FAULT_FATAL)
			break;
	cr_assert(turns < 1000);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(limit, the_page_of_a_fault_stays_until_it_is_accessed)
{
	struct space s;
	unsigned n;

	space_init(&s, 4 * MIB, 16, MV_THP_NEVER);
	n = fill(&s);
	cr_assert(!mm_munmap(&s.mm, FILLER + (n - 1) * PAGE_SIZE, PAGE_SIZE));
	map(&s, FILLER + (n - 1) * PAGE_SIZE, 2 * PAGE_SIZE, RW, ANON);
	assert_fault(mm_fault(&s.mm, FILLER + (n - 1) * PAGE_SIZE, MV_WRITE),
		     MV_FAULT_ANON);
	assert_fatal(mm_fault(&s.mm, FILLER + n * PAGE_SIZE, MV_WRITE), SIGKILL, SI_KERNEL);
	space_destroy(&s);
}

Test(limit, zeroes_in_huge_frames_make_room_and_what_was_written_stays)
{
	const unsigned blocks = 8, written = 100;
	struct space s;
	unsigned n;
	gva_t gva;

	space_init(&s, 20 * MIB, 1, MV_THP_ALWAYS);
	gva = map(&s, 0x40000000, blocks * PMD_SIZE, RW, ANON);
	for (unsigned i = 0; i < blocks * written; i++) {
		gva_t at = gva + i / written * PMD_SIZE + i % written * PAGE_SIZE;

		touch(&s, at, MV_WRITE);
		*byte_at(&s, at) = (unsigned char)(i + 1);
	}
	cr_assert_eq(s.mm.count.huge, 8);
	s.mm.thp = MV_THP_NEVER;
	n = fill(&s);
	cr_assert_geq(n, 5120 - blocks * written - 2 * 30, "%u pages", n);
	for (unsigned i = 0; i < blocks * written; i++) {
		gva_t at = gva + i / written * PMD_SIZE + i % written * PAGE_SIZE;
		unsigned char byte = 0;

		cr_assert(!mm_peek(&s.mm, &byte, at, 1));
		cr_assert_eq(byte, (unsigned char)(i + 1));
	}
	assert_filled(&s, n);
	space_destroy(&s);
}

/* A payload that lives at its limit: no fault looks at all of it. */
Test(limit, given_up_pages_serve_one_fault_each)
{
	struct space s;
	unsigned n;

	space_init(&s, 4 * MIB, 16, MV_THP_AUTO);
	n = fill(&s);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert(!mm_madvise(&s.mm, FILLER + i * PAGE_SIZE, PAGE_SIZE, MADV_FREE));
		assert_fault(touch(&s, FILLER + (i ? i - 1 : n) * PAGE_SIZE, MV_WRITE),
			     MV_FAULT_ANON);
		cr_assert(!entry(&s, FILLER + i * PAGE_SIZE));
	}
	check(&s);
	cr_assert(s.mm.count.reclaims[RECLAIM_OBJECTS] <= 1, "but by the one that failed");
	cr_assert_eq(s.phys.charged, s.phys.limit);
	space_destroy(&s);
}

/* ---- mremap and what is cut */

Test(limit, a_move_with_room_for_its_nodes_only_loses_nothing)
{
	struct space s;
	unsigned n;
	long ret;

	space_init(&s, 4 * MIB, 16, MV_THP_NEVER);
	n = fill(&s) - 3;
	cr_assert(!mm_munmap(&s.mm, FILLER + n * PAGE_SIZE, 3 * PAGE_SIZE));
	ret = mm_mremap(&s.mm, FILLER, PMD_SIZE, PMD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			0x100000000);
	check(&s);
	cr_assert(ret == 0x100000000 && !s.mm.oom, "%ld", ret);
	for (unsigned i = 0; i < n; i++) {
		gva_t at = (i < 512 ? 0x100000000 : FILLER) + i * PAGE_SIZE;
		unsigned char byte = 0;

		cr_assert(!mm_peek(&s.mm, &byte, at, 1));
		cr_assert_eq(byte, (unsigned char)i);
	}
	space_destroy(&s);
}

Test(limit, a_cut_without_room_for_a_node_changes_nothing)
{
	struct space s;
	gva_t gva;

	space_init(&s, 8 * MIB, 1, MV_THP_ALWAYS);
	gva = map(&s, 0x40000000, PMD_SIZE, RW, ANON);
	touch(&s, gva, MV_WRITE);
	memset(byte_at(&s, gva), 'x', PMD_SIZE);
	s.mm.thp = MV_THP_NEVER;
	fill(&s);
	cr_assert_eq(mm_munmap(&s.mm, gva + MIB, PAGE_SIZE), -ENOMEM);
	check(&s);
	cr_assert_eq(*byte_at(&s, gva + MIB), 'x');
	cr_assert(!mm_munmap(&s.mm, gva, PMD_SIZE), "all of it needs none");
	space_destroy(&s);
}

/* A call's own access goes to host addresses: no page of zeroes goes from below it. */
Test(limit, what_a_call_is_about_to_write_is_not_taken_for_zeroes)
{
	struct iovec iov;
	struct space s;
	char byte = 0;
	gva_t gva;
	int nr;

	space_init(&s, 8 * MIB, 1, MV_THP_ALWAYS);
	gva = map(&s, 0x40000000, PMD_SIZE, RW, ANON);
	cr_assert_eq(mm_iovec(&s.mm, gva, PAGE_SIZE, MV_WRITE, &iov, 1, &nr), PAGE_SIZE);
	s.mm.thp = MV_THP_NEVER;
	cr_assert_leq(fill(&s), 2048 - 512);
	memset(iov.iov_base, 'x', PAGE_SIZE);
	cr_assert_eq(*byte_at(&s, gva), 'x');
	s.mm.pinned = false; /* the call has ended */
	cr_assert(!mm_munmap(&s.mm, FILLER, FILLER_SIZE));
	cr_assert_gt(fill(&s), 2048 - 512);
	cr_assert(!mm_peek(&s.mm, &byte, gva, 1));
	cr_assert_eq(byte, 'x');
	space_destroy(&s);
}

/* ---- 10,000 pages, each in 2 MiB of its own */

static void touch_sparse(unsigned around, enum mv_thp thp, unsigned blocks, uint64_t most)
{
	struct space s;
	gva_t gva;

	space_init(&s, GIB, around, thp);
	gva = map(&s, 0, blocks * PMD_SIZE, RW, ANON | MAP_NORESERVE);
	for (unsigned i = 0; i < blocks; i++) {
		gva_t at = gva + i * PMD_SIZE + (i % 512) * PAGE_SIZE;

		cr_assert_neq(touch(&s, at, MV_WRITE).kind, MV_FAULT_FATAL, "block %u", i);
		*byte_at(&s, at) = (unsigned char)(i + 1);
	}
	for (unsigned i = 0; i < blocks; i++) {
		gva_t at = gva + i * PMD_SIZE + (i % 512) * PAGE_SIZE;

		touch(&s, at, MV_READ);
		cr_assert_eq(*byte_at(&s, at), (unsigned char)(i + 1), "block %u", i);
	}
	cr_assert_leq(backed_pages(&s), most, "%lu pages backed", backed_pages(&s));
	/* not one a fault: what the first of them took back is not reserved ahead again */
	cr_assert_leq(s.mm.count.reclaims[RECLAIM_IDLE], 200);
	space_destroy(&s);
}

Test(sparse, ten_thousand_blocks_cost_a_page_a_table_and_a_node_each)
{
	touch_sparse(16, MV_THP_AUTO, 10000, 30100);
}

Test(sparse, also_where_a_fault_maps_two_megabytes)
{
	touch_sparse(512, MV_THP_AUTO, 10000, 30100);
}

Test(sparse, huge_pages_that_were_asked_for_stay_within_the_limit)
{
	touch_sparse(16, MV_THP_ALWAYS, 10000, GIB >> PAGE_SHIFT);
}

Test(sparse, and_are_split_where_that_is_not_enough)
{
	touch_sparse(16, MV_THP_ALWAYS, 50000, GIB >> PAGE_SHIFT);
}

Test(limit, a_page_given_up_by_madv_free_is_kept_once_it_is_locked)
{
	struct space s;
	unsigned char vec;
	gva_t gva;

	for (int thp = MV_THP_NEVER; thp <= MV_THP_ALWAYS; thp++) {
		space_init(&s, 16 << 20, 1, (enum mv_thp)thp);
		gva = map(&s, 0x40000000, PMD_SIZE, RW, ANON);
		touch(&s, gva, MV_WRITE);
		*byte_at(&s, gva) = 7;
		cr_assert(!mm_madvise(&s.mm, gva, PMD_SIZE, MADV_FREE));
		cr_assert(!mm_mlock(&s.mm, gva, PMD_SIZE, 0));
		mm_reclaim_some(&s.mm, RECLAIM_IDLE);
		cr_assert_eq(mm_mincore(&s.mm, gva, 1, &vec), 1);
		cr_assert(vec & 1, "locked, and not in memory");
		cr_assert_eq(*byte_at(&s, gva), 7);
		space_destroy(&s);
	}
}
