/* SPDX-License-Identifier: MIT */
/* test_frames.c: frames given out again: within their arena, and zero. */
#include "tests/mm/space.h"

#define GIB (1ull << 30)

Test(frames, a_run_of_freed_frames_ends_with_its_arena)
{
	struct space s;
	unsigned got, n;
	gfn_t first, last = 0, end;
	struct arena *a;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	first = phys_alloc_anon(&s.phys, 1, &got);
	a = phys_arena(&s.phys, gfn_gpa(first));
	n = (unsigned)(a->size >> PAGE_SHIFT);
	end = (gfn_t)((a->gpa + a->size) >> PAGE_SHIFT);
	while (last != end)
		last = phys_alloc_anon(&s.phys, n, &got);
	/* freed in this order, the last of one arena stands before the first of the next */
	phys_free_anon(&s.phys, end, 1);
	phys_free_anon(&s.phys, end - 1, 1);
	last = phys_alloc_anon(&s.phys, 2, &got);
	cr_assert_eq(last, end - 1);
	cr_assert_eq(got, 1, "frames[] of one arena doesn't go on in the next one's");
	phys_destroy(&s.phys);
}

Test(frames, unmapping_from_above_and_refilling_crosses_no_arena)
{
	const gva_t base = 0x40000000;
	const uint64_t pages = 12288; /* the first two arenas: 16 and 32 MiB */
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, base, pages * PAGE_SIZE, RW, ANON);
	for (uint64_t i = 0; i < pages; i++)
		touch(&s, base + i * PAGE_SIZE, MV_WRITE);
	for (uint64_t i = pages; i; i -= 1024)
		cr_assert(
			!mm_munmap(&s.mm, base + (i - 1024) * PAGE_SIZE, 1024 * PAGE_SIZE));
	s.mm.fault_around = 16;
	map(&s, base, 3 * PAGE_SIZE, RW, ANON); /* so that no window begins with an arena */
	touch(&s, base, MV_WRITE);
	map(&s, base + PMD_SIZE, pages / 2 * PAGE_SIZE, RW, ANON);
	for (uint64_t i = 0; i < pages / 2; i += 16)
		touch(&s, base + PMD_SIZE + i * PAGE_SIZE, MV_WRITE);
	cr_assert(!mm_munmap(&s.mm, base, 2 * pages * PAGE_SIZE));
	space_destroy(&s);
}

Test(frames, blocks_that_are_split_and_freed_become_blocks_again)
{
	const gva_t base = 0x40000000;
	const uint64_t blocks = 8;
	unsigned slots = 0;
	struct space s;

	space_init(&s, GIB, 16, MV_THP_ALWAYS);
	for (unsigned round = 0; round < 64; round++) {
		map(&s, base, blocks * PMD_SIZE, RW, ANON);
		for (uint64_t i = 0; i < blocks; i++)
			touch(&s, base + i * PMD_SIZE, MV_WRITE);
		for (uint64_t i = 0; i < blocks; i++)
			cr_assert(!mm_munmap(&s.mm, base + i * PMD_SIZE, PAGE_SIZE));
		cr_assert(!mm_munmap(&s.mm, base, blocks * PMD_SIZE));
		if (round == 7)
			slots = s.slots;
	}
	cr_assert_eq(s.mm.count.huge, 64 * blocks);
	cr_assert_eq(s.slots, slots, "%u slots more", s.slots - slots);
	space_destroy(&s);
}

