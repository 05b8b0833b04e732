/* SPDX-License-Identifier: MIT */
/*
 * shm.h: System V shared memory: segments of the sandbox's own, that no other sandbox and no process of
 * the host's knows; ipc/shm.c and ipc/util.c. They are objects of anonymous memory, so what of
 * them has pages counts against the memory limit.
 *
 * Who is attached isn't counted here: each VMA that shows the segment has a reference to its object.
 */
#ifndef LINUX_SHM_H
#define LINUX_SHM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/mm/mm.h"

/* SHMMNI: segments at most. */
#define SHM_SEGMENTS 4096

/* struct kern_ipc_perm and shmid_kernel */
struct shm_segment {
	int id;
	int32_t key;   /* IPC_PRIVATE: it has none, or none any more */
	uint64_t size; /* bytes, as they were asked for */
	mode_t mode;   /* nine bits of access */
	bool locked;   /* SHM_LOCK, which is kept only: nothing is swapped */
	bool dest;     /* IPC_RMID: it goes with its last VMA */
	struct object *
		object; /* its memory: a reference, until dest; from then on a weak one, NULL once the
				* last VMA is gone */
	uid_t uid, cuid; /* the owner's, the creator's */
	gid_t gid, cgid;
	pid_t cpid, lpid; /* who made it; who attached or detached last */
	unsigned seen; /* VMAs that showed it when that was last asked: munmap tells nobody */
	int64_t atime, dtime, ctime; /* seconds */
};

struct shm {
	struct shm_segment *segments[SHM_SEGMENTS]; /* by slot: id % 32768; NULL: free */
	unsigned in_use;
	int last;	/* the slot that was given last; -1: none */
	unsigned seq;	/* counts up when slots begin anew, so that ids do not */
	uint64_t pages; /* of all segments, as if they had memory */
};

void shm_init(struct shm *shm);
void shm_destroy(struct shm *shm);

#endif
