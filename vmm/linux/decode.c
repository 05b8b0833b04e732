/* SPDX-License-Identifier: MIT */
/*
 * decode.c: calls as people read them. Words and layout are those of strace 6.1, so that both can be
 * compared line by line; but what an argument points to is shown only where the event
 * has it: paths, names, what is read and written.
 */
#include "vmm/linux/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/linux/flags.h"
#include "vmm/linux/numbers.h"
#include "vmm/linux/process.h"

/* Of data, so much is in an event: see vmm/vm/events.c. */
#define PREVIEW 32

/* What a parameter is, and so how it is shown. */
enum param {
	NONE,  /* behind the last one */
	INT,   /* of 32 bits, signed */
	UINT,  /* of 32 bits, unsigned */
	LONG,  /* of 64 bits, signed */
	SIZE,  /* of 64 bits, unsigned */
	HEX,   /* of 64 bits, in hexadecimal, 0 as 0 */
	PTR,   /* an address: NULL or in hexadecimal */
	DIRFD, /* AT_FDCWD or a number */
	PATH,  /* the event's text, whole */
	IN, /* data that the call reads: the event's text; the next parameter is its size */
	OUT,  /* data that the call wrote: the event's text; as many bytes as it returned */
	MODE, /* of a file, octal */
	SIG,  /* a signal's number */
	PROT,
	MAP,
	OPEN,
	ADVICE,
	SYNC,
	REMAP,
	LOCK2,
	LOCKALL,
	WHENCE,
	HOW,
	CLOCK,
	MEMFD,
	RANDOM,
	FCNTL,
};

/* A call's parameters, and what it returns. */
struct signature {
	bool known;   /* it is in the table */
	bool address; /* it returns one */
	uint8_t param[6];
};

#define P(...)                                          \
	{                                               \
		.known = true, .param = { __VA_ARGS__ } \
	}
#define A(...)                                                           \
	{                                                                \
		.known = true, .address = true, .param = { __VA_ARGS__ } \
	}

