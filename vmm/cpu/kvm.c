/* SPDX-License-Identifier: MIT */
/* kvm.c: open KVM, make a VM, set its memory slots. See kvm.h. */
#include "vmm/cpu/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/observe/error.h"

/*
 * Where the slot that drops move lies: 4 or 2 pages below PHYS_BASE, apart from all
 * arenas and from the APIC's page.
 */
#define DROP_GPA (PHYS_BASE - 4 * PAGE_SIZE)

/* XCR0's bits: x87, SSE, AVX, and AVX-512's three. SDM vol. 1, 13.3. */
#define XCR0_WANTED 0xe7ull
/* FXSAVE's area, and with XSAVE's header behind it. */
#define FXSAVE_SIZE 512u
#define XSTATE_MIN 576u

static int open_error(struct mv_error *err, int num)
{
	switch (num) {
	case ENOENT:
		return mv_fail(
			err, num,
			"/dev/kvm: no such file: this kernel has no KVM, or its module isn't "
			"loaded (modprobe kvm_intel or kvm_amd), or virtualization is off in "
			"the firmware; in a virtual machine, nested virtualization is off");
	case EACCES:
	case EPERM:
		return mv_fail(
			err, num,
			"/dev/kvm: permission denied: join the group that owns it (usermod -aG "
			"kvm USER, then log in again), or have it made accessible to you");
	case EBUSY:
		return mv_fail(err, num,
			       "/dev/kvm: busy: another hypervisor holds the "
			       "processor's virtualization");
	default:
		return mv_fail_errno(err, num, "/dev/kvm");
	}
}

/* KVM_GET_SUPPORTED_CPUID says E2BIG until the buffer is large enough. */
static int get_cpuid(struct kvm *kvm, struct mv_error *err)
{
	for (uint32_t n = 128; n <= 65536; n *= 2) {
		struct kvm_cpuid2 *id = calloc(1, sizeof(*id) + n * sizeof(id->entries[0]));

		if (!id)
			return mv_fail_errno(err, ENOMEM, "KVM_GET_SUPPORTED_CPUID");
		id->nent = n;
		if (!ioctl(kvm->sys, KVM_GET_SUPPORTED_CPUID, id)) {
			kvm->cpuid = id;
			return 0;
		}
		free(id);
		if (errno != E2BIG)
			break;
	}
	return mv_fail_errno(err, errno, "KVM_GET_SUPPORTED_CPUID");
}

static const struct kvm_cpuid_entry2 *leaf(const struct kvm *kvm, uint32_t function)
{
	for (uint32_t i = 0; i < kvm->cpuid->nent; i++)
		if (kvm->cpuid->entries[i].function == function &&
		    !kvm->cpuid->entries[i].index)
			return &kvm->cpuid->entries[i];
	return NULL;
}

/* Where the last of the components ends; SDM vol. 1, 13.4.3. */
static unsigned xstate_size(const struct kvm *kvm)
{
	const struct kvm_cpuid_entry2 *e = kvm->cpuid->entries;
	unsigned size = kvm->xcr0 ? XSTATE_MIN : FXSAVE_SIZE;

	for (uint32_t i = 0; i < kvm->cpuid->nent; i++, e++)
		if (e->function == 0xd && e->index >= 2 && e->index < 64 &&
		    kvm->xcr0 >> e->index & 1 && e->ebx + e->eax > size)
			size = e->ebx + e->eax;
	return size;
}

/* SDM vol. 2A, CPUID: the leaves that say how a vCPU can be set up. */
static void read_cpuid(struct kvm *kvm)
{
	const struct kvm_cpuid_entry2 *e;

	e = leaf(kvm, 0x80000008);
	kvm->phys_bits = e ? e->eax & 0xff : 36;
	e = leaf(kvm, 1);
	kvm->has_xsave = e && e->ecx & 1u << 26;
	e = leaf(kvm, 7);
	kvm->has_fsgsbase = e && e->ebx & 1u << 0;
	kvm->has_umip = e && e->ecx & 1u << 2;
	e = leaf(kvm, 0xd);
	kvm->xcr0 = e ? ((uint64_t)e->edx << 32 | e->eax) & XCR0_WANTED : 0;
	kvm->xstate_size = xstate_size(kvm);
}

/* SDM vol. 1, 14.3, 14.7.1 and 15.2: instructions, and the state components that they need. */
const char *kvm_vectors(const struct kvm *kvm)
{
	static const uint64_t avx = 0x6, avx512 = 0xe6;
	const struct kvm_cpuid_entry2 *e = leaf(kvm, 1), *e7 = leaf(kvm, 7);

	if (!kvm->has_xsave || (kvm->xcr0 & avx) != avx || !(e->ecx & 1u << 28))
		return "SSE";
	if (!e7 || !(e7->ebx & 1u << 5))
		return "AVX";
	return (kvm->xcr0 & avx512) == avx512 && e7->ebx & 1u << 16 ? "AVX-512" : "AVX2";
}

static int check_extension(const struct kvm *kvm, long cap)
{
	int n = ioctl(kvm->sys, KVM_CHECK_EXTENSION, cap);

	return n < 0 ? 0 : n;
}

