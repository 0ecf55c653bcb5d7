/* recipe_run.h - from the recipe named on a command line to its document. */
#ifndef CLI_RECIPE_RUN_H
#define CLI_RECIPE_RUN_H

#include "cli/command.h"

#define PLAN_FILE_MAX ((size_t)256 << 20)

/* -p name=value… as an object, which is the caller's; a later one wins.  ERROR_USAGE. */
int recipe_parameters(const struct invocation *invocation, cJSON **out, struct error *err);

/* Evaluates the recipe `path` with the -p options.  *out_document is the caller's.  What the recipe
 * printed goes to stderr. */
int recipe_run(const struct invocation *invocation, const char *path, cJSON **out_document,
               struct error *err);

/* The values of --secrets FILE: an object name → value, the caller's; NULL when it is not given. */
int recipe_secrets(const struct invocation *invocation, cJSON **out, struct error *err);

#endif
