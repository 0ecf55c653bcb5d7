/* template.c - see template.h.
 *
 * First the text is cut into segments; then lines that hold only statements and comments are taken
 * out; then literals, markers and the Lua source are made of what is left.  Every line break of the
 * template is one in the Lua source too, so that Lua's own messages name the right line. */
#include "setup/template.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Names that templates have no reason to use. */
#define LUA_HEAD "local _ENV,__literal,__value,__at=...;"
#define AS_USER "as_user"

enum segment_kind { SEGMENT_TEXT, SEGMENT_VALUE, SEGMENT_STATEMENT, SEGMENT_COMMENT };

struct segment {
    enum segment_kind kind;
    size_t start, end;     /* all of it */
    size_t inside, beyond; /* between the braces; of text: what is emitted */
    bool own_line;
};

struct template
{
    char *text; /* owned, with a NUL behind it */
    size_t size;
    struct segment *segments;
    size_t segment_count, segment_room;
    struct template_literal *literals;
    size_t literal_count;
    struct template_marker *markers;
    size_t marker_count;
    char *codes; /* the markers' code without Lua comments, one behind the other; owned */
    struct buffer lua;
    bool has_markers;
};

/* ---- places ---- */

/* Walks forward only: places are asked for in order. */
struct cursor {
    const char *text;
    size_t at;
    size_t line_start;
    int line;
};

static void cursor_move(struct cursor *cursor, size_t to)
{
    for (; cursor->at < to; cursor->at++) {
        if (cursor->text[cursor->at] != '\n')
            continue;
        cursor->line++;
        cursor->line_start = cursor->at + 1;
    }
}

static int wrong_at(const struct template *t, size_t at, int *out_column, const char *message,
                    struct error *err)
{
    struct cursor cursor = { t->text, 0, 0, 1 };
    cursor_move(&cursor, at);
    int rc = error_set(err, ERROR_SYNTAX, "%s", message);
    error_at(err, NULL, cursor.line);
    *out_column = (int)(at - cursor.line_start) + 1;
    return rc;
}

/* ---- Lua inside a marker ---- */

/* The end of a long bracket ("[[ … ]]", "[=[ … ]=]") that `at` may open; `at` when it opens none;
 * 0 when it has no end. */
static size_t skip_long_bracket(const struct template *t, size_t at)
{
    size_t level = 0, p = at + 1;
    if (t->text[at] != '[')
        return at;
    while (t->text[p] == '=')
        level++, p++;
    if (t->text[p] != '[')
        return at;
    for (p++; p < t->size; p++) {
        size_t k = 0;
        if (t->text[p] != ']')
            continue;
        while (t->text[p + 1 + k] == '=')
            k++;
        if (k == level && t->text[p + 1 + k] == ']')
            return p + level + 2;
    }
    return 0;
}

/* The end of a quoted string; 0 when it has none on its line. */
static size_t skip_string(const struct template *t, size_t at)
{
    char mark = t->text[at];
    for (size_t p = at + 1; p < t->size; p++) {
        if (t->text[p] == '\\')
            p++;
        else if (t->text[p] == mark)
            return p + 1;
        else if (t->text[p] == '\n')
            return 0;
    }
    return 0;
}

/* The end of a Lua comment at `at`: a line's end, or the marker's. 0: a long one without an end. */
static size_t skip_comment(const struct template *t, size_t at, const char *close)
{
    size_t end = skip_long_bracket(t, at + 2);
    if (end != at + 2)
        return end;
    for (end = at + 2; end < t->size && t->text[end] != '\n'; end++)
        if (memcmp(t->text + end, close, 2) == 0)
            break;
    return end;
}

struct lua_scan {
    const char *close; /* "}}" or "%}" */
    int depth;         /* of brackets; counted in expressions only */
};

