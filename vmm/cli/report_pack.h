/* SPDX-License-Identifier: MIT */
/*
 * report_pack.h: a trace as columns of numbers, each of one type, and how they get into the page:
 * one after the other, deflated, in base64. report/data.js reads them by these names.
 */
#ifndef CLI_REPORT_PACK_H
#define CLI_REPORT_PACK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PACK_NONE UINT32_MAX /* no string, symbol, VMA, ...; an event that never came */

/*
 * COLUMN(name, type): a row an event of a kind, in order, or a row a thing that events name by its
 * number. str, sym, vma, walk and table are such numbers.
 */
#define PACK_COLUMNS(COLUMN)                                                                            \
	/* every event: its type (enum pack_type), seq less the last one's, t in ns */                  \
	COLUMN(ev_type, u8)                                                                             \
	COLUMN(ev_gap, u32)                                                                             \
	COLUMN(ev_t, f64)                                                                               \
	/* faults; bits: MV_READ | MV_WRITE | MV_EXEC, 8 host, 16 major */                              \
	COLUMN(f_kind, u8)                                                                              \
	COLUMN(f_bits, u8)                                                                              \
	COLUMN(f_gva, u64)                                                                              \
	COLUMN(f_sym, u32)                                                                              \
	COLUMN(f_rip, u64)                                                                              \
	COLUMN(f_rip_sym, u32)                                                                          \
	COLUMN(f_vma, u32)                                                                              \
	COLUMN(f_walk, u32)                                                                             \
	COLUMN(f_before, u64) /* the walks' fourth entries */                                           \
	COLUMN(f_after, u64)                                                                            \
	COLUMN(f_gpa, u64)                                                                              \
	COLUMN(f_size, u32)                                                                             \
	COLUMN(f_around, u32)                                                                           \
	COLUMN(f_huge, u32)                                                                             \
	COLUMN(f_copied, u32)                                                                           \
	COLUMN(f_made, u32) /* pud, pmd, pte: 8 bits each from the lowest on */                         \
	COLUMN(f_signal, u32)                                                                           \
	COLUMN(f_code, u32)                                                                             \
	COLUMN(f_spent, f64)                                                                            \
	/* calls; rkind: enum pack_result */                                                            \
	COLUMN(c_nr, u32)                                                                               \
	COLUMN(c_name, u32)                                                                             \
	COLUMN(c_text, u32)                                                                             \
	COLUMN(c_rkind, u8)                                                                             \
	COLUMN(c_result, u64)                                                                           \
	COLUMN(c_error, u32)                                                                            \
	COLUMN(c_rip, u64)                                                                              \
	COLUMN(c_spent, f64)                                                                            \
	/* violations; bits: 1 a write, 2 a file's */                                                   \
	COLUMN(x_gpa, u64)                                                                              \
	COLUMN(x_start, u64)                                                                            \
	COLUMN(x_bytes, f64)                                                                            \
	COLUMN(x_bits, u8)                                                                              \
	COLUMN(x_spent, f64)                                                                            \
	/* tables made and gone */                                                                      \
	COLUMN(t_table, u32)                                                                            \
	COLUMN(t_made, u8)                                                                              \
	/* entries; after it: slots used in the table, pages with an entry, anonymous ones */           \
	COLUMN(e_table, u32)                                                                            \
	COLUMN(e_index, u16)                                                                            \
	COLUMN(e_n, u16)                                                                                \
	COLUMN(e_old, u64)                                                                              \
	COLUMN(e_value, u64)                                                                            \
	COLUMN(e_step, u64)                                                                             \
	COLUMN(e_used, u16)                                                                             \
	COLUMN(e_pages, f64)                                                                            \
	COLUMN(e_anon, f64)                                                                             \
	/* VMAs come and gone */                                                                        \
	COLUMN(a_vma, u32)                                                                              \
	COLUMN(a_added, u8)                                                                             \
	/* signals, ends */                                                                             \
	COLUMN(g_signal, u32)                                                                           \
	COLUMN(g_code, u32)                                                                             \
	COLUMN(g_addr, u64)                                                                             \
	COLUMN(g_handler, u64)                                                                          \
	COLUMN(g_rip, u64)                                                                              \
	COLUMN(g_rip_sym, u32)                                                                          \
	COLUMN(n_how, u32)                                                                              \
	COLUMN(n_status, u32)                                                                           \
	/* a table from the event that made it to the one that freed it */                              \
	COLUMN(i_level, u8)                                                                             \
	COLUMN(i_gpa, u64)                                                                              \
	COLUMN(i_gva, u64)                                                                              \
	COLUMN(i_born, u32)                                                                             \
	COLUMN(i_died, u32)                                                                             \
	/* a VMA from the event that it came with to the one that it went with */                       \
	COLUMN(l_vma, u32)                                                                              \
	COLUMN(l_born, u32)                                                                             \
	COLUMN(l_died, u32)                                                                             \
	/* VMAs; bits: MV_READ | MV_WRITE | MV_EXEC, 8 shared, 16 hugetlb, 32 growsdown */              \
	COLUMN(v_start, u64)                                                                            \
	COLUMN(v_end, u64)                                                                              \
	COLUMN(v_offset, u64)                                                                           \
	COLUMN(v_name, u32)                                                                             \
	COLUMN(v_bits, u8)                                                                              \
	/* symbols: name, and the gva where it begins */                                                \
	COLUMN(y_base, u64)                                                                             \
	COLUMN(y_name, u32)                                                                             \
	/* walks but for the fourth entries: how many entries before | after << 4, the three of each */ \
	COLUMN(w_n, u8)                                                                                 \
	COLUMN(w_entry, u64)                                                                            \
	/* strings: their bytes, and where each ends */                                                 \
	COLUMN(s_bytes, u8)                                                                             \
	COLUMN(s_end, u32)

