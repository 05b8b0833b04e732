/* SPDX-License-Identifier: MIT */
/* counts.c: the public functions that count and time: faults, exits, calls, KVM's own. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/vm/vm.h"

/* All kinds' times in *all, or one kind's. */
static const struct hist *times_of(struct mv_vm *vm, enum mv_fault kind, struct hist *all)
{
	if (kind < MV_FAULT_KINDS)
		return &vm->fault_ns[kind];
	*all = (struct hist){ 0 };
	for (unsigned k = 0; k < MV_FAULT_KINDS; k++)
		hist_merge(all, &vm->fault_ns[k]);
	return all;
}

int mv_fault_times(struct mv_vm *vm, enum mv_fault kind, struct mv_fault_times *t)
{
	const struct hist *h;
	struct hist all;

	*t = (struct mv_fault_times){ 0 };
	if (kind > MV_FAULT_KINDS)
		return -EINVAL;
	h = times_of(vm, kind, &all);
	*t = (struct mv_fault_times){ .count = h->total,
				      .sum = h->sum,
				      .min = h->min,
				      .max = h->max,
				      .p50 = hist_quantile(h, 0.5),
				      .p90 = hist_quantile(h, 0.9),
				      .p99 = hist_quantile(h, 0.99) };
	return 0;
}

uint64_t mv_fault_quantile(struct mv_vm *vm, enum mv_fault kind, double q)
{
	struct hist all;

	return kind > MV_FAULT_KINDS ? 0 : hist_quantile(times_of(vm, kind, &all), q);
}

/* Both from one sum of the kinds' times, which is what takes long here. */
static void fault_quantiles(struct mv_vm *vm, struct mv_counters *c)
{
	struct hist all;

	times_of(vm, MV_FAULT_KINDS, &all);
	c->fault_ns_p50 = hist_quantile(&all, 0.5);
	c->fault_ns_p99 = hist_quantile(&all, 0.99);
}

void mv_counters(struct mv_vm *vm, struct mv_counters *c)
{
	const struct mm_counters *mm = &vm->mm.count;
	const struct stage2_count stage2 = stage2_count(vm->phys.stage2);

	*c = (struct mv_counters){
		.host_faults = mm->host_faults,
		.around = mm->around,
		.huge = mm->huge,
		.copied = mm->copied,
		.major = mm->major,
		.frames = vm->phys.reserved,
		.flush_free = vm->phys.flush_free,
		.flush_keep = vm->phys.flush_keep,
		.drops = vm->phys.drops,
		.reclaimed = mm->reclaimed,
		.exits = vm->exits.all,
		.exits_call = vm->exits.call,
		.exits_call_out = vm->exits.call_out,
		.exits_interrupted = vm->exits.interrupted,
		.exits_efault = vm->exits.efault,
		.exits_failed = vm->exits.failed,
		.exits_other = vm->exits.interrupted + vm->exits.efault + vm->exits.failed,
		.calls = vm->process.calls,
		.calls_unknown = vm->process.calls_unknown,
		.slots = vm->phys.nr_slots + (vm->kvm.drop_page != NULL),
		.violations = stage2.violations,
		.pages_zeroed = stage2.zeroed,
		.pages_from_files = stage2.from_files,
	};
	memcpy(c->faults, mm->faults, sizeof(c->faults));
	memcpy(c->tables, mm->tables, sizeof(c->tables));
	memcpy(c->tables_made, mm->tables_made, sizeof(c->tables_made));
	memcpy(c->tables_freed, mm->tables_freed, sizeof(c->tables_freed));
	memcpy(c->exits_vector, vm->exits.vector, sizeof(c->exits_vector));
	for (unsigned v = 0; v < 32; v++)
		c->exits_exception += c->exits_vector[v];
	if (vm->opt.timing)
		fault_quantiles(vm, c);
}

int mv_unknown_call(struct mv_vm *vm, size_t *cursor, int64_t *nr, uint64_t *count)
{
	const struct unknown_call *row = &vm->process.unknown[*cursor];

	if (*cursor >= vm->process.nr_unknown)
		return -ENOENT;
	++*cursor;
	*nr = row->nr;
	*count = row->count;
	return 0;
}

