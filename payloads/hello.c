/* SPDX-License-Identifier: MIT */
/* hello.c: one write and an exit: the least a payload can do, and what start-up costs. */
#include "guest/rt.h"

const char greeting[] = "hello, world\n";

int main(void)
{
	sys_write(1, greeting, sizeof(greeting) - 1);
	return 0;
}
