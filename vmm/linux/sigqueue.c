/* SPDX-License-Identifier: MIT */
/* sigqueue.c: see sigqueue.h. */
#include "vmm/linux/sigqueue.h"

#include <errno.h>
#include <stdlib.h>

/* SYNCHRONOUS_MASK of kernel/signal.c: they come first. */
#define SYNCHRONOUS                                                      \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | \
	 SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

void pending_init(struct pending *q)
{
	*q = (struct pending){ 0 };
	TAILQ_INIT(&q->queue);
}

void pending_destroy(struct pending *q)
{
	struct queued *e, *next;

	for (e = TAILQ_FIRST(&q->queue); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!e->timer)
			free(e);
	}
	pending_init(q);
}

/* Whether a queue that is full refuses it, rather than forget what is known of it. */
static bool refused(const siginfo_t *info)
{
	return info->si_signo >= RT_MIN && info->si_code != SI_USER &&
	       info->si_code != SI_KERNEL;
}

/* What Linux always has an entry for: override_rlimit. */
static bool has_room_always(const siginfo_t *info)
{
	return info->si_signo < RT_MIN && info->si_code >= 0;
}

int pending_add(struct pending *q, const siginfo_t *info, bool room)
{
	const uint64_t bit = SIGNAL_BIT(info->si_signo);
	struct queued *e = NULL;

	if (info->si_signo < RT_MIN && q->set & bit)
		return 0;
	if (room || has_room_always(info))
		e = calloc(1, sizeof(*e));
	if (!e && refused(info))
		return -EAGAIN;
	q->set |= bit;
	if (!e)
		return 0;
	e->info = *info;
	TAILQ_INSERT_TAIL(&q->queue, e, link);
	q->nr++;
	return 0;
}

void pending_add_timer(struct pending *q, struct queued *entry)
{
	q->set |= SIGNAL_BIT(entry->info.si_signo);
	TAILQ_INSERT_TAIL(&q->queue, entry, link);
}

static struct queued *find(const struct pending *q, int signo)
{
	struct queued *e;

	TAILQ_FOREACH(e, &q->queue, link)
	if (e->info.si_signo == signo)
		return e;
	return NULL;
}

/* Out of the queue; what isn't a timer's is freed. */
static void drop(struct pending *q, struct queued *e)
{
	TAILQ_REMOVE(&q->queue, e, link);
	if (e->timer)
		return;
	q->nr--;
	free(e);
}

/* ... and of the set, if it was the last one of its number. */
static void drop_one(struct pending *q, struct queued *e)
{
	const struct queued *other;
	bool last = true;

	TAILQ_FOREACH(other, &q->queue, link)
	last &= other == e || other->info.si_signo != e->info.si_signo;
	if (last)
		q->set &= ~SIGNAL_BIT(e->info.si_signo);
	drop(q, e);
}

void pending_remove_timer(struct pending *q, struct queued *entry)
{
	drop_one(q, entry);
}

bool pending_take(struct pending *q, uint64_t blocked, siginfo_t *info,
		  struct ptimer **timer)
{
	uint64_t set = q->set & ~blocked;
	struct queued *e;
	int signo;

	*timer = NULL;
	if (!set)
		return false;
	if (set & SYNCHRONOUS)
		set &= SYNCHRONOUS;
	signo = __builtin_ctzll(set) + 1;
	e = find(q, signo);
	if (!e) { /* for want of room: nobody knows who sent it */
		*info = (siginfo_t){ .si_signo = signo, .si_code = SI_USER };
		q->set &= ~SIGNAL_BIT(signo);
		return true;
	}
	*info = e->info;
	*timer = e->timer;
	drop_one(q, e);
	return true;
}

void pending_forget(struct pending *q, int signo, void (*lost)(struct ptimer *timer))
{
	struct queued *e, *next;

	for (e = TAILQ_FIRST(&q->queue); e; e = next) {
		struct ptimer *timer = e->timer;

		next = TAILQ_NEXT(e, link);
		if (e->info.si_signo != signo)
			continue;
		drop(q, e);
		if (timer)
			lost(timer);
	}
	q->set &= ~SIGNAL_BIT(signo);
}
