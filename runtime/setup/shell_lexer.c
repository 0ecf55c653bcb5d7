/* shell_lexer.c - see shell_lexer.h.
 *
 * A stack of frames, one for each construct that is open, the innermost on top, fed byte by byte.
 * What a byte means may hang on the next one ("$", "<", "("): the frame then remembers it as
 * pending.  Old-style backquotes strip a layer of backslashes before the shell reads what is in
 * them: their frame holds a lexer of its own, which is fed what is left, and what that one quotes
 * is escaped again on its way out. */
#include "setup/shell_lexer.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

static int feed(struct shell_lexer *lexer, char c, struct error *err);
static int feed_frame(struct shell_lexer *lexer, char c, struct error *err);

/* ---- bytes ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_hexadecimal(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_INVALID, "%s", why);
}

/* ---- frames ---- */

static struct frame *top_of(const struct shell_lexer *lexer)
{
    return &lexer->frames[lexer->count - 1];
}

static void word_reset(struct word *word)
{
    *word = (struct word) { .literal = true, .digits = true };
}

/* From here on nothing is known, and values are refused. */
static void lose(struct shell_lexer *lexer, const char *why)
{
    if (!lexer->lost)
        lexer->lost = why;
}

/* Pushes a frame; the one on top afterwards is returned, also when nothing could be pushed. */
static int push(struct shell_lexer *lexer, enum frame_kind kind, struct frame **out,
                struct error *err)
{
    if (lexer->count == FRAMES_MAX) {
        lose(lexer, "the script nests too deeply to be followed");
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

static int push_simple(struct shell_lexer *lexer, enum frame_kind kind, struct error *err)
{
    struct frame *frame;
    return push(lexer, kind, &frame, err);
}

/* Commands up to ')'. */
static int push_code(struct shell_lexer *lexer, bool in_word, struct error *err)
{
    struct frame *frame;
    int rc = push(lexer, FRAME_CODE, &frame, err);
    if (rc < 0)
        return rc;
    frame->command = true;
    frame->closer = ')';
    frame->in_word = in_word;
    return 0;
}

static int push_arithmetic(struct shell_lexer *lexer, char closer, bool in_word, struct error *err)
{
    struct frame *frame;
    int rc = push(lexer, FRAME_ARITHMETIC, &frame, err);
    if (rc < 0)
        return rc;
    frame->closer = closer;
    frame->in_word = in_word;
    return 0;
}

static void pop(struct shell_lexer *lexer)
{
    struct frame *frame = top_of(lexer);
    if (frame->kind == FRAME_BACKQUOTE)
        shell_lexer_free(frame->inner);
    if (frame->kind == FRAME_HEREDOC)
        lexer->heredocs--;
    lexer->count--;
}

/* ---- words ---- */

/* Something of a word that is no plain literal. */
static void word_quoted(struct word *word)
{
    word->open = true;
    word->literal = word->digits = word->tilde = false;
    word->last = word->before_last = 0;
    if (word->assignment != ASSIGN_YES)
        word->assignment = ASSIGN_NO;
}

static enum assignment next_assignment(const struct word *word, char c)
{
    switch (word->assignment) {
    case ASSIGN_START:
        return is_letter(c) ? ASSIGN_NAME : ASSIGN_NO;
    case ASSIGN_NAME:
        return is_name(c) ? ASSIGN_NAME
               : c == '=' ? ASSIGN_YES
               : c == '+' ? ASSIGN_PLUS
                          : ASSIGN_NO;
    case ASSIGN_SUBSCRIPT:
        return c == '=' ? ASSIGN_YES : c == '+' ? ASSIGN_PLUS : ASSIGN_NO;
    case ASSIGN_PLUS:
        return c == '=' ? ASSIGN_YES : ASSIGN_NO;
    default:
        return word->assignment;
    }
}

static void word_literal(struct word *word, char c)
{
    if (c == '~')
        word->tilde =
            !word->open || (word->assignment == ASSIGN_YES && is_one_of(word->last, "=:"));
    else if (!is_name(c) && !is_one_of(c, ".-+"))
        word->tilde = false;
    if (c == '[')
        word->bracket = true;
    else if (c == ']' && !is_one_of(word->last, "[:") &&
             !(word->last == '^' && word->before_last == '['))
        word->bracket = false;
    word->open = true;
    word->assignment = next_assignment(word, c);
    word->digits = word->digits && is_digit(c);
    if (word->size < sizeof word->text)
        word->text[word->size] = c;
    word->size++;
    word->before_last = word->last;
    word->last = c;
}

static bool word_is(const struct word *word, const char *keyword)
{
    return word->open && word->literal && word->size == strlen(keyword) &&
           word->size <= sizeof word->text && memcmp(word->text, keyword, word->size) == 0;
}

static bool word_is_any(const struct word *word, const char *const *keywords)
{
    for (; *keywords; keywords++)
        if (word_is(word, *keywords))
            return true;
    return false;
}

static int end_condition_word(struct shell_lexer *lexer, struct error *err)
{
    static const char *const computed[] = { "-eq", "-ne", "-lt", "-le", "-gt", "-ge", NULL };
    static const char *const named[] = { "-v", "-R", NULL };
    struct frame *frame = top_of(lexer);
    struct word word = frame->word;
    word_reset(&frame->word);
    if (word_is(&word, "]]")) {
        pop(lexer);
        return 0;
    }
    if (word_is_any(&word, computed) && frame->text_operand)
        return refuse(err, "beside -eq, -lt and the like bash computes, and runs what is in a "
                           "text: here the value has to be a whole number");
    frame->number_next = word_is_any(&word, computed);
    frame->name_next = word_is_any(&word, named);
    frame->regex_next = word_is(&word, "=~");
    frame->text_operand = word.has_text_value;
    return 0;
}

/* What bash does to the words of the command that `word` names, before the command sees them or
 * instead of it: it computes, or runs what is in the subscript of a name. */
static void note_builtin(struct shell_lexer *lexer, struct frame *frame, const struct word *word)
{
    static const char *const declaring[] = { "declare", "typeset", "local", NULL };
    static const char *const naming[] = { "read", "unset", NULL };
    static const char *const testing[] = { "printf", "test", "[", NULL };
    bool bash = lexer->dialect == SHELL_BASH;
    lexer->has_aliases |= word_is(word, "alias");
    frame->prefixed = word_is(word, "command") || word_is(word, "builtin");
    frame->computes = bash && word_is(word, "let");
    frame->declares = bash && word_is_any(word, declaring);
    frame->names = frame->declares || (bash && word_is_any(word, naming));
    frame->refers = frame->name_next = false;
    frame->name_option = 0;
    if (bash && (word_is_any(word, testing) || word_is(word, "wait")))
        frame->name_option = word->text[0] == 'w' ? 'p' : 'v';
}

/* A word behind the command's name ended. */
static void note_argument(struct shell_lexer *lexer, struct frame *frame, const struct word *word)
{
    bool option = word->literal && word->size > 1 && word->text[0] == '-';
    if (frame->prefixed && !option)
        note_builtin(lexer, frame, word);
    if (frame->declares && option) {
        frame->computes |= memchr(word->text, 'i', sizeof word->text) != NULL;
        frame->refers |= memchr(word->text, 'n', sizeof word->text) != NULL;
    }
    frame->name_next = option && word->size == 2 && word->text[1] == frame->name_option;
}

static int begin_command_word(struct shell_lexer *lexer, const struct word *word, struct error *err)
{
    static const char *const leading[] = { "then",  "do", "else", "elif", "if",     "while",
                                           "until", "{",  "!",    "time", "coproc", NULL };
    struct frame *frame = top_of(lexer);
    bool bash = lexer->dialect == SHELL_BASH;
    if (word_is_any(word, leading) || word->assignment == ASSIGN_YES)
        return 0;
    frame->command = false;
    note_builtin(lexer, frame, word);
    if (word_is(word, "for") || (bash && (word_is(word, "select") || word_is(word, "function")))) {
        frame->expected = EXPECT_NAME;
    } else if (bash && word_is(word, "[[")) {
        return push_simple(lexer, FRAME_CONDITION, err);
    } else if (word_is(word, "case")) {
        int rc = push(lexer, FRAME_CASE, &frame, err);
        if (rc == 0)
            frame->expected = EXPECT_CASE_WORD;
        return rc;
    } else if (word_is(word, "esac") && frame->kind == FRAME_CASE) {
        pop(lexer);
    }
    return 0;
}

static int end_code_word(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame = top_of(lexer);
    struct word word = frame->word;
    word_reset(&frame->word);
    if (frame->redirect) {
        frame->redirect = false;
        return 0;
    }
    switch (frame->expected) {
    case EXPECT_NAME:
        frame->expected = EXPECT_IN_OR_DO;
        return 0;
    case EXPECT_IN_OR_DO:
        frame->expected = EXPECT_ANY;
        frame->command = !word_is(&word, "in");
        return 0;
    case EXPECT_CASE_WORD:
        frame->expected = EXPECT_CASE_IN;
        return 0;
    case EXPECT_CASE_IN:
        frame->expected = EXPECT_PATTERN;
        return 0;
    case EXPECT_PATTERN:
        if (word_is(&word, "esac"))
            pop(lexer);
        return 0;
    default:
        if (frame->command)
            return begin_command_word(lexer, &word, err);
        note_argument(lexer, frame, &word);
        return 0;
    }
}

/* What a byte that is no part of the word does; the frame on top may be another one afterwards. */
static int end_word(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (!frame->word.open)
        return 0;
    if (frame->kind == FRAME_CODE || frame->kind == FRAME_CASE)
        return end_code_word(lexer, err);
    if (frame->kind == FRAME_CONDITION)
        return end_condition_word(lexer, err);
    word_reset(&frame->word);
    return 0;
}

/* ---- here-documents ---- */

/* The bodies of what this line declared begin. */
static int begin_heredoc(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame;
    if (lexer->declared_count == 0)
        return 0;
    int rc = push(lexer, FRAME_HEREDOC, &frame, err);
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
        lose(lexer, "too many here-documents begin on one line");
    return 0;
}

static void add_to_delimiter(struct shell_lexer *lexer, struct frame *frame, char c)
{
    if (frame->heredoc.size == DELIMITER_MAX)
        lose(lexer, "a here-document's delimiter is too long to be followed");
    else
        frame->heredoc.delimiter[frame->heredoc.size++] = c;
}

static const char *const unclear_delimiter =
    "shells differ in how they read the delimiter of a here-document before it";

/* Reads the word behind "<<"; *out_taken is false when `c` ends it. */
static int read_delimiter(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err)
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
            lose(lexer, unclear_delimiter);
    } else if (is_one_of(c, "'\"\\")) {
        if (frame->heredoc.size > 0 && frame->heredoc.delimiter[frame->heredoc.size - 1] == '$' &&
            c != '\\')
            lose(lexer, unclear_delimiter);
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

static bool line_is_delimiter(const struct frame *frame)
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

static const char *const ends_heredoc =
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
    if (line_is_delimiter(frame)) {
        if (from_value || frame->line_has_value)
            return refuse(err, ends_heredoc);
        *out_ended = true;
        return 0;
    }
    begin_line(frame);
    frame->line_has_value = from_value; /* a line that the value began */
    return 0;
}

/* Every body that is open sees the byte; *out_ended: one of them ended with it. */
static int follow_bodies(struct shell_lexer *lexer, char c, bool from_value, bool *out_ended,
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
            pop(lexer);
        while (lexer->declared_count > 0 &&
               lexer->declared[lexer->declared_count - 1].depth > lexer->count)
            lexer->declared_count--;
        return begin_heredoc(lexer, err);
    }
    return 0;
}

