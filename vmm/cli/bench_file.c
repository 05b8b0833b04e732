/* SPDX-License-Identifier: MIT */
/*
 * bench_file.c: figures of `mapvisor bench` on files, mapped and written, and their file: made
 * in $TMPDIR when the first of them needs it, and in the page cache from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/bench_job.h"

#define FILE_SIZE (256u << 20)
#define CHUNK (1u << 20)
#define FAULT_SIZE "8M" /* 2048 faults a round */
#define WRITES "64"	/* of CHUNK each, a round's */
#define WRITES_MORE "128"
#define MORE_WRITES 64

/* For on_signal(), which has no other way to know. */
static char *made;

/* The file goes even where we are told to end. */
static void on_signal(int signal)
{
	unlink(made);
	raise(signal); /* SA_RESETHAND: it ends us now */
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESETHAND | SA_NODEFER };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* Written back, too: pages that the host cleans meanwhile would be measured. */
static int fill(int fd)
{
	char *chunk = malloc(CHUNK);
	int err = chunk ? 0 : ENOMEM;

	if (chunk)
		memset(chunk, 0x5a, CHUNK);
	for (size_t at = 0; at < FILE_SIZE && !err; at += CHUNK)
		if (pwrite(fd, chunk, CHUNK, (off_t)at) != CHUNK)
			err = errno ? errno : ENOSPC;
	if (!err && fsync(fd))
		err = errno;
	free(chunk);
	return err;
}

static int make_file(struct bench *bench)
{
	const char *dir = getenv("TMPDIR");
	int fd, err;

	if (bench->file[0])
		return 0;
	if (snprintf(bench->file, PATH_MAX, "%s/mapvisor-bench.XXXXXX",
		     dir && *dir ? dir : "/tmp") >= PATH_MAX) {
		bench->file[0] = '\0';
		return fail_job(bench, "TMPDIR", strerror(ENAMETOOLONG));
	}
	fd = mkostemp(bench->file, O_CLOEXEC);
	if (fd < 0) {
		err = fail_job(bench, bench->file, strerror(errno));
		bench->file[0] = '\0';
		return err;
	}
	made = bench->file;
	catch_signals();
	errno = 0;
	err = fill(fd);
	close(fd);
	return err ? fail_job(bench, bench->file, strerror(err)) : 0;
}

void bench_remove_file(struct bench *bench)
{
	if (bench->file[0])
		unlink(bench->file);
}

/* The option that lets a sandbox have the file. */
static void grant(const struct bench *bench, char option[PATH_MAX + 8])
{
	snprintf(option, PATH_MAX + 8, "--rw=%s", bench->file);
}

/* Linux maps a file's large folios whole, so native's median may be no fault: no ratio to that. */
static int compare_with_floor(struct bench *bench, struct result *result)
{
	if (mv_host(&bench->host, &bench->cli->err))
		return STATUS_FAILED;
	samples_add(&result->floor, bench->host.pf_exit_ns);
	result->ratio.n = 0;
	for (size_t i = 0; i < result->own.n; i++)
		samples_add(&result->ratio,
			    result->own.values[i] / (double)bench->host.pf_exit_ns);
	return 0;
}

int measure_file_faults(struct bench *bench)
{
	static const struct {
		int metric;
		const char *mode;
	} kinds[] = {
		{ FAULT_FILE_READ_4K, "private-read" },
		{ FAULT_SHARED_WRITE_4K, "shared-write" },
		{ FAULT_COW_4K, "private-write" },
	};
	char option[PATH_MAX + 8];
	int err = make_file(bench);

	grant(bench, option);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !err; i++) {
		struct result *result = &bench->results[kinds[i].metric];
		const struct job own = {
			.payload = "bench/file",
			.args = { "fault", bench->file, kinds[i].mode, FAULT_SIZE },
			.options = { LIMIT, "--fault-around=4K", "--thp=never", option },
		};
		struct job native = own;

		native.native = true;
		err = take_rounds(bench, result, bench->quick ? 3 : 9,
				  &(struct jobs){ &own, &native, NULL }, p50_ns);
		if (!err)
			err = compare_with_floor(bench, result);
	}
	return err;
}

/* Of one run, both readings: first through, and again. */
static void add_reading(struct bench *bench, const struct child *own,
			const struct child *native)
{
	static const struct {
		int metric;
		const char *key;
	} readings[] = { { TOUCH_FILE, "first_ns" }, { READ_FILE_AGAIN, "again_ns" } };
	double pages = output_value(own, "pages");

	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		struct result *result = &bench->results[readings[i].metric];
		double mine = output_value(own, readings[i].key) / pages;
		double theirs = output_value(native, readings[i].key) / pages;

		samples_add(&result->own, mine);
		samples_add(&result->native, theirs);
		samples_add(&result->ratio, mine / theirs);
	}
}

