/* SPDX-License-Identifier: MIT */
/* parse.h: sizes, durations and addresses as people type them. */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* "4096", "64K", "16G": bytes, by powers of 1024. False if it isn't one or doesn't fit. */
bool parse_size(const char *text, uint64_t *bytes);

/* "2", "0.5", "250ms", "1.5m", "1h": nanoseconds. False as above. */
bool parse_duration(const char *text, uint64_t *ns);

/* "0x7f00", "4096": False as above. */
bool parse_number(const char *text, uint64_t *number);

#endif
