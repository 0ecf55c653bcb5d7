/* shell_lexer_private.h - the inside of the lexer, for the files of this folder that are it.
 *
 * A stack of frames, one for each construct that is open, the innermost on top, fed byte by byte.
 * What a byte means may hang on the next one ("$", "<", "("): the frame then remembers it as
 * pending.  Old-style backquotes strip a layer of backslashes before the shell reads what is in
 * them: their frame holds a lexer of its own, which is fed what is left, and what that one quotes
 * is escaped again on its way out. */
#ifndef SETUP_SHELL_LEXER_PRIVATE_H
#define SETUP_SHELL_LEXER_PRIVATE_H

#include <string.h>

#include "setup/shell_lexer.h"

#define FRAMES_MAX 200     /* nested constructs */
#define BACKQUOTES_MAX 6   /* nested lexers: each doubles the backslashes */
#define DELIMITER_MAX 256  /* bytes of a here-document's delimiter */
#define FIRST_LINE_MAX 256 /* bytes of a "#!" line that are looked at */
#define KEYWORD_MAX 12

enum frame_kind {
    FRAME_CODE,      /* commands: the script, ( … ), $( … ), <( … ) */
    FRAME_CASE,      /* case … esac, its commands included */
    FRAME_ARRAY,     /* x=( … ) */
    FRAME_CONDITION, /* [[ … ]] */
    FRAME_GLOB,      /* @( … ) inside a word */
    FRAME_DOUBLE,    /* "…" */
    FRAME_SINGLE,    /* '…' */
    FRAME_ANSI,      /* $'…' */
    FRAME_ARITHMETIC,
    FRAME_SUBSCRIPT, /* x[ … ] */
    FRAME_PARAMETER, /* ${ … } */
    FRAME_COMMENT,
    FRAME_HEREDOC,
    FRAME_BACKQUOTE,
};

/* What was read and cannot be understood before the next byte. */
enum pending {
    PENDING_NONE,
    PENDING_BACKSLASH,
    PENDING_DOLLAR,
    PENDING_DOLLAR_PAREN,
    PENDING_NAME, /* $name, whose end is not reached */
    PENDING_SEMICOLON,
    PENDING_AMPERSAND,
    PENDING_LESS,
    PENDING_LESS_LESS,
    PENDING_DELIMITER, /* of a here-document, being read */
    PENDING_GREATER,
    PENDING_PAREN,  /* "(" that may become "((" */
    PENDING_CLOSE,  /* ")" that may become "))" */
    PENDING_ESCAPE, /* inside an escape of $'…' that digits may follow */
};

/* What the next word of commands is. */
enum expected {
    EXPECT_ANY,
    EXPECT_NAME, /* for NAME, function NAME */
    EXPECT_IN_OR_DO,
    EXPECT_CASE_WORD,
    EXPECT_CASE_IN,
    EXPECT_PATTERN,
};

enum assignment { ASSIGN_START, ASSIGN_NAME, ASSIGN_PLUS, ASSIGN_SUBSCRIPT, ASSIGN_YES, ASSIGN_NO };

struct word {
    bool open;
    bool literal;        /* nothing but unquoted text so far */
    bool has_value;      /* some of it is a value */
    bool has_text_value; /* … that is no integer */
    bool digits;         /* nothing but digits so far */
    bool loose_braces;   /* bash may have lost count of the quotes in it when it expands braces */
    bool tilde;          /* "~", "~name": a tilde prefix that is still open */
    bool bracket;        /* behind a "[" whose "]" has not come */
    char last;           /* the last byte when it was an unquoted literal; else 0 */
    char before_last;
    enum assignment assignment;
    char text[KEYWORD_MAX]; /* the literal's beginning */
    size_t size;            /* of the whole literal */
};

enum parameter_phase {
    PARAMETER_START,
    PARAMETER_HASH, /* "${#" */
    PARAMETER_NAME,
    PARAMETER_OPERATOR,
    PARAMETER_COLON,
    PARAMETER_WORD,    /* behind -, =, +, ? */
    PARAMETER_PATTERN, /* behind #, %, ^ or a comma */
    PARAMETER_REPLACE, /* behind / */
    PARAMETER_OFFSET,
    PARAMETER_OTHER,
};

enum surroundings { IN_WORD, IN_DOUBLE, IN_HEREDOC, IN_ARITHMETIC };

struct heredoc {
    char delimiter[DELIMITER_MAX];
    size_t size;
    bool quoted, strip_tabs;
    size_t depth; /* of the frame that declared it */
};

