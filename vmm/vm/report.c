/* SPDX-License-Identifier: MIT */
/* report.c: what a person reads: a walk, the tables, smaps, how a payload died. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "vmm/linux/proc.h"
#include "vmm/mm/pte.h"
#include "vmm/vm/report.h"
#include "vmm/vm/vm.h"

/* So many mappings say where a payload's memory went. */
#define TOP_VMAS 10

/* "P W U A D PS NX" */
const char *entry_flags(uint64_t e, unsigned level, char *buf, size_t len)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} bits[] = { { PTE_P, "P" },	 { PTE_W, "W" },     { PTE_U, "U" },
		     { PTE_PWT, "PWT" }, { PTE_PCD, "PCD" }, { PTE_A, "A" },
		     { PTE_D, "D" },	 { PTE_PS, "PS" },   { PTE_G, "G" },
		     { PTE_NX, "NX" } };
	size_t n = 0;

	*buf = '\0';
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]) && n < len; i++) {
		const char *name = bits[i].name;

		if (!(e & bits[i].bit) || (bits[i].bit == PTE_D && !pte_leaf(e, level)))
			continue;
		if (bits[i].bit == PTE_PS && level == LEVEL_PTE)
			name = "PAT";
		n += (size_t)snprintf(buf + n, len - n, "%s%s", n ? " " : "", name);
	}
	return buf;
}

static void print_step(const struct mv_walk_step *s, FILE *out)
{
	char flags[ENTRY_FLAGS_SIZE];
	uint64_t size = 1ull << level_shift(s->level), to = s->entry & PTE_ADDR;

	fprintf(out, "  %s[%3u]  at gpa 0x%09" PRIx64 "  value 0x%016" PRIx64 "  ",
		mv_level_name(s->level), s->index, s->table + 8 * s->index, s->entry);
	if (!(s->entry & PTE_P))
		fprintf(out, "%-14s  not present\n",
			entry_flags(s->entry, s->level, flags, sizeof(flags)));
	else if (pte_leaf(s->entry, s->level))
		fprintf(out, "%-14s  frame of %s at gpa %#" PRIx64 "\n",
			entry_flags(s->entry, s->level, flags, sizeof(flags)),
			s->level == LEVEL_PTE ? "4 KiB" : "2 MiB", to & ~(size - 1));
	else
		fprintf(out, "%-14s  %s table at gpa %#" PRIx64 "\n",
			entry_flags(s->entry, s->level, flags, sizeof(flags)),
			mv_level_name(s->level - 1), to);
}

static const char *access_name(unsigned access, char *buf)
{
	snprintf(buf, 4, "%c%c%c", access & MV_READ ? 'r' : '-',
		 access & MV_WRITE ? 'w' : '-', access & MV_EXEC ? 'x' : '-');
	return buf;
}

void mv_print_walk(struct mv_vm *vm, uint64_t gva, FILE *out)
{
	char name[256], access[4];
	struct mv_walk w;

	if (mv_walk(vm, gva, &w)) {
		fprintf(out,
			"gva %#" PRIx64 ": not canonical: no tables can translate it\n",
			gva);
		return;
	}
	fprintf(out, "gva 0x%" PRIx64, gva);
	if (!mv_symbol_at(vm, gva, name, sizeof(name)))
		fprintf(out, " <%s>", name);
	fprintf(out,
		" = pgd %u, pud %u, pmd %u, pte %u (9 bits each), offset 0x%" PRIx64
		" (12 bits)\n",
		level_index(gva, LEVEL_PGD), level_index(gva, LEVEL_PUD),
		level_index(gva, LEVEL_PMD), level_index(gva, LEVEL_PTE),
		(uint64_t)(gva & ~PAGE_MASK));
	fprintf(out, "  CR3       pgd table at gpa %#" PRIx64 "\n", gfn_gpa(vm->mm.pgd));
	for (unsigned i = 0; i < w.nsteps; i++)
		print_step(&w.steps[i], out);
	if (w.present)
		fprintf(out,
			"  gpa %#" PRIx64 " = frame + offset 0x%" PRIx64
			"; ring 3 may %s\n",
			w.gpa, gva & (w.page_size - 1), access_name(w.access, access));
	else
		fprintf(out, "  no frame: the walk ends at the %s, an access faults\n",
			mv_level_name(w.steps[w.nsteps - 1].level));
}

