/* SPDX-License-Identifier: MIT */
/*
 * terminal.h: terminals that a payload was given as 0, 1 or 2. It may set their modes, as natively; where it
 * doesn't end by itself, they are put back, as a shell does for a job that a signal has killed.
 */
#ifndef LINUX_TERMINAL_H
#define LINUX_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct process;

/* As many as may be behind 0, 1, 2 and /dev/tty. */
#define TERMINALS 4

/* A terminal that the payload has set: as it was before. */
struct terminal_before {
	unsigned dev; /* TIOCGDEV's number: /dev/tty is the terminal that it stands for */
	int fd;	      /* the host's, to put it back by; ours */
	bool modes;   /* the next is in use */
	bool stopped; /* TCOOFF: output waits */
	uint8_t mode[44]; /* struct termios2 */
};

struct terminals {
	struct terminal_before of[TERMINALS];
	unsigned nr;
};

/* The payload's ioctl(2) on a file, if it is one for terminals; -ENOTTY. tty_ioctl(), n_tty_ioctl_helper(). */
int64_t terminal_ioctl(struct process *p, const struct file *file, unsigned cmd,
		       uint64_t arg);

/* How many bytes a read of `len` waits for, and how long: termios(3), "Canonical and noncanonical mode". */
struct pace {
	uint64_t least;	  /* fewer end it only when time is up */
	int64_t first_ns; /* for the first byte; -1: for ever */
	int64_t next_ns;  /* ... each further one */
};
struct pace terminal_pace(const struct file *file, uint64_t len);

/* Modes and output as they were before the payload. */
void terminals_restore(struct terminals *t);
void terminals_destroy(struct terminals *t);

#endif
