/* SPDX-License-Identifier: MIT */
/* stop.c: setting stops, and running with them. See stop.h. */
#include "vmm/vm/stop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/mm/pgtable.h"
#include "vmm/vm/vm.h"

#define INT3 0xccu
#define RFLAGS_TF 0x100ull
/* The longest instruction; SDM vol. 2A, 2.3.11. */
#define INSN_MAX 15

/* ---- the int3 */

/*
 * A window's bytes go through the host's kernel: behind its file's end a load would be SIGBUS, and a
 * store into what is not (or no more) a private mapping is refused, whatever happened to it.
 */
static bool window_byte(char *hva, uint8_t *byte, bool write)
{
	struct iovec local = { byte, 1 }, remote = { hva, 1 };

	return (write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
		      : process_vm_readv(getpid(), &local, 1, &remote, 1, 0)) == 1;
}

static bool get_byte(const struct stop *s, uint8_t *byte)
{
	if (s->window)
		return window_byte(s->hva, byte, false);
	*byte = (uint8_t)*s->hva;
	return true;
}

static bool set_byte(const struct stop *s, uint8_t byte)
{
	if (s->window)
		return window_byte(s->hva, &byte, true);
	*(volatile char *)s->hva = (char)byte;
	return true;
}

static char *page_of(char *hva)
{
	return (char *)((uintptr_t)hva & PAGE_MASK);
}

/* The page of a window that gva lies in becomes a private mapping, or is the file's again. */
static bool lay(const struct vma *vma, gva_t gva, char *page, bool private)
{
	return mmap(page, PAGE_SIZE, private ? PROT_READ | PROT_WRITE : PROT_READ,
		    MAP_FIXED | (private ? MAP_PRIVATE : MAP_SHARED), vma->vm_object->fd,
		    (off_t)(vma_pgoff(vma, gva) << PAGE_SHIFT)) != MAP_FAILED;
}

/*
 * Where the byte at gva is here, if ring 3 can execute it by the entry that it has: s->hva and
 * s->window. NULL: it can't. The VMA is returned. mm->lock held.
 */
static const struct vma *locate(struct mm *mm, struct stop *s)
{
	const gva_t gva = s->info.gva;
	struct pt_path path;
	uint64_t entry, size;
	gpa_t gpa;

	pt_walk(mm, gva, LEVEL_PTE, false, &path);
	entry = *pt_last(&path);
	if (!pte_leaf(entry, path.level) || !(pte_access(entry) & MV_EXEC))
		return NULL;
	size = 1ull << level_shift(path.level);
	gpa = (entry & PTE_ADDR & ~(size - 1)) | (gva & (size - 1));
	s->hva = phys_hva(mm->phys, gpa);
	s->window = phys_arena(mm->phys, gpa)->kind == ARENA_FILE;
	return vma_lookup(mm, gva);
}

/*
 * Reading comes first: with --stage2=uffd it has the window's piece mapped, which would be laid over
 * the private page later.
 */
static bool place_int3(struct stop *s, const struct vma *vma)
{
	if (!get_byte(s, &s->byte))
		return false;
	if (s->window && (!vma || !vma->vm_object || vma->vm_object->writable)) {
		s->info.refused = true;
		return false;
	}
	if (set_byte(s, INT3))
		return true;
	if (!lay(vma, s->info.gva, page_of(s->hva), true))
		return false;
	s->laid = page_of(s->hva);
	return set_byte(s, INT3);
}

static void arm(struct mv_vm *vm)
{
	pthread_mutex_lock(&vm->mm.lock);
	for (unsigned i = 0; i < vm->stops.nr; i++) {
		struct stop *s = &vm->stops.all[i];
		const struct vma *vma = s->info.gva ? locate(&vm->mm, s) : NULL;

		if (s->hva && !place_int3(s, vma))
			s->hva = NULL;
	}
	pthread_mutex_unlock(&vm->mm.lock);
}

/*
 * In reverse, as two addresses may lead to one byte: what one found is the other's int3. Another byte
 * is there: the payload has written it.
 */
static bool disarm(struct mv_vm *vm)
{
	bool any = false;
	uint8_t byte;

	for (unsigned i = vm->stops.nr; i-- > 0;) {
		struct stop *s = &vm->stops.all[i];

		if (!s->hva)
			continue;
		any = true;
		if (get_byte(s, &byte) && byte == INT3)
			set_byte(s, s->byte);
		s->hva = NULL;
	}
	return any;
}

