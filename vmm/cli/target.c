/* SPDX-License-Identifier: MIT */
/* target.c: addresses of a loaded program as people name them. */
#include "vmm/cli/target.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/parse.h"

#define TARGET_MAX 512

/* SYMBOL[+OFFSET]; no symbol of C or the assembler begins with a digit. */
static bool find_symbol(struct session *s, const char *text, uint64_t *gva)
{
	const char *plus = strchr(text, '+');
	uint64_t size, offset = 0;
	char name[256];

	if (plus && !parse_number(plus + 1, &offset))
		return session_fail(s, STATUS_FAILED, "%s: the offset '%s' is not a number",
				    text, plus + 1);
	if (snprintf(name, sizeof(name), "%.*s", plus ? (int)(plus - text) : -1, text) >=
		    (int)sizeof(name) ||
	    mv_symbol(s->vm, name, gva, &size))
		return session_fail(s, STATUS_FAILED, "%s: no symbol of that name in %s",
				    name, s->opt.argv[0]);
	*gva += offset;
	return true;
}

static bool find(struct session *s, const char *text, uint64_t *gva)
{
	struct mv_walk walk;

	*gva = 0;
	if (!isdigit((unsigned char)*text)) {
		if (!find_symbol(s, text, gva))
			return false;
	} else if (!parse_number(text, gva)) {
		return session_fail(s, STATUS_FAILED,
				    "%s: not an address; give 0x and hexadecimal digits, a "
				    "decimal number of 64 bits at most, or SYMBOL[+OFFSET]",
				    text);
	}
	if (mv_walk(s->vm, *gva, &walk))
		return session_fail(s, STATUS_FAILED,
				    "%s: not a canonical address: its bits 63 to 47 differ",
				    text);
	return true;
}

bool target_find(struct session *s, const char *text, size_t len, uint64_t *gva)
{
	char one[TARGET_MAX];

	snprintf(one, sizeof(one), "%.*s", (int)len, text);
	if (len >= sizeof(one))
		return session_fail(s, STATUS_FAILED, "%s...: no symbol of that name in %s",
				    one, s->opt.argv[0]);
	return find(s, one, gva);
}

bool target_list(struct session *s, const char *text, uint64_t **gvas, size_t *nr)
{
	size_t room = 1;

	for (const char *c = text; *c; c++)
		room += *c == ',';
	*nr = 0;
	*gvas = calloc(room, sizeof(**gvas));
	if (!*gvas)
		return session_fail(s, STATUS_FAILED, "%s", strerror(ENOMEM));
	while (*nr < room) {
		size_t len = strcspn(text, ",");

		if (!target_find(s, text, len, &(*gvas)[*nr])) {
			free(*gvas);
			*gvas = NULL;
			return false;
		}
		++*nr;
		text += len + 1;
	}
	return true;
}
