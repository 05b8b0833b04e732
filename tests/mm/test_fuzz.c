/* SPDX-License-Identifier: MIT */
/*
 * test_fuzz.c: the fuzz targets of tests/fuzz over inputs that are the same each time: about a second
 * for each target, and without libFuzzer, which `make fuzz` is for.
 */
#include <criterion/criterion.h>
#include <elf.h>
#include <signal.h>
#include <unistd.h>

#include "tests/fuzz/calls.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/random.h"

#define MM_INPUTS 200
#define MM_SIZE 1024
#define ELF_INPUTS 3000

static uint64_t state;

static unsigned pick(unsigned n)
{
	return pick_from(&state, n);
}

/* A target aborts where something is wrong: say which input it was. */
static char line[128];
static size_t line_len;

static void say_line(int signal)
{
	(void)signal;
	if (write(STDERR_FILENO, line, line_len) < 0)
		_exit(1);
}

static void begin_with(const char *input)
{
	line_len = (size_t)snprintf(line, sizeof(line), "%s: %s\n",
				    criterion_current_test->name, input);
	signal(SIGABRT, say_line);
}

static void begin(unsigned seed)
{
	char name[32];

	state = seed;
	snprintf(name, sizeof(name), "seed %u", seed);
	begin_with(name);
}

Test(fuzz, random_calls_leave_an_mm_as_it_must_be)
{
	uint8_t input[MM_SIZE];

	for (unsigned i = 0; i < MM_INPUTS; i++) {
		begin(i);
		for (unsigned n = 0; n < MM_SIZE; n++)
			input[n] = (uint8_t)pick(256);
		fuzz_mm(input, sizeof(input));
	}
}

Test(fuzz, calls_in_an_order_that_was_thought_of_leave_an_mm_as_it_must_be)
{
	for (size_t i = 0; i < nr_seeds; i++) {
		begin_with(seeds[i].name);
		fuzz_mm(seeds[i].data, seeds[i].size);
	}
}

#define CALLS_INPUTS 150
#define CALLS_SIZE 512

Test(fuzz, calls_at_random_touch_nothing_that_wasnt_granted)
{
	uint8_t input[CALLS_SIZE];

	for (unsigned i = 0; i < CALLS_INPUTS; i++) {
		begin(i);
		for (unsigned n = 0; n < CALLS_SIZE; n++)
			input[n] = (uint8_t)pick(256);
		fuzz_calls(input, sizeof(input));
	}
}

/* A program of three segments, as a linker would lay it out. */
struct program {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[3];
	char text[64];
};

static const struct program program = {
	.ehdr = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			       EV_CURRENT },
		  .e_type = ET_EXEC,
		  .e_machine = EM_X86_64,
		  .e_version = EV_CURRENT,
		  .e_entry = 0x400000,
		  .e_phoff = offsetof(struct program, phdr),
		  .e_ehsize = sizeof(Elf64_Ehdr),
		  .e_phentsize = sizeof(Elf64_Phdr),
		  .e_phnum = 3 },
	.phdr = { { .p_type = PT_LOAD,
		    .p_flags = PF_R | PF_X,
		    .p_vaddr = 0x400000,
		    .p_filesz = 0x1000,
		    .p_memsz = 0x1000,
		    .p_align = 0x1000 },
		  { .p_type = PT_LOAD,
		    .p_flags = PF_R | PF_W,
		    .p_offset = 0x123,
		    .p_vaddr = 0x402123,
		    .p_filesz = 0x321,
		    .p_memsz = 0x400000,
		    .p_align = 0x1000 },
		  { .p_type = PT_LOAD,
		    .p_flags = PF_R,
		    .p_offset = 0x2000,
		    .p_vaddr = 0x900000,
		    .p_filesz = 0x2000,
		    .p_memsz = 0x2000,
		    .p_align = 0x200000 } },
};

/* A few bytes, or a whole number, become something else. */
static void damage(uint8_t *file)
{
	static const uint64_t odd[] = { 0,	    1,		0xfff,
					0x1000,	    1ull << 31, 0x7ffffffff000,
					1ull << 63, UINT64_MAX };

	for (unsigned n = pick(3) + 1; n; n--)
		if (pick(2))
			file[pick(sizeof(program))] = (uint8_t)pick(256);
		else
			memcpy(file + pick(sizeof(program) / 8) * 8, &odd[pick(8)], 8);
}

Test(fuzz, a_damaged_program_is_loaded_or_refused)
{
	uint8_t file[sizeof(program)];

	for (unsigned i = 0; i < ELF_INPUTS; i++) {
		begin(i);
		memcpy(file, &program, sizeof(file));
		if (i)
			damage(file);
		fuzz_elf(file, sizeof(file) - (pick(8) == 0));
	}
}
