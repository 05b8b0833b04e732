/* SPDX-License-Identifier: MIT */
/*
 * events.h: what happens in a sandbox, told while it happens: every call, every fault with its walk
 * before and after, every page table and entry that is made or goes, every VMA.
 *
 *	static void saw(const struct mv_event *e, void *arg)
 *	{
 *		if (e->kind == MV_EVENT_FAULT)
 *			printf("%#lx\n", e->fault.gva);
 *	}
 *	...
 *	mv_set_event_fn(vm, saw, NULL);
 *
 * Order. What a fault or a call did to tables and VMAs comes right before the fault or the call
 * itself; faults that a call's own accesses took come before the call. Applying MV_EVENT_ENTRIES
 * in order rebuilds the tables, but for A and D, which the processor sets; applying MV_EVENT_VMA
 * rebuilds the list of VMAs. Violations, which happen while the guest runs or the VMM works, are
 * told of at the next occasion: sort by ns where that matters. So that this holds from wherever it begins, mv_set_event_fn()
 * first tells of all that exists, as if it came into being then.
 */
#ifndef MAPVISOR_EVENTS_H
#define MAPVISOR_EVENTS_H

#include <mapvisor/mapvisor.h>

/*
 * Threads. A callback that hands events to another thread copies them, text too. That thread may
 * call the functions of this header that take no vm, mv_print_event(), mv_print_event_more(), and of
 * mapvisor.h mv_symbol(), mv_symbol_at(), mv_interrupt(), and what takes no vm.
 */

