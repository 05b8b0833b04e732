/* SPDX-License-Identifier: MIT */
/* terminal.c: what terminals are asked and told. See terminal.h. */
#include "vmm/linux/terminal.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/linux/calls.h"
#include "vmm/linux/stream.h"

_Static_assert(sizeof(struct termios2) == sizeof(((struct terminal_before *)NULL)->mode),
	       "what is kept of a terminal");

#define NSEC_PER_DECISECOND 100000000ll

enum how {
	ASKED, /* it answers with `size` bytes */
	TOLD,  /* it is given them */
	MODES, /* ... and they are modes, to be kept before */
	DONE,  /* arg is a number */
	GROUP  /* process groups and sessions, whose numbers are the payload's own here */
};

struct command {
	unsigned cmd;
	enum how how;
	unsigned size;
	bool drains; /* once all output was sent: tty_wait_until_sent() */
};

/*
 * Neither what puts input into the terminal's queue, for others to read (TIOCSTI), nor what
 * takes the terminal from its session.
 */
static const struct command commands[] = {
	{ TCGETS, ASKED, sizeof(struct termios), false },
	{ TCSETS, MODES, sizeof(struct termios), false },
	{ TCSETSW, MODES, sizeof(struct termios), true },
	{ TCSETSF, MODES, sizeof(struct termios), true },
	{ TCGETS2, ASKED, sizeof(struct termios2), false },
	{ TCSETS2, MODES, sizeof(struct termios2), false },
	{ TCSETSW2, MODES, sizeof(struct termios2), true },
	{ TCSETSF2, MODES, sizeof(struct termios2), true },
	{ TIOCGWINSZ, ASKED, sizeof(struct winsize), false },
	{ TIOCSWINSZ, TOLD, sizeof(struct winsize), false },
	{ TIOCOUTQ, ASKED, sizeof(int), false },
	{ TIOCGETD, ASKED, sizeof(int), false },
	{ TCSBRK, DONE, 0, true },
	{ TCSBRKP, DONE, 0, true },
	{ TCXONC, DONE, 0, false },
	{ TCFLSH, DONE, 0, false },
	{ TIOCGPGRP, GROUP, sizeof(int), false },
	{ TIOCSPGRP, GROUP, sizeof(int), false },
	{ TIOCGSID, GROUP, sizeof(int), false },
};

/* NULL: it isn't served. */
static const struct command *find_command(unsigned cmd)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (commands[i].cmd == cmd)
			return &commands[i];
	return NULL;
}

/* ---- what was there before */

static struct terminal_before *before_of(struct terminals *t, int fd)
{
	struct terminal_before *b = t->of;
	unsigned dev;