/* Moves over one token of Lua; 0 when it has no end. */
static size_t skip_token(const struct template *t, size_t at, struct lua_scan *scan)
{
    const char *c = t->text + at;
    if (*c == '"' || *c == '\'')
        return skip_string(t, at);
    if (c[0] == '-' && c[1] == '-')
        return skip_comment(t, at, scan->close);
    if (*c == '[' && (c[1] == '[' || c[1] == '=')) {
        size_t end = skip_long_bracket(t, at);
        if (end != at)
            return end;
    }
    if (strchr("([{", *c))
        scan->depth++;
    else if (strchr(")]}", *c))
        scan->depth--;
    return at + 1;
}

/* The place of the braces that close the marker whose inside begins at `at`. */
static int find_close(const struct template *t, size_t start, size_t at, const char *close,
                      size_t *out, int *out_column, struct error *err)
{
    struct lua_scan scan = { close, 0 };
    bool value = close[0] == '}';
    while (at < t->size) {
        if ((!value || scan.depth == 0) && memcmp(t->text + at, close, 2) == 0) {
            *out = at;
            return 0;
        }
        size_t next = skip_token(t, at, &scan);
        if (next == 0)
            return wrong_at(t, at, out_column, "this text of Lua has no end", err);
        if (value && scan.depth < 0)
            return wrong_at(t, at, out_column, "this bracket closes nothing", err);
        at = next;
    }
    return wrong_at(t, start, out_column,
                    value ? "'{{' has no '}}'; write '{{{{' for two braces of the script's own"
                          : "'{%' has no '%}'; write '{%%' for one of the script's own",
                    err);
}

/* ---- segments ---- */

static int add_segment(struct template *t, const struct segment *segment, struct error *err)
{
    if (t->segment_count >= TEMPLATE_PIECES_MAX)
        return error_set(err, ERROR_TOO_LARGE, "a template holds at most %d markers",
                         TEMPLATE_PIECES_MAX / 2);
    if (t->segment_count == t->segment_room) {
        size_t room = t->segment_room ? 2 * t->segment_room : 64;
        struct segment *moved = realloc(t->segments, room * sizeof *moved);
        if (!moved)
            return error_set(err, ERROR_NO_MEMORY, "no memory for a template");
        t->segments = moved;
        t->segment_room = room;
    }
    t->segments[t->segment_count++] = *segment;
    return 0;
}

static int add_text(struct template *t, size_t start, size_t end, size_t emitted, struct error *err)
{
    const struct segment segment = { SEGMENT_TEXT, start, end, start, emitted, false };
    return end > start ? add_segment(t, &segment, err) : 0;
}

/* How many braces of an escaped marker stand at `at`: 4 for "{{{{", 3 for "{%%" and "{##"; 0: none.
 */
static size_t escaped(const struct template *t, size_t at)
{
    const char *c = t->text + at;
    if (strncmp(c, "{{{{", 4) == 0)
        return 4;
    return strncmp(c, "{%%", 3) == 0 || strncmp(c, "{##", 3) == 0 ? 3 : 0;
}

static bool is_marker(const struct template *t, size_t at)
{
    const char *c = t->text + at;
    if (c[0] != '{' || (c[1] == '#' && at > 0 && c[-1] == '$')) /* the shell's ${#x} */
        return false;
    return c[1] == '{' || c[1] == '%' || c[1] == '#';
}

static int take_marker(struct template *t, size_t *at, int *out_column, struct error *err)
{
    struct segment segment = { .start = *at, .inside = *at + 2 };
    char kind = t->text[*at + 1];
    int rc = 0;
    if (kind == '#') {
        const char *end = memmem(t->text + segment.inside, t->size - segment.inside, "#}", 2);
        segment.kind = SEGMENT_COMMENT;
        segment.beyond = end ? (size_t)(end - t->text) : 0;
        if (!end)
            rc = wrong_at(t, *at, out_column,
                          "'{#' has no '#}'; write '{##' for one of the script's own", err);
    } else {
        segment.kind = kind == '{' ? SEGMENT_VALUE : SEGMENT_STATEMENT;
        rc = find_close(t, *at, segment.inside, kind == '{' ? "}}" : "%}", &segment.beyond,
                        out_column, err);
    }
    if (rc < 0)
        return rc;
    *at = segment.end = segment.beyond + 2;
    t->has_markers = true;
    return add_segment(t, &segment, err);
}