static void populate_then_use(bool unmap_first)
{
	struct space s;
	struct object *obj;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	obj = file_object(&s, 1, false, &fd);
	gva = map_file(&s, obj, PAGE_SIZE, RW, MAP_PRIVATE | MAP_POPULATE);
	cr_assert(entry(&s, gva));
	if (unmap_first)
		cr_assert(!mm_munmap(&s.mm, gva, PAGE_SIZE));
	else
		mm_reclaim_some(&s.mm, RECLAIM_IDLE);
	gva = map(&s, 0x40000000, 4 * PAGE_SIZE, RW, ANON);
	for (unsigned i = 0; i < 4; i++) {
		touch(&s, gva + i * PAGE_SIZE, MV_READ);
		cr_assert_eq(*byte_at(&s, gva + i * PAGE_SIZE), 0,
			     "new anonymous memory shows '%c' of the file",
			     *byte_at(&s, gva + i * PAGE_SIZE));
	}
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(frames, a_populated_copy_of_a_file_is_zeroed_when_unmapped)
{
	populate_then_use(true);
}

Test(frames, a_populated_copy_of_a_file_is_not_taken_for_untouched)
{
	populate_then_use(false);
}

Test(frames, revalidation_counts_entries_not_runs)
{
	struct space s;
	struct object *obj;
	gva_t gva;
	int fd;

	space_init(&s, GIB, 16, MV_THP_NEVER);
	obj = file_object(&s, 8, true, &fd);
	gva = map_file(&s, obj, 8 * PAGE_SIZE, RW, MAP_SHARED);
	for (unsigned i = 0; i < 8; i++)
		touch(&s, gva + i * PAGE_SIZE, MV_READ);
	cr_assert(!ftruncate(fd, 2 * PAGE_SIZE));
	cr_assert_eq(mm_revalidate(&s.mm), 6);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

Test(frames, a_page_that_was_written_after_madv_free_outlives_a_move_without_its_entry)
{
	const gva_t from = 0x40000000, to = 0x80000000000;
	uint64_t limit;
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	map(&s, from, PAGE_SIZE, RW, ANON);
	touch(&s, from, MV_WRITE);
	cr_assert(!mm_madvise(&s.mm, from, PAGE_SIZE, MADV_FREE));
	touch(&s, from, MV_WRITE);
	*byte_at(&s, from) = 'y';
	limit = s.phys.limit;
	s.phys.limit = s.phys.charged; /* no table for the new place is to be had */
	cr_assert_eq(mm_mremap(&s.mm, from, PAGE_SIZE, PAGE_SIZE,
			       MREMAP_FIXED | MREMAP_MAYMOVE, to),
		     (long)to);
	s.phys.limit = limit;
	cr_assert_eq(entry(&s, to), 0);
	touch(&s, to, MV_READ);
	mm_reclaim(&s.mm);
	touch(&s, to, MV_READ);
	cr_assert_eq(*byte_at(&s, to), 'y');
	space_destroy(&s);
}

Test(frames, a_flush_that_the_host_refuses_leaves_the_memory_broken_and_the_frame_unused)
{
	struct space s;
	gva_t gva;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	gva = map(&s, 0, PAGE_SIZE, RW, ANON);
	touch(&s, gva, MV_WRITE);
	/* madvise(2) says ENOMEM where nothing is mapped */
	cr_assert(!munmap(byte_at(&s, gva), PAGE_SIZE));
	cr_assert_eq(mm_munmap(&s.mm, gva, PAGE_SIZE), -ENOMEM);
	cr_assert_eq(s.phys.broken, -ENOMEM);
	gva = (gva_t)mm_mmap(&s.mm, 0, PAGE_SIZE, RW, ANON, NULL, false, false, 0);
	touch(&s, gva, MV_WRITE);
	*byte_at(&s, gva) = 1; /* another frame: this one has memory */
	mm_destroy(&s.mm);
	phys_destroy(&s.phys);
}

Test(frames, files_that_are_mapped_take_no_more_fds_than_a_share)
{
	struct object *obj[5] = { NULL };
	int fd = memfd_create("file", MFD_CLOEXEC);
	struct space s;

	space_init(&s, GIB, 1, MV_THP_NEVER);
	s.phys.max_files = 4;
	for (unsigned i = 0; i < 4; i++)
		cr_assert(!object_new_file(&s.phys, dup(fd), true, "file", &obj[i]));
	cr_assert_eq(object_new_file(&s.phys, dup(fd), true, "file", &obj[4]), -ENFILE);
	object_put(obj[0]);
	cr_assert(!object_new_file(&s.phys, dup(fd), true, "file", &obj[0]));
	for (unsigned i = 0; i < 4; i++)
		object_put(obj[i]);
	cr_assert_eq(s.phys.nr_files, 0);
	close(fd);
	space_destroy(&s);
}
