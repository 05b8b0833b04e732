/* SPDX-License-Identifier: MIT */
/*
 * sigframe.c: the frame that a handler starts from, and the way back; x64_setup_rt_frame() and
 * rt_sigreturn of arch/x86/kernel/signal_64.c, and arch/x86/kernel/fpu/signal.c. From the top
 * down:
 *
 *	what the program has | 128 bytes of red zone | to 64 bytes | floating-point state, magic
 *	| to 16 bytes, less 8 | struct rt_sigframe  <- rsp
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/signal.h"
#include "vmm/linux/sigstack.h"

#define RED_ZONE 128
#define USER_CS 0x33
#define USER_SS 0x2b

#define SA_RESTORER 0x04000000u

/* asm/ucontext.h */
#define UC_FP_XSTATE 1u
#define UC_SIGCONTEXT_SS 2u
#define UC_STRICT_RESTORE_SS 4u

/* FIX_EFLAGS of arch/x86/include/asm/sighandling.h: AC OF DF TF SF ZF AF PF CF RF. */
#define FLAGS_RESTORED 0x50dd5ull
/* Off in a handler: DF, as the ABI wants it, RF and TF. */
#define FLAGS_DF 0x400ull
#define FLAGS_RF 0x10000ull
#define FLAGS_TF 0x100ull

/* struct sigcontext */
struct context {
	struct sig_regs regs;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate;
	uint64_t reserved[8];
};

struct rt_sigframe {
	uint64_t pretcode;
	uint64_t uc_flags, uc_link;
	struct altstack uc_stack;
	struct context uc_mcontext;
	uint64_t uc_sigmask;
	siginfo_t info;
};

_Static_assert(offsetof(struct rt_sigframe, uc_mcontext) == 8 + 40, "struct ucontext");
_Static_assert(sizeof(struct rt_sigframe) == 440, "struct rt_sigframe");

/* struct _fpx_sw_bytes, in the last bytes of FXSAVE's area. */
struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, padding[7];
};

/* FXSAVE's area and XSAVE's header; SDM vol. 1, 10.5 and 13.4. */
struct xstate {
	uint16_t fcw;
	char x87[22];
	uint32_t mxcsr, mxcsr_mask;
	char st[128];
	char xmm[256];
	char unused[48];
	struct sw_bytes sw;
	uint64_t xfeatures, xcomp_bv, reserved[6];
};

_Static_assert(offsetof(struct xstate, sw) == 464, "struct fxregs_state");
_Static_assert(sizeof(struct xstate) == 576, "struct xregs_state's legacy part and header");

#define X_FP 1ull
#define X_SSE 2ull
#define X_AVX 4ull

/* ---- floating-point state */

/* As a program finds it at its start: fpu__clear_user_states(). */
static void fpu_reset(struct sig_fpu *fpu)
{
	struct xstate *x = (struct xstate *)fpu->area;

	memset(fpu->area, 0, fpu->size);
	x->fcw = 0x37f;
	x->mxcsr = 0x1f80;
	if (fpu->xfeatures)
		x->xfeatures = X_FP | X_SSE;
	fpu->changed = true;
}

/* copy_fpstate_to_sigframe(): to `gva`, as XSAVE and save_xstate_epilog() leave it. */
static bool fpu_save(struct process *p, struct sig_fpu *fpu, gva_t gva)
{
	struct xstate *x = (struct xstate *)fpu->area;
	const uint32_t magic2 = FP_XSTATE_MAGIC2;
	uint32_t size = fpu->size;

	if (fpu->xfeatures) {
		size += sizeof(magic2);
		x->sw = (struct sw_bytes){ .magic1 = FP_XSTATE_MAGIC1,
					   .extended_size = size,
					   .xfeatures = fpu->xfeatures,
					   .xstate_size = fpu->size };
		x->xfeatures |= X_FP | X_SSE;
		memcpy(fpu->area + fpu->size, &magic2, sizeof(magic2));
	}
	return !mm_copy_to(p->mm, gva, fpu->area, size);
}

/* Whether `x` has what XRSTOR of components `wanted` would answer with #GP. */
static bool fpu_refused(const struct sig_fpu *fpu, const struct xstate *x)
{
	return x->xfeatures & ~fpu->xfeatures || x->xcomp_bv || x->reserved[0];
}

/*
 * Make of *x, all that a frame holds, what XRSTOR of `wanted` would load, and the rest
 * initial. KVM sees nothing that it could refuse but MXCSR's reserved bits.
 */
