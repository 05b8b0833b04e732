/* SPDX-License-Identifier: MIT */
/* vcpu.c: set a vCPU up, run it, take its exits apart. See vcpu.h. */
#include "vmm/cpu/vcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/observe/clock.h"
#include "vmm/observe/error.h"

/* SDM vol. 3A, 2.5; what Linux runs with. */
#define CR0_BITS 0x80050033ull /* PG, AM, WP, NE, ET, MP, PE */
#define CR4_BITS 0x630ull      /* OSXMMEXCPT, OSFXSR, PAE, PSE */
#define CR4_UMIP (1ull << 11)  /* SGDT and the like would show the monitor's addresses */
#define CR4_FSGSBASE (1ull << 16)
#define CR4_OSXSAVE (1ull << 18)
#define EFER_BITS 0xd01ull /* NXE, LMA, LME, SCE; vol. 4, IA32_EFER */

/* Behind what KVM needs, for who puts an end mark there. */
#define XSAVE_ROOM 64

/* The XSAVE header's first field; SDM vol. 1, 13.4.2. */
#define XSTATE_BV_OFFSET 512

#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
/* Cleared on SYSCALL, as Linux does it (syscall_init): TF, IF, DF, AC, NT, RF and more. */
#define FMASK_BITS 0x257fd5ull

/* RFLAGS as a program starts with on Linux: IF, and bit 1, which is always set. */
#define RFLAGS_START 0x202ull
/* What ring 3 may set with POPF: CF PF AF ZF SF TF DF OF NT RF AC ID. SDM vol. 1, 3.4.3. */
#define RFLAGS_USER 0x254dd5ull

#define RFLAGS_TF 0x100ull

#define SYNC_ALL (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS)

static struct kvm_segment segment(uint16_t selector, uint8_t type, unsigned dpl)
{
	bool code = type & 8;

	return (struct kvm_segment){ .limit = ~0u,
				     .selector = selector,
				     .type = type,
				     .present = 1,
				     .dpl = (uint8_t)dpl,
				     .s = 1,
				     .g = 1,
				     .l = code,
				     .db = !code };
}

static int set_sregs(struct vcpu *vcpu, const struct kvm *kvm, gfn_t pgd)
{
	struct kvm_sregs s;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &s))
		return -errno;
	vcpu->user_cs = segment(SEL_USER_CS, 11, 3);
	vcpu->user_ss = segment(SEL_USER_DS, 3, 3);
	s.cs = vcpu->user_cs;
	s.ds = s.es = s.fs = s.gs = s.ss = vcpu->user_ss;
	s.tr = (struct kvm_segment){ .base = MONITOR_CPU(0),
				     .limit = TSS_SIZE - 1,
				     .selector = SEL_TSS,
				     .type = 11,
				     .present = 1 };
	s.ldt = (struct kvm_segment){ .unusable = 1 }; /* none, as after LLDT of 0 */
	s.gdt.base = MONITOR_TABLES + GDT_OFFSET;
	s.gdt.limit = GDT_SIZE - 1;
	s.idt.base = MONITOR_TABLES + IDT_OFFSET;
	s.idt.limit = IDT_SIZE - 1;
	s.cr0 = CR0_BITS;
	s.cr3 = (uint64_t)pgd << PAGE_SHIFT;
	s.cr4 = CR4_BITS | (kvm->has_umip ? CR4_UMIP : 0) |
		(kvm->has_fsgsbase ? CR4_FSGSBASE : 0) | (kvm->has_xsave ? CR4_OSXSAVE : 0);
	s.efer = EFER_BITS;
	/* KVM puts them there after each run; the first has to find them, too */
	vcpu->run->s.regs.sregs = s;
	return ioctl(vcpu->fd, KVM_SET_SREGS, &s) ? -errno : 0;
}

