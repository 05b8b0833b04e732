/* SPDX-License-Identifier: MIT */
/*
 * stop.h: places where a run stops, to be looked at and gone on with.
 *
 *	int id = mv_stop_at(vm, gva);
 *
 *	while (!mv_run(vm, &end, &err) && end.kind == MV_EXIT_STOPPED)
 *		mv_print_walk(vm, end.rip, stdout);
 *
 * A stop at an address changes nothing that can be looked at: VMAs, page tables, counters of faults
 * and tables, and what mv_read() and the payload's calls find in memory are those of a run without
 * it. It is an int3 (SDM vol. 2A, INT3) that stands in the frame's first byte of the instruction only
 * while the guest runs; debug registers would be less still, but a host without a second stage
 * in hardware doesn't honour them in ring 3. What shows:
 *  - the payload itself, where it reads its own code, finds 0xcc there; an int3 that it overwrites
 *    is set again when it has next been out of the guest, by a call or a fault;
 *  - the page is touched by the library once it has an executable entry: the host gives it memory then;
 *  - a page of a file is shown to the guest from a private mapping of that page as long as the stop is
 *    set: a change of the file, by whomever, is not seen there;
 *  - mv_counters.exits and exits_exception have two more for each time, one for the int3 and one
 *    for the step over it, and RDTSC shows the time.
 * The payload's own int3 and TF work as ever.
 *
 * Thread rules, ownership and errors are those of mapvisor.h.
 */
#ifndef MAPVISOR_STOP_H
#define MAPVISOR_STOP_H

#include <mapvisor/mapvisor.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Stop each time before the instruction at gva is begun: mv_run() returns MV_EXIT_STOPPED, rip is
 * gva. gva must be where an instruction begins; it need not be mapped yet. An instruction that is
 * begun again after a signal handler returned to it stops again.
 * The stop's id, above 0, which mv_exit.stop has; the same for the same gva. -EINVAL: not an address that
 * the payload may map; -ENOMEM.
 */
MV_API int mv_stop_at(struct mv_vm *vm, uint64_t gva);

/*
 * Stop once, after the payload's n-th page fault (1, 2, ... since mv_load()) was served. Counted are
 * those that the processor took in ring 3, of every kind, spurious and fatal ones too: the sum of
 * mv_counters.faults less host_faults, MV_EVENT_FAULTs that are not `host`. mv_exit.addr and access
 * say what was accessed, rip where the payload goes on: at the access, or in the handler of
 * the signal that the fault became. A fault that ends the payload ends the run, not this.
 * The stop's id, the same for the same n; -EINVAL: n is 0, or so many were taken already; -ENOMEM.
 */
MV_API int mv_stop_at_fault(struct mv_vm *vm, uint64_t n);

/* No more of that stop. -ENOENT: there is none. A fault's clears itself when it was reached. */
MV_API int mv_stop_clear(struct mv_vm *vm, int id);

/* A stop, and what came of it. */
struct mv_stop {
	uint64_t gva;	/* of mv_stop_at(); else 0 */
	uint64_t fault; /* n of mv_stop_at_fault(); else 0 */
	uint64_t hits;	/* how often it was reached */
	bool refused;	/* no stop can be in this page: it is of a file that the payload
			 * may write, and the host's file would be changed */
};

/* -ENOENT: there is none of that id. */
MV_API int mv_stop_info(struct mv_vm *vm, int id, struct mv_stop *stop);

#ifdef __cplusplus
}
#endif
#endif
