/* SPDX-License-Identifier: MIT */
/*
 * doctor.c: `mapvisor doctor` says what this host's KVM can do and what that means here,
 * line by line, each with a verdict; and where KVM can't be used, why, and what to do.
 */
#include <argp.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/cli/cli.h"
#include "vmm/cli/json.h"
#include "vmm/cli/machine.h"

#define KVM_DEVICE "/dev/kvm"
#define USEC_PER_NSEC 1e-3

/* From where on a figure is worth a word. */
#define SLOW_EXIT_NS 8000
#define FEW_SLOTS 64
#define FEW_PHYS_BITS 36

enum { OPT_JSON = 256 };

enum verdict { OK, SLOW, MISSING };

struct check {
	const char *name;
	char value[128];
	enum verdict verdict;
	char advice[320]; /* what it means and what to change; "" if nothing */
};

struct report {
	struct check checks[24];
	size_t n;
};

static const char *const verdict_names[] = {
	[OK] = "ok",
	[SLOW] = "slow",
	[MISSING] = "missing",
};

static __attribute__((format(printf, 3, 4))) struct check *add(struct report *report,
							       const char *name,
							       const char *fmt, ...)
{
	struct check *check = &report->checks[report->n++];
	va_list ap;

	check->name = name;
	va_start(ap, fmt);
	vsnprintf(check->value, sizeof(check->value), fmt, ap);
	va_end(ap);
	return check;
}

static __attribute__((format(printf, 3, 4))) void advise(struct check *check,
							 enum verdict verdict,
							 const char *fmt, ...)
{
	va_list ap;

	check->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(check->advice, sizeof(check->advice), fmt, ap);
	va_end(ap);
}

static void add_machine(struct report *report)
{
	char text[128];

	add(report, "CPU", "%s", machine_cpu(text, sizeof(text)));
	add(report, "kernel", "%s", machine_kernel(text, sizeof(text)));
}

/* By CPUID, C libraries and others choose what code they run. */
static void add_vectors(struct report *report, const struct mv_host *host)
{
	struct check *check = add(report, "vectors", "%s", host->vectors);

	if (!strcmp(host->vectors, "SSE") && machine_has_flag("avx"))
		advise(check, SLOW,
		       "the CPU has AVX, but this KVM doesn't give guests XSAVE, which that "
		       "needs: programs that look for it choose slower code in a sandbox");
	else if (strcmp(host->vectors, "AVX-512") != 0 && machine_has_flag("avx512f"))
		advise(check, SLOW,
		       "the CPU has AVX-512, which this KVM doesn't give guests: programs "
		       "that look for it choose other code in a sandbox");
}

/* How translations and system calls work here. */
static void add_kvm(struct report *report, const struct mv_host *host)
{
	struct check *check;

	check = add(report, "KVM API", "version %d", host->api_version);
	if (host->api_version != 12)
		advise(check, MISSING, "12 is the only one that was ever stable");
	add(report, "module", "%s", host->module);
	check = add(report, "second stage", "%s", host->stage2);
	if (!strcmp(host->stage2, "shadow"))
		advise(check, SLOW,
		       "KVM merges the two stages in software: each exit costs some 10 "
		       "times more than with EPT or NPT. If this is a bare machine, load "
		       "the module with ept=1 (kvm_intel) or npt=1 (kvm_amd)");
	add(report, "SYSCALL", "%s",
	    host->syscall_ring3 ? "stays in ring 3, at a user page that calls by port"
				: "enters ring 0, at the monitor");
	add(report, "fault return", "%s",
	    host->host_return ? "by the host, which emulates ring 0 anyway"
			      : "by iretq in the monitor");
	check = add(report, "registers", "%s",
		    host->sync_regs ? "shared with KVM (KVM_CAP_SYNC_REGS)"
				    : "read and written by ioctl");
	if (!host->sync_regs)
		advise(check, SLOW, "two more system calls an exit; a newer kernel has it");
	add_vectors(report, host);
	check = add(report, "memory slots", "%u", host->max_slots);
	if (host->max_slots < FEW_SLOTS)
		advise(check, SLOW, "payloads that map many files will run out of them");
	check = add(report, "physical bits", "%u", host->phys_bits);
	if (host->phys_bits < FEW_PHYS_BITS)
		advise(check, SLOW, "a sandbox has less than 64 GiB of address space");
}