static int set_msrs(const struct vcpu *vcpu, gva_t lstar)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[3];
	} m = {
		.head.nmsrs = 3,
		.entry = { { .index = MSR_STAR,
			     .data = (uint64_t)SEL_USER_BASE << 48 | (uint64_t)SEL_KERNEL_CS
									     << 32 },
			   { .index = MSR_LSTAR, .data = lstar },
			   { .index = MSR_FMASK, .data = FMASK_BITS } },
	};

	return ioctl(vcpu->fd, KVM_SET_MSRS, &m) == 3 ? 0 : -EIO;
}

static int set_xcr0(const struct vcpu *vcpu, const struct kvm *kvm)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = kvm->xcr0 };

	if (!kvm->has_xsave || !kvm->xcr0)
		return 0;
	return ioctl(vcpu->fd, KVM_SET_XCRS, &x) ? -errno : 0;
}

int vcpu_allow(struct vcpu *vcpu, int kick)
{
	struct {
		struct kvm_signal_mask head;
		uint64_t set;
	} __attribute__((packed)) m = { .head.len = sizeof(m.set) };
	sigset_t now;

	vcpu->kick = kick;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	for (int sig = 1; sig < 65; sig++)
		if (sig != kick && sigismember(&now, sig) == 1)
			m.set |= 1ull << (sig - 1);
	return ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &m) ? -errno : 0;
}

/*
 * One SYSCALL in ring 3 with LSTAR at the entry page. Where it lands with CPL 3 the page serves
 * as it is; where ring 0 is entered, LSTAR goes to the stub.
 */
static int find_syscall(struct vcpu *vcpu, struct mv_error *err)
{
	enum vcpu_event event;

	if (set_msrs(vcpu, monitor_lstar(true)))
		return mv_fail(err, EIO,
			       "KVM_SET_MSRS: STAR, LSTAR and FMASK were not taken");
	vcpu_start(vcpu, monitor_probe(), 0);
	vcpu->probed.before = __builtin_ia32_rdtsc();
	event = vcpu_run(vcpu);
	vcpu->probed.after = __builtin_ia32_rdtsc();
	vcpu->probed.guest = vcpu->regs->rdx << 32 | (uint32_t)vcpu->regs->rax;
	if (event != VCPU_CALL)
		return mv_fail(err, EIO,
			       "SYSCALL in the guest: vector %u instead of its entry",
			       vcpu->vector);
	vcpu->syscall_ring3 = (vcpu->run->s.regs.sregs.cs.selector & 3) == 3;
	if (!vcpu->syscall_ring3 && set_msrs(vcpu, monitor_lstar(false)))
		return mv_fail(err, EIO, "KVM_SET_MSRS: LSTAR was not taken");
	/*
	 * A host that can't enter ring 0 by SYSCALL emulates ring 0: four instructions
	 * of a stub cost more there than a longer copy of registers. Elsewhere iretq is cheaper.
	 */
	vcpu->host_return = vcpu->syscall_ring3;
	return 0;
}

int vcpu_open(struct vcpu *vcpu, const struct kvm *kvm, const struct monitor *mon,
	      gfn_t pgd, struct mv_error *err)
{
	struct mv_error unasked;
	int num;

	err = err ? err : &unasked;
	*vcpu = (struct vcpu){ .fd = ioctl(kvm->vm, KVM_CREATE_VCPU, 0),
			       .run_size = kvm->run_size,
			       .xsave2 = kvm->xsave_size > 0,
			       .xstate_size = kvm->xstate_size,
			       .xfeatures = kvm->xcr0 };
	if (vcpu->fd < 0)
		return mv_fail_errno(err, errno, "KVM_CREATE_VCPU");
	vcpu->run =
		mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		num = errno;
		close(vcpu->fd);
		return mv_fail_errno(err, num, "mapping a vCPU's struct kvm_run");
	}
	vcpu->xsave = calloc(1, XSAVE_ROOM + (size_t)max_u64(kvm->xsave_size,
							     sizeof(struct kvm_xsave)));
	if (!vcpu->xsave) {
		munmap(vcpu->run, vcpu->run_size);
		close(vcpu->fd);
		return mv_fail_errno(err, ENOMEM, "a vCPU's floating-point state");
	}
	vcpu->run->kvm_valid_regs = SYNC_ALL;
	vcpu->regs = &vcpu->run->s.regs.regs;
	vcpu->stack_top = phys_hva(mon->phys, (gpa_t)mon->cpu << PAGE_SHIFT) + PAGE_SIZE;
	num = -ioctl(vcpu->fd, KVM_SET_CPUID2, kvm->cpuid);
	num = num ? -errno : set_sregs(vcpu, kvm, pgd);
	num = num ? num : set_xcr0(vcpu, kvm);
	if (num)
		mv_fail_errno(err, -num, "setting a vCPU's registers");
	else
		num = find_syscall(vcpu, err);
	if (num)
		vcpu_close(vcpu);
	return num;
}

