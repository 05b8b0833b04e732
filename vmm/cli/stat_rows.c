/* SPDX-License-Identifier: MIT */
/* stat_rows.c: what is counted of a run, a line each, and its layout. See stat.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/cli.h"
#include "vmm/cli/json.h"
#include "vmm/cli/stat.h"

#define NSEC_PER_SEC 1e9
#define NSEC_PER_MSEC 1e6
#define NSEC_PER_USEC 1e3
#define VECTOR_PF 14

/* As perf's util/stat-display.c has them: a count, its unit, its name, a remark. */
#define COUNT_WIDTH 18
#define UNIT_WIDTH 4
#define NAME_WIDTH 32
#define REMARK_WIDTH 32

static const char *const kvm_names[KVM_ROWS] = {
	"exits",       "io_exits", "pf_taken", "pf_fixed",  "pf_emulate",
	"pf_spurious", "pages_4k", "pages_2m", "tlb_flush",
};

/* ---- Values: of a run, and an argument that the row has. */

typedef double get_fn(const struct stat_run *run, unsigned arg);

static double get_faults(const struct stat_run *run, unsigned arg)
{
	double n = 0;

	(void)arg;
	for (unsigned kind = 0; kind < MV_FAULT_KINDS; kind++)
		n += run->c.faults[kind];
	return n;
}

static double get_kind(const struct stat_run *run, unsigned kind)
{
	return run->c.faults[kind];
}

static double get_minor(const struct stat_run *run, unsigned arg)
{
	return get_faults(run, arg) - run->c.faults[MV_FAULT_FATAL] - run->c.major;
}

/* A member of struct mv_counters, by its place. */
static double get_counter(const struct stat_run *run, unsigned offset)
{
	uint64_t value;

	memcpy(&value, (const char *)&run->c + offset, sizeof(value));
	return value;
}
#define COUNTER(member) .get = get_counter, .arg = offsetof(struct mv_counters, member)

static double get_made(const struct stat_run *run, unsigned level)
{
	return run->c.tables_made[level];
}

static double pages(uint64_t bytes)
{
	const uint64_t n = bytes / MV_PAGE_SIZE;

	return (double)n;
}

static double get_touched(const struct stat_run *run, unsigned arg)
{
	(void)arg;
	return pages(run->memory.touched);
}

static double get_mapped(const struct stat_run *run, unsigned arg)
{
	(void)arg;
	return pages(run->mapped);
}

static double get_backed(const struct stat_run *run, unsigned arg)
{
	(void)arg;
	return pages(run->backed);
}

static double get_page_fault_exits(const struct stat_run *run, unsigned arg)
{
	(void)arg;
	return run->c.exits_vector[VECTOR_PF];
}

static double get_exception_exits(const struct stat_run *run, unsigned arg)
{
	return run->c.exits_exception - get_page_fault_exits(run, arg);
}

static double get_kvm(const struct stat_run *run, unsigned i)
{
	return run->kvm[i];
}

/* A member of struct mv_times, by its place. */
static double get_time(const struct stat_run *run, unsigned offset)
{
	uint64_t value;

	memcpy(&value, (const char *)&run->times + offset, sizeof(value));
	return value;
}
#define TIME(member) .get = get_time, .arg = offsetof(struct mv_times, member)

/* A member of struct mv_fault_times, by its place. */
static double get_fault_ns(const struct stat_run *run, unsigned offset)
{
	uint64_t value;

	memcpy(&value, (const char *)&run->fault + offset, sizeof(value));
	return value;
}

/* ... with what leaving and entering the guest takes. */
static double get_fault_seen(const struct stat_run *run, unsigned offset)
{
	return run->fault.count ? get_fault_ns(run, offset) + run->floor.pf_exit_ns : 0;
}
#define FAULT_TIME(member) \
	.get = get_fault_seen, .arg = offsetof(struct mv_fault_times, member)

/* ---- Rows. */

enum remark {
	REMARK_NONE,
	REMARK_RATE,   /* so many a second */
	REMARK_SHARE,  /* percent of what `of` gives */
	REMARK_EACH,   /* so many for each of what `of` gives */
	REMARK_SIZE,   /* pages: in MiB */
	REMARK_TABLES, /* how many of the level were freed, and exist */
	REMARK_VMM,    /* the VMM's part of a fault's time */
};

