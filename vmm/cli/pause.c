/* SPDX-License-Identifier: MIT */
/* pause.c: `mapvisor run --pause-at --diff`: stops on the way, with what is to be seen there. */
#include "vmm/cli/pause.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <mapvisor/stop.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/parse.h"
#include "vmm/cli/target.h"

enum {
	OPT_PAUSE_AT = 512, /* beyond those of options.c */
	OPT_WALK,
	OPT_DIFF,
	OPT_SMAPS,
};

static const struct argp_option table[] = {
	{ .doc = "Looking at it on the way:", .group = GROUP_OWN },
	{ .name = "pause-at",
	  .key = OPT_PAUSE_AT,
	  .arg = "WHERE",
	  .doc = "Stop there, show maps and walks, and go on; may be repeated. WHERE is "
		 "SYMBOL[+OFFSET] or 0xADDR: before the instruction there, the first time, "
		 "or with :COUNT behind it the first COUNT times; or N or fault:N: after "
		 "the N-th page fault" },
	{ .name = "walk",
	  .key = OPT_WALK,
	  .arg = "ADDR|SYMBOL[,...]",
	  .doc = "At each stop of --pause-at, walk these addresses, too" },
	{ .name = "smaps",
	  .key = OPT_SMAPS,
	  .doc = "At each stop of --pause-at, show the maps in the form of /proc/PID/smaps" },
	{ .name = "diff",
	  .key = OPT_DIFF,
	  .doc = "Show which page-table entries changed, and how, from the start to the "
		 "first stop, to the next, and to the end" },
	{ 0 },
};

/* ---- what was typed */

