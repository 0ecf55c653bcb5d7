/* template.h - setup-script templates: shell text with markers of Lua in it.
 *
 *   {{ expression }}   its value, quoted for the place where it stands
 *   {% statement %}    Lua statements: for … do, if … then, end, local …
 *   {# comment #}      nothing
 *   {{{{  {%%  {##     the literal texts {{  {%  {#
 *
 * "${#" is the shell's own and no marker.  Lines that hold only statements and comments leave no
 * line behind.  A template is compiled once to Lua source whose lines are those of the template;
 * who runs it (script/) calls back for every literal and every value, in order, and a renderer
 * (render.h) follows.  Pure. */
#ifndef SETUP_TEMPLATE_H
#define SETUP_TEMPLATE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

#define TEMPLATE_SIZE_MAX ((size_t)4 << 20)
#define TEMPLATE_PIECES_MAX 200000

/* Text that is emitted as it is. */
struct template_literal {
    const char *text; /* borrowed from the template */
    size_t size;
    int line; /* of its first byte, from 1 */
};

struct template_marker {
    int line, column; /* of its first brace, from 1; columns count bytes */
    int end_line;     /* of its last brace */
    bool is_value;    /* {{ }}; else {% %} */
    bool own_line;    /* nothing else stands on its lines */
    const char *code; /* what stands inside, without blanks around it; borrowed */
    size_t code_size;
};

struct template;

/* Reads `size` bytes, which are copied.  *out is the caller's.  ERROR_SYNTAX for a marker that has
 * no end or nothing in it, with err->line and the column in *out_column; ERROR_TOO_LARGE,
 * ERROR_NO_MEMORY. */
int template_parse(const char *text, size_t size, struct template **out, int *out_column,
                   struct error *err);
void template_free(struct template *template); /* NULL is fine */

/* Is there any marker (or escaped marker)?  Text without one is its own rendering. */
bool template_has_markers(const struct template *template);

/* The Lua chunk, borrowed.  It is called with the table of its globals and three functions:
 * literal(i), value(i, v) and at(i), which notes that marker i is reached and returns i; indices
 * count from 1. */
const char *template_lua(const struct template *template, size_t *out_size);

/* The index-th (from 1), or NULL. */
const struct template_literal *template_literal(const struct template *template, size_t index);
const struct template_marker *template_marker(const struct template *template, size_t index);
/* Where the index-th literal begins: bytes from the template's start. */
size_t template_literal_place(const struct template *template, size_t index);

/* The column of an error in `line` of the template: of marker `current` when it covers that line,
 * else of the first marker that begins there; 1 when there is none. */
int template_column(const struct template *template, int line, size_t current);

/* ---- which line came from where ---- */

/* The template's line that a line of the rendered script came from.  `lines` is what the recipe's
 * child says: [rendered, template, rendered, template, …], rising: from that rendered line on both
 * count on together.  NULL (a script without markers), or nonsense: the line itself. */
int template_line_of(const cJSON *lines, int rendered_line);

#endif
