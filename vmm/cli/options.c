/* SPDX-License-Identifier: MIT */
/*
 * options.c: the options that every command which runs a program takes, in one table.
 * Options end at PROGRAM: what follows it is the payload's, whatever it looks like.
 */
#include "vmm/cli/options.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/grants.h"
#include "vmm/cli/parse.h"

/* Each run is kept until the end. */
#define REPEAT_MAX 10000

enum {
	OPT_OUTPUT = 'o',
	OPT_REPEAT = 'r',
	OPT_RO = 256, /* beyond every character: no short form */
	OPT_RO_SYSTEM,
	OPT_RW,
	OPT_ROOT,
	OPT_TMP,
	OPT_SHM,
	OPT_MAX_FILES,
	OPT_ENV,
	OPT_MEM,
	OPT_FAULT_AROUND,
	OPT_THP,
	OPT_STAGE2,
	OPT_TIMEOUT,
	OPT_CPU_TIME,
	OPT_MAX_OUTPUT,
	OPT_STATS,
	OPT_JSON,
	OPT_PERF_MAP,
	OPT_NO_ASLR,
	OPT_NO_VDSO,
	OPT_VERBOSE,
};

static const struct argp_option sandbox_table[] = {
	{ .doc = "What the payload may see:", .group = GROUP_SEES },
	{ .name = "ro",
	  .key = OPT_RO,
	  .arg = "PATH",
	  .doc = "Let it open PATH, or all beneath it, for reading; may be repeated" },
	{ .name = "ro-system",
	  .key = OPT_RO_SYSTEM,
	  .doc = "Let it open the host's programs, and what they are loaded from, for "
		 "reading: /usr, /bin, /sbin, /lib*, and of /etc alternatives, "
		 "ld.so.cache, localtime and perl, as far as they are there" },
	{ .name = "rw",
	  .key = OPT_RW,
	  .arg = "PATH",
	  .doc = "Let it open PATH, or all beneath it, for reading and writing, and create "
		 "files beneath it; may be repeated" },
	{ .name = "root",
	  .key = OPT_ROOT,
	  .arg = "DIR",
	  .doc = "Let it see the directory DIR as /, for reading; PROGRAM is the host's" },
	{ .name = "tmp",
	  .key = OPT_TMP,
	  .arg = "SIZE",
	  .flags = OPTION_ARG_OPTIONAL,
	  .doc = "Give it a /tmp of its own in memory, SIZE at most (default: 64M), beside "
		 "--mem" },
	{ .name = "shm",
	  .key = OPT_SHM,
	  .arg = "SIZE",
	  .doc = "Give it a /dev/shm of SIZE, which counts as its memory from its first use on; 0: "
		 "none (default: 64M, or a quarter of --mem where that is less)" },
	{ .name = "env",
	  .key = OPT_ENV,
	  .arg = "NAME[=VALUE]",
	  .doc = "Put NAME into its environment, which is empty else; without a value, "
		 "as it is in ours" },

	{ .doc = "Limits:", .group = GROUP_LIMITS },
	{ .name = "mem",
	  .key = OPT_MEM,
	  .arg = "SIZE",
	  .doc = "Memory that the host may have to back: bytes, or a number with K, M, G "
		 "or T (default: the host's memory)" },
	{ .name = "timeout",
	  .key = OPT_TIMEOUT,
	  .arg = "DURATION",
	  .doc = "End it after so many seconds of wall time; with a suffix, ms, s, m or h; "
		 "0 for no limit (default)" },
	{ .name = "cpu-time",
	  .key = OPT_CPU_TIME,
	  .arg = "DURATION",
	  .doc = "End it after so many seconds of CPU time, as --timeout has them" },
	{ .name = "max-files",
	  .key = OPT_MAX_FILES,
	  .arg = "N",
	  .doc = "Open files that it may have, 0 to 2 included: 1 to 1024 (default)" },
	{ .name = "max-output",
	  .key = OPT_MAX_OUTPUT,
	  .arg = "SIZE",
	  .doc = "Bytes that it may write to its standard output and error, or any file "
		 "that it is started with; more ends it" },

	{ .doc = "How its memory is mapped:", .group = GROUP_MAPPED },
	{ .name = "fault-around",
	  .key = OPT_FAULT_AROUND,
	  .arg = "SIZE",
	  .doc = "What one fault maps at first: a power of 2, 4K to 2M (default: 64K)" },
	{ .name = "thp",
	  .key = OPT_THP,
	  .arg = "auto|never|always",
	  .doc = "Map anonymous memory by 2 MiB entries: where it is densely used "
		 "(default), nowhere, or wherever that fits" },
	{ .name = "stage2",
	  .key = OPT_STAGE2,
	  .arg = "direct|uffd",
	  .doc = "Who backs memory when it is first touched: the host's kernel (default), "
		 "or we, through userfaultfd, and count it in --stats" },
	{ .name = "no-aslr",
	  .key = OPT_NO_ASLR,
	  .doc = "Its addresses are the same in each run" },
	{ .name = "no-vdso",
	  .key = OPT_NO_VDSO,
	  .doc = "It reads the clocks by calls only: there is no vDSO" },

	{ .doc = "What is told:", .group = GROUP_TOLD },
	{ .name = "stats",
	  .key = OPT_STATS,
	  .doc = "At the end, write counters of faults, tables, exits and calls to "
		 "standard error" },
	{ .name = "json", .key = OPT_JSON, .doc = "Write the report as JSON, and --stats" },
	{ .name = "perf-map",
	  .key = OPT_PERF_MAP,
	  .doc = "Show perf where the program's code lies: `perf kvm --guest-code' has its "
		 "names then" },
	{ 0 },
};

