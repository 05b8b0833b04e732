/* SPDX-License-Identifier: MIT */
/*
 * process.h: a payload as a process: what its system calls work on beside memory, and the
 * one way in, linux_call(). Nothing here is the VM's or global: a fork is a second one.
 */
#ifndef LINUX_PROCESS_H
#define LINUX_PROCESS_H

#include <mapvisor/mapvisor.h>

#include "vmm/linux/fdtable.h"
#include "vmm/linux/ids.h"
#include "vmm/linux/itimer.h"
#include "vmm/linux/limits.h"
#include "vmm/linux/policy.h"
#include "vmm/linux/ptimer.h"
#include "vmm/linux/shm.h"
#include "vmm/linux/signal.h"
#include "vmm/linux/sleep.h"
#include "vmm/linux/terminal.h"
#include "vmm/linux/usage.h"
#include "vmm/linux/vdso.h"
#include "vmm/mm/mm.h"

/*
 * Ids as the first process of a pid name space other than its init has them: 1 would make
 * programs believe that they are init.
 */
#define PAYLOAD_PID 2
#define PAYLOAD_PPID 1

/* Call numbers with a row of their own in process.unknown: see mv_unknown_call(). */
#define UNKNOWN_ROWS 64

/* Numbers with a row of their own in process.counts: beyond Linux's largest. */
#define CALL_ROWS 512
/* The rows behind those: MV_CALL_NOP, and whatever else there may be. */
#define CALL_ROW_NOP CALL_ROWS
#define CALL_ROW_OTHER (CALL_ROWS + 1)

/* A call's number, as often as it was made. Interrupted ones count when they are made again. */
struct call_count {
	uint64_t made;
	uint64_t failed; /* of them, answered by an error */
	uint64_t ns;	 /* the VMM's time, from exit to entry; with mv_options.timing */
};

/* What becomes of a call that a signal has interrupted. */
enum call_restart {
	RESTART_NO,	/* there is none */
	RESTART_NOHAND, /* -EINTR, after a handler */
	RESTART_SYS,	/* ... unless its action has SA_RESTART */
};

/* How often a call that isn't served was made. */
struct unknown_call {
	int64_t nr; /* -1: all numbers that found no row */
	uint64_t count;
};

/*
 * The bases of FS and GS, where C libraries keep what is a thread's: the caller's, who sets them before
 * a call, and takes them where the call changed them.
 */
struct thread_bases {
	uint64_t fs, gs;
	bool changed;
};

/* What may be written to the starter's files: output.h. */
struct output {
	bool limited;
	uint64_t left; /* bytes; all ones where it isn't limited */
	bool over;     /* more was to be written: the process is to be ended */
};

/*
 * kick_signal is the caller's to set, before the first call: a signal that this thread
 * blocks, and that ends a call which waits. 0: there is none. So is is_over, NULL as well, which says
 * whether the kick came to end the run: by one of its limits, or because somebody asked for it.
 */
struct process {
	struct mm *mm;		    /* its memory */
	struct fdtable files;	    /* its open files */
	struct policy policy;	    /* the files that it may open */
	struct output output;	    /* see there */
	struct terminals terminals; /* that it has set */
	struct shm shm;		    /* System V shared memory; a fork's is the same */
	mode_t umask;		    /* bits that new files don't get */
	char *exe;  /* its program's path, as it sees it; NULL: not loaded */
	int exe_fd; /* ... open for reading; ours */
	struct signals signals;
	struct limits limits;	   /* of resources */
	struct thread_bases bases; /* see there */
	gva_t robust_list;	   /* of futexes; set_robust_list */
	uint64_t sent; /* signals from outside, from any thread: signals_collect() */
	enum call_restart
		restart; /* of the call that a signal interrupted, until a handler runs */
	int64_t restart_nr; /* ... its number */
	struct itimer itimer[ITIMERS];
	struct ptimers ptimers; /* timer_create's */
	bool rearm; /* itimers_next() or ptimers_next() may say something else */
	struct ids ids;
	char comm[16];		    /* what it is called: process_name(), PR_SET_NAME */
	int dumpable, death_signal; /* prctl's, and kept only */
	bool no_new_privs;	    /* ... too */
	uint32_t personality;
	int nice;		    /* setpriority's; as the starter's at first */
	int sched_policy;	    /* sched_setscheduler's, with SCHED_RESET_ON_FORK */
	struct vdso vdso;	    /* clocks that it reads without a call */
	struct sleep sleep;	    /* of the call under way */
	bool running;		    /* between usage_begin() and usage_end() */
	struct usage used;	    /* by runs that have ended */
	struct usage thread_began;  /* the thread's, when the run under way began */
	gva_t rsp;		    /* of the call under way; the caller's to set, too */
	int kick_signal;	    /* see above */
	bool (*is_over)(void *run); /* see above */
	void *run;		    /* ... what it is given */
	int wake_fd; /* a signalfd for it, made when a call first waits; else -1 */
	int64_t wait_until; /* where a call that was interrupted, and is to be made again, ends to wait;
			     * 0: none. Who answers it with -EINTR instead clears this */
	bool ended;		/* by exit or exit_group */
	int status;		/* if ended: 0-255 */
	uint64_t calls;		/* made, unknown ones included */
	uint64_t calls_unknown; /* of them, answered -ENOSYS: nothing serves them */
	struct call_count counts[CALL_ROWS + 2];       /* by call_row() */
	unsigned nr_unknown;			       /* rows in use of the next */
	struct unknown_call unknown[UNKNOWN_ROWS + 1]; /* in the order of first use */
};

enum call_end {
	CALL_DONE,	  /* *result is for rax */
	CALL_EXIT,	  /* the process has ended: see status */
	CALL_INTERRUPTED, /* the kick came while it waited: make it again */
	CALL_SIGRETURN,	  /* sigframe_pop() is to be called */
};

/*
 * Open what the options grant. 0 or -errno with *err; on failure nothing is left to
 * destroy. mm must outlive the process; opt's strings are copied, opt->fds stay the
 * caller's.
 */
int process_init(struct process *p, struct mm *mm, const struct mv_options *opt,
		 struct mv_error *err);
/* It is called after the last part of the path that it is loaded from. */
void process_name(struct process *p, const char *path);
/* While p->mm still stands: open files let go of their objects. */
void process_destroy(struct process *p);
/* Its program, by the name that it has to itself, which fd has open for reading. 0 or -errno. */
int process_set_exe(struct process *p, const char *name, int fd);

/* One system call, by Linux's number or one from MV_CALL_BASE on. */
enum call_end linux_call(struct process *p, int64_t rax, const uint64_t args[6],
			 int64_t *result);

/* Whether there is a function behind the number. */
bool linux_serves(int nr);

/* Which row of process.counts a number has, and the other way; -1: the last row, of many. */
unsigned linux_call_row(int nr);
int linux_row_call(unsigned row);

/* Linux's name for a number, also of calls that aren't served; NULL: it has none. */
const char *linux_call_name(int64_t nr);

#endif
