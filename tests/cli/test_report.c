/* SPDX-License-Identifier: MIT */
/* test_report.c: what `mapvisor maps` and `mapvisor walk` show, in text and as JSON. */
#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_report, .timeout = TEST_SECONDS, .init = make_tempdir,
	  .fini = remove_tempdir);

#define NR_LEVELS 4
#define ADDRESS_BITS 0x000ffffffffff000ull /* of an entry: SDM vol. 3A, 4.5 */

static const char *const level_names[] = { "pgd", "pud", "pmd", "pte" };

static bool has_flag(const json_t *step, const char *flag)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(step, "flags"), i, name)
		if (!strcmp(json_string_value(name), flag))
			return true;
	return false;
}

Test(cli_report, maps_shows_program_and_stack_as_smaps_does)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "maps", payload("walkme"));
	assert_status(&o, 0);
	assert_has(o.out, "r-xp ");
	assert_has(o.out, "rw-p ");
	assert_has(o.out, "walkme");
	assert_has(o.out, "[stack]");
	assert_has(o.out, "Rss:");
}

Test(cli_report, maps_in_json_has_sorted_vmas_with_all_their_fields)
{
	static const char *const numbers[] = {
		"dev", "ino", "reserved", "backed", "huge", "accessed", "dirty", "anonymous"
	};
	unsigned long long last = 0;
	bool stack = false;
	struct outcome o;
	json_t *maps, *vma;
	size_t i;

	REQUIRE_KVM();
	mapvisor(&o, "maps", "--json", payload("bench/touch"), "sweep", "64K");
	assert_status(&o, 0);
	maps = parse_json(strchr(o.out, '['));
	cr_assert_gt(json_array_size(maps), 2);
	json_array_foreach(maps, i, vma) {
		cr_assert_geq(json_hex(vma, "start"), last);
		last = json_hex(vma, "end");
		cr_assert_gt(last, json_hex(vma, "start"));
		cr_assert_eq(strlen(json_text(vma, "prot")), 3);
		cr_assert_eq(strlen(json_text(vma, "max_prot")), 3);
		cr_assert(json_is_boolean(json_object_get(vma, "shared")));
		cr_assert(json_is_boolean(json_object_get(vma, "noreserve")));
		cr_assert(json_is_boolean(json_object_get(vma, "growsdown")));
		json_hex(vma, "offset");
		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++)
			cr_assert_geq(json_int(vma, numbers[j]), 0);
		cr_assert_leq(json_int(vma, "backed"), json_int(vma, "reserved"));
		stack |= !strcmp(json_text(vma, "name"), "[stack]");
	}
	cr_assert(stack);
	json_decref(maps);
}

Test(cli_report, maps_is_shown_however_the_payload_ends)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "maps", payload("noexec"));
	assert_status(&o, 139);
	assert_has(o.out, "[stack]");
	assert_has(o.err, "SIGSEGV");
	mapvisor(&o, "maps", "--timeout=200ms", payload("spin"));
	assert_status(&o, 124);
	assert_has(o.out, "[stack]");
	assert_has(o.err, "--timeout");
}

Test(cli_report, output_takes_the_report_and_leaves_the_payloads_output)
{
	char file[256], text[65536];
	struct outcome o;
	int fd;

	REQUIRE_KVM();
	snprintf(file, sizeof(file), "%s", temp_path("report"));
	mapvisor(&o, "maps", "-o", file, payload("hello"));
	assert_status(&o, 0);
	cr_assert_str_eq(o.out, "hello, world\n");
	fd = open(file, O_RDONLY);
	cr_assert_geq(fd, 0);
	take_text(fd, text, sizeof(text));
	assert_has(text, "[stack]");
}

Test(cli_report, an_output_that_cannot_be_written_is_told)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "maps", "--output=/nowhere/report", payload("hello"));
	assert_error(&o, 125, "/nowhere/report");
	mapvisor(&o, "walk", "marker", "--output=/dev/full", payload("walkme"));
	assert_status(&o, 125);
	assert_has(o.err, "/dev/full: No space left");
}

Test(cli_report, a_report_into_a_full_standard_output_is_told)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor_as(&(struct setup){ .out = "/dev/full" }, &o, "maps", payload("segv"));
	assert_status(&o, 125);
	assert_has(o.err, "standard output");
	mapvisor_as(&(struct setup){ .close_out = true }, &o, "maps", payload("hello"));
	assert_status(&o, 125);
	assert_has(o.err, "standard output");
}

Test(cli_report, walk_shows_the_four_levels_and_what_tables_cost)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "walk", "marker", payload("walkme"));
	assert_status(&o, 0);
	for (int i = 0; i < NR_LEVELS; i++)
		assert_has(o.out, level_names[i]);
	assert_has(o.out, "512 GiB"); /* the pte tables, if all existed */
}