/* By number: the calls that are served, and those that C libraries make besides. */
static const struct signature table[] = {
	[__NR_accept] = P(INT, PTR, PTR),
	[__NR_accept4] = P(INT, PTR, PTR, HEX),
	[__NR_access] = P(PATH, INT),
	[__NR_alarm] = P(UINT),
	[__NR_arch_prctl] = P(HEX, HEX),
	[__NR_bind] = P(INT, PTR, UINT),
	[__NR_brk] = A(PTR),
	[__NR_capget] = P(PTR, PTR),
	[__NR_capset] = P(PTR, PTR),
	[__NR_chdir] = P(PATH),
	[__NR_chmod] = P(PATH, MODE),
	[__NR_chown] = P(PATH, INT, INT),
	[__NR_clock_getres] = P(CLOCK, PTR),
	[__NR_clock_gettime] = P(CLOCK, PTR),
	[__NR_clock_nanosleep] = P(CLOCK, HEX, PTR, PTR),
	[__NR_clock_settime] = P(CLOCK, PTR),
	[__NR_close] = P(INT),
	[__NR_close_range] = P(UINT, UINT, HEX),
	[__NR_connect] = P(INT, PTR, UINT),
	[__NR_copy_file_range] = P(INT, PTR, INT, PTR, SIZE, HEX),
	[__NR_creat] = P(PATH, MODE),
	[__NR_dup] = P(INT),
	[__NR_dup2] = P(INT, INT),
	[__NR_dup3] = P(INT, INT, HEX),
	[__NR_eventfd] = P(UINT),
	[__NR_eventfd2] = P(UINT, HEX),
	[__NR_exit] = P(INT),
	[__NR_exit_group] = P(INT),
	[__NR_faccessat] = P(DIRFD, PATH, INT),
	[__NR_faccessat2] = P(DIRFD, PATH, INT, HEX),
	[__NR_fadvise64] = P(INT, LONG, LONG, INT),
	[__NR_fallocate] = P(INT, HEX, LONG, LONG),
	[__NR_fchdir] = P(INT),
	[__NR_fchmod] = P(INT, MODE),
	[__NR_fchmodat] = P(DIRFD, PATH, MODE),
	[__NR_fchmodat2] = P(DIRFD, PATH, MODE, HEX),
	[__NR_fchown] = P(INT, INT, INT),
	[__NR_fchownat] = P(DIRFD, PATH, INT, INT, HEX),
	[__NR_fcntl] = P(INT, FCNTL, HEX),
	[__NR_fdatasync] = P(INT),
	[__NR_fgetxattr] = P(INT, PTR, PTR, SIZE),
	[__NR_flistxattr] = P(INT, PTR, SIZE),
	[__NR_flock] = P(INT, HEX),
	[__NR_fork] = P(NONE),
	[__NR_fremovexattr] = P(INT, PTR),
	[__NR_fsetxattr] = P(INT, PTR, PTR, SIZE, HEX),
	[__NR_fstat] = P(INT, PTR),
	[__NR_fstatfs] = P(INT, PTR),
	[__NR_fsync] = P(INT),
	[__NR_ftruncate] = P(INT, LONG),
	[__NR_futex] = P(PTR, HEX, UINT, PTR, PTR, UINT),
	[__NR_futimesat] = P(DIRFD, PATH, PTR),
	[__NR_getcpu] = P(PTR, PTR, PTR),
	[__NR_getcwd] = P(PTR, SIZE),
	[__NR_getdents64] = P(INT, PTR, UINT),
	[__NR_getegid] = P(NONE),
	[__NR_geteuid] = P(NONE),
	[__NR_getgid] = P(NONE),
	[__NR_getgroups] = P(INT, PTR),
	[__NR_getitimer] = P(INT, PTR),
	[__NR_getpeername] = P(INT, PTR, PTR),
	[__NR_getpgid] = P(INT),
	[__NR_getpgrp] = P(NONE),
	[__NR_getpid] = P(NONE),
	[__NR_getppid] = P(NONE),
	[__NR_get_robust_list] = P(INT, PTR, PTR),
	[__NR_getpriority] = P(INT, INT),
	[__NR_getrandom] = P(PTR, SIZE, RANDOM),
	[__NR_getresgid] = P(PTR, PTR, PTR),
	[__NR_getresuid] = P(PTR, PTR, PTR),
	[__NR_getrlimit] = P(HEX, PTR),
	[__NR_getrusage] = P(INT, PTR),
	[__NR_getsid] = P(INT),
	[__NR_getsockname] = P(INT, PTR, PTR),
	[__NR_getsockopt] = P(INT, INT, INT, PTR, PTR),
	[__NR_gettid] = P(NONE),
	[__NR_gettimeofday] = P(PTR, PTR),
	[__NR_getuid] = P(NONE),
	[__NR_getxattr] = P(PATH, PTR, PTR, SIZE),
	[__NR_inotify_add_watch] = P(INT, PATH, HEX),
	[__NR_inotify_init1] = P(HEX),
	[__NR_inotify_init] = P(NONE),
	[__NR_inotify_rm_watch] = P(INT, INT),
	[__NR_ioctl] = P(INT, HEX, HEX),
	[__NR_kill] = P(INT, SIG),
	[__NR_lchown] = P(PATH, INT, INT),
	[__NR_lgetxattr] = P(PATH, PTR, PTR, SIZE),
	[__NR_link] = P(PATH, PTR),
	[__NR_linkat] = P(DIRFD, PATH, DIRFD, PTR, HEX),
	[__NR_listen] = P(INT, INT),
	[__NR_listxattr] = P(PATH, PTR, SIZE),
	[__NR_llistxattr] = P(PATH, PTR, SIZE),
	[__NR_lremovexattr] = P(PATH, PTR),
	[__NR_lseek] = P(INT, LONG, WHENCE),
	[__NR_lsetxattr] = P(PATH, PTR, PTR, SIZE, HEX),
	[__NR_lstat] = P(PATH, PTR),
	[__NR_madvise] = P(PTR, SIZE, ADVICE),
	[__NR_membarrier] = P(INT, HEX, INT),
	[__NR_memfd_create] = P(PATH, MEMFD),
	[__NR_mincore] = P(PTR, SIZE, PTR),
	[__NR_mkdir] = P(PATH, MODE),
	[__NR_mkdirat] = P(DIRFD, PATH, MODE),
	[__NR_mknod] = P(PATH, MODE, HEX),
	[__NR_mknodat] = P(DIRFD, PATH, MODE, HEX),
	[__NR_mlock] = P(PTR, SIZE),
	[__NR_mlock2] = P(PTR, SIZE, LOCK2),
	[__NR_mlockall] = P(LOCKALL),
	[__NR_mmap] = A(PTR, SIZE, PROT, MAP, INT, HEX),
	[__NR_mprotect] = P(PTR, SIZE, PROT),
	[__NR_mremap] = A(PTR, SIZE, SIZE, REMAP, PTR),
	[__NR_msync] = P(PTR, SIZE, SYNC),
	[__NR_munlock] = P(PTR, SIZE),
	[__NR_munlockall] = P(NONE),
	[__NR_munmap] = P(PTR, SIZE),
	[__NR_nanosleep] = P(PTR, PTR),
	[__NR_newfstatat] = P(DIRFD, PATH, PTR, HEX),
	[__NR_open] = P(PATH, OPEN, MODE),
	[__NR_openat] = P(DIRFD, PATH, OPEN, MODE),
	[__NR_pause] = P(NONE),
	[__NR_personality] = P(HEX),
	[__NR_pipe] = P(PTR),
	[__NR_pipe2] = P(PTR, HEX),
	[__NR_poll] = P(PTR, UINT, INT),
	[__NR_ppoll] = P(PTR, UINT, PTR, PTR, SIZE),
	[__NR_prctl] = P(INT, HEX, HEX, HEX, HEX),
	[__NR_pread64] = P(INT, OUT, SIZE, LONG),
	[__NR_preadv] = P(INT, PTR, SIZE, LONG, HEX),
	[__NR_preadv2] = P(INT, PTR, SIZE, LONG, HEX, HEX),
	[__NR_prlimit64] = P(INT, HEX, PTR, PTR),
	[__NR_pselect6] = P(INT, PTR, PTR, PTR, PTR, PTR),
	[__NR_pwrite64] = P(INT, IN, SIZE, LONG),
	[__NR_pwritev] = P(INT, PTR, SIZE, LONG, HEX),
	[__NR_pwritev2] = P(INT, PTR, SIZE, LONG, HEX, HEX),
	[__NR_read] = P(INT, OUT, SIZE),
	[__NR_readahead] = P(INT, LONG, SIZE),
	[__NR_readlink] = P(PATH, PTR, SIZE),
	[__NR_readlinkat] = P(DIRFD, PATH, PTR, SIZE),
	[__NR_readv] = P(INT, PTR, SIZE),
	[__NR_recvfrom] = P(INT, OUT, SIZE, HEX, PTR, PTR),
	[__NR_recvmmsg] = P(INT, PTR, UINT, HEX, PTR),
	[__NR_recvmsg] = P(INT, PTR, HEX),
	[__NR_removexattr] = P(PATH, PTR),
	[__NR_rename] = P(PATH, PTR),
	[__NR_renameat] = P(DIRFD, PATH, DIRFD, PTR),
	[__NR_renameat2] = P(DIRFD, PATH, DIRFD, PTR, HEX),
	[__NR_rmdir] = P(PATH),
	[__NR_rseq] = P(PTR, UINT, HEX, HEX),
	[__NR_rt_sigaction] = P(SIG, PTR, PTR, SIZE),
	[__NR_rt_sigpending] = P(PTR, SIZE),
	[__NR_rt_sigprocmask] = P(HOW, PTR, PTR, SIZE),
	[__NR_rt_sigqueueinfo] = P(INT, SIG, PTR),
	[__NR_rt_sigreturn] = P(NONE),
	[__NR_rt_sigsuspend] = P(PTR, SIZE),
	[__NR_rt_sigtimedwait] = P(PTR, PTR, PTR, SIZE),
	[__NR_rt_tgsigqueueinfo] = P(INT, INT, SIG, PTR),
	[__NR_sched_get_priority_max] = P(INT),
	[__NR_sched_get_priority_min] = P(INT),
	[__NR_sched_getaffinity] = P(INT, SIZE, PTR),
	[__NR_sched_getparam] = P(INT, PTR),
	[__NR_sched_getscheduler] = P(INT),
	[__NR_sched_rr_get_interval] = P(INT, PTR),
	[__NR_sched_setaffinity] = P(INT, SIZE, PTR),
	[__NR_sched_setparam] = P(INT, PTR),
	[__NR_sched_setscheduler] = P(INT, INT, PTR),
	[__NR_sched_yield] = P(NONE),
	[__NR_select] = P(INT, PTR, PTR, PTR, PTR),
	[__NR_sendfile] = P(INT, INT, PTR, SIZE),
	[__NR_sendmmsg] = P(INT, PTR, UINT, HEX),
	[__NR_sendmsg] = P(INT, PTR, HEX),
	[__NR_sendto] = P(INT, IN, SIZE, HEX, PTR, UINT),
	[__NR_set_robust_list] = P(PTR, SIZE),
	[__NR_set_tid_address] = P(PTR),
	[__NR_setfsgid] = P(INT),
	[__NR_setfsuid] = P(INT),
	[__NR_setgid] = P(INT),
	[__NR_setgroups] = P(INT, PTR),
	[__NR_setitimer] = P(INT, PTR, PTR),
	[__NR_setpgid] = P(INT, INT),
	[__NR_setpriority] = P(INT, INT, INT),
	[__NR_setregid] = P(INT, INT),
	[__NR_setresgid] = P(INT, INT, INT),
	[__NR_setresuid] = P(INT, INT, INT),
	[__NR_setreuid] = P(INT, INT),
	[__NR_setrlimit] = P(HEX, PTR),
	[__NR_setsid] = P(NONE),
	[__NR_setsockopt] = P(INT, INT, INT, PTR, UINT),
	[__NR_settimeofday] = P(PTR, PTR),
	[__NR_setuid] = P(INT),
	[__NR_setxattr] = P(PATH, PTR, PTR, SIZE, HEX),
	[__NR_shmat] = A(INT, PTR, HEX),
	[__NR_shmctl] = P(INT, INT, PTR),
	[__NR_shmdt] = P(PTR),
	[__NR_shmget] = P(HEX, SIZE, HEX),
	[__NR_shutdown] = P(INT, INT),
	[__NR_sigaltstack] = P(PTR, PTR),
	[__NR_socket] = P(INT, HEX, INT),
	[__NR_socketpair] = P(INT, HEX, INT, PTR),
	[__NR_stat] = P(PATH, PTR),
	[__NR_statfs] = P(PATH, PTR),
	[__NR_statx] = P(DIRFD, PATH, HEX, HEX, PTR),
	[__NR_symlink] = P(PATH, PTR),
	[__NR_symlinkat] = P(PATH, DIRFD, PTR),
	[__NR_sync] = P(NONE),
	[__NR_sync_file_range] = P(INT, LONG, LONG, HEX),
	[__NR_syncfs] = P(INT),
	[__NR_sysinfo] = P(PTR),
	[__NR_tgkill] = P(INT, INT, SIG),
	[__NR_time] = P(PTR),
	[__NR_timer_create] = P(CLOCK, PTR, PTR),
	[__NR_timer_delete] = P(INT),
	[__NR_timer_getoverrun] = P(INT),
	[__NR_timer_gettime] = P(INT, PTR),
	[__NR_timer_settime] = P(INT, HEX, PTR, PTR),
	[__NR_timerfd_create] = P(CLOCK, HEX),
	[__NR_timerfd_gettime] = P(INT, PTR),
	[__NR_timerfd_settime] = P(INT, HEX, PTR, PTR),
	[__NR_times] = P(PTR),
	[__NR_tkill] = P(INT, SIG),
	[__NR_truncate] = P(PATH, LONG),
	[__NR_umask] = P(MODE),
	[__NR_uname] = P(PTR),
	[__NR_unlink] = P(PATH),
	[__NR_unlinkat] = P(DIRFD, PATH, HEX),
	[__NR_utime] = P(PATH, PTR),
	[__NR_utimensat] = P(DIRFD, PATH, PTR, HEX),
	[__NR_utimes] = P(PATH, PTR),
	[__NR_wait4] = P(INT, PTR, HEX, PTR),
	[__NR_waitid] = P(INT, INT, PTR, HEX, PTR),
	[__NR_write] = P(INT, IN, SIZE),
	[__NR_writev] = P(INT, PTR, SIZE),
};

