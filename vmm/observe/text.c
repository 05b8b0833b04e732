/* SPDX-License-Identifier: MIT */
/* text.c: text that somebody hostile may have chosen. */
#include "vmm/observe/text.h"

#include <mapvisor/mapvisor.h>

/* How many bytes a character has that begins with this one; 0: none does. */
static size_t length(unsigned char first)
{
	return first < 0x80    ? 1
	       : first < 0xc0  ? 0
	       : first < 0xe0  ? 2
	       : first < 0xf0  ? 3
	       : first <= 0xf4 ? 4
			       : 0;
}

size_t text_plain(const char *text)
{
	/* what needs so many bytes, and is no control character: RFC 3629, 3 */
	static const uint32_t least[] = { 0, ' ', 0xa0, 0x800, 0x10000 };
	const size_t len = length((unsigned char)*text);
	uint32_t code = (unsigned char)*text;

	if (len > 1)
		code &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80) /* the '\0', too */
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[len] || code == 0x7f || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

void text_hide(char *text)
{
	while (*text) {
		size_t n = text_plain(text);

		if (!n)
			*text = '?';
		text += n ? n : 1;
	}
}

/* The bytes at text that may be shown as they are. */
static size_t plain_run(const char *text)
{
	size_t len = 0, n;

	while (text[len] != '\\' && (n = text_plain(text + len)))
		len += n;
	return len;
}

void mv_print_text(const char *text, FILE *out)
{
	for (;;) {
		const size_t n = plain_run(text);

		fwrite(text, 1, n, out);
		text += n;
		if (!*text)
			return;
		fprintf(out, "\\%03o", (unsigned char)*text++);
	}
}
