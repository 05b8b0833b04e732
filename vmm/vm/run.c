/* SPDX-License-Identifier: MIT */
/*
 * run.c: the run loop: enter the guest, see why it came back, serve that, enter again, until the
 * payload ends or its time does.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/observe/clock.h"
#include "vmm/vm/context.h"
#include "vmm/vm/vm.h"

/* In an error code: of the IDT; SDM vol. 3A, 6.13. */
#define ERROR_IDT 2u

#define STATUS_TIMEOUT 124
#define STATUS_OUTPUT (128 + SIGXFSZ)
#define STATUS_SIGNAL 128

/* What serving an event came to. */
enum step { STEP_GO_ON, STEP_END, STEP_FAILED };

static void fill_registers(const struct mv_vm *vm, struct mv_exit *end)
{
	const struct kvm_regs *r = vm->vcpu.regs;
	const uint64_t regs[16] = { r->rax, r->rcx, r->rdx, r->rbx, vm->vcpu.rsp, r->rbp,
				    r->rsi, r->rdi, r->r8,  r->r9,  r->r10,	  r->r11,
				    r->r12, r->r13, r->r14, r->r15 };

	memcpy(end->regs, regs, sizeof(regs));
	end->rip = vm->vcpu.rip;
	end->rsp = vm->vcpu.rsp;
	end->rflags = vm->vcpu.rflags;
}

static enum step end_with_signal(struct mv_vm *vm, struct mv_exit *end, int signal,
				 int code, uint64_t addr)
{
	end->kind = MV_EXIT_SIGNAL;
	end->signal = signal;
	end->code = code;
	end->addr = addr;
	end->status = STATUS_SIGNAL + signal;
	fill_registers(vm, end);
	vm->state = VM_ENDED;
	return STEP_END;
}

static enum step host_failed(struct mv_error *err, int num, const char *what)
{
	mv_fail_errno(err, -num, what);
	return STEP_FAILED;
}

/*
 * handle_signal() of arch/x86/kernel/signal.c: the call that was interrupted has answered -EINTR
 * already. To make it again, the handler returns to its instruction: SYSCALL and `out` have 2 bytes.
 */
static void restart_call(struct process *p, const struct signal *sig, struct sig_regs *regs)
{
	if (p->restart == RESTART_SYS && sig->action.flags & SA_RESTART) {
		regs->rip -= 2;
		regs->rax = (uint64_t)p->restart_nr;
	}
	p->restart = RESTART_NO;
	p->sleep.on = false;
	p->wait_until = 0;
}

/* Enter the signal's handler, or force the SIGSEGV that this ends with. */
static enum step enter_handler(struct mv_vm *vm, const struct signal *sig,
			       struct mv_error *err)
{
	struct context c;
	int ret = context_get(&vm->vcpu, &c);

	vdso_stale(&vm->process.vdso); /* a timer may have sent it */
	if (!ret)
		restart_call(&vm->process, sig, &c.regs);
	ret = ret ? ret : vcpu_get_xsave(&vm->vcpu);
	if (!ret && sigframe_push(&vm->process, sig, &c.regs, &c.fpu))
		ret = context_set(&vm->vcpu, &c);
	return ret ? host_failed(err, ret, "entering a signal handler") : STEP_GO_ON;
}

/* The one place where signals are delivered: to handlers, one on another, or as the end. */
static enum step deliver(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err)
{
	enum step step = STEP_GO_ON;
	struct signal sig;

	while (step == STEP_GO_ON && signal_take(&vm->process, &sig)) {
		if (unlikely(vm->mm.events))
			vm_event_signal(vm, &sig);
		if (sig.action.handler == (uint64_t)SIG_DFL)
			return end_with_signal(vm, end, sig.info.si_signo, sig.info.si_code,
					       signal_addr(&sig));
		step = enter_handler(vm, &sig, err);
	}
	if (vm->process.restart != RESTART_NO) { /* no handler has run */
		vcpu_answer(&vm->vcpu, vm->process.restart_nr);
		vm->process.restart = RESTART_NO;
		vm->call_pending = true;
	}
	signals_restore_mask(&vm->process);
	return step;
}