static const struct signature *signature(int64_t nr)
{
	if (nr < 0 || (size_t)nr >= sizeof(table) / sizeof(*table) || !table[nr].known)
		return NULL;
	return &table[nr];
}

unsigned call_params(int64_t nr)
{
	const struct signature *s = signature(nr);
	unsigned n = 0;

	while (n < 6 && (!s || s->param[n] != NONE))
		n++;
	return n;
}

int call_path_param(int64_t nr)
{
	const struct signature *s = signature(nr);

	for (int i = 0; s && i < 6; i++)
		if (s->param[i] == PATH)
			return i;
	return -1;
}

bool call_gives_address(int64_t nr)
{
	const struct signature *s = signature(nr);

	return s && s->address;
}

/* A text that is being put together; what doesn't fit counts, and is left out. */
struct text {
	char *buf;
	size_t size, len;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
	const size_t at = t->len < t->size ? t->len : t->size;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + at, t->size - at, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
}

static void put_char(struct text *t, char c)
{
	if (t->len + 1 < t->size) {
		t->buf[t->len] = c;
		t->buf[t->len + 1] = '\0';
	}
	t->len++;
}

static void put_word(struct text *t, const char *word)
{
	while (*word)
		put_char(t, *word++);
}

/* string_quote() of strace's util.c: octal where C has no letter, as short as may be. */
static void put_quoted(struct text *t, const char *s, size_t len)
{
	static const char plain[] = "\f\n\r\t\v\"\\", letter[] = "fnrtv\"\\";

	put_char(t, '"');
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)s[i];
		const char *at = c ? strchr(plain, c) : NULL;

		if (at) {
			put_char(t, '\\');
			put_char(t, letter[at - plain]);
		} else if (c >= ' ' && c < 0x7f) {
			put_char(t, (char)c);
		} else if (i + 1 < len && s[i + 1] >= '0' && s[i + 1] <= '7') {
			put(t, "\\%03o", c);
		} else {
			put(t, "\\%o", c);
		}
	}
	put_char(t, '"');
}

