/* SPDX-License-Identifier: MIT */
/* vdso.c: see vdso.h. */
#include "vmm/linux/vdso.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull

/* How long a reading holds, once the clock's pace has been measured over a while, and before. */
#define HOLDS_NS (10 * NSEC_PER_MSEC)
#define HOLDS_AT_FIRST_NS NSEC_PER_MSEC
#define MEASURED_NS (5 * NSEC_PER_MSEC)
/* The pace is measured over the last one or two of these. */
#define PERIOD_NS (NSEC_PER_SEC / 2)
/* A reading between two of the TSC that lie further apart tells too little. */
#define BRACKET_NS 2000
#define TRIES 4
/* A clock that is so far behind what was shown was set. */
#define SET_BACK_NS NSEC_PER_MSEC
/* A pace so far from what the TSC's frequency says is that of a clock that was set: 1/2^N. */
#define PACE_SHIFT 9
/* Below, vdso_clock.mult has no room for a cycle's nanoseconds. */
#define KHZ_MIN 1000001

extern const char mv_vdso_start[], mv_vdso_end[];

/* ---- the page */

/* A file of the data page and the image. fd or -errno. */
static int make_file(uint64_t *size)
{
	const size_t image = (size_t)(mv_vdso_end - mv_vdso_start);
	int fd = memfd_create("vdso", MFD_CLOEXEC);

	*size = PAGE_SIZE + page_align(image);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)*size) ||
	    pwrite(fd, mv_vdso_start, image, PAGE_SIZE) != (ssize_t)image) {
		close(fd);
		return -ENOMEM;
	}
	return fd;
}

int vdso_open(struct vdso *vdso, struct mm *mm, struct vdso_tsc tsc, gva_t *gva)
{
	struct object *obj;
	void *data;
	uint64_t size;
	long at;
	int fd = make_file(&size);

	if (fd < 0)
		return fd;
	data = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	at = object_new_special(mm->phys, fd, &obj);
	if (!at) {
		at = data == MAP_FAILED ? -ENOMEM : mm_map_vdso(mm, obj);
		object_put(obj);
	}
	if (at < 0) {
		if (data != MAP_FAILED)
			munmap(data, PAGE_SIZE);
		return (int)at;
	}
	*vdso = (struct vdso){ .data = data, .tsc = tsc };
	*gva = (gva_t)at;
	return 0;
}

void vdso_close(struct vdso *vdso)
{
	if (vdso->data)
		munmap(vdso->data, PAGE_SIZE);
	vdso->data = NULL;
}

/* ---- the clocks */

static uint64_t rdtsc(void)
{
	return __builtin_ia32_rdtsc();
}

static uint64_t cycles_of(const struct vdso *vdso, uint64_t ns)
{
	return ns * vdso->tsc.khz / NSEC_PER_MSEC;
}

