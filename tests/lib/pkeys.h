/* SPDX-License-Identifier: MIT */
/*
 * pkeys.h: where the host's CPU has protection keys, its kernel takes one for memory that may be
 * executed only: it can't be read there. A payload's CPU has none, and there it can be, as on all
 * CPUs without; mmap(2), pkeys(7). What is compared with the host's leaves it out.
 */
#ifndef TESTS_PKEYS_H
#define TESTS_PKEYS_H

#include <cpuid.h>
#include <stdbool.h>
#include <sys/mman.h>

/* CPUID.7.0:ECX.OSPKE[4], SDM vol. 2 */
static inline bool host_has_pkeys(void)
{
	unsigned int a, b, c = 0, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1u << 4;
}

static inline int comparable_prot(int prot)
{
	return prot == PROT_EXEC && host_has_pkeys() ? PROT_READ | PROT_EXEC : prot;
}

#endif
