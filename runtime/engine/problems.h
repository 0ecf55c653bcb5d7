/* problems.h - mistakes of a recipe, each with its place: collected, never thrown. */
#ifndef ENGINE_PROBLEMS_H
#define ENGINE_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct plan_problem {
    const char *message; /* one sentence */
    const char *file;    /* NULL: about the whole recipe */
    int line;            /* 0: unknown */
};

#define PROBLEMS_MAX 1000 /* what is found beyond is counted, not kept */

struct problems {
    struct plan_problem *items; /* texts owned */
    size_t count, capacity;
    size_t dropped;
    bool failed; /* no memory */
};

/* The same one again, right after itself, counts once. */
void problems_add(struct problems *problems, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* By file and line; those of the same line stay in the order they were found. */
void problems_sort(struct problems *problems);
void problems_clear(struct problems *problems);

#endif
