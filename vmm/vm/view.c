/* SPDX-License-Identifier: MIT */
/* view.c: the public functions that look at a sandbox's memory, and write to it. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "vmm/mm/pte.h"
#include "vmm/observe/text.h"
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
	const struct image_symbol *s = vm->image.fd >= 0 ? image_symbol(&vm->image, name)
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
	const struct image_symbol *s = vm->image.fd >= 0 ? image_symbol_at(&vm->image, gva)
							 : NULL;
	int most;

	if (!s)
		return -ENOENT;
	most = (int)min_u64(len, INT_MAX); /* a name may have megabytes */
	if (gva == s->gva)
		snprintf(buf, len, "%.*s", most, s->name);
	else
		snprintf(buf, len, "%.*s+%#lx", most, s->name, gva - s->gva);
	if (len)
		text_hide(buf);
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
