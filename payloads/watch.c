/* SPDX-License-Identifier: MIT */
/* watch.c DIR: what inotify(7) tells of what is done in DIR, which is empty. It says what it saw, natively the same. */
#include <asm/poll.h>
#include <linux/inotify.h>

#include "payloads/try.h"

#define ALL 0xfff /* IN_ALL_EVENTS */

static char events[4096];
static int wds[4]; /* natively, the numbers of watches may begin elsewhere */

static int place_of(int wd)
{
	for (int i = 0; i < (int)ARRAY_SIZE(wds); i++)
		if (wds[i] == wd)
			return i;
	return -1;
}

static void show_events(int fd, size_t size)
{
	long n = sys_read(fd, events, size);

	if (n < 0)
		say("  read: %ld\n", n);
	for (long at = 0; at < n;) {
		const struct inotify_event *e = (const struct inotify_event *)(events + at);

		say("  watch %d mask %x cookie %d '%s'\n", place_of(e->wd), e->mask,
		    e->cookie != 0, e->len ? e->name : "");
		at += (long)(sizeof(*e) + e->len);
	}
}

static void touch(const char *name)
{
	int fd = (int)sys_open(name, O_RDWR | O_CREAT, 0644);

	sys_write(fd, "word", 4);
	sys_pread64(fd, events, 4, 0);
	sys_close(fd);
}

static int watch(int fd, const char *path, unsigned mask)
{
	long wd = CALL(inotify_add_watch, fd, path, mask);

	say("watch %s %x: %ld\n", path, mask, wd < 0 ? wd : 0);
	return (int)wd;
}

static void errors(int fd)
{
	int pipe[2] = { -1, -1 };

	CALL(pipe, pipe);
	TRY(inotify_init1, 1);
	TRY(inotify_add_watch, -1, ".", ALL);
	TRY(inotify_add_watch, pipe[0], ".", ALL);
	TRY(inotify_add_watch, fd, ".", 0);
	TRY(inotify_add_watch, fd, ".", IN_MASK_ADD | IN_MASK_CREATE | 1);
	TRY(inotify_add_watch, fd, "none", ALL);
	TRY(inotify_add_watch, fd, BAD, ALL);
	TRY(inotify_add_watch, fd, "", ALL);
	TRY(inotify_add_watch, fd, "f", ALL | IN_ONLYDIR);
	TRY(inotify_rm_watch, fd, 9999);
	TRY(inotify_rm_watch, -1, 1);
	TRY(inotify_rm_watch, pipe[0], 1);
	TRY(write, fd, "x", 1);
	TRY(lseek, fd, 0, 0);
	sys_close(pipe[0]);
	sys_close(pipe[1]);
}

int main(int argc, char **argv)
{
	struct pollfd poll = { .events = POLLIN };
	int fd, value = 0;

	if (argc < 2 || CALL(chdir, argv[1]))
		usage("DIR");
	fd = (int)CALL(inotify_init1, IN_NONBLOCK);
	touch("f");
	errors(fd);
	wds[0] = watch(fd, ".", ALL);
	wds[1] = watch(fd, "f", ALL);
	show_events(fd, sizeof(events));
	touch("f");
	touch("g");
	CALL(mkdir, "d", 0755);
	CALL(rename, "g", "d/h");
	CALL(ioctl, fd, 0x541b /* FIONREAD */, &value);
	say("%d bytes\n", value);
	show_events(fd, 10);
	show_events(fd, 40);
	show_events(fd, sizeof(events));
	CALL(symlink, "f", "link");
	show_events(fd, sizeof(events));
	say("the same %d\n", watch(fd, "link", IN_MODIFY) == wds[1]);
	say("another %d\n", (wds[2] = watch(fd, "link", ALL | IN_DONT_FOLLOW)) != wds[1]);
	CALL(unlink, "link");
	show_events(fd, sizeof(events));
	touch("f");
	show_events(fd, sizeof(events));
	say("again %ld\n", CALL(inotify_add_watch, fd, "f", IN_MASK_CREATE | IN_OPEN));
	say("removed %ld\n", CALL(inotify_rm_watch, fd, wds[1]));
	poll.fd = fd;
	say("poll %ld %x\n", CALL(poll, &poll, 1, 100), poll.revents);
	show_events(fd, sizeof(events));
	wds[3] = watch(fd, "d", IN_DELETE_SELF | IN_ONESHOT);
	CALL(unlink, "d/h");
	CALL(rmdir, "d");
	show_events(fd, sizeof(events));
	CALL(unlink, "f");
	show_events(fd, sizeof(events));
	TRY(read, fd, BAD, 100);
	TRY(close, fd);
	return 0;
}
