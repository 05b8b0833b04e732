/* SPDX-License-Identifier: MIT */
/* stage2.c: a thread that serves the second stage's violations. See stage2.h. */
#include "vmm/mm/stage2.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/observe/clock.h"
#include "vmm/observe/error.h"

/* Violations that one read takes: there are at most as many as threads wait. */
#define MESSAGES 16

/*
 * Pieces that don't adjoin are two mappings of this process each, of the 65530 (vm.max_map_count)
 * that all of it may have. Beyond so many pieces, windows are mapped whole.
 */
#define PIECES_MAX 8192

struct range {
	char *hva;
	gpa_t gpa; /* of hva */
	uint64_t size;
	int fd; /* -1: anonymous */
	int prot;
	uint64_t offset; /* of hva in the file */
	bool *mapped;	 /* by piece: the file's own pages are there; NULL: anonymous */
	unsigned pieces; /* mapped one by one */
};

struct stage2 {
	int uffd, stop; /* stop: an eventfd that ends the thread */
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows; taken after phys->lock */
	struct range *ranges; /* by hva, ascending */
	unsigned nr, room;    /* ranges; what there is memory for */
	unsigned pieces;      /* of all ranges */
	struct stage2_count count;
	bool recording;
	struct stage2_log log;
};

int stage2_userfaultfd(void)
{
	const int flags = O_CLOEXEC | O_NONBLOCK;
	struct uffdio_api api = { .api = UFFD_API };
	int dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC), fd = -1, err;

	if (dev >= 0) {
		fd = ioctl(dev, USERFAULTFD_IOC_NEW, flags);
		close(dev);
	}
	if (fd < 0)
		fd = (int)syscall(SYS_userfaultfd, flags);
	if (fd < 0)
		return -errno;
	if (!ioctl(fd, UFFDIO_API, &api))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int open_error(struct mv_error *err, int num)
{
	if (num == EPERM)
		return mv_fail(
			err, num,
			"userfaultfd: operation not permitted: the kernel's own accesses may "
			"be served by the privileged only; as root: sysctl "
			"vm.unprivileged_userfaultfd=1, or make /dev/userfaultfd readable and "
			"writable for the user, or give CAP_SYS_PTRACE; or do without "
			"(stage2 direct)");
	if (num == ENOSYS)
		return mv_fail(
			err, num,
			"userfaultfd: this kernel was built without it "
			"(CONFIG_USERFAULTFD), or a container's filter forbids it: do "
			"without (stage2 direct)");
	return mv_fail_errno(err, num, "userfaultfd");
}

/* Lock held: how many ranges begin at or below hva. */
static unsigned count_below(const struct stage2 *s2, const char *hva)
{
	unsigned lo = 0, hi = s2->nr;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (s2->ranges[mid].hva <= hva)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Lock held: the range that holds hva; NULL: none does any more. */
static struct range *find(const struct stage2 *s2, const char *hva)
{
	unsigned n = count_below(s2, hva);
	struct range *r = n ? &s2->ranges[n - 1] : NULL;

	return r && hva < r->hva + r->size ? r : NULL;
}

static void wake(const struct stage2 *s2, const char *hva, uint64_t size)
{
	struct uffdio_range range = { (uintptr_t)hva, size };

	ioctl(s2->uffd, UFFDIO_WAKE, &range);
}

/* Lock held. */
static bool log_has_room(struct stage2_log *log)
{
	size_t room = log->room ? 2 * log->room : 64;
	struct stage2_violation *all;

	if (log->nr < log->room)
		return true;
	all = reallocarray(log->all, room, sizeof(*all));
	if (!all)
		return false;
	log->all = all;
	log->room = room;
	return true;
}

/* Lock held: it was served. */
static void note(struct stage2 *s2, struct stage2_violation *v)
{
	s2->count.violations++;
	if (!s2->recording)
		return;
	v->spent = clock_ns() - v->ns;
	if (log_has_room(&s2->log))
		s2->log.all[s2->log.nr++] = *v;
	else
		s2->log.lost++;
}

/*
 * Lock held: a page of zeroes, and whoever waits for it goes on. A page to be written gets memory
 * at once; the host's shared zero page would be one more fault. False: there is something
 * already, or no memory.
 */
static bool give_zeroes(struct stage2 *s2, char *page, struct stage2_violation *v)
{
	static const char zeroes[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, PAGE_SIZE } };
	struct uffdio_copy copy = { .dst = (uintptr_t)page,
				    .src = (uintptr_t)zeroes,
				    .len = PAGE_SIZE };

	if ((v->write || ioctl(s2->uffd, UFFDIO_ZEROPAGE, &zero)) &&
	    ioctl(s2->uffd, UFFDIO_COPY, &copy))
		return false;
	s2->count.zeroed++;
	v->start = v->gpa;
	v->bytes = PAGE_SIZE;
	note(s2, v);
	return true;
}