/* All registers come from the frame. What KVM refuses of it, the CPU would refuse, too. */
static enum step serve_sigreturn(struct mv_vm *vm, struct mv_exit *end,
				 struct mv_error *err)
{
	struct context c;
	int ret = context_get(&vm->vcpu, &c);

	if (ret)
		return host_failed(err, ret, "rt_sigreturn");
	sigframe_pop(&vm->process, &c.regs, &c.fpu);
	ret = context_set(&vm->vcpu, &c);
	if (ret == -EINVAL) {
		sigframe_refuse(&vm->process, &c.regs, &c.fpu);
		ret = context_set(&vm->vcpu, &c);
	}
	if (ret)
		return host_failed(err, ret, "rt_sigreturn");
	return signal_pending(&vm->process.signals) ? deliver(vm, end, err) : STEP_GO_ON;
}

static enum step out_of_memory(struct mv_vm *vm, struct mv_exit *end, uint64_t addr)
{
	end_with_signal(vm, end, SIGKILL, SI_KERNEL, addr);
	end->kind = MV_EXIT_OOM;
	return STEP_END;
}

/* What its starter allowed is used up: no signal of the payload's own, it can't go on. */
static enum step over_limit(struct mv_vm *vm, struct mv_exit *end, enum mv_exit_kind kind,
			    int status)
{
	end->kind = kind;
	end->status = status;
	fill_registers(vm, end);
	vm->state = VM_ENDED;
	return STEP_END;
}

static enum step serve_call(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err)
{
	const struct kvm_regs *r = vm->vcpu.regs;
	const uint64_t args[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	const int64_t nr = (int64_t)r->rax;
	int64_t result = 0;
	enum call_end how;

	vm->open = OPEN_CALL;
	vm->open_nr = (int)nr; /* as linux_call() takes it */
	vm->process.rsp = vm->vcpu.rsp;
	vcpu_bases(&vm->vcpu, &vm->process.bases.fs, &vm->process.bases.gs);
	how = linux_call(&vm->process, nr, args, &result);
	if (unlikely(vm->mm.events) && how != CALL_INTERRUPTED)
		vm_event_call(vm, nr, args, result, how == CALL_DONE);
	if (unlikely(vm->process.output.over))
		return over_limit(vm, end, MV_EXIT_OUTPUT, STATUS_OUTPUT);
	if (unlikely(vm->process.bases.changed)) {
		vm->process.bases.changed = false;
		vcpu_set_bases(&vm->vcpu, vm->process.bases.fs, vm->process.bases.gs);
	}
	switch (how) {
	case CALL_DONE:
		vcpu_answer(&vm->vcpu, result);
		return signal_pending(&vm->process.signals) ? deliver(vm, end, err)
							    : STEP_GO_ON;
	case CALL_INTERRUPTED:
		vm->call_pending = true;
		return STEP_GO_ON;
	case CALL_SIGRETURN:
		return serve_sigreturn(vm, end, err);
	case CALL_EXIT:
		break;
	}
	end->kind = MV_EXIT_STATUS;
	end->status = vm->process.status;
	fill_registers(vm, end);
	vm->state = VM_ENDED;
	return STEP_END;
}

/* An exception became a signal: note what frames show of it. force_sig_fault() */
static enum step raise_signal(struct mv_vm *vm, struct mv_exit *end, int signal, int code,
			      uint64_t addr, struct mv_error *err)
{
	struct trap *trap = &vm->process.signals.trap;

	trap->nr = vm->vcpu.vector;
	trap->error_code = vm->vcpu.error_code;
	if (trap->nr == VECTOR_PF) {
		trap->cr2 = vm->vcpu.cr2;
		/* not RSVD, which a shadow host's own tables may give */
		trap->error_code &= PF_PRESENT | PF_WRITE | PF_INSTR;
		trap->error_code |= PF_USER;
		if (trap->cr2 >= MV_TASK_SIZE) /* sanitize_error_code() */
			trap->error_code |= PF_PRESENT;
	}
	signal_force(&vm->process, signal, code, addr);
	return deliver(vm, end, err);
}

static enum step serve_page_fault(struct mv_vm *vm, struct mv_exit *end,
				  struct mv_error *err)
{
	const uint32_t code = vm->vcpu.error_code;
	const gva_t gva = vm->vcpu.cr2;
	unsigned access = code & PF_INSTR ? MV_EXEC : code & PF_WRITE ? MV_WRITE : MV_READ;
	struct mm_fault fault = mm_fault(&vm->mm, gva, access);
	enum step step;

