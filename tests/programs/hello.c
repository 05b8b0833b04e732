/* SPDX-License-Identifier: MIT */
/* hello.c: what nearly every program of a C library's does at first: arguments, memory, output, an end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local int mine = 42;

static void last(void)
{
	printf("last words, %d\n", mine);
}

int main(int argc, char **argv)
{
	char *text = strdup(""), *big = malloc(10 << 20);
	size_t sum = 0;

	atexit(last);
	memset(big, 3, 10 << 20);
	for (int i = 0; i < 10 << 20; i += 1000)
		sum += (size_t)big[i];
	for (int i = 0; i < argc; i++) {
		text = realloc(text, strlen(text) + strlen(argv[i]) + 2);
		strcat(strcat(text, " "), i ? argv[i] : "hello");
	}
	mine++;
	printf("%s: %zu, %.3f, %s\n", text, sum, 22 / 7.0, getenv("TEST"));
	free(big);
	free(text);
	return argc;
}