/* ---- the step over it */

static bool is_prefix(uint8_t b, bool *rep)
{
	*rep |= b == 0xf2 || b == 0xf3;
	return b == 0xf2 || b == 0xf3 || b == 0x66 || b == 0x67 || b == 0x2e || b == 0x36 ||
	       b == 0x3e || b == 0x26 || b == 0x64 || b == 0x65 || (b & 0xf0) == 0x40;
}

/* SDM vol. 2A, 2.1.1 and 2.2.1 for prefixes; vol. 2D, A.3 for opcodes. */
static enum step_insn decode(struct mv_vm *vm, gva_t gva)
{
	uint8_t code[INSN_MAX] = { 0 };
	bool rep = false;
	unsigned i = 0;

	mm_peek(&vm->mm, code, gva, sizeof(code));
	while (i < INSN_MAX - 1 && is_prefix(code[i], &rep))
		i++;
	if (code[i] == 0x9c)
		return INSN_PUSHF;
	if (code[i] == 0x9d || code[i] == 0xcf)
		return INSN_POPF;
	if (rep &&
	    ((code[i] >= 0xa4 && code[i] <= 0xa7) || (code[i] >= 0xaa && code[i] <= 0xaf)))
		return INSN_REP;
	return INSN_OTHER;
}

static void begin_step(struct mv_vm *vm)
{
	struct stops *s = &vm->stops;

	s->stepping = true;
	s->own_tf = vm->vcpu.rflags & RFLAGS_TF;
	s->insn = decode(vm, s->over);
	vm->vcpu.step = true;
}

/* TF that the payload didn't set is seen by nobody: SYSCALL has it in r11, PUSHF on the stack. */
static void hide_tf(struct mv_vm *vm, enum vcpu_event event)
{
	const gva_t pushed = vm->vcpu.rsp + 1; /* TF is in the second byte */
	uint8_t byte;

	vcpu_clear_tf(&vm->vcpu);
	if (event == VCPU_EXCEPTION && vm->vcpu.vector == VECTOR_DB &&
	    vm->stops.insn == INSN_PUSHF &&
	    !mm_copy_from(&vm->mm, &byte, pushed, sizeof(byte))) {
		byte &= (uint8_t) ~(RFLAGS_TF >> 8);
		mm_copy_to(&vm->mm, pushed, &byte, sizeof(byte));
	}
}

/*
 * The step's event has come. An exception at the instruction itself leaves `over`: it will be made
 * again, unless a handler is entered.
 */
static enum stop_event end_step(struct mv_vm *vm, enum vcpu_event event)
{
	struct stops *s = &vm->stops;
	bool trapped = event == VCPU_EXCEPTION && vm->vcpu.vector == VECTOR_DB;
	bool popped = trapped && s->insn == INSN_POPF;

	s->stepping = false;
	vm->vcpu.step = false;
	if (!s->own_tf && !popped)
		hide_tf(vm, event);
	if (event == VCPU_CALL ||
	    (trapped && !(s->insn == INSN_REP && vm->vcpu.rip == s->over)))
		s->over = 0;
	return trapped && !s->own_tf ? STOP_STEPPED : STOP_NOT_OURS;
}

/* ---- running */

static struct stop *find_gva(struct stops *s, gva_t gva)
{
	for (unsigned i = 0; i < s->nr; i++)
		if (s->all[i].info.gva == gva)
			return &s->all[i];
	return NULL;
}

static struct stop *find_id(struct stops *s, int id)
{
	for (unsigned i = 0; i < s->nr; i++)
		if (s->all[i].id == id)
			return &s->all[i];
	return NULL;
}

/* The payload's own INT3, or INT 3, ends before rip. */
static bool own_int3(struct mv_vm *vm, gva_t rip)
{
	uint8_t last = INT3, first = 0;

	mm_peek(&vm->mm, &last, rip - 1, 1);
	if (last == 3)
		mm_peek(&vm->mm, &first, rip - 2, 1);
	return last == INT3 || first == 0xcd;
}

/* A #BP while some int3 stood. One that was met at another address of the same byte stops nobody. */
static enum stop_event breakpoint(struct mv_vm *vm)
{
	const gva_t at = vm->vcpu.rip - 1;
	struct stop *stop = find_gva(&vm->stops, at);

