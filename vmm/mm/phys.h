/* SPDX-License-Identifier: MIT */
/*
 * phys.h: a sandbox's guest-physical memory: arenas, and the frames in them.
 *
 *   gpa  PHYS_BASE                                            PHYS_LIMIT
 *        |  arena  |  arena      |    | arena |  ...          |
 *        |  tables |  anonymous  |    | file  |               |
 *           slot 0     slot 1          slot 2
 *
 * An arena is one memory slot, 2 MiB-aligned in gpa and hva alike, so that a 2 MiB leaf
 * can lie over a host huge page. Arenas are added as frames are asked for: what a sandbox
 * may grow to costs nothing at its start. Below PHYS_BASE are the holes of a PC's map (the
 * APIC's page, the BIOS), and gfn 0 can mean "none".
 *
 * A frame that was never touched has no host memory: all anonymous arenas are reserved
 * mappings that the host kernel backs, with zeroes, at the first access; or that stage2.h
 * serves, and files' windows with them, where phys_serve() was called.
 *
 * Every function here takes phys->lock itself, but for those marked "lock held".
 */
#ifndef MM_PHYS_H
#define MM_PHYS_H

#include <pthread.h>

#include "vmm/mm/stage2.h"
#include "vmm/mm/types.h"

#define PHYS_BASE (1ull << 32)
/* gfn_t's width; a guest whose processor has fewer physical bits sets phys->end lower. */
#define PHYS_LIMIT (1ull << 44)

/* What a VM does for its memory; mm/ knows no KVM. Both return 0 or -errno. */
struct phys_ops {
	/* Set memory slot `slot`, or delete it where size is 0. */
	int (*slot)(void *ctx, unsigned slot, gpa_t gpa, uint64_t size, void *hva);
	/* Drop every translation of the VM, on every vCPU. */
	int (*drop)(void *ctx);
};

enum arena_kind {
	ARENA_TABLE, /* page tables, and the monitor */
	ARENA_ANON,  /* anonymous frames of 4 KiB, host huge pages off */
	ARENA_HUGE,  /* anonymous frames of 2 MiB, host huge pages on */
	ARENA_FILE,  /* a window on a host file: the host's own shared mapping of it */
	ARENA_KINDS
};

/* Per frame, in an array beside its arena; all zero when the frame is free. */
struct frame {
	uint32_t lazyfree : 1; /* MADV_FREE: may be taken back unless its entry has D, or is gone */
	uint32_t written : 1; /* private: an entry for it had D, which is gone; smaps.c */
	uint32_t refs : 30; /* anonymous: owners that name it, that is pagemap entries; for 2 MiB in
			 * the first of its 512. Table: entries in use. File window: unused */
	union {
		gfn_t next; /* on a free list or in quarantine: the next one; 0 ends it */
		uint32_t place; /* of a table in use: pt_place() */
	};
};

struct arena {
	enum arena_kind kind;
	unsigned slot; /* KVM's memory slot */
	gpa_t gpa;     /* of its first byte */
	uint64_t size; /* bytes */
	char *hva;     /* where gpa is mapped here */
	void *raw;     /* the mapping that hva lies in, alignment slack included */
	uint64_t raw_size;
	struct frame *frames; /* one for each 4 KiB; memory comes as it is touched */
	uint32_t next_fresh;  /* frames from here on were never used */
	struct arena *next;   /* in phys->arenas, or in phys->spare */
};

struct phys {
	const struct phys_ops *ops;
	void *ctx;	       /* for ops */
	struct stage2 *stage2; /* serves all arenas but tables; NULL: the host kernel does */
	pthread_mutex_t lock;  /* guards what follows */
	struct arena **chunks; /* the arena of each 2 MiB of gpa from PHYS_BASE on */
	gpa_t end;	       /* no gpa from here on */
	gpa_t next_gpa;	       /* where the next arena goes */
	unsigned nr_slots;     /* slot numbers given out */
	struct arena *arenas;  /* all that are in use */
	struct arena
		*spare[32]; /* deleted ones by log2(size): their gpa and slot are reused */
	struct arena *fresh[ARENA_KINDS]; /* the one whose fresh frames are being given out */
	uint64_t grow[ARENA_KINDS];	  /* size of the next arena of a kind */
	gfn_t free[ARENA_KINDS]; /* freed frames: zeroed by the host again; or tables, as they were */
	unsigned nr_free_tables; /* on that list: the host backs them still, so they are charged */
	gfn_t cold_tables;  /* freed tables whose memory was given back */
	gfn_t split;	    /* freed frames of 4 KiB in ARENA_HUGE: parts of 2 MiB ones */
	unsigned nr_split;  /* on that list */
	unsigned new_split; /* of them, since the last search for whole ones */
	gfn_t quarantine;   /* unlinked tables that a translation may still lead to */
	unsigned nr_quarantine;
	unsigned quarantine_max; /* so many are worth a drop of everything */
	struct object *files;	 /* objects that hold a host file open */
	unsigned nr_files;	 /* ... how many */
	unsigned max_files; /* ... at most: half of RLIMIT_NOFILE, for the rest is the embedder's;
			     * or less */
	int broken;	    /* the first -errno of a flush that the host refused: what it
				  * leaves behind may be stale, no vCPU may run any more; 0: none */
	uint64_t limit; /* most frames that may be charged */
	uint64_t charged; /* anonymous frames reserved, tables and nodes: what the host may back */
	uint64_t drops;	     /* drops of every translation */
	uint64_t flush_free; /* runs of frames whose memory was given back */
	uint64_t flush_keep; /* notifier events for frames that kept their content */
	uint64_t reserved;   /* of charged, anonymous frames */
	uint64_t foreign;    /* of charged, pages that are no frames: phys_charge() */
	uint64_t promised; /* of charged, pages of 2 MiB frames yet to be made: phys_promise() */
	uint64_t nodes; /* of charged, pagemaps' nodes */
};