/*
 * Names for the bits, and the rest in hexadecimal. Where none has a name it says what they should have
 * been, unless something stands before them: unknown is NULL.
 */
static void put_flags(struct text *t, const struct flag *flags, uint64_t value,
		      const char *unknown)
{
	const char *sep = "";

	for (; flags->name; flags++) {
		if (!flags->value || (value & flags->value) != flags->value)
			continue;
		put(t, "%s%s", sep, flags->name);
		sep = "|";
		value &= ~flags->value;
	}
	if (value && (*sep || !unknown))
		put(t, "%s%#" PRIx64, sep, value);
	else if (value)
		put(t, "%#" PRIx64 " /* %s */", value, unknown);
	else if (!*sep)
		put_char(t, '0');
}

/* One of several. */
static void put_choice(struct text *t, const struct flag *names, uint64_t value,
		       const char *unknown)
{
	for (; names->name; names++) {
		if (names->value == value) {
			put_word(t, names->name);
			return;
		}
	}
	put(t, "%#" PRIx64 " /* %s */", value, unknown);
}

static void put_address(struct text *t, uint64_t gva)
{
	if (gva)
		put(t, "%#" PRIx64, gva);
	else
		put_word(t, "NULL");
}

static void put_prot(struct text *t, uint64_t prot)
{
	if (prot)
		put_flags(t, prot_flags, prot, "PROT_???");
	else
		put_word(t, "PROT_NONE");
}

