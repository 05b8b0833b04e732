/* SPDX-License-Identifier: MIT */
/*
 * mapvisor.h: the embedding interface. A struct mv_vm is a sandbox: a virtual
 * machine with one vCPU that runs one payload in ring 3, on page tables that the
 * library builds while the payload faults.
 *
 *	struct mv_options opt;
 *	struct mv_error err;
 *	struct mv_exit end;
 *	struct mv_vm *vm;
 *
 *	mv_options_init(&opt);
 *	if (mv_open(&opt, &vm, &err) || mv_load(vm, path, argv, envp, &err) ||
 *	    mv_run(vm, &end, &err))
 *		errx(125, "%s", err.text);
 *	mv_close(vm);
 *
 * Conventions, for every function that doesn't say otherwise:
 *  - It returns 0, or a negative errno; where it takes a struct mv_error, that says
 *    in words what failed, on what, why, and what to do. err may be NULL.
 *  - Sizes, offsets and lengths are bytes; times are nanoseconds.
 *  - Addresses carry their space: gva is the payload's virtual address, gpa the
 *    sandbox's physical one, hva an address in this process.
 *  - A vm belongs to one thread at a time, the one that calls; only mv_interrupt(),
 *    mv_signal(), mv_symbol() and mv_symbol_at() may be called from any thread, these two when
 *    mv_load() has returned, and before mv_close(). Different vms are independent of each other.
 *  - It neither prints nor exits; what it prints goes to a stream that it is given.
 *  - Strings and arrays passed in are copied and stay the caller's.
 */
#ifndef MAPVISOR_MAPVISOR_H
#define MAPVISOR_MAPVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MV_API __attribute__((visibility("default")))
#define MV_PAGE_SIZE 4096u

struct mv_vm;

/* What went wrong, for people: "WHAT: WHY", and what to do where that is known. */
struct mv_error {
	int num; /* the positive errno value that the function returned negated */
	char text[480];
};

/* When an aligned 2 MiB of anonymous memory gets one leaf entry over a host huge page. */
enum mv_thp {
	MV_THP_AUTO,   /* when the memory around it is being used densely */
	MV_THP_NEVER,  /* 4 KiB entries only */
	MV_THP_ALWAYS, /* at its first touch */
};

/* Who serves a second-stage violation: an access to guest-physical memory not touched before. */
enum mv_stage2 {
	MV_STAGE2_DIRECT, /* the host kernel, unseen */
	MV_STAGE2_UFFD, /* the library, through userfaultfd(2), in a thread of the sandbox's */
};

/* A file or directory of the host that the payload may open. */
struct mv_grant {
	const char *path; /* the host's path, and the payload's name for it */
	bool writable;	  /* may be opened for writing, and created beneath */
};

/* The most that mv_options.max_files may be. */
#define MV_MAX_FILES 1024u

/* mv_options.shm: 64 MiB, or a quarter of mem where that is less. */
#define MV_SHM_AUTO UINT64_MAX