static void fpu_normalize(struct xstate *x, uint64_t wanted)
{
	const struct xstate from = *x;
	const uint64_t have = from.xfeatures & wanted;

	memset(x, 0, sizeof(*x));
	x->fcw = 0x37f;
	x->mxcsr = wanted & (X_SSE | X_AVX) ? from.mxcsr : 0x1f80;
	if (have & X_FP) {
		x->fcw = from.fcw;
		memcpy(x->x87, from.x87, sizeof(x->x87));
		memcpy(x->st, from.st, sizeof(x->st));
	}
	if (have & X_SSE)
		memcpy(x->xmm, from.xmm, sizeof(x->xmm));
	x->xfeatures = have | X_FP | X_SSE;
}

/* check_xstate_in_sigframe() and what XRSTOR, or FXRSTOR, checks, in its order. */
static bool fpu_load(struct process *p, struct sig_fpu *fpu, gva_t gva)
{
	struct xstate *x = (struct xstate *)fpu->area;
	const uint32_t legacy = offsetof(struct xstate, xfeatures);
	uint64_t wanted = X_FP | X_SSE;
	uint32_t magic2 = 0;

	if (!access_ok(gva, fpu->size + (fpu->xfeatures ? sizeof(magic2) : 0)) ||
	    mm_copy_from(p->mm, fpu->area, gva, legacy))
		return false;
	if (fpu->xfeatures && x->sw.magic1 == FP_XSTATE_MAGIC1 &&
	    mm_copy_from(p->mm, &magic2, gva + fpu->size, sizeof(magic2)))
		return false;
	if (magic2 == FP_XSTATE_MAGIC2) {
		wanted = x->sw.xfeatures & fpu->xfeatures;
		if (gva % 64 || mm_copy_from(p->mm, fpu->area, gva, fpu->size) ||
		    fpu_refused(fpu, x))
			return false;
	} else {
		if (gva % 16)
			return false;
		memset(fpu->area + legacy, 0, fpu->size - legacy);
		if (fpu->xfeatures)
			x->xfeatures = wanted;
	}
	if (fpu->xfeatures)
		fpu_normalize(x, wanted);
	fpu->changed = true;
	return true;
}

/* ---- into the handler */

/* get_sigframe(): where the frame and the floating-point state go; 0: there is no room. */
static gva_t place(const struct process *p, const struct signal *sig, gva_t rsp,
		   const struct sig_fpu *fpu, gva_t *fpstate)
{
	const struct altstack *alt = &p->signals.altstack;
	bool on_alt = altstack_state(alt, rsp) == SS_ONSTACK;
	gva_t sp = rsp - RED_ZONE;

	if (sig->action.flags & SA_ONSTACK && altstack_state(alt, sp) == 0) {
		sp = alt->sp + alt->size;
		on_alt = true;
	}
	sp = (sp - fpu->size - (fpu->xfeatures ? SIG_FPU_TAIL : 0)) & ~63ull;
	*fpstate = sp;
	sp = ((sp - sizeof(struct rt_sigframe)) & ~15ull) - 8;
	return on_alt && !altstack_holds(alt, sp) ? 0 : sp;
}

/* All but siginfo_t and what no one writes, sigcontext's reserved words. */
static bool write_frame(struct process *p, const struct rt_sigframe *f, gva_t gva)
{
	const size_t reserved = offsetof(struct rt_sigframe, uc_mcontext.reserved);
	const size_t mask = offsetof(struct rt_sigframe, uc_sigmask);

	return access_ok(gva, sizeof(*f)) && !mm_copy_to(p->mm, gva, f, reserved) &&
	       !mm_copy_to(p->mm, gva + mask, &f->uc_sigmask, sizeof(f->uc_sigmask));
}

static bool setup(struct process *p, const struct signal *sig, const struct sig_regs *regs,
		  struct sig_fpu *fpu, gva_t *at)
{
	const struct signals *s = &p->signals;
	const uint64_t mask = s->has_saved ? s->saved : s->blocked; /* sigmask_to_save() */
	struct rt_sigframe f = {
		.pretcode = sig->action.restorer,
		.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS |
			    (fpu->xfeatures ? UC_FP_XSTATE : 0),
		.uc_stack = s->altstack,
		.uc_mcontext = { .regs = *regs,
				 .cs = USER_CS,
				 .ss = USER_SS,
				 .err = s->trap.error_code,
				 .trapno = s->trap.nr,
				 .oldmask = mask,
				 .cr2 = s->trap.cr2 },
		.uc_sigmask = mask,
		.info = sig->info,
	};

