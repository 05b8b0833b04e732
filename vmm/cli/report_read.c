/* SPDX-License-Identifier: MIT */
/* report_read.c: a trace in JSON, line by line, into columns. docs/trace.md has its form. */
#include "vmm/cli/report_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (16u << 20) /* none has more; a device's endless one would */
#define EVENTS_MAX (1u << 30)
#define GPA_END (UINT64_C(1) << 52)   /* SDM vol. 3A, 4.1.4: no processor has more bits */
#define NUMBER_END (INT64_C(1) << 53) /* whole numbers that a double has */
#define PAGE 4096u
#define LEVELS 4u
#define SLOTS 512u
#define WALK_UPPER 3u /* a walk's entries but the fourth */

/* Note what is wrong with the line; the first complaint stays. */
__attribute__((format(printf, 2, 3))) static void bad(struct trace *t, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	if (t->bad)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	t->bad = true;
	cli_fail(t->cli, STATUS_FAILED, "%s: line %llu: %s", t->file,
		 (unsigned long long)t->line, why);
}

/* ---- Fields ---- */

/* A whole number from min to max; 0 where there is none, or no such. */
static int64_t number(struct trace *t, const json_t *o, const char *name, int64_t min,
		      int64_t max)
{
	const json_t *value = json_object_get(o, name);
	int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;

	if (value && !json_is_integer(value)) {
		bad(t, "\"%s\" is not a whole number", name);
	} else if (value && (n < min || n > max)) {
		bad(t, "\"%s\": %lld is not between %lld and %lld", name, (long long)n,
		    (long long)min, (long long)max);
		return 0; /* what is done with n before somebody looks, may rely on the range */
	}
	return n;
}

static uint32_t number32(struct trace *t, const json_t *o, const char *name)
{
	return number(t, o, name, 0, UINT32_MAX);
}

static bool parse_hex(const json_t *value, uint64_t *n)
{
	const char *text = json_string_value(value);
	size_t len;

	if (!text || strncmp(text, "0x", 2) != 0)
		return false;
	len = strspn(text + 2, "0123456789abcdefABCDEF");
	if (!len || len > 16 || len + 2 != json_string_length(value))
		return false;
	*n = strtoull(text + 2, NULL, 16);
	return true;
}

/* "0x..."; 0 where there is none. */
static uint64_t hex(struct trace *t, const json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);
	uint64_t n = 0;

	if (value && !parse_hex(value, &n))
		bad(t, "\"%s\" is not a string of 0x and 1 to 16 hexadecimal digits", name);
	return n;
}

static uint64_t physical(struct trace *t, const json_t *o, const char *name)
{
	uint64_t gpa = hex(t, o, name);

	if (gpa >= GPA_END)
		bad(t, "\"%s\": no physical address has more than 52 bits", name);
	return gpa;
}

static bool truth(struct trace *t, const json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);

	if (value && !json_is_boolean(value))
		bad(t, "\"%s\" is neither true nor false", name);
	return json_is_true(value);
}

/* NULL where there is none. */
static const char *string(struct trace *t, const json_t *o, const char *name, size_t *len)
{
	const json_t *value = json_object_get(o, name);

	*len = value ? json_string_length(value) : 0;
	if (value && !json_is_string(value))
		bad(t, "\"%s\" is not a string", name);
	return json_string_value(value);
}

static uint32_t packed_string(struct trace *t, const json_t *o, const char *name)
{
	size_t len;
	const char *text = string(t, o, name, &len);

	return text ? pack_string(&t->pack, text, len) : PACK_NONE;
}

/* The number of the one that it is; which of them it must be, is told. */
static unsigned one_of(struct trace *t, const json_t *o, const char *name,
		       const char *const *words, unsigned n)
{
	size_t len;
	const char *text = string(t, o, name, &len);

	for (unsigned i = 0; text && i < n; i++)
		if (!strcmp(text, words[i]))
			return i;
	if (text)
		bad(t, "\"%s\": '%.40s' is none of '%s' to '%s'", name, text, words[0],
		    words[n - 1]);
	else
		bad(t, "\"%s\" is missing", name);
	return 0;
}

