/* SPDX-License-Identifier: MIT */
/* unknown.c: makes calls that don't exist; each returns -ENOSYS and does no harm. */
#include "guest/rt.h"

int main(void)
{
	/* A gap in x86-64's table, behind its end, and numbers that are none. */
	static const long numbers[] = { 400, 1000, 5000, 0x7fffffff, -1, -4096 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		say("call %ld = %ld\n", numbers[i], sys6(numbers[i], 1, 2, 3, 4, 5, 6));
	return 0;
}