/* ---- expansions ---- */

/* The word that is being written, whatever is open in it. */
static struct word *word_of(const struct shell_lexer *lexer)
{
    size_t at = lexer->count - 1;
    while (at > 0 && lexer->frames[at].kind >= FRAME_GLOB)
        at--;
    return &lexer->frames[at].word;
}

static int push_backquote(struct shell_lexer *lexer, bool in_double, struct error *err)
{
    struct frame *frame = NULL;
    if (lexer->backquotes == BACKQUOTES_MAX) {
        lose(lexer, "the backquotes nest too deeply to be followed");
        return 0;
    }
    struct shell_lexer *inner =
        shell_lexer_new(lexer->dialect == SHELL_UNKNOWN ? SHELL_SH : lexer->dialect);
    int rc = inner ? push(lexer, FRAME_BACKQUOTE, &frame, err) : ERROR_NO_MEMORY;
    if (rc < 0 || frame->kind != FRAME_BACKQUOTE) {
        shell_lexer_free(inner);
        return rc;
    }
    inner->backquotes = lexer->backquotes + 1;
    inner->has_aliases = lexer->has_aliases;
    word_of(lexer)->loose_braces |= in_double;
    frame->inner = inner;
    frame->in_double = in_double;
    return 0;
}

/* Where a "${" stands decides how quotes work in it. */
static enum surroundings surroundings_of(const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_DOUBLE:
        return IN_DOUBLE;
    case FRAME_HEREDOC:
        return IN_HEREDOC;
    case FRAME_ARITHMETIC:
    case FRAME_SUBSCRIPT:
        return IN_ARITHMETIC;
    case FRAME_PARAMETER:
        return frame->phase == PARAMETER_OFFSET ? IN_ARITHMETIC : frame->surroundings;
    default:
        return IN_WORD;
    }
}

static bool takes_quotes(const struct frame *frame)
{
    return frame->kind <= FRAME_GLOB ||
           (frame->kind == FRAME_PARAMETER && frame->surroundings == IN_WORD &&
            frame->phase != PARAMETER_OFFSET);
}