static const char *size_name(uint64_t size, char *buf, size_t len)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned u = 0;

	while (u < 4 && size >= 1024 && size % 1024 == 0) {
		size /= 1024;
		u++;
	}
	snprintf(buf, len, "%" PRIu64 " %s", size, units[u]);
	return buf;
}

void mv_print_tables(struct mv_vm *vm, FILE *out)
{
	uint64_t all = 1, sum = 0, full = 0;
	struct mv_counters c;
	char buf[2][32];

	mv_counters(vm, &c);
	fprintf(out, "tables   exist        bytes   if all existed\n");
	for (unsigned l = LEVEL_PGD; l >= LEVEL_PTE; l--, all *= PTRS_PER_TABLE) {
		fprintf(out, "  %s %8" PRIu64 " %12s   2^%-2u = %9" PRIu64 " tables, %s\n",
			mv_level_name(l), c.tables[l],
			size_name(c.tables[l] * PAGE_SIZE, buf[0], sizeof(buf[0])),
			TABLE_SHIFT * (LEVEL_PGD - l), all,
			size_name(all * PAGE_SIZE, buf[1], sizeof(buf[1])));
		sum += c.tables[l];
		full += all;
	}
	fprintf(out, "  sum %8" PRIu64 " %12s          %9" PRIu64 " tables, %.1f GiB\n",
		sum, size_name(sum * PAGE_SIZE, buf[0], sizeof(buf[0])), full,
		(double)(full * PAGE_SIZE) / (1ull << 30));
}

static void print_kb(FILE *out, const char *name, uint64_t bytes)
{
	fprintf(out, "%-15s %8" PRIu64 " kB\n", name, bytes >> 10);
}

/*
 * Names and order are those of fs/proc/task_mmu.c, so that its readers can read this. No other
 * process maps a page, nothing is swapped or locked; pages of MAP_HUGETLB count under their own
 * name only. Reserved is mapvisor's own.
 */
static void print_smap(const struct mv_vma *v, unsigned vm_flags, FILE *out)
{
	uint64_t page = v->hugetlb ? PMD_SIZE : PAGE_SIZE;
	uint64_t rss = v->hugetlb ? 0 : v->backed;
	uint64_t dirty = min_u64(v->dirty, rss), clean = rss - dirty;

	proc_print_vma(v, v->name, mv_print_text, out);
	print_kb(out, "Size:", v->end - v->start);
	print_kb(out, "KernelPageSize:", page);
	print_kb(out, "MMUPageSize:", page);
	print_kb(out, "Rss:", rss);
	print_kb(out, "Pss:", rss);
	print_kb(out, "Pss_Dirty:", dirty);
	print_kb(out, "Shared_Clean:", 0);
	print_kb(out, "Shared_Dirty:", 0);
	print_kb(out, "Private_Clean:", clean);
	print_kb(out, "Private_Dirty:", dirty);
	print_kb(out, "Referenced:", v->hugetlb ? 0 : v->accessed);
	print_kb(out, "Anonymous:", min_u64(v->anonymous, rss));
	print_kb(out, "KSM:", 0);
	print_kb(out, "LazyFree:", 0);
	print_kb(out, "AnonHugePages:", min_u64(v->huge, rss));
	print_kb(out, "ShmemPmdMapped:", 0);
	print_kb(out, "FilePmdMapped:", 0);
	print_kb(out, "Shared_Hugetlb:", 0);
	print_kb(out, "Private_Hugetlb:", v->hugetlb ? v->reserved : 0);
	print_kb(out, "Swap:", 0);
	print_kb(out, "SwapPss:", 0);
	print_kb(out, "Locked:", 0);
	print_kb(out, "Reserved:", v->reserved);
	fprintf(out, "THPeligible:    %8d\n", v->huge != 0 && !v->hugetlb);
	proc_print_flags(vm_flags, out);
}

