/* SPDX-License-Identifier: MIT */
/* print.c: formatted text in one write() a line, and the two ways to give up. */
#include "guest/rt.h"

struct out {
	int fd;
	unsigned int len;
	char buf[512];
};

/* What can't be written is lost: there is nobody left to tell. */
static void flush(struct out *o)
{
	unsigned int done = 0;

	while (done < o->len) {
		long n = sys_write(o->fd, o->buf + done, o->len - done);

		if (n <= 0)
			break;
		done += n;
	}
	o->len = 0;
}

static void put(struct out *o, char c)
{
	if (o->len == sizeof(o->buf))
		flush(o);
	o->buf[o->len++] = c;
}

static void put_string(struct out *o, const char *s)
{
	while (*s)
		put(o, *s++);
}

static void put_number(struct out *o, unsigned long n, unsigned int base)
{
	char digits[20];
	int i = 0;

	do
		digits[i++] = "0123456789abcdef"[n % base];
	while (n /= base);
	while (i)
		put(o, digits[--i]);
}

static void put_signed(struct out *o, long n)
{
	if (n < 0)
		put(o, '-');
	put_number(o, n < 0 ? -(unsigned long)n : (unsigned long)n, 10);
}

static void format(struct out *o, const char *fmt, va_list ap)
{
	for (; *fmt; fmt++) {
		bool wide = false;
		unsigned long n;

		if (*fmt != '%') {
			put(o, *fmt);
			continue;
		}
		if (*++fmt == 'l') {
			wide = true;
			fmt++;
		}
		switch (*fmt) {
		case 's':
			put_string(o, va_arg(ap, const char *));
			break;
		case 'c':
			put(o, va_arg(ap, int));
			break;
		case 'd':
			put_signed(o, wide ? va_arg(ap, long) : va_arg(ap, int));
			break;
		case 'u':
		case 'x':
			n = wide ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int);
			put_number(o, n, *fmt == 'x' ? 16 : 10);
			break;
		case 'p':
			put_string(o, "0x");
			put_number(o, (unsigned long)va_arg(ap, void *), 16);
			break;
		default:
			put(o, *fmt);
		}
	}
}

void say_to(int fd, const char *fmt, ...)
{
	struct out o;
	va_list ap;

	o.fd = fd;
	o.len = 0;
	va_start(ap, fmt);
	format(&o, fmt, ap);
	va_end(ap);
	flush(&o);
}

void say(const char *fmt, ...)
{
	struct out o;
	va_list ap;

	o.fd = 1;
	o.len = 0;
	va_start(ap, fmt);
	format(&o, fmt, ap);
	va_end(ap);
	flush(&o);
}

_Noreturn void die(long err, const char *fmt, ...)
{
	struct out o;
	va_list ap;

	o.fd = 2;
	o.len = 0;
	put_string(&o, program);
	put_string(&o, ": ");
	va_start(ap, fmt);
	format(&o, fmt, ap);
	va_end(ap);
	if (err) {
		put_string(&o, " (errno ");
		put_signed(&o, err < 0 ? -err : err);
		put(&o, ')');
	}
	put(&o, '\n');
	flush(&o);
	sys_exit_group(1);
}

_Noreturn void usage(const char *args)
{
	struct out o;

	o.fd = 2;
	o.len = 0;
	put_string(&o, "usage: ");
	put_string(&o, program);
	put(&o, ' ');
	put_string(&o, args);
	put(&o, '\n');
	flush(&o);
	sys_exit_group(2);
}
