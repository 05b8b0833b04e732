/* SPDX-License-Identifier: MIT */
/* test_file.c: a mapped file that the host changes while the payload runs. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "tests/kvm/sandbox.h"

#define LIMIT .timeout = 60

/* What happens to a file of two pages while `wait` waits. */
struct change {
	struct sandbox s;
	char path[PATH_MAX];
	int go[2]; /* the payload's fd 0 */
	long size; /* what the file is cut or grown to; -1: it stays */
	char byte; /* what is written as its last one */
};

static void *change_file(void *arg)
{
	struct change *c = arg;
	int fd = open(c->path, O_RDWR | O_CLOEXEC);
	struct stat st;
	bool done;

	/* it has read the file as it was when it says so */
	while (!fstat(c->s.out, &st) && !st.st_size)
		usleep(1000);
	done = fd >= 0 &&
	       (c->size < 0 ? pwrite(fd, &c->byte, 1, 8191) == 1 : !ftruncate(fd, c->size));
	close(fd);
	if (write(c->go[1], done ? "g" : "", done) < 0)
		return c;
	close(c->go[1]);
	return NULL;
}

static void run_while_changing(struct change *c)
{
	static char bytes[2 * MV_PAGE_SIZE];
	struct mv_grant grant = { c->path, false };
	pthread_t thread;

	memset(bytes, 'x', sizeof(bytes));
	make_file(c->path, bytes, sizeof(bytes));
	cr_assert(!pipe2(c->go, O_CLOEXEC));
	sandbox_init(&c->s);
	c->s.opt.grants = &grant;
	c->s.opt.ngrants = 1;
	c->s.opt.fds[0] = c->go[0];
	pthread_create(&thread, NULL, change_file, c);
	sandbox_do(&c->s, "wait", c->path);
	pthread_join(thread, NULL);
	close(c->go[0]);
	unlink(c->path);
}

Test(file, cut_under_its_mapping_gives_sigbus_from_then_on, LIMIT)
{
	static struct change c = { .size = 100 };

	REQUIRE_KVM();
	run_while_changing(&c);
	mv_assert_signal(&c.s.end, SIGBUS, BUS_ADRERR, global(&c.s, "fault_address"));
	cr_assert_str_eq(c.s.text, "last byte x\n");
	sandbox_close(&c.s);
}

Test(file, grown_under_its_mapping_shows_its_new_pages, LIMIT)
{
	static struct change c = { .size = 3 * MV_PAGE_SIZE };

	REQUIRE_KVM();
	run_while_changing(&c);
	mv_assert_exited(&c.s.end, 0);
	cr_assert(strstr(c.s.text, "last byte x now\n"), "%s", c.s.text);
	sandbox_close(&c.s);
}

Test(file, written_by_the_host_is_seen_through_the_mapping, LIMIT)
{
	static struct change c = { .size = -1, .byte = 'h' };

	REQUIRE_KVM();
	run_while_changing(&c);
	cr_assert(strstr(c.s.text, "last byte h now\n"), "%s", c.s.text);
	mv_assert_signal(&c.s.end, SIGBUS, BUS_ADRERR, global(&c.s, "fault_address"));
	sandbox_close(&c.s);
}
