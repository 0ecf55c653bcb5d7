/* shell_reader.c - reads scripts.
 *
 * Lists of commands nest by recursion only through substitutions, whose depth is capped; compound
 * commands are a chain of groups.  A word is put together in `scratch`, a stack that nested words
 * share, and moved to the script's own chars when it is whole.  Every byte is looked at a bounded
 * number of times for each level of nesting. */
#include "setup/shell_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DEPTH_MAX 100  /* substitutions in substitutions; deeper ones are read as plain text */
#define GROUPS_MAX 200 /* compound commands in compound commands */
#define NO_PIPE UINT32_MAX

/* A here-document that is announced and stands behind the end of this line. */
struct pending {
    struct shell_piece delimiter;
    uint32_t owner; /* index of a command, or of a group */
    bool of_group;
    bool quoted;
    bool strip; /* <<- */
};

struct reader {
    const char *text;
    const uint32_t *places;
    size_t at, size;
    struct shell_script *script;
    char *scratch; /* words under construction */
    uint32_t *scratch_places;
    size_t scratch_size, scratch_capacity;
    struct pending *pending;
    size_t pending_count, pending_capacity;
    uint32_t group;
    unsigned depth;
    bool function_next; /* the next group is a function's body */
    bool failed;        /* no memory */
};

/* What is known of a word while it is read. */
struct building {
    size_t base; /* in scratch */
    bool quoted, dynamic;
};

static void read_list(struct reader *r, bool closes);
static void read_dollar(struct reader *r, struct building *word, bool in_double);
static void read_backquotes(struct reader *r, struct building *word);
static void read_double(struct reader *r, struct building *word);

/* ---- growing tables ---- */

