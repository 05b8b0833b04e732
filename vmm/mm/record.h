/* SPDX-License-Identifier: MIT */
/*
 * record.h: what an mm tells of itself, where somebody wants to know: mm->events is not NULL. mm->lock
 * held.
 */
#ifndef MM_RECORD_H
#define MM_RECORD_H

#include "vmm/mm/mm.h"
#include "vmm/observe/events.h"

/* n adjoining entries are about to hold value, and what follows from it for adjoining frames. */
void record_entries(struct mm *mm, gfn_t table, const uint64_t *entry, uint64_t value,
		    unsigned n);
/* A table was made, or was just unlinked. */
void record_table(struct mm *mm, gfn_t table, bool made);
/* A VMA was added, or is about to go. */
void record_vma(struct mm *mm, const struct vma *vma, bool added);
/* All that exists, as if it came into being now. */
void record_all(struct mm *mm);
/* mm_handle_fault(), and its event. */
struct mm_fault record_fault(struct mm *mm, gva_t gva, unsigned access, bool guest);

#endif
