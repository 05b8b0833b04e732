/* SPDX-License-Identifier: MIT */
/* signal.c: actions, masks, sending and taking signals; kernel/signal.c. */
#include "vmm/linux/signal.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/sigstack.h"
#include "vmm/linux/stream.h"

#define BIT(n) SIGNAL_BIT(n)

/* sig_kernel_only(), sig_kernel_ignore(), sig_kernel_stop() of linux/signal.h. */
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
#define IGNORED (BIT(SIGCONT) | BIT(SIGCHLD) | BIT(SIGWINCH) | BIT(SIGURG))
/* Nobody is there to let a stopped payload go on: as in an orphaned process group. */
#define STOPPING (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/* UAPI_SA_FLAGS: those bits that rt_sigaction keeps. SA_EXPOSE_TAGBITS, SA_RESTORER. */
#define ACTION_FLAGS                                                                       \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | \
	 SA_RESETHAND | 0x800u | 0x04000000u)

/* What the kernel takes for MINSIGSTKSZ; libc's may be a call. */
#define ALTSTACK_MIN 2048
#define ALTSTACK_FLAGS SS_AUTODISARM

void signals_init(struct signals *s, uint64_t ignored)
{
	*s = (struct signals){ 0 };
	for (int n = 1; n <= SIGNALS; n++)
		if (ignored & BIT(n) & ~UNBLOCKABLE)
			s->action[n - 1].handler = (uint64_t)SIG_IGN;
	pending_init(&s->own);
	pending_init(&s->shared);
}

void signals_destroy(struct signals *s)
{
	pending_destroy(&s->own);
	pending_destroy(&s->shared);
}

static uint64_t handler_of(const struct process *p, int signo)
{
	return p->signals.action[signo - 1].handler;
}

/* sig_handler_ignored() */
static bool is_ignored(const struct process *p, int signo)
{
	const uint64_t handler = handler_of(p, signo);

	return handler == (uint64_t)SIG_IGN ||
	       (handler == (uint64_t)SIG_DFL && IGNORED & BIT(signo));
}

/* ---- sending */

bool signal_ignored(const struct process *p, int signo)
{
	return !(p->signals.blocked & BIT(signo)) && is_ignored(p, signo);
}

uint64_t signals_queued(const struct process *p)
{
	return (uint64_t)p->signals.own.nr + p->signals.shared.nr + p->ptimers.nr;
}

bool signals_have_room(const struct process *p)
{
	return signals_queued(p) < p->limits.of[RLIMIT_SIGPENDING].cur;
}

int signal_send_info(struct process *p, struct pending *q, const siginfo_t *info)
{
	if (signal_ignored(p, info->si_signo))
		return 0;
	return pending_add(q, info, signals_have_room(p));
}

int signal_send_to(struct process *p, struct pending *q, int signo, int code)
{
	siginfo_t info = { .si_signo = signo, .si_code = code };

	if (code <= 0) {
		info.si_pid = PAYLOAD_PID;
		info.si_uid = p->ids.uid.real;
	}
	return signal_send_info(p, q, &info);
}

void signal_send(struct process *p, int signo, int code)
{
	signal_send_to(p, &p->signals.own, signo, code);
}

void signal_post(struct process *p, int signo)
{
	signal_send_to(p, &p->signals.shared, signo, SI_KERNEL);
}

void signals_collect(struct process *p)
{
	uint64_t sent = __atomic_exchange_n(&p->sent, 0, __ATOMIC_ACQ_REL);

	for (; sent; sent &= sent - 1)
		signal_post(p, __builtin_ctzll(sent) + 1);
	itimers_expire(p);
	ptimers_expire(p);
}

void signal_force(struct process *p, int signo, int code, uint64_t addr)
{
	struct signals *s = &p->signals;
	struct action *action = &s->action[signo - 1];

	if (s->blocked & BIT(signo) || action->handler == (uint64_t)SIG_IGN)
		action->handler = (uint64_t)SIG_DFL;
	s->blocked &= ~BIT(signo);
	s->forced = (struct signal){
		.info = { .si_signo = signo, .si_code = code, .si_addr = (void *)addr }
	};
}

/* ---- taking */

