/* quote.c - see quote.h. */
#include "setup/quote.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"

/* ---- quoting ---- */

/* Does the shell take this word as it is?  "=" only behind a dash: "a=b" could be an assignment. */
static bool is_plain(const char *text, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:,@%+";
    if (size == 0)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!strchr(plain, text[i]) && !(text[i] == '=' && text[0] == '-'))
            return false;
    return true;
}

static void quote(const char *text, size_t size, struct buffer *out)
{
    if (is_plain(text, size)) {
        buffer_append(out, text, size);
        return;
    }
    buffer_char(out, '\'');
    while (size > 0) {
        const char *end = memchr(text, '\'', size);
        size_t part = end ? (size_t)(end - text) : size;
        buffer_append(out, text, part);
        if (end) {
            buffer_text(out, "'\\''"); /* out of the quotes, a quote, and in again */
            part++;
        }
        text += part;
        size -= part;
    }
    buffer_char(out, '\'');
}

int setup_quote_word(const char *text, size_t size, struct buffer *out, struct error *err)
{
    if (size > 0 && memchr(text, '\0', size))
        return error_set(err, ERROR_INVALID, "an argument can't hold a NUL byte");
    quote(text, size, out);
    return buffer_check(out, "the argument", err);
}

/* One argument; false when it is nothing that can be one. */
static bool quote_argument(const cJSON *argument, struct buffer *out)
{
    if (cJSON_IsString(argument)) {
        quote(argument->valuestring, strlen(argument->valuestring), out);
        return true;
    }
    if (!cJSON_IsNumber(argument) && !cJSON_IsBool(argument))
        return false;
    json_print(argument, false, out);
    return true;
}

int setup_quote_arguments(const cJSON *arguments, struct buffer *out, struct error *err)
{
    const cJSON *argument;
    size_t before = out->size;
    int index = 0;
    if (arguments && !cJSON_IsArray(arguments))
        return error_set(err, ERROR_INVALID, "the arguments of a script are a list");
    cJSON_ArrayForEach(argument, arguments)
    {
        if (index++ > 0)
            buffer_char(out, ' ');
        if (quote_argument(argument, out))
            continue;
        out->size = before;
        if (out->data)
            out->data[before] = '\0';
        return error_set(err, ERROR_INVALID,
                         "argument %d of the script is neither text nor a number nor a boolean",
                         index);
    }
    return buffer_check(out, "the arguments of a script", err);
}

/* ---- splitting ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Appends what stands in the quotes that *at opens, and moves behind them; false: they have no end.
 */
static bool read_quoted(const char **at, struct buffer *word)
{
    char mark = **at;
    const char *p = *at + 1;
    for (; *p && *p != mark; p++) {
        if (mark == '"' && *p == '\\' && p[1] == '\n') {
            p++; /* the line goes on */
            continue;
        }
        if (mark == '"' && *p == '\\' && p[1] && strchr("\"\\$`", p[1]))
            p++;
        buffer_char(word, *p);
    }
    if (!*p)
        return false;
    *at = p + 1;
    return true;
}

/* What a backslash outside quotes stands for; at the end of the line it is one. */
static const char *read_escape(const char *p, struct buffer *word)
{
    if (p[1] == '\n')
        return p + 2;
    buffer_char(word, p[1] ? p[1] : '\\');
    return p + (p[1] ? 2 : 1);
}

/* Appends one word to `word` and moves *at behind it. */
static int read_word(const char *line, const char **at, struct buffer *word, struct error *err)
{
    while (**at && !is_blank(**at)) {
        const char *start = *at;
        if (*start == '\\') {
            *at = read_escape(start, word);
        } else if (*start == '\'' || *start == '"') {
            if (!read_quoted(at, word))
                return error_set(err, ERROR_SYNTAX, "the quote at byte %zu has no end",
                                 (size_t)(start - line));
        } else {
            buffer_char(word, *start);
            ++*at;
        }
    }
    return buffer_check(word, "a word", err);
}

/* Moves over what separates words; a backslash before a line end is no word either. */
static const char *skip_blanks(const char *p)
{
    while (is_blank(*p) || (p[0] == '\\' && p[1] == '\n'))
        p += *p == '\\' ? 2 : 1;
    return p;
}

int setup_split_words(const char *line, cJSON **out_words, struct error *err)
{
    cJSON *words = cJSON_CreateArray();
    struct buffer word = { 0 };
    int rc = words ? 0 : error_set(err, ERROR_NO_MEMORY, "splitting a line: out of memory");
    for (const char *p = skip_blanks(line); rc == 0 && *p; p = skip_blanks(p)) {
        buffer_reset(&word);
        rc = read_word(line, &p, &word, err);
        cJSON *item = rc == 0 ? cJSON_CreateString(word.data ? word.data : "") : NULL;
        if (rc == 0 && !cJSON_AddItemToArray(words, item)) {
            cJSON_Delete(item);
            rc = error_set(err, ERROR_NO_MEMORY, "splitting a line: out of memory");
        }
    }
    buffer_clear(&word);
    if (rc < 0) {
        cJSON_Delete(words);
        return rc;
    }
    *out_words = words;
    return 0;
}
