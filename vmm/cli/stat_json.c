/* SPDX-License-Identifier: MIT */
/* stat_json.c: all that is known of a run, as JSON. See stat.h. */
#include <string.h>

#include "vmm/cli/json.h"
#include "vmm/cli/stat.h"

#define NR_LEVELS 4u

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

/* The calls that were answered -ENOSYS; nr -1 stands for those that had no room. */
static json_t *unknown_json(struct mv_vm *vm)
{
	json_t *json = json_array();
	uint64_t count;
	size_t cursor = 0;
	int64_t nr;

	while (!mv_unknown_call(vm, &cursor, &nr, &count)) {
		const char *name = mv_call_name(nr);
		json_t *call = json_members((const struct json_member[]){
			{ "nr", json_integer(nr) },
			{ "name", name ? json_string(name) : json_null() },
			{ "count", json_integer(count) },
			{ 0 },
		});

		json_array_append_new(json, call);
	}
	return json;
}

/* What counts against --mem, in bytes. */
static json_t *memory_json(struct mv_vm *vm)
{
	struct mv_memory m;

	mv_memory(vm, &m);
	return json_members((const struct json_member[]){
		{ "limit", json_integer(m.limit) },
		{ "charged", json_integer(m.charged) },
		{ "touched", json_integer(m.touched) },
		{ "idle", json_integer(m.idle) },
		{ "tables", json_integer(m.tables) },
		{ "nodes", json_integer(m.nodes) },
		{ "freed", json_integer(m.freed) },
		{ "memfds", json_integer(m.memfds) },
		{ "promised", json_integer(m.promised) },
		{ 0 },
	});
}

/* By reason; they add up to all exits. Exceptions by vector, those that came. */
static json_t *exits_json(const struct mv_counters *c)
{
	json_t *vectors = json_object();
	char vector[8];

	for (unsigned v = 0; v < 32; v++) {
		if (!c->exits_vector[v])
			continue;
		snprintf(vector, sizeof(vector), "%u", v);
		json_object_set_new(vectors, vector, json_integer(c->exits_vector[v]));
	}
	return json_members((const struct json_member[]){
		{ "call_syscall", json_integer(c->exits_call - c->exits_call_out) },
		{ "call_out", json_integer(c->exits_call_out) },
		{ "vectors", vectors },
		{ "interrupted", json_integer(c->exits_interrupted) },
		{ "efault", json_integer(c->exits_efault) },
		{ "failed", json_integer(c->exits_failed) },
		{ 0 },
	});
}

static json_t *calls_json(struct mv_vm *vm)
{
	json_t *json = json_array();
	struct mv_call_count count;
	size_t cursor = 0;

	while (!mv_call_count(vm, &cursor, &count)) {
		const char *name = mv_call_name(count.nr);

		json_array_append_new(
			json, json_members((const struct json_member[]){
				      { "nr", json_integer(count.nr) },
				      { "name", name ? json_string(name) : json_null() },
				      { "count", json_integer(count.made) },
				      { "failed", json_integer(count.failed) },
				      { "ns", json_integer(count.ns) },
				      { 0 },
			      }));
	}
	return json;
}

static json_t *values_json(const struct mv_kvm_stat *stat)
{
	json_t *json;

	if (stat->nvalues == 1)
		return json_integer(*stat->values);
	json = json_array();
	for (size_t i = 0; i < stat->nvalues; i++)
		json_array_append_new(json, json_integer(stat->values[i]));
	return json;
}

/* What the kernel counts itself, by its names; histograms are arrays. */
static json_t *kvm_json(struct mv_vm *vm)
{
	json_t *of_vm = json_object(), *of_vcpu = json_object();
	struct mv_kvm_stat stat;
	size_t cursor = 0;

	while (!mv_kvm_stat(vm, &cursor, &stat))
		json_object_set_new(stat.vcpu ? of_vcpu : of_vm, stat.name,
				    values_json(&stat));
	return json_members((const struct json_member[]){
		{ "vm", of_vm },
		{ "vcpu", of_vcpu },
		{ 0 },
	});
}

