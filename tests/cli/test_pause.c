/* SPDX-License-Identifier: MIT */
/* test_pause.c: `mapvisor run --pause-at --walk --diff`, and `mapvisor walk` of several addresses. */
#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_pause, .timeout = TEST_SECONDS, .init = make_tempdir, .fini = remove_tempdir);

/* Of payloads/changes.c. */
#define CHANGES_AT 0x10000000ull

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}
	return n;
}

Test(cli_pause, shows_maps_and_walks_on_standard_error_and_goes_on)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--pause-at=main", "--walk=marker,marker_bss",
		 payload("walkme"));
	assert_status(&o, 0);
	assert_lacks(o.out, "pause");
	assert_has(o.out, "marker_bss 0x");
	assert_has(o.err, "pause 1 at main, after ");
	assert_has(o.err, " <main>  rsp 0x");
	assert_has(o.err, "[stack]\n");
	cr_assert_eq(count(o.err, "gva 0x"), 3);
	assert_has(o.err, "<marker> = pgd");
	assert_has(o.err, "<marker_bss> = pgd");
	assert_lacks(o.err, "Rss:");
	assert_lacks(o.err, "page tables, from");
	assert_lacks(o.err, "reached");
}

Test(cli_pause, an_output_for_which_nothing_is_shown_is_refused)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "-o", temp_path("empty"), payload("hello"));
	assert_error(&o, 125, "--pause-at");
	cr_assert_neq(access(temp_path("empty"), F_OK), 0);
	cr_assert_str_empty(o.out);
}

Test(cli_pause, shows_smaps_where_asked)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--pause-at=main", "--smaps", payload("hello"));
	assert_status(&o, 0);
	assert_has(o.err, "Rss:");
	assert_has(o.err, "VmFlags:");
}

Test(cli_pause, stops_so_often_as_the_count_says)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--pause-at=at_loop", payload("stops"));
	cr_assert_eq(count(o.err, "\nrip "), 1);
	mapvisor(&o, "run", "--no-aslr", "--pause-at=at_loop:3", payload("stops"));
	assert_status(&o, 0);
	cr_assert_eq(count(o.err, "\nrip "), 3);
	assert_has(o.err, "pause 3 at at_loop:3, time 3, ");
	assert_lacks(o.err, "reached");
	mapvisor(&o, "run", "--no-aslr", "--pause-at=at_loop:9", "--pause-at=at_loop",
		 payload("stops"));
	cr_assert_eq(count(o.err, "\nrip "), 5);
	assert_has(o.err, "mapvisor: --pause-at=at_loop:9: reached 5 of 9 times\n");
}

Test(cli_pause, says_which_places_were_not_reached)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--pause-at=at_out", "--pause-at=fault:100000",
		 "--pause-at=0x10000", payload("stops"));
	assert_status(&o, 0);
	assert_lacks(o.err, "pause 1");
	assert_has(o.err, "mapvisor: --pause-at=at_out: reached 0 of 1 times\n");
	assert_has(o.err, "mapvisor: --pause-at=fault:100000: reached 0 of 1 times\n");
	assert_has(o.err, "mapvisor: --pause-at=0x10000: reached 0 of 1 times\n");
}

Test(cli_pause, at_the_first_fault_is_the_first_instruction)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--pause-at=1", "--pause-at=fault:2",
		 payload("hello"));
	assert_status(&o, 0);
	assert_has(o.err, "pause 1 at 1: execution of 0x");
	assert_has(o.err, " <_start>, after 1 fault\n");
	assert_has(o.err, "pause 2 at fault:2: ");
}

Test(cli_pause, diff_goes_from_the_start_to_each_stop_and_the_end)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--diff", "--thp=never", "--fault-around=4K",
		 "--pause-at=written_again:2", "--pause-at=protected:2",
		 payload("changes"));
	assert_status(&o, 0);
	assert_has(o.err, "page tables, from the start to pause 1:\n");
	assert_has(o.err, "page tables, from pause 1 to pause 2:\n");
	assert_has(o.err, "page tables, from pause 4 to the end:\n");
	/* between the two functions there is one mprotect */
	assert_has(o.err, "page tables, from pause 3 to pause 4:\n"
			  "  pte[0]        0x10000000-0x10000fff          changed: -W\n");
	assert_has(strstr(o.err, "from pause 4 to the end"), "  pte table at gpa 0x");
	mapvisor(&o, "run", "--no-aslr", "--diff", payload("hello"));
	assert_status(&o, 0);
	cr_assert_eq(strncmp(o.err, "page tables, from the start to the end:\n", 40), 0);
}

Test(cli_pause, output_takes_what_is_shown)
{
	char file[256], text[65536];
	struct outcome o;
	int fd;

	REQUIRE_KVM();
	snprintf(file, sizeof(file), "%s", temp_path("report"));
	mapvisor(&o, "run", "--no-aslr", "--pause-at=main", "-o", file, payload("hello"));
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "hello, world\n");
	cr_assert_str_empty(o.err);
	fd = open(file, O_RDONLY);
	cr_assert_geq(fd, 0);
	take_text(fd, text, sizeof(text));
	assert_has(text, "pause 1 at main");
}

static json_t *change_of_page(const json_t *stop, unsigned long long gva)
{
	json_t *change, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(stop, "diff"), i, change)
		if (!strcmp(json_text(change, "what"), "entries") &&
		    !strcmp(json_text(change, "level"), "pte") &&
		    json_hex(change, "gva") == gva)
			found = change;
	return found;
}

