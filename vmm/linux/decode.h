/* SPDX-License-Identifier: MIT */
/* decode.h: calls as people read them: arguments by their names, in strace(1)'s words. */
#ifndef LINUX_DECODE_H
#define LINUX_DECODE_H

#include <mapvisor/events.h>

/*
 * "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0)": the call without its result. As snprintf(3): what
 * doesn't fit is left out, a '\0' ends it; the length that it has, or would have had, is returned.
 */
size_t call_text(const struct mv_event *e, char *buf, size_t size);

/* How many parameters a call has: 6 for one that isn't known. */
unsigned call_params(int64_t nr);
/* Which of them is a path, or another string; -1: none. */
int call_path_param(int64_t nr);
/* Whether what it returns is an address: mmap, mremap, brk. */
bool call_gives_address(int64_t nr);

/* "SEGV_MAPERR"; NULL: it has no name. */
const char *signal_code_name(int signal, int code);

#endif