static bool is_decimal(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static int parse_place(struct pause *p, const char *text, struct place *place)
{
	static const char fault[] = "fault:";
	bool named = !strncmp(text, fault, sizeof(fault) - 1);
	const char *number = named ? text + sizeof(fault) - 1 : text;
	const char *colon = strrchr(text, ':');

	*place = (struct place){ .text = text, .count = 1 };
	if (named || is_decimal(text)) {
		if (!is_decimal(number) || !parse_number(number, &place->fault) ||
		    !place->fault)
			return cli_usage(p->cli,
					 "--pause-at=%s: not the number of a fault, "
					 "which are 1, 2, 3, ...",
					 text);
		return 0;
	}
	place->len = colon ? (size_t)(colon - text) : strlen(text);
	if (!place->len ||
	    (colon && (!is_decimal(colon + 1) || !parse_number(colon + 1, &place->count) ||
		       !place->count)))
		return cli_usage(p->cli,
				 "--pause-at=%s: give SYMBOL[+OFFSET][:COUNT], "
				 "0xADDR[:COUNT], or the number of a fault",
				 text);
	return 0;
}

static int add_place(struct pause *p, const char *text)
{
	struct place *places = reallocarray(p->places, p->nr + 1, sizeof(*places));

	if (!places)
		return cli_usage(p->cli, "--pause-at: %s", strerror(ENOMEM));
	p->places = places;
	return parse_place(p, text, &places[p->nr++]);
}

static int add_walk(struct pause *p, const char *text)
{
	const char **walks = reallocarray(p->walks, p->nr_walks + 1, sizeof(const char *));

	if (!walks)
		return cli_usage(p->cli, "--walk: %s", strerror(ENOMEM));
	p->walks = walks;
	walks[p->nr_walks++] = text;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct pause *p = state->input;

	switch (key) {
	case OPT_PAUSE_AT:
		return add_place(p, arg);
	case OPT_WALK:
		return add_walk(p, arg);
	case OPT_DIFF:
		p->diff = true;
		return 0;
	case OPT_SMAPS:
		p->smaps = true;
		return 0;
	case ARGP_KEY_END:
		if (!p->nr && (p->nr_walks || p->smaps))
			return cli_usage(p->cli, "--%s: shown where --pause-at stops only",
					 p->smaps ? "smaps" : "walk");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp pause_argp = { .options = table, .parser = parse_option };

/* ---- setting the stops */

/* The second place of the same address has the first one's stop, and its larger count. */
static void share(struct pause *p, struct place *place)
{
	for (struct place *q = p->places; q != place; q++)
		if (q->id == place->id) {
			q->count = q->count > place->count ? q->count : place->count;
			place->id = 0;
			place->count = 0;
			return;
		}
}

static bool set_place(struct session *s, struct pause *p, struct place *place)
{
	uint64_t gva;

	if (place->fault) {
		place->id = mv_stop_at_fault(s->vm, place->fault);
	} else {
		if (!target_find(s, place->text, place->len, &gva))
			return false;
		place->id = mv_stop_at(s->vm, gva);
	}
	if (place->id < 0)
		return session_fail(s, STATUS_FAILED, "--pause-at=%s: %s", place->text,
				    place->id == -EINVAL
					    ? "not an address that a program can map"
					    : strerror(-place->id));
	share(p, place);
	return true;
}

static bool add_gvas(struct session *s, struct pause *p, const char *text)
{
	uint64_t *more, *all;
	size_t n;

	if (!target_list(s, text, &more, &n))
		return false;
	all = reallocarray(p->gvas, p->nr_gvas + n, sizeof(*all));
	if (all) {
		memcpy(all + p->nr_gvas, more, n * sizeof(*all));
		p->gvas = all;
		p->nr_gvas += n;
	}
	free(more);
	return all || session_fail(s, STATUS_FAILED, "--walk: %s", strerror(ENOMEM));
}

/* All that can be wrong with what was typed is found before the run. */
static bool set_up(struct session *s, struct pause *p)
{
	for (size_t i = 0; i < p->nr; i++)
		if (!set_place(s, p, &p->places[i]))
			return false;
	for (size_t i = 0; i < p->nr_walks; i++)
		if (!add_gvas(s, p, p->walks[i]))
			return false;
	if ((s->opt.json && !(p->json = json_array())) ||
	    (p->diff && !(p->before = mv_tables_snapshot(s->vm))))
		return session_fail(s, STATUS_FAILED, "--pause-at: %s", strerror(ENOMEM));
	snprintf(p->since, sizeof(p->since), "the start");
	return true;
}

/* ---- what a stop shows, as text */

static uint64_t guest_faults(struct mv_vm *vm)
{
	struct mv_counters c;
	uint64_t n = 0;

	mv_counters(vm, &c);
	for (unsigned kind = 0; kind < MV_FAULT_KINDS; kind++)
		n += c.faults[kind];
	return n - c.host_faults;
}

static void print_gva(struct session *s, uint64_t gva)
{
	char name[256];

	fprintf(s->out, "0x%" PRIx64, gva);
	if (!mv_symbol_at(s->vm, gva, name, sizeof(name)))
		fprintf(s->out, " <%s>", name);
}

static const char *access_name(unsigned access)
{
	return access == MV_WRITE  ? "write to"
	       : access == MV_EXEC ? "execution of"
				   : "read of";
}

static void print_head(struct session *s, const struct pause *p, const struct place *place,
		       const struct mv_exit *end)
{
	const uint64_t faults = guest_faults(s->vm);

	fprintf(s->out, "pause %u at %s", p->stops, place->text);
	if (place->fault) {
		fprintf(s->out, ": %s ", access_name(end->access));
		print_gva(s, end->addr);
	} else if (place->count > 1) {
		fprintf(s->out, ", time %" PRIu64, place->hits);
	}
	fprintf(s->out, ", after %" PRIu64 " fault%s\nrip ", faults,
		faults == 1 ? "" : "s");
	print_gva(s, end->rip);
	fprintf(s->out, "  rsp 0x%" PRIx64 "  rflags 0x%" PRIx64 "\n", end->rsp,
		end->rflags);
}

static void print_state(struct session *s, const struct pause *p, const struct place *place,
			const struct mv_exit *end)
{
	print_head(s, p, place, end);
	if (p->smaps)
		mv_print_smaps(s->vm, s->out);
	else
		mv_print_maps(s->vm, s->out);
	mv_print_walk(s->vm, place->fault ? end->addr : end->rip, s->out);
	for (size_t i = 0; i < p->nr_gvas; i++)
		mv_print_walk(s->vm, p->gvas[i], s->out);
}

/* ---- ... and as JSON */

static json_t *how_json(unsigned how)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
		{ MV_CHANGE_MADE, "made" },
		{ MV_CHANGE_REMOVED, "removed" },
		{ MV_CHANGE_REPOINTED, "re-pointed" },
		{ MV_CHANGE_PROTECTION, "protection" },
		{ MV_CHANGE_USED, "used" },
	};
	json_t *json = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (how & names[i].bit)
			json_array_append_new(json, json_string(names[i].name));
	return json;
}

static void add_change(const struct mv_change *c, void *arg)
{
	json_t *changes = arg, *json;

	if (!c->n)
		json = json_members((const struct json_member[]){
			{ "what", json_string("table") },
			{ "made", json_boolean(c->how & MV_CHANGE_TABLE_MADE) },
			{ "level", json_string(mv_level_name(c->level)) },
			{ "gpa", json_address(c->table) },
			{ "gva", json_address(c->gva) },
			{ 0 },
		});
	else
		json = json_members((const struct json_member[]){
			{ "what", json_string("entries") },
			{ "how", how_json(c->how) },
			{ "level", json_string(mv_level_name(c->level)) },
			{ "table", json_address(c->table) },
			{ "index", json_integer(c->index) },
			{ "n", json_integer(c->n) },
			{ "gva", json_address(c->gva) },
			{ "old", json_address(c->old) },
			{ "old_step", json_address(c->old_step) },
			{ "value", json_address(c->value) },
			{ "step", json_address(c->step) },
			{ 0 },
		});
	json_array_append_new(changes, json);
}

static json_t *walk_json(struct session *s, uint64_t gva)
{
	struct mv_walk walk;

	mv_walk(s->vm, gva, &walk);
	return json_walk(s->vm, &walk);
}

static json_t *walks_json(struct session *s, const struct pause *p, uint64_t gva)
{
	json_t *json = json_array();

	json_array_append_new(json, walk_json(s, gva));
	for (size_t i = 0; i < p->nr_gvas; i++)
		json_array_append_new(json, walk_json(s, p->gvas[i]));
	return json;
}

static json_t *registers_json(const struct mv_exit *end)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
					       "rsi", "rdi", "r8",  "r9",  "r10", "r11",
					       "r12", "r13", "r14", "r15" };
	json_t *json = json_object();

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		json_object_set_new(json, names[i], json_address(end->regs[i]));
	json_object_set_new(json, "rip", json_address(end->rip));
	json_object_set_new(json, "rflags", json_address(end->rflags));
	return json;
}

