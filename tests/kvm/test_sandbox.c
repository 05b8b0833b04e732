/* SPDX-License-Identifier: MIT */
/* test_sandbox.c: the library: lazy loading, time limits, several sandboxes, and what is refused. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/kvm/sandbox.h"

#define LIMIT .timeout = 60

/* As Linux does, which clears what of that page is .bss. */
Test(loading, touches_no_page_but_the_stack_and_where_data_ends, LIMIT)
{
	struct sandbox s;
	struct mv_vma v;
	uint64_t end;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "walkme", NULL });
	end = symbol(&s, "_edata");
	mv_assert_mapped(s.vm, end);
	for (uint64_t gva = 0; !mv_vma(s.vm, gva, &v); gva = v.end)
		if (strcmp(v.name, "[stack]"))
			cr_assert_eq(v.reserved,
				     v.start <= end && end < v.end ? MV_PAGE_SIZE : 0,
				     "%#lx, %s", v.start, v.name);
	sandbox_close(&s);
}

Test(loading, bss_reads_zero_before_it_is_touched, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "walkme", NULL });
	mv_assert_not_mapped(s.vm, symbol(&s, "marker_bss"));
	mv_assert_mem_is(s.vm, symbol(&s, "marker_bss"), 0, MV_PAGE_SIZE);
	sandbox_close(&s);
}

Test(loading, a_static_pie_runs_as_its_plain_twin, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "walkme-pie");
	mv_assert_exited(&s.end, 0);
	mv_assert_mem_is(s.vm, symbol(&s, "marker_bss"), 0xa5, MV_PAGE_SIZE);
	cr_assert(symbol(&s, "marker") > 0x555500000000);
	sandbox_close(&s);
}

Test(sandbox, a_loop_ends_by_its_time_limit, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.timeout_ns = SECOND / 5;
	sandbox_do(&s, "spin");
	cr_assert_eq(s.end.kind, MV_EXIT_TIMEOUT);
	cr_assert_eq(s.end.status, 124);
	sandbox_close(&s);
}

static void *interrupt_later(void *vm)
{
	usleep(100000);
	mv_interrupt((struct mv_vm *)vm);
	return NULL;
}

Test(sandbox, an_interrupted_run_goes_on, LIMIT)
{
	struct sandbox s;
	pthread_t thread;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "spin", NULL });
	for (int i = 0; i < 3; i++) {
		uint64_t rip = s.end.rip;

		pthread_create(&thread, NULL, interrupt_later, s.vm);
		sandbox_run(&s);
		pthread_join(thread, NULL);
		cr_assert_eq(s.end.kind, MV_EXIT_INTERRUPTED);
		cr_assert(s.end.rip, "no rip after %#lx", rip);
	}
	sandbox_close(&s);
}

Test(sandbox, an_interrupt_before_the_run_ends_it, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "hello", NULL });
	mv_interrupt(s.vm);
	sandbox_run(&s);
	cr_assert_eq(s.end.kind, MV_EXIT_INTERRUPTED);
	sandbox_run(&s);
	mv_assert_exited(&s.end, 0);
	sandbox_close(&s);
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

Test(sandbox, one_after_the_other_leaves_nothing_behind, LIMIT)
{
	size_t before = 0;

	REQUIRE_KVM();
	for (int i = 0; i < 30; i++) {
		struct sandbox s;

		sandbox_init(&s);
		sandbox_do(&s, "anon", "4M");
		mv_assert_exited(&s.end, 0);
		sandbox_close(&s);
		if (!i)
			before = entries("/proc/self/fd");
	}
	cr_assert_eq(entries("/proc/self/fd"), before);
}

static void *run_one(void *arg)
{
	struct sandbox *s = arg;

	sandbox_do(s, "anon", "8M");
	return NULL;
}

Test(sandbox, side_by_side_the_same_gva_has_frames_of_its_own, LIMIT)
{
	struct sandbox *s = calloc(4, sizeof(*s));
	uint64_t zero = 0, word = 0;
	pthread_t threads[4];

	REQUIRE_KVM();
	for (int i = 0; i < 4; i++) {
		sandbox_init(&s[i]);
		pthread_create(&threads[i], NULL, run_one, &s[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		mv_assert_exited(&s[i].end, 0);
	}
	cr_assert(!mv_write(s[0].vm, global(&s[0], "region"), &zero, 8, NULL));
	for (int i = 1; i < 4; i++) {
		cr_assert_eq(global(&s[i], "region"), global(&s[0], "region"));
		cr_assert(!mv_read(s[i].vm, global(&s[i], "region"), &word, 8, NULL));
		cr_assert_neq(word, 0);
	}
	for (int i = 0; i < 4; i++)
		sandbox_close(&s[i]);
	free(s);
}

Test(sandbox, unknown_calls_are_answered_enosys_and_counted_by_number, LIMIT)
{
	struct sandbox s;
	size_t cursor = 0;
	uint64_t count, all = 0;
	int64_t nr;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "unknown");
	mv_assert_exited(&s.end, 0);
	cr_assert(!strstr(s.text, "= 0"), "%s", s.text);
	while (!mv_unknown_call(s.vm, &cursor, &nr, &count))
		all += count;
	cr_assert_eq(all, counters(&s).calls_unknown);
	cr_assert(all >= 6);
	sandbox_close(&s);
}

Test(sandbox, calls_answer_as_the_hosts_kernel_does, LIMIT)
{
	static const char digits[] = "0123456789012345678901234567890123456789"
				     "0123456789012345678901234567890123456789";
	char path[PATH_MAX], native[1 << 14];
	struct mv_grant grant = { path, false };
	struct sandbox s;
	char *a, *b, *rest_a, *rest_b;

	REQUIRE_KVM();
	make_file(path, digits, sizeof(digits) - 1);
	run_natively((const char *const[]){ payload_path("calls"), path, NULL }, native,
		     sizeof(native));
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, "calls", path);
	mv_assert_exited(&s.end, 0);
	a = strtok_r(native, "\n", &rest_a);
	b = strtok_r(s.text, "\n", &rest_b);
	while (a && b) {
		if (!strstr(a, "/nowhere")) /* not granted: EACCES, not ENOENT */
			cr_assert_str_eq(b, a);
		a = strtok_r(NULL, "\n", &rest_a);
		b = strtok_r(NULL, "\n", &rest_b);
	}
	cr_assert(!a && !b, "one of them says more");
	sandbox_close(&s);
	unlink(path);
}

