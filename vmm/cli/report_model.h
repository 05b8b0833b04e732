/* SPDX-License-Identifier: MIT */
/*
 * report_model.h: what a trace's events add up to: which table an event means, from when to when each
 * table and each VMA is there, how many pages have an entry. A trace may have been filtered: an
 * event whose counterpart is missing is taken as it is.
 */
#ifndef CLI_REPORT_MODEL_H
#define CLI_REPORT_MODEL_H

#include <bsd/sys/tree.h>

#include "vmm/cli/report_pack.h"

struct area;

struct model {
	struct pack *pack;
	struct dict gpas;	    /* of tables */
	struct column_data current; /* by number in gpas, uint32_t: the table there now */
	RB_HEAD(areas, area) areas; /* the VMAs that there are */
	struct dict anonymous;	    /* 2 MiB of gpa each, that hold anonymous frames */
};

void model_init(struct model *m, struct pack *pack);
void model_free(struct model *m);

/* In the order of the trace; event counts from 0. What is returned is a number in the pack. */
uint32_t model_table(struct model *m, uint32_t event, bool made, unsigned level,
		     uint64_t gpa, uint64_t gva);
uint32_t model_entries(struct model *m, uint32_t event, unsigned level, uint64_t gpa,
		       uint64_t table_gva);
void model_vma(struct model *m, uint32_t event, bool added, uint64_t start, uint64_t end,
	       uint32_t vma, bool anonymous);

/* The frame at gpa is anonymous memory. */
void model_anonymous(struct model *m, uint64_t gpa);
/* The entry at gva leads to gpa: what VMA there is says of what kind the frame is. */
void model_frame(struct model *m, uint64_t gva, uint64_t gpa);

/* At the end: what was still open then, and the counts after each run of entries. */
void model_finish(struct model *m);

#endif
