/* SPDX-License-Identifier: MIT */
/* noexec.c: calls code in a writable page: SIGSEGV, unless `ok' made it executable. */
#include "guest/rt.h"

static const unsigned char code[] = {
	0xb8, 0x2a, 0x00, 0x00, 0x00, /* mov $42, %eax */
	0xc3,			      /* ret */
};

unsigned char *page;

static __attribute__((noinline)) int call_page(void)
{
	return ((int (*)(void))page)();
}

int main(int argc, char **argv)
{
	bool ok = argc == 2 && !strcmp(argv[1], "ok");
	long err;

	if (argc > 1 && !ok)
		usage("[ok]");
	page = must_map(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memcpy(page, code, sizeof(code));
	if (ok) {
		err = sys_mprotect(page, PAGE_SIZE, PROT_READ | PROT_EXEC);
		if (err < 0)
			die(err, "cannot make the page executable");
	}
	say("about to call a page that is %s\n", ok ? "executable" : "not executable");
	say("it returned %d\n", call_page());
	return 0;
}
