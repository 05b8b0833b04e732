/* SPDX-License-Identifier: MIT */
/*
 * test_probes.c: the USDT probes are where their notes say, in all that is built, and hit as often as
 * what they tell of happens. The notes are read by readelf, and gdb is who listens, for both
 * need nothing of the kernel.
 */
#include <gelf.h>
#include <mapvisor/mapvisor.h>
#include <sys/sdt.h>

#include "tests/cli/spawn.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_probes, .timeout = TEST_SECONDS);

/* As vmm/observe/probes.h has them. */
static const struct {
	const char *name;
	unsigned args;
} probes[] = {
	{ "fault_begin", 3 }, { "fault_end", 3 },   { "call_begin", 7 },
	{ "call_end", 1 },    { "table_alloc", 3 }, { "table_free", 3 },
	{ "frame_alloc", 2 }, { "frame_free", 2 },  { "huge_alloc", 1 },
};
#define PROBES (sizeof(probes) / sizeof(probes[0]))

/* What readelf says of a note. */
struct note {
	unsigned long location, base;
	unsigned args;
};

/* A file that was built beside the command; good until the next call. */
static const char *built(const char *name)
{
	static char path[4096];
	const char *slash = strrchr(mapvisor_path(), '/');

	cr_assert_not_null(slash);
	snprintf(path, sizeof(path), "%.*s%s", (int)(slash + 1 - mapvisor_path()),
		 mapvisor_path(), name);
	return path;
}

/* Each argument is SIZE@PLACE, the size perhaps negative. */
static unsigned count_args(const char *line)
{
	unsigned n = 0;

	for (; *line && *line != '\n'; line++)
		n += *line == '@';
	return n;
}

/* The number behind the word, which must come. */
static unsigned long hex_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	cr_assert_not_null(at, "no %s: %s", word, text);
	return strtoul(at + strlen(word), NULL, 16);
}

/* The only note of a probe in what readelf printed. */
static struct note the_note(const char *text, const char *name)
{
	static const char provider[] = "Provider: mapvisor\n    Name: ";
	const size_t len = strlen(name);
	struct note note = { 0 };
	unsigned found = 0;

	for (const char *at = text; (at = strstr(at, provider)); at++) {
		const char *own = at + sizeof(provider) - 1, *args;

		if (strncmp(own, name, len) || own[len] != '\n')
			continue;
		found++;
		note.location = hex_after(own, "Location: ");
		note.base = hex_after(own, "Base: ");
		args = strstr(own, "Arguments: ");
		cr_assert_not_null(args, "%s", name);
		note.args = count_args(args);
	}
	cr_assert_eq(found, 1, "%s: in %u places", name, found);
	return note;
}

static void notes_of(const char *path, struct note *notes)
{
	struct outcome o;

	spawn(&(struct setup){ 0 },
	      (const char *[]){ "/usr/bin/readelf", "-nW", path, NULL }, &o);
	for (size_t i = 0; i < PROBES; i++) {
		notes[i] = the_note(o.out, probes[i].name);
		cr_assert_eq(notes[i].args, probes[i].args, "%s: %s has %u arguments", path,
			     probes[i].name, notes[i].args);
	}
}

/* The byte that lies at an address of what is loaded, and where .stapsdt.base does. */
static unsigned char look(const char *path, unsigned long address, unsigned long *base)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), byte = -1;
	unsigned char found;
	Elf_Scn *scn = NULL;
	size_t names;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	cr_assert_not_null(elf, "%s: %s", path, elf_errmsg(-1));
	elf_getshdrstrndx(elf, &names);
	*base = 0;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;

		gelf_getshdr(scn, &shdr);
		if (!strcmp(elf_strptr(elf, names, shdr.sh_name), ".stapsdt.base"))
			*base = shdr.sh_addr;
		if (!(shdr.sh_flags & SHF_EXECINSTR) ||
		    address - shdr.sh_addr >= shdr.sh_size)
			continue;
		cr_assert_eq(pread(fd, &found, 1,
				   (off_t)(shdr.sh_offset + address - shdr.sh_addr)),
			     1);
		byte = found;
	}
	elf_end(elf);
	close(fd);
	cr_assert_neq(byte, -1, "%s: 0x%lx is in no section of code", path, address);
	return (unsigned char)byte;
}

static void assert_probes_are_nops(const char *path)
{
	struct note notes[PROBES];
	unsigned long base;

	notes_of(path, notes);
	for (size_t i = 0; i < PROBES; i++) {
		cr_assert_eq(look(path, notes[i].location, &base), 0x90, "%s: %s at 0x%lx",
			     path, probes[i].name, notes[i].location);
		/* what differs is taken for a shift of all addresses */
		cr_assert_eq(notes[i].base, base, "%s: %s", path, probes[i].name);
	}
}