static int begin_parameter(struct shell_lexer *lexer, struct error *err)
{
    enum surroundings surroundings = surroundings_of(top_of(lexer));
    struct frame *frame;
    int rc = push(lexer, FRAME_PARAMETER, &frame, err);
    if (rc == 0)
        frame->surroundings = surroundings;
    return rc;
}

/* "$'": a quote of its own kind in bash; in sh it is one in some shells only. */
static int begin_ansi(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame;
    bool bash = lexer->dialect == SHELL_BASH;
    int rc = push(lexer, bash ? FRAME_ANSI : FRAME_SINGLE, &frame, err);
    if (rc == 0)
        frame->ambiguous = !bash;
    return rc;
}

/* The byte behind a "$"; *out_taken is false when it has no part in it. */
static int follow_dollar(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err)
{
    struct frame *frame = top_of(lexer);
    frame->pending = PENDING_NONE;
    *out_taken = true;
    if (c == '(')
        frame->pending = PENDING_DOLLAR_PAREN;
    else if (is_letter(c))
        frame->pending = PENDING_NAME;
    else if (is_digit(c) || is_one_of(c, "@*#?-$!"))
        return 0;
    else if (c == '{')
        return begin_parameter(lexer, err);
    else if (c == '[')
        return push_arithmetic(lexer, ']', true, err);
    else if (c == '\'' && takes_quotes(frame))
        return begin_ansi(lexer, err);
    else
        *out_taken = false;
    return 0;
}

/* What is pending and common to all frames that know expansions.  *out_taken: `c` is done with. */
static int follow_expansion(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err)
{
    struct frame *frame = top_of(lexer);
    *out_taken = false;
    switch (frame->pending) {
    case PENDING_DOLLAR:
        return follow_dollar(lexer, c, out_taken, err);
    case PENDING_DOLLAR_PAREN: {
        frame->pending = PENDING_NONE;
        int rc = c == '(' ? push_arithmetic(lexer, ')', true, err) : push_code(lexer, true, err);
        *out_taken = c == '(';
        return rc;
    }
    case PENDING_NAME:
        *out_taken = is_name(c);
        if (!*out_taken)
            frame->pending = PENDING_NONE;
        return 0;
    case PENDING_BACKSLASH:
        frame->pending = PENDING_NONE;
        *out_taken = true;
        return 0;
    default:
        return 0;
    }
}

/* ---- commands ---- */

static int newline(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (frame->kind == FRAME_CODE || frame->kind == FRAME_CASE) {
        if (frame->expected == EXPECT_ANY || frame->expected == EXPECT_IN_OR_DO) {
            frame->expected = EXPECT_ANY;
            frame->command = true;
        }
        frame->redirect = false;
    }
    return begin_heredoc(lexer, err);
}

static int open_paren(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame = top_of(lexer);
    struct word *word = &frame->word;
    struct frame *pushed;
    bool bash = lexer->dialect == SHELL_BASH;
    if (word->open && bash && word->assignment == ASSIGN_YES && word->last == '=') {
        int rc = push(lexer, FRAME_ARRAY, &pushed, err);
        if (rc == 0)
            pushed->in_word = true;
        return rc;
    }
    if (word->open && bash && is_one_of(word->last, "?*+@!") &&
        !(word->size == 1 && word->last == '!' && frame->command))
        return push_simple(lexer, FRAME_GLOB, err);
    if (word->open && word->has_value && !word->last)
        return refuse(err, "a value cannot be the name of a function: '(' follows it");
    if (frame->expected == EXPECT_PATTERN && !word->open)
        return 0; /* the one that may stand before a pattern */
    bool doubled = bash && !word->open && (frame->command || frame->expected == EXPECT_NAME);
    int rc = end_word(lexer, err);
    if (rc < 0)
        return rc;
    if (doubled) {
        top_of(lexer)->pending = PENDING_PAREN;
        return 0;
    }
    return push_code(lexer, false, err);
}

static int close_paren(struct shell_lexer *lexer, struct error *err)
{
    int rc = end_word(lexer, err);
    struct frame *frame = top_of(lexer);
    if (rc < 0)
        return rc;
    if (frame->kind == FRAME_CASE && frame->expected == EXPECT_PATTERN) {
        frame->expected = EXPECT_ANY;
        frame->command = true;
    } else if (frame->kind == FRAME_CODE && frame->closer == ')') {
        bool in_word = frame->in_word;
        pop(lexer);
        frame = top_of(lexer);
        frame->last = ')';
        if (in_word)
            return 0;
        frame->command = true; /* the body of a function may follow */
        if (frame->expected == EXPECT_IN_OR_DO)
            frame->expected = EXPECT_ANY;
    } else if (frame->kind == FRAME_ARRAY || frame->kind == FRAME_GLOB) {
        pop(lexer);
        word_quoted(&top_of(lexer)->word);
    } else if (frame->kind == FRAME_CODE || frame->kind == FRAME_CASE) {
        lose(lexer, "a ')' before it closes nothing");
    }
    return 0;
}

/* An operator of commands ended; the next word is a command's name. */
static void next_command(struct frame *frame)
{
    if (frame->expected == EXPECT_ANY || frame->expected == EXPECT_IN_OR_DO) {
        frame->expected = EXPECT_ANY;
        frame->command = true;
    }
}

/* The byte behind one of the operators; *out_taken: it belongs to it. */
static int follow_operator(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err)
{
    struct frame *frame = top_of(lexer);
    enum pending pending = frame->pending;
    bool bash = lexer->dialect == SHELL_BASH;
    frame->pending = PENDING_NONE;
    *out_taken = true;
    switch (pending) {
    case PENDING_SEMICOLON:
        if ((c == ';' || c == '&') && frame->kind == FRAME_CASE) {
            frame->expected = EXPECT_PATTERN;
            if (c == ';')
                frame->pending = PENDING_SEMICOLON; /* ";;&" */
            return 0;
        }
        next_command(frame);
        break;
    case PENDING_AMPERSAND:
        if (c == '>' && bash) {
            frame->pending = PENDING_GREATER;
            return 0;
        }
        next_command(frame);
        if (c == '&')
            return 0;
        break;
    case PENDING_LESS:
    case PENDING_GREATER:
        if (c == '(' && bash) {
            word_quoted(&frame->word);
            return push_code(lexer, true, err);
        }
        if (c == '<' && pending == PENDING_LESS) {
            frame->pending = PENDING_LESS_LESS;
            return 0;
        }
        frame->redirect = true;
        if (is_one_of(c, pending == PENDING_LESS ? "&>" : ">&|"))
            return 0;
        break;
    case PENDING_LESS_LESS:
        if (c == '<') {
            frame->redirect = true;
            if (!bash)
                lose(lexer, "'<<<' before it is not known to every sh");
            return 0;
        }
        frame->pending = PENDING_DELIMITER;
        frame->heredoc = (struct heredoc) { .strip_tabs = c == '-' };
        frame->delimiter_quote = 0;
        frame->delimiter_begun = false;
        if (c == '-')
            return 0;
        break;
    case PENDING_PAREN:
        if (c == '(') {
            frame->command = false;
            frame->expected = EXPECT_ANY;
            return push_arithmetic(lexer, ')', false, err);
        }
        *out_taken = false;
        return push_code(lexer, false, err);
    default:
        break;
    }
    *out_taken = false;
    return 0;
}