int kvm_open(struct kvm *kvm, struct mv_error *err)
{
	const int sync = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	struct mv_error unasked;
	int n;

	err = err ? err : &unasked;
	*kvm = (struct kvm){ .sys = -1, .vm = -1 };
	kvm->sys = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm->sys < 0)
		return open_error(err, errno);
	n = ioctl(kvm->sys, KVM_GET_API_VERSION, 0);
	if (n != KVM_API_VERSION) {
		mv_fail(err, ENODEV, "/dev/kvm: API version %d, %d is needed", n,
			KVM_API_VERSION);
		goto fail;
	}
	kvm->sync_regs = (check_extension(kvm, KVM_CAP_SYNC_REGS) & sync) == sync;
	if (!kvm->sync_regs) {
		mv_fail(err, ENODEV,
			"/dev/kvm: no KVM_CAP_SYNC_REGS: Linux 4.17 or later is needed");
		goto fail;
	}
	kvm->max_slots = (unsigned)check_extension(kvm, KVM_CAP_NR_MEMSLOTS);
	kvm->drop_slot = kvm->max_slots - 1;
	n = ioctl(kvm->sys, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (n < (int)sizeof(struct kvm_run)) {
		mv_fail(err, ENODEV, "KVM_GET_VCPU_MMAP_SIZE: %d bytes", n);
		goto fail;
	}
	kvm->run_size = (size_t)n;
	kvm->xsave_size = (unsigned)check_extension(kvm, KVM_CAP_XSAVE2);
	if (get_cpuid(kvm, err))
		goto fail;
	read_cpuid(kvm);
	do
		kvm->vm = ioctl(kvm->sys, KVM_CREATE_VM, 0);
	while (kvm->vm < 0 && errno == EINTR);
	if (kvm->vm < 0) {
		mv_fail_errno(err, errno, "KVM_CREATE_VM");
		goto fail;
	}
	return 0;
fail:
	kvm_close(kvm);
	return -err->num;
}

void kvm_close(struct kvm *kvm)
{
	if (kvm->vm >= 0)
		close(kvm->vm);
	if (kvm->sys >= 0)
		close(kvm->sys);
	if (kvm->drop_page)
		munmap(kvm->drop_page, PAGE_SIZE);
	free(kvm->cpuid);
	*kvm = (struct kvm){ .sys = -1, .vm = -1 };
}

#define SHADOW_PAGES_MIN 1024ul
#define SHADOW_PAGES_MAX (1ul << 20)

void kvm_set_shadow_pages(const struct kvm *kvm, uint64_t mem)
{
	unsigned long n =
		min_u64(max_u64(mem >> PAGE_SHIFT, SHADOW_PAGES_MIN), SHADOW_PAGES_MAX);

	/* a host that has no such limit needs none: its answer doesn't matter */
	ioctl(kvm->vm, KVM_SET_NR_MMU_PAGES, n);
}

static int set_slot(const struct kvm *kvm, unsigned slot, gpa_t gpa, uint64_t size,
		    void *hva)
{
	struct kvm_userspace_memory_region r = { .slot = slot,
						 .guest_phys_addr = gpa,
						 .memory_size = size,
						 .userspace_addr = (uintptr_t)hva };

	return ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

static int kvm_slot(void *ctx, unsigned slot, gpa_t gpa, uint64_t size, void *hva)
{
	const struct kvm *kvm = ctx;

	if (slot >= kvm->drop_slot)
		return -ENOSPC;
	return set_slot(kvm, slot, gpa, size, hva);
}

/*
 * Deleting or moving any slot makes KVM drop every translation of the VM, on every vCPU
 * (kvm_arch_flush_shadow_memslot). Moving costs one call, deleting and adding again two.
 */
static int kvm_drop(void *ctx)
{
	struct kvm *kvm = ctx;

	if (!kvm->drop_page) {
		void *page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);
		int err;

		if (page == MAP_FAILED)
			return -errno;
		err = set_slot(kvm, kvm->drop_slot, DROP_GPA, PAGE_SIZE, page);
		if (err) {
			munmap(page, PAGE_SIZE);
			return err;
		}
		kvm->drop_page = page;
	}
	kvm->drop_flip = !kvm->drop_flip;
	return set_slot(kvm, kvm->drop_slot,
			DROP_GPA + (kvm->drop_flip ? 2 * PAGE_SIZE : 0), PAGE_SIZE,
			kvm->drop_page);
}

const struct phys_ops kvm_phys_ops = { kvm_slot, kvm_drop };

static bool module_says(const char *path)
{
	char c = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c == 'Y' || c == '1';
}

void kvm_host_kind(const char **module, const char **stage2)
{
	static const struct {
		const char *dir, *module, *param, *stage2;
	} kinds[] = {
		{ "/sys/module/kvm_intel", "kvm_intel",
		  "/sys/module/kvm_intel/parameters/ept", "EPT" },
		{ "/sys/module/kvm_amd", "kvm_amd", "/sys/module/kvm_amd/parameters/npt",
		  "NPT" },
		{ "/sys/module/kvm_pvm", "kvm_pvm", NULL, "shadow" },
	};

	*module = "kvm";
	*stage2 = "unknown";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (access(kinds[i].dir, F_OK))
			continue;
		*module = kinds[i].module;
		*stage2 = !kinds[i].param || module_says(kinds[i].param) ? kinds[i].stage2
									 : "shadow";
	}
}