	if (ioctl(fd, TIOCGDEV, &dev))
		return NULL;
	for (; b < t->of + t->nr; b++)
		if (b->dev == dev)
			return b;
	if (t->nr == TERMINALS)
		return NULL;
	*b = (struct terminal_before){ .dev = dev, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
	if (b->fd < 0)
		return NULL;
	t->nr++;
	return b;
}

/* Before the first change. What is no terminal keeps nothing, and the host says so. */
static void keep_modes(struct terminals *t, int fd)
{
	struct terminal_before *b = before_of(t, fd);

	if (b && !b->modes)
		b->modes = !ioctl(fd, TCGETS2, b->mode);
}

static void keep_flow(struct terminals *t, int fd, uint64_t action)
{
	struct terminal_before *b = before_of(t, fd);

	if (b && (action == TCOOFF || action == TCOON))
		b->stopped = action == TCOOFF;
}

/* Neither waits: TCSETS2 doesn't drain. */
void terminals_restore(struct terminals *t)
{
	for (struct terminal_before *b = t->of; b < t->of + t->nr; b++) {
		if (b->stopped)
			ioctl(b->fd, TCXONC, TCOON);
		if (b->modes)
			ioctl(b->fd, TCSETS2, b->mode);
		b->stopped = b->modes = false;
	}
}

void terminals_destroy(struct terminals *t)
{
	for (unsigned i = 0; i < t->nr; i++)
		close(t->of[i].fd);
}

/* ---- commands */

/* As tty_wait_until_sent(), which a kick can't end. 0 or -errno. */
static int drain(struct process *p, int fd)
{
	int left, err = 0;

	while (!err && !ioctl(fd, TIOCOUTQ, &left) && left > 0)
		err = stream_sleep(p, RETRY_MS);
	return err;
}

/* A break takes a quarter of a second, whatever TCSBRKP's argument. */
static int64_t do_number(struct process *p, int fd, unsigned cmd, uint64_t arg)
{
	if (cmd == TCXONC)
		keep_flow(&p->terminals, fd, arg);
	if (cmd == TCSBRKP)
		return ioctl(fd, TCSBRK, 0) ? -errno : 0;
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static int64_t tell(struct process *p, int fd, unsigned cmd, const struct command *c,
		    gva_t from)
{
	struct termios2 given; /* the largest */

	memset(&given, 0, sizeof(given));
	if (mm_copy_from(p->mm, &given, from, c->size))
		return -EFAULT;
	if (c->how == MODES)
		keep_modes(&p->terminals, fd);
	return ioctl(fd, cmd, &given) ? -errno : 0;
}

static int64_t ask(struct process *p, int fd, unsigned cmd, uint64_t size, gva_t to)
{
	struct termios2 answer;

	memset(&answer, 0, sizeof(answer));
	if (ioctl(fd, cmd, &answer))
		return -errno;
	return mm_copy_to(p->mm, to, &answer, size) ? -EFAULT : 0;
}

/*
 * tiocgpgrp(), tiocgsid(), tiocspgrp(). The payload stands for the VMM's process group and session; of others
 * it sees what a process sees of another pid name space: 0.
 */
static int64_t group(struct process *p, int fd, unsigned cmd, gva_t arg)
{
	int host, nr;

	if (ioctl(fd, cmd == TIOCGSID ? TIOCGSID : TIOCGPGRP, &host))
		return -errno;
	if (cmd == TIOCGSID)
		nr = host == getsid(0) ? PAYLOAD_PPID : 0;
	else
		nr = host == getpgrp() ? PAYLOAD_PID : 0;
	if (cmd != TIOCSPGRP)
		return mm_copy_to(p->mm, arg, &nr, sizeof(nr)) ? -EFAULT : 0;
	if (mm_copy_from(p->mm, &nr, arg, sizeof(nr)))
		return -EFAULT;
	if (nr < 0)
		return -EINVAL;
	if (nr != PAYLOAD_PID)
		return -ESRCH;
	host = getpgrp();
	return ioctl(fd, TIOCSPGRP, &host) ? -errno : 0;
}

int64_t terminal_ioctl(struct process *p, const struct file *file, unsigned cmd,
		       uint64_t arg)
{
	const struct command *c = find_command(cmd);
	const int fd = file->fd;
	int err;

	if (!c || !file->terminal)
		return -ENOTTY;
	err = c->drains ? drain(p, fd) : 0;
	if (err)
		return err;
	switch (c->how) {
	case ASKED:
		return ask(p, fd, cmd, c->size, arg);
	case DONE:
		return do_number(p, fd, cmd, arg);
	case GROUP:
		return group(p, fd, cmd, arg);
	default:
		return tell(p, fd, cmd, c, arg);
	}
}

/* ---- reading: n_tty_read() of drivers/tty/n_tty.c */

struct pace terminal_pace(const struct file *file, uint64_t len)
{
	struct pace pace = { .least = 1, .first_ns = -1, .next_ns = -1 };
	struct termios termios;
	int64_t ns;

	if (!file->terminal || ioctl(file->fd, TCGETS, &termios) ||
	    termios.c_lflag & ICANON)
		return pace;
	ns = termios.c_cc[VTIME] * NSEC_PER_DECISECOND;
	if (!termios.c_cc[VMIN])
		pace.first_ns = ns;
	else
		pace.least = min_u64(termios.c_cc[VMIN], len);
	if (ns)
		pace.next_ns = ns;
	return pace;
}