struct frame {
    enum frame_kind kind;
    enum pending pending;
    enum expected expected;
    bool command;     /* the next word is a command's name (or a reserved word) */
    bool redirect;    /* the next word is a redirection's target */
    bool in_word;     /* when it ends, the word below goes on */
    bool nested;      /* quotes inside "${…}" */
    bool after_list;  /* a list was just emitted: a separator has to come */
    bool held;        /* a backslash that may join two lines: the next byte tells */
    bool prefixed;    /* the command is "command" or "builtin": its first word is one, too */
    bool declares;    /* … is declare, local, …: -i computes, behind -n stand names */
    bool computes;    /* … computes what its words say: let, declare -i */
    bool names;       /* its words are names, up to their "=": declare, read, unset */
    bool refers;      /* … and what stands behind the "=", too: declare -n */
    char name_option; /* the option that a name follows: printf -v */
    bool ambiguous;   /* $'…' in sh: some take it for a quote of its own kind, some do not */
    bool odd_quotes;  /* of the ' in "${…}", which bash pairs */
    char closer;      /* ')' of code; ')' or ']' of arithmetic; 0: none */
    int depth;        /* of brackets inside arithmetic */
    struct word word;
    /* arithmetic, offsets */
    char last;
    bool after_number;
    /* [[ … ]] */
    bool number_next, name_next, regex_next, text_operand;
    /* ${ … } */
    enum parameter_phase phase;
    enum surroundings surroundings;
    /* $'…' */
    int digits_left;
    bool hexadecimal;
    /* here-documents: a delimiter being read, or the body */
    struct heredoc heredoc;
    char delimiter_quote;
    bool delimiter_begun;
    size_t matched; /* bytes of this line that are the delimiter's */
    bool mismatch, line_has_value, line_begun, line_backslash;
    /* backquotes */
    struct shell_lexer *inner; /* owned */
    bool in_double;
};

struct shell_lexer {
    enum shell_dialect dialect;
    struct frame *frames; /* the last is on top */
    size_t count, room;
    struct heredoc *declared; /* whose bodies begin at the next line */
    size_t declared_count;
    size_t heredocs;  /* frames that are here-documents */
    bool has_aliases; /* a bare word may be one */
    const char *lost;
    char first_line[FIRST_LINE_MAX];
    size_t first_size;
    int backquotes;
};

/* ---- bytes ---- */

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_name(char c)
{
    return is_letter(c) || is_digit(c);
}

static inline bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static inline bool has_byte(const struct shell_word *value, char c)
{
    return value->size > 0 && memchr(value->text, c, value->size);
}

static inline int refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_INVALID, "%s", why);
}

/* ---- frames: shell_lexer.c ---- */

static inline struct frame *top_of(const struct shell_lexer *lexer)
{
    return &lexer->frames[lexer->count - 1];
}

static inline void word_reset(struct word *word)
{
    *word = (struct word) { .literal = true, .digits = true };
}

/* From here on nothing is known, and values are refused: `why` says so, and is not copied. */
void lexer_lose(struct shell_lexer *lexer, const char *why);

/* Each pushes a frame; *out is the one on top afterwards, also when nothing could be pushed because
 * the script nests too deeply.  ERROR_NO_MEMORY. */
int lexer_push(struct shell_lexer *lexer, enum frame_kind kind, struct frame **out,
               struct error *err);
int lexer_push_simple(struct shell_lexer *lexer, enum frame_kind kind, struct error *err);
/* Commands up to ')'; `in_word`: the word below goes on behind it. */
int lexer_push_code(struct shell_lexer *lexer, bool in_word, struct error *err);
int lexer_push_arithmetic(struct shell_lexer *lexer, char closer, bool in_word, struct error *err);
void lexer_pop(struct shell_lexer *lexer);

/* ---- words: shell_lexer_words.c ---- */

/* The word has something that is no plain literal; an unquoted byte. */
void lexer_word_quoted(struct word *word);
void lexer_word_literal(struct word *word, char c);
/* What a byte that is no part of the word does; the frame on top may be another one afterwards. */
int lexer_end_word(struct shell_lexer *lexer, struct error *err);

/* ---- here-documents: shell_lexer_heredocs.c ---- */

extern const char *const lexer_ends_heredoc;
/* At a line's end: the bodies of what the line declared begin. */
int lexer_begin_heredoc(struct shell_lexer *lexer, struct error *err);
/* Reads the word behind "<<"; *out_taken is false when `c` ends it. */
int lexer_read_delimiter(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err);
bool lexer_line_is_delimiter(const struct frame *frame);
/* Every body that is open sees the byte; *out_ended: one of them ended with it. */
int lexer_follow_bodies(struct shell_lexer *lexer, char c, bool from_value, bool *out_ended,
                        struct error *err);

/* ---- the states: shell_lexer_feed.c ---- */

/* One byte of the script. */
int lexer_feed(struct shell_lexer *lexer, char c, struct error *err);
/* The word that is being written, whatever is open in it. */
struct word *lexer_word_of(const struct shell_lexer *lexer);
/* What is pending sees the next byte.  *out_taken: `c` is done with. */
int lexer_follow_expansion(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err);
int lexer_follow_operator(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err);

/* ---- values: shell_lexer_quote.c ---- */

/* What is pending before a value, as if some other word followed.  ERROR_INVALID: it would take the
 * value for its own. */
int lexer_settle(struct shell_lexer *lexer, struct error *err);
int lexer_quote_value(struct shell_lexer *lexer, const struct shell_word *words, size_t count,
                      bool is_list, struct buffer *out, struct error *err);

#endif
