/* SPDX-License-Identifier: MIT */
/* test_native.c: payloads beside the host's own programs, and beside themselves run natively. */
#include <limits.h>

#include "tests/kvm/sandbox.h"

#define LIMIT .timeout = 60

/* `len` bytes at random, of all kinds or of letters and white space; a word count of each side. */
static void same_words(size_t len, uint64_t seed, bool letters)
{
	char *bytes = (char *)malloc(len + 1), path[PATH_MAX], wc[PATH_MAX + 32];
	struct mv_grant grant = { path, false };
	struct sandbox s;

	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		bytes[i] = letters ? "ab \n"[seed >> 62] : (char)(seed >> 56);
	}
	make_file(path, bytes, len);
	run_natively((const char *const[]){ "wc", "-w", path, NULL }, wc, sizeof(wc));
	sandbox_init(&s);
	s.opt.grants = &grant;
	s.opt.ngrants = 1;
	sandbox_do(&s, "wordcount", path);
	mv_assert_exited(&s.end, 0);
	cr_expect_str_eq(s.text, wc, "%zu bytes, letters %d", len, letters);
	sandbox_close(&s);
	unlink(path);
	free(bytes);
}

Test(native, wordcount_counts_as_wc_does, LIMIT)
{
	static const size_t lens[] = { 0, 1, 4095, 4096, 4097, 65536, 3 << 20 };

	REQUIRE_KVM();
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		same_words(lens[i], i, true);
		same_words(lens[i], i, false);
	}
}

/* There is no vDSO here, and no rseq area (AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN). */
static bool only_natively(const char *line)
{
	return strstr(line, "AT_SYSINFO_EHDR") || !strncmp(line, "AT_27 ", 6) ||
	       !strncmp(line, "AT_28 ", 6);
}

Test(native, argv_envp_and_auxv_are_those_that_linux_gives, LIMIT)
{
	char native[1 << 14], path[PATH_MAX], *want, *found, *rest_want, *rest_found;
	struct sandbox s;

	REQUIRE_KVM();
	strcpy(path, payload_path("args"));
	run_natively((const char *const[]){ path, "one", "", "three 3", NULL }, native,
		     sizeof(native));
	sandbox_init(&s);
	sandbox_do(&s, "args", "one", "", "three 3");
	mv_assert_exited(&s.end, 0);
	found = strtok_r(s.text, "\n", &rest_found);
	for (want = strtok_r(native, "\n", &rest_want); want;
	     want = strtok_r(NULL, "\n", &rest_want)) {
		if (only_natively(want))
			continue;
		cr_assert(found, "the sandbox lacks '%s'", want);
		if (strncmp(want, "argv[0]", 7)) /* a path there, a name here */
			cr_expect_str_eq(found, want);
		found = strtok_r(NULL, "\n", &rest_found);
	}
	cr_expect_null(found, "the sandbox has '%s', too", found ? found : "");
	sandbox_close(&s);
}

Test(native, devices_memfds_and_maps_need_no_grant_and_are_as_they_are_natively, LIMIT)
{
	char native[4096], path[PATH_MAX];
	struct sandbox s;

	REQUIRE_KVM();
	strcpy(path, payload_path("special"));
	run_natively((const char *const[]){ path, NULL }, native, sizeof(native));
	sandbox_init(&s);
	sandbox_do(&s, "special");
	mv_assert_exited(&s.end, 0);
	cr_assert_str_eq(s.text, native);
	sandbox_close(&s);
}
