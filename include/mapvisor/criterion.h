/* SPDX-License-Identifier: MIT */
/*
 * criterion.h: assertions on a sandbox's memory for tests that use Criterion. Each fails the
 * test that calls it, as cr_assert() does, and shows what was expected and found, the VMA and
 * the walk. Header-only: link with libmapvisor and Criterion.
 *
 * vm is a struct mv_vm *, stopped: loaded, or behind a mv_run(). gva is the payload's virtual
 * address. Nothing is faulted in or changed by looking. Called by the thread that owns the vm.
 */
#ifndef MAPVISOR_CRITERION_H
#define MAPVISOR_CRITERION_H

#include <criterion/criterion.h>
#include <mapvisor/events.h>
#include <mapvisor/mapvisor.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of context on a line of a difference. */
#define MV_TEXT_ROW 16u

static inline void mv_text_row(FILE *out, const char *label, const unsigned char *bytes,
			       size_t from, size_t to, size_t have)
{
	fprintf(out, "  %-8s", label);
	for (size_t i = from; i < to; i++)
		if (i < have)
			fprintf(out, " %02x", bytes[i]);
		else
			fputs(" --", out);
	fputc('\n', out);
}

/* The VMA that holds gva, or that none does. */
static inline void mv_text_vma(FILE *out, struct mv_vm *vm, uint64_t gva)
{
	struct mv_vma v;

	if (mv_vma(vm, gva, &v) || v.start > gva) {
		fputs("  in no VMA\n", out);
		return;
	}
	fprintf(out, "  in VMA 0x%llx-0x%llx %c%c%c%c offset 0x%llx %s\n",
		(unsigned long long)v.start, (unsigned long long)v.end,
		v.prot & MV_READ ? 'r' : '-', v.prot & MV_WRITE ? 'w' : '-',
		v.prot & MV_EXEC ? 'x' : '-', v.shared ? 's' : 'p',
		(unsigned long long)v.offset, v.name);
}

/* What every failure ends with. */
static inline void mv_text_place(FILE *out, struct mv_vm *vm, uint64_t gva)
{
	mv_text_vma(out, vm, gva);
	mv_print_walk(vm, gva, out);
}

/* What a failure says where there is no room for its details: never NULL, which means success. */
static inline char *mv_text_bare(const char *what)
{
	char *text = (char *)malloc(strlen(what) + 1);

	if (!text)
		abort();
	return strcpy(text, what);
}

/* All that was written to a file from tmpfile(), which is closed; the caller's to free(). */
static inline char *mv_text_of(FILE *file)
{
	long size = ftell(file);
	char *text = size < 0 ? NULL : (char *)calloc(1, (size_t)size + 1);

	rewind(file);
	if (text && fread(text, 1, (size_t)size, file) < (size_t)size)
		text[0] = '\0';
	fclose(file);
	return text ? text : mv_text_bare("failed, and the details can't be kept");
}

/*
 * NULL: guest memory at gva holds the len bytes of `expected`. Else a text that says how it
 * differs, the caller's to free().
 */
static inline char *mv_diff_text(struct mv_vm *vm, uint64_t gva, const void *expected,
				 size_t len)
{
	const unsigned char *want = (const unsigned char *)expected;
	unsigned char *found = (unsigned char *)malloc(len ? len : 1);
	size_t have = 0, at = 0, from, to;
	char *text = NULL;
	FILE *out;

	mv_read(vm, gva, found, len, &have);
	while (at < have && found[at] == want[at])
		at++;
	if (at < len && !(out = tmpfile())) {
		text = mv_text_bare(
			"guest memory differs, and no file can be made to say how");
	} else if (at < len) {
		from = at - at % MV_TEXT_ROW;
		to = from + MV_TEXT_ROW < len ? from + MV_TEXT_ROW : len;
		fprintf(out, "guest memory at 0x%llx differs at byte %zu of %zu%s\n",
			(unsigned long long)gva, at, len,
			at == have ? ", where it can't be read" : "");
		mv_text_row(out, "expected", want, from, to, len);
		mv_text_row(out, "found", found, from, to, have);
		fprintf(out, "  %*s^^ 0x%llx\n", (int)(9 + 3 * (at - from)), "",
			(unsigned long long)(gva + at));
		mv_text_place(out, vm, gva + at);
		text = mv_text_of(out);
	}
	free(found);
	return text;
}

/* As mv_diff_text(), of len bytes that are all `byte`. */
static inline char *mv_fill_text(struct mv_vm *vm, uint64_t gva, int byte, size_t len)
{
	void *expected = malloc(len ? len : 1);
	char *text;

	memset(expected, byte, len);
	text = mv_diff_text(vm, gva, expected, len);
	free(expected);
	return text;
}

/* NULL if `ok`; else `what`, the VMA and the walk at gva. The caller's to free(). */
static inline char *mv_place_text(struct mv_vm *vm, uint64_t gva, bool ok, const char *what)
{
	FILE *out;

	if (ok)
		return NULL;
	out = tmpfile();
	if (!out)
		return mv_text_bare(what);
	fprintf(out, "0x%llx: %s\n", (unsigned long long)gva, what);
	mv_text_place(out, vm, gva);
	return mv_text_of(out);
}