/* dequeue_signal(): the timer that sent it may be set off again. */
static bool dequeue(struct process *p, uint64_t blocked, siginfo_t *info)
{
	struct ptimer *timer;

	if (!pending_take(&p->signals.own, blocked, info, &timer) &&
	    !pending_take(&p->signals.shared, blocked, info, &timer))
		return false;
	if (timer)
		info->si_overrun = ptimer_taken(p, timer);
	else if (info->si_signo == SIGALRM)
		itimers_taken(p);
	return true;
}

static bool take_any(struct process *p, struct signal *sig)
{
	struct signals *s = &p->signals;

	*sig = s->forced;
	s->forced.info.si_signo = 0;
	return sig->info.si_signo || dequeue(p, s->blocked, &sig->info);
}

/* Nothing comes of it. */
static bool is_harmless(const struct process *p, int signo)
{
	return is_ignored(p, signo) ||
	       (handler_of(p, signo) == (uint64_t)SIG_DFL && STOPPING & BIT(signo));
}

bool signal_ends(const struct process *p)
{
	const struct signals *s = &p->signals;
	uint64_t set = (s->own.set | s->shared.set) & ~s->blocked;

	for (int signo; set; set &= set - 1) {
		signo = __builtin_ctzll(set) + 1;
		if (handler_of(p, signo) == (uint64_t)SIG_DFL && !is_harmless(p, signo))
			return true;
	}
	return false;
}

bool signal_take(struct process *p, struct signal *sig)
{
	struct action *action;
	int signo;

	while (take_any(p, sig)) {
		signo = sig->info.si_signo;
		action = &p->signals.action[signo - 1];
		sig->action = *action;
		if (is_harmless(p, signo))
			continue;
		if (action->flags & SA_RESETHAND)
			action->handler = (uint64_t)SIG_DFL;
		return true;
	}
	return false;
}

/* ---- the mask */

void set_blocked(struct process *p, uint64_t set)
{
	p->signals.blocked = set & ~UNBLOCKABLE;
}

int64_t sys_rt_sigprocmask(struct process *p, const uint64_t a[6])
{
	uint64_t old = p->signals.blocked, set;

	if (a[3] != sizeof(set))
		return -EINVAL;
	if (a[1]) {
		if (mm_copy_from(p->mm, &set, a[1], sizeof(set)))
			return -EFAULT;
		switch ((int)a[0]) {
		case SIG_BLOCK:
			set_blocked(p, old | set);
			break;
		case SIG_UNBLOCK:
			set_blocked(p, old & ~set);
			break;
		case SIG_SETMASK:
			set_blocked(p, set);
			break;
		default:
			return -EINVAL;
		}
	}
	return a[2] && mm_copy_to(p->mm, a[2], &old, sizeof(old)) ? -EFAULT : 0;
}

int64_t sys_rt_sigpending(struct process *p, const uint64_t a[6])
{
	const struct signals *s = &p->signals;
	uint64_t set = (s->own.set | s->shared.set) & s->blocked;

	if (a[1] > sizeof(set))
		return -EINVAL;
	return mm_copy_to(p->mm, a[0], &set, a[1]) ? -EFAULT : 0;
}

/* ---- actions */

static void set_action(struct process *p, int signo, const struct action *action)
{
	struct action *mine = &p->signals.action[signo - 1];

	*mine = *action;
	mine->flags &= ACTION_FLAGS;
	mine->mask &= ~UNBLOCKABLE;
	if (is_ignored(p, signo)) {
		pending_forget(&p->signals.own, signo, ptimer_lost);
		pending_forget(&p->signals.shared, signo, ptimer_lost);
	} else {
		ptimers_heeded(p, signo);
	}
}

int64_t sys_rt_sigaction(struct process *p, const uint64_t a[6])
{
	struct action action, old;
	int signo = (int)a[0];

	if (a[3] != sizeof(action.mask))
		return -EINVAL;
	if (a[1] && mm_copy_from(p->mm, &action, a[1], sizeof(action)))
		return -EFAULT;
	if (signo < 1 || signo > SIGNALS || (a[1] && UNBLOCKABLE & BIT(signo)))
		return -EINVAL;
	old = p->signals.action[signo - 1];
	if (a[1])
		set_action(p, signo, &action);
	return a[2] && mm_copy_to(p->mm, a[2], &old, sizeof(old)) ? -EFAULT : 0;
}

/* ---- the alternate stack */

bool altstack_holds(const struct altstack *s, gva_t sp)
{
	return sp > s->sp && sp - s->sp <= s->size;
}