static int cut(struct template *t, int *out_column, struct error *err)
{
    size_t at = 0, text = 0;
    int rc = 0;
    while (at < t->size && rc == 0) {
        const char *brace = memchr(t->text + at, '{', t->size - at);
        if (!brace)
            break;
        at = (size_t)(brace - t->text);
        if (!is_marker(t, at)) {
            at++;
        } else if (escaped(t, at)) {
            rc = add_text(t, text, at + escaped(t, at), at + 2, err);
            text = at += escaped(t, at);
            t->has_markers = true;
        } else {
            rc = add_text(t, text, at, at, err);
            if (rc == 0)
                rc = take_marker(t, &at, out_column, err);
            text = at;
        }
    }
    return rc < 0 ? rc : add_text(t, text, t->size, t->size, err);
}

/* ---- lines of markers alone ---- */

static bool vanishes(const struct segment *segment)
{
    return segment->kind == SEGMENT_STATEMENT || segment->kind == SEGMENT_COMMENT;
}

/* Does `text` end in the blanks that a line begins with?  *out_from is where they begin. */
static bool begins_line(const struct template *t, const struct segment *text, size_t *out_from)
{
    size_t from = text->beyond;
    while (from > text->inside && (t->text[from - 1] == ' ' || t->text[from - 1] == '\t'))
        from--;
    *out_from = from;
    return from == 0 || t->text[from - 1] == '\n';
}

/* Does the line end behind blanks at the front of `text`?  *out_to is behind the line's end. */
static bool ends_line(const struct template *t, const struct segment *text, size_t *out_to)
{
    size_t to = text->inside;
    while (to < text->beyond && (t->text[to] == ' ' || t->text[to] == '\t'))
        to++;
    if (to + 1 < text->beyond && t->text[to] == '\r' && t->text[to + 1] == '\n')
        to++;
    if (to < text->beyond && t->text[to] == '\n') {
        *out_to = to + 1;
        return true;
    }
    *out_to = to;
    return to == t->size;
}

static bool is_blank(const struct template *t, const struct segment *text)
{
    for (size_t i = text->inside; i < text->beyond; i++)
        if (t->text[i] != ' ' && t->text[i] != '\t')
            return false;
    return text->kind == SEGMENT_TEXT;
}

/* The last segment of the run of vanishing ones (with blanks between) that begins at `first`. */
static size_t last_of_run(const struct template *t, size_t first)
{
    size_t last = first;
    for (;;) {
        size_t next = last + 1;
        if (next < t->segment_count && is_blank(t, &t->segments[next]))
            next++;
        if (next >= t->segment_count || !vanishes(&t->segments[next]))
            return last;
        last = next;
    }
}

static void drop_lines(struct template *t)
{
    for (size_t first = 0; first < t->segment_count; first++) {
        if (!vanishes(&t->segments[first]))
            continue;
        size_t last = last_of_run(t, first), from = 0, to = 0;
        struct segment *before = first > 0 ? &t->segments[first - 1] : NULL;
        struct segment *after = last + 1 < t->segment_count ? &t->segments[last + 1] : NULL;
        bool whole = before ? before->kind == SEGMENT_TEXT && begins_line(t, before, &from) : true;
        whole = whole && (!after || (after->kind == SEGMENT_TEXT && ends_line(t, after, &to)));
        if (whole) {
            if (before)
                before->beyond = from;
            if (after)
                after->inside = to;
            for (size_t i = first; i <= last; i++) {
                t->segments[i].own_line = true;
                if (t->segments[i].kind == SEGMENT_TEXT)
                    t->segments[i].beyond = t->segments[i].inside;
            }
        }
        first = last;
    }
}

/* ---- Lua ---- */