static const struct row {
	const char *name;
	get_fn *get;
	unsigned arg;
	bool always;	  /* even if it is 0 */
	bool timed;	  /* only if the run was timed */
	const char *unit; /* NULL: a count */
	double scale;	  /* what makes one of the unit; 0: 1 */
	enum remark remark;
	get_fn *of;
	const char *of_name;
} rows[] = {
#define FAULT(text, kind)                                                            \
	{                                                                            \
		.name = (text), .get = get_kind, .arg = (kind), .always = true,      \
		.remark = REMARK_SHARE, .of = get_faults, .of_name = "of all faults" \
	}
	{ .name = "page-faults", .get = get_faults, .always = true, .remark = REMARK_RATE },
	FAULT("anonymous-faults", MV_FAULT_ANON),
	FAULT("file-read-faults", MV_FAULT_READ),
	FAULT("shared-write-faults", MV_FAULT_SHARED),
	FAULT("private-copy-faults", MV_FAULT_COW),
	FAULT("write-protect-faults", MV_FAULT_WP),
	FAULT("remap-faults", MV_FAULT_REMAP),
	FAULT("spurious-faults", MV_FAULT_SPURIOUS),
	FAULT("fatal-faults", MV_FAULT_FATAL),
#undef FAULT
	{ .name = "minor-faults", .get = get_minor, .always = true, .timed = true },
	{ .name = "major-faults", COUNTER(major), .always = true, .timed = true },
	{ .name = "faults-in-calls",
	  COUNTER(host_faults),
	  .remark = REMARK_SHARE,
	  .of = get_faults,
	  .of_name = "of all faults" },
	{ .name = "around-mapped",
	  COUNTER(around),
	  .always = true,
	  .remark = REMARK_EACH,
	  .of = get_faults,
	  .of_name = "a fault" },
	{ .name = "2M-leaves", COUNTER(huge), .always = true },
	{ .name = "pages-copied", COUNTER(copied) },
#define TABLES(text, level)                                                      \
	{                                                                        \
		.name = (text), .get = get_made, .arg = (level), .always = true, \
		.remark = REMARK_TABLES                                          \
	}
	TABLES("pgd-tables-made", 4),
	TABLES("pud-tables-made", 3),
	TABLES("pmd-tables-made", 2),
	TABLES("pte-tables-made", 1),
#undef TABLES
	{ .name = "frames-reserved",
	  COUNTER(frames),
	  .always = true,
	  .remark = REMARK_SIZE },
	{ .name = "frames-touched",
	  .get = get_touched,
	  .always = true,
	  .remark = REMARK_SIZE },
	{ .name = "pages-mapped", .get = get_mapped, .always = true, .remark = REMARK_SIZE },
	{ .name = "pages-backed", .get = get_backed, .always = true, .remark = REMARK_SIZE },
	{ .name = "frames-reclaimed", COUNTER(reclaimed) },
	{ .name = "flushes-freeing", COUNTER(flush_free) },
	{ .name = "flushes-keeping", COUNTER(flush_keep) },
	{ .name = "flushes-of-all", COUNTER(drops) },
	{ .name = "memory-slots", COUNTER(slots), .always = true },
	{ .name = "violations", COUNTER(violations) },
	{ .name = "pages-zeroed", COUNTER(pages_zeroed) },
	{ .name = "pages-from-files", COUNTER(pages_from_files) },
	{ .name = "exits", COUNTER(exits), .always = true, .remark = REMARK_RATE },
	{ .name = "call-exits", COUNTER(exits_call), .always = true },
	{ .name = "page-fault-exits", .get = get_page_fault_exits, .always = true },
	{ .name = "exception-exits", .get = get_exception_exits },
	{ .name = "interrupted-exits", COUNTER(exits_interrupted) },
	{ .name = "efault-exits", COUNTER(exits_efault) },
	{ .name = "failed-exits", COUNTER(exits_failed) },
#define KVM(text, i)                                                       \
	{                                                                  \
		.name = (text), .get = get_kvm, .arg = (i), .always = true \
	}
	KVM("kvm:exits", 0),
	KVM("kvm:io_exits", 1),
	KVM("kvm:pf_taken", 2),
	KVM("kvm:pf_fixed", 3),
	KVM("kvm:pf_emulate", 4),
	KVM("kvm:pf_spurious", 5),
	KVM("kvm:pages_4k", 6),
	KVM("kvm:pages_2m", 7),
	KVM("kvm:tlb_flush", 8),
#undef KVM
#define SPENT(text, member)                                                     \
	{                                                                       \
		.name = (text), TIME(member), .always = true, .timed = true,    \
		.unit = "msec", .scale = NSEC_PER_MSEC, .remark = REMARK_SHARE, \
		.of = get_time, .of_name = "of the time elapsed"                \
	}
	SPENT("guest-time", guest),
	SPENT("kvm-time", kvm),
	SPENT("vmm-time", vmm),
	SPENT("wait-time", waited),
#undef SPENT
#define SEEN(text, member)                                                         \
	{                                                                          \
		.name = (text), FAULT_TIME(member), .timed = true, .unit = "usec", \
		.scale = NSEC_PER_USEC, .remark = REMARK_VMM                       \
	}
	SEEN("fault-time-p50", p50),
	SEEN("fault-time-p90", p90),
	SEEN("fault-time-p99", p99),
	SEEN("fault-time-max", max),
#undef SEEN
	{ .name = "calls", COUNTER(calls), .always = true },
	{ .name = "calls-not-served", COUNTER(calls_unknown), .always = true },
};

