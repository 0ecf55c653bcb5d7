/* secrets.c - see secrets.h.
 *
 * Every secret is compiled into patterns: its value, and the ways in which shells and encoders
 * write it.  A place in a text is tried against the patterns that begin with its byte; all matches
 * count, also those that overlap, so that hiding one value never leaves a piece of another. */
#include "setup/secrets.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"

#define LINE "# moonfleet-secrets/"
#define VERSION "1"
#define SEAL_BEGIN "\x01moonfleet-secret "
#define SEAL_END '\x01'
#define FOLD_MIN 8     /* bytes of a pattern that may have line breaks inside */
#define FOLD_GAP_MAX 4 /* breaks in a row: "\r\n" twice */
#define LINES_MAX 512  /* of a value of many lines, each a pattern */
#define NO_PATTERN UINT32_MAX

/* How a pattern came from its value.  Those below FORM_PART stand for the whole value, and are in
 * saved plans: never renumber them. */
enum form {
    FORM_RAW,
    FORM_SINGLE,   /* inside '…': ' is '\'' */
    FORM_SINGLE_2, /* the same as dash writes it: '"'"' */
    FORM_DOUBLE,   /* inside "…" */
    FORM_HEREDOC,  /* in an unquoted here-document */
    FORM_WORD,     /* printf %q: a backslash before everything special */
    FORM_ANSI,     /* inside $'…' */
    FORM_JSON,
    FORM_URL,
    FORM_PART,       /* base64, hex, a line of it: only hidden, like all that follow */
    FORM_ANSI_OCTAL, /* $'\303\274': where the locale knows ASCII alone */
    FORM_JSON_ASCII, /* \u00fc, as most libraries write it */
    FORM_URL_PATH,   /* "/" stays */
    FORM_URL_QUERY,  /* a blank is "+" */
    FORM_IN_SINGLE,  /* what follows: in single quotes once more, as `set -x` shows an `eval` */
    FORM_SINGLE_IN_SINGLE = FORM_IN_SINGLE,
    FORM_DOUBLE_IN_SINGLE,
    FORM_HEREDOC_IN_SINGLE,
    FORM_WORD_IN_SINGLE,
    FORM_ANSI_IN_SINGLE,
    FORM_END
};

struct pattern {
    char *bytes; /* owned */
    size_t size;
    uint32_t next; /* with the same first byte; NO_PATTERN: the last */
    uint16_t secret;
    uint8_t form;
    bool folds; /* line breaks inside do not count */
};

struct secret {
    char name[SECRET_NAME_MAX + 1];
    char *value; /* owned */
    size_t size;
};

struct secrets {
    struct secret items[SECRETS_MAX];
    size_t count;
    struct pattern *patterns; /* owned */
    size_t pattern_count, capacity;
    uint32_t heads[256]; /* by first byte */
};

/* The compiler may not see that nobody reads it again. */
static void wipe(char *bytes, size_t size)
{
    volatile char *at = bytes;
    while (bytes && size-- > 0)
        *at++ = 0;
}

static void wipe_buffer(struct buffer *buffer)
{
    wipe(buffer->data, buffer->size);
    buffer_clear(buffer);
}

int secrets_new(struct secrets **out, struct error *err)
{
    struct secrets *secrets = calloc(1, sizeof *secrets);
    if (!secrets)
        return error_set(err, ERROR_NO_MEMORY, "no memory for secrets");
    for (size_t i = 0; i < COUNT(secrets->heads); i++)
        secrets->heads[i] = NO_PATTERN;
    *out = secrets;
    return 0;
}

void secrets_free(struct secrets *secrets)
{
    if (!secrets)
        return;
    for (size_t i = 0; i < secrets->pattern_count; i++) {
        wipe(secrets->patterns[i].bytes, secrets->patterns[i].size);
        free(secrets->patterns[i].bytes);
    }
    for (size_t i = 0; i < secrets->count; i++) {
        wipe(secrets->items[i].value, secrets->items[i].size);
        free(secrets->items[i].value);
    }
    free(secrets->patterns);
    free(secrets);
}

