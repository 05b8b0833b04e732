/* SPDX-License-Identifier: MIT */
/* test_limit.c: the memory limit as a payload meets it, and what the host backs below it. */
#include <limits.h>
#include <sys/resource.h>

#include "tests/kvm/sandbox.h"

#define LIMIT .timeout = 60
#define MIB (1ull << 20)

static void run_limits(struct sandbox *s, const char *what)
{
	sandbox_init(s);
	s->opt.mem = 4 * MIB;
	sandbox_do(s, "limits", what);
}

Test(limit, a_call_that_meets_it_ends_the_payload, LIMIT)
{
	static const char *const calls[] = { "read",  "write",	  "random",
					     "mlock", "populate", "madvise" };

	REQUIRE_KVM();
	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct sandbox s;

		run_limits(&s, calls[i]);
		cr_assert_eq(s.end.kind, MV_EXIT_OOM, "%s: %s", calls[i], s.text);
		cr_assert_eq(s.end.status, 137);
		cr_assert_eq(s.end.access, 0, "no fault of the payload's own was it");
		sandbox_close(&s);
	}
}

Test(limit, a_memfd_that_would_exceed_it_gets_enospc, LIMIT)
{
	static const char *const ways[] = { "grow", "append", "append-call" };
	struct mv_memory m;
	struct sandbox s;

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		run_limits(&s, ways[i]);
		mv_assert_exited(&s.end, 0);
		sandbox_close(&s);
	}
	run_limits(&s, "keep");
	mv_assert_exited(&s.end, 0);
	mv_memory(s.vm, &m);
	cr_assert(m.memfds > 3 * MIB, "mappings keep closed ones: %lu", m.memfds);
	sandbox_close(&s);
}

/* Closed files, too, are the host's as long as they are mapped. */
Test(limit, the_files_that_may_be_open_bound_those_that_are_mapped, LIMIT)
{
	const unsigned most = 1024 + 4 * 16;
	struct rlimit files;
	struct sandbox s;
	unsigned long n;

	REQUIRE_KVM();
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur / 2 < most)
		cr_skip_test("RLIMIT_NOFILE is %lu", (unsigned long)files.rlim_cur);
	sandbox_init(&s);
	s.opt.max_files = 16;
	sandbox_do(&s, "limits", "files");
	mv_assert_exited(&s.end, 0);
	n = strtoul(s.text, NULL, 10);
	cr_expect(n <= most && n + 8 > most, "%s", s.text);
	cr_expect(strstr(s.text, "files: -23"), "%s", s.text);
	sandbox_close(&s);
}

/* The parts that it says memory is in make up all of it. */
static void assert_sums(struct sandbox *s, struct mv_memory *m)
{
	mv_memory(s->vm, m);
	cr_assert_eq(m->charged, m->touched + m->idle + m->tables + m->nodes + m->freed +
					 m->memfds + m->promised);
	cr_assert_leq(m->charged, m->limit);
}

Test(limit, the_report_says_where_the_memory_is, LIMIT)
{
	struct mv_memory m;
	struct sandbox s;
	char *text = NULL;
	size_t size;
	FILE *out;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.mem = 4 * MIB;
	sandbox_do(&s, "anon", "64M");
	cr_assert_eq(s.end.kind, MV_EXIT_OOM);
	assert_sums(&s, &m);
	cr_assert_eq(m.charged, m.limit, "exact to the page");
	cr_assert_eq(m.idle, 0, "what was never touched was taken back first");
	cr_assert(m.touched > 3 * MIB);
	out = open_memstream(&text, &size);
	mv_print_exit(s.vm, &s.end, out);
	fclose(out);
	cr_assert(strstr(text, "        4096 KiB  in use"), "%s", text);
	cr_assert(strstr(text, "  anonymous memory that was touched"), "%s", text);
	cr_assert(strstr(text, "  /dev/shm, memfds and shared memory segments, pipes"),
		  "%s", text);
	cr_assert(strstr(text, "the largest mappings"), "%s", text);
	free(text);
	sandbox_close(&s);
}

/* Kilobytes of this process that the host backs. */
static unsigned long rss_kb(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kb = 0;
	char line[256];

	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "VmRSS:", 6))
			kb = strtoul(line + 6, NULL, 10);
	fclose(file);
	return kb;
}

/* One page in each of 10,000 times 2 MiB. What the host backs for it more than before, in KiB. */
static unsigned long touch_sparse(struct sandbox *s)
{
	unsigned long before = rss_kb();
	struct mv_memory m;

	s->opt.mem = 1024 * MIB;
	sandbox_do(s, "anon", "20000M", "2M");
	mv_assert_exited(&s->end, 0);
	cr_assert(strstr(s->text, "10000 pages touched"), "%s", s->text);
	assert_sums(s, &m);
	return rss_kb() - before;
}

Test(limit, ten_thousand_pages_far_apart_cost_ten_thousand_pages_and_their_tables, LIMIT)
{
	struct sandbox s;
	unsigned long kb;

	REQUIRE_KVM();
	sandbox_init(&s);
	kb = touch_sparse(&s);
	cr_assert(kb > 3 * 10000 * 4 && kb < 140 << 10, "%lu KiB", kb);
	sandbox_close(&s);
	sandbox_init(&s);
	s.opt.fault_around = 2 * MIB;
	kb = touch_sparse(&s);
	cr_assert(kb > 3 * 10000 * 4 && kb < 140 << 10, "%lu KiB", kb);
	sandbox_close(&s);
}

Test(limit, huge_pages_that_were_asked_for_do_not_exceed_it, LIMIT)
{
	struct sandbox s;
	unsigned long kb;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.thp = MV_THP_ALWAYS;
	kb = touch_sparse(&s);
	cr_assert(kb < 1050 << 10, "%lu KiB", kb);
	sandbox_close(&s);
}
