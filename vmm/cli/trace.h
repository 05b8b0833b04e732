/* SPDX-License-Identifier: MIT */
/*
 * trace.h: what the files of `mapvisor trace` share. The vCPU's thread puts events into the ring;
 * the writer's takes them out, chooses those that were asked for, and writes them.
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "vmm/cli/session.h"
#include "vmm/cli/trace_filter.h"
#include "vmm/cli/trace_ring.h"

struct trace;

/* How a trace is written. All are called in the writer's thread; what fails shows in trace.out. */
struct trace_format {
	const char *name;
	const char *kinds; /* the filter where none was given */
	bool counts;	   /* it wants trace_record.frames, of calls and faults */
	void (*begin)(struct trace *t);
	void (*event)(struct trace *t, const struct trace_record *rec);
	void (*end)(struct trace *t);
};

extern const struct trace_format trace_text, trace_json, trace_perfetto;

/* As typed. */
struct trace_options {
	struct cli *cli;
	const struct trace_format *format; /* NULL: none was chosen */
	const char *output;		   /* NULL: standard error */
	const char *filter, *range;	   /* NULL: none */
	bool verbose;
};

struct trace {
	const struct trace_options *opt;
	const struct options *run; /* what runs, and how */
	struct mv_vm *vm;
	const struct trace_format *format;
	struct trace_filter filter;
	struct trace_ring ring;
	FILE *out;
	char *buffer;	   /* out's */
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	pthread_t writer;
	bool begun;	     /* it runs */
	struct mv_error err; /* num: why it couldn't begin */
	/* The writer's, until it has ended: */
	uint64_t events; /* written */
	int failed;	 /* errno of the write that failed; then no more are tried */
	/* The other's, before the ring is closed: */
	uint64_t lost;	    /* events that there was no memory for */
	uint64_t unwritten; /* the writer's: ... to write them */
	uint64_t tables[5]; /* perfetto's: that exist, by level */
	uint64_t frames;    /* perfetto's: that are reserved */
};

/* Open the output, and hear of all that happens in s->vm from now on. trace_close() in any case. */
bool trace_open(struct trace *t, const struct trace_options *opt, struct session *s);
/* The program is loaded: symbols are known, writing begins. */
bool trace_begin(struct trace *t, struct session *s);
/* All is written. The status of s tells of what wasn't. */
void trace_close(struct trace *t, struct session *s);

#endif