/* ---- Over the runs. */

/* A mean and its standard error, as perf's stddev_stats(): the root of variance / n. */
struct mean {
	double mean, error;
};

static struct mean mean_of(const struct stat_run *runs, size_t n, get_fn *get, unsigned arg)
{
	double sum = 0, squares = 0;
	struct mean m;

	for (size_t i = 0; i < n; i++)
		sum += get(&runs[i], arg);
	m.mean = sum / n;
	for (size_t i = 0; i < n; i++) {
		double d = get(&runs[i], arg) - m.mean;

		squares += d * d;
	}
	m.error = n > 1 ? sqrt(squares / (n - 1) / n) : 0;
	return m;
}

/* In percent of the mean: rel_stddev_stats(). */
static double percent(struct mean m)
{
	return m.mean ? 100 * m.error / m.mean : 0;
}

static double elapsed_ns(const struct stat_run *runs, size_t n)
{
	return mean_of(runs, n, get_time, offsetof(struct mv_times, elapsed)).mean;
}

/* 1234567 as 1,234,567, with so many decimals: perf's %' in the locales that have it. */
static const char *number(char buf[64], double value, int decimals)
{
	char plain[48];
	int n = snprintf(plain, sizeof(plain), "%.*f", decimals, value), out = 0;
	int whole = decimals ? n - decimals - 1 : n;

	for (int i = 0; i < n; i++) {
		if (i && i < whole && (whole - i) % 3 == 0 && plain[i - 1] != '-')
			buf[out++] = ',';
		buf[out++] = plain[i];
	}
	buf[out] = '\0';
	return buf;
}

/* "59.195 K/sec" */
static void rate_text(char *buf, size_t len, double per_sec)
{
	static const char *const units[] = { "/sec", "K/sec", "M/sec" };
	unsigned u = 0;

	for (; per_sec >= 1000 && u < 2; u++)
		per_sec /= 1000;
	snprintf(buf, len, "%8.3f %s", per_sec, units[u]);
}

static double made_less(const struct stat_run *run, unsigned level)
{
	return run->c.tables_freed[level];
}

static double existing(const struct stat_run *run, unsigned level)
{
	return run->c.tables[level];
}

