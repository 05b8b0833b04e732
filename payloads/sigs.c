/* SPDX-License-Identifier: MIT */
/*
 * sigs.c WAY [FILE]: handles signals in the way asked for and says what it saw, in numbers that are
 * the same wherever it runs: Linux's own answer is what a sandbox's must be.
 */
#include "payloads/ways.h"

#define noinline __attribute__((noinline))
#define BIT(sig) (1ul << ((sig)-1))
#define RESUME_FLAG 0x10000ul /* RF, which the CPU or its emulation may set in a frame */

/* linux/signal.h, which can't be included beside asm/signal.h. */
#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM (1u << 31)

typedef void handler(int sig, siginfo_t *info, void *context);

/* The accesses, with the place of each instruction known. */
void load_at(const void *addr);
void store_at(void *addr);
void jump_to(void *addr);
void divide(void);
void undefined(void);
void breakpoint(void);
void privileged(void);
void int_0(void);
void int_3(void);
void int_4(void);
void int_14(void);
void int_255(void);
void load_ds(void);
long leave(void);
long stay(long (*run)(void));
asm("load_at:	movb (%rdi), %al\n"
    "		ret\n"
    "store_at:	movb $1, (%rdi)\n"
    "		ret\n"
    "jump_to:	jmp *%rdi\n"
    "divide:	div %ecx\n"
    "		ret\n"
    "undefined:	ud2\n"
    "		ret\n"
    "breakpoint: int3\n"
    "		ret\n"
    "privileged: hlt\n"
    "		ret\n"
    "int_0:	.byte 0xcd, 0\n" /* as an assembler would have it but for 3 */
    "		ret\n"
    "int_3:	.byte 0xcd, 3\n"
    "		ret\n"
    "int_4:	.byte 0xcd, 4\n"
    "		ret\n"
    "int_14:	.byte 0xcd, 14\n"
    "		ret\n"
    "int_255:	.byte 0xcd, 255\n"
    "		ret\n"
    "load_ds:	mov $0x1234, %eax\n" /* of the LDT, which is none */
    "		mov %eax, %ds\n"
    "		ret\n"
    /* setjmp() and longjmp(): leave() makes stay() return 1, from whatever stack */
    "stay:	push %rbx\n"
    "		push %rbp\n"
    "		push %r12\n"
    "		push %r13\n"
    "		push %r14\n"
    "		push %r15\n"
    "		push stayed(%rip)\n"
    "		mov %rsp, stayed(%rip)\n"
    "		call *%rdi\n"
    "		xor %eax, %eax\n"
    "back:	pop stayed(%rip)\n"
    "		pop %r15\n"
    "		pop %r14\n"
    "		pop %r13\n"
    "		pop %r12\n"
    "		pop %rbp\n"
    "		pop %rbx\n"
    "		ret\n"
    "leave:	mov stayed(%rip), %rsp\n"
    "		mov $1, %eax\n"
    "		jmp back\n");

unsigned long stayed __attribute__((used, visibility("hidden")));

static char page[4 * PAGE_SIZE] __attribute__((aligned(4096)));
static char *base = page; /* what addresses are counted from */
static char alt[64 * KIB] __attribute__((aligned(64)));
static int depth;

static unsigned long rip_of(const struct sigcontext *c, void *from)
{
	return (unsigned long)c->rip - (unsigned long)from;
}

static struct sigcontext *registers(void *context)
{
	return &((struct ucontext *)context)->uc_mcontext;
}

/* What a frame says of an access; `from` is where rip should be near. */
static void show(int sig, siginfo_t *info, void *context, void *from)
{
	const struct ucontext *uc = context;
	const struct sigcontext *c = registers(context);
	/* without a stack it is what the parent had, from init's SS_DISABLE on: __save_altstack() */
	const int stack_flags = uc->uc_stack.ss_size ? uc->uc_stack.ss_flags : 0;

	say("signal %d errno %d code %d trap %lu err %lu rip+%lx cs %x ss %x\n", sig,
	    info->si_errno, info->si_code, (unsigned long)c->trapno, (unsigned long)c->err,
	    rip_of(c, from), c->cs, c->ss);
	say("uc_flags %lx link %p mask %lx oldmask %lx stack %d %lu eflags %lx\n",
	    uc->uc_flags, uc->uc_link, uc->uc_sigmask, (unsigned long)c->oldmask,
	    stack_flags, uc->uc_stack.ss_size,
	    (unsigned long)c->eflags & ~(RESUME_FLAG | 0x8d5));
	if (info->si_signo != sig)
		say("si_signo %d\n", info->si_signo);
}

static void show_address(siginfo_t *info, void *context)
{
	say("si_addr+%lx cr2+%lx\n", (unsigned long)info->si_addr - (unsigned long)base,
	    (unsigned long)registers(context)->cr2 - (unsigned long)base);
}

