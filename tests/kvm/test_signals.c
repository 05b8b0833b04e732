/* SPDX-License-Identifier: MIT */
/*
 * test_signals.c: a payload's own signal handlers. What is right comes from the host's kernel: the
 * same program runs natively, and must say and end the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60

static int same(const char *way, const char *argument, const char *file)
{
	return same_as_native("sigs", way, argument, file);
}

#define SAME(test, way, status)                              \
	Test(signals, test, LIMIT)                           \
	{                                                    \
		REQUIRE_KVM();                               \
		cr_expect_eq(same(way, NULL, NULL), status); \
	}

SAME(a_fault_where_nothing_is_mapped_is_told_with_address_and_error_code, "maperr", 0)
SAME(a_fault_against_the_protection_is_told_with_address_and_error_code, "accerr", 0)
SAME(a_fault_in_the_upper_half_is_told_as_one_against_the_protection, "kernel-half", 0)
SAME(exceptions_are_told_by_their_signal_and_trap_number, "exceptions", 0)
SAME(a_handler_that_repairs_the_access_lets_it_be_made_again, "repair", 0)
SAME(a_handler_can_change_every_register, "change", 0)
SAME(a_handler_that_defers_nothing_can_fault_itself, "nested", 0)
SAME(a_fault_whose_signal_is_blocked_kills, "blocked", 128 + SIGSEGV)
SAME(a_handler_for_one_time_is_gone_the_second_time, "reset", 128 + SIGSEGV)
SAME(a_fault_whose_signal_is_ignored_kills, "ignored", 128 + SIGSEGV)
SAME(a_handler_without_a_restorer_is_sigsegv, "no-restorer", 128 + SIGSEGV)
SAME(sigsegv_for_want_of_a_frame_can_be_handled, "no-restorer-but-segv", 0)
SAME(frames_that_lead_to_frames_end_where_the_stack_ends, "bad-segv-handler", 128 + SIGSEGV)
SAME(the_red_zone_is_kept, "red-zone", 0)
SAME(a_stack_that_overflows_is_handled_on_another, "altstack", 128 + SIGSEGV)
SAME(an_alternate_stack_can_disarm_itself, "autodisarm", 0)
SAME(an_alternate_stack_that_is_full_kills, "small-altstack", 128 + SIGSEGV)
SAME(sigaltstack_refuses_what_linux_refuses, "altstack-errors", 0)
SAME(floating_point_exceptions_have_their_code, "float-errors", 0)
SAME(signals_to_itself_come_in_linuxs_order, "sent", 0)
SAME(what_a_handler_blocks_comes_when_it_returns, "masked", 0)
SAME(a_pending_signal_is_forgotten_when_it_becomes_ignored, "forgotten", 0)
SAME(sigkill_cant_be_blocked, "killed", 128 + SIGKILL)
SAME(a_signal_without_handler_ends_the_payload, "terminated", 128 + SIGTERM)
SAME(kill_refuses_what_linux_refuses, "send-errors", 0)
SAME(sigaction_and_sigprocmask_refuse_what_linux_refuses, "action-errors", 0)
SAME(a_handler_at_an_address_that_no_cpu_takes_is_sigsegv, "bad-handler", 0)

/* CPUID.1:ECX.XSAVE[26]; some that run beneath another hypervisor don't give it to their guests. */
static bool kvm_gives_xsave(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[256];
	} cpuid = { .head.nent = 256 };
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	cr_assert_eq(ioctl(fd, KVM_GET_SUPPORTED_CPUID, &cpuid), 0);
	close(fd);
	for (unsigned i = 0; i < cpuid.head.nent; i++)
		if (cpuid.entry[i].function == 1)
			return cpuid.entry[i].ecx & 1u << 26;
	return false;
}

Test(signals, vector_registers_and_control_words_are_kept_but_for_what_the_frame_got, LIMIT)
{
	REQUIRE_KVM();
	cr_expect_eq(same("vector-sse", NULL, NULL), 0);
	if (kvm_gives_xsave())
		cr_expect_eq(same("vector", NULL, NULL), 0);
}

