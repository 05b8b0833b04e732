/* SPDX-License-Identifier: MIT */
/* shm.c: shmget, shmat, shmdt, shmctl. See shm.h. */
#include "vmm/linux/shm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "vmm/linux/calls.h"

/* ipc/util.h: IPCMNI_SHIFT, and ipc_min_cycle, slots before they begin anew. */
#define SLOT_BITS 15
#define SLOT_MASK ((1 << SLOT_BITS) - 1)
#define CYCLE_MIN 256
/* linux/shm.h: of one segment and of all. */
#define SIZE_MAX_LINUX (UINT64_MAX - (1ull << 24))
#define PAGES_MAX_LINUX (UINT64_MAX - (1ull << 24))

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

/* The kernel's own mount, where segments lie, and memfds. */
static uint64_t shm_dev(void)
{
	return makedev(0, 1);
}

void shm_init(struct shm *shm)
{
	*shm = (struct shm){ .last = -1 };
}

void shm_destroy(struct shm *shm)
{
	for (unsigned i = 0; i < SHM_SEGMENTS; i++) {
		struct shm_segment *seg = shm->segments[i];

		if (!seg)
			continue;
		if (seg->object)
			seg->object->weak = NULL;
		if (seg->object && !seg->dest)
			object_put(seg->object);
		free(seg);
	}
	shm_init(shm);
}

static int64_t now(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts.tv_sec;
}

static uint64_t pages_of(uint64_t size)
{
	return (size >> PAGE_SHIFT) + !!(size & ~PAGE_MASK);
}

/* shm_nattch: a reference each, and one is the segment's. */
static unsigned attached(struct process *p, const struct shm_segment *seg)
{
	unsigned n;

	pthread_mutex_lock(&p->mm->lock);
	n = seg->object ? seg->object->refs - !seg->dest : 0;
	pthread_mutex_unlock(&p->mm->lock);
	return n;
}

/* Attached and detached by mmap's kin, too: shm_open() and shm_close(), when it is noticed. */
static unsigned note_attached(struct process *p, struct shm_segment *seg)
{
	const unsigned n = attached(p, seg);

	if (n == seg->seen)
		return n;
	*(n > seg->seen ? &seg->atime : &seg->dtime) = now();
	seg->lpid = PAYLOAD_PID;
	seg->seen = n;
	return n;
}

/* Segments that were removed go with their last VMA, which told nobody. */
static void sweep(struct shm *shm)
{
	for (unsigned i = 0; i < SHM_SEGMENTS; i++) {
		struct shm_segment *seg = shm->segments[i];

		if (!seg || !seg->dest || seg->object)
			continue;
		shm->segments[i] = NULL;
		shm->in_use--;
		shm->pages -= pages_of(seg->size);
		free(seg);
	}
}

/* shm_obtain_object_check() */
static int find(struct process *p, int id, struct shm_segment **seg)
{
	const int slot = id & SLOT_MASK;

	sweep(&p->shm);
	if (id < 0 || slot >= SHM_SEGMENTS || !p->shm.segments[slot])
		return -EINVAL;
	*seg = p->shm.segments[slot];
	return (*seg)->id == id ? 0 : -EINVAL;
}

/* ipcperms(), without capabilities. wanted: three times three bits. */
static bool allowed(const struct process *p, const struct shm_segment *seg, unsigned wanted)
{
	const uid_t uid = p->ids.uid.effective;
	const gid_t gid = p->ids.gid.effective;
	unsigned granted = seg->mode;

	if (uid == seg->cuid || uid == seg->uid)
		granted >>= 6;
	else if (gid == seg->cgid || gid == seg->gid)
		granted >>= 3;
	return !((wanted >> 6 | wanted >> 3 | wanted) & ~granted & 7);
}

/* ---- shmget */