/* Fill with mv_options_init(), then change what should differ. */
struct mv_options {
	size_t size;	       /* sizeof(struct mv_options), for later versions */
	uint64_t mem;	       /* the most memory the host may have to back */
	uint64_t fault_around; /* bytes one fault maps at first, 4K to 2M, a power of 2 */
	enum mv_thp thp;
	enum mv_stage2 stage2;
	uint64_t timeout_ns; /* wall time one mv_run() may take; 0: no limit. One that goes on
			      * from a stop has what the one before left */
	uint64_t cpu_ns; /* CPU time of all its runs, the VMM's work for it included; 0: no limit */
	const struct mv_grant *grants; /* files that the payload may open */
	size_t ngrants;
	const char *root; /* a directory that the payload sees as /, for reading; its cwd is
			     * / then. NULL: none */
	uint64_t tmp; /* bytes of a private /tmp in memory, beside mem; 0: there is none */
	unsigned max_files; /* open files, 1 to MV_MAX_FILES: RLIMIT_NOFILE. Of this process's fds
			     * a payload takes so many; as many more for epoll; and 4 times as
			     * many and 1024 for what is mapped */
	int fds[3];	    /* this process's fds behind the payload's 0, 1 and 2;
					 * -1: closed. Stay the caller's, must outlive the vm */
	bool timing;	    /* measure times: mv_times(), mv_fault_times(), mv_call_count();
				 * and ask which faults are major */
	uint64_t max_output; /* bytes that it may write to the files of fds, all together, or
				 * make them longer by; 0: no limit */
	bool aslr; /* random addresses, as Linux has them by default; else always the same */
	bool vdso; /* it finds a vDSO, vdso(7), and reads clocks without a call; else none */
	uint64_t shm; /* bytes, in whole pages, of its /dev/shm, shm_overview(7): they count as mem's
		       * from when a path first leads there; MV_SHM_AUTO; 0: there is none */
	uint64_t ignored; /* signals that it finds ignored, 1 << (n - 1), as execve(2) leaves them to
			   * a program that its parent starts so; SIGKILL and SIGSTOP aren't */
};

/*
 * Defaults: the host's memory, 64 KiB around, THP auto, second stage direct, no timeout, no
 * grants, no root, no /tmp, MV_SHM_AUTO, 1024 open files, fds 0-2, the same addresses in each run, no vDSO,
 * no signal ignored.
 */
MV_API void mv_options_init(struct mv_options *opt);

/*
 * Make a sandbox. Cost does not depend on opt->mem. Fails with -ENOENT, -EACCES,
 * -ENODEV where /dev/kvm can't be used, -EPERM, -ENOSYS where userfaultfd can't, with
 * MV_STAGE2_UFFD (the text says what to do), or where tmpfs can't for tmp, -EINVAL for an option out of range, or what
 * opening a grant gave.
 */
MV_API int mv_open(const struct mv_options *opt, struct mv_vm **vm, struct mv_error *err);

/* End the sandbox and give everything back. NULL is allowed. */
MV_API void mv_close(struct mv_vm *vm);

/*
 * Load an ELF64 x86-64 executable (ET_EXEC or PIE), with the interpreter that a dynamic one names
 * (PT_INTERP), or a script's (#!), and lay out its stack as Linux's fs/binfmt_elf.c and
 * binfmt_script.c do; touches no page of it. Interpreters are opened as the payload itself would:
 * mv_options.grants must have them. argv and envp end with NULL; argv[0] included. Once per vm. Fails
 * with -ENOENT (no such file, no such interpreter), -EACCES (may not be read or executed, a
 * directory, an interpreter that isn't granted), -ENOEXEC (not an executable that can run here: the
 * text says why), -ELIBBAD (... its interpreter), -ELOOP (too many scripts in a row), -E2BIG (arguments above 1/4 of the 8 MiB stack, as execve(2)), -ENOMEM.
 */
MV_API int mv_load(struct mv_vm *vm, const char *path, const char *const *argv,
		   const char *const *envp, struct mv_error *err);

enum mv_exit_kind {
	MV_EXIT_STATUS,	     /* the payload called exit or exit_group */
	MV_EXIT_SIGNAL,	     /* a signal ended it: a fault, an exception */
	MV_EXIT_TIMEOUT,     /* mv_options.timeout_ns passed */
	MV_EXIT_OOM,	     /* it needed more than mv_options.mem */
	MV_EXIT_INTERRUPTED, /* mv_interrupt(): mv_run() may be called again */
	MV_EXIT_STOPPED,     /* at a stop (stop.h): mv_run() may be called again */
	MV_EXIT_CPU_TIME,    /* mv_options.cpu_ns passed */
	MV_EXIT_OUTPUT,	     /* it was to write more than mv_options.max_output */
};

