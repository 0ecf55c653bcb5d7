/* recipe_check.h - is this what an honest child sends?  Internal to script/. */
#ifndef SCRIPT_RECIPE_CHECK_H
#define SCRIPT_RECIPE_CHECK_H

#include <cjson/cJSON.h>

#include "base/error.h"

/* Checks types, sizes, counts, names and references of a whole document (recipe.h shows it).
 * ERROR_INVALID names the member that is wrong. */
int recipe_check_document(const cJSON *document, const char *name, struct error *err);

/* The same for the document of recipe_render(). */
int recipe_check_rendering(const cJSON *document, const char *name, struct error *err);

/* Turns a failure's JSON {"code","message","file","line"} into `err` and returns its code, which is
 * ERROR_SYNTAX, ERROR_LIMIT, ERROR_TOO_LARGE or ERROR_INTERNAL; ERROR_INVALID when it is malformed.
 */
int recipe_check_failure(const char *json, size_t size, struct error *err);

/* May a recipe see this environment variable?  0, or ERROR_INVALID for what is no variable's name,
 * or ERROR_DENIED for names that look like credentials. */
int recipe_check_env(const char *name, struct error *err);

#endif