	/* without it there is no way back: x64_setup_rt_frame() says -EFAULT */
	if (!(sig->action.flags & SA_RESTORER))
		return false;
	*at = place(p, sig, regs->rsp, fpu, &f.uc_mcontext.fpstate);
	if (!*at || !fpu_save(p, fpu, f.uc_mcontext.fpstate) || !write_frame(p, &f, *at))
		return false;
	return !(sig->action.flags & SA_SIGINFO) ||
	       !mm_copy_to(p->mm, *at + offsetof(struct rt_sigframe, info), &f.info,
			   sizeof(f.info));
}

/* signal_delivered() */
static void block_for_handler(struct process *p, const struct signal *sig)
{
	struct signals *s = &p->signals;
	uint64_t set = s->blocked | sig->action.mask;

	s->has_saved = false;

	if (!(sig->action.flags & SA_NODEFER))
		set |= SIGNAL_BIT(sig->info.si_signo);
	set_blocked(p, set);
	if (s->altstack.flags & (int)SS_AUTODISARM)
		altstack_reset(&s->altstack);
}

bool sigframe_push(struct process *p, const struct signal *sig, struct sig_regs *regs,
		   struct sig_fpu *fpu)
{
	gva_t at;

	if (!setup(p, sig, regs, fpu, &at)) {
		if (sig->info.si_signo == SIGSEGV) /* force_sigsegv(): not again */
			p->signals.action[SIGSEGV - 1].handler = (uint64_t)SIG_DFL;
		signal_force(p, SIGSEGV, SI_KERNEL, 0);
		return false;
	}
	regs->rdi = (uint64_t)sig->info.si_signo;
	regs->rax = 0;
	regs->rsi = at + offsetof(struct rt_sigframe, info);
	regs->rdx = at + offsetof(struct rt_sigframe, uc_flags);
	regs->rip = sig->action.handler;
	regs->rsp = at;
	regs->rflags &= ~(FLAGS_DF | FLAGS_RF | FLAGS_TF);
	fpu_reset(fpu);
	block_for_handler(p, sig);
	return true;
}

/* ---- and back */

/* restore_sigcontext(); segments are always ring 3's, whatever the frame says. */
static bool restore(struct process *p, struct sig_regs *regs, struct sig_fpu *fpu,
		    gva_t gva)
{
	struct context c;
	uint64_t rflags = regs->rflags & ~FLAGS_RESTORED;

	if (mm_copy_from(p->mm, &c, gva, offsetof(struct context, reserved)))
		return false;
	*regs = c.regs;
	regs->rflags = rflags | (c.regs.rflags & FLAGS_RESTORED);
	if (c.fpstate && fpu_load(p, fpu, c.fpstate))
		return true;
	fpu_reset(fpu);
	return !c.fpstate;
}

static bool pop(struct process *p, struct sig_regs *regs, struct sig_fpu *fpu)
{
	const gva_t at = regs->rsp - 8;
	struct altstack alt;
	uint64_t set;

	if (!access_ok(at, sizeof(struct rt_sigframe)) ||
	    mm_copy_from(p->mm, &set, at + offsetof(struct rt_sigframe, uc_sigmask),
			 sizeof(set)))
		return false;
	set_blocked(p, set);
	if (mm_copy_from(p->mm, &alt, at + offsetof(struct rt_sigframe, uc_stack),
			 sizeof(alt)))
		return false;
	/* restore_altstack(): whatever is wrong with it, it is no reason to end */
	altstack_set(&p->signals.altstack, &alt, regs->rsp);
	return restore(p, regs, fpu, at + offsetof(struct rt_sigframe, uc_mcontext));
}

void sigframe_pop(struct process *p, struct sig_regs *regs, struct sig_fpu *fpu)
{
	if (pop(p, regs, fpu))
		return;
	regs->rax = 0;
	signal_force(p, SIGSEGV, SI_KERNEL, 0);
}

void sigframe_refuse(struct process *p, struct sig_regs *regs, struct sig_fpu *fpu)
{
	fpu_reset(fpu);
	regs->rax = 0;
	signal_force(p, SIGSEGV, SI_KERNEL, 0);
}