/* "": there is nothing to say. */
static void remark_text(char *buf, size_t len, const struct row *row,
			const struct stat_run *runs, size_t n)
{
	const double value = mean_of(runs, n, row->get, row->arg).mean;
	const double of = row->of ? mean_of(runs, n, row->of, 0).mean : 0;
	const double ns = elapsed_ns(runs, n);

	*buf = '\0';
	switch (row->remark) {
	case REMARK_NONE:
		break;
	case REMARK_RATE:
		if (ns)
			rate_text(buf, len, value / ns * NSEC_PER_SEC);
		break;
	case REMARK_SHARE:
		if (of)
			snprintf(buf, len, "%7.2f%% %s", 100 * value / of, row->of_name);
		break;
	case REMARK_EACH:
		if (of)
			snprintf(buf, len, "%8.2f %s", value / of, row->of_name);
		break;
	case REMARK_SIZE:
		snprintf(buf, len, "%8.2f MiB", value * MV_PAGE_SIZE / (1 << 20));
		break;
	case REMARK_TABLES:
		snprintf(buf, len, "%8.0f freed, %.0f exist",
			 mean_of(runs, n, made_less, row->arg).mean,
			 mean_of(runs, n, existing, row->arg).mean);
		break;
	case REMARK_VMM:
		snprintf(buf, len, "%8.2f usec in the VMM",
			 mean_of(runs, n, get_fault_ns, row->arg).mean / NSEC_PER_USEC);
		break;
	}
}

static void print_line(FILE *out, struct mean m, const struct row *row, const char *remark,
		       bool spread)
{
	char buf[64];
	int n;

	fprintf(out, "%*s %*s %-*s", COUNT_WIDTH,
		number(buf, m.mean / (row->scale ? row->scale : 1), row->unit ? 2 : 0),
		UNIT_WIDTH, row->unit ? row->unit : "", *remark || spread ? NAME_WIDTH : 0,
		row->name);
	n = *remark ? fprintf(out, " # %s", remark) - 3 : -3;
	if (spread)
		fprintf(out, "%*s  ( +-%6.2f%% )", n < REMARK_WIDTH ? REMARK_WIDTH - n : 0,
			"", percent(m));
	fputc('\n', out);
}

static void print_row(const struct row *row, const struct stat_run *runs, size_t n,
		      FILE *out)
{
	const struct mean m = mean_of(runs, n, row->get, row->arg);
	char remark[64];

	if ((row->timed && !elapsed_ns(runs, n)) || isnan(m.mean) ||
	    (!m.mean && !row->always))
		return;
	remark_text(remark, sizeof(remark), row, runs, n);
	print_line(out, m, row, remark, n > 1);
}

/* ---- Calls by number. */

/* The call that a row stands for while get_made_calls() and its kin run over all runs. */
static const struct mv_call_count *call_of(const struct stat_run *run, int64_t nr)
{
	for (size_t i = 0; i < run->ncalls; i++)
		if (run->calls[i].nr == nr)
			return &run->calls[i];
	return NULL;
}

static double get_calls(const struct stat_run *run, unsigned nr)
{
	const struct mv_call_count *c = call_of(run, (int)nr);

	return c ? c->made : 0;
}

static double get_failed(const struct stat_run *run, unsigned nr)
{
	const struct mv_call_count *c = call_of(run, (int)nr);

	return c ? c->failed : 0;
}

static double get_call_ns(const struct stat_run *run, unsigned nr)
{
	const struct mv_call_count *c = call_of(run, (int)nr);

	return c ? c->ns : 0;
}

/* A number that some run has, and how often they all made it. */
struct call {
	int64_t nr;
	double made;
};

static int by_count(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	return (x->made < y->made) - (x->made > y->made);
}

static size_t find_calls(const struct stat_run *runs, size_t n,
			 struct call calls[CALL_ROWS])
{
	size_t nr = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < runs[i].ncalls; j++) {
			int64_t number = runs[i].calls[j].nr;
			size_t k = 0;

			while (k < nr && calls[k].nr != number)
				k++;
			if (k < nr)
				continue;
			calls[nr++] = (struct call){
				number, mean_of(runs, n, get_calls, (unsigned)number).mean
			};
		}
	}
	qsort(calls, nr, sizeof(calls[0]), by_count);
	return nr;
}

static void print_call(const struct call *call, const struct stat_run *runs, size_t n,
		       FILE *out)
{
	const unsigned nr = (unsigned)call->nr;
	const double failed = mean_of(runs, n, get_failed, nr).mean;
	const double ns = mean_of(runs, n, get_call_ns, nr).mean;
	const char *known = mv_call_name(call->nr);
	char name[64], remark[64] = "";
	struct row row = { .name = name };
	int len = 0;

	if (known || call->nr < 0)
		snprintf(name, sizeof(name), "  %s", known ? known : "others");
	else
		snprintf(name, sizeof(name), "  call %" PRId64, call->nr);
	if (ns)
		len = snprintf(remark, sizeof(remark), "%8.2f usec each",
			       ns / call->made / NSEC_PER_USEC);
	if (failed)
		snprintf(remark + len, sizeof(remark) - len, "%s%.0f failed",
			 len ? ", " : "", failed);
	print_line(out, mean_of(runs, n, get_calls, nr), &row, remark, n > 1);
}