static uint64_t read_ns(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Read a clock and the TSC at the same time; false: they are known to be some way apart. */
static bool take_sample(const struct vdso *vdso, clockid_t clock, struct vdso_sample *s)
{
	const uint64_t enough = cycles_of(vdso, BRACKET_NS);
	uint64_t before, width;
	unsigned tries = 0;

	do {
		__builtin_ia32_lfence();
		before = rdtsc();
		s->ns = read_ns(clock);
		__builtin_ia32_lfence();
		width = rdtsc() - before;
		s->tsc = before + width / 2;
	} while (width > enough && ++tries < TRIES);
	return width <= enough;
}

/* The most that the page has let anybody see by now. */
static uint64_t shown_by(const struct vdso_clock *c, uint64_t tsc)
{
	return c->ns + (min_u64(tsc - c->tsc, c->valid) * c->mult >> VDSO_SHIFT);
}

/* ns for a cycle, as vdso_clock.mult: what the TSC's frequency says. */
static uint32_t nominal_pace(const struct vdso *vdso)
{
	return (uint32_t)((NSEC_PER_MSEC << VDSO_SHIFT) / vdso->tsc.khz);
}

/* ... as it was lately. *measured: over long enough. The host slews its clocks. */
static uint32_t pace(const struct vdso *vdso, struct vdso_source *source,
		     const struct vdso_sample *now, bool *measured)
{
	const uint32_t nominal = nominal_pace(vdso);
	const uint64_t cycles = now->tsc - source->old.tsc, ns = now->ns - source->old.ns;
	uint64_t mult;

	*measured = false;
	if (!source->old.tsc) {
		source->old = source->mid = *now;
		return nominal;
	}
	mult = (uint64_t)(((unsigned __int128)ns << VDSO_SHIFT) / (cycles ? cycles : 1));
	if (mult - nominal + (nominal >> PACE_SHIFT) > nominal >> (PACE_SHIFT - 1)) {
		if (cycles > cycles_of(vdso, NSEC_PER_MSEC))
			source->old = source->mid = *now;
		return nominal;
	}
	*measured = ns >= MEASURED_NS;
	if (now->ns - source->mid.ns >= PERIOD_NS) {
		source->old = source->mid;
		source->mid = *now;
	}
	return *measured ? (uint32_t)mult : nominal;
}

/* A reader that is amid it takes neither the old nor the new: the order of linux/seqlock.h. */
static void write_clock(const struct vdso *vdso, clockid_t clock,
			const struct vdso_clock *c)
{
	struct vdso_clock *page = &vdso->data->clock[clock];
	const uint32_t seq = page->seq | 1;

	__atomic_store_n(&page->seq, seq, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	page->valid = c->valid;
	page->tsc = c->tsc + vdso->tsc.offset;
	page->ns = c->ns;
	page->mult = c->mult;
	__atomic_store_n(&page->seq, seq + 1, __ATOMIC_RELEASE);
}

/*
 * The clock goes on from the sample. Where more has been shown already, it goes on from that, and slower
 * until the host's has come up.
 */
static void show(const struct vdso *vdso, struct vdso_source *source, clockid_t clock,
		 const struct vdso_sample *now, bool exact)
{
	struct vdso_clock next = { .tsc = now->tsc, .ns = now->ns };
	const uint64_t seen = shown_by(&source->shown, now->tsc);
	uint64_t holds, ahead = 0;
	bool measured;

	next.mult = pace(vdso, source, now, &measured);
	holds = measured ? HOLDS_NS : HOLDS_AT_FIRST_NS;
	if (seen > now->ns && (seen - now->ns < SET_BACK_NS ||
			       (clock != CLOCK_REALTIME && clock != CLOCK_TAI))) {
		next.ns = seen;
		ahead = min_u64(seen - now->ns, holds / 2);
	}
	next.mult -= (uint32_t)(next.mult * ahead / holds);
	next.valid = exact ? (uint32_t)cycles_of(vdso, holds) : 0;
	source->shown = next;
	write_clock(vdso, clock, &next);
}

/*
 * A coarse clock stands still until the tick: it holds so long. Of one that is late, as on a host that idles
 * without, nobody knows when it comes: a quarter of one more is no more than its reader allows for.
 */
static void show_coarse(struct vdso *vdso, clockid_t clock, uint64_t *ns)
{
	const bool real = clock == CLOCK_REALTIME_COARSE;
	struct vdso_source *source = &vdso->source[clock];
	struct vdso_sample fine;
	uint64_t tick, age, holds;
	struct timespec res;
	bool exact;

	if (!vdso->data->coarse_ns && !clock_getres(clock, &res))
		vdso->data->coarse_ns = (uint64_t)res.tv_nsec;
	tick = vdso->data->coarse_ns;
	*ns = read_ns(clock);
	exact = take_sample(vdso, real ? CLOCK_REALTIME : CLOCK_MONOTONIC, &fine);
	source->shown = (struct vdso_clock){ .tsc = fine.tsc, .ns = *ns };
	age = fine.ns - *ns;
	holds = max_u64(age < tick ? tick - age : 0, tick / 4);
	if (exact)
		source->shown.valid = (uint32_t)cycles_of(vdso, min_u64(holds, HOLDS_NS));
	write_clock(vdso, clock, &source->shown);
}

/* Whether the host's own vDSO goes by the TSC: then all its CPUs have the same. */
static bool host_trusts_tsc(void)
{
	static const char *const names[] = { "tsc\n", "kvm-clock\n",
					     "hyperv_clocksource_tsc_page\n" };
	char buf[64] = "";
	int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		      O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, buf, sizeof(buf) - 1) < 0)
		*buf = '\0';
	close(fd);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(buf, names[i]))
			return true;
	return false;
}

/* Asked when a clock is first read; most payloads read none. */
static bool goes_by_tsc(struct vdso *vdso)
{
	if (vdso->data && !vdso->asked) {
		vdso->asked = true;
		if (vdso->tsc.khz < KHZ_MIN || !host_trusts_tsc())
			vdso->tsc.khz = 0;
	}
	return vdso->data && vdso->tsc.khz;
}

bool vdso_read(struct vdso *vdso, clockid_t clock, uint64_t *ns)
{
	struct vdso_sample now;
	bool exact;

	if (!goes_by_tsc(vdso))
		return false;
	switch (clock) {
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		show_coarse(vdso, clock, ns);
		return true;
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		exact = take_sample(vdso, clock, &now);
		show(vdso, &vdso->source[clock], clock, &now, exact);
		*ns = vdso->source[clock].shown.ns;
		return true;
	default:
		return false;
	}
}

void vdso_stale(struct vdso *vdso)
{
	if (vdso->data)
		for (unsigned i = 0; i < VDSO_CLOCKS; i++)
			vdso->data->clock[i].valid = 0;
}
