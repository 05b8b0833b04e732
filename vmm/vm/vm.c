/* SPDX-License-Identifier: MIT */
/* vm.c: a sandbox's life: options, opening, loading, closing. */
#include "vmm/vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/vm/script.h"
#include "vmm/vm/stack.h"

/*
 * Files that may be mapped: each is one of the host's until its last mapping goes, closed or not. Programs map and
 * close libraries by the hundreds.
 */
#define MAPPED_ANYHOW 1024
#define MAPPED_EACH 4 /* beside those, for each that may be open */

void mv_options_init(struct mv_options *opt)
{
	*opt = (struct mv_options){
		.size = sizeof(*opt),
		.mem = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
		.fault_around = 64 << 10,
		.thp = MV_THP_AUTO,
		.max_files = MV_MAX_FILES,
		.fds = { 0, 1, 2 },
		.shm = MV_SHM_AUTO,
	};
}

static int check_options(const struct mv_options *opt, struct mv_error *err)
{
	if (opt->size != sizeof(*opt))
		return mv_fail(err, EINVAL,
			       "mv_options.size: %zu, %zu expected: call "
			       "mv_options_init() first",
			       opt->size, sizeof(*opt));
	if (opt->mem < 64 * PAGE_SIZE)
		return mv_fail(err, EINVAL,
			       "mv_options.mem: %lu bytes are too few; 256K at least",
			       opt->mem);
	if (opt->fault_around < PAGE_SIZE || opt->fault_around > PMD_SIZE ||
	    opt->fault_around & (opt->fault_around - 1))
		return mv_fail(err, EINVAL,
			       "mv_options.fault_around: %lu is no power of two from "
			       "4096 to 2097152",
			       opt->fault_around);
	if (opt->thp < MV_THP_AUTO || opt->thp > MV_THP_ALWAYS)
		return mv_fail(err, EINVAL, "mv_options.thp: %d is unknown", (int)opt->thp);
	if (opt->stage2 < MV_STAGE2_DIRECT || opt->stage2 > MV_STAGE2_UFFD)
		return mv_fail(err, EINVAL, "mv_options.stage2: %d is unknown",
			       (int)opt->stage2);
	if (!opt->max_files || opt->max_files > MV_MAX_FILES)
		return mv_fail(err, EINVAL, "mv_options.max_files: %u is not from 1 to %u",
			       opt->max_files, MV_MAX_FILES);
	if (opt->shm != MV_SHM_AUTO && opt->shm > opt->mem)
		return mv_fail(
			err, EINVAL,
			"mv_options.shm: %lu bytes, but mem, which they count as, is %lu",
			opt->shm, opt->mem);
	return 0;
}

static int no_memory(struct mv_error *err)
{
	return mv_fail_errno(err, ENOMEM, "making a sandbox");
}

int mv_open(const struct mv_options *opt, struct mv_vm **out, struct mv_error *err)
{
	struct mv_vm *vm;
	int ret = check_options(opt, err);

	if (ret)
		return ret;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return no_memory(err);
	vm->opt = *opt;
	vm->image.fd = -1;
	pthread_mutex_init(&vm->kick_lock, NULL);
	ret = kvm_open(&vm->kvm, err);
	if (ret)
		goto fail_free;
	kvm_set_shadow_pages(&vm->kvm, opt->mem);
	if (phys_init(&vm->phys, &kvm_phys_ops, &vm->kvm, 1ull << vm->kvm.phys_bits,
		      opt->mem)) {
		ret = no_memory(err);
		goto fail_kvm;
	}
	vm->phys.max_files =
		(unsigned)min_u64(vm->phys.max_files,
				  MAPPED_ANYHOW + MAPPED_EACH * opt->max_files);
	if (opt->stage2 == MV_STAGE2_UFFD && (ret = phys_serve(&vm->phys, err)))
		goto fail_phys;
	if (monitor_init(&vm->monitor, &vm->phys) ||
	    mm_init(&vm->mm, &vm->phys, (unsigned)(opt->fault_around >> PAGE_SHIFT),
		    opt->thp) ||
	    monitor_map(&vm->monitor, &vm->mm)) {
		ret = no_memory(err);
		goto fail_phys;
	}
	ret = vcpu_open(&vm->vcpu, &vm->kvm, &vm->monitor, vm->mm.pgd, err);
	if (ret)
		goto fail_phys;
	vm->vcpu.timing = vm->vcpu.tally = vm->mm.ask_major = opt->timing;
	ret = process_init(&vm->process, &vm->mm, opt, err);
	if (ret)
		goto fail_vcpu;
	vm->process.kick_signal = KICK_SIGNAL;
	vm->process.is_over = vm_is_over;
	vm->process.run = vm;
	*out = vm;
	return 0;

fail_vcpu:
	vcpu_close(&vm->vcpu);
fail_phys:
	kvm_close(&vm->kvm);
	phys_destroy(&vm->phys);
	goto fail_free;
fail_kvm:
	kvm_close(&vm->kvm);
fail_free:
	pthread_mutex_destroy(&vm->kick_lock);
	free(vm);
	return ret;
}