/* ---- The whole. */

/* print_footer(): two digits more than the error has. */
static void print_elapsed(const struct stat_run *runs, size_t n, FILE *out)
{
	struct mean m = mean_of(runs, n, get_time, offsetof(struct mv_times, elapsed));
	double cpu = mean_of(runs, n, get_time, offsetof(struct mv_times, cpu)).mean;
	int precision;

	if (!m.mean)
		return;
	m.mean /= NSEC_PER_SEC;
	m.error /= NSEC_PER_SEC;
	if (n == 1) {
		fprintf(out, "\n %17.9f seconds time elapsed\n", m.mean);
	} else {
		precision = m.error && m.error < 1 ? (int)ceil(-log10(m.error)) + 2 : 2;
		fprintf(out, "\n %17.*f +- %.*f seconds time elapsed  ( +-%6.2f%% )\n",
			precision, m.mean, precision, m.error, percent(m));
	}
	fprintf(out, "\n %17.9f seconds of CPU time\n", cpu / NSEC_PER_SEC);
	fprintf(out,
		"\n guest-time and kvm-time: KVM's part is estimated from exits and from the "
		"faults that it counts.\n fault-time: the VMM's time of each fault, and %.2f "
		"usec that a bare fault takes here.\n",
		runs->floor.pf_exit_ns / NSEC_PER_USEC);
}

void stat_print(const struct stat_run *runs, size_t n, FILE *out)
{
	struct call calls[CALL_ROWS];
	size_t ncalls = find_calls(runs, n, calls);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		print_row(&rows[i], runs, n, out);
	for (size_t i = 0; i < ncalls; i++)
		print_call(&calls[i], runs, n, out);
	print_elapsed(runs, n, out);
}

json_t *stat_rows_json(const struct stat_run *runs, size_t n)
{
	json_t *json = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		const struct mean m = mean_of(runs, n, row->get, row->arg);

		if (isnan(m.mean))
			continue;
		json_array_append_new(
			json, json_members((const struct json_member[]){
				      { "name", json_string(row->name) },
				      { "unit", json_string(row->unit ? row->unit : "") },
				      { "mean",
					json_real(m.mean / (row->scale ? row->scale : 1)) },
				      { "error_percent", json_real(percent(m)) },
				      { 0 },
			      }));
	}
	return json;
}

static void take_kvm(struct stat_run *run, struct mv_vm *vm)
{
	struct mv_kvm_stat stat;
	size_t cursor = 0;

	for (unsigned i = 0; i < KVM_ROWS; i++)
		run->kvm[i] = NAN;
	while (!mv_kvm_stat(vm, &cursor, &stat))
		for (unsigned i = 0; i < KVM_ROWS; i++)
			if (!strcmp(stat.name, kvm_names[i]) && stat.nvalues == 1)
				run->kvm[i] = *stat.values;
}

void stat_sum_vmas(struct mv_vm *vm, uint64_t *mapped, uint64_t *backed)
{
	struct mv_vma vma;

	*mapped = *backed = 0;
	for (uint64_t gva = 0; !mv_vma(vm, gva, &vma); gva = vma.end) {
		*mapped += vma.reserved;
		*backed += vma.backed;
	}
}

void stat_take(struct stat_run *run, struct mv_vm *vm, const struct mv_floor *floor)
{
	size_t cursor = 0;

	*run = (struct stat_run){ .ncalls = 0 };
	mv_counters(vm, &run->c);
	mv_memory(vm, &run->memory);
	mv_times(vm, floor, &run->times);
	mv_fault_times(vm, MV_FAULT_KINDS, &run->fault);
	if (floor)
		run->floor = *floor;
	while (run->ncalls < CALL_ROWS &&
	       !mv_call_count(vm, &cursor, &run->calls[run->ncalls]))
		run->ncalls++;
	stat_sum_vmas(vm, &run->mapped, &run->backed);
	take_kvm(run, vm);
}