/* Lock held: lay the file over [at, at + size) of the range. */
static bool map_file(struct stage2 *s2, struct range *r, uint64_t at, uint64_t size)
{
	if (mmap(r->hva + at, size, r->prot, MAP_SHARED | MAP_FIXED, r->fd,
		 (off_t)(r->offset + at)) == MAP_FAILED)
		return false;
	memset(r->mapped + at / STAGE2_PIECE, true, size / STAGE2_PIECE);
	s2->count.from_files += size >> PAGE_SHIFT;
	return true;
}

/*
 * Lock held. A range that takes neither a piece nor all is closed: its accesses get EFAULT, and
 * mv_run() fails.
 */
static void give_file(struct stage2 *s2, struct range *r, struct stage2_violation *v)
{
	uint64_t at = (v->gpa - r->gpa) & ~(STAGE2_PIECE - 1);

	if (r->mapped[at / STAGE2_PIECE])
		return;
	v->file = true;
	if (s2->pieces < PIECES_MAX && map_file(s2, r, at, STAGE2_PIECE)) {
		s2->pieces++;
		r->pieces++;
		v->start = r->gpa + at;
		v->bytes = STAGE2_PIECE;
	} else if (map_file(s2, r, 0, r->size)) {
		v->start = r->gpa;
		v->bytes = r->size;
	} else {
		(void)mmap(r->hva, r->size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	}
	note(s2, v);
}

/*
 * Whatever could not be done, the access is woken: it finds what another one was served, or asks
 * again.
 */
static void serve(struct stage2 *s2, const struct uffd_msg *msg)
{
	char *page = (char *)(uintptr_t)(msg->arg.pagefault.address & PAGE_MASK);
	struct stage2_violation v = { .write = msg->arg.pagefault.flags &
					       UFFD_PAGEFAULT_FLAG_WRITE };
	struct range *r;

	pthread_mutex_lock(&s2->lock);
	v.ns = s2->recording ? clock_ns() : 0;
	r = find(s2, page);
	v.gpa = r ? r->gpa + (gpa_t)(page - r->hva) : 0;
	if (r && r->mapped) {
		give_file(s2, r, &v);
		wake(s2, r->hva, r->size);
	} else if (!r || !give_zeroes(s2, page, &v)) {
		wake(s2, page, PAGE_SIZE);
	}
	pthread_mutex_unlock(&s2->lock);
}

static void *serve_all(void *arg)
{
	struct stage2 *s2 = arg;
	struct pollfd fds[2] = { { .fd = s2->uffd, .events = POLLIN },
				 { .fd = s2->stop, .events = POLLIN } };
	struct uffd_msg msgs[MESSAGES];
	ssize_t n;

	while (poll(fds, 2, -1) < 0 || !fds[1].revents) {
		n = read(s2->uffd, msgs, sizeof(msgs));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(msgs[0]); i++)
			if (msgs[i].event == UFFD_EVENT_PAGEFAULT)
				serve(s2, &msgs[i]);
	}
	return NULL;
}

/* Signals are the embedder's threads' business. */
static int start_thread(struct stage2 *s2)
{
	sigset_t all, saved;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	err = pthread_create(&s2->thread, NULL, serve_all, s2);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (!err)
		pthread_setname_np(s2->thread, "mv-stage2");
	return err;
}

int stage2_open(struct stage2 **out, struct mv_error *err)
{
	struct stage2 *s2 = calloc(1, sizeof(*s2));
	int num;

	if (!s2)
		return mv_fail_errno(err, ENOMEM, "userfaultfd");
	pthread_mutex_init(&s2->lock, NULL);
	s2->uffd = stage2_userfaultfd();
	if (s2->uffd < 0) {
		num = open_error(err, -s2->uffd);
		goto fail_free;
	}
	s2->stop = eventfd(0, EFD_CLOEXEC);
	if (s2->stop < 0) {
		num = mv_fail_errno(err, errno, "eventfd");
		goto fail_uffd;
	}
	num = start_thread(s2);
	if (num) {
		num = mv_fail_errno(err, num, "the thread that serves the second stage");
		goto fail_stop;
	}
	*out = s2;
	return 0;

fail_stop:
	close(s2->stop);
fail_uffd:
	close(s2->uffd);
fail_free:
	pthread_mutex_destroy(&s2->lock);
	free(s2);
	return num;
}

