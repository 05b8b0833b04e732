/* SPDX-License-Identifier: MIT */
/* trace_ring.c: the ring of trace_ring.h. */
#include "vmm/cli/trace_ring.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING_SIZE ((size_t)1 << 20)
/* The consumer is woken for so much, or looks by itself after a time, for who watches. */
#define BATCH ((size_t)1 << 16)
#define LOOK_NS 20000000

static size_t event_size(enum mv_event_kind kind)
{
#define UP_TO(member) \
	(offsetof(struct mv_event, member) + sizeof(((struct mv_event *)0)->member))
	static const size_t sizes[MV_EVENT_KINDS] = {
		[MV_EVENT_CALL] = UP_TO(call),		 [MV_EVENT_FAULT] = UP_TO(fault),
		[MV_EVENT_VIOLATION] = UP_TO(violation), [MV_EVENT_TABLE] = UP_TO(table),
		[MV_EVENT_ENTRIES] = UP_TO(entries),	 [MV_EVENT_VMA] = UP_TO(vma),
		[MV_EVENT_SIGNAL] = UP_TO(signal),	 [MV_EVENT_END] = UP_TO(end),
	};
#undef UP_TO
	return offsetof(struct trace_record, event) + sizes[kind];
}

/* With its text, the NUL behind it, and what makes it a multiple of 8. */
static size_t record_size(const struct mv_event *e)
{
	return (event_size(e->kind) + e->text_len + 1 + 7) & ~(size_t)7;
}

static struct trace_record *at(struct trace_ring *r, size_t pos)
{
	return (struct trace_record *)(r->mem + (pos & (RING_SIZE - 1)));
}

bool ring_init(struct trace_ring *r)
{
	pthread_condattr_t attr;

	*r = (struct trace_ring){ .mem = malloc(RING_SIZE) };
	if (!r->mem)
		return false;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->filled, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&r->drained, NULL);
	return true;
}

void ring_destroy(struct trace_ring *r)
{
	if (!r->mem)
		return;
	pthread_cond_destroy(&r->filled);
	pthread_cond_destroy(&r->drained);
	pthread_mutex_destroy(&r->lock);
	free(r->mem);
	r->mem = NULL;
}

/* What a record takes at head: no record goes over the end of the ring. */
static size_t room_for(size_t head, size_t size)
{
	const size_t left = RING_SIZE - (head & (RING_SIZE - 1));

	return size > left ? left + size : size;
}

static bool has_room(struct trace_ring *r, size_t head, size_t want)
{
	if (head + want - r->tail_seen <= RING_SIZE)
		return true;
	r->tail_seen = atomic_load(&r->tail);
	return head + want - r->tail_seen <= RING_SIZE;
}

static void wake_consumer(struct trace_ring *r, size_t head)
{
	r->woke = head;
	pthread_mutex_lock(&r->lock);
	pthread_cond_signal(&r->filled);
	pthread_mutex_unlock(&r->lock);
}

/* Until half of the ring is free, lest each record be a wait of its own. */
static void wait_for_room(struct trace_ring *r, size_t head)
{
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->full, true);
	pthread_cond_signal(&r->filled);
	while (head - atomic_load(&r->tail) > RING_SIZE / 2)
		pthread_cond_wait(&r->drained, &r->lock);
	atomic_store(&r->full, false);
	pthread_mutex_unlock(&r->lock);
}

bool ring_is_full(struct trace_ring *r, const struct mv_event *e)
{
	const size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	return !has_room(r, head, room_for(head, record_size(e)));
}

void ring_put(struct trace_ring *r, const struct mv_event *e, uint64_t frames)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	const size_t size = record_size(e), want = room_for(head, size);
	const size_t len = event_size(e->kind) - offsetof(struct trace_record, event);
	struct trace_record *rec;

	if (!has_room(r, head, want))
		wait_for_room(r, head);
	if (want > size) {
		rec = at(r, head);
		rec->size = (uint32_t)(want - size);
		rec->skip = true;
		head += want - size;
	}
	rec = at(r, head);
	rec->size = (uint32_t)size;
	rec->skip = false;
	rec->frames = frames;
	memcpy(&rec->event, e, len);
	memcpy((char *)&rec->event + len, e->text, e->text_len + 1);
	atomic_store_explicit(&r->head, head + size, memory_order_release);
	/* a wake that is missed here is made up for by LOOK_NS */
	if (head - r->woke >= BATCH && atomic_load_explicit(&r->idle, memory_order_relaxed))
		wake_consumer(r, head);
}

void ring_sync(struct trace_ring *r)
{
	const size_t head = atomic_load(&r->head);

	pthread_mutex_lock(&r->lock);
	atomic_store(&r->full, true);
	pthread_cond_signal(&r->filled);
	while (atomic_load(&r->tail) != head || !atomic_load(&r->idle))
		pthread_cond_wait(&r->drained, &r->lock);
	atomic_store(&r->full, false);
	pthread_mutex_unlock(&r->lock);
}

void ring_close(struct trace_ring *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	pthread_cond_signal(&r->filled);
	pthread_mutex_unlock(&r->lock);
}

struct trace_record *ring_peek(struct trace_ring *r)
{
	const size_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	const size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	struct trace_record *rec = at(r, tail);

	if (head == tail)
		return NULL;
	if (rec->skip)
		rec = at(r, tail + rec->size);
	rec->event.text = (char *)rec + event_size(rec->event.kind);
	return rec;
}

void ring_pop(struct trace_ring *r, const struct trace_record *rec)
{
	const size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	const struct trace_record *first = at(r, tail);
	const size_t freed = first->skip ? first->size + rec->size : rec->size;
	const size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	/* both this order and the producer's are total: one of the two sees the other's store */
	atomic_store(&r->tail, tail + freed);
	if (atomic_load(&r->full) && head - tail - freed <= RING_SIZE / 2) {
		pthread_mutex_lock(&r->lock);
		pthread_cond_signal(&r->drained);
		pthread_mutex_unlock(&r->lock);
	}
}

static void look_time(struct timespec *t)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_nsec += LOOK_NS;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
}

bool ring_wait(struct trace_ring *r)
{
	const size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	struct timespec until;
	bool more;

	look_time(&until);
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->idle, true);
	if (atomic_load(&r->head) == tail) {
		pthread_cond_signal(&r->drained);
		if (!r->closed)
			pthread_cond_timedwait(&r->filled, &r->lock, &until);
	}
	atomic_store(&r->idle, false);
	more = !r->closed || atomic_load(&r->head) != tail;
	pthread_mutex_unlock(&r->lock);
	return more;
}
