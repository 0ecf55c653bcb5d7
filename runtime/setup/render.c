/* render.c - see render.h.
 *
 * There is one sink for the script and, inside of as_user, one for the block: the block's text is a
 * script of its own, with a lexer of its own.  It reaches the script around it as the body of a
 * here-document that expands nothing, so that no quoting of the one ever meets the other's. */
#include "setup/render.h"

#include <stdlib.h>
#include <string.h>

#include "setup/as_user.h"

#define DELIMITER "MOONFLEET_AS_USER"
#define USER_MAX 32

struct sink {
    struct shell_lexer *lexer;
    struct buffer text;
    int *lines; /* of each rendered line: the template's; owned */
    size_t line_count, line_room;
    bool inside_line; /* the last line has no end yet */
};

struct render {
    const struct template *template;
    struct sink script, block;
    bool in_block;
    char user[USER_MAX + 1];
    size_t last_marker; /* of the last value: whose neighbours may still spoil it */
};

static void sink_clear(struct sink *sink)
{
    shell_lexer_free(sink->lexer);
    buffer_clear(&sink->text);
    free(sink->lines);
    *sink = (struct sink) { .text = { .max = RENDER_SIZE_MAX } };
}

static int note_line(struct sink *sink, int line, struct error *err)
{
    if (sink->line_count == sink->line_room) {
        size_t room = sink->line_room ? 2 * sink->line_room : 64;
        int *moved = realloc(sink->lines, room * sizeof *moved);
        if (!moved)
            return error_set(err, ERROR_NO_MEMORY, "no memory to render a script");
        sink->lines = moved;
        sink->line_room = room;
    }
    sink->lines[sink->line_count++] = line;
    return 0;
}

/* Notes the lines of text that was appended from `from` on.  With `counting` its lines are lines of
 * the template from `line` on; else all of them came from that one. */
static int note_lines(struct sink *sink, size_t from, int line, bool counting, struct error *err)
{
    for (size_t i = from; i < sink->text.size; i++) {
        int rc = sink->inside_line ? 0 : note_line(sink, line, err);
        if (rc < 0)
            return rc;
        sink->inside_line = sink->text.data[i] != '\n';
        line += counting && !sink->inside_line;
    }
    return 0;
}

static struct sink *sink_of(struct render *render)
{
    return render->in_block ? &render->block : &render->script;
}

static int emit(struct sink *sink, const char *text, size_t size, int line, bool counting,
                struct error *err)
{
    size_t from = sink->text.size;
    buffer_append(&sink->text, text, size);
    int rc = buffer_check(&sink->text, "the rendered script", err);
    if (rc == 0)
        rc = shell_lexer_literal(sink->lexer, text, size, err);
    return rc < 0 ? rc : note_lines(sink, from, line, counting, err);
}

int render_new(const struct template *template, struct render **out, struct error *err)
{
    struct render *render = calloc(1, sizeof *render);
    if (render) {
        render->template = template;
        render->script.text.max = RENDER_SIZE_MAX;
        render->block.text.max = RENDER_SIZE_MAX;
        render->script.lexer = shell_lexer_new(SHELL_UNKNOWN);
    }
    if (!render || !render->script.lexer) {
        free(render);
        return error_set(err, ERROR_NO_MEMORY, "no memory to render a script");
    }
    *out = render;
    return 0;
}

void render_free(struct render *render)
{
    if (!render)
        return;
    sink_clear(&render->script);
    sink_clear(&render->block);
    free(render);
}

static int line_of(const struct render *render, size_t marker)
{
    const struct template_marker *found = template_marker(render->template, marker);
    return found ? found->line : 1;
}

int render_literal(struct render *render, size_t index, struct error *err)
{
    const struct template_literal *literal = template_literal(render->template, index);
    return literal ? emit(sink_of(render), literal->text, literal->size, literal->line, true, err)
                   : error_set(err, ERROR_INTERNAL, "there is no literal %zu", index);
}