bool secret_name_valid(const char *name)
{
    size_t size = 0;
    for (; name[size]; size++)
        if (!isalnum((unsigned char)name[size]) && name[size] != '_')
            return false;
    return size > 0 && size <= SECRET_NAME_MAX && !isdigit((unsigned char)name[0]);
}

int secret_value_check(size_t size, struct error *err)
{
    if (size < SECRET_VALUE_MIN)
        return error_set(err, ERROR_RANGE,
                         "has fewer than %d characters: hiding it would hide ordinary text",
                         SECRET_VALUE_MIN);
    if (size > SECRET_VALUE_MAX)
        return error_set(err, ERROR_RANGE, "is longer than %zu KiB", SECRET_VALUE_MAX >> 10);
    return 0;
}

/* ---- patterns ---- */

static bool has_pattern(const struct secrets *secrets, const char *bytes, size_t size)
{
    for (uint32_t i = secrets->heads[(unsigned char)bytes[0]]; i != NO_PATTERN;
         i = secrets->patterns[i].next)
        if (secrets->patterns[i].size == size &&
            memcmp(secrets->patterns[i].bytes, bytes, size) == 0)
            return true;
    return false;
}

/* Adds a pattern unless it is too short or there is one like it.  False: no memory. */
static bool add_pattern(struct secrets *secrets, enum form form, const char *bytes, size_t size)
{
    if (size < SECRET_VALUE_MIN || has_pattern(secrets, bytes, size))
        return true;
    if (secrets->pattern_count == secrets->capacity) {
        size_t capacity = secrets->capacity ? secrets->capacity * 2 : 32;
        struct pattern *more = realloc(secrets->patterns, capacity * sizeof *more);
        if (!more)
            return false;
        secrets->patterns = more;
        secrets->capacity = capacity;
    }
    char *copy = text_dup_size(bytes, size);
    if (!copy)
        return false;
    uint32_t *head = &secrets->heads[(unsigned char)bytes[0]];
    secrets->patterns[secrets->pattern_count] = (struct pattern) {
        .bytes = copy,
        .size = size,
        .next = *head,
        .secret = (uint16_t)(secrets->count - 1),
        .form = (uint8_t)form,
        .folds = size >= FOLD_MIN,
    };
    *head = (uint32_t)secrets->pattern_count++;
    return true;
}

/* bash's printf %q. */
static bool is_special(char c)
{
    return strchr(" \t!\"#$&'()*,;<>?[\\]^`{|}~", c) != NULL;
}

static void write_ansi(char c, struct buffer *out)
{
    static const char from[] = "\a\b\t\n\v\f\r\x1b\\'";
    static const char to[] = "abtnvfrE\\'";
    const char *at = c ? strchr(from, c) : NULL;
    if (at)
        buffer_format(out, "\\%c", to[at - from]);
    else if ((unsigned char)c < 0x20 || c == 0x7f)
        buffer_format(out, "\\%03o", (unsigned char)c);
    else
        buffer_char(out, c);
}

static void write_json(char c, struct buffer *out)
{
    static const char from[] = "\b\t\n\f\r\"\\";
    static const char to[] = "btnfr\"\\";
    const char *at = c ? strchr(from, c) : NULL;
    if (at)
        buffer_format(out, "\\%c", to[at - from]);
    else if ((unsigned char)c < 0x20)
        buffer_format(out, "\\u%04x", (unsigned char)c);
    else
        buffer_char(out, c);
}

static void write_url(enum form form, char c, struct buffer *out)
{
    if (isalnum((unsigned char)c) || strchr("-._~", c) || (c == '/' && form == FORM_URL_PATH))
        buffer_char(out, c);
    else if (c == ' ' && form == FORM_URL_QUERY)
        buffer_char(out, '+');
    else
        buffer_format(out, "%%%02X", (unsigned char)c);
}

