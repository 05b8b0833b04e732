/* SPDX-License-Identifier: MIT */
/*
 * check.h: the consistency of an mm and of the memory below it: every entry follows from the
 * VMA and the object, every count is right, no table is reached twice. For tests and
 * fuzzers, after each step; its cost is that of reading all tables.
 */
#ifndef MM_CHECK_H
#define MM_CHECK_H

#include "vmm/mm/mm.h"

/*
 * NULL: all is well; else text, with what is wrong first. mm is the only one that uses
 * mm->phys. No vCPU may run in it. Takes mm->lock.
 */
const char *mm_check(struct mm *mm, char *text, size_t size);

#endif
