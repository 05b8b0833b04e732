/* SPDX-License-Identifier: MIT */
/* trace_signals.h: Ctrl-C ends the payload, and not the trace: that is completed first. */
#ifndef CLI_TRACE_SIGNALS_H
#define CLI_TRACE_SIGNALS_H

#include <mapvisor/mapvisor.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct trace_signals {
	struct mv_vm *vm;
	sigset_t set, saved; /* what is waited for; the mask as it was */
	pthread_t thread;
	bool waits;	  /* the thread is there */
	atomic_int taken; /* the signal that came; 0: none */
};

/*
 * From now on the first SIGINT, SIGTERM or SIGHUP is mv_interrupt(); a second one ends this process
 * at once. Without a thread for it, all is as it was.
 */
void signals_begin(struct trace_signals *s, struct mv_vm *vm);
/* No more: before mv_close(). */
void signals_end(struct trace_signals *s);
/* If one came: end this process by it, as whoever started it expects. */
void signals_obey(const struct trace_signals *s);

#endif
