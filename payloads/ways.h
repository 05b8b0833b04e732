/* SPDX-License-Identifier: MIT */
/* ways.h: a payload that does one of several things, by the name that it is given. */
#ifndef PAYLOADS_WAYS_H
#define PAYLOADS_WAYS_H

#include "guest/rt.h"

struct way {
	const char *name;
	void (*run)(void);
};

/* False: none is called so. */
static inline bool run_way(const struct way *ways, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, ways[i].name))
			continue;
		ways[i].run();
		return true;
	}
	return false;
}

#endif
