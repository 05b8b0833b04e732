/* SPDX-License-Identifier: MIT */
/* vm.h: a sandbox: what the public struct mv_vm is made of. */
#ifndef VM_VM_H
#define VM_VM_H

#include <pthread.h>

#include "vmm/cpu/vcpu.h"
#include "vmm/linux/process.h"
#include "vmm/observe/error.h"
#include "vmm/observe/events.h"
#include "vmm/observe/hist.h"
#include "vmm/vm/image.h"

/* Where a sandbox's life has come to. */
enum vm_state {
	VM_EMPTY,  /* opened, nothing is loaded */
	VM_LOADED, /* may run, or go on */
	VM_ENDED   /* the payload has ended; its memory can still be looked at */
};

/* Exits by kind. */
struct vm_exits {
	uint64_t all, call, exception, other;
};

struct mv_vm {
	struct mv_options
		opt; /* as given; grants and fds were taken over, and are not used */
	struct kvm kvm;
	struct phys phys;
	struct monitor monitor;
	struct mm mm;
	struct vcpu vcpu;
	struct process process; /* the payload beyond its memory */
	struct image image;
	enum vm_state state;
	bool call_pending; /* an interrupted call is to be made again first */
	struct vm_exits exits;
	struct hist fault_ns; /* the VMM's own time in a fault, with opt.timing */
	struct events events; /* vm->mm.events leads to it, where somebody wants to know */
	struct stage2_log violations; /* that become events */
	bool fault_open; /* the last event was a page fault: its time ends at the next entry */

	pthread_mutex_t kick_lock; /* guards the next two */
	pid_t runner;		   /* the thread in mv_run(); 0: none */
	bool interrupt;		   /* mv_interrupt() was called, and not answered yet */
	uint64_t deadline_ns;	   /* of the run under way, CLOCK_MONOTONIC; 0: none */
};

/*
 * events.c: what happened, for who wants to know; the others are called where vm->mm.events is not
 * NULL only.
 */
void vm_event_call(struct mv_vm *vm, int64_t nr, const uint64_t args[6], int64_t result,
		   bool returns);
void vm_event_signal(struct mv_vm *vm, const struct signal *sig);
void vm_event_end(struct mv_vm *vm, const struct mv_exit *end);
/* The guest has come back, at vm->vcpu.leave_ns. */
void vm_events_begin(struct mv_vm *vm);
/* Tell all that there is to tell. Nothing is locked. */
void vm_events_hand_on(struct mv_vm *vm);

/*
 * The signal that ends KVM_RUN: blocked in the thread that runs, and sent only to it. Of the
 * real-time ones the last but one, so that embedders' own, counted from SIGRTMIN, stay free.
 */
#define KICK_SIGNAL (SIGRTMAX - 1)

#endif