static char *map_pages(size_t n, int prot)
{
	return must_map(NULL, n * PAGE_SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static char *map_nothing(void)
{
	char *p = map_pages(16, PROT_READ);

	sys_munmap(p, 16 * PAGE_SIZE);
	return p;
}

/* ---- faults: what is said of each */

static void *faulting;

/* Goes back to the caller of the function that faulted. */
static void step_out(void *context)
{
	struct sigcontext *c = registers(context);

	c->rip = *(unsigned long *)c->rsp;
	c->rsp += 8;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	show(sig, info, context, faulting);
	show_address(info, context);
	step_out(context);
}

static void fault_by(void (*access)(void *), char *addr)
{
	base = addr;
	faulting = access == jump_to ? addr : (void *)access;
	access(addr);
}

static void load(void *addr)
{
	load_at(addr);
}

static void fault_everyhow(char *addr)
{
	base = addr;
	faulting = (void *)load_at;
	load_at(addr + 5);
	faulting = (void *)store_at;
	store_at(addr + 6);
	faulting = addr;
	jump_to(addr + 7);
}

static void maperr(void)
{
	must_handle(SIGSEGV, on_fault, 0);
	fault_everyhow(map_nothing());
}

static void accerr(void)
{
	char *p = map_pages(1, PROT_READ);

	must_handle(SIGSEGV, on_fault, 0);
	fault_everyhow(map_pages(1, PROT_NONE));
	(void)*(volatile char *)p;
	fault_by(store_at, p);
	fault_by(jump_to, p);
}

static void kernel_half(void)
{
	must_handle(SIGSEGV, on_fault, 0);
	fault_everyhow((char *)0xffffffff80000000);
	fault_everyhow((char *)0xffff800000000000);
}

static void bus(const char *file)
{
	size_t size;
	int fd = must_open(file, O_RDWR, &size);
	char *p = must_map(NULL, PAGE_ALIGN(size) + PAGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd);

	must_handle(SIGBUS, on_fault, 0);
	base = p + PAGE_ALIGN(size);
	faulting = (void *)load_at;
	load_at(base + 9);
	faulting = (void *)store_at;
	store_at(base + 10);
}

static void on_exception(int sig, siginfo_t *info, void *context)
{
	show(sig, info, context, faulting);
	say("si_addr+%lx\n",
	    info->si_addr ? (unsigned long)info->si_addr - (unsigned long)faulting : 0xfff);
	if (sig != SIGTRAP && faulting)
		step_out(context);
}

static void exceptions(void)
{
	static void (*const all[])(void) = { divide,  undefined, breakpoint, privileged,
					     int_0,   int_3,	 int_4,	     int_14,
					     int_255, load_ds };

	must_handle(SIGFPE, on_exception, 0);
	must_handle(SIGILL, on_exception, 0);
	must_handle(SIGTRAP, on_exception, 0);
	must_handle(SIGSEGV, on_exception, 0);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		faulting = (void *)all[i];
		asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; call *%0"
			     :
			     : "r"(all[i])
			     : "rax", "rcx", "rdx", "memory");
	}
}

/* ---- going on */

static void on_repair(int sig, siginfo_t *info, void *context)
{
	char *at = (char *)((unsigned long)info->si_addr & -PAGE_SIZE);

	show(sig, info, context, faulting);
	if (info->si_code == SEGV_ACCERR)
		sys_mprotect(at, PAGE_SIZE, PROT_READ | PROT_WRITE);
	else
		must_map(at, PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
}

static void repair(void)
{
	char *p = map_pages(3, PROT_NONE);

	sys_munmap(p + PAGE_SIZE, PAGE_SIZE);
	must_handle(SIGSEGV, on_repair, 0);
	for (int i = 0; i < 2; i++) {
		faulting = (void *)store_at;
		store_at(p + i * PAGE_SIZE + 3);
		say("%d %d\n", p[i * PAGE_SIZE + 3], p[i * PAGE_SIZE + 4]);
	}
}

static void on_change(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = registers(context);
	__u64 *regs[] = { &c->r8,  &c->r9,  &c->r10, &c->r11, &c->r12,
			  &c->r13, &c->r14, &c->r15, &c->rdi, &c->rsi,
			  &c->rbp, &c->rbx, &c->rdx, &c->rax, &c->rcx };

	(void)info;
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		say("%lx ", (unsigned long)*regs[i]);
		*regs[i] = 0x1000 + i;
	}
	say("signal %d\n", sig);
	c->rip += 2;
	c->eflags ^= 0x8d5; /* all arithmetic flags */
}

static unsigned long regs_after[17] __attribute__((used));

