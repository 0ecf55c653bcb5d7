/* quote.h - words of a POSIX shell: quoting what a script is to see whole, and the inverse. */
#ifndef SETUP_QUOTE_H
#define SETUP_QUOTE_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* Appends the `size` bytes at `text` as one shell word: plain words as they are, any other in
 * single quotes.  ERROR_INVALID for a NUL byte, which no argument can hold; `out` is then
 * untouched.  Fails like buffer_check(). */
int setup_quote_word(const char *text, size_t size, struct buffer *out, struct error *err);

/* Appends the arguments (an array of texts, numbers and booleans; NULL: none) as the one string
 * that `scriptArguments` is, so that the script sees each of them whole.  ERROR_INVALID tells which
 * one is something else; `out` is then untouched. */
int setup_quote_arguments(const cJSON *arguments, struct buffer *out, struct error *err);

/* Splits a line as a POSIX shell splits words: blanks and line ends between them; single quotes,
 * double quotes and backslashes in them.  Nothing is expanded and nothing is an operator: `$`, "`",
 * `*`, `~`, `;`, `#` and the like stand for themselves.  *out_words is the caller's array of texts.
 * ERROR_SYNTAX for a quote without an end, ERROR_NO_MEMORY. */
int setup_split_words(const char *line, cJSON **out_words, struct error *err);

#endif