static unsigned level_of(struct trace *t, const json_t *o)
{
	static const char *const names[] = { "pte", "pmd", "pud", "pgd" };

	return one_of(t, o, "level", names, LEVELS) + 1;
}

/* "r", "w" or "x" */
static unsigned access_of(struct trace *t, const json_t *o, bool exec)
{
	static const char *const names[] = { "r", "w", "x" };

	return 1u << one_of(t, o, "access", names, exec ? 3 : 2);
}

/* "rw-" */
static unsigned prot_of(struct trace *t, const json_t *o)
{
	static const char all[] = "rwx";
	unsigned prot = 0;
	size_t len;
	const char *text = string(t, o, "prot", &len);

	if (!text)
		return 0;
	for (unsigned i = 0; len == 3 && i < 3; i++) {
		if (text[i] == all[i])
			prot |= 1u << i;
		else if (text[i] != '-')
			len = 0;
	}
	if (len != 3)
		bad(t, "\"prot\": '%.40s' is not as \"rw-\"", text);
	return prot;
}

static void must(struct trace *t, const json_t *o, const char *name)
{
	if (!json_object_get(o, name))
		bad(t, "\"%s\" is missing", name);
}

/* ---- Things that have numbers ---- */

static uint32_t numbered(struct trace *t, struct dict *dict, const void *thing, size_t len)
{
	uint32_t n = PACK_NONE;

	if (!dict_add(dict, thing, len, &n))
		t->pack.failed = true;
	return n;
}

struct symbol {
	uint64_t base; /* gva */
	uint64_t name;
};

/* "name+0x12", at gva. */
static uint32_t symbol_of(struct trace *t, const json_t *o, const char *field, uint64_t gva)
{
	struct symbol symbol = { .base = gva };
	size_t len;
	const char *text = string(t, o, field, &len), *plus;
	char *end;

	if (!text || !len)
		return PACK_NONE;
	plus = strrchr(text, '+');
	if (plus && plus > text && !strncmp(plus, "+0x", 3)) {
		uint64_t offset = strtoull(plus + 1, &end, 16);

		if (!*end) {
			symbol.base -= offset;
			len = plus - text;
		}
	}
	symbol.name = pack_string(&t->pack, text, len);
	return numbered(t, &t->symbols, &symbol, sizeof(symbol));
}

struct range {
	uint64_t start, end; /* gva */
	uint64_t offset;
	uint32_t name;
	uint32_t bits;
};

static uint32_t vma_of(struct trace *t, const json_t *o, struct range *range)
{
	*range = (struct range){
		.start = hex(t, o, "start"),
		.end = hex(t, o, "end"),
		.offset = hex(t, o, "offset"),
		.name = packed_string(t, o, "name"),
		.bits = prot_of(t, o) | truth(t, o, "shared") << 3 |
			truth(t, o, "hugetlb") << 4 | truth(t, o, "growsdown") << 5,
	};
	if (range->end <= range->start || (range->start | range->end) % PAGE)
		bad(t, "a VMA from \"start\" 0x%llx to \"end\" 0x%llx is none",
		    (unsigned long long)range->start, (unsigned long long)range->end);
	return numbered(t, &t->vmas, range, sizeof(*range));
}

/* No file's: nothing, or what the kernel calls anonymous memory's VMAs. */
static bool is_anonymous(const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "name"));

	return !name || !*name || !strcmp(name, "[heap]") || !strcmp(name, "[stack]") ||
	       !strcmp(name, "/dev/zero (deleted)");
}

