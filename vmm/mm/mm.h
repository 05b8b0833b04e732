/* SPDX-License-Identifier: MIT */
/*
 * mm.h: an address space, and everything that a payload or the VMM can do to it: the
 * part that Linux's mm/ plays. No KVM header, no system-call numbers: it runs, and is tested,
 * without /dev/kvm.
 *
 *  VMA tree (vma.h)          what may be accessed, and what it means      the truth
 *    -> object + page offset (object.h; private pages: mm->anon)          owns content
 *      -> frame (phys.h)     4 KiB of an arena, counted                   where content is
 *        -> PTE (pgtable.h)  in the mm's own tables                       derived
 *
 * Each operation changes the truth first, then makes the PTEs agree, then flushes
 * (gather.h). A PTE may be dropped at any time; a fault rebuilds it.
 *
 * Functions take mm->lock themselves, but for those in "internal" sections of the headers.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <limits.h>
#include <mapvisor/guest.h>
#include <mapvisor/mapvisor.h>
#include <pthread.h>
#include <sys/uio.h>

#include "vmm/mm/gather.h"
#include "vmm/mm/vma.h"

/* stack_guard_gap of mm/mmap.c: 256 pages. */
#define STACK_GUARD_GAP (256ull << PAGE_SHIFT)
/* RLIMIT_STACK as most systems set it: how far the stack may grow. */
#define STACK_LIMIT (8ull << 20)
/* DEFAULT_MAX_MAP_COUNT of linux/mm.h. */
#define MAX_MAP_COUNT 65530u
/* vm.mmap_min_addr, CONFIG_DEFAULT_MMAP_MIN_ADDR: for a process without CAP_SYS_RAWIO. */
#define MMAP_MIN_ADDR 0x10000ull
/* RLIMIT_MEMLOCK as the kernel sets it: MLOCK_LIMIT of linux/resource.h. */
#define MEMLOCK_LIMIT (8ull << 20)
/* mmap_base() of arch/x86/mm/mmap.c: placement from the bottom begins a third up. */
#define TASK_UNMAPPED_BASE (MV_TASK_SIZE / 3 & PAGE_MASK)

/* What is taken back under the limit's pressure; each with those before it. */
enum reclaim {
	RECLAIM_IDLE,	 /* frames that were reserved and never touched, or MADV_FREE's */
	RECLAIM_OBJECTS, /* entries for objects' pages, for their tables */
	RECLAIM_ZEROES,	 /* pages of zeroes in 2 MiB frames */
	RECLAIM_EFFORTS
};

struct events;

struct mm_counters {
	uint64_t faults[MV_FAULT_KINDS];
	uint64_t host_faults; /* of them, taken by an access of the VMM's own */
	uint64_t around;      /* entries made beside the faulting one */
	uint64_t huge;	      /* 2 MiB leaves made */
	uint64_t copied;      /* pages copied for a private write */
	uint64_t major; /* faults whose file page was not in the page cache; with ask_major */
	uint64_t reclaimed; /* frames taken back: never touched, or MADV_FREE and not written since */
	uint64_t reclaims[RECLAIM_EFFORTS]; /* tries to take back */
	uint64_t zapped;		    /* entries removed with what they stood for */
	uint64_t zapped_pages;		    /* ... by pages of 4 KiB */
	uint64_t collapsed;		    /* 512 pages made one 2 MiB leaf */
	uint64_t tables[5];		    /* by level, those that exist; the pgd counts */
	uint64_t tables_made[5];
	uint64_t tables_freed[5];
};

/* Where on the stack the program's first strings and its auxiliary vector are; Linux's names. */
struct mm_args {
	gva_t arg_start, env_start, env_end; /* argv's strings end where environ's begin */
	gva_t auxv_start, auxv_end;
};

