/* SPDX-License-Identifier: MIT */
/* proc.c: the texts and links of /proc/self, as fs/proc of the kernel writes them. */
#include "vmm/linux/proc.h"

#include <cpuid.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vmm/linux/path.h"

#define KIB(bytes) ((uint64_t)(bytes) >> 10)

/* ---- memory */

void proc_print_vma(const struct mv_vma *v, const char *path,
		    void (*print_name)(const char *name, FILE *out), FILE *out)
{
	int n = fprintf(out,
			"%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64
			" %02x:%02x %" PRIu64 " ",
			v->start, v->end, v->prot & MV_READ ? 'r' : '-',
			v->prot & MV_WRITE ? 'w' : '-', v->prot & MV_EXEC ? 'x' : '-',
			v->shared ? 's' : 'p', v->offset, major(v->dev), minor(v->dev),
			v->ino);

	if (*path) {
		fprintf(out, "%*s", n < 73 ? 73 - n : 0, "");
		print_name(path, out);
	}
	fputc('\n', out);
}

/* seq_path() of fs/seq_file.c, told to escape "\n" alone. */
static void print_path(const char *path, FILE *out)
{
	for (; *path; path++)
		if (*path == '\n')
			fputs("\\012", out);
		else
			fputc(*path, out);
}

static void print_map(struct process *p, const struct mv_vma *v, FILE *out)
{
	char path[PATH_MAX];

	mm_vma_path(p->mm, v->start, path);
	proc_print_vma(v, path, print_path, out);
}

static void print_maps(struct process *p, FILE *out)
{
	struct mv_vma v;

	for (gva_t at = 0; !mm_vma_next(p->mm, at, &v); at = v.end)
		print_map(p, &v, out);
}

static void print_kib(FILE *out, const char *name, uint64_t bytes)
{
	fprintf(out, "%s:%*s%8" PRIu64 " kB\n", name, (int)(15 - strlen(name)), "",
		KIB(bytes));
}

/* show_smap_vma_flags(), in the order of Linux's bits, of the flags that are known here. */
void proc_print_flags(unsigned vm_flags, FILE *out)
{
	static const struct {
		unsigned flags;
		char name[3];
	} of[] = {
		{ VM_READ, "rd" },	  { VM_WRITE, "wr" },
		{ VM_EXEC, "ex" },	  { VM_SHARED, "sh" },
		{ VM_MAYREAD, "mr" },	  { VM_MAYWRITE, "mw" },
		{ VM_MAYEXEC, "me" },	  { VM_MAYSHARE, "ms" },
		{ VM_GROWSDOWN, "gd" },	  { VM_PFNMAP, "pf" },
		{ VM_LOCKED, "lo" },	  { VM_PFNMAP, "io" },
		{ VM_SEQ_READ, "sr" },	  { VM_RAND_READ, "rr" },
		{ VM_DONTCOPY, "dc" },	  { VM_DONTEXPAND | VM_HUGETLB, "de" },
		{ VM_LOCKONFAULT, "lf" }, { VM_ACCOUNT, "ac" },
		{ VM_NORESERVE, "nr" },	  { VM_HUGETLB, "ht" },
		{ VM_SYNC, "sf" },	  { VM_WIPEONFORK, "wf" },
		{ VM_DONTDUMP, "dd" },	  { VM_HUGEPAGE, "hg" },
		{ VM_NOHUGEPAGE, "nh" },  { VM_MERGEABLE, "mg" },
	};

	fputs("VmFlags: ", out);
	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		if (vm_flags & of[i].flags)
			fprintf(out, "%s ", of[i].name);
	fputc('\n', out);
}

