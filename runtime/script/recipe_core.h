/* recipe_core.h - a recipe evaluated in this process.  Internal to script/: the child runs it
 * behind its sandbox, tests and fuzzers run it bare. */
#ifndef SCRIPT_RECIPE_CORE_H
#define SCRIPT_RECIPE_CORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* Who answers for the recipe's folder and environment.  Each returns 0 or fills `err`, whose
 * message becomes part of a problem.  A variable that is not set is 0 with *out_found = false. */
struct recipe_source {
    int (*read)(void *arg, const char *path, struct buffer *out, struct error *err);
    int (*env)(void *arg, const char *name, struct buffer *out, bool *out_found, struct error *err);
    /* The same for the value of a secret; NULL: there are none. */
    int (*secret)(void *arg, const char *name, struct buffer *out, bool *out_found,
                  struct error *err);
    void *arg;
};

/* Everything is borrowed for as long as the run lives. */
struct recipe_input {
    const char *name; /* the recipe's file, relative to its folder */
    const char *text;
    size_t size;
    bool is_template;        /* the text is a setup script to be rendered, no recipe */
    const cJSON *parameters; /* object name → string; NULL: none */
    size_t memory_bytes;     /* 0: RECIPE_MEMORY_DEFAULT */
    struct recipe_source source;
    int64_t instructions_max; /* for runs without a CPU limit; 0: no limit */
    int64_t allocations_max;  /* for tests: every further allocation fails; 0: no limit */
};

struct recipe_run;

/* Makes the Lua state and loads the language; nothing of the recipe runs yet.  `input` is borrowed
 * until recipe_run_free().  ERROR_LIMIT when memory does not even suffice for that. */
int recipe_run_new(const struct recipe_input *input, struct recipe_run **out, struct error *err);

/* Evaluates and appends the document to `out`.  ERROR_SYNTAX with file and line; ERROR_LIMIT for
 * memory or instructions; ERROR_TOO_LARGE for the document. Once per run. */
int recipe_run_evaluate(struct recipe_run *run, struct buffer *out, struct error *err);

/* NULL is fine. */
void recipe_run_free(struct recipe_run *run);

/* Async-signal-safe: calls `stop` with the recipe's file and line (0: unknown) as soon as the main
 * coroutine executes another instruction of Lua.  `stop` must not return. */
void recipe_run_interrupt(struct recipe_run *run, void (*stop)(const char *file, int line));

/* All of the above in one. */
int recipe_run_text(const struct recipe_input *input, struct buffer *out, struct error *err);

#endif
