/* SPDX-License-Identifier: MIT */
/* trace_file.h: a trace in JSON, read and checked against docs/trace.md: each field, and no other. */
#ifndef TESTS_CLI_TRACE_FILE_H
#define TESTS_CLI_TRACE_FILE_H

#include "tests/cli/spawn.h"

/* How a field looks. */
enum shape { NUMBER, ADDRESS, TEXT, TRUE, BOOL, LIST, RESULT, PROT, OBJECT };

struct field {
	const char *name;
	enum shape shape;
	bool optional;
	const char *words; /* of a TEXT: " one two "; NULL: any */
};

static const struct field call_fields[] = {
	{ "nr", NUMBER, false, NULL },
	{ "name", TEXT, true, NULL },
	{ "args", LIST, false, NULL },
	{ "text", TEXT, false, NULL },
	{ "result", RESULT, true, NULL },
	{ "error", TEXT, true, NULL },
	{ "rip", ADDRESS, false, NULL },
	{ "spent", NUMBER, true, NULL },
	{ 0 },
};
static const struct field vma_of_fault[] = {
	{ "start", ADDRESS, false, NULL },
	{ "end", ADDRESS, false, NULL },
	{ "prot", PROT, false, NULL },
	{ "shared", TRUE, true, NULL },
	{ "offset", ADDRESS, true, NULL },
	{ "name", TEXT, true, NULL },
	{ 0 },
};
static const struct field made_fields[] = {
	{ "pud", NUMBER, true, NULL },
	{ "pmd", NUMBER, true, NULL },
	{ "pte", NUMBER, true, NULL },
	{ 0 },
};
static const struct field fault_fields[] = {
	{ "kind", TEXT, false,
	  "|anonymous|file read|shared write|private copy|write-protect|remap|spurious|fatal|" },
	{ "gva", ADDRESS, false, NULL },
	{ "symbol", TEXT, true, NULL },
	{ "access", TEXT, false, "|r|w|x|" },
	{ "rip", ADDRESS, false, NULL },
	{ "rip_symbol", TEXT, true, NULL },
	{ "host", TRUE, true, NULL },
	{ "major", TRUE, true, NULL },
	{ "vma", OBJECT, true, NULL },
	{ "before", LIST, false, NULL },
	{ "after", LIST, false, NULL },
	{ "gpa", ADDRESS, true, NULL },
	{ "size", NUMBER, true, NULL },
	{ "around", NUMBER, true, NULL },
	{ "huge", NUMBER, true, NULL },
	{ "copied", NUMBER, true, NULL },
	{ "made", OBJECT, true, NULL },
	{ "signal", TEXT, true, NULL },
	{ "code", TEXT, true, NULL },
	{ "spent", NUMBER, true, NULL },
	{ 0 },
};
static const struct field violation_fields[] = {
	{ "gpa", ADDRESS, false, NULL },
	{ "start", ADDRESS, false, NULL },
	{ "bytes", NUMBER, false, NULL },
	{ "access", TEXT, false, "|r|w|" },
	{ "from", TEXT, false, "|zeroes|file|" },
	{ "spent", NUMBER, true, NULL },
	{ 0 },
};
static const struct field table_fields[] = {
	{ "made", BOOL, false, NULL },
	{ "level", TEXT, false, "|pgd|pud|pmd|pte|" },
	{ "gpa", ADDRESS, false, NULL },
	{ "gva", ADDRESS, false, NULL },
	{ 0 },
};
static const struct field entries_fields[] = {
	{ "table", ADDRESS, false, NULL },
	{ "level", TEXT, false, "|pgd|pud|pmd|pte|" },
	{ "index", NUMBER, false, NULL },
	{ "n", NUMBER, false, NULL },
	{ "gva", ADDRESS, false, NULL },
	{ "old", ADDRESS, false, NULL },
	{ "value", ADDRESS, false, NULL },
	{ "step", ADDRESS, false, NULL },
	{ 0 },
};
static const struct field vma_fields[] = {
	{ "added", BOOL, false, NULL },	   { "start", ADDRESS, false, NULL },
	{ "end", ADDRESS, false, NULL },   { "prot", PROT, false, NULL },
	{ "shared", TRUE, true, NULL },	   { "hugetlb", TRUE, true, NULL },
	{ "growsdown", TRUE, true, NULL }, { "offset", ADDRESS, true, NULL },
	{ "name", TEXT, true, NULL },	   { 0 },
};
static const struct field signal_fields[] = {
	{ "signal", TEXT, false, NULL },
	{ "code", TEXT, false, NULL },
	{ "addr", ADDRESS, false, NULL },
	{ "handler", ADDRESS, true, NULL },
	{ "rip", ADDRESS, false, NULL },
	{ "rip_symbol", TEXT, true, NULL },
	{ 0 },
};
static const struct field end_fields[] = {
	{ "how", TEXT, false, "|status|signal|timeout|memory|interrupted|" },
	{ "status", NUMBER, false, NULL },
	{ 0 },
};
static const struct field header_fields[] = {
	{ "version", NUMBER, false, NULL },
	{ "program", LIST, false, NULL },
	{ "stage2", TEXT, false, "|direct|uffd|" },
	{ "fault_around", NUMBER, false, NULL },
	{ "thp", TEXT, false, "|auto|never|always|" },
	{ "start_ns", NUMBER, false, NULL },
	{ 0 },
};
static const struct field trailer_fields[] = {
	{ "events", NUMBER, false, NULL },
	{ "lost", NUMBER, false, NULL },
	{ 0 },
};