/* What the host's memory management adds. */
static void add_memory(struct report *report, const struct mv_host *host)
{
	struct check *check;

	check = add(report, "huge pages", "%s", host->thp);
	if (!strcmp(host->thp, "never"))
		advise(check, SLOW,
		       "2 MiB entries stand over 4 KiB pages; as root: echo madvise "
		       ">/sys/kernel/mm/transparent_hugepage/enabled");
	check = add(report, "userfaultfd", "%s", host->userfaultfd ? "yes" : "no");
	if (!host->userfaultfd)
		advise(check, MISSING,
		       "only --stage2=uffd needs it; as root: sysctl "
		       "vm.unprivileged_userfaultfd=1, or make /dev/userfaultfd yours");
}

static struct check *add_cost(struct report *report, const char *name, uint64_t ns)
{
	struct check *check = add(report, name, "%.1f us", ns * USEC_PER_NSEC);

	check->verdict = ns > SLOW_EXIT_NS ? SLOW : OK;
	return check;
}

static void add_costs(struct report *report, const struct mv_host *host)
{
	struct check *check;

	add_cost(report, "exit by out", host->port_exit_ns);
	add_cost(report, "exit by SYSCALL", host->syscall_ns);
	check = add_cost(report, "page-fault exit", host->pf_exit_ns);
	if (check->verdict == SLOW)
		advise(check, SLOW,
		       "1 to 3 us is usual on bare hardware with EPT or NPT; this is what "
		       "nested and paravirtual KVM and shadow paging cost");
}

static void diagnose_host(struct report *report, const struct mv_host *host)
{
	add_kvm(report, host);
	add_memory(report, host);
	add_costs(report, host);
}

/* The module that would drive this CPU, or NULL where it can't virtualise at all. */
static const char *cpu_module(void)
{
	if (machine_has_flag("vmx"))
		return "kvm_intel";
	if (machine_has_flag("svm"))
		return "kvm_amd";
	return NULL;
}

static void advise_virtualise(struct check *check)
{
	if (machine_has_flag("hypervisor"))
		advise(check, MISSING,
		       "this is a virtual machine whose host keeps virtualisation to "
		       "itself: switch nested virtualisation on there (kvm_intel or "
		       "kvm_amd with nested=1, and a CPU model that passes vmx or svm on)");
	else
		advise(check, MISSING,
		       "switch VT-x (Intel) or SVM (AMD) on in the firmware's set-up");
}

/* There is no device, or no driver behind it. */
static void diagnose_missing(struct report *report, int num)
{
	const char *module = cpu_module();
	bool loaded = !access("/sys/module/kvm", F_OK);
	struct check *check;

	check = add(report, "virtualisation", "%s",
		    module ? "the CPU has it" : "the CPU doesn't show vmx nor svm");
	if (!module && !loaded)
		advise_virtualise(check);
	check = add(report, "module", "%s", loaded ? "kvm is loaded" : "kvm isn't loaded");
	if (!loaded)
		advise(check, MISSING, "as root: modprobe %s",
		       module ? module : "kvm_intel, or kvm_amd");
	check = add(report, "device", KVM_DEVICE ": %s", strerror(num));
	if (loaded)
		advise(check, MISSING,
		       "the kernel has KVM but the device isn't here: in a container, "
		       "pass it in (docker run --device " KVM_DEVICE
		       "); else, as root: udevadm "
		       "trigger " KVM_DEVICE);
	else
		advise(check, MISSING, "it comes with the module");
}

/*
 * A group's name from /etc/group. getgrgid(3) would load the C library's modules, which a
 * statically linked program can't count on.
 */
static void group_name(gid_t gid, char *name, size_t len)
{
	FILE *file = fopen("/etc/group", "re");
	struct group *g = NULL;

	snprintf(name, len, "%u", gid);
	while (file && (g = fgetgrent(file)) && g->gr_gid != gid)
		;
	if (g)
		snprintf(name, len, "%s", g->gr_name);
	if (file)
		fclose(file);
}

