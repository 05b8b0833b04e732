/* SPDX-License-Identifier: MIT */
/* flags.c: the names of bits and numbers, in the order in which strace 6.1 shows them. */
#include "vmm/linux/flags.h"

#include <fcntl.h>
#include <linux/random.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define F(name)                         \
	{                               \
		(uint64_t)(name), #name \
	}
#define END             \
	{               \
		0, NULL \
	}

const struct flag prot_flags[] = {
	F(PROT_READ),
	F(PROT_WRITE),
	F(PROT_EXEC),
	{ 8, "PROT_SEM" },
	{ 1u << 24, "PROT_GROWSDOWN" },
	{ 1u << 25, "PROT_GROWSUP" },
	END,
};

const struct flag map_types[] = {
	{ 0, "MAP_FILE" },	F(MAP_SHARED),		F(MAP_PRIVATE),
	F(MAP_SHARED_VALIDATE), { 8, "MAP_DROPPABLE" }, END,
};

const struct flag map_flags[] = {
	F(MAP_FIXED),
	F(MAP_ANONYMOUS),
	F(MAP_32BIT),
	F(MAP_NORESERVE),
	F(MAP_POPULATE),
	F(MAP_NONBLOCK),
	F(MAP_GROWSDOWN),
	F(MAP_DENYWRITE),
	F(MAP_EXECUTABLE),
	F(MAP_LOCKED),
	F(MAP_STACK),
	F(MAP_HUGETLB),
	F(MAP_SYNC),
	{ 0x4000000, "MAP_UNINITIALIZED" },
	F(MAP_FIXED_NOREPLACE),
	END,
};

const struct flag open_modes[] = {
	F(O_RDONLY), F(O_WRONLY), F(O_RDWR), { 3, "O_ACCMODE" }, END,
};

const struct flag open_flags[] = {
	F(O_CREAT),
	F(O_EXCL),
	F(O_NOCTTY),
	F(O_TRUNC),
	F(O_APPEND),
	F(O_NONBLOCK),
	F(O_SYNC),
	{ 04000000, "__O_SYNC" },
	F(O_DSYNC),
	F(O_DIRECT),
	{ 0100000, "O_LARGEFILE" },
	F(O_NOFOLLOW),
	F(O_NOATIME),
	F(O_CLOEXEC),
	F(O_PATH),
	F(O_TMPFILE),
	{ O_TMPFILE & ~O_DIRECTORY, "__O_TMPFILE" },
	F(O_DIRECTORY),
	{ 020000, "FASYNC" },
	END,
};

const struct flag msync_flags[] = { F(MS_SYNC), F(MS_ASYNC), F(MS_INVALIDATE), END };

const struct flag mremap_flags[] = {
	F(MREMAP_MAYMOVE),
	F(MREMAP_FIXED),
	F(MREMAP_DONTUNMAP),
	END,
};

const struct flag mlock2_flags[] = { F(MLOCK_ONFAULT), END };

const struct flag mlockall_flags[] = {
	F(MCL_CURRENT),
	F(MCL_FUTURE),
	F(MCL_ONFAULT),
	END,
};

const struct flag memfd_flags[] = {
	F(MFD_CLOEXEC),		  F(MFD_ALLOW_SEALING), F(MFD_HUGETLB),
	{ 8, "MFD_NOEXEC_SEAL" }, { 16, "MFD_EXEC" },	END,
};

const struct flag getrandom_flags[] = {
	F(GRND_NONBLOCK),
	F(GRND_RANDOM),
	{ 4, "GRND_INSECURE" },
	END,
};

const struct flag advices[] = {
	F(MADV_NORMAL),
	F(MADV_RANDOM),
	F(MADV_SEQUENTIAL),
	F(MADV_WILLNEED),
	F(MADV_DONTNEED),
	F(MADV_FREE),
	F(MADV_REMOVE),
	F(MADV_DONTFORK),
	F(MADV_DOFORK),
	F(MADV_HWPOISON),
	{ 101, "MADV_SOFT_OFFLINE" },
	F(MADV_MERGEABLE),
	F(MADV_UNMERGEABLE),
	F(MADV_HUGEPAGE),
	F(MADV_NOHUGEPAGE),
	F(MADV_DONTDUMP),
	F(MADV_DODUMP),
	F(MADV_WIPEONFORK),
	F(MADV_KEEPONFORK),
	F(MADV_COLD),
	F(MADV_PAGEOUT),
	F(MADV_POPULATE_READ),
	F(MADV_POPULATE_WRITE),
	{ 24, "MADV_DONTNEED_LOCKED" },
	{ 25, "MADV_COLLAPSE" },
	{ 102, "MADV_GUARD_INSTALL" },
	{ 103, "MADV_GUARD_REMOVE" },
	END,
};

const struct flag whences[] = {
	F(SEEK_SET), F(SEEK_CUR), F(SEEK_END), F(SEEK_DATA), F(SEEK_HOLE), END,
};

const struct flag sigprocmask_hows[] = {
	F(SIG_BLOCK),
	F(SIG_UNBLOCK),
	F(SIG_SETMASK),
	END,
};

const struct flag clocks[] = {
	F(CLOCK_REALTIME),
	F(CLOCK_MONOTONIC),
	F(CLOCK_PROCESS_CPUTIME_ID),
	F(CLOCK_THREAD_CPUTIME_ID),
	F(CLOCK_MONOTONIC_RAW),
	F(CLOCK_REALTIME_COARSE),
	F(CLOCK_MONOTONIC_COARSE),
	F(CLOCK_BOOTTIME),
	F(CLOCK_REALTIME_ALARM),
	F(CLOCK_BOOTTIME_ALARM),
	{ 10, "CLOCK_SGI_CYCLE" },
	F(CLOCK_TAI),
	END,
};

const struct flag fcntl_commands[] = {
	F(F_DUPFD),	F(F_GETFD),	F(F_SETFD),
	F(F_GETFL),	F(F_SETFL),	F(F_GETLK),
	F(F_SETLK),	F(F_SETLKW),	{ F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC" },
	F(F_ADD_SEALS), F(F_GET_SEALS), END,
};
