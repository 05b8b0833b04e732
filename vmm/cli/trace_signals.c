/* SPDX-License-Identifier: MIT */
/* trace_signals.c: Ctrl-C ends the payload, and not the trace. See trace_signals.h. */
#include "vmm/cli/trace_signals.h"

#include <stddef.h>
#include <unistd.h>

static void die_by(int signo)
{
	sigset_t set;

	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), signo);
}

static void *take(void *arg)
{
	struct trace_signals *s = arg;
	int signo;

	while (!sigwait(&s->set, &signo)) {
		if (atomic_load(&s->taken))
			die_by(signo);
		atomic_store(&s->taken, signo);
		mv_interrupt(s->vm);
	}
	return NULL;
}

void signals_begin(struct trace_signals *s, struct mv_vm *vm)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction old;

	s->vm = vm;
	sigemptyset(&s->set);
	/* nohup(1) and its kin have them ignored */
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!sigaction(all[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(&s->set, all[i]);
	pthread_sigmask(SIG_BLOCK, &s->set, &s->saved);
	s->waits = !pthread_create(&s->thread, NULL, take, s);
	if (!s->waits)
		pthread_sigmask(SIG_SETMASK, &s->saved, NULL);
}

void signals_end(struct trace_signals *s)
{
	if (!s->waits)
		return;
	pthread_cancel(s->thread); /* sigwait() is a cancellation point */
	pthread_join(s->thread, NULL);
	pthread_sigmask(SIG_SETMASK, &s->saved, NULL);
	s->waits = false;
}

void signals_obey(const struct trace_signals *s)
{
	if (s->taken)
		die_by(s->taken);
}
