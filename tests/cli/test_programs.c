/* SPDX-License-Identifier: MIT */
/*
 * test_programs.c: sequences of commands by programs of the host, none of them made for mapvisor.
 * Each sequence is run twice, natively and with every command in a sandbox of its own, each time in
 * a folder that begins alike. What each command says, its exit status, and the files that are there
 * at the end must be equal.
 */
#include "tests/cli/granted.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_programs, .timeout = 2 * TEST_SECONDS, .init = make_tempdir,
	  .fini = remove_tempdir);

#define COMMANDS_MAX 80

/* argv[0] is a path, and a NULL the last; standard input is the file `text`. */
struct command {
	const char *argv[ARGS_MAX + 1];
};

/* What a sequence left. */
struct world {
	struct outcome *of; /* each command */
	struct outcome files;
};

/* What a folder begins with; all of it of one age. */
static const char beginning[] =
	"mkdir -p empty tree/inner && printf 'pear 3\\napple 1\\nfig 2\\napple 1\\n' >text && "
	"seq 1 3000 >numbers && printf 'a b\\nb c\\na c\\n' >pairs && "
	"printf '1+2\\n2^100\\nscale=20; 4*a(1)\\n' >sums && "
	"printf '{\"a\":[1,2,{\"b\":\"x\"}],\"n\":1.5}' >json && "
	"printf 'begin 644 decoded\\n#86)C\\n`\\nend\\n' >encoded && "
	"cp text tree/leaf && cp numbers tree/inner/leaf && gzip -nk numbers && "
	"xz -k numbers && bzip2 -k numbers && "
	"find . -exec touch -hd @1000000000 {} + && "
	"tar --sort=name --owner=0 --group=0 -cf packed.tar tree && "
	"find tree | sort | cpio -o --quiet --reproducible >packed.cpio && "
	"touch -d @1000000000 packed.*";

/* Every file's kind, mode, size and content. */
static const char listing[] = "find . -printf '%p %y %m %l\\n' | sort && "
			      "find . -type f -exec sha256sum {} + | sort -k2";

static void shell(const char *script, struct outcome *outcome)
{
	const struct setup setup = { 0 };

	spawn(&setup, (const char *const[]){ "/bin/sh", "-c", script, NULL }, outcome);
	assert_status(outcome, 0);
}

/* mapvisor: NULL natively. */
static void one(const char *mapvisor, const char *const *argv, struct outcome *outcome)
{
	const struct setup setup = { 0 };
	char cwd[PATH_MAX];

	cr_assert(lseek(0, 0, SEEK_SET) == 0);
	cr_assert_not_null(getcwd(cwd, sizeof(cwd)));
	if (mapvisor)
		spawn_granted(mapvisor, cwd, argv, outcome);
	else
		spawn(&setup, argv, outcome);
}

static void run_all(const char *mapvisor, const struct command *commands, size_t nr,
		    struct world *w)
{
	static struct outcome ignored;
	int text;

	cr_assert(!mkdir("work", 0755) && !chdir("work"));
	shell(beginning, &ignored);
	text = open("text", O_RDONLY);
	cr_assert(text >= 0 && dup2(text, 0) == 0);
	close(text);
	w->of = calloc(COMMANDS_MAX, sizeof(*w->of));
	cr_assert_not_null(w->of);
	for (size_t i = 0; i < nr; i++)
		one(mapvisor, commands[i].argv, &w->of[i]);
	shell(listing, &w->files);
	cr_assert(!chdir(".."));
	shell("rm -r work", &ignored);
}

static void assert_same(const struct command *commands, size_t nr)
{
	static struct world native, own;
	char mapvisor[PATH_MAX];

	REQUIRE_KVM();
	cr_assert_leq(nr, COMMANDS_MAX);
	for (size_t i = 0; i < nr; i++)
		if (access(commands[i].argv[0], X_OK))
			SKIP("the host hasn't one of the programs");
	cr_assert_not_null(realpath(mapvisor_path(), mapvisor));
	cr_assert(!chdir(tempdir));
	run_all(NULL, commands, nr, &native);
	run_all(mapvisor, commands, nr, &own);
	for (size_t i = 0; i < nr; i++) {
		const char *const *argv = commands[i].argv;
		const char *what = argv[1] ? argv[1] : "";

		cr_expect_eq(own.of[i].status, native.of[i].status,
			     "%s %s: %d, natively %d: %s", argv[0], what, own.of[i].status,
			     native.of[i].status, own.of[i].err);
		cr_expect_str_eq(own.of[i].out, native.of[i].out, "%s %s", argv[0], what);
		cr_expect_str_eq(own.of[i].err, native.of[i].err, "%s %s", argv[0], what);
	}
	cr_expect_str_eq(own.files.out, native.files.out);
	free(native.of);
	free(own.of);
}