/* __show_smap(). One process maps it: all of it is its own; and pages don't age. */
static void print_smap(const struct mv_vma *v, const struct mm_smap *s, FILE *out)
{
	const struct {
		const char *name;
		uint64_t bytes;
	} lines[] = {
		{ "Size", v->end - v->start },
		{ "KernelPageSize", v->hugetlb ? PMD_SIZE : PAGE_SIZE },
		{ "MMUPageSize", v->hugetlb ? PMD_SIZE : PAGE_SIZE },
		{ "Rss", s->rss },
		{ "Pss", s->rss },
		{ "Pss_Dirty", s->dirty },
		{ "Shared_Clean", 0 },
		{ "Shared_Dirty", 0 },
		{ "Private_Clean", s->rss - s->dirty },
		{ "Private_Dirty", s->dirty },
		{ "Referenced", s->rss - s->lazyfree },
		{ "Anonymous", s->anon },
		{ "KSM", 0 },
		{ "LazyFree", s->lazyfree },
		{ "AnonHugePages", s->huge },
		{ "ShmemPmdMapped", 0 },
		{ "FilePmdMapped", 0 },
		{ "Shared_Hugetlb", 0 },
		{ "Private_Hugetlb", s->hugetlb },
		{ "Swap", 0 },
		{ "SwapPss", 0 },
		{ "Locked", v->locked ? s->rss : 0 },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		print_kib(out, lines[i].name, lines[i].bytes);
}

/* arch_pkeys_enabled(), of the host: its kernel has them in use. */
static bool has_pkeys(void)
{
	unsigned a, b, c = 0, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & bit_OSPKE;
}

static void print_smaps(struct process *p, FILE *out)
{
	struct mm_smap s;
	struct mv_vma v;

	for (gva_t at = 0; !mm_vma_next(p->mm, at, &v); at = v.end) {
		mm_smap(p->mm, v.start, &s);
		print_map(p, &v, out);
		print_smap(&v, &s, out);
		fprintf(out, "THPeligible:    %8d\n", s.thp_eligible);
		if (has_pkeys())
			fprintf(out, "ProtectionKey:  %8d\n", 0);
		proc_print_flags(s.vm_flags, out);
	}
}

/* What is resident, in pages. */
struct resident {
	uint64_t rss, anon, shmem, hugetlb;
};

static void measure(struct process *p, struct resident *r)
{
	struct mm_smap smap;
	struct mv_vma v;

	*r = (struct resident){ 0 };
	for (gva_t at = 0; !mm_vma_next(p->mm, at, &v); at = v.end) {
		mm_smap(p->mm, v.start, &smap);
		r->rss += smap.rss >> PAGE_SHIFT;
		r->anon += smap.anon >> PAGE_SHIFT;
		r->shmem += smap.shmem >> PAGE_SHIFT;
		r->hugetlb += smap.hugetlb >> PAGE_SHIFT;
	}
}

/* Pages of the program's code. */
static uint64_t code_pages(const struct mm *mm)
{
	return (page_align(mm->end_code) - (mm->start_code & PAGE_MASK)) >> PAGE_SHIFT;
}

/* task_statm() */
static void print_statm(struct process *p, FILE *out)
{
	const struct mm *mm = p->mm;
	struct resident r;

	measure(p, &r);
	fprintf(out, "%lu %lu %lu %lu 0 %lu 0\n", mm->total_vm, r.rss, r.rss - r.anon,
		code_pages(mm), mm->data_vm + mm->stack_vm);
}

/* ---- the process */

/* What lies in the payload's memory, as far as it is there. */
static void print_range(struct process *p, FILE *out, gva_t start, gva_t end)
{
	char buf[4096];

	while (start < end) {
		uint64_t n = min_u64(end - start, sizeof(buf));
		uint64_t missing = mm_copy_from(p->mm, buf, start, n);

		fwrite(buf, 1, n - missing, out);
		if (missing)
			return;
		start += n;
	}
}

static void print_cmdline(struct process *p, FILE *out)
{
	print_range(p, out, p->mm->args.arg_start, p->mm->args.env_start);
}

static void print_environ(struct process *p, FILE *out)
{
	print_range(p, out, p->mm->args.env_start, p->mm->args.env_end);
}

static void print_auxv(struct process *p, FILE *out)
{
	print_range(p, out, p->mm->args.auxv_start, p->mm->args.auxv_end);
}

static void print_comm(struct process *p, FILE *out)
{
	fprintf(out, "%s\n", p->comm);
}

/* collect_sigign_sigcatch() */
static void collect(const struct process *p, uint64_t *ignored, uint64_t *caught)
{
	*ignored = *caught = 0;
	for (unsigned i = 0; i < SIGNALS; i++)
		switch (p->signals.action[i].handler) {
		case 0: /* SIG_DFL */
			break;
		case 1: /* SIG_IGN */
			*ignored |= 1ull << i;
			break;
		default:
			*caught |= 1ull << i;
		}
}

/* do_task_stat(); what nobody counts here is 0. */
static void print_stat(struct process *p, FILE *out)
{
	uint64_t ignored, caught;
	struct usage used;
	struct resident r;

	collect(p, &ignored, &caught);
	usage_get(p, &used);
	measure(p, &r);
	fprintf(out, "%d (%s) R %d %d 0 0 -1 0 ", PAYLOAD_PID, p->comm, PAYLOAD_PPID,
		PAYLOAD_PID);
	fprintf(out, "%lu 0 %lu 0 ", usage_minor_faults(p), p->mm->count.major);
	fprintf(out, "%lu %lu 0 0 %d %d 1 0 0 ", usage_ticks(used.user),
		usage_ticks(used.system), 20 + p->nice, p->nice);
	fprintf(out, "%lu %lu %lu ", p->mm->total_vm << PAGE_SHIFT, r.rss,
		p->limits.of[RLIMIT_RSS].cur);
	/* startcode endcode startstack kstkesp kstkeip */
	fprintf(out, "%lu %lu %lu 0 0 ", p->mm->start_code, p->mm->end_code,
		p->mm->args.arg_start);
	fprintf(out, "%lu %lu %lu %lu ",
		(p->signals.own.set | p->signals.shared.set) & 0x7fffffff,
		p->signals.blocked & 0x7fffffff, ignored & 0x7fffffff, caught & 0x7fffffff);
	/* wchan nswap cnswap exit_signal processor rt_priority policy delays guest cguest data */
	fprintf(out, "0 0 0 17 0 0 0 0 0 0 %lu %lu %lu ", p->mm->start_data,
		p->mm->start_data + p->mm->data_len, p->mm->start_brk);
	fprintf(out, "%lu %lu %lu %lu 0\n", p->mm->args.arg_start, p->mm->args.env_start,
		p->mm->args.env_start, p->mm->args.env_end);
}

static void print_ids(FILE *out, const char *name, const struct id_set *ids)
{
	fprintf(out, "%s:\t%u\t%u\t%u\t%u\n", name, ids->real, ids->effective, ids->saved,
		ids->fs);
}

static void print_pages(FILE *out, const char *name, uint64_t pages)
{
	fprintf(out, "%s:\t%8lu kB\n", name, pages << (PAGE_SHIFT - 10));
}

/* task_mem(), and what follows it. */
static void print_memory(struct process *p, FILE *out)
{
	const struct mm *mm = p->mm;
	const uint64_t text = min_u64(code_pages(mm), mm->exec_vm);
	const uint64_t *tables = mm->count.tables;
	struct resident r;

	measure(p, &r);
	print_pages(out, "VmPeak", max_u64(mm->hiwater_vm, mm->total_vm));
	print_pages(out, "VmSize", mm->total_vm);
	print_pages(out, "VmLck", mm->locked_vm);
	print_pages(out, "VmPin", 0);
	print_pages(out, "VmHWM", mm_hiwater_rss(p->mm, r.rss));
	print_pages(out, "VmRSS", r.rss);
	print_pages(out, "RssAnon", r.anon);
	print_pages(out, "RssFile", r.rss - r.anon - r.shmem);
	print_pages(out, "RssShmem", r.shmem);
	print_pages(out, "VmData", mm->data_vm);
	print_pages(out, "VmStk", mm->stack_vm);
	print_pages(out, "VmExe", text);
	print_pages(out, "VmLib", mm->exec_vm - text);
	print_pages(out, "VmPTE",
		    tables[LEVEL_PTE] + tables[LEVEL_PMD] + tables[LEVEL_PUD]);
	print_pages(out, "VmSwap", 0);
	print_pages(out, "HugetlbPages", r.hugetlb);
	fprintf(out, "CoreDumping:\t0\nTHP_enabled:\t%d\nuntag_mask:\t%#lx\n",
		mm->thp != MV_THP_NEVER, UINT64_MAX);
}

/* proc_pid_status() */
static void print_status(struct process *p, FILE *out)
{
	uint64_t ignored, caught;

	collect(p, &ignored, &caught);
	fprintf(out, "Name:\t%s\nUmask:\t%04o\nState:\tR (running)\n", p->comm, p->umask);
	fprintf(out, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		PAYLOAD_PID, PAYLOAD_PID, PAYLOAD_PPID);
	print_ids(out, "Uid", &p->ids.uid);
	print_ids(out, "Gid", &p->ids.gid);
	fputs("FDSize:\t64\nGroups:\t \n", out);
	print_memory(p, out);
	fputs("Threads:\t1\n", out);
	fprintf(out, "SigQ:\t%lu/%lu\n", signals_queued(p),
		p->limits.of[RLIMIT_SIGPENDING].cur);
	fprintf(out, "SigPnd:\t%016lx\nShdPnd:\t%016lx\n", p->signals.own.set,
		p->signals.shared.set);
	fprintf(out, "SigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		p->signals.blocked, ignored, caught);
	for (const char *set = "Inh\0Prm\0Eff\0Bnd\0Amb\0"; *set; set += 4)
		fprintf(out, "Cap%s:\t%016x\n", set, 0);
	fprintf(out, "NoNewPrivs:\t%d\nSeccomp:\t0\n", p->no_new_privs);
	fputs("Cpus_allowed:\t1\nCpus_allowed_list:\t0\n", out);
	fputs("voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n", out);
}

/* proc_pid_limits(): lnames of fs/proc/base.c. */
static void print_limits(struct process *p, FILE *out)
{
	static const struct {
		int resource;
		const char *name, *unit;
	} rows[] = {
		{ RLIMIT_CPU, "Max cpu time", "seconds" },
		{ RLIMIT_FSIZE, "Max file size", "bytes" },
		{ RLIMIT_DATA, "Max data size", "bytes" },
		{ RLIMIT_STACK, "Max stack size", "bytes" },
		{ RLIMIT_CORE, "Max core file size", "bytes" },
		{ RLIMIT_RSS, "Max resident set", "bytes" },
		{ RLIMIT_NPROC, "Max processes", "processes" },
		{ RLIMIT_NOFILE, "Max open files", "files" },
		{ RLIMIT_MEMLOCK, "Max locked memory", "bytes" },
		{ RLIMIT_AS, "Max address space", "bytes" },
		{ RLIMIT_LOCKS, "Max file locks", "locks" },
		{ RLIMIT_SIGPENDING, "Max pending signals", "signals" },
		{ RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes" },
		{ RLIMIT_NICE, "Max nice priority", NULL },
		{ RLIMIT_RTPRIO, "Max realtime priority", NULL },
		{ RLIMIT_RTTIME, "Max realtime timeout", "us" },
	};

	fprintf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit",
		"Units");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct limit *l = &p->limits.of[rows[i].resource];
		const uint64_t values[] = { l->cur, l->max };

		fprintf(out, "%-25s ", rows[i].name);
		for (unsigned k = 0; k < 2; k++)
			if (values[k] == RLIM_INFINITY)
				fprintf(out, "%-20s ", "unlimited");
			else
				fprintf(out, "%-20lu ", values[k]);
		if (rows[i].unit)
			fprintf(out, "%-10s", rows[i].unit);
		fputc('\n', out);
	}
}

/* ---- paths */

/* What follows the folder's name in a path; NULL: it isn't there. */
static const char *in_folder(const char *path)
{
	static const char *const folders[] = { "self", "thread-self", "2" };

	if (strncmp(path, "/proc/", 6) != 0)
		return NULL;
	path += 6;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		size_t n = strlen(folders[i]);

		if (!strncmp(path, folders[i], n) && path[n] == '/')
			return path + n + 1;
	}
	return NULL;
}

