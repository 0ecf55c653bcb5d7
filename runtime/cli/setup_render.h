/* setup_render.h - setup scripts as a machine will get them. */
#ifndef CLI_SETUP_RENDER_H
#define CLI_SETUP_RENDER_H

#include "base/buffer.h"
#include "cli/command.h"
#include "setup/secrets.h"

extern const struct command command_setup_render;

/* Renders the script at `path` with the -p options; the document is that of recipe_render() and the
 * caller's.  Mistakes of the template are no failure: they stand in the document. */
int setup_render_file(const struct invocation *invocation, const char *path, cJSON **out_document,
                      struct error *err);

/* Reports every problem of such a document and returns their number. */
size_t setup_render_report(const struct invocation *invocation, const cJSON *document);

/* A script with all that a machine gets with it. */
struct setup_rendered {
    struct buffer text; /* with the line of its secrets */
    char *arguments;    /* those of the recipe, one shell-quoted string; NULL: none, no recipe */
    int64_t timeout_s;  /* that of the recipe; 0: none, no recipe */
    cJSON *lines;       /* for template_line_of(); NULL: its lines are those of its file */
    struct secrets *secrets; /* what must not be shown; may be empty */
};

/* Makes it of the script at `path`: with the -p options or, with --for and --in, as that instance of
 * the recipe gets it.  The values of --secrets FILE are those of the recipe; for a script by itself
 * they are what must not be shown.  *out is the caller's: setup_rendered_clear(), also after a
 * failure.  EXIT_FAILED when mistakes were reported. */
int setup_render_machine(const struct invocation *invocation, const char *path,
                         struct setup_rendered *out, struct error *err);
void setup_rendered_clear(struct setup_rendered *rendered);

/* The rows of the options that it reads, beside those of NEEDS_RECIPE. */
#define SETUP_RENDER_OPTIONS                                                                       \
    { "for",                                                                                       \
      0,                                                                                           \
      "INSTANCE",                                                                                  \
      "as that instance of --in RECIPE gets it; -p is then the recipe's",                          \
      COMPLETES_INSTANCE,                                                                          \
      NULL },                                                                                      \
    {                                                                                              \
        "in", 0, "RECIPE", "the recipe that gives the script its values", COMPLETES_RECIPE, NULL   \
    }

#endif
