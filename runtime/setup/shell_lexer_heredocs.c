/* shell_lexer_heredocs.c - here-documents: their delimiters, and where their bodies end, which goes
 * by lines whatever is open in them. */
#include "setup/shell_lexer_private.h"

#include <stdlib.h>

/* The bodies of what this line declared begin. */
int lexer_begin_heredoc(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame;
    if (lexer->declared_count == 0)
        return 0;
    int rc = lexer_push(lexer, FRAME_HEREDOC, &frame, err);
    if (rc < 0 || frame->kind != FRAME_HEREDOC)
        return rc;
    frame->heredoc = lexer->declared[0];
    lexer->heredocs++;
    lexer->declared_count--;
    memmove(lexer->declared, lexer->declared + 1, lexer->declared_count * sizeof *lexer->declared);
    return 0;
}

static int declare_heredoc(struct shell_lexer *lexer, struct frame *frame, struct error *err)
{
    frame->pending = PENDING_NONE;
    struct heredoc *moved =
        realloc(lexer->declared, (lexer->declared_count + 1) * sizeof *lexer->declared);
    if (!moved)
        return error_set(err, ERROR_NO_MEMORY, "no memory to follow a script");
    lexer->declared = moved;
    lexer->declared[lexer->declared_count] = frame->heredoc;
    lexer->declared[lexer->declared_count++].depth = lexer->count;
    if (lexer->declared_count > FRAMES_MAX)
        lexer_lose(lexer, "too many here-documents begin on one line");
    return 0;
}

static void add_to_delimiter(struct shell_lexer *lexer, struct frame *frame, char c)
{
    if (frame->heredoc.size == DELIMITER_MAX)
        lexer_lose(lexer, "a here-document's delimiter is too long to be followed");
    else
        frame->heredoc.delimiter[frame->heredoc.size++] = c;
}

static const char *const unclear_delimiter =
    "shells differ in how they read the delimiter of a here-document before it";

/* Reads the word behind "<<"; *out_taken is false when `c` ends it. */
int lexer_read_delimiter(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err)
{
    struct frame *frame = top_of(lexer);
    char quote = frame->delimiter_quote;
    *out_taken = true;
    if (quote == '\\') {
        frame->delimiter_quote = 0;
        add_to_delimiter(lexer, frame, c);
    } else if (quote) {
        if (c == quote)
            frame->delimiter_quote = 0;
        else
            add_to_delimiter(lexer, frame, c);
        if (c == '\n' || (quote == '"' && c == '\\'))
            lexer_lose(lexer, unclear_delimiter);
    } else if (is_one_of(c, "'\"\\")) {
        if (frame->heredoc.size > 0 && frame->heredoc.delimiter[frame->heredoc.size - 1] == '$' &&
            c != '\\')
            lexer_lose(lexer, unclear_delimiter);
        frame->delimiter_quote = c;
        frame->delimiter_begun = frame->heredoc.quoted = true;
    } else if (is_one_of(c, " \t") && !frame->delimiter_begun) {
        return 0;
    } else if (is_one_of(c, " \t\n;&|<>()")) {
        *out_taken = false;
        return declare_heredoc(lexer, frame, err);
    } else {
        frame->delimiter_begun = true;
        add_to_delimiter(lexer, frame, c);
    }
    return 0;
}

static void begin_line(struct frame *frame)
{
    frame->matched = 0;
    frame->mismatch = frame->line_has_value = frame->line_begun = frame->line_backslash = false;
}

bool lexer_line_is_delimiter(const struct frame *frame)
{
    return !frame->mismatch && !frame->line_backslash && frame->matched == frame->heredoc.size;
}

/* One byte of a body that is no line's end. */
static int follow_byte(struct frame *frame, char c, bool from_value, bool bash, struct error *err)
{
    if (c == '\t' && frame->heredoc.strip_tabs && !frame->line_begun)
        return from_value ? refuse(err, "a here-document of '<<-' loses the tab at the beginning "
                                        "of the value's line")
                          : 0;
    if (from_value && !bash && (unsigned char)c >= 0x80 && frame->matched > 0 && !frame->mismatch)
        return refuse(err, "a line begins like the delimiter of this here-document and goes on "
                           "with a byte that dash then drops; take another delimiter");
    frame->line_begun = true;
    frame->line_has_value |= from_value;
    if (frame->line_backslash || (c == '\\' && frame->heredoc.quoted)) {
        frame->mismatch |= frame->line_backslash;
        frame->line_backslash = false;
    } else if (c == '\\') {
        frame->line_backslash = true;
        return 0;
    }
    if (frame->matched < frame->heredoc.size && frame->heredoc.delimiter[frame->matched] == c)
        frame->matched++;
    else
        frame->mismatch = true;
    return 0;
}

const char *const lexer_ends_heredoc =
    "together with the value a line of this here-document is the one that ends it";

/* Lets the body that is frame `at` see one byte that passes; it may end there, and with it all that
 * is open in it. */
static int follow_body(struct shell_lexer *lexer, size_t at, char c, bool from_value,
                       bool *out_ended, struct error *err)
{
    struct frame *frame = &lexer->frames[at];
    if (c != '\n')
        return follow_byte(frame, c, from_value, lexer->dialect == SHELL_BASH, err);
    if (frame->line_backslash) { /* the line goes on */
        if (from_value)
            return refuse(err, "a backslash at the end of a line is lost in this here-document; "
                               "put the value into a variable before it and use that");
        frame->line_backslash = false;
        return 0;
    }
    if (lexer_line_is_delimiter(frame)) {
        if (from_value || frame->line_has_value)
            return refuse(err, lexer_ends_heredoc);
        *out_ended = true;
        return 0;
    }
    begin_line(frame);
    frame->line_has_value = from_value; /* a line that the value began */
    return 0;
}

/* Every body that is open sees the byte; *out_ended: one of them ended with it. */
int lexer_follow_bodies(struct shell_lexer *lexer, char c, bool from_value, bool *out_ended,
                        struct error *err)
{
    for (size_t i = 0; i < lexer->count; i++) {
        if (lexer->frames[i].kind != FRAME_HEREDOC)
            continue;
        int rc = follow_body(lexer, i, c, from_value, out_ended, err);
        if (rc < 0)
            return rc;
        if (!*out_ended)
            continue;
        while (lexer->count > i)
            lexer_pop(lexer);
        while (lexer->declared_count > 0 &&
               lexer->declared[lexer->declared_count - 1].depth > lexer->count)
            lexer->declared_count--;
        return lexer_begin_heredoc(lexer, err);
    }
    return 0;
}
