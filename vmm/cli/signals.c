/* SPDX-License-Identifier: MIT */
/* signals.c: Ctrl-C is the payload's. See signals.h. */
#include "vmm/cli/signals.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <termios.h>
#include <unistd.h>

static const int passed[PASSED_SIGNALS] = { SIGINT,  SIGTERM, SIGHUP,	SIGQUIT,
					    SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT };

/* A handler gets nothing but a number, so this is the process's. */
static struct mv_vm *_Atomic receiver;

static void pass_on(int signo)
{
	struct mv_vm *vm = atomic_load(&receiver);
	const int err = errno;

	if (vm)
		mv_signal(vm, signo);
	errno = err;
}

/*
 * Ctrl-Z stops the command, as it does by default, and the payload with it. The shell sets the terminal as it wants
 * it; when it lets us go on, the modes are the payload's again, which didn't see the stop coming. signal-safety(7).
 */
static void stop(int signo)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	const int err = errno;
	struct sigaction ours;
	struct termios modes;
	const bool terminal = !tcgetattr(STDIN_FILENO, &modes);
	sigset_t set, old;

	sigaction(signo, &by_default, &ours);
	raise(signo);
	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_UNBLOCK, &set, &old); /* it stops here */
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sigaction(signo, &ours, NULL);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	errno = err;
}

/* Where nobody has it ignored: a shell without job control, say. */
static void begin_stops(struct signals *s)
{
	const struct sigaction action = { .sa_handler = stop, .sa_flags = SA_RESTART };

	if (!sigaction(SIGTSTP, NULL, &s->old_stop) && s->old_stop.sa_handler == SIG_DFL)
		sigaction(SIGTSTP, &action, NULL);
}

void signals_begin(struct signals *s, struct mv_vm *vm)
{
	struct sigaction action = { .sa_handler = pass_on, .sa_flags = SA_RESTART };

	atomic_store(&receiver, vm);
	sigemptyset(&s->set);
	for (size_t i = 0; i < PASSED_SIGNALS; i++)
		sigaddset(&action.sa_mask, passed[i]);
	for (size_t i = 0; i < PASSED_SIGNALS; i++) {
		/* what nohup(1) and its kin have ignored the payload ignores, as long as it likes */
		if (!sigaction(passed[i], &action, &s->old[i]))
			sigaddset(&s->set, passed[i]);
	}
	begin_stops(s);
	s->on = true;
}

void signals_end(struct signals *s)
{
	if (!s->on)
		return;
	for (size_t i = 0; i < PASSED_SIGNALS; i++)
		if (sigismember(&s->set, passed[i]))
			sigaction(passed[i], &s->old[i], NULL);
	sigaction(SIGTSTP, &s->old_stop, NULL);
	atomic_store(&receiver, NULL);
	s->on = false;
}

/* The payload's own have SI_USER or SI_TKILL. */
bool signals_ended(const struct signals *s, const struct mv_exit *end)
{
	return s->on && end->kind == MV_EXIT_SIGNAL && end->code == SI_KERNEL &&
	       sigismember(&s->set, end->signal) == 1;
}

void signals_die(int signo)
{
	fflush(NULL);
	signal(signo, SIG_DFL);
	kill(getpid(), signo);
}
