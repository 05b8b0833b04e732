/* SPDX-License-Identifier: MIT */
/*
 * parse.c: sizes, durations and addresses as people type them. Stricter than strtoull(3)
 * and strtod(3), which take signs, spaces, octal, "inf" and hexadecimal fractions, and by
 * which 2^64 + 1 may become 1.
 */
#include "vmm/cli/parse.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

/* The value of a digit in some base up to 16; 16 for none. */
static unsigned digit_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (unsigned)(at - digits) : 16;
}

/* Digits, at least one, up to the first other character, which *text is left at. */
static bool parse_digits(const char **text, unsigned base, uint64_t *number)
{
	const char *p = *text;

	*number = 0;
	for (; digit_value(*p) < base; p++)
		if (__builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, digit_value(*p), number))
			return false;
	if (p == *text)
		return false;
	*text = p;
	return true;
}

bool parse_number(const char *text, uint64_t *number)
{
	unsigned base = 10;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	return parse_digits(&text, base, number) && !*text;
}

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;

	if (!parse_digits(&text, 10, bytes))
		return false;
	if (!*text)
		return true;
	suffix = strchr(suffixes, toupper((unsigned char)*text));
	if (!suffix || text[1])
		return false;
	return !__builtin_mul_overflow(*bytes, 1ull << 10 * (suffix - suffixes + 1), bytes);
}

/* What one of the suffix is, in ns; 0 for an unknown suffix. */
static uint64_t duration_unit(const char *suffix)
{
	static const struct {
		const char *suffix;
		uint64_t ns;
	} units[] = {
		{ "", NSEC_PER_SEC },	      { "s", NSEC_PER_SEC },
		{ "ms", NSEC_PER_MSEC },      { "m", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].suffix, suffix))
			return units[i].ns;
	return 0;
}

bool parse_duration(const char *text, uint64_t *ns)
{
	const char *suffix = text + strspn(text, "0123456789.");
	uint64_t unit = duration_unit(suffix), whole = 0, part = 0;
	bool more_than_0 = false;

	if (!unit || (*text != '.' && !parse_digits(&text, 10, &whole)))
		return false;
	if (__builtin_mul_overflow(whole, unit, &whole))
		return false;
	if (*text == '.' && ++text == suffix)
		return false;
	for (; digit_value(*text) < 10; text++) {
		unit /= 10;
		part += unit * digit_value(*text);
		more_than_0 |= *text != '0';
	}
	/* A time that is too short to count in ns is not 0, which would be "no limit". */
	if (more_than_0 && !part)
		part = 1;
	return text == suffix && !__builtin_add_overflow(whole, part, ns);
}