static bool is_operator(enum pending pending)
{
    return pending == PENDING_SEMICOLON || pending == PENDING_AMPERSAND ||
           pending == PENDING_LESS || pending == PENDING_LESS_LESS || pending == PENDING_GREATER ||
           pending == PENDING_PAREN;
}

/* A byte that separates words, and may be an operator. */
static int feed_separator(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    const struct word *word = &frame->word;
    if (is_one_of(c, "<>") && word->open && word->has_value && word->digits)
        return refuse(err, "a value of digits right before '<' or '>' would name a file "
                           "descriptor; put a blank between them");
    size_t depth = lexer->count;
    int rc = end_word(lexer, err);
    if (rc < 0)
        return rc;
    if (lexer->count != depth) /* "]]", "esac", "case", "[[": another frame takes the byte */
        return feed(lexer, c, err);
    bool code = frame->kind == FRAME_CODE || frame->kind == FRAME_CASE;
    if (c == '\n')
        return newline(lexer, err);
    if (!code || is_one_of(c, " \t"))
        return 0;
    if (c == ';')
        frame->pending = PENDING_SEMICOLON;
    else if (c == '&')
        frame->pending = PENDING_AMPERSAND;
    else if (c == '<')
        frame->pending = PENDING_LESS;
    else if (c == '>')
        frame->pending = PENDING_GREATER;
    else
        next_command(frame); /* | */
    return 0;
}

static int push_subscript(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame;
    int rc = push(lexer, FRAME_SUBSCRIPT, &frame, err);
    if (rc == 0)
        frame->closer = ']';
    return rc;
}

/* A plain byte of a word. */
static int feed_word(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    struct word *word = &frame->word;
    bool commands = frame->kind == FRAME_CODE || frame->kind == FRAME_CASE;
    if (c == '=' && word->has_value && commands && frame->command && !frame->redirect &&
        word->assignment != ASSIGN_YES && (!word->last || is_name(word->last) || word->last == '+'))
        return refuse(err, "a value cannot be the name of a variable: '=' follows it");
    if (c == '[' && lexer->dialect == SHELL_BASH &&
        ((commands && (frame->command || frame->declares) && word->assignment == ASSIGN_NAME) ||
         (frame->kind == FRAME_ARRAY && !word->open))) {
        word_literal(word, c);
        word->assignment = ASSIGN_SUBSCRIPT;
        return push_subscript(lexer, err);
    }
    word_literal(word, c);
    return 0;
}

static int feed_code_byte(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool condition = frame->kind == FRAME_CONDITION;
    switch (c) {
    case '\\':
        frame->pending = PENDING_BACKSLASH;
        return 0;
    case '\'':
        word_quoted(&frame->word);
        return push_simple(lexer, FRAME_SINGLE, err);
    case '"':
        word_quoted(&frame->word);
        return push_simple(lexer, FRAME_DOUBLE, err);
    case '`':
        word_quoted(&frame->word);
        return push_backquote(lexer, false, err);
    case '$':
        word_quoted(&frame->word);
        frame->pending = PENDING_DOLLAR;
        return 0;
    case '#':
        return frame->word.open || frame->kind == FRAME_GLOB
                   ? feed_word(lexer, c, err)
                   : push_simple(lexer, FRAME_COMMENT, err);
    case ' ':
    case '\t':
    case '\n':
    case ';':
    case '&':
    case '|':
    case '<':
    case '>':
        return feed_separator(lexer, c, err);
    case '(':
        return condition ? feed_separator(lexer, ' ', err) : open_paren(lexer, err);
    case ')':
        if (frame->word.open && (condition || frame->kind == FRAME_CASE)) {
            size_t depth = lexer->count;
            int rc = end_word(lexer, err);
            if (rc < 0 || lexer->count != depth)
                return rc < 0 ? rc : feed(lexer, c, err);
        }
        return condition ? 0 : close_paren(lexer, err);
    default:
        return feed_word(lexer, c, err);
    }
}

static int feed_code(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool taken = false;
    int rc = 0;
    if (frame->after_list) {
        frame->after_list = false;
        if (!is_one_of(c, " \t\n;&|<>)"))
            return refuse(err, "a list makes words of its own: no other text may adjoin it");
    }
    if (frame->pending == PENDING_DELIMITER) {
        rc = read_delimiter(lexer, c, &taken, err);
    } else if (is_operator(frame->pending)) {
        rc = follow_operator(lexer, c, &taken, err);
    } else if (frame->pending == PENDING_BACKSLASH) {
        frame->pending = PENDING_NONE;
        taken = true;
        if (c != '\n')
            word_quoted(&frame->word);
    } else if (frame->pending) {
        rc = follow_expansion(lexer, c, &taken, err);
    } else {
        return feed_code_byte(lexer, c, err);
    }
    return rc < 0 || taken ? rc : feed(lexer, c, err);
}

/* ---- the other frames ---- */

static int feed_double(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool taken = false;
    if (frame->pending) {
        int rc = follow_expansion(lexer, c, &taken, err);
        return rc < 0 || taken ? rc : feed(lexer, c, err);
    }
    if (c == '\\')
        frame->pending = PENDING_BACKSLASH;
    else if (c == '$')
        frame->pending = PENDING_DOLLAR;
    else if (c == '`')
        return push_backquote(lexer, frame->kind == FRAME_DOUBLE, err);
    else if (c == '"' && frame->kind == FRAME_DOUBLE)
        pop(lexer);
    return 0;
}

static void feed_ansi(struct shell_lexer *lexer, char c)
{
    struct frame *frame = top_of(lexer);
    if (frame->pending == PENDING_BACKSLASH) {
        bool octal = c >= '0' && c <= '7';
        frame->hexadecimal = is_one_of(c, "xuU");
        frame->digits_left = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : octal ? 2 : c == 'c';
        frame->pending = frame->digits_left ? PENDING_ESCAPE : PENDING_NONE;
        if (c == 'c') /* the next byte, whatever it is */
            frame->pending = PENDING_BACKSLASH, frame->digits_left = 0;
        return;
    }
    if (frame->pending == PENDING_ESCAPE) {
        bool digit = frame->hexadecimal ? is_hexadecimal(c) : c >= '0' && c <= '7';
        frame->digits_left = digit ? frame->digits_left - 1 : 0;
        if (frame->digits_left == 0)
            frame->pending = PENDING_NONE;
        if (digit)
            return;
    }
    if (c == '\\')
        frame->pending = PENDING_BACKSLASH;
    else if (c == '\'')
        pop(lexer);
}