void vcpu_close(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	free(vcpu->xsave);
}

bool vcpu_tsc(const struct vcpu *vcpu, uint64_t *offset, uint32_t *khz)
{
	const struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};
	const struct tsc_probe *p = &vcpu->probed;
	const int rate = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);

	if (rate <= 0 || ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr))
		return false;
	*khz = (uint32_t)rate;
	/* scaled, or trapped and made up, it would lie elsewhere */
	return p->guest - *offset - p->before <= p->after - p->before;
}

void vcpu_bases(const struct vcpu *vcpu, gva_t *fs, gva_t *gs)
{
	*fs = vcpu->run->s.regs.sregs.fs.base;
	*gs = vcpu->run->s.regs.sregs.gs.base;
}

void vcpu_set_bases(struct vcpu *vcpu, gva_t fs, gva_t gs)
{
	vcpu->run->s.regs.sregs.fs.base = fs;
	vcpu->run->s.regs.sregs.gs.base = gs;
	vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
}

void vcpu_answer(struct vcpu *vcpu, int64_t result)
{
	vcpu->regs->rax = (uint64_t)result;
	vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

static uint64_t user_flags(uint64_t rflags)
{
	return (rflags & RFLAGS_USER) | RFLAGS_START;
}

/* What ring 3 goes on with. */
static uint64_t entry_flags(const struct vcpu *vcpu)
{
	return user_flags(vcpu->rflags) | (vcpu->step ? RFLAGS_TF : 0);
}

static struct exception_frame *frame_of(const struct vcpu *vcpu)
{
	return (struct exception_frame *)vcpu->stack_top - 1;
}

/* Make ring 3 of what the monitor's stub left, without running it any further. */
static void return_by_host(struct vcpu *vcpu)
{
	struct kvm_sregs *s = &vcpu->run->s.regs.sregs;

	vcpu->regs->rip = vcpu->rip;
	vcpu->regs->rsp = vcpu->rsp;
	vcpu->regs->rflags = entry_flags(vcpu);
	s->cs = vcpu->user_cs;
	s->ss = vcpu->user_ss;
	vcpu->run->kvm_dirty_regs = SYNC_ALL;
}

/* Let the stub's iretq do it, with rsp where the frame begins. */
static void return_by_iretq(struct vcpu *vcpu)
{
	struct exception_frame *f = frame_of(vcpu);

	f->rip = vcpu->rip;
	f->rsp = vcpu->rsp;
	f->rflags = entry_flags(vcpu);
	vcpu->regs->rsp = MONITOR_CPU(0) + PAGE_SIZE - sizeof(*f);
	vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

static void go_back(struct vcpu *vcpu)
{
	switch (vcpu->way) {
	case WAY_OUT:
	case WAY_SYSCALL_RING0:
		break;
	case WAY_SYSCALL_RING3:
		vcpu->regs->rip = vcpu->rip;
		vcpu->regs->rflags = user_flags(vcpu->rflags);
		vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
		break;
	case WAY_EXCEPTION:
		if (vcpu->host_return)
			return_by_host(vcpu);
		else
			return_by_iretq(vcpu);
		break;
	case WAY_SET:
		return_by_host(vcpu);
		break;
	case WAY_REFUSED: /* see refuse() */
		break;
	}
	/* whatever comes next, an interrupted run too, goes on from where it is then */
	vcpu->way = WAY_OUT;
}

static bool canonical(gva_t gva)
{
	return (uint64_t)((int64_t)(gva << 16) >> 16) == gva;
}

/*
 * KVM does the last part of an `out` when it is entered again: rip is behind it only then.
 * Asked to return at once, it does that and no more.
 */
static int settle(struct vcpu *vcpu)
{
	int ret;

	vcpu->run->immediate_exit = 1;
	ret = ioctl(vcpu->fd, KVM_RUN, 0) && errno != EINTR ? -errno : 0;
	vcpu->run->immediate_exit = 0;
	vcpu->rip = vcpu->regs->rip;
	return ret;
}

int vcpu_get(struct vcpu *vcpu, struct kvm_regs *regs)
{
	int err = vcpu->way == WAY_OUT ? settle(vcpu) : 0;

	*regs = *vcpu->regs;
	regs->rip = vcpu->rip;
	regs->rsp = vcpu->rsp;
	regs->rflags = vcpu->rflags;
	return err;
}

bool vcpu_in_payload(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	if (vcpu->way == WAY_REFUSED)
		return true;
	if (vcpu->step || (vcpu->run->s.regs.sregs.cs.selector & 3) != 3 ||
	    vcpu->regs->rip >= MV_ENTRY_GVA)
		return false;
	/* an exception on its way would meet other registers */
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events) || events.exception.injected ||
	    events.exception.pending)
		return false;
	vcpu->rip = vcpu->regs->rip;
	vcpu->rsp = vcpu->regs->rsp;
	vcpu->rflags = user_flags(vcpu->regs->rflags);
	vcpu->way = WAY_SET;
	return true;
}

