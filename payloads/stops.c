/* SPDX-License-Identifier: MIT */
/*
 * stops.c: what a debugger's stop is hardest on, each instruction at a label of its own; says what each
 * did, so that a run with stops can be compared with one without, and with Linux.
 */
#include "guest/rt.h"

#define TF 0x100ul
#define CODE_AT 0x30000000ul
#define OTHER_AT 0x40000000ul
#define TEXT(x) #x
#define PORT_TEXT(x) TEXT(x)

asm(".text\n"
    ".globl push_flags, at_pushf\n"
    "push_flags:\n"
    "at_pushf:	pushfq\n"
    "	pop	%rax\n"
    "	ret\n"

    ".globl trap_itself, at_popf, at_nop\n"
    "trap_itself:\n"
    "	pushfq\n"
    "	orl	$0x100, (%rsp)\n"
    "at_popf:	popfq\n"
    "at_nop:	nop\n"
    "	nop\n"
    "	ret\n"

    ".globl call_r11, at_syscall\n"
    "call_r11:\n"
    "	mov	$39, %eax\n" /* getpid */
    "at_syscall:	syscall\n"
    "	mov	%r11, %rax\n"
    "	ret\n"

    ".globl copy_bytes, at_rep\n"
    "copy_bytes:\n"
    "	mov	%rdx, %rcx\n"
    "at_rep:	rep movsb\n"
    "	ret\n"

    ".globl break_itself, at_int3\n"
    "break_itself:\n"
    "at_int3:	int3\n"
    "	ret\n"

    ".globl count_down, at_loop, at_self\n"
    "count_down:\n"
    "	xor	%eax, %eax\n"
    "	mov	$5, %ecx\n"
    "at_loop:	inc	%eax\n"
    "	dec	%ecx\n"
    "	jnz	at_loop\n"
    "	mov	$4, %ecx\n"
    "at_self:	loop	at_self\n"
    "	ret\n"

    ".globl store, at_store\n"
    "store:\n"
    "at_store:	movb	$7, (%rdi)\n"
    "	ret\n"

    ".globl undefined, at_ud2\n"
    "undefined:\n"
    "at_ud2:	ud2\n"
    "	ret\n"

    ".globl call_out, at_out\n"
    "call_out:\n"
    "	mov	$39, %eax\n"
    "at_out:	out	%al, $" PORT_TEXT(MV_PORT_CALL) "\n"
							"	pushfq\n"
							"	pop	%rax\n"
							"	ret\n");

extern char at_pushf[], at_int3[], at_nop[] __attribute__((visibility("hidden")));
unsigned long push_flags(void), call_r11(void), count_down(void), call_out(void);
void trap_itself(void), break_itself(void), undefined(void), store(char *p);
void copy_bytes(char *to, const char *from, unsigned long len);

static int traps, faults;
static long trapped_behind_int3, trapped_behind_nop;

void on_trap(int sig, siginfo_t *info, void *context);
void on_trap(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = (void *)&((struct ucontext *)context)->uc_mcontext;

	(void)sig;
	(void)info;
	traps++;
	if (c->eflags & TF)
		trapped_behind_nop = (long)c->rip - (long)at_nop;
	else
		trapped_behind_int3 = (long)c->rip - (long)at_int3;
	c->eflags &= ~TF;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = (void *)&((struct ucontext *)context)->uc_mcontext;

	faults++;
	say("signal %d, TF %lu\n", sig, (unsigned long)c->eflags & TF);
	if (sig == SIGILL)
		c->rip += 2;
	else
		sys_mprotect(info->si_addr, PAGE_SIZE, PROT_READ | PROT_WRITE);
}

/* A function that returns 42. */
static const char code[] = { '\xb8', 42, 0, 0, 0, '\xc3' };

static int call(void *at)
{
	return ((int (*)(void))at)();
}

/* The code is in a file: mapped shared and written, or twice, private. */
static int call_file(const char *path, bool shared)
{
	const int rx = PROT_READ | PROT_EXEC;
	int fd = must_open(path, shared ? O_RDWR : O_RDONLY, NULL);
	char *a, *b;

	if (shared) {
		a = must_map((void *)CODE_AT, PAGE_SIZE, rx | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, fd);
		memcpy(a, code, sizeof(code));
		return call(a);
	}
	a = must_map((void *)CODE_AT, PAGE_SIZE, rx, MAP_PRIVATE | MAP_FIXED, fd);
	b = must_map((void *)OTHER_AT, PAGE_SIZE, rx, MAP_PRIVATE | MAP_FIXED, fd);
	return call(b) + call(a) + call(b);
}

/* The code is in anonymous memory, and changes under the stop. */
static int call_changing(void)
{
	char *a = must_map((void *)CODE_AT, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
	int sum;

	memcpy(a, code, sizeof(code));
	sys_getpid(); /* whoever sets stops sees it */
	sum = call(a);
	a[1] = 43;
	sum += call(a);
	sys_munmap(a, PAGE_SIZE);
	must_map(a, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
	memcpy(a, code, sizeof(code));
	sys_getpid();
	return sum + call(a);
}

static int other(int argc, char **argv)
{
	if (!strcmp(argv[1], "out"))
		say("out: TF %lu\n", call_out() & TF);
	else if (!strcmp(argv[1], "forever"))
		for (;;)
			push_flags();
	else if (!strcmp(argv[1], "show"))
		return sys_write(1, at_pushf, 8) != 8;
	else if (!strcmp(argv[1], "changing"))
		return call_changing();
	else if (argc > 2)
		return call_file(argv[2], !strcmp(argv[1], "shared"));
	return 0;
}

int main(int argc, char **argv)
{
	char *page = must_map(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char copy[16] = "";

	if (argc > 1)
		return other(argc, argv);
	must_handle(SIGTRAP, on_trap, 0);
	must_handle(SIGSEGV, on_fault, 0);
	must_handle(SIGILL, on_fault, 0);
	say("pushf: TF %lu\n", push_flags() & TF);
	trap_itself();
	say("popf: %d traps, %ld behind nop\n", traps, trapped_behind_nop);
	say("syscall: TF in r11 %lu\n", call_r11() & TF);
	copy_bytes(copy, "ten bytes!", 11);
	say("rep movsb: %s\n", copy);
	break_itself();
	say("int3: %d traps, %ld behind int3\n", traps, trapped_behind_int3);
	say("loop: %lu\n", count_down());
	sys_mprotect(page, PAGE_SIZE, PROT_NONE);
	store(page);
	store(page + PAGE_SIZE);
	say("store: %d %d, %d faults\n", page[0], page[PAGE_SIZE], faults);
	undefined();
	say("ud2: %d faults\n", faults);
	return 0;
}