Test(signals, an_access_behind_a_files_end_is_told_with_its_address, LIMIT)
{
	char path[PATH_MAX];

	REQUIRE_KVM();
	make_file(path, "0123456789", 10);
	cr_expect_eq(same("bus", path, path), 0);
	unlink(path);
}

/* payloads/sigs.c: on_spoil() */
#define SPOILT_WAYS 25

Test(signals, a_frame_that_its_handler_spoilt_comes_to_what_it_comes_to_on_linux, LIMIT)
{
	char n[12];

	REQUIRE_KVM();
	for (int i = 0; i < SPOILT_WAYS; i++) {
		snprintf(n, sizeof(n), "%d", i);
		same("spoil", n, NULL);
		same("spoil-handled", n, NULL);
	}
}

Test(signals, a_frame_that_no_kernel_made_comes_to_what_it_comes_to_on_linux, LIMIT)
{
	REQUIRE_KVM();
	same("frame", "ones", NULL);
	same("frame", "nothing", NULL);
	same("frame", "kernel", NULL);
	same("frame", "edge", NULL);
}

Test(signals, a_call_by_out_returns_its_result_after_the_handler, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "sigs", "by-out");
	mv_assert_exited(&s.end, 0);
	cr_assert_eq(strncmp(s.text, "signal 10 code 0 pid 1 ", 23), 0, "%s", s.text);
	cr_assert(strstr(s.text, "kill 0\nsignal 10 "), "%s", s.text);
	sandbox_close(&s);
}

Test(signals, one_that_ends_the_payload_is_told_in_its_end, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "sigs", "terminated");
	mv_assert_signal(&s.end, SIGTERM, SI_USER, 0);
	cr_assert_eq(s.end.status, 128 + SIGTERM);
	sandbox_close(&s);
}

Test(signals, one_without_an_address_is_told_without_that_of_an_earlier_fault, LIMIT)
{
	char *text = NULL;
	struct sandbox s;
	size_t size;
	FILE *out;

	REQUIRE_KVM();
	sandbox_init(&s);
	sandbox_do(&s, "sigs", "unaligned");
	mv_assert_signal(&s.end, SIGBUS, BUS_ADRALN, 0);
	cr_expect_eq(s.end.access, 0);
	out = open_memstream(&text, &size);
	mv_print_exit(s.vm, &s.end, out);
	fclose(out);
	cr_expect(strstr(text, "BUS_ADRALN"), "%s", text);
	cr_expect(!strstr(text, "address"), "%s", text);
	free(text);
	sandbox_close(&s);
}

/* It may end by them, sooner or later: with AC set any access may be SIGBUS. mv_run() must not fail. */
Test(signals, frames_at_random_end_nothing_but_the_payload, LIMIT)
{
	static const char *const seeds[] = { "1", "2", "3", "4" };
	struct sandbox s;

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		sandbox_init(&s);
		s.opt.timeout_ns = 5 * SECOND;
		sandbox_do(&s, "sigs", "fuzz", seeds[i]);
		cr_expect_neq(s.end.kind, MV_EXIT_OOM);
		sandbox_close(&s);
	}
}

Test(signals, a_write_that_nobody_reads_is_epipe_and_sigpipe_as_it_is_set, LIMIT)
{
	struct sandbox s;
	int fds[2];

	REQUIRE_KVM();
	cr_assert(!pipe(fds));
	close(fds[0]);
	sandbox_init(&s);
	s.opt.fds[1] = fds[1];
	sandbox_do(&s, "sigs", "broken-pipe");
	mv_assert_signal(&s.end, SIGPIPE, SI_USER, 0);
	cr_assert_eq((int64_t)global(&s, "pipe_ignored"), -EPIPE);
	cr_assert_eq((int64_t)global(&s, "pipe_handled"), -EPIPE);
	cr_assert_eq(global(&s, "pipe_signals"), 1);
	sandbox_close(&s);
	close(fds[1]);
}

Test(signals, a_collector_of_garbage_has_its_write_barrier_as_it_has_natively, LIMIT)
{
	REQUIRE_KVM();
	cr_expect_eq(same_as_native("gc", "collects", NULL, NULL), 0);
}