	vm->open = OPEN_FAULT;
	vm->open_kind = fault.kind;
	if (fault.err) {
		mv_fail(err, -fault.err, "the fault at %#lx: %s", gva,
			strerrordesc_np(-fault.err));
		return STEP_FAILED;
	}
	if (!fault.signal)
		return STEP_GO_ON;
	if (fault.signal == SIGKILL)
		step = out_of_memory(vm, end, gva);
	else
		step = raise_signal(vm, end, fault.signal, fault.code, gva, err);
	/* a handler may go on, and another signal end it */
	if (step == STEP_END && end->signal == fault.signal && end->addr == gva)
		end->access = access;
	return step;
}

/* Which floating-point exception it was: fpu__exception_code() of arch/x86/kernel/fpu/core.c. */
static int fpe_code(struct vcpu *vcpu, unsigned vector)
{
	struct vcpu_fpu_status fpu;
	unsigned e;

	if (vcpu_fpu_status(vcpu, &fpu))
		return FPE_FLTINV;
	e = vector == VECTOR_MF ? fpu.fsw & ~fpu.fcw : fpu.mxcsr & ~(fpu.mxcsr >> 7);
	return e & 0x01	  ? FPE_FLTINV
	       : e & 0x04 ? FPE_FLTDIV
	       : e & 0x08 ? FPE_FLTOVF
	       : e & 0x12 ? FPE_FLTUND
			  : FPE_FLTRES;
}

/*
 * INT n, where ring 3 can't go through gate n: #GP, whose error code is the gate; SDM vol. 3A, 6.13. KVM_PVM, which
 * looks at no gate, says #UD.
 */
static bool was_int(struct mv_vm *vm)
{
	struct vcpu *vcpu = &vm->vcpu;
	uint8_t code[2];

	if (mm_peek(&vm->mm, code, vcpu->rip, sizeof(code)) || code[0] != 0xcd)
		return false;
	vcpu->vector = VECTOR_GP;
	vcpu->error_code = code[1] * 8u | ERROR_IDT;
	return true;
}

/* The signal that an exception is, with si_code and si_addr: arch/x86/kernel/traps.c. */
static enum step serve_exception(struct mv_vm *vm, struct mv_exit *end,
				 struct mv_error *err)
{
	struct vcpu *vcpu = &vm->vcpu;

	if (vcpu->in_monitor) /* SYSRET to an address that the CPU refuses, or worse */
		return end_with_signal(vm, end, SIGSEGV, SI_KERNEL, 0);
	switch (vcpu->vector) {
	case VECTOR_PF:
		return serve_page_fault(vm, end, err);
	case VECTOR_DE:
		return raise_signal(vm, end, SIGFPE, FPE_INTDIV, vcpu->rip, err);
	case VECTOR_DB:
		return raise_signal(vm, end, SIGTRAP, TRAP_TRACE, vcpu->rip, err);
	case VECTOR_BP:
		return raise_signal(vm, end, SIGTRAP, SI_KERNEL, 0, err);
	case VECTOR_UD:
		if (was_int(vm))
			return raise_signal(vm, end, SIGSEGV, SI_KERNEL, 0, err);
		return raise_signal(vm, end, SIGILL, ILL_ILLOPN, vcpu->rip, err);
	case VECTOR_NP:
	case VECTOR_SS:
		return raise_signal(vm, end, SIGBUS, SI_KERNEL, 0, err);
	case VECTOR_AC:
		return raise_signal(vm, end, SIGBUS, BUS_ADRALN, 0, err);
	case VECTOR_MF:
	case VECTOR_XM:
		return raise_signal(vm, end, SIGFPE, fpe_code(vcpu, vcpu->vector),
				    vcpu->rip, err);
	default: /* #GP and what else can't be helped */
		return raise_signal(vm, end, SIGSEGV, SI_KERNEL, 0, err);
	}
}

/* Take kicks that are pending: one that stayed would end every KVM_RUN at once. */
static void take_kicks(void)
{
	const struct timespec no_wait = { 0 };
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	while (sigtimedwait(&kick, NULL, &no_wait) > 0)
		;
}

/* Timers are as the payload has set them since. */
static enum step rearm(struct mv_vm *vm, struct mv_error *err)
{
	int ret = kicks_arm(vm);

