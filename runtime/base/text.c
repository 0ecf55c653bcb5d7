/* text.c - see text.h. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_MAX 3
#define NEAR_PART_MIN 4    /* bytes of a word that is looked for inside of others */
#define NEAR_LENGTH_MAX 96 /* longer words are no typing mistakes */

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool text_equal(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool text_equal_nocase(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return text_compare_nocase(a, b) == 0;
}

int text_compare_nocase(const char *a, const char *b)
{
    while (*a && fold(*a) == fold(*b))
        a++, b++;
    return (int)fold(*a) - (int)fold(*b);
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_starts_nocase(const char *text, const char *prefix)
{
    while (*prefix && fold(*text) == fold(*prefix))
        text++, prefix++;
    return *prefix == '\0';
}

bool text_ends(const char *text, const char *suffix)
{
    size_t text_size = strlen(text);
    size_t suffix_size = strlen(suffix);
    return suffix_size <= text_size && strcmp(text + text_size - suffix_size, suffix) == 0;
}

/* The largest cut at or before `size` that does not split a character: text[size] is the first byte
 * to go.  Bytes that are no UTF-8 are cut where they are. */
static size_t cut_at(const char *text, size_t size)
{
    size_t cut = size;
    for (int back = 0; back < 3 && cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80; back++)
        cut--;
    return ((unsigned char)text[cut] & 0xC0) == 0x80 ? size : cut;
}

bool text_copy(char *out, size_t out_size, const char *text)
{
    if (out_size == 0)
        return false;
    size_t size = strnlen(text, out_size);
    bool whole = size < out_size;
    if (!whole)
        size = cut_at(text, out_size - 1);
    memcpy(out, text, size);
    out[size] = '\0';
    return whole;
}

char *text_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return length < 0 ? NULL : text;
}

char *text_dup_size(const char *text, size_t size)
{
    if (size == SIZE_MAX)
        return NULL;
    char *copy = malloc(size + 1);
    if (!copy)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *text_lower(char *text)
{
    for (char *p = text; *p; p++)
        *p = (char)fold(*p);
    return text;
}

int text_to_int64(const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (!text)
        return ERROR_SYNTAX;
    const char *digits = text + (*text == '-');
    if (digits[strspn(digits, "0123456789")] != '\0' || *digits == '\0')
        return ERROR_SYNTAX;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno == ERANGE || value < min || value > max)
        return ERROR_RANGE;
    *out = value;
    return 0;
}

/* Bytes of the well-formed character at `p` (Unicode, table 3-7); 0 when there is none. */
static size_t character_size(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t size;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        size = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        size = 3;
        low = p[0] == 0xE0 ? 0xA0 : low;
        high = p[0] == 0xED ? 0x9F : high;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        size = 4;
        low = p[0] == 0xF0 ? 0x90 : low;
        high = p[0] == 0xF4 ? 0x8F : high;
    } else {
        return p[0] > 0 && p[0] < 0x80 ? 1 : 0;
    }
    if (left < size || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

bool text_is_utf8(const char *text, size_t size)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    while (i < size) {
        uint64_t word;
        if (size - i >= sizeof word) { /* eight bytes of ASCII at a time */
            memcpy(&word, p + i, sizeof word);
            if (((word | (word - ones)) & highs) == 0) {
                i += sizeof word;
                continue;
            }
        }
        size_t step = character_size(p + i, size - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

void text_mend(char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t step = character_size((const unsigned char *)text + i, size - i);
        if (step == 0)
            text[i] = '?';
        i += step ? step : 1;
    }
}

const char *text_last_state(const char *line, size_t *size)
{
    size_t end = *size;
    while (end > 0 && line[end - 1] == '\r')
        end--;
    const char *last = end > 0 ? memrchr(line, '\r', end) : NULL;
    size_t skip = last ? (size_t)(last + 1 - line) : 0;
    *size = end - skip;
    return line + skip;
}

/* Edit distance with transpositions of neighbours (optimal string alignment), case folded. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][NEAR_LENGTH_MAX + NEAR_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *now = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = fold(a[i - 1]) == fold(b[j - 1]);
            size_t best = last[j - 1] + !same;
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[b_size];
}

/* What was said is a part of it: the shortest such candidate. */
static const char *shortest_with(const char *word, const char *const *candidates, size_t count)
{
    const char *shortest = NULL;
    for (size_t i = 0; i < count; i++)
        if (strcasestr(candidates[i], word) &&
            (!shortest || strlen(candidates[i]) < strlen(shortest)))
            shortest = candidates[i];
    return shortest;
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t size = strlen(word);
    if (size == 0 || size > NEAR_LENGTH_MAX)
        return NULL;
    size_t limit = size / 3 > NEAR_MAX ? NEAR_MAX : size / 3;
    size_t best = limit + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(candidates[i]);
        if (length + limit < size || length > size + limit)
            continue;
        size_t far = distance(word, size, candidates[i], length);
        if (far < best) {
            best = far;
            nearest = candidates[i];
        }
    }
    return nearest || size < NEAR_PART_MIN ? nearest : shortest_with(word, candidates, count);
}

const char *text_errno(int errnum)
{
    static _Thread_local char text[128];
    return strerror_r(errnum, text, sizeof text);
}