int mv_call_count(struct mv_vm *vm, size_t *cursor, struct mv_call_count *count)
{
	const unsigned rows = sizeof(vm->process.counts) / sizeof(vm->process.counts[0]);
	const struct call_count *row;

	for (; *cursor < rows; ++*cursor) {
		row = &vm->process.counts[*cursor];
		if (!row->made)
			continue;
		*count = (struct mv_call_count){ linux_row_call((unsigned)*cursor),
						 row->made, row->failed, row->ns };
		++*cursor;
		return 0;
	}
	return -ENOENT;
}

static enum mv_kvm_stat_type type_of(const struct kvm_stats_desc *d)
{
	switch (d->flags & KVM_STATS_TYPE_MASK) {
	case KVM_STATS_TYPE_INSTANT:
		return MV_KVM_INSTANT;
	case KVM_STATS_TYPE_PEAK:
		return MV_KVM_PEAK;
	case KVM_STATS_TYPE_LINEAR_HIST:
		return MV_KVM_LINEAR_HIST;
	case KVM_STATS_TYPE_LOG_HIST:
		return MV_KVM_LOG_HIST;
	default:
		return MV_KVM_CUMULATIVE;
	}
}

int mv_kvm_stat(struct mv_vm *vm, size_t *cursor, struct mv_kvm_stat *stat)
{
	const struct kvm_stats_desc *d;
	const struct kvmstat *from;
	size_t i = *cursor;

	if (!i && (!kvmstat_read(&vm->vm_stats, vm->kvm.vm) ||
		   !kvmstat_read(&vm->vcpu_stats, vm->vcpu.fd)))
		return -ENOENT;
	from = i < vm->vm_stats.n ? &vm->vm_stats : &vm->vcpu_stats;
	i -= from == &vm->vm_stats ? 0 : vm->vm_stats.n;
	if (i >= from->n)
		return -ENOENT;
	d = kvmstat_desc(from, (unsigned)i);
	*stat = (struct mv_kvm_stat){ .name = d->name,
				      .vcpu = from == &vm->vcpu_stats,
				      .type = type_of(d),
				      .values = kvmstat_values(from, (unsigned)i),
				      .nvalues = d->size };
	++*cursor;
	return 0;
}

/* A value of KVM's by its name, as the kernel keeps it now; 0: it doesn't. */
static uint64_t kvm_value(struct kvmstat *st, int fd, const char *name)
{
	return kvmstat_read(st, fd) ? kvmstat_value(st, name) : 0;
}

/* What KVM took in KVM_RUN, if each exit takes what the floor says, and each fault beyond. */
static uint64_t kvm_ns(struct mv_vm *vm, const struct mv_floor *floor)
{
	const struct vm_exits *e = &vm->exits;
	const uint64_t faults = e->vector[VECTOR_PF], by_syscall = e->call - e->call_out;
	const uint64_t others = e->all - by_syscall - faults;
	uint64_t fixed = kvm_value(&vm->vcpu_stats, vm->vcpu.fd, "pf_fixed"), huge;

	/* a floor's page fault has one in it: the retried access, to a page that KVM has not seen yet */
	fixed = fixed > faults ? fixed - faults : 0;
	huge = min_u64(kvm_value(&vm->vm_stats, vm->kvm.vm, "pages_2m"), fixed);
	return by_syscall * floor->syscall_cpu_ns + faults * floor->pf_exit_cpu_ns +
	       others * floor->port_exit_cpu_ns + huge * floor->stage2_2m_ns +
	       (fixed - huge) * floor->stage2_ns;
}

/* With the run under way: an event's listener may ask in the middle of it. */
static struct vm_times times_now(const struct mv_vm *vm)
{
	struct vm_times t = vm->times;

	if (t.start) {
		t.elapsed += clock_ns() - t.start;
		t.cpu += oncpu_clock() - t.cpu_at_start;
	}
	return t;
}

void mv_times(struct mv_vm *vm, const struct mv_floor *floor, struct mv_times *t)
{
	const struct vm_times now = times_now(vm);
	const struct vcpu *vcpu = &vm->vcpu;

	*t = (struct mv_times){ .elapsed = now.elapsed,
				.outside = now.elapsed - vcpu->run_ns,
				.run = vcpu->run_ns,
				.waited = vcpu->off_ns,
				.cpu = now.cpu };
	t->vmm = t->outside - (vcpu->off_ns - vcpu->off_run_ns);
	t->guest = t->run - vcpu->off_run_ns;
	if (floor)
		t->kvm = min_u64(kvm_ns(vm, floor), t->guest);
	t->guest -= t->kvm;
}
