/* shell_lexer_quote.c - how a value is quoted in the frame on top, or why it cannot stand there. */
#include "setup/shell_lexer_private.h"

#include "base/text.h"

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
int lexer_settle(struct shell_lexer *lexer, struct error *err)
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
        return lexer_follow_expansion(lexer, ' ', &taken, err);
    case PENDING_SEMICOLON:
    case PENDING_AMPERSAND:
    case PENDING_LESS:
    case PENDING_GREATER:
    case PENDING_PAREN:
        return lexer_follow_operator(lexer, ' ', &taken, err);
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
    lexer_word_quoted(word);
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
            rc = lexer_end_word(lexer, err);
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
    struct word *word = lexer_word_of(lexer);
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

int lexer_quote_value(struct shell_lexer *lexer, const struct shell_word *words, size_t count,
                      bool is_list, struct buffer *out, struct error *err)
{
    struct frame *frame = top_of(lexer);
    if (frame->kind == FRAME_BACKQUOTE)
        return value_in_backquotes(lexer, words, count, is_list, out, err);
    int rc = lexer_settle(lexer, err);
    if (rc < 0)
        return rc;
    if (top_of(lexer)->kind <= FRAME_GLOB)
        return value_in_code(lexer, words, count, is_list, out, err);
    if (is_list)
        return refuse(err, "a list stands only where words do; join(list, \" \") makes one text "
                           "of it");
    return value_in_text(lexer, words, out, err);
}
