/* SPDX-License-Identifier: MIT */
/*
 * test_self.c: what a payload is told about itself, its time and its CPU. What is right comes from the
 * host's kernel: the same program runs natively, and must say the same.
 */
#include <errno.h>
#include <pthread.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                   \
	Test(self, test, LIMIT)                                           \
	{                                                                 \
		REQUIRE_KVM();                                            \
		cr_expect_eq(same_as_native("self", way, NULL, NULL), 0); \
	}

SAME(users_and_groups_are_those_of_a_process_without_capabilities, "ids")
SAME(it_leads_a_process_group_and_no_session, "sessions")
SAME(capabilities_are_none_and_asked_for_as_linux_wants_it, "capabilities")
SAME(prctl_keeps_names_and_settings, "prctl")
SAME(clocks_are_the_hosts_and_nobody_elses, "clocks")
SAME(a_sleep_is_long_enough_and_refused_as_linux_refuses_it, "sleep")
SAME(there_is_one_cpu_and_no_child, "scheduling")
SAME(a_futex_of_one_thread_waits_for_its_time_only, "futex")
SAME(the_program_is_read_by_its_link_and_not_written, "program")
SAME(texts_of_proc_have_no_size_and_linuxs_modes, "texts")
SAME(a_futex_that_may_be_shared_is_its_page, "shared-futex")
SAME(policies_are_those_that_need_no_capability, "policies")
SAME(the_time_is_not_set, "time-setting")
SAME(cpu_time_is_told_by_all_that_measure_it, "usage")

Test(self, a_second_process_is_not_served, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "self", "none");
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text,
			 "fork: -38\nvfork: -38\nclone: -38\nclone3: -38\nexecve: -38\n");
	sandbox_close(&s);
}

Test(self, sysinfo_has_the_sandboxs_memory, LIMIT)
{
	const uint64_t mem = 64 << 20;
	struct sandbox s;
	uint64_t words[6];

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.mem = mem;
	sandbox_do(&s, "self", "sysinfo");
	mv_assert_exited(&s.end, 0);
	cr_assert(!mv_read(s.vm, symbol(&s, "info"), words, sizeof(words), NULL));
	cr_assert(words[0] > 0, "no uptime");
	cr_assert_eq(words[4], mem);
	cr_assert(words[5] > mem / 2 && words[5] < mem, "%lu are free", words[5]);
	sandbox_close(&s);
}

/* From another thread, until the run has ended. */
static void *interrupt(void *vm)
{
	for (int i = 0; i < 20; i++) {
		mv_interrupt(vm);
		usleep(20000);
	}
	return NULL;
}

Test(self, a_sleep_that_the_embedder_interrupts_is_not_longer_for_it, LIMIT)
{
	struct timespec from, to;
	pthread_t thread;
	struct sandbox s;
	int interrupts = 0;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "self", "sleep-long", NULL });
	clock_gettime(CLOCK_MONOTONIC, &from);
	cr_assert(!pthread_create(&thread, NULL, interrupt, s.vm));
	do
		sandbox_run(&s);
	while (s.end.kind == MV_EXIT_INTERRUPTED && ++interrupts);
	clock_gettime(CLOCK_MONOTONIC, &to);
	pthread_join(thread, NULL);
	mv_assert_exited(&s.end, 0);
	cr_expect_str_eq(s.text, "sleeps\nnanosleep: 0\n");
	cr_expect(interrupts > 1);
	cr_expect((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec >=
		  1500000000);
	sandbox_close(&s);
}

/* seq_path() escapes "\n", and nothing else. */
Test(self, maps_has_names_in_the_bytes_that_linux_writes, LIMIT)
{
	REQUIRE_KVM();
	cr_expect_eq(same_as_native("names", "maps", NULL, NULL), 0);
}

Test(self, a_sleep_ends_with_the_time_limit, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	s.opt.timeout_ns = SECOND / 5;
	sandbox_do(&s, "self", "sleep-long");
	cr_assert_eq(s.end.kind, MV_EXIT_TIMEOUT);
	cr_assert_str_eq(s.text, "sleeps\n");
	sandbox_close(&s);
}
