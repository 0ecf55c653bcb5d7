/* text.h - small questions about strings.  ASCII case only: names of Azure are ASCII. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

bool text_equal(const char *a, const char *b);         /* both may be NULL: NULL equals NULL */
bool text_equal_nocase(const char *a, const char *b);  /* likewise, case folded */
int text_compare_nocase(const char *a, const char *b); /* neither NULL */
bool text_starts(const char *text, const char *prefix);
bool text_starts_nocase(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

/* Copies with truncation at a whole UTF-8 character, always terminated; returns false when cut. */
bool text_copy(char *out, size_t out_size, const char *text);

/* printf into memory of its own; the caller frees; NULL when there is no memory. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Copy of the first `size` bytes, NUL-terminated; the caller frees; NULL when there is no memory.
 */
char *text_dup_size(const char *text, size_t size);

/* Lower-cases ASCII in place and returns `text`. */
char *text_lower(char *text);

/* Whole decimal number, nothing before or after; ERROR_SYNTAX or ERROR_RANGE leave *out alone. */
int text_to_int64(const char *text, int64_t min, int64_t max, int64_t *out);

/* Valid UTF-8 without NUL in `size` bytes? (no surrogates, no overlong forms) */
bool text_is_utf8(const char *text, size_t size);

/* Makes such text of foreign bytes, in place: each byte that belongs to no character becomes '?'. */
void text_mend(char *text, size_t size);

/* What a terminal shows of a line that was overwritten (a progress bar): what stands behind its last
 * carriage return.  `*size`, on entry the line's own without its newline, becomes that part's. */
const char *text_last_state(const char *line, size_t *size);

/* The candidate nearest to `word` for a "did you mean": edit distance (with transpositions), case
 * folded, at most a third of the word's length and never more than 3; else the shortest that has
 * `word` in it ("margaret", of margaret@example.com); NULL when none is near. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* The text of an errno value; thread-safe; valid until the next call in this thread. */
const char *text_errno(int errnum);

#endif
