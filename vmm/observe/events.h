/* SPDX-License-Identifier: MIT */
/*
 * events.h: events on their way from where they happen to whoever asked for them: kept here
 * while locks are held, handed on when none is.
 *
 * It belongs to the thread that runs the vm.
 */
#ifndef OBSERVE_EVENTS_H
#define OBSERVE_EVENTS_H

#include <mapvisor/events.h>

/* Events that were not handed on yet. */
struct event_batch {
	struct mv_event *events; /* their text is an offset in `text`, plus 1 */
	size_t nr, room;
	char *text; /* what they say: strings, each '\0'-ended */
	size_t text_len, text_room;
};

struct events {
	mv_event_fn *fn; /* who wants to know; NULL: nobody, and nothing is recorded */
	void *arg;
	struct event_batch kept;
	bool handing_on; /* fn runs */
	uint64_t seq;	 /* the last one's */
	uint64_t lost;
	/* What is under way, as events tell of it: */
	uint64_t ns;  /* when it began */
	uint64_t rip; /* where the payload is */
};

/* A new event, all 0 but for seq, ns and kind; NULL: lost, and counted. */
struct mv_event *events_add(struct events *ev, enum mv_event_kind kind);
/* The last one that was added and is still here, if it is of that kind; else NULL. */
struct mv_event *events_last(struct events *ev, enum mv_event_kind kind);
/* Room for so many bytes of text, which become the event's; NULL: it gets none. */
char *events_text(struct events *ev, struct mv_event *e, size_t len);
/* Call fn for all that are kept. Not with a lock held. */
void events_hand_on(struct events *ev);
/* Nobody wants to know any more. */
void events_free(struct events *ev);

#endif