static json_t *state_json(struct session *s, const struct pause *p,
			  const struct place *place, const struct mv_exit *end)
{
	json_t *json = json_members((const struct json_member[]){
		{ "at", json_text(place->text) },
		{ "time", json_integer(place->hits) },
		{ "faults", json_integer(guest_faults(s->vm)) },
		{ "registers", registers_json(end) },
		{ "maps", json_maps(s->vm) },
		{ "walks", walks_json(s, p, place->fault ? end->addr : end->rip) },
		{ 0 },
	});

	if (place->fault) {
		json_object_set_new(json, "gva", json_address(end->addr));
		json_object_set_new(json, "access",
				    json_string(end->access == MV_WRITE	 ? "w"
						: end->access == MV_EXEC ? "x"
									 : "r"));
	}
	return json;
}

/* ---- what changed */

/* From the last moment to this one, which is the last from now on. */
static bool show_changes(struct session *s, struct pause *p, const char *here, json_t *json)
{
	struct mv_tables *now = mv_tables_snapshot(s->vm);
	json_t *changes;

	if (!now)
		return session_fail(s, STATUS_FAILED, "--diff: %s", strerror(ENOMEM));
	if (json) {
		changes = json_array();
		mv_tables_diff(p->before, now, add_change, changes);
		json_object_set_new(json, "diff", changes);
	} else {
		fprintf(s->out, "page tables, from %s to %s:\n", p->since, here);
		mv_print_changes(p->before, now, s->out);
	}
	mv_tables_free(p->before);
	p->before = now;
	snprintf(p->since, sizeof(p->since), "%s", here);
	return true;
}

