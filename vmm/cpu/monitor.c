/* SPDX-License-Identifier: MIT */
/* monitor.c: put the monitor and the tables that a CPU in long mode needs into guest memory. */
#include "vmm/cpu/monitor.h"

#include <errno.h>
#include <string.h>

#include "vmm/mm/pgtable.h"

extern const char mv_monitor_start[], mv_monitor_end[], mv_monitor_vectors[];
extern const char mv_monitor_entry_ring0[];
extern const char mv_entry_start[], mv_entry_probe[], mv_entry_end[];

/* An interrupt gate of 64-bit mode. SDM vol. 3A, 6.14.1. */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, zero;
};

#define GATE_INTERRUPT 0x8e /* present, DPL 0 */
#define GATE_DPL3 0x60	    /* INT3 and INTO are for ring 3, as on Linux */

/* The TSS's fields that are used; SDM vol. 3A, 7.7. */
#define TSS_RSP0 0x04
#define TSS_IST1 0x24
#define TSS_IOMAP_BASE 0x66
#define TSS_IOMAP 0x68

static void fill_gdt(uint64_t *gdt)
{
	gva_t tss = MONITOR_CPU(0);

	/* Code and data with the accessed bit set: the page is read-only. SDM vol. 3A, 3.4.5 */
	gdt[SEL_KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[SEL_KERNEL_DS / 8] = 0x00cf93000000ffff;
	gdt[SEL_USER_DS / 8] = 0x00cff3000000ffff;
	gdt[SEL_USER_CS / 8] = 0x00affb000000ffff;
	/* a busy 64-bit TSS; SDM vol. 3A, 7.2.3 */
	gdt[SEL_TSS / 8] = (TSS_SIZE - 1) | (tss & 0xffffff) << 16 | 0x8bull << 40 |
			   (tss >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

static void fill_idt(struct gate *idt)
{
	for (unsigned v = 0; v < 32; v++) {
		gva_t stub = MONITOR_CODE +
			     (uint64_t)(mv_monitor_vectors - mv_monitor_start) + 16 * v;

		idt[v] = (struct gate){ .offset_low = stub & 0xffff,
					.selector = SEL_KERNEL_CS,
					.ist = 1,
					.type = GATE_INTERRUPT,
					.offset_mid = stub >> 16 & 0xffff,
					.offset_high = (uint32_t)(stub >> 32) };
		if (v == VECTOR_BP || v == VECTOR_OF)
			idt[v].type |= GATE_DPL3;
	}
}

/*
 * Every gate takes IST 1: an exception in ring 0 itself must not push to a stack pointer that
 * the payload chose (SYSCALL enters ring 0 with the payload's rsp).
 */
static void fill_tss(char *tss)
{
	const uint64_t stack = MONITOR_CPU(0) + PAGE_SIZE;
	const uint16_t iomap = TSS_IOMAP;

	memcpy(tss + TSS_RSP0, &stack, sizeof(stack));
	memcpy(tss + TSS_IST1, &stack, sizeof(stack));
	memcpy(tss + TSS_IOMAP_BASE, &iomap, sizeof(iomap));
	/* a set bit refuses a port; the last byte ends the map. SDM vol. 1, 19.5.2 */
	memset(tss + TSS_IOMAP, 0xff, TSS_SIZE - TSS_IOMAP);
	tss[TSS_IOMAP + MV_PORT_CALL / 8] &= (char)~(1u << MV_PORT_CALL % 8);
}

_Static_assert(TSS_IOMAP + MV_PORT_CALL / 8 + 1 < TSS_SIZE,
	       "the I/O bitmap holds the call port");

static char *frame_hva(const struct monitor *mon, gfn_t gfn)
{
	return phys_hva(mon->phys, gfn_gpa(gfn));
}

int monitor_init(struct monitor *mon, struct phys *phys)
{
	gfn_t *const frames[] = { &mon->entry, &mon->code, &mon->tables, &mon->cpu };

	mon->phys = phys;
	for (unsigned i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		*frames[i] = phys_alloc_table(phys);
		if (!*frames[i])
			return -ENOMEM;
	}
	memcpy(frame_hva(mon, mon->code), mv_monitor_start,
	       (size_t)(mv_monitor_end - mv_monitor_start));
	memcpy(frame_hva(mon, mon->entry), mv_entry_start,
	       (size_t)(mv_entry_end - mv_entry_start));
	fill_gdt((uint64_t *)(frame_hva(mon, mon->tables) + GDT_OFFSET));
	fill_idt((struct gate *)(frame_hva(mon, mon->tables) + IDT_OFFSET));
	fill_tss(frame_hva(mon, mon->cpu));
	return 0;
}

static int map_page(struct mm *mm, gva_t gva, gfn_t gfn, uint64_t bits)
{
	struct pt_path path;
	int err = pt_walk(mm, gva, LEVEL_PTE, true, &path);

	if (!err)
		pt_set(mm, path.table[LEVEL_PTE], pt_last(&path),
		       pte_make(gfn, bits | PTE_P | PTE_A | PTE_D));
	return err;
}

int monitor_map(const struct monitor *mon, struct mm *mm)
{
	int err;

	pthread_mutex_lock(&mm->lock);
	err = map_page(mm, MV_ENTRY_GVA, mon->entry, PTE_U);
	if (!err)
		err = map_page(mm, MONITOR_CODE, mon->code, 0);
	if (!err)
		err = map_page(mm, MONITOR_TABLES, mon->tables, PTE_NX);
	if (!err)
		err = map_page(mm, MONITOR_CPU(0), mon->cpu, PTE_W | PTE_NX);
	pthread_mutex_unlock(&mm->lock);
	return err;
}

gva_t monitor_lstar(bool ring3)
{
	if (ring3)
		return MV_ENTRY_GVA;
	return MONITOR_CODE + (uint64_t)(mv_monitor_entry_ring0 - mv_monitor_start);
}

gva_t monitor_probe(void)
{
	return MV_ENTRY_GVA + (uint64_t)(mv_entry_probe - mv_entry_start);
}