enum pack_column {
#define COLUMN(name, type) COL_##name,
	PACK_COLUMNS(COLUMN)
#undef COLUMN
		PACK_NR_COLUMNS
};

enum pack_type {
	PACK_CALL,
	PACK_FAULT,
	PACK_VIOLATION,
	PACK_TABLE,
	PACK_ENTRIES,
	PACK_VMA,
	PACK_SIGNAL,
	PACK_END,
};

enum pack_result { PACK_NO_RESULT, PACK_NUMBER, PACK_ADDRESS, PACK_ERROR };

/* Things that are alike have one number: 0, 1, ... A thing is its bytes. */
struct dict {
	char *bytes;	/* of all of them, one behind the other */
	uint32_t *end;	/* of each in bytes */
	uint32_t *slot; /* by hash: number + 1; 0: free */
	size_t n, end_cap, slots, bytes_cap;
};

struct column_data {
	void *data;
	size_t n, cap; /* in rows */
};

struct pack {
	struct column_data col[PACK_NR_COLUMNS];
	struct dict strings;
	bool failed; /* no memory, or more than 32 bits count; nothing is to be had any more */
};

void pack_free(struct pack *p);

void pack_put(struct pack *p, enum pack_column column, uint64_t value);
void pack_put_real(struct pack *p, enum pack_column column, double value);

size_t pack_rows(const struct pack *p, enum pack_column column);
uint64_t pack_get(const struct pack *p, enum pack_column column, size_t row);
void pack_set(struct pack *p, enum pack_column column, size_t row, uint64_t value);

/* PACK_NONE for "". */
uint32_t pack_string(struct pack *p, const char *text, size_t len);

/* Find or add it. False: no memory. */
bool dict_add(struct dict *d, const void *thing, size_t len, uint32_t *number);
bool dict_has(const struct dict *d, const void *thing, size_t len);
const void *dict_get(const struct dict *d, uint32_t number, size_t *len);
void dict_free(struct dict *d);

/*
 * Write it as text of the alphabet of base64: 4 bytes of length, meta with the columns' names,
 * types and rows, the columns. Drops meta's reference. False, with errno.
 */
bool pack_write(struct pack *p, json_t *meta, FILE *out);

#endif