static void write_char(enum form form, char c, struct buffer *out)
{
    switch (form) {
    case FORM_SINGLE:
    case FORM_SINGLE_2:
        if (c == '\'')
            buffer_text(out, form == FORM_SINGLE ? "'\\''" : "'\"'\"'");
        else
            buffer_char(out, c);
        break;
    case FORM_DOUBLE:
    case FORM_HEREDOC:
        if (strchr(form == FORM_DOUBLE ? "\"\\$`" : "\\$`", c))
            buffer_char(out, '\\');
        buffer_char(out, c);
        break;
    case FORM_WORD:
        if (is_special(c))
            buffer_char(out, '\\');
        buffer_char(out, c);
        break;
    case FORM_ANSI:
        write_ansi(c, out);
        break;
    case FORM_ANSI_OCTAL:
        if ((unsigned char)c >= 0x80)
            buffer_format(out, "\\%03o", (unsigned char)c);
        else
            write_ansi(c, out);
        break;
    case FORM_JSON:
    case FORM_JSON_ASCII:
        write_json(c, out);
        break;
    case FORM_URL:
    case FORM_URL_PATH:
    case FORM_URL_QUERY:
        write_url(form, c, out);
        break;
    case FORM_RAW:
    case FORM_PART:
    case FORM_SINGLE_IN_SINGLE:
    case FORM_DOUBLE_IN_SINGLE:
    case FORM_HEREDOC_IN_SINGLE:
    case FORM_WORD_IN_SINGLE:
    case FORM_ANSI_IN_SINGLE:
    case FORM_END:
        buffer_char(out, c);
        break;
    }
}

static void write_chars(enum form form, const char *value, size_t size, struct buffer *out)
{
    for (size_t i = 0; i < size; i++)
        write_char(form, value[i], out);
}

/* One character of UTF-8 that is not ASCII, as JSON has it in UTF-16; its size. */
static size_t write_json_wide(const char *at, size_t left, struct buffer *out)
{
    const unsigned char *bytes = (const unsigned char *)at;
    size_t size = bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    uint32_t code = bytes[0] & (0x7FU >> size);
    for (size_t i = 1; i < size && i < left; i++)
        code = code << 6 | (bytes[i] & 0x3FU);
    if (code >= 0x10000)
        buffer_format(out, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10),
                      0xDC00 + ((code - 0x10000) & 0x3FF));
    else
        buffer_format(out, "\\u%04x", code);
    return size < left ? size : left;
}

static void write_json_ascii(const char *value, size_t size, struct buffer *out)
{
    bool wide = text_is_utf8(value, size);
    for (size_t i = 0; i < size;) {
        if (wide && (unsigned char)value[i] >= 0x80)
            i += write_json_wide(value + i, size - i, out);
        else
            write_json(value[i++], out);
    }
}

static void write_form(enum form form, const char *value, size_t size, struct buffer *out)
{
    static const enum form inner[] = { FORM_SINGLE, FORM_DOUBLE, FORM_HEREDOC, FORM_WORD,
                                       FORM_ANSI };
    struct buffer once = { 0 };
    if (form == FORM_JSON_ASCII) {
        write_json_ascii(value, size, out);
    } else if (form >= FORM_IN_SINGLE && form < FORM_END) {
        write_chars(inner[form - FORM_IN_SINGLE], value, size, &once);
        write_chars(FORM_SINGLE, once.data, once.size, out);
        out->failed = out->failed ? out->failed : once.failed;
        wipe_buffer(&once);
    } else {
        write_chars(form, value, size, out);
    }
}

static bool add_written(struct secrets *secrets, const struct secret *secret)
{
    bool good = true;
    for (int form = FORM_RAW; good && form < FORM_END; form++) {
        struct buffer text = { 0 };
        write_form((enum form)form, secret->value, secret->size, &text);
        good = !text.failed && add_pattern(secrets, (enum form)form, text.data, text.size);
        wipe_buffer(&text);
    }
    return good;
}