/* Copies a marker's code, Lua comments made blanks, and returns how much of it there is. */
static size_t copy_code(const struct template *t, const struct segment *segment, char *out)
{
    struct lua_scan scan = { segment->kind == SEGMENT_VALUE ? "}}" : "%}", 0 };
    size_t size = 0;
    for (size_t at = segment->inside; at < segment->beyond;) {
        bool comment = t->text[at] == '-' && t->text[at + 1] == '-';
        size_t next = skip_token(t, at, &scan);
        for (; at < next; at++)
            out[size++] = (char)(comment && t->text[at] != '\n' ? ' ' : t->text[at]);
    }
    return size;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Is `as_user(…)` all of the code?  Then it becomes a loop that runs once and ends with `end`. */
static bool is_as_user(const struct template_marker *marker)
{
    size_t word = strlen(AS_USER), at = word;
    if (marker->is_value || marker->code_size < word + 2 ||
        memcmp(marker->code, AS_USER, word) != 0)
        return false;
    while (at < marker->code_size && is_space(marker->code[at]))
        at++;
    return at < marker->code_size && marker->code[at] == '(' &&
           marker->code[marker->code_size - 1] == ')';
}

/* Is `as_user` called in the middle of something? */
static bool misuses_as_user(const struct template_marker *marker)
{
    const char *at = marker->code, *end = marker->code + marker->code_size;
    if (is_as_user(marker))
        return false;
    while ((at = memmem(at, (size_t)(end - at), AS_USER, strlen(AS_USER)))) {
        const char *behind = at + strlen(AS_USER);
        bool whole = (at == marker->code || !is_name_byte(at[-1])) &&
                     (behind == end || !is_name_byte(*behind));
        while (behind < end && is_space(*behind))
            behind++;
        if (whole && behind < end && *behind == '(')
            return true;
        at += strlen(AS_USER);
    }
    return false;
}

static void write_marker(struct template *t, const struct segment *segment,
                         const struct template_marker *marker)
{
    size_t lead = (size_t)(marker->code - (t->codes + segment->inside));
    buffer_format(&t->lua, marker->is_value ? "__value(__at(%zu),(" : "__at(%zu);",
                  t->marker_count);
    if (is_as_user(marker))
        buffer_text(&t->lua, "for _ in ");
    buffer_append(&t->lua, t->codes + segment->inside, lead); /* its line breaks */
    buffer_append(&t->lua, marker->code, marker->code_size);
    if (is_as_user(marker))
        buffer_text(&t->lua, " do");
    buffer_append(&t->lua, marker->code + marker->code_size,
                  segment->beyond - segment->inside - lead - marker->code_size);
    buffer_text(&t->lua, marker->is_value ? "));" : " ;");
}

static int make_marker(struct template *t, const struct segment *segment, struct cursor *cursor,
                       int *out_column, struct error *err)
{
    struct template_marker *marker = &t->markers[t->marker_count++];
    char *code = t->codes + segment->inside;
    size_t size = copy_code(t, segment, code);
    *marker = (struct template_marker) {
        .line = cursor->line,
        .column = (int)(segment->start - cursor->line_start) + 1,
        .is_value = segment->kind == SEGMENT_VALUE,
        .own_line = segment->own_line,
    };
    cursor_move(cursor, segment->end);
    marker->end_line = cursor->line;
    while (size > 0 && is_space(*code))
        code++, size--;
    while (size > 0 && is_space(code[size - 1]))
        size--;
    marker->code = code;
    marker->code_size = size;
    if (size == 0 && marker->is_value)
        return wrong_at(t, segment->start, out_column, "there is nothing between '{{' and '}}'",
                        err);
    if (misuses_as_user(marker))
        return wrong_at(t, segment->start, out_column,
                        "as_user(…) stands alone in its marker: {% as_user() %} … {% end %}", err);
    write_marker(t, segment, marker);
    return 0;
}

static void make_literal(struct template *t, const struct segment *segment, struct cursor *cursor)
{
    size_t lines = 0;
    cursor_move(cursor, segment->inside);
    if (segment->beyond > segment->inside) {
        struct template_literal *literal = &t->literals[t->literal_count++];
        *literal = (struct template_literal) { t->text + segment->inside,
                                               segment->beyond - segment->inside, cursor->line };
        buffer_format(&t->lua, "__literal(%zu);", t->literal_count);
    }
    for (size_t i = segment->start; i < segment->end; i++)
        lines += t->text[i] == '\n';
    for (; lines > 0; lines--)
        buffer_char(&t->lua, '\n');
}

/* The line breaks of a comment. */
static void skip_lines(struct template *t, const struct segment *segment)
{
    for (size_t i = segment->start; i < segment->end; i++)
        if (t->text[i] == '\n')
            buffer_char(&t->lua, '\n');
}

static int make(struct template *t, int *out_column, struct error *err)
{
    struct cursor cursor = { t->text, 0, 0, 1 };
    int rc = 0;
    t->literals = calloc(t->segment_count + 1, sizeof *t->literals);
    t->markers = calloc(t->segment_count + 1, sizeof *t->markers);
    t->codes = malloc(t->size + 1);
    if (!t->literals || !t->markers || !t->codes)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a template");
    buffer_text(&t->lua, LUA_HEAD);
    for (size_t i = 0; i < t->segment_count && rc == 0; i++) {
        const struct segment *segment = &t->segments[i];
        cursor_move(&cursor, segment->start);
        if (segment->kind == SEGMENT_TEXT)
            make_literal(t, segment, &cursor);
        else if (segment->kind == SEGMENT_COMMENT)
            skip_lines(t, segment);
        else
            rc = make_marker(t, segment, &cursor, out_column, err);
    }
    return rc < 0 ? rc : buffer_check(&t->lua, "the template", err);
}

/* ---- exports ---- */

int template_parse(const char *text, size_t size, struct template **out, int *out_column,
                   struct error *err)
{
    *out_column = 1;
    if (size > TEMPLATE_SIZE_MAX)
        return error_set(err, ERROR_TOO_LARGE, "a template holds at most %zu MiB",
                         TEMPLATE_SIZE_MAX >> 20);
    struct template *t = calloc(1, sizeof *t);
    int rc = 0;
    if (t)
        t->text = malloc(size + 4); /* looking a few bytes ahead is always allowed */
    if (!t || !t->text) {
        free(t);
        return error_set(err, ERROR_NO_MEMORY, "no memory for a template");
    }
    if (size)
        memcpy(t->text, text, size);
    memset(t->text + size, 0, 4);
    t->size = size;
    rc = cut(t, out_column, err);
    if (rc == 0) {
        drop_lines(t);
        rc = make(t, out_column, err);
    }
    if (rc < 0) {
        template_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void template_free(struct template *template)
{
    if (!template)
        return;
    free(template->text);
    free(template->segments);
    free(template->literals);
    free(template->markers);
    free(template->codes);
    buffer_clear(&template->lua);
    free(template);
}

bool template_has_markers(const struct template *template)
{
    return template->has_markers;
}

const char *template_lua(const struct template *template, size_t *out_size)
{
    *out_size = template->lua.size;
    return template->lua.data;
}

const struct template_literal *template_literal(const struct template *template, size_t index)
{
    return index > 0 && index <= template->literal_count ? &template->literals[index - 1] : NULL;
}

const struct template_marker *template_marker(const struct template *template, size_t index)
{
    return index > 0 && index <= template->marker_count ? &template->markers[index - 1] : NULL;
}

size_t template_literal_place(const struct template *template, size_t index)
{
    return (size_t)(template->literals[index - 1].text - template->text);
}

int template_column(const struct template *template, int line, size_t current)
{
    const struct template_marker *marker = template_marker(template, current);
    if (marker && marker->line <= line && line <= marker->end_line)
        return marker->line == line ? marker->column : 1;
    for (size_t i = 1; (marker = template_marker(template, i)); i++)
        if (marker->line == line)
            return marker->column;
    return 1;
}

int template_line_of(const cJSON *lines, int rendered_line)
{
    const cJSON *rendered = cJSON_IsArray(lines) ? lines->child : NULL;
    int line = rendered_line;
    for (; rendered && rendered->next; rendered = rendered->next->next) {
        double from = rendered->valuedouble, to = rendered->next->valuedouble;
        if (from > rendered_line)
            break;
        if (from >= 1 && to >= 1 && to <= INT_MAX / 2.0)
            line = (int)to + (rendered_line - (int)from);
    }
    return line;
}
