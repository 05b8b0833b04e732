/* SPDX-License-Identifier: MIT */
/* restore.S: where a signal's handler returns to, as the kernel wants one: SA_RESTORER. */
#include <asm/unistd.h>

	.globl	restore_rt
	.hidden	restore_rt
	.type	restore_rt, @function
restore_rt:
	mov	$__NR_rt_sigreturn, %eax
	syscall
	.size	restore_rt, . - restore_rt

	.section .note.GNU-stack, "", @progbits
