/* SPDX-License-Identifier: MIT */
/* object.c: objects' lives, and a file's windows. */
#include "vmm/mm/object.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "vmm/mm/gather.h"
#include "vmm/mm/pte.h"

/* A shadow host pays for a slot by its size (kvm-facts): no window is larger. */
#define WINDOW_MAX (256ull << 20)

static struct object *new_object(enum object_kind kind, struct phys *phys)
{
	struct object *obj = calloc(1, sizeof(*obj));

	if (obj) {
		obj->kind = kind;
		obj->refs = 1;
		obj->phys = phys;
		obj->fd = -1;
		pagemap_init(&obj->pages, phys);
	}
	return obj;
}

struct object *object_new_anon(struct phys *phys, uint64_t size)
{
	struct object *obj = new_object(OBJECT_ANON, phys);

	if (obj)
		obj->size = size;
	return obj;
}

struct object *object_new_named(struct phys *phys, uint64_t size, const char *name,
				uint64_t dev, uint64_t ino)
{
	struct object *obj = object_new_anon(phys, size);

	if (obj && !(obj->name = strdup(name))) {
		object_put(obj);
		return NULL;
	}
	if (obj) {
		obj->dev = dev;
		obj->ino = ino;
	}
	return obj;
}

struct object *object_new_hugetlb(struct phys *phys, uint64_t size)
{
	struct object *obj = object_new_named(phys, size, "/anon_hugepage (deleted)", 0, 0);

	if (obj)
		obj->huge = true;
	return obj;
}

/*
 * path_noexec(): the mount says so, or the kind of file system, which statfs doesn't tell: SB_I_NOEXEC of
 * fs/proc/root.c, kernfs_fill_super(), init_pseudo().
 */
static bool is_noexec(const struct statfs *fs)
{
	switch (fs->f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case PIPEFS_MAGIC:
	case SOCKFS_MAGIC:
	case ANON_INODE_FS_MAGIC:
		return true;
	default:
		return fs->f_flags & ST_NOEXEC;
	}
}

/* What a file, and its file system, decide about its mappings. */
static void ask_file_system(struct object *obj, int fd, mode_t mode)
{
	struct statfs fs;

	obj->wide = !S_ISREG(mode) && !S_ISBLK(mode) && !S_ISSOCK(mode);
	if (fstatfs(fd, &fs))
		return;
	obj->noexec = is_noexec(&fs);
	if (!S_ISREG(mode))
		return;
	obj->knows_sync = fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC;
	obj->shmem = fs.f_type == TMPFS_MAGIC;
	/* those whose f_op->get_unmapped_area is thp_get_unmapped_area(); ext4 is ext2's and ext3's */
	obj->thp_aligned = fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
			   fs.f_type == BTRFS_SUPER_MAGIC;
	/* xfs_flush_unmap_range() has truncate_pagecache_range(), which spares copies */
	obj->moves_beneath = fs.f_type == XFS_SUPER_MAGIC;
}

struct object *object_new_zero(struct phys *phys, int fd, const char *name)
{
	struct object *obj = new_object(OBJECT_ZERO, phys);

	if (obj && !(obj->name = strdup(name))) {
		object_put(obj);
		return NULL;
	}
	if (obj) {
		ask_file_system(obj, fd, S_IFCHR);
		obj->thp_aligned = true;
	}
	return obj;
}

struct object *object_new_none(struct phys *phys, int fd)
{
	struct object *obj = new_object(OBJECT_NONE, phys);
	struct stat st;

	if (obj && !fstat(fd, &st))
		ask_file_system(obj, fd, st.st_mode);
	return obj;
}

/*
 * can_do_mincore(): what others have read of a file is its owner's to know, and theirs who may write it. A payload's
 * ids are the VMM's, but capabilities it has none.
 */
static bool is_secret(const struct stat *st)
{
	const bool ours = st->st_gid == getegid() || group_member(st->st_gid);

	return st->st_uid != geteuid() && !(st->st_mode & (ours ? S_IWGRP : S_IWOTH));
}

static void list_file(struct object *obj)
{
	struct object **head = &obj->phys->files;

	obj->next = *head;
	obj->pprev = head;
	if (obj->next)
		obj->next->pprev = &obj->next;
	*head = obj;
}