struct mm {
	struct phys *phys; /* where frames and tables come from; several mms may share it */
	pthread_mutex_t lock; /* mmap_lock: guards all that follows */
	gfn_t pgd;	      /* the top table: CR3 */
	struct vma_tree vmas;
	gfn_t last_pte_table; /* the pte table used last, or 0; of the 2 MiB */
	gva_t last_pte_base;  /* from here on */
	struct vma
		*last_vma; /* what vma_find() found last, or NULL: faults come in bunches */
	unsigned map_count; /* VMAs */
	unsigned max_map_count;
	struct pagemap anon; /* the private pages, by gva >> 12 */
	struct pagemap
		guards; /* MADV_GUARD_INSTALL: pages that fault whatever their VMA says */
	uint64_t total_vm;	/* pages of all VMAs */
	uint64_t data_vm;	/* ... of those that is_data_mapping() is about */
	uint64_t stack_vm;	/* ... that is_stack_mapping() is about */
	uint64_t exec_vm;	/* ... that is_exec_mapping() is about */
	uint64_t locked_vm;	/* ... of those with VM_LOCKED, and locked_ghosts */
	uint64_t locked_ghosts; /* pages that MREMAP_DONTUNMAP left behind: Linux counts on */
	uint64_t hiwater_vm; /* the most that total_vm was, of the times when it was about to fall */
	uint64_t hiwater_rss;	/* pages that were resident at most: mm_hiwater_rss() */
	uint64_t rss_seen;	/* ... when they were last counted for it */
	uint64_t rss_made;	/* ... pages that faults had made entries for by then */
	uint64_t memlock_limit; /* RLIMIT_MEMLOCK, in pages */
	uint64_t stack_limit;	/* RLIMIT_STACK, in bytes */
	uint64_t as_limit;	/* RLIMIT_AS, in pages, of total_vm */
	uint64_t data_limit; /* RLIMIT_DATA, in pages, of data_vm; where that is 0, its hard limit */
	uint64_t brk_limit; /* RLIMIT_DATA, in bytes, of the heap and data_len */
	uint64_t data_len;  /* bytes of the program's last segment that are its file's */
	unsigned def_flags; /* mlockall(MCL_FUTURE): what new VMAs get */
	bool oom;    /* a call met the memory limit: the payload is to be ended for it */
	bool pinned; /* the call under way knows host addresses of pages: mm_iovec() */
	gva_t idle_start, idle_end; /* where frames may be that reclaim can take */
	gva_t split_next;    /* where reclaim goes on to look for 2 MiB frames of zeroes */
	uint64_t dropped_at; /* phys->reserved when reclaim last dropped objects' entries */
	bool dropped_for_little; /* ... which made little room */
	unsigned last_anon_id;
	gva_t mmap_base;	    /* placement goes down from here */
	gva_t start_brk, brk;	    /* the heap; 0: no program is loaded */
	gva_t start_code, end_code; /* the program's, as load_elf_binary() has them */
	gva_t start_data;	    /* ... its last segment, of data_len bytes */
	struct mm_args args;	    /* what the program was started with */
	unsigned fault_around;	    /* pages a fault maps at first: 1 to 512 */
	enum mv_thp thp;
	unsigned nr_vcpus; /* that may run in it at the same time */
	struct mm_counters count;
	bool forbids_zeropage; /* mm_forbids_zeropage() of linux/mm.h: what is read gets a page
				* of its own. Shows in how VMAs merge. Few kernels do; false */
	bool ask_major; /* count.major is kept: a system call for each fault on a file */
	struct events
		*events; /* record.c tells it what happens; NULL: nobody wants to know */
	/* Where an object that is placed is by now, to the payload; NULL: where it was opened. */
	void (*where)(const void *owner, const struct object *obj, char path[PATH_MAX]);
	const void *where_owner; /* ... what it is given */
};

/* An mm without VMAs. 0 or -ENOMEM. */
int mm_init(struct mm *mm, struct phys *phys, unsigned fault_around, enum mv_thp thp);
/* Gives frames and tables back. No vCPU may run in it. */
void mm_destroy(struct mm *mm);

/* ---- the mmap family. gva or 0, or -errno, as the system calls of that name. */

/*
 * mmap(2). obj: what fd named, OBJECT_NONE too; NULL with MAP_ANONYMOUS; a reference is taken. readable, writable:
 * how fd was opened. The caller has checked fd and that the offset is page-aligned.
 */
long mm_mmap(struct mm *mm, gva_t addr, uint64_t len, int prot, int flags,
	     struct object *obj, bool readable, bool writable, uint64_t pgoff);
long mm_munmap(struct mm *mm, gva_t addr, uint64_t len);
long mm_mprotect(struct mm *mm, gva_t addr, uint64_t len, int prot);
long mm_brk(struct mm *mm, gva_t brk);
long mm_msync(struct mm *mm, gva_t addr, uint64_t len, int flags);
long mm_mremap(struct mm *mm, gva_t addr, uint64_t old_len, uint64_t new_len,
	       uint64_t flags, gva_t new_addr);
/* MADV_GUARD_INSTALL of linux/mman.h, since Linux 6.13. */
#define MV_MADV_GUARD_INSTALL 102
#define MV_MADV_GUARD_REMOVE 103
long mm_madvise(struct mm *mm, gva_t addr, uint64_t len, int behavior);
long mm_mlock(struct mm *mm, gva_t addr, uint64_t len, int flags);
long mm_munlock(struct mm *mm, gva_t addr, uint64_t len);
long mm_mlockall(struct mm *mm, int flags);
long mm_munlockall(struct mm *mm);
/*
 * do_mincore() of mm/mincore.c: a byte for each page from addr on, to the end of its VMA
 * at most. How many, or -ENOMEM: addr is not mapped.
 */
