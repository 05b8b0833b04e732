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

json_t *json_members(const struct json_member *members)
{
	json_t *object = json_object();
	bool failed = false;

	/* To the last one, in any case: each reference is ours to drop. */
	for (; members->name; members++)
		if (json_object_set_new(object, members->name, members->value))
			failed = true;
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

bool json_print(json_t *json, FILE *out)
{
	int failed;

	if (!json) {
		errno = ENOMEM;
		return false;
	}
	failed = json_dumpf(json, out, JSON_INDENT(2) | JSON_ENSURE_ASCII) ||
		 fputc('\n', out) == EOF;
	json_decref(json);
	return !failed;
}

json_t *json_text(const char *bytes)
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

json_t *json_arguments(char *const *argv)
{
	json_t *json = json_array();

	for (; *argv; argv++)
		json_array_append_new(json, json_text(*argv));
	return json;
}

json_t *json_access(unsigned access)
{
	return json_sprintf("%c%c%c", access & MV_READ ? 'r' : '-',
			    access & MV_WRITE ? 'w' : '-', access & MV_EXEC ? 'x' : '-');
}

static json_t *vma_json(const struct mv_vma *vma)
{
	return json_members((const struct json_member[]){
		{ "start", json_address(vma->start) },
		{ "end", json_address(vma->end) },
		{ "prot", json_access(vma->prot) },
		{ "max_prot", json_access(vma->max_prot) },
		{ "shared", json_boolean(vma->shared) },
		{ "noreserve", json_boolean(vma->noreserve) },
		{ "growsdown", json_boolean(vma->growsdown) },
		{ "hugetlb", json_boolean(vma->hugetlb) },
		{ "offset", json_address(vma->offset) },
		{ "dev", json_integer(vma->dev) },
		{ "ino", json_integer(vma->ino) },
		{ "name", json_text(vma->name) },
		{ "reserved", json_integer(vma->reserved) },
		{ "backed", json_integer(vma->backed) },
		{ "huge", json_integer(vma->huge) },
		{ "accessed", json_integer(vma->accessed) },
		{ "dirty", json_integer(vma->dirty) },
		{ "anonymous", json_integer(vma->anonymous) },
		{ "charged", json_integer(vma->charged) },
		{ 0 },
	});
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
	return json_members((const struct json_member[]){
		{ "level", json_integer(step->level) },
		{ "name", json_string(mv_level_name(step->level)) },
		{ "index", json_integer(step->index) },
		{ "table", json_address(step->table) },
		{ "entry_gpa", json_address(step->table + 8 * step->index) },
		{ "entry", json_address(step->entry) },
		{ "flags", flags_json(step) },
		{ 0 },
	});
}

static json_t *level_json(unsigned level, json_int_t count, json_int_t all)
{
	return json_members((const struct json_member[]){
		{ "level", json_integer(level) },
		{ "name", json_string(mv_level_name(level)) },
		{ "count", json_integer(count) },
		{ "bytes", json_integer(count * MV_PAGE_SIZE) },
		{ "all", json_integer(all) },
		{ "all_bytes", json_integer(all * MV_PAGE_SIZE) },
		{ 0 },
	});
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

		json_array_append_new(levels, level_json(level, count, all));
		sum += count * MV_PAGE_SIZE;
		sum_all += all * MV_PAGE_SIZE;
	}
	return json_members((const struct json_member[]){
		{ "levels", levels },
		{ "bytes", json_integer(sum) },
		{ "all_bytes", json_integer(sum_all) },
		{ 0 },
	});
}

json_t *json_walk(struct mv_vm *vm, const struct mv_walk *walk)
{
	json_t *steps = json_array(), *json;
	char symbol[256];

	for (unsigned i = 0; i < walk->nsteps; i++)
		json_array_append_new(steps, step_json(&walk->steps[i]));
	json = json_members((const struct json_member[]){
		{ "gva", json_address(walk->gva) },
		{ "steps", steps },
		{ "present", json_boolean(walk->present) },
		{ "access", json_access(walk->access) },
		{ "tables", tables_json(vm) },
		{ 0 },
	});
	if (walk->present) {
		json_object_set_new(json, "gpa", json_address(walk->gpa));
		json_object_set_new(json, "page_size", json_integer(walk->page_size));
	}
	if (!mv_symbol_at(vm, walk->gva, symbol, sizeof(symbol)))
		json_object_set_new(json, "symbol", json_text(symbol));
	return json;
}
