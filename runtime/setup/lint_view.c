/* lint_view.c - from a template to what the shell would see of all its branches at once: literals
 * in their order, SHELL_VALUE for each value, nothing for statements. */
#include "setup/lint_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "setup/as_user.h"
#include "setup/template.h"

static void put(struct lint *lint, char c, size_t place)
{
    lint->view.text[lint->view.size] = c;
    lint->view.places[lint->view.size++] = (uint32_t)place;
}

/* Bytes of the file; a byte-order mark, and a carriage return in front of a line's end, are the
 * business of their own rules alone. */
static void put_text(struct lint *lint, size_t from, size_t to)
{
    if (from == 0 && to >= 3 && memcmp(lint->text, "\xEF\xBB\xBF", 3) == 0)
        from = 3;
    for (size_t i = from; i < to; i++)
        if (lint->text[i] != '\r' || i + 1 >= lint->size || lint->text[i + 1] != '\n')
            put(lint, lint->text[i], i);
}

static size_t place_of(const struct lint *lint, const struct template_marker *marker)
{
    return lint->lines[marker->line - 1] + (size_t)marker->column - 1;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The next name in Lua code, strings left out; NULL: there is none. */
static const char *next_name(const char *at, const char *end, size_t *out_size)
{
    while (at < end) {
        if (*at == '"' || *at == '\'') {
            char mark = *at++;
            while (at < end && *at != mark)
                at += *at == '\\' && at + 1 < end ? 2 : 1;
            at++;
        } else if (*at == '[' && at + 1 < end && at[1] == '[') {
            const char *close = memmem(at, (size_t)(end - at), "]]", 2);
            at = close ? close + 2 : end;
        } else if (is_name(*at)) {
            const char *from = at;
            while (at < end && is_name(*at))
                at++;
            *out_size = (size_t)(at - from);
            return from;
        } else {
            at++;
        }
    }
    return NULL;
}

static bool is_word(const char *name, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(name, word, size) == 0;
}

/* Where the marker's code begins in the file; its leading comments, if any, count as code. */
static size_t code_place(const struct lint *lint, const struct template_marker *marker)
{
    size_t at = place_of(lint, marker) + 2;
    while (at < lint->size && strchr(" \t\r\n", lint->text[at]))
        at++;
    return at < lint->size && lint->text[at] == marker->code[0] ? at : place_of(lint, marker);
}

static void check_raw(struct lint *lint, const struct template_marker *marker)
{
    const char *at = marker->code, *end = at + marker->code_size;
    size_t size = 0;
    while ((at = next_name(at, end, &size))) {
        const char *behind = at + size;
        while (behind < end && *behind == ' ')
            behind++;
        bool field = at > marker->code && (at[-1] == '.' || at[-1] == ':');
        if (is_word(at, size, "raw") && !field && behind < end && strchr("(\"'{[", *behind))
            lint_report(lint, RULE_RAW,
                        (uint32_t)(code_place(lint, marker) + (size_t)(at - marker->code)),
                        "this value is put into the script unquoted");
        at += size;
    }
}

/* Ranges come in order. */
static bool add_range(struct lint *lint, struct lint_range range)
{
    if (lint->as_user_count == lint->as_user_capacity) {
        size_t capacity = lint->as_user_capacity ? lint->as_user_capacity * 2 : 8;
        struct lint_range *ranges = realloc(lint->as_user, capacity * sizeof *ranges);
        if (!ranges) {
            lint->failed = true;
            return false;
        }
        lint->as_user = ranges;
        lint->as_user_capacity = capacity;
    }
    lint->as_user[lint->as_user_count++] = range;
    return true;
}

/* Open statements; of as_user blocks in each other only the outermost counts. */
struct open_blocks {
    size_t count;
    size_t user;   /* what count was when the as_user block began */
    uint32_t from; /* where it began */
    bool in_user;
};

static void open_block(struct open_blocks *open, bool as_user, uint32_t from)
{
    if (as_user && !open->in_user) {
        open->in_user = true;
        open->user = open->count;
        open->from = from;
    }
    open->count++;
}

static void close_block(struct lint *lint, struct open_blocks *open, uint32_t to)
{
    if (open->count == 0 || --open->count > open->user || !open->in_user)
        return;
    open->in_user = false;
    (void)add_range(lint, (struct lint_range) { open->from, to });
}

static void follow_statement(struct lint *lint, const struct template_marker *marker,
                             struct open_blocks *open)
{
    const char *at = marker->code, *end = at + marker->code_size;
    uint32_t place = (uint32_t)place_of(lint, marker);
    size_t size = 0;
    bool first = true;
    while ((at = next_name(at, end, &size))) {
        if (first && is_word(at, size, "as_user"))
            open_block(open, true, place);
        else if (is_word(at, size, "do") || is_word(at, size, "if") ||
                 is_word(at, size, "function") || is_word(at, size, "repeat"))
            open_block(open, false, place);
        else if (is_word(at, size, "end") || is_word(at, size, "until"))
            close_block(lint, open, place);
        first = false;
        at += size;
    }
}

static void take_marker(struct lint *lint, const struct template_marker *marker,
                        struct open_blocks *open)
{
    check_raw(lint, marker);
    if (marker->is_value)
        put(lint, SHELL_VALUE, place_of(lint, marker));
    else
        follow_statement(lint, marker, open);
}

/* Literals and markers, in the order of their places. */
static void follow(struct lint *lint, const struct template *template)
{
    struct open_blocks open = { .count = 0 };
    const struct template_literal *literal = template_literal(template, 1);
    const struct template_marker *marker = template_marker(template, 1);
    for (size_t i = 1, k = 1; literal || marker;) {
        size_t at = literal ? template_literal_place(template, i) : SIZE_MAX;
        if (literal && (!marker || at < place_of(lint, marker))) {
            put_text(lint, at, at + literal->size);
            literal = template_literal(template, ++i);
        } else {
            take_marker(lint, marker, &open);
            marker = template_marker(template, ++k);
        }
    }
    while (open.count > 0)
        close_block(lint, &open, (uint32_t)lint->size);
}

/* ---- rendered scripts ---- */

struct lines {
    char *text; /* what is rewritten in place */
    size_t at, size;
};

/* The line at hand, without its end; moves behind it.  false: there is none. */
static bool next_line(struct lines *lines, char **out, size_t *out_size)
{
    if (lines->at >= lines->size)
        return false;
    char *from = lines->text + lines->at;
    char *newline = memchr(from, '\n', lines->size - lines->at);
    *out = from;
    *out_size = newline ? (size_t)(newline - from) : lines->size - lines->at;
    lines->at += *out_size + (newline != NULL);
    return true;
}

static bool begins(const char *line, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* Moves behind the next line that begins so, or is it as a whole; *out_line is that line. */
static bool find_line(struct lines *lines, const char *with, bool whole, char **out_line,
                      size_t *out_size)
{
    while (next_line(lines, out_line, out_size))
        if (begins(*out_line, *out_size, with) && (!whole || *out_size == strlen(with)))
            return true;
    return false;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++)
        if (*from != '\n')
            *from = ' ';
}

/* From a block's first line, which was just read, to its end.  false: it only begins like one. */
static bool open_one(struct lines *lines, char *first, struct lint_range *out)
{
    char delimiter[64], *line = NULL, *end = NULL;
    size_t size = 0, skip = strlen(AS_USER_BODY_BEGINS);
    struct lines at = *lines;
    if (!find_line(&at, AS_USER_BODY_BEGINS, false, &line, &size) || size <= skip + 1 ||
        size - skip > sizeof delimiter)
        return false;
    memcpy(delimiter, line + skip, size - skip - 1);
    delimiter[size - skip - 1] = '\0';
    out->from = (uint32_t)at.at;
    if (!find_line(&at, delimiter, true, &end, &size))
        return false;
    out->to = (uint32_t)(end - at.text);
    if (!find_line(&at, AS_USER_BLOCK_ENDS, false, &line, &size))
        return false;
    blank(first, lines->text + out->from);
    blank(end, line + size);
    *first = '(';
    *end = ')';
    *lines = at;
    return true;
}

/* Opens all blocks of a text in place; `lint` (may be NULL) gets to know where they are. */
static void open_all(char *text, size_t text_size, struct lint *lint)
{
    struct lines lines = { .text = text, .size = text_size };
    struct lint_range range;
    char *line = NULL;
    size_t size = 0;
    if (!memmem(text, text_size, AS_USER_BLOCK_BEGINS, strlen(AS_USER_BLOCK_BEGINS)))
        return;
    while (find_line(&lines, AS_USER_BLOCK_BEGINS, false, &line, &size)) {
        if (!open_one(&lines, line, &range))
            return; /* nor is any behind it */
        if (lint && !add_range(lint, range))
            return;
    }
}

void lint_open_blocks(const char *rendered, size_t size, struct buffer *out)
{
    size_t from = out->size;
    buffer_append(out, rendered, size);
    if (!out->failed && size > 0)
        open_all(out->data + from, size, NULL);
}
bool lint_make_view(struct lint *lint)
{
    struct error err = { 0 };
    struct template *template = NULL;
    int column = 1;
    bool readable = true;
    lint->view.text = malloc(lint->size + 1);
    lint->view.places = malloc((lint->size + 1) * sizeof *lint->view.places);
    if (!lint->view.text || !lint->view.places) {
        lint->failed = true;
        return false;
    }
    if (!lint->options.rendered &&
        template_parse(lint->text, lint->size, &template, &column, &err) < 0) {
        lint->failed |= err.code == ERROR_NO_MEMORY;
        size_t line = err.line > 0 && (size_t)err.line <= lint->line_count ? (size_t)err.line : 1;
        lint_report(lint, RULE_TEMPLATE, lint->lines[line - 1] + (uint32_t)column - 1, "%s",
                    err.message);
        readable = false;
    }
    lint->is_template = !readable || (template && template_has_markers(template));
    if (template)
        follow(lint, template);
    else
        put_text(lint, 0, lint->size);
    if (lint->options.rendered && lint->view.size == lint->size)
        open_all(lint->view.text, lint->view.size, lint);
    lint->view.places[lint->view.size] = (uint32_t)lint->size;
    template_free(template);
    return readable;
}
