/* SPDX-License-Identifier: MIT */
/* test_stage2.c: violations served by userfaultfd: each seen once, with the right content. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "tests/mm/space.h"

#define GIB (1ull << 30)
#define AT 0x40000000ull
#define NOBODY 65534

static void space_init_uffd(struct space *s, unsigned around, enum mv_thp thp)
{
	REQUIRE_UFFD();
	space_init_as(s, MV_STAGE2_UFFD, GIB, around, thp);
}

static void assert_count(struct space *s, uint64_t violations, uint64_t zeroed,
			 uint64_t from_files)
{
	struct stage2_count c = stage2_count(s->phys.stage2);

	cr_assert_eq(c.violations, violations, "%lu, %lu expected", c.violations,
		     violations);
	cr_assert_eq(c.zeroed, zeroed, "%lu, %lu expected", c.zeroed, zeroed);
	cr_assert_eq(c.from_files, from_files, "%lu, %lu expected", c.from_files,
		     from_files);
}

static void touch_pages(struct space *s, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) {
		unsigned char *page;

		touch(s, AT + i * PAGE_SIZE, MV_WRITE);
		page = byte_at(s, AT + i * PAGE_SIZE);
		if (i % 2) /* the first access of each is a read or a write */
			cr_assert_eq(page[i], 0);
		page[0] = 'x';
		cr_assert_eq(page[PAGE_SIZE - 1], 0);
	}
}

Test(stage2, each_page_touched_is_one_violation_however_it_is_mapped)
{
	for (int thp = MV_THP_AUTO; thp <= MV_THP_ALWAYS; thp++) {
		struct space s;

		space_init_uffd(&s, 16, (enum mv_thp)thp);
		map(&s, AT, 4 * PMD_SIZE, RW, ANON);
		touch_pages(&s, 3 * PMD_PAGES - 5);
		cr_assert_eq(s.mm.count.huge > 0, thp != MV_THP_NEVER);
		assert_count(&s, 3 * PMD_PAGES - 5, 3 * PMD_PAGES - 5, 0);
		touch_pages(&s, 3 * PMD_PAGES - 5);
		assert_count(&s, 3 * PMD_PAGES - 5, 3 * PMD_PAGES - 5, 0);
		space_destroy(&s);
	}
}

Test(stage2, mapping_and_tables_alone_are_no_violation)
{
	struct space s;

	space_init_uffd(&s, 512, MV_THP_NEVER);
	map(&s, AT, PMD_SIZE, RW, ANON);
	touch(&s, AT, MV_WRITE);
	cr_assert_eq(s.phys.reserved, PMD_PAGES);
	assert_count(&s, 0, 0, 0);
	space_destroy(&s);
}

Test(stage2, frames_given_back_are_missing_again_and_zero)
{
	struct space s;
	gfn_t gfn[2];

	space_init_uffd(&s, 1, MV_THP_NEVER);
	for (unsigned i = 0; i < 2; i++) {
		map(&s, AT, PAGE_SIZE, RW, ANON);
		touch(&s, AT, MV_WRITE);
		gfn[i] = pte_gfn(entry(&s, AT));
		cr_assert_eq(*byte_at(&s, AT), 0);
		*byte_at(&s, AT) = 'x';
		cr_assert(!mm_munmap(&s.mm, AT, PAGE_SIZE));
		assert_count(&s, i + 1, i + 1, 0);
	}
	cr_assert_eq(gfn[0], gfn[1], "another frame: the test shows nothing");
	space_destroy(&s);
}

Test(stage2, a_flush_that_keeps_a_frame_keeps_its_content)
{
	struct space s;

	space_init_uffd(&s, 1, MV_THP_NEVER);
	map(&s, AT, PAGE_SIZE, RW, ANON);
	touch(&s, AT, MV_WRITE);
	*byte_at(&s, AT) = 'x';
	cr_assert(!mm_mprotect(&s.mm, AT, PAGE_SIZE, PROT_READ));
	cr_assert_eq(s.phys.flush_keep, 1);
	cr_assert_eq(*byte_at(&s, AT), 'x');
	assert_count(&s, 1, 1, 0);
	space_destroy(&s);
}