/* Base64 of the value with `before` unknown bytes in front: what does not depend on them, nor on
 * what may follow; then with the end as it is when nothing follows but `after`. */
static bool add_base64(struct secrets *secrets, const struct secret *secret, size_t before,
                       const char *after)
{
    static const size_t unknown[] = { 0, 2, 3 }; /* characters that depend on the bytes in front */
    struct buffer bytes = { 0 };
    struct buffer text = { 0 };
    buffer_append(&bytes, "\0\0", before);
    buffer_append(&bytes, secret->value, secret->size);
    size_t whole = bytes.size * 8 / 6;
    buffer_text(&bytes, after);
    base64_encode(bytes.data, bytes.size, &text);
    bool good = !bytes.failed && !text.failed;
    for (int alphabet = 0; good && alphabet < 2; alphabet++) {
        const char *from = text.data + unknown[before];
        good = add_pattern(secrets, FORM_PART, from, whole - unknown[before]) &&
               add_pattern(secrets, FORM_PART, from, text.size - unknown[before]);
        for (size_t i = 0; i < text.size; i++) /* once more as URLs have it */
            text.data[i] = (char)(text.data[i] == '+'   ? '-'
                                  : text.data[i] == '/' ? '_'
                                                        : text.data[i]);
    }
    wipe_buffer(&bytes);
    wipe_buffer(&text);
    return good;
}

static bool add_hex(struct secrets *secrets, const struct secret *secret, const char *format)
{
    struct buffer text = { 0 };
    for (size_t i = 0; i < secret->size; i++) {
        unsigned byte = (unsigned char)secret->value[i];
        buffer_char(&text, format[byte >> 4]);
        buffer_char(&text, format[byte & 15]);
    }
    bool good = !text.failed && add_pattern(secrets, FORM_PART, text.data, text.size);
    wipe_buffer(&text);
    return good;
}

/* Of a value of many lines, each line that is long enough to be told from ordinary text. */
static bool add_lines(struct secrets *secrets, const struct secret *secret)
{
    const char *at = secret->value, *end = secret->value + secret->size;
    bool good = true;
    if (!memchr(at, '\n', secret->size))
        return true;
    for (int i = 0; good && at < end && i < LINES_MAX; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((newline ? newline : end) - at);
        if (size >= FOLD_MIN)
            good = add_pattern(secrets, FORM_PART, at, size);
        at += size + 1;
    }
    return good;
}

static bool add_patterns(struct secrets *secrets, const struct secret *secret)
{
    static const char *const afters[] = { "", "\n" };
    bool good = add_written(secrets, secret) && add_lines(secrets, secret) &&
                add_hex(secrets, secret, "0123456789abcdef") &&
                add_hex(secrets, secret, "0123456789ABCDEF");
    for (size_t i = 0; i < COUNT(afters); i++)
        for (size_t before = 0; before < 3; before++)
            good = good && add_base64(secrets, secret, before, afters[i]);
    return good;
}

static const struct secret *find_secret(const struct secrets *secrets, const char *name)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (text_equal(secrets->items[i].name, name))
            return &secrets->items[i];
    return NULL;
}

int secrets_add(struct secrets *secrets, const char *name, const char *value, size_t size,
                struct error *err)
{
    if (!secret_name_valid(name))
        return error_set(err, ERROR_INVALID, "'%.64s' cannot be the name of a secret", name);
    int rc = secret_value_check(size, err);
    if (rc < 0)
        return error_wrap(err, rc, "secret '%s'", name);
    const struct secret *old = find_secret(secrets, name);
    if (old && old->size == size && memcmp(old->value, value, size) == 0)
        return 0;
    if (old)
        return error_set(err, ERROR_INVALID, "secret '%s' has two values", name);
    if (secrets->count == SECRETS_MAX)
        return error_set(err, ERROR_LIMIT, "a script holds at most %d secrets", SECRETS_MAX);
    struct secret *secret = &secrets->items[secrets->count];
    (void)text_copy(secret->name, sizeof secret->name, name);
    secret->value = text_dup_size(value, size);
    secret->size = size;
    if (!secret->value)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a secret");
    secrets->count++;
    return add_patterns(secrets, secret)
               ? 0
               : error_set(err, ERROR_NO_MEMORY, "no memory for a secret");
}

