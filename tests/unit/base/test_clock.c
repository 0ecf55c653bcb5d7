/* Clocks and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

static void the_real_clock_tells_the_time(void **state)
{
    (void)state;
    struct clock *clock = clock_real();
    assert_ptr_equal(clock, clock_real());
    assert_false(clock_is_virtual(clock));
    int64_t before = (int64_t)time(NULL) - 1;
    int64_t now = clock_unix_ms(clock);
    assert_true(now / 1000 >= before && now / 1000 <= before + 60);
    int64_t first = clock_monotonic_ms(clock);
    assert_true(clock_monotonic_ms(clock) >= first);
}

static void a_virtual_clock_moves_when_told(void **state)
{
    (void)state;
    struct clock clock;
    clock_init_virtual(&clock, 1000);
    assert_true(clock_is_virtual(&clock));
    assert_int_equal(clock_unix_ms(&clock), 1000);
    int64_t start = clock_monotonic_ms(&clock);
    clock_advance(&clock, 250);
    clock_advance(&clock, 0);
    assert_int_equal(clock_unix_ms(&clock), 1250);
    assert_int_equal(clock_monotonic_ms(&clock) - start, 250);
}

static void writes_times_as_the_service_does(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.0000000Z" },
        { 1, "1970-01-01T00:00:00.0010000Z" },
        { -1, "1969-12-31T23:59:59.9990000Z" },
        { INT64_C(1795246930123), "2026-11-21T07:42:10.1230000Z" },
        { INT64_C(951782400000), "2000-02-29T00:00:00.0000000Z" },
        { INT64_C(253402300799999), "9999-12-31T23:59:59.9990000Z" },
        { INT64_MAX, "9999-12-31T23:59:59.9990000Z" },
        { INT64_MIN, "0000-01-01T00:00:00.0000000Z" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[TIME_TEXT_SIZE];
        time_format(cases[i].ms, out);
        assert_string_equal(out, cases[i].text);
    }
}

static void reads_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        int64_t ms;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0, 0 },
        { "1970-01-01t00:00:00z", 0, 0 },
        { "1970-01-01 00:00:00Z", 0, 0 },
        { "2026-11-21T07:42:10.1234567Z", 0, INT64_C(1795246930123) },
        { "2026-11-21T07:42:10.1Z", 0, INT64_C(1795246930100) },
        { "2026-11-21T07:42:10.999999999999999999999999999Z", 0, INT64_C(1795246930999) },
        { "2026-11-21T09:42:10.123+02:00", 0, INT64_C(1795246930123) },
        { "2026-11-21T01:57:10.123-05:45", 0, INT64_C(1795246930123) },
        { "2000-02-29T00:00:00+00:00", 0, INT64_C(951782400000) },
        { "2016-12-31T23:59:60Z", 0, INT64_C(1483228800000) }, /* a leap second */
        { "9999-12-31T23:59:59.999Z", 0, INT64_C(253402300799999) },
        { "0000-01-01T00:00:00Z", 0, INT64_C(-62167219200000) },
        { "2001-02-29T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "1900-02-29T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-00-10T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-13-10T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-04-31T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-04-00T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01T24:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:60:00Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:61Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00.Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00,5Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01", ERROR_SYNTAX, 4711 },
        { "26-04-01T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "-026-04-01T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-4-1T0:0:0Z", ERROR_SYNTAX, 4711 },
        { " 2026-04-01T00:00:00Z", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00Z ", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00ZZ", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00+24:00", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00+01:60", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00+0100", ERROR_SYNTAX, 4711 },
        { "2026-04-01T00:00:00+", ERROR_SYNTAX, 4711 },
        { "", ERROR_SYNTAX, 4711 },
        { NULL, ERROR_SYNTAX, 4711 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = 4711;
        int rc = time_parse(cases[i].text, &ms);
        if (rc != cases[i].rc || ms != cases[i].ms)
            fail_msg("'%s': %d, %lld", cases[i].text, rc, (long long)ms);
    }
}

static void every_cut_of_a_time_is_refused(void **state)
{
    (void)state;
    static const char text[] = "2026-11-21T07:42:10.123+02:00";
    for (size_t size = 0; size < strlen(text); size++) {
        char cut[sizeof text];
        int64_t ms = 4711;
        memcpy(cut, text, size);
        cut[size] = '\0';
        assert_int_equal(time_parse(cut, &ms), ERROR_SYNTAX);
        assert_int_equal(ms, 4711);
    }
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    for (int64_t ms = -INT64_C(62000000000000); ms < INT64_C(250000000000000);
         ms += INT64_C(86400000) * 977 + 12345) {
        char text[TIME_TEXT_SIZE];
        int64_t back = 0;
        time_format(ms, text);
        assert_int_equal(time_parse(text, &back), 0);
        assert_int_equal(back, ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_clock_tells_the_time),
        cmocka_unit_test(a_virtual_clock_moves_when_told),
        cmocka_unit_test(writes_times_as_the_service_does),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(every_cut_of_a_time_is_refused),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
