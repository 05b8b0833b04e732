/* SPDX-License-Identifier: MIT */
/*
 * test_timers.c: signals that come while a payload works or waits: from its own timers, and from
 * outside. What is right comes from the host's kernel: the same program runs natively.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way, status)                                                  \
	Test(timers, test, LIMIT)                                                \
	{                                                                        \
		REQUIRE_KVM();                                                   \
		cr_expect_eq(same_with_pipe("timers", way, NULL, NULL), status); \
	}

SAME(a_signal_amid_work_changes_nothing_of_it, "work", 0)
SAME(a_signal_amid_calls_and_faults_changes_nothing_of_them, "calls", 0)
SAME(timers_of_cpu_time_expire, "cpu", 0)
SAME(a_call_that_waits_is_interrupted_as_linux_has_it, "waits", 0)
SAME(a_read_goes_on_after_a_handler_that_restarts, "restarted", 128 + SIGALRM)
SAME(a_futex_goes_on_after_a_handler_that_restarts, "restarted-futex", 128 + SIGALRM)
SAME(a_signal_that_is_ignored_interrupts_nothing, "ignored", 0)
SAME(an_alarm_ends_a_pause, "killed", 128 + SIGALRM)
SAME(an_alarm_ends_work_without_calls, "killed-at-work", 128 + SIGALRM)
SAME(timers_have_the_values_that_linux_gives_them, "values", 0)
SAME(a_timer_that_is_taken_late_keeps_its_pace, "late", 0)
SAME(sigtimedwait_takes_what_is_blocked, "timedwait", 0)
SAME(sigsuspend_changes_the_mask_until_a_handler_has_run, "suspended", 0)

/* What the other thread sends, once the payload is ready. */
struct sender {
	struct sandbox *s;
	int signo;
};

static void *send_one(void *arg)
{
	const struct sender *sender = arg;
	struct stat st = { 0 };

	while (!st.st_size) {
		usleep(1000);
		fstat(sender->s->out, &st);
	}
	usleep(20000);
	cr_assert_eq(mv_signal(sender->s->vm, sender->signo), 0);
	return NULL;
}

static void run_and_send(struct sandbox *s, const char *way, int signo)
{
	struct sender sender = { s, signo };
	pthread_t thread;

	sandbox_init(s);
	sandbox_load(s, (const char *const[]){ "timers", way, NULL });
	cr_assert(!pthread_create(&thread, NULL, send_one, &sender));
	sandbox_run(s);
	pthread_join(thread, NULL);
}

Test(timers, a_signal_from_outside_ends_a_wait_with_eintr, LIMIT)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
	struct sandbox s;
	char want[128];

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		run_and_send(&s, "outside", all[i]);
		mv_assert_exited(&s.end, 0);
		snprintf(want, sizeof(want),
			 "ready\nsignal %d code 128 pid 0 mask 0\npause: -4\n", all[i]);
		cr_expect_str_eq(s.text, want);
		sandbox_close(&s);
	}
}

Test(timers, a_signal_from_outside_comes_amid_work, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	run_and_send(&s, "outside-at-work", SIGTERM);
	mv_assert_exited(&s.end, 0);
	cr_expect_str_eq(s.text, "ready\nsignal 15 code 128 pid 0 mask 0\n");
	sandbox_close(&s);
}

Test(timers, a_signal_from_outside_that_has_no_handler_does_its_default, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	run_and_send(&s, "outside-default", SIGINT);
	mv_assert_signal(&s.end, SIGINT, SI_KERNEL, 0);
	cr_expect_eq(s.end.status, 128 + SIGINT);
	sandbox_close(&s);
}

Test(timers, a_signal_that_comes_before_the_run_isnt_lost, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_load(&s, (const char *const[]){ "timers", "outside-default", NULL });
	cr_expect_eq(mv_signal(s.vm, 0), -EINVAL);
	cr_expect_eq(mv_signal(s.vm, 65), -EINVAL);
	cr_expect_eq(mv_signal(s.vm, SIGTERM), 0);
	sandbox_run(&s);
	mv_assert_signal(&s.end, SIGTERM, SI_KERNEL, 0);
	sandbox_close(&s);
}
