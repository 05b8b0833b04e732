/* SPDX-License-Identifier: MIT */
/*
 * vcpu.h: one vCPU that runs a payload in ring 3: set up, run to the next event, go on. What
 * an event was and how the way back goes is hidden here; others see the payload's registers.
 *
 * A vCPU belongs to the thread that runs it.
 */
#ifndef CPU_VCPU_H
#define CPU_VCPU_H

#include <linux/kvm.h>
#include <signal.h>

#include "vmm/cpu/kvm.h"
#include "vmm/cpu/monitor.h"
#include "vmm/observe/oncpu.h"

/* Error code bits of a #PF; SDM vol. 3A, 4.7. */
#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_USER 4u
#define PF_INSTR 16u

enum vcpu_event {
	VCPU_CALL,	  /* rax has a call's number; answer with vcpu_answer() */
	VCPU_EXCEPTION,	  /* see vector, error_code, cr2 */
	VCPU_INTERRUPTED, /* a signal ended KVM_RUN: look why, and run again */
	VCPU_FAULT,	  /* KVM_RUN said EFAULT: host memory behind some frame is gone */
	VCPU_ERROR,	  /* the virtual machine can't go on: vcpu_error() */
};

/* How the payload left ring 3, which decides about its way back. */
enum vcpu_way {
	WAY_OUT,	   /* `out` in ring 3: KVM itself goes on behind it */
	WAY_SYSCALL_RING3, /* ... in the entry page: rcx and r11 have rip and rflags */
	WAY_SYSCALL_RING0, /* the ring-0 stub will do SYSRET with rcx and r11 */
	WAY_EXCEPTION,	   /* the CPU's frame has them */
	WAY_SET,	   /* registers were set: vcpu_set() */
	WAY_REFUSED, /* as before, to a rip that no CPU takes: the next event is its #GP */
};

/* The frame that the CPU pushes; SDM vol. 3A, 6.14.2. */
struct exception_frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

/* The TSC as the guest read it once, and the host right before and after that. */
struct tsc_probe {
	uint64_t before, guest, after;
};

struct vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
	struct kvm_regs *regs; /* in *run: the registers as they were at the exit */
	char *stack_top;       /* hva of the end of the monitor's stack */
	bool syscall_ring3;    /* where SYSCALL lands on this host */
	bool host_return; /* the host makes an exception's return, not iretq in the stub */
	struct tsc_probe probed;
	struct kvm_segment user_cs, user_ss; /* ring 3's, to return to */
	int kick;			     /* see vcpu_allow() */
	char *xsave;			     /* for vcpu_get_xsave() and vcpu_set_xsave() */
	bool xsave2;			     /* KVM_GET_XSAVE2 is there */
	unsigned xstate_size;		     /* what counts of it */
	/*
	 * The components in there; 0: FXSAVE's area only. A shadow host may hide XSAVE in
	 * CPUID.1, and yet have them: ring 3 runs on the real CPU.
	 */
	uint64_t xfeatures;
	/* of the last event: */
	enum vcpu_way way;
	unsigned vector;
	uint32_t error_code; /* 0 where the vector has none */
	gva_t cr2;	     /* of a #PF */
	bool in_monitor; /* the exception came from ring 0: a bug, or a hostile return address */
	uint64_t rip, rsp, rflags; /* the payload's; may be changed before vcpu_run() */
	bool step; /* enter with TF: #DB follows the next instruction. SDM vol. 3B, 19.3.1.4 */
	bool timing; /* take the next two */
	uint64_t enter_ns,
		leave_ns;    /* when KVM_RUN was last entered and left; CLOCK_MONOTONIC */
	bool tally;	     /* with timing: add up the next ones */
	uint64_t run_ns;     /* in KVM_RUN */
	uint64_t off_ns;     /* without a CPU */
	uint64_t off_run_ns; /* ... in KVM_RUN */
	struct oncpu oncpu;
	int error; /* of VCPU_ERROR: errno of KVM_RUN, or 0: see run->exit_reason */
};

/* Make a vCPU in ring 3 of long mode on the tables of `pgd`, and find out where SYSCALL lands. */
int vcpu_open(struct vcpu *vcpu, const struct kvm *kvm, const struct monitor *mon,
	      gfn_t pgd, struct mv_error *err);
void vcpu_close(struct vcpu *vcpu);

/*
 * The signal `kick` shall end KVM_RUN though the thread blocks it: it stays pending until
 * then, so none is lost, and needs no handler. 0 or -errno.
 */
int vcpu_allow(struct vcpu *vcpu, int kick);

/*
 * The guest's TSC: the host's plus *offset, modulo 2^64, at *khz. False: KVM doesn't tell, or isn't right:
 * the guest has read another one.
 */
bool vcpu_tsc(const struct vcpu *vcpu, uint64_t *offset, uint32_t *khz);

/* Where the payload begins; all other registers are 0. */
void vcpu_start(struct vcpu *vcpu, gva_t rip, gva_t rsp);
/* The bases of FS and GS, which stay whatever the event was; set them before going on. */
void vcpu_bases(const struct vcpu *vcpu, gva_t *fs, gva_t *gs);
void vcpu_set_bases(struct vcpu *vcpu, gva_t fs, gva_t gs);
/* Give a call its result. */
void vcpu_answer(struct vcpu *vcpu, int64_t result);

/* The payload's registers as they are after the event, or its answer; then it can go on by
 * vcpu_set() only. 0 or -errno. */
int vcpu_get(struct vcpu *vcpu, struct kvm_regs *regs);
/*
 * After VCPU_INTERRUPTED: whether the payload was between two of its own instructions. Then vcpu_get()
 * has its registers; else it is in the monitor, or about to enter it.
 */
bool vcpu_in_payload(struct vcpu *vcpu);
/*
 * Go on in ring 3 with exactly these registers, whatever the way out was. Flags that ring 3
 * can't set stay as they must be. A rip that isn't canonical gives #GP.
 */
void vcpu_set(struct vcpu *vcpu, const struct kvm_regs *regs);
/*
 * Read x87, SSE and AVX state into vcpu->xsave, and load it from there; each costs a call. 0 or
 * -errno; -EINVAL: the CPU wouldn't take it either.
 */
int vcpu_get_xsave(struct vcpu *vcpu);
int vcpu_set_xsave(struct vcpu *vcpu);
/* TF, which was set for `step`, is in none of the payload's registers any more. */
void vcpu_clear_tf(struct vcpu *vcpu);
/* What says which floating-point exception there was. KVM_GET_FPU leaves mxcsr out. */
struct vcpu_fpu_status {
	uint16_t fcw, fsw;
	uint32_t mxcsr;
};
int vcpu_fpu_status(struct vcpu *vcpu, struct vcpu_fpu_status *status);

/* With vcpu->tally: the caller's time begins, and ends, at ns of CLOCK_MONOTONIC. */
void vcpu_begin_tally(struct vcpu *vcpu, uint64_t ns);
void vcpu_end_tally(struct vcpu *vcpu, uint64_t ns);
/* Go on in ring 3 until the next event. */
enum vcpu_event vcpu_run(struct vcpu *vcpu);
/* Say in words why VCPU_ERROR. Returns -EIO. */
int vcpu_error(const struct vcpu *vcpu, struct mv_error *err);

#endif
