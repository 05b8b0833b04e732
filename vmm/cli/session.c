/* SPDX-License-Identifier: MIT */
/* session.c: one program's run, from the command line to the exit status. */
#include "vmm/cli/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/grants.h"
#include "vmm/cli/json.h"
#include "vmm/cli/perfmap.h"
#include "vmm/cli/stat.h"

bool session_fail(struct session *s, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	s->status = cli_vfail(s->cli, status, fmt, ap);
	va_end(ap);
	return false;
}

/* The library has filled in the error already. */
static bool failed(struct session *s, int status)
{
	s->status = status;
	return false;
}

/* Before the run: a file that can't be written should cost nobody an hour's work. */
static bool open_output(struct session *s)
{
	s->out = s->opt.line->to_stderr ? stderr : stdout;
	if (!s->opt.output)
		return true;
	s->out = fopen(s->opt.output, "we");
	return s->out ||
	       session_fail(s, STATUS_FAILED, "%s: %s", s->opt.output, strerror(errno));
}

static bool open_vm(struct session *s)
{
	if (mv_open(&s->opt.mv, &s->vm, &s->cli->err)) {
		grants_name_option(&s->opt);
		return failed(s, STATUS_FAILED);
	}
	signals_begin(&s->signals, s->vm);
	return true;
}

/* What was typed may explain it; else the library has filled in the error. */
static bool load_failed(struct session *s, int err)
{
	const char *program = s->opt.argv[0];

	if (err == -EACCES && grants_ended_options(&s->opt))
		return session_fail(
			s, STATUS_NOEXEC,
			"%s: is a directory, and taken for PROGRAM, for --ro and --rw take one "
			"path: give each its own, or --ro-system for /usr, /bin, /lib* and the like",
			program);
	if (err == -ENOENT && !strchr(program, '/') && access(program, F_OK))
		return session_fail(s, STATUS_NOTFOUND,
				    "%s: No such file or directory: PATH isn't searched; "
				    "which(1) tells the path to give",
				    program);
	return failed(s, err == -ENOENT ? STATUS_NOTFOUND : STATUS_NOEXEC);
}

static bool load_program(struct session *s)
{
	const char *const *args = (const char *const *)s->opt.argv;
	int err = mv_load(s->vm, args[0], args, s->opt.env, &s->cli->err);

	return !err || load_failed(s, err);
}

bool session_prepare(struct session *s, struct cli *cli, const struct command_line *line,
		     int argc, char **argv)
{
	*s = (struct session){ .cli = cli };
	if (options_parse(&s->opt, cli, line, argc, argv))
		return failed(s, STATUS_FAILED);
	if (s->opt.perf_map && !perfmap_show(s))
		return false;
	return open_vm(s);
}

bool session_load(struct session *s)
{
	return load_program(s) && open_output(s);
}

bool session_again(struct session *s)
{
	signals_end(&s->signals);
	mv_close(s->vm);
	s->vm = NULL;
	return open_vm(s) && load_program(s);
}

bool session_open(struct session *s, struct cli *cli, const struct command_line *line,
		  int argc, char **argv)
{
	return session_prepare(s, cli, line, argc, argv) && session_load(s);
}

static bool print_stats(struct session *s)
{
	struct stat_run run;

	if (s->opt.json)
		return json_print(stat_json(s->vm, NULL), stderr) ||
		       session_fail(s, STATUS_FAILED, "--stats: %s", strerror(errno));
	stat_take(&run, s->vm, NULL);
	stat_print(&run, 1, stderr);
	return true;
}

bool session_step(struct session *s, struct mv_exit *end)
{
	return !mv_run(s->vm, end, &s->cli->err) || failed(s, STATUS_FAILED);
}

/* Each once, whatever came of it. */
static void name_unknown_calls(struct session *s)
{
	size_t cursor = 0;
	const char *name;
	uint64_t count;
	int64_t nr;

	while (!mv_unknown_call(s->vm, &cursor, &nr, &count)) {
		name = mv_call_name(nr);
		if (name)
			fprintf(stderr, "mapvisor: %s: not served, ENOSYS", name);
		else if (nr == -1)
			fprintf(stderr, "mapvisor: other calls: not served, ENOSYS");
		else
			fprintf(stderr, "mapvisor: call %" PRId64 ": not served, ENOSYS",
				nr);
		fprintf(stderr, " (%" PRIu64 " times)\n", count);
	}
}

