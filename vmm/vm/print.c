/* SPDX-License-Identifier: MIT */
/* print.c: events as lines of text: calls, signals and ends in strace(1)'s words, faults in ours. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "vmm/linux/decode.h"
#include "vmm/mm/pgtable.h"
#include "vmm/vm/report.h"
#include "vmm/vm/vm.h"

/* strace's: where a result stands, unless the call is longer. */
#define RESULT_COLUMN 39

static void print_place(struct mv_vm *vm, uint64_t gva, FILE *out)
{
	char name[256];

	fprintf(out, "0x%" PRIx64, gva);
	if (!mv_symbol_at(vm, gva, name, sizeof(name)))
		fprintf(out, " <%s>", name);
}

static void print_spent(const struct mv_event *e, FILE *out)
{
	fprintf(out, " <%" PRIu64 ".%" PRIu64 " us>\n", e->spent / 1000,
		e->spent / 100 % 10);
}

static char access_letter(unsigned access)
{
	return access & MV_WRITE ? 'w' : access & MV_EXEC ? 'x' : 'r';
}

/* ---- Calls, signals, the end ---- */

static void print_result(const struct mv_event_call *c, FILE *out)
{
	const bool failed = mv_call_failed(c);
	const char *name = failed ? strerrorname_np((int)-c->result) : NULL;

	if (!c->returns)
		fputc('?', out);
	else if (failed && name)
		fprintf(out, "-1 %s (%s)", name, strerrordesc_np((int)-c->result));
	else if (failed)
		fprintf(out, "-1 (errno %" PRId64 ")", -c->result);
	else if (call_gives_address(c->nr))
		fprintf(out, "%#" PRIx64, (uint64_t)c->result);
	else
		fprintf(out, "%" PRId64, c->result);
}

static void print_call(const struct mv_event *e, FILE *out)
{
	char text[MV_CALL_TEXT_SIZE];

	call_text(e, text, sizeof(text));
	fprintf(out, "%-*s = ", RESULT_COLUMN, text);
	print_result(&e->call, out);
	print_spent(e, out);
}

static void print_signal_name(int signal, FILE *out)
{
	const char *name = sigabbrev_np(signal);

	if (name)
		fprintf(out, "SIG%s", name);
	else
		fprintf(out, "%d", signal);
}

static void print_code(int signal, int code, FILE *out)
{
	const char *name = signal_code_name(signal, code);

	if (name)
		fputs(name, out);
	else
		fprintf(out, "%d", code);
}

/* What an exception raised has an address; kill(2) and its kin have a code that isn't above 0. */
static void print_signal(const struct mv_event_signal *s, FILE *out)
{
	fputs("--- ", out);
	print_signal_name(s->signal, out);
	fputs(" {si_signo=", out);
	print_signal_name(s->signal, out);
	fputs(", si_code=", out);
	print_code(s->signal, s->code, out);
	if (s->code > 0 && s->addr)
		fprintf(out, ", si_addr=%#" PRIx64, s->addr);
	else if (s->code > 0)
		fputs(", si_addr=NULL", out);
	fputs("} ---\n", out);
}

static void print_end(const struct mv_event_end *end, FILE *out)
{
	fputs("+++ ", out);
	switch (end->kind) {
	case MV_EXIT_STATUS:
		fprintf(out, "exited with %d", end->status);
		break;
	case MV_EXIT_SIGNAL:
		fputs("killed by ", out);
		print_signal_name(end->status - 128, out);
		break;
	case MV_EXIT_TIMEOUT:
		fputs("stopped: its time was over", out);
		break;
	case MV_EXIT_CPU_TIME:
		fputs("stopped: its CPU time was over", out);
		break;
	case MV_EXIT_OUTPUT:
		fputs("stopped: its output was over the limit", out);
		break;
	case MV_EXIT_OOM:
		fputs("killed: out of memory", out);
		break;
	case MV_EXIT_INTERRUPTED:
		fputs("interrupted", out);
		break;
	case MV_EXIT_STOPPED:
		fputs("at a stop", out);
		break;
	}
	fputs(" +++\n", out);
}

/* ---- Faults ---- */

static void print_made(const struct mv_event_fault *f, FILE *out)
{
	const char *sep = ", made ";

	for (unsigned i = 0; i < 4; i++) {
		if (!f->made[i])
			continue;
		fprintf(out, "%s%s", sep, mv_level_name(LEVEL_PGD - i));
		if (f->made[i] > 1)
			fprintf(out, " x%u", f->made[i]);
		sep = " ";
	}
}

static void print_outcome(const struct mv_event_fault *f, FILE *out)
{
	fputs(mv_fault_name(f->kind), out);
	if (f->signal) {
		fputc(' ', out);
		print_signal_name(f->signal, out);
		fputs(" (", out);
		print_code(f->signal, f->code, out);
		fputc(')', out);
	}
	if (f->size)
		fprintf(out, " %#" PRIx64, f->gpa);
	if (f->size > PAGE_SIZE)
		fputs(" 2M", out);
	if (f->around)
		fprintf(out, " +%u", f->around);
	if (f->huge)
		fprintf(out, ", %u of 2M", f->huge);
	if (f->major)
		fputs(", major", out);
	print_made(f, out);
}

static void print_fault(struct mv_vm *vm, const struct mv_event *e, FILE *out)
{
	const struct mv_event_fault *f = &e->fault;

	fprintf(out, "#PF %c ", access_letter(f->access));
	print_place(vm, f->gva, out);
	if (!f->rip) {
		fputs(" while loading", out);
	} else if (f->rip != f->gva) {
		fputs(f->host ? " for the call at " : " by ", out);
		print_place(vm, f->rip, out);
	}
	fputs(" = ", out);
	print_outcome(f, out);
	print_spent(e, out);
}