/* ---- the run */

static struct place *find_place(struct pause *p, int id)
{
	size_t i = 0;

	while (p->places[i].id != id)
		i++;
	return &p->places[i];
}

static bool show_stop(struct session *s, struct pause *p, const struct mv_exit *end)
{
	struct place *place = find_place(p, end->stop);
	json_t *json = NULL;
	char here[64];

	p->stops++;
	place->hits++;
	snprintf(here, sizeof(here), "pause %u", p->stops);
	if (p->json)
		json_array_append_new(p->json, json = state_json(s, p, place, end));
	else
		print_state(s, p, place, end);
	if (p->diff && !show_changes(s, p, here, json))
		return false;
	if (!place->fault && place->hits == place->count)
		mv_stop_clear(s->vm, place->id);
	return true;
}

static bool show_end(struct session *s, struct pause *p, const struct mv_exit *end)
{
	json_t *json = NULL;

	if (!p->diff)
		return true;
	if (p->json) {
		json = json_members((const struct json_member[]){
			{ "at", json_string("end") },
			{ "status", json_integer(end->status) },
			{ "faults", json_integer(guest_faults(s->vm)) },
			{ 0 },
		});
		json_array_append_new(p->json, json);
	}
	return show_changes(s, p, "the end", json);
}

/* Nobody should wait for what didn't come. */
static void note_unreached(struct session *s, struct pause *p)
{
	for (struct place *q = p->places; q < p->places + p->nr; q++) {
		struct mv_stop stop = { 0 };

		if (q->id)
			mv_stop_info(s->vm, q->id, &stop);
		if (stop.refused && !q->hits)
			fprintf(stderr,
				"mapvisor: --pause-at=%s: no stop can be there: the page is of "
				"a file that the program may write\n",
				q->text);
		else if (q->hits < q->count)
			fprintf(stderr,
				"mapvisor: --pause-at=%s: reached %" PRIu64 " of %" PRIu64
				" times\n",
				q->text, q->hits, q->count);
	}
}

static bool print_json(struct session *s, struct pause *p)
{
	json_t *json = p->json;

	if (!json)
		return true;
	p->json = NULL;
	return json_print(json, s->out) ||
	       session_fail(s, STATUS_FAILED, "--pause-at: %s", strerror(errno));
}

static bool run_all(struct session *s, struct pause *p, struct mv_exit *end)
{
	bool ok;

	while ((ok = session_step(s, end)) && end->kind == MV_EXIT_STOPPED)
		if (!show_stop(s, p, end))
			return false;
	return ok && show_end(s, p, end);
}

/* What was seen is told, however the run went. */
bool pause_run(struct session *s, struct pause *p)
{
	struct mv_exit end;
	bool ok;

	if (!set_up(s, p))
		return false;
	ok = run_all(s, p, &end);
	ok = print_json(s, p) && ok;
	if (ok)
		note_unreached(s, p);
	return ok && session_ended(s, &end);
}

void pause_free(struct pause *p)
{
	free(p->places);
	free(p->walks);
	free(p->gvas);
	mv_tables_free(p->before);
	json_decref(p->json);
}
