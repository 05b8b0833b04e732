/* SPDX-License-Identifier: MIT */
/*
 * sigqueue.h: signals that were sent and not taken yet, in the order in which they came; struct
 * sigpending and struct sigqueue of Linux's kernel/signal.c.
 */
#ifndef LINUX_SIGQUEUE_H
#define LINUX_SIGQUEUE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct ptimer;

#define SIGNALS 64 /* _NSIG */

/* The set that holds signal n alone. */
#define SIGNAL_BIT(n) (1ull << ((n)-1))

/* Linux's first real-time signal; libc keeps some for itself. */
#define RT_MIN 32

/* One of them. */
struct queued {
	TAILQ_ENTRY(queued) link;
	siginfo_t info;	      /* what its handler shall see */
	struct ptimer *timer; /* whose part it is; NULL: it is its queue's own */
};

TAILQ_HEAD(queue, queued);

struct pending {
	uint64_t set;	    /* signals in the queue, and those for which it had no room */
	struct queue queue; /* the oldest first */
	unsigned nr;	    /* entries of its own */
};

void pending_init(struct pending *q);
/* Nothing is pending any more. */
void pending_destroy(struct pending *q);

/*
 * Add a signal, unless it is an old one that is pending. __send_signal_locked(). room: RLIMIT_SIGPENDING
 * allows an entry more. 0; -EAGAIN: it doesn't, and more than its number would be lost.
 */
int pending_add(struct pending *q, const siginfo_t *info, bool room);
/* ... a timer's entry, which is in no queue: once more, if it is an old one, too. send_sigqueue(). */
void pending_add_timer(struct pending *q, struct queued *entry);
/* It is in this one, and goes. */
void pending_remove_timer(struct pending *q, struct queued *entry);

/*
 * Take the next one that isn't in blocked: next_signal(), collect_signal(). *timer gets whose it was, or
 * NULL. False: there is none.
 */
bool pending_take(struct pending *q, uint64_t blocked, siginfo_t *info,
		  struct ptimer **timer);
/*
 * All of that number go: flush_sigqueue_mask(). lost is told of each timer whose entry was among
 * them.
 */
void pending_forget(struct pending *q, int signo, void (*lost)(struct ptimer *timer));

#endif