/* Every register has a number of its own, an undefined instruction, and others afterwards. */
static void change(void)
{
	must_handle(SIGILL, on_change, 0);
	asm volatile("push %%rbp\n"
		     "mov $1, %%r8; mov $2, %%r9; mov $3, %%r10; mov $4, %%r11\n"
		     "mov $5, %%r12; mov $6, %%r13; mov $7, %%r14; mov $8, %%r15\n"
		     "mov $9, %%edi; mov $10, %%esi; mov $11, %%ebp; mov $12, %%ebx\n"
		     "mov $13, %%edx; mov $14, %%eax; mov $15, %%ecx\n"
		     "cmp %%eax, %%eax\n"
		     "ud2\n"
		     "mov %%r8, 0+regs_after(%%rip); mov %%r9, 8+regs_after(%%rip)\n"
		     "mov %%r10, 16+regs_after(%%rip); mov %%r11, 24+regs_after(%%rip)\n"
		     "mov %%r12, 32+regs_after(%%rip); mov %%r13, 40+regs_after(%%rip)\n"
		     "mov %%r14, 48+regs_after(%%rip); mov %%r15, 56+regs_after(%%rip)\n"
		     "mov %%rdi, 64+regs_after(%%rip); mov %%rsi, 72+regs_after(%%rip)\n"
		     "mov %%rbp, 80+regs_after(%%rip); mov %%rbx, 88+regs_after(%%rip)\n"
		     "mov %%rdx, 96+regs_after(%%rip); mov %%rax, 104+regs_after(%%rip)\n"
		     "mov %%rcx, 112+regs_after(%%rip)\n"
		     "pop %%rbp\n"
		     "pushf; pop 120+regs_after(%%rip)\n"
		     :
		     :
		     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
		       "r12", "r13", "r14", "r15", "memory", "cc");
	for (size_t i = 0; i < 16; i++)
		say("%lx ", regs_after[i]);
	say("\n");
}

static void on_nested(int sig, siginfo_t *info, void *context)
{
	show(sig, info, context, faulting);
	if (++depth < 4)
		load_at(base);
	say("back from %d\n", depth--);
	step_out(context);
}

static void nested(void)
{
	must_handle(SIGSEGV, on_nested, SA_NODEFER);
	fault_by(load, map_nothing());
}

static void blocked(void)
{
	must_handle(SIGSEGV, on_nested, 0);
	fault_by(load, map_nothing());
}

static void reset(void)
{
	struct sigaction now;

	must_handle(SIGSEGV, on_fault, SA_RESETHAND);
	faulting = (void *)load_at;
	base = map_nothing();
	load_at(base);
	sys_rt_sigaction(SIGSEGV, NULL, &now);
	say("handler %p flags %lx\n", (void *)now.sa_handler, now.sa_flags);
	load_at(base);
}

static void ignore(int sig)
{
	struct sigaction act = { .sa_handler = SIG_IGN };

	sys_rt_sigaction(sig, &act, NULL);
}

static void ignored(void)
{
	ignore(SIGSEGV);
	say("kill %ld\n", sys_kill(sys_getpid(), SIGSEGV));
	load_at(map_nothing());
}

static void no_restorer(void)
{
	struct sigaction act = { .sa_handler = (__sighandler_t)(uintptr_t)on_fault,
				 .sa_flags = SA_SIGINFO };

	say("sigaction %ld\n", sys_rt_sigaction(SIGUSR1, &act, NULL));
	sys_kill(sys_getpid(), SIGUSR1);
}

/* The frame of another signal can't be made: it is SIGSEGV then, which has a handler. */
static void no_restorer_but_segv(void)
{
	must_handle(SIGSEGV, on_exception, 0);
	no_restorer();
}

static void on_red_zone(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = registers(context);

	(void)info;
	say("signal %d fpstate %d from rsp, %lu of 64; frame %lu of 16\n", sig,
	    c->rsp - 128 - (unsigned long)c->fpstate < 2 * PAGE_SIZE,
	    (unsigned long)c->fpstate % 64, ((unsigned long)context - 8) % 16);
	c->rip += 2;
}

static void red_zone(void)
{
	unsigned long first, last;

	must_handle(SIGILL, on_red_zone, 0);
	asm volatile("movq $77, -8(%%rsp); movq $78, -128(%%rsp)\n"
		     "ud2\n"
		     "mov -8(%%rsp), %0; mov -128(%%rsp), %1\n"
		     : "=&r"(first), "=&r"(last)
		     :
		     : "memory");
	say("%lu %lu\n", first, last);
}

/* ---- the alternate stack */

static void say_altstack(const char *when)
{
	stack_t old;
	long err = sys_sigaltstack(NULL, &old);

	say("%s: %ld sp+%lx size %lu flags %x\n", when, err,
	    old.ss_sp ? (char *)old.ss_sp - alt : -1l, old.ss_size, old.ss_flags);
}

static long set_altstack(void *sp, size_t size, unsigned int flags)
{
	const stack_t new = { .ss_sp = sp, .ss_size = size, .ss_flags = (int)flags };

	return sys_sigaltstack(&new, NULL);
}

static noinline long overflow(void)
{
	volatile char frame[1024];

	frame[0] = 1;
	if (frame[0])
		overflow();
	frame[0] = 0;
	return 0;
}

