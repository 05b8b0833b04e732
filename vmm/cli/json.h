/* SPDX-License-Identifier: MIT */
/*
 * json.h: what the library tells, as JSON. Addresses and table entries are strings
 * ("0x..."), for a JSON reader may keep no more than 53 bits of a number; the rest are
 * numbers. Each function returns a new reference, or NULL where memory is short.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>
#include <mapvisor/mapvisor.h>

/* A member of an object, in a list that ends with { 0 }. */
struct json_member {
	const char *name;
	json_t *value; /* the reference goes into the object; NULL fails it */
};

json_t *json_members(const struct json_member *members);
json_t *json_address(uint64_t address);
/* Bytes as a string: as they are if they are UTF-8, else cut to 255 and all others made '?'. */
json_t *json_text(const char *bytes);
/* A program's arguments, as an array of such; NULL ends argv. */
json_t *json_arguments(char *const *argv);
/* "rw-" for MV_READ | MV_WRITE. */
json_t *json_access(unsigned access);
json_t *json_maps(struct mv_vm *vm);
json_t *json_walk(struct mv_vm *vm, const struct mv_walk *walk);

/*
 * Write it on one or more lines, in ASCII: U+0080 to U+009f are control characters, too; and drop the
 * reference. False, with errno: it failed.
 */
bool json_print(json_t *json, FILE *out);

#endif
