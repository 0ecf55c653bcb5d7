/* secrets_file.h - `--secrets FILE`: the values of a recipe's secrets.
 *
 * A line is NAME=VALUE; empty lines and those that begin with '#' are none, `export ` in front is
 * taken for nothing.  A value in single quotes is taken as it is; in double quotes `\n`, `\t`, `\"`,
 * `\\` and `\$` stand for what they do in a shell's; without quotes it goes to the end of the line,
 * less the blanks there. */
#ifndef CLI_SECRETS_FILE_H
#define CLI_SECRETS_FILE_H

#include <cjson/cJSON.h>

#include "base/error.h"

#define SECRETS_FILE_MAX ((size_t)1 << 20)

/* Reads the file into an object name → value, the caller's.  ERROR_DENIED when others may read it
 * (its mode must be 0600 or less, its owner us or root): the sentence says what to do.  ERROR_SYNTAX
 * with the line; what else reading a file gives. */
int secrets_file_read(const char *path, cJSON **out, struct error *err);

/* The same for a text, for tests and fuzzing. `path` is for messages. */
int secrets_file_parse(const char *text, size_t size, const char *path, cJSON **out,
                       struct error *err);

#endif
