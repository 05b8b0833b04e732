/* SPDX-License-Identifier: MIT */
/*
 * test_transfer.c: calls that transfer so much that something comes amid them: a signal, or the end. What
 * is right comes from the host's kernel.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60
#define GIB (1ll << 30)

Test(transfer, a_device_is_left_at_a_signal_with_what_was_done, LIMIT)
{
	REQUIRE_KVM();
	cr_expect_eq(same_as_native("transfer", "devices", NULL, NULL), 0);
}

Test(transfer, a_regular_file_is_left_at_no_signal_that_has_a_handler, LIMIT)
{
	char path[PATH_MAX];

	REQUIRE_KVM();
	make_file(path, "", 0);
	cr_expect_eq(same_as_native("transfer", "regular", path, path), 0);
	unlink(path);
}

/* The payload makes a file of 2 GiB, by one call for the second one, unless that is ended. */
static void expect_ended(const char *way, uint64_t timeout_ns, uint64_t cpu_ns)
{
	char path[PATH_MAX];
	const struct mv_grant grant = { path, true };
	struct sandbox s;
	struct stat st;

	make_file(path, "", 0);
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	s.opt.timeout_ns = timeout_ns;
	s.opt.cpu_ns = cpu_ns;
	sandbox_do(&s, "transfer", way, path);
	cr_expect_eq(s.end.status, 124, "%s", way);
	cr_expect_eq(stat(path, &st), 0);
	cr_expect_lt(st.st_size, 2 * GIB, "%s", way);
	sandbox_close(&s);
	unlink(path);
}

Test(transfer, of_a_regular_file_is_ended_by_the_limits_of_time, LIMIT)
{
	static const char *const ways[] = { "write", "copy", "send" };

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		expect_ended(ways[i], SECOND / 10, 0);
		expect_ended(ways[i], 0, SECOND / 10);
	}
}

static void *interrupt(void *arg)
{
	usleep(100000);
	mv_interrupt(arg);
	return NULL;
}

static void *terminate(void *arg)
{
	usleep(100000);
	mv_signal(arg, SIGTERM);
	return NULL;
}

/* ... and by what comes from outside, another thread's `what`. */
static void expect_left(void *(*what)(void *), enum mv_exit_kind kind)
{
	char path[PATH_MAX];
	const struct mv_grant grant = { path, true };
	pthread_t thread;
	struct sandbox s;
	struct stat st;

	make_file(path, "", 0);
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_load(&s, (const char *const[]){ "transfer", "write", path, NULL });
	cr_assert_eq(pthread_create(&thread, NULL, what, s.vm), 0);
	sandbox_run(&s);
	pthread_join(thread, NULL);
	cr_expect_eq(s.end.kind, kind);
	cr_expect_eq(stat(path, &st), 0);
	cr_expect_lt(st.st_size, 2 * GIB);
	sandbox_close(&s);
	unlink(path);
}

Test(transfer, of_a_regular_file_is_left_at_a_signal_that_kills, LIMIT)
{
	REQUIRE_KVM();
	expect_left(terminate, MV_EXIT_SIGNAL);
}

Test(transfer, of_a_regular_file_is_left_when_the_embedder_asks_for_it, LIMIT)
{
	REQUIRE_KVM();
	expect_left(interrupt, MV_EXIT_INTERRUPTED);
}
