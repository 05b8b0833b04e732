/* SPDX-License-Identifier: MIT */
/* trace_filter.c: which events a trace shows. See trace_filter.h. */
#include "vmm/cli/trace_filter.h"

#include <asm/unistd_64.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/parse.h"

#define ALL_KINDS ((1u << MV_EVENT_KINDS) - 1)
#define ALL_FAULTS ((1u << MV_FAULT_KINDS) - 1)
#define NAME_MAX_LEN 64

/* "file-read" is "file read": a blank is a nuisance in a shell. */
static bool same_name(const char *typed, const char *name)
{
	for (; *typed && *name; typed++, name++)
		if (*typed != *name && !(*typed == '-' && *name == ' '))
			return false;
	return !*typed && !*name;
}

static bool add_fault(struct trace_filter *f, const char *name)
{
	for (unsigned k = 0; k < MV_FAULT_KINDS; k++) {
		if (same_name(name, mv_fault_name((enum mv_fault)k))) {
			f->kinds |= 1u << MV_EVENT_FAULT;
			f->faults |= 1u << k;
			return true;
		}
	}
	return false;
}

static bool add_call(struct trace_filter *f, const char *name)
{
	for (int64_t nr = 0; nr < FILTER_CALLS; nr++) {
		const char *call = mv_call_name(nr);

		if (call && !strcmp(call, name)) {
			f->kinds |= 1u << MV_EVENT_CALL;
			f->calls[nr / 64] |= 1ull << nr % 64;
			return true;
		}
	}
	return false;
}

static bool add_kind(struct trace_filter *f, const char *name)
{
	for (unsigned k = 0; k < MV_EVENT_KINDS; k++) {
		if (strcmp(name, mv_event_name((enum mv_event_kind)k)) != 0)
			continue;
		f->kinds |= 1u << k;
		f->all_calls |= k == MV_EVENT_CALL;
		if (k == MV_EVENT_FAULT)
			f->faults = ALL_FAULTS;
		return true;
	}
	return false;
}

static bool add(struct trace_filter *f, const char *name)
{
	if (!strcmp(name, "all")) {
		f->kinds = ALL_KINDS;
		f->faults = ALL_FAULTS;
		f->all_calls = true;
		return true;
	}
	if (!strncmp(name, "fault:", 6))
		return add_fault(f, name + 6);
	if (!strncmp(name, "call:", 5))
		return add_call(f, name + 5);
	return add_kind(f, name) || add_call(f, name);
}

int filter_parse(struct trace_filter *f, struct cli *cli, const char *text)
{
	char name[NAME_MAX_LEN];
	size_t len;

	*f = (struct trace_filter){ 0 };
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		snprintf(name, sizeof(name), "%.*s", (int)len, text);
		if (len >= sizeof(name) || !add(f, name))
			return cli_usage(
				cli,
				"--filter: '%s' is no kind of event (all, call, fault, "
				"violation, table, entries, vma, signal, end), no kind "
				"of fault (fault:anonymous, fault:file-read, ...) and "
				"no call (mmap, call:mmap)",
				name);
		if (!text[len])
			return 0;
	}
}

static int bad_range(struct mv_error *err, const char *text)
{
	snprintf(err->text, sizeof(err->text),
		 "--range=%s: give START-END or START+LEN, numbers with 0x or decimal, or "
		 "SYMBOL[+LEN]; the end lies above the start",
		 text);
	return -EINVAL;
}

/* Before the run a symbol's size counts, unless a length is given. */
static int find_symbol(struct trace_filter *f, struct mv_vm *vm, const char *name,
		       struct mv_error *err)
{
	uint64_t size;

	if (mv_symbol(vm, name, &f->start, &size)) {
		snprintf(err->text, sizeof(err->text),
			 "--range: %s: no symbol of that name in the program", name);
		return -ENOENT;
	}
	f->end = f->start + (size ? size : 1);
	return 0;
}

