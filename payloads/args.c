/* SPDX-License-Identifier: MIT */
/* args.c: shows what the initial stack holds: arguments, environment, auxiliary vector. */
#include "guest/rt.h"

#define NAME(type) [type] = #type

static const char *const names[] = {
	NAME(AT_IGNORE), NAME(AT_EXECFD), NAME(AT_PHDR),	  NAME(AT_PHENT),
	NAME(AT_PHNUM),	 NAME(AT_PAGESZ), NAME(AT_BASE),	  NAME(AT_FLAGS),
	NAME(AT_ENTRY),	 NAME(AT_NOTELF), NAME(AT_UID),		  NAME(AT_EUID),
	NAME(AT_GID),	 NAME(AT_EGID),	  NAME(AT_PLATFORM),	  NAME(AT_HWCAP),
	NAME(AT_CLKTCK), NAME(AT_SECURE), NAME(AT_BASE_PLATFORM), NAME(AT_RANDOM),
	NAME(AT_HWCAP2), NAME(AT_EXECFN), NAME(AT_SYSINFO_EHDR),  NAME(AT_MINSIGSTKSZ),
};

/* What points at a string is shown as that string, as its place differs from run to run. */
static void show_aux(unsigned long type, unsigned long value)
{
	switch (type) {
	case AT_PLATFORM:
	case AT_BASE_PLATFORM:
	case AT_EXECFN:
		say("%s \"%s\"\n", names[type], (const char *)value);
		break;
	case AT_RANDOM:
		say("%s 16 bytes\n", names[type]);
		break;
	default:
		if (type < ARRAY_SIZE(names) && names[type])
			say("%s 0x%lx\n", names[type], value);
		else
			say("AT_%lu 0x%lx\n", type, value);
	}
}

int main(int argc, char **argv, char **envp)
{
	unsigned long *aux;

	say("argc %d\n", argc);
	for (int i = 0; i < argc; i++)
		say("argv[%d] \"%s\"\n", i, argv[i]);
	while (*envp)
		say("envp \"%s\"\n", *envp++);
	for (aux = (unsigned long *)envp + 1; aux[0] != AT_NULL; aux += 2)
		show_aux(aux[0], aux[1]);
	return 0;
}
