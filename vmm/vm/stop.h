/* SPDX-License-Identifier: MIT */
/*
 * stop.h: a sandbox's stops: int3 put into frames while the guest runs, and only then; and what a
 * #BP or #DB that came of it means. mapvisor/stop.h says what of it can be seen.
 *
 * The int3 goes into the byte that the address's entry leads to, found by a walk before each entry of
 * the guest, as pages come and go. Anonymous frames are plain memory here. A file's window is
 * the host's page cache: there the page is laid over with a private mapping of itself, at the
 * same gpa, so that no entry changes. How over it: the instruction is made alone, with TF and
 * without any int3.
 */
#ifndef VM_STOP_H
#define VM_STOP_H

#include <mapvisor/stop.h>

#include "vmm/cpu/vcpu.h"

struct stop {
	int id;
	struct mv_stop info;
	/* of an address, while the guest runs: */
	char *hva;    /* where the int3 stands; NULL: nowhere */
	uint8_t byte; /* what stood there */
	bool window;  /* hva is a file's window */
	/* and between: */
	char *laid; /* page of a window that a private mapping was laid over; NULL: none */
};

/* An instruction that a step over it must know. */
enum step_insn {
	INSN_OTHER,
	INSN_PUSHF, /* shows TF to the payload */
	INSN_POPF,  /* gives TF a value; IRET, too */
	INSN_REP,   /* traps after each round, at the same rip */
};

/* Whose a #BP or #DB was. */
enum stop_event {
	STOP_NOT_OURS,
	STOP_STEPPED, /* a step is done, or must be: the payload goes on */
	STOP_HIT,     /* the payload is at a stop */
};

struct stops {
	struct stop *all; /* in no order */
	unsigned nr, room;
	int last_id;
	gva_t over;    /* the instruction there is to be made without its int3; 0: none */
	bool stepping; /* the guest was entered with TF for it, and no event has come since */
	bool own_tf;   /* ... which the payload had set itself */
	enum step_insn insn; /* ... what is made */
	int hit;	     /* id of the stop that the last STOP_HIT was for */
};

struct mv_vm;

/* vcpu_run() with int3 in place. *whose, STOP_NOT_OURS before: of VCPU_EXCEPTION. */
enum vcpu_event stops_run(struct mv_vm *vm, enum stop_event *whose);
/* The stop that the fault just served was waited for by; 0: none. It is cleared. */
int stops_take_fault(struct mv_vm *vm);
void stops_free(struct stops *s);

/* Whether stops_run() is to be called. */
static inline bool stops_wanted(const struct stops *s)
{
	return s->nr || s->over;
}

#endif
