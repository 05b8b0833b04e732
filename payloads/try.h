/* SPDX-License-Identifier: MIT */
/* try.h: a line of output a call: as it is written in C, and what it came to. */
#ifndef PAYLOADS_TRY_H
#define PAYLOADS_TRY_H

#include "guest/rt.h"

/* No user address: in the upper half. */
#define BAD ((void *)0xffff800000000000)

#define CALL(name, ...) sys6(__NR_##name, ARGS(__VA_ARGS__, 0, 0, 0, 0, 0, 0))
#define ARGS(a, b, c, d, e, f, ...) \
	(long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)
#define TRY(name, ...) show(#name "(" #__VA_ARGS__ ")", CALL(name, __VA_ARGS__))

static inline long show(const char *call, long result)
{
	say("%s = %ld\n", call, result);
	return result;
}

#endif