static void put_map(struct text *t, uint64_t flags)
{
	const uint64_t size = flags & ((uint64_t)MAP_HUGE_MASK << MAP_HUGE_SHIFT);
	const uint64_t rest = flags & ~(size | MAP_TYPE);

	put_choice(t, map_types, flags & MAP_TYPE, "MAP_???");
	if (rest) {
		put_char(t, '|');
		put_flags(t, map_flags, rest, NULL);
	}
	if (size)
		put(t, "|%" PRIu64 "<<MAP_HUGE_SHIFT", size >> MAP_HUGE_SHIFT);
}

static void put_open(struct text *t, uint64_t flags)
{
	put_choice(t, open_modes, flags & O_ACCMODE, "O_???");
	flags &= ~(uint64_t)O_ACCMODE;
	if (flags) {
		put_char(t, '|');
		put_flags(t, open_flags, flags, NULL);
	}
}

static void put_signal(struct text *t, uint64_t arg)
{
	const char *name = sigabbrev_np((int)arg);

	if (name)
		put(t, "SIG%s", name);
	else
		put(t, "%d", (int)arg);
}

/* O_TMPFILE has O_DIRECTORY's bit, too. */
static bool creates(uint64_t flags)
{
	return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
}

/* Whether the event has what the argument points to, or there is nothing to have. */
static bool has_data(const struct mv_event *e, uint64_t arg, uint64_t len)
{
	return e->text_len || (arg && !len);
}