size_t secrets_count(const struct secrets *secrets)
{
    return secrets ? secrets->count : 0;
}

const char *secrets_name(const struct secrets *secrets, size_t index)
{
    return secrets->items[index].name;
}

/* ---- matching ---- */

enum fit { FIT_NONE, FIT_PART /* the text ends inside of it */, FIT_WHOLE };

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static enum fit fit(const struct pattern *pattern, bool folding, const char *at, size_t left,
                    size_t *out_size)
{
    size_t used = 0, gap = 0;
    for (size_t i = 0; i < pattern->size;) {
        if (used == left)
            return FIT_PART;
        if (at[used] == pattern->bytes[i]) {
            i++;
            gap = 0;
        } else if (!folding || !pattern->folds || i == 0 || !is_break(at[used]) ||
                   ++gap > FOLD_GAP_MAX) {
            return FIT_NONE;
        }
        used++;
    }
    *out_size = used;
    return FIT_WHOLE;
}

/* The longest value at `at`; FIT_PART when there may be one that the text does not show whole. */
static enum fit find_hidden(const struct secrets *secrets, const char *at, size_t left,
                            size_t *out_size)
{
    enum fit best = FIT_NONE;
    bool part = false;
    *out_size = 0;
    for (uint32_t i = secrets->heads[(unsigned char)at[0]]; i != NO_PATTERN;
         i = secrets->patterns[i].next) {
        size_t size = 0;
        enum fit found = fit(&secrets->patterns[i], true, at, left, &size);
        part = part || found == FIT_PART;
        if (found == FIT_WHOLE) {
            best = FIT_WHOLE;
            *out_size = size > *out_size ? size : *out_size;
        }
    }
    return part ? FIT_PART : best;
}

/* The longest pattern that stands for a whole value; NULL: none. */
static const struct pattern *find_written(const struct secrets *secrets, const char *at,
                                          size_t left)
{
    const struct pattern *best = NULL;
    for (uint32_t i = secrets->heads[(unsigned char)at[0]]; i != NO_PATTERN;
         i = secrets->patterns[i].next) {
        const struct pattern *pattern = &secrets->patterns[i];
        size_t size = 0;
        if (pattern->form < FORM_PART && fit(pattern, false, at, left, &size) == FIT_WHOLE &&
            (!best || size > best->size))
            best = pattern;
    }
    return best;
}

/* Bytes from `at` on with which no pattern begins. */
static size_t plain_run(const struct secrets *secrets, const char *at, size_t left)
{
    size_t size = 0;
    while (size < left && secrets->heads[(unsigned char)at[size]] == NO_PATTERN)
        size++;
    return size;
}

/* ---- the filter ---- */

struct secrets_filter {
    const struct secrets *secrets;
    struct buffer held; /* not told yet */
    size_t covered;     /* bytes from the front of `held` on that belong to a value */
    bool masking;       /* the mask for the value that we are in is written */
};

int secrets_filter_new(const struct secrets *secrets, struct secrets_filter **out,
                       struct error *err)
{
    struct secrets_filter *filter = calloc(1, sizeof *filter);
    if (!filter)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a filter");
    filter->secrets = secrets;
    *out = filter;
    return 0;
}

void secrets_filter_free(struct secrets_filter *filter)
{
    if (!filter)
        return;
    wipe_buffer(&filter->held);
    free(filter);
}

/* Writes one byte, or the mask in its place. */
static void tell(struct secrets_filter *filter, char c, struct buffer *out)
{
    if (filter->covered == 0) {
        filter->masking = false;
        buffer_char(out, c);
        return;
    }
    filter->covered--;
    if (!filter->masking)
        buffer_text(out, SECRETS_MASK);
    filter->masking = true;
}

