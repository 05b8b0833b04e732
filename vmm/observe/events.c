/* SPDX-License-Identifier: MIT */
/* events.c: keeping events, and handing them on. See events.h. */
#include "vmm/observe/events.h"

#include <stdlib.h>
#include <string.h>

/* After a burst, memory for so many events is kept. */
#define ROOM_KEPT 4096

static bool grow(void **mem, size_t *room, size_t want, size_t unit)
{
	size_t more = *room ? *room : 64;
	void *p;

	while (more < want)
		more *= 2;
	if (more == *room)
		return true;
	p = reallocarray(*mem, more, unit);
	if (!p)
		return false;
	*mem = p;
	*room = more;
	return true;
}

struct mv_event *events_add(struct events *ev, enum mv_event_kind kind)
{
	struct event_batch *b = &ev->kept;
	struct mv_event *e;

	ev->seq++;
	if (b->nr == b->room &&
	    !grow((void **)&b->events, &b->room, b->nr + 1, sizeof(*b->events))) {
		ev->lost++;
		return NULL;
	}
	e = &b->events[b->nr++];
	memset(e, 0, sizeof(*e));
	e->seq = ev->seq;
	e->ns = ev->ns;
	e->kind = kind;
	return e;
}

struct mv_event *events_last(struct events *ev, enum mv_event_kind kind)
{
	struct mv_event *e = ev->kept.nr ? &ev->kept.events[ev->kept.nr - 1] : NULL;

	return e && e->kind == kind && e->seq == ev->seq ? e : NULL;
}

char *events_text(struct events *ev, struct mv_event *e, size_t len)
{
	struct event_batch *b = &ev->kept;
	size_t at = b->text_len;

	if (!grow((void **)&b->text, &b->text_room, at + len + 1, 1))
		return NULL;
	b->text[at + len] = '\0';
	b->text_len += len + 1;
	e->text = (const char *)(uintptr_t)(at + 1);
	e->text_len = (uint32_t)len;
	return b->text + at;
}

static void batch_free(struct event_batch *b)
{
	free(b->events);
	free(b->text);
	*b = (struct event_batch){ 0 };
}

static void hand_on(const struct events *ev, const struct event_batch *b)
{
	for (size_t i = 0; i < b->nr && ev->fn; i++) {
		struct mv_event *e = &b->events[i];

		e->text = e->text ? b->text + (uintptr_t)e->text - 1 : "";
		ev->fn(e, ev->arg);
	}
}

/* fn may cause events itself, by mv_write(): they make up a batch of their own, and come next. */
void events_hand_on(struct events *ev)
{
	struct event_batch b;

	if (ev->handing_on)
		return;
	ev->handing_on = true;
	while (ev->kept.nr) {
		b = ev->kept;
		ev->kept = (struct event_batch){ 0 };
		hand_on(ev, &b);
		if (ev->kept.nr || b.room > ROOM_KEPT) {
			batch_free(&b);
		} else {
			b.nr = b.text_len = 0;
			ev->kept = b;
		}
	}
	ev->handing_on = false;
}

void events_free(struct events *ev)
{
	batch_free(&ev->kept);
	*ev = (struct events){ .seq = ev->seq, .lost = ev->lost };
}