Test(stage2, a_files_page_is_the_files_own)
{
	struct object *obj;
	struct space s;
	gva_t gva;
	int fd;
	char c;

	space_init_uffd(&s, 16, MV_THP_NEVER);
	obj = file_object(&s, 40, true, &fd);
	gva = map_file(&s, obj, 40 * PAGE_SIZE, RW, MAP_SHARED);
	for (unsigned i = 0; i < 40; i++)
		touch(&s, gva + i * PAGE_SIZE, MV_WRITE);
	assert_count(&s, 0, 0, 0);
	cr_assert_eq(*byte_at(&s, gva + PAGE_SIZE), 'b');
	assert_count(&s, 1, 0, 16);
	cr_assert_eq(*byte_at(&s, gva + 15 * PAGE_SIZE), 'p');
	assert_count(&s, 1, 0, 16);
	cr_assert(pwrite(fd, "H", 1, PAGE_SIZE) == 1);
	cr_assert_eq(*byte_at(&s, gva + PAGE_SIZE), 'H', "what the host writes isn't seen");
	*byte_at(&s, gva + 39 * PAGE_SIZE) = 'G';
	cr_assert(pread(fd, &c, 1, 39 * PAGE_SIZE) == 1 && c == 'G', "the file has %c", c);
	assert_count(&s, 2, 0, 32);
	cr_assert_eq(stage2_count(s.phys.stage2).ranges, 1);
	cr_assert(!mm_munmap(&s.mm, gva, 40 * PAGE_SIZE));
	object_put(obj);
	cr_assert_eq(stage2_count(s.phys.stage2).ranges, 0, "the window went, it didn't");
	close(fd);
	space_destroy(&s);
}

Test(stage2, a_kernels_access_to_a_missing_page_is_served)
{
	char bytes[2 * PAGE_SIZE];
	struct iovec iov[4];
	struct object *obj;
	struct space s;
	gva_t gva;
	int fd, nr;

	space_init_uffd(&s, 16, MV_THP_NEVER);
	map(&s, AT, 2 * PAGE_SIZE, RW, ANON);
	obj = file_object(&s, 2, true, &fd);
	gva = map_file(&s, obj, 2 * PAGE_SIZE, RW, MAP_SHARED);
	/* preadv(2) writes to frames that nobody has touched */
	cr_assert_eq(mm_iovec(&s.mm, AT, 2 * PAGE_SIZE, MV_WRITE, iov, 4, &nr),
		     2 * PAGE_SIZE);
	cr_assert_eq(preadv(fd, iov, nr, 0), 2 * PAGE_SIZE);
	assert_count(&s, 2, 2, 0);
	/* process_vm_readv(2) reads the window, mm->lock held */
	cr_assert_eq(mm_copy_from(&s.mm, bytes, gva, sizeof(bytes)), 0);
	cr_assert(bytes[0] == 'a' && bytes[PAGE_SIZE] == 'b');
	assert_count(&s, 3, 2, 16);
	cr_assert_arr_eq(byte_at(&s, AT), bytes, PAGE_SIZE);
	object_put(obj);
	close(fd);
	space_destroy(&s);
}

/* Too many single pieces would take all the mappings that the process may have. */
Test(stage2, beyond_many_pieces_a_window_is_mapped_whole, .timeout = 60)
{
	const uint64_t size = 1ull << 30;
	uint64_t touched = 0;
	struct stage2_count c;
	struct stage2 *s2;
	struct mv_error err;
	char *hva;
	int fd;

	REQUIRE_UFFD();
	fd = memfd_create("file", MFD_CLOEXEC);
	cr_assert(!ftruncate(fd, size));
	cr_assert(pwrite(fd, "e", 1, size - 1) == 1);
	cr_assert(!stage2_open(&s2, &err), "%s", err.text);
	hva = mmap(NULL, size, RW, ANON | MAP_NORESERVE, -1, 0);
	cr_assert(!stage2_add(s2, hva, PHYS_BASE, size, fd, 0, RW));
	do { /* even pieces first: none adjoins another */
		cr_assert_eq(hva[touched % (size / 2 / STAGE2_PIECE) * 2 * STAGE2_PIECE +
				 touched / (size / 2 / STAGE2_PIECE) * STAGE2_PIECE],
			     0);
		c = stage2_count(s2);
		cr_assert_eq(c.violations, ++touched);
	} while (c.from_files == touched * STAGE2_PIECE / PAGE_SIZE);
	cr_assert_eq(c.from_files,
		     (touched - 1) * STAGE2_PIECE / PAGE_SIZE + size / PAGE_SIZE);
	cr_assert_eq(hva[size - 1], 'e');
	cr_assert_eq(stage2_count(s2).violations, touched);
	stage2_remove(s2, hva);
	munmap(hva, size);
	stage2_close(s2);
	close(fd);
}