/* kill(2) and its kin, timers and what comes from outside are no faults of the payload's code. */
static bool is_exception(const struct mv_exit *end)
{
	return end->code > 0 &&
	       (end->signal == SIGSEGV || end->signal == SIGBUS || end->signal == SIGILL ||
		end->signal == SIGFPE || end->signal == SIGTRAP);
}

/*
 * A report of an exception, a line of others, as a shell would; and as it does, nothing of SIGPIPE, with
 * which what writes to head(1) ends.
 */
static void tell_signal(struct session *s, const struct mv_exit *end)
{
	const char *abbrev = sigabbrev_np(end->signal);

	if (s->killed || end->signal == SIGPIPE) /* who sent it knows */
		return;
	if (is_exception(end))
		mv_print_exit(s->vm, end, stderr);
	else if (abbrev)
		session_fail(s, end->status, "%s: ended by SIG%s", s->opt.argv[0], abbrev);
	else
		session_fail(s, end->status, "%s: ended by signal %d", s->opt.argv[0],
			     end->signal);
}

static void tell_time(struct session *s, uint64_t ns, const char *what)
{
	const double seconds = ns / 1e9;

	session_fail(s, STATUS_TIMEOUT, "%s: ended after %.*f s%s", s->opt.argv[0],
		     seconds < 1 ? 3 : 1, seconds, what);
}

/* A limit is no failure of ours: a report follows, if one was asked for. */
static bool tell_end(struct session *s, const struct mv_exit *end)
{
	switch (end->kind) {
	case MV_EXIT_STATUS:
	case MV_EXIT_STOPPED: /* nobody asked for it */
		break;
	case MV_EXIT_SIGNAL:
		tell_signal(s, end);
		break;
	case MV_EXIT_OOM:
		mv_print_exit(s->vm, end, stderr);
		session_fail(s, end->status,
			     "%s: ended: it needed more memory than %" PRIu64
			     " KiB (--mem)",
			     s->opt.argv[0], s->opt.mv.mem >> 10);
		break;
	case MV_EXIT_TIMEOUT:
		tell_time(s, s->opt.mv.timeout_ns, " (--timeout)");
		break;
	case MV_EXIT_CPU_TIME:
		tell_time(s, s->opt.mv.cpu_ns, " of CPU time (--cpu-time)");
		break;
	case MV_EXIT_OUTPUT:
		session_fail(s, STATUS_OUTPUT,
			     "%s: ended: it was to write more than %" PRIu64
			     " bytes (--max-output)",
			     s->opt.argv[0], s->opt.mv.max_output);
		break;
	case MV_EXIT_INTERRUPTED:
		return session_fail(s, STATUS_FAILED, "%s: interrupted", s->opt.argv[0]);
	}
	return true;
}

bool session_ended(struct session *s, const struct mv_exit *end)
{
	s->status = end->status;
	if (signals_ended(&s->signals, end))
		s->killed = end->signal;
	signals_end(&s->signals); /* one that comes now is ours */
	if (!tell_end(s, end))
		return false;
	if (s->opt.verbose)
		name_unknown_calls(s);
	return !s->opt.stats || print_stats(s);
}

bool session_run(struct session *s)
{
	struct mv_exit end;

	return session_step(s, &end) && session_ended(s, &end);
}

bool session_wrote(struct session *s, bool written)
{
	const char *why = strerror(errno);
	const char *name = s->opt.output	    ? s->opt.output
			   : s->opt.line->to_stderr ? "standard error"
						    : "standard output";

	return (written && !ferror(s->out)) ||
	       session_fail(s, STATUS_FAILED, "%s: %s", name, why);
}

/* Not for standard output, which main.c checks at exit, and standard error. */
static void close_output(struct session *s)
{
	const char *why = ferror(s->out) ? "write error" : NULL;

	if (fclose(s->out))
		why = strerror(errno);
	if (why && s->status != STATUS_FAILED)
		session_fail(s, STATUS_FAILED, "%s: %s", s->opt.output, why);
}

int session_close(struct session *s)
{
	if (s->out && s->out != stdout && s->out != stderr)
		close_output(s);
	signals_end(&s->signals);
	mv_close(s->vm);
	options_free(&s->opt);
	if (s->killed && s->status != STATUS_FAILED)
		signals_die(s->killed);
	return s->status;
}
