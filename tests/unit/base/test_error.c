/* Errors: what they keep, how they are cut, what a system call's failure becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static void returns_the_code_without_an_error_to_fill(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_RANGE, "%d", 1), ERROR_RANGE);
    assert_int_equal(error_wrap(NULL, ERROR_RANGE, "%d", 1), ERROR_RANGE);
    assert_int_equal(error_system(NULL, ENOENT, "x"), ERROR_NOT_FOUND);
    error_at(NULL, "a.lua", 1);
}

static void setting_forgets_what_it_held(void **state)
{
    (void)state;
    struct error err = { .code = ERROR_REMOTE,
                         .status = 404,
                         .line = 3,
                         .name = "X",
                         .target = "t",
                         .file = "f",
                         .details = "{}" };
    assert_int_equal(error_set(&err, ERROR_IO, "%s-%d", "disk", 7), ERROR_IO);
    assert_int_equal(err.code, ERROR_IO);
    assert_string_equal(err.message, "disk-7");
    assert_int_equal(err.status + err.line, 0);
    assert_string_equal(err.name, "");
    assert_string_equal(err.target, "");
    assert_string_equal(err.file, "");
    assert_string_equal(err.details, "");
}

static void a_message_may_quote_the_error_it_replaces(void **state)
{
    (void)state;
    struct error err = { 0 };
    error_set(&err, ERROR_IO, "first");
    error_set(&err, ERROR_IO, "second after %s", err.message);
    assert_string_equal(err.message, "second after first");
    error_wrap(&err, ERROR_IO, "wrapping %s", err.message);
    assert_string_equal(err.message, "wrapping second after first: second after first");
}

static void wrapping_keeps_the_rest(void **state)
{
    (void)state;
    struct error err = { .code = ERROR_REMOTE,
                         .status = 409,
                         .line = 3,
                         .name = "Busy",
                         .target = "t",
                         .file = "f",
                         .details = "{}",
                         .message = "no" };
    assert_int_equal(error_wrap(&err, ERROR_CONFLICT, "starting %s", "a"), ERROR_CONFLICT);
    assert_string_equal(err.message, "starting a: no");
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(err.status, 409);
    assert_int_equal(err.line, 3);
    assert_string_equal(err.name, "Busy");
    assert_string_equal(err.target, "t");
    assert_string_equal(err.file, "f");
    assert_string_equal(err.details, "{}");
}

static void wrapping_an_empty_error_adds_no_colon(void **state)
{
    (void)state;
    struct error err = { 0 };
    error_wrap(&err, ERROR_IO, "reading");
    assert_string_equal(err.message, "reading");
}

static void long_messages_end_in_dots_at_a_whole_character(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) { /* the cut meets each byte of a character */
        struct error err = { 0 };
        char text[2 * ERROR_MESSAGE_SIZE] = "abc";
        size_t size = shift;
        while (size < sizeof text - 4) {
            memcpy(text + size, "\xF0\x9F\x8C\x99", 4);
            size += 4;
        }
        text[size] = '\0';
        error_set(&err, ERROR_IO, "%s", text);
        size_t length = strlen(err.message);
        assert_in_range(length, ERROR_MESSAGE_SIZE - 8, ERROR_MESSAGE_SIZE - 1);
        assert_true(text_ends(err.message, "..."));
        assert_true(text_is_utf8(err.message, length));
        error_wrap(&err, ERROR_IO, "again");
        assert_true(text_starts(err.message, "again: "));
        assert_true(text_ends(err.message, "..."));
        assert_true(text_is_utf8(err.message, strlen(err.message)));
    }
}

static void a_message_that_just_fits_is_whole(void **state)
{
    (void)state;
    struct error err = { 0 };
    char text[ERROR_MESSAGE_SIZE + 1];
    memset(text, 'x', sizeof text);
    text[ERROR_MESSAGE_SIZE - 1] = '\0';
    error_set(&err, ERROR_IO, "%s", text);
    assert_string_equal(err.message, text);
    text[ERROR_MESSAGE_SIZE - 1] = 'x';
    text[ERROR_MESSAGE_SIZE] = '\0';
    error_set(&err, ERROR_IO, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
    assert_true(text_ends(err.message, "x..."));
}

static void errno_picks_the_code(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        int code;
    } cases[] = { { ENOENT, ERROR_NOT_FOUND }, { ENOMEM, ERROR_NO_MEMORY },
                  { EACCES, ERROR_DENIED },    { EPERM, ERROR_DENIED },
                  { EEXIST, ERROR_CONFLICT },  { EIO, ERROR_IO },
                  { ENOSPC, ERROR_IO } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        assert_int_equal(error_system(&err, cases[i].errnum, "doing %d", 1), cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_true(text_starts(err.message, "doing 1: "));
        assert_true(strlen(err.message) > strlen("doing 1: "));
    }
}

static void says_where_in_a_recipe(void **state)
{
    (void)state;
    struct error err = { .code = ERROR_INVALID, .message = "m" };
    error_at(&err, "quickstart.lua", 12);
    assert_string_equal(err.file, "quickstart.lua");
    assert_int_equal(err.line, 12);
    assert_string_equal(err.message, "m");
    error_at(&err, err.file, 13);
    assert_string_equal(err.file, "quickstart.lua");
    error_at(&err, NULL, 0);
    assert_string_equal(err.file, "");
}

static void every_code_has_a_name(void **state)
{
    (void)state;
    for (int code = ERROR_INTERNAL; code <= 0; code++) {
        assert_non_null(error_code_text(code));
        assert_string_not_equal(error_code_text(code), "unknown error");
    }
    assert_string_equal(error_code_text(ERROR_NOT_FOUND), "not found");
    assert_string_equal(error_code_text(1), "unknown error");
    assert_string_equal(error_code_text(ERROR_INTERNAL - 1), "unknown error");
    assert_string_equal(error_code_text(-2147483647 - 1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_the_code_without_an_error_to_fill),
        cmocka_unit_test(setting_forgets_what_it_held),
        cmocka_unit_test(a_message_may_quote_the_error_it_replaces),
        cmocka_unit_test(wrapping_keeps_the_rest),
        cmocka_unit_test(wrapping_an_empty_error_adds_no_colon),
        cmocka_unit_test(long_messages_end_in_dots_at_a_whole_character),
        cmocka_unit_test(a_message_that_just_fits_is_whole),
        cmocka_unit_test(errno_picks_the_code),
        cmocka_unit_test(says_where_in_a_recipe),
        cmocka_unit_test(every_code_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
