/* SPDX-License-Identifier: MIT */
/*
 * vdso.h: clocks that a payload reads without a call: the data page behind [vvar], which
 * guest/vdso/vdso.c reads, and who keeps it true.
 *
 * A clock is written when it was asked for by a call, and holds for some milliseconds of the
 * TSC; then the vDSO asks by a call again. So who reads no clock pays nothing, and who reads
 * one all the time has an exit in a while. What a payload sees of a clock by either way never
 * goes back, but where the host's was set back.
 *
 * Under the lock of the process whose it is: there is none yet.
 */
#ifndef LINUX_VDSO_H
#define LINUX_VDSO_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "guest/vdso/data.h"
#include "vmm/mm/mm.h"

/* How the TSC that a payload reads follows from the host's. */
struct vdso_tsc {
	uint64_t offset; /* the guest's less the host's, modulo 2^64 */
	uint32_t khz;	 /* 0: nobody knows, or it isn't to be relied on */
};

/* A reading of a clock. */
struct vdso_sample {
	uint64_t tsc; /* the host's */
	uint64_t ns;
};

/* A clock, as the host knows it. */
struct vdso_source {
	struct vdso_sample old, mid; /* what its pace is measured from, next */
	struct vdso_clock shown;     /* what the page was given last; tsc is the host's */
};

struct vdso {
	struct vdso_data *data; /* mapped from the object's file; NULL: there is no vDSO */
	struct vdso_tsc tsc;
	bool asked; /* whether the host's clocks go by its TSC; if not, tsc.khz is 0 now */
	struct vdso_source source[VDSO_CLOCKS];
};

/*
 * Map [vvar] and [vdso] into an mm that has its program already. *gva gets where the image
 * begins: AT_SYSINFO_EHDR. 0 or -errno.
 */
int vdso_open(struct vdso *vdso, struct mm *mm, struct vdso_tsc tsc, gva_t *gva);
void vdso_close(struct vdso *vdso);

/*
 * Read a clock of the host's, one that clock_gettime() has, and have the vDSO go on from
 * there. False: ask the host, the vDSO doesn't do this one.
 */
bool vdso_read(struct vdso *vdso, clockid_t clock, uint64_t *ns);

/*
 * Time was waited for: what is read next must not be earlier than what the host says, by
 * however little the pace is wrong.
 */
void vdso_stale(struct vdso *vdso);

#endif