int object_new_file(struct phys *phys, int fd, bool writable, const char *name,
		    struct object **out)
{
	struct object *obj = new_object(OBJECT_FILE, phys);
	struct stat st;
	int err = -ENOMEM;

	if (!obj) {
		close(fd);
		return err;
	}
	obj->fd = fd;
	list_file(obj);
	if (phys->nr_files++ >= phys->max_files) {
		err = -ENFILE;
		goto fail;
	}
	obj->writable = writable;
	obj->name = strdup(name);
	if (!obj->name)
		goto fail;
	err = -ENODEV;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		goto fail;
	obj->dev = st.st_dev;
	obj->ino = st.st_ino;
	obj->size = (uint64_t)st.st_size;
	obj->secret = is_secret(&st);
	ask_file_system(obj, fd, st.st_mode);
	*out = obj;
	return 0;
fail:
	object_put(obj);
	return err;
}

/* No file of the payload's: neither its device nor its number is known to anybody. */
int object_new_special(struct phys *phys, int fd, struct object **out)
{
	struct object *obj;
	uint64_t pages;
	int err = object_new_file(phys, fd, false, "[vdso]", &obj);

	if (err)
		return err;
	obj->special = true;
	obj->dev = obj->ino = 0;
	pages = obj->size >> PAGE_SHIFT;
	if (phys_charge(phys, pages)) {
		object_put(obj);
		return -ENOMEM;
	}
	obj->charged = pages;
	*out = obj;
	return 0;
}

void object_get(struct object *obj)
{
	obj->refs++;
}

/* The frames have no translation left: zapping the VMAs saw to that. */
static void free_frames(struct object *obj)
{
	struct gather g;
	uint64_t i = 0, end = 1ull << PAGEMAP_BITS;

	gather_init(&g, obj->phys);
	while ((i = pagemap_next(&obj->pages, i, end)) < end)
		gather_put(&g, pagemap_clear(&obj->pages, i), true);
	gather_finish(&g);
}

void object_put(struct object *obj)
{
	if (!obj || --obj->refs)
		return;
	if (obj->weak)
		*obj->weak = NULL;
	free_frames(obj);
	phys_unpromise(obj->phys, obj->promised * PMD_PAGES);
	pagemap_destroy(&obj->pages);
	for (unsigned i = 0; i < obj->nr_windows; i++)
		phys_del_window(obj->phys, obj->windows[i].arena);
	phys_uncharge(obj->phys, obj->charged);
	free(obj->windows);
	free(obj->name);
	if (obj->fd >= 0) {
		close(obj->fd);
		obj->phys->nr_files--;
		*obj->pprev = obj->next;
		if (obj->next)
			obj->next->pprev = obj->pprev;
	}
	free(obj);
}

int object_refresh(struct object *obj)
{
	struct stat st;

	if (obj->kind != OBJECT_FILE)
		return 0;
	if (fstat(obj->fd, &st))
		return -errno;
	obj->cut |= (uint64_t)st.st_size < obj->size;
	obj->size = (uint64_t)st.st_size;
	return 0;
}

bool object_was_cut(const struct phys *phys, uint64_t dev, uint64_t ino, uint64_t size)
{
	for (const struct object *obj = phys->files; obj; obj = obj->next)
		if (obj->ino == ino && obj->dev == dev && (obj->cut || obj->size > size))
			return true;
	return false;
}

