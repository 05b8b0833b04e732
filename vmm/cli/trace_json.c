/* SPDX-License-Identifier: MIT */
/* trace_json.c: a trace as JSON, an object a line: docs/trace.md says what is in them. */
#include <inttypes.h>
#include <string.h>

#include "vmm/cli/json.h"
#include "vmm/cli/trace.h"

#define VERSION 1

/* Without what is 0: docs/trace.md. */
static void add_number(json_t *json, const char *key, uint64_t value)
{
	if (value)
		json_object_set_new_nocheck(json, key, json_integer((json_int_t)value));
}

static void add_address(json_t *json, const char *key, uint64_t value)
{
	json_object_set_new_nocheck(json, key, json_address(value));
}

static void add_true(json_t *json, const char *key, bool value)
{
	if (value)
		json_object_set_new_nocheck(json, key, json_true());
}

static void add_name(json_t *json, const char *key, const char *name)
{
	if (name)
		json_object_set_new_nocheck(json, key, json_string_nocheck(name));
}

static void add_text(json_t *json, const char *key, const char *bytes)
{
	if (*bytes)
		json_object_set_new_nocheck(json, key, json_text(bytes));
}

static void add_symbol(json_t *json, const char *key, struct mv_vm *vm, uint64_t gva)
{
	char name[256];

	if (!mv_symbol_at(vm, gva, name, sizeof(name)))
		json_object_set_new_nocheck(json, key, json_text(name));
}

static void add_access(json_t *json, unsigned access)
{
	add_name(json, "access", access & MV_WRITE ? "w" : access & MV_EXEC ? "x" : "r");
}

static void add_signal(json_t *json, int signal, int code)
{
	const char *abbrev = sigabbrev_np(signal),
		   *name = mv_signal_code_name(signal, code);

	json_object_set_new_nocheck(json, "signal",
				    abbrev ? json_sprintf("SIG%s", abbrev)
					   : json_sprintf("%d", signal));
	json_object_set_new_nocheck(json, "code",
				    name ? json_string(name) : json_sprintf("%d", code));
}

/* A number, an address, or -errno with its name. */
static void add_result(json_t *json, const struct mv_event_call *c)
{
	const bool failed = mv_call_failed(c);

	if (!c->returns)
		return;
	if (!failed && mv_call_gives_address(c->nr))
		add_address(json, "result", (uint64_t)c->result);
	else
		json_object_set_new_nocheck(json, "result", json_integer(c->result));
	if (failed)
		add_name(json, "error", strerrorname_np((int)-c->result));
}

static void add_call(json_t *json, const struct mv_event *e)
{
	const struct mv_event_call *c = &e->call;
	const unsigned n = mv_call_params(c->nr);
	json_t *args = json_array();
	char text[MV_CALL_TEXT_SIZE];

	json_object_set_new_nocheck(json, "nr", json_integer(c->nr));
	add_name(json, "name", mv_call_name(c->nr));
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(args, json_address(c->args[i]));
	json_object_set_new_nocheck(json, "args", args);
	mv_call_text(e, text, sizeof(text));
	add_name(json, "text", text);
	add_result(json, c);
	add_address(json, "rip", c->rip);
}

static json_t *entries_of(const uint64_t *entry, unsigned n)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, json_address(entry[i]));
	return array;
}

static void add_fault_vma(json_t *json, const struct mv_event *e)
{
	const struct mv_event_fault *f = &e->fault;
	json_t *vma;

	if (!f->vma_end)
		return;
	vma = json_object();
	add_address(vma, "start", f->vma_start);
	add_address(vma, "end", f->vma_end);
	json_object_set_new_nocheck(vma, "prot", json_access(f->vma_prot));
	add_true(vma, "shared", f->vma_shared);
	if (f->vma_offset)
		add_address(vma, "offset", f->vma_offset);
	add_text(vma, "name", e->text);
	json_object_set_new_nocheck(json, "vma", vma);
}

static void add_made(json_t *json, const uint32_t made[4])
{
	json_t *tables = json_object();

	for (unsigned i = 0; i < 4; i++)
		add_number(tables, mv_level_name(4 - i), made[i]);
	if (json_object_size(tables))
		json_object_set_nocheck(json, "made", tables);
	json_decref(tables);
}

static void add_fault(json_t *json, const struct mv_event *e, struct mv_vm *vm)
{
	const struct mv_event_fault *f = &e->fault;

	add_name(json, "kind", mv_fault_name(f->kind));
	add_address(json, "gva", f->gva);
	add_symbol(json, "symbol", vm, f->gva);
	add_access(json, f->access);
	add_address(json, "rip", f->rip);
	add_symbol(json, "rip_symbol", vm, f->rip);
	add_true(json, "host", f->host);
	add_true(json, "major", f->major);
	add_fault_vma(json, e);
	json_object_set_new_nocheck(json, "before", entries_of(f->before, f->nbefore));
	json_object_set_new_nocheck(json, "after", entries_of(f->after, f->nafter));
	if (f->size)
		add_address(json, "gpa", f->gpa);
	add_number(json, "size", f->size);
	add_number(json, "around", f->around);
	add_number(json, "huge", f->huge);
	add_number(json, "copied", f->copied);
	add_made(json, f->made);
	if (f->signal)
		add_signal(json, f->signal, f->code);
}

static void add_violation(json_t *json, const struct mv_event_violation *v)
{
	add_address(json, "gpa", v->gpa);
	add_address(json, "start", v->start);
	add_number(json, "bytes", v->bytes);
	add_name(json, "access", v->write ? "w" : "r");
	add_name(json, "from", v->file ? "file" : "zeroes");
}

