/* SPDX-License-Identifier: MIT */
/* parse.c: sizes and counts on the command line. */
#include "guest/rt.h"

size_t parse_size(const char *s)
{
	size_t n = 0, unit = 1;

	if (!*s)
		return 0;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *s - '0', &n))
			return 0;
	switch (*s) {
	case 'K':
		unit = KIB;
		break;
	case 'M':
		unit = MIB;
		break;
	case 'G':
		unit = GIB;
		break;
	case 'T':
		unit = TIB;
		break;
	}
	if (s[unit > 1] || __builtin_mul_overflow(n, unit, &n))
		return 0;
	return n;
}