static void on_overflow(int sig, siginfo_t *info, void *context)
{
	const char *here = __builtin_frame_address(0);

	say("signal %d code %d on it %d, stack %x\n", sig, info->si_code,
	    here > alt && here < alt + sizeof(alt),
	    ((struct ucontext *)context)->uc_stack.ss_flags);
	say_altstack("handler");
	say("again %ld\n", set_altstack(alt, sizeof(alt), 0));
	leave();
}

static void altstack(void)
{
	sigset_t set = BIT(SIGSEGV), old;

	say_altstack("at first");
	say("set %ld\n", set_altstack(alt, sizeof(alt), 0));
	must_handle(SIGSEGV, on_overflow, SA_ONSTACK);
	for (int i = 0; i < 2; i++) {
		say("left %ld\n", stay(overflow));
		say_altstack("left");
		sys_rt_sigprocmask(SIG_UNBLOCK, &set, &old);
		say("mask %lx\n", old);
	}
	must_handle(SIGSEGV, on_overflow, 0);
	stay(overflow);
}

static void on_disarm(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	say("signal %d\n", sig);
	say_altstack("handler");
	say("again %ld\n", set_altstack(alt, 4096, 0));
}

static void autodisarm(void)
{
	say("set %ld\n", set_altstack(alt, sizeof(alt), SS_AUTODISARM));
	say_altstack("set");
	must_handle(SIGUSR1, on_disarm, SA_ONSTACK);
	sys_kill(sys_getpid(), SIGUSR1);
	say_altstack("after");
}

static void on_deeper(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	undefined();
}

/* A second frame has no room: SIGILL becomes SIGSEGV, and that can't be handled there either. */
static void small_altstack(void)
{
	say("set %ld\n", set_altstack(alt + sizeof(alt) / 2, 2048, 0));
	must_handle(SIGILL, on_deeper, SA_ONSTACK | SA_NODEFER);
	must_handle(SIGSEGV, on_deeper, SA_ONSTACK | SA_NODEFER);
	undefined();
}

static void altstack_errors(void)
{
	say("%ld ", set_altstack(alt, 2047, 0));
	say("%ld ", set_altstack(alt, 4096, 3));
	say("%ld ", set_altstack(alt, 4096, SS_ONSTACK));
	say_altstack("onstack");
	say("%ld ", set_altstack(alt, 1, SS_DISABLE));
	say_altstack("disabled");
	say("%ld ", sys_sigaltstack((void *)map_nothing(), NULL));
	say("%ld\n", sys_sigaltstack(NULL, (void *)map_nothing()));
}

/* ---- floating point */

static unsigned char vectors[2][16 * 32] __attribute__((aligned(64), used));
static struct {
	unsigned int mxcsr;
	unsigned short fcw;
} control[2] __attribute__((used));

static bool has_avx(void)
{
	unsigned int a = 1, b, c = 0, d, lo, hi;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (!(c & 1u << 27) || !(c & 1u << 28))
		return false;
	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (lo & 6) == 6;
}

static void on_vectors(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = registers(context);
	struct _fpstate *f = c->fpstate;
	const struct _fpx_sw_bytes *sw = &f->sw_reserved;
	const char *end = (const char *)f + sw->xstate_size;
	const unsigned long *header = (const unsigned long *)((const char *)f + 512);
	unsigned int xmm3[4], mxcsr;
	unsigned short fcw;

	(void)info;
	asm volatile("movups %%xmm3, %0; stmxcsr %1; fnstcw %2"
		     : "=m"(xmm3), "=m"(mxcsr), "=m"(fcw));
	say("signal %d: here mxcsr %x cw %x xmm3 %x; there mxcsr %x cw %x mask %x xmm3 %x\n",
	    sig, mxcsr, fcw, xmm3[0] | xmm3[3], f->mxcsr, f->cwd, f->mxcsr_mask,
	    f->xmm_space[12]);
	say("magic %x %x, sizes %d %d, xfeatures %lx, header %lx %lx\n", sw->magic1,
	    *(const unsigned int *)end, sw->extended_size == sw->xstate_size + 4,
	    sw->xstate_size >= 576, (unsigned long)sw->xfeatures & 7, header[0] & 3,
	    header[1]);
	f->xmm_space[4] = 0x12345678;
	f->mxcsr ^= 0x2000;
	f->cwd = 0x77f;
	asm volatile("pxor %%xmm0, %%xmm0; pcmpeqd %%xmm15, %%xmm15" : : : "memory");
	c->rip += 2;
}

#define EACH(op)                                                                         \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) \
		op(13) op(14) op(15)
#define LOAD_AVX(n) "vmovdqu " #n "*32+vectors(%%rip), %%ymm" #n "\n"
#define SAVE_AVX(n) "vmovdqu %%ymm" #n ", 512+" #n "*32+vectors(%%rip)\n"
#define LOAD_SSE(n) "movdqu " #n "*32+vectors(%%rip), %%xmm" #n "\n"
#define SAVE_SSE(n) "movdqu %%xmm" #n ", 512+" #n "*32+vectors(%%rip)\n"
#define CONTROLS "ldmxcsr control(%%rip); fldcw 4+control(%%rip)\n"
#define AFTERWARDS "stmxcsr 8+control(%%rip); fnstcw 12+control(%%rip)\n"

