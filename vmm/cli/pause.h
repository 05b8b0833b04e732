/* SPDX-License-Identifier: MIT */
/* pause.h: `mapvisor run --pause-at --diff`: stops on the way, with what is to be seen there. */
#ifndef CLI_PAUSE_H
#define CLI_PAUSE_H

#include <mapvisor/tables.h>

#include "vmm/cli/json.h"
#include "vmm/cli/session.h"

/* One --pause-at. */
struct place {
	const char *text; /* as it was typed */
	size_t len;	  /* of text, SYMBOL[+OFFSET] or 0xADDR; 0: a fault */
	uint64_t fault;	  /* N; 0: an address */
	uint64_t count;	  /* stop so often */
	uint64_t hits;
	int id; /* of the library's stop; 0: it has none of its own (yet) */
};

struct pause {
	struct cli *cli;
	struct place *places;
	size_t nr;
	const char **walks; /* lists, as they were typed */
	size_t nr_walks;
	bool diff, smaps;
	/* of the run: */
	uint64_t *gvas; /* what --walk names */
	size_t nr_gvas;
	unsigned stops;		  /* so far */
	struct mv_tables *before; /* at the last one, with diff */
	char since[128];	  /* ... which was there */
	json_t *json;		  /* what was told so far; NULL: text */
};

extern const struct argp pause_argp; /* its input is a struct pause with cli set */

/* Whether something of it was asked for. */
static inline bool pause_wanted(const struct pause *p)
{
	return p->nr || p->diff;
}

/* session_run(), with the stops. */
bool pause_run(struct session *s, struct pause *p);
void pause_free(struct pause *p);

#endif
