/* SPDX-License-Identifier: MIT */
/*
 * object.h: what owns content. A VMA names an object and a page offset in it; the
 * object says in which frame that page is.
 *
 *   anonymous  its pagemap: frames that it owns (MAP_SHARED | MAP_ANONYMOUS). With MAP_HUGETLB
 *              frames of 2 MiB only, of which it keeps the reservations, a private mapping's, too
 *   file       windows: arenas that are the host's own mapping of the file, so that a page of
 *              the file and its frame are the same memory, with the host and all its processes
 *
 * The private pages of an mm (MAP_PRIVATE, of a file or not) are not an object's, but
 * the mm's own: mm->anon.
 *
 * Under the mm's lock of whoever calls; objects are not shared between mms yet.
 */
#ifndef MM_OBJECT_H
#define MM_OBJECT_H

#include "vmm/mm/pagemap.h"
#include "vmm/mm/phys.h"

enum object_kind {
	OBJECT_ANON,
	OBJECT_FILE,
	OBJECT_ZERO, /* /dev/zero mapped private: anonymous memory that goes by a name */
	OBJECT_NONE  /* what can't be mapped: no VMA has one, mmap says why in its turn */
};

/* A piece of a file that guest-physical memory shows. */
struct window {
	uint64_t offset; /* in the file; a multiple of its size, of 2 MiB at least */
	struct arena *arena;
};

struct object {
	enum object_kind kind;
	unsigned refs;	      /* VMAs and open files that name it */
	struct phys *phys;    /* where its frames are */
	struct pagemap pages; /* anonymous: by page offset */
	int fd;		      /* file: the object's own, open for reading at least */
	bool writable;	      /* file: fd is open for writing too; windows are, then */
	uint64_t dev,
		ino; /* file: as fstat gave them; anonymous: what maps shows, 0 or a name's */
	bool shmem;  /* file: on tmpfs, or a memfd */
	bool placed; /* file: opened by a path, by which it may not be any more: mm->where */
	bool special; /* file: page 0 is [vvar], the others are [vdso]: none, to the payload */
	bool huge;    /* anonymous: MAP_HUGETLB */
	bool reserves;	   /* huge: every block of it has a frame, or is promised one */
	uint64_t promised; /* huge: frames of 2 MiB that are charged, but not made yet */
	bool thp_aligned; /* its file system, or device, places mappings for 2 MiB leaves */
	bool wide;   /* no regular file: its offsets are unsigned, file_mmap_size_max() */
	bool noexec; /* path_noexec(): its mount, or file system, has nothing to execute */
	bool knows_sync; /* FOP_MMAP_SYNC: its file system takes MAP_SYNC, and refuses it without DAX */
	bool secret; /* file: it may not be told which of its pages are in memory: can_do_mincore() */
	bool moves_beneath; /* its file system moves content, and leaves private copies alone */
	uint64_t size;	    /* bytes; of a file, at the last object_refresh() */
	bool cut;	 /* ... which found it smaller, and its mappings don't know yet */
	bool distrusted; /* file: the host's kernel may not give its pages: see object_ask() */
	char *name; /* file: the path it was opened by; anonymous: what maps shows, or NULL */
	struct object **
		weak; /* a pointer to it that is no reference: it becomes NULL when the object
			       * goes; or NULL */
	bool keeps_apart; /* its VMAs are not merged into one: their vm_ops have a close() */
	struct object *next, **pprev; /* file: in phys->files */
	struct window *windows;	      /* file: by offset, ascending */
	unsigned nr_windows;
	uint64_t charged; /* of a memfd that is closed but mapped, or special: its pages, by
			   * phys_charge() */
	uint64_t hole_start,
		hole_end; /* anonymous: while MADV_REMOVE lasts, what it is about */
};

/* `size` bytes of zeroes. One reference, the caller's. NULL: no memory. */
struct object *object_new_anon(struct phys *phys, uint64_t size);
/* ... that goes by a name, a device and an inode: shmem_kernel_file_setup(). */
struct object *object_new_named(struct phys *phys, uint64_t size, const char *name,
				uint64_t dev, uint64_t ino);
/* ... in 2 MiB frames: hugetlb_file_setup(). Nothing is promised yet. */
struct object *object_new_hugetlb(struct phys *phys, uint64_t size);
/*
 * fd becomes the object's also on failure; it must be readable. 0 or -errno: -ENODEV for what
 * can't be mapped (only regular files can), -ENFILE: phys->max_files are held.
 */
int object_new_file(struct phys *phys, int fd, bool writable, const char *name,
		    struct object **out);
/* What the vDSO's VMAs show, a file of the VMM's own; fd is as above. 0 or -errno. */
int object_new_special(struct phys *phys, int fd, struct object **out);
/* /dev/zero, for private mappings; fd stays the caller's. NULL: no memory. */
struct object *object_new_zero(struct phys *phys, int fd, const char *name);
/* What stands for an open file that can't be mapped; fd stays the caller's. NULL: no memory. */
struct object *object_new_none(struct phys *phys, int fd);
void object_get(struct object *obj);
/* The last reference frees windows, frames, fd. No PTE may name them any more. */
void object_put(struct object *obj);

/* Ask the host for a file's size. 0 or -errno. */
int object_refresh(struct object *obj);
/* Whether an object of that file has not heard yet that it is `size` bytes only. mm->lock held. */
bool object_was_cut(const struct phys *phys, uint64_t dev, uint64_t ino, uint64_t size);
/* Whether page pgoff begins before the end of it, as of the last refresh. */
static inline bool object_has_page(const struct object *obj, uint64_t pgoff)
{
	return pgoff < (obj->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/*
 * Read up to len bytes of a file's page as a fault would: of a hole on tmpfs it makes a page, which
 * mincore tells. Bytes, 0 behind the file's end, -errno.
 */
long object_read_page(struct object *obj, uint64_t pgoff, void *buf, uint64_t len);

/* Whether page pgoff of a file is in the host's page cache; true where nobody can say. */
bool object_page_cached(const struct object *obj, uint64_t pgoff);

/*
 * The frame of page pgoff of a file, which must be before its end. *before and *after get how
 * many pages before it, and from it on, are in adjoining frames. 0: errno says why no window
 * could be made.
 */
gfn_t object_file_frame(struct object *obj, uint64_t pgoff, uint64_t *before,
			uint64_t *after);
/*
 * Make windows for all of a file, as none made later might be written: a seal is to come. 0 or -errno; lock
 * held.
 */
int object_show_all(struct object *obj);
/*
 * Have the host's kernel give a file's page now, in order to read or to write it, where it can no longer
 * be trusted to do so when the payload comes to it: its file system is full, say, or can't be read.
 * MADV_POPULATE_READ and _WRITE, madvise(2). False: it can't, which is SIGBUS.
 */
bool object_ask(const struct object *obj, gfn_t gfn, bool write);

#endif
