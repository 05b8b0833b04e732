/* SPDX-License-Identifier: MIT */
/* view.c: the public functions that look at a sandbox's memory, and write to it. */
#include <errno.h>
#include <string.h>

#include "vmm/mm/pte.h"
#include "vmm/vm/vm.h"

static int copied(size_t len, uint64_t left, size_t *done)
{
	if (done)
		*done = len - left;
	return left ? -EFAULT : 0;
}

int mv_read(struct mv_vm *vm, uint64_t gva, void *buf, size_t len, size_t *done)
{
	return copied(len, mm_peek(&vm->mm, buf, gva, len), done);
}

int mv_write(struct mv_vm *vm, uint64_t gva, const void *buf, size_t len, size_t *done)
{
	uint64_t left = mm_poke(&vm->mm, gva, buf, len);

	if (vm->mm.events)
		vm_events_hand_on(vm);
	if (left && !phys_can_charge(&vm->phys, 1)) {
		copied(len, left, done);
		return -ENOMEM;
	}
	return copied(len, left, done);
}

int mv_read_gpa(struct mv_vm *vm, uint64_t gpa, void *buf, size_t len)
{
	return mm_read_gpa(&vm->mm, gpa, buf, len);
}

int mv_symbol(struct mv_vm *vm, const char *name, uint64_t *gva, uint64_t *size)
{
	const struct image_symbol *s = vm->image.elf ? image_symbol(&vm->image, name)
						     : NULL;

	if (!s)
		return -ENOENT;
	if (gva)
		*gva = s->gva;
	if (size)
		*size = s->size;
	return 0;
}

int mv_symbol_at(struct mv_vm *vm, uint64_t gva, char *buf, size_t len)
{
	const struct image_symbol *s = vm->image.elf ? image_symbol_at(&vm->image, gva)
						     : NULL;

	if (!s)
		return -ENOENT;
	if (gva == s->gva)
		snprintf(buf, len, "%s", s->name);
	else
		snprintf(buf, len, "%s+%#lx", s->name, gva - s->gva);
	return 0;
}

int mv_walk(struct mv_vm *vm, uint64_t gva, struct mv_walk *walk)
{
	return mm_walk(&vm->mm, gva, walk);
}

int mv_vma(struct mv_vm *vm, uint64_t gva, struct mv_vma *vma)
{
	return mm_vma_info(&vm->mm, gva, vma);
}

void mv_memory(struct mv_vm *vm, struct mv_memory *memory)
{
	mm_memory(&vm->mm, memory);
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
		.frames = vm->phys.reserved,
		.flush_free = vm->phys.flush_free,
		.flush_keep = vm->phys.flush_keep,
		.drops = vm->phys.drops,
		.reclaimed = mm->reclaimed,
		.exits = vm->exits.all,
		.exits_call = vm->exits.call,
		.exits_exception = vm->exits.exception,
		.exits_other = vm->exits.other,
		.calls = vm->process.calls,
		.calls_unknown = vm->process.calls_unknown,
		.fault_ns_p50 = hist_quantile(&vm->fault_ns, 0.5),
		.fault_ns_p99 = hist_quantile(&vm->fault_ns, 0.99),
		.slots = vm->phys.nr_slots + (vm->kvm.drop_page != NULL),
		.violations = stage2.violations,
		.pages_zeroed = stage2.zeroed,
		.pages_from_files = stage2.from_files,
	};
	memcpy(c->faults, mm->faults, sizeof(c->faults));
	memcpy(c->tables, mm->tables, sizeof(c->tables));
	memcpy(c->tables_made, mm->tables_made, sizeof(c->tables_made));
	memcpy(c->tables_freed, mm->tables_freed, sizeof(c->tables_freed));
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

const char *mv_call_name(int64_t nr)
{
	return linux_call_name(nr);
}

const char *mv_level_name(unsigned level)
{
	static const char *const names[] = { "", "pte", "pmd", "pud", "pgd" };

	return level < 5 ? names[level] : "";
}

const char *mv_fault_name(enum mv_fault kind)
{
	static const char *const names[MV_FAULT_KINDS] = {
		"anonymous",	 "file read", "shared write", "private copy",
		"write-protect", "remap",     "spurious",     "fatal",
	};

	return kind < MV_FAULT_KINDS ? names[kind] : "";
}
