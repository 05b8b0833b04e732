/* SPDX-License-Identifier: MIT */
/* image.S: the linked vDSO, for the library to map into payloads. */
	.section .rodata
	.balign 4096
	.globl mv_vdso_start, mv_vdso_end
	.hidden mv_vdso_start, mv_vdso_end
mv_vdso_start:
	.incbin "vdso.so"
mv_vdso_end:

	.section .note.GNU-stack, "", @progbits
