/* Durations: what recipes and the wire write, and what people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/duration.h"
#include "base/text.h"

static const struct {
    const char *text;
    int rc;
    int64_t seconds;
} cases[] = {
    { "30m", 0, 1800 },
    { "90s", 0, 90 },
    { "1h", 0, 3600 },
    { "2d", 0, 172800 },
    { "1h30m", 0, 5400 },
    { "1d2h3m4s", 0, 93784 },
    { "1d4s", 0, 86404 },
    { "0s", 0, 0 },
    { "007m", 0, 420 },
    { "PT1H", 0, 3600 },
    { "PT1H30M", 0, 5400 },
    { "PT120M", 0, 7200 },
    { "P2D", 0, 172800 },
    { "P1DT12H", 0, 129600 },
    { "P1W", 0, 604800 },
    { "PT0S", 0, 0 },
    { "9223372036854775807s", 0, INT64_MAX },
    { "", ERROR_SYNTAX, -1 }, /* -1: left alone */
    { NULL, ERROR_SYNTAX, -1 },
    { "30", ERROR_SYNTAX, -1 },
    { "m", ERROR_SYNTAX, -1 },
    { "30 m", ERROR_SYNTAX, -1 },
    { " 30m", ERROR_SYNTAX, -1 },
    { "30m ", ERROR_SYNTAX, -1 },
    { "-30m", ERROR_SYNTAX, -1 },
    { "+30m", ERROR_SYNTAX, -1 },
    { "1.5h", ERROR_SYNTAX, -1 },
    { "30M", ERROR_SYNTAX, -1 },
    { "30m1h", ERROR_SYNTAX, -1 },
    { "1h1h", ERROR_SYNTAX, -1 },
    { "1h30", ERROR_SYNTAX, -1 },
    { "1y", ERROR_SYNTAX, -1 },
    { "T1h", ERROR_SYNTAX, -1 },
    { "P", ERROR_SYNTAX, -1 },
    { "PT", ERROR_SYNTAX, -1 },
    { "P1DT", ERROR_SYNTAX, -1 },
    { "P1Y", ERROR_SYNTAX, -1 },
    { "P1M", ERROR_SYNTAX, -1 }, /* a month */
    { "P1H", ERROR_SYNTAX, -1 },
    { "PT1D", ERROR_SYNTAX, -1 },
    { "PT1HT1M", ERROR_SYNTAX, -1 },
    { "PT1M1H", ERROR_SYNTAX, -1 },
    { "PT1h", ERROR_SYNTAX, -1 },
    { "pt1h", ERROR_SYNTAX, -1 },
    { "PT1.5H", ERROR_SYNTAX, -1 },
    { "9223372036854775807d", ERROR_RANGE, -1 },
    { "9223372036854775808s", ERROR_RANGE, -1 },
    { "106751991167301d", ERROR_RANGE, -1 },
    { "1h9223372036854775807s", ERROR_RANGE, -1 },
    { "99999999999999999999999999999999s", ERROR_RANGE, -1 },
    { "99999999999999999999999999999999x", ERROR_SYNTAX, -1 },
    { "PT99999999999999999999H", ERROR_RANGE, -1 },
    { "P9223372036854775807DT1S", ERROR_RANGE, -1 },
};

static void reads_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t seconds = -1;
        struct error err = { 0 };
        int rc = duration_parse(cases[i].text, &seconds, &err);
        if (rc != cases[i].rc || seconds != cases[i].seconds)
            fail_msg("'%s': %d, %lld", cases[i].text, rc, (long long)seconds);
        assert_int_equal(err.code, rc);
        assert_int_equal(duration_parse(cases[i].text, &seconds, NULL), cases[i].rc);
    }
}

static void says_what_a_duration_looks_like(void **state)
{
    (void)state;
    struct error err = { 0 };
    int64_t seconds;
    duration_parse("soon", &seconds, &err);
    assert_true(text_starts(err.message, "'soon' is not a duration: "));
    assert_non_null(strstr(err.message, "\"1h30m\""));
}

static void writes_durations_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } spans[] = {
        { 0, "0s" },
        { 45, "45s" },
        { 60, "1m" },
        { 180, "3m" },
        { 185, "3m5s" },
        { 5400, "1h30m" },
        { 5405, "1h30m" },
        { 3605, "1h" },
        { 187200, "2d4h" },
        { 86399, "23h59m" },
        { 86400, "1d" },
        { 90000, "1d1h" },
        { 86460, "1d" },
        { -90, "-1m30s" },
        { 604800, "7d" },
        { INT64_MAX, "106751991167300d15h" },
        { INT64_MIN, "-106751991167300d15h" },
    };
    for (size_t i = 0; i < COUNT(spans); i++) {
        char out[DURATION_TEXT_SIZE];
        duration_text(spans[i].seconds, out, sizeof out);
        assert_string_equal(out, spans[i].text);
    }
}

static void writes_whole_minutes_on_the_wire(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } spans[] = {
        { 0, "PT0M" },         { 1, "PT1M" },  { 59, "PT1M" },
        { 60, "PT1M" },        { 61, "PT2M" }, { 7200, "PT120M" },
        { 259200, "PT4320M" }, { -1, "PT0M" }, { INT64_MAX, "PT153722867280912931M" },
    };
    for (size_t i = 0; i < COUNT(spans); i++) {
        char out[DURATION_TEXT_SIZE];
        duration_iso_minutes(spans[i].seconds, out, sizeof out);
        assert_string_equal(out, spans[i].text);
    }
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    for (int64_t seconds = 0; seconds < 400000; seconds = seconds * 2 + 7) {
        char out[DURATION_TEXT_SIZE];
        int64_t back = -1;
        duration_iso_minutes(seconds, out, sizeof out);
        assert_int_equal(duration_parse(out, &back, NULL), 0);
        assert_int_equal(back, (seconds + 59) / 60 * 60);
        duration_text(seconds, out, sizeof out);
        assert_int_equal(duration_parse(out, &back, NULL), 0);
        assert_in_range(seconds - back, 0, 3599);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(says_what_a_duration_looks_like),
        cmocka_unit_test(writes_durations_for_people),
        cmocka_unit_test(writes_whole_minutes_on_the_wire),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
