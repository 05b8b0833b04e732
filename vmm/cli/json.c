/* SPDX-License-Identifier: MIT */
/* json.c: what the library tells, as JSON. */
#include "vmm/cli/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NR_LEVELS 4u

json_t *json_address(uint64_t address)
{
	return json_sprintf("0x%" PRIx64, address);
}

bool json_print(json_t *json, FILE *out)
{
	int failed;

	if (!json) {
		errno = ENOMEM;
		return false;
	}
	failed = json_dumpf(json, out, JSON_INDENT(2)) || fputc('\n', out) == EOF;
	json_decref(json);
	return !failed;
}

/* A path may have any bytes, and may have been cut within a character; JSON is UTF-8. */
static json_t *text(const char *bytes)
{
	json_t *json = json_string(bytes);
	char ascii[256];
	size_t i;

	if (json)
		return json;
	for (i = 0; i < sizeof(ascii) - 1 && bytes[i]; i++)
		ascii[i] = bytes[i] & 0x80 ? '?' : bytes[i];
	return json_stringn(ascii, i);
}

static json_t *access_text(unsigned access)
{
	return json_sprintf("%c%c%c", access & MV_READ ? 'r' : '-',
			    access & MV_WRITE ? 'w' : '-', access & MV_EXEC ? 'x' : '-');
}

static json_t *vma_json(const struct mv_vma *vma)
{
	return json_pack("{so so so sb sb so sI sI so sI sI sI sI sI sI}", "start",
			 json_address(vma->start), "end", json_address(vma->end), "prot",
			 access_text(vma->prot), "shared", vma->shared, "growsdown",
			 vma->growsdown, "offset", json_address(vma->offset), "dev",
			 (json_int_t)vma->dev, "ino", (json_int_t)vma->ino, "name",
			 text(vma->name), "reserved", (json_int_t)vma->reserved, "backed",
			 (json_int_t)vma->backed, "huge", (json_int_t)vma->huge, "accessed",
			 (json_int_t)vma->accessed, "dirty", (json_int_t)vma->dirty,
			 "anonymous", (json_int_t)vma->anonymous);
}

json_t *json_maps(struct mv_vm *vm)
{
	json_t *maps = json_array();
	struct mv_vma vma;
	uint64_t gva;

	for (gva = 0; !mv_vma(vm, gva, &vma); gva = vma.end) {
		if (json_array_append_new(maps, vma_json(&vma))) {
			json_decref(maps);
			return NULL;
		}
	}
	return maps;
}

/* The bits of an entry by their names in SDM vol. 3A, 4.5; bit 7 is PAT in a pte. */
static json_t *flags_json(const struct mv_walk_step *step)
{
	static const struct {
		unsigned bit;
		const char *name;
	} flags[] = {
		{ 0, "P" }, { 1, "RW" }, { 2, "US" }, { 3, "PWT" }, { 4, "PCD" },
		{ 5, "A" }, { 6, "D" },	 { 7, "PS" }, { 8, "G" },   { 63, "NX" },
	};
	json_t *names = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const char *name = flags[i].name;

		if (flags[i].bit == 7 && step->level == 1)
			name = "PAT";
		if (step->entry >> flags[i].bit & 1)
			json_array_append_new(names, json_string(name));
	}
	return names;
}

static json_t *step_json(const struct mv_walk_step *step)
{
	return json_pack("{si ss si so so so so}", "level", step->level, "name",
			 mv_level_name(step->level), "index", step->index, "table",
			 json_address(step->table), "entry_gpa",
			 json_address(step->table + 8 * step->index), "entry",
			 json_address(step->entry), "flags", flags_json(step));
}

/* The tables that exist, and what they would cost if all did: 512 times as many a level. */
static json_t *tables_json(struct mv_vm *vm)
{
	json_int_t sum = 0, sum_all = 0, all = 1;
	struct mv_counters counters;
	json_t *levels = json_array();

	mv_counters(vm, &counters);
	for (unsigned level = NR_LEVELS; level > 0; level--, all *= 512) {
		json_int_t count = counters.tables[level];

		json_array_append_new(levels,
				      json_pack("{si ss sI sI sI sI}", "level", level,
						"name", mv_level_name(level), "count",
						count, "bytes", count * MV_PAGE_SIZE, "all",
						all, "all_bytes", all * MV_PAGE_SIZE));
		sum += count * MV_PAGE_SIZE;
		sum_all += all * MV_PAGE_SIZE;
	}
	return json_pack("{so sI sI}", "levels", levels, "bytes", sum, "all_bytes",
			 sum_all);
}

json_t *json_walk(struct mv_vm *vm, const struct mv_walk *walk)
{
	json_t *steps = json_array(), *json;
	char symbol[256];

	for (unsigned i = 0; i < walk->nsteps; i++)
		json_array_append_new(steps, step_json(&walk->steps[i]));
	json = json_pack("{so so sb so so}", "gva", json_address(walk->gva), "steps", steps,
			 "present", walk->present, "access", access_text(walk->access),
			 "tables", tables_json(vm));
	if (walk->present) {
		json_object_set_new(json, "gpa", json_address(walk->gpa));
		json_object_set_new(json, "page_size", json_integer(walk->page_size));
	}
	if (!mv_symbol_at(vm, walk->gva, symbol, sizeof(symbol)))
		json_object_set_new(json, "symbol", text(symbol));
	return json;
}

static json_t *by_level(const uint64_t tables[])
{
	json_t *json = json_object();

	for (unsigned level = NR_LEVELS; level > 0; level--)
		json_object_set_new(json, mv_level_name(level),
				    json_integer(tables[level]));
	return json;
}

static json_t *faults_json(const struct mv_counters *counters)
{
	json_t *json = json_object();

	for (int kind = 0; kind < MV_FAULT_KINDS; kind++)
		json_object_set_new(json, mv_fault_name(kind),
				    json_integer(counters->faults[kind]));
	return json;
}

static json_t *unknown_json(struct mv_vm *vm)
{
	json_t *json = json_array();
	uint64_t count;
	size_t cursor = 0;
	int64_t nr;

	while (!mv_unknown_call(vm, &cursor, &nr, &count))
		json_array_append_new(json, json_pack("{sI ss? sI}", "nr", (json_int_t)nr,
						      "name", mv_call_name(nr), "count",
						      (json_int_t)count));
	return json;
}

json_t *json_stats(struct mv_vm *vm)
{
	struct mv_counters c;
	json_t *json;

	mv_counters(vm, &c);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "host_faults", c.host_faults },
		{ "around", c.around },
		{ "huge", c.huge },
		{ "copied", c.copied },
		{ "frames", c.frames },
		{ "flush_free", c.flush_free },
		{ "flush_keep", c.flush_keep },
		{ "drops", c.drops },
		{ "reclaimed", c.reclaimed },
		{ "exits", c.exits },
		{ "exits_call", c.exits_call },
		{ "exits_exception", c.exits_exception },
		{ "exits_other", c.exits_other },
		{ "calls", c.calls },
		{ "calls_unknown", c.calls_unknown },
		{ "slots", c.slots },
	};

	json = json_pack("{so so so so so}", "faults", faults_json(&c), "tables",
			 by_level(c.tables), "tables_made", by_level(c.tables_made),
			 "tables_freed", by_level(c.tables_freed), "unknown_calls",
			 unknown_json(vm));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_object_set_new(json, numbers[i].name, json_integer(numbers[i].value));
	return json;
}
