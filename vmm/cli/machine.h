/* SPDX-License-Identifier: MIT */
/* machine.h: what the host says of itself, beside what mv_host() finds out. */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* "AMD EPYC"; "unknown" where /proc/cpuinfo doesn't tell. buf is returned. */
char *machine_cpu(char *buf, size_t len);

/* Today, "2026-11-25"; buf is returned. */
char *machine_date(char *buf, size_t len);

/* "6.18.44", as uname -r; buf is returned. */
char *machine_kernel(char *buf, size_t len);

/* Is it in /proc/cpuinfo's flags? */
bool machine_has_flag(const char *flag);

#endif
