/* SPDX-License-Identifier: MIT */
/*
 * context.h: all registers of the payload, out of the vCPU for a signal's frame and back: neither
 * knows the other's order.
 */
#ifndef VM_CONTEXT_H
#define VM_CONTEXT_H

#include "vmm/cpu/vcpu.h"
#include "vmm/linux/signal.h"

struct context {
	struct sig_regs regs;
	struct sig_fpu fpu; /* its area is the vCPU's */
};

/* The general registers, and a place for the others. 0 or -errno. */
int context_get(struct vcpu *vcpu, struct context *c);
/* Go on with it. 0; -EINVAL: not with such a floating-point state, which is as it was; -errno */
int context_set(struct vcpu *vcpu, const struct context *c);

#endif
