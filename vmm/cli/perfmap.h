/* SPDX-License-Identifier: MIT */
/* perfmap.h: --perf-map. */
#ifndef CLI_PERFMAP_H
#define CLI_PERFMAP_H

#include "vmm/cli/session.h"

/* Show perf where the program's code will lie, before mv_open(). False as session_run(). */
bool perfmap_show(struct session *s);

#endif