#define SAME(commands) assert_same(commands, sizeof(commands) / sizeof((commands)[0]))

/* clang-format off */
#define BUSYBOX(...) { { "/bin/busybox", __VA_ARGS__ } }

Test(cli_programs, busybox_applets_that_read)
{
	static const struct command commands[] = {
		BUSYBOX("arch"), BUSYBOX("ascii"), BUSYBOX("base64", "text"),
		BUSYBOX("basename", "/usr/lib/thing.so", ".so"), BUSYBOX("cal", "11", "2026"),
		BUSYBOX("cat", "text", "numbers"), BUSYBOX("cmp", "text", "numbers"),
		BUSYBOX("crc32", "text"), BUSYBOX("cut", "-d ", "-f2", "text"),
		BUSYBOX("date", "-u", "-d", "@1000000000"), BUSYBOX("dc", "-e", "2 3+p"),
		BUSYBOX("diff", "text", "numbers"), BUSYBOX("dirname", "/usr/lib/thing"),
		BUSYBOX("du", "-a", "tree"), BUSYBOX("echo", "a", "b"),
		BUSYBOX("egrep", "a+p", "text"), BUSYBOX("env", "-i", "A=b"),
		BUSYBOX("expand", "text"), BUSYBOX("expr", "6", "*", "7"),
		BUSYBOX("factor", "1234567890"), BUSYBOX("false"), BUSYBOX("fgrep", "fig", "text"),
		BUSYBOX("find", "tree", "-type", "f"), BUSYBOX("fold", "-w", "4", "text"),
		BUSYBOX("getopt", "ab:", "-a", "-b", "3", "rest"), BUSYBOX("grep", "-n", "apple", "text"),
		BUSYBOX("groups", "0"), BUSYBOX("head", "-n", "2", "numbers"), BUSYBOX("ls", "-l", "tree"),
		BUSYBOX("md5sum", "text"), BUSYBOX("nl", "text"),
		BUSYBOX("od", "-c", "text"), BUSYBOX("paste", "text", "numbers"),
		BUSYBOX("printenv", "NOTHING"), BUSYBOX("printf", "%05d|%s\n", "42", "word"),
		BUSYBOX("readlink", "-f", "tree/inner"), BUSYBOX("realpath", "tree/../text"),
		BUSYBOX("rev", "text"), BUSYBOX("sed", "s/a/A/g", "text"), BUSYBOX("seq", "1", "20"),
		BUSYBOX("sha1sum", "text"), BUSYBOX("sha256sum", "numbers"), BUSYBOX("sha3sum", "text"),
		BUSYBOX("sha512sum", "text"), BUSYBOX("shuf", "-e", "one"), BUSYBOX("sleep", "0.01"),
		BUSYBOX("sort", "text"), BUSYBOX("stat", "-c", "%s %a %n %F", "text", "tree"),
		BUSYBOX("strings", "-n", "3", "text"), BUSYBOX("tac", "text"),
		BUSYBOX("tail", "-n", "2", "numbers"), BUSYBOX("test", "-f", "text"),
		BUSYBOX("tr", "a-z", "A-Z"), BUSYBOX("true"), BUSYBOX("tty"), BUSYBOX("uname", "-s"),
		BUSYBOX("unexpand", "-a", "text"), BUSYBOX("uniq", "-c", "text"), BUSYBOX("usleep", "10"),
		BUSYBOX("uuencode", "text", "name"), BUSYBOX("wc", "text"), BUSYBOX("xxd", "text"),
		BUSYBOX("cat", "nothing"), BUSYBOX("ls", "nothing"), BUSYBOX("wc", "tree"),
	};

	SAME(commands);
}

