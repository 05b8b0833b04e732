/* SPDX-License-Identifier: MIT */
/* terminal.h: run a program on a terminal of its own, where somebody types. */
#ifndef TESTS_CLI_TERMINAL_H
#define TESTS_CLI_TERMINAL_H

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "tests/cli/spawn.h"
#include "tests/lib/require_kvm.h"

/* Where there is no devpts there are none. */
static inline bool have_terminals(void)
{
	int master, terminal;

	if (openpty(&master, &terminal, NULL, NULL, NULL))
		return false;
	close(master);
	close(terminal);
	return true;
}

#define REQUIRE_TERMINAL()                           \
	do {                                         \
		if (!have_terminals())               \
			SKIP("no pseudo-terminals"); \
	} while (0)

/* Its terminal: 0, 1 and 2, and the controlling one of its session. */
static inline _Noreturn void become_on_terminal(int terminal, const char *const *argv)
{
	char *environment[] = { NULL };

	if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) || dup2(terminal, 0) < 0 ||
	    dup2(terminal, 1) < 0 || dup2(terminal, 2) < 0)
		_exit(78);
	alarm(CHILD_SECONDS);
	execve(argv[0], (char **)argv, environment);
	_exit(79);
}

/* Whether text has a prompt that wasn't answered: the n-th "> ". */
static inline bool has_prompt(const char *text, unsigned n)
{
	for (; (text = strstr(text, "> ")); text += 2)
		if (!n--)
			return true;
	return false;
}

/*
 * What the terminal shows until the child's end, the child's own terminal being left open meanwhile. At each
 * "> " the next of `typed` (to NULL) is typed.
 */
static inline void attend(int master, pid_t pid, const char *const *typed, char *text,
			  size_t size, int *status)
{
	struct pollfd fds = { .fd = master, .events = POLLIN };
	unsigned answered = 0;
	bool ended = false;
	size_t used = 0;
	ssize_t n;

	for (;;) {
		text[used] = '\0';
		while (typed && typed[answered] && has_prompt(text, answered)) {
			n = (ssize_t)strlen(typed[answered]);
			cr_assert_eq(write(master, typed[answered], (size_t)n), n);
			answered++;
		}
		if (poll(&fds, 1, 20) > 0 && used < size - 1) {
			n = read(master, text + used, size - 1 - used);
			used += n > 0 ? (size_t)n : 0;
		} else if (ended) {
			return;
		}
		ended = ended || waitpid(pid, status, WNOHANG) == pid;
	}
}

/* outcome->out: what it showed. after, unless NULL: the terminal's modes at the end. */
static inline void spawn_on_terminal(const char *const *argv, const char *const *typed,
				     struct outcome *outcome, struct termios *after)
{
	int master, terminal, status;
	pid_t pid;

	cr_assert_eq(openpty(&master, &terminal, NULL, NULL, NULL), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid)
		become_on_terminal(terminal, argv);
	attend(master, pid, typed, outcome->out, sizeof(outcome->out), &status);
	if (after)
		cr_assert_eq(tcgetattr(terminal, after), 0);
	close(terminal);
	close(master);
	outcome->err[0] = '\0';
	outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	cr_assert_neq(outcome->status, 79, "%s: can't be executed", argv[0]);
}

#endif