void mv_close(struct mv_vm *vm)
{
	if (!vm)
		return;
	/* the vCPU and the VM end first: then nothing is left to flush */
	kvmstat_close(&vm->vcpu_stats);
	kvmstat_close(&vm->vm_stats);
	vcpu_close(&vm->vcpu);
	kvm_close(&vm->kvm);
	vm->mm.events = NULL;
	events_free(&vm->events);
	free(vm->violations.all);
	stops_free(&vm->stops);
	vm->phys.ops = NULL;
	process_destroy(&vm->process);
	mm_destroy(&vm->mm);
	phys_destroy(&vm->phys);
	image_close(&vm->image);
	pthread_mutex_destroy(&vm->kick_lock);
	free(vm);
}

static int open_vdso(struct mv_vm *vm, const char *path, gva_t *gva, struct mv_error *err)
{
	struct vdso_tsc tsc = { 0 };
	int ret;

	if (!vcpu_tsc(&vm->vcpu, &tsc.offset, &tsc.khz))
		tsc.khz = 0;
	ret = vdso_open(&vm->process.vdso, &vm->mm, tsc, gva);
	return ret ? mv_fail(err, -ret, "%s: its vDSO: %s", path, strerrordesc_np(-ret))
		   : 0;
}

int mv_load(struct mv_vm *vm, const char *path, const char *const *argv,
	    const char *const *envp, struct mv_error *err)
{
	struct layout layout = layout_fixed();
	struct script script;
	gva_t rsp, vdso = 0;
	int ret;

	if (vm->state != VM_EMPTY || vm->image.path)
		return mv_fail(err, EINVAL, "%s: this sandbox has loaded a program already",
			       path);
	if (!argv[0])
		return mv_fail(err, EINVAL, "%s: argv[0] is missing", path);
	if (vm->opt.aslr && layout_random(&layout))
		return mv_fail(err, EIO, "%s: no random numbers for its addresses", path);
	vm->mm.mmap_base = layout.mmap_base;
	ret = script_resolve(&script, &vm->image, &vm->process.policy, path, argv, err);
	if (!ret)
		ret = image_load(&vm->image, &vm->mm, &vm->process.policy, &layout, err);
	if (!ret && vm->opt.vdso)
		ret = open_vdso(vm, path, &vdso, err);
	if (!ret)
		ret = stack_build(&vm->mm, &vm->image, &layout, vdso, path, script.argv,
				  envp, &rsp, err);
	script_free(&script);
	if (vm->mm.events)
		vm_events_hand_on(vm);
	if (ret)
		return ret;
	ret = process_set_exe(&vm->process, vm->image.name, vm->image.fd);
	if (ret)
		return mv_fail_errno(err, -ret, vm->image.path);
	vm->mm.start_brk = vm->mm.brk = vm->image.end + layout.brk_skip;
	vm->mm.data_len = vm->image.data_len;
	vm->mm.start_data = vm->image.start_data;
	vm->mm.start_code = vm->image.start_code;
	vm->mm.end_code = vm->image.end_code;
	vcpu_start(&vm->vcpu, vm->image.start, rsp);
	process_name(&vm->process, path);
	vm->state = VM_LOADED;
	return 0;
}
