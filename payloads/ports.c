/* SPDX-License-Identifier: MIT */
/*
 * ports.c WAY: reads from the port that calls are made by, in all ways that there are. No process may, without
 * ioperm(2): each is a SIGSEGV whose handler says what it saw, and goes on behind the instruction.
 */
#include <mapvisor/guest.h>

#include "payloads/ways.h"

#define RESUME_FLAG 0x10000ul /* RF, which the CPU or its emulation may set in a frame */
#define UNTOUCHED 0x5a

/* Each with rdi to write to, rax, the port in dx, and rcx as it came. */
typedef void form(void *to, unsigned long rax, unsigned long port, unsigned long rcx);

#define FORM(name, text)                                                              \
	form name;                                                                    \
	extern const char name##_at[];                                                \
	extern const char name##_behind[];                                            \
	asm(#name ":		mov %rsi, %rax\n"                                               \
		  "		cld\n" #name "_at: " text "\n" #name "_behind: cld\n" \
		  "		ret\n")

FORM(in_imm8, "in $0xe0, %al");
FORM(in_al, "in %dx, %al");
FORM(in_ax, "in %dx, %ax");
FORM(in_eax, "in %dx, %eax");
FORM(ins_b, "insb");
FORM(ins_w, "insw");
FORM(ins_l, "insl");
FORM(ins_b_addr32, "addr32 insb");
FORM(rep_ins_b, "rep insb");
FORM(rep_ins_w, "rep insw");
FORM(rep_ins_l, "rep insl");
FORM(repnz_ins_b, "repnz insb");

static const struct {
	const char *name;
	form *run;
	const char *at, *behind;
} forms[] = {
#define ROW(name)                                     \
	{                                             \
#name, name, name##_at, name##_behind \
	}
	ROW(in_imm8),	ROW(in_al),	ROW(in_ax),	ROW(in_eax),
	ROW(ins_b),	ROW(ins_w),	ROW(ins_l),	ROW(ins_b_addr32),
	ROW(rep_ins_b), ROW(rep_ins_w), ROW(rep_ins_l), ROW(repnz_ins_b),
};

static char buffer[4 * PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned now; /* the form that is running */
static char *to;     /* ... and its rdi */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = &((struct ucontext *)context)->uc_mcontext;

	say("  signal %d code %d addr %p trap %lu err %lu rip+%lx eflags %lx\n", sig,
	    info->si_code, info->si_addr, (unsigned long)c->trapno, (unsigned long)c->err,
	    (unsigned long)c->rip - (unsigned long)forms[now].at,
	    (unsigned long)c->eflags & ~(RESUME_FLAG | 0x8d5));
	say("  rax %lx rcx %lx rdx %lx rdi+%lx\n", (unsigned long)c->rax,
	    (unsigned long)c->rcx, (unsigned long)c->rdx,
	    (unsigned long)c->rdi - (unsigned long)to);
	c->rip = (unsigned long)forms[now].behind;
}

/* With rdi there, and rcx for what repeats. */
static void try_all(char *at, unsigned long count)
{
	must_handle(SIGSEGV, on_signal, 0);
	to = at;
	for (now = 0; now < ARRAY_SIZE(forms); now++) {
		say("%s\n", forms[now].name);
		forms[now].run(to, 0x1122334455667788, MV_PORT_CALL, count);
	}
}

static void memory(void)
{
	memset(buffer, UNTOUCHED, sizeof(buffer));
	try_all(buffer, 1);
	try_all(buffer + PAGE_SIZE - 6, 2 * PAGE_SIZE);
	for (size_t i = 0; i < sizeof(buffer); i++)
		if (buffer[i] != UNTOUCHED)
			say("byte %lu is %x\n", i, (unsigned)buffer[i]);
}

static char *map_page(void)
{
	return must_map(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void read_only(void)
{
	try_all(map_page(), 100);
}

static void nothing(void)
{
	char *page = map_page();

	sys_munmap(page, PAGE_SIZE);
	try_all(page, 100);
}

static void not_canonical(void)
{
	try_all((char *)(1ul << 63), 100);
}

static void unhandled(void)
{
	in_imm8(buffer, 0, MV_PORT_CALL, 1);
}

static const struct way ways[] = {
	{ "memory", memory },	    { "read-only", read_only },
	{ "nothing", nothing },	    { "not-canonical", not_canonical },
	{ "unhandled", unhandled },
};

int main(int argc, char **argv)
{
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY");
}
