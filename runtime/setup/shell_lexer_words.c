/* shell_lexer_words.c - what the words of commands mean for those behind them: reserved words, names
 * of commands that compute or take names, assignments. */
#include "setup/shell_lexer_private.h"

/* Something of a word that is no plain literal. */
void lexer_word_quoted(struct word *word)
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

void lexer_word_literal(struct word *word, char c)
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
        lexer_pop(lexer);
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
        return lexer_push_simple(lexer, FRAME_CONDITION, err);
    } else if (word_is(word, "case")) {
        int rc = lexer_push(lexer, FRAME_CASE, &frame, err);
        if (rc == 0)
            frame->expected = EXPECT_CASE_WORD;
        return rc;
    } else if (word_is(word, "esac") && frame->kind == FRAME_CASE) {
        lexer_pop(lexer);
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
            lexer_pop(lexer);
        return 0;
    default:
        if (frame->command)
            return begin_command_word(lexer, &word, err);
        note_argument(lexer, frame, &word);
        return 0;
    }
}

/* What a byte that is no part of the word does; the frame on top may be another one afterwards. */
int lexer_end_word(struct shell_lexer *lexer, struct error *err)
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
