/* SPDX-License-Identifier: MIT */
/* report_pack.c: columns of numbers, numbered things, and the way into the page. */
#include "vmm/cli/report_pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ALIGN 8u     /* of each column, so that it can be looked at where it lies */
#define CHUNK 49152u /* of 3 bytes, which are 4 of base64 */
#define LEVEL 6

enum { TYPE_u8, TYPE_u16, TYPE_u32, TYPE_u64, TYPE_f64 };

static const struct {
	const char *name;
	unsigned size;
} types[] = { { "u8", 1 }, { "u16", 2 }, { "u32", 4 }, { "u64", 8 }, { "f64", 8 } };

static const struct {
	const char *name;
	unsigned type;
} columns[] = {
#define COLUMN(name, type) { #name, TYPE_##type },
	PACK_COLUMNS(COLUMN)
#undef COLUMN
};

static unsigned size_of(enum pack_column column)
{
	return types[columns[column].type].size;
}

/* Room for one more than n things; *cap counts them. */
static bool grow(void **data, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *more;

	if (n < *cap)
		return true;
	more = reallocarray(*data, want, size);
	if (!more)
		return false;
	*data = more;
	*cap = want;
	return true;
}

void pack_put(struct pack *p, enum pack_column column, uint64_t value)
{
	struct column_data *c = &p->col[column];

	if (!grow(&c->data, c->n, &c->cap, size_of(column))) {
		p->failed = true;
		return;
	}
	pack_set(p, column, c->n++, value);
}

void pack_put_real(struct pack *p, enum pack_column column, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	pack_put(p, column, bits);
}

size_t pack_rows(const struct pack *p, enum pack_column column)
{
	return p->col[column].n;
}

/* x86-64 is little-endian: the low bytes come first, here and in the page. */
uint64_t pack_get(const struct pack *p, enum pack_column column, size_t row)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)p->col[column].data + row * size_of(column),
	       size_of(column));
	return value;
}

void pack_set(struct pack *p, enum pack_column column, size_t row, uint64_t value)
{
	memcpy((char *)p->col[column].data + row * size_of(column), &value,
	       size_of(column));
}

/* FNV-1a. */
static uint64_t hash(const void *thing, size_t len)
{
	const unsigned char *byte = thing;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ byte[i]) * 0x100000001b3;
	return h ^ h >> 32;
}

const void *dict_get(const struct dict *d, uint32_t number, size_t *len)
{
	uint32_t start = number ? d->end[number - 1] : 0;

	*len = d->end[number] - start;
	return d->bytes + start;
}

/* The slot that has it, or the free one where it belongs. */
static uint32_t *find(const struct dict *d, const void *thing, size_t len)
{
	for (uint64_t h = hash(thing, len);; h++) {
		uint32_t *slot = &d->slot[h & (d->slots - 1)];
		const void *other;
		size_t n;

		if (!*slot)
			return slot;
		other = dict_get(d, *slot - 1, &n);
		if (n == len && !memcmp(other, thing, len))
			return slot;
	}
}

/* At most half of the slots are in use. */
static bool rehash(struct dict *d)
{
	size_t slots = d->slots ? d->slots * 2 : 64, len;
	uint32_t *old = d->slot;

	if (2 * (d->n + 1) <= d->slots)
		return true;
	d->slot = calloc(slots, sizeof(*d->slot));
	if (!d->slot) {
		d->slot = old;
		return false;
	}
	d->slots = slots;
	for (uint32_t i = 0; i < d->n; i++) {
		const void *thing = dict_get(d, i, &len);

		*find(d, thing, len) = i + 1;
	}
	free(old);
	return true;
}

bool dict_add(struct dict *d, const void *thing, size_t len, uint32_t *number)
{
	size_t used = d->n ? d->end[d->n - 1] : 0;
	uint32_t *slot;

	if (!rehash(d))
		return false;
	slot = find(d, thing, len);
	if (*slot) {
		*number = *slot - 1;
		return true;
	}
	if (used + len > UINT32_MAX || d->n >= PACK_NONE - 1 ||
	    !grow((void **)&d->end, d->n, &d->end_cap, sizeof(*d->end)))
		return false;
	while (used + len >= d->bytes_cap)
		if (!grow((void **)&d->bytes, d->bytes_cap, &d->bytes_cap, 1))
			return false;
	memcpy(d->bytes + used, thing, len);
	d->end[d->n] = used + len;
	*number = d->n++;
	*slot = d->n;
	return true;
}

void dict_free(struct dict *d)
{
	free(d->bytes);
	free(d->end);
	free(d->slot);
}