static void pop_arithmetic(struct shell_lexer *lexer)
{
    bool word = top_of(lexer)->kind == FRAME_SUBSCRIPT || top_of(lexer)->in_word;
    pop(lexer);
    struct frame *frame = top_of(lexer);
    frame->last = ')';
    if (!word)
        frame->command = true; /* "do" may follow */
}

static int feed_arithmetic(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool taken = false;
    if (frame->after_number && (is_name(c) || is_one_of(c, ".#$`@")))
        return refuse(err, "in arithmetic a number cannot adjoin a name or another number");
    frame->after_number = false;
    if (frame->pending == PENDING_CLOSE) {
        if (c == ')')
            pop_arithmetic(lexer);
        else
            lose(lexer, "'((' before it begins no arithmetic; write '( (' for commands");
        return 0;
    }
    if (frame->pending) {
        int rc = follow_expansion(lexer, c, &taken, err);
        if (taken && rc == 0 && top_of(lexer) == frame)
            frame->last = ')'; /* an expansion, which digits must not adjoin */
        return rc < 0 || taken ? rc : feed(lexer, c, err);
    }
    frame->last = c;
    if (c == '\\')
        frame->pending = PENDING_BACKSLASH;
    else if (c == '$')
        frame->pending = PENDING_DOLLAR;
    else if (c == '`')
        return push_backquote(lexer, false, err);
    else if (frame->kind == FRAME_SUBSCRIPT && is_one_of(c, "'\""))
        return push_simple(lexer, c == '"' ? FRAME_DOUBLE : FRAME_SINGLE, err);
    else if (c == (frame->closer == ')' ? '(' : '['))
        frame->depth++;
    else if (c == frame->closer && frame->depth > 0)
        frame->depth--;
    else if (c == ')' && frame->closer == ')')
        frame->pending = PENDING_CLOSE;
    else if (c == frame->closer || (c == '\n' && frame->kind == FRAME_SUBSCRIPT))
        pop_arithmetic(lexer);
    return 0;
}

static enum parameter_phase operator_phase(char c)
{
    if (c == ':')
        return PARAMETER_COLON;
    if (is_one_of(c, "-=+?"))
        return PARAMETER_WORD;
    if (is_one_of(c, "#%^,"))
        return PARAMETER_PATTERN;
    return c == '/' ? PARAMETER_REPLACE : PARAMETER_OTHER;
}

/* Up to the operator. */
static int feed_parameter_name(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    switch (frame->phase) {
    case PARAMETER_START:
        if (c == '#')
            frame->phase = PARAMETER_HASH;
        else if (is_name(c) || c == '!')
            frame->phase = PARAMETER_NAME;
        else
            frame->phase = is_one_of(c, "@*?-$") ? PARAMETER_OPERATOR : PARAMETER_OTHER;
        return 0;
    case PARAMETER_HASH:
        frame->phase = is_name(c) ? PARAMETER_NAME : PARAMETER_OPERATOR;
        return 0;
    case PARAMETER_NAME:
        if (is_name(c))
            return 0;
        frame->phase = PARAMETER_OPERATOR;
        return feed(lexer, c, err);
    case PARAMETER_OPERATOR:
        if (c == '[')
            return push_subscript(lexer, err);
        frame->phase = operator_phase(c);
        return 0;
    default: /* PARAMETER_COLON */
        if (is_one_of(c, "-=+?")) {
            frame->phase = PARAMETER_WORD;
            return 0;
        }
        frame->phase = PARAMETER_OFFSET;
        frame->last = ':';
        return feed(lexer, c, err);
    }
}

static int begin_single(struct shell_lexer *lexer, bool nested, struct error *err)
{
    struct frame *frame;
    int rc = push(lexer, FRAME_SINGLE, &frame, err);
    if (rc == 0)
        frame->nested = nested;
    return rc;
}

/* Behind the operator. */
static int feed_parameter_word(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool bare = frame->surroundings == IN_WORD && frame->phase != PARAMETER_OFFSET;
    frame->last = c;
    if (c == '\\')
        frame->pending = PENDING_BACKSLASH;
    else if (c == '$')
        frame->pending = PENDING_DOLLAR;
    else if (c == '`')
        return push_backquote(lexer, frame->surroundings == IN_DOUBLE, err);
    else if (c == '\'' &&
             (bare || (frame->surroundings == IN_DOUBLE && frame->phase == PARAMETER_PATTERN)))
        return begin_single(lexer, !bare, err);
    else if (c == '"' && (bare || frame->surroundings == IN_DOUBLE)) {
        int rc = push(lexer, FRAME_DOUBLE, &frame, err);
        if (rc == 0) {
            frame->nested = !bare;
            word_of(lexer)->loose_braces |= !bare;
        }
        return rc;
    } else if (c == '\'') {
        frame->ambiguous = true; /* bash takes it for a quote and for a character */
        frame->odd_quotes = !frame->odd_quotes;
    }
    return 0;
}

static int feed_parameter(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool taken = false;
    if (frame->after_number && (is_name(c) || is_one_of(c, ".#$`@")))
        return refuse(err, "in arithmetic a number cannot adjoin a name or another number");
    frame->after_number = false;
    if (frame->pending) {
        int rc = follow_expansion(lexer, c, &taken, err);
        return rc < 0 || taken ? rc : feed(lexer, c, err);
    }
    if (c == '}') {
        if (frame->odd_quotes && lexer->dialect == SHELL_BASH)
            lose(lexer, "bash looks for the other one of the ' inside of the '${…}' before it");
        pop(lexer);
        top_of(lexer)->last = ')';
        return 0;
    }
    return frame->phase < PARAMETER_WORD ? feed_parameter_name(lexer, c, err)
                                         : feed_parameter_word(lexer, c, err);
}

static int feed_backquote(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (frame->pending == PENDING_BACKSLASH) {
        frame->pending = PENDING_NONE;
        int rc = 0;
        if (!is_one_of(c, "$`\\") && !(frame->in_double && c == '"'))
            rc = shell_lexer_literal(frame->inner, "\\", 1, err);
        return rc < 0 ? rc : shell_lexer_literal(frame->inner, &c, 1, err);
    }
    if (c == '\\') {
        frame->pending = PENDING_BACKSLASH;
        return 0;
    }
    if (c != '`')
        return shell_lexer_literal(frame->inner, &c, 1, err);
    int rc = shell_lexer_finish(frame->inner, err);
    pop(lexer);
    top_of(lexer)->last = ')';
    return rc;
}

/* Where a backslash and a line's end are gone before the shell looks at anything: also between the
 * bytes of an operator, a name, a number. */
static bool may_join_lines(const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_ARITHMETIC:
    case FRAME_SUBSCRIPT:
    case FRAME_PARAMETER:
        return frame->pending != PENDING_BACKSLASH;
    case FRAME_SINGLE:
    case FRAME_ANSI:
    case FRAME_COMMENT:
    case FRAME_BACKQUOTE:
        return false;
    case FRAME_HEREDOC:
        if (frame->heredoc.quoted)
            return false;
        break;
    default:
        break;
    }
    return frame->pending && frame->pending != PENDING_BACKSLASH &&
           !(frame->pending == PENDING_DELIMITER && frame->delimiter_quote);
}