/* ipc_idr_alloc(): slots in a circle, so that an id isn't another's soon. -1: all are in use. */
static int free_slot(struct shm *shm)
{
	const int end = (int)max_u64(shm->in_use * 3 / 2, CYCLE_MIN);
	const int slots = end < SHM_SEGMENTS ? end : SHM_SEGMENTS;

	for (int i = 1; i <= slots; i++) {
		const int slot = (shm->last + i) % slots;

		if (shm->segments[slot])
			continue;
		if (slot <= shm->last)
			shm->seq = (shm->seq + 1) & (INT32_MAX >> SLOT_BITS);
		shm->last = slot;
		return slot;
	}
	return -1;
}

static struct object *new_object(struct process *p, const struct shm_segment *seg)
{
	char name[sizeof("/SYSV00000000 (deleted)")];

	snprintf(name, sizeof(name), "/SYSV%08x (deleted)", (unsigned)seg->key);
	return object_new_named(p->mm->phys, page_align(seg->size), name, shm_dev(),
				(unsigned)seg->id);
}

/* newseg() */
static int64_t new_segment(struct process *p, int32_t key, uint64_t size, int flags)
{
	const uint64_t pages = pages_of(size);
	struct shm *shm = &p->shm;
	struct shm_segment *seg;
	int slot;

	if (!size || size > SIZE_MAX_LINUX)
		return -EINVAL;
	if (shm->pages + pages < pages || shm->pages + pages > PAGES_MAX_LINUX ||
	    page_align(size) < size)
		return -ENOSPC;
	if (flags & SHM_HUGETLB) /* the pool is none of the payload's: docs/guest-abi.md */
		return -ENOMEM;
	if (!(flags & SHM_NORESERVE) && pages > p->mm->phys->limit)
		return -ENOMEM; /* __vm_enough_memory(): more than there could ever be */
	seg = calloc(1, sizeof(*seg));
	if (!seg)
		return -ENOMEM;
	slot = free_slot(shm);
	if (slot < 0) {
		free(seg);
		return -ENOSPC;
	}
	*seg = (struct shm_segment){
		.id = (int)(shm->seq << SLOT_BITS) + slot,
		.key = key,
		.size = size,
		.mode = (mode_t)flags & 0777,
		.uid = p->ids.uid.effective,
		.cuid = p->ids.uid.effective,
		.gid = p->ids.gid.effective,
		.cgid = p->ids.gid.effective,
		.cpid = PAYLOAD_PID,
		.ctime = now(),
	};
	seg->object = new_object(p, seg);
	if (!seg->object) {
		free(seg);
		return -ENOMEM;
	}
	seg->object->weak = &seg->object;
	seg->object->keeps_apart = true;
	shm->segments[slot] = seg;
	shm->in_use++;
	shm->pages += pages;
	return seg->id;
}

int64_t sys_shmget(struct process *p, const uint64_t a[6])
{
	const int32_t key = (int32_t)a[0];
	const int flags = (int)a[2];
	const struct shm_segment *seg = NULL;

	sweep(&p->shm);
	for (unsigned i = 0; i < SHM_SEGMENTS && key != IPC_PRIVATE && !seg; i++)
		if (p->shm.segments[i] && p->shm.segments[i]->key == key)
			seg = p->shm.segments[i];
	if (!seg && key != IPC_PRIVATE && !(flags & IPC_CREAT))
		return -ENOENT;
	if (!seg)
		return new_segment(p, key, a[1], flags);
	if (flags & IPC_CREAT && flags & IPC_EXCL)
		return -EEXIST;
	if (seg->size < a[1])
		return -EINVAL;
	return allowed(p, seg, (unsigned)flags & 0777) ? seg->id : -EACCES;
}

/* ---- shmat, shmdt */

