/* SPDX-License-Identifier: MIT */
/* main.c: finds the subcommand, runs it, and prints what it failed with. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/cli.h"

#ifndef MAPVISOR_VERSION
#define MAPVISOR_VERSION "0.1.0"
#endif

const char *argp_program_version = "mapvisor " MAPVISOR_VERSION;

static int cmd_help(struct cli *cli, int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
	const char *summary; /* NULL: not in the list, where --help is */
} commands[] = {
	{ "bench", cmd_bench,
	  "Fault and exit costs on this machine, beside floors and native figures" },
	{ "doctor", cmd_doctor,
	  "What this host's KVM can do, and what to change if it can't" },
	{ "help", cmd_help, NULL },
	{ "maps", cmd_maps, "Run a program, then show its VMAs" },
	{ "report", cmd_report, "Make a page for a browser of a trace" },
	{ "run", cmd_run, "Run a program" },
	{ "stat", cmd_stat, "Run a program, then show what it took: faults, exits, times" },
	{ "trace", cmd_trace, "Run a program, and show each call and fault as it happens" },
	{ "walk", cmd_walk, "Run a program, then show how an address is translated" },
};

int cli_vfail(struct cli *cli, int status, const char *fmt, va_list ap)
{
	vsnprintf(cli->err.text, sizeof(cli->err.text), fmt, ap);
	return status;
}

int cli_fail(struct cli *cli, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cli_vfail(cli, status, fmt, ap);
	va_end(ap);
	return status;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	cli->usage = true;
	va_start(ap, fmt);
	cli_vfail(cli, EINVAL, fmt, ap);
	va_end(ap);
	return EINVAL;
}

int cli_parse(struct cli *cli, const struct argp *argp, int argc, char **argv, void *input)
{
	int err = argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, input);

	if (err && !cli->err.text[0]) /* argp's own: no memory */
		cli_fail(cli, 0, "options: %s", strerror(err));
	return err ? STATUS_FAILED : 0;
}

static char self[] = "mapvisor";

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);

	if (!command) {
		cli_usage(cli, "%s: no such command", argv[0]);
		return STATUS_FAILED;
	}
	snprintf(cli->name, sizeof(cli->name), "%s %s", self, command->name);
	argv[0] = cli->name; /* with which getopt's and argp's messages begin */
	return command->run(cli, argc, argv);
}

struct top {
	struct cli *cli;
	int argc; /* from the command's name on */
	char **argv;
};

static error_t parse_top(int key, char *arg, struct argp_state *state)
{
	struct top *top = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARG:
		top->argc = state->argc - state->next + 1;
		top->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return cli_usage(top->cli, "no command given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run_main(struct cli *cli, int argc, char **argv)
{
	static const char doc[] =
		"Run an x86-64 program in a KVM sandbox that has no guest kernel, and see "
		"how its memory is mapped.\v"
		"'mapvisor help COMMAND' shows a command's options.\n\n"
		"The exit status is the program's own, or 128+N if signal N ended it; 124 "
		"if its time limit passed, 125 if mapvisor itself failed, 126 if the "
		"program can't be executed, 127 if it can't be found.";
	struct argp_option docs[ARRAY_SIZE(commands) + 2] = { { .doc = "Commands:" } };
	struct argp argp = {
		.options = docs,
		.parser = parse_top,
		.args_doc = "COMMAND [ARGS...]",
		.doc = doc,
	};
	struct top top = { .cli = cli };

	for (size_t i = 0, n = 1; i < ARRAY_SIZE(commands); i++)
		if (commands[i].summary)
			docs[n++] = (struct argp_option){
				.name = commands[i].name,
				.flags = OPTION_DOC,
				.doc = commands[i].summary,
			};
	if (cli_parse(cli, &argp, argc, argv, &top))
		return STATUS_FAILED;
	return run_command(cli, top.argc, top.argv);
}

static int cmd_help(struct cli *cli, int argc, char **argv)
{
	static char help[] = "--help";
	bool ours = argc < 2 || !strcmp(argv[1], help);
	char *args[] = { ours ? self : argv[1], help, NULL };

	if (argc > 2) {
		cli_usage(cli, "help takes one command, not '%s' too", argv[2]);
		return STATUS_FAILED;
	}
	strcpy(cli->name, self);
	return ours ? run_main(cli, 2, args) : run_command(cli, 2, args);
}

/*
 * A descriptor of the first three that we were started without would be taken by the
 * next open(), and the payload's output would go into /dev/kvm. Fill the gap with one
 * that can't be used: the wrong direction gives EBADF, as a closed one does.
 */
static int reserve_fds(struct cli *cli)
{
	for (int fd = 0; fd < 3; fd++) {
		cli->fds[fd] = fd;
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		cli->fds[fd] = -1;
		if (open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC) != fd)
			return cli_fail(cli, STATUS_FAILED, "/dev/null: %s",
					strerror(errno));
	}
	return 0;
}

/*
 * stdio keeps no errno of a write in between: one that is made at the end tells why it failed. The
 * longest --help has room.
 */
static void buffer_stdout(void)
{
	static char buf[1 << 14];

	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, buf, _IOFBF, sizeof(buf));
}

/* At exit, for argp's --help leaves that way: what was written must have arrived. */
static void close_stdout(void)
{
	const char *why = ferror(stdout) ? "write error" : NULL;

	if (fclose(stdout))
		why = strerror(errno);
	if (why) {
		fprintf(stderr, "mapvisor: standard output: %s\n", why);
		_exit(STATUS_FAILED);
	}
}

/* A write a line: others may write there, too. */
static void print_error(const struct cli *cli)
{
	static char line[1 << 12];

	setvbuf(stderr, line, _IOLBF, sizeof(line));
	fprintf(stderr, "%s: ", cli->usage ? cli->name : self);
	mv_print_text(cli->err.text, stderr);
	fputc('\n', stderr);
	if (cli->usage)
		fprintf(stderr, "Try '%s --help'.\n", cli->name);
}

int main(int argc, char **argv)
{
	struct cli cli = { .name = "mapvisor" };
	int status;

	argp_err_exit_status = STATUS_FAILED;
	status = reserve_fds(&cli);
	if (!status) {
		buffer_stdout();
		atexit(close_stdout);
		argv[0] = self;
		status = run_main(&cli, argc, argv);
	}
	if (cli.usage || cli.err.text[0])
		print_error(&cli);
	return status;
}
