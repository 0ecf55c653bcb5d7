/* setup_render.h - setup scripts as a machine will get them. */
#ifndef CLI_SETUP_RENDER_H
#define CLI_SETUP_RENDER_H

#include "cli/command.h"

extern const struct command command_setup_render;

/* Renders the script at `path` with the -p options; the document is that of recipe_render() and the
 * caller's.  Mistakes of the template are no failure: they stand in the document. */
int setup_render_file(const struct invocation *invocation, const char *path, cJSON **out_document,
                      struct error *err);

/* Reports every problem of such a document and returns their number. */
size_t setup_render_report(const struct invocation *invocation, const cJSON *document);

#endif