void mv_print_maps(struct mv_vm *vm, FILE *out)
{
	char path[PATH_MAX];
	struct mv_vma v;

	for (gva_t at = 0; !mm_vma_next(&vm->mm, at, &v); at = v.end) {
		mm_vma_path(&vm->mm, v.start, path);
		proc_print_vma(&v, path, mv_print_text, out);
	}
}

void mv_print_smaps(struct mv_vm *vm, FILE *out)
{
	struct mm_smap smap;
	struct mv_vma v;

	for (uint64_t gva = 0; !mv_vma(vm, gva, &v); gva = v.end) {
		mm_smap(&vm->mm, v.start, &smap);
		print_smap(&v, smap.vm_flags, out);
	}
}

static const char *code_name(const struct mv_exit *end)
{
	static const struct {
		int signal, code;
		const char *name;
	} codes[] = {
		{ SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR, nothing is mapped there" },
		{ SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR, the mapping doesn't allow it" },
		{ SIGSEGV, SI_KERNEL,
		  "SI_KERNEL, a general protection fault: a privileged "
		  "instruction, or an address that is not canonical" },
		{ SIGBUS, BUS_ADRERR,
		  "BUS_ADRERR, behind the end of the mapped file, or its file "
		  "system can't give the page" },
		{ SIGBUS, BUS_ADRALN, "BUS_ADRALN, not aligned" },
		{ SIGFPE, FPE_INTDIV, "FPE_INTDIV, integer division by zero or overflow" },
		{ SIGILL, ILL_ILLOPN, "ILL_ILLOPN, no such instruction" },
		{ SIGTRAP, SI_KERNEL, "SI_KERNEL, a breakpoint instruction" },
	};

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].signal == end->signal && codes[i].code == end->code)
			return codes[i].name;
	return "";
}

static void print_registers(const struct mv_exit *end, FILE *out)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
					       "rsi", "rdi", "r8",  "r9",  "r10", "r11",
					       "r12", "r13", "r14", "r15" };

	for (unsigned i = 0; i < 16; i++)
		fprintf(out, "  %-3s %016" PRIx64 "%s", names[i], end->regs[i],
			i % 4 == 3 ? "\n" : "");
}

/* The VMA that holds gva, or those next to it. */
static void print_vmas_near(struct mv_vm *vm, uint64_t gva, FILE *out)
{
	struct mv_vma v, below = { 0 };

	for (uint64_t at = 0; !mv_vma(vm, at, &v); at = v.end) {
		if (v.end <= gva) {
			below = v;
			continue;
		}
		if (v.start <= gva) {
			fprintf(out, "  in        ");
			proc_print_vma(&v, v.name, mv_print_text, out);
			return;
		}
		break;
	}
	if (below.end) {
		fprintf(out, "  0x%" PRIx64 " behind ", gva - below.end);
		proc_print_vma(&below, below.name, mv_print_text, out);
	}
	if (v.end > gva && v.start > gva) {
		fprintf(out, "  %#" PRIx64 " before ", v.start - gva);
		proc_print_vma(&v, v.name, mv_print_text, out);
	}
}

static void print_place(struct mv_vm *vm, const char *what, uint64_t gva, FILE *out)
{
	char name[256];

	fprintf(out, "  %-9s 0x%" PRIx64, what, gva);
	if (!mv_symbol_at(vm, gva, name, sizeof(name)))
		fprintf(out, "  <%s>", name);
}

static bool has_address(const struct mv_exit *end)
{
	return end->access != 0;
}

static void print_kib(FILE *out, uint64_t bytes, const char *what)
{
	fprintf(out, "%12" PRIu64 " KiB  %s\n", bytes >> 10, what);
}

