/* SPDX-License-Identifier: MIT */
/* test_dev_shm.c: /dev/shm, a file system of the sandbox's own: mv_options.shm. */
#include <errno.h>
#include <limits.h>

#include "tests/kvm/program.h"
#include "tests/lib/remove_tree.h"

#define LIMIT .timeout = 60
#define MIB (1ull << 20)

static const struct mv_grant all = { "/", false };

static void init(struct sandbox *s)
{
	sandbox_init(s);
	s->opt.grants = &all;
	s->opt.ngrants = 1;
}

/* In a sandbox alone; natively the host's would be used up. */
static void fill(struct sandbox *s, const char *size)
{
	const char *argv[] = { program_path("posix-musl"), "sparse", size, NULL };
	static const char *const envp[] = { NULL };
	struct mv_error err = { 0 };

	cr_assert(!mv_open(&s->opt, &s->vm, &err), "%s", err.text);
	cr_assert(!mv_load(s->vm, argv[0], argv, envp, &err), "%s", err.text);
	sandbox_run(s);
	mv_assert_exited(&s->end, 0);
}

Test(dev_shm, shared_memory_and_semaphores_are_as_natively_with_each_c_library, LIMIT)
{
	static const char *const programs[] = { "posix-glibc", "posix-musl",
						"posix-dynamic" };
	struct sandbox s;

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		init(&s);
		sandbox_as_native(&s, (const char *[]){ program_path(programs[i]), "share",
							NULL });
	}
}

Test(dev_shm, names_in_it_are_changed_as_in_a_directory_of_the_host_s, LIMIT)
{
	static char native[1 << 16];
	char path[] = "/tmp/mapvisor-test-XXXXXX";
	struct sandbox s;

	REQUIRE_KVM();
	cr_assert(mkdtemp(path));
	run_natively((const char *const[]){ payload_path("change"), path, NULL }, native,
		     sizeof(native));
	sandbox_init(&s);
	sandbox_do(&s, "change", "/dev/shm");
	mv_assert_exited(&s.end, 0);
	expect_same_lines(s.text, native);
	sandbox_close(&s);
	remove_tree(path);
}

/* 1 MiB and a page: as many pages are stored to, then there is none, for a call neither; SIGBUS, ENOSPC. */
Test(dev_shm, it_holds_as_much_as_it_was_made_for, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	init(&s);
	s.opt.shm = MIB + 100;
	fill(&s, "4194304");
	cr_expect_str_eq(s.text,
			 "open: ok\n1052672 of 4194304\nwrite: No space left on device\n");
	sandbox_close(&s);
}

Test(dev_shm, it_counts_as_the_payloads_memory_once_it_is_used, LIMIT)
{
	struct mv_memory m;
	struct sandbox s;

	REQUIRE_KVM();
	init(&s);
	s.opt.mem = 32 * MIB;
	sandbox_do(&s, "hello");
	mv_memory(s.vm, &m);
	cr_expect_eq(m.memfds, 0);
	sandbox_close(&s);
	init(&s);
	s.opt.mem = 32 * MIB;
	fill(&s, "4096");
	mv_memory(s.vm, &m);
	cr_expect_eq(m.memfds, 8 * MIB, "a quarter: %lu", m.memfds);
	cr_expect_leq(m.charged, 32 * MIB);
	sandbox_close(&s);
	init(&s); /* the program has some of it already */
	s.opt.mem = s.opt.shm = 8 * MIB;
	fill(&s, "4096");
	cr_expect_str_eq(s.text, "open: No space left on device\n");
	sandbox_close(&s);
}

Test(dev_shm, a_size_beyond_the_memory_is_refused, LIMIT)
{
	struct mv_error err = { 0 };
	struct sandbox s;

	REQUIRE_KVM();
	init(&s);
	s.opt.mem = 8 * MIB;
	s.opt.shm = 8 * MIB + 1;
	cr_expect_eq(mv_open(&s.opt, &s.vm, &err), -EINVAL);
	cr_expect(strstr(err.text, "shm"), "%s", err.text);
	close(s.out);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f, "%s", path);
	fputs(text, f);
	fclose(f);
}

/* Whether a payload can open it for reading. */
static void expect_open(struct sandbox *s, const char *path, bool there)
{
	sandbox_do(s, "wordcount", path);
	cr_expect_eq(s->end.status == 0, there, "%s: %s", path, s->text);
	sandbox_close(s);
}

Test(dev_shm, the_host_s_is_not_seen_but_for_what_was_granted, LIMIT)
{
	char path[] = "/dev/shm/mapvisor-test-XXXXXX", file[PATH_MAX];
	struct mv_grant grants[2] = { { "/", false }, { file, false } };
	struct sandbox s;

	REQUIRE_KVM();
	if (!mkdtemp(path))
		SKIP("/dev/shm can't be written");
	snprintf(file, sizeof(file), "%s/file", path);
	write_file(file, "of the host\n");
	init(&s);
	expect_open(&s, file, false);
	sandbox_init(&s);
	s.opt.grants = grants;
	s.opt.ngrants = 2;
	expect_open(&s, file, true);
	remove_tree(path);
}