static bool grow(struct reader *r, void **items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return !r->failed;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = r->failed ? NULL : realloc(*items, wanted * item_size);
    if (!grown) {
        r->failed = true;
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

#define GROW(r, items, count, capacity)                                                            \
    grow(r, (void **)&(items), count, &(capacity), sizeof *(items))

static uint32_t place_at(const struct reader *r, size_t at)
{
    return r->places ? r->places[at] : (uint32_t)at;
}

static void put_placed(struct reader *r, char c, uint32_t place)
{
    size_t capacity = r->scratch_capacity;
    if (!GROW(r, r->scratch, r->scratch_size, capacity) ||
        !GROW(r, r->scratch_places, r->scratch_size, r->scratch_capacity) || !r->scratch)
        return;
    r->scratch[r->scratch_size] = c;
    r->scratch_places[r->scratch_size++] = place;
}

/* Puts the byte at `at` of the text. */
static void put(struct reader *r, struct building *word, size_t at)
{
    if (r->text[at] == SHELL_VALUE)
        word->dynamic = true;
    put_placed(r, r->text[at], place_at(r, at));
}

static void put_value(struct reader *r, struct building *word, size_t at)
{
    word->dynamic = true;
    put_placed(r, SHELL_VALUE, place_at(r, at));
}

/* Moves what stands in scratch from `base` on to the script's chars. */
static struct shell_piece keep(struct reader *r, size_t base)
{
    struct shell_script *script = r->script;
    size_t size = r->scratch_size - base;
    struct shell_piece piece = { (uint32_t)script->char_count, (uint32_t)size };
    if (script->char_count + size + 1 > script->char_capacity) {
        size_t capacity = (script->char_count + size + 1) * 2;
        char *chars = realloc(script->chars, capacity);
        if (chars)
            script->chars = chars;
        uint32_t *places = chars ? realloc(script->places, capacity * sizeof *places) : NULL;
        if (places)
            script->places = places;
        r->failed |= !places;
        if (places)
            script->char_capacity = capacity;
    }
    if (r->failed || size == 0) {
        r->scratch_size = base;
        if (!r->failed) { /* an empty piece has an end as well */
            script->chars[script->char_count] = '\0';
            script->places[script->char_count++] = place_at(r, r->at);
        }
        return (struct shell_piece) { piece.at, 0 };
    }
    memcpy(script->chars + piece.at, r->scratch + base, size);
    memcpy(script->places + piece.at, r->scratch_places + base, size * sizeof *script->places);
    script->chars[piece.at + size] = '\0';
    script->places[piece.at + size] = r->scratch_places[base + size - 1] + 1;
    script->char_count += size + 1;
    r->scratch_size = base;
    return piece;
}

/* A piece made of the text as it stands. */
static struct shell_piece keep_range(struct reader *r, size_t from, size_t to)
{
    size_t base = r->scratch_size;
    for (size_t i = from; i < to && !r->failed; i++)
        put_placed(r, r->text[i], place_at(r, i));
    return keep(r, base);
}

static uint32_t add_group(struct reader *r, enum shell_group_kind kind, bool has_input)
{
    struct shell_script *script = r->script;
    if (!GROW(r, script->groups, script->group_count, script->group_capacity))
        return 0;
    script->groups[script->group_count] = (struct shell_group) {
        .kind = kind,
        .parent = r->group,
        .depth = script->group_count ? script->groups[r->group].depth + 1 : 0,
        .has_input = has_input,
        .function = r->function_next,
    };
    r->function_next = false;
    return (uint32_t)script->group_count++;
}

static uint32_t add_command(struct reader *r, uint32_t pipe)
{
    struct shell_script *script = r->script;
    if (!GROW(r, script->commands, script->command_count, script->command_capacity))
        return 0;
    script->commands[script->command_count] = (struct shell_command) {
        .place = place_at(r, r->at),
        .group = r->group,
        .piped_from = pipe == NO_PIPE ? 0 : pipe,
        .has_input = pipe != 0,
    };
    return (uint32_t)script->command_count++;
}

/* A use whose '$' stands at `begins`. */
static void add_use(struct reader *r, size_t begins, size_t from, size_t to)
{
    struct shell_script *script = r->script;
    uint32_t place = place_at(r, begins);
    struct shell_piece name = keep_range(r, from, to);
    if (!GROW(r, script->uses, script->use_count, script->use_capacity))
        return;
    script->uses[script->use_count++] =
        (struct shell_use) { name, place, r->group, (uint32_t)script->command_count };
}

/* ---- characters ---- */

static char peek(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->size ? r->text[r->at + ahead] : '\0';
}

static bool at_end(const struct reader *r)
{
    return r->at >= r->size || r->failed;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool ends_word(char c)
{
    return is_blank(c) || strchr("\n;&|<>()", c) != NULL; /* NUL too */
}

/* Blanks and continued lines. */
static void skip_blanks(struct reader *r)
{
    while (!at_end(r)) {
        if (is_blank(peek(r, 0)))
            r->at++;
        else if (peek(r, 0) == '\\' && peek(r, 1) == '\n')
            r->at += 2;
        else
            return;
    }
}

static void read_comment(struct reader *r)
{
    struct shell_script *script = r->script;
    const char *end = memchr(r->text + r->at, '\n', r->size - r->at);
    size_t to = end ? (size_t)(end - r->text) : r->size;
    uint32_t place = place_at(r, r->at);
    struct shell_piece text = keep_range(r, r->at + 1, to);
    r->at = to;
    if (GROW(r, script->comments, script->comment_count, script->comment_capacity))
        script->comments[script->comment_count++] =
            (struct shell_comment) { text, place, (uint32_t)script->command_count };
}

/* ---- expansions ---- */

/* From behind "$(" to behind its ")". */
static void read_substitution(struct reader *r)
{
    uint32_t outer = r->group;
    bool function_next = r->function_next;
    r->function_next = false;
    r->group = add_group(r, SHELL_SUBSTITUTION, false);
    r->depth++;
    read_list(r, true);
    r->depth--;
    r->group = outer;
    r->function_next = function_next;
}

/* From behind "$((" or "((" to behind "))". */
static void read_arithmetic(struct reader *r)
{
    struct building ignored = { .base = r->scratch_size };
    int open = 0;
    while (!at_end(r)) {
        char c = peek(r, 0);
        if (c == '$') {
            read_dollar(r, &ignored, true);
            continue;
        }
        r->at++;
        if (c == '\\' && !at_end(r))
            r->at++;
        else if (c == '(')
            open++;
        else if (c == ')' && open-- == 0)
            break;
    }
    if (peek(r, 0) == ')')
        r->at++;
    r->scratch_size = ignored.base;
}

/* What stands behind the name in ${name…}, to behind the brace. */
static void read_brace_rest(struct reader *r, bool in_double)
{
    struct building ignored = { .base = r->scratch_size };
    r->depth++;
    while (!at_end(r)) {
        char c = peek(r, 0);
        if (c == '$') {
            read_dollar(r, &ignored, in_double);
            continue;
        }
        if (c == '`') {
            read_backquotes(r, &ignored);
            continue;
        }
        r->at++;
        if (c == '}')
            break;
        if (c == '\\' && !at_end(r)) {
            r->at++;
        } else if (c == '"') {
            read_double(r, &ignored);
        } else if (c == '\'' && !in_double) {
            const char *end = memchr(r->text + r->at, '\'', r->size - r->at);
            r->at = end ? (size_t)(end - r->text) + 1 : r->size;
        }
    }
    r->depth--;
    r->scratch_size = ignored.base;
}

/* How many bytes of a parameter's name stand at `at`. */
static size_t name_size(const struct reader *r, size_t at, bool braced)
{
    size_t to = at;
    if (at < r->size && is_letter(r->text[at])) {
        while (to < r->size && (is_letter(r->text[to]) || is_digit(r->text[to])))
            to++;
    } else if (at < r->size && is_digit(r->text[at])) {
        to++;
        while (braced && to < r->size && is_digit(r->text[to]))
            to++;
    } else if (at < r->size && r->text[at] && strchr("@*#?$!-", r->text[at])) {
        to++;
    }
    return to - at;
}

/* From "${" on. */
static void read_braces(struct reader *r, bool in_double)
{
    size_t begins = r->at;
    r->at += 2;
    char c = peek(r, 0);
    if ((c == '#' || c == '!') && name_size(r, r->at + 1, true) > 0 && peek(r, 1) != '}')
        r->at++;
    size_t size = name_size(r, r->at, true);
    if (size > 0)
        add_use(r, begins, r->at, r->at + size);
    r->at += size;
    read_brace_rest(r, in_double);
}

/* $'…': its escapes stay as they are written. */
static void read_ansi(struct reader *r, struct building *word)
{
    r->at += 2;
    word->quoted = true;
    while (!at_end(r) && peek(r, 0) != '\'') {
        if (peek(r, 0) == '\\' && r->at + 1 < r->size)
            put(r, word, r->at++);
        put(r, word, r->at++);
    }
    r->at += !at_end(r);
}

/* At a '$'. */
static void read_dollar(struct reader *r, struct building *word, bool in_double)
{
    size_t begins = r->at;
    char c = peek(r, 1);
    size_t size = name_size(r, r->at + 1, false);
    if (r->depth >= DEPTH_MAX && (c == '(' || c == '{')) {
        put_value(r, word, r->at);
        r->at += 2;
    } else if (c == '(' && peek(r, 2) == '(') {
        r->at += 3;
        r->depth++;
        read_arithmetic(r);
        r->depth--;
        put_value(r, word, begins);
    } else if (c == '(') {
        r->at += 2;
        read_substitution(r);
        put_value(r, word, begins);
    } else if (c == '{') {
        read_braces(r, in_double);
        put_value(r, word, begins);
    } else if (c == '\'' && !in_double) {
        read_ansi(r, word);
    } else if (c == '"' && !in_double) {
        r->at += 2;
        word->quoted = true;
        read_double(r, word);
    } else if (size > 0) {
        add_use(r, begins, r->at + 1, r->at + 1 + size);
        r->at += 1 + size;
        put_value(r, word, begins);
    } else {
        put(r, word, r->at++);
    }
}

/* Reads `source` as a list of its own, inside what is being read. */
static void read_nested(struct reader *r, const char *text, const uint32_t *places, size_t size)
{
    struct reader nested = {
        .text = text,
        .places = places,
        .size = size,
        .script = r->script,
        .group = r->group,
        .depth = r->depth + 1,
    };
    nested.group = add_group(&nested, SHELL_SUBSTITUTION, false);
    read_list(&nested, false);
    r->failed |= nested.failed;
    free(nested.scratch);
    free(nested.scratch_places);
    free(nested.pending);
}

/* At a '`': a backslash before $, ` and \ is taken away, the rest is a script. */
static void read_backquotes(struct reader *r, struct building *word)
{
    size_t begins = r->at++, base = r->scratch_size;
    while (!at_end(r) && peek(r, 0) != '`') {
        char next = peek(r, 1);
        if (peek(r, 0) == '\\' && (next == '$' || next == '`' || next == '\\'))
            r->at++;
        put_placed(r, r->text[r->at], place_at(r, r->at));
        r->at++;
    }
    size_t size = r->scratch_size - base;
    r->at += !at_end(r);
    char *text = text_dup_size(r->scratch ? r->scratch + base : "", size);
    uint32_t *places = malloc((size + 1) * sizeof *places);
    r->failed |= !text || !places;
    if (!r->failed) {
        if (size > 0)
            memcpy(places, r->scratch_places + base, size * sizeof *places);
        places[size] = place_at(r, r->at);
        if (r->depth < DEPTH_MAX)
            read_nested(r, text, places, size);
    }
    free(text);
    free(places);
    r->scratch_size = base;
    put_value(r, word, begins);
}

/* ---- words ---- */

/* From behind '"' to behind the closing one. */
static void read_double(struct reader *r, struct building *word)
{
    word->quoted = true;
    while (!at_end(r)) {
        char c = peek(r, 0);
        if (c == '"') {
            r->at++;
            return;
        }
        if (c == '\\' && peek(r, 1) == '\n') {
            r->at += 2;
        } else if (c == '\\' && peek(r, 1) && strchr("$`\"\\", peek(r, 1))) {
            put(r, word, r->at + 1);
            r->at += 2;
        } else if (c == '$') {
            read_dollar(r, word, true);
        } else if (c == '`') {
            read_backquotes(r, word);
        } else {
            put(r, word, r->at++);
        }
    }
}

static void read_single(struct reader *r, struct building *word)
{
    word->quoted = true;
    for (r->at++; !at_end(r) && peek(r, 0) != '\''; r->at++)
        put(r, word, r->at);
    r->at += !at_end(r);
}

/* "name=" or "name+=" is all there is of the word so far? */
static bool is_assignment(const struct reader *r, const struct building *word)
{
    const char *text = r->scratch ? r->scratch + word->base : "";
    size_t size = r->scratch_size - word->base;
    return size > 1 && text[size - 1] == '=' && is_letter(text[0]);
}

/* From "(" to behind ")": the words of an array, or the patterns of an extended glob. */
static void read_parenthesized(struct reader *r, struct building *word)
{
    size_t base = r->scratch_size;
    size_t begins = r->at++;
    int open = 1;
    bool fresh = true; /* at the beginning of a word */
    while (!at_end(r) && open > 0) {
        char c = peek(r, 0);
        if (c == '#' && fresh) {
            read_comment(r);
        } else if (c == '\'') {
            read_single(r, word);
        } else if (c == '"') {
            r->at++;
            read_double(r, word);
        } else if (c == '$') {
            read_dollar(r, word, false);
        } else if (c == '`') {
            read_backquotes(r, word);
        } else {
            open += (c == '(') - (c == ')');
            r->at += c == '\\' && r->at + 1 < r->size ? 2 : 1;
        }
        fresh = is_blank(c) || c == '\n';
    }
    r->scratch_size = base;
    put_value(r, word, begins);
}

static bool at_extended_glob(const struct reader *r, const struct building *word)
{
    size_t size = r->scratch_size - word->base;
    return size > 0 && strchr("@!?*+", r->scratch[r->scratch_size - 1]) != NULL;
}

static void read_process_substitution(struct reader *r, struct building *word)
{
    size_t begins = r->at;
    r->at += 2;
    read_substitution(r);
    put_value(r, word, begins);
}

/* One step of a word; false at its end. */
static bool read_word_part(struct reader *r, struct building *word)
{
    char c = peek(r, 0);
    if ((c == '<' || c == '>') && peek(r, 1) == '(' && r->depth < DEPTH_MAX) {
        read_process_substitution(r, word);
    } else if (c == '(' && (is_assignment(r, word) || at_extended_glob(r, word))) {
        read_parenthesized(r, word);
    } else if (ends_word(c)) {
        return false;
    } else if (c == '\\' && peek(r, 1) == '\n') {
        r->at += 2;
    } else if (c == '\\' && r->at + 1 < r->size) {
        word->quoted = true;
        put(r, word, r->at + 1);
        r->at += 2;
    } else if (c == '\'') {
        read_single(r, word);
    } else if (c == '"') {
        r->at++;
        read_double(r, word);
    } else if (c == '$') {
        read_dollar(r, word, false);
    } else if (c == '`') {
        read_backquotes(r, word);
    } else {
        put(r, word, r->at++);
    }
    return true;
}

/* The word at hand; at a byte that no word can begin with, that byte is skipped.  0: no memory. */
static uint32_t read_word(struct reader *r)
{
    struct shell_script *script = r->script;
    struct building word = { .base = r->scratch_size };
    size_t begins = r->at;
    uint32_t place = place_at(r, r->at);
    while (!at_end(r) && read_word_part(r, &word))
        continue;
    if (r->at == begins && !at_end(r))
        r->at++;
    struct shell_piece text = keep(r, word.base);
    if (!GROW(r, script->words, script->word_count, script->word_capacity))
        return 0;
    script->words[script->word_count] =
        (struct script_word) { text, place, 0, word.quoted, word.dynamic };
    return (uint32_t)script->word_count++;
}

/* ---- here-documents ---- */

static uint32_t add_input(struct reader *r, struct shell_piece text, uint32_t place, bool quoted)
{
    struct shell_script *script = r->script;
    if (!GROW(r, script->inputs, script->input_count, script->input_capacity))
        return 0;
    script->inputs[script->input_count] = (struct shell_input) { text, place, quoted };
    return (uint32_t)script->input_count++;
}

static void set_input(struct reader *r, uint32_t owner, bool of_group, uint32_t input)
{
    if (r->failed)
        return;
    if (of_group) {
        r->script->groups[owner].has_input = true;
        r->script->groups[owner].input = input;
    } else {
        r->script->commands[owner].has_input = true;
        r->script->commands[owner].input = input;
    }
}

static bool is_delimiter(const struct reader *r, const struct pending *doc, size_t from, size_t to)
{
    if (to > from && r->text[to - 1] == '\r')
        to--;
    return to - from == doc->delimiter.size &&
           memcmp(r->text + from, shell_piece_text(r->script, doc->delimiter), to - from) == 0;
}

static size_t skip_tabs(const struct reader *r, size_t at, size_t end)
{
    while (at < end && r->text[at] == '\t')
        at++;
    return at;
}

/* From r->at: where the document ends; *out_next is behind its delimiter's line. */
static size_t find_delimiter(const struct reader *r, const struct pending *doc, size_t *out_next)
{
    size_t line = r->at;
    while (line < r->size) {
        const char *newline = memchr(r->text + line, '\n', r->size - line);
        size_t end = newline ? (size_t)(newline - r->text) : r->size;
        size_t from = doc->strip ? skip_tabs(r, line, end) : line;
        if (is_delimiter(r, doc, from, end)) {
            *out_next = newline ? end + 1 : end;
            return line;
        }
        line = newline ? end + 1 : end;
    }
    *out_next = r->size;
    return r->size;
}

/* The bytes up to r->size, with expansions unless it is quoted. */
static void read_document_text(struct reader *r, const struct pending *doc, struct building *word)
{
    bool fresh = true;
    while (!at_end(r)) {
        if (fresh && doc->strip)
            r->at = skip_tabs(r, r->at, r->size);
        if (at_end(r))
            return;
        char c = peek(r, 0);
        fresh = c == '\n';
        if (doc->quoted) {
            put(r, word, r->at++);
        } else if (c == '\\' && peek(r, 1) == '\n') {
            r->at += 2;
            fresh = true;
        } else if (c == '\\' && peek(r, 1) && strchr("$`\\", peek(r, 1))) {
            put(r, word, r->at + 1);
            r->at += 2;
        } else if (c == '$') {
            read_dollar(r, word, true);
        } else if (c == '`') {
            read_backquotes(r, word);
        } else {
            put(r, word, r->at++);
        }
    }
}

/* Behind the end of a line: the documents that it announced. */
static void read_documents(struct reader *r)
{
    struct pending *pending = r->pending; /* substitutions in the documents have their own */
    size_t count = r->pending_count;
    r->pending = NULL;
    r->pending_count = r->pending_capacity = 0;
    for (size_t i = 0; i < count && !r->failed; i++) {
        struct pending doc = pending[i];
        struct building word = { .base = r->scratch_size };
        size_t next = 0, size = r->size;
        uint32_t place = place_at(r, r->at);
        r->size = find_delimiter(r, &doc, &next);
        read_document_text(r, &doc, &word);
        r->pending_count = 0; /* those that the document itself left open */
        r->size = size;
        r->at = next;
        set_input(r, doc.owner, doc.of_group, add_input(r, keep(r, word.base), place, doc.quoted));
    }
    free(pending);
}

static void announce_document(struct reader *r, uint32_t owner, bool of_group, bool strip)
{
    skip_blanks(r);
    uint32_t index = read_word(r);
    if (!index || !GROW(r, r->pending, r->pending_count, r->pending_capacity))
        return;
    const struct script_word *word = &r->script->words[index];
    r->pending[r->pending_count++] = (struct pending) {
        .delimiter = word->text,
        .owner = owner,
        .of_group = of_group,
        .quoted = word->quoted,
        .strip = strip,
    };
}

/* ---- redirections ---- */

static bool starts(const struct reader *r, const char *text)
{
    size_t size = strlen(text);
    return r->size - r->at >= size && memcmp(r->text + r->at, text, size) == 0;
}

static bool at_redirection(const struct reader *r)
{
    char c = peek(r, 0);
    return ((c == '<' || c == '>') && peek(r, 1) != '(') || (c == '&' && peek(r, 1) == '>');
}

/* At an operator; `fd` is the number before it, -1: none. */
static void read_redirection(struct reader *r, uint32_t owner, bool of_group, int fd)
{
    static const char *const operators[] = { "&>>", "&>", "<<<", "<<-", "<<", "<>",
                                             "<&",  "<",  ">>",  ">&",  ">|", ">" };
    const char *operator= "";
    for (size_t i = 0; i < COUNT(operators) && !*operator; i++)
        if (starts(r, operators[i]))
            operator= operators[i];
    r->at += *operator? strlen(operator) : 1;
    bool is_input = *operator== '<' && fd <= 0;
    if (text_equal(operator, "<<") || text_equal(operator, "<<-")) {
        announce_document(r, owner, of_group, operator[2] == '-');
        return;
    }
    skip_blanks(r);
    if (at_end(r) || (ends_word(peek(r, 0)) && peek(r, 1) != '('))
        return;
    uint32_t index = read_word(r);
    if (!index || !is_input)
        return;
    const struct script_word *word = &r->script->words[index];
    uint32_t input =
        text_equal(operator, "<<<") ? add_input(r, word->text, word->place, word->quoted) : 0;
    set_input(r, owner, of_group, input);
}

/* Is the word a number right before < or >? */
static int descriptor(const struct reader *r, uint32_t index)
{
    const struct script_word *word = &r->script->words[index];
    const char *text = shell_piece_text(r->script, word->text);
    if (word->quoted || word->text.size == 0 || word->text.size > 3 || !at_redirection(r) ||
        peek(r, 0) == '&')
        return -1;
    int number = 0;
    for (uint32_t i = 0; i < word->text.size; i++) {
        if (!is_digit(text[i]))
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* Redirections behind the end of a compound command. */
static void read_group_redirections(struct reader *r, uint32_t group)
{
    for (;;) {
        skip_blanks(r);
        int fd = -1;
        if (is_digit(peek(r, 0)) && (peek(r, 1) == '<' || peek(r, 1) == '>')) {
            fd = peek(r, 0) - '0';
            r->at++;
        }
        if (at_end(r) || !at_redirection(r))
            return;
        read_redirection(r, group, true, fd);
    }
}

/* ---- commands ---- */

static void push(struct reader *r, enum shell_group_kind kind, uint32_t pipe)
{
    if (r->script->groups[r->group].depth < GROUPS_MAX) /* deeper ones count as one */
        r->group = add_group(r, kind, pipe != 0);
}

/* Ends the nearest group of that kind in this list, with those that were left open in it. */
static void pop(struct reader *r, enum shell_group_kind kind, uint32_t base)
{
    const struct shell_group *groups = r->script->groups;
    uint32_t group = r->group;
    while (group != base && groups[group].kind != kind)
        group = groups[group].parent;
    if (group == base)
        return;
    r->group = groups[group].parent;
    read_group_redirections(r, group);
}

/* [[ … ]]: operators are only words there. */
static void read_test(struct reader *r)
{
    while (!at_end(r)) {
        skip_blanks(r);
        if (peek(r, 0) == '\n') {
            r->at++;
            read_documents(r);
            continue;
        }
        uint32_t index = at_end(r) ? 0 : read_word(r);
        if (!index || shell_piece_is(r->script, r->script->words[index].text, "]]"))
            return;
    }
}

/* "case WORD in": the patterns come next. */
static void read_case_head(struct reader *r, uint32_t pipe)
{
    push(r, SHELL_CASE, pipe);
    for (int i = 0; i < 2 && !at_end(r); i++) {
        skip_blanks(r);
        while (i == 1 && peek(r, 0) == '\n') {
            r->at++;
            skip_blanks(r);
        }
        if (!at_end(r))
            (void)read_word(r);
    }
}

/* Patterns up to behind their ")"; false at "esac". */
static bool read_case_patterns(struct reader *r)
{
    bool first = true;
    while (!at_end(r)) {
        skip_blanks(r);
        char c = peek(r, 0);
        if (c == '#') {
            read_comment(r);
        } else if (c == '\n') {
            r->at++;
            read_documents(r);
        } else if (c == ')') {
            r->at++;
            return true;
        } else if (ends_word(c)) {
            r->at++;
        } else {
            uint32_t index = read_word(r);
            if (!index ||
                (first && shell_piece_is(r->script, r->script->words[index].text, "esac")))
                return false;
            first = false;
        }
    }
    return true;
}

static bool is_word(const struct reader *r, uint32_t index, const char *text)
{
    const struct script_word *word = &r->script->words[index];
    return !word->quoted && shell_piece_is(r->script, word->text, text);
}

/* What words do that are reserved at the beginning of a command. */
enum reserved { PLAIN, SKIP, OPEN, CLOSE, CASE, FUNCTION, TEST, LOOP_HEAD };

static const struct reserved_word {
    const char *word;
    enum reserved is;
    enum shell_group_kind group;
} reserved_words[] = {
    { "if", OPEN, SHELL_IF },
    { "then", SKIP, SHELL_TOP },
    { "else", SKIP, SHELL_TOP },
    { "elif", SKIP, SHELL_TOP },
    { "fi", CLOSE, SHELL_IF },
    { "while", OPEN, SHELL_LOOP },
    { "until", OPEN, SHELL_LOOP },
    { "do", SKIP, SHELL_TOP },
    { "done", CLOSE, SHELL_LOOP },
    { "{", OPEN, SHELL_BRACES },
    { "}", CLOSE, SHELL_BRACES },
    { "!", SKIP, SHELL_TOP },
    { "time", SKIP, SHELL_TOP },
    { "case", CASE, SHELL_CASE },
    { "esac", CLOSE, SHELL_CASE },
    { "[[", TEST, SHELL_TOP },
    { "function", FUNCTION, SHELL_TOP },
    { "for", LOOP_HEAD, SHELL_LOOP },
    { "select", LOOP_HEAD, SHELL_LOOP },
};

static const struct reserved_word *find_reserved(const struct reader *r, uint32_t index)
{
    for (size_t i = 0; i < COUNT(reserved_words); i++)
        if (is_word(r, index, reserved_words[i].word))
            return &reserved_words[i];
    return NULL;
}

/* "name ()": is there, and is skipped. */
static bool skip_parentheses(struct reader *r)
{
    size_t at = r->at;
    skip_blanks(r);
    if (peek(r, 0) == '(') {
        r->at++;
        skip_blanks(r);
        if (peek(r, 0) == ')') {
            r->at++;
            return true;
        }
    }
    r->at = at;
    return false;
}

/* The reserved word `index` was read where a command begins; `base` is this list's own group. What
 * is left of *pipe is for the next command. */
static void read_reserved(struct reader *r, const struct reserved_word *word, uint32_t base,
                          uint32_t *pipe)
{
    switch (word->is) {
    case OPEN:
        push(r, word->group, *pipe);
        break;
    case CLOSE:
        pop(r, word->group, base);
        break;
    case CASE:
        read_case_head(r, *pipe);
        if (!read_case_patterns(r))
            pop(r, SHELL_CASE, base);
        break;
    case TEST:
        read_test(r);
        break;
    case FUNCTION:
        skip_blanks(r);
        if (!at_end(r) && !ends_word(peek(r, 0)))
            (void)read_word(r);
        (void)skip_parentheses(r);
        r->function_next = true;
        break;
    default:
        return; /* the pipe goes on to what stands behind "!" and "time" */
    }
    *pipe = 0;
}

static void append_word(struct reader *r, uint32_t command, uint32_t *last, uint32_t index)
{
    if (*last)
        r->script->words[*last].next = index;
    else
        r->script->commands[command].first_word = index;
    *last = index;
}

/* The rest of a command whose `last` word (0: none yet) is read. */
static void read_command_rest(struct reader *r, uint32_t command, uint32_t last)
{
    while (!at_end(r)) {
        skip_blanks(r);
        char c = peek(r, 0);
        if (at_end(r) || c == '#') {
            if (c == '#' && !at_end(r))
                read_comment(r);
            return;
        }
        if (at_redirection(r)) {
            read_redirection(r, command, false, -1);
            continue;
        }
        if (ends_word(c) && !((c == '<' || c == '>') && peek(r, 1) == '('))
            return;
        uint32_t index = read_word(r);
        int fd = index ? descriptor(r, index) : -1;
        if (!index)
            return;
        if (fd >= 0)
            read_redirection(r, command, false, fd);
        else
            append_word(r, command, &last, index);
    }
}

/* A command, from its first byte.  Gives 1 + its index for a pipe behind it, NO_PIPE when it is no
 * simple one, and 0 in *pipe once that is used up. */
static uint32_t read_command(struct reader *r, uint32_t base, uint32_t *pipe)
{
    struct shell_script *script = r->script;
    uint32_t command = add_command(r, *pipe), last = 0;
    if (r->failed)
        return 0;
    size_t nested = script->command_count;
    if (!at_redirection(r)) {
        uint32_t index = read_word(r);
        int fd = index ? descriptor(r, index) : -1;
        const struct reserved_word *reserved = index ? find_reserved(r, index) : NULL;
        if (!index)
            return 0;
        if (reserved && reserved->is != LOOP_HEAD) {
            script->command_count -= script->command_count == nested; /* it was none */
            read_reserved(r, reserved, base, pipe);
            return NO_PIPE;
        }
        if (reserved) {
            push(r, SHELL_LOOP, *pipe);
            script->commands[command].group = r->group;
        } else if (fd < 0 && skip_parentheses(r)) {
            script->command_count -= script->command_count == nested;
            r->function_next = true;
            return NO_PIPE;
        }
        if (fd >= 0)
            read_redirection(r, command, false, fd);
        else
            append_word(r, command, &last, index);
    }
    read_command_rest(r, command, last);
    *pipe = 0;
    return command + 1;
}

/* The operator between commands at hand. */
static void read_operator(struct reader *r, uint32_t base, uint32_t last, uint32_t *pipe)
{
    char c = peek(r, 0), next = peek(r, 1);
    *pipe = 0;
    r->at++;
    if (c == '|' && next == '|') {
        r->at++;
    } else if (c == '|') {
        r->at += next == '&';
        *pipe = last ? last : NO_PIPE;
    } else if (c == '&') {
        r->at += next == '&';
    } else if (c == ';' && (next == ';' || next == '&')) {
        r->at += next == ';' && peek(r, 1) == '&' ? 2 : 1;
        const struct shell_group *groups = r->script->groups;
        uint32_t group = r->group;
        while (group != base && groups[group].kind != SHELL_CASE)
            group = groups[group].parent;
        if (group == base)
            return;
        r->group = group;
        if (!read_case_patterns(r))
            pop(r, SHELL_CASE, base);
    }
}

/* At ")": does it end this list? */
static bool read_closing(struct reader *r, uint32_t base, bool closes)
{
    const struct shell_group *groups = r->script->groups;
    uint32_t group = r->group;
    while (group != base && groups[group].kind != SHELL_SUBSHELL)
        group = groups[group].parent;
    r->at++;
    if (group == base)
        return closes;
    pop(r, SHELL_SUBSHELL, base);
    return false;
}

/* Commands to the end of the text or, with `closes`, to behind the ")" that is theirs. */
static void read_list(struct reader *r, bool closes)
{
    uint32_t base = r->group, pipe = 0, last = 0;
    while (!at_end(r)) {
        skip_blanks(r);
        if (at_end(r))
            break;
        char c = peek(r, 0);
        if (c == '\n') {
            r->at++;
            read_documents(r);
        } else if (c == '#') {
            read_comment(r);
        } else if (c == ')') {
            if (read_closing(r, base, closes))
                break;
            last = NO_PIPE;
        } else if (c == ';' || c == '|' || (c == '&' && !at_redirection(r))) {
            read_operator(r, base, last, &pipe);
            last = 0;
        } else if (c == '(' && peek(r, 1) == '(') {
            r->at += 2;
            read_arithmetic(r);
            pipe = 0;
        } else if (c == '(') {
            r->at++;
            push(r, SHELL_SUBSHELL, pipe);
            pipe = 0;
        } else {
            last = read_command(r, base, &pipe);
        }
    }
    r->group = base;
}

/* ---- the whole ---- */

int shell_read(const struct shell_source *source, struct shell_script *out, struct error *err)
{
    *out = (struct shell_script) { 0 };
    if (source->size > SHELL_SOURCE_MAX)
        return error_set(err, ERROR_TOO_LARGE, "the script is larger than %zu MiB",
                         SHELL_SOURCE_MAX >> 20);
    struct reader r = {
        .text = source->text,
        .places = source->places,
        .size = source->size,
        .script = out,
    };
    (void)add_group(&r, SHELL_TOP, false);
    if (GROW(&r, out->words, out->word_count, out->word_capacity) &&
        GROW(&r, out->inputs, out->input_count, out->input_capacity)) {
        out->words[out->word_count++] = (struct script_word) { 0 };
        out->inputs[out->input_count++] = (struct shell_input) { 0 };
        while (!at_end(&r))
            read_list(&r, false);
    }
    free(r.scratch);
    free(r.scratch_places);
    free(r.pending);
    return r.failed ? error_set(err, ERROR_NO_MEMORY, "no memory for reading the script") : 0;
}

void shell_script_clear(struct shell_script *script)
{
    free(script->chars);
    free(script->places);
    free(script->commands);
    free(script->words);
    free(script->inputs);
    free(script->groups);
    free(script->uses);
    free(script->comments);
    *script = (struct shell_script) { 0 };
}

const char *shell_piece_text(const struct shell_script *script, struct shell_piece piece)
{
    return piece.size > 0 ? script->chars + piece.at : "";
}

bool shell_piece_is(const struct shell_script *script, struct shell_piece piece, const char *text)
{
    return strlen(text) == piece.size &&
           memcmp(shell_piece_text(script, piece), text, piece.size) == 0;
}

struct shell_source shell_piece_source(const struct shell_script *script, struct shell_piece piece)
{
    return (struct shell_source) {
        .text = shell_piece_text(script, piece),
        .size = piece.size,
        .places = script->places + piece.at,
    };
}
