/* SPDX-License-Identifier: MIT */
/* test_debian.c: the host's own dynamic programs say in a sandbox what they say without one. */
#include "tests/cli/granted.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_debian, .timeout = TEST_SECONDS, .init = make_tempdir,
	  .fini = remove_tempdir);

/* argv[0] is a path. A host that hasn't it skips the test. */
static void assert_same(const char *const *argv)
{
	const struct setup setup = { 0 };
	static struct outcome native, own;

	REQUIRE_KVM();
	if (access(argv[0], X_OK))
		SKIP("the host hasn't the program");
	spawn(&setup, argv, &native);
	spawn_granted(mapvisor_path(), tempdir, argv, &own);
	cr_assert_eq(own.status, native.status, "%s: %s", argv[0], own.err);
	cr_assert_str_eq(own.out, native.out);
}

#define ASSERT_SAME(...) assert_same((const char *const[]){ __VA_ARGS__, NULL })

static const char *text(void)
{
	static const char lines[] = "pear 3\napple 1\nfig 2\napple 1\n";
	static const char *path;

	if (!path)
		path = temp_file("text", lines, sizeof(lines) - 1, 0644);
	return path;
}

Test(cli_debian, true_and_false)
{
	ASSERT_SAME("/bin/true");
	ASSERT_SAME("/bin/false");
}

Test(cli_debian, ls_of_a_directory)
{
	ASSERT_SAME("/bin/ls", "-la", "/usr/lib");
}

Test(cli_debian, ls_of_what_is_not_there)
{
	ASSERT_SAME("/bin/ls", "/usr/nothing");
}

Test(cli_debian, cat_and_wc_of_a_file)
{
	ASSERT_SAME("/bin/cat", text());
	ASSERT_SAME("/usr/bin/wc", text());
}

Test(cli_debian, sort_grep_and_sed_of_a_file)
{
	ASSERT_SAME("/usr/bin/sort", "--parallel=1", "-u", text());
	ASSERT_SAME("/bin/grep", "-n", "apple", text());
	ASSERT_SAME("/bin/sed", "s/a/A/g", text());
}

Test(cli_debian, awk_counts)
{
	ASSERT_SAME("/usr/bin/awk",
		    "{ n[$1] += $2 } END { print n[\"apple\"], n[\"fig\"] }", text());
}

Test(cli_debian, perl_computes)
{
	ASSERT_SAME("/usr/bin/perl", "-e",
		    "print join(',', map { $_ * $_ } 1..20), \"\\n\"");
}

Test(cli_debian, python_maps_a_file)
{
	static const char script[] = "import mmap,sys; f=open(sys.argv[1],'rb'); "
				     "m=mmap.mmap(f.fileno(),0,access=mmap.ACCESS_READ); "
				     "print(m[5:10], len(m), sum(range(100000)))";

	ASSERT_SAME("/usr/bin/python3", "-S", "-c", script, text());
}

/* Its event loop wakes itself by a socketpair, through which signals come, too. */
Test(cli_debian, python_runs_coroutines)
{
	static const char script[] =
		"import asyncio, os, signal, socket\n"
		"async def work(n, q):\n"
		"    await asyncio.sleep(n / 100)\n"
		"    await q.put(n)\n"
		"    return n * n\n"
		"async def main():\n"
		"    loop, q, got = asyncio.get_running_loop(), asyncio.Queue(), asyncio.Queue()\n"
		"    for s in signal.SIGUSR1, signal.SIGALRM:\n"
		"        loop.add_signal_handler(s, got.put_nowait, s.name)\n"
		"    print(await asyncio.gather(*(work(n, q) for n in range(5))))\n"
		"    print([await q.get() for _ in range(5)])\n"
		"    os.kill(os.getpid(), signal.SIGUSR1)\n"
		"    print(await got.get())\n"
		"    signal.setitimer(signal.ITIMER_REAL, 0.01)\n"
		"    print(await got.get())\n"
		"    a, b = socket.socketpair()\n"
		"    r, w = await asyncio.open_connection(sock=a)\n"
		"    w.write(b'line\\n' * 100000)\n"
		"    b.setblocking(False)\n"
		"    n = 0\n"
		"    while n < 500000:\n"
		"        n += len(await loop.sock_recv(b, 1 << 16))\n"
		"    await loop.sock_sendall(b, b'answer\\n')\n"
		"    print(n, await r.readline(), a.getpeername())\n"
		"    try:\n"
		"        await asyncio.wait_for(r.read(1), 0.05)\n"
		"    except asyncio.TimeoutError:\n"
		"        print('late')\n"
		"asyncio.run(main())\n";

	ASSERT_SAME("/usr/bin/python3", "-S", "-c", script);
}

Test(cli_debian, a_compressed_file_is_the_same)
{
	ASSERT_SAME("/bin/gzip", "-nc", text());
}
