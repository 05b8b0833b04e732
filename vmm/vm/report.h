/* SPDX-License-Identifier: MIT */
/* report.h: words that more than one report has. */
#ifndef VM_REPORT_H
#define VM_REPORT_H

#include <stddef.h>
#include <stdint.h>

#define ENTRY_FLAGS_SIZE 64

/* A table entry's bits, "P W U A D NX", in buf, which is returned. */
const char *entry_flags(uint64_t entry, unsigned level, char *buf, size_t len);

#endif
