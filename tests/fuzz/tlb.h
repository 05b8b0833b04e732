/* SPDX-License-Identifier: MIT */
/*
 * tlb.h: a model of what the processor and KVM have cached of an mm's entries, to find those that
 * were changed without a flush (docs/tlb-contract.md). A translation stays until the model is told
 * of an event that makes KVM drop it; until then the tables must agree with it.
 */
#ifndef TESTS_TLB_H
#define TESTS_TLB_H

#include "vmm/mm/pgtable.h"

/* Forget all: a drop of everything, or another mm. */
void tlb_drop(void);
/* An access by an entry whose A bit is set was made: it leads to gpa. */
void tlb_fill(struct mm *mm, gva_t gva, gpa_t gpa, unsigned access);
/* The processor took a fault there, and forgot what it had for that address. */
void tlb_fault(gva_t gva);
/* Abort unless what is cached is what the tables say, or less, and what is linked still stands. */
void tlb_check(struct mm *mm);

#endif