	return ret ? host_failed(err, ret, "a timer") : STEP_GO_ON;
}

static bool past_deadline(const struct mv_vm *vm)
{
	return vm->deadline_ns && clock_ns() >= vm->deadline_ns;
}

static bool past_cpu_time(const struct mv_vm *vm)
{
	return vm->opt.cpu_ns && usage_cpu(&vm->process) >= vm->opt.cpu_ns;
}

bool vm_is_over(void *run)
{
	struct mv_vm *vm = run;
	bool asked;

	pthread_mutex_lock(&vm->kick_lock);
	asked = vm->interrupt;
	pthread_mutex_unlock(&vm->kick_lock);
	return asked || past_deadline(vm) || past_cpu_time(vm);
}

/* A signal ended KVM_RUN, or a call: whose was it? */
static enum step serve_interrupt(struct mv_vm *vm, struct mv_exit *end)
{
	bool asked;

	take_kicks();
	pthread_mutex_lock(&vm->kick_lock);
	asked = vm->interrupt;
	vm->interrupt = false;
	pthread_mutex_unlock(&vm->kick_lock);
	if (asked) {
		end->kind = MV_EXIT_INTERRUPTED;
		fill_registers(vm, end);
		return STEP_END;
	}
	if (past_deadline(vm))
		return over_limit(vm, end, MV_EXIT_TIMEOUT, STATUS_TIMEOUT);
	if (past_cpu_time(vm))
		return over_limit(vm, end, MV_EXIT_CPU_TIME, STATUS_TIMEOUT);
	signals_collect(&vm->process);
	vm->process.rearm = true; /* the CPU clock may have been asked too early */
	return STEP_GO_ON;
}

/* The guest was interrupted: perhaps for a signal of its own. */
static enum step interrupted(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err)
{
	enum step step = serve_interrupt(vm, end);

	if (step != STEP_GO_ON || !signal_pending(&vm->process.signals))
		return step;
	if (vcpu_in_payload(&vm->vcpu))
		return deliver(vm, end, err);
	kicks_again(vm);
	return STEP_GO_ON;
}

/*
 * Host memory behind a frame is gone: a file shrank under its mapping; or it can't be had: its file system
 * is full, or can't be read. With the entries dropped the access faults, and gets its SIGBUS.
 */
static enum step serve_lost_memory(struct mv_vm *vm, struct mv_error *err)
{
	long n = mm_revalidate(&vm->mm);

	if (!n)
		n = mm_distrust_files(&vm->mm);
	if (n > 0)
		return STEP_GO_ON;
	mv_fail(err, EIO, "KVM_RUN: host memory behind a guest frame can't be reached%s",
		n ? "; the files mapped can't be asked for their size" : "");
	return STEP_FAILED;
}

/*
 * The payload is where a stop was asked for, and can go on from there. Stops are rare: kept out of
 * the loop, whose lines of code are what a fault waits for.
 */
__attribute__((noinline, cold)) static enum step stop(struct mv_vm *vm, struct mv_exit *end,
						      int id)
{
	end->kind = MV_EXIT_STOPPED;
	end->stop = id;
	fill_registers(vm, end);
	return STEP_END;
}

/* The fault was served. Where it became a signal, its handler comes next. */
__attribute__((noinline, cold)) static enum step stop_at_fault(struct mv_vm *vm,
							       struct mv_exit *end)
{
	const uint32_t code = vm->vcpu.error_code;
	int id = stops_take_fault(vm);