static void run(struct secrets_filter *filter, bool last, struct buffer *out)
{
    const char *data = filter->held.data;
    size_t size = filter->held.size, i = 0;
    while (i < size) {
        size_t plain = filter->covered ? 0 : plain_run(filter->secrets, data + i, size - i);
        if (plain > 0) {
            filter->masking = false;
            buffer_append(out, data + i, plain);
            i += plain;
            continue;
        }
        size_t found = 0;
        enum fit fits = find_hidden(filter->secrets, data + i, size - i, &found);
        if (fits == FIT_PART && !last)
            break;
        if (fits == FIT_PART && size - i >= SECRET_VALUE_MIN)
            found = size - i; /* it was cut off */
        filter->covered = found > filter->covered ? found : filter->covered;
        tell(filter, data[i++], out);
    }
    buffer_consume(&filter->held, i);
}

void secrets_filter_put(struct secrets_filter *filter, const char *bytes, size_t size,
                        struct buffer *out)
{
    buffer_append(&filter->held, bytes, size);
    if (filter->held.failed) { /* nothing is told rather than too much */
        out->failed = filter->held.failed;
        return;
    }
    run(filter, false, out);
}

void secrets_filter_end(struct secrets_filter *filter, struct buffer *out)
{
    run(filter, true, out);
}

void secrets_redact(const struct secrets *secrets, const char *text, size_t size,
                    struct buffer *out)
{
    struct secrets_filter filter = { .secrets = secrets };
    if (secrets_count(secrets) == 0) {
        buffer_append(out, text, size);
        return;
    }
    secrets_filter_put(&filter, text, size, out);
    secrets_filter_end(&filter, out);
    wipe_buffer(&filter.held);
}

static void redact_field(const struct secrets *secrets, char *field, size_t size)
{
    struct buffer text = { 0 };
    secrets_redact(secrets, field, strlen(field), &text);
    if (text.failed)
        field[0] = '\0';
    else
        (void)text_copy(field, size, text.data ? text.data : "");
    buffer_clear(&text);
}

void secrets_redact_error(const struct secrets *secrets, struct error *err)
{
    if (secrets_count(secrets) == 0)
        return;
    redact_field(secrets, err->message, sizeof err->message);
    redact_field(secrets, err->target, sizeof err->target);
    redact_field(secrets, err->details, sizeof err->details);
}

/* ---- names for values ---- */

/* Copies the text, with what `write` makes of each pattern in its place. */
static void replace(const struct secrets *secrets, const char *text, size_t size,
                    void (*write)(const struct secret *, const struct pattern *, struct buffer *),
                    struct buffer *out)
{
    for (size_t i = 0; i < size;) {
        size_t plain = plain_run(secrets, text + i, size - i);
        buffer_append(out, text + i, plain);
        i += plain;
        if (i == size)
            break;
        const struct pattern *found = find_written(secrets, text + i, size - i);
        if (found)
            write(&secrets->items[found->secret], found, out);
        else
            buffer_char(out, text[i]);
        i += found ? found->size : 1;
    }
}

static void write_name(const struct secret *secret, const struct pattern *pattern,
                       struct buffer *out)
{
    (void)pattern;
    buffer_format(out, "(secret %s)", secret->name);
}

void secrets_name_values(const struct secrets *secrets, const char *text, size_t size,
                         struct buffer *out)
{
    if (secrets_count(secrets) == 0)
        buffer_append(out, text, size);
    else
        replace(secrets, text, size, write_name, out);
}

/* ---- sealing ---- */

/* Nobody can tell from "hunter2" which quotes it stands in.  So a seal names every form that has
 * this text, as bits, and only a value for which they are one text again can take its place: one
 * that needs other quotes would end those that are there, and run. */
