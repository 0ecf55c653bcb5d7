/* test_output.c - foreign text on a terminal, errors as data, human units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "cli/output.h"

static const struct {
    const char *text;
    bool lines;
    const char *shown;
} escaped[] = {
    { "plain", false, "plain" },
    { "Grüße 🌙", false, "Grüße 🌙" },
    { "a\033[31mb", false, "a\\x1b[31mb" },
    { "a\nb\tc\r", false, "a\\x0ab\\x09c\\x0d" },
    { "a\nb\tc\r", true, "a\nb\tc\\x0d" },
    { "\x7f", false, "\\x7f" },
    { "\xc2\x9b"
      "31m",
      false, "\\u{009b}31m" }, /* the one-character CSI */
    { "a\xe2\x80\xae"
      "b",
      false, "a\\u{202e}b" }, /* right to left from here */
    { "bad \xff\xc3", false, "bad \\xff\\xc3" },
    { "", false, "" },
};

static void escapes_what_a_terminal_would_obey(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(escaped); i++) {
        struct buffer out = { 0 };
        output_escape(&out, escaped[i].text, escaped[i].lines);
        assert_string_equal(out.data ? out.data : "", escaped[i].shown);
        buffer_clear(&out);
    }
}

static void shows_bytes_in_human_units(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = { { 0, "0 B" },
                  { 1023, "1023 B" },
                  { 1024, "1 KiB" },
                  { 1536, "1.5 KiB" },
                  { 150 * 1024, "150 KiB" },
                  { (int64_t)3 << 30, "3 GiB" },
                  { (int64_t)5 << 50, "5120 TiB" } };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32];
        output_bytes(cases[i].bytes, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void shows_ages_in_human_units(void **state)
{
    char text[32];
    (void)state;
    output_age(1000, 1500, text, sizeof text);
    assert_string_equal(text, "now");
    output_age(0, 45000, text, sizeof text);
    assert_string_equal(text, "45s");
    output_age(5000, 0, text, sizeof text); /* a clock that went back */
    assert_string_equal(text, "now");
}

static void tells_an_error_as_data(void **state)
{
    struct error err = { 0 };
    (void)state;
    error_set(&err, ERROR_DENIED, "no");
    err.status = 403;
    text_copy(err.name, sizeof err.name, "AuthorizationFailed");
    text_copy(err.details, sizeof err.details, "[{\"code\":\"Inner\"}]");
    error_at(&err, "quickstart.lua", 12);
    cJSON *json = json_error(&err);
    assert_string_equal(json_string(json, "code", ""), "AuthorizationFailed");
    assert_string_equal(json_string(json, "message", ""), "no");
    assert_string_equal(json_string(json, "file", ""), "quickstart.lua");
    assert_int_equal(json_int(json, "line", 0), 12);
    assert_int_equal(json_int(json, "status", 0), 403);
    assert_true(cJSON_IsArray(json_at(json, "details")));
    cJSON_Delete(json);
}

static void names_our_own_errors(void **state)
{
    struct error err = { 0 };
    (void)state;
    error_set(&err, ERROR_NOT_FOUND, "nothing there");
    cJSON *json = json_error(&err);
    assert_string_equal(json_string(json, "code", ""), "NotFound");
    assert_null(json_at(json, "status"));
    assert_null(json_at(json, "line"));
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_a_terminal_would_obey),
        cmocka_unit_test(shows_bytes_in_human_units),
        cmocka_unit_test(shows_ages_in_human_units),
        cmocka_unit_test(tells_an_error_as_data),
        cmocka_unit_test(names_our_own_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
