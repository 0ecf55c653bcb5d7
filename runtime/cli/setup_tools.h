/* setup_tools.h - asks the shell and shellcheck about a rendered script. */
#ifndef CLI_SETUP_TOOLS_H
#define CLI_SETUP_TOOLS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "setup/lint.h"

/* A script as the machine would get it. */
struct rendered {
    const char *text; /* borrowed */
    size_t size;
    const cJSON *lines; /* where its lines came from (setup/template.h); NULL: they are its own */
};

/* Runs `bash -n` (or that of the script's own shell) and adds what it says.  Appends a sentence to
 * `note` when it could not be asked; that is no error. */
int setup_tools_shell(struct lint *lint, const struct rendered *script, struct buffer *note,
                      struct error *err);
/* The same for shellcheck.  *out_missing: it is not installed. */
int setup_tools_shellcheck(struct lint *lint, const struct rendered *script, bool *out_missing,
                           struct buffer *note, struct error *err);

#endif
