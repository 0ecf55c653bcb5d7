/* Text: comparing, cutting, numbers, UTF-8, "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void compares(void **state)
{
    (void)state;
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal(NULL, ""));
    assert_false(text_equal("", NULL));
    assert_true(text_equal("a", "a"));
    assert_false(text_equal("a", "A"));
    assert_true(text_equal_nocase(NULL, NULL));
    assert_false(text_equal_nocase("a", NULL));
    assert_true(text_equal_nocase("aBc", "AbC"));
    assert_false(text_equal_nocase("ab", "abc"));
    assert_false(text_equal_nocase("\xC3\xA4", "\xC3\x84")); /* ASCII only */
    assert_true(text_compare_nocase("a", "B") < 0);
    assert_true(text_compare_nocase("b", "A") > 0);
    assert_true(text_compare_nocase("A", "ab") < 0);
    assert_int_equal(text_compare_nocase("@", "`") < 0, 1); /* around the letters */
    assert_true(text_compare_nocase("a", "\xFF") < 0);      /* bytes, not chars */
}

static void finds_prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(text_starts("abc", "ab"));
    assert_true(text_starts("abc", ""));
    assert_false(text_starts("ab", "abc"));
    assert_true(text_starts_nocase("ABc", "aB"));
    assert_true(text_starts_nocase("", ""));
    assert_false(text_starts_nocase("a", "ab"));
    assert_true(text_ends("abc", "bc"));
    assert_true(text_ends("abc", ""));
    assert_true(text_ends("", ""));
    assert_false(text_ends("c", "bc"));
}

static void copies_whole_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *out;
        bool whole;
    } cases[] = {
        { "", 1, "", true },
        { "a", 1, "", false },
        { "abc", 4, "abc", true },
        { "abcd", 4, "abc", false },
        { "a\xC3\xA4", 4, "a\xC3\xA4", true },
        { "a\xC3\xA4", 3, "a", false },
        { "a\xE2\x82\xAC", 4, "a", false },
        { "a\xE2\x82\xAC", 3, "a", false },
        { "\xF0\x9F\x8C\x99", 4, "", false },
        { "\xF0\x9F\x8C\x99x", 5, "\xF0\x9F\x8C\x99", false },
        { "\x80\x80\x80\x80\x80\x80", 6, "\x80\x80\x80\x80\x80", false }, /* no UTF-8: as it is */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[16];
        memset(out, '#', sizeof out);
        assert_int_equal(text_copy(out, cases[i].size, cases[i].text), cases[i].whole);
        assert_string_equal(out, cases[i].out);
        assert_int_equal(out[cases[i].size], '#');
    }
    assert_false(text_copy(NULL, 0, "a"));
}

static void makes_texts_of_its_own(void **state)
{
    (void)state;
    char *text = text_format("%d %s", 7, "dwarves");
    assert_string_equal(text, "7 dwarves");
    free(text);
    text = text_dup_size("abcdef", 3);
    assert_string_equal(text, "abc");
    free(text);
    text = text_dup_size(NULL, 0);
    assert_string_equal(text, "");
    free(text);
    assert_null(text_dup_size("a", SIZE_MAX));
    char upper[] = "ABC-xyz[\xC3\x84";
    assert_ptr_equal(text_lower(upper), upper);
    assert_string_equal(upper, "abc-xyz[\xC3\x84");
}

static void reads_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
        int rc;
        int64_t value;
    } cases[] = {
        { "0", 0, 9, 0, 0 },
        { "-7", -9, 9, 0, -7 },
        { "007", 0, 9, 0, 7 },
        { "9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN },
        { "9223372036854775808", INT64_MIN, INT64_MAX, ERROR_RANGE, 0 },
        { "-9223372036854775809", INT64_MIN, INT64_MAX, ERROR_RANGE, 0 },
        { "99999999999999999999999999", INT64_MIN, INT64_MAX, ERROR_RANGE, 0 },
        { "10", 0, 9, ERROR_RANGE, 0 },
        { "-1", 0, 9, ERROR_RANGE, 0 },
        { "", 0, 9, ERROR_SYNTAX, 0 },
        { "-", -9, 9, ERROR_SYNTAX, 0 },
        { "--1", -9, 9, ERROR_SYNTAX, 0 },
        { "+1", 0, 9, ERROR_SYNTAX, 0 },
        { " 1", 0, 9, ERROR_SYNTAX, 0 },
        { "1 ", 0, 9, ERROR_SYNTAX, 0 },
        { "1x", 0, 9, ERROR_SYNTAX, 0 },
        { "0x1", 0, 9, ERROR_SYNTAX, 0 },
        { "1.0", 0, 9, ERROR_SYNTAX, 0 },
        { NULL, 0, 9, ERROR_SYNTAX, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 4711;
        assert_int_equal(text_to_int64(cases[i].text, cases[i].min, cases[i].max, &value),
                         cases[i].rc);
        assert_int_equal(value, cases[i].rc == 0 ? cases[i].value : 4711);
    }
}

static void knows_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        { "", true },
        { "plain text, more than eight bytes", true },
        { "\x7F", true },
        { "\xC2\x80", true },
        { "\xDF\xBF", true },
        { "\xE0\xA0\x80", true },
        { "\xED\x9F\xBF", true },
        { "\xEE\x80\x80", true },
        { "\xEF\xBF\xBF", true },
        { "\xF0\x90\x80\x80", true },
        { "\xF4\x8F\xBF\xBF", true },
        { "\x80", false }, /* a lone continuation */
        { "\xBF", false },
        { "\xC0\x80", false },     /* overlong NUL */
        { "\xC1\xBF", false },     /* overlong */
        { "\xE0\x9F\xBF", false }, /* overlong */
        { "\xED\xA0\x80", false }, /* a surrogate */
        { "\xED\xBF\xBF", false },
        { "\xF0\x8F\xBF\xBF", false }, /* overlong */
        { "\xF4\x90\x80\x80", false }, /* beyond U+10FFFF */
        { "\xF5\x80\x80\x80", false },
        { "\xFF", false },
        { "\xC3", false }, /* cut */
        { "\xE2\x82", false },
        { "\xF0\x9F\x8C", false },
        { "\xE2\x82x", false },
        { "\xC3\xC3", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t lead = 0; lead < 18; lead++) { /* at every place in a word */
            char text[64];
            memset(text, 'a', sizeof text);
            size_t size = strlen(cases[i].text);
            memcpy(text + lead, cases[i].text, size);
            assert_int_equal(text_is_utf8(text, lead + size), cases[i].valid);
            if (cases[i].valid)
                assert_true(text_is_utf8(text, lead + size + 12));
        }
    }
}

