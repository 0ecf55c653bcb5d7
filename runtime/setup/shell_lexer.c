/* shell_lexer.c - see shell_lexer.h: the stack of frames, the first line, and what is exported.
 *
 * How it works is told in shell_lexer_private.h. */
#include "setup/shell_lexer_private.h"

#include <stdlib.h>

#include "base/text.h"

/* ---- frames ---- */

/* From here on nothing is known, and values are refused. */
void lexer_lose(struct shell_lexer *lexer, const char *why)
{
    if (!lexer->lost)
        lexer->lost = why;
}

/* Pushes a frame; the one on top afterwards is returned, also when nothing could be pushed. */
int lexer_push(struct shell_lexer *lexer, enum frame_kind kind, struct frame **out,
               struct error *err)
{
    if (lexer->count == FRAMES_MAX) {
        lexer_lose(lexer, "the script nests too deeply to be followed");
        *out = top_of(lexer);
        return 0;
    }
    if (lexer->count == lexer->room) {
        size_t room = lexer->room ? 2 * lexer->room : 8;
        struct frame *moved = realloc(lexer->frames, room * sizeof *moved);
        if (!moved) {
            (void)error_set(err, ERROR_NO_MEMORY, "no memory to follow a script");
            return ERROR_NO_MEMORY;
        }
        lexer->frames = moved;
        lexer->room = room;
    }
    struct frame *frame = &lexer->frames[lexer->count++];
    *frame = (struct frame) { .kind = kind };
    word_reset(&frame->word);
    *out = frame;
    return 0;
}

int lexer_push_simple(struct shell_lexer *lexer, enum frame_kind kind, struct error *err)
{
    struct frame *frame;
    return lexer_push(lexer, kind, &frame, err);
}

/* Commands up to ')'. */
int lexer_push_code(struct shell_lexer *lexer, bool in_word, struct error *err)
{
    struct frame *frame;
    int rc = lexer_push(lexer, FRAME_CODE, &frame, err);
    if (rc < 0)
        return rc;
    frame->command = true;
    frame->closer = ')';
    frame->in_word = in_word;
    return 0;
}

int lexer_push_arithmetic(struct shell_lexer *lexer, char closer, bool in_word, struct error *err)
{
    struct frame *frame;
    int rc = lexer_push(lexer, FRAME_ARITHMETIC, &frame, err);
    if (rc < 0)
        return rc;
    frame->closer = closer;
    frame->in_word = in_word;
    return 0;
}

void lexer_pop(struct shell_lexer *lexer)
{
    struct frame *frame = top_of(lexer);
    if (frame->kind == FRAME_BACKQUOTE)
        shell_lexer_free(frame->inner);
    if (frame->kind == FRAME_HEREDOC)
        lexer->heredocs--;
    lexer->count--;
}

/* ---- the first line ---- */

/* The last part of a path that ends at a blank or the line's end. */
static size_t program_of(const char *line, size_t size, const char **out)
{
    size_t end = 0, from = 0;
    while (end < size && !is_one_of(line[end], " \t\r")) {
        if (line[end] == '/')
            from = end + 1;
        end++;
    }
    *out = line + from;
    return end - from;
}

static bool program_is(const char *program, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(program, name, size) == 0;
}

static enum shell_dialect dialect_of(const char *line, size_t size)
{
    static const char *const shells[] = { "sh", "dash", "ash", "busybox" };
    const char *program = line;
    size_t at = 2, length = 0;
    if (size < 2 || line[0] != '#' || line[1] != '!')
        return SHELL_SH;
    for (bool env = true; env;) { /* "env -S A=b bash": the first that is a program */
        while (at < size && is_one_of(line[at], " \t"))
            at++;
        length = program_of(line + at, size - at, &program);
        at = (size_t)(program - line) + length;
        env = length > 0 && (program_is(program, length, "env") || program[0] == '-' ||
                             memchr(program, '=', length));
    }
    if (program_is(program, length, "bash"))
        return SHELL_BASH;
    for (size_t i = 0; i < COUNT(shells); i++)
        if (program_is(program, length, shells[i]))
            return SHELL_SH;
    return SHELL_OTHER;
}

static void read_first_line(struct shell_lexer *lexer, char c)
{
    if (c == '\n')
        lexer->dialect = dialect_of(lexer->first_line, lexer->first_size);
    else if (lexer->first_size < FIRST_LINE_MAX)
        lexer->first_line[lexer->first_size++] = c;
}

/* ---- exports ---- */

struct shell_lexer *shell_lexer_new(enum shell_dialect dialect)
{
    struct shell_lexer *lexer = calloc(1, sizeof *lexer);
    struct frame *frame;
    if (!lexer)
        return NULL;
    lexer->dialect = dialect;
    if (lexer_push(lexer, FRAME_CODE, &frame, NULL) < 0) {
        free(lexer);
        return NULL;
    }
    frame->command = true;
    return lexer;
}

