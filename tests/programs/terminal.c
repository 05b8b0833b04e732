/* SPDX-License-Identifier: MIT */
/*
 * terminal.c WAY: asks and tells the terminal that is its 0, 1 and 2, and says what came of it, natively the
 * same. It prints "> " when the next input is to be typed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long ret)
{
	printf("%s: %ld%s%s\n", what, ret, ret < 0 ? " " : "",
	       ret < 0 ? strerrorname_np(errno) : "");
}
#define SAY(call) say(#call, call)

static void names(void)
{
	const char *given = ttyname(0), *name = given ? given : "/none";
	struct stat a, b;
	int fd;

	printf("named %d, %d\n", !strncmp(name, "/dev/pts/", 9),
	       isatty(0) && isatty(1) && isatty(2));
	SAY(fstat(0, &a) | stat(name, &b));
	printf("the same %d\n", a.st_ino == b.st_ino && a.st_rdev == b.st_rdev &&
					a.st_dev == b.st_dev && S_ISCHR(b.st_mode));
	SAY(lstat(name, &b));
	printf("no link %d\n", S_ISCHR(b.st_mode));
	SAY(access(name, R_OK | W_OK));
	SAY(open(name, O_RDWR | O_DIRECTORY));
	fd = open(name, O_RDWR | O_NOFOLLOW | O_NOCTTY);
	say("opened", fd < 0 ? fd : 0);
	SAY(write(fd, "written\n", 8));
	printf("a terminal %d\n", isatty(fd));
	close(fd);
	fd = open(name, O_PATH);
	say("its place", fd < 0 ? fd : 0);
	SAY(write(fd, "no\n", 3));
	close(fd);
	fd = open("/dev/tty", O_RDWR);
	printf("ctermid %d\n", isatty(fd));
	close(fd);
}

static void show(const char *when)
{
	struct termios t;

	memset(&t, 0x55, sizeof(t));
	if (tcgetattr(0, &t))
		say("tcgetattr", -1);
	printf("%s: %x %x %x %x, %u %u %u, %u %u\n", when, t.c_iflag, t.c_oflag, t.c_cflag,
	       t.c_lflag, t.c_cc[VMIN], t.c_cc[VTIME], t.c_cc[VINTR], cfgetispeed(&t),
	       cfgetospeed(&t));
}

static void modes(void)
{
	static const int actions[] = { TCSANOW, TCSADRAIN, TCSAFLUSH };
	struct termios given, t;
	int pipes[2];

	show("given");
	tcgetattr(0, &given);
	for (unsigned i = 0; i < 3; i++) {
		t = given;
		cfmakeraw(&t);
		t.c_oflag |= OPOST;
		t.c_cc[VMIN] = (cc_t)(7 + i);
		t.c_cc[VTIME] = (cc_t)(3 + i);
		cfsetspeed(&t, B9600);
		SAY(tcsetattr(0, actions[i], &t));
		show("set");
	}
	SAY(tcsetattr(0, TCSANOW, &given));
	show("again");
	SAY(tcsetattr(0, 77, &given));
	SAY(ioctl(0, TCGETS, 8));
	SAY(ioctl(0, TCSETS, 8));
	SAY(ioctl(0, TIOCGWINSZ, 8));
	SAY(ioctl(0, TIOCGPGRP, 8));
	SAY(ioctl(0, TIOCSPGRP, 8));
	SAY(ioctl(0, 0x54ff, 0));
	SAY(pipe(pipes));
	SAY(tcgetattr(pipes[0], &t));
	SAY(tcsetattr(pipes[0], TCSANOW, &t));
	SAY(tcdrain(pipes[1]));
	SAY(tcgetpgrp(pipes[0]));
	SAY(tcgetattr(99, &t));
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + ts.tv_nsec / 1e9;
}

static void read_some(unsigned min, unsigned ds, size_t len, const char *prompt)
{
	const double start = now();
	struct termios t;
	char buf[64];
	ssize_t n;

	tcgetattr(0, &t);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)ds;
	tcsetattr(0, TCSANOW, &t);
	printf("%s", prompt);
	n = read(0, buf, len);
	printf("min %u, time %u, of %zu: %zd '%.*s', %s\n", min, ds, len, n,
	       n > 0 ? (int)n : 0, buf,
	       !*prompt && now() - start < ds * 0.1 ? "too early" : "in time");
}

/* termios(3), "Canonical and noncanonical mode": each of the four ways, what comes at once and bit by bit. */
static void paces(void)
{
	read_some(0, 0, 4, "");
	read_some(0, 2, 4, "");
	read_some(0, 50, 4, "> ");
	read_some(1, 0, 8, "> ");
	read_some(3, 0, 8, "> ");
	read_some(200, 0, 2, "> ");
	read_some(4, 2, 8, "> ");
	read_some(3, 0, 0, "");
	read_some(1, 0, 1, "> ");
}