/* What it returns is how many entries the walk has. */
static unsigned entries_of(struct trace *t, const json_t *o, const char *name,
			   uint64_t entry[LEVELS])
{
	const json_t *list = json_object_get(o, name);
	size_t n = json_array_size(list);

	if ((list && !json_is_array(list)) || n > LEVELS) {
		bad(t, "\"%s\" is not an array of 4 entries at most", name);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (!parse_hex(json_array_get(list, i), &entry[i]))
			bad(t, "\"%s\": entry %zu is not as \"0x1f\"", name, i);
	return n;
}

/* ---- Events ---- */

static void read_walks(struct trace *t, const json_t *o)
{
	uint64_t before[LEVELS] = { 0 }, after[LEVELS] = { 0 };
	uint64_t walk[1 + 2 * WALK_UPPER];

	walk[0] = entries_of(t, o, "before", before);
	walk[0] |= entries_of(t, o, "after", after) << 4;
	memcpy(walk + 1, before, WALK_UPPER * sizeof(*walk));
	memcpy(walk + 1 + WALK_UPPER, after, WALK_UPPER * sizeof(*walk));
	pack_put(&t->pack, COL_f_walk, numbered(t, &t->walks, walk, sizeof(walk)));
	pack_put(&t->pack, COL_f_before, before[WALK_UPPER]);
	pack_put(&t->pack, COL_f_after, after[WALK_UPPER]);
}

static void read_spent(struct trace *t, const json_t *o, enum pack_column column)
{
	pack_put_real(&t->pack, column, (double)number(t, o, "spent", 0, NUMBER_END));
}

static uint32_t made_of(struct trace *t, const json_t *o)
{
	const json_t *made = json_object_get(o, "made");

	if (made && !json_is_object(made))
		bad(t, "\"made\" is not an object");
	return number(t, made, "pud", 0, 255) | number(t, made, "pmd", 0, 255) << 8 |
	       number(t, made, "pte", 0, 255) << 16;
}

static uint32_t fault_vma(struct trace *t, const json_t *o)
{
	const json_t *vma = json_object_get(o, "vma");
	struct range range;

	return vma ? vma_of(t, vma, &range) : PACK_NONE;
}

static unsigned fault_kind(struct trace *t, const json_t *o)
{
	const char *names[MV_FAULT_KINDS];

	for (int kind = 0; kind < MV_FAULT_KINDS; kind++)
		names[kind] = mv_fault_name(kind);
	return one_of(t, o, "kind", names, MV_FAULT_KINDS);
}

static void read_fault(struct trace *t, const json_t *o)
{
	const uint64_t gva = hex(t, o, "gva"), rip = hex(t, o, "rip");
	const uint64_t gpa = physical(t, o, "gpa");
	const unsigned kind = fault_kind(t, o);
	struct pack *p = &t->pack;

	pack_put(p, COL_f_kind, kind);
	pack_put(p, COL_f_bits,
		 access_of(t, o, true) | truth(t, o, "host") << 3 |
			 truth(t, o, "major") << 4);
	pack_put(p, COL_f_gva, gva);
	pack_put(p, COL_f_sym, symbol_of(t, o, "symbol", gva));
	pack_put(p, COL_f_rip, rip);
	pack_put(p, COL_f_rip_sym, symbol_of(t, o, "rip_symbol", rip));
	pack_put(p, COL_f_vma, fault_vma(t, o));
	read_walks(t, o);
	pack_put(p, COL_f_gpa, gpa);
	pack_put(p, COL_f_size, number32(t, o, "size"));
	pack_put(p, COL_f_around, number32(t, o, "around"));
	pack_put(p, COL_f_huge, number32(t, o, "huge"));
	pack_put(p, COL_f_copied, number32(t, o, "copied"));
	pack_put(p, COL_f_made, made_of(t, o));
	pack_put(p, COL_f_signal, packed_string(t, o, "signal"));
	pack_put(p, COL_f_code, packed_string(t, o, "code"));
	read_spent(t, o, COL_f_spent);
	if (gpa && (kind == MV_FAULT_ANON || kind == MV_FAULT_COW || kind == MV_FAULT_WP))
		model_anonymous(&t->model, gpa);
}

/* A number, or an address; with an error its number is negative. */
static void read_result(struct trace *t, const json_t *o)
{
	const json_t *result = json_object_get(o, "result");
	enum pack_result kind = PACK_NO_RESULT;
	uint64_t value = 0;

	if (json_is_integer(result)) {
		kind = PACK_NUMBER;
		value = json_integer_value(result);
	} else if (result) {
		kind = PACK_ADDRESS;
		value = hex(t, o, "result");
	}
	if (json_object_get(o, "error"))
		kind = PACK_ERROR;
	pack_put(&t->pack, COL_c_rkind, kind);
	pack_put(&t->pack, COL_c_result, value);
	pack_put(&t->pack, COL_c_error, packed_string(t, o, "error"));
}

static void read_call(struct trace *t, const json_t *o)
{
	struct pack *p = &t->pack;

	pack_put(p, COL_c_nr, number(t, o, "nr", INT32_MIN, INT32_MAX));
	pack_put(p, COL_c_name, packed_string(t, o, "name"));
	pack_put(p, COL_c_text, packed_string(t, o, "text"));
	pack_put(p, COL_c_rip, hex(t, o, "rip"));
	read_result(t, o);
	read_spent(t, o, COL_c_spent);
}

static void read_violation(struct trace *t, const json_t *o)
{
	static const char *const from[] = { "zeroes", "file" };
	struct pack *p = &t->pack;

	pack_put(p, COL_x_gpa, physical(t, o, "gpa"));
	pack_put(p, COL_x_start, physical(t, o, "start"));
	pack_put_real(p, COL_x_bytes, (double)number(t, o, "bytes", 0, NUMBER_END));
	pack_put(p, COL_x_bits,
		 access_of(t, o, false) >> 1 | one_of(t, o, "from", from, 2) << 1);
	read_spent(t, o, COL_x_spent);
}

static void read_table(struct trace *t, const json_t *o)
{
	const uint64_t gpa = physical(t, o, "gpa"), gva = hex(t, o, "gva");
	const bool made = truth(t, o, "made");
	const unsigned level = level_of(t, o);

	must(t, o, "gpa");
	if (t->bad)
		return;
	pack_put(&t->pack, COL_t_table,
		 model_table(&t->model, t->events, made, level, gpa, gva));
	pack_put(&t->pack, COL_t_made, made);
}

static void learn_frames(struct trace *t, unsigned level, uint64_t gva, unsigned n,
			 uint64_t value, uint64_t step)
{
	for (unsigned i = 0; i < n; i++, value += step) {
		uint64_t size = PAGE;

		for (unsigned l = 1; l < level; l++)
			size *= SLOTS;
		if (value & 1 && (level == 1 || value & 0x80))
			model_frame(&t->model, gva + i * size, value & (GPA_END - PAGE));
	}
}

/* Bit 47 repeats in those above it: of the pgd's entries half stand for the upper half. */
static uint64_t table_gva(uint64_t gva, unsigned index, unsigned shift)
{
	gva -= (uint64_t)index << shift;
	return (uint64_t)((int64_t)(gva << 16) >> 16);
}

static void read_entries(struct trace *t, const json_t *o)
{
	const uint64_t gpa = physical(t, o, "table"), gva = hex(t, o, "gva");
	const uint64_t value = hex(t, o, "value"), step = hex(t, o, "step");
	const unsigned level = level_of(t, o);
	const unsigned index = number(t, o, "index", 0, SLOTS - 1);
	const unsigned n = number(t, o, "n", 1, SLOTS);
	const unsigned shift = 12 + 9 * (level - 1);
	struct pack *p = &t->pack;

	must(t, o, "table");
	must(t, o, "n");
	if (index + n > SLOTS)
		bad(t, "\"n\": no table has %u entries from %u on", n, index);
	if (t->bad)
		return;
	pack_put(p, COL_e_table,
		 model_entries(&t->model, t->events, level, gpa,
			       table_gva(gva, index, shift)));
	pack_put(p, COL_e_index, index);
	pack_put(p, COL_e_n, n);
	pack_put(p, COL_e_old, hex(t, o, "old"));
	pack_put(p, COL_e_value, value);
	pack_put(p, COL_e_step, step);
	learn_frames(t, level, gva, n, value, step);
}

static void read_vma(struct trace *t, const json_t *o)
{
	const bool added = truth(t, o, "added");
	struct range range;
	const uint32_t vma = vma_of(t, o, &range);

	if (t->bad)
		return;
	pack_put(&t->pack, COL_a_vma, vma);
	pack_put(&t->pack, COL_a_added, added);
	model_vma(&t->model, t->events, added, range.start, range.end, vma,
		  is_anonymous(o));
}

static void read_signal(struct trace *t, const json_t *o)
{
	const uint64_t rip = hex(t, o, "rip");
	struct pack *p = &t->pack;

	must(t, o, "signal");
	pack_put(p, COL_g_signal, packed_string(t, o, "signal"));
	pack_put(p, COL_g_code, packed_string(t, o, "code"));
	pack_put(p, COL_g_addr, hex(t, o, "addr"));
	pack_put(p, COL_g_handler, hex(t, o, "handler"));
	pack_put(p, COL_g_rip, rip);
	pack_put(p, COL_g_rip_sym, symbol_of(t, o, "rip_symbol", rip));
}

static void read_end(struct trace *t, const json_t *o)
{
	must(t, o, "how");
	pack_put(&t->pack, COL_n_how, packed_string(t, o, "how"));
	pack_put(&t->pack, COL_n_status, number(t, o, "status", INT32_MIN, INT32_MAX));
}

/* ---- Lines ---- */

static void read_event(struct trace *t, const json_t *o)
{
	static const char *const types[] = { "call",	"fault", "violation", "table",
					     "entries", "vma",	 "signal",    "end" };
	static void (*const read[])(struct trace *, const json_t *) = {
		[PACK_CALL] = read_call,	   [PACK_FAULT] = read_fault,
		[PACK_VIOLATION] = read_violation, [PACK_TABLE] = read_table,
		[PACK_ENTRIES] = read_entries,	   [PACK_VMA] = read_vma,
		[PACK_SIGNAL] = read_signal,	   [PACK_END] = read_end,
	};
	const unsigned type = one_of(t, o, "type", types, ARRAY_SIZE(types));
	const uint64_t seq = number(t, o, "seq", 1, NUMBER_END);

	must(t, o, "seq");
	must(t, o, "t");
	if (!t->bad && (seq <= t->seq || seq - t->seq > UINT32_MAX))
		bad(t, "\"seq\": %llu comes behind %llu", (unsigned long long)seq,
		    (unsigned long long)t->seq);
	if (t->events == EVENTS_MAX)
		bad(t, "more than %u events; trace fewer with --filter", EVENTS_MAX);
	if (t->bad)
		return;
	pack_put(&t->pack, COL_ev_type, type);
	pack_put(&t->pack, COL_ev_gap, seq - t->seq);
	pack_put_real(&t->pack, COL_ev_t, (double)number(t, o, "t", 0, NUMBER_END));
	read[type](t, o);
	t->seq = seq;
	t->events++;
}

static void read_header(struct trace *t, const json_t *o)
{
	const json_t *program = json_object_get(o, "program"), *arg;
	size_t i, len;
	const char *type = string(t, o, "type", &len);

	if (!type || strcmp(type, "mapvisor-trace") != 0)
		bad(t, "not a trace; `mapvisor trace --format=json` writes one");
	if (!json_is_integer(json_object_get(o, "version")) ||
	    json_integer_value(json_object_get(o, "version")) != 1)
		bad(t, "\"version\" is not 1, the only one that is known here");
	if (!json_array_size(program))
		bad(t, "\"program\" is not an array of strings");
	json_array_foreach(program, i, arg)
		if (!json_is_string(arg))
			bad(t, "\"program\" is not an array of strings");
	string(t, o, "stage2", &len);
	string(t, o, "thp", &len);
	number(t, o, "fault_around", 0, NUMBER_END);
	t->header = json_incref((json_t *)o);
}

static void read_trailer(struct trace *t, const json_t *o)
{
	const uint64_t events = number(t, o, "events", 0, NUMBER_END);

	must(t, o, "events");
	t->lost = number(t, o, "lost", 0, NUMBER_END);
	if (events != t->events)
		bad(t, "the trailer counts %llu events, but %llu lines lie before it",
		    (unsigned long long)events, (unsigned long long)t->events);
	t->done = true;
}

static void read_object(struct trace *t, const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));

	if (!json_is_object(o))
		bad(t, "not an object");
	else if (!t->header)
		read_header(t, o);
	else if (t->done)
		bad(t, "behind the trailer nothing may follow");
	else if (type && !strcmp(type, "trailer"))
		read_trailer(t, o);
	else
		read_event(t, o);
}