/* Whether a present entry translates gva. */
static inline bool mv_is_mapped(struct mv_vm *vm, uint64_t gva)
{
	struct mv_walk w;

	return !mv_walk(vm, gva, &w) && w.present;
}

/* The protection of the VMA that holds gva; -1: none does. */
static inline int mv_prot_of(struct mv_vm *vm, uint64_t gva)
{
	struct mv_vma v;

	return mv_vma(vm, gva, &v) || v.start > gva ? -1 : (int)v.prot;
}

/* What ring 3 may do at gva by the page tables alone; 0: not mapped. */
static inline int mv_entry_access(struct mv_vm *vm, uint64_t gva)
{
	struct mv_walk w;

	return mv_walk(vm, gva, &w) || !w.present ? 0 : (int)w.access;
}

/* The frame that gva leads to, as the gpa of its 4 KiB; 0: none. */
static inline uint64_t mv_frame_of(struct mv_vm *vm, uint64_t gva)
{
	struct mv_walk w;

	return mv_walk(vm, gva, &w) || !w.present ? 0
						  : w.gpa & ~(uint64_t)(MV_PAGE_SIZE - 1);
}

#define MV_ASSERT_TEXT(text)                                          \
	do {                                                          \
		char *mv_text_ = (text);                              \
		cr_assert(!mv_text_, "%s", mv_text_ ? mv_text_ : ""); \
	} while (0)

/* len bytes at gva are those at expected; pages that no entry maps yet count as they would read. */
#define mv_assert_mem_eq(vm, gva, expected, len) \
	MV_ASSERT_TEXT(mv_diff_text(vm, gva, expected, len))

/* len bytes at gva are all `byte`. */
#define mv_assert_mem_is(vm, gva, byte, len) \
	MV_ASSERT_TEXT(mv_fill_text(vm, gva, byte, len))

/* A present entry translates gva. */
#define mv_assert_mapped(vm, gva) \
	MV_ASSERT_TEXT(           \
		mv_place_text(vm, gva, mv_is_mapped(vm, gva), "expected to be mapped"))

/* No entry does; a VMA may well hold it. */
#define mv_assert_not_mapped(vm, gva)                                 \
	MV_ASSERT_TEXT(mv_place_text(vm, gva, !mv_is_mapped(vm, gva), \
				     "expected not to be mapped"))

