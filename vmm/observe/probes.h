/* SPDX-License-Identifier: MIT */
/*
 * probes.h: the USDT probes, provider `mapvisor`, for perf, bpftrace, gdb and SystemTap: docs/tools.md.
 *
 * Where nobody listens each is a nop, and a note in .note.stapsdt that says where its arguments
 * are: in the registers and memory where the code has them anyway. What would have to be computed for
 * a probe is none's argument. Names and arguments are interface: tests/cli/test_probes.c knows them.
 *
 * A gva is the payload's virtual address, a gfn its guest-physical address >> 12. Probes inside
 * of faults and calls hit on the thread that runs the payload, so that a begin and the next end
 * of the same thread belong together. Where a call's own access faults, the fault lies between the call's.
 */
#ifndef OBSERVE_PROBES_H
#define OBSERVE_PROBES_H

#if !__has_include(<sys/sdt.h>)
/* cppcheck-suppress preprocessorErrorDirective ; it looks for no system header */
#error "sys/sdt.h is missing: install systemtap-sdt-dev (Debian) or systemtap-sdt-devel (Fedora, SUSE)"
#endif

#include <stdbool.h>
#include <stdint.h>
#include <sys/sdt.h>

/* Inlined always: a place in the code for each caller, and operands as the caller has them. */
#define PROBE static inline __attribute__((always_inline)) void

/*
 * A fault is about to be served. gva: the byte that was touched; access: 1 read, 2 write, 4 execute;
 * guest: 1 for the payload's own access, 0 for one of the VMM's, as read() into a new page.
 */
PROBE probe_fault_begin(uint64_t gva, unsigned access, bool guest)
{
	STAP_PROBE3(mapvisor, fault_begin, gva, access, guest);
}

/*
 * It was served. page: the 4 KiB that gva lies in, a gva; kind: an enum mv_fault, as counted;
 * signal: 0, or what a fatal one ends in: 7 SIGBUS, 9 out of memory, 11 SIGSEGV.
 */
PROBE probe_fault_end(uint64_t page, unsigned kind, int signal)
{
	STAP_PROBE3(mapvisor, fault_end, page, kind, signal);
}

/* The payload made a call: Linux's x86-64 number, and its six arguments as the registers had them. */
PROBE probe_call_begin(int nr, const uint64_t args[6])
{
	STAP_PROBE7(mapvisor, call_begin, nr, args[0], args[1], args[2], args[3], args[4],
		    args[5]);
}

/*
 * It was served: the value it returns, or -errno. What it never sees: -512, a signal to the VMM came between, and
 * the call begins again; -600, rt_sigreturn, which has no result; 0 of exit.
 */
PROBE probe_call_end(int64_t result)
{
	STAP_PROBE1(mapvisor, call_end, result);
}

/* A page table was made. level: 4 pgd, 3 pud, 2 pmd, 1 pte; gva: the first that it translates; gfn: its own. */
PROBE probe_table_alloc(unsigned level, uint64_t gva, uint32_t gfn)
{
	STAP_PROBE3(mapvisor, table_alloc, level, gva, gfn);
}

/* One is empty, and was unlinked. Its memory is used again later. */
PROBE probe_table_free(unsigned level, uint64_t gva, uint32_t gfn)
{
	STAP_PROBE3(mapvisor, table_free, level, gva, gfn);
}

/* n adjoining frames of 4 KiB from gfn on were reserved for content. */
PROBE probe_frame_alloc(uint32_t gfn, unsigned n)
{
	STAP_PROBE2(mapvisor, frame_alloc, gfn, n);
}

/* A frame of 2 MiB was; gfn: the first of its 512. */
PROBE probe_huge_alloc(uint32_t gfn)
{
	STAP_PROBE1(mapvisor, huge_alloc, gfn);
}

/* n adjoining frames are nobody's any more, be they of 4 KiB or of 2 MiB. */
PROBE probe_frame_free(uint32_t gfn, unsigned n)
{
	STAP_PROBE2(mapvisor, frame_free, gfn, n);
}

#undef PROBE

/* A function with a probe that others in its file call: it stays one place, as perf wants it. */
#define PROBED __attribute__((noinline))

#endif