/* What the limit's memory went to. */
static void print_memory(struct mv_vm *vm, FILE *out)
{
	struct mv_memory m;

	mv_memory(vm, &m);
	print_kib(out, m.limit, "allowed");
	print_kib(out, m.charged, "in use, of that:");
	print_kib(out, m.touched, "  anonymous memory that was touched");
	print_kib(out, m.idle, "  anonymous memory reserved around faults, never touched");
	print_kib(out, m.tables, "  page tables, and the monitor");
	print_kib(out, m.nodes, "  the index of frames and guards");
	print_kib(out, m.freed, "  freed tables, not given back yet");
	print_kib(out, m.memfds, "  /dev/shm, memfds and shared memory segments, pipes");
	print_kib(out, m.promised,
		  "  promised to huge pages (MAP_HUGETLB) that were not touched");
}

/* The VMAs with the most of it, the largest first. */
struct top {
	struct mv_vma vma[TOP_VMAS];
	unsigned nr;
	uint64_t others; /* VMAs that are not among them, and have some */
};

static void add_to_top(struct top *top, const struct mv_vma *v)
{
	unsigned at = top->nr;

	if (!v->charged)
		return;
	while (at && top->vma[at - 1].charged < v->charged)
		at--;
	if (top->nr == TOP_VMAS)
		top->others++;
	else
		top->nr++;
	if (at == TOP_VMAS)
		return;
	memmove(&top->vma[at + 1], &top->vma[at], (top->nr - at - 1) * sizeof(top->vma[0]));
	top->vma[at] = *v;
}

/* Where the memory is: a line a VMA. */
static void print_usage(struct mv_vm *vm, FILE *out)
{
	struct top top = { .nr = 0 };
	struct mv_vma v;

	for (uint64_t gva = 0; !mv_vma(vm, gva, &v); gva = v.end)
		add_to_top(&top, &v);
	fputs("  in use KiB   backed KiB  the largest mappings\n", out);
	for (unsigned i = 0; i < top.nr; i++) {
		fprintf(out, "%12" PRIu64 " %12" PRIu64 "  ", top.vma[i].charged >> 10,
			top.vma[i].backed >> 10);
		proc_print_vma(&top.vma[i], top.vma[i].name, mv_print_text, out);
	}
	if (top.others)
		fprintf(out, "  and %" PRIu64 " others\n", top.others);
}

/* Real-time signals have numbers only: two of them are libc's own. */
static void print_signal(const struct mv_exit *end, FILE *out)
{
	const char *abbrev = sigabbrev_np(end->signal);

	if (abbrev)
		fprintf(out, "payload ended by SIG%s", abbrev);
	else
		fprintf(out, "payload ended by signal %d", end->signal);
	fprintf(out, "%s%s\n", *code_name(end) ? ": " : "", code_name(end));
}

void mv_print_exit(struct mv_vm *vm, const struct mv_exit *end, FILE *out)
{
	const char *what = end->access == MV_WRITE  ? "write"
			   : end->access == MV_EXEC ? "execute"
						    : "read";

	if (end->kind == MV_EXIT_STATUS)
		return;
	if (end->kind == MV_EXIT_OOM)
		fprintf(out, "payload ended: out of memory (%" PRIu64 " KiB allowed)\n",
			vm->opt.mem >> 10);
	else if (end->kind == MV_EXIT_SIGNAL)
		print_signal(end, out);
	else
		fprintf(out, "payload stopped: %s\n",
			end->kind == MV_EXIT_CPU_TIME  ? "its CPU time was over"
			: end->kind == MV_EXIT_TIMEOUT ? "its time was over"
			: end->kind == MV_EXIT_OUTPUT  ? "its output was over the limit"
						       : "interrupted");
	if (has_address(end)) {
		print_place(vm, "address", end->addr, out);
		fprintf(out, "  (%s)\n", what);
	}
	print_place(vm, "rip", end->rip, out);
	fputc('\n', out);
	print_registers(end, out);
	if (has_address(end)) {
		print_vmas_near(vm, end->addr, out);
		mv_print_walk(vm, end->addr, out);
	}
	if (end->kind == MV_EXIT_OOM) {
		print_memory(vm, out);
		print_usage(vm, out);
		mv_print_tables(vm, out);
	}
}