void vcpu_set(struct vcpu *vcpu, const struct kvm_regs *regs)
{
	*vcpu->regs = *regs;
	vcpu->rip = regs->rip;
	vcpu->rsp = regs->rsp;
	vcpu->rflags = user_flags(regs->rflags);
	vcpu->way = canonical(regs->rip) ? WAY_SET : WAY_REFUSED;
}

void vcpu_start(struct vcpu *vcpu, gva_t rip, gva_t rsp)
{
	vcpu_set(vcpu,
		 &(struct kvm_regs){ .rip = rip, .rsp = rsp, .rflags = RFLAGS_START });
}

void vcpu_clear_tf(struct vcpu *vcpu)
{
	vcpu->rflags &= ~RFLAGS_TF;
	if (vcpu->way == WAY_OUT)
		vcpu->regs->rflags &= ~RFLAGS_TF;
	else if (vcpu->way == WAY_SYSCALL_RING0 || vcpu->way == WAY_SYSCALL_RING3)
		vcpu->regs->r11 &= ~RFLAGS_TF;
	vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

/*
 * Where the host has protection keys, KVM's XSTATE_BV has PKRU's bit, whatever XCR0 has (Linux's
 * __copy_xstate_to_uabi_buf()): XRSTOR would refuse that, and so must who reads a signal frame.
 */
int vcpu_get_xsave(struct vcpu *vcpu)
{
	unsigned long request = vcpu->xsave2 ? KVM_GET_XSAVE2 : KVM_GET_XSAVE;
	uint64_t have;

	if (ioctl(vcpu->fd, request, vcpu->xsave))
		return -errno;
	if (vcpu->xfeatures) {
		memcpy(&have, vcpu->xsave + XSTATE_BV_OFFSET, sizeof(have));
		have &= vcpu->xfeatures;
		memcpy(vcpu->xsave + XSTATE_BV_OFFSET, &have, sizeof(have));
	}
	return 0;
}

/* FXSAVE's layout; SDM vol. 1, table 10-2. */
int vcpu_fpu_status(struct vcpu *vcpu, struct vcpu_fpu_status *status)
{
	int err = vcpu_get_xsave(vcpu);

	memcpy(&status->fcw, vcpu->xsave, sizeof(status->fcw));
	memcpy(&status->fsw, vcpu->xsave + 2, sizeof(status->fsw));
	memcpy(&status->mxcsr, vcpu->xsave + 24, sizeof(status->mxcsr));
	return err;
}

int vcpu_set_xsave(struct vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_SET_XSAVE, vcpu->xsave) ? -errno : 0;
}

