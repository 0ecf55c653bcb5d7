/* progress.h - what many operations are doing, told on stderr.
 *
 * On a terminal a block of lines at the end is redrawn: one line for each operation at work, then a
 * total; finished ones scroll away above it.  Elsewhere each one's end is a plain line.  With
 * --json and without a terminal nothing is told: the document says it all. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/output.h"
#include "net/loop.h"

struct progress;

/* All borrowed; `total` operations are expected, with indexes below `slots`.  `timer`: redraw by
 * the loop's timer (not on a virtual clock).  *out is the caller's. */
int progress_new(struct loop *loop, const struct output *output, size_t slots, size_t total,
                 bool timer, struct progress **out, struct error *err);
/* Takes the block off the screen. NULL is fine. */
void progress_free(struct progress *progress);

/* `index` names the operation; `doing` is "creating"; static. */
void progress_doing(struct progress *progress, size_t index, const char *name, const char *doing);
/* It ended; `done` is "created" or "failed"; static. */
void progress_done(struct progress *progress, size_t index, const char *name, const char *done,
                   bool failed);
/* A line of its own, above the block. */
void progress_note(struct progress *progress, const char *text);

#endif