int measure_file_read(struct bench *bench)
{
	int rounds = bench->quick ? 3 : 9, err = make_file(bench);
	char option[PATH_MAX + 8];
	const struct job own = { .payload = "bench/read",
				 .args = { "mapped", bench->file },
				 .options = { LIMIT, option } };
	const struct job native = { .payload = "bench/read",
				    .args = { "copied", bench->file },
				    .native = true };
	/* as in bench_measure.c: memory that the machine's own host has to give back first */
	const struct job fetch = { .payload = "bench/touch",
				   .args = { "sweep", "256M", "huge" },
				   .native = true };
	struct child first, second;

	grant(bench, option);
	for (int i = 0; i <= rounds && !err; i++) {
		const struct job *turn[2] = { i % 2 ? &native : &own,
					      i % 2 ? &own : &native };

		err = run_job(bench, &fetch, &first);
		if (!err)
			err = run_job(bench, turn[0], &first);
		if (!err)
			err = run_job(bench, turn[1], &second);
		if (!err && i)
			add_reading(bench, i % 2 ? &second : &first,
				    i % 2 ? &first : &second);
	}
	return err;
}

/* What a private copy can't do without: a page of one's own, and the copy. */
static int take_cow_floor(struct bench *bench, const char *size, double *floor)
{
	const struct job anon = { .payload = "bench/touch",
				  .args = { "sweep", size },
				  .options = { LIMIT, "--thp=never" } };
	const struct job copy = { .payload = "bench/copy",
				  .args = { size },
				  .native = true };
	double copied;
	int err = take(bench, &anon, ns_per_page, floor);

	if (!err)
		err = take(bench, &copy, ns_per_page, &copied);
	if (!err)
		*floor += copied;
	return err;
}

int measure_cow(struct bench *bench)
{
	const char *size = bench->quick ? "16M" : "64M";
	struct result *result = &bench->results[TOUCH_COW];
	int rounds = bench->quick ? 3 : 7, err = make_file(bench);
	char option[PATH_MAX + 8];
	const struct job own = { .payload = "bench/file",
				 .args = { "sweep", bench->file, "private-write", size },
				 .options = { LIMIT, option } };
	struct job native = own;
	double mine, theirs, floor;

	native.native = true;
	grant(bench, option);
	for (int i = 0; i <= rounds && !err; i++) {
		err = take(bench, &own, ns_per_page, &mine);
		if (!err)
			err = take(bench, &native, ns_per_page, &theirs);
		if (!err)
			err = take_cow_floor(bench, size, &floor);
		if (err || !i)
			continue;
		samples_add(&result->own, mine);
		samples_add(&result->native, theirs);
		samples_add(&result->floor, floor);
		samples_add(&result->ratio, mine / floor);
	}
	return err;
}

/* Exits of one write, where each has its getppid() beside it. */
static int count_write_exits(struct bench *bench)
{
	const struct mv_grant file = { bench->file, true };
	const struct job few = { .payload = "bench/write",
				 .args = { bench->file, WRITES, "silent" } };
	const struct job more = { .payload = "bench/write",
				  .args = { bench->file, WRITES_MORE, "silent" } };
	struct mv_options opt;
	double exits;
	int err;

	mv_options_init(&opt);
	opt.timeout_ns = LIMIT_NS;
	opt.grants = &file;
	opt.ngrants = 1;
	err = count_more_exits(bench, &few, &more, &opt, &exits);
	if (!err)
		samples_add(&bench->results[WRITE_1M_EXITS].own, exits / MORE_WRITES - 1);
	return err;
}

/* The exit can't be saved, and a native call is none of it: the ratio is that of the rest. */
int measure_write(struct bench *bench)
{
	struct result *result = &bench->results[WRITE_1M];
	int rounds = bench->quick ? 3 : 9, err = make_file(bench);
	char option[PATH_MAX + 8];
	const struct job own = { .payload = "bench/write",
				 .args = { bench->file, WRITES },
				 .options = { LIMIT, option } };
	struct job native = own;
	struct child first, second;

	native.native = true;
	grant(bench, option);
	for (int i = 0; i <= rounds && !err; i++) {
		const struct child *mine = i % 2 ? &second : &first;
		const struct child *theirs = i % 2 ? &first : &second;
		double ns, exit_ns, native_ns;

		err = run_job(bench, i % 2 ? &native : &own, &first);
		if (!err)
			err = run_job(bench, i % 2 ? &own : &native, &second);
		if (err || !i)
			continue;
		ns = call_ns(mine, "write_1m");
		exit_ns = call_ns(mine, "getppid");
		native_ns = call_ns(theirs, "write_1m");
		samples_add(&result->own, ns);
		samples_add(&result->native, native_ns);
		samples_add(&result->floor, native_ns + exit_ns);
		samples_add(&result->ratio, (ns - exit_ns) / native_ns);
	}
	return err ? err : count_write_exits(bench);
}
