/* recipe.h - a recipe's text in, its document out; evaluated in a sandboxed child of this program.
 *
 * The document is plain, checked JSON:
 *
 *   {"recipe":"quickstart.lua",
 *    "fleet":{"name","fields":{…},"at":{"file","line"}} | null,
 *    "declarations":[{"type":"instance|grant|role","name","fields":{…},"at"}],   in this order; a
 *                                                            grant is named after its role
 *    "scripts":[{"source":"inline","path":text|null,"text","args":[text|{"$secret":name}],
 *                "secrets":[name],                        those that it was given: hide them
 *                "timeout":text|null,"cache":bool,"at",
 *                "lines":[number…]|null}     the text is rendered; for template_line_of()
 *               | {"source":"workspace","path":in the file share,"text":"",…}],
 *    "secrets":[{"name","value"}],              what the parent gave; written by the parent itself
 *    "parameters":[{"name","value","default","description","at"}],
 *    "outputs":[{"name","value","at"}],
 *    "prints":[text],                                                what print() said, by lines
 *    "stopped":bool,                            an error of Lua ended it early: the last problem
 *    "problems":[{"message","at","trace":[{"file","line"}]}]}          trace: only after an error
 *
 * References inside fields: {"$user":upn}, {"$group":name}, {"$service_principal":name},
 * {"$setup_script":index into scripts}.  Files are named relative to the recipe's folder.  A line
 * of 0 is "the recipe as a whole".  What a field may hold is not checked here but by model/. */
#ifndef SCRIPT_RECIPE_H
#define SCRIPT_RECIPE_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define RECIPE_SECRET_ENV "MOONFLEET_SECRET_"

#define RECIPE_CPU_MS_DEFAULT 5000
#define RECIPE_WALL_EXTRA_MS 5000
#define RECIPE_MEMORY_DEFAULT ((size_t)64 << 20)

/* What a recipe may ask its parent for. */
#define RECIPE_FILE_MAX ((size_t)4 << 20)
#define RECIPE_FILES_MAX ((size_t)64 << 20)
#define RECIPE_ASKS_MAX 50000
#define RECIPE_DOCUMENT_MAX ((size_t)64 << 20)

struct recipe_options {
    const char *program; /* this program; the child is `program __recipe`, its one socket is fd 3 */
    const char *path;    /* the recipe file */
    const cJSON *parameters; /* object name → string, from -p name=value; NULL: none */
    /* object name → string, of --secrets FILE; NULL: none.  A secret that is not there is looked
     * for in the environment, as RECIPE_SECRET_ENV with the name behind it. */
    const cJSON *secrets;
    int64_t cpu_ms;      /* CPU time; 0: RECIPE_CPU_MS_DEFAULT */
    int64_t wall_ms;     /* 0: cpu_ms + RECIPE_WALL_EXTRA_MS */
    size_t memory_bytes; /* what Lua may hold; 0: RECIPE_MEMORY_DEFAULT */
};

/* Evaluates the recipe in a child and gives its document, which is the caller's (cJSON_Delete).
 * Blocks: it has a poll loop of its own.  A document with "problems" is still 0.  ERROR_NOT_FOUND
 * and what else reading the file gives; ERROR_SYNTAX for a recipe that is no Lua; ERROR_LIMIT when
 * it ran into its CPU, memory or time limit; ERROR_INVALID when the child sent what no recipe
 * sends; ERROR_IO.  err->file and err->line say where (line 0: unknown); the message is one
 * sentence. */
int recipe_evaluate(const struct recipe_options *options, cJSON **out_document, struct error *err);

/* Renders the setup script at options->path, a template or not, in such a child too.  `parameters`
 * are the template's: from name to text (-p name=value), or to any JSON value (a recipe's `with`).
 * *out_document is the caller's:
 *
 *   {"script":"x.sh",
 *    "text":text | null,             as the machine will get it; null when there are problems
 *    "base64":text | null,           the same when it is not UTF-8; "text" is then null
 *    "lines":[number…] | null,       for template_line_of(); null: the script has no markers
 *    "raw":[{"line","column"}],      each place of the template that used raw(…), once
 *    "parameters":[{"name","type","value","default","description","choices","required","line"}],
 *    "problems":[{"message","at":{"file","line"},"column"}]}
 *
 * Fails as recipe_evaluate() does, but a template that cannot be read is a problem. */
int recipe_render(const struct recipe_options *options, cJSON **out_document, struct error *err);

/* The value of a secret as recipe_evaluate() finds it; NULL: there is none. Borrowed. */
const char *recipe_secret(const cJSON *secrets, const char *name);

/* The child's side, for main() when argv[1] is "__recipe": serves the parent on fd 3 and leaves the
 * process with _exit(); the int is for `return recipe_child_main(argc, argv);`. */
int recipe_child_main(int argc, char **argv);

#endif
