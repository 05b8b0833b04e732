/* SPDX-License-Identifier: MIT */
/*
 * kvmstat.h: KVM's own counters of a VM or a vCPU, by its binary statistics interface
 * (KVM_GET_STATS_FD, Documentation/virt/kvm/api.rst, 4.133; since Linux 5.14). Which there are, and
 * what they are called, the kernel says itself.
 */
#ifndef CPU_KVMSTAT_H
#define CPU_KVMSTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_stats_desc;

/* All zero: not opened yet. */
struct kvmstat {
	int fd;			   /* 0: not opened; -1: this kernel has none */
	unsigned n;		   /* statistics */
	size_t desc_size;	   /* of a descriptor with its name */
	char *descs;		   /* n of them */
	uint64_t *data;		   /* the values, as they were last read */
	size_t data_size, data_at; /* in bytes; where they are in the file */
};

/* Read what there is into st->data; vm_or_vcpu is asked for it the first time. False: nothing. */
bool kvmstat_read(struct kvmstat *st, int vm_or_vcpu);
void kvmstat_close(struct kvmstat *st);

/* The i-th one's descriptor, and its values: desc->size of them. */
const struct kvm_stats_desc *kvmstat_desc(const struct kvmstat *st, unsigned i);
const uint64_t *kvmstat_values(const struct kvmstat *st, unsigned i);
/* The value of that name, as it was read; 0: there is none. */
uint64_t kvmstat_value(const struct kvmstat *st, const char *name);

#endif