Test(cli_programs, busybox_applets_that_write)
{
	static const struct command commands[] = {
		BUSYBOX("chmod", "600", "text"), BUSYBOX("cp", "text", "copied"),
		BUSYBOX("cp", "-a", "tree", "tree2"), BUSYBOX("dd", "if=text", "of=part", "bs=5", "count=3"),
		BUSYBOX("dos2unix", "pairs"), BUSYBOX("unix2dos", "pairs"),
		BUSYBOX("fallocate", "-l", "8192", "filled"), BUSYBOX("install", "-m", "600", "text", "installed"),
		BUSYBOX("ln", "-s", "text", "symbolic"), BUSYBOX("ln", "text", "hard"), BUSYBOX("link", "text", "linked"),
		BUSYBOX("mkdir", "-p", "a/b/c"), BUSYBOX("mkdir", "a"), BUSYBOX("mv", "numbers", "moved"),
		BUSYBOX("rm", "json"), BUSYBOX("rm", "-r", "tree2"), BUSYBOX("rm", "nothing"),
		BUSYBOX("rmdir", "empty"), BUSYBOX("rmdir", "tree"), BUSYBOX("shred", "-n", "1", "-z", "filled"),
		BUSYBOX("split", "-l", "1000", "moved", "part."), BUSYBOX("sync"), BUSYBOX("tee", "teed"),
		BUSYBOX("touch", "-d", "2020-01-01", "touched"), BUSYBOX("truncate", "-s", "100", "copied"),
		BUSYBOX("unlink", "linked"), BUSYBOX("uudecode", "encoded"), BUSYBOX("sed", "-i", "s/a/b/", "pairs"),
	};

	SAME(commands);
}

Test(cli_programs, busybox_archives_and_interpreters)
{
	static const struct command commands[] = {
		BUSYBOX("bunzip2", "-c", "numbers.bz2"), BUSYBOX("bzcat", "numbers.bz2"),
		BUSYBOX("bzip2", "-k", "text"), BUSYBOX("gunzip", "-c", "numbers.gz"), BUSYBOX("gzip", "-kf", "text"),
		BUSYBOX("unxz", "-c", "numbers.xz"), BUSYBOX("xzcat", "numbers.xz"),
		BUSYBOX("tar", "tf", "packed.tar"), BUSYBOX("rm", "-r", "tree"), BUSYBOX("tar", "xf", "packed.tar"),
		BUSYBOX("rm", "-r", "tree"),
		BUSYBOX("cpio", "-i", "-F", "packed.cpio"), BUSYBOX("lzop", "-k", "text"),
		BUSYBOX("awk", "{ n[$1] += $2 } END { print n[\"apple\"], n[\"fig\"] }", "text"),
		BUSYBOX("ash", "-c", "for i in 1 2 3; do echo $((i * i)); done; echo *; echo new >made; read a; echo $a"),
		BUSYBOX("bc", "sums"), BUSYBOX("dc", "-e", "2 100^p"), BUSYBOX("ed", "text"), BUSYBOX("sh", "-c", "exit 7"),
	};

	SAME(commands);
}

Test(cli_programs, cp_tar_gzip_and_xz)
{
	static const struct command commands[] = {
		{ { "/bin/cp", "-a", "tree", "tree2" } }, { { "/bin/cp", "nothing", "there" } },
		{ { "/bin/cp", "numbers", "copy" } }, { { "/bin/tar", "tvf", "packed.tar" } },
		{ { "/bin/tar", "--sort=name", "-cf", "again.tar", "tree", "text" } },
		{ { "/bin/tar", "-xf", "again.tar", "-C", "empty" } }, { { "/bin/gzip", "-nk9", "text" } },
		{ { "/bin/gzip", "-dc", "numbers.gz" } }, { { "/usr/bin/xz", "-k", "text" } },
		{ { "/usr/bin/xz", "-dc", "numbers.xz" } }, { { "/usr/bin/xz", "-t", "text" } },
		{ { "/bin/ls", "-l", "tree" } }, { { "/bin/mv", "copy", "moved" } }, { { "/bin/rm", "-r", "tree2" } },
	};

	SAME(commands);
}

Test(cli_programs, bc_and_jq)
{
	static const struct command commands[] = {
		{ { "/usr/bin/bc", "-lq", "sums" } }, { { "/usr/bin/jq", ".", "json" } },
		{ { "/usr/bin/jq", "-c", "[.a[2].b, (.n * 2)]", "json" } }, { { "/usr/bin/jq", ".[", "json" } },
		{ { "/usr/bin/jq", "-n", "[range(20000)] | map(. * .) | add" } }, { { "/usr/bin/jq", ".", "text" } },
	};

	SAME(commands);
}

Test(cli_programs, sqlite3_inserts_a_million_rows_and_maps_its_file)
{
	static const struct command commands[] = {
		{ { "/usr/bin/sqlite3", "db", "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL); "
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
		    "INSERT INTO t SELECT i, 'row ' || i, i * 0.5 FROM n; SELECT count(*), sum(a), max(b) FROM t;" } },
		{ { "/usr/bin/sqlite3", "db", "PRAGMA mmap_size=268435456; SELECT sum(c), min(b) FROM t; "
		    "UPDATE t SET c = 1 WHERE a % 1000 = 0; SELECT sum(c) FROM t; PRAGMA integrity_check;" } },
		{ { "/usr/bin/sqlite3", "db", "PRAGMA journal_mode=DELETE; CREATE INDEX x ON t(b); "
		    "SELECT a FROM t WHERE b = 'row 777777'; BEGIN; DELETE FROM t; ROLLBACK; SELECT count(*) FROM t;" } },
		{ { "/usr/bin/sqlite3", "db", "SELECT wrong FROM t;" } },
	};

	SAME(commands);
}

