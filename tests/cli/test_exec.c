/* SPDX-License-Identifier: MIT */
/* test_exec.c: what can't be run ends with 126 or 127 and an error that says why. */
#include <elf.h>
#include <sys/stat.h>

#include "tests/cli/spawn.h"
#include "tests/cli/tempdir.h"
#include "tests/lib/require_kvm.h"

TestSuite(cli_exec, .timeout = TEST_SECONDS, .init = make_tempdir, .fini = remove_tempdir);

static void assert_not_run(const char *program, int status, const char *why)
{
	struct outcome o;

	mapvisor(&o, "run", program);
	assert_error(&o, status, "mapvisor: ");
	assert_has(o.err, program);
	assert_has(o.err, why);
}

/* Alone, a sound head of a file for the machine; a test changes what it is about. */
static Elf64_Ehdr sound_head(void)
{
	return (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = 0x401000,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
}

struct image {
	Elf64_Ehdr head;
	Elf64_Phdr segment;
};

static struct image sound_image(void)
{
	return (struct image){
		.head = sound_head(),
		.segment = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = 0x401000,
			.p_paddr = 0x401000,
			.p_offset = 0,
			.p_filesz = sizeof(struct image),
			.p_memsz = sizeof(struct image),
			.p_align = 0x1000,
		},
	};
}

static void assert_bad_image(const struct image *image)
{
	assert_not_run(temp_file("image", image, sizeof(*image), 0755), 126, "image");
}

Test(cli_exec, a_missing_program_exits_with_127)
{
	REQUIRE_KVM();
	assert_not_run("/nowhere/program", 127, "No such file");
}

Test(cli_exec, path_is_not_searched)
{
	REQUIRE_KVM();
	assert_not_run("true", 127, "No such file or directory: PATH isn't searched");
}

Test(cli_exec, a_directory_exits_with_126)
{
	REQUIRE_KVM();
	assert_not_run(tempdir, 126, "directory");
}

Test(cli_exec, a_file_as_a_directory_exits_with_126)
{
	REQUIRE_KVM();
	assert_not_run("/etc/passwd/program", 126, "Not a directory");
}

Test(cli_exec, an_empty_file_exits_with_126)
{
	REQUIRE_KVM();
	assert_not_run(temp_file("empty", "", 0, 0755), 126, "ELF");
}

Test(cli_exec, a_text_exits_with_126)
{
	static const char text[] = "echo hello\n";

	REQUIRE_KVM();
	assert_not_run(temp_file("script", text, sizeof(text) - 1, 0755), 126, "ELF");
}

Test(cli_exec, a_file_without_permission_exits_with_126)
{
	Elf64_Ehdr head = sound_head();

	REQUIRE_KVM();
	assert_not_run(temp_file("plain", &head, sizeof(head), 0644), 126,
		       "Permission denied");
}

Test(cli_exec, a_fifo_exits_with_126_and_does_not_hang)
{
	const char *path = temp_path("fifo");

	REQUIRE_KVM();
	cr_assert_eq(mkfifo(path, 0755), 0);
	assert_not_run(path, 126, path);
}

Test(cli_exec, a_truncated_head_exits_with_126)
{
	Elf64_Ehdr head = sound_head();

	REQUIRE_KVM();
	assert_not_run(temp_file("head", &head, 20, 0755), 126, "head");
}

Test(cli_exec, missing_program_headers_exit_with_126)
{
	Elf64_Ehdr head = sound_head();

	REQUIRE_KVM();
	assert_not_run(temp_file("head", &head, sizeof(head), 0755), 126, "head");
}

Test(cli_exec, a_32_bit_program_is_named_as_one)
{
	Elf32_Ehdr head = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(head),
	};

	REQUIRE_KVM();
	assert_not_run(temp_file("i386", &head, sizeof(head), 0755), 126, "32-bit");
}

Test(cli_exec, a_program_for_arm_is_named_as_one_for_another_machine)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.head.e_machine = EM_AARCH64;
	assert_not_run(temp_file("arm", &image, sizeof(image), 0755), 126, "x86-64");
}

Test(cli_exec, a_dynamic_programs_interpreter_needs_a_grant_which_is_named)
{
	REQUIRE_KVM();
	assert_not_run("/bin/true", 126, "/lib64/ld-linux-x86-64.so.2 is not granted");
}

Test(cli_exec, an_interpreter_that_is_a_link_to_what_is_not_granted_is_named_with_that)
{
	char text[300], option[300], link[256], target[600];
	struct outcome o;

	REQUIRE_KVM();
	cr_assert_eq(mkdir(temp_path("in"), 0755), 0);
	snprintf(option, sizeof(option), "--ro=%s", temp_path("in"));
	cr_assert_eq(symlink("../out", temp_path("in/second")), 0);
	strcpy(link, temp_path("in/first"));
	cr_assert_eq(symlink("second", link), 0);
	snprintf(text, sizeof(text), "#!%s\n", link);
	temp_file("script", text, strlen(text), 0755);
	snprintf(target, sizeof(target), "%s leads to %s/in/../out, which is not granted",
		 link, tempdir);
	mapvisor(&o, "run", option, temp_path("script"));
	assert_error(&o, 126, "script: its interpreter ");
	assert_has(o.err, target);
}

Test(cli_exec, a_scripts_interpreter_needs_a_grant_which_is_named)
{
	static const char text[] = "#!/bin/sh\necho hello\n";

	REQUIRE_KVM();
	assert_not_run(temp_file("script", text, sizeof(text) - 1, 0755), 126,
		       "/bin/sh is not granted");
}

Test(cli_exec, an_object_file_exits_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.head.e_type = ET_REL;
	assert_bad_image(&image);
}

Test(cli_exec, no_loadable_segment_exits_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.segment.p_type = PT_NOTE;
	assert_bad_image(&image);
}

Test(cli_exec, a_segment_whose_size_overflows_exits_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.segment.p_memsz = UINT64_MAX - 0x1000;
	assert_bad_image(&image);
}

Test(cli_exec, a_segment_beyond_user_space_exits_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.segment.p_vaddr = 0xffff800000000000;
	assert_bad_image(&image);
}

Test(cli_exec, a_segment_of_more_file_than_memory_exits_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.segment.p_memsz = image.segment.p_filesz - 1;
	assert_bad_image(&image);
}

Test(cli_exec, a_segment_not_congruent_to_its_offset_exits_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.segment.p_vaddr += 8;
	assert_bad_image(&image);
}

Test(cli_exec, an_entry_outside_any_segment_exits_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.head.e_entry = 0x500000;
	assert_bad_image(&image);
}

Test(cli_exec, too_many_program_headers_exit_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.head.e_phnum = 0xffff;
	assert_bad_image(&image);
}

Test(cli_exec, program_headers_of_another_size_exit_with_126)
{
	struct image image = sound_image();

	REQUIRE_KVM();
	image.head.e_phentsize = 1;
	assert_bad_image(&image);
}

/* Linux gives them a quarter of the stack's limit; ours is lifted, so that they arrive. */
Test(cli_exec, arguments_of_more_than_a_quarter_of_the_stack_exit_with_126)
{
	enum { NR_TEXTS = 22, LEN = 100000 };
	const char *argv[NR_TEXTS + 4] = { mapvisor_path(), "run", payload("args") };
	static char text[LEN];
	struct outcome o;

	REQUIRE_KVM();
	memset(text, 'x', LEN - 1);
	for (int i = 0; i < NR_TEXTS; i++)
		argv[i + 3] = text;
	spawn(&(struct setup){ .free_stack = true }, argv, &o);
	assert_error(&o, 126, "rgument");
}
