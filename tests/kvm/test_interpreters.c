/* SPDX-License-Identifier: MIT */
/* test_interpreters.c: PT_INTERP and #!, as Linux does it: beside the same run natively. */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/kvm/program.h"

#define LIMIT .timeout = 60

/* There is no vDSO here, and no rseq area (AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN). */
static bool only_natively(const char *line)
{
	return !strncmp(line, "AT_SYSINFO_EHDR", 15) || !strncmp(line, "AT_27 ", 6) ||
	       !strncmp(line, "AT_28 ", 6);
}

static void drop_native_lines(char *text)
{
	char *line = text, *end;

	while (*line) {
		end = strchr(line, '\n');
		end = end ? end + 1 : line + strlen(line);
		if (only_natively(line))
			memmove(line, end, strlen(end) + 1);
		else
			line = end;
	}
}

/* Run it here with these grants, and natively: what the payload args shows of its start is the same. */
static void same_start(const char *const *argv, const struct mv_grant *grants, size_t n)
{
	static const char *const envp[] = { "TEST=1", NULL };
	char want[1 << 14];
	struct mv_error err = { 0 };
	struct sandbox s;
	const int status = native_status(argv, want, sizeof(want));

	sandbox_init(&s);
	s.opt.grants = grants;
	s.opt.ngrants = n;
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	cr_assert(!mv_load(s.vm, argv[0], argv, envp, &err), "%s", err.text);
	sandbox_run(&s);
	mv_assert_exited(&s.end, status);
	drop_native_lines(want);
	cr_assert(strstr(want, "AT_ENTRY"));
	cr_assert_str_eq(s.text, want);
	sandbox_close(&s);
}

static const char *payloads(void)
{
	static char real[PATH_MAX];

	cr_assert(realpath(payload_path(""), real));
	return real;
}

Test(interpreters, a_pies_interpreter_gets_the_addresses_that_linux_gives_it, LIMIT)
{
	const struct mv_grant grant = { payloads(), false };
	const char *argv[] = { program_path("interpreted-pie"), "one", NULL };

	REQUIRE_KVM();
	same_start(argv, &grant, 1);
}

Test(interpreters, a_fixed_programs_interpreter_gets_the_addresses_that_linux_gives_it,
     LIMIT)
{
	const struct mv_grant grant = { payloads(), false };
	const char *argv[] = { program_path("interpreted-fixed"), "one", NULL };

	REQUIRE_KVM();
	same_start(argv, &grant, 1);
}

/* A file that may be executed, with that text. */
static void make_script(char path[PATH_MAX], const char *text)
{
	make_file(path, text, strlen(text));
	chmod(path, 0755);
}

static void same_script(const char *head, const char *tail)
{
	const struct mv_grant grant = { payloads(), false };
	char text[PATH_MAX + 512], path[PATH_MAX];
	const char *argv[] = { path, "one", "two", NULL };

	snprintf(text, sizeof(text), "%s%s/args%s", head, payloads(), tail);
	make_script(path, text);
	same_start(argv, &grant, 1);
	unlink(path);
}

Test(interpreters, a_scripts_first_line_is_taken_apart_as_linux_does_it, LIMIT)
{
	REQUIRE_KVM();
	same_script("#!", "\n");
	same_script("#!", "");
	same_script("#! \t ", " an argument  in one piece\t \nsecond line\n");
	same_script("#!", "\t-x");
	same_script("#!", " \n");
}

