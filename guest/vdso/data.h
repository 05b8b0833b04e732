/* SPDX-License-Identifier: MIT */
/*
 * data.h: the page that [vvar] shows: how clocks follow from the TSC. The VMM writes it
 * (vmm/linux/vdso.c), the code of [vdso] reads it (vdso.c).
 */
#ifndef GUEST_VDSO_DATA_H
#define GUEST_VDSO_DATA_H

#include <stdint.h>

/* Clock ids of Linux, up to CLOCK_TAI; those that aren't read by the TSC are never valid. */
#define VDSO_CLOCKS 12
/* Binary places of vdso_clock.mult behind the point. */
#define VDSO_SHIFT 32

/* A clock, from one reading of it to a little later. */
struct vdso_clock {
	uint32_t seq;	/* odd while the rest changes, as in linux/seqlock.h */
	uint32_t valid; /* cycles after tsc for which the rest holds; 0: ask by a call */
	uint64_t tsc;	/* the guest's TSC at the reading */
	uint64_t ns;	/* what was read */
	uint32_t mult;	/* ns for a cycle, by VDSO_SHIFT */
	uint32_t unused;
};

struct vdso_data {
	struct vdso_clock clock[VDSO_CLOCKS]; /* by id */
	uint64_t coarse_ns; /* resolution of the coarse clocks; 0: not known */
};

#endif