static void put_data(struct text *t, const struct mv_event *e, uint64_t arg, uint64_t len)
{
	if (!has_data(e, arg, len)) {
		put_address(t, arg);
		return;
	}
	put_quoted(t, e->text, e->text_len);
	if (len > PREVIEW)
		put_word(t, "...");
}

static void put_param(struct text *t, const struct mv_event *e, enum param p, unsigned i)
{
	const struct mv_event_call *c = &e->call;
	const uint64_t a = c->args[i];

	switch (p) {
	case NONE:
		break;
	case INT:
		put(t, "%d", (int)a);
		break;
	case UINT:
		put(t, "%u", (unsigned)a);
		break;
	case LONG:
		put(t, "%" PRId64, (int64_t)a);
		break;
	case SIZE:
		put(t, "%" PRIu64, a);
		break;
	case HEX:
		put(t, "%#" PRIx64, a);
		break;
	case PTR:
		put_address(t, a);
		break;
	case DIRFD:
		if ((int)a == AT_FDCWD)
			put_word(t, "AT_FDCWD");
		else
			put(t, "%d", (int)a);
		break;
	case PATH:
		if (e->text_len || c->result >= 0 || c->result == -ENOENT)
			put_quoted(t, e->text, e->text_len);
		else
			put_address(t, a);
		break;
	case IN:
		put_data(t, e, a, c->args[i + 1]);
		break;
	case OUT:
		if (c->result < 0)
			put_address(t, a);
		else
			put_data(t, e, a, (uint64_t)c->result);
		break;
	case MODE:
		put(t, "%#03o", (unsigned)a);
		break;
	case SIG:
		put_signal(t, a);
		break;
	case PROT:
		put_prot(t, a);
		break;
	case MAP:
		put_map(t, a);
		break;
	case OPEN:
		put_open(t, (uint32_t)a);
		break;
	case ADVICE:
		put_choice(t, advices, (uint32_t)a, "MADV_???");
		break;
	case SYNC:
		put_flags(t, msync_flags, (uint32_t)a, "MS_???");
		break;
	case REMAP:
		put_flags(t, mremap_flags, a, "MREMAP_???");
		break;
	case LOCK2:
		put_flags(t, mlock2_flags, (uint32_t)a, "MLOCK_???");
		break;
	case LOCKALL:
		put_flags(t, mlockall_flags, (uint32_t)a, "MCL_???");
		break;
	case WHENCE:
		put_choice(t, whences, (uint32_t)a, "SEEK_???");
		break;
	case HOW:
		put_choice(t, sigprocmask_hows, (uint32_t)a, "SIG_???");
		break;
	case CLOCK:
		put_choice(t, clocks, (uint32_t)a, "CLOCK_???");
		break;
	case MEMFD:
		put_flags(t, memfd_flags, (uint32_t)a, "MFD_???");
		break;
	case RANDOM:
		put_flags(t, getrandom_flags, (uint32_t)a, "GRND_???");
		break;
	case FCNTL:
		put_choice(t, fcntl_commands, (uint32_t)a, "F_???");
		break;
	}
}