_Static_assert(PAYLOAD_PID == 2, "the name of a folder");

const struct proc_text *proc_text(const char *path)
{
	static const struct proc_text texts[] = {
		{ "auxv", 0400, print_auxv },	  { "cmdline", 0444, print_cmdline },
		{ "comm", 0644, print_comm },	  { "environ", 0400, print_environ },
		{ "limits", 0444, print_limits }, { "maps", 0444, print_maps },
		{ "smaps", 0444, print_smaps },	  { "stat", 0444, print_stat },
		{ "statm", 0444, print_statm },	  { "status", 0444, print_status },
	};
	const char *name = in_folder(path);

	for (size_t i = 0; name && i < sizeof(texts) / sizeof(*texts); i++)
		if (!strcmp(name, texts[i].name))
			return &texts[i];
	return NULL;
}

/* What follows /proc/self/fd or /dev/fd in a path; NULL: it is neither. */
static const char *behind_fd(const char *path)
{
	const char *name = !strncmp(path, "/dev/", 5) ? path + 5 : in_folder(path);

	return name && !strncmp(name, "fd", 2) && (!name[2] || name[2] == '/') ? name + 2
									       : NULL;
}

bool proc_fd_folder(const char *path)
{
	const char *rest = behind_fd(path);

	return rest && (!*rest || !strcmp(rest, "/") || !strcmp(rest, "/."));
}

