/* SPDX-License-Identifier: MIT */
/*
 * trace_perfetto.c: a trace for ui.perfetto.dev and chrome://tracing: the "Trace Event Format", one JSON
 * object. Calls and faults are complete events ("X") of the payload's track, violations those of
 * another, signals and the end instants ("i"); tables and frames are counters ("C").
 */
#include <inttypes.h>
#include <string.h>

#include "vmm/cli/json.h"
#include "vmm/cli/trace.h"

/* Its threads: the tracks. */
enum { PID = 1, PAYLOAD = 1, STAGE2 = 2 };

/* An element of the array of events. The first one is begin()'s. Digits: to the ns for days. */
static void put(struct trace *t, json_t *json)
{
	if (!json || fputs(",\n", t->out) == EOF ||
	    json_dumpf(json, t->out,
		       JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)))
		t->unwritten++;
	json_decref(json);
}

/* In us since the start, as the format has it, to the ns. */
static json_t *micro(uint64_t ns)
{
	return json_real((double)ns / 1000);
}

static json_t *string(const char *s)
{
	return s ? json_text(s) : json_null();
}

static json_t *place(struct mv_vm *vm, uint64_t gva)
{
	char name[256];

	if (mv_symbol_at(vm, gva, name, sizeof(name)))
		return json_address(gva);
	return json_sprintf("0x%" PRIx64 " <%s>", gva, name);
}

static json_t *complete(const struct trace *t, const struct mv_event *e, int track,
			const char *name, json_t *args)
{
	return json_members((const struct json_member[]){
		{ "name", string(name) },
		{ "cat", json_string(mv_event_name(e->kind)) },
		{ "ph", json_string("X") },
		{ "ts", micro(e->ns - t->start_ns) },
		{ "dur", micro(e->spent) },
		{ "pid", json_integer(PID) },
		{ "tid", json_integer(track) },
		{ "args", args },
		{ 0 },
	});
}

static json_t *instant(const struct trace *t, const struct mv_event *e, const char *name,
		       json_t *args)
{
	return json_members((const struct json_member[]){
		{ "name", string(name) },
		{ "cat", json_string(mv_event_name(e->kind)) },
		{ "ph", json_string("i") },
		{ "s", json_string("t") },
		{ "ts", micro(e->ns - t->start_ns) },
		{ "pid", json_integer(PID) },
		{ "tid", json_integer(PAYLOAD) },
		{ "args", args },
		{ 0 },
	});
}

static void put_counter(struct trace *t, uint64_t ns, const char *name, json_t *values)
{
	put(t, json_members((const struct json_member[]){
		       { "name", json_string(name) },
		       { "ph", json_string("C") },
		       { "ts", micro(ns - t->start_ns) },
		       { "pid", json_integer(PID) },
		       { "args", values },
		       { 0 },
	       }));
}

static json_t *result_json(const struct mv_event_call *c)
{
	const bool failed = mv_call_failed(c);

	if (!c->returns)
		return json_null();
	if (!failed && mv_call_gives_address(c->nr))
		return json_address((uint64_t)c->result);
	return json_integer(c->result);
}

static void put_call(struct trace *t, const struct mv_event *e)
{
	const struct mv_event_call *c = &e->call;
	const char *name = mv_call_name(c->nr);
	const bool failed = mv_call_failed(c);
	char text[MV_CALL_TEXT_SIZE];

	mv_call_text(e, text, sizeof(text));
	put(t, complete(t, e, PAYLOAD, name ? name : "unknown call",
			json_members((const struct json_member[]){
				{ "call", json_string(text) },
				{ "result", result_json(c) },
				{ "error", string(failed ? strerrorname_np((int)-c->result)
							 : NULL) },
				{ "rip", place(t->vm, c->rip) },
				{ 0 },
			})));
}

static void put_fault(struct trace *t, const struct mv_event *e)
{
	const struct mv_event_fault *f = &e->fault;

	put(t, complete(t, e, PAYLOAD, mv_fault_name(f->kind),
			json_members((const struct json_member[]){
				{ "gva", place(t->vm, f->gva) },
				{ "access", json_access(f->access) },
				{ "rip", place(t->vm, f->rip) },
				{ "vma", json_text(e->text) },
				{ "gpa", json_address(f->gpa) },
				{ "size", json_integer((json_int_t)f->size) },
				{ "around", json_integer(f->around) },
				{ "host", json_boolean(f->host) },
				{ "major", json_boolean(f->major) },
				{ 0 },
			})));
}