static const struct argp_option output_table[] = {
	{ .name = "output",
	  .key = OPT_OUTPUT,
	  .group = GROUP_TOLD,
	  .arg = "FILE",
	  .doc = "Write the report to FILE (default: standard output; of run, standard "
		 "error)" },
	{ .name = "verbose",
	  .key = OPT_VERBOSE,
	  .group = GROUP_TOLD,
	  .doc = "At the end, name on standard error the calls that are not served" },
	{ 0 },
};

static const struct argp_option stat_table[] = {
	{ .name = "output",
	  .key = OPT_OUTPUT,
	  .group = GROUP_TOLD,
	  .arg = "FILE",
	  .doc = "Write the report to FILE (default: standard error)" },
	{ .name = "repeat",
	  .key = OPT_REPEAT,
	  .group = GROUP_TOLD,
	  .arg = "N",
	  .doc = "Run it N times, and print means and how far they are to be trusted" },
	{ 0 },
};

static int set_root(struct options *opt, const char *path)
{
	if (!*path)
		return cli_usage(opt->cli, "--root: the path is empty");
	opt->mv.root = path;
	return 0;
}

static int set_max_files(struct options *opt, const char *text)
{
	uint64_t n;

	if (!parse_number(text, &n) || !n || n > MV_MAX_FILES)
		return cli_usage(opt->cli, "--max-files=%s: not a number from 1 to %u",
				 text, MV_MAX_FILES);
	opt->mv.max_files = (unsigned)n;
	return 0;
}

/* The environ(7) entry of the name that ends at text's '=' or its end; NULL for none. */
static const char **find_env(const char **env, const char *text)
{
	size_t len = strcspn(text, "=");

	for (; *env; env++)
		if (!strncmp(*env, text, len) && (*env)[len] == '=')
			return env;
	return NULL;
}

static int add_env(struct options *opt, const char *text)
{
	const char **ours, **old;

	if (!*text || *text == '=')
		return cli_usage(opt->cli, "--env=%s: no name; give NAME=VALUE or NAME",
				 text);
	if (!strchr(text, '=')) {
		ours = find_env((const char **)environ, text);
		if (!ours)
			return 0;
		text = *ours;
	}
	old = find_env(opt->env, text);
	if (old)
		*old = text;
	else
		opt->env[opt->nenv++] = text;
	return 0;
}

