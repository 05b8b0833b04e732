/* SPDX-License-Identifier: MIT */
/*
 * exits.c: what one call costs: the empty one by `out', which is the least that any exit
 * can cost, and getppid() by SYSCALL. Linux has no port to call: `native' leaves it out.
 */
#include "guest/rt.h"

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? parse_size(argv[1]) : 0;
	bool native = argc == 3 && !strcmp(argv[2], "native");
	uint32_t *cycles;
	uint64_t start;

	if (!n || argc > 3 || (argc == 3 && !native))
		usage("N [native]");
	cycles = must_map(NULL, n * sizeof(*cycles), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memset(cycles, 1, n * sizeof(*cycles));

	if (!native) {
		for (size_t i = 0; i < n; i++) {
			start = rdtsc();
			mv_call(MV_CALL_NOP, 0, 0, 0, 0, 0, 0);
			cycles[i] = rdtsc() - start;
		}
		say_cycles("call nop_out n", cycles, n);
	}
	for (size_t i = 0; i < n; i++) {
		start = rdtsc();
		sys_getppid();
		cycles[i] = rdtsc() - start;
	}
	say_cycles("call getppid_syscall n", cycles, n);
	return 0;
}
