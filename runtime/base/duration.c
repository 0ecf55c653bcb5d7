/* duration.c - see duration.h. */
#include "base/duration.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
    char letter;
    bool time; /* ISO 8601: stands after the T */
    int64_t seconds;
};

/* Largest first: units of a duration come in this order, each at most once. */
static const struct unit words[] = {
    { 'd', false, 86400 }, { 'h', false, 3600 }, { 'm', false, 60 }, { 's', false, 1 }, { 0 }
};
static const struct unit iso[] = { { 'W', false, 604800 }, { 'D', false, 86400 },
                                   { 'H', true, 3600 },    { 'M', true, 60 },
                                   { 'S', true, 1 },       { 0 } };

/* Reads digits.  More than an int64 holds is ERROR_RANGE, but only once the rest has been read: so
 * *out_range notes it. */
static bool digits(const char **at, int64_t *out, bool *out_range)
{
    int64_t value = 0;
    const char *p = *at;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (int64_t)(*p - '0'), &value)) {
            *out_range = true;
            value = 0;
        }
    if (p == *at)
        return false;
    *at = p;
    *out = value;
    return true;
}

/* Reads "<number><unit>"… to the end of `text`. */
static int parse(const char *text, const struct unit *units, int64_t *out_seconds)
{
    int64_t total = 0;
    bool range = false;
    bool time = false;
    bool any = false;
    const struct unit *unit = units;
    while (*text) {
        if (units == iso && *text == 'T' && !time) {
            time = true;
            any = false; /* "P1DT" has nothing behind its T */
            text++;
            continue;
        }
        int64_t count;
        if (!digits(&text, &count, &range))
            return ERROR_SYNTAX;
        while (unit->letter && (unit->letter != *text || unit->time != time))
            unit++;
        if (!unit->letter)
            return ERROR_SYNTAX;
        int64_t seconds;
        if (__builtin_mul_overflow(count, unit->seconds, &seconds) ||
            __builtin_add_overflow(total, seconds, &total)) {
            range = true;
            total = 0;
        }
        unit++;
        text++;
        any = true;
    }
    if (!any)
        return ERROR_SYNTAX;
    if (range)
        return ERROR_RANGE;
    *out_seconds = total;
    return 0;
}

int duration_parse(const char *text, int64_t *out_seconds, struct error *err)
{
    int64_t seconds;
    int rc = ERROR_SYNTAX;
    if (text)
        rc = *text == 'P' ? parse(text + 1, iso, &seconds) : parse(text, words, &seconds);
    if (rc == ERROR_RANGE)
        return error_set(err, rc, "the duration '%s' is too long", text);
    if (rc < 0)
        return error_set(err, rc,
                         "'%s' is not a duration: write it like \"90s\", \"30m\", \"1h30m\", "
                         "\"2d\" or \"PT1H30M\"",
                         text ? text : "");
    *out_seconds = seconds;
    return 0;
}

void duration_text(int64_t seconds, char *out, size_t out_size)
{
    uint64_t left = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    const char *sign = seconds < 0 ? "-" : "";
    const struct unit *unit = words;
    while (unit->letter != 's' && left < (uint64_t)unit->seconds)
        unit++;
    uint64_t first = left / (uint64_t)unit->seconds;
    uint64_t rest = left % (uint64_t)unit->seconds;
    uint64_t second = unit->letter == 's' ? 0 : rest / (uint64_t)unit[1].seconds;
    if (second > 0)
        (void)snprintf(out, out_size, "%s%" PRIu64 "%c%" PRIu64 "%c", sign, first, unit->letter,
                       second, unit[1].letter);
    else
        (void)snprintf(out, out_size, "%s%" PRIu64 "%c", sign, first, unit->letter);
}

void duration_iso_minutes(int64_t seconds, char *out, size_t out_size)
{
    int64_t minutes = seconds <= 0 ? 0 : seconds / 60 + (seconds % 60 != 0);
    (void)snprintf(out, out_size, "PT%" PRId64 "M", minutes);
}