static int feed(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (frame->held) {
        frame->held = false;
        if (c == '\n')
            return 0;
        int rc = feed_frame(lexer, '\\', err);
        return rc < 0 ? rc : feed(lexer, c, err);
    }
    if (c == '\\' && may_join_lines(frame)) {
        frame->held = true;
        return 0;
    }
    return feed_frame(lexer, c, err);
}

static int feed_frame(struct shell_lexer *lexer, char c, struct error *err)
{
    switch (top_of(lexer)->kind) {
    case FRAME_DOUBLE:
        return feed_double(lexer, c, err);
    case FRAME_HEREDOC:
        return top_of(lexer)->heredoc.quoted ? 0 : feed_double(lexer, c, err);
    case FRAME_SINGLE:
        if (c == '\'')
            pop(lexer);
        return 0;
    case FRAME_ANSI:
        feed_ansi(lexer, c);
        return 0;
    case FRAME_ARITHMETIC:
    case FRAME_SUBSCRIPT:
        return feed_arithmetic(lexer, c, err);
    case FRAME_PARAMETER:
        return feed_parameter(lexer, c, err);
    case FRAME_COMMENT:
        if (c != '\n')
            return 0;
        pop(lexer);
        return feed(lexer, c, err);
    case FRAME_BACKQUOTE:
        return feed_backquote(lexer, c, err);
    default:
        return feed_code(lexer, c, err);
    }
}

/* ---- quoting ---- */

static void quote_single(const char *text, size_t size, struct buffer *out)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_char(out, text[i]);
    }
}

static void quote_escaped(const struct shell_word *value, const char *special, struct buffer *out)
{
    for (size_t i = 0; i < value->size; i++) {
        if (is_one_of(value->text[i], special))
            buffer_char(out, '\\');
        buffer_char(out, value->text[i]);
    }
}

static bool is_keyword(const struct shell_word *value)
{
    static const char *const keywords[] = { "case",   "coproc", "do",   "done",     "elif", "else",
                                            "esac",   "fi",     "for",  "function", "if",   "in",
                                            "select", "then",   "time", "until",    "while" };
    for (size_t i = 0; i < COUNT(keywords); i++)
        if (strlen(keywords[i]) == value->size &&
            memcmp(keywords[i], value->text, value->size) == 0)
            return true;
    return false;
}

/* Nothing in it is special anywhere in a word, and it is no word of the shell's. */
static bool is_plain(const struct shell_word *value)
{
    for (size_t i = 0; i < value->size; i++)
        if (!is_name(value->text[i]) && !is_one_of(value->text[i], "./-"))
            return false;
    return value->size > 0 && !memmem(value->text, value->size, "..", 2) && !is_keyword(value);
}

static void quote_word(const struct shell_word *value, bool plain, struct buffer *out)
{
    if (plain && is_plain(value)) {
        buffer_append(out, value->text, value->size);
        return;
    }
    buffer_char(out, '\'');
    quote_single(value->text, value->size, out);
    buffer_char(out, '\'');
}

static int require_integer(const struct shell_word *value, struct error *err)
{
    return value->is_integer ? 0 : refuse(err, "here the value has to be a whole number");
}

/* A negative number in brackets, for "5--3" is something else. */
static int quote_number(struct frame *frame, const struct shell_word *value, struct buffer *out,
                        struct error *err)
{
    static const char lowest[] = "-9223372036854775808"; /* which no shell reads as a number */
    int rc = require_integer(value, err);
    if (rc < 0)
        return rc;
    if (frame->pending == PENDING_NAME || is_name(frame->last) || is_one_of(frame->last, "#.)@$"))
        return refuse(err, "in arithmetic a number cannot adjoin a name or another number");
    frame->after_number = true;
    frame->last = '0';
    if (value->size == sizeof lowest - 1 && memcmp(value->text, lowest, value->size) == 0)
        buffer_text(out, "(-9223372036854775807-1)");
    else if (value->text[0] == '-')
        buffer_format(out, "(%.*s)", (int)value->size, value->text);
    else
        buffer_append(out, value->text, value->size);
    return 0;
}

/* ---- a value in commands ---- */

static const char *const is_name_here = "a value cannot be a name here";

static const char *const backslash_before = "a backslash right before it would change the value";

/* What is pending before a value, as if some other word followed. */
static int settle(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool taken;
    if (frame->held)
        return refuse(err, backslash_before);
    switch (frame->pending) {
    case PENDING_BACKSLASH:
        return refuse(err, backslash_before);
    case PENDING_DOLLAR:
        return refuse(err, "a '$' right before it would make the value a variable's name");
    case PENDING_LESS_LESS:
    case PENDING_DELIMITER:
        return refuse(err, "a value cannot be the delimiter of a here-document");
    case PENDING_CLOSE:
    case PENDING_ESCAPE:
        return refuse(err, "the text right before it would change the value");
    case PENDING_DOLLAR_PAREN:
        return follow_expansion(lexer, ' ', &taken, err);
    case PENDING_SEMICOLON:
    case PENDING_AMPERSAND:
    case PENDING_LESS:
    case PENDING_GREATER:
    case PENDING_PAREN:
        return follow_operator(lexer, ' ', &taken, err);
    default:
        return 0;
    }
}

static int check_list(const struct frame *frame, struct error *err)
{
    if (frame->word.open)
        return refuse(err, "a list makes words of its own: no other text may adjoin it");
    if (frame->redirect)
        return refuse(err, "a redirection takes one word, not a list");
    if (frame->expected != EXPECT_ANY || frame->kind == FRAME_CONDITION ||
        frame->kind == FRAME_GLOB)
        return refuse(err, "here stands one word, not a list");
    return 0;
}

static int check_place(const struct frame *frame, struct error *err)
{
    if (frame->after_list)
        return refuse(err, "a list makes words of its own: no other text may adjoin it");
    if (frame->word.tilde)
        return refuse(err, "a value cannot be part of '~name'");
    if (frame->redirect)
        return 0;
    if (frame->expected == EXPECT_NAME || frame->expected == EXPECT_IN_OR_DO)
        return refuse(err, is_name_here);
    if (frame->expected == EXPECT_CASE_IN)
        return refuse(err, "here stands the word 'in'");
    return 0;
}

/* In {1..N} the end must not be quoted to be one; elsewhere in a word everything is quoted. */
static bool may_be_plain(const struct shell_lexer *lexer, const struct shell_word *value)
{
    const struct frame *frame = top_of(lexer);
    const struct word *word = &frame->word;
    if (frame->kind == FRAME_CONDITION || frame->kind == FRAME_GLOB)
        return false;
    if (word->open)
        return value->is_integer && word->last == '.' && word->before_last == '.';
    if (lexer->has_aliases) /* behind one that ends in a blank the next word is one, too */
        return false;
    return frame->redirect || (!frame->command && frame->expected == EXPECT_ANY);
}