/* whole: it was written to its end, which is a newline, or is no text at all. */
static void read_line(struct trace *t, const char *text, size_t len, bool whole)
{
	json_error_t err;
	json_t *o = json_loadb(text, len, JSON_ALLOW_NUL, &err);

	if (o)
		read_object(t, o);
	else if (!t->header)
		bad(t, "not JSON: %s: make a trace by 'mapvisor trace --format=json'",
		    err.text);
	else if (whole)
		bad(t, "not JSON: %s", err.text);
	json_decref(o);
	if (t->pack.failed)
		bad(t, "%s", strerror(ENOMEM));
}

/* A line of any length but an endless one. */
static bool next_line(struct trace *t, FILE *in, char **line, size_t *cap, size_t *len)
{
	*len = 0;
	for (;;) {
		if (*cap - *len < 2) {
			size_t want = *cap ? *cap * 2 : 4096;
			char *more = want > LINE_MAX_BYTES ? NULL : realloc(*line, want);

			t->line += !more;
			if (!more) {
				bad(t, "longer than 16 MiB: not a trace");
				return false;
			}
			*line = more;
			*cap = want;
		}
		/* Behind a NUL, which is no JSON, the rest is another line: an error as well. */
		if (!fgets(*line + *len, (int)(*cap - *len), in))
			break;
		*len += strlen(*line + *len);
		if (!*len || (*line)[*len - 1] == '\n' || feof(in))
			break;
	}
	t->line += *len > 0 || !feof(in);
	return *len > 0 || (!feof(in) && !ferror(in));
}