int proc_fd(const char *path)
{
	static const char *const standard[] = { "/dev/stdin", "/dev/stdout",
						"/dev/stderr" };
	const char *name = behind_fd(path);
	unsigned nr = 0;

	for (int i = 0; i < 3; i++)
		if (!strcmp(path, standard[i]))
			return i;
	if (!name || !*name || !*++name)
		return -1;
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -1;
	/* name_to_int(): no sign, no zero before others */
	if (*name == '0' && name[1])
		return PROC_FD_NONE;
	for (; *name >= '0' && *name <= '9' && nr < 100000000; name++)
		nr = nr * 10 + (unsigned)(*name - '0');
	return *name ? PROC_FD_NONE : (int)nr;
}

bool proc_exe(const char *path)
{
	const char *name = in_folder(path);

	return name && !strcmp(name, "exe");
}

/* What is open has a path, or is named by its kind: pipe:[7]. No path that isn't the payload's. */
static ssize_t fd_link(const struct process *p, const struct file *file,
		       char text[PATH_MAX])
{
	ssize_t n;

	file_where(p, file, text);
	if (*text)
		return (ssize_t)strlen(text);
	n = host_link(file->fd, text);
	if (n >= 0 && *text == '/')
		n = (ssize_t)strlen(strcpy(text, GRANTED_NAME));
	return n;
}

