/* shell_lexer_feed.c - what a byte of the script does in each kind of frame. */
#include "setup/shell_lexer_private.h"

static int feed_frame(struct shell_lexer *lexer, char c, struct error *err);

static bool is_hexadecimal(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- expansions ---- */

/* The word that is being written, whatever is open in it. */
struct word *lexer_word_of(const struct shell_lexer *lexer)
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
        lexer_lose(lexer, "the backquotes nest too deeply to be followed");
        return 0;
    }
    struct shell_lexer *inner =
        shell_lexer_new(lexer->dialect == SHELL_UNKNOWN ? SHELL_SH : lexer->dialect);
    int rc = inner ? lexer_push(lexer, FRAME_BACKQUOTE, &frame, err) : ERROR_NO_MEMORY;
    if (rc < 0 || frame->kind != FRAME_BACKQUOTE) {
        shell_lexer_free(inner);
        return rc;
    }
    inner->backquotes = lexer->backquotes + 1;
    inner->has_aliases = lexer->has_aliases;
    lexer_word_of(lexer)->loose_braces |= in_double;
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
    int rc = lexer_push(lexer, FRAME_PARAMETER, &frame, err);
    if (rc == 0)
        frame->surroundings = surroundings;
    return rc;
}

/* "$'": a quote of its own kind in bash; in sh it is one in some shells only. */
static int begin_ansi(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame;
    bool bash = lexer->dialect == SHELL_BASH;
    int rc = lexer_push(lexer, bash ? FRAME_ANSI : FRAME_SINGLE, &frame, err);
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
        return lexer_push_arithmetic(lexer, ']', true, err);
    else if (c == '\'' && takes_quotes(frame))
        return begin_ansi(lexer, err);
    else
        *out_taken = false;
    return 0;
}

/* What is pending and common to all frames that know expansions.  *out_taken: `c` is done with. */
int lexer_follow_expansion(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err)
{
    struct frame *frame = top_of(lexer);
    *out_taken = false;
    switch (frame->pending) {
    case PENDING_DOLLAR:
        return follow_dollar(lexer, c, out_taken, err);
    case PENDING_DOLLAR_PAREN: {
        frame->pending = PENDING_NONE;
        int rc = c == '(' ? lexer_push_arithmetic(lexer, ')', true, err)
                          : lexer_push_code(lexer, true, err);
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
    return lexer_begin_heredoc(lexer, err);
}

static int open_paren(struct shell_lexer *lexer, struct error *err)
{
    struct frame *frame = top_of(lexer);
    struct word *word = &frame->word;
    struct frame *pushed;
    bool bash = lexer->dialect == SHELL_BASH;
    if (word->open && bash && word->assignment == ASSIGN_YES && word->last == '=') {
        int rc = lexer_push(lexer, FRAME_ARRAY, &pushed, err);
        if (rc == 0)
            pushed->in_word = true;
        return rc;
    }
    if (word->open && bash && is_one_of(word->last, "?*+@!") &&
        !(word->size == 1 && word->last == '!' && frame->command))
        return lexer_push_simple(lexer, FRAME_GLOB, err);
    if (word->open && word->has_value && !word->last)
        return refuse(err, "a value cannot be the name of a function: '(' follows it");
    if (frame->expected == EXPECT_PATTERN && !word->open)
        return 0; /* the one that may stand before a pattern */
    bool doubled = bash && !word->open && (frame->command || frame->expected == EXPECT_NAME);
    int rc = lexer_end_word(lexer, err);
    if (rc < 0)
        return rc;
    if (doubled) {
        top_of(lexer)->pending = PENDING_PAREN;
        return 0;
    }
    return lexer_push_code(lexer, false, err);
}

static int close_paren(struct shell_lexer *lexer, struct error *err)
{
    int rc = lexer_end_word(lexer, err);
    struct frame *frame = top_of(lexer);
    if (rc < 0)
        return rc;
    if (frame->kind == FRAME_CASE && frame->expected == EXPECT_PATTERN) {
        frame->expected = EXPECT_ANY;
        frame->command = true;
    } else if (frame->kind == FRAME_CODE && frame->closer == ')') {
        bool in_word = frame->in_word;
        lexer_pop(lexer);
        frame = top_of(lexer);
        frame->last = ')';
        if (in_word)
            return 0;
        frame->command = true; /* the body of a function may follow */
        if (frame->expected == EXPECT_IN_OR_DO)
            frame->expected = EXPECT_ANY;
    } else if (frame->kind == FRAME_ARRAY || frame->kind == FRAME_GLOB) {
        lexer_pop(lexer);
        lexer_word_quoted(&top_of(lexer)->word);
    } else if (frame->kind == FRAME_CODE || frame->kind == FRAME_CASE) {
        lexer_lose(lexer, "a ')' before it closes nothing");
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
int lexer_follow_operator(struct shell_lexer *lexer, char c, bool *out_taken, struct error *err)
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
            lexer_word_quoted(&frame->word);
            return lexer_push_code(lexer, true, err);
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
                lexer_lose(lexer, "'<<<' before it is not known to every sh");
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
            return lexer_push_arithmetic(lexer, ')', false, err);
        }
        *out_taken = false;
        return lexer_push_code(lexer, false, err);
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
    int rc = lexer_end_word(lexer, err);
    if (rc < 0)
        return rc;
    if (lexer->count != depth) /* "]]", "esac", "case", "[[": another frame takes the byte */
        return lexer_feed(lexer, c, err);
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
    int rc = lexer_push(lexer, FRAME_SUBSCRIPT, &frame, err);
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
        lexer_word_literal(word, c);
        word->assignment = ASSIGN_SUBSCRIPT;
        return push_subscript(lexer, err);
    }
    lexer_word_literal(word, c);
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
        lexer_word_quoted(&frame->word);
        return lexer_push_simple(lexer, FRAME_SINGLE, err);
    case '"':
        lexer_word_quoted(&frame->word);
        return lexer_push_simple(lexer, FRAME_DOUBLE, err);
    case '`':
        lexer_word_quoted(&frame->word);
        return push_backquote(lexer, false, err);
    case '$':
        lexer_word_quoted(&frame->word);
        frame->pending = PENDING_DOLLAR;
        return 0;
    case '#':
        return frame->word.open || frame->kind == FRAME_GLOB
                   ? feed_word(lexer, c, err)
                   : lexer_push_simple(lexer, FRAME_COMMENT, err);
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
            int rc = lexer_end_word(lexer, err);
            if (rc < 0 || lexer->count != depth)
                return rc < 0 ? rc : lexer_feed(lexer, c, err);
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
        rc = lexer_read_delimiter(lexer, c, &taken, err);
    } else if (is_operator(frame->pending)) {
        rc = lexer_follow_operator(lexer, c, &taken, err);
    } else if (frame->pending == PENDING_BACKSLASH) {
        frame->pending = PENDING_NONE;
        taken = true;
        if (c != '\n')
            lexer_word_quoted(&frame->word);
    } else if (frame->pending) {
        rc = lexer_follow_expansion(lexer, c, &taken, err);
    } else {
        return feed_code_byte(lexer, c, err);
    }
    return rc < 0 || taken ? rc : lexer_feed(lexer, c, err);
}

