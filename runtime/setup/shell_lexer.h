/* shell_lexer.h - follows a shell script as it is written and quotes values for where they stand.
 *
 * It is told everything that is emitted, in order: literal text as it is, values to be quoted.  It
 * keeps the shell's own lexical state (POSIX sh, or bash), so it knows at each value what would be
 * that very value there: words, both kinds of quotes, substitutions, arithmetic, here-documents,
 * patterns, comments.  Where nothing is sure to be, it refuses; it never guesses.  Literal text is
 * never refused, however odd: only what it does to a value before it is.  Pure. */
#ifndef SETUP_SHELL_LEXER_H
#define SETUP_SHELL_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

enum shell_dialect {
    SHELL_UNKNOWN, /* the first line tells: "#!"; without one it is sh */
    SHELL_SH,
    SHELL_BASH,
    SHELL_OTHER, /* python, zsh, …: values are refused */
};

/* One value; text is borrowed. */
struct shell_word {
    const char *text;
    size_t size;
    bool is_integer; /* `text` is a decimal integer that fits in 64 bits, with '-' or without */
};

struct shell_lexer;

/* NULL: no memory. */
struct shell_lexer *shell_lexer_new(enum shell_dialect dialect);
void shell_lexer_free(struct shell_lexer *lexer); /* NULL is fine */

/* Follows `size` bytes of the script's own.  ERROR_INVALID when they make something else of the
 * last value than that value: the message is about the value.  ERROR_NO_MEMORY. */
int shell_lexer_literal(struct shell_lexer *lexer, const char *text, size_t size,
                        struct error *err);

/* Appends the value, quoted, to `out` and follows it.  With `is_list` each word becomes one of the
 * shell's, wherever several may stand.  ERROR_INVALID tells why it cannot stand there;
 * ERROR_NO_MEMORY. */
int shell_lexer_value(struct shell_lexer *lexer, const struct shell_word *words, size_t count,
                      bool is_list, struct buffer *out, struct error *err);

/* 0 where a command may begin on a line of its own, else ERROR_INVALID with "… stands in …". */
int shell_lexer_at_command(struct shell_lexer *lexer, struct error *err);

/* At the end of the script: ERROR_INVALID when the last line makes something else of a value. */
int shell_lexer_finish(struct shell_lexer *lexer, struct error *err);

/* What the first line said, as far as it is known by now. */
enum shell_dialect shell_lexer_dialect(const struct shell_lexer *lexer);

#endif
