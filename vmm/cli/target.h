/* SPDX-License-Identifier: MIT */
/* target.h: addresses of a loaded program as people name them. */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "vmm/cli/session.h"

/*
 * ADDR, hexadecimal with 0x or decimal, or SYMBOL[+OFFSET], of `len` bytes; any canonical address. False: the
 * session has failed, and says why.
 */
bool target_find(struct session *s, const char *text, size_t len, uint64_t *gva);

/*
 * As many as a list has between its commas, in memory that the caller frees. False: none is there, the
 * session has failed.
 */
bool target_list(struct session *s, const char *text, uint64_t **gvas, size_t *nr);

#endif
