/* SPDX-License-Identifier: MIT */
/*
 * signals.h: Ctrl-C and its kin reach the payload, which natively would be the one that gets them. What
 * ends it by default ends the command in the end, when what it reports is complete.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <mapvisor/mapvisor.h>
#include <signal.h>

#define PASSED_SIGNALS 8

struct signals {
	sigset_t set; /* what is passed on */
	struct sigaction old[PASSED_SIGNALS];
	struct sigaction old_stop; /* SIGTSTP's */
	bool on;
};

/*
 * From now on the vm's payload gets SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH and SIGCONT.
 * SIGTSTP stops this process, and when it goes on standard input's terminal is set as it was.
 * One vm at a time.
 */
void signals_begin(struct signals *s, struct mv_vm *vm);
/* No more, and all is as it was. Before mv_close(). */
void signals_end(struct signals *s);
/* Whether one that was passed on has ended the payload. */
bool signals_ended(const struct signals *s, const struct mv_exit *end);
/* End this process by it, as whoever sent it expects. */
void signals_die(int signo);

#endif