/* ---- the other frames ---- */

static int feed_double(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    bool taken = false;
    if (frame->pending) {
        int rc = lexer_follow_expansion(lexer, c, &taken, err);
        return rc < 0 || taken ? rc : lexer_feed(lexer, c, err);
    }
    if (c == '\\')
        frame->pending = PENDING_BACKSLASH;
    else if (c == '$')
        frame->pending = PENDING_DOLLAR;
    else if (c == '`')
        return push_backquote(lexer, frame->kind == FRAME_DOUBLE, err);
    else if (c == '"' && frame->kind == FRAME_DOUBLE)
        lexer_pop(lexer);
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
        lexer_pop(lexer);
}

static void pop_arithmetic(struct shell_lexer *lexer)
{
    bool word = top_of(lexer)->kind == FRAME_SUBSCRIPT || top_of(lexer)->in_word;
    lexer_pop(lexer);
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
            lexer_lose(lexer, "'((' before it begins no arithmetic; write '( (' for commands");
        return 0;
    }
    if (frame->pending) {
        int rc = lexer_follow_expansion(lexer, c, &taken, err);
        if (taken && rc == 0 && top_of(lexer) == frame)
            frame->last = ')'; /* an expansion, which digits must not adjoin */
        return rc < 0 || taken ? rc : lexer_feed(lexer, c, err);
    }
    frame->last = c;
    if (c == '\\')
        frame->pending = PENDING_BACKSLASH;
    else if (c == '$')
        frame->pending = PENDING_DOLLAR;
    else if (c == '`')
        return push_backquote(lexer, false, err);
    else if (frame->kind == FRAME_SUBSCRIPT && is_one_of(c, "'\""))
        return lexer_push_simple(lexer, c == '"' ? FRAME_DOUBLE : FRAME_SINGLE, err);
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
        return lexer_feed(lexer, c, err);
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
        return lexer_feed(lexer, c, err);
    }
}

static int begin_single(struct shell_lexer *lexer, bool nested, struct error *err)
{
    struct frame *frame;
    int rc = lexer_push(lexer, FRAME_SINGLE, &frame, err);
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
        int rc = lexer_push(lexer, FRAME_DOUBLE, &frame, err);
        if (rc == 0) {
            frame->nested = !bare;
            lexer_word_of(lexer)->loose_braces |= !bare;
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
        int rc = lexer_follow_expansion(lexer, c, &taken, err);
        return rc < 0 || taken ? rc : lexer_feed(lexer, c, err);
    }
    if (c == '}') {
        if (frame->odd_quotes && lexer->dialect == SHELL_BASH)
            lexer_lose(lexer,
                       "bash looks for the other one of the ' inside of the '${…}' before it");
        lexer_pop(lexer);
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
    lexer_pop(lexer);
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

int lexer_feed(struct shell_lexer *lexer, char c, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (frame->held) {
        frame->held = false;
        if (c == '\n')
            return 0;
        int rc = feed_frame(lexer, '\\', err);
        return rc < 0 ? rc : lexer_feed(lexer, c, err);
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
            lexer_pop(lexer);
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
        lexer_pop(lexer);
        return lexer_feed(lexer, c, err);
    case FRAME_BACKQUOTE:
        return feed_backquote(lexer, c, err);
    default:
        return feed_code(lexer, c, err);
    }
}