	if (!id)
		return STEP_GO_ON;
	vm->open = OPEN_NOTHING; /* what passes until the next entry isn't ours */
	end->addr = vm->vcpu.cr2;
	end->access = code & PF_INSTR ? MV_EXEC : code & PF_WRITE ? MV_WRITE : MV_READ;
	return stop(vm, end, id);
}

static enum step serve(struct mv_vm *vm, enum vcpu_event event, enum stop_event whose,
		       struct mv_exit *end, struct mv_error *err)
{
	switch (event) {
	case VCPU_CALL:
		vm->exits.call++;
		vm->exits.call_out += vm->vcpu.way == WAY_OUT;
		return serve_call(vm, end, err);
	case VCPU_EXCEPTION:
		vm->exits.vector[vm->vcpu.vector]++;
		if (unlikely(whose != STOP_NOT_OURS))
			return whose == STOP_HIT ? stop(vm, end, vm->stops.hit)
						 : STEP_GO_ON;
		return serve_exception(vm, end, err);
	case VCPU_INTERRUPTED:
		vm->exits.interrupted++;
		return interrupted(vm, end, err);
	case VCPU_FAULT:
		vm->exits.efault++;
		return serve_lost_memory(vm, err);
	case VCPU_ERROR:
		break;
	}
	vm->exits.failed++;
	vcpu_error(&vm->vcpu, err);
	return STEP_FAILED;
}

/*
 * After each event. What the host refused to flush must not be used any more. What the payload
 * asked for met the memory limit: whatever it was answered, Linux's OOM killer would have ended it.
 */
static enum step check_memory(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err,
			      enum step step)
{
	vm->mm.pinned = false;
	if (vm->phys.broken && step != STEP_FAILED) {
		mv_fail(err, -vm->phys.broken,
			"flushing a translation: %s; was mlockall called in this process, or is "
			"vm.max_map_count too low?",
			strerrordesc_np(-vm->phys.broken));
		return STEP_FAILED;
	}
	if (!vm->mm.oom || step == STEP_FAILED)
		return step;
	end->access = 0;
	return out_of_memory(vm, end, 0);
}

/* A call was interrupted in the host: look why, then make it again. */
static enum step serve_pending_call(struct mv_vm *vm, struct mv_exit *end,
				    struct mv_error *err)
{
	enum step step = serve_interrupt(vm, end);

	vm->call_pending = step != STEP_GO_ON;
	return step == STEP_GO_ON ? serve_call(vm, end, err) : step;
}

/* The guest was left at `left`, and has been entered again, if it could: whose time was that? */
static void add_time(struct mv_vm *vm, uint64_t left)
{
	uint64_t ns;

	if (vm->vcpu.enter_ns < left)
		return;
	ns = vm->vcpu.enter_ns - left;
	if (vm->open == OPEN_FAULT)
		hist_add(&vm->fault_ns[vm->open_kind], ns);
	if (vm->open == OPEN_CALL)
		vm->process.counts[linux_call_row(vm->open_nr)].ns += ns;
}

static enum step loop(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err)
{
	enum vcpu_event event = VCPU_CALL;
	enum stop_event whose;
	enum step step = STEP_GO_ON;
	uint64_t left;