/* Registers and control words keep what they had, but for what the handler put in its frame. */
static void keep_vectors(bool avx)
{
	unsigned long differ = 0;

	must_handle(SIGILL, on_vectors, 0);
	for (size_t i = 0; i < sizeof(vectors[0]); i++)
		vectors[0][i] = (unsigned char)(i * 7 + 1);
	control[0].mxcsr = 0x5f80;
	control[0].fcw = 0xf7f;
	if (avx)
		asm volatile(CONTROLS EACH(LOAD_AVX) "ud2\n" EACH(SAVE_AVX) AFTERWARDS
			     "vzeroupper"
			     :
			     :
			     : "memory");
	else
		asm volatile(CONTROLS EACH(LOAD_SSE) "ud2\n" EACH(SAVE_SSE) AFTERWARDS
			     :
			     :
			     : "memory");
	for (size_t i = 0; i < sizeof(vectors[0]); i++)
		if ((avx || i % 32 < 16) && vectors[0][i] != vectors[1][i])
			differ = differ * 1000 + i;
	say("avx %d differ %lu mxcsr %x cw %x\n", avx, differ, control[1].mxcsr,
	    control[1].fcw);
}

static void vector(void)
{
	keep_vectors(has_avx());
}

/* ... those alone that every CPU of this architecture has. */
static void vector_sse(void)
{
	keep_vectors(false);
}

static void on_fpe(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = registers(context);
	struct _fpstate *f = c->fpstate;

	say("signal %d code %d trap %lu err %lu\n", sig, info->si_code,
	    (unsigned long)c->trapno, (unsigned long)c->err);
	f->mxcsr = 0x1f80;
	f->cwd = 0x37f;
	f->swd = 0;
}

/* Unmasked division by zero, with SSE and with x87. */
static void float_errors(void)
{
	const float zero = 0, one = 1;
	const unsigned int mxcsr = 0x1d80;
	const unsigned short cw = 0x37b;

	must_handle(SIGFPE, on_fpe, 0);
	asm volatile("ldmxcsr %2; movss %1, %%xmm0; divss %0, %%xmm0"
		     :
		     : "m"(zero), "m"(one), "m"(mxcsr)
		     : "memory");
	say("sse done\n");
	asm volatile("fldcw %0; fld1; fldz; fdivrp; fwait; fninit" : : "m"(cw) : "memory");
	say("x87 done\n");
}

/* ---- sending to itself */

static void on_sent(int sig, siginfo_t *info, void *context)
{
	(void)context;
	say("signal %d code %d pid %d errno %d uid %d\n", sig, info->si_code,
	    info->si_pid == sys_getpid(), info->si_errno, info->si_uid);
}

static void say_pending(void)
{
	sigset_t set = 0;
	long err = sys_rt_sigpending(&set);

	say("pending %ld %lx\n", err, set);
}

static void sent(void)
{
	const sigset_t set = BIT(SIGUSR1) | BIT(SIGUSR2) | BIT(SIGBUS) | BIT(40) |
			     BIT(SIGHUP);
	int pid = (int)sys_getpid();

	for (int sig = 1; sig <= 64; sig++)
		if (set & BIT(sig))
			must_handle(sig, on_sent, 0);
	say("kill %ld\n", sys_kill(pid, SIGUSR1));
	say("block %ld\n", sys_rt_sigprocmask(SIG_BLOCK, &set, NULL));
	for (int i = 0; i < 3; i++) {
		sys_kill(0, SIGUSR1);
		sys_kill(pid, 40);
		sys_tgkill(pid, pid, SIGUSR2);
	}
	sys_tgkill(pid, pid, 40);
	sys_kill(pid, SIGBUS);
	sys_kill(pid, SIGHUP);
	say_pending();
	say("unblock %ld\n", sys_rt_sigprocmask(SIG_UNBLOCK, &set, NULL));
	say_pending();
}

static void on_mask(int sig, siginfo_t *info, void *context)
{
	(void)info;
	say("signal %d mask %lx\n", sig, ((struct ucontext *)context)->uc_sigmask);
	if (sig == SIGUSR1) {
		sys_kill(sys_getpid(), SIGUSR1);
		sys_kill(sys_getpid(), SIGUSR2);
		say_pending();
		must_handle(SIGUSR1, on_sent, 0);
	}
	say("returns\n");
}

