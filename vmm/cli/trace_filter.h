/* SPDX-License-Identifier: MIT */
/* trace_filter.h: which events a trace shows: those of some kinds, and about some addresses. */
#ifndef CLI_TRACE_FILTER_H
#define CLI_TRACE_FILTER_H

#include <mapvisor/events.h>

#include "vmm/cli/cli.h"

#define FILTER_CALLS 512

struct trace_filter {
	unsigned kinds;			   /* bits by enum mv_event_kind */
	unsigned faults;		   /* bits by enum mv_fault, of MV_EVENT_FAULT */
	bool all_calls;			   /* of MV_EVENT_CALL; else those of the next */
	uint64_t calls[FILTER_CALLS / 64]; /* bits by number */
	bool ranged;			   /* only what has to do with these addresses: */
	uint64_t start, end;		   /* gva; end is behind the last */
};

/* "call,fault:anonymous,mmap". 0, or EINVAL with the error in cli. */
int filter_parse(struct trace_filter *f, struct cli *cli, const char *text);

/*
 * "START-END", "START+LEN", or "SYMBOL[+LEN]" of the program that vm has loaded. -EINVAL, -ENOENT,
 * with words.
 */
int filter_range(struct trace_filter *f, struct mv_vm *vm, const char *text,
		 struct mv_error *err);

bool filter_wants(const struct trace_filter *f, const struct mv_event *e);

#endif