/* A last parameter that the others may make void. */
static unsigned params_shown(const struct mv_event_call *c)
{
	const uint64_t *a = c->args;

	switch (c->nr) {
	case __NR_open:
		return creates(a[1]) ? 3 : 2;
	case __NR_openat:
		return creates(a[2]) ? 4 : 3;
	case __NR_mremap:
		return ~a[3] & (MREMAP_FIXED | MREMAP_MAYMOVE) ? 4 : 5;
	default:
		return call_params(c->nr);
	}
}

size_t call_text(const struct mv_event *e, char *buf, size_t size)
{
	const struct signature *s = signature(e->call.nr);
	const char *name = linux_call_name(e->call.nr);
	const unsigned n = params_shown(&e->call);
	struct text t = { buf, size, 0 };

	if (size)
		*buf = '\0';
	if (name)
		put_word(&t, name);
	else
		put(&t, "syscall_%#x", (unsigned)e->call.nr);
	put_char(&t, '(');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			put_word(&t, ", ");
		put_param(&t, e, s ? (enum param)s->param[i] : HEX, i);
	}
	put_char(&t, ')');
	return t.len;
}

/* Of siginfo_t: those that the VMM gives. */
const char *signal_code_name(int signal, int code)
{
	static const struct {
		int signal; /* 0: any */
		int code;
		const char *name;
	} names[] = {
		{ SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR" },
		{ SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR" },
		{ SIGBUS, BUS_ADRALN, "BUS_ADRALN" },
		{ SIGBUS, BUS_ADRERR, "BUS_ADRERR" },
		{ SIGFPE, FPE_INTDIV, "FPE_INTDIV" },
		{ SIGFPE, FPE_FLTDIV, "FPE_FLTDIV" },
		{ SIGFPE, FPE_FLTOVF, "FPE_FLTOVF" },
		{ SIGFPE, FPE_FLTUND, "FPE_FLTUND" },
		{ SIGFPE, FPE_FLTRES, "FPE_FLTRES" },
		{ SIGFPE, FPE_FLTINV, "FPE_FLTINV" },
		{ SIGILL, ILL_ILLOPN, "ILL_ILLOPN" },
		{ SIGTRAP, TRAP_BRKPT, "TRAP_BRKPT" },
		{ SIGTRAP, TRAP_TRACE, "TRAP_TRACE" },
		{ 0, SI_KERNEL, "SI_KERNEL" },
		{ 0, SI_USER, "SI_USER" },
		{ 0, SI_TKILL, "SI_TKILL" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((!names[i].signal || names[i].signal == signal) &&
		    names[i].code == code)
			return names[i].name;
	return NULL;
}