static const struct {
	const char *type;
	const struct field *fields;
} event_types[] = {
	{ "call", call_fields },	   { "fault", fault_fields },
	{ "violation", violation_fields }, { "table", table_fields },
	{ "entries", entries_fields },	   { "vma", vma_fields },
	{ "signal", signal_fields },	   { "end", end_fields },
};

static inline bool is_address(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && !strncmp(s, "0x", 2) && s[2] &&
	       strspn(s + 2, "0123456789abcdef") == strlen(s + 2);
}

static inline bool is_prot(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && strlen(s) == 3 && strchr("r-", s[0]) && strchr("w-", s[1]) &&
	       strchr("x-", s[2]);
}

static inline bool is_word(const json_t *v, const char *words)
{
	const char *s = json_string_value(v);
	char word[64];

	if (!s || !*s)
		return false;
	snprintf(word, sizeof(word), "|%s|", s);
	return !words || strstr(words, word);
}

static inline bool has_shape(const struct field *f, const json_t *v)
{
	switch (f->shape) {
	case NUMBER:
		return json_is_integer(v) && (!f->optional || json_integer_value(v));
	case ADDRESS:
		return is_address(v);
	case TEXT:
		return is_word(v, f->words);
	case TRUE:
		return json_is_true(v);
	case BOOL:
		return json_is_boolean(v);
	case LIST:
		return json_is_array(v);
	case RESULT:
		return json_is_integer(v) || is_address(v);
	case PROT:
		return is_prot(v);
	case OBJECT:
		return json_is_object(v) && json_object_size(v);
	}
	return false;
}

/* All that must be there is, as it should be; and nothing else but `known' fields besides. */
static inline void assert_fields(const json_t *json, const struct field *fields,
				 size_t known, const char *line)
{
	for (; fields->name; fields++) {
		const json_t *v = json_object_get(json, fields->name);

		cr_assert(v || fields->optional, "no %s: %s", fields->name, line);
		cr_assert(!v || has_shape(fields, v), "%s: %s", fields->name, line);
		known += v != NULL;
	}
	cr_assert_eq(json_object_size(json), known, "an unknown field: %s", line);
}

static inline void assert_addresses(const json_t *list, size_t n, const char *line)
{
	const json_t *v;
	size_t i;

	cr_assert_leq(json_array_size(list), n, "%s", line);
	json_array_foreach(list, i, v)
		cr_assert(is_address(v), "%s", line);
}

static inline void assert_event(const json_t *e, const char *line)
{
	const char *type = json_text(e, "type");
	size_t i = 0;

	while (i < sizeof(event_types) / sizeof(*event_types) &&
	       strcmp(event_types[i].type, type) != 0)
		i++;
	cr_assert_lt(i, sizeof(event_types) / sizeof(*event_types), "%s", line);
	assert_fields(e, event_types[i].fields, 3, line);
	cr_assert_geq(json_int(e, "t"), 0);
	if (!strcmp(type, "call"))
		assert_addresses(json_object_get(e, "args"), 6, line);
	if (strcmp(type, "fault") != 0)
		return;
	assert_addresses(json_object_get(e, "before"), 4, line);
	assert_addresses(json_object_get(e, "after"), 4, line);
	if (json_object_get(e, "vma"))
		assert_fields(json_object_get(e, "vma"), vma_of_fault, 0, line);
	if (json_object_get(e, "made"))
		assert_fields(json_object_get(e, "made"), made_fields, 0, line);
}

static inline bool is_type(const json_t *e, const char *type)
{
	return !strcmp(json_text(e, "type"), type);
}

/* How many events of a type. */
static inline size_t count_type(const json_t *events, const char *type)
{
	const json_t *e;
	size_t i, n = 0;

	json_array_foreach(events, i, e)
		n += is_type(e, type);
	return n;
}

/*
 * The events, an array: checked, with the header before and the trailer behind. `whole': none was
 * filtered out.
 */
static inline json_t *read_trace(const char *path, bool whole)
{
	json_t *events = json_array(), *json, *last = NULL;
	FILE *in = fopen(path, "re");
	long long seq = 0;
	char *line = NULL;
	size_t size = 0;

	cr_assert_not_null(in, "%s", path);
	for (size_t n = 0; getline(&line, &size, in) > 0; n++) {
		cr_assert_null(last, "behind the trailer: %s", line);
		json = parse_json(line);
		if (!n) {
			cr_assert(is_type(json, "mapvisor-trace"), "%s", line);
			assert_fields(json, header_fields, 1, line);
			cr_assert_eq(json_int(json, "version"), 1);
			json_decref(json);
		} else if (is_type(json, "trailer")) {
			last = json;
		} else {
			assert_event(json, line);
			cr_assert_gt(json_int(json, "seq"), seq, "%s", line);
			seq = json_int(json, "seq");
			json_array_append_new(events, json);
		}
	}
	cr_assert_not_null(last, "no trailer");
	assert_fields(last, trailer_fields, 1, "trailer");
	cr_assert_eq(json_int(last, "events"), (long long)json_array_size(events));
	cr_assert_eq(json_int(last, "lost"), 0);
	cr_assert(!whole || seq == (long long)json_array_size(events));
	json_decref(last);
	free(line);
	fclose(in);
	return events;
}

#endif