static void put_violation(struct trace *t, const struct mv_event *e)
{
	const struct mv_event_violation *v = &e->violation;

	put(t, complete(t, e, STAGE2, v->file ? "file" : "zeroes",
			json_members((const struct json_member[]){
				{ "gpa", json_address(v->gpa) },
				{ "access", json_string(v->write ? "w" : "r") },
				{ "start", json_address(v->start) },
				{ "bytes", json_integer((json_int_t)v->bytes) },
				{ 0 },
			})));
}

static void put_vma(struct trace *t, const struct mv_event *e)
{
	const struct mv_event_vma *v = &e->vma;

	put(t, instant(t, e, v->added ? "vma added" : "vma gone",
		       json_members((const struct json_member[]){
			       { "start", json_address(v->start) },
			       { "end", json_address(v->end) },
			       { "prot", json_access(v->prot) },
			       { "name", json_text(e->text) },
			       { 0 },
		       })));
}

static void put_signal(struct trace *t, const struct mv_event *e)
{
	const struct mv_event_signal *s = &e->signal;
	const char *abbrev = sigabbrev_np(s->signal);

	put(t, instant(t, e, abbrev ? abbrev : "signal",
		       json_members((const struct json_member[]){
			       { "signal", json_integer(s->signal) },
			       { "code", string(mv_signal_code_name(s->signal, s->code)) },
			       { "addr", place(t->vm, s->addr) },
			       { "rip", place(t->vm, s->rip) },
			       { 0 },
		       })));
}

static void put_end(struct trace *t, const struct mv_event *e)
{
	put(t, instant(t, e, "end",
		       json_members((const struct json_member[]){
			       { "status", json_integer(e->end.status) }, { 0 } })));
}

/* How many there are of each level, drawn one on another. */
static void put_tables(struct trace *t, const struct mv_event *e)
{
	json_t *values = json_object();

	t->tables[e->table.level] += e->table.made ? 1 : -1ul;
	for (unsigned level = 4; level > 0; level--)
		json_object_set_new(values, mv_level_name(level),
				    json_integer((json_int_t)t->tables[level]));
	put_counter(t, e->ns, "tables", values);
}

static void put_frames(struct trace *t, const struct trace_record *rec)
{
	if (rec->frames == t->frames)
		return;
	t->frames = rec->frames;
	put_counter(t, rec->event.ns, "frames reserved",
		    json_members((const struct json_member[]){
			    { "anonymous", json_integer((json_int_t)rec->frames) },
			    { 0 } }));
}

static json_t *name_json(const char *what, int track, const char *name)
{
	return json_members((const struct json_member[]){
		{ "name", json_string(what) },
		{ "ph", json_string("M") },
		{ "pid", json_integer(PID) },
		{ "tid", json_integer(track) },
		{ "args", json_members((const struct json_member[]){
				  { "name", json_text(name) }, { 0 } }) },
		{ 0 },
	});
}

static void begin(struct trace *t)
{
	json_t *process = name_json("process_name", PAYLOAD, t->run->argv[0]);

	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", t->out);
	if (process)
		json_dumpf(process, t->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(process);
	put(t, name_json("thread_name", PAYLOAD, "calls and faults"));
	put(t, name_json("thread_name", STAGE2, "second stage"));
}

static void event(struct trace *t, const struct trace_record *rec)
{
	const struct mv_event *e = &rec->event;

	t->events++;
	switch (e->kind) {
	case MV_EVENT_CALL:
		put_call(t, e);
		put_frames(t, rec);
		break;
	case MV_EVENT_FAULT:
		put_fault(t, e);
		put_frames(t, rec);
		break;
	case MV_EVENT_VIOLATION:
		put_violation(t, e);
		break;
	case MV_EVENT_TABLE:
		put_tables(t, e);
		break;
	case MV_EVENT_VMA:
		put_vma(t, e);
		break;
	case MV_EVENT_SIGNAL:
		put_signal(t, e);
		break;
	case MV_EVENT_END:
		put_end(t, e);
		break;
	case MV_EVENT_ENTRIES: /* not asked for: see kinds */
	case MV_EVENT_KINDS:
		break;
	}
}

static void end(struct trace *t)
{
	fprintf(t->out,
		"\n],\"otherData\":{\"events\":%" PRIu64 ",\"lost\":%" PRIu64 "}}\n",
		t->events, t->lost + t->unwritten);
}

const struct trace_format trace_perfetto = {
	.name = "perfetto",
	.kinds = "call,fault,violation,table,vma,signal,end",
	.counts = true,
	.begin = begin,
	.event = event,
	.end = end,
};
