/* SPDX-License-Identifier: MIT */
/* sigstack.h: what signal.c has for sigframe.c: the mask, and the alternate stack. */
#ifndef LINUX_SIGSTACK_H
#define LINUX_SIGSTACK_H

#include <signal.h>

#include "vmm/linux/process.h"

/* linux/signal.h; not in libc's headers. */
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

/* What can't be blocked isn't. */
void set_blocked(struct process *p, uint64_t set);

/* __on_sig_stack(): whether sp is on it, though it may be disabled. */
bool altstack_holds(const struct altstack *s, gva_t sp);
/* sas_ss_flags(): SS_DISABLE, SS_ONSTACK or 0: it is there to be used. */
int altstack_state(const struct altstack *s, gva_t sp);
void altstack_reset(struct altstack *s);
/* do_sigaltstack(): 0, -EPERM, -EINVAL or -ENOMEM. */
int altstack_set(struct altstack *s, const struct altstack *new, gva_t sp);

#endif