/* How a run ended. For a fault's signal, siginfo_t's fields and the registers. */
struct mv_exit {
	enum mv_exit_kind kind;
	int status;	 /* exit status as a shell shows it: 0-255; 128+N for signal N;
				 * 124 timeout, CPU time; 137 out of memory; 153 output */
	int signal;	 /* SIGSEGV, SIGBUS, SIGILL, ... */
	int code;	 /* si_code: SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR, ... */
	uint64_t addr;	 /* si_addr: a gva */
	unsigned access; /* MV_READ, MV_WRITE or MV_EXEC, for a page fault; else 0 */
	uint64_t rip, rsp, rflags;
	uint64_t regs[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8 .. r15, as encoded */
	int stop;	   /* the id of the stop, for MV_EXIT_STOPPED */
};

/*
 * Run the payload until it ends, stops or is interrupted. The caller's thread becomes the
 * vCPU's. -EIO: KVM or the host failed (the text says how); -EINVAL: nothing was
 * loaded, or the payload has ended already.
 */
MV_API int mv_run(struct mv_vm *vm, struct mv_exit *end, struct mv_error *err);

/*
 * Make a mv_run() under way, or else the next one, return MV_EXIT_INTERRUPTED. Any thread. A read or write of more than
 * 1 MiB may come to fewer bytes by it.
 */
MV_API void mv_interrupt(struct mv_vm *vm);

/*
 * Send the payload a signal, 1 to 64, as kill(2) would from outside of its pid name space, but with
 * SI_KERNEL, as a terminal sends them: it comes in the mv_run() under way, or in the next one. Any
 * thread; and a signal handler, unless what it interrupts is mv_signal() or mv_interrupt() of a thread that
 * isn't in mv_run(). -EINVAL: no such signal. Of one that came already and wasn't delivered yet, the second is lost.
 */
MV_API int mv_signal(struct mv_vm *vm, int signo);

/*
 * Read guest memory as the payload would find it, whatever its protection, without
 * changing anything: no page is faulted in, no entry made. *done (may be NULL) gets how many
 * bytes were read before the first one that no VMA or no file content stands for; then -EFAULT.
 */
MV_API int mv_read(struct mv_vm *vm, uint64_t gva, void *buf, size_t len, size_t *done);

/*
 * Write guest memory as a debugger does (ptrace(2), POKEDATA): private mappings also where
 * they are read-only, by copy; shared ones only where the payload might. -EFAULT else,
 * -ENOMEM beyond mv_options.mem. *done as in mv_read().
 */
MV_API int mv_write(struct mv_vm *vm, uint64_t gva, const void *buf, size_t len,
		    size_t *done);

/* Read guest-physical memory, page tables included. -EFAULT outside every arena. */
MV_API int mv_read_gpa(struct mv_vm *vm, uint64_t gpa, void *buf, size_t len);

/* A symbol of the loaded file: its gva and size. -ENOENT: there is none of that name. */
MV_API int mv_symbol(struct mv_vm *vm, const char *name, uint64_t *gva, uint64_t *size);

/*
 * "name+0x12" for a gva, from the file's symbols, cut to len, '?' for control characters and what is no
 * UTF-8. -ENOENT: none covers it.
 */
MV_API int mv_symbol_at(struct mv_vm *vm, uint64_t gva, char *buf, size_t len);

#define MV_READ 1u
#define MV_WRITE 2u
#define MV_EXEC 4u

/* One of the walk's steps: an entry of one table. SDM vol. 3A, 4.5; APM vol. 2, 5.3. */
struct mv_walk_step {
	unsigned level; /* 4 pgd, 3 pud, 2 pmd, 1 pte */
	unsigned index; /* 0-511: 9 bits of the gva */
	uint64_t table; /* gpa of the table */
	uint64_t entry; /* the entry's value; its gpa is table + 8 * index */
};

/* What the processor does for a gva, step by step. */
struct mv_walk {
	uint64_t gva;
	unsigned nsteps; /* entries read: 4, less at a leaf or a missing entry */
	struct mv_walk_step steps[4]; /* from the pgd down */
	bool present;		      /* the last entry is a present leaf */
	unsigned access;	      /* MV_READ | ...: what ring 3 may do there */
	uint64_t page_size;	      /* 4096 or 2 MiB, if present */
	uint64_t gpa;		      /* where the gva leads, offset included, if present */
};

/* Walk the tables for any gva. -EINVAL: not canonical. */
MV_API int mv_walk(struct mv_vm *vm, uint64_t gva, struct mv_walk *walk);

/* The short name of a level: "pgd", "pud", "pmd", "pte". */
MV_API const char *mv_level_name(unsigned level);

/* A VMA, as /proc/PID/maps has it, and what of it is there. */
struct mv_vma {
	uint64_t start, end; /* gva */
	unsigned prot;	     /* MV_READ | ... */
	unsigned max_prot;   /* what mprotect may make of it: MV_READ | ... */
	bool shared;
	bool noreserve;	    /* MAP_NORESERVE */
	bool growsdown;	    /* the stack, or MAP_GROWSDOWN */
	bool locked;	    /* mlock, MAP_LOCKED */
	bool hugetlb;	    /* MAP_HUGETLB: its pages are of 2 MiB */
	uint64_t offset;    /* in the file */
	uint64_t dev, ino;  /* of the file; 0 for anonymous memory */
	char name[256];	    /* path, "[heap]", "[stack]" or ""; cut to fit, '\0'-ended */
	uint64_t reserved;  /* bytes that entries map */
	uint64_t backed;    /* of them, bytes that the host has given memory for */
	uint64_t huge;	    /* of reserved, bytes under 2 MiB leaves */
	uint64_t accessed;  /* of reserved, bytes in pages with the A bit set */
	uint64_t dirty;	    /* of reserved, bytes in pages with the D bit set */
	uint64_t anonymous; /* of reserved, bytes in anonymous frames */
	uint64_t charged; /* bytes of anonymous frames that are its own, with an entry or not:
				 * what counts against mv_options.mem */
};

/*
 * The first VMA that ends above gva. -ENOENT: none. To iterate, start at 0 and go on with
 * vma->end. Costs system calls in proportion to what is mapped (mincore(2)).
 */
MV_API int mv_vma(struct mv_vm *vm, uint64_t gva, struct mv_vma *vma);

/* Kinds of fault, as mm/memory.c names them. */
enum mv_fault {
	MV_FAULT_ANON,	 /* do_anonymous_page: a zeroed frame */
	MV_FAULT_READ,	 /* do_read_fault: a file's page, to be read */
	MV_FAULT_SHARED, /* do_shared_fault: a shared page, written */
	MV_FAULT_COW, /* do_cow_fault: a private copy of a file's page that no entry mapped */
	MV_FAULT_WP,	/* do_wp_page: a write to a page mapped read-only; copy or reuse */
	MV_FAULT_REMAP, /* the page was there, its entry had been dropped */
	MV_FAULT_SPURIOUS, /* the entry permits the access already */
	MV_FAULT_FATAL,	   /* SIGSEGV, SIGBUS or out of memory */
	MV_FAULT_KINDS
};

/* The fault's name: "anonymous", "file read", ... */
MV_API const char *mv_fault_name(enum mv_fault kind);

struct mv_counters {
	uint64_t faults[MV_FAULT_KINDS]; /* guest page faults by kind */
	uint64_t host_faults;		 /* of all, those that a call's own access took */
	uint64_t around;		 /* entries made beyond the faulting one */
	uint64_t huge;			 /* 2 MiB leaves made */
	uint64_t copied;		 /* pages copied for a private write */
	uint64_t tables[5];	  /* tables that exist, by level 1-4 (monitor's excluded) */
	uint64_t tables_made[5];  /* ... that were allocated since the start */
	uint64_t tables_freed[5]; /* ... that were unlinked since the start */
	uint64_t frames;	  /* anonymous frames reserved now, of 4 KiB */
	uint64_t flush_free; /* madvise calls that dropped frames and their translations */
	uint64_t flush_keep; /* notifier events for frames that keep their content */
	uint64_t drops;	     /* drops of all translations of the vm */
	uint64_t reclaimed;  /* never-touched frames taken back under opt.mem's pressure */
	uint64_t exits;	     /* returns from KVM_RUN */
	uint64_t exits_call; /* ... for a call */
	uint64_t exits_exception; /* ... for an exception that the monitor reported */
	uint64_t exits_other;	  /* ... interrupted, EFAULT, and failed: see below */
	uint64_t calls;		  /* calls served, unknown ones included */
	uint64_t calls_unknown;	  /* ... that were answered -ENOSYS */
	uint64_t fault_ns_p50,
		fault_ns_p99; /* the VMM's own time, with opt.timing; else 0 */
	uint64_t slots;	      /* memory slots in use */
	uint64_t violations; /* second-stage violations served, with MV_STAGE2_UFFD; else 0 */
	uint64_t pages_zeroed;	   /* ... pages given as zeroes for them */
	uint64_t pages_from_files; /* ... pages of files mapped for them, 16 at a time */
	/*
	 * Faults whose file page wasn't in the host's page cache, as preadv2(2) with RWF_NOWAIT says;
	 * with opt.timing or an event callback, else 0. Linux calls those major, and all others
	 * that aren't fatal minor: mm_account_fault() of mm/memory.c.
	 */
	uint64_t major;
	uint64_t exits_call_out; /* of exits_call, those by `out` in ring 3, not SYSCALL */
	uint64_t exits_vector[32]; /* exits_exception by vector; 14: page faults */
	uint64_t exits_interrupted; /* by a signal: mv_interrupt(), the timeout, the embedder's */
	uint64_t exits_efault; /* a file shrank under its mapping: EFAULT of KVM_RUN */
	uint64_t exits_failed; /* mv_run() failed with it */
};

/*
 * All counts are since mv_open(), but for those that say "exist", "now" or "in use". Later versions
 * add members at the end, and change the library's SONAME with it.
 */
MV_API void mv_counters(struct mv_vm *vm, struct mv_counters *counters);

/*
 * How long the VMM had a fault: from KVM_RUN's return to its next call, by CLOCK_MONOTONIC. What leaving
 * and entering the guest takes is not in it, and the payload waits for that as well: add
 * mv_floor's pf_exit_ns. All 0 without mv_options.timing. Not in it: faults of calls' own accesses,
 * which are part of the call's time, and the one that ended the payload.
 */
struct mv_fault_times {
	uint64_t count;		/* faults that were timed */
	uint64_t sum, min, max; /* ns, exact */
	uint64_t p50, p90, p99; /* ns, right to 1/16 */
};

/* Of one kind; of all with MV_FAULT_KINDS. -EINVAL: no such kind. */
MV_API int mv_fault_times(struct mv_vm *vm, enum mv_fault kind,
			  struct mv_fault_times *times);

/* The ns below which a part q, 0 to 1, of these times lies, right to 1/16; 0: there are none. */
MV_API uint64_t mv_fault_quantile(struct mv_vm *vm, enum mv_fault kind, double q);

/*
 * What KVM itself takes for an exit and the entry after it, on this machine, each measured on a
 * sandbox whose host side does next to nothing; the least of three sandboxes.
 */
struct mv_floor {
	/* Medians, by the wall clock: what one takes. */
	uint64_t port_exit_ns; /* a call by `out` */
	uint64_t syscall_ns;   /* a call by SYSCALL */
	uint64_t pf_exit_ns;   /* a #PF that is answered by storing one PTE */
	/* Means, by the thread's CPU clock: what many add up to. */
	uint64_t port_exit_cpu_ns, syscall_cpu_ns, pf_exit_cpu_ns;
	/*
	 * A fault that KVM resolves alone, for each that it counts (pf_fixed): the first touch of
	 * anonymous memory by 4 KiB, and by 2 MiB with what the host takes to zero it. 0: KVM
	 * doesn't count them.
	 */
	uint64_t stage2_ns, stage2_2m_ns;
};

/* Fails as mv_open() does. Takes 0.2 s where an exit takes 30 us. */
MV_API int mv_floor(struct mv_floor *floor, struct mv_error *err);

/*
 * Where the time in mv_run() went, in ns; all 0 without mv_options.timing. What is the wall
 * clock's is exact: elapsed, outside and run. waited is known by the thread's CPU clock, which is
 * asked wherever the guest or the VMM was away for more than 100 us: what is missed are
 * preemptions shorter than that. No clock stands between the guest and KVM: kvm is an
 * estimate, each exit taking what mv_floor() measured and so does each fault that KVM
 * counted beyond them; guest is the rest of run. guest + kvm + vmm + waited = elapsed.
 */
struct mv_times {
	uint64_t elapsed; /* in mv_run() */
	uint64_t outside; /* of it, outside of KVM_RUN */
	uint64_t run;	  /* of it, in KVM_RUN */
	uint64_t guest;
	uint64_t kvm;
	uint64_t vmm;	 /* outside, and on a CPU */
	uint64_t waited; /* without a CPU: preempted, in a call that waits, in KVM_RUN for the
				 * second stage's thread */
	uint64_t cpu;	 /* the thread's CPU time in mv_run(): CLOCK_THREAD_CPUTIME_ID */
};

/* floor: of this machine; NULL: kvm is 0, and guest has it. */
MV_API void mv_times(struct mv_vm *vm, const struct mv_floor *floor,
		     struct mv_times *times);

/* How often a call number was made. */
struct mv_call_count {
	int64_t nr; /* Linux's, or from MV_CALL_BASE on; -1: all others that exist nowhere */
	uint64_t made;
	uint64_t failed; /* of them, answered by an error */
	uint64_t ns; /* the VMM's time for them, as in struct mv_fault_times; the last call's,
				 * which ended the payload, isn't in it */
};

/* The calls that were made, by number. Iterate with *cursor = 0 until -ENOENT. */
MV_API int mv_call_count(struct mv_vm *vm, size_t *cursor, struct mv_call_count *count);

/* What a value of KVM's means: KVM_STATS_TYPE_* of linux/kvm.h. */
enum mv_kvm_stat_type {
	MV_KVM_CUMULATIVE,  /* since the vm was made */
	MV_KVM_INSTANT,	    /* now */
	MV_KVM_PEAK,	    /* the most there was */
	MV_KVM_LINEAR_HIST, /* a histogram, its buckets equally wide */
	MV_KVM_LOG_HIST,    /* a histogram, each bucket twice as wide as the one before */
};

/* One of KVM's own counters: Documentation/virt/kvm/api.rst, 4.133. */
struct mv_kvm_stat {
	const char *name; /* "pf_taken", "exits", ...; the vm's, till mv_close() */
	bool vcpu;	  /* the vCPU's; else the VM's */
	enum mv_kvm_stat_type type;
	const uint64_t *values; /* the vm's, till the next call */
	size_t nvalues;		/* 1, or buckets */
};

/*
 * KVM's counters, as many as the kernel has: VM's, then vCPU's. Iterate with *cursor = 0 until
 * -ENOENT; the values are read when *cursor is 0. A kernel before 5.14 has none.
 */
MV_API int mv_kvm_stat(struct mv_vm *vm, size_t *cursor, struct mv_kvm_stat *stat);

/* What counts against mv_options.mem, in bytes: charged is the sum of what follows it. */
struct mv_memory {
	uint64_t limit;	   /* mv_options.mem, in whole pages */
	uint64_t charged;  /* of it, in use */
	uint64_t touched;  /* anonymous frames that were used */
	uint64_t idle;	   /* anonymous frames reserved around faults, never touched yet */
	uint64_t tables;   /* page tables, and the monitor's pages */
	uint64_t nodes;	   /* the VMM's index of frames and guards, shaped as tables are */
	uint64_t freed;	   /* freed tables and nodes that the host still backs */
	uint64_t memfds;   /* what memfd_create(2), shmget(2) and pipe(2) made; /dev/shm */
	uint64_t promised; /* to MAP_HUGETLB's pages that were not touched yet */
};

/* Costs a walk of all tables. */
MV_API void mv_memory(struct mv_vm *vm, struct mv_memory *memory);

/*
 * How often call number nr was made and answered -ENOSYS. Iterate with *cursor = 0 until
 * -ENOENT. Distinct numbers beyond the first 64 share one row, nr -1.
 */
MV_API int mv_unknown_call(struct mv_vm *vm, size_t *cursor, int64_t *nr, uint64_t *count);

/* Linux's name for a call number ("mmap"), or NULL. */
MV_API const char *mv_call_name(int64_t nr);

/*
 * Texts, written to a stream of the caller's: ANSI-free, a '\n' at each line's end. Names in them, which the
 * payload may have chosen, go through mv_print_text().
 */
MV_API void mv_print_walk(struct mv_vm *vm, uint64_t gva, FILE *out); /* the four steps */
MV_API void mv_print_tables(struct mv_vm *vm,
			    FILE *out); /* tables by level, and their cost */
MV_API void mv_print_maps(struct mv_vm *vm, FILE *out);	 /* as /proc/PID/maps */
MV_API void mv_print_smaps(struct mv_vm *vm, FILE *out); /* as /proc/PID/smaps */
MV_API void mv_print_exit(struct mv_vm *vm, const struct mv_exit *end,
			  FILE *out); /* fatal report */
/* A text of whatever bytes: control characters, what is no UTF-8, and backslashes as "\033". */
MV_API void mv_print_text(const char *text, FILE *out);

/* What this host's KVM can do; found by trying. Strings are static. */
struct mv_host {
	int api_version;    /* KVM_GET_API_VERSION: 12 */
	const char *module; /* "kvm_intel", "kvm_amd", "kvm_pvm", "kvm" */
	const char *stage2; /* "EPT", "NPT" or "shadow" */
	bool syscall_ring3; /* SYSCALL jumps to LSTAR but stays at CPL 3 */
	bool host_return;   /* the host returns from exceptions, not iretq in the monitor */
	bool sync_regs;	    /* KVM_CAP_SYNC_REGS: no extra call to read registers */
	bool userfaultfd;   /* userfaultfd(2) can be used by this process */
	const char *
		vectors; /* the widest that a payload has: "SSE", "AVX", "AVX2", "AVX-512" */
	unsigned max_slots;    /* KVM_CAP_NR_MEMSLOTS */
	unsigned phys_bits;    /* the guest's physical address width */
	const char *thp;       /* /sys/kernel/mm/transparent_hugepage/enabled's choice */
	uint64_t port_exit_ns; /* p50 of a call by `out` that does nothing */
	uint64_t syscall_ns;   /* p50 of such a call by SYSCALL */
	uint64_t pf_exit_ns;   /* p50 of a #PF that is answered by storing one PTE */
	uint64_t bare_vm_ns;   /* p50 of making and ending a VM with one vCPU, without
					 * memory, that runs nothing */
};

/* Fails as mv_open() does. Takes some 100 ms: it measures. */
MV_API int mv_host(struct mv_host *host, struct mv_error *err);

#ifdef __cplusplus
}
#endif
#endif
