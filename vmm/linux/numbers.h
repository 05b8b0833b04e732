/* SPDX-License-Identifier: MIT */
/* numbers.h: numbers of system calls, those younger than the headers of Debian 12, too. */
#ifndef LINUX_NUMBERS_H
#define LINUX_NUMBERS_H

#include <asm/unistd_64.h>

#ifndef __NR_fchmodat2 /* Linux 6.6 */
#define __NR_fchmodat2 452
#endif

#endif
