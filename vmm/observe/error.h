/* SPDX-License-Identifier: MIT */
/* error.h: filling a struct mv_error. Every function returns -num, for `return mv_fail(...)`. */
#ifndef OBSERVE_ERROR_H
#define OBSERVE_ERROR_H

#include <mapvisor/mapvisor.h>

/* err->text in printf's way: "WHAT: WHY", and what to do; see text_hide(). err may be NULL. */
int mv_fail(struct mv_error *err, int num, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "WHAT: " and strerror(num). */
int mv_fail_errno(struct mv_error *err, int num, const char *what);

#endif