static void a_nul_is_no_text_anywhere(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40; size++)
        for (size_t at = 0; at < size; at++) {
            char text[40];
            memset(text, 'a', sizeof text);
            text[at] = '\0';
            assert_false(text_is_utf8(text, size));
        }
}

static void foreign_bytes_become_text(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        size_t size;
        const char *to;
    } cases[] = {
        { "", 0, "" },
        { "plain \xC3\xBC \xF0\x9F\x94\x91", 13, "plain \xC3\xBC \xF0\x9F\x94\x91" },
        { "a\0b", 3, "a?b" },
        { "\xFF\xC3\xBC", 3, "?\xC3\xBC" },
        { "\xBC\xC3", 2, "??" },      /* cut at both ends */
        { "\xED\xA0\x80", 3, "???" }, /* a surrogate */
        { "\xF0\x9F\x94x", 4, "???x" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[16] = "";
        memcpy(text, cases[i].from, cases[i].size);
        text_mend(text, cases[i].size);
        assert_string_equal(text, cases[i].to);
        assert_true(text_is_utf8(text, cases[i].size));
    }
}

static void of_overwritten_lines_the_last_state_counts(void **state)
{
    (void)state;
    static const struct {
        const char *line, *last;
    } cases[] = {
        { "", "" },           { "plain", "plain" },     { "windows\r", "windows" },
        { "1%\r99%", "99%" }, { "1%\r99%\r\r", "99%" }, { "\r\r", "" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size = strlen(cases[i].line);
        const char *last = text_last_state(cases[i].line, &size);
        assert_int_equal(size, strlen(cases[i].last));
        assert_memory_equal(last, cases[i].last, size);
    }
}

static void suggests_the_nearest(void **state)
{
    (void)state;
    static const char *const fields[] = { "role",          "to",          "size",  "schedules",
                                          "idle_shutdown", "assigned_to", "sizes", "location",
                                          "local_auth" };
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        { "rol", "role" },
        { "roel", "role" }, /* a transposition is one mistake */
        { "SIZE", "size" },
        { "idle_shutdwon", "idle_shutdown" },
        { "idelshutdown", "idle_shutdown" },
        { "asigned_too", "assigned_to" },
        { "shedule", "schedules" },
        { "ot", NULL }, /* two letters: anything would be near */
        { "TO", "to" },
        { "banana", NULL },
        { "", NULL },
        { "lxcxxion", NULL }, /* three of eight are too many */
        { "local_xxx", NULL },
        { "loc_auth", "local_auth" },
        { "xocal_xxth", "local_auth" },  /* three of ten are not */
        { "xxcal_xxth", NULL },          /* four are, however long the word */
        { "siz", "size" },               /* the first of equals */
        { "SHUTDOWN", "idle_shutdown" }, /* a part of one */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *found = text_nearest(cases[i].word, fields, COUNT(fields));
        if (cases[i].nearest)
            assert_string_equal(found, cases[i].nearest);
        else
            assert_null(found);
    }
    assert_null(text_nearest("role", NULL, 0));
}

static void endless_words_have_no_neighbours(void **state)
{
    (void)state;
    char word[5000];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    const char *candidates[] = { word, word + sizeof word - 1 - 96, word + sizeof word - 1 - 99 };
    assert_null(text_nearest(word, candidates, COUNT(candidates)));
    assert_ptr_equal(text_nearest(candidates[1], candidates, COUNT(candidates)), candidates[1]);
    assert_ptr_equal(text_nearest(candidates[1], candidates + 2, 1), candidates[2]);
}

static void names_errno_values(void **state)
{
    (void)state;
    assert_string_equal(text_errno(ENOENT), "No such file or directory");
    assert_non_null(text_errno(99999));
    assert_true(strlen(text_errno(99999)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(finds_prefixes_and_suffixes),
        cmocka_unit_test(copies_whole_characters),
        cmocka_unit_test(makes_texts_of_its_own),
        cmocka_unit_test(reads_whole_numbers),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(a_nul_is_no_text_anywhere),
        cmocka_unit_test(foreign_bytes_become_text),
        cmocka_unit_test(of_overwritten_lines_the_last_state_counts),
        cmocka_unit_test(suggests_the_nearest),
        cmocka_unit_test(endless_words_have_no_neighbours),
        cmocka_unit_test(names_errno_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