int render_value(struct render *render, size_t marker, const struct shell_word *words, size_t count,
                 bool is_list, struct error *err)
{
    struct sink *sink = sink_of(render);
    size_t from = sink->text.size;
    render->last_marker = marker;
    int rc = shell_lexer_value(sink->lexer, words, count, is_list, &sink->text, err);
    return rc < 0 ? rc : note_lines(sink, from, line_of(render, marker), false, err);
}

int render_raw(struct render *render, size_t marker, const char *text, size_t size,
               struct error *err)
{
    render->last_marker = marker;
    if (size > 0 && memchr(text, '\0', size))
        return error_set(err, ERROR_INVALID, "a script cannot hold a NUL byte");
    return emit(sink_of(render), text, size, line_of(render, marker), false, err);
}

/* ---- as_user ---- */

static bool is_user_name(const char *name)
{
    static const char begin[] = "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    return *name && strchr(begin, *name) && strlen(name) <= USER_MAX &&
           name[strspn(name, rest)] == '\0';
}

int render_as_user_begin(struct render *render, size_t marker, const char *user, struct error *err)
{
    render->last_marker = marker;
    if (render->in_block)
        return error_set(err, ERROR_INVALID, "as_user blocks do not nest");
    if (!is_user_name(user))
        return error_set(err, ERROR_INVALID, "as_user: '%.40s' is no user's name", user);
    int rc = shell_lexer_at_command(render->script.lexer, err);
    if (rc < 0)
        return error_wrap(err, rc, "as_user");
    sink_clear(&render->block);
    render->block.lexer = shell_lexer_new(shell_lexer_dialect(render->script.lexer));
    if (!render->block.lexer)
        return error_set(err, ERROR_NO_MEMORY, "no memory to render a script");
    (void)memcpy(render->user, user, strlen(user) + 1);
    render->in_block = true;
    return 0;
}

/* Is one of the lines of `text` exactly `line`? */
static bool has_line(const struct buffer *text, const char *line)
{
    size_t size = strlen(line);
    if (text->size == 0)
        return false;
    for (const char *at = text->data, *end = at + text->size; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline ? newline : end) - at);
        if (length == size && memcmp(at, line, size) == 0)
            return true;
        at += length + 1;
    }
    return false;
}

/* What the block's shell reads first.  The values are known only when the script runs, so it
 * quotes them then, with sed; `eval` has the whole block before the first command of it runs, so
 * that none of them can read the rest of it for its input. */
static void write_head(struct buffer *out, bool bash)
{
    buffer_text(
        out,
        "  moonfleet_quote() { LC_ALL=C sed \"s/'/'\\\\\\\\''/g; 1s/^/'/; "
        "\\$s/\\$/' \\\\\\\\/\"; }\n"
        "  unset IFS\n"
        "  for moonfleet in $(env | LC_ALL=C sed -n 's/^\\(CI_[A-Za-z0-9_]*\\)=.*/\\1/p'); do\n"
        "    eval \"[ \\\"\\${$moonfleet+set}\\\" ]\" || continue\n"
        "    printf 'export %s=' \"$moonfleet\"\n"
        "    eval \"printf '%s\\\\n' \\\"\\${$moonfleet-}\\\"\" | moonfleet_quote\n"
        "    echo\n"
        "  done\n"
        "  printf 'cd '\n"
        "  printf '%s\\n' \"$PWD\" | moonfleet_quote\n"
        "  echo '|| exit'\n"
        "  printf 'set -- '\n"
        "  for moonfleet do printf '%s\\n' \"$moonfleet\" | moonfleet_quote; done\n"
        "  echo\n"
        "  case $- in *e*) echo 'set -e' ;; esac\n"
        "  case $- in *u*) echo 'set -u' ;; esac\n"
        "  case $- in *x*) echo 'set -x' ;; esac\n");
    if (bash)
        buffer_text(out, "  case $SHELLOPTS in *pipefail*) echo 'set -o pipefail' ;; esac\n");
    buffer_text(out, "  printf 'eval '\n");
}

