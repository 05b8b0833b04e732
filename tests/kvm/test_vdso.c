/* SPDX-License-Identifier: MIT */
/* test_vdso.c: mv_options.vdso: clocks that are read without a call, and their mappings. */
#include <gelf.h>
#include <libelf.h>
#include <sys/syscall.h>

#include "tests/kvm/program.h"

#define LIMIT .timeout = 60
#define SPINS 100000 /* tests/programs/clocks.c */

/* A program of each C library, and of each way to be linked: none finds the vDSO as another does. */
static const char *const programs[] = { "clocks-glibc", "clocks-musl", "clocks-dynamic" };

static const struct mv_grant all = { "/", false };

static void init(struct sandbox *s, bool vdso)
{
	sandbox_init(s);
	s->opt.vdso = vdso;
	s->opt.grants = &all;
	s->opt.ngrants = 1;
}

/* As natively: with a vDSO, and without one, which is the same but for the time it takes. */
static void assert_same(const char *way, bool vdso)
{
	struct sandbox s;

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		init(&s, vdso);
		sandbox_as_native(&s,
				  (const char *[]){ program_path(programs[i]), way, NULL });
	}
}

Test(vdso, clocks_never_go_back_by_calls_and_without_in_turns, LIMIT)
{
	REQUIRE_KVM();
	assert_same("agree", true);
	assert_same("agree", false);
}

Test(vdso, a_deadline_that_was_slept_to_has_passed, LIMIT)
{
	REQUIRE_KVM();
	assert_same("wait", true);
	assert_same("wait", false);
}

Test(vdso, its_mappings_can_be_changed_as_linuxs_can, LIMIT)
{
	REQUIRE_KVM();
	assert_same("map", true);
}

/* The host's clock as its own vDSO has it: one that KVM can't have slowed down or shifted. */
static bool host_goes_by_tsc(void)
{
	char name[64] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			"r");

	if (f && !fgets(name, sizeof(name), f))
		*name = '\0';
	if (f)
		fclose(f);
	return !strcmp(name, "tsc\n") || !strcmp(name, "kvm-clock\n");
}

static uint64_t calls_of(struct sandbox *s, int nr)
{
	struct mv_call_count count;
	size_t cursor = 0;

	while (!mv_call_count(s->vm, &cursor, &count))
		if (count.nr == nr)
			return count.made;
	return 0;
}

static uint64_t clock_calls(const char *program, bool vdso)
{
	const char *argv[] = { program_path(program), "spin", NULL }, *env[] = { NULL };
	struct mv_error err = { 0 };
	struct sandbox s;
	uint64_t n;

	init(&s, vdso);
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	cr_assert(!mv_load(s.vm, argv[0], argv, env, &err), "%s", err.text);
	sandbox_run(&s);
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, vdso ? "vdso 1\n" : "vdso 0\n");
	n = calls_of(&s, SYS_clock_gettime) + calls_of(&s, SYS_gettimeofday);
	sandbox_close(&s);
	return n;
}

/* They hold for a millisecond at least, and a hundred readings don't take one on any machine. */
Test(vdso, a_reading_in_a_hundred_takes_a_call_at_most, LIMIT)
{
	REQUIRE_KVM();
	if (!host_goes_by_tsc())
		cr_skip_test("the host's clocks don't go by the TSC");
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		cr_expect_lt(clock_calls(programs[i], true), SPINS / 100, "%s",
			     programs[i]);
}

Test(vdso, without_it_each_reading_is_a_call, LIMIT)
{
	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		cr_expect_geq(clock_calls(programs[i], false), SPINS, "%s", programs[i]);
}

/* ---- the image */

static void read_image(char *image, size_t size)
{
	const char *argv[] = { payload_path("hello"), NULL }, *env[] = { NULL };
	struct mv_error err = { 0 };
	struct sandbox s;
	struct mv_vma v;
	uint64_t at = 0;

	init(&s, true);
	cr_assert(!mv_open(&s.opt, &s.vm, &err), "%s", err.text);
	cr_assert(!mv_load(s.vm, argv[0], argv, env, &err), "%s", err.text);
	while (!mv_vma(s.vm, at, &v) && strcmp(v.name, "[vdso]"))
		at = v.end;
	cr_assert_str_eq(v.name, "[vdso]");
	cr_assert_eq(v.end - v.start, size);
	cr_assert(!mv_read(s.vm, v.start, image, size, NULL));
	sandbox_close(&s);
}

/* vdso(7): the names, and the version that C libraries ask for. */
Test(vdso, the_image_has_linuxs_names_and_needs_no_relocation, LIMIT)
{
	static const char *const names[] = { "__vdso_clock_gettime", "__vdso_clock_getres",
					     "__vdso_gettimeofday", "__vdso_time",
					     "__vdso_getcpu" };
	static char image[4096];
	size_t found = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	Elf *elf;

	REQUIRE_KVM();
	read_image(image, sizeof(image));
	elf_version(EV_CURRENT);
	elf = elf_memory(image, sizeof(image));
	cr_assert(elf, "%s", elf_errmsg(-1));
	while ((scn = elf_nextscn(elf, scn))) {
		cr_assert(gelf_getshdr(scn, &shdr));
		cr_expect(shdr.sh_type != SHT_RELA && shdr.sh_type != SHT_REL);
		if (shdr.sh_type != SHT_DYNSYM)
			continue;
		for (int i = 0; i < (int)(shdr.sh_size / shdr.sh_entsize); i++) {
			GElf_Sym sym;
			const char *name;

			cr_assert(gelf_getsym(elf_getdata(scn, NULL), i, &sym));
			name = elf_strptr(elf, shdr.sh_link, sym.st_name);
			for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
				found += !strcmp(name, names[k]) &&
					 GELF_ST_BIND(sym.st_info) == STB_GLOBAL;
		}
	}
	cr_expect_eq(found, sizeof(names) / sizeof(*names));
	elf_end(elf);
}

/* Where no clock is read nothing is written, and two have pages of their own. */
Test(vdso, two_sandboxes_read_their_own_clocks, LIMIT)
{
	struct sandbox one, two;
	const char *argv[] = { program_path("clocks-glibc"), "spin", NULL },
		   *env[] = { NULL };
	struct mv_error err = { 0 };

	REQUIRE_KVM();
	init(&one, true);
	init(&two, true);
	cr_assert(!mv_open(&one.opt, &one.vm, &err) && !mv_open(&two.opt, &two.vm, &err));
	cr_assert(!mv_load(one.vm, argv[0], argv, env, &err));
	cr_assert(!mv_load(two.vm, argv[0], argv, env, &err));
	sandbox_run(&one);
	sandbox_close(&one);
	sandbox_run(&two);
	mv_assert_exited(&two.end, 0);
	cr_expect_str_eq(two.text, "vdso 1\n");
	sandbox_close(&two);
}
