/* SPDX-License-Identifier: MIT */
/* vm.h: a sandbox: what the public struct mv_vm is made of. */
#ifndef VM_VM_H
#define VM_VM_H

#include <pthread.h>
#include <time.h>

#include "vmm/cpu/kvmstat.h"
#include "vmm/cpu/vcpu.h"
#include "vmm/linux/process.h"
#include "vmm/observe/error.h"
#include "vmm/observe/events.h"
#include "vmm/observe/hist.h"
#include "vmm/vm/image.h"
#include "vmm/vm/stop.h"

/* Where a sandbox's life has come to. */
enum vm_state {
	VM_EMPTY,  /* opened, nothing is loaded */
	VM_LOADED, /* may run, or go on */
	VM_ENDED   /* the payload has ended; its memory can still be looked at */
};

/* Exits by reason. */
struct vm_exits {
	uint64_t all;
	uint64_t call, call_out; /* all calls; those by `out` */
	uint64_t vector[32];	 /* exceptions */
	uint64_t interrupted, efault, failed;
};

/* What the last event was, whose time ends at the next entry. */
enum vm_open {
	OPEN_NOTHING,
	OPEN_FAULT, /* vm->open_kind */
	OPEN_CALL   /* vm->open_nr */
};

/* How long mv_run() took: by the wall clock, and by the thread's CPU clock. */
struct vm_times {
	uint64_t elapsed, cpu;	      /* the runs that have returned */
	uint64_t start, cpu_at_start; /* of the one under way; start 0: none is */
};

/* A timer of the host that sends KICK_SIGNAL to the thread in mv_run(). */
struct kick_timer {
	bool made;
	timer_t id;
};

/* Those of the run under way: by CLOCK_MONOTONIC, and by the thread's CPU clock. */
struct kicks {
	struct kick_timer wall, cpu;
	uint64_t again_ns; /* a signal waits for the payload to leave the monitor; 0: none does */
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
	struct hist fault_ns[MV_FAULT_KINDS]; /* the VMM's own time, with opt.timing */
	struct vm_times times;		      /* ... too */
	struct kvmstat vm_stats, vcpu_stats; /* KVM's own, opened when they are asked for */
	struct events events; /* vm->mm.events leads to it, where somebody wants to know */
	struct stage2_log violations; /* that become events */
	enum vm_open open;	      /* see there */
	enum mv_fault open_kind;
	int open_nr;
	struct stops stops;
	struct kicks kicks;
	uint64_t left_ns; /* of the time limit, after a stop; 0: the next run has all of it */

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

/* run.c: process.is_over. */
bool vm_is_over(void *run);

/* kick.c: the timers are as process.itimer, deadline_ns and kicks_again() want them. 0 or -errno. */
int kicks_arm(struct mv_vm *vm);
/* Look again soon. */
void kicks_again(struct mv_vm *vm);
void kicks_end(struct mv_vm *vm);

/*
 * The signal that ends KVM_RUN: blocked in the thread that runs, and sent only to it. Of the
 * real-time ones the last but one, so that embedders' own, counted from SIGRTMIN, stay free.
 */
#define KICK_SIGNAL (SIGRTMAX - 1)

#endif
