/* clock.c - see clock.h. */
#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define MS_PER_S 1000
#define YEAR_0_MS (INT64_C(-62167219200) * MS_PER_S)          /* 0000-01-01T00:00:00Z */
#define YEAR_9999_MS (INT64_C(253402300799) * MS_PER_S + 999) /* the last that has four digits */

static int64_t read_ms(clockid_t id)
{
    struct timespec now = { 0 };
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / 1000000;
}

static int64_t real_monotonic(const struct clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_MONOTONIC);
}

static int64_t real_unix(const struct clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

static int64_t virtual_monotonic(const struct clock *clock)
{
    return clock->virtual_ms;
}

static int64_t virtual_unix(const struct clock *clock)
{
    return clock->epoch_ms + clock->virtual_ms;
}

struct clock *clock_real(void)
{
    static struct clock real = { .monotonic_ms = real_monotonic, .unix_ms = real_unix };
    return &real;
}

void clock_init_virtual(struct clock *clock, int64_t start_unix_ms)
{
    *clock = (struct clock) {
        .monotonic_ms = virtual_monotonic,
        .unix_ms = virtual_unix,
        .epoch_ms = start_unix_ms,
    };
}

bool clock_is_virtual(const struct clock *clock)
{
    return clock->monotonic_ms == virtual_monotonic;
}

void clock_advance(struct clock *clock, int64_t ms)
{
    assert(clock_is_virtual(clock) && ms >= 0);
    clock->virtual_ms += ms;
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock);
}

int64_t clock_unix_ms(const struct clock *clock)
{
    return clock->unix_ms(clock);
}

void time_format(int64_t unix_ms, char out[TIME_TEXT_SIZE])
{
    if (unix_ms < YEAR_0_MS)
        unix_ms = YEAR_0_MS;
    if (unix_ms > YEAR_9999_MS)
        unix_ms = YEAR_9999_MS;
    int64_t ms = unix_ms % MS_PER_S;
    if (ms < 0)
        ms += MS_PER_S;
    time_t seconds = (time_t)((unix_ms - ms) / MS_PER_S);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    char text[128]; /* as large as the compiler can imagine the numbers */
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03" PRId64 "0000Z",
                   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                   ms);
    (void)text_copy(out, TIME_TEXT_SIZE, text);
}

/* Reads exactly `digits` digits and moves past them. */
static bool number(const char **at, int digits, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *at += digits;
    *out = value;
    return true;
}

static bool expect(const char **at, const char *one_of)
{
    if (**at == '\0' || !strchr(one_of, **at))
        return false;
    (*at)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* "2026-11-21T07:42:10"; second 60 is a leap second and counts as the next second. */
static bool date_and_time(const char **at, int64_t *out_seconds)
{
    int year, month, day, hour, minute, second;
    if (!number(at, 4, &year) || !expect(at, "-") || !number(at, 2, &month) || !expect(at, "-") ||
        !number(at, 2, &day) || !expect(at, "Tt ") || !number(at, 2, &hour) || !expect(at, ":") ||
        !number(at, 2, &minute) || !expect(at, ":") || !number(at, 2, &second))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    struct tm tm = { .tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute,
                     .tm_sec = second };
    *out_seconds = timegm(&tm);
    return true;
}

/* ".123456": any number of decimals, cut to milliseconds; nothing there is 0. */
static bool decimals(const char **at, int64_t *out_ms)
{
    *out_ms = 0;
    if (**at != '.')
        return true;
    (*at)++;
    if (**at < '0' || **at > '9')
        return false;
    for (int64_t unit = 100; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        *out_ms += (**at - '0') * unit;
    return true;
}

static bool offset(const char **at, int64_t *out_seconds)
{
    *out_seconds = 0;
    if (expect(at, "Zz"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    int hours, minutes;
    if (!expect(at, "+-") || !number(at, 2, &hours) || !expect(at, ":") ||
        !number(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_seconds = (int64_t)sign * (hours * 3600 + minutes * 60);
    return true;
}

int time_parse(const char *text, int64_t *out_unix_ms)
{
    int64_t seconds, ms, offset_s;
    if (!text)
        return ERROR_SYNTAX;
    if (!date_and_time(&text, &seconds) || !decimals(&text, &ms) || !offset(&text, &offset_s) ||
        *text != '\0')
        return ERROR_SYNTAX;
    *out_unix_ms = (seconds - offset_s) * MS_PER_S + ms;
    return 0;
}