Test(cli_pause, in_json_is_an_array_with_an_object_a_stop)
{
	struct outcome o;
	json_t *all, *stop, *change, *how;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--json", "--diff", "--thp=never",
		 "--fault-around=4K", "--pause-at=mapped:2", "--pause-at=written:2",
		 "--walk=main", payload("changes"));
	assert_status(&o, 0);
	all = parse_json(o.err);
	cr_assert_eq(json_array_size(all), 5);
	stop = json_array_get(all, 3);
	cr_assert_str_eq(json_text(stop, "at"), "written:2");
	cr_assert_eq(json_int(stop, "time"), 2);
	cr_assert_gt(json_int(stop, "faults"), 0);
	cr_assert_gt(json_array_size(json_object_get(stop, "maps")), 2);
	cr_assert_eq(json_array_size(json_object_get(stop, "walks")), 2);
	cr_assert_eq(json_hex(json_array_get(json_object_get(stop, "walks"), 0), "gva"),
		     json_hex(json_object_get(stop, "registers"), "rip"));
	cr_assert_eq(json_array_size(json_object_get(stop, "diff")), 3);
	change = change_of_page(stop, CHANGES_AT);
	cr_assert_not_null(change);
	how = json_object_get(change, "how");
	cr_assert_eq(json_array_size(how), 1);
	cr_assert_str_eq(json_string_value(json_array_get(how, 0)), "made");
	cr_assert_eq(json_hex(change, "old"), 0);
	cr_assert_eq(json_int(change, "n"), 1);
	cr_assert_eq(json_int(change, "index"), 0);
	stop = json_array_get(all, 4);
	cr_assert_str_eq(json_text(stop, "at"), "end");
	cr_assert_eq(json_int(stop, "status"), 0);
	cr_assert_gt(json_array_size(json_object_get(stop, "diff")), 0);
	json_decref(all);
	mapvisor(&o, "run", "--no-aslr", "--json", "--pause-at=1", payload("hello"));
	all = parse_json(o.err);
	cr_assert_eq(json_array_size(all), 1);
	stop = json_array_get(all, 0);
	cr_assert_str_eq(json_text(stop, "access"), "x");
	cr_assert_eq(json_hex(stop, "gva"),
		     json_hex(json_object_get(stop, "registers"), "rip"));
	json_decref(all);
}

Test(cli_pause, leaves_the_end_by_a_signal_or_a_time_limit_as_it_is)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--pause-at=main", "--diff", payload("noexec"));
	assert_status(&o, 139);
	assert_has(o.err, "pause 1 at main");
	assert_has(o.err, " to the end:\n");
	assert_has(o.err, "SIGSEGV");
	mapvisor(&o, "run", "--no-aslr", "--pause-at=main", "--timeout=300ms",
		 payload("spin"));
	assert_status(&o, 124);
	assert_has(o.err, "pause 1 at main");
	assert_has(o.err, "--timeout");
}

Test(cli_pause, shows_the_same_with_both_second_stages)
{
	struct outcome a, b;

	REQUIRE_KVM();
	mapvisor(&a, "run", "--no-aslr", "--pause-at=main", "--pause-at=3", "--diff",
		 payload("walkme"));
	assert_status(&a, 0);
	mapvisor(&b, "run", "--no-aslr", "--pause-at=main", "--pause-at=3", "--diff",
		 "--stage2=uffd", payload("walkme"));
	if (b.status == 125 && strstr(b.err, "userfaultfd"))
		cr_skip_test();
	assert_status(&b, 0);
	cr_assert_str_eq(a.err, b.err);
	cr_assert_str_eq(a.out, b.out);
}

Test(cli_pause, refuses_what_it_does_not_understand)
{
	static const char *const places[] = { "fault:0", "fault:x", "0", "main:0",
					      "main:x",	 ":3",	    "" };
	struct outcome o;
	char option[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(option, sizeof(option), "--pause-at=%s", places[i]);
		mapvisor(&o, "run", "--no-aslr", option, payload("hello"));
		assert_error(&o, 125, "--pause-at=", "--help");
	}
	mapvisor(&o, "run", "--no-aslr", "--walk=main", payload("hello"));
	assert_error(&o, 125, "--walk", "--pause-at");
}

Test(cli_pause, finds_a_misspelt_place_before_the_run)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "run", "--no-aslr", "--pause-at=nowhere", payload("hello"));
	assert_error(&o, 125, "nowhere: no symbol of that name");
	mapvisor(&o, "run", "--no-aslr", "--pause-at=main", "--walk=main,nowhere",
		 payload("hello"));
	assert_error(&o, 125, "nowhere: no symbol of that name");
	mapvisor(&o, "run", "--no-aslr", "--pause-at=0x7ffffffff000", payload("hello"));
	assert_error(&o, 125, "not an address that a program can map");
}

Test(cli_pause, walk_shows_several_addresses)
{
	struct outcome o;
	json_t *walks;

	REQUIRE_KVM();
	mapvisor(&o, "walk", "--no-aslr", "marker,marker_bss+16,0x10000",
		 payload("walkme"));
	assert_status(&o, 0);
	cr_assert_eq(count(o.out, "gva 0x"), 3);
	assert_has(o.out, "<marker_bss+0x10> = pgd");
	assert_has(o.out, "gva 0x10000 = pgd");
	cr_assert_eq(count(o.out, "tables   exist"), 1);
	mapvisor(&o, "walk", "--no-aslr", "--json", "marker,main", payload("walkme"));
	assert_status(&o, 0);
	walks = parse_json(strchr(o.out, '['));
	cr_assert_eq(json_array_size(walks), 2);
	cr_assert_str_eq(json_text(json_array_get(walks, 1), "symbol"), "main");
	json_decref(walks);
	mapvisor(&o, "walk", "--no-aslr", "marker,,main", payload("walkme"));
	assert_error(&o, 125, "no symbol of that name");
}
