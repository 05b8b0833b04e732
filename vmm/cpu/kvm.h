/* SPDX-License-Identifier: MIT */
/*
 * kvm.h: a KVM virtual machine: its file descriptors, what the host's KVM offers, memory slots,
 * and the drop of all translations.
 */
#ifndef CPU_KVM_H
#define CPU_KVM_H

#include <mapvisor/mapvisor.h>

#include "vmm/mm/phys.h"

struct kvm_cpuid2;

struct kvm {
	int sys; /* /dev/kvm */
	int vm;
	size_t run_size; /* of a vCPU's struct kvm_run mapping */
	bool sync_regs;	 /* KVM_CAP_SYNC_REGS, for REGS and SREGS */
	unsigned max_slots;
	struct kvm_cpuid2 *cpuid; /* what every vCPU shows */
	unsigned phys_bits;	  /* physical address width in there */
	uint64_t xcr0;		  /* state components that a payload may use */
	bool has_xsave, has_fsgsbase, has_umip;
	unsigned xstate_size; /* of these components, as XSAVE lays them out */
	unsigned xsave_size; /* what KVM_GET_XSAVE2 needs; 0: there is KVM_GET_XSAVE only */
	unsigned drop_slot;  /* the number of the slot that drops move; the last there is */
	bool drop_flip;	     /* which of its two places it is at */
	void *drop_page;     /* its memory, one page; NULL until the first drop */
};

/* Open /dev/kvm and make a VM without memory or vCPU. */
int kvm_open(struct kvm *kvm, struct mv_error *err);
void kvm_close(struct kvm *kvm);

/*
 * Let KVM keep shadow pages for `mem` bytes of guest tables and frames. Its own limit is a
 * fiftieth of what the slots hold, which on a shadow host makes sparse memory fault for ever: one
 * page in each of 2000 blocks of 2 MiB took 12 us an access, and 40 ns with this. A shadow
 * page stands for a guest table, and tables are charged, so the host's cost stays within mem.
 */
void kvm_set_shadow_pages(const struct kvm *kvm, uint64_t mem);

/* struct phys_ops' functions: ctx is a struct kvm. */
extern const struct phys_ops kvm_phys_ops;

/* The vector instructions that a payload has, by their widest kind. A static string. */
const char *kvm_vectors(const struct kvm *kvm);

/* The module that does the work, and the kind of second stage that it uses. Static strings. */
void kvm_host_kind(const char **module, const char **stage2);

#endif