/* *phys is the caller's memory. end: first gpa that the vCPU can't address. -ENOMEM. */
int phys_init(struct phys *phys, const struct phys_ops *ops, void *ctx, gpa_t end,
	      uint64_t limit_bytes);
/* Serve second-stage violations here, not in the host kernel: before the first frame. 0 or -errno. */
int phys_serve(struct phys *phys, struct mv_error *err);
/* No translation may be in use any more: the vCPUs have ended. */
void phys_destroy(struct phys *phys);

static inline struct arena *phys_arena(const struct phys *phys, gpa_t gpa)
{
	if (gpa < PHYS_BASE || gpa >= phys->end)
		return NULL;
	return phys->chunks[(gpa - PHYS_BASE) >> PMD_SHIFT];
}

/* The hva of a gpa that an arena holds; stays valid as long as the arena. */
static inline char *phys_hva(const struct phys *phys, gpa_t gpa)
{
	const struct arena *a = phys_arena(phys, gpa);

	return a->hva + (gpa - a->gpa);
}

static inline struct frame *phys_frame(const struct phys *phys, gfn_t gfn)
{
	gpa_t gpa = (gpa_t)gfn << PAGE_SHIFT;
	const struct arena *a = phys_arena(phys, gpa);

	return &a->frames[(gpa - a->gpa) >> PAGE_SHIFT];
}

/*
 * Up to `want` adjoining frames of ARENA_ANON, each with no owner yet and reading as zeroes;
 * *got says how many there are from the returned gfn on. 0: the limit or the host's
 * memory is reached.
 */
gfn_t phys_alloc_anon(struct phys *phys, unsigned want, unsigned *got);
/* A 2 MiB frame: the gfn of its first page. */
gfn_t phys_alloc_huge(struct phys *phys);
/* ... that was promised by phys_promise(), whose charge it takes over. */
gfn_t phys_alloc_promised_huge(struct phys *phys);
/* A zeroed page table. */
gfn_t phys_alloc_table(struct phys *phys);
/* A zeroed node of a pagemap: a page like a table, that no translation ever leads to. */
gfn_t phys_alloc_node(struct phys *phys);
void phys_free_node(struct phys *phys, gfn_t gfn);
/* Give back the memory of freed tables and nodes. */
void phys_trim(struct phys *phys);

/*
 * How many frames may be reserved ahead of their use: none in the limit's last eighth, where what
 * one fault reserved would be taken back by the next.
 */
uint64_t phys_spare(const struct phys *phys);
/* Whether the host may back the 2 MiB at gfn, of phys_alloc_huge(), with a huge page. */
void phys_set_huge(struct phys *phys, gfn_t gfn, bool huge);

/* Whether n more frames can be charged. */
bool phys_can_charge(struct phys *phys, uint64_t n);
/* Charge n pages that are no frames, memory of the host's all the same. 0 or -ENOMEM. */
int phys_charge(struct phys *phys, uint64_t n);
void phys_uncharge(struct phys *phys, uint64_t n);
/* Charge n pages of 2 MiB frames that are going to be made. 0 or -ENOMEM. */
int phys_promise(struct phys *phys, uint64_t n);
/* ... of frames that are freed now, whatever the limit: whoever frees them keeps the right to them. */
void phys_promise_again(struct phys *phys, uint64_t n);
void phys_unpromise(struct phys *phys, uint64_t n);

/*
 * Frames of 4 KiB (ARENA_ANON, or a split 2 MiB one) without owner or translation, whose host
 * memory was given back: they are zero. From gather.c, or before anyone could own them.
 */
void phys_free_anon(struct phys *phys, gfn_t gfn, unsigned n);
/* An unlinked table: kept in quarantine until the next drop. */
void phys_free_table(struct phys *phys, gfn_t gfn);
/* Drop every translation of the VM; quarantined tables become free. 0 or -errno. */
int phys_drop(struct phys *phys);

/*
 * A window: `size` bytes (a power of two from 2 MiB) of the file from `offset` on, mapped shared.
 * NULL: errno says why.
 */
struct arena *phys_add_window(struct phys *phys, int fd, uint64_t offset, uint64_t size,
			      bool writable);
/* Delete a window's slot (which drops every translation) and its mapping. */
void phys_del_window(struct phys *phys, struct arena *arena);

#endif