Test(cli_programs, lua_and_perl)
{
	static const struct command commands[] = {
		{ { "/usr/bin/lua5.4", "-e", "local t = {} for i = 1, 300000 do t[i] = ('x'):rep(i % 50) end "
		    "local n = 0 for _, s in ipairs(t) do n = n + #s end print(n, collectgarbage('count') > 0)" } },
		{ { "/usr/bin/lua5.4", "-e", "for l in io.lines('text') do io.write(l:upper(), '\\n') end error('end')" } },
		{ { "/usr/bin/perl", "-e", "my %h; $h{$_ % 1000} .= 'x' for 1..300000; print length(join('', values %h)), \"\\n\"; "
		    "open(my $f, '>', 'made') or die; print $f \"$_\\n\" for 1..1000; close $f; die 'end'" } },
		{ { "/usr/bin/perl", "-ne", "print if /a/", "text" } },
	};

	SAME(commands);
}

Test(cli_programs, python_with_mmap_ctypes_lists_and_files)
{
	static const struct command commands[] = {
		{ { "/usr/bin/python3", "-c", "pass" } },
		{ { "/usr/bin/python3", "-c", "import mmap; f = open('numbers', 'r+b'); m = mmap.mmap(f.fileno(), 0); "
		    "m[0:4] = b'wrot'; m.flush(); print(m.find(b'2999'), len(m)); m.close(); "
		    "a = mmap.mmap(-1, 1 << 24); a[1 << 23] = 7; print(sum(a[::4096]))" } },
		{ { "/usr/bin/python3", "-c", "import ctypes; c = ctypes.CDLL('libc.so.6'); b = ctypes.create_string_buffer(64); "
		    "n = c.snprintf(b, 64, b'%d %s', 42, b'words'); print(n, b.value); "
		    "f = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)); "
		    "a = (ctypes.c_int * 5)(3, 1, 2, 5, 4); c.qsort(a, 5, 4, f(lambda x, y: x[0] - y[0])); print(list(a))" } },
		{ { "/usr/bin/python3", "-c", "l = [i * i for i in range(2000000)]; d = {i: str(i) for i in range(200000)}; "
		    "print(sum(l), len(d['199999'])); del l; print(sorted(d.values())[-1])" } },
		{ { "/usr/bin/python3", "-c", "import os, tempfile, shutil, json, hashlib, time; os.makedirs('x/y'); "
		    "open('x/y/f', 'w').write('z' * 1000000); os.rename('x/y/f', 'x/g'); shutil.copy('x/g', 'x/h'); "
		    "print(hashlib.sha256(open('x/h', 'rb').read()).hexdigest(), sorted(os.listdir('x')), os.stat('x/g').st_size); "
		    "shutil.rmtree('x/y'); print(json.dumps({'a': [1, 2.5, None]}), time.time() > 1e9)" } },
		{ { "/usr/bin/python3", "-c", "raise SystemExit(3)" } }, { { "/usr/bin/python3", "-c", "1/0" } },
		{ { "/usr/bin/python3", "-c", "import threading; print(threading.current_thread().name); import decimal; print(decimal.Decimal(2).sqrt())" } },
	};

	SAME(commands);
}

