/* SPDX-License-Identifier: MIT */
/* trace_text.c: a trace as text, a line an event; with --verbose more lines below it. */
#include "vmm/cli/trace.h"

static void begin(struct trace *t)
{
	(void)t;
}

static void event(struct trace *t, const struct trace_record *rec)
{
	mv_print_event(t->vm, &rec->event, t->out);
	if (t->opt->verbose)
		mv_print_event_more(t->vm, &rec->event, t->out);
	t->events++;
}

static void end(struct trace *t)
{
	(void)t;
}

const struct trace_format trace_text = {
	.name = "text",
	.kinds = "call,fault,signal,end",
	.begin = begin,
	.event = event,
	.end = end,
};
