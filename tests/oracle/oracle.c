/* SPDX-License-Identifier: MIT */
/*
 * oracle.c: random steps made natively and in the sandbox, in each of its modes; what came of
 * them must be equal. What isn't is shrunk to the shortest sequence, and printed. Where there is
 * no /dev/kvm it is skipped, and says so, as the tests are.
 *
 *	oracle MAPVISOR PROGRAM [SEED [STEPS [JOBS]]]
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/have_kvm.h"
#include "tests/lib/shrink.h"
#include "tests/oracle/generate.h"
#include "tests/oracle/run.h"

#define BATCH 3000u

static const struct side native = { .name = "native" };

#define MODE(around, thp, stage2, is_huge)                                                 \
	{                                                                                  \
		.name = "--fault-around=" around " --thp=" thp " --stage2=" stage2,        \
		.options = { "--fault-around=" around, "--thp=" thp, "--stage2=" stage2 }, \
		.huge = (is_huge),                                                         \
	}

static const struct side modes[] = {
	MODE("4K", "never", "direct", false), MODE("64K", "never", "direct", false),
	MODE("4K", "always", "direct", true), MODE("64K", "always", "direct", true),
	MODE("4K", "never", "uffd", false),   MODE("64K", "never", "uffd", false),
	MODE("4K", "always", "uffd", true),   MODE("64K", "always", "uffd", true),
	MODE("2M", "auto", "direct", true),
};
#define MODES (sizeof(modes) / sizeof(*modes))

/* The first step whose records differ; n: none. */
static unsigned difference(const struct side *side, const struct oracle_record *want,
			   unsigned nr_want, const struct oracle_record *found,
			   unsigned nr_found, unsigned n)
{
	unsigned both = nr_want < nr_found ? nr_want : nr_found;

	for (unsigned i = 0; i < both; i++)
		if (want[i].ret != found[i].ret || want[i].signal != found[i].signal ||
		    want[i].code != found[i].code || want[i].addr != found[i].addr ||
		    want[i].digest != found[i].digest || want[i].error != found[i].error ||
		    (want[i].mincore != found[i].mincore && !side->huge))
			return i;
	return both < n || nr_want != nr_found ? both : n;
}

static struct oracle_record want[BATCH + 1], found[BATCH + 1];

/* Where a sequence is to come to something else than natively. */
struct comparison {
	struct oracle *o;
	const struct side *side;
};

/* Whether it does, with a look at the state at its end. */
static bool differs(void *first, unsigned n, void *arg)
{
	struct oracle_step *steps = first;
	const struct comparison *c = arg;
	unsigned a, b;

	steps[n] = (struct oracle_step){ .op = OP_STATE };
	a = run_side(c->o, &native, steps, n + 1, want, -1);
	b = run_side(c->o, c->side, steps, n + 1, found, -1);
	return difference(c->side, want, a, found, b, n + 1) <= n;
}

/* What the program says of its steps, one side after the other. */
static void print_log(struct oracle *o, const struct side *side,
		      const struct oracle_step *steps, unsigned n)
{
	int log = memfd_create("log", MFD_CLOEXEC);
	char buf[4096];
	ssize_t len;

	printf("--- %s:\n", side->name);
	fflush(stdout);
	run_side(o, side, steps, n, found, log);
	lseek(log, 0, SEEK_SET);
	while ((len = read(log, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)len, stdout);
	close(log);
}

static void report(struct oracle *o, const struct side *side, uint64_t seed,
		   struct oracle_step *steps, unsigned n)
{
	n = shrink(steps, sizeof(*steps), n, differs, &(struct comparison){ o, side });
	steps[n] = (struct oracle_step){ .op = OP_STATE };
	printf("oracle: seed %lu: %s differs from Linux:\n", seed, side->name);
	for (unsigned i = 0; i <= n; i++) {
		printf("%u:\t", i);
		print_step(stdout, &steps[i]);
	}
	print_log(o, &native, steps, n + 1);
	print_log(o, side, steps, n + 1);
	fflush(stdout);
}

/* One batch in every mode. Whether all were equal. */
static bool batch(struct oracle *o, uint64_t seed, unsigned n)
{
	static struct oracle_step steps[BATCH + 1];
	static struct oracle_record truth[BATCH + 1];
	unsigned a, b, at;
	int status;

	generate(seed, steps, n);
	a = run_side(o, &native, steps, n, truth, -1);
	for (unsigned m = 0; m < MODES; m++) {
		b = run_side(o, &modes[m], steps, n, found, -1);
		status = o->status;
		at = difference(&modes[m], truth, a, found, b, n);
		if (at == n)
			continue;
		/* what ended early did so later than the last record that arrived */
		at = at == b || at + 1 == n ? n : at + 1;
		if (!differs(steps, at, &(struct comparison){ o, &modes[m] })) {
			printf("oracle: seed %lu step %u: %s differed once, not again; %u and "
			       "%u records, status %#x\n",
			       seed, at, modes[m].name, a, b, (unsigned)status);
			return false;
		}
		report(o, &modes[m], seed, steps, at);
		return false;
	}
	return true;
}

/* Every jobs-th batch. */
static int work(const char *const paths[2], uint64_t seed, uint64_t batches, unsigned job,
		unsigned jobs)
{
	struct oracle o;
	int ret = 0;

	if (oracle_init(&o, paths[0], paths[1])) {
		perror("oracle: a directory for its files");
		return 2;
	}
	for (uint64_t i = job; i < batches && !ret; i += jobs)
		ret = !batch(&o, seed + i, BATCH);
	oracle_destroy(&o);
	return ret;
}

static uint64_t number(int argc, char **argv, int i, uint64_t otherwise)
{
	return argc > i && *argv[i] ? strtoull(argv[i], NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t seed = number(argc, argv, 3, 1), steps = number(argc, argv, 4, 100000);
	unsigned jobs =
		(unsigned)number(argc, argv, 5, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	uint64_t batches = (steps + BATCH * MODES - 1) / (BATCH * MODES);
	time_t began = time(NULL);
	int ret = 0, status;

	if (argc < 3) {
		fprintf(stderr, "usage: oracle MAPVISOR PROGRAM [SEED [STEPS [JOBS]]]\n");
		return 2;
	}
	if (!have_kvm("oracle"))
		return 0;
	signal(SIGPIPE, SIG_IGN);
	for (unsigned job = 0; job < jobs; job++)
		if (!fork())
			exit(work((const char *[]){ argv[1], argv[2] }, seed, batches, job,
				  jobs));
	while (wait(&status) > 0)
		ret |= status != 0;
	printf("oracle: %s: %lu steps from seed %lu in %zu modes, %ld s\n",
	       ret ? "DIFFERS" : "equal", batches * BATCH * MODES, seed, MODES,
	       (long)(time(NULL) - began));
	return ret;
}