Test(cli_programs, proc_self_says_of_a_process_what_it_says_natively)
{
	static const struct command commands[] = {
		{ { "/bin/cat", "/proc/self/cmdline", "/proc/thread-self/comm" } }, { { "/bin/cat", "/proc/self/environ" } },
		{ { "/bin/cat", "/dev/stdin" } }, { { "/bin/cat", "/dev/fd/77" } },
		{ { "/usr/bin/readlink", "/proc/self/exe", "/proc/self/cwd", "/proc/self/root" } },
		{ { "/usr/bin/python3", "-S", "-c", "print([l.split()[0] for l in open('/proc/self/status') if l.split()[0] in "
		    "('Name:', 'Umask:', 'State:', 'Uid:', 'Threads:', 'SigCgt:', 'VmSize:', 'VmRSS:', 'RssAnon:')]); "
		    "d = dict(l.split(':', 1) for l in open('/proc/self/status')); print(d['Name'], d['State'], d['Threads'], d['SigCgt']); "
		    "print(int(d['VmRSS'].split()[0]) == sum(int(d[k].split()[0]) for k in ('RssAnon', 'RssFile', 'RssShmem')))" } },
		{ { "/usr/bin/python3", "-S", "-c", "t = open('/proc/self/stat').read(); f = t[t.rindex(')') + 2:].split(); "
		    "import os; print(t.split()[1], len(f), f[0], int(f[1]) == os.getppid(), int(t.split()[0]) == os.getpid(), f[17]); "
		    "print(len(open('/proc/%d/statm' % os.getpid()).read().split()))" } },
		{ { "/usr/bin/python3", "-S", "-c", "for f in ('maps', 'smaps'): print(sorted({l[73:] for l in open('/proc/self/' + f) "
		    "if l[73:74] == '/'}))" } },
		{ { "/usr/bin/python3", "-S", "-c", "import re; print(sorted(set(re.findall(r'^\\w+-\\w+ (....) .* (/\\S+|\\[(?:heap|stack|vdso|vvar)\\])$'"
		    "'[^[]*?(VmFlags:.*)$', open('/proc/self/smaps').read(), re.M))))" } },
		{ { "/usr/bin/python3", "-S", "-c", "import re; s = open('/proc/self/smaps').read().split('\n'); "
		    "a = [l.split()[0].split('-') for l in s if re.match('[0-9a-f]+-', l)]; "
		    "k = [int(l.split()[1]) for l in s if l.startswith('Size:')]; "
		    "print(all((int(y, 16) - int(x, 16)) // 1024 == n for (x, y), n in zip(a, k)), len(a) == len(k), "
		    "sum(int(l.split()[1]) for l in s if l.startswith('Rss:')) > 1000)" } },
		{ { "/usr/bin/python3", "-S", "-c", "import struct; b = open('/proc/self/auxv', 'rb').read(); "
		    "v = dict(struct.unpack_from('QQ', b, i) for i in range(0, len(b), 16)); "
		    "print([k for k in (3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16, 17, 23, 25, 26, 31) if k in v], v[6], v[17], list(v)[-1])" } },
		{ { "/usr/bin/python3", "-S", "-c", "import os; f = os.open('numbers', os.O_PATH); os.chmod('/proc/self/fd/%d' % f, 0o640); "
		    "print(oct(os.stat('numbers').st_mode), oct(os.lstat('/proc/self/fd/%d' % f).st_mode & 0o170000)); "
		    "print(os.readlink('/proc/self/fd/%d' % f) == os.path.realpath('numbers')); "
		    "print(open('/proc/self/fd/%d' % f).read(4)); r, w = os.pipe(); os.write(w, b'abc'); print(open('/dev/fd/%d' % r).read(2), "
		    "os.readlink('/proc/self/fd/%d' % r)[:6])" } },
		{ { "/usr/bin/python3", "-S", "-c", "import os, stat; os.closerange(3, 1024); [os.dup2(0, n) for n in (5, 77, 9)]; "
		    "print(sorted(os.listdir('/proc/self/fd'), key=int)); d = os.open('/proc/self/fd', os.O_RDONLY | os.O_DIRECTORY); "
		    "print(os.listdir(d), os.listdir(d)); print(stat.filemode(os.fstat(d).st_mode)); "
		    "os.close(77); print(os.listdir('/dev/fd')); print(os.readlink('9', dir_fd=d) == os.readlink('/proc/self/fd/0'))" } },
		{ { "/usr/bin/python3", "-S", "-c", "import os\n"
		    "for path, flags in (('/proc/self/fd', os.O_RDWR), ('/proc/self/fd', os.O_WRONLY), ('/dev/tty', os.O_RDWR), "
		    "('/dev/tty', os.O_RDONLY | os.O_NOCTTY)):\n"
		    " try: print(os.open(path, flags))\n"
		    " except OSError as e: print(path, e.errno)" } },
		{ { "/usr/bin/cut", "-c1-26", "/proc/self/limits" } }, { { "/usr/bin/cut", "-c69-", "/proc/self/limits" } },
	};

	SAME(commands);
}

Test(cli_programs, sort_of_100_mb_with_temporary_files)
{
	static const struct command commands[] = {
		{ { "/usr/bin/awk", "BEGIN { x = 42; for (i = 0; i < 1600000; i++) { x = (x * 16807) % 2147483647; "
		    "printf \"%010d %051d\\n\", x, i > \"big\" } }" } },
		{ { "/usr/bin/sort", "--parallel=1", "-S", "20M", "-T", ".", "-o", "sorted", "big" } },
		{ { "/usr/bin/sort", "-c", "sorted" } },
	};

	SAME(commands);
}
/* clang-format on */
