/* SPDX-License-Identifier: MIT */
/* test_fault.c: each kind of fault: what it maps, counts, copies, and refuses. No KVM. */
#include <fcntl.h>

#include "tests/mm/space.h"
#include "vmm/linux/tmpfs.h"

#define GIB (1ull << 30)

Test(fault, anonymous_memory_reads_zero_and_keeps_what_is_written)
{
	struct space s;
	gva_t gva;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	gva = map(&s, 0, 4 * PAGE_SIZE, RW, ANON);
	assert_fault(touch(&s, gva, MV_READ), MV_FAULT_ANON);
	cr_assert_eq(*byte_at(&s, gva + 5), 0);
	/* as Linux's zero page: only the write makes it a page of the payload's own */
	assert_fault(touch(&s, gva, MV_WRITE), MV_FAULT_WP);
	*byte_at(&s, gva + 5) = 7;
	assert_fault(touch(&s, gva, MV_WRITE), MV_FAULT_SPURIOUS);
	cr_assert_eq(*byte_at(&s, gva + 5), 7);
	cr_assert_eq(entry(&s, gva + PAGE_SIZE), 0, "fault-around is off");
	space_destroy(&s);
}

Test(fault, around_a_fault_the_aligned_window_is_mapped_within_the_vma)
{
	struct space s;
	const gva_t base = 0x40000000;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	map(&s, base + 3 * PAGE_SIZE, 20 * PAGE_SIZE, RW, ANON);
	touch(&s, base + 5 * PAGE_SIZE, MV_WRITE);
	for (unsigned i = 0; i < 32; i++)
		cr_assert_eq(!!entry(&s, base + i * PAGE_SIZE), i >= 3 && i < 16, "page %u",
			     i);
	cr_assert_eq(s.mm.count.around, 12);
	space_destroy(&s);
}

Test(fault, the_window_doubles_where_memory_is_walked_through)
{
	struct space s;
	const gva_t base = 0x40000000;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	map(&s, base, PMD_SIZE, RW, ANON);
	for (unsigned i = 0; i < 512; i++)
		touch(&s, base + i * PAGE_SIZE, MV_WRITE);
	/* at 0, 16, 32, 64, 128, 256 */
	cr_assert_eq(s.mm.count.faults[MV_FAULT_ANON], 6);
	space_destroy(&s);
}

Test(fault, thp_always_maps_2_mib_at_the_first_touch_and_never_does_not)
{
	struct space s;
	const gva_t base = 0x40000000;

	for (int thp = MV_THP_NEVER; thp <= MV_THP_ALWAYS; thp++) {
		space_init(&s, GIB, 16, (enum mv_thp)thp);
		map(&s, base, 2 * PMD_SIZE, RW, ANON);
		touch(&s, base + PMD_SIZE + 12345, MV_WRITE);
		cr_assert_eq(s.mm.count.huge, thp == MV_THP_ALWAYS);
		cr_assert_eq(s.mm.count.tables[LEVEL_PTE], thp == MV_THP_NEVER);
		space_destroy(&s);
	}
}

Test(fault, thp_auto_waits_until_the_block_beside_is_used_densely)
{
	struct space s;
	const gva_t base = 0x40000000;

	space_init(&s, GIB, 16, MV_THP_AUTO);
	map(&s, base, 8 * PMD_SIZE, RW, ANON);
	touch(&s, base, MV_WRITE);
	touch(&s, base + PMD_SIZE, MV_WRITE);
	cr_assert_eq(s.mm.count.huge, 0, "one page a block is not dense");
	for (gva_t at = base + PMD_SIZE; at < base + 2 * PMD_SIZE; at += PAGE_SIZE)
		touch(&s, at, MV_WRITE);
	touch(&s, base + 2 * PMD_SIZE, MV_WRITE);
	cr_assert_eq(s.mm.count.huge, 1);
	space_destroy(&s);
}