long mm_mincore(struct mm *mm, gva_t addr, uint64_t pages, unsigned char *vec);
/*
 * The file has `size` bytes, as fstat says. Where that is fewer than a mapping of it knew, entries
 * and private copies of pages behind its end go. 0 or -errno.
 */
int mm_file_seen(struct mm *mm, uint64_t dev, uint64_t ino, off_t size);
/*
 * The file's content from that byte on is elsewhere in it now: FALLOC_FL_COLLAPSE_RANGE and _INSERT_RANGE. Where
 * its file system truncates the page cache for that, entries and private copies go. 0 or -errno.
 */
int mm_file_moved(struct mm *mm, uint64_t dev, uint64_t ino, uint64_t offset);

/* The stack: [end - size, end), growing down to STACK_LIMIT. 0 or -errno. */
int mm_map_stack(struct mm *mm, gva_t end, uint64_t size);
/*
 * map_vdso() of arch/x86/entry/vdso/vma.c: [vvar] and, above it, [vdso], where placement finds room. obj: of
 * object_new_special(); references are taken. gva of [vdso] or -errno.
 */
long mm_map_vdso(struct mm *mm, struct object *obj);
/* What the VMA at gva shows, which has the reference; NULL: no object, no VMA. */
struct object *mm_object_at(struct mm *mm, gva_t gva);

/* ---- faults: fault.c */

/* How a fault ended. */
struct mm_fault {
	enum mv_fault kind; /* MV_FAULT_FATAL: see the next two */
	int signal;	    /* 0: resolved. SIGSEGV, SIGBUS; SIGKILL: out of memory */
	int code;	    /* si_code */
	int err;	    /* 0, or -errno: the host failed, nothing is known */
};

static inline struct mm_fault mm_fatal(int signal, int code)
{
	return (struct mm_fault){ .kind = MV_FAULT_FATAL, .signal = signal, .code = code };
}

/* A page fault that the CPU took in ring 3. access: one of MV_READ, MV_WRITE, MV_EXEC. */
struct mm_fault mm_fault(struct mm *mm, gva_t gva, unsigned access);

/*
 * KVM said EFAULT without an address: drop the PTEs of file pages that lie behind their
 * file's end now, so that the access faults again and gets its SIGBUS. How many; or -errno.
 */
long mm_revalidate(struct mm *mm);
/*
 * ... and it was none of these: the host can't give a page. All PTEs of files' pages go, and each is asked
 * for before it is mapped from now on, so that the one it can't give gets its SIGBUS. How many; or -errno.
 */
long mm_distrust_files(struct mm *mm);

/* ---- access to the payload's memory: access.c. All that the VMM reads or writes there. */

/*
 * Copy between here and the payload, as copy_from_user and copy_to_user do: faulting pages in,
 * with the payload's own rights. Bytes that were NOT copied.
 */
uint64_t mm_copy_from(struct mm *mm, void *buf, gva_t gva, uint64_t len);
uint64_t mm_copy_to(struct mm *mm, gva_t gva, const void *buf, uint64_t len);
/*
 * A NUL-terminated string of at most size - 1 bytes. Its length; -EFAULT;
 * -ENAMETOOLONG.
 */
long mm_copy_string(struct mm *mm, char *buf, gva_t gva, size_t size);
/*
 * Host addresses of [gva, gva + len), faulted in for access, for readv and writev to use
 * in place; the host kernel gives EFAULT where a file has shrunk below them. Bytes covered, fewer
 * than len where max pieces or the accessible memory ended; -EFAULT: none.
 */
long mm_iovec(struct mm *mm, gva_t gva, uint64_t len, unsigned access, struct iovec *iov,
	      int max, int *nr);

/*
 * get_futex_key() of kernel/futex/core.c, of a futex that others may share: its page as for a write where that is
 * allowed, and else as for a read, but a private one, which is nobody else's. 0 or -EFAULT.
 */
int mm_futex_page(struct mm *mm, gva_t gva);

/* What stands at gva by the truth alone, changing nothing. Bytes NOT read. */
uint64_t mm_peek(struct mm *mm, void *buf, gva_t gva, uint64_t len);
/* Write as ptrace does: into private mappings whatever their protection. Bytes NOT written. */
uint64_t mm_poke(struct mm *mm, gva_t gva, const void *buf, uint64_t len);

