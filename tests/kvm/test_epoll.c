/* SPDX-License-Identifier: MIT */
/* test_epoll.c: epoll, and masks of calls that wait. What is right comes from the host's kernel. */
#include <dirent.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                    \
	Test(epoll, test, LIMIT)                                           \
	{                                                                  \
		REQUIRE_KVM();                                             \
		cr_expect_eq(same_with_pipe("epoll", way, NULL, NULL), 0); \
	}

SAME(it_has_levels_edges_and_single_shots, "states")
SAME(what_it_watches_is_an_open_file_by_a_number, "numbers")
SAME(one_watches_another, "nested")
SAME(an_event_without_room_for_it_is_kept, "no-memory")
SAME(a_wait_is_interrupted_as_linux_has_it, "waits")
SAME(a_mask_holds_for_the_time_of_the_wait, "masks")

Test(epoll, wrong_calls_give_linux_errors, LIMIT)
{
	char path[PATH_MAX];

	REQUIRE_KVM();
	cr_assert(realpath(payload_path("epoll"), path));
	cr_expect_eq(same_with_pipe("epoll", "errors", path, path), 0);
}

Test(epoll, what_is_watched_is_bounded_by_the_files_that_may_be_open, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.max_files = 64;
	sandbox_do(&s, "epoll", "many");
	/* a second number for a file in an epoll: 29 in each of two, and 6 */
	cr_expect_str_eq(s.text, "512 are watched, then -28\n512 are watched, then -28\n"
				 "67 are watched, then -28\n67 are watched, then -28\n");
	sandbox_close(&s);
}

/* Files that this process has open. */
static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

Test(epoll, numbers_of_one_file_take_no_more_of_the_host_s_than_may_be_open, LIMIT)
{
	struct sandbox s;
	unsigned before;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.max_files = 64;
	sandbox_load(&s, (const char *const[]){ "epoll", "keep", NULL });
	before = open_files();
	sandbox_run(&s);
	mv_assert_exited(&s.end, 0);
	cr_expect_leq(open_files(), before + 2 * 64);
	sandbox_close(&s);
}