/* What a handler blocks comes when it returns. */
static void masked(void)
{
	struct sigaction act = { .sa_handler = (__sighandler_t)(uintptr_t)on_mask,
				 .sa_flags = SA_SIGINFO | SA_RESTORER,
				 .sa_restorer = restore_rt,
				 .sa_mask = BIT(SIGUSR2) | BIT(SIGKILL) };
	sigset_t old;

	sys_rt_sigaction(SIGUSR1, &act, NULL);
	must_handle(SIGUSR2, on_mask, 0);
	sys_kill(sys_getpid(), SIGUSR1);
	sys_rt_sigprocmask(SIG_BLOCK, NULL, &old);
	say("mask %lx\n", old);
	sys_rt_sigaction(SIGUSR1, NULL, &act);
	say("flags %lx mask %lx\n", act.sa_flags, act.sa_mask);
}

/* Pending signals are forgotten when they become ignored; some are by default. */
static void forgotten(void)
{
	const sigset_t set = BIT(SIGUSR1) | BIT(SIGCHLD);

	sys_rt_sigprocmask(SIG_SETMASK, &set, NULL);
	sys_kill(sys_getpid(), SIGUSR1);
	sys_kill(sys_getpid(), SIGCHLD);
	sys_kill(sys_getpid(), SIGWINCH);
	say_pending();
	ignore(SIGUSR1);
	say_pending();
	say("%ld\n", sys_rt_sigprocmask(SIG_UNBLOCK, &set, NULL));
	say_pending();
}

static void killed(void)
{
	const sigset_t set = ~0ul;

	sys_rt_sigprocmask(SIG_SETMASK, &set, NULL);
	sys_kill(sys_getpid(), SIGTERM);
	say_pending();
	sys_kill(sys_getpid(), SIGKILL);
	say("not reached\n");
}

static void terminated(void)
{
	sys_kill(sys_getpid(), SIGTERM);
	say("not reached\n");
}

/* A fault that is handled, and an exception without an address that isn't. */
static void unaligned(void)
{
	must_handle(SIGSEGV, on_fault, 0);
	fault_by(jump_to, map_nothing());
	asm volatile("pushf\n"
		     "orl $0x40000, (%%rsp)\n" /* AC */
		     "popf\n"
		     "movl 1(%0), %%eax\n"
		     :
		     : "r"(map_pages(1, PROT_READ))
		     : "rax", "memory", "cc");
	say("not reached\n");
}

static void send_errors(void)
{
	int pid = (int)sys_getpid();

	say("%ld %ld %ld %ld\n", sys_kill(pid, 0), sys_kill(pid, 65), sys_kill(pid, -1),
	    sys_kill((int)0x80000000, 0));
	say("%ld %ld %ld\n", sys_kill(0x3fffffff, 0), sys_kill(0x3fffffff, 99),
	    sys_kill(-0x3fffffff, 99));
	say("%ld %ld %ld %ld\n", sys_tgkill(pid, pid, 0), sys_tgkill(pid, 0, 0),
	    sys_tgkill(-1, pid, 0), sys_tgkill(pid, pid, 65));
	say("%ld %ld %ld\n", sys_tgkill(pid, 0x3fffffff, 65), sys3(__NR_tkill, pid, 0, 0),
	    sys3(__NR_tkill, 0, 0, 0));
}

static void action_errors(void)
{
	struct sigaction act = { .sa_handler = SIG_IGN, .sa_flags = ~0ul, .sa_mask = ~0ul },
			 old;
	sigset_t set;
	void *nothing = map_nothing();

	say("%ld ", sys4(__NR_rt_sigaction, SIGUSR1, (long)&act, 0, 4));
	say("%ld %ld ", sys_rt_sigaction(0, &act, NULL), sys_rt_sigaction(65, NULL, &old));
	say("%ld %ld ", sys_rt_sigaction(SIGKILL, &act, NULL),
	    sys_rt_sigaction(SIGSTOP, NULL, &old));
	say("%ld %ld\n", sys_rt_sigaction(SIGUSR1, nothing, NULL),
	    sys_rt_sigaction(SIGUSR1, NULL, nothing));
	say("%ld ", sys_rt_sigaction(SIGUSR1, &act, NULL));
	sys_rt_sigaction(SIGUSR1, NULL, &old);
	say("flags %lx mask %lx\n", old.sa_flags, old.sa_mask);
	set = 0;
	say("%ld %ld ", sys4(__NR_rt_sigprocmask, 0, 0, 0, 4),
	    sys_rt_sigprocmask(3, &set, NULL));
	say("%ld %ld ", sys_rt_sigprocmask(3, NULL, &set),
	    sys_rt_sigprocmask(0, nothing, NULL));
	say("%ld ", sys_rt_sigprocmask(0, NULL, nothing));
	set = ~0ul;
	sys_rt_sigprocmask(SIG_SETMASK, &set, NULL);
	sys_rt_sigprocmask(SIG_SETMASK, NULL, &set);
	say("mask %lx; %ld %ld\n", set, sys3(__NR_rt_sigpending, (long)&set, 9, 0),
	    sys3(__NR_rt_sigpending, (long)nothing, 8, 0));
}

/* ---- frames that no kernel made */