/* #GP that the CPU was not there to raise: for a return to a rip that isn't canonical, or an IN. */
static enum vcpu_event raise_gp(struct vcpu *vcpu)
{
	vcpu->vector = VECTOR_GP;
	vcpu->error_code = 0;
	vcpu->in_monitor = false;
	return VCPU_EXCEPTION;
}

/* KVM_RUN may fail on such a rip, so it isn't called; but no kick may be missed. */
static enum vcpu_event refuse(struct vcpu *vcpu)
{
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	if (vcpu->kick && sigismember(&pending, vcpu->kick) == 1)
		return VCPU_INTERRUPTED;
	return raise_gp(vcpu);
}

static enum vcpu_event call_event(struct vcpu *vcpu, unsigned port)
{
	if (port == MV_PORT_SYSCALL)
		vcpu->way = WAY_SYSCALL_RING0;
	else if ((vcpu->regs->rip & PAGE_MASK) == MV_ENTRY_GVA)
		vcpu->way = WAY_SYSCALL_RING3;
	else
		vcpu->way = WAY_OUT;
	vcpu->rsp = vcpu->regs->rsp;
	vcpu->rip = vcpu->way == WAY_OUT ? vcpu->regs->rip : vcpu->regs->rcx;
	vcpu->rflags = vcpu->way == WAY_OUT ? vcpu->regs->rflags : vcpu->regs->r11;
	if (vcpu->way == WAY_OUT || canonical(vcpu->rip))
		return VCPU_CALL;
	/* a payload jumped into the entry page with such an rcx */
	return raise_gp(vcpu);
}

static enum vcpu_event exception_event(struct vcpu *vcpu, unsigned vector)
{
	/* vectors that push an error code: 8, 10-14, 17, 21, 29, 30. SDM vol. 3A, table 6-1 */
	const uint32_t with_code = 0x60227d00;
	const struct exception_frame *f = frame_of(vcpu);

	vcpu->way = WAY_EXCEPTION;
	vcpu->vector = vector;
	vcpu->error_code = with_code >> vector & 1 ? (uint32_t)((const uint64_t *)f)[-1]
						   : 0;
	vcpu->cr2 = vcpu->run->s.regs.sregs.cr2;
	vcpu->in_monitor = (f->cs & 3) != 3;
	vcpu->rip = f->rip;
	vcpu->rsp = f->rsp;
	vcpu->rflags = f->rflags;
	return VCPU_EXCEPTION;
}

static int drop_exception(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events))
		return -errno;
	events.exception.injected = events.exception.pending = 0;
	return ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events) ? -errno : 0;
}

/*
 * The TSS's bitmap can't open the calls' port for OUT alone: IN gets here the #GP that it has at all
 * others. KVM has begun the instruction, and can only be made to end it. Without tables INS finds no
 * memory to write to; its #PF is dropped, and so is what has become of the registers.
 */
static enum vcpu_event refuse_in(struct vcpu *vcpu)
{
	const struct kvm_sync_regs before = vcpu->run->s.regs;
	int err;

