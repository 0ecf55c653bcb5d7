/* Buffers: growing, the cap, failures that stick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"

static void appends_and_terminates(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    buffer_text(&buffer, "ab");
    buffer_char(&buffer, 'c');
    buffer_append(&buffer, "d\0e", 3);
    buffer_format(&buffer, "%d-%s", -5, "z");
    assert_int_equal(buffer.size, 10);
    assert_memory_equal(buffer.data, "abcd\0e-5-z", 11);
    assert_int_equal(buffer_check(&buffer, "it", NULL), 0);
    buffer_clear(&buffer);
}

static void appending_nothing_makes_an_empty_text(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    buffer_append(&buffer, NULL, 0);
    assert_non_null(buffer.data);
    assert_string_equal(buffer.data, "");
    buffer_clear(&buffer);
    buffer_format(&buffer, "%s", "");
    assert_string_equal(buffer.data, "");
    buffer_clear(&buffer);
}

static void prints_texts_of_every_length(void **state)
{
    (void)state;
    char text[301] = { 0 };
    for (int length = 0; length < 300; length++) { /* meets every growth and both sides of it */
        struct buffer buffer = { 0 };
        text[length] = '\0';
        buffer_text(&buffer, "start");
        buffer_format(&buffer, "%s", text);
        assert_int_equal(buffer.size, 5 + length);
        assert_string_equal(buffer.data + 5, text);
        buffer_clear(&buffer);
        text[length] = 'x';
    }
}

static void the_cap_holds_to_the_byte(void **state)
{
    (void)state;
    struct buffer buffer = { .max = 5 };
    buffer_text(&buffer, "12345");
    assert_int_equal(buffer.failed, 0);
    buffer_text(&buffer, "");
    assert_int_equal(buffer.failed, 0);
    buffer_char(&buffer, '6');
    assert_int_equal(buffer.failed, ERROR_TOO_LARGE);
    assert_string_equal(buffer.data, "12345");
    struct error err = { 0 };
    assert_int_equal(buffer_check(&buffer, "the body", &err), ERROR_TOO_LARGE);
    assert_string_equal(err.message, "the body is larger than 5 bytes");
    buffer_clear(&buffer);
    assert_int_equal(buffer.max, 5);
    assert_int_equal(buffer.failed, 0);
}

static void a_refused_print_leaves_the_text(void **state)
{
    (void)state;
    struct buffer buffer = { .max = 5 };
    buffer_text(&buffer, "123");
    buffer_format(&buffer, "%s", "456");
    assert_int_equal(buffer.failed, ERROR_TOO_LARGE);
    assert_int_equal(buffer.size, 3);
    assert_string_equal(buffer.data, "123");
    buffer_clear(&buffer);
}

static void after_a_failure_appends_do_nothing(void **state)
{
    (void)state;
    struct buffer buffer = { .max = 2 };
    buffer_text(&buffer, "123");
    buffer_text(&buffer, "1");
    buffer_format(&buffer, "%d", 1);
    assert_int_equal(buffer.size, 0);
    buffer_reset(&buffer);
    buffer_text(&buffer, "12");
    assert_int_equal(buffer_check(&buffer, "x", NULL), 0);
    assert_string_equal(buffer.data, "12");
    buffer_clear(&buffer);
}

static void an_impossible_size_is_too_large(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    buffer_text(&buffer, "x");
    buffer_append(&buffer, "y", SIZE_MAX);
    assert_int_equal(buffer.failed, ERROR_TOO_LARGE);
    assert_string_equal(buffer.data, "x");
    buffer_clear(&buffer);
    struct error err = { 0 };
    buffer_append(&buffer, "y", BUFFER_MAX_DEFAULT + 1);
    assert_int_equal(buffer_check(&buffer, "it", &err), ERROR_TOO_LARGE);
    assert_string_equal(err.message, "it is larger than 268435456 bytes");
    buffer_clear(&buffer);
}

static void consumes_from_the_front(void **state)
{
    (void)state;
    struct buffer buffer = { 0 };
    buffer_consume(&buffer, 3);
    buffer_text(&buffer, "abcdef");
    buffer_consume(&buffer, 0);
    buffer_consume(&buffer, 2);
    assert_string_equal(buffer.data, "cdef");
    assert_int_equal(buffer.size, 4);
    buffer_consume(&buffer, 99);
    assert_int_equal(buffer.size, 0);
    assert_string_equal(buffer.data, "");
    buffer_clear(&buffer);
    buffer_clear(&buffer);
}

static void detaching_moves_the_text(void **state)
{
    (void)state;
    struct buffer buffer = { .max = 9 };
    char *text = NULL;
    size_t size = 0;
    buffer_text(&buffer, "hello");
    assert_int_equal(buffer_detach(&buffer, &text, &size, NULL), 0);
    assert_string_equal(text, "hello");
    assert_int_equal(size, 5);
    assert_null(buffer.data);
    assert_int_equal(buffer.max, 9);
    free(text);
    assert_int_equal(buffer_detach(&buffer, &text, NULL, NULL), 0);
    assert_string_equal(text, "");
    free(text);
}

static void detaching_a_failure_fails_and_empties(void **state)
{
    (void)state;
    struct buffer buffer = { .max = 1 };
    char *text = (char *)"untouched";
    struct error err = { 0 };
    buffer_text(&buffer, "x");
    buffer_text(&buffer, "x");
    assert_int_equal(buffer_detach(&buffer, &text, NULL, &err), ERROR_TOO_LARGE);
    assert_int_equal(err.code, ERROR_TOO_LARGE);
    assert_string_equal(text, "untouched");
    assert_null(buffer.data);
    assert_int_equal(buffer.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_terminates),
        cmocka_unit_test(appending_nothing_makes_an_empty_text),
        cmocka_unit_test(prints_texts_of_every_length),
        cmocka_unit_test(the_cap_holds_to_the_byte),
        cmocka_unit_test(a_refused_print_leaves_the_text),
        cmocka_unit_test(after_a_failure_appends_do_nothing),
        cmocka_unit_test(an_impossible_size_is_too_large),
        cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(detaching_moves_the_text),
        cmocka_unit_test(detaching_a_failure_fails_and_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
