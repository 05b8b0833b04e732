/* SPDX-License-Identifier: MIT */
/*
 * host.c: what this host's KVM can do, and the floor of an exit's cost: the same monitor and the
 * same vCPU as a sandbox has, with a host side that does nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/mm/pgtable.h"
#include "vmm/observe/clock.h"
#include "vmm/vm/vm.h"

/* Exits a measurement takes; the median stands. */
#define ROUNDS 4000
/* ... where it is to be quick, and on how many sandboxes, the best of which counts. */
#define QUICK_ROUNDS 400
#define QUICK_VMS 3
/* Pages touched to see what KVM takes for a fault that it resolves alone. */
#define TOUCHED 1024
#define TOUCHED_HUGE 8
/* Virtual machines made and ended for the same. */
#define VM_ROUNDS 9

/* Where the measuring code and its memory lie. */
#define CODE_GVA 0x400000ull
#define DATA_GVA 0x40000000ull
#define FRESH_GVA 0x80000000ull
#define FRESH_HUGE_GVA 0xc0000000ull

/* Ring-3 code for each measurement; placed at CODE_GVA. */
extern const char mv_floor_start[], mv_floor_out[], mv_floor_syscall[], mv_floor_touch[],
	mv_floor_touch_huge[], mv_floor_end[];

__asm__(".pushsection .rodata\n"
	"mv_floor_start:\n"
	"mv_floor_out: mov $0x10000, %eax\n" /* MV_CALL_NOP */
	"	out %al, $0xe0\n"	     /* MV_PORT_CALL */
	"	jmp mv_floor_out\n"
	"mv_floor_syscall: mov $0x10000, %eax\n"
	"	syscall\n"
	"	jmp mv_floor_syscall\n"
	"mv_floor_touch: movb $1, (%rbx)\n"
	"	add $4096, %rbx\n"
	"	jmp mv_floor_touch\n"
	"mv_floor_touch_huge: movb $1, (%rbx)\n"
	"	add $0x200000, %rbx\n"
	"	jmp mv_floor_touch_huge\n"
	"mv_floor_end:\n"
	".popsection\n");

_Static_assert(MV_CALL_NOP == 0x10000 && MV_PORT_CALL == 0xe0,
	       "the numbers in the code above");

/* A machine to measure on: a sandbox without payload. */
struct floor_vm {
	struct mv_vm *vm;
	struct pt_path path; /* of the next page to be touched */
	unsigned rounds;     /* of each measurement */
	gfn_t frames;	     /* so many adjoining ones, with memory */
};

static int map_code(struct floor_vm *f)
{
	struct mm *mm = &f->vm->mm;
	gfn_t code = phys_alloc_table(mm->phys);
	struct pt_path path;

	if (!code || pt_walk(mm, CODE_GVA, LEVEL_PTE, true, &path))
		return -ENOMEM;
	memcpy(phys_hva(mm->phys, gfn_gpa(code)), mv_floor_start,
	       (size_t)(mv_floor_end - mv_floor_start));
	pt_set(mm, path.table[LEVEL_PTE], pt_last(&path), pte_make(code, PTE_P | PTE_U));
	return 0;
}