/* A size above 0. */
static int set_size(struct options *opt, const char *name, const char *text, uint64_t *size)
{
	if (!parse_size(text, size) || !*size)
		return cli_usage(opt->cli,
				 "--%s=%s: not a size; give bytes, or a number with "
				 "K, M, G or T, above 0 and below 16777216T",
				 name, text);
	return 0;
}

static int set_tmp(struct options *opt, const char *text)
{
	opt->mv.tmp = 64u << 20;
	return text ? set_size(opt, "tmp", text, &opt->mv.tmp) : 0;
}

/* As much as mv_open() wants: tables and a stack. */
#define MEM_LEAST (256u << 10)

static int set_mem(struct options *opt, const char *text)
{
	int ret = set_size(opt, "mem", text, &opt->mv.mem);

	if (ret || opt->mv.mem >= MEM_LEAST)
		return ret;
	return cli_usage(opt->cli, "--mem=%s: too little; 256K at least", text);
}

static int set_shm(struct options *opt, const char *text)
{
	if (!parse_size(text, &opt->mv.shm))
		return cli_usage(
			opt->cli,
			"--shm=%s: not a size; give bytes, or a number with K, M, G or "
			"T below 16777216T, or 0",
			text);
	return 0;
}

static int set_fault_around(struct options *opt, const char *text)
{
	uint64_t size;

	if (!parse_size(text, &size) || size < MV_PAGE_SIZE || size > 2u << 20 ||
	    (size & (size - 1)))
		return cli_usage(opt->cli,
				 "--fault-around=%s: not a power of 2 from 4K to 2M", text);
	opt->mv.fault_around = size;
	return 0;
}

static int set_thp(struct options *opt, const char *text)
{
	static const char *const names[] = {
		[MV_THP_AUTO] = "auto",
		[MV_THP_NEVER] = "never",
		[MV_THP_ALWAYS] = "always",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], text)) {
			opt->mv.thp = i;
			return 0;
		}
	}
	return cli_usage(opt->cli, "--thp=%s: not one of auto, never, always", text);
}

static int set_stage2(struct options *opt, const char *text)
{
	static const char *const names[] = {
		[MV_STAGE2_DIRECT] = "direct",
		[MV_STAGE2_UFFD] = "uffd",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], text)) {
			opt->mv.stage2 = i;
			return 0;
		}
	}
	return cli_usage(opt->cli, "--stage2=%s: not one of direct, uffd", text);
}

static int set_time(struct options *opt, const char *name, const char *text, uint64_t *ns)
{
	if (!parse_duration(text, ns))
		return cli_usage(opt->cli,
				 "--%s=%s: not a time; give seconds, or a number with "
				 "ms, s, m or h, such as 1.5 or 200ms",
				 name, text);
	return 0;
}

