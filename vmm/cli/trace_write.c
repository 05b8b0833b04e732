/* SPDX-License-Identifier: MIT */
/*
 * trace_write.c: a trace's two threads: the vCPU's, which hears of events and puts them into the ring, and
 * the writer's, which formats and writes them.
 */
#include <errno.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/cli/trace.h"

#define BUFFER_SIZE ((size_t)1 << 18)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- The writer's thread ---- */

/* The file system is full, or the reader has gone: a trace that nobody gets is not worth the run. */
static void check(struct trace *t)
{
	if (t->failed || !ferror(t->out))
		return;
	t->failed = errno ? errno : EIO;
	mv_interrupt(t->vm);
}

static void flush(struct trace *t)
{
	if (!t->failed && fflush(t->out))
		check(t);
}

static void *write_all(void *arg)
{
	struct trace *t = arg;
	struct trace_record *rec;

	t->format->begin(t);
	do {
		while ((rec = ring_peek(&t->ring))) {
			if (!t->failed && filter_wants(&t->filter, &rec->event)) {
				t->format->event(t, rec);
				check(t);
			}
			ring_pop(&t->ring, rec);
		}
		flush(t);
	} while (ring_wait(&t->ring));
	if (!t->failed)
		t->format->end(t);
	flush(t);
	return NULL;
}

/* With all signals blocked, so that a write to a pipe that nobody reads is EPIPE. */
static int start_writer(struct trace *t)
{
	sigset_t all, saved;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	err = pthread_create(&t->writer, NULL, write_all, t);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return err;
}

/* ---- The vCPU's thread ---- */

static void begin(struct trace *t)
{
	if (t->begun || t->err.num)
		return;
	if (t->opt->range)
		t->err.num = -filter_range(&t->filter, t->vm, t->opt->range, &t->err);
	if (!t->err.num && (t->err.num = start_writer(t)))
		snprintf(t->err.text, sizeof(t->err.text),
			 "trace: a thread to write it: %s", strerror(t->err.num));
	t->begun = !t->err.num;
}

/*
 * A program with many segments fills the ring while it is loaded. That is told of when it has been: its
 * symbols are there, and the writer may begin.
 */
static void hear(const struct mv_event *e, void *arg)
{
	struct trace *t = arg;
	struct mv_counters c = { 0 };

	if (!(t->filter.kinds & 1u << e->kind) && e->kind != MV_EVENT_END)
		return;
	if (!t->begun && ring_is_full(&t->ring, e)) {
		begin(t);
		if (!t->begun)
			return;
	}
	if (t->format->counts && (e->kind == MV_EVENT_CALL || e->kind == MV_EVENT_FAULT))
		mv_counters(t->vm, &c);
	ring_put(&t->ring, e, c.frames);
	/* what is printed about the end, to standard error, comes behind the trace */
	if (e->kind == MV_EVENT_END)
		ring_sync(&t->ring);
}

static const char *output_name(const struct trace *t)
{
	return t->opt->output ? t->opt->output : "standard error";
}

static bool open_output(struct trace *t, struct session *s)
{
	int fd;

	if (t->opt->output) {
		t->out = fopen(t->opt->output, "we");
	} else {
		fd = dup(STDERR_FILENO);
		t->out = fd < 0 ? NULL : fdopen(fd, "w");
	}
	if (!t->out)
		return session_fail(s, STATUS_FAILED, "%s: %s", output_name(t),
				    strerror(errno));
	t->buffer = malloc(BUFFER_SIZE);
	if (t->buffer)
		setvbuf(t->out, t->buffer, _IOFBF, BUFFER_SIZE);
	__fsetlocking(t->out, FSETLOCKING_BYCALLER);
	return true;
}

bool trace_open(struct trace *t, const struct trace_options *opt, struct session *s)
{
	const char *kinds;
	int err;

	*t = (struct trace){ .opt = opt, .run = &s->opt, .vm = s->vm };
	t->format = opt->format ? opt->format : s->opt.json ? &trace_json : &trace_text;
	kinds = opt->filter ? opt->filter : t->format->kinds;
	if (filter_parse(&t->filter, s->cli, kinds)) {
		s->status = STATUS_FAILED;
		return false;
	}
	if (!open_output(t, s))
		return false;
	if (!ring_init(&t->ring))
		return session_fail(s, STATUS_FAILED, "trace: %s", strerror(ENOMEM));
	t->start_ns = now_ns();
	err = mv_set_event_fn(s->vm, hear, t);
	return !err || session_fail(s, STATUS_FAILED, "trace: %s", strerror(-err));
}

bool trace_begin(struct trace *t, struct session *s)
{
	begin(t);
	return t->begun || session_fail(s, STATUS_FAILED, "%s", t->err.text);
}

/* What the trace lacks, or --verbose's count. */
static void tell(struct trace *t, struct session *s)
{
	if (t->failed)
		session_fail(s, STATUS_FAILED,
			     "%s: %s; the trace is not complete, %s was ended",
			     output_name(t), strerror(t->failed), s->opt.argv[0]);
	else if (t->begun && (t->lost || t->opt->verbose))
		fprintf(stderr, "mapvisor: trace: %lu events, %lu lost\n", t->events,
			t->lost);
}

void trace_close(struct trace *t, struct session *s)
{
	if (!t->format)
		return;
	mv_set_event_fn(s->vm, NULL, NULL);
	t->lost = mv_events_lost(s->vm);
	if (t->begun) {
		ring_close(&t->ring);
		pthread_join(t->writer, NULL);
		t->lost += t->unwritten;
	}
	if (t->out && fclose(t->out) && !t->failed)
		t->failed = errno;
	tell(t, s);
	free(t->buffer);
	ring_destroy(&t->ring);
}
