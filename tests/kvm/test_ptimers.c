/* SPDX-License-Identifier: MIT */
/*
 * test_ptimers.c: POSIX timers, and signals that carry something. What is right comes from the
 * host's kernel: the same program runs natively.
 */
#include <sys/utsname.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

#define SAME(test, way)                                                      \
	Test(ptimers, test, LIMIT)                                           \
	{                                                                    \
		REQUIRE_KVM();                                               \
		cr_expect_eq(same_with_pipe("ptimers", way, NULL, NULL), 0); \
	}

SAME(wrong_calls_give_linux_errors, "refusals")
SAME(a_number_is_not_used_again, "numbers")
SAME(one_without_interval_sends_its_signal_once, "once")
SAME(a_time_by_the_clock_may_have_passed, "absolute")
SAME(it_has_the_values_that_it_was_given, "asked")
SAME(intervals_that_pass_unseen_are_counted_once, "overrun")
SAME(an_old_signal_comes_once_from_each_timer, "old")
SAME(cpu_time_is_what_the_process_used, "cpu")
SAME(its_signals_change_nothing_of_the_work_between, "work")
SAME(one_that_sends_nothing_can_be_asked, "silent")
SAME(what_a_queued_signal_carries_arrives, "queued")
SAME(queued_signals_come_in_order, "in-order")
SAME(wrong_signals_are_not_queued, "queue-errors")
SAME(a_queue_has_an_end, "full")

/* Linux 6.13 has changed what becomes of signals of a timer that was set anew, or are ignored. */
static bool kernel_is_new(void)
{
	struct utsname name;
	long major, minor;
	char *end;

	uname(&name);
	major = strtol(name.release, &end, 10);
	minor = strtol(end + 1, NULL, 10);
	return major > 6 || (major == 6 && minor >= 13);
}

#define SAME_AS_NEW(test, way)                                               \
	Test(ptimers, test, LIMIT)                                           \
	{                                                                    \
		REQUIRE_KVM();                                               \
		if (!kernel_is_new())                                        \
			SKIP("the host's kernel is older than 6.13");        \
		cr_expect_eq(same_with_pipe("ptimers", way, NULL, NULL), 0); \
	}

SAME_AS_NEW(what_was_sent_is_gone_when_its_timer_is, "taken-back")
SAME_AS_NEW(one_with_an_interval_waits_until_its_signal_is_not_ignored, "ignored")