/*
 * Whatever a payload asks for, it ends itself at most, and writes nowhere but where it may. 0 and 1
 * are closed to it, 2 is the test's memfd.
 */
Test(sandbox, hostile_calls_end_the_payload_at_most, LIMIT)
{
	REQUIRE_KVM();
	for (int seed = 1; seed <= 12; seed++) {
		struct sandbox s;
		char text[16];

		snprintf(text, sizeof(text), "%d", seed);
		sandbox_init(&s);
		s.opt.mem = 64 << 20;
		s.opt.fds[1] = -1;
		sandbox_do(&s, "fuzzcalls", text, "1500");
		cr_assert(s.end.kind == MV_EXIT_STATUS || s.end.kind == MV_EXIT_SIGNAL ||
				  s.end.kind == MV_EXIT_OOM,
			  "seed %d: ended in way %d", seed, (int)s.end.kind);
		/* populating what it mapped may be more than 64M, at any call */
		cr_assert(s.end.kind == MV_EXIT_OOM || counters(&s).calls > 100,
			  "seed %d ended at once", seed);
		sandbox_close(&s);
	}
}

Test(assertions, a_difference_shows_both_bytes_the_place_and_the_walk, LIMIT)
{
	struct sandbox s;
	char *text;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "hello");
	text = mv_diff_text(s.vm, symbol(&s, "greeting"), "hellO", 5);
	cr_assert(text);
	cr_assert(strstr(text, "differs at byte 4 of 5"), "%s", text);
	cr_assert(strstr(text, "expected 68 65 6c 6c 4f"), "%s", text);
	cr_assert(strstr(text, "found    68 65 6c 6c 6f"), "%s", text);
	cr_assert(strstr(text, "in VMA"), "%s", text);
	cr_assert(strstr(text, "pte["), "%s", text);
	free(text);
	cr_assert_null(mv_diff_text(s.vm, symbol(&s, "greeting"), "hello", 5));
	sandbox_close(&s);
}

Test(assertions, a_failure_stays_one_where_no_file_can_be_made_for_its_text, LIMIT)
{
	struct rlimit old, none;
	char *text, *place;
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "hello");
	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ 0, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	text = mv_diff_text(s.vm, symbol(&s, "greeting"), "hellO", 5);
	place = mv_place_text(s.vm, 0, false, "x");
	setrlimit(RLIMIT_NOFILE, &old);
	cr_expect(text, "a difference passes as none");
	cr_expect(place, "a failure passes as none");
	free(text);
	free(place);
	sandbox_close(&s);
}

Test(sandbox, more_mem_takes_no_more_slots, LIMIT)
{
	uint64_t slots[2];

	REQUIRE_KVM();
	for (int i = 0; i < 2; i++) {
		struct sandbox s;

		sandbox_init(&s);
		s.opt.mem = i ? 16ull << 30 : 256ull << 20;
		sandbox_do(&s, "hello");
		slots[i] = counters(&s).slots;
		sandbox_close(&s);
	}
	cr_assert_eq(slots[0], slots[1], "%lu, %lu", slots[0], slots[1]);
}

Test(sandbox, memory_that_closed_files_leave_behind_stays_within_the_limit, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.mem = 64 << 20;
	sandbox_do(&s, "hoard", "memfd");
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, "8 times: -28\n"); /* ENOSPC */
	sandbox_close(&s);
}

Test(sandbox, lists_of_vmas_that_are_held_open_stay_within_the_limit, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.mem = 64 << 20;
	sandbox_do(&s, "hoard", "maps");
	mv_assert_exited(&s.end, 0);
	cr_assert(strstr(s.text, " times: -12\n"), "%s", s.text); /* ENOMEM */
	sandbox_close(&s);
}

/* What the host keeps in files of this name for it, in bytes. */
static uint64_t kept_in(const char *name)
{
	char link[64], text[64];
	uint64_t bytes = 0;
	struct stat st;

	for (int fd = 0; fd < 2048; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = '\0';
		if (strstr(text, name) && !fstat(fd, &st))
			bytes += (uint64_t)st.st_blocks * 512;
	}
	return bytes;
}

Test(sandbox, lists_of_vmas_that_are_opened_as_places_take_no_memory, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "hoard", "places");
	mv_assert_exited(&s.end, 0);
	cr_assert_eq(kept_in("/memfd:maps"), 0);
	sandbox_close(&s);
}

/* The host's kernel keeps each. */
Test(sandbox, locks_are_bounded, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "hoard", "locks");
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, "9 times: -37\n"); /* ENOLCK */
	sandbox_close(&s);
}

Test(sandbox, a_long_mincore_ends_by_its_time_limit, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.timeout_ns = SECOND;
	sandbox_do(&s, "resident");
	cr_assert_eq(s.end.kind, MV_EXIT_TIMEOUT);
	sandbox_close(&s);
}