static unsigned forms_of(const struct secret *secret, const char *bytes, size_t size)
{
    unsigned forms = 0;
    for (int form = FORM_RAW; form < FORM_PART; form++) {
        struct buffer text = { 0 };
        write_form((enum form)form, secret->value, secret->size, &text);
        if (!text.failed && text.size == size && (size == 0 || memcmp(text.data, bytes, size) == 0))
            forms |= 1U << form;
        wipe_buffer(&text);
    }
    return forms;
}

static void write_seal(const struct secret *secret, const struct pattern *pattern,
                       struct buffer *out)
{
    buffer_format(out, SEAL_BEGIN "%s %u%c", secret->name,
                  forms_of(secret, pattern->bytes, pattern->size), SEAL_END);
}

int secrets_seal(const struct secrets *secrets, const char *text, size_t size, struct buffer *out,
                 struct error *err)
{
    if (memmem(text, size, SEAL_BEGIN, strlen(SEAL_BEGIN)))
        return error_set(err, ERROR_INVALID,
                         "a script holds the bytes that stand for a secret in a saved plan");
    if (secrets_count(secrets) == 0)
        buffer_append(out, text, size);
    else
        replace(secrets, text, size, write_seal, out);
    return buffer_check(out, "a sealed script", err);
}

static int write_unsealed(const struct secret *secret, unsigned forms, struct buffer *out,
                          struct error *err)
{
    struct buffer text = { 0 };
    unsigned first = 0;
    while (!(forms >> first & 1))
        first++;
    write_form((enum form)first, secret->value, secret->size, &text);
    int rc = buffer_check(&text, "a secret", err);
    if (rc == 0 && (forms_of(secret, text.data, text.size) & forms) != forms)
        rc = error_set(err, ERROR_INVALID,
                       "the value of the secret '%s' needs other quotes in its script than the one "
                       "that was planned: make the plan again",
                       secret->name);
    if (rc == 0)
        buffer_append(out, text.data, text.size);
    wipe_buffer(&text);
    return rc;
}

/* One "NAME FORMS" of a seal. */
static int open_seal(const struct secrets *secrets, const char *text, size_t size,
                     struct buffer *out, struct error *err)
{
    char seal[SECRET_NAME_MAX + 8];
    int64_t forms = 0;
    char *space = NULL;
    if (size < sizeof seal) {
        memcpy(seal, text, size);
        seal[size] = '\0';
        space = strchr(seal, ' ');
    }
    if (!space || text_to_int64(space + 1, 1, (1 << FORM_PART) - 1, &forms) < 0)
        return error_set(err, ERROR_SYNTAX, "a secret's place in the saved plan is malformed");
    *space = '\0';
    const struct secret *secret = secrets ? find_secret(secrets, seal) : NULL;
    if (!secret)
        return error_set(err, ERROR_INVALID, "the secret '%s' has no value", seal);
    return write_unsealed(secret, (unsigned)forms, out, err);
}

int secrets_unseal(const struct secrets *secrets, const char *text, size_t size, struct buffer *out,
                   struct error *err)
{
    const char *at = text, *end = text + size, *seal;
    while ((seal = memmem(at, (size_t)(end - at), SEAL_BEGIN, strlen(SEAL_BEGIN)))) {
        const char *name = seal + strlen(SEAL_BEGIN);
        const char *stop = memchr(name, SEAL_END, (size_t)(end - name));
        if (!stop)
            return error_set(err, ERROR_SYNTAX, "a secret's place in the saved plan has no end");
        buffer_append(out, at, (size_t)(seal - at));
        int rc = open_seal(secrets, name, (size_t)(stop - name), out, err);
        if (rc < 0)
            return rc;
        at = stop + 1;
    }
    buffer_append(out, at, (size_t)(end - at));
    return buffer_check(out, "a script", err);
}

/* ---- the line ---- */