static void add_table(json_t *json, const struct mv_event_table *t)
{
	json_object_set_new_nocheck(json, "made", json_boolean(t->made));
	add_name(json, "level", mv_level_name(t->level));
	add_address(json, "gpa", t->gpa);
	add_address(json, "gva", t->gva);
}

static void add_entries(json_t *json, const struct mv_event_entries *w)
{
	add_address(json, "table", w->table);
	add_name(json, "level", mv_level_name(w->level));
	json_object_set_new_nocheck(json, "index", json_integer(w->index));
	json_object_set_new_nocheck(json, "n", json_integer(w->n));
	add_address(json, "gva", w->gva);
	add_address(json, "old", w->old);
	add_address(json, "value", w->value);
	add_address(json, "step", w->step);
}

static void add_vma(json_t *json, const struct mv_event *e)
{
	const struct mv_event_vma *v = &e->vma;

	json_object_set_new_nocheck(json, "added", json_boolean(v->added));
	add_address(json, "start", v->start);
	add_address(json, "end", v->end);
	json_object_set_new_nocheck(json, "prot", json_access(v->prot));
	add_true(json, "shared", v->shared);
	add_true(json, "hugetlb", v->hugetlb);
	add_true(json, "growsdown", v->growsdown);
	if (v->offset)
		add_address(json, "offset", v->offset);
	add_text(json, "name", e->text);
}

static void add_delivery(json_t *json, const struct mv_event_signal *s, struct mv_vm *vm)
{
	add_signal(json, s->signal, s->code);
	add_address(json, "addr", s->addr);
	if (s->handler)
		add_address(json, "handler", s->handler);
	add_address(json, "rip", s->rip);
	add_symbol(json, "rip_symbol", vm, s->rip);
}

static void add_end(json_t *json, const struct mv_event_end *end)
{
	static const char *const how[] = {
		[MV_EXIT_STATUS] = "status",	       [MV_EXIT_SIGNAL] = "signal",
		[MV_EXIT_TIMEOUT] = "timeout",	       [MV_EXIT_OOM] = "memory",
		[MV_EXIT_INTERRUPTED] = "interrupted", [MV_EXIT_STOPPED] = "stopped",
		[MV_EXIT_CPU_TIME] = "cpu-time",       [MV_EXIT_OUTPUT] = "output",
	};

	add_name(json, "how", how[end->kind]);
	json_object_set_new_nocheck(json, "status", json_integer(end->status));
}

static json_t *event_json(const struct trace *t, const struct mv_event *e)
{
	json_t *json = json_object();

	json_object_set_new_nocheck(json, "seq", json_integer((json_int_t)e->seq));
	json_object_set_new_nocheck(json, "t",
				    json_integer((json_int_t)(e->ns - t->start_ns)));
	add_name(json, "type", mv_event_name(e->kind));
	switch (e->kind) {
	case MV_EVENT_CALL:
		add_call(json, e);
		break;
	case MV_EVENT_FAULT:
		add_fault(json, e, t->vm);
		break;
	case MV_EVENT_VIOLATION:
		add_violation(json, &e->violation);
		break;
	case MV_EVENT_TABLE:
		add_table(json, &e->table);
		break;
	case MV_EVENT_ENTRIES:
		add_entries(json, &e->entries);
		break;
	case MV_EVENT_VMA:
		add_vma(json, e);
		break;
	case MV_EVENT_SIGNAL:
		add_delivery(json, &e->signal, t->vm);
		break;
	case MV_EVENT_END:
	default:
		add_end(json, &e->end);
		break;
	}
	add_number(json, "spent", e->spent);
	return json;
}

/* False: it isn't written, for want of memory or room. */
static bool put_line(struct trace *t, json_t *json)
{
	const bool done = json &&
			  !json_dumpf(json, t->out, JSON_COMPACT | JSON_ENSURE_ASCII) &&
			  fputc('\n', t->out) != EOF;

	json_decref(json);
	return done;
}

static void begin(struct trace *t)
{
	static const char *const thp[] = {
		[MV_THP_AUTO] = "auto",
		[MV_THP_NEVER] = "never",
		[MV_THP_ALWAYS] = "always",
	};
	const struct mv_options *opt = &t->run->mv;

	put_line(t,
		 json_members((const struct json_member[]){
			 { "type", json_string("mapvisor-trace") },
			 { "version", json_integer(VERSION) },
			 { "program", json_arguments(t->run->argv) },
			 { "stage2",
			   json_string(opt->stage2 == MV_STAGE2_UFFD ? "uffd" : "direct") },
			 { "fault_around", json_integer((json_int_t)opt->fault_around) },
			 { "thp", json_string(thp[opt->thp]) },
			 { "start_ns", json_integer((json_int_t)t->start_ns) },
			 { 0 },
		 }));
}

static void event(struct trace *t, const struct trace_record *rec)
{
	if (put_line(t, event_json(t, &rec->event)))
		t->events++;
	else
		t->unwritten++;
}

static void end(struct trace *t)
{
	const json_int_t lost = (json_int_t)t->lost + (json_int_t)t->unwritten;

	put_line(t, json_members((const struct json_member[]){
			    { "type", json_string("trailer") },
			    { "events", json_integer((json_int_t)t->events) },
			    { "lost", json_integer(lost) },
			    { 0 },
		    }));
}

const struct trace_format trace_json = {
	.name = "json",
	.kinds = "all",
	.begin = begin,
	.event = event,
	.end = end,
};
