/* SPDX-License-Identifier: MIT */
/*
 * string.c: the mem and str functions that the compiler may call by itself, and strcmp.
 * Moving is left to the string instructions: short, and as fast as the microcode.
 */
#include "guest/rt.h"

void *memcpy(void *dst, const void *src, size_t len)
{
	void *d = dst;

	asm volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(len) : : "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
	char *d = (char *)dst + len - 1;
	const char *s = (const char *)src + len - 1;

	if ((uintptr_t)dst - (uintptr_t)src >= len)
		return memcpy(dst, src, len);
	asm volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(len) : : "memory");
	return dst;
}

void *memset(void *dst, int byte, size_t len)
{
	void *d = dst;

	asm volatile("rep stosb" : "+D"(d), "+c"(len) : "a"(byte) : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const unsigned char *p = a, *q = b;

	for (; len; len--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return end - s;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}