int secrets_mark(const struct secrets *secrets, bool values, struct buffer *script,
                 struct error *err)
{
    if (secrets_count(secrets) == 0)
        return buffer_check(script, "a script", err);
    /* A line of its own even behind a backslash: nothing may make it more than a comment. */
    bool ended = script->size == 0 || script->data[script->size - 1] == '\n';
    buffer_text(script, ended ? "\n" LINE VERSION : "\n\n" LINE VERSION);
    for (size_t i = 0; i < secrets->count; i++) {
        buffer_format(script, " %s", secrets->items[i].name);
        if (!values)
            continue;
        buffer_char(script, ':');
        base64_encode(secrets->items[i].value, secrets->items[i].size, script);
    }
    buffer_char(script, '\n');
    return buffer_check(script, "a script", err);
}

/* "NAME:BASE64" or "NAME". */
static int read_entry(const char *text, size_t size, struct secrets *secrets, struct error *err)
{
    char name[SECRET_NAME_MAX + 1];
    struct buffer value = { .max = SECRET_VALUE_MAX + 1 };
    const char *colon = memchr(text, ':', size);
    size_t name_size = colon ? (size_t)(colon - text) : size;
    if (name_size >= sizeof name)
        return error_set(err, ERROR_SYNTAX, "the name of a secret is too long");
    memcpy(name, text, name_size);
    name[name_size] = '\0';
    if (!secret_name_valid(name))
        return error_set(err, ERROR_SYNTAX, "the line of secrets has a bad name");
    if (!colon)
        return 0;
    int rc = base64_decode(colon + 1, size - name_size - 1, &value);
    if (rc == 0)
        rc = buffer_check(&value, "a secret", err);
    else
        rc = error_set(err, ERROR_SYNTAX, "the value of the secret '%s' is not base64", name);
    if (rc == 0)
        rc = secrets_add(secrets, name, value.data ? value.data : "", value.size, err);
    wipe_buffer(&value);
    return rc;
}

/* The last line that is not empty; NULL when it is none of ours.  *out_end: behind its last byte. */
static const char *find_line(const char *script, size_t size, const char **out_end)
{
    while (size > 0 && is_break(script[size - 1]))
        size--;
    *out_end = script + size;
    const char *newline = size > 0 ? memrchr(script, '\n', size) : NULL;
    const char *line = newline ? newline + 1 : script;
    size_t left = (size_t)(*out_end - line);
    return left >= strlen(LINE) && memcmp(line, LINE, strlen(LINE)) == 0 ? line : NULL;
}

int secrets_read(const char *script, size_t size, struct secrets *secrets, size_t *out_size,
                 struct error *err)
{
    const char *end = NULL;
    const char *line = find_line(script, size, &end);
    if (out_size)
        *out_size = size;
    if (!line)
        return 0;
    const char *at = line + strlen(LINE);
    size_t version = strlen(VERSION);
    if ((size_t)(end - at) < version || memcmp(at, VERSION, version) != 0 ||
        (at + version < end && at[version] != ' '))
        return error_set(err, ERROR_SYNTAX, "the line of secrets is of another version");
    at += version;
    while (at < end) {
        const char *entry = at + 1; /* behind a blank */
        const char *blank = memchr(entry, ' ', (size_t)(end - entry));
        const char *stop = blank ? blank : end;
        int rc = read_entry(entry, (size_t)(stop - entry), secrets, err);
        if (rc < 0)
            return rc;
        at = stop;
    }
    /* The empty line above it is of our making too. */
    if (out_size)
        *out_size = (size_t)(line - script) - (line > script);
    return 0;
}

int secrets_scrub_script(const char *script, size_t size, struct buffer *out, struct error *err)
{
    struct secrets *secrets = NULL;
    size_t body = size;
    int rc = secrets_new(&secrets, err);
    if (rc == 0 && secrets)
        rc = secrets_read(script, size, secrets, &body, err);
    if (rc == 0 && secrets_count(secrets) == 0) {
        buffer_append(out, script, size);
        rc = buffer_check(out, "a script", err);
    } else if (rc == 0) {
        secrets_name_values(secrets, script, body, out);
        rc = secrets_mark(secrets, false, out, err);
    }
    secrets_free(secrets);
    return rc;
}
