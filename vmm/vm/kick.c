/* SPDX-License-Identifier: MIT */
/*
 * kick.c: the timers of the host that kick the thread in mv_run(): at the time limit, when a timer of
 * the payload's may have expired, and soon again, where a signal couldn't be delivered at once.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/linux/clocks.h"
#include "vmm/observe/clock.h"
#include "vmm/vm/vm.h"

/* How long the monitor's few instructions may take. */
#define AGAIN_NS 200000

static int make_timer(struct kick_timer *t, clockid_t clock, pid_t thread)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
			       .sigev_signo = KICK_SIGNAL };

	if (t->made)
		return 0;
	ev._sigev_un._tid = thread;
	if (timer_create(clock, &ev, &t->id))
		return -errno;
	t->made = true;
	return 0;
}

/* ns: when, or how long; 0: never. */
static int set_timer(struct kick_timer *t, clockid_t clock, pid_t thread, int flags,
		     uint64_t ns)
{
	const struct itimerspec when = { .it_value = ns_timespec(ns) };
	int err = ns ? make_timer(t, clock, thread) : 0;

	if (err || !t->made)
		return err;
	return timer_settime(t->id, flags, &when, NULL) ? -errno : 0;
}

/* Of the limit; 0: there is none. */
static uint64_t cpu_left(const struct mv_vm *vm)
{
	uint64_t used;

	if (!vm->opt.cpu_ns)
		return 0;
	used = usage_cpu(&vm->process);
	return used < vm->opt.cpu_ns ? vm->opt.cpu_ns - used : 1;
}

int kicks_arm(struct mv_vm *vm)
{
	struct kicks *k = &vm->kicks;
	uint64_t wall, cpu;
	int err;

	vm->process.rearm = false;
	itimers_next(&vm->process, &wall, &cpu);
	ptimers_next(&vm->process, &wall, &cpu);
	cpu = earlier(cpu, cpu_left(vm));
	wall = earlier(earlier(wall, vm->deadline_ns), k->again_ns);
	k->again_ns = 0;
	err = set_timer(&k->wall, CLOCK_MONOTONIC, vm->runner, TIMER_ABSTIME, wall);
	return err ? err : set_timer(&k->cpu, CLOCK_THREAD_CPUTIME_ID, vm->runner, 0, cpu);
}

void kicks_again(struct mv_vm *vm)
{
	vm->kicks.again_ns = clock_ns() + AGAIN_NS;
	vm->process.rearm = true;
}

void kicks_end(struct mv_vm *vm)
{
	if (vm->kicks.wall.made)
		timer_delete(vm->kicks.wall.id);
	if (vm->kicks.cpu.made)
		timer_delete(vm->kicks.cpu.id);
	vm->kicks = (struct kicks){ 0 };
}