/* The last window that begins at or before offset; -1: none does. */
static int window_before(const struct object *obj, uint64_t offset)
{
	int lo = 0, hi = (int)obj->nr_windows;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (obj->windows[mid].offset <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/*
 * The size of a new window that shows offset: the smallest that reaches the file's
 * end, or the largest, aligned to itself, and apart from the windows beside it.
 */
static uint64_t window_size(const struct object *obj, uint64_t offset, int before)
{
	uint64_t size, base, low = 0, high = UINT64_MAX;

	if (before >= 0)
		low = obj->windows[before].offset + obj->windows[before].arena->size;
	if (before + 1 < (int)obj->nr_windows)
		high = obj->windows[before + 1].offset;
	for (size = WINDOW_MAX; size > PMD_SIZE; size /= 2) {
		base = offset & ~(size - 1);
		if (base >= low && base + size <= high &&
		    (offset >= base + size / 2 || obj->size > base + size / 2))
			break;
	}
	return size;
}

static struct window *add_window(struct object *obj, uint64_t offset, int before)
{
	uint64_t size = window_size(obj, offset, before), base = offset & ~(size - 1);
	struct window *w = realloc(obj->windows, (obj->nr_windows + 1) * sizeof(*w));
	struct arena *a;

	if (!w)
		return NULL;
	obj->windows = w;
	a = phys_add_window(obj->phys, obj->fd, base, size, obj->writable);
	if (!a && errno == EPERM && obj->writable) { /* a memfd with a seal against it */
		obj->writable = false;
		a = phys_add_window(obj->phys, obj->fd, base, size, false);
	}
	if (!a)
		return NULL;
	w += before + 1;
	memmove(w + 1, w, (obj->nr_windows - (unsigned)(before + 1)) * sizeof(*w));
	*w = (struct window){ base, a };
	obj->nr_windows++;
	return w;
}

gfn_t object_file_frame(struct object *obj, uint64_t pgoff, uint64_t *before,
			uint64_t *after)
{
	uint64_t offset = pgoff << PAGE_SHIFT;
	int i = window_before(obj, offset);
	struct window *w = i < 0 ? NULL : &obj->windows[i];

	if (!w || offset >= w->offset + w->arena->size)
		w = add_window(obj, offset, i);
	if (!w)
		return 0;
	*before = (offset - w->offset) >> PAGE_SHIFT;
	*after = (w->offset + w->arena->size - offset) >> PAGE_SHIFT;
	return (gfn_t)((w->arena->gpa + (offset - w->offset)) >> PAGE_SHIFT);
}

int object_show_all(struct object *obj)
{
	uint64_t before, after = 0;
	int err = object_refresh(obj);

	for (uint64_t pgoff = 0; !err && object_has_page(obj, pgoff); pgoff += after)
		if (!object_file_frame(obj, pgoff, &before, &after))
			err = -errno;
	for (unsigned i = 0; obj->phys->stage2 && !err && i < obj->nr_windows; i++)
		err = stage2_map_whole(obj->phys->stage2, obj->windows[i].arena->hva);
	return err;
}

/* Kernels before 5.14 can't be asked; of others, EINVAL is a page that nobody may access any more. */
static bool can_ask(void)
{
	char page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

	return !madvise(page, PAGE_SIZE, MADV_POPULATE_READ);
}

bool object_ask(const struct object *obj, gfn_t gfn, bool write)
{
	char *page = phys_hva(obj->phys, gfn_gpa(gfn));

	if (write && !obj->writable)
		return false;
	return !madvise(page, PAGE_SIZE,
			write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) ||
	       (errno == EINVAL && !can_ask());
}

/* By the window, whose page the host's kernel faults in. */
static ssize_t read_window(struct object *obj, uint64_t pgoff, void *buf, uint64_t len)
{
	uint64_t before, after;
	gfn_t gfn = object_file_frame(obj, pgoff, &before, &after);
	struct iovec local = { buf, len }, remote = { NULL, len };

	if (!gfn)
		return -1;
	remote.iov_base = phys_hva(obj->phys, gfn_gpa(gfn));
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

long object_read_page(struct object *obj, uint64_t pgoff, void *buf, uint64_t len)
{
	ssize_t n;

	if (obj->shmem) {
		n = read_window(obj, pgoff, buf, len);
		return n >= 0 ? n : errno == EFAULT ? 0 : -errno;
	}
	do
		n = pread(obj->fd, buf, len, (off_t)(pgoff << PAGE_SHIFT));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* RWF_NOWAIT: "Do not wait for data which is not immediately available"; preadv2(2). */
bool object_page_cached(const struct object *obj, uint64_t pgoff)
{
	char byte;
	struct iovec iov = { &byte, 1 };

	return obj->shmem ||
	       preadv2(obj->fd, &iov, 1, (off_t)(pgoff << PAGE_SHIFT), RWF_NOWAIT) >= 0 ||
	       errno != EAGAIN;
}