Test(cli_probes, each_is_a_nop_in_one_place_of_the_command)
{
	assert_probes_are_nops(mapvisor_path());
}

Test(cli_probes, each_is_a_nop_in_one_place_of_the_shared_library)
{
	assert_probes_are_nops(built("libmapvisor.so"));
}

/* The linker keeps one .stapsdt.base of a program: here it is this file's, not the library's. */
Test(cli_probes, the_static_library_links_with_a_program_that_has_probes_of_its_own)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	cr_assert_gt(n, 0);
	self[n] = '\0';
	STAP_PROBE(mapvisor_test, own);
	cr_assert_not_null(
		mv_fault_name(MV_FAULT_ANON)); /* so that the library is linked */
	assert_probes_are_nops(self);
}

/* How often gdb says that the breakpoint of this number was hit. */
static unsigned hits(const char *text, unsigned number)
{
	static const char already[] = "breakpoint already hit ";
	char row[16];
	const char *at;

	snprintf(row, sizeof(row), "\n%-7u ", number);
	at = strstr(text, row);
	cr_assert_not_null(at, "no breakpoint %u: %s", number, text);
	at = strchr(at + 1, '\n');
	at = at ? at + 1 + strspn(at + 1, " \t") : "";
	if (strncmp(at, already, strlen(already)))
		return 0;
	return (unsigned)strtoul(at + strlen(already), NULL, 10);
}

/* The number before these words in --stats. */
static unsigned stat_of(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	cr_assert_not_null(at, "no '%s': %s", words, text);
	while (at > text && at[-1] != '\n')
		at--;
	return (unsigned)strtoul(at, NULL, 10);
}

/* Of all levels. */
static unsigned tables_made(const char *text)
{
	return stat_of(text, "pgd-tables-made ") + stat_of(text, "pud-tables-made ") +
	       stat_of(text, "pmd-tables-made ") + stat_of(text, "pte-tables-made ");
}

static const char *const watched[] = { "fault_begin", "fault_end", "call_begin", "call_end",
				       "table_alloc" };

/* Run a payload under gdb with a breakpoint on each that is watched, which counts. */
static void run_under_gdb(struct outcome *o)
{
	/* a leak check can't be made under a debugger */
	const struct setup setup = { .variable = "ASAN_OPTIONS=detect_leaks=0" };
	static char command[5][64], ignore[5][32];
	const char *argv[48] = { "/usr/bin/gdb", "-nx", "-batch", "-ex",
				 "set startup-with-shell off" };
	size_t n = 5;

	for (size_t i = 0; i < 5; i++) {
		snprintf(command[i], sizeof(command[i]), "break -probe-stap mapvisor:%s",
			 watched[i]);
		snprintf(ignore[i], sizeof(ignore[i]), "ignore %zu 1000000", i + 1);
		argv[n++] = "-ex";
		argv[n++] = command[i];
		argv[n++] = "-ex";
		argv[n++] = ignore[i];
	}
	argv[n++] = "-ex";
	argv[n++] = "run";
	argv[n++] = "-ex";
	argv[n++] = "info breakpoints";
	argv[n++] = "--args";
	argv[n++] = mapvisor_path();
	argv[n++] = "run";
	argv[n++] = "--stats";
	argv[n++] = "--ro=LICENSE";
	argv[n++] = payload("wordcount");
	argv[n++] = "LICENSE";
	argv[n] = NULL;
	spawn(&setup, argv, o);
}

Test(cli_probes, hit_as_often_as_the_counters_count)
{
	struct outcome o;

	REQUIRE_KVM();
	if (access("/usr/bin/gdb", X_OK))
		SKIP("needs gdb");
	run_under_gdb(&o);
	if (strstr(o.err, "ptrace"))
		SKIP("gdb may not trace here");
	cr_assert_eq(hits(o.out, 1), stat_of(o.err, "  page-faults\n"), "%s%s", o.out,
		     o.err);
	cr_assert_eq(hits(o.out, 2), stat_of(o.err, "  page-faults\n"), "%s%s", o.out,
		     o.err);
	cr_assert_eq(hits(o.out, 3), stat_of(o.err, "  calls\n"), "%s%s", o.out, o.err);
	cr_assert_eq(hits(o.out, 4), stat_of(o.err, "  calls\n"), "%s%s", o.out, o.err);
	cr_assert_eq(hits(o.out, 5), tables_made(o.err), "%s%s", o.out, o.err);
}