static void write_tail(struct buffer *out, const char *user, const char *shell)
{
    buffer_format(
        out,
        "  echo '</dev/null'\n"
        "} | if [ \"$(id -un)\" = %s ]; then %s\n"
        "elif command -v sudo >/dev/null; then sudo -u %s -i %s\n"
        "elif command -v runuser >/dev/null; then runuser -l %s -c '%s'\n" AS_USER_BLOCK_ENDS
        "%s -c '%s'; fi",
        user, shell, user, shell, user, shell, user, shell);
}

/* The block's own lines keep their places. */
static int emit_block(struct render *render, struct error *err)
{
    struct sink *block = &render->block;
    size_t start = 0;
    for (size_t i = 0; i < block->line_count; i++) {
        const char *from = block->text.data + start;
        const char *newline = memchr(from, '\n', block->text.size - start);
        size_t size = newline ? (size_t)(newline - from) + 1 : block->text.size - start;
        int rc = emit(&render->script, from, size, block->lines[i], false, err);
        if (rc == 0 && !newline)
            rc = emit(&render->script, "\n", 1, block->lines[i], false, err);
        if (rc < 0)
            return rc;
        start += size;
    }
    return 0;
}

int render_as_user_end(struct render *render, size_t marker, struct error *err)
{
    const struct template_marker *end = template_marker(render->template, marker);
    const bool bash = shell_lexer_dialect(render->block.lexer) == SHELL_BASH;
    struct buffer text = { 0 };
    char delimiter[sizeof DELIMITER + 24] = DELIMITER;
    int line = line_of(render, render->last_marker);
    int rc = shell_lexer_finish(render->block.lexer, err);
    render->in_block = false;
    for (unsigned n = 2; has_line(&render->block.text, delimiter); n++)
        (void)snprintf(delimiter, sizeof delimiter, "%s_%u", DELIMITER, n);
    buffer_format(&text, AS_USER_BLOCK_BEGINS "%s\n", render->user);
    write_head(&text, bash);
    buffer_format(&text, AS_USER_BODY_BEGINS "%s'\n", delimiter);
    if (rc == 0)
        rc = buffer_check(&text, "the rendered script", err);
    if (rc == 0)
        rc = emit(&render->script, text.data, text.size, line, false, err);
    if (rc == 0)
        rc = emit_block(render, err);
    buffer_reset(&text);
    buffer_format(&text, "%s\n", delimiter);
    write_tail(&text, render->user, bash ? "bash -l" : "sh -l");
    if (end && end->own_line)
        buffer_char(&text, '\n');
    if (rc == 0)
        rc = buffer_check(&text, "the rendered script", err);
    if (rc == 0)
        rc = emit(&render->script, text.data, text.size, line_of(render, marker), false, err);
    buffer_clear(&text);
    return rc;
}

/* ---- the end ---- */

int render_finish(struct render *render, struct error *err)
{
    if (render->in_block)
        return error_set(err, ERROR_INVALID, "an as_user block has no end");
    int rc = shell_lexer_finish(render->script.lexer, err);
    return rc < 0 ? rc : buffer_check(&render->script.text, "the rendered script", err);
}

const struct buffer *render_text(const struct render *render)
{
    return &render->script.text;
}

size_t render_failed_at(const struct render *render)
{
    return render->last_marker;
}

void render_lines(const struct render *render, struct buffer *out)
{
    const struct sink *sink = &render->script;
    buffer_char(out, '[');
    for (size_t i = 0; i < sink->line_count; i++)
        if (i == 0 || sink->lines[i] != sink->lines[i - 1] + 1)
            buffer_format(out, "%s%zu,%d", i > 0 ? "," : "", i + 1, sink->lines[i]);
    buffer_char(out, ']');
}