#ifdef __cplusplus
extern "C" {
#endif

enum mv_event_kind {
	MV_EVENT_CALL,	    /* a call was served */
	MV_EVENT_FAULT,	    /* a page fault was served, or could not be */
	MV_EVENT_VIOLATION, /* a second-stage violation was served; MV_STAGE2_UFFD only */
	MV_EVENT_TABLE,	    /* a page table was made, or became empty and went */
	MV_EVENT_ENTRIES,   /* adjoining entries of one table were written */
	MV_EVENT_VMA,	    /* a VMA came or went; one that changes goes and comes */
	MV_EVENT_SIGNAL,    /* a signal is delivered */
	MV_EVENT_END,	    /* mv_run() is about to return */
	MV_EVENT_KINDS
};

/* A call, after it was served. */
struct mv_event_call {
	int64_t nr;	  /* as in rax */
	uint64_t args[6]; /* rdi rsi rdx r10 r8 r9 */
	int64_t result;	  /* for rax: -errno where it failed */
	uint64_t rip;	  /* gva behind the instruction that made it */
	bool returns;	  /* false: exit, rt_sigreturn; there is no result */
};

/*
 * A page fault. text: the VMA's name. The walks have an entry for each level that was read, from the
 * pgd down: a walk ends at a missing entry (0) or a leaf.
 */
struct mv_event_fault {
	uint64_t gva; /* that was accessed */
	uint64_t rip; /* gva of the instruction; of a call's own access, behind the call */
	enum mv_fault kind;
	unsigned access;  /* MV_READ, MV_WRITE or MV_EXEC */
	bool host;	  /* a call's own access, served without an exit of its own */
	bool major;	  /* the page of the file was not in the host's page cache */
	int signal, code; /* of MV_FAULT_FATAL: SIGKILL stands for out of memory */
	uint64_t vma_start, vma_end; /* gva; 0: no VMA */
	uint64_t vma_offset;	     /* of its start in the file, in bytes */
	unsigned vma_prot;	     /* MV_READ | ... */
	bool vma_shared;
	uint8_t nbefore, nafter; /* entries in the next two */
	uint64_t before[4], after[4];
	uint64_t gpa;	  /* of the frame that gva has now; 0: none */
	uint64_t size;	  /* of that frame: 4096 or 2 MiB; 0: none */
	uint32_t around;  /* entries made beside the fault's own */
	uint32_t huge;	  /* 2 MiB leaves made */
	uint32_t copied;  /* pages copied */
	uint32_t made[4]; /* tables made, by level: pgd, pud, pmd, pte */
};

/* The VMM gave memory to a place in guest-physical memory that had none. */
struct mv_event_violation {
	uint64_t gpa;	/* page-aligned: that was accessed */
	uint64_t start; /* gpa from which on */
	uint64_t bytes; /* ... so much has memory now */
	bool write;	/* the access was a write */
	bool file;	/* pages of a file; else zeroes */
};

struct mv_event_table {
	bool made;	/* else it went */
	unsigned level; /* 4 pgd, 3 pud, 2 pmd, 1 pte */
	uint64_t gpa;	/* of the table */
	uint64_t gva;	/* that its first entry stands for */
};

/* Entry index + i of the table holds value + i * step now, i from 0 to n - 1. */
struct mv_event_entries {
	uint64_t table; /* gpa */
	unsigned level; /* of the table */
	unsigned index; /* of the first entry: 0 to 511 */
	unsigned n;	/* 1 to 512 - index */
	uint64_t gva;	/* that the first entry stands for */
	uint64_t old;	/* what the first entry held before */
	uint64_t value; /* 0: not present */
	uint64_t step;
};

/* text: its name. */
struct mv_event_vma {
	bool added;	     /* else it went */
	uint64_t start, end; /* gva */
	unsigned prot;	     /* MV_READ | ... */
	bool shared;
	bool hugetlb;
	bool growsdown;
	uint64_t offset; /* of start in the file, in bytes */
};

struct mv_event_signal {
	int signal, code;
	uint64_t addr;	  /* si_addr, a gva; 0 where it has none */
	uint64_t handler; /* gva of the payload's handler; 0: it ends the payload */
	uint64_t rip;	  /* gva where the payload was */
};

struct mv_event_end {
	enum mv_exit_kind kind;
	int status;
};

struct mv_event {
	uint64_t seq; /* 1, 2, 3, ...: a number left out is an event lost for want of memory */
	uint64_t ns;	/* when it began: CLOCK_MONOTONIC */
	uint64_t spent; /* ns of the VMM's in it; 0 for what is part of a call or a fault */
	enum mv_event_kind kind;
	uint32_t text_len; /* bytes of text */
	/*
	 * A call's path or name (whole), or the first 32 bytes that it read or wrote; a VMA's name;
	 * else "". May hold any byte; a '\0' follows it. Valid during the callback.
	 */
	const char *text;
	union {
		struct mv_event_call call;
		struct mv_event_fault fault;
		struct mv_event_violation violation;
		struct mv_event_table table;
		struct mv_event_entries entries;
		struct mv_event_vma vma;
		struct mv_event_signal signal;
		struct mv_event_end end;
	};
};

/*
 * It is called in the thread that runs the vm, between two entries of the guest, with nothing
 * locked: it may look at the vm by any function of mapvisor.h, and sees it as it is after all that
 * one call or fault did. It must not call mv_run(), mv_close() or mv_set_event_fn().
 */
typedef void mv_event_fn(const struct mv_event *event, void *arg);

/*
 * Have fn called for each event from now on; NULL: no more. Before it returns, fn hears of all
 * tables, entries and VMAs that exist. -ENOMEM. Without it the fault path pays one branch
 * for a fault, and one for an entry that is written.
 */
MV_API int mv_set_event_fn(struct mv_vm *vm, mv_event_fn *fn, void *arg);

/* Events that were lost for want of memory, since mv_open(): their numbers are left out. */
MV_API uint64_t mv_events_lost(struct mv_vm *vm);

/* "call", "fault", "violation", "table", "entries", "vma", "signal", "end". */
MV_API const char *mv_event_name(enum mv_event_kind kind);

/*
 * An event as a line of text, as `mapvisor trace` shows it: calls, signals and ends as strace(1) does, a
 * fault as
 *
 *	#PF w 0x403008 <words> by 0x4011f3 <count+0x33> = anonymous 0x10040f008 +15, made pmd pte <1.1 us>
 *
 * with the access, the address, the instruction, the kind of fault, the gpa that the address has
 * now, how many entries were made around it, which tables, and the VMM's time. vm is asked for symbols only.
 */
MV_API void mv_print_event(struct mv_vm *vm, const struct mv_event *e, FILE *out);

/*
 * What the line leaves out, on indented lines: a fault's VMA and its walk before and after, a signal's
 * handler. Nothing for other kinds.
 */
MV_API void mv_print_event_more(struct mv_vm *vm, const struct mv_event *e, FILE *out);

/* Whether a call's result is -errno: IS_ERR_VALUE() of linux/err.h. */
static inline bool mv_call_failed(const struct mv_event_call *call)
{
	return call->result < 0 && call->result >= -4095;
}

/* Room for the text of any call: each byte of a path of PATH_MAX escaped, and the rest. */
#define MV_CALL_TEXT_SIZE (4 * 4096 + 512)

/*
 * A call as people read it, as strace(1) shows it, without its result: "munmap(0x7ffff7ffd000, 4096)".
 * ASCII, whatever the payload's bytes. As snprintf(3) it gives the length that the whole text has,
 * and a '\0' ends what fits. Any thread, while e->text is valid.
 */
MV_API size_t mv_call_text(const struct mv_event *e, char *buf, size_t len);

/* How many parameters Linux's call nr has, 0 to 6; 6 where that isn't known. Any thread. */
MV_API unsigned mv_call_params(int64_t nr);

/* Whether what call nr returns, unless it fails, is an address: mmap, mremap, brk. Any thread. */
MV_API bool mv_call_gives_address(int64_t nr);

/* "SEGV_MAPERR", as in sigaction(2), or NULL for a code that nothing here gives. Any thread. */
MV_API const char *mv_signal_code_name(int signal, int code);

#ifdef __cplusplus
}
#endif
#endif