void stage2_close(struct stage2 *s2)
{
	if (!s2)
		return;
	eventfd_write(s2->stop, 1);
	pthread_join(s2->thread, NULL);
	close(s2->stop);
	close(s2->uffd);
	for (unsigned i = 0; i < s2->nr; i++)
		free(s2->ranges[i].mapped);
	free(s2->ranges);
	free(s2->log.all);
	pthread_mutex_destroy(&s2->lock);
	free(s2);
}

/* Lock held. */
static int insert(struct stage2 *s2, const struct range *r)
{
	unsigned n = count_below(s2, r->hva);

	if (s2->nr == s2->room) {
		unsigned room = s2->room ? 2 * s2->room : 16;
		struct range *ranges = realloc(s2->ranges, room * sizeof(*ranges));

		if (!ranges)
			return -ENOMEM;
		s2->ranges = ranges;
		s2->room = room;
	}
	memmove(s2->ranges + n + 1, s2->ranges + n, (s2->nr - n) * sizeof(*r));
	s2->ranges[n] = *r;
	s2->nr++;
	return 0;
}

/* What mmap will say when nobody can be told any more: not every file can be mapped. */
static int try_file(const struct range *r)
{
	void *p = mmap(NULL, PAGE_SIZE, r->prot, MAP_SHARED, r->fd, (off_t)r->offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, PAGE_SIZE);
	return 0;
}

int stage2_add(struct stage2 *s2, char *hva, gpa_t gpa, uint64_t size, int fd,
	       uint64_t offset, int prot)
{
	struct uffdio_register reg = { .range = { (uintptr_t)hva, size },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct range r = { .hva = hva,
			   .gpa = gpa,
			   .size = size,
			   .fd = fd,
			   .prot = prot,
			   .offset = offset };
	int err = fd >= 0 ? try_file(&r) : 0;

	if (err)
		return err;
	if (fd >= 0 && !(r.mapped = calloc(size / STAGE2_PIECE, sizeof(*r.mapped))))
		return -ENOMEM;
	pthread_mutex_lock(&s2->lock);
	err = insert(s2, &r);
	pthread_mutex_unlock(&s2->lock);
	if (err) {
		free(r.mapped);
		return err;
	}
	if (ioctl(s2->uffd, UFFDIO_REGISTER, &reg)) {
		err = -errno;
		stage2_remove(s2, hva);
	}
	return err;
}

int stage2_map_whole(struct stage2 *s2, char *hva)
{
	struct range *r;
	int err = 0;

	pthread_mutex_lock(&s2->lock);
	r = find(s2, hva);
	if (!map_file(s2, r, 0, r->size))
		err = -errno;
	pthread_mutex_unlock(&s2->lock);
	return err;
}

void stage2_remove(struct stage2 *s2, char *hva)
{
	struct range *r;

	if (!s2)
		return;
	pthread_mutex_lock(&s2->lock);
	r = find(s2, hva);
	s2->pieces -= r->pieces;
	free(r->mapped);
	s2->nr--;
	memmove(r, r + 1, (size_t)(s2->ranges + s2->nr - r) * sizeof(*r));
	pthread_mutex_unlock(&s2->lock);
}

struct stage2_count stage2_count(struct stage2 *s2)
{
	struct stage2_count count = { 0 };

	if (!s2)
		return count;
	pthread_mutex_lock(&s2->lock);
	count = s2->count;
	count.ranges = s2->nr;
	pthread_mutex_unlock(&s2->lock);
	return count;
}

void stage2_record(struct stage2 *s2, bool on)
{
	pthread_mutex_lock(&s2->lock);
	s2->recording = on;
	s2->log.nr = 0;
	pthread_mutex_unlock(&s2->lock);
}

void stage2_take(struct stage2 *s2, struct stage2_log *log)
{
	struct stage2_log mine = *log;

	mine.nr = mine.lost = 0;
	pthread_mutex_lock(&s2->lock);
	*log = s2->log;
	s2->log = mine;
	pthread_mutex_unlock(&s2->lock);
}