/* Guest-physical memory, as it is. 0, or -EFAULT: outside every arena, or a file shrank. */
int mm_read_gpa(struct mm *mm, gpa_t gpa, void *buf, uint64_t len);

/* ---- looking: inspect.c */

/* 0, or -EINVAL: not canonical. */
int mm_walk(struct mm *mm, gva_t gva, struct mv_walk *walk);
/* The first VMA that ends above gva, without what of it is mapped; its name as it was opened. -ENOENT: none. */
int mm_vma_next(struct mm *mm, gva_t gva, struct mv_vma *info);
/* ... with it, and where its file is now. */
int mm_vma_info(struct mm *mm, gva_t gva, struct mv_vma *info);
/* The name in full, of the VMA that a look has found at gva, by which its file is to be found now. */
void mm_vma_path(struct mm *mm, gva_t gva, char path[PATH_MAX]);
/* As maps shows it: the path its file was opened by, "[heap]", "[stack]", "[vdso]", "[vvar]" or "". */
const char *mm_vma_name(const struct mm *mm, const struct vma *vma);
/* As maps shows it, in bytes: of its start in the file; 0 for what has none, as [vdso]. */
uint64_t mm_vma_offset(const struct vma *vma);
/* What smaps says of a VMA, as struct mem_size_stats of fs/proc/task_mmu.c has it. */
struct mm_smap {
	unsigned vm_flags;
	bool thp_eligible; /* a fault may give it a 2 MiB leaf wherever one fits */
	uint64_t rss;	   /* bytes that are resident */
	uint64_t anon;	   /* of rss, private pages */
	uint64_t shmem;	   /* of rss, pages of shared memory and of files on tmpfs */
	uint64_t dirty; /* of rss, what was written, and not given up by MADV_FREE since */
	uint64_t lazyfree; /* of anon, what was given up by MADV_FREE, and not written since */
	uint64_t huge;	   /* of anon, pages of 2 MiB */
	uint64_t hugetlb; /* MAP_HUGETLB's pages, which are not of rss */
};

/* Of the VMA that a look has found at gva: smaps.c. */
void mm_smap(struct mm *mm, gva_t gva, struct mm_smap *s);
/*
 * VmHWM: the most pages that were resident, of all but MAP_HUGETLB's; rss: what was counted just now, 0: nothing was.
 * Some may come and go before a look is worth it: an eighth, as a rule, at most.
 */
uint64_t mm_hiwater_rss(struct mm *mm, uint64_t rss);
/* What counts against the limit. */
void mm_memory(struct mm *mm, struct mv_memory *memory);

/* ---- internal: lock held */

/* Whether a private page at gva has been used; *entry is its entry, 0: it has none now. */
bool mm_private_resident(struct mm *mm, gva_t gva, uint64_t *entry);
/* update_hiwater_rss() of linux/mm.h: pages are going to be unmapped. */
void mm_update_hiwater_rss(struct mm *mm);
/* Zap entries and private pages of [start, end), which cuts no 2 MiB frame. */
void mm_zap_range(struct mm *mm, struct gather *g, gva_t start, gva_t end);
/* Make the entries of [start, end) of a VMA agree with its protection, which was changed. */
void mm_protect_range(struct mm *mm, struct gather *g, const struct vma *vma, gva_t start,
		      gva_t end);
/*
 * Make the 2 MiB private frame at block, if one is there, 512 of 4 KiB: its leaf is dropped,
 * faults make the entries again. mm_split_at: of the block that gva cuts. 0 or -ENOMEM.
 */
int mm_split_block(struct mm *mm, struct gather *g, gva_t block);
int mm_split_at(struct mm *mm, struct gather *g, gva_t gva);
/*
 * The entry `old` for a private page is dropped while the page stays: that it was written, which
 * only D told, is remembered by its frame (the first of a 2 MiB one).
 */
void mm_keep_dirty(struct mm *mm, gfn_t gfn, uint64_t old);
/* Whether a private 2 MiB leaf may lie over the block: it is all the VMA's, and has no guard. */
bool mm_may_be_huge(const struct mm *mm, const struct vma *vma, gva_t block);
/* Let go of the leaf over the block, whose frame is gfn; the frame's 512 pages get an owner each. */
void mm_break_huge(struct mm *mm, struct gather *g, gva_t block, gfn_t gfn);
/*
 * Where the block's pages still lie in one 2 MiB frame as a split left them, make them that
 * again. True: they are, and the leaf is the caller's, who knows that no table is in its place.
 */