static json_t *fault_ns_json(struct mv_vm *vm, enum mv_fault kind)
{
	struct mv_fault_times t;

	mv_fault_times(vm, kind, &t);
	return json_members((const struct json_member[]){
		{ "count", json_integer(t.count) },
		{ "sum", json_integer(t.sum) },
		{ "min", json_integer(t.min) },
		{ "p50", json_integer(t.p50) },
		{ "p90", json_integer(t.p90) },
		{ "p99", json_integer(t.p99) },
		{ "max", json_integer(t.max) },
		{ 0 },
	});
}

/* The VMM's own time in faults, of all and by kind. */
static json_t *all_fault_ns_json(struct mv_vm *vm)
{
	json_t *json = json_object();

	json_object_set_new(json, "all", fault_ns_json(vm, MV_FAULT_KINDS));
	for (int kind = 0; kind < MV_FAULT_KINDS; kind++)
		json_object_set_new(json, mv_fault_name(kind), fault_ns_json(vm, kind));
	return json;
}

static json_t *times_json(struct mv_vm *vm, const struct mv_floor *floor)
{
	struct mv_times t;

	mv_times(vm, floor, &t);
	return json_members((const struct json_member[]){
		{ "elapsed_ns", json_integer(t.elapsed) },
		{ "outside_ns", json_integer(t.outside) },
		{ "run_ns", json_integer(t.run) },
		{ "guest_ns", json_integer(t.guest) },
		{ "kvm_ns", json_integer(t.kvm) },
		{ "vmm_ns", json_integer(t.vmm) },
		{ "waited_ns", json_integer(t.waited) },
		{ "cpu_ns", json_integer(t.cpu) },
		{ 0 },
	});
}

json_t *stat_json(struct mv_vm *vm, const struct mv_floor *floor)
{
	uint64_t mapped, backed;
	struct mv_counters c;
	json_t *json;

	mv_counters(vm, &c);
	stat_sum_vmas(vm, &mapped, &backed);
	json = json_members((const struct json_member[]){
		{ "memory", memory_json(vm) },
		{ "mapped", json_integer(mapped) },
		{ "backed", json_integer(backed) },
		{ "faults", faults_json(&c) },
		{ "major", json_integer(c.major) },
		{ "host_faults", json_integer(c.host_faults) },
		{ "around", json_integer(c.around) },
		{ "huge", json_integer(c.huge) },
		{ "copied", json_integer(c.copied) },
		{ "tables", by_level(c.tables) },
		{ "tables_made", by_level(c.tables_made) },
		{ "tables_freed", by_level(c.tables_freed) },
		{ "frames", json_integer(c.frames) },
		{ "flush_free", json_integer(c.flush_free) },
		{ "flush_keep", json_integer(c.flush_keep) },
		{ "drops", json_integer(c.drops) },
		{ "reclaimed", json_integer(c.reclaimed) },
		{ "exits", json_integer(c.exits) },
		{ "exits_call", json_integer(c.exits_call) },
		{ "exits_exception", json_integer(c.exits_exception) },
		{ "exits_other", json_integer(c.exits_other) },
		{ "exits_by", exits_json(&c) },
		{ "calls", json_integer(c.calls) },
		{ "calls_unknown", json_integer(c.calls_unknown) },
		{ "unknown_calls", unknown_json(vm) },
		{ "calls_by", calls_json(vm) },
		{ "slots", json_integer(c.slots) },
		{ "violations", json_integer(c.violations) },
		{ "pages_zeroed", json_integer(c.pages_zeroed) },
		{ "pages_from_files", json_integer(c.pages_from_files) },
		{ "kvm", kvm_json(vm) },
		{ 0 },
	});
	if (!floor)
		return json;
	json_object_set_new(json, "times", times_json(vm, floor));
	json_object_set_new(json, "fault_ns", all_fault_ns_json(vm));
	return json;
}