Test(fault, a_file_page_is_the_files_own_and_costs_no_frame)
{
	struct space s;
	struct object *obj;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	obj = file_object(&s, 3, true, &fd);
	gva = map_file(&s, obj, 3 * PAGE_SIZE, RW, MAP_SHARED);
	assert_fault(touch(&s, gva, MV_READ), MV_FAULT_READ);
	assert_fault(touch(&s, gva + PAGE_SIZE, MV_WRITE), MV_FAULT_SHARED);
	cr_assert_eq(*byte_at(&s, gva), 'a');
	*byte_at(&s, gva + PAGE_SIZE) = '!';
	cr_assert_eq(pwrite(fd, "?", 1, 0), 1);
	cr_assert_eq(*byte_at(&s, gva), '?', "the host's write is seen");
	cr_assert_eq(pread(fd, &(char){ 0 }, 1, PAGE_SIZE), 1);
	cr_assert_eq(s.phys.reserved, 0);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(fault, a_private_write_copies_the_page_and_leaves_the_file)
{
	struct space s;
	struct object *obj;
	char c = 0;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	obj = file_object(&s, 3, true, &fd);
	gva = map_file(&s, obj, 3 * PAGE_SIZE, RW, MAP_PRIVATE);
	assert_fault(touch(&s, gva, MV_READ), MV_FAULT_READ);
	cr_assert_eq(pte_access(entry(&s, gva)), MV_READ);
	assert_fault(touch(&s, gva, MV_WRITE), MV_FAULT_WP);
	cr_assert_eq(*byte_at(&s, gva + 9), 'a');
	*byte_at(&s, gva) = '!';
	cr_assert(pread(fd, &c, 1, 0) == 1 && c == 'a');
	assert_fault(touch(&s, gva + 2 * PAGE_SIZE, MV_READ), MV_FAULT_SPURIOUS);
	cr_assert_eq(s.mm.count.copied, 1);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(fault, a_private_page_written_first_is_a_cow_fault)
{
	struct space s;
	struct object *obj;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	obj = file_object(&s, 2, false, &fd);
	gva = map_file(&s, obj, 2 * PAGE_SIZE, RW, MAP_PRIVATE);
	assert_fault(touch(&s, gva + PAGE_SIZE, MV_WRITE), MV_FAULT_COW);
	cr_assert_eq(*byte_at(&s, gva + PAGE_SIZE), 'b');
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(fault, a_page_with_a_second_owner_is_copied_and_the_last_one_reuses_it)
{
	struct space s;
	gva_t gva;
	gfn_t gfn;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	gva = map(&s, 0, PAGE_SIZE, RW, ANON);
	touch(&s, gva, MV_WRITE);
	*byte_at(&s, gva) = 5;
	gfn = pagemap_get(&s.mm.anon, gva >> PAGE_SHIFT).gfn;
	phys_frame(&s.phys, gfn)->refs++; /* another mm's pagemap names it */
	mm_mprotect(&s.mm, gva, PAGE_SIZE, PROT_READ);
	mm_mprotect(&s.mm, gva, PAGE_SIZE, RW);
	assert_fault(touch(&s, gva, MV_WRITE), MV_FAULT_WP);
	cr_assert_neq(pagemap_get(&s.mm.anon, gva >> PAGE_SHIFT).gfn, gfn);
	cr_assert_eq(*byte_at(&s, gva), 5);
	cr_assert_eq(phys_frame(&s.phys, gfn)->refs, 1);
	phys_free_anon(&s.phys, gfn, 1);
	space_destroy(&s);
}

Test(fault, behind_the_end_of_the_file_is_sigbus_until_it_grows)
{
	struct space s;
	struct object *obj;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	obj = file_object(&s, 1, true, &fd);
	gva = map_file(&s, obj, 4 * PAGE_SIZE, RW, MAP_SHARED);
	touch(&s, gva, MV_READ);
	cr_assert_eq(entry(&s, gva + PAGE_SIZE), 0, "not mapped around, behind the end");
	assert_fatal(touch(&s, gva + PAGE_SIZE, MV_READ), SIGBUS, BUS_ADRERR);
	cr_assert(!ftruncate(fd, 2 * PAGE_SIZE));
	assert_fault(touch(&s, gva + PAGE_SIZE, MV_READ), MV_FAULT_READ);
	cr_assert(!ftruncate(fd, PAGE_SIZE));
	cr_assert_eq(mm_revalidate(&s.mm), 1, "one entry leads behind the end now");
	assert_fatal(touch(&s, gva + PAGE_SIZE, MV_READ), SIGBUS, BUS_ADRERR);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

/* Of a file of 8 pages a tmpfs of 4 has no more than that; which ones, is who comes first. */
Test(fault, a_page_that_its_file_system_cant_give_is_sigbus_once_files_are_distrusted)
{
	int dir = tmpfs_make(4 * PAGE_SIZE), fd;
	struct object *obj;
	struct space s;
	gva_t gva;

	if (dir == -EPERM)
		SKIP("neither CAP_SYS_ADMIN nor a user name space");
	fd = openat(dir, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && !ftruncate(fd, 8 * PAGE_SIZE));
	space_init(&s, GIB, 16, MV_THP_NEVER);
	cr_assert_eq(object_new_file(&s.phys, dup(fd), true, "file", &obj), 0);
	gva = map_file(&s, obj, 8 * PAGE_SIZE, RW, MAP_SHARED);
	touch(&s, gva, MV_WRITE);
	cr_assert_neq(entry(&s, gva + 7 * PAGE_SIZE), 0, "mapped around, nobody was asked");
	cr_assert_eq(mm_distrust_files(&s.mm), 8);
	assert_fault(touch(&s, gva + 7 * PAGE_SIZE, MV_READ), MV_FAULT_READ);
	cr_assert_eq(entry(&s, gva + 6 * PAGE_SIZE), 0, "one page at a time");
	cr_assert_eq(entry(&s, gva + 7 * PAGE_SIZE) & PTE_W, 0, "a write asks again");
	assert_fault(touch(&s, gva + 7 * PAGE_SIZE, MV_WRITE), MV_FAULT_WP);
	for (int i = 0; i < 3; i++)
		assert_fault(touch(&s, gva + i * PAGE_SIZE, MV_WRITE), MV_FAULT_SHARED);
	assert_fatal(touch(&s, gva + 4 * PAGE_SIZE, MV_WRITE), SIGBUS, BUS_ADRERR);
	assert_fatal(touch(&s, gva + 4 * PAGE_SIZE, MV_READ), SIGBUS, BUS_ADRERR);
	mm_mprotect(&s.mm, gva, 8 * PAGE_SIZE, PROT_READ);
	mm_mprotect(&s.mm, gva, 8 * PAGE_SIZE, RW);
	cr_assert_eq(entry(&s, gva) & PTE_W, 0, "a write asks again");
	object_put(obj);
	close(fd);
	close(dir);
	space_destroy(&s);
}

Test(fault, rights_are_mmaps_as_x86_has_them)
{
	/* mmap(2): PROT_WRITE implies PROT_READ, and so does PROT_EXEC */
	static const unsigned access[] = { MV_READ, MV_WRITE, MV_EXEC };
	struct space s;
	gva_t gva;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	for (int prot = 0; prot < 8; prot++)
		for (int a = 0; a < 3; a++) {
			bool ok = a == 0   ? prot
				  : a == 1 ? prot & PROT_WRITE
					   : prot & PROT_EXEC;

			gva = map(&s, 0x50000000, PAGE_SIZE, prot, ANON);
			if (ok)
				assert_fault(touch(&s, gva, access[a]), MV_FAULT_ANON);
			else
				assert_fatal(touch(&s, gva, access[a]), SIGSEGV,
					     SEGV_ACCERR);
		}
	assert_fatal(touch(&s, 0x60000000, MV_READ), SIGSEGV, SEGV_MAPERR);
	assert_fatal(mm_fault(&s.mm, MV_TASK_SIZE, MV_READ), SIGSEGV, SEGV_MAPERR);
	space_destroy(&s);
}

Test(fault, the_stack_grows_to_its_limit_and_keeps_its_gap)
{
	const gva_t end = 0x7f0000000000;
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	cr_assert(!mm_map_stack(&s.mm, end, 132 << 10));
	assert_fault(touch(&s, end - (1 << 20), MV_WRITE), MV_FAULT_ANON);
	map(&s, end - (4 << 20), PAGE_SIZE, RW, ANON);
	assert_fatal(touch(&s, end - (4 << 20) + PAGE_SIZE + STACK_GUARD_GAP - 1, MV_WRITE),
		     SIGSEGV, SEGV_MAPERR);
	assert_fault(touch(&s, end - (4 << 20) + PAGE_SIZE + STACK_GUARD_GAP, MV_WRITE),
		     MV_FAULT_ANON);
	cr_assert(!mm_munmap(&s.mm, end - (4 << 20), PAGE_SIZE));
	assert_fatal(touch(&s, end - STACK_LIMIT - 1, MV_WRITE), SIGSEGV, SEGV_MAPERR);
	assert_fault(touch(&s, end - STACK_LIMIT, MV_WRITE), MV_FAULT_ANON);
	space_destroy(&s);
}

Test(fault, an_entry_that_was_dropped_comes_back_with_its_page)
{
	struct space s;
	gva_t gva;

	for (int thp = MV_THP_NEVER; thp <= MV_THP_ALWAYS; thp++) {
		space_init(&s, GIB, 1, (enum mv_thp)thp);
		gva = map(&s, 0x40000000, PMD_SIZE, RW, ANON);
		touch(&s, gva, MV_WRITE);
		*byte_at(&s, gva + 1) = 9;
		mm_mprotect(&s.mm, gva, PMD_SIZE, PROT_NONE);
		cr_assert_eq(entry(&s, gva), 0);
		assert_fatal(touch(&s, gva, MV_READ), SIGSEGV, SEGV_ACCERR);
		mm_mprotect(&s.mm, gva, PMD_SIZE, RW);
		assert_fault(touch(&s, gva, MV_READ), MV_FAULT_REMAP);
		cr_assert_eq(*byte_at(&s, gva + 1), 9);
		space_destroy(&s);
	}
}

Test(fault, a_page_that_was_only_read_before_it_lost_its_entry_is_written_by_one_fault)
{
	struct space s;
	gva_t gva;

	for (int thp = MV_THP_NEVER; thp <= MV_THP_ALWAYS; thp++) {
		space_init(&s, GIB, 1, (enum mv_thp)thp);
		gva = map(&s, 0x40000000, PMD_SIZE, RW, ANON);
		touch(&s, gva, MV_READ);
		mm_mprotect(&s.mm, gva, PMD_SIZE, PROT_NONE);
		mm_mprotect(&s.mm, gva, PMD_SIZE, RW);
		assert_fault(touch(&s, gva, MV_WRITE), MV_FAULT_REMAP);
		space_destroy(&s);
	}
}

Test(fault, shared_anonymous_memory_outlives_its_entries)
{
	struct space s;
	gva_t gva;

	space_init(&s, GIB, 16, MV_THP_AUTO);
	gva = map(&s, 0, 4 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS);
	touch(&s, gva, MV_WRITE);
	*byte_at(&s, gva) = 3;
	mm_mprotect(&s.mm, gva, PAGE_SIZE, PROT_NONE);
	mm_mprotect(&s.mm, gva, PAGE_SIZE, PROT_READ);
	touch(&s, gva, MV_READ);
	cr_assert_eq(*byte_at(&s, gva), 3);
	space_destroy(&s);
}

Test(limit, untouched_frames_are_taken_back_before_it_says_no)
{
	struct space s;
	gva_t gva;

	space_init(&s, 4 << 20, 512, MV_THP_NEVER);
	gva = map(&s, 0x40000000, 128ull << 20, RW, ANON);
	for (unsigned i = 0; i < 64; i++) /* 64 x 2 MiB would be reserved */
		assert_fault(touch(&s, gva + i * PMD_SIZE, MV_WRITE), MV_FAULT_ANON);
	cr_assert(s.mm.count.reclaimed > 0);
	for (unsigned i = 0; i < 64; i++)
		cr_assert(entry(&s, gva + i * PMD_SIZE), "a touched page is kept");
	space_destroy(&s);
}

Test(limit, beyond_it_a_fault_is_sigkill_and_everything_is_given_back_at_the_end)
{
	struct mm_fault f = { .kind = MV_FAULT_ANON };
	unsigned n = 0;
	struct space s;
	gva_t gva;

	space_init(&s, 4 << 20, 16, MV_THP_AUTO);
	gva = map(&s, 0, 64ull << 20, RW, ANON);
	while (f.kind != MV_FAULT_FATAL)
		f = touch(&s, gva + n++ * PAGE_SIZE, MV_WRITE);
	assert_fatal(f, SIGKILL, SI_KERNEL);
	cr_assert(n > 900 && n <= 1024, "%u pages of 1024", n);
	cr_assert(s.phys.charged <= s.phys.limit);
	cr_assert(!mm_munmap(&s.mm, gva, 64ull << 20));
	gva = map(&s, 0, PAGE_SIZE, RW, ANON);
	assert_fault(touch(&s, gva, MV_READ), MV_FAULT_ANON);
	cr_assert_eq(*byte_at(&s, gva), 0, "a frame that was used is zero again");
	space_destroy(&s);
}

Test(gather, a_table_is_not_used_again_before_a_drop)
{
	struct space s;
	gva_t gva;
	gfn_t table = 0;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	s.phys.quarantine_max = 3;
	for (unsigned i = 0; i < 20; i++) {
		struct pt_path path;
		unsigned drops = s.drops;

		gva = map(&s, 0x40000000 + i * PMD_SIZE, PAGE_SIZE, RW, ANON);
		touch(&s, gva, MV_WRITE);
		pt_walk(&s.mm, gva, LEVEL_PTE, false, &path);
		if (i && path.table[LEVEL_PTE] == table)
			cr_assert(s.drops > drops, "reused without a drop");
		table = path.table[LEVEL_PTE];
		cr_assert(!mm_munmap(&s.mm, gva, PAGE_SIZE));
	}
	cr_assert(s.drops > 0);
	space_destroy(&s);
}

Test(gather, an_entry_that_was_never_accessed_needs_no_flush)
{
	struct space s;
	gva_t gva;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	gva = map(&s, 0x40000000, 16 * PAGE_SIZE, RW, ANON);
	touch(&s, gva, MV_WRITE);
	cr_assert(!mm_munmap(&s.mm, gva + PAGE_SIZE, 15 * PAGE_SIZE));
	cr_assert_eq(s.phys.flush_free + s.phys.flush_keep, 0);
	cr_assert(!mm_munmap(&s.mm, gva, PAGE_SIZE));
	cr_assert_eq(s.phys.flush_free, 1);
	space_destroy(&s);
}

Test(gather, cutting_a_2_mib_leaf_drops_everything_and_keeps_the_rest)
{
	struct space s;
	gva_t gva;

	space_init(&s, GIB, 1, MV_THP_ALWAYS);
	gva = map(&s, 0x40000000, PMD_SIZE, RW, ANON);
	touch(&s, gva, MV_WRITE);
	*byte_at(&s, gva + 7 * PAGE_SIZE) = 1;
	*byte_at(&s, gva + 9 * PAGE_SIZE) = 2;
	cr_assert(!mm_munmap(&s.mm, gva + 8 * PAGE_SIZE, PAGE_SIZE));
	cr_assert_eq(s.drops, 1);
	touch(&s, gva + 7 * PAGE_SIZE, MV_READ);
	touch(&s, gva + 9 * PAGE_SIZE, MV_READ);
	cr_assert_eq(*byte_at(&s, gva + 7 * PAGE_SIZE), 1);
	cr_assert_eq(*byte_at(&s, gva + 9 * PAGE_SIZE), 2);
	assert_fatal(touch(&s, gva + 8 * PAGE_SIZE, MV_READ), SIGSEGV, SEGV_MAPERR);
	cr_assert_eq(s.phys.reserved, 511);
	space_destroy(&s);
}

static void assert_resident(struct space *s, gva_t gva, uint64_t rss, uint64_t dirty)
{
	struct mm_smap smap;

	mm_smap(&s->mm, gva, &smap);
	cr_assert_eq(smap.rss, rss, "%lu", smap.rss);
	cr_assert_eq(smap.anon, rss, "%lu", smap.anon);
	cr_assert_eq(smap.dirty, dirty, "%lu", smap.dirty);
}

/* Of leaves that a fault made, those that were written; and whatever becomes of them. */
Test(fault, a_2_mib_leaf_is_resident_from_its_first_write_on_split_or_whole)
{
	const gva_t gva = 0x40000000;
	struct space s;

	space_init(&s, GIB, 16, MV_THP_ALWAYS);
	map(&s, gva, 8 * PMD_SIZE, RW, ANON);
	touch(&s, gva, MV_READ);
	assert_resident(&s, gva, 0, 0);
	touch(&s, gva + PMD_SIZE, MV_WRITE);
	touch(&s, gva + 2 * PMD_SIZE, MV_WRITE);
	assert_resident(&s, gva, 2 * PMD_SIZE, 2 * PMD_SIZE);
	cr_assert(!mm_madvise(&s.mm, gva + PMD_SIZE, PMD_SIZE, MADV_FREE));
	assert_resident(&s, gva, 2 * PMD_SIZE, PMD_SIZE);
	cr_assert(!mm_madvise(&s.mm, gva + 2 * PMD_SIZE, PAGE_SIZE, MADV_DONTNEED));
	assert_resident(&s, gva, 2 * PMD_SIZE - PAGE_SIZE, PMD_SIZE - PAGE_SIZE);
	cr_assert(!mm_mprotect(&s.mm, gva, 8 * PMD_SIZE, PROT_NONE));
	assert_resident(&s, gva, 2 * PMD_SIZE - PAGE_SIZE, PMD_SIZE - PAGE_SIZE);
	cr_assert(!mm_munmap(&s.mm, gva, 2 * PMD_SIZE));
	assert_resident(&s, gva + 2 * PMD_SIZE, PMD_SIZE - PAGE_SIZE, PMD_SIZE - PAGE_SIZE);
	cr_assert_eq(mm_hiwater_rss(&s.mm, 0), 2 * PMD_PAGES);
	space_destroy(&s);
}

/* A table goes with its last entry, and is in quarantine; then the block gets a leaf. */
static void leaf_for_table(struct space *s, gva_t gva, unsigned access)
{
	unsigned drops = s->drops;

	cr_assert_eq(s->phys.nr_quarantine, 1);
	cr_assert_neq(touch(s, gva, access).kind, MV_FAULT_FATAL);
	cr_assert(entry(s, gva) & PTE_PS);
	cr_assert_eq(s->drops, drops + 1);
	check(s);
}

Test(gather, a_leaf_takes_a_tables_place_with_a_drop)
{
	static const int flags[] = { ANON, ANON | MAP_HUGETLB,
				     MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB };
	const gva_t gva = 1ull << 40;
	struct space s;

	for (unsigned i = 0; i < 3; i++) {
		space_init(&s, 16 * PMD_SIZE, 1, MV_THP_ALWAYS);
		map(&s, gva, PAGE_SIZE, RW, ANON);
		touch(&s, gva, MV_WRITE);
		map(&s, gva + PMD_SIZE, PAGE_SIZE, RW, ANON); /* keeps the pmd table */
		touch(&s, gva + PMD_SIZE, MV_WRITE);
		map(&s, gva, PMD_SIZE, RW, flags[i]);
		leaf_for_table(&s, gva, MV_WRITE);
		space_destroy(&s);
	}
}

/* The pages of a leaf that was split get it back once nothing tells them apart. */
Test(gather, a_leaf_comes_back_in_its_tables_place_with_a_drop)
{
	struct space s;
	gva_t gva;

	space_init(&s, 16 * PMD_SIZE, 1, MV_THP_ALWAYS);
	gva = map(&s, 1ull << 40, 2 * PMD_SIZE, RW, ANON);
	touch(&s, gva, MV_WRITE);
	touch(&s, gva + PMD_SIZE, MV_WRITE);
	cr_assert(!mm_mprotect(&s.mm, gva, PAGE_SIZE, PROT_READ));
	touch(&s, gva, MV_READ);
	cr_assert(!mm_mprotect(&s.mm, gva, PMD_SIZE, PROT_NONE));
	cr_assert(!mm_mprotect(&s.mm, gva, PMD_SIZE, RW));
	leaf_for_table(&s, gva, MV_READ);
	space_destroy(&s);
}

Test(gather, weakening_an_accessed_entry_keeps_its_content)
{
	struct space s;
	gva_t gva;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	gva = map(&s, 0, PAGE_SIZE, RW, ANON);
	touch(&s, gva, MV_WRITE);
	*byte_at(&s, gva) = 4;
	mm_mprotect(&s.mm, gva, PAGE_SIZE, PROT_READ);
	cr_assert_eq(s.phys.flush_keep, 1);
	cr_assert_eq(*byte_at(&s, gva), 4);
	mm_mprotect(&s.mm, gva, PAGE_SIZE, RW);
	cr_assert_eq(s.phys.flush_keep, 1, "more rights need no flush");
	space_destroy(&s);
}

Test(space, two_mms_reach_different_frames_by_the_same_gva)
{
	struct space s;
	struct mm other;
	gva_t gva;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	cr_assert(!mm_init(&other, &s.phys, 1, MV_THP_NEVER));
	gva = map(&s, 0x40000000, PAGE_SIZE, RW, ANON);
	cr_assert_eq(mm_mmap(&other, gva, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, false,
			     false, 0),
		     (long)gva);
	touch(&s, gva, MV_WRITE);
	assert_fault(mm_fault(&other, gva, MV_WRITE), MV_FAULT_ANON);
	cr_assert_neq(pagemap_get(&s.mm.anon, gva >> PAGE_SHIFT).gfn,
		      pagemap_get(&other.anon, gva >> PAGE_SHIFT).gfn);
	mm_destroy(&other);
	cr_assert_eq(s.phys.reserved, 1);
	space_destroy(&s);
}

Test(populate, ends_where_the_memory_does)
{
	struct space s;

	space_init(&s, 64 * PAGE_SIZE, 16, MV_THP_NEVER);
	map(&s, 0x40000000, GIB, RW, ANON | MAP_POPULATE);
	cr_assert(s.mm.count.host_faults < 128, "%lu faults for 64 frames",
		  s.mm.count.host_faults);
	cr_assert_gt(s.phys.reserved, 0);
	space_destroy(&s);
}

Test(space, a_heap_that_was_unmapped_does_not_shrink)
{
	const gva_t heap = 0x40000000;
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	s.mm.start_brk = s.mm.brk = heap;
	cr_assert_eq(mm_brk(&s.mm, heap + 16 * PAGE_SIZE), (long)(heap + 16 * PAGE_SIZE));
	cr_assert(!mm_munmap(&s.mm, heap + 8 * PAGE_SIZE, 8 * PAGE_SIZE));
	cr_assert_eq(mm_brk(&s.mm, heap + 10 * PAGE_SIZE), (long)(heap + 16 * PAGE_SIZE));
	cr_assert_eq(mm_brk(&s.mm, heap + 4 * PAGE_SIZE), (long)(heap + 4 * PAGE_SIZE));
	space_destroy(&s);
}

Test(space, a_mapping_grows_down_no_further_than_its_offset_allows)
{
	const gva_t low = 32 * PAGE_SIZE, high = 0x40000000;
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, low, PAGE_SIZE, RW, ANON | MAP_GROWSDOWN);
	touch(&s, low, MV_WRITE);
	cr_assert_eq(mm_mremap(&s.mm, low, PAGE_SIZE, PAGE_SIZE,
			       MREMAP_FIXED | MREMAP_MAYMOVE, high),
		     (long)high);
	assert_fault(touch(&s, high - 32 * PAGE_SIZE, MV_WRITE), MV_FAULT_ANON);
	assert_fatal(touch(&s, high - 33 * PAGE_SIZE, MV_WRITE), SIGSEGV, SEGV_MAPERR);
	space_destroy(&s);
}

Test(madvise, remove_is_seen_in_all_mappings_and_takes_no_longer_for_many, .timeout = 10)
{
	const gva_t base = 0x40000000, n = 60000;
	struct space s;
	long twin;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, base, n * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS);
	twin = mm_mremap(&s.mm, base, 0, n * PAGE_SIZE, MREMAP_MAYMOVE, 0);
	cr_assert(twin > 0);
	touch(&s, base + PAGE_SIZE, MV_WRITE);
	touch(&s, (gva_t)twin + PAGE_SIZE, MV_READ);
	touch(&s, base + 2 * PAGE_SIZE, MV_WRITE);
	for (uint64_t i = 0; i < n; i += 2)
		cr_assert(!mm_madvise(&s.mm, base + i * PAGE_SIZE, PAGE_SIZE, MADV_RANDOM));
	cr_assert_eq(s.phys.reserved, 2);
	cr_assert(!mm_madvise(&s.mm, base, n * PAGE_SIZE, MADV_REMOVE));
	cr_assert_eq(s.phys.reserved, 0);
	cr_assert_eq(entry(&s, base + PAGE_SIZE), 0);
	cr_assert_eq(entry(&s, (gva_t)twin + PAGE_SIZE), 0);
	space_destroy(&s);
}
