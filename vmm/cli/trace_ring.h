/* SPDX-License-Identifier: MIT */
/*
 * trace_ring.h: events on their way from the vCPU's thread to the one that writes them: a ring of
 * records, with one thread at each end. Putting one in is a copy and a store; a thread is
 * woken, which costs a system call, only where a batch has come together or the other waits.
 */
#ifndef CLI_TRACE_RING_H
#define CLI_TRACE_RING_H

#include <mapvisor/events.h>
#include <pthread.h>
#include <stdatomic.h>

/* What is in the ring, at multiples of 8. */
struct trace_record {
	uint32_t size;	       /* of it, text and padding included */
	bool skip;	       /* nothing: the next one is at the ring's start */
	uint64_t frames;       /* anonymous frames reserved, where that was asked for */
	struct mv_event event; /* as far as its kind has members; its text comes behind */
};

struct trace_ring {
	char *mem;
	/* The producer's. */
	_Alignas(64) atomic_size_t head; /* bytes put in, ever */
	size_t tail_seen;		 /* tail as it was when there last was no room */
	size_t woke;			 /* head when the consumer was last woken */
	/* The consumer's. */
	_Alignas(64) atomic_size_t tail; /* bytes taken out, ever */
	/* Of both. */
	_Alignas(64) pthread_mutex_t lock; /* held by who waits, and who wakes */
	pthread_cond_t filled, drained;
	atomic_bool idle; /* the consumer waits: all that it took is written out */
	atomic_bool full; /* the producer waits */
	bool closed;	  /* nothing more will come */
};

/* False: no memory. */
bool ring_init(struct trace_ring *r);
void ring_destroy(struct trace_ring *r);

/* The producer's: keep a copy of the event. It waits while there is no room. */
void ring_put(struct trace_ring *r, const struct mv_event *e, uint64_t frames);
/* Whether an event would have to wait. */
bool ring_is_full(struct trace_ring *r, const struct mv_event *e);
/* Wait until all is taken and written. */
void ring_sync(struct trace_ring *r);
/* Nothing more will come. */
void ring_close(struct trace_ring *r);

/* The consumer's: the oldest record, in place; NULL: there is none. */
struct trace_record *ring_peek(struct trace_ring *r);
/* It is done with. */
void ring_pop(struct trace_ring *r, const struct trace_record *rec);
/* Wait for more. What was taken is written. False: it is closed, and empty. */
bool ring_wait(struct trace_ring *r);

#endif