	if (!stop && own_int3(vm, vm->vcpu.rip))
		return STOP_NOT_OURS;
	vm->vcpu.rip = vm->stops.over = at;
	if (!stop)
		return STOP_STEPPED;
	stop->info.hits++;
	vm->stops.hit = stop->id;
	return STOP_HIT;
}

enum vcpu_event stops_run(struct mv_vm *vm, enum stop_event *whose)
{
	struct stops *s = &vm->stops;
	enum vcpu_event event;
	bool armed;

	if (!s->stepping && s->over == vm->vcpu.rip && s->over)
		begin_step(vm);
	if (!s->stepping) {
		s->over = 0;
		arm(vm);
	}
	event = vcpu_run(&vm->vcpu);
	armed = disarm(vm);
	if (event != VCPU_CALL && event != VCPU_EXCEPTION)
		return event; /* the guest is where it was, TF and all */
	if (s->stepping)
		*whose = end_step(vm, event);
	else if (armed && event == VCPU_EXCEPTION && vm->vcpu.vector == VECTOR_BP &&
		 !vm->vcpu.in_monitor)
		*whose = breakpoint(vm);
	return event;
}

/* ---- the stops */

static uint64_t guest_faults(const struct mv_vm *vm)
{
	uint64_t n = 0;

	for (unsigned kind = 0; kind < MV_FAULT_KINDS; kind++)
		n += vm->mm.count.faults[kind];
	return n - vm->mm.count.host_faults;
}

static struct stop *add(struct stops *s)
{
	struct stop *stop;

	if (s->nr == s->room) {
		unsigned room = s->room ? 2 * s->room : 8;
		struct stop *all = reallocarray(s->all, room, sizeof(*all));

		if (!all)
			return NULL;
		s->all = all;
		s->room = room;
	}
	stop = &s->all[s->nr++];
	*stop = (struct stop){ .id = ++s->last_id };
	return stop;
}

int mv_stop_at(struct mv_vm *vm, uint64_t gva)
{
	struct stop *stop;

	if (!gva || gva >= MV_TASK_SIZE)
		return -EINVAL;
	stop = find_gva(&vm->stops, gva);
	if (stop)
		return stop->id;
	stop = add(&vm->stops);
	if (!stop)
		return -ENOMEM;
	stop->info.gva = gva;
	return stop->id;
}

int mv_stop_at_fault(struct mv_vm *vm, uint64_t n)
{
	struct stop *stop;

	if (n <= guest_faults(vm))
		return -EINVAL;
	for (unsigned i = 0; i < vm->stops.nr; i++)
		if (vm->stops.all[i].info.fault == n)
			return vm->stops.all[i].id;
	stop = add(&vm->stops);
	if (!stop)
		return -ENOMEM;
	stop->info.fault = n;
	return stop->id;
}

/* The file's page is shown again, where it still is what the address leads to. */
static void give_page_back(struct mv_vm *vm, struct stop *s)
{
	const struct vma *vma;

	pthread_mutex_lock(&vm->mm.lock);
	vma = locate(&vm->mm, s);
	if (vma && vma->vm_object && s->window && page_of(s->hva) == s->laid)
		lay(vma, s->info.gva, s->laid, false);
	pthread_mutex_unlock(&vm->mm.lock);
}

int mv_stop_clear(struct mv_vm *vm, int id)
{
	struct stops *s = &vm->stops;
	struct stop *stop = find_id(s, id);

	if (!stop)
		return -ENOENT;
	if (stop->laid)
		give_page_back(vm, stop);
	*stop = s->all[--s->nr];
	return 0;
}

int mv_stop_info(struct mv_vm *vm, int id, struct mv_stop *info)
{
	const struct stop *stop = find_id(&vm->stops, id);

	if (!stop)
		return -ENOENT;
	*info = stop->info;
	return 0;
}

int stops_take_fault(struct mv_vm *vm)
{
	struct stops *s = &vm->stops;
	const uint64_t n = guest_faults(vm);

	for (unsigned i = 0; i < s->nr; i++) {
		int id = s->all[i].id;

		if (s->all[i].info.fault == n && n) {
			mv_stop_clear(vm, id);
			return id;
		}
	}
	return 0;
}

void stops_free(struct stops *s)
{
	free(s->all);
	*s = (struct stops){ 0 };
}
