/* SPDX-License-Identifier: MIT */
/* usage.c: getrusage, times, sysinfo; kernel/sys.c. */
#include "vmm/linux/usage.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/clocks.h"

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_usec * 1000;
}

static void thread_usage(struct usage *u)
{
	struct timespec cpu = { 0 };
	struct rusage ru = { 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	getrusage(RUSAGE_THREAD, &ru);
	*u = (struct usage){ .cpu = (uint64_t)cpu.tv_sec * NS_PER_SEC +
				    (uint64_t)cpu.tv_nsec,
			     .user = timeval_ns(ru.ru_utime),
			     .system = timeval_ns(ru.ru_stime),
			     .nvcsw = (uint64_t)ru.ru_nvcsw,
			     .nivcsw = (uint64_t)ru.ru_nivcsw,
			     .inblock = (uint64_t)ru.ru_inblock,
			     .oublock = (uint64_t)ru.ru_oublock };
}

void usage_begin(struct process *p)
{
	thread_usage(&p->thread_began);
	p->running = true;
}

void usage_end(struct process *p)
{
	usage_get(p, &p->used);
	p->running = false;
}

void usage_get(const struct process *p, struct usage *u)
{
	const struct usage *from = &p->thread_began, *used = &p->used;
	struct usage now;

	if (!p->running) {
		*u = *used;
		return;
	}
	thread_usage(&now);
	*u = (struct usage){ .cpu = used->cpu + now.cpu - from->cpu,
			     .user = used->user + now.user - from->user,
			     .system = used->system + now.system - from->system,
			     .nvcsw = used->nvcsw + now.nvcsw - from->nvcsw,
			     .nivcsw = used->nivcsw + now.nivcsw - from->nivcsw,
			     .inblock = used->inblock + now.inblock - from->inblock,
			     .oublock = used->oublock + now.oublock - from->oublock };
}

uint64_t usage_cpu(const struct process *p)
{
	struct usage u;

	usage_get(p, &u);
	return u.cpu;
}

uint64_t usage_minor_faults(const struct process *p)
{
	const struct mm_counters *c = &p->mm->count;
	uint64_t sum = 0;

	for (unsigned i = 0; i < MV_FAULT_KINDS; i++)
		sum += i == MV_FAULT_FATAL ? 0 : c->faults[i];
	return sum - c->major;
}

uint64_t usage_ticks(uint64_t ns)
{
	return ns / (NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Of memory: the most that it had at once, and its faults. ru_majflt needs mv_options.timing. */
static void fill_rusage(const struct process *p, struct rusage *ru)
{
	struct usage u;

	usage_get(p, &u);
	ru->ru_utime = ns_timeval(u.user);
	ru->ru_stime = ns_timeval(u.system);
	ru->ru_nvcsw = (long)u.nvcsw;
	ru->ru_nivcsw = (long)u.nivcsw;
	ru->ru_inblock = (long)u.inblock;
	ru->ru_oublock = (long)u.oublock;
	ru->ru_minflt = (long)usage_minor_faults(p);
	ru->ru_majflt = (long)p->mm->count.major;
	ru->ru_maxrss = (long)(mm_hiwater_rss(p->mm, 0) << (PAGE_SHIFT - 10));
}

int64_t sys_getrusage(struct process *p, const uint64_t a[6])
{
	const int who = (int)a[0];
	struct rusage ru = { 0 };

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	if (who != RUSAGE_CHILDREN)
		fill_rusage(p, &ru);
	return mm_copy_to(p->mm, a[1], &ru, sizeof(ru)) ? -EFAULT : 0;
}

int64_t sys_times(struct process *p, const uint64_t a[6])
{
	struct tms tms = { 0 };
	struct usage u;

	if (a[0]) {
		usage_get(p, &u);
		tms.tms_utime = (clock_t)usage_ticks(u.user);
		tms.tms_stime = (clock_t)usage_ticks(u.system);
		if (mm_copy_to(p->mm, a[0], &tms, sizeof(tms)))
			return -EFAULT;
	}
	return times(&tms);
}

/* The host's uptime and load; the sandbox's memory, and its one process. */
int64_t sys_sysinfo(struct process *p, const uint64_t a[6])
{
	const struct phys *phys = p->mm->phys;
	struct sysinfo host, info = { 0 };

	if (sysinfo(&host))
		return -errno;
	info.uptime = host.uptime;
	memcpy(info.loads, host.loads, sizeof(info.loads));
	info.mem_unit = 1;
	info.totalram = phys->limit << PAGE_SHIFT;
	info.freeram = (phys->limit - phys->charged) << PAGE_SHIFT;
	info.procs = 1;
	return mm_copy_to(p->mm, a[0], &info, sizeof(info)) ? -EFAULT : 0;
}