void shell_lexer_free(struct shell_lexer *lexer)
{
    if (!lexer)
        return;
    while (lexer->count > 0)
        lexer_pop(lexer);
    free(lexer->frames);
    free(lexer->declared);
    free(lexer);
}

int shell_lexer_literal(struct shell_lexer *lexer, const char *text, size_t size, struct error *err)
{
    for (size_t i = 0; i < size; i++) {
        bool ended = false;
        int rc = 0;
        if (lexer->dialect == SHELL_UNKNOWN)
            read_first_line(lexer, text[i]);
        if (text[i] == '\0')
            lexer_lose(lexer, "there is a NUL byte before it, which some shells pass over");
        if (lexer->heredocs > 0)
            rc = lexer_follow_bodies(lexer, text[i], false, &ended, err);
        if (rc == 0 && !ended)
            rc = lexer_feed(lexer, text[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Has any word that is open?  What is inside of "$(…)" is part of the word around it. */
static bool has_loose_braces(const struct shell_lexer *lexer)
{
    for (size_t i = 0; i < lexer->count; i++)
        if (lexer->frames[i].kind <= FRAME_GLOB && lexer->frames[i].word.loose_braces)
            return true;
    return false;
}

static int check_value(struct shell_lexer *lexer, const struct shell_word *words, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].size > 0 && memchr(words[i].text, '\0', words[i].size))
            return refuse(err, "a script cannot hold a NUL byte");
    if (lexer->dialect == SHELL_UNKNOWN) {
        if (lexer->first_size >= 2 && memcmp(lexer->first_line, "#!", 2) == 0)
            return refuse(err, "the '#!' line says which shell this is: it holds no values");
        lexer->dialect = SHELL_SH;
    }
    if (lexer->dialect == SHELL_OTHER)
        return refuse(err, "values can be quoted for sh and bash, not for the program that the "
                           "'#!' line names; raw(…) writes a text as it is");
    return lexer->lost ? refuse(err, lexer->lost) : 0;
}

int shell_lexer_value(struct shell_lexer *lexer, const struct shell_word *words, size_t count,
                      bool is_list, struct buffer *out, struct error *err)
{
    bool ended = false;
    size_t before = out->size;
    int rc = check_value(lexer, words, count, err);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (lexer->dialect == SHELL_BASH && has_loose_braces(lexer) &&
            (has_byte(&words[i], '{') || has_byte(&words[i], '(')))
            rc = refuse(err, "behind quotes within quotes or backquotes within quotes bash may "
                             "expand the braces of the value, or look for the end of '$('; write "
                             "$(…), or make it a word of its own");
    if (rc == 0)
        rc = lexer_quote_value(lexer, words, count, is_list, out, err);
    if (rc == 0 && lexer->lost) /* while settling */
        rc = refuse(err, lexer->lost);
    for (size_t i = 0; i < lexer->count && lexer->heredocs > 0; i++)
        lexer->frames[i].line_has_value = true; /* an empty one too */
    for (size_t i = before; i < out->size && rc == 0 && lexer->heredocs > 0; i++)
        rc = lexer_follow_bodies(lexer, out->data[i], true, &ended, err);
    return rc < 0 ? rc : buffer_check(out, "the rendered script", err);
}

int shell_lexer_at_command(struct shell_lexer *lexer, struct error *err)
{
    int rc = check_value(lexer, NULL, 0, err);
    if (rc == 0)
        rc = lexer_settle(lexer, err);
    const struct frame *frame = top_of(lexer);
    if (rc == 0 &&
        ((frame->kind != FRAME_CODE && frame->kind != FRAME_CASE) || !frame->command ||
         frame->pending || frame->word.open || frame->redirect || frame->expected != EXPECT_ANY))
        rc = refuse(err, "it stands where a command begins");
    if (rc == 0 && (lexer->heredocs > 0 || lexer->declared_count > 0 || lexer->backquotes > 0))
        rc = refuse(err, "it cannot stand in a here-document, in backquotes, or behind '<<' on "
                         "its line");
    return rc;
}

int shell_lexer_finish(struct shell_lexer *lexer, struct error *err)
{
    for (size_t i = 0; i < lexer->count; i++) {
        const struct frame *frame = &lexer->frames[i];
        if (frame->kind == FRAME_HEREDOC && frame->line_has_value && lexer_line_is_delimiter(frame))
            return refuse(err, lexer_ends_heredoc);
        if (frame->kind == FRAME_BACKQUOTE) {
            int rc = shell_lexer_finish(frame->inner, err);
            if (rc < 0)
                return rc;
        }
    }
    struct frame *frame = top_of(lexer);
    return frame->kind == FRAME_CONDITION && frame->word.open ? lexer_end_word(lexer, err) : 0;
}

enum shell_dialect shell_lexer_dialect(const struct shell_lexer *lexer)
{
    return lexer->dialect;
}
