/* SPDX-License-Identifier: MIT */
/* kvmstat.c: KVM's own counters. See kvmstat.h. */
#include "vmm/cpu/kvmstat.h"

#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/mm/types.h"

/* A kernel that claims more than this is not believed. */
#define STATS_MAX 4096u
#define NAME_MAX_SIZE 256u

static bool read_at(int fd, void *buf, size_t len, size_t at)
{
	return pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

/* Descriptors don't change; where values lie follows from them. */
static bool read_descs(struct kvmstat *st)
{
	struct kvm_stats_header h;

	if (!read_at(st->fd, &h, sizeof(h), 0) || !h.num_desc || h.num_desc > STATS_MAX ||
	    h.name_size > NAME_MAX_SIZE || !h.name_size)
		return false;
	st->n = h.num_desc;
	st->desc_size = sizeof(struct kvm_stats_desc) + h.name_size;
	st->data_at = h.data_offset;
	st->descs = calloc(st->n, st->desc_size);
	if (!st->descs || !read_at(st->fd, st->descs, st->n * st->desc_size, h.desc_offset))
		return false;
	for (unsigned i = 0; i < st->n; i++) {
		struct kvm_stats_desc *d =
			(struct kvm_stats_desc *)(st->descs + i * st->desc_size);

		d->name[h.name_size - 1] = '\0';
		st->data_size =
			max_u64(st->data_size, d->offset + d->size * sizeof(uint64_t));
	}
	st->data = calloc(1, st->data_size);
	return st->data;
}

bool kvmstat_read(struct kvmstat *st, int vm_or_vcpu)
{
	if (!st->fd) {
		st->fd = ioctl(vm_or_vcpu, KVM_GET_STATS_FD, 0);
		if (st->fd <= 0 || !read_descs(st)) {
			kvmstat_close(st);
			st->fd = -1;
			return false;
		}
	}
	return st->fd > 0 && read_at(st->fd, st->data, st->data_size, st->data_at);
}

void kvmstat_close(struct kvmstat *st)
{
	if (st->fd > 0)
		close(st->fd);
	free(st->descs);
	free(st->data);
	*st = (struct kvmstat){ 0 };
}

const struct kvm_stats_desc *kvmstat_desc(const struct kvmstat *st, unsigned i)
{
	return (const struct kvm_stats_desc *)(st->descs + i * st->desc_size);
}

const uint64_t *kvmstat_values(const struct kvmstat *st, unsigned i)
{
	return st->data + kvmstat_desc(st, i)->offset / sizeof(uint64_t);
}

uint64_t kvmstat_value(const struct kvmstat *st, const char *name)
{
	for (unsigned i = 0; i < st->n; i++)
		if (!strcmp(kvmstat_desc(st, i)->name, name))
			return *kvmstat_values(st, i);
	return 0;
}
