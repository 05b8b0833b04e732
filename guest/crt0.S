/* SPDX-License-Identifier: MIT */
/*
 * crt0.S: where a payload starts. The stack holds argc, argv, envp and the auxiliary
 * vector, as in "Initial Stack and Register State" of the x86-64 psABI.
 */
	.weak	_DYNAMIC
	.hidden	_DYNAMIC

	.globl	_start
	.type	_start, @function
_start:
	xor	%ebp, %ebp		/* the outermost frame */
	mov	%rsp, %rdi
	lea	_DYNAMIC(%rip), %rsi	/* 0 unless this is a static PIE */
	and	$-16, %rsp
	call	start_c
	.size	_start, . - _start

	.section .note.GNU-stack, "", @progbits
