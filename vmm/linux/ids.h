/* SPDX-License-Identifier: MIT */
/*
 * ids.h: as whom a process appears: the VMM's own ids, as its files have them, without a single
 * capability. So it can take on only ids that it has already, as set*id(2) say for others than root.
 */
#ifndef LINUX_IDS_H
#define LINUX_IDS_H

#include <stdint.h>

/* Of users or of groups. */
struct id_set {
	uint32_t real, effective, saved, fs;
};

struct ids {
	struct id_set uid, gid;
};

/* The VMM's. */
void ids_init(struct ids *ids);

#endif
