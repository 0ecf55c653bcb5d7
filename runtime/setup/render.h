/* render.h - puts a template's literals and values together: the script as the machine will get it.
 *
 * Whoever runs the template's Lua calls in the order of what is emitted.  Pure. */
#ifndef SETUP_RENDER_H
#define SETUP_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "setup/shell_lexer.h"
#include "setup/template.h"

#define RENDER_SIZE_MAX ((size_t)4 << 20)

struct render;

/* One rendering of `template`, which outlives it.  *out is the caller's.  ERROR_NO_MEMORY. */
int render_new(const struct template *template, struct render **out, struct error *err);
void render_free(struct render *render); /* NULL is fine */

/* Each returns 0, or ERROR_INVALID for a value that cannot stand where it does, ERROR_TOO_LARGE,
 * ERROR_NO_MEMORY; then render_failed_at() says which marker is to blame.  Indices are those of the
 * template, from 1. */
int render_literal(struct render *render, size_t index, struct error *err);
int render_value(struct render *render, size_t marker, const struct shell_word *words, size_t count,
                 bool is_list, struct error *err);
/* As it is, whatever it does. */
int render_raw(struct render *render, size_t marker, const char *text, size_t size,
               struct error *err);

/* What is emitted between the two runs as `user`: a login shell of that person, in the working
 * directory and with the arguments, the CI_… variables and the options -e, -u, -x of the script
 * around it.  The block's status is that of its last command.  Blocks do not nest. */
int render_as_user_begin(struct render *render, size_t marker, const char *user, struct error *err);
int render_as_user_end(struct render *render, size_t marker, struct error *err);

/* At the end, once: the whole is in render_text() then. */
int render_finish(struct render *render, struct error *err);

const struct buffer *render_text(const struct render *render);

/* The marker that an error is about; 0: none. */
size_t render_failed_at(const struct render *render);

/* Appends the JSON array that template_line_of() reads. */
void render_lines(const struct render *render, struct buffer *out);

#endif
