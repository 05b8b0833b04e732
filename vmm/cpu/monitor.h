/* SPDX-License-Identifier: MIT */
/*
 * monitor.h: where the guest's monitor (guest/monitor.S) lies, and the CPU's tables with it.
 *
 *  gva                              frame                       ring 0   ring 3
 *  MV_ENTRY_GVA                     entry page                  r-x      r-x
 *  MONITOR_CODE                     stubs                       r-x      -
 *  MONITOR_TABLES                   GDT, IDT                    r--      -
 *  MONITOR_CPU(n)                   TSS, stack of vCPU n        rw-      -
 *
 * The upper half belongs to the monitor: a shadow host lets ring 3 reach nothing there
 * anyhow (kvm-facts 11), which is why the entry page lies in the lower half, behind
 * all that a payload can map. Frames are shared by all mms of a VM, tables are each mm's own.
 */
#ifndef CPU_MONITOR_H
#define CPU_MONITOR_H

#include "vmm/mm/mm.h"

#define MONITOR_BASE 0xffffffff80000000ull
#define MONITOR_CODE MONITOR_BASE
#define MONITOR_TABLES (MONITOR_BASE + PAGE_SIZE)
#define MONITOR_CPU(n) (MONITOR_BASE + (2 + (uint64_t)(n)) * PAGE_SIZE)

/* In MONITOR_TABLES. */
#define GDT_OFFSET 0
#define GDT_SIZE 80
#define IDT_OFFSET 0x100
#define IDT_SIZE (32 * 16)

/* In MONITOR_CPU(n): the TSS with its I/O bitmap at the start, the stack's top at the end. */
#define TSS_SIZE 0x88

/*
 * Selectors. SYSRET takes CS and SS from STAR: base + 16 and base + 8 (SDM vol. 2B, SYSRET); the
 * values are Linux's (arch/x86/include/asm/segment.h), which programs can see.
 */
#define SEL_KERNEL_CS 0x10
#define SEL_KERNEL_DS 0x18
#define SEL_USER_BASE 0x23
#define SEL_USER_DS 0x2b
#define SEL_USER_CS 0x33
#define SEL_TSS 0x40

/* Vectors of SDM vol. 3A, table 6-1, that are told apart. */
#define VECTOR_DE 0
#define VECTOR_DB 1
#define VECTOR_BP 3
#define VECTOR_OF 4
#define VECTOR_UD 6
#define VECTOR_NP 11
#define VECTOR_SS 12
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_MF 16
#define VECTOR_AC 17
#define VECTOR_XM 19

/* A VM's monitor: the frames. */
struct monitor {
	struct phys *phys;
	gfn_t entry, code, tables;
	gfn_t cpu; /* of vCPU 0, the only one yet */
};

/* Fill the frames. -ENOMEM. */
int monitor_init(struct monitor *mon, struct phys *phys);
/* Map it into an mm. -ENOMEM. */
int monitor_map(const struct monitor *mon, struct mm *mm);

/* Where SYSCALL shall go: the stub for ring 0, or the entry page. */
gva_t monitor_lstar(bool ring3);
/* Ring-3 code that makes one SYSCALL, to see where it goes. */
gva_t monitor_probe(void);

#endif