	while (step == STEP_GO_ON) {
		if (vm->call_pending) {
			step = serve_pending_call(vm, end, err);
		} else {
			left = vm->vcpu.leave_ns;
			whose = STOP_NOT_OURS;
			event = unlikely(stops_wanted(&vm->stops)) ? stops_run(vm, &whose)
								   : vcpu_run(&vm->vcpu);
			if (vm->opt.timing)
				add_time(vm, left);
			vm->exits.all++;
			vm->open = OPEN_NOTHING;
			if (unlikely(vm->mm.events))
				vm_events_begin(vm);
			step = serve(vm, event, whose, end, err);
			if (unlikely(vm->stops.nr) && step == STEP_GO_ON &&
			    vm->open == OPEN_FAULT)
				step = stop_at_fault(vm, end);
		}
		if (unlikely(vm->process.rearm) && step == STEP_GO_ON)
			step = rearm(vm, err);
		step = check_memory(vm, end, err, step);
		if (unlikely(vm->mm.events))
			vm_events_hand_on(vm);
	}
	if (vm->mm.events && step == STEP_END) {
		vm_event_end(vm, end);
		vm_events_hand_on(vm);
	}
	return step;
}

/* The thread becomes the vCPU's: it takes kicks, and a timer sends one at the deadline. */
static int begin(struct mv_vm *vm, sigset_t *saved, struct mv_error *err)
{
	const uint64_t limit = vm->left_ns ? vm->left_ns : vm->opt.timeout_ns;
	uint64_t deadline;
	sigset_t kick;
	int ret;

	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &kick, saved);
	pthread_mutex_lock(&vm->kick_lock);
	__atomic_store_n(&vm->runner, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	if (vm->interrupt || __atomic_load_n(&vm->process.sent, __ATOMIC_SEQ_CST))
		syscall(SYS_tgkill, getpid(), vm->runner, KICK_SIGNAL);
	pthread_mutex_unlock(&vm->kick_lock);
	vm->deadline_ns = vm->left_ns = 0;
	if (vcpu_allow(&vm->vcpu, KICK_SIGNAL))
		return mv_fail_errno(err, errno, "KVM_SET_SIGNAL_MASK");
	if (limit && !__builtin_add_overflow(clock_ns(), limit, &deadline))
		vm->deadline_ns = deadline;
	ret = kicks_arm(vm);
	return ret ? mv_fail_errno(err, -ret, "the time limit's timer") : 0;
}
/* No kick may be left behind: unblocked it would end the process. */
static void finish(struct mv_vm *vm, const sigset_t *saved)
{
	kicks_end(vm);
	pthread_mutex_lock(&vm->kick_lock);
	__atomic_store_n(&vm->runner, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&vm->kick_lock);
	take_kicks();
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

static enum step timed_loop(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err)
{
	struct vm_times *t = &vm->times;
	enum step step;
	uint64_t now;

	t->cpu_at_start = oncpu_clock();
	t->start = clock_ns();
	vcpu_begin_tally(&vm->vcpu, t->start);
	step = loop(vm, end, err);
	now = clock_ns();
	vcpu_end_tally(&vm->vcpu, now);
	t->elapsed += now - t->start;
	t->cpu += oncpu_clock() - t->cpu_at_start;
	t->start = 0;
	return step;
}

/* For the run that goes on from a stop: 0 would be no limit. */
static uint64_t time_left(uint64_t deadline)
{
	const uint64_t now = clock_ns();

	return now < deadline ? deadline - now : 1;
}

int mv_run(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err)
{
	struct mv_error unasked;
	enum step step;
	sigset_t saved;
	int ret;

	err = err ? err : &unasked;
	*end = (struct mv_exit){ 0 };
	if (vm->state != VM_LOADED)
		return mv_fail(err, EINVAL, "%s",
			       vm->state == VM_EMPTY
				       ? "nothing was loaded into this sandbox"
				       : "the payload has ended");
	usage_begin(&vm->process);
	ret = begin(vm, &saved, err);
	if (!ret) {
		step = vm->opt.timing ? timed_loop(vm, end, err) : loop(vm, end, err);
		if (step == STEP_FAILED) {
			vm->state = VM_ENDED;
			ret = -err->num;
		}
	}
	if (end->kind == MV_EXIT_STOPPED && vm->deadline_ns)
		vm->left_ns = time_left(vm->deadline_ns);
	if (vm->state == VM_ENDED && !vm->process.ended)
		terminals_restore(&vm->process.terminals);
	usage_end(&vm->process);
	finish(vm, &saved);
	return ret;
}

int mv_signal(struct mv_vm *vm, int signo)
{
	pid_t runner;

	if (signo < 1 || signo > SIGNALS)
		return -EINVAL;
	__atomic_fetch_or(&vm->process.sent, SIGNAL_BIT(signo), __ATOMIC_SEQ_CST);
	runner = __atomic_load_n(&vm->runner, __ATOMIC_SEQ_CST);
	if (!runner) /* begin() looks when it has said that there is one */
		return 0;
	if (runner == (pid_t)syscall(SYS_gettid)) { /* in a handler: it may hold the lock */
		syscall(SYS_tgkill, getpid(), runner, KICK_SIGNAL);
		return 0;
	}
	pthread_mutex_lock(&vm->kick_lock);
	if (vm->runner)
		syscall(SYS_tgkill, getpid(), vm->runner, KICK_SIGNAL);
	pthread_mutex_unlock(&vm->kick_lock);
	return 0;
}

void mv_interrupt(struct mv_vm *vm)
{
	pthread_mutex_lock(&vm->kick_lock);
	vm->interrupt = true;
	if (vm->runner)
		syscall(SYS_tgkill, getpid(), vm->runner, KICK_SIGNAL);
	pthread_mutex_unlock(&vm->kick_lock);
}