static void note_value(struct word *word, const struct shell_word *value)
{
    bool digits = word->digits && value->size > 0;
    for (size_t i = 0; i < value->size; i++)
        digits = digits && is_digit(value->text[i]);
    word_quoted(word);
    word->digits = digits;
    word->has_value = true;
    word->has_text_value |= !value->is_integer;
}

static int value_in_condition(struct frame *frame, const struct shell_word *value,
                              struct buffer *out, struct error *err)
{
    if (frame->name_next)
        return refuse(err, is_name_here);
    if (frame->regex_next && frame->word.bracket)
        return refuse(err, "inside of '[…]' of a regular expression nothing can be quoted");
    if (frame->number_next) {
        if (frame->word.open)
            return refuse(err, "in arithmetic a number cannot adjoin a name or another number");
        int rc = require_integer(value, err);
        if (rc < 0)
            return rc;
    }
    quote_word(value, frame->number_next, out);
    return 0;
}

enum demand { DEMAND_NOTHING, DEMAND_NAME, DEMAND_NUMBER };

/* What does a command of bash want of the word that a value becomes a part of? */
static enum demand demand_of_command(const struct frame *frame)
{
    if (frame->command || frame->redirect)
        return DEMAND_NOTHING;
    if (frame->computes)
        return DEMAND_NUMBER;
    if (frame->name_next)
        return DEMAND_NAME;
    return frame->names && (frame->refers || frame->word.assignment != ASSIGN_YES) ? DEMAND_NAME
                                                                                   : DEMAND_NOTHING;
}

/* Does the shell compute the text of that word, or take it for a name?  It then runs what it finds
 * in it, whatever quotes stand around it. */
static enum demand demand_of(const struct shell_lexer *lexer)
{
    size_t at = lexer->count - 1;
    while (at > 0 && lexer->frames[at].kind >= FRAME_GLOB) {
        const struct frame *frame = &lexer->frames[at--];
        if (frame->kind == FRAME_SUBSCRIPT)
            return DEMAND_NUMBER;
        if (frame->kind == FRAME_COMMENT || frame->kind == FRAME_HEREDOC)
            return DEMAND_NOTHING;
    }
    while (at > 0 && lexer->frames[at].kind == FRAME_ARRAY)
        at--;
    const struct frame *frame = &lexer->frames[at];
    if (frame->kind == FRAME_CONDITION)
        return frame->number_next || frame->name_next ? DEMAND_NUMBER : DEMAND_NOTHING;
    return demand_of_command(frame);
}

static int check_demand(const struct shell_lexer *lexer, const struct shell_word *value,
                        struct error *err)
{
    enum demand demand = demand_of(lexer);
    if (demand == DEMAND_NUMBER)
        return require_integer(value, err);
    for (size_t i = 0; i < value->size && demand == DEMAND_NAME && !value->is_integer; i++)
        if (!is_name(value->text[i]))
            return refuse(err, "bash may take it for a variable's name here, and runs what is in "
                               "a name's brackets: it has to be letters, digits and '_' (quotes "
                               "begin behind the '=')");
    return 0;
}

static int value_in_code(struct shell_lexer *lexer, const struct shell_word *words, size_t count,
                         bool is_list, struct buffer *out, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (frame->pending == PENDING_NAME)
        frame->pending = PENDING_NONE;
    int rc = check_place(frame, err);
    if (rc == 0 && is_list)
        rc = check_list(frame, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (i > 0) {
            buffer_char(out, ' ');
            rc = end_word(lexer, err);
            frame = top_of(lexer);
        }
        bool plain = may_be_plain(lexer, &words[i]);
        if (rc == 0 && frame->kind == FRAME_CONDITION)
            rc = value_in_condition(frame, &words[i], out, err);
        else if (rc == 0)
            rc = check_demand(lexer, &words[i], err);
        if (rc == 0 && frame->kind != FRAME_CONDITION)
            quote_word(&words[i], plain, out);
        note_value(&frame->word, &words[i]);
    }
    frame->after_list = is_list;
    return rc;
}

/* ---- a value elsewhere ---- */

static bool has_byte(const struct shell_word *value, char c)
{
    return value->size > 0 && memchr(value->text, c, value->size);
}

static const char *const is_unsure_here = "shells differ in how they read such a value here; put "
                                          "it into a variable on a line of its own and use that";

/* Bytes that bash takes for something inside of quotes that stand inside of "${…}". */
static bool is_unsure_in_quotes(const struct shell_word *value)
{
    return has_byte(value, '\'') || has_byte(value, '{') || has_byte(value, '(');
}

/* "${x:-VALUE}", "${x#VALUE}".  Before anything else bash looks there for pairs of ', for "<(" and,
 * inside of more quotes, for braces to expand. */
static int quote_default(const struct shell_lexer *lexer, const struct shell_word *value,
                         bool pattern, struct buffer *out, struct error *err)
{
    bool bash = lexer->dialect == SHELL_BASH, own = !bash || pattern;
    bool process = has_byte(value, '(') &&
                   (value->text[0] == '(' || memmem(value->text, value->size, "<(", 2) ||
                    memmem(value->text, value->size, ">(", 2));
    if (bash && (own ? is_unsure_in_quotes(value) : process || has_byte(value, '\'')))
        return refuse(err, is_unsure_here);
    buffer_text(out, own ? "\"" : "");
    quote_escaped(value, own ? "\\$`\"" : "\\$`\"}", out);
    buffer_text(out, own ? "\"" : "");
    return 0;
}

static int value_in_parameter(const struct shell_lexer *lexer, struct frame *frame,
                              const struct shell_word *value, struct buffer *out, struct error *err)
{
    bool name = frame->pending == PENDING_NAME;
    if (frame->phase < PARAMETER_COLON || frame->phase == PARAMETER_OTHER)
        return refuse(err, is_name_here);
    if (frame->phase == PARAMETER_COLON) {
        frame->phase = PARAMETER_OFFSET;
        frame->last = ':';
    }
    if (frame->phase == PARAMETER_OFFSET || frame->surroundings == IN_ARITHMETIC)
        return quote_number(frame, value, out, err);
    frame->pending = PENDING_NONE;
    if (frame->surroundings == IN_WORD) {
        if (frame->last == '~')
            return refuse(err, "a value cannot be part of '~name'");
        quote_word(value, false, out);
    } else if (frame->surroundings == IN_HEREDOC || frame->phase == PARAMETER_REPLACE ||
               frame->ambiguous) {
        return refuse(err, is_unsure_here);
    } else if (frame->phase == PARAMETER_PATTERN && lexer->dialect != SHELL_BASH) {
        quote_word(value, false, out);
    } else {
        if (name && frame->phase == PARAMETER_WORD)
            return refuse(err, "it would go on with the name of the variable before it; write "
                               "${name} there");
        frame->last = 0;
        return quote_default(lexer, value, frame->phase == PARAMETER_PATTERN, out, err);
    }
    frame->last = 0;
    return 0;
}