	vcpu->run->s.regs.sregs.cr3 = 0;
	vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	err = settle(vcpu);
	if (!err)
		err = drop_exception(vcpu);
	vcpu->error = -err;
	vcpu->run->s.regs = before;
	vcpu_set(vcpu, &before.regs);
	return err ? VCPU_ERROR : raise_gp(vcpu);
}

static enum vcpu_event io_event(struct vcpu *vcpu)
{
	unsigned port = vcpu->run->io.port;

	if (vcpu->run->io.direction == KVM_EXIT_IO_IN)
		return refuse_in(vcpu);
	if (port == MV_PORT_CALL || port == MV_PORT_SYSCALL)
		return call_event(vcpu, port);
	if (port >= MV_PORT_VECTOR && port < MV_PORT_VECTOR + 32)
		return exception_event(vcpu, port - MV_PORT_VECTOR);
	return VCPU_ERROR;
}

void vcpu_begin_tally(struct vcpu *vcpu, uint64_t ns)
{
	oncpu_begin(&vcpu->oncpu);
	vcpu->leave_ns = ns;
}

void vcpu_end_tally(struct vcpu *vcpu, uint64_t ns)
{
	vcpu->off_ns += oncpu_off(&vcpu->oncpu, ns - vcpu->leave_ns);
}

static void tally_run(struct vcpu *vcpu)
{
	const uint64_t ns = vcpu->leave_ns - vcpu->enter_ns;
	const uint64_t off = oncpu_off(&vcpu->oncpu, ns);

	vcpu->run_ns += ns;
	vcpu->off_ns += off;
	vcpu->off_run_ns += off;
}

enum vcpu_event vcpu_run(struct vcpu *vcpu)
{
	int ret;

	if (vcpu->way == WAY_REFUSED)
		return refuse(vcpu);
	go_back(vcpu);
	if (vcpu->timing)
		vcpu->enter_ns = clock_ns();
	if (vcpu->tally)
		vcpu->off_ns += oncpu_off(&vcpu->oncpu, vcpu->enter_ns - vcpu->leave_ns);
	do
		ret = ioctl(vcpu->fd, KVM_RUN, 0);
	while (ret && errno == EAGAIN);
	vcpu->error = ret ? errno : 0;
	if (vcpu->timing)
		vcpu->leave_ns = clock_ns();
	if (vcpu->tally)
		tally_run(vcpu);
	if (ret)
		return vcpu->error == EINTR    ? VCPU_INTERRUPTED
		       : vcpu->error == EFAULT ? VCPU_FAULT
					       : VCPU_ERROR;
	if (vcpu->run->exit_reason == KVM_EXIT_IO)
		return io_event(vcpu);
	return vcpu->run->exit_reason == KVM_EXIT_INTR ? VCPU_INTERRUPTED : VCPU_ERROR;
}

int vcpu_error(const struct vcpu *vcpu, struct mv_error *err)
{
	const struct kvm_run *run = vcpu->run;

	if (vcpu->error)
		return mv_fail_errno(err, vcpu->error, "KVM_RUN");
	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		return mv_fail(err, EIO,
			       "KVM_RUN: the guest shut down (a triple fault at rip %#llx)",
			       vcpu->regs->rip);
	case KVM_EXIT_INTERNAL_ERROR:
		return mv_fail(err, EIO, "KVM_RUN: internal error %u at rip %#llx",
			       run->internal.suberror, vcpu->regs->rip);
	case KVM_EXIT_FAIL_ENTRY:
		return mv_fail(err, EIO, "KVM_RUN: entry failed, hardware reason %#llx",
			       run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_MMIO:
		return mv_fail(err, EIO,
			       "KVM_RUN: access to guest-physical %#llx, where no memory is",
			       run->mmio.phys_addr);
	default:
		return mv_fail(err, EIO, "KVM_RUN: unexpected exit %u at rip %#llx",
			       run->exit_reason, vcpu->regs->rip);
	}
}