/* What neither runs: Linux's error, and ours. */
static void both_refuse(const char *text, int want)
{
	const struct mv_grant grants[] = { { payloads(), false }, { "/tmp", false } };
	char path[PATH_MAX];
	const char *argv[] = { path, NULL };
	struct mv_error err = { 0 };
	struct sandbox s;
	pid_t pid;
	int status, ret;

	make_script(path, text);
	pid = fork();
	if (!pid) {
		execve(path, (char *const *)(uintptr_t)argv, NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(WEXITSTATUS(status), want, "natively %d for %s", WEXITSTATUS(status),
		     text);
	sandbox_init(&s);
	s.opt.grants = grants;
	s.opt.ngrants = 2;
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	ret = mv_load(s.vm, path, argv, argv + 1, &err);
	cr_assert_eq(ret, -want, "%d for %s: %s", ret, text, err.text);
	cr_assert(strstr(err.text, path), "%s", err.text);
	sandbox_close(&s);
	unlink(path);
}

Test(interpreters, what_linux_refuses_as_a_script_is_refused, LIMIT)
{
	char line[400];

	REQUIRE_KVM();
	both_refuse("#!", EACCES);
	both_refuse("#!\n/bin/true\n", ENOEXEC);
	both_refuse("#!   \t\n", ENOEXEC);
	both_refuse("#!/tmp/no/such/interpreter\n", ENOENT);
	both_refuse("#!/tmp\n", EACCES);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	memcpy(line, "#!/tmp/", 7);
	both_refuse(line, ENOEXEC);
	line[300] = '\n';
	both_refuse(line, ENOEXEC);
	line[200] = ' ';
	both_refuse(line, ENOENT);
}

/* n scripts, each the interpreter of the one before, the last one's is args. */
static void make_chain(char paths[][PATH_MAX], unsigned n)
{
	char text[PATH_MAX + 8];

	for (unsigned i = n; i--;) {
		snprintf(text, sizeof(text), "#!%s%s\n", i + 1 < n ? "" : payloads(),
			 i + 1 < n ? paths[i + 1] : "/args");
		make_script(paths[i], text);
	}
}

Test(interpreters, five_scripts_may_be_each_others_interpreters, LIMIT)
{
	const struct mv_grant grants[] = { { payloads(), false }, { "/tmp", false } };
	char paths[5][PATH_MAX];
	const char *argv[] = { paths[0], "last", NULL };

	REQUIRE_KVM();
	make_chain(paths, 5);
	same_start(argv, grants, 2);
	for (unsigned i = 0; i < 5; i++)
		unlink(paths[i]);
}

Test(interpreters, six_may_not, LIMIT)
{
	char paths[5][PATH_MAX], text[PATH_MAX + 8];

	REQUIRE_KVM();
	make_chain(paths, 5);
	snprintf(text, sizeof(text), "#!%s\n", paths[0]);
	both_refuse(text, ELOOP);
	for (unsigned i = 0; i < 5; i++)
		unlink(paths[i]);
}

/* Of a dynamic program, whose interpreter's name is replaced. */
static void load_with(const char *interpreter, const struct mv_grant *grant, int want,
		      const char *says)
{
	char path[PATH_MAX], *at;
	const char *argv[] = { path, NULL };
	static char bytes[1 << 20];
	FILE *f = fopen(program_path("interpreted-pie"), "re");
	struct mv_error err = { 0 };
	struct sandbox s;
	size_t n;

	cr_assert(f);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	at = memmem(bytes, n, payloads(), strlen(payloads()));
	cr_assert(at && strlen(interpreter) <= strlen(at));
	memset(at, 0, strlen(at));
	strcpy(at, interpreter);
	make_file(path, bytes, n);
	chmod(path, 0755);
	sandbox_init(&s);
	s.opt.grants = grant;
	s.opt.ngrants = !!grant;
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	cr_assert_eq(mv_load(s.vm, path, argv, argv + 1, &err), -want, "%s", err.text);
	cr_assert(strstr(err.text, says), "%s", err.text);
	sandbox_close(&s);
	unlink(path);
}

Test(interpreters, an_interpreter_that_cannot_be_used_is_named, LIMIT)
{
	const struct mv_grant tmp = { "/tmp", false }, etc = { "/etc", false };

	REQUIRE_KVM();
	load_with("/tmp/nothing", NULL, EACCES, "/tmp/nothing is not granted: give --ro");
	load_with("/tmp/nothing", &tmp, ENOENT, "/tmp/nothing");
	load_with("/etc/passwd", &etc, EACCES, "/etc/passwd");
	load_with("/tmp", &tmp, EACCES, "/tmp");
}

/* Of path's file, len bytes at most. */
static size_t read_file(const char *path, char *bytes, size_t len)
{
	FILE *f = fopen(path, "re");
	size_t n;

	cr_assert(f);
	n = fread(bytes, 1, len, f);
	fclose(f);
	return n;
}

/* The program whose interpreter is in /tmp, as it is now: refused as damaged, or run to some end. */
static void load_and_run(const char *path)
{
	const struct mv_grant grant = { "/tmp", false };
	const char *argv[] = { path, NULL };
	struct mv_error err = { 0 };
	struct sandbox s;
	int ret;

	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	s.opt.mem = 64 << 20;
	s.opt.timeout_ns = SECOND / 5;
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	ret = mv_load(s.vm, path, argv, argv + 1, &err);
	if (ret)
		cr_expect(ret == -ELIBBAD || ret == -ENOMEM, "%d: %s", ret, err.text);
	else
		cr_expect(!mv_run(s.vm, &s.end, &err), "%s", err.text);
	sandbox_close(&s);
}

Test(interpreters, a_damaged_one_is_refused_or_runs, LIMIT)
{
	static char program[1 << 20], sound[1 << 20], bad[1 << 20];
	char interp[PATH_MAX], path[PATH_MAX], *at;
	size_t n = read_file(program_path("interpreted-pie"), program, sizeof(program));
	size_t len = read_file(payload_path("args-pie"), sound, sizeof(sound));
	uint64_t x = 88172645463325252ull;

	REQUIRE_KVM();
	make_file(interp, sound, len);
	chmod(interp, 0755);
	at = memmem(program, n, payloads(), strlen(payloads()));
	cr_assert(at && strlen(interp) <= strlen(at));
	memset(at, 0, strlen(at));
	strcpy(at, interp);
	make_file(path, program, n);
	chmod(path, 0755);
	for (unsigned i = 0; i < 400; i++) {
		FILE *f = fopen(interp, "we");

		memcpy(bad, sound, len);
		for (unsigned k = 0; k < 1 + i % 4; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bad[(x >> 8) % 512] = (char)(x >> 56);
		}
		cr_assert(f);
		fwrite(bad, 1, i % 10 ? len : (x >> 16) % len, f);
		fclose(f);
		load_and_run(path);
	}
	unlink(path);
	unlink(interp);
}
