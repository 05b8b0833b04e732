/* SPDX-License-Identifier: MIT */
/* flags.h: the names of the bits and numbers that calls take. A list ends where name is NULL. */
#ifndef LINUX_FLAGS_H
#define LINUX_FLAGS_H

#include <stdint.h>

struct flag {
	uint64_t value;
	const char *name;
};

/* Bits; one that consists of several stands before these. */
extern const struct flag prot_flags[], map_flags[], open_flags[], msync_flags[],
	mremap_flags[], mlock2_flags[], mlockall_flags[], memfd_flags[], getrandom_flags[];

/* One of them. */
extern const struct flag map_types[], open_modes[], advices[], whences[],
	sigprocmask_hows[], clocks[], fcntl_commands[];

#endif