static volatile sig_atomic_t caught;

static void catch (int signo)
{
	caught = signo;
}

/* What the terminal sends: Ctrl-C, and of a window that has got another size. */
static void signals(void)
{
	struct sigaction action = { .sa_handler = catch };
	struct winsize size = { 30, 100, 0, 0 };
	sigset_t set, old;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGWINCH, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &old);
	SAY(ioctl(0, TIOCSWINSZ, &size));
	sigsuspend(&old);
	printf("caught %d\n", caught);
	memset(&size, 0, sizeof(size));
	SAY(ioctl(1, TIOCGWINSZ, &size));
	printf("%d x %d\n", size.ws_row, size.ws_col);
	printf("> ");
	sigsuspend(&old);
	printf("caught %d\n", caught);
}

static void groups(void)
{
	printf("group %d, session %d\n", tcgetpgrp(0) == getpgrp(),
	       tcgetsid(0) == getsid(0));
	SAY(tcsetpgrp(0, getpgrp()));
	SAY(tcsetpgrp(0, -1));
	SAY(tcsetpgrp(0, 1 << 22));
	printf("group %d\n", tcgetpgrp(0) == getpgrp());
}

static void flow(void)
{
	int n = 0, off, on;

	off = tcflow(0, TCOOFF);
	on = tcflow(0, TCOON);
	printf("%d, %d\n", off, on);
	SAY(tcdrain(0));
	SAY(tcsendbreak(0, 0));
	SAY(tcsendbreak(0, 3));
	SAY(tcflow(0, TCIOFF));
	SAY(tcflow(0, TCION));
	SAY(tcflow(0, 9));
	SAY(tcflush(0, 9));
	printf("> ");
	while (!n && !ioctl(0, FIONREAD, &n))
		usleep(1000);
	usleep(10000);
	SAY(tcflush(0, TCIFLUSH));
	SAY(ioctl(0, FIONREAD, &n));
	printf("left %d\n", n);
	SAY(ioctl(0, TIOCOUTQ, &n));
	SAY(ioctl(0, TIOCGETD, &n));
	printf("discipline %d\n", n);
}

/* It leaves its modes behind, or its end does. */
static void leave(int signo)
{
	struct termios t;

	tcgetattr(0, &t);
	cfmakeraw(&t);
	t.c_oflag |= OPOST;
	tcsetattr(0, TCSANOW, &t);
	if (signo) {
		tcflow(0, TCOOFF);
		raise(signo);
	}
}

/* A key, whatever became of the terminal while it waits. */
static void key(void)
{
	struct termios t;
	char c = 0;

	tcgetattr(0, &t);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(0, TCSANOW, &t);
	printf("> ");
	SAY(read(0, &c, 1));
	printf("got %c\n", c);
}

static void leave_by_exit(void)
{
	leave(0);
}

static void leave_by_abort(void)
{
	leave(SIGABRT);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*go)(void);
	} ways[] = {
		{ "names", names },
		{ "modes", modes },
		{ "paces", paces },
		{ "signals", signals },
		{ "groups", groups },
		{ "flow", flow },
		{ "key", key },
		{ "exit", leave_by_exit },
		{ "abort", leave_by_abort },
	};

	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (argc > 1 && !strcmp(argv[1], ways[i].name)) {
			ways[i].go();
			return 0;
		}
	return 2;
}