/* As /proc/PID/maps: what a VMA is. */
static void print_area(uint64_t start, uint64_t end, unsigned prot, bool shared,
		       uint64_t offset, const char *name, FILE *out)
{
	fprintf(out, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " ", start, end,
		prot & MV_READ ? 'r' : '-', prot & MV_WRITE ? 'w' : '-',
		prot & MV_EXEC ? 'x' : '-', shared ? 's' : 'p', offset);
	mv_print_text(*name ? name : "anonymous", out);
	fputc('\n', out);
}

static void print_entry(uint64_t entry, unsigned level, FILE *out)
{
	char flags[ENTRY_FLAGS_SIZE];

	if (entry)
		fprintf(out, "0x%016" PRIx64 " %s", entry,
			entry_flags(entry, level, flags, sizeof(flags)));
	else
		fputs("0", out);
}

/* Of a walk: where it ends at an entry that is 0, that one is missing. */
static void print_step(const uint64_t *entries, unsigned n, unsigned i, FILE *out)
{
	if (i >= n)
		fputs("no table", out);
	else if (!entries[i])
		fputs("missing", out);
	else
		print_entry(entries[i], LEVEL_PGD - i, out);
}

/* One level of a walk: what the entry held, and holds. The processor sets A and D by itself. */
static void print_level(const struct mv_event_fault *f, unsigned i, FILE *out)
{
	const unsigned level = LEVEL_PGD - i;
	const bool before = i < f->nbefore, after = i < f->nafter;

	fprintf(out, "      %s[%3u]  ", mv_level_name(level), level_index(f->gva, level));
	if (!before || !after || (f->before[i] ^ f->after[i]) & ~(PTE_A | PTE_D)) {
		print_step(f->before, f->nbefore, i, out);
		fputs(" -> ", out);
	}
	print_step(f->after, f->nafter, i, out);
	fputc('\n', out);
}

static void print_fault_more(const struct mv_event *e, FILE *out)
{
	const struct mv_event_fault *f = &e->fault;

	fputs("      vma       ", out);
	if (f->vma_end)
		print_area(f->vma_start, f->vma_end, f->vma_prot, f->vma_shared,
			   f->vma_offset, e->text, out);
	else
		fputs("none\n", out);
	for (unsigned i = 0; i < f->nbefore || i < f->nafter; i++)
		print_level(f, i, out);
}

/* ---- Tables, entries, VMAs, the second stage ---- */

static void print_table(const struct mv_event_table *t, FILE *out)
{
	fprintf(out, "%s table %#" PRIx64 " %s, from %#" PRIx64 " on\n",
		mv_level_name(t->level), t->gpa, t->made ? "made" : "gone", t->gva);
}

static void print_entries(const struct mv_event_entries *w, FILE *out)
{
	fprintf(out, "%s[%u", mv_level_name(w->level), w->index);
	if (w->n > 1)
		fprintf(out, "..%u", w->index + w->n - 1);
	fprintf(out, "] of %#" PRIx64 ", from 0x%" PRIx64 " on: ", w->table, w->gva);
	print_entry(w->old, w->level, out);
	fputs(" -> ", out);
	print_entry(w->value, w->level, out);
	if (w->n > 1 && w->step)
		fprintf(out, ", each %#" PRIx64 " more", w->step);
	fputc('\n', out);
}

static void print_vma(const struct mv_event *e, FILE *out)
{
	const struct mv_event_vma *v = &e->vma;

	fprintf(out, "vma %c ", v->added ? '+' : '-');
	print_area(v->start, v->end, v->prot, v->shared, v->offset, e->text, out);
}

static void print_violation(const struct mv_event *e, FILE *out)
{
	const struct mv_event_violation *v = &e->violation;

	fprintf(out,
		"stage2 %c gpa %#" PRIx64 " = %s, %" PRIu64 " KiB from %#" PRIx64 " on",
		v->write ? 'w' : 'r', v->gpa, v->file ? "file" : "zeroes", v->bytes >> 10,
		v->start);
	print_spent(e, out);
}

void mv_print_event(struct mv_vm *vm, const struct mv_event *e, FILE *out)
{
	switch (e->kind) {
	case MV_EVENT_CALL:
		print_call(e, out);
		break;
	case MV_EVENT_FAULT:
		print_fault(vm, e, out);
		break;
	case MV_EVENT_VIOLATION:
		print_violation(e, out);
		break;
	case MV_EVENT_TABLE:
		print_table(&e->table, out);
		break;
	case MV_EVENT_ENTRIES:
		print_entries(&e->entries, out);
		break;
	case MV_EVENT_VMA:
		print_vma(e, out);
		break;
	case MV_EVENT_SIGNAL:
		print_signal(&e->signal, out);
		break;
	case MV_EVENT_END:
	default:
		print_end(&e->end, out);
		break;
	}
}

static void print_signal_more(struct mv_vm *vm, const struct mv_event_signal *s, FILE *out)
{
	fputs("      at ", out);
	print_place(vm, s->rip, out);
	if (s->handler) {
		fputs(", handler ", out);
		print_place(vm, s->handler, out);
	}
	fputc('\n', out);
}

void mv_print_event_more(struct mv_vm *vm, const struct mv_event *e, FILE *out)
{
	if (e->kind == MV_EVENT_FAULT)
		print_fault_more(e, out);
	else if (e->kind == MV_EVENT_SIGNAL)
		print_signal_more(vm, &e->signal, out);
}