static void diagnose_forbidden(struct report *report, int num)
{
	struct check *check;
	char group[64];
	struct stat st;

	if (stat(KVM_DEVICE, &st)) {
		diagnose_missing(report, errno);
		return;
	}
	group_name(st.st_gid, group, sizeof(group));
	check = add(report, "device",
		    KVM_DEVICE ": %s; mode %04o, owner %u, group %s, you %u", strerror(num),
		    st.st_mode & 07777, st.st_uid, group, geteuid());
	if (num == EPERM)
		advise(check, MISSING,
		       "a device policy forbids it: start the container with "
		       "--device " KVM_DEVICE);
	else if (st.st_gid && (st.st_mode & 0060) == 0060)
		advise(check, MISSING, "as root: usermod -aG %s YOU, and log in again",
		       group);
	else
		advise(check, MISSING,
		       "as root: chgrp kvm " KVM_DEVICE " && chmod 660 " KVM_DEVICE
		       " && usermod -aG kvm YOU, and log in again; or for now: setfacl -m "
		       "u:YOU:rw " KVM_DEVICE);
}

static void diagnose_failure(struct report *report, const struct mv_error *err)
{
	switch (err->num) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		diagnose_missing(report, err->num);
		break;
	case EACCES:
	case EPERM:
		diagnose_forbidden(report, err->num);
		break;
	case EBUSY:
		advise(add(report, "device", KVM_DEVICE ": %s", strerror(EBUSY)), MISSING,
		       "another hypervisor (VirtualBox, VMware) holds the CPU's "
		       "virtualisation: stop its machines, unload its modules");
		break;
	default:
		advise(add(report, "KVM", "%s", strerror(err->num)), MISSING, "%s",
		       err->text);
	}
}

/* In lines, each behind a margin. */
static void print_wrapped(const char *text)
{
	const int margin = 19, width = 72;
	int column = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		int len = strcspn(text, " ");

		if (column && column + 1 + len > width) {
			putchar('\n');
			column = 0;
		}
		column += printf("%*s%.*s", column ? 1 : margin, "", len, text);
		text += len;
	}
	putchar('\n');
}

/* A line a check; advice, where there is some, beneath it. */
static void print_report(const struct report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct check *check = &report->checks[i];

		printf("%-16s %-50s %s\n", check->name, check->value,
		       verdict_names[check->verdict]);
		if (check->advice[0])
			print_wrapped(check->advice);
	}
}

static json_t *check_json(const struct check *check)
{
	return json_members((const struct json_member[]){
		{ "name", json_string(check->name) },
		{ "value", json_string(check->value) },
		{ "verdict", json_string(verdict_names[check->verdict]) },
		{ "advice", json_string(check->advice) },
		{ 0 },
	});
}

static bool print_json(const struct report *report, bool usable)
{
	json_t *checks = json_array(), *json;

	for (size_t i = 0; i < report->n; i++)
		json_array_append_new(checks, check_json(&report->checks[i]));
	json = json_members((const struct json_member[]){
		{ "usable", json_boolean(usable) },
		{ "checks", checks },
		{ 0 },
	});
	return json_print(json, stdout);
}

struct doctor {
	struct cli *cli;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct doctor *doctor = state->input;

	switch (key) {
	case OPT_JSON:
		doctor->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return cli_usage(doctor->cli, "doctor takes no argument, not '%s'", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option table[] = {
		{ .name = "json", .key = OPT_JSON, .doc = "Write one JSON object" },
		{ 0 },
	};
	static const struct argp argp = {
		.options = table,
		.parser = parse,
		.doc = "Find out what this host's KVM can do, by trying, and say what to "
		       "change if it can't, or is slow.\v"
		       "The exit status is 0 if sandboxes can run, else 125.",
	};
	struct doctor doctor = { .cli = cli };
	struct report report = { .n = 0 };
	struct mv_host host;
	int status;

	if (cli_parse(cli, &argp, argc, argv, &doctor))
		return STATUS_FAILED;
	add_machine(&report);
	status = mv_host(&host, &cli->err) ? STATUS_FAILED : 0;
	if (status)
		diagnose_failure(&report, &cli->err);
	else
		diagnose_host(&report, &host);
	if (!doctor.json)
		print_report(&report);
	else if (!print_json(&report, !status))
		return cli_fail(cli, STATUS_FAILED, "doctor: %s", strerror(errno));
	return status;
}
