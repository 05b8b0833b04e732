/* SPDX-License-Identifier: MIT */
/* test_text.c: what of a stranger's text a terminal gets to see. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <mapvisor/mapvisor.h>

#include "vmm/observe/text.h"

TestSuite(text, .timeout = 60);

/* A text, as mv_print_text() and text_hide() leave it. */
static const struct {
	const char *text, *printed, *hidden;
} rows[] = {
	{ "", "", "" },
	{ "plain ~ text", "plain ~ text", "plain ~ text" },
	{ "\x1b[2J\n\t", "\\033[2J\\012\\011", "?[2J??" },
	{ "\x7f", "\\177", "?" },
	{ "a\\b", "a\\134b", "a\\b" },
	/* U+00a0, U+00e9, U+20ac, U+1f600, U+10ffff: as they are */
	{ "\xc2\xa0\xc3\xa9", "\xc2\xa0\xc3\xa9", "\xc2\xa0\xc3\xa9" },
	{ "\xe2\x82\xac", "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	/* C1, in UTF-8 and as a byte */
	{ "\xc2\x9b", "\\302\\233", "??" },
	{ "\xc2\x80", "\\302\\200", "??" },
	{ "\x9b[2J", "\\233[2J", "?[2J" },
	/* cut, longer than need be, a surrogate, too large */
	{ "\xc3", "\\303", "?" },
	{ "\xe2\x82", "\\342\\202", "??" },
	{ "\xe2\x82\x1b", "\\342\\202\\033", "???" },
	{ "\xc0\x9b", "\\300\\233", "??" },
	{ "\xe0\x80\x9b", "\\340\\200\\233", "???" },
	{ "\xf0\x80\x80\x9b", "\\360\\200\\200\\233", "????" },
	{ "\xed\xa0\x80", "\\355\\240\\200", "???" },
	{ "\xf4\x90\x80\x80", "\\364\\220\\200\\200", "????" },
	{ "\xff\xfe", "\\377\\376", "??" },
};

Test(text, what_could_steer_a_terminal_is_printed_in_octal)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *printed = NULL;
		size_t len;
		FILE *out = open_memstream(&printed, &len);

		mv_print_text(rows[i].text, out);
		fclose(out);
		cr_expect_str_eq(printed, rows[i].printed, "row %zu", i);
		free(printed);
	}
}

Test(text, what_could_steer_a_terminal_is_hidden)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = strdup(rows[i].text);

		text_hide(text);
		cr_expect_str_eq(text, rows[i].hidden, "row %zu", i);
		free(text);
	}
}
