/* SPDX-License-Identifier: MIT */
/* context.c: between struct kvm_regs and struct sigcontext. See context.h. */
#include "vmm/vm/context.h"

int context_get(struct vcpu *vcpu, struct context *c)
{
	struct kvm_regs r;
	int err = vcpu_get(vcpu, &r);

	c->regs = (struct sig_regs){ .r8 = r.r8,
				     .r9 = r.r9,
				     .r10 = r.r10,
				     .r11 = r.r11,
				     .r12 = r.r12,
				     .r13 = r.r13,
				     .r14 = r.r14,
				     .r15 = r.r15,
				     .rdi = r.rdi,
				     .rsi = r.rsi,
				     .rbp = r.rbp,
				     .rbx = r.rbx,
				     .rdx = r.rdx,
				     .rax = r.rax,
				     .rcx = r.rcx,
				     .rsp = r.rsp,
				     .rip = r.rip,
				     .rflags = r.rflags };
	c->fpu = (struct sig_fpu){ .area = vcpu->xsave,
				   .size = vcpu->xstate_size,
				   .xfeatures = vcpu->xfeatures };
	return err;
}

int context_set(struct vcpu *vcpu, const struct context *c)
{
	const struct sig_regs *r = &c->regs;
	const struct kvm_regs regs = { .rax = r->rax,
				       .rbx = r->rbx,
				       .rcx = r->rcx,
				       .rdx = r->rdx,
				       .rsi = r->rsi,
				       .rdi = r->rdi,
				       .rsp = r->rsp,
				       .rbp = r->rbp,
				       .r8 = r->r8,
				       .r9 = r->r9,
				       .r10 = r->r10,
				       .r11 = r->r11,
				       .r12 = r->r12,
				       .r13 = r->r13,
				       .r14 = r->r14,
				       .r15 = r->r15,
				       .rip = r->rip,
				       .rflags = r->rflags };

	vcpu_set(vcpu, &regs);
	return c->fpu.changed ? vcpu_set_xsave(vcpu) : 0;
}
