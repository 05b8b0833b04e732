/* SPDX-License-Identifier: MIT */
/* events.c: a sandbox's events: calls, signals, violations and ends; record.c tells the rest. */
#include <asm/unistd_64.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/linux/decode.h"
#include "vmm/mm/record.h"
#include "vmm/observe/clock.h"
#include "vmm/vm/vm.h"

/* So much of what a call reads or writes is shown. */
#define PREVIEW 32
#define PATH_SIZE 4096

/* Of the payload's memory at gva, up to len bytes become the event's text. */
static void preview(struct mv_vm *vm, struct mv_event *e, gva_t gva, uint64_t len)
{
	char bytes[PREVIEW], *text;

	len = min_u64(len, PREVIEW);
	len -= mm_peek(&vm->mm, bytes, gva, len);
	text = len ? events_text(&vm->events, e, len) : NULL;
	if (text)
		memcpy(text, bytes, len);
}

/* ... up to the NUL. */
static void string(struct mv_vm *vm, struct mv_event *e, gva_t gva)
{
	char bytes[PATH_SIZE], *text;
	uint64_t left = mm_peek(&vm->mm, bytes, gva, sizeof(bytes));
	size_t len = strnlen(bytes, sizeof(bytes) - left);

	text = len ? events_text(&vm->events, e, len) : NULL;
	if (text)
		memcpy(text, bytes, len);
}

/* What the call's pointers lead to. It was served: read has read. */
static void describe(struct mv_vm *vm, struct mv_event *e)
{
	const uint64_t *a = e->call.args;
	const int path = call_path_param(e->call.nr);

	if (path >= 0)
		string(vm, e, a[path]);
	switch (e->call.nr) {
	case __NR_read:
	case __NR_pread64:
	case __NR_recvfrom:
		if (e->call.result >
		    0) /* MSG_TRUNC: it may be more than there was room for */
			preview(vm, e, a[1], min_u64((uint64_t)e->call.result, a[2]));
		break;
	case __NR_write:
	case __NR_pwrite64:
	case __NR_sendto:
		preview(vm, e, a[1], a[2]);
		break;
	default:
		break;
	}
}

void vm_event_call(struct mv_vm *vm, int64_t nr, const uint64_t args[6], int64_t result,
		   bool returns)
{
	struct mv_event *e;

	/* faults of the call's own accesses began later */
	vm->events.ns = vm->vcpu.leave_ns;
	e = events_add(&vm->events, MV_EVENT_CALL);
	if (!e)
		return;
	e->call.nr = (int)nr; /* as linux_call() takes it */
	memcpy(e->call.args, args, sizeof(e->call.args));
	e->call.result = returns ? result : 0;
	e->call.rip = vm->vcpu.rip;
	e->call.returns = returns;
	e->spent = clock_ns() - e->ns;
	describe(vm, e);
}

void vm_event_signal(struct mv_vm *vm, const struct signal *sig)
{
	struct mv_event *e = events_add(&vm->events, MV_EVENT_SIGNAL);

	if (e)
		e->signal = (struct mv_event_signal){ sig->info.si_signo, sig->info.si_code,
						      signal_addr(sig), sig->action.handler,
						      vm->vcpu.rip };
}

void vm_event_end(struct mv_vm *vm, const struct mv_exit *end)
{
	struct mv_event *e;

	vm->events.ns = clock_ns();
	e = events_add(&vm->events, MV_EVENT_END);
	if (e)
		e->end = (struct mv_event_end){ end->kind, end->status };
}

/* The thread of the second stage has logged them while the guest ran, or a call was served. */
static void add_violations(struct mv_vm *vm)
{
	struct events *ev = &vm->events;
	const uint64_t ns = ev->ns;

	stage2_take(vm->phys.stage2, &vm->violations);
	for (size_t i = 0; i < vm->violations.nr; i++) {
		const struct stage2_violation *v = &vm->violations.all[i];
		struct mv_event *e;

		ev->ns = v->ns;
		e = events_add(ev, MV_EVENT_VIOLATION);
		if (!e)
			continue;
		e->spent = v->spent;
		e->violation = (struct mv_event_violation){ v->gpa, v->start, v->bytes,
							    v->write, v->file };
	}
	ev->seq += vm->violations.lost;
	ev->lost += vm->violations.lost;
	ev->ns = ns;
}

void vm_events_begin(struct mv_vm *vm)
{
	if (vm->phys.stage2)
		add_violations(vm);
	vm->events.ns = vm->vcpu.leave_ns;
	vm->events.rip = vm->vcpu.rip;
}

void vm_events_hand_on(struct mv_vm *vm)
{
	if (vm->phys.stage2)
		add_violations(vm);
	events_hand_on(&vm->events);
}

/* Without somebody to tell, nothing is recorded. */
static void stop(struct mv_vm *vm)
{
	pthread_mutex_lock(&vm->mm.lock);
	vm->mm.events = NULL;
	vm->mm.ask_major = vm->opt.timing;
	pthread_mutex_unlock(&vm->mm.lock);
	vm->vcpu.timing = vm->opt.timing;
	if (vm->phys.stage2)
		stage2_record(vm->phys.stage2, false);
	events_free(&vm->events);
}

int mv_set_event_fn(struct mv_vm *vm, mv_event_fn *fn, void *arg)
{
	const uint64_t lost = vm->events.lost;

	if (vm->mm.events)
		stop(vm);
	if (!fn)
		return 0;
	vm->events.fn = fn;
	vm->events.arg = arg;
	vm->events.ns = clock_ns();
	vm->vcpu.timing = true;
	if (vm->phys.stage2)
		stage2_record(vm->phys.stage2, true);
	pthread_mutex_lock(&vm->mm.lock);
	vm->mm.events = &vm->events;
	vm->mm.ask_major = true;
	record_all(&vm->mm);
	pthread_mutex_unlock(&vm->mm.lock);
	if (vm->events.lost != lost) {
		stop(vm);
		return -ENOMEM;
	}
	vm_events_hand_on(vm);
	return 0;
}

uint64_t mv_events_lost(struct mv_vm *vm)
{
	return vm->events.lost;
}

const char *mv_event_name(enum mv_event_kind kind)
{
	static const char *const names[MV_EVENT_KINDS] = {
		"call", "fault", "violation", "table", "entries", "vma", "signal", "end",
	};

	return kind < MV_EVENT_KINDS ? names[kind] : "";
}

size_t mv_call_text(const struct mv_event *e, char *buf, size_t len)
{
	return call_text(e, buf, len);
}

unsigned mv_call_params(int64_t nr)
{
	return call_params(nr);
}

bool mv_call_gives_address(int64_t nr)
{
	return call_gives_address(nr);
}

const char *mv_signal_code_name(int signal, int code)
{
	return signal_code_name(signal, code);
}