static int value_in_double(const struct shell_lexer *lexer, struct frame *frame,
                           const struct shell_word *value, struct buffer *out, struct error *err)
{
    bool literal = frame->kind == FRAME_HEREDOC && frame->heredoc.quoted;
    if (frame->pending == PENDING_NAME)
        return refuse(err, "it would go on with the name of the variable before it; write ${name} "
                           "there");
    if (frame->nested && lexer->dialect == SHELL_BASH && is_unsure_in_quotes(value))
        return refuse(err, is_unsure_here);
    if (literal)
        buffer_append(out, value->text, value->size);
    else
        quote_escaped(value, frame->kind == FRAME_HEREDOC ? "\\$`" : "\\$`\"", out);
    return 0;
}

static int value_in_single(const struct shell_lexer *lexer, const struct frame *frame,
                           const struct shell_word *value, struct buffer *out, struct error *err)
{
    if (frame->nested && lexer->dialect == SHELL_BASH && is_unsure_in_quotes(value))
        return refuse(err, is_unsure_here);
    if (frame->ambiguous)
        return refuse(err, "$'…' is not known to every sh; use another quote");
    quote_single(value->text, value->size, out);
    return 0;
}

static int value_in_comment(const struct shell_word *value, struct buffer *out, struct error *err)
{
    if (memchr(value->text, '\n', value->size))
        return refuse(err, "a line break in the value would end the comment");
    buffer_append(out, value->text, value->size);
    return 0;
}

static int value_in_subscript(struct frame *frame, const struct shell_word *value,
                              struct buffer *out, struct error *err)
{
    if (value->is_integer && value->text[0] == '-')
        return refuse(err, "as a subscript only a whole number from 0 on is the same to every "
                           "kind of array");
    return quote_number(frame, value, out, err);
}

/* One value in the frame on top, which is not one of words. */
static int value_in_text(struct shell_lexer *lexer, const struct shell_word *value,
                         struct buffer *out, struct error *err)
{
    struct frame *frame = top_of(lexer);
    struct word *word = word_of(lexer);
    int rc = check_demand(lexer, value, err);
    if (rc < 0)
        return rc;
    word->has_text_value |= word->open && !value->is_integer;
    switch (frame->kind) {
    case FRAME_DOUBLE:
    case FRAME_HEREDOC:
        return value_in_double(lexer, frame, value, out, err);
    case FRAME_SINGLE:
        return value_in_single(lexer, frame, value, out, err);
    case FRAME_ANSI:
        quote_escaped(value, "\\'", out);
        return 0;
    case FRAME_COMMENT:
        return value_in_comment(value, out, err);
    case FRAME_ARITHMETIC:
        return quote_number(frame, value, out, err);
    case FRAME_SUBSCRIPT:
        return value_in_subscript(frame, value, out, err);
    default:
        return value_in_parameter(lexer, frame, value, out, err);
    }
}

/* What the lexer in the backquotes quoted, with the layer of backslashes that they take off. */
static int value_in_backquotes(const struct shell_lexer *lexer, const struct shell_word *words,
                               size_t count, bool is_list, struct buffer *out, struct error *err)
{
    struct buffer quoted = { 0 };
    struct frame *frame = top_of(lexer);
    bool deep = frame->in_double && frame->inner->count > 1 && lexer->dialect == SHELL_BASH;
    bool parameter = lexer->count > 1 && lexer->frames[lexer->count - 2].kind == FRAME_PARAMETER;
    for (size_t i = 0; i < count && parameter && frame->in_double; i++)
        if (lexer->dialect == SHELL_BASH && has_byte(&words[i], '"'))
            return refuse(err, is_unsure_here);
    for (size_t i = 0; i < count && deep; i++)
        if (is_unsure_in_quotes(&words[i]))
            return refuse(err, "in quotes within backquotes within quotes bash loses count; write "
                               "$(…) instead of backquotes");
    if (frame->pending == PENDING_BACKSLASH)
        return refuse(err, backslash_before);
    int rc = shell_lexer_value(frame->inner, words, count, is_list, &quoted, err);
    for (size_t i = 0; i < quoted.size && rc == 0; i++) {
        if (is_one_of(quoted.data[i], "\\$`") || (frame->in_double && quoted.data[i] == '"'))
            buffer_char(out, '\\');
        buffer_char(out, quoted.data[i]);
    }
    buffer_clear(&quoted);
    return rc;
}

static int quote_value(struct shell_lexer *lexer, const struct shell_word *words, size_t count,
                       bool is_list, struct buffer *out, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (frame->kind == FRAME_BACKQUOTE)
        return value_in_backquotes(lexer, words, count, is_list, out, err);
    int rc = settle(lexer, err);
    if (rc < 0)
        return rc;
    if (top_of(lexer)->kind <= FRAME_GLOB)
        return value_in_code(lexer, words, count, is_list, out, err);
    if (is_list)
        return refuse(err, "a list stands only where words do; join(list, \" \") makes one text "
                           "of it");
    return value_in_text(lexer, words, out, err);
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
    if (push(lexer, FRAME_CODE, &frame, NULL) < 0) {
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
        pop(lexer);
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
            lose(lexer, "there is a NUL byte before it, which some shells pass over");
        if (lexer->heredocs > 0)
            rc = follow_bodies(lexer, text[i], false, &ended, err);
        if (rc == 0 && !ended)
            rc = feed(lexer, text[i], err);
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
        rc = quote_value(lexer, words, count, is_list, out, err);
    if (rc == 0 && lexer->lost) /* while settling */
        rc = refuse(err, lexer->lost);
    for (size_t i = 0; i < lexer->count && lexer->heredocs > 0; i++)
        lexer->frames[i].line_has_value = true; /* an empty one too */
    for (size_t i = before; i < out->size && rc == 0 && lexer->heredocs > 0; i++)
        rc = follow_bodies(lexer, out->data[i], true, &ended, err);
    return rc < 0 ? rc : buffer_check(out, "the rendered script", err);
}

int shell_lexer_at_command(struct shell_lexer *lexer, struct error *err)
{
    int rc = check_value(lexer, NULL, 0, err);
    if (rc == 0)
        rc = settle(lexer, err);
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
        if (frame->kind == FRAME_HEREDOC && frame->line_has_value && line_is_delimiter(frame))
            return refuse(err, ends_heredoc);
        if (frame->kind == FRAME_BACKQUOTE) {
            int rc = shell_lexer_finish(frame->inner, err);
            if (rc < 0)
                return rc;
        }
    }
    struct frame *frame = top_of(lexer);
    return frame->kind == FRAME_CONDITION && frame->word.open ? end_word(lexer, err) : 0;
}

enum shell_dialect shell_lexer_dialect(const struct shell_lexer *lexer)
{
    return lexer->dialect;
}