/* Each step's entry must lead to the next one's table; the last one's to the frame. */
Test(cli_report, walk_in_json_leads_from_the_pgd_to_the_frame)
{
	unsigned long long gva, next = 0;
	struct outcome o;
	json_t *walk, *step;
	size_t i;

	REQUIRE_KVM();
	mapvisor(&o, "walk", "--json", "--thp=never", "marker+0x12", payload("walkme"));
	assert_status(&o, 0);
	walk = parse_json(strchr(o.out, '{'));
	gva = json_hex(walk, "gva");
	cr_assert_str_eq(json_text(walk, "symbol"), "marker+0x12");
	cr_assert_eq(json_array_size(json_object_get(walk, "steps")), NR_LEVELS);
	json_array_foreach(json_object_get(walk, "steps"), i, step) {
		unsigned long long table = json_hex(step, "table");
		long long index = json_int(step, "index");

		cr_assert_eq(json_int(step, "level"), NR_LEVELS - (long long)i);
		cr_assert_str_eq(json_text(step, "name"), level_names[i]);
		cr_assert_eq(index, (long long)(gva >> (39 - 9 * i) & 511));
		cr_assert_eq(json_hex(step, "entry_gpa"), table + 8 * index);
		cr_assert(!i || table == next);
		cr_assert(has_flag(step, "P") && has_flag(step, "US"));
		next = json_hex(step, "entry") & ADDRESS_BITS;
	}
	cr_assert(json_is_true(json_object_get(walk, "present")));
	cr_assert_eq(json_int(walk, "page_size"), 4096);
	cr_assert_eq(json_hex(walk, "gpa"), next + (gva & 4095));
	cr_assert_eq(json_text(walk, "access")[0], 'r');
	json_decref(walk);
}

Test(cli_report, walk_in_json_counts_tables_by_level)
{
	long long all = 1, sum = 0;
	struct outcome o;
	json_t *walk, *tables, *level;
	size_t i;

	REQUIRE_KVM();
	mapvisor(&o, "walk", "--json", "marker", payload("walkme"));
	assert_status(&o, 0);
	walk = parse_json(strchr(o.out, '{'));
	tables = json_object_get(walk, "tables");
	cr_assert_eq(json_array_size(json_object_get(tables, "levels")), NR_LEVELS);
	json_array_foreach(json_object_get(tables, "levels"), i, level) {
		cr_assert_str_eq(json_text(level, "name"), level_names[i]);
		cr_assert_geq(json_int(level, "count"), 1);
		cr_assert_eq(json_int(level, "bytes"), json_int(level, "count") * 4096);
		cr_assert_eq(json_int(level, "all"), all);
		cr_assert_eq(json_int(level, "all_bytes"), all * 4096);
		sum += json_int(level, "bytes");
		all *= 512;
	}
	cr_assert_eq(json_int(tables, "bytes"), sum);
	json_decref(walk);
}

Test(cli_report, walk_of_an_unmapped_address_ends_where_an_entry_is_missing)
{
	struct outcome o;
	json_t *walk, *steps, *last;

	REQUIRE_KVM();
	mapvisor(&o, "walk", "--json", "0x100000000000", payload("walkme"));
	assert_status(&o, 0);
	walk = parse_json(strchr(o.out, '{'));
	cr_assert(json_is_false(json_object_get(walk, "present")));
	cr_assert_null(json_object_get(walk, "gpa"));
	steps = json_object_get(walk, "steps");
	cr_assert_geq(json_array_size(steps), 1);
	last = json_array_get(steps, json_array_size(steps) - 1);
	cr_assert_not(has_flag(last, "P"));
	json_decref(walk);
}

Test(cli_report, walk_takes_decimal_and_hexadecimal_addresses)
{
	struct outcome hex, decimal;

	REQUIRE_KVM();
	mapvisor(&hex, "walk", "--json", "0x7ffffffff000", payload("hello"));
	mapvisor(&decimal, "walk", "--json", "140737488351232", payload("hello"));
	assert_status(&hex, 0);
	assert_status(&decimal, 0);
	assert_has(hex.out, "\"gva\": \"0x7ffffffff000\"");
	assert_has(decimal.out, "\"gva\": \"0x7ffffffff000\"");
}

Test(cli_report, walk_names_an_address_or_symbol_that_is_none)
{
	static const char *const bad[] = {
		"0x",	    "0xzz", "12z", "no_such_symbol", "marker+",
		"marker+z", "+5",   "",	   "0x800000000000", "18446744073709551616"
	};
	struct outcome o;

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		mapvisor(&o, "walk", bad[i], payload("walkme"));
		assert_error(&o, 125, "mapvisor: ");
		assert_has(o.err, bad[i][0] == '+' ? "symbol" : bad[i]);
	}
}

Test(cli_report, walk_takes_options_before_and_behind_the_address)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "walk", "--mem=64M", "marker", "--json", "--", payload("walkme"));
	assert_status(&o, 0);
	json_decref(parse_json(strchr(o.out, '{')));
}

Test(cli_report, walk_is_shown_however_the_payload_ends)
{
	struct outcome o;

	REQUIRE_KVM();
	mapvisor(&o, "walk", "page", payload("noexec"));
	assert_status(&o, 139);
	assert_has(o.out, "pgd");
}

Test(cli_report, addresses_differ_from_run_to_run_unless_they_are_asked_not_to)
{
	struct outcome a, b;

	REQUIRE_KVM();
	mapvisor(&a, "maps", payload("hello-pie"));
	mapvisor(&b, "maps", payload("hello-pie"));
	assert_status(&a, 0);
	cr_assert_str_neq(a.out, b.out);
	mapvisor(&a, "maps", "--no-aslr", payload("hello-pie"));
	mapvisor(&b, "maps", "--no-aslr", payload("hello-pie"));
	assert_has(a.out, "\n555555554000-");
	cr_assert_str_eq(a.out, b.out);
}