int altstack_state(const struct altstack *s, gva_t sp)
{
	if (!s->size)
		return SS_DISABLE;
	return !(s->flags & (int)SS_AUTODISARM) && altstack_holds(s, sp) ? SS_ONSTACK : 0;
}

void altstack_reset(struct altstack *s)
{
	*s = (struct altstack){ .flags = SS_DISABLE };
}

int altstack_set(struct altstack *s, const struct altstack *new, gva_t sp)
{
	int mode = new->flags & ~(int)ALTSTACK_FLAGS;

	if (altstack_state(s, sp) == SS_ONSTACK)
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (new->sp == s->sp &&new->size == s->size &&new->flags == s->flags)
		return 0;
	if (mode == SS_DISABLE) {
		*s = (struct altstack){ .flags = new->flags };
		return 0;
	}
	if (new->size < ALTSTACK_MIN)
		return -ENOMEM;
	*s = (struct altstack){ .sp = new->sp, .size = new->size, .flags = new->flags };
	return 0;
}

int64_t sys_sigaltstack(struct process *p, const uint64_t a[6])
{
	struct altstack *s = &p->signals.altstack, new, old = *s;
	int err;

	old.flags = altstack_state(s, p->rsp) | (s->flags & (int)ALTSTACK_FLAGS);
	if (a[0]) {
		if (mm_copy_from(p->mm, &new, a[0], sizeof(new)))
			return -EFAULT;
		err = altstack_set(s, &new, p->rsp);
		if (err)
			return err;
	}
	return a[1] && mm_copy_to(p->mm, a[1], &old, sizeof(old)) ? -EFAULT : 0;
}

/* ---- waiting for one */

int64_t sys_pause(struct process *p, const uint64_t a[6])
{
	int err = signal_pending(&p->signals) ? 0 : stream_wait_fd(p, -1);

	(void)a;
	return err == -ERESTARTSYS || !err ? -ERESTARTNOHAND : err;
}

void signals_restore_mask(struct process *p)
{
	struct signals *s = &p->signals;

	if (s->has_saved)
		s->blocked = s->saved;
	s->has_saved = false;
}

/* sigsuspend(): the mask is changed until a handler's frame is made, which restores the old one. */
int64_t sys_rt_sigsuspend(struct process *p, const uint64_t a[6])
{
	struct signals *s = &p->signals;
	uint64_t set;
	int err = 0;

	if (a[1] != sizeof(set))
		return -EINVAL;
	if (mm_copy_from(p->mm, &set, a[0], sizeof(set)))
		return -EFAULT;
	s->saved = s->blocked;
	s->has_saved = true;
	set_blocked(p, set);
	if (!signal_pending(s))
		err = stream_wait_fd(p, -1);
	signals_collect(p);
	if (signal_pending(s))
		return -ERESTARTNOHAND;
	signals_restore_mask(p);
	return err;
}

static int64_t give_signal(struct process *p, const siginfo_t *info, gva_t gva)
{
	return gva && mm_copy_to(p->mm, gva, info, sizeof(*info)) ? -EFAULT
								  : info->si_signo;
}

/* do_sigtimedwait() */
int64_t sys_rt_sigtimedwait(struct process *p, const uint64_t a[6])
{
	struct timespec timeout = { 0 };
	siginfo_t info;
	uint64_t set;
	int err = 0;

	if (a[3] != sizeof(set))
		return -EINVAL;
	if (mm_copy_from(p->mm, &set, a[0], sizeof(set)) ||
	    (a[2] && mm_copy_from(p->mm, &timeout, a[2], sizeof(timeout))))
		return -EFAULT;
	if (a[2] && !timespec_valid(&timeout))
		return -EINVAL;
	set &= ~UNBLOCKABLE;
	signals_collect(p);
	if (dequeue(p, ~set, &info))
		return give_signal(p, &info, a[1]);
	if (!a[2] || timeout.tv_sec || timeout.tv_nsec)
		err = sleep_until(p, CLOCK_MONOTONIC, false, a[2] ? &timeout : NULL);
	if (err && err != -ERESTARTSYS)
		return err;
	signals_collect(p);
	if (dequeue(p, ~set, &info))
		return give_signal(p, &info, a[1]);
	if (!err)
		return -EAGAIN;
	return signal_pending(&p->signals) ? -EINTR : err;
}

int64_t sys_rt_sigreturn(struct process *p, const uint64_t a[6])
{
	(void)p;
	(void)a;
	return -ESIGRETURN;
}