#define TOUCHERS 4

/* Memory that several threads touch at the same time, a step at a time. */
struct crowd {
	char *hva;
	uint64_t size, step, apart; /* apart: from one thread's place to the next one's */
	pthread_barrier_t barrier;
	atomic_uint nr;
};

static void *touch_in_crowd(void *arg)
{
	struct crowd *c = arg;
	unsigned me = c->nr++;

	for (uint64_t at = 0; at < c->size; at += c->step) {
		pthread_barrier_wait(&c->barrier);
		*(volatile char *)(c->hva + at + me * c->apart) += 1;
	}
	return NULL;
}

/* Violations of [0, size) of what fd stands for, with so many threads at each step. */
static uint64_t violations_in_crowd(int fd, uint64_t size, uint64_t step, uint64_t apart)
{
	struct crowd c = { .size = size, .step = step, .apart = apart };
	pthread_t threads[TOUCHERS];
	struct stage2 *s2;
	struct mv_error err;
	uint64_t n;

	cr_assert(!stage2_open(&s2, &err), "%s", err.text);
	c.hva = mmap(NULL, size, RW, ANON, -1, 0);
	cr_assert(!stage2_add(s2, c.hva, PHYS_BASE, size, fd, 0, RW));
	pthread_barrier_init(&c.barrier, NULL, TOUCHERS);
	for (unsigned i = 0; i < TOUCHERS; i++)
		pthread_create(&threads[i], NULL, touch_in_crowd, &c);
	for (unsigned i = 0; i < TOUCHERS; i++)
		pthread_join(threads[i], NULL);
	n = stage2_count(s2).violations;
	stage2_remove(s2, c.hva);
	munmap(c.hva, size);
	stage2_close(s2);
	return n;
}

Test(stage2, threads_that_touch_the_same_place_make_one_violation, .timeout = 60)
{
	int fd;

	REQUIRE_UFFD();
	fd = memfd_create("file", MFD_CLOEXEC);
	cr_assert(!ftruncate(fd, 8 * PMD_SIZE));
	cr_assert_eq(violations_in_crowd(-1, PMD_SIZE, PAGE_SIZE, 0), PMD_PAGES);
	cr_assert_eq(violations_in_crowd(fd, 8 * PMD_SIZE, STAGE2_PIECE, PAGE_SIZE),
		     8 * PMD_SIZE / STAGE2_PIECE);
	close(fd);
}

/* A place that comes, goes, and becomes somebody else's, read by a thread all the while. */
struct place {
	_Atomic(char *) hva;
	atomic_bool stop;
};

static void *read_place(void *arg)
{
	struct place *p = arg;
	char c;

	while (!p->stop) {
		struct iovec local = { &c, 1 }, remote = { p->hva, 1 };

		process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	}
	return NULL;
}

Test(stage2, a_range_that_goes_while_it_is_read_is_let_alone_afterwards, .timeout = 60)
{
	static struct place p;
	pthread_t reader;
	struct stage2 *s2;
	struct mv_error err;
	int fd;

	REQUIRE_UFFD();
	fd = memfd_create("file", MFD_CLOEXEC);
	cr_assert(!ftruncate(fd, PMD_SIZE));
	cr_assert(!stage2_open(&s2, &err), "%s", err.text);
	pthread_create(&reader, NULL, read_place, &p);
	for (int i = 0; i < 1000; i++) {
		char *hva = mmap(NULL, PMD_SIZE, RW, ANON, -1, 0);

		cr_assert(
			!stage2_add(s2, hva, PHYS_BASE, PMD_SIZE, i % 2 ? fd : -1, 0, RW));
		p.hva = hva;
		for (int spin = 0; spin < i * 10; spin++)
			__asm__ volatile("pause");
		stage2_remove(s2, hva);
		munmap(hva, PMD_SIZE);
		cr_assert_eq(mmap(hva, PAGE_SIZE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0),
			     hva);
		*hva = 'x';
		sched_yield();
		cr_assert_eq(*hva, 'x');
		munmap(hva, PAGE_SIZE);
	}
	p.stop = true;
	pthread_join(reader, NULL);
	stage2_close(s2);
	close(fd);
}

