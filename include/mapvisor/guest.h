/* SPDX-License-Identifier: MIT */
/*
 * guest.h: the binary interface between a payload and mapvisor, in constants
 * that both sides include. Freestanding: no header is needed beside it, and the
 * assembler can read it too.
 *
 * A payload reaches the VMM by SYSCALL, or by `out %al, $MV_PORT_CALL`, which
 * the TSS's I/O permission bitmap allows in ring 3 (SDM vol. 1, 19.5.2). Both
 * use Linux's x86-64 register convention: number in rax; arguments in rdi, rsi,
 * rdx, r10, r8, r9; result in rax, -errno from -4095 to -1. SYSCALL destroys rcx
 * and r11, as it does on Linux; `out` keeps them.
 *
 * Numbers below MV_CALL_BASE are Linux's (asm/unistd.h). docs/guest-abi.md says
 * which are served.
 */
#ifndef MAPVISOR_GUEST_H
#define MAPVISOR_GUEST_H

/* The one port that ring 3 may write. */
#define MV_PORT_CALL 0xe0

/*
 * The monitor's ports; ring 3 gets #GP for them. Vector v reports on
 * MV_PORT_VECTOR + v, the ring-0 flavour of SYSCALL on MV_PORT_SYSCALL.
 */
#define MV_PORT_VECTOR 0xc0
#define MV_PORT_SYSCALL 0xe1

/* mapvisor's own calls; Linux's numbers stay far below. */
#define MV_CALL_BASE 0x10000
/* Does nothing and returns 0: the cheapest exit there is, to measure against. */
#define MV_CALL_NOP (MV_CALL_BASE + 0)

/*
 * A payload may map 0x10000 .. MV_TASK_SIZE - 1, as on Linux with four levels
 * (arch/x86/include/asm/page_64_types.h: TASK_SIZE_MAX). The page behind it, which
 * Linux leaves unused, holds the system-call entry where SYSCALL stays in ring 3.
 */
#define MV_TASK_SIZE 0x7ffffffff000
#define MV_ENTRY_GVA MV_TASK_SIZE

/*
 * A static-PIE lies here, as far as its alignment lets it: ELF_ET_DYN_BASE of
 * arch/x86/include/asm/elf.h, two thirds of the user half, which is where gdb shows programs
 * without randomisation.
 */
#define MV_DYN_BASE 0x555555554000

#endif