/* A VMA holds gva with just the protection prot: MV_READ | MV_WRITE | MV_EXEC. */
#define mv_assert_prot(vm, gva, prot)                                             \
	MV_ASSERT_TEXT(mv_place_text(vm, gva, mv_prot_of(vm, gva) == (int)(prot), \
				     "expected protection " #prot))

/* No VMA holds gva. */
#define mv_assert_no_vma(vm, gva)                                        \
	MV_ASSERT_TEXT(mv_place_text(vm, gva, mv_prot_of(vm, gva) == -1, \
				     "expected to be in no VMA"))

/* The page tables let ring 3 do just `access` at gva. */
#define mv_assert_entry(vm, gva, access)                                                 \
	MV_ASSERT_TEXT(mv_place_text(vm, gva, mv_entry_access(vm, gva) == (int)(access), \
				     "expected an entry that allows " #access))

/* Both lead to one frame. */
#define mv_assert_same_frame(vm, a, b)                                                 \
	MV_ASSERT_TEXT(mv_place_text(vm, a,                                            \
				     mv_frame_of(vm, a) &&                             \
					     mv_frame_of(vm, a) == mv_frame_of(vm, b), \
				     "expected the frame of " #b))

/* Both lead to frames, different ones. */
#define mv_assert_other_frame(vm, a, b)                                                \
	MV_ASSERT_TEXT(mv_place_text(vm, a,                                            \
				     mv_frame_of(vm, a) && mv_frame_of(vm, b) &&       \
					     mv_frame_of(vm, a) != mv_frame_of(vm, b), \
				     "expected another frame than that of " #b))

/* The payload ended by exit with this status. end: struct mv_exit *. */
#define mv_assert_exited(end, want)                                            \
	cr_assert((end)->kind == MV_EXIT_STATUS && (end)->status == (want),    \
		  "expected exit status %d, found %d (signal %d, si_code %d, " \
		  "address 0x%llx, rip 0x%llx)",                               \
		  want, (end)->status, (end)->signal, (end)->code,             \
		  (unsigned long long)(end)->addr, (unsigned long long)(end)->rip)

/* A signal ended it, with this si_code and si_addr. */
#define mv_assert_signal(end, want_signal, want_code, want_addr)                     \
	cr_assert((end)->kind == MV_EXIT_SIGNAL && (end)->signal == (want_signal) && \
			  (end)->code == (want_code) && (end)->addr == (want_addr),  \
		  "expected signal %d, si_code %d, address 0x%llx; found kind %d, "  \
		  "status %d, signal %d, si_code %d, address 0x%llx",                \
		  want_signal, want_code, (unsigned long long)(want_addr),           \
		  (int)(end)->kind, (end)->status, (end)->signal, (end)->code,       \
		  (unsigned long long)(end)->addr)

/* So many faults of a kind (enum mv_fault) were taken since the start. */
#define mv_assert_fault_count(vm, fault, n)                                   \
	do {                                                                  \
		struct mv_counters mv_counters_;                              \
		mv_counters((vm), &mv_counters_);                             \
		cr_assert_eq(mv_counters_.faults[fault], (uint64_t)(n),       \
			     "expected %llu %s faults, found %llu",           \
			     (unsigned long long)(n), mv_fault_name(fault),   \
			     (unsigned long long)mv_counters_.faults[fault]); \
	} while (0)

/*
 * The faults that a sandbox takes, one by one, from mv_record() on until mv_record_end(); then they
 * are looked at, and mv_record_free() ends it. It is the vm's only listener (mv_set_event_fn()).
 */
struct mv_record {
	struct mv_event_fault *faults; /* in order */
	size_t nr, room;
};

static inline void mv_record_event(const struct mv_event *e, void *arg)
{
	struct mv_record *r = (struct mv_record *)arg;

	if (e->kind != MV_EVENT_FAULT)
		return;
	if (r->nr == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->faults = (struct mv_event_fault *)realloc(r->faults,
							     r->room * sizeof(*r->faults));
		if (!r->faults)
			abort();
	}
	r->faults[r->nr++] = e->fault;
}

static inline void mv_record(struct mv_record *r, struct mv_vm *vm)
{
	memset(r, 0, sizeof(*r));
	cr_assert(!mv_set_event_fn(vm, mv_record_event, r));
}

/* Fails the test if an event was lost. */
static inline void mv_record_end(struct mv_vm *vm)
{
	mv_set_event_fn(vm, NULL, NULL);
	cr_assert_eq(mv_events_lost(vm), 0u);
}

static inline void mv_record_free(struct mv_record *r)
{
	free(r->faults);
	memset(r, 0, sizeof(*r));
}

/* How many faults of a kind were taken on an address in [start, end). */
static inline size_t mv_record_faults(const struct mv_record *r, enum mv_fault kind,
				      uint64_t start, uint64_t end)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nr; i++)
		n += r->faults[i].kind == kind && r->faults[i].gva >= start &&
		     r->faults[i].gva < end;
	return n;
}

/* How many tables of a level (4 pgd .. 1 pte) faults on an address in [start, end) made. */
static inline size_t mv_record_tables(const struct mv_record *r, unsigned level,
				      uint64_t start, uint64_t end)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nr; i++)
		if (r->faults[i].gva >= start && r->faults[i].gva < end)
			n += r->faults[i].made[4 - level];
	return n;
}

/* NULL if found is want; else both, and all faults in [start, end). The caller's to free(). */
static inline char *mv_record_text(const struct mv_record *r, uint64_t start, uint64_t end,
				   const char *what, size_t want, size_t found)
{
	FILE *out = want == found ? NULL : tmpfile();

	if (want == found)
		return NULL;
	if (!out)
		return mv_text_bare(what);
	fprintf(out, "0x%llx-0x%llx: expected %zu %s, found %zu; faults there:\n",
		(unsigned long long)start, (unsigned long long)end, want, what, found);
	for (size_t i = 0; i < r->nr; i++)
		if (r->faults[i].gva >= start && r->faults[i].gva < end)
			fprintf(out, "  0x%llx %s, from 0x%llx\n",
				(unsigned long long)r->faults[i].gva,
				mv_fault_name(r->faults[i].kind),
				(unsigned long long)r->faults[i].rip);
	return mv_text_of(out);
}

/* Of the faults that were recorded n are of this kind (enum mv_fault), on addresses in [start, end). */
#define mv_assert_recorded(r, fault, start, end, n)                                     \
	MV_ASSERT_TEXT(mv_record_text(r, start, end, mv_fault_name(fault), (size_t)(n), \
				      mv_record_faults(r, fault, start, end)))

/* Those made n tables of a level (4 pgd .. 1 pte). */
#define mv_assert_tables_made(r, level, start, end, n)                                  \
	MV_ASSERT_TEXT(mv_record_text(r, start, end, mv_level_name(level), (size_t)(n), \
				      mv_record_tables(r, level, start, end)))

/* So many tables of a level (4 pgd .. 1 pte) exist. */
#define mv_assert_table_count(vm, level, n)                                   \
	do {                                                                  \
		struct mv_counters mv_counters_;                              \
		mv_counters((vm), &mv_counters_);                             \
		cr_assert_eq(mv_counters_.tables[level], (uint64_t)(n),       \
			     "expected %llu %s tables, found %llu",           \
			     (unsigned long long)(n), mv_level_name(level),   \
			     (unsigned long long)mv_counters_.tables[level]); \
	} while (0)

#endif