Test(stage2, a_file_that_cannot_be_mapped_is_refused_when_it_is_added)
{
	struct stage2 *s2;
	struct mv_error err;
	char *hva;
	int fd;

	REQUIRE_UFFD();
	fd = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cr_assert(!fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	cr_assert(!stage2_open(&s2, &err), "%s", err.text);
	hva = mmap(NULL, PMD_SIZE, RW, ANON, -1, 0);
	cr_assert_eq(stage2_add(s2, hva, PHYS_BASE, PMD_SIZE, fd, 0, RW), -EPERM);
	*hva = 'x'; /* an ordinary page */
	cr_assert_eq(stage2_count(s2).violations, 0);
	munmap(hva, PMD_SIZE);
	stage2_close(s2);
	close(fd);
}

static size_t entries(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* A thread that was joined may stand in /proc for a moment. */
static bool entries_become(const char *dir, size_t want)
{
	for (int i = 0; i < 1000 && entries(dir) != want; i++)
		usleep(1000);
	return entries(dir) == want;
}

Test(stage2, nothing_is_left_when_it_ends)
{
	size_t fds = entries("/proc/self/fd"), tasks = entries("/proc/self/task");

	for (int i = 0; i < 20; i++) {
		struct space s;

		space_init_uffd(&s, 16, MV_THP_AUTO);
		cr_assert_eq(entries("/proc/self/task"), tasks + 1);
		map(&s, AT, PAGE_SIZE, RW, ANON);
		touch_pages(&s, 1);
		space_destroy(&s);
		cr_assert(entries_become("/proc/self/task", tasks), "a thread is left");
	}
	cr_assert_eq(entries("/proc/self/fd"), fds);
}

Test(stage2, side_by_side_each_counts_its_own)
{
	struct space s[3];

	for (unsigned i = 0; i < 3; i++) {
		space_init_uffd(&s[i], 16, MV_THP_NEVER);
		map(&s[i], AT, 8 * PAGE_SIZE, RW, ANON);
	}
	for (unsigned i = 0; i < 3; i++)
		touch_pages(&s[i], i + 2);
	for (unsigned i = 0; i < 3; i++) {
		assert_count(&s[i], i + 2, i + 2, 0);
		space_destroy(&s[i]);
	}
}

/* The child's status: 0 as it should be, 77 where the host permits it to anybody. */
static int open_as_nobody(void)
{
	struct mv_error err = { 0 };
	struct stage2 *s2;
	int ret;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 77;
	ret = stage2_open(&s2, &err);
	if (!ret)
		return 77;
	return ret == -EPERM && err.num == EPERM &&
			       strstr(err.text, "vm.unprivileged_userfaultfd=1") &&
			       strstr(err.text, "/dev/userfaultfd")
		       ? 0
		       : 1;
}

Test(stage2, without_privilege_the_error_says_what_to_do)
{
	int status;
	pid_t pid;

	REQUIRE_UFFD();
	pid = fork();
	if (!pid)
		_exit(open_as_nobody());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (status == 77 << 8)
		SKIP("anybody may use userfaultfd here, or this test can't become nobody");
	cr_assert_eq(status, 0);
}

Test(stage2, a_direct_one_counts_nothing)
{
	struct space s;

	space_init_as(&s, MV_STAGE2_DIRECT, GIB, 16, MV_THP_AUTO);
	map(&s, AT, 8 * PAGE_SIZE, RW, ANON);
	touch_pages(&s, 8);
	assert_count(&s, 0, 0, 0);
	space_destroy(&s);
}
