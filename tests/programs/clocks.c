/* SPDX-License-Identifier: MIT */
/*
 * clocks.c WAY: reads clocks as its C library does, by the vDSO if there is one, and says what it saw,
 * natively the same: `agree', `wait', `map'; and `spin', which reads clocks 100,000 times.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define NSEC_PER_SEC 1000000000ll
#define NSEC_PER_MSEC 1000000ll
#define SPINS 50000

static const struct {
	clockid_t id;
	const char *name;
} clocks[] = {
	{ CLOCK_REALTIME, "realtime" }, { CLOCK_MONOTONIC, "monotonic" },
	{ CLOCK_MONOTONIC_RAW, "raw" }, { CLOCK_REALTIME_COARSE, "realtime coarse" },
	{ CLOCK_BOOTTIME, "boottime" }, { CLOCK_MONOTONIC_COARSE, "monotonic coarse" },
	{ CLOCK_TAI, "tai" },
};

static int64_t read_clock(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static int64_t call_clock(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	syscall(SYS_clock_gettime, id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* By turns of both, and long enough by either for the page to be written anew some times. */
static void agree_on(unsigned n)
{
	const clockid_t id = clocks[n].id;
	const int64_t end = call_clock(CLOCK_MONOTONIC) + 60 * NSEC_PER_MSEC;
	int64_t last = 0, now;
	struct timespec res;
	unsigned back = 0;

	for (unsigned i = 0; i % 64 || call_clock(CLOCK_MONOTONIC) < end; i++) {
		now = i % 256 == 77 ? call_clock(id) : read_clock(id);
		back += now < last;
		last = now;
	}
	clock_getres(id, &res);
	printf("%s: back %u, resolution %ld %ld\n", clocks[n].name, back, (long)res.tv_sec,
	       res.tv_nsec);
}

static void agree(void)
{
	struct timespec ts = { 1, 1 };
	struct timeval tv = { 0, 0 };
	int64_t before, after, now;
	struct timezone tz;
	time_t t = 0, told;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(*clocks); i++)
		agree_on(i);
	before = call_clock(CLOCK_REALTIME);
	printf("gettimeofday %d\n", gettimeofday(&tv, NULL));
	after = call_clock(CLOCK_REALTIME);
	now = tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * 1000ll;
	printf("between %d\n", now >= before - 1000 && now <= after);
	printf("with a zone %d\n", gettimeofday(&tv, &tz));
	told = time(&t);
	printf("time %d, not later %d\n", t == told,
	       told <= read_clock(CLOCK_REALTIME) / NSEC_PER_SEC);
	printf("no such clock %d\n", clock_gettime(99, &ts));
	printf("of CPU time %d\n", clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	printf("no resolution %d\n", clock_getres(99, NULL));
}

/* A deadline that has passed has passed by every clock. */
static void wait(void)
{
	unsigned early = 0;

	for (unsigned i = 0; i < 50; i++) {
		const int64_t until = read_clock(CLOCK_MONOTONIC) + NSEC_PER_MSEC;
		const struct timespec ts = { until / NSEC_PER_SEC, until % NSEC_PER_SEC };

		for (unsigned k = 0; k < 1000; k++)
			read_clock(CLOCK_MONOTONIC);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		early += read_clock(CLOCK_MONOTONIC) < until;
	}
	printf("early %u\n", early);
}

/* ---- as mappings */

struct range {
	char *start, *end;
};

static struct range find(const char *name)
{
	struct range r = { NULL, NULL };
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], *rest;

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, name)) {
			r.start = (char *)strtoul(line, &rest, 16);
			r.end = (char *)strtoul(rest + 1, &rest, 16);
			rest[strcspn(rest, "[")] = '\0';
			printf("%s%s\n", name, rest);
		}
	if (maps)
		fclose(maps);
	return r;
}

static void say(const char *what, long ret)
{
	printf("%s: %d\n", what, ret < 0 ? -errno : 0);
}

static void change(const struct range *r, const char *name)
{
	const size_t size = (size_t)(r->end - r->start);

	printf("changing %s\n", name);
	say("write", mprotect(r->start, size, PROT_READ | PROT_WRITE));
	say("read", mprotect(r->start, size, PROT_READ | PROT_EXEC));
	say("grow", (long)mremap(r->start, size, size + PAGE, MREMAP_MAYMOVE));
	say("leave", (long)mremap(r->start, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	say("lock", mlock(r->start, size));
	say("unlock", munlock(r->start, size));
	say("dontneed", madvise(r->start, size, MADV_DONTNEED));
	say("free", madvise(r->start, size, MADV_FREE));
	say("cold", madvise(r->start, size, MADV_COLD));
	say("dontfork", madvise(r->start, size, MADV_DONTFORK));
	say("dofork", madvise(r->start, size, MADV_DOFORK));
	say("dodump", madvise(r->start, size, MADV_DODUMP));
	say("wipe", madvise(r->start, size, MADV_WIPEONFORK));
	say("guard", madvise(r->start, size, 102));
}

static void map(void)
{
	struct range data = find("[vvar]"), code = find("[vdso]");
	unsigned char *image = (unsigned char *)getauxval(AT_SYSINFO_EHDR);

	printf("it begins there: %d, with %d\n", (char *)image == code.start,
	       image && !memcmp(image, "\177ELF", 4));
	change(&data, "[vvar]");
	change(&code, "[vdso]");
	/* a debugger's breakpoint: a copy of its own */
	mprotect(code.start, (size_t)(code.end - code.start), PROT_READ | PROT_WRITE);
	if (image) {
		image[5] = 77;
		printf("written %d\n", image[5]);
	}
	say("unmap the code", munmap(code.start, (size_t)(code.end - code.start)));
	say("unmap the data", munmap(data.start, (size_t)(data.end - data.start)));
}

static void spin(void)
{
	struct timeval tv;

	for (unsigned i = 0; i < SPINS; i++) {
		read_clock(CLOCK_MONOTONIC);
		gettimeofday(&tv, NULL);
	}
	printf("vdso %d\n", getauxval(AT_SYSINFO_EHDR) != 0);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	if (!strcmp(way, "agree"))
		agree();
	else if (!strcmp(way, "wait"))
		wait();
	else if (!strcmp(way, "map"))
		map();
	else if (!strcmp(way, "spin"))
		spin();
	return 0;
}
