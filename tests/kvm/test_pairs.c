/* SPDX-License-Identifier: MIT */
/* test_pairs.c: socketpairs, and what they and pipes take. What is right comes from the host's kernel. */
#include <sys/socket.h>

#include "tests/kvm/native.h"

#define LIMIT .timeout = 60
#define MIB (1ull << 20)

#define SAME(test, way)                                                    \
	Test(pairs, test, LIMIT)                                           \
	{                                                                  \
		REQUIRE_KVM();                                             \
		cr_expect_eq(same_with_pipe("pairs", way, NULL, NULL), 0); \
	}

SAME(they_are_made_as_asked, "make")
SAME(one_is_a_file_without_a_position, "file")
SAME(wrong_calls_give_linux_errors, "errors")
SAME(they_have_no_names, "addresses")
SAME(bytes_and_messages_go_both_ways, "transfers")
SAME(a_vector_ends_where_memory_does, "vectors")
SAME(a_message_says_what_is_beside_its_bytes, "messages")
SAME(several_messages_go_in_one_call, "several")
SAME(they_hold_as_much_as_natively, "fills")
SAME(what_is_shut_says_so, "ends")
SAME(an_end_that_is_closed_is_missed_by_the_other, "closed")
SAME(an_end_lives_as_long_as_a_number_of_it, "duplicates")
SAME(poll_and_select_tell_their_state, "polls")
SAME(a_signal_interrupts_a_wait, "waits")
SAME(a_wait_goes_on_after_a_handler_where_it_does_natively, "restarts")
SAME(a_wait_ends_in_time, "timeouts")
SAME(options_are_asked_and_set, "options")

static void run(struct sandbox *s, const char *way)
{
	sandbox_init(s);
	s->opt.mem = 8 * MIB;
	s->opt.fds[0] = s->out; /* numbers begin at 3 */
	sandbox_do(s, "pairs", way);
	mv_assert_exited(&s->end, 0);
}

Test(pairs, none_reaches_anybody_else, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	run(&s, "refused");
	cr_expect_str_eq(s.text, "socket(AF_UNIX, STREAM, 0) = -97\n"
				 "socket(2, STREAM, 0) = -97\n"
				 "socketpair(2, STREAM, 0, fds) = -97\n"
				 "-- type 1: 0\n"
				 "bind(a, \"\\1\\0name\", 6) = -95\n"
				 "connect(a, \"\\1\\0\\0name\", 7) = -95\n"
				 "listen(a, 1) = -95\n"
				 "accept(a, 0, 0) = -95\n"
				 "sendto(a, \"x\", 1, OOB, 0, 0) = -95\n"
				 "-- type 2: 0\n"
				 "sendto(a, \"x\", 1, 0, \"\\1\\0/tmp/socket\", 14) = -13\n"
				 "sendto(a, \"x\", 1, 0, \"\\1\\0\\0name\", 7) = -111\n"
				 "sendmsg(a, &m, 0) = -22\n"
				 "sendmsg(a, &m, 0) = -22\n"
				 "sendmsg(a, &m, 0) = -22\n"
				 "set 16 to 1: -92\n"
				 "option 16: 0, 4: 0 77 77 77\n"
				 "set 32 to 1073741824: -92\n"
				 "option 32: -92, 16: 77 77 77 77\n"
				 "set 18 to 2: -92\n"
				 "option 18: 0, 4: 1 77 77 77\n");
	sandbox_close(&s);
}

/* What a socket may have sent, by default. */
static long send_buffer(void)
{
	socklen_t len = sizeof(int);
	int fds[2], size = 0;

	cr_assert(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	getsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, &len);
	close(fds[0]);
	close(fds[1]);
	return size;
}

Test(pairs, what_they_and_pipes_may_hold_counts_as_memory_until_both_ends_are_closed, LIMIT)
{
	const long size = send_buffer(), page = 4096, all = 8 * MIB / page,
		   pages[] = { 16, 2 * ((size + 0x10000 + page - 1) / page),
			       2 * ((3 * size + page - 1) / page) };
	struct mv_memory m;
	struct sandbox s;
	char *at = s.text;

	REQUIRE_KVM();
	run(&s, "memory");
	for (int i = 0; i < 6; i++) {
		const long n = strtol(at, &at, 10), used = n * pages[i % 3];

		cr_expect(used <= all && used + pages[i % 3] + 64 > all, "%d: %ld", i, n);
		cr_expect_eq(strtol(at, &at, 10), -ENFILE);
		cr_expect_eq(strtol(at, &at, 10), -ENFILE);
	}
	mv_memory(s.vm, &m);
	cr_expect_eq(m.memfds, 0, "it is given back");
	sandbox_close(&s);
}

Test(pairs, a_larger_buffer_counts_from_when_it_is_set, LIMIT)
{
	struct sandbox s;

	REQUIRE_KVM();
	if (send_buffer() != 212992)
		cr_skip_test("net.core.wmem_default isn't Linux's");
	sandbox_init(&s);
	s.opt.mem = 9 * MIB / 4;
	sandbox_do(&s, "pairs", "growth");
	mv_assert_exited(&s.end, 0);
	cr_expect_str_eq(s.text, "-- type 2: 0\n"
				 "setsockopt(a, SOL_SOCKET, SO_SNDBUF, &most, 4) = 0\n"
				 "option 7: 0, 4: 425984 77 77 77\n"
				 "setsockopt(b, SOL_SOCKET, SO_SNDBUF, &most, 4) = -105\n"
				 "option 7: 0, 4: 212992 77 77 77\n");
	sandbox_close(&s);
}