bool mm_rejoin_block(struct mm *mm, const struct vma *vma, gva_t block);
/* Make one 2 MiB leaf of the block, as khugepaged would. 0, or -errno as MADV_COLLAPSE gives it. */
int mm_collapse_block(struct mm *mm, struct vma *vma, gva_t block);
/* The guards of [start, end) go. */
void mm_clear_guards(struct mm *mm, gva_t start, gva_t end);
/* Grow a VM_GROWSDOWN VMA down to hold gva. 0 or -ENOMEM. */
int mm_expand_stack(struct mm *mm, struct vma *vma, gva_t gva);
/* mm_fault without the lock; guest: a CPU in ring 3 will retry that very access. */
struct mm_fault mm_handle_fault(struct mm *mm, gva_t gva, unsigned access, bool guest);
/* ... without its event. */
struct mm_fault mm_serve_fault(struct mm *mm, gva_t gva, unsigned access, bool guest);
/* reclaim.c: take back what can be missed. How many pages are charged less; or -errno. */
long mm_reclaim_some(struct mm *mm, enum reclaim effort);
/* ... with more and more effort, until there is room for a fault. */
long mm_reclaim(struct mm *mm);
/*
 * Charge pages that are no frames: phys_charge(), and after a try to take something back. Without the
 * lock. 0 or -ENOMEM; phys_uncharge() gives them back.
 */
int mm_charge(struct mm *mm, uint64_t pages);
/* Frames that were never touched, given up by MADV_FREE, or empty tables may be in [start, end) now. */
void mm_note_idle(struct mm *mm, gva_t start, gva_t end);
/* anon_vma_prepare(): the VMA merges as one that has private pages from now on. */
void mm_prepare_anon_id(struct mm *mm, struct vma *vma);

/* ---- hugetlb.c: VMAs with VM_HUGETLB */

/* Promise every block of the new VMA a frame, but with MAP_NORESERVE. 0 or -errno. */
int mm_hugetlb_reserve(struct mm *mm, const struct vma *vma);
/* [start, end) is going to be unmapped: what was promised to private blocks of it is free. */
void mm_hugetlb_unreserve(struct mm *mm, gva_t start, gva_t end);
/* The object gets n promises back, for frames that are freed. */
void mm_hugetlb_promise(struct object *obj, uint64_t n);
/* MADV_DONTNEED of [start, end), whole blocks of the VMA. Flushed; 0 or -errno. */
int mm_hugetlb_zap(struct mm *mm, struct gather *g, const struct vma *vma, gva_t start,
		   gva_t end);
struct pt_path;
/* hugetlb_no_page(): there is no entry for gva. path becomes that of the one it gets. */
struct mm_fault mm_hugetlb_fault(struct mm *mm, struct vma *vma, gva_t gva,
				 struct pt_path *path);

/*
 * place.c: get_unmapped_area() of mm/mmap.c. What is to be mapped: a file (with its pgoff), or
 * MAP_HUGETLB's object, or neither.
 */
long mm_get_unmapped_area(struct mm *mm, const struct object *file, gva_t addr,
			  uint64_t len, uint64_t pgoff, int flags);
/* Whether [addr, addr + len) is free down to the gap that a stack above it keeps. */
bool mm_is_free(struct mm *mm, gva_t addr, uint64_t len);

/* do_vmi_munmap(): nothing is left mapped in [addr, addr + len). Flushed; 0 or -errno. */
int mm_do_munmap(struct mm *mm, gva_t addr, uint64_t len);
/*
 * vma_modify(): [start, end) of *vma, and what it merges with; *vma becomes it. 0; -ENOMEM;
 * -EINVAL: a 2 MiB page of MAP_HUGETLB's would be cut.
 */
int mm_modify_flags(struct mm *mm, struct gather *g, struct vma **vma, gva_t start,
		    gva_t end, unsigned vm_flags);
/* The new VMA, merged where it can be; what was there before is gone already. Or NULL. */
struct vma *mm_insert_region(struct mm *mm, const struct vma *want);

/* mlock.c */
bool mm_can_do_mlock(const struct mm *mm);
/* mlock_future_ok(): `len` bytes more with these flags stay within RLIMIT_MEMLOCK. */
bool mm_mlock_future_ok(const struct mm *mm, unsigned vm_flags, uint64_t len);
/* __mm_populate(): fault in [start, end) as its VMAs allow. 0; -EFAULT, -ENOMEM where it ended. */
int mm_populate(struct mm *mm, gva_t start, gva_t end);
/* ... for one kind of access, and give the frames memory. 0, or the first fault's -errno. */
int mm_fault_in(struct mm *mm, gva_t start, gva_t end, unsigned access);

#endif
