/* SPDX-License-Identifier: MIT */
/*
 * monitor.S: all the code that runs in ring 0: an IDT stub a vector, and the system-call entry.
 * No policy, no data but the stack that the CPU pushes to.
 *
 * It is assembled into the library and copied into guest memory at the start. Code is
 * position-independent; plain integer instructions only, since a shadow host emulates ring 0
 * one instruction at a time (kvm-facts).
 *
 * A stub tells the host its vector by the port it writes. Two ways back, as the host finds
 * better (struct vcpu): the host restores rip, rsp, rflags, cs and ss itself, and the stub never
 * goes on; or it resumes behind the `out`, and the stub returns by iretq. The error code,
 * where the CPU pushed one, lies below the frame: the host moves rsp over it.
 */
#include <mapvisor/guest.h>

	.section .rodata
	.balign 4096
	.globl mv_monitor_start, mv_monitor_end, mv_monitor_vectors
	.globl mv_monitor_entry_ring0
	.hidden mv_monitor_start, mv_monitor_end, mv_monitor_vectors
	.hidden mv_monitor_entry_ring0

mv_monitor_start:

/* 32 stubs of 16 bytes: vector v at mv_monitor_vectors + 16 * v. */
mv_monitor_vectors:
	.set vector, 0
	.rept 32
	.balign 16, 0xcc
	out	%al, $(MV_PORT_VECTOR + vector)
	iretq
	.set vector, vector + 1
	.endr

/*
 * LSTAR where SYSCALL enters ring 0. rsp is still the payload's: nothing may be pushed.
 * FMASK has cleared IF, TF, DF and AC.
 */
	.balign 16, 0xcc
mv_monitor_entry_ring0:
	out	%al, $MV_PORT_SYSCALL
	sysretq

mv_monitor_end:

/*
 * The page at MV_ENTRY_GVA, readable and executable in ring 3. Its first instruction is
 * LSTAR where SYSCALL stays in ring 3: a call by the `out` that ring 3 may do, and the host,
 * which sees by rip that it came from here, makes the return (rip = rcx, rflags = r11).
 * Behind it, a SYSCALL to find out at start which of the two it is; and what the TSC is in ring 3.
 */
	.balign 4096
	.globl mv_entry_start, mv_entry_probe, mv_entry_end
	.hidden mv_entry_start, mv_entry_probe, mv_entry_end
mv_entry_start:
	out	%al, $MV_PORT_CALL
	ud2
	.balign 16, 0xcc
mv_entry_probe:
	rdtsc
	syscall
	ud2
mv_entry_end:

	.section .note.GNU-stack, "", @progbits
