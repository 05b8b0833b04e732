/* SPDX-License-Identifier: MIT */
/* error.c: errors as values. */
#include "vmm/observe/error.h"

#include <stdarg.h>
#include <string.h>

#include "vmm/observe/text.h"

int mv_fail(struct mv_error *err, int num, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->num = num;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		text_hide(err->text); /* a file names its interpreter, in any bytes */
	}
	return -num;
}

int mv_fail_errno(struct mv_error *err, int num, const char *what)
{
	return mv_fail(err, num, "%s: %s", what, strerrordesc_np(num));
}