static void on_bad_frame(int sig, siginfo_t *info, void *context)
{
	unsigned int mxcsr;

	asm volatile("stmxcsr %0" : "=m"(mxcsr));
	say("signal %d code %d addr %p trap %lu err %lu ip %d\n", sig, info->si_code,
	    info->si_addr, (unsigned long)registers(context)->trapno,
	    (unsigned long)registers(context)->err,
	    registers(context)->rip == 0x8000000000000000);
	say("mxcsr %x\n", mxcsr);
	sys_exit_group(0);
}

static int spoil;

/* Each spoils the frame another way. */
static void on_spoil(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = registers(context);
	struct _fpstate *f = c->fpstate;
	unsigned long *header = (unsigned long *)((char *)f + 512);

	(void)sig;
	(void)info;
	f->mxcsr = 0x3f80;
	f->xmm_space[0] = 0x1234;
	switch (spoil) {
	case 0: /* as it is */
		break;
	case 1:
		c->rip = 0x8000000000000000;
		break;
	case 2:
		f->mxcsr = 0xffff0000;
		break;
	case 3:
		header[0] |= 1ul << 62;
		break;
	case 4:
		header[1] = 1ul << 63;
		break;
	case 5:
		header[2] = 1;
		break;
	case 6:
		header[5] = 1; /* nobody looks there */
		break;
	case 7:
		f->sw_reserved.magic1 = 0;
		break;
	case 8:
		*(unsigned int *)((char *)f + f->sw_reserved.xstate_size) = 0;
		break;
	case 9:
		f->sw_reserved.xfeatures = ~0ul;
		break;
	case 10:
		f->sw_reserved.xfeatures = 0;
		break;
	case 11:
		f->sw_reserved.xfeatures = 1;
		break;
	case 12:
		header[0] = 0;
		break;
	case 13:
		c->fpstate = NULL;
		break;
	case 14:
		c->fpstate = (void *)((char *)f + 8);
		break;
	case 15:
		c->fpstate = (void *)((char *)f + 16);
		break;
	case 16:
		c->fpstate = (void *)map_nothing();
		break;
	case 17:
		c->fpstate = (void *)0xffffffff80000000;
		break;
	case 18:
		c->eflags |= 0x3200 | 1ul << 17 | 1ul << 63 | 1ul << 21 | 1ul << 14;
		break;
	case 19:
		((struct ucontext *)context)->uc_stack.ss_flags = 77;
		break;
	case 20:
		((struct ucontext *)context)->uc_sigmask = ~0ul;
		break;
	case 21:
		c->rip = 0xffffffff80000000;
		break;
	case 22:
		c->rsp = 0x8000000000000000;
		c->rip = (unsigned long)undefined;
		break;
	case 24: /* one instruction, and SIGTRAP */
		c->eflags |= 0x100;
		break;
	case 23: /* an fpstate that begins in nothing's neighbour */
		c->fpstate = (void *)(map_pages(1, PROT_READ) + PAGE_SIZE - 512);
		break;
	}
}

static void spoilt(const char *n, bool handled)
{
	unsigned int xmm0[4], mxcsr;
	unsigned long flags;
	sigset_t mask;

	spoil = (int)parse_size(n);
	must_handle(SIGUSR1, on_spoil, 0);
	if (handled)
		must_handle(SIGSEGV, on_bad_frame, SA_ONSTACK);
	set_altstack(alt, sizeof(alt), 0);
	sys_kill(sys_getpid(), SIGUSR1);
	asm volatile("movups %%xmm0, %0; stmxcsr %1; pushf; pop %2"
		     : "=m"(xmm0), "=m"(mxcsr), "=r"(flags));
	sys_rt_sigprocmask(0, NULL, &mask);
	say("survived: xmm0 %x mxcsr %x flags %lx mask %lx\n", xmm0[0], mxcsr,
	    flags & ~0x8d5ul, mask);
	say_altstack("stack");
}

static _Noreturn void sigreturn_at(void *sp)
{
	asm volatile("mov %0, %%rsp; mov $15, %%eax; syscall; ud2" : : "r"(sp));
	__builtin_unreachable();
}

static void frame_of(int byte)
{
	memset(page, byte, sizeof(page));
	sigreturn_at(page + 1024);
}

static void bad_frame(const char *which)
{
	set_altstack(alt, sizeof(alt), 0);
	must_handle(SIGSEGV, on_bad_frame, SA_ONSTACK);
	if (!strcmp(which, "ones"))
		frame_of(0xff);
	if (!strcmp(which, "zeros"))
		frame_of(0);
	if (!strcmp(which, "nothing"))
		sigreturn_at(map_nothing());
	if (!strcmp(which, "kernel"))
		sigreturn_at((void *)0xffffffff80000000);
	if (!strcmp(which, "edge"))
		sigreturn_at(map_pages(1, PROT_READ) + PAGE_SIZE - 100);
	usage("frame ones|zeros|nothing|kernel|edge");
}