/* Tables and frames exist, and the frames have memory, before the first fault. */
static int map_data(struct floor_vm *f)
{
	struct mm *mm = &f->vm->mm;
	struct pt_path path;
	unsigned got;

	for (uint64_t i = 0; i < f->rounds; i += PTRS_PER_TABLE)
		if (pt_walk(mm, DATA_GVA + i * PAGE_SIZE, LEVEL_PTE, true, &path))
			return -ENOMEM;
	f->frames = phys_alloc_anon(mm->phys, f->rounds, &got);
	if (got < f->rounds)
		return -ENOMEM;
	memset(phys_hva(mm->phys, gfn_gpa(f->frames)), 1, f->rounds * PAGE_SIZE);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The host's whole work for fault i: one entry stored. */
static void store_pte(struct floor_vm *f, unsigned i)
{
	struct mm *mm = &f->vm->mm;

	if (i % PTRS_PER_TABLE == 0)
		pt_walk(mm, DATA_GVA + i * PAGE_SIZE, LEVEL_PTE, false, &f->path);
	f->path.entry[LEVEL_PTE][i % PTRS_PER_TABLE] =
		pte_make(f->frames + i, PTE_P | PTE_W | PTE_U);
}

/*
 * Median ns from one event to the next of code that only makes such events; 0: it failed. *mean gets the
 * mean of the thread's CPU time for one.
 */
static uint64_t measure(struct floor_vm *f, const char *code, enum vcpu_event event,
			uint64_t *mean)
{
	static _Thread_local uint64_t ns[ROUNDS];
	struct vcpu *vcpu = &f->vm->vcpu;
	uint64_t last, now, cpu;

	vcpu_start(vcpu, CODE_GVA + (uint64_t)(code - mv_floor_start), 0);
	vcpu->regs->rbx = DATA_GVA;
	if (!f->rounds || vcpu_run(vcpu) != event)
		return 0;
	cpu = oncpu_clock();
	last = clock_ns();
	for (unsigned i = 0; i < f->rounds; i++) {
		if (event == VCPU_EXCEPTION)
			store_pte(f, i);
		if (vcpu_run(vcpu) != event)
			return 0;
		now = clock_ns();
		ns[i] = now - last;
		last = now;
	}
	*mean = (oncpu_clock() - cpu) / f->rounds;
	qsort(ns, f->rounds, sizeof(ns[0]), compare);
	return ns[f->rounds / 2];
}

/* TOUCHED frames that no memory is behind yet, with entries as a fault makes them ahead. */
static int map_fresh(struct floor_vm *f)
{
	struct mm *mm = &f->vm->mm;
	struct pt_path path;
	unsigned got = 0;
	gfn_t frame = 0;

	for (unsigned i = 0; i < TOUCHED; i++, frame++, got--) {
		if (!got)
			frame = phys_alloc_anon(mm->phys, TOUCHED - i, &got);
		if (!frame ||
		    pt_walk(mm, FRESH_GVA + i * PAGE_SIZE, LEVEL_PTE, true, &path))
			return -ENOMEM;
		pt_set(mm, path.table[LEVEL_PTE], pt_last(&path),
		       pte_make(frame, PTE_P | PTE_W | PTE_U));
	}
	return 0;
}

/* The same by TOUCHED_HUGE leaves of 2 MiB. */
static int map_fresh_huge(struct floor_vm *f)
{
	struct mm *mm = &f->vm->mm;
	struct pt_path path;

	for (uint64_t i = 0; i < TOUCHED_HUGE; i++) {
		gfn_t frame = phys_alloc_huge(mm->phys);

		if (!frame ||
		    pt_walk(mm, FRESH_HUGE_GVA + i * PMD_SIZE, LEVEL_PMD, true, &path))
			return -ENOMEM;
		pt_set(mm, path.table[LEVEL_PMD], pt_last(&path),
		       pte_make(frame, PTE_P | PTE_W | PTE_U | PTE_PS));
	}
	return 0;
}

static uint64_t pf_fixed(struct mv_vm *vm)
{
	return kvmstat_read(&vm->vcpu_stats, vm->vcpu.fd)
		       ? kvmstat_value(&vm->vcpu_stats, "pf_fixed")
		       : 0;
}

/* What KVM takes for a fault that no exit tells of; 0: it doesn't count them. */
static uint64_t measure_stage2(struct floor_vm *f, const char *code, gva_t gva,
			       uint64_t pf_exit_ns)
{
	struct vcpu *vcpu = &f->vm->vcpu;
	uint64_t before = pf_fixed(f->vm), start, ns, n;

	vcpu_start(vcpu, CODE_GVA + (uint64_t)(code - mv_floor_start), 0);
	vcpu->regs->rbx = gva;
	/* it takes long enough to be preempted */
	start = oncpu_clock();
	/* the page behind the last one has no entry */
	if (vcpu_run(vcpu) != VCPU_EXCEPTION)
		return 0;
	ns = oncpu_clock() - start;
	n = pf_fixed(f->vm) - before;
	return n && ns > pf_exit_ns ? (ns - pf_exit_ns) / n : 0;
}

/* host also gets what the same sandbox tells of this host's KVM; NULL: nobody asks. */
static int measure_floor(struct mv_floor *floor, struct mv_host *host, unsigned rounds,
			 struct mv_error *err)
{
	struct floor_vm f = { .rounds = rounds };
	struct mv_options opt;
	int ret;

	*floor = (struct mv_floor){ 0 };
	mv_options_init(&opt);
	ret = mv_open(&opt, &f.vm, err);
	if (ret)
		return ret;
	if (map_code(&f) || map_data(&f) || map_fresh(&f) || map_fresh_huge(&f)) {
		ret = mv_fail_errno(err, ENOMEM, "measuring exits");
	} else {
		floor->port_exit_ns =
			measure(&f, mv_floor_out, VCPU_CALL, &floor->port_exit_cpu_ns);
		floor->syscall_ns =
			measure(&f, mv_floor_syscall, VCPU_CALL, &floor->syscall_cpu_ns);
		floor->pf_exit_ns =
			measure(&f, mv_floor_touch, VCPU_EXCEPTION, &floor->pf_exit_cpu_ns);
		floor->stage2_ns =
			measure_stage2(&f, mv_floor_touch, FRESH_GVA, floor->pf_exit_ns);
		floor->stage2_2m_ns = measure_stage2(&f, mv_floor_touch_huge,
						     FRESH_HUGE_GVA, floor->pf_exit_ns);
		if (!floor->port_exit_ns || !floor->syscall_ns || !floor->pf_exit_ns)
			ret = mv_fail(err, EIO, "measuring exits: an unexpected one came");
	}
	if (host && !ret) {
		host->syscall_ring3 = f.vm->vcpu.syscall_ring3;
		host->host_return = f.vm->vcpu.host_return;
		host->vectors = kvm_vectors(&f.vm->kvm);
		host->phys_bits = f.vm->kvm.phys_bits;
		host->max_slots = f.vm->kvm.max_slots;
		host->sync_regs = f.vm->kvm.sync_regs;
		host->port_exit_ns = floor->port_exit_ns;
		host->syscall_ns = floor->syscall_ns;
		host->pf_exit_ns = floor->pf_exit_ns;
	}
	mv_close(f.vm);
	return ret;
}

static void keep_less(uint64_t *best, uint64_t value)
{
	if (!*best || value < *best)
		*best = value;
}

/* One sandbox in ten has page faults that take half as much again, all its life. */
int mv_floor(struct mv_floor *floor, struct mv_error *err)
{
	int ret = 0;

	*floor = (struct mv_floor){ 0 };
	for (unsigned i = 0; i < QUICK_VMS && !ret; i++) {
		struct mv_floor one = { 0 };

		ret = measure_floor(&one, NULL, QUICK_ROUNDS, err);
		keep_less(&floor->port_exit_ns, one.port_exit_ns);
		keep_less(&floor->syscall_ns, one.syscall_ns);
		keep_less(&floor->pf_exit_ns, one.pf_exit_ns);
		keep_less(&floor->port_exit_cpu_ns, one.port_exit_cpu_ns);
		keep_less(&floor->syscall_cpu_ns, one.syscall_cpu_ns);
		keep_less(&floor->pf_exit_cpu_ns, one.pf_exit_cpu_ns);
		keep_less(&floor->stage2_ns, one.stage2_ns);
		keep_less(&floor->stage2_2m_ns, one.stage2_2m_ns);
	}
	return ret;
}

/* What KVM itself takes for a VM with one vCPU that has its CPUID, from open to close. */
static int measure_bare_vm(struct mv_host *host, struct mv_error *err)
{
	uint64_t ns[VM_ROUNDS];

	for (unsigned i = 0; i < VM_ROUNDS; i++) {
		uint64_t start = clock_ns();
		struct kvm kvm;
		int ret = kvm_open(&kvm, err), vcpu;

		if (ret)
			return ret;
		vcpu = ioctl(kvm.vm, KVM_CREATE_VCPU, 0);
		if (vcpu < 0 || ioctl(vcpu, KVM_SET_CPUID2, kvm.cpuid))
			ret = mv_fail_errno(err, errno, "KVM_CREATE_VCPU");
		if (vcpu >= 0)
			close(vcpu);
		kvm_close(&kvm);
		if (ret)
			return ret;
		ns[i] = clock_ns() - start;
	}
	qsort(ns, VM_ROUNDS, sizeof(ns[0]), compare);
	host->bare_vm_ns = ns[VM_ROUNDS / 2];
	return 0;
}

/* The word in brackets of /sys/kernel/mm/transparent_hugepage/enabled. */
static const char *thp_setting(void)
{
	static const char *const words[] = { "[always]", "[madvise]", "[never]" };
	static const char *const names[] = { "always", "madvise", "never" };
	char buf[64] = "";
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, buf, sizeof(buf) - 1) < 0)
			*buf = '\0';
		close(fd);
	}
	for (unsigned i = 0; i < 3; i++)
		if (strstr(buf, words[i]))
			return names[i];
	return "absent";
}

static bool has_userfaultfd(void)
{
	int fd = stage2_userfaultfd();

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int mv_host(struct mv_host *host, struct mv_error *err)
{
	struct mv_floor floor;
	int ret;

	*host = (struct mv_host){ .thp = thp_setting(), .userfaultfd = has_userfaultfd() };
	kvm_host_kind(&host->module, &host->stage2);
	ret = measure_floor(&floor, host, ROUNDS, err);
	if (!ret)
		ret = measure_bare_vm(host, err);
	if (ret)
		return ret;
	/* both are required of a host to get here */
	host->api_version = KVM_API_VERSION;
	return 0;
}
