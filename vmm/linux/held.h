/* SPDX-License-Identifier: MIT */
/*
 * held.h: what the host's kernel holds for open files beside themselves, each a piece of its memory that nothing
 * else bounds: locks, watches.
 */
#ifndef LINUX_HELD_H
#define LINUX_HELD_H

#include <stdbool.h>

struct fdtable;

/*
 * Whether there may be one more of what /proc/self/fdinfo has a line for that begins with `line`, of `max`. *taken
 * says how many were had since it was counted, or may be too large, for what is given back isn't seen: it is counted anew
 * when it reaches max. The caller adds to it what is had.
 */
bool held_room(const struct fdtable *t, unsigned *taken, unsigned max, const char *line);

#endif