static int set_repeat(struct options *opt, const char *text)
{
	uint64_t n;

	if (!parse_number(text, &n) || !n || n > REPEAT_MAX)
		return cli_usage(opt->cli, "--repeat=%s: not a number from 1 to %d", text,
				 REPEAT_MAX);
	opt->repeat = n;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case OPT_RO:
	case OPT_RW:
		return grants_add(opt, arg, key == OPT_RW);
	case OPT_RO_SYSTEM:
		grants_add_system(opt);
		return 0;
	case OPT_ROOT:
		return set_root(opt, arg);
	case OPT_SHM:
		return set_shm(opt, arg);
	case OPT_TMP:
		return set_tmp(opt, arg);
	case OPT_MAX_FILES:
		return set_max_files(opt, arg);
	case OPT_ENV:
		return add_env(opt, arg);
	case OPT_MEM:
		return set_mem(opt, arg);
	case OPT_FAULT_AROUND:
		return set_fault_around(opt, arg);
	case OPT_THP:
		return set_thp(opt, arg);
	case OPT_STAGE2:
		return set_stage2(opt, arg);
	case OPT_TIMEOUT:
		return set_time(opt, "timeout", arg, &opt->mv.timeout_ns);
	case OPT_MAX_OUTPUT:
		return set_size(opt, "max-output", arg, &opt->mv.max_output);
	case OPT_CPU_TIME:
		return set_time(opt, "cpu-time", arg, &opt->mv.cpu_ns);
	case OPT_STATS:
		opt->stats = true;
		return 0;
	case OPT_JSON:
		opt->json = true;
		return 0;
	case OPT_PERF_MAP:
		opt->perf_map = true;
		opt->mv.aslr = false; /* it is told before the program is loaded */
		return 0;
	case OPT_NO_VDSO:
		opt->mv.vdso = false;
		return 0;
	case OPT_NO_ASLR:
		opt->mv.aslr = false;
		return 0;
	case OPT_VERBOSE:
		opt->verbose = true;
		return 0;
	case OPT_OUTPUT:
		opt->output = arg;
		return 0;
	case OPT_REPEAT:
		return set_repeat(opt, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* PROGRAM, before it perhaps ADDR|SYMBOL; the rest is the payload's. */
static error_t parse_line(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = opt;
		if (opt->line->report || opt->line->stat)
			state->child_inputs[1] = opt;
		if (opt->line->own)
			state->child_inputs[opt->line->report ? 2 : 1] =
				opt->line->own_input;
		return 0;
	case ARGP_KEY_ARG:
		if (opt->line->target && !opt->target) {
			opt->target = arg;
			return 0;
		}
		opt->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (opt->line->target && !opt->target)
			return cli_usage(opt->cli, "no ADDR|SYMBOL and no PROGRAM given");
		if (!opt->argv)
			return cli_usage(opt->cli, "no PROGRAM given");
		if (!**opt->argv)
			return cli_usage(opt->cli, "PROGRAM: the path is empty");
		if (opt->mv.shm != MV_SHM_AUTO && opt->mv.shm > opt->mv.mem)
			return cli_usage(opt->cli,
					 "--shm: %" PRIu64
					 " bytes are more than --mem, %" PRIu64
					 ", which they count as",
					 opt->mv.shm, opt->mv.mem);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What our parent had ignored when it started us, nohup(1) for one: so it would be for PROGRAM. */
static uint64_t ignored_signals(void)
{
	struct sigaction action;
	uint64_t set = 0;

	for (int n = 1; n < NSIG; n++)
		if (!sigaction(n, NULL, &action) && action.sa_handler == SIG_IGN)
			set |= 1ull << (n - 1);
	return set;
}

static int options_init(struct options *opt, struct cli *cli,
			const struct command_line *line, size_t argc)
{
	*opt = (struct options){ .cli = cli, .line = line, .repeat = 1 };
	mv_options_init(&opt->mv);
	opt->mv.timing = line->stat;
	opt->mv.aslr = true;
	opt->mv.vdso = true;
	opt->mv.ignored = ignored_signals();
	memcpy(opt->mv.fds, cli->fds, sizeof(cli->fds));
	/* Each argument can be at most one of them, but for --ro-system, and a NULL ends the list. */
	opt->grants = calloc(argc + GRANTS_SYSTEM, sizeof(*opt->grants));
	opt->env = calloc(argc + 1, sizeof(*opt->env));
	if (!opt->grants || !opt->env)
		return cli_fail(cli, STATUS_FAILED, "%s", strerror(ENOMEM));
	opt->mv.grants = opt->grants;
	return 0;
}

int options_parse(struct options *opt, struct cli *cli, const struct command_line *line,
		  int argc, char **argv)
{
	static const struct argp sandbox = { .options = sandbox_table,
					     .parser = parse_option };
	static const struct argp output = { .options = output_table,
					    .parser = parse_option };
	static const struct argp stat = { .options = stat_table, .parser = parse_option };
	const struct argp_child children[] = {
		{ .argp = &sandbox },
		{ .argp = line->stat	 ? &stat
			  : line->report ? &output
					 : line->own },
		{ .argp = line->report ? line->own : NULL },
		{ 0 },
	};
	const struct argp argp = {
		.parser = parse_line,
		.args_doc = line->args_doc,
		.doc = line->doc,
		.children = children,
	};

	if (options_init(opt, cli, line, argc))
		return STATUS_FAILED;
	return cli_parse(cli, &argp, argc, argv, opt);
}

void options_free(struct options *opt)
{
	free(opt->grants);
	free(opt->env);
}
