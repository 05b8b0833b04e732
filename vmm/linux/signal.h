/* SPDX-License-Identifier: MIT */
/*
 * signal.h: a process's signals: what it does about each, which are pending and blocked, and
 * the frame on its stack that a handler starts from; kernel/signal.c and
 * arch/x86/kernel/signal_64.c of Linux.
 *
 * Who runs the vCPU delivers: signal_take() says what is next, sigframe_push() and
 * sigframe_pop() change registers that were copied out of it.
 */
#ifndef LINUX_SIGNAL_H
#define LINUX_SIGNAL_H

#include "vmm/linux/sigqueue.h"

struct process;

/* struct sigaction as rt_sigaction takes it; handler may be SIG_DFL or SIG_IGN. */
struct action {
	uint64_t handler, flags, restorer, mask;
};

/* stack_t */
struct altstack {
	uint64_t sp;
	int32_t flags;
	uint32_t pad;
	uint64_t size;
};

/* A signal on its way. */
struct signal {
	siginfo_t info;	      /* si_signo 0: there is none */
	struct action action; /* as it was when the signal was taken */
};

/* si_addr, if an exception raised it; else 0. */
static inline uint64_t signal_addr(const struct signal *sig)
{
	return sig->info.si_code > 0 ? (uint64_t)sig->info.si_addr : 0;
}

/* The last exception that raised a signal; frames show it. */
struct trap {
	uint64_t nr, error_code, cr2;
};

struct signals {
	struct action action[SIGNALS]; /* of signal n at n - 1 */
	uint64_t blocked;
	struct pending own, shared; /* the thread's, by tkill and its kin; the process's */
	struct altstack altstack;
	struct trap trap;
	uint64_t saved; /* what sigsuspend found blocked, and a handler's frame shall restore */
	bool has_saved;
	struct signal forced; /* to be taken before all others, whatever is blocked */
};

/* Registers in the order of struct sigcontext. */
struct sig_regs {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx,
		rsp, rip, rflags;
};

/* Floating-point state as XSAVE lays it out: what a frame holds, and KVM_GET_XSAVE gives. */
struct sig_fpu {
	char *area;	    /* room for size and SIG_FPU_TAIL bytes */
	uint32_t size;	    /* of all components that the payload may use */
	uint64_t xfeatures; /* these components; 0: there is no XSAVE, only FXSAVE */
	bool changed;	    /* area is to be loaded */
};

#define SIG_FPU_TAIL 4 /* FP_XSTATE_MAGIC2_SIZE */

/* All default but for those of `ignored`, a set, none blocked: as a program finds it. */
void signals_init(struct signals *s, uint64_t ignored);
void signals_destroy(struct signals *s);

/* Whether signal_take() has something. */
static inline bool signal_pending(const struct signals *s)
{
	return s->forced.info.si_signo || ((s->own.set | s->shared.set) & ~s->blocked);
}

/* The process sends itself a signal: it is dropped if ignored, waits if blocked. */
void signal_send(struct process *p, int signo, int code);
/*
 * ... to a queue of its own; code above 0: the kernel sends it, of which there is nothing more to say. And
 * one that carries something. 0, or -EAGAIN: there is no room.
 */
int signal_send_to(struct process *p, struct pending *q, int signo, int code);
int signal_send_info(struct process *p, struct pending *q, const siginfo_t *info);
/* Whether one that is pending will end the process, without a handler. */
bool signal_ends(const struct process *p);
/* Whether it would be dropped: sig_ignored(). */
bool signal_ignored(const struct process *p, int signo);

/* The kernel sends it one, SI_KERNEL: a timer of its own. */
void signal_post(struct process *p, int signo);
/* Entries that count against RLIMIT_SIGPENDING, of queues and timers; and whether one more may come. */
uint64_t signals_queued(const struct process *p);
bool signals_have_room(const struct process *p);

/* See what has come since: signals from outside, and timers. */
void signals_collect(struct process *p);
/* No handler ran: what sigsuspend had changed is as it was. */
void signals_restore_mask(struct process *p);

/* As force_sig_info(): blocked or ignored, it kills. */
void signal_force(struct process *p, int signo, int code, uint64_t addr);

/*
 * The next signal that isn't ignored. Its action's handler is SIG_DFL: the process ends. False: none
 * is left.
 */
bool signal_take(struct process *p, struct signal *sig);

/*
 * Enter sig's handler: the frame is written, regs and fpu become the handler's, signals are blocked
 * as it asked for. False: the frame can't be written; SIGSEGV is forced.
 */
bool sigframe_push(struct process *p, const struct signal *sig, struct sig_regs *regs,
		   struct sig_fpu *fpu);

/* rt_sigreturn: regs, from the call, and fpu become what the frame at rsp - 8 says. SIGSEGV is
 * forced if it can't be read, or says what no frame can say. */
void sigframe_pop(struct process *p, struct sig_regs *regs, struct sig_fpu *fpu);
/* As if it couldn't be read: the CPU refused fpu. */
void sigframe_refuse(struct process *p, struct sig_regs *regs, struct sig_fpu *fpu);

#endif