/* Where it is to be, of do_shmat(): 0 leaves it to mmap. */
static int attach_address(gva_t *addr, int flags)
{
	if (!*addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (*addr & ~PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		*addr &= PAGE_MASK;
		if (!*addr && flags & SHM_REMAP)
			return -EINVAL;
	}
	return 0;
}

/* do_shmat()'s reference: what is mapped over may be its last VMA, and it was removed. */
static long attach(struct process *p, struct shm_segment *seg, gva_t addr, int prot,
		   int flags)
{
	struct object *obj = seg->object;
	long ret;

	pthread_mutex_lock(&p->mm->lock);
	object_get(obj);
	pthread_mutex_unlock(&p->mm->lock);
	ret = mm_mmap(p->mm, addr, seg->size, prot, flags, obj, true, prot & PROT_WRITE, 0);
	pthread_mutex_lock(&p->mm->lock);
	object_put(obj);
	pthread_mutex_unlock(&p->mm->lock);
	note_attached(p, seg);
	return ret;
}

int64_t sys_shmat(struct process *p, const uint64_t a[6])
{
	const int flags = (int)a[2];
	const bool write = !(flags & SHM_RDONLY);
	const int prot = PROT_READ | (write ? PROT_WRITE : 0) |
			 (flags & SHM_EXEC ? PROT_EXEC : 0);
	const unsigned wanted = 0444 | (write ? 0222 : 0) | (flags & SHM_EXEC ? 0111 : 0);
	struct shm_segment *seg;
	gva_t addr = a[1];
	struct mv_vma v;
	int64_t ret;

	if ((int)a[0] < 0)
		return -EINVAL;
	ret = attach_address(&addr, flags);
	if (!ret)
		ret = find(p, (int)a[0], &seg);
	if (ret)
		return ret;
	if (!allowed(p, seg, wanted))
		return -EACCES;
	if (addr && !(flags & SHM_REMAP) &&
	    (addr + seg->size < addr ||
	     (!mm_vma_next(p->mm, addr, &v) && v.start < addr + seg->size)))
		return -EINVAL;
	return attach(p, seg, addr, prot, MAP_SHARED | (a[1] ? MAP_FIXED : 0));
}

/* The segment that a VMA shows; NULL: it shows none. */
static struct shm_segment *segment_of(struct process *p, const struct mv_vma *v)
{
	const struct object *obj = mm_object_at(p->mm, v->start);
	struct shm_segment *seg = v->ino & SLOT_MASK & ~(SHM_SEGMENTS - 1ull)
					  ? NULL
					  : p->shm.segments[v->ino & SLOT_MASK];

	return obj && seg && seg->object == obj ? seg : NULL;
}

/*
 * ksys_shmdt(): the first piece says which segment; the others' must be the same. A piece that mprotect or
 * munmap left counts, if it lies where it was attached.
 */
int64_t sys_shmdt(struct process *p, const uint64_t a[6])
{
	struct shm_segment *found = NULL, *seg;
	const gva_t addr = a[0];
	uint64_t size = 0;
	struct mv_vma v;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	sweep(&p->shm);
	for (gva_t at = addr; !mm_vma_next(p->mm, at, &v); at = v.end) {
		if (found && (int64_t)(v.end - addr) > (int64_t)size)
			break;
		if (v.start < addr || v.start - addr != v.offset)
			continue;
		seg = segment_of(p, &v);
		if (!seg || (found && seg != found))
			continue;
		found = seg;
		size = page_align(seg->size);
		mm_munmap(p->mm, v.start, v.end - v.start);
	}
	if (found)
		note_attached(p, found);
	sweep(&p->shm);
	return found ? 0 : -EINVAL;
}

/* ---- shmctl */

static int64_t give(struct process *p, gva_t gva, const void *data, size_t size,
		    int64_t result)
{
	return mm_copy_to(p->mm, gva, data, size) ? -EFAULT : result;
}

/* shmctl_stat(); by slot with SHM_STAT and SHM_STAT_ANY, which give the id. */
static int64_t stat_segment(struct process *p, int id, int cmd, gva_t gva)
{
	struct shm_segment *seg;
	struct shmid_ds ds;
	int err;

	if (cmd == IPC_STAT) {
		err = find(p, id, &seg);
		if (err)
			return err;
	} else {
		sweep(&p->shm);
		if (id >= SHM_SEGMENTS || !p->shm.segments[id])
			return -EINVAL;
		seg = p->shm.segments[id];
	}
	if (cmd != SHM_STAT_ANY && !allowed(p, seg, 0444))
		return -EACCES;
	memset(&ds, 0, sizeof(ds));
	ds.shm_nattch = note_attached(p, seg);
	ds.shm_perm.__key = seg->key;
	ds.shm_perm.uid = seg->uid;
	ds.shm_perm.gid = seg->gid;
	ds.shm_perm.cuid = seg->cuid;
	ds.shm_perm.cgid = seg->cgid;
	ds.shm_perm.mode = seg->mode | (seg->dest ? SHM_DEST : 0) |
			   (seg->locked ? SHM_LOCKED : 0);
	ds.shm_perm.__seq = (unsigned short)(seg->id >> SLOT_BITS);
	ds.shm_segsz = seg->size;
	ds.shm_atime = seg->atime;
	ds.shm_dtime = seg->dtime;
	ds.shm_ctime = seg->ctime;
	ds.shm_cpid = seg->cpid;
	ds.shm_lpid = seg->lpid;
	return give(p, gva, &ds, sizeof(ds), cmd == IPC_STAT ? 0 : seg->id);
}

/* The highest slot in use: what IPC_INFO and SHM_INFO return. */
static int highest(const struct shm *shm)
{
	for (int i = SHM_SEGMENTS; i-- > 0;)
		if (shm->segments[i])
			return i;
	return 0;
}

static int64_t tell_limits(struct process *p, gva_t gva)
{
	struct shminfo info;

	memset(&info, 0, sizeof(info));
	info.shmmax = SIZE_MAX_LINUX;
	info.shmmin = 1;
	info.shmmni = info.shmseg = SHM_SEGMENTS;
	info.shmall = PAGES_MAX_LINUX;
	return give(p, gva, &info, sizeof(info), highest(&p->shm));
}

static int64_t tell_use(struct process *p, gva_t gva)
{
	struct shm_info info;

	memset(&info, 0, sizeof(info));
	info.used_ids = (int)p->shm.in_use;
	info.shm_tot = p->shm.pages;
	for (unsigned i = 0; i < SHM_SEGMENTS; i++)
		if (p->shm.segments[i] && p->shm.segments[i]->object)
			info.shm_rss += p->shm.segments[i]->object->pages.pages;
	return give(p, gva, &info, sizeof(info), highest(&p->shm));
}

static bool owns(const struct process *p, const struct shm_segment *seg)
{
	return p->ids.uid.effective == seg->uid || p->ids.uid.effective == seg->cuid;
}

/* shmctl_down(): what only its owner may. */
static int64_t change(struct process *p, int id, int cmd, gva_t gva)
{
	struct shm_segment *seg;
	struct shmid_ds ds;
	int err;

	if (cmd == IPC_SET && mm_copy_from(p->mm, &ds, gva, sizeof(ds)))
		return -EFAULT;
	err = find(p, id, &seg);
	if (err)
		return err;
	if (!owns(p, seg))
		return -EPERM;
	if (cmd == IPC_SET) {
		if (ds.shm_perm.uid == (uid_t)-1 || ds.shm_perm.gid == (gid_t)-1)
			return -EINVAL;
		seg->uid = ds.shm_perm.uid;
		seg->gid = ds.shm_perm.gid;
		seg->mode = ds.shm_perm.mode & 0777;
		seg->ctime = now();
		return 0;
	}
	if (!seg->dest) {
		seg->dest = true;
		seg->key = IPC_PRIVATE;
		pthread_mutex_lock(&p->mm->lock);
		object_put(seg->object);
		pthread_mutex_unlock(&p->mm->lock);
	}
	sweep(&p->shm);
	return 0;
}

static int64_t set_lock(struct process *p, int id, bool lock)
{
	struct shm_segment *seg;
	int err = find(p, id, &seg);

	if (err)
		return err;
	if (!owns(p, seg))
		return -EPERM;
	seg->locked = lock;
	return 0;
}

int64_t sys_shmctl(struct process *p, const uint64_t a[6])
{
	const int id = (int)a[0], cmd = (int)a[1];

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return tell_limits(p, a[2]);
	case SHM_INFO:
		return tell_use(p, a[2]);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat_segment(p, id, cmd, a[2]);
	case IPC_SET:
	case IPC_RMID:
		return change(p, id, cmd, a[2]);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return set_lock(p, id, cmd == SHM_LOCK);
	default:
		return -EINVAL;
	}
}