static void bad_handler(void)
{
	must_handle(SIGSEGV, on_bad_frame, 0);
	must_handle(SIGUSR1, (handler *)0x8000000000000000, 0);
	sys_kill(sys_getpid(), SIGUSR1);
}

/* Every frame leads to the next one, until the stack is used up. */
static void bad_segv_handler(void)
{
	must_handle(SIGSEGV, (handler *)0x8000000000000000, SA_NODEFER);
	load_at(map_nothing());
}

/* What a test reads: fd 1 is nothing to write to then. */
volatile long pipe_ignored, pipe_handled, pipe_signals;

static void on_pipe(int sig, siginfo_t *info, void *context)
{
	(void)context;
	pipe_signals += sig == SIGPIPE && info->si_code == 0;
}

/* A write that nobody reads. */
static void broken_pipe(void)
{
	ignore(SIGPIPE);
	pipe_ignored = sys_write(1, page, 1);
	must_handle(SIGPIPE, on_pipe, SA_RESETHAND);
	pipe_handled = sys_write(1, page, 1);
	sys_write(1, page, 1);
}

/* ---- frames at random: only the payload itself may end by them */

static unsigned long seed;

static unsigned long pick(unsigned long n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 33) % n;
}

static unsigned char frame[4 * KIB] __attribute__((aligned(64)));

/* The frame as the kernel made it, floating-point state and all, for many to be made from. */
static void on_copy(int sig, siginfo_t *info, void *context)
{
	struct sigcontext *c = registers(context);

	(void)sig;
	(void)info;
	memcpy(frame, (char *)context - 8, 440);
	memcpy(frame + 512, c->fpstate, sizeof(frame) - 1024);
}

static long random_return(void)
{
	static unsigned char copy[sizeof(frame)] __attribute__((aligned(64)));
	struct ucontext *uc = (struct ucontext *)(copy + 8);
	struct sigcontext *c = &uc->uc_mcontext;

	memcpy(copy, frame, sizeof(copy));
	c->fpstate = (void *)(copy + 512);
	c->rip = (unsigned long)undefined;
	for (unsigned long n = pick(6); n--;) {
		/* behind rip: flags and segments, the headers of the state, all of it */
		unsigned long at = pick(2) ? 184 + pick(40)
					   : 512 + pick(pick(2) ? 600 : 1200);

		copy[at] = (unsigned char)(pick(3) ? seed >> 56 : 0xff);
	}
	uc->uc_sigmask = 0;
	sigreturn_at(copy + 8);
}

static void on_any(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	leave();
}

static void fuzz_frames(const char *n)
{
	seed = parse_size(n);
	set_altstack(alt, sizeof(alt), 0);
	must_handle(SIGUSR1, on_copy, 0);
	sys_kill(sys_getpid(), SIGUSR1);
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			must_handle(sig, on_any, SA_ONSTACK | SA_NODEFER);
	for (int i = 0; i < 2000; i++)
		stay(random_return);
	say("still here\n");
}

/* Calls by `out`, which Linux doesn't have: a frame in the middle, and a return by it. */
static void by_out(void)
{
	must_handle(SIGUSR1, on_sent, 0);
	for (int i = 0; i < 2; i++)
		say("kill %ld\n", mv_call(__NR_kill, sys_getpid(), SIGUSR1, 0, 0, 0, 0));
}

static const struct way ways[] = {
	{ "maperr", maperr },
	{ "accerr", accerr },
	{ "kernel-half", kernel_half },
	{ "exceptions", exceptions },
	{ "repair", repair },
	{ "change", change },
	{ "nested", nested },
	{ "blocked", blocked },
	{ "reset", reset },
	{ "ignored", ignored },
	{ "no-restorer", no_restorer },
	{ "no-restorer-but-segv", no_restorer_but_segv },
	{ "red-zone", red_zone },
	{ "altstack", altstack },
	{ "autodisarm", autodisarm },
	{ "small-altstack", small_altstack },
	{ "altstack-errors", altstack_errors },
	{ "vector", vector },
	{ "vector-sse", vector_sse },
	{ "float-errors", float_errors },
	{ "sent", sent },
	{ "masked", masked },
	{ "forgotten", forgotten },
	{ "killed", killed },
	{ "terminated", terminated },
	{ "unaligned", unaligned },
	{ "send-errors", send_errors },
	{ "action-errors", action_errors },
	{ "bad-handler", bad_handler },
	{ "bad-segv-handler", bad_segv_handler },
	{ "broken-pipe", broken_pipe },
	{ "by-out", by_out },
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "bus")) {
		bus(argv[2]);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "fuzz")) {
		fuzz_frames(argv[2]);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "frame"))
		bad_frame(argv[2]);
	if (argc == 3 && (!strcmp(argv[1], "spoil") || !strcmp(argv[1], "spoil-handled"))) {
		spoilt(argv[2], argv[1][5] != '\0');
		return 0;
	}
	if (argc == 2 && run_way(ways, ARRAY_SIZE(ways), argv[1]))
		return 0;
	usage("WAY [FILE]");
}
