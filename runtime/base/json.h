/* json.h - what we need beyond cJSON: bounded parsing, lookups by path, canonical text.
 *
 * Trees are plain cJSON, owned as cJSON owns them: release with cJSON_Delete(). */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define JSON_DEPTH_MAX 64

/* Parses exactly one JSON text of `size` bytes (nothing but white space after it, valid UTF-8, no
 * NUL escapes, no deeper than JSON_DEPTH_MAX).  *out is the caller's.  ERROR_SYNTAX tells the byte
 * offset and `what` it was; ERROR_NO_MEMORY. */
int json_parse(const char *text, size_t size, const char *what, cJSON **out, struct error *err);

/* Member at a dotted path ("properties.properties.vmSize"); NULL when missing, null or not an
 * object on the way.  Member names compare exactly. */
const cJSON *json_at(const cJSON *tree, const char *path);

/* Its value when it is of that type; else the fallback. The string is borrowed from the tree. */
const char *json_string(const cJSON *tree, const char *path, const char *fallback);
bool json_bool(const cJSON *tree, const char *path, bool fallback);
int64_t json_int(const cJSON *tree, const char *path, int64_t fallback);

/* Puts `value` (taken, also on failure) at a dotted path, making the objects on the way; an
 * existing member is replaced, and a null on the way counts as missing.  ERROR_NO_MEMORY (also for
 * a NULL `value`, which is a failed cJSON_Create…), or ERROR_INVALID when something on the way is
 * no object. */
int json_put(cJSON *tree, const char *path, cJSON *value);
int json_put_string(cJSON *tree, const char *path, const char *text); /* NULL text: JSON null */

/* Puts the items of an array in order; equal ones may change places.  ERROR_NO_MEMORY leaves it as it
 * is.  (cJSON 1.7.15 cannot insert into the middle of an array whose head was inserted.) */
int json_sort(cJSON *array, int (*compare)(const cJSON *a, const cJSON *b));

/* Compact text; `sorted` puts every object's members in byte order (one text for equal trees: for
 * digests and comparisons).  Appends to `out`; a NULL tree is null. */
void json_print(const cJSON *tree, bool sorted, struct buffer *out);

/* The same, as a string that the caller frees; NULL when there is no memory. */
char *json_text(const cJSON *tree);
/* Indented by two, for people; the caller frees. */
char *json_pretty(const cJSON *tree);

/* Appends a JSON string literal with its quotes. */
void json_quote(struct buffer *out, const char *text);

/* Deep equality: the sorted texts are the same.  Member order does not matter, names compare
 * exactly. */
bool json_equal(const cJSON *a, const cJSON *b);

/* {"code","message","target","file","line","status","details"}: what is unknown is left out.  The
 * code is ARM's, or ours as a word of that style ("NotFound").  The caller's. */
cJSON *json_error(const struct error *err);
const char *json_error_code(const struct error *err); /* that code; the error's own, or static */

#endif