bool dict_has(const struct dict *d, const void *thing, size_t len)
{
	return d->n && *find(d, thing, len);
}

uint32_t pack_string(struct pack *p, const char *text, size_t len)
{
	uint32_t number;

	if (!len)
		return PACK_NONE;
	if (dict_add(&p->strings, text, len, &number))
		return number;
	p->failed = true;
	return PACK_NONE;
}

void pack_free(struct pack *p)
{
	for (int i = 0; i < PACK_NR_COLUMNS; i++)
		free(p->col[i].data);
	dict_free(&p->strings);
}

/* ---- Into the page ---- */

struct stream {
	z_stream z;
	FILE *out;
	unsigned char bytes[CHUNK]; /* deflated, not yet written */
};

static bool write_base64(const unsigned char *bytes, size_t len, FILE *out)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[CHUNK / 3 * 4], *to = text;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		unsigned three = bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) |
				 (left > 2 ? bytes[i + 2] : 0);

		*to++ = digit[three >> 18];
		*to++ = digit[three >> 12 & 63];
		*to++ = left > 1 ? digit[three >> 6 & 63] : '=';
		*to++ = left > 2 ? digit[three & 63] : '=';
	}
	return fwrite(text, 1, to - text, out) == (size_t)(to - text);
}

static bool put(struct stream *s, const void *bytes, size_t len, int flush)
{
	int err;

	do { /* avail_in has 32 bits */
		size_t part = len < 1u << 30 ? len : 1u << 30;
		bool last = part == len;

		s->z.next_in = (void *)bytes;
		s->z.avail_in = part;
		do {
			if (!s->z.avail_out) {
				if (!write_base64(s->bytes, CHUNK, s->out))
					return false;
				s->z.next_out = s->bytes;
				s->z.avail_out = CHUNK;
			}
			err = deflate(&s->z, last ? flush : Z_NO_FLUSH);
		} while (s->z.avail_in || !s->z.avail_out ||
			 (flush == Z_FINISH && err != Z_STREAM_END));
		bytes = (const char *)bytes + part;
		len -= part;
	} while (len);
	return flush != Z_FINISH || write_base64(s->bytes, CHUNK - s->z.avail_out, s->out);
}

static bool put_aligned(struct stream *s, const void *bytes, size_t len)
{
	static const char zeroes[ALIGN];

	return (!len || put(s, bytes, len, Z_NO_FLUSH)) &&
	       (!(len % ALIGN) || put(s, zeroes, ALIGN - len % ALIGN, Z_NO_FLUSH));
}

static bool put_all(struct stream *s, struct pack *p, const char *meta)
{
	/* The first length is a column's, too: aligned, for the same reason. */
	uint64_t len = strlen(meta);

	if (!put_aligned(s, &len, sizeof(len)) || !put_aligned(s, meta, len))
		return false;
	for (int i = 0; i < PACK_NR_COLUMNS; i++)
		if (!put_aligned(s, p->col[i].data, p->col[i].n * size_of(i)))
			return false;
	return put(s, "", 0, Z_FINISH);
}

static bool describe(const struct pack *p, json_t *meta)
{
	json_t *list = json_array();

	for (int i = 0; i < PACK_NR_COLUMNS; i++)
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:I}", "name", columns[i].name,
						"type", types[columns[i].type].name, "rows",
						(json_int_t)p->col[i].n));
	return !json_object_set_new(meta, "columns", list) &&
	       json_array_size(list) == PACK_NR_COLUMNS;
}

/* The strings become columns like the rest. */
static bool put_strings(struct pack *p)
{
	size_t len = p->strings.n ? p->strings.end[p->strings.n - 1] : 0;

	for (size_t i = 0; i < len; i++)
		pack_put(p, COL_s_bytes, (unsigned char)p->strings.bytes[i]);
	for (size_t i = 0; i < p->strings.n; i++)
		pack_put(p, COL_s_end, p->strings.end[i]);
	return !p->failed;
}

bool pack_write(struct pack *p, json_t *meta, FILE *out)
{
	struct stream s = { .out = out };
	char *text = NULL;
	bool done = false;

	errno = ENOMEM;
	if (put_strings(p) && meta && describe(p, meta))
		text = json_dumps(meta, JSON_COMPACT);
	json_decref(meta);
	if (text && deflateInit(&s.z, LEVEL) == Z_OK) {
		s.z.next_out = s.bytes;
		s.z.avail_out = CHUNK;
		done = put_all(&s, p, text);
		deflateEnd(&s.z);
	}
	free(text);
	return done;
}