int filter_range(struct trace_filter *f, struct mv_vm *vm, const char *text,
		 struct mv_error *err)
{
	const bool number = isdigit((unsigned char)*text);
	const char *sep = strpbrk(text, number ? "-+" : "+");
	uint64_t n = 0;
	char *first;
	int ret = 0;

	if ((number && !sep) || (sep && !parse_number(sep + 1, &n)))
		return bad_range(err, text);
	first = strndup(text, sep ? (size_t)(sep - text) : strlen(text));
	if (!first) {
		snprintf(err->text, sizeof(err->text), "--range: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	if (!number)
		ret = find_symbol(f, vm, first, err);
	else if (!parse_number(first, &f->start))
		ret = bad_range(err, text);
	free(first);
	if (ret)
		return ret;
	if (sep)
		f->end = *sep == '-' ? n : f->start + n;
	f->ranged = true;
	return f->end > f->start ? 0 : bad_range(err, text);
}

static bool overlaps(const struct trace_filter *f, uint64_t start, uint64_t len)
{
	const uint64_t end = start + len < start ? UINT64_MAX : start + len;

	return start < f->end && end > f->start;
}

/* The memory that a call is about: by its arguments, and where it says itself, its result. */
static bool call_touches(const struct trace_filter *f, const struct mv_event_call *c)
{
	const uint64_t *a = c->args;
	const uint64_t result = mv_call_failed(c) ? 0 : (uint64_t)c->result;

	switch (c->nr) {
	case __NR_mmap:
		return overlaps(f, result ? result : a[0], a[1]);
	case __NR_mremap:
		return overlaps(f, a[0], a[1]) || (result && overlaps(f, result, a[2]));
	case __NR_munmap:
	case __NR_mprotect:
	case __NR_madvise:
	case __NR_msync:
	case __NR_mincore:
	case __NR_mlock:
	case __NR_mlock2:
	case __NR_munlock:
	case __NR_getrandom:
		return overlaps(f, a[0], a[1]);
	case __NR_brk:
		return overlaps(f, result, 1);
	case __NR_mlockall:
	case __NR_munlockall:
		return true;
	case __NR_read:
	case __NR_write:
	case __NR_pread64:
	case __NR_pwrite64:
		return overlaps(f, a[1], a[2]);
	default:
		return false;
	}
}

/* What an entry of a level stands for. */
static uint64_t span(unsigned level)
{
	return 1ull << (12 + 9 * (level - 1));
}

static bool in_range(const struct trace_filter *f, const struct mv_event *e)
{
	switch (e->kind) {
	case MV_EVENT_CALL:
		return call_touches(f, &e->call);
	case MV_EVENT_FAULT:
		return overlaps(f, e->fault.gva, 1);
	case MV_EVENT_TABLE:
		return overlaps(f, e->table.gva, 512 * span(e->table.level));
	case MV_EVENT_ENTRIES:
		return overlaps(f, e->entries.gva, e->entries.n * span(e->entries.level));
	case MV_EVENT_VMA:
		return overlaps(f, e->vma.start, e->vma.end - e->vma.start);
	case MV_EVENT_SIGNAL:
		return overlaps(f, e->signal.addr, 1);
	case MV_EVENT_VIOLATION: /* of the other address space */
		return false;
	default:
		return true;
	}
}

bool filter_wants(const struct trace_filter *f, const struct mv_event *e)
{
	if (!(f->kinds & 1u << e->kind))
		return false;
	if (e->kind == MV_EVENT_FAULT && !(f->faults & 1u << e->fault.kind))
		return false;
	if (e->kind == MV_EVENT_CALL && !f->all_calls &&
	    (e->call.nr < 0 || e->call.nr >= FILTER_CALLS ||
	     !(f->calls[e->call.nr / 64] & 1ull << e->call.nr % 64)))
		return false;
	return !f->ranged || in_range(f, e);
}