static ssize_t exe_link(const struct process *p, char text[PATH_MAX])
{
	if (!p->exe)
		return -EINVAL;
	policy_where(&p->policy, p->exe_fd, p->exe, text);
	return (ssize_t)strlen(text);
}

static ssize_t link_to(const char *target, char text[PATH_MAX])
{
	if (!target || strlen(target) >= PATH_MAX)
		return -ENOENT;
	return (ssize_t)strlen(strcpy(text, target));
}

static ssize_t cwd_link(const struct process *p, char text[PATH_MAX])
{
	if (policy_cwd(&p->policy, text) < 0)
		return -ENOENT;
	return (ssize_t)strlen(text);
}

ssize_t proc_readlink(const struct process *p, const char *path, char text[PATH_MAX])
{
	const char *name = in_folder(path);
	int nr = proc_fd(path);
	const struct file *file;

	if (nr >= 0) {
		file = fd_get_raw(&p->files, (unsigned)nr);
		return file ? fd_link(p, file, text) : -ENOENT;
	}
	if (proc_exe(path))
		return exe_link(p, text);
	if (name && !strcmp(name, "cwd"))
		return cwd_link(p, text);
	if (name && !strcmp(name, "root"))
		return link_to("/", text);
	if (!strcmp(path, "/proc/self"))
		return link_to("2", text);
	return -EINVAL;
}
