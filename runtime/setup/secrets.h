/* secrets.h - secrets inside setup scripts: the line that tells of them, and keeping their values
 * out of everything that is shown or kept.
 *
 * A script that holds secrets ends with one comment line, which is how they travel:
 *
 *     # moonfleet-secrets/1 TOKEN:aHVudGVyMg== PASSWORD:…
 *
 * Names, and the values in base64.  Whoever runs the script, or shows what it said, reads the line
 * and hides the values; what is given back to readers has the line with the names alone.
 *
 * What is recognized in an output: the value as it is; as shells write it (single quotes, double
 * quotes, backslashes, $'…': so also what `set -x` prints); as JSON, as a URL, in hex, in base64 at
 * any alignment; line breaks inside of it (fold, base64's 76 columns), and of a value of many lines
 * each line by itself.  What a script does to a value beyond that (reverses, encrypts, spells it
 * out) is not: up to five bits at each end of an embedded base64, and anything of its own making.
 *
 * Pure.  Values are wiped when they are freed. */
#ifndef SETUP_SECRETS_H
#define SETUP_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

#define SECRETS_MAX 64 /* of one script */
#define SECRET_NAME_MAX 128
#define SECRET_VALUE_MIN 4 /* bytes: hiding shorter ones would hide ordinary text */
#define SECRET_VALUE_MAX ((size_t)16 << 10)
#define SECRETS_MASK "•••" /* what stands where a value was */

struct secrets;

/* An empty set; the caller's. ERROR_NO_MEMORY. */
int secrets_new(struct secrets **out, struct error *err);
void secrets_free(struct secrets *secrets); /* NULL is fine */

/* A letter or '_' first, then letters, digits and '_'; at most SECRET_NAME_MAX. */
bool secret_name_valid(const char *name);
/* ERROR_RANGE with a sentence ("has fewer than 4 characters, …") when the value is too short or too
 * long to be a secret. */
int secret_value_check(size_t size, struct error *err);

/* Adds a secret, copying both; the same name and value once more is no second one.  ERROR_INVALID
 * for a bad name or a second value of a name, ERROR_RANGE for a value's size, ERROR_LIMIT beyond
 * SECRETS_MAX. */
int secrets_add(struct secrets *secrets, const char *name, const char *value, size_t size,
                struct error *err);

size_t secrets_count(const struct secrets *secrets); /* NULL: 0 */
const char *secrets_name(const struct secrets *secrets, size_t index);

/* ---- the line ---- */

/* Appends the line to a script: with the values, or with the names alone.  Nothing for an empty
 * set.  Fails like buffer_check(). */
int secrets_mark(const struct secrets *secrets, bool values, struct buffer *script,
                 struct error *err);

/* Reads the line of a script, adding its secrets to the set; those without a value count as none.
 * *out_size (may be NULL) is what the script has in front of the line: all of it when it has no
 * line.  ERROR_SYNTAX for a line that is no such line, and as secrets_add(). */
int secrets_read(const char *script, size_t size, struct secrets *secrets, size_t *out_size,
                 struct error *err);

/* ---- hiding ---- */

/* Appends the text with SECRETS_MASK for every value. */
void secrets_redact(const struct secrets *secrets, const char *text, size_t size,
                    struct buffer *out);

/* The same in place, for the texts of an error; a text that would not fit is cut. */
void secrets_redact_error(const struct secrets *secrets, struct error *err);

/* Appends the text with "(secret NAME)" for every value that stands there whole: one text for all
 * values of a secret, to be digested and shown. */
void secrets_name_values(const struct secrets *secrets, const char *text, size_t size,
                         struct buffer *out);

/* The script as readers may see it: its values named, its line without values.  A script without
 * secrets comes out as it is.  Fails like secrets_read(). */
int secrets_scrub_script(const char *script, size_t size, struct buffer *out, struct error *err);

/* Text without its values that secrets_unseal() makes whole again, with the same values or others
 * that need no other quoting.  ERROR_INVALID when the text holds what stands for a value, or
 * (unseal) names a secret that the set has not, or one whose value would need other quotes. */
int secrets_seal(const struct secrets *secrets, const char *text, size_t size, struct buffer *out,
                 struct error *err);
int secrets_unseal(const struct secrets *secrets, const char *text, size_t size, struct buffer *out,
                   struct error *err);

/* ---- output as it comes ---- */

/* A filter between a script and its log.  What comes out does not depend on how the output was cut
 * into pieces. */
struct secrets_filter;

/* `secrets` is borrowed as long as the filter lives. */
int secrets_filter_new(const struct secrets *secrets, struct secrets_filter **out,
                       struct error *err);
void secrets_filter_free(struct secrets_filter *filter); /* NULL is fine */
/* Takes a piece and appends what can be told by now to `out`: the rest, which may be the beginning
 * of a value, waits for the next piece. */
void secrets_filter_put(struct secrets_filter *filter, const char *bytes, size_t size,
                        struct buffer *out);
/* The end: appends what waits.  A value that was cut off is hidden too. */
void secrets_filter_end(struct secrets_filter *filter, struct buffer *out);

#endif
