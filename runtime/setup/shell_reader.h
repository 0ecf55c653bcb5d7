/* shell_reader.h - a script as its commands and words, with the place of every byte.
 *
 * For looking at a script, not for running it: it reads anything, never fails on syntax (the shell
 * itself is asked for that), and understands bash and the POSIX shell: quotes, expansions,
 * substitutions, here-documents, compound commands, functions, comments.  A word's text is what
 * the shell would make of it, with SHELL_VALUE for everything that is only known when it runs.
 * Tables refer to each other by index; 0 is "none" where that is said. */
#ifndef SETUP_SHELL_READER_H
#define SETUP_SHELL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SHELL_VALUE '\1'                    /* in texts: an expansion, or a template's value */
#define SHELL_SOURCE_MAX ((size_t)64 << 20) /* places are 32 bits wide */

/* What is read: bytes, and where each of them (and the end) stands in the file.  Borrowed. */
struct shell_source {
    const char *text;
    size_t size;
    const uint32_t *places; /* size + 1 of them; NULL: byte i stands at i */
};

/* A piece of the script's own `chars`; `places` has a place for each byte. */
struct shell_piece {
    uint32_t at, size;
};

struct script_word {
    struct shell_piece text;
    uint32_t place;
    uint32_t next; /* the command's next word; 0: it was the last */
    bool quoted;   /* some of it stood in quotes or behind a backslash */
    bool dynamic;  /* the text holds SHELL_VALUE */
};

/* A here-document or here-string. */
struct shell_input {
    struct shell_piece text;
    uint32_t place;
    bool quoted; /* nothing in it was expanded */
};

struct shell_command {
    uint32_t first_word; /* 0: only redirections */
    uint32_t place;
    uint32_t group;
    uint32_t input;      /* the here-document that it reads; 0: none */
    uint32_t piped_from; /* 1 + the command whose output it reads; 0: none, or no simple command */
    bool has_input;      /* its standard input is redirected or a pipe */
};

enum shell_group_kind {
    SHELL_TOP,
    SHELL_SUBSHELL,
    SHELL_BRACES,
    SHELL_IF,
    SHELL_LOOP,
    SHELL_CASE,
    SHELL_SUBSTITUTION,
};

/* What commands stand in.  groups[0] is the script as a whole. */
struct shell_group {
    enum shell_group_kind kind;
    uint32_t parent;
    uint32_t depth; /* how many parents there are */
    uint32_t input; /* the here-document that all of it reads; 0: none */
    bool has_input; /* its standard input is redirected or a pipe */
    bool function;  /* the body of a function */
};

/* A variable or parameter whose value is taken ("1", "@", "CI_NAME"). */
struct shell_use {
    struct shell_piece name;
    uint32_t place;
    uint32_t group;
    uint32_t command; /* how many commands had begun: later assignments are of no help */
};

/* A comment, from behind the # to the end of its line. */
struct shell_comment {
    struct shell_piece text;
    uint32_t place;
    uint32_t command; /* how many commands had begun */
};

struct shell_script {
    char *chars; /* of all pieces */
    uint32_t *places;
    size_t char_count, char_capacity;
    struct shell_command *commands;
    size_t command_count, command_capacity;
    struct script_word *words; /* words[0] is none */
    size_t word_count, word_capacity;
    struct shell_input *inputs; /* inputs[0] is none */
    size_t input_count, input_capacity;
    struct shell_group *groups;
    size_t group_count, group_capacity;
    struct shell_use *uses;
    size_t use_count, use_capacity;
    struct shell_comment *comments;
    size_t comment_count, comment_capacity;
};

/* Reads the whole of it into `out` (which is overwritten); release that with shell_script_clear(),
 * also after a failure.  ERROR_NO_MEMORY, ERROR_TOO_LARGE beyond SHELL_SOURCE_MAX. */
int shell_read(const struct shell_source *source, struct shell_script *out, struct error *err);
void shell_script_clear(struct shell_script *script);

/* A piece is exactly this text? */
bool shell_piece_is(const struct shell_script *script, struct shell_piece piece, const char *text);
/* The bytes of a piece, with a NUL behind them. */
const char *shell_piece_text(const struct shell_script *script, struct shell_piece piece);
/* A piece as a source of its own: a here-document that is a script, the text behind `bash -c`. */
struct shell_source shell_piece_source(const struct shell_script *script, struct shell_piece piece);

#endif