static void put_things(struct trace *t)
{
	struct pack *p = &t->pack;
	size_t len;

	for (uint32_t i = 0; i < t->vmas.n; i++) {
		struct range range;

		memcpy(&range, dict_get(&t->vmas, i, &len), sizeof(range));
		pack_put(p, COL_v_start, range.start);
		pack_put(p, COL_v_end, range.end);
		pack_put(p, COL_v_offset, range.offset);
		pack_put(p, COL_v_name, range.name);
		pack_put(p, COL_v_bits, range.bits);
	}
	for (uint32_t i = 0; i < t->symbols.n; i++) {
		struct symbol symbol;

		memcpy(&symbol, dict_get(&t->symbols, i, &len), sizeof(symbol));
		pack_put(p, COL_y_base, symbol.base);
		pack_put(p, COL_y_name, symbol.name);
	}
	for (uint32_t i = 0; i < t->walks.n; i++) {
		uint64_t walk[1 + 2 * WALK_UPPER];

		memcpy(walk, dict_get(&t->walks, i, &len), sizeof(walk));
		pack_put(p, COL_w_n, walk[0]);
		for (unsigned j = 1; j <= 2 * WALK_UPPER; j++)
			pack_put(p, COL_w_entry, walk[j]);
	}
}

int trace_read(struct trace *t, struct cli *cli, const char *file, FILE *in)
{
	size_t cap = 0, len;
	char *line = NULL;

	*t = (struct trace){ .cli = cli, .file = file };
	model_init(&t->model, &t->pack);
	while (!t->bad && next_line(t, in, &line, &cap, &len))
		read_line(t, line, len, !len || line[len - 1] == '\n');
	free(line);
	if (ferror(in) && !t->bad) {
		t->bad = true;
		return cli_fail(cli, STATUS_FAILED, "%s: %s", file, strerror(errno));
	}
	t->line += !t->line; /* else it was wrong already */
	if (!t->header)
		bad(t, "the file is empty: not a trace");
	t->cut = !t->done;
	put_things(t);
	if (!t->bad)
		model_finish(&t->model);
	if (t->pack.failed)
		bad(t, "%s", strerror(ENOMEM));
	return t->bad ? STATUS_FAILED : 0;
}

void trace_free(struct trace *t)
{
	json_decref(t->header);
	model_free(&t->model);
	pack_free(&t->pack);
	dict_free(&t->vmas);
	dict_free(&t->symbols);
	dict_free(&t->walks);
}
