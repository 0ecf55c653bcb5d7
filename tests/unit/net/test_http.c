/* test_http.c - methods, headers, targets. */
#include "net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void reads_and_writes_methods(void **state)
{
    enum http_method method = HTTP_GET;
    (void)state;
    for (size_t i = 0; i < HTTP_METHODS; i++) {
        assert_int_equal(http_method_parse(http_method_name((enum http_method)i), &method), 0);
        assert_int_equal(method, i);
    }
    assert_int_equal(http_method_parse("get", &method), ERROR_SYNTAX);
    assert_int_equal(http_method_parse("", &method), ERROR_SYNTAX);
}

static void splits_targets(void **state)
{
    static const struct {
        const char *target;
        int rc;
        const char *path, *query;
    } rows[] = {
        { "/", 0, "/", "" },
        { "/a/b?c=d&e", 0, "/a/b", "c=d&e" },
        { "/a%20b/c%C3%A9?x=%20", 0, "/a b/c\xc3\xa9", "x=%20" },
        { "/a/?b?c", 0, "/a/", "b?c" },
        { "/a/.b/..c/...", 0, "/a/.b/..c/...", "" },
        { "/%25", 0, "/%", "" },
        { "", ERROR_SYNTAX, NULL, NULL },
        { "a/b", ERROR_SYNTAX, NULL, NULL },
        { "http://localhost/a", ERROR_SYNTAX, NULL, NULL },
        { "*", ERROR_SYNTAX, NULL, NULL },
        { "//a", ERROR_SYNTAX, NULL, NULL },
        { "/a//b", ERROR_SYNTAX, NULL, NULL },
        { "/a/./b", ERROR_SYNTAX, NULL, NULL },
        { "/a/..", ERROR_SYNTAX, NULL, NULL },
        { "/a/%2e%2E/b", ERROR_SYNTAX, NULL, NULL },
        { "/a%2Fb", ERROR_SYNTAX, NULL, NULL },
        { "/a%2f..%2fb", ERROR_SYNTAX, NULL, NULL },
        { "/a%00", ERROR_SYNTAX, NULL, NULL },
        { "/a%", ERROR_SYNTAX, NULL, NULL },
        { "/a%4", ERROR_SYNTAX, NULL, NULL },
        { "/a%4g", ERROR_SYNTAX, NULL, NULL },
        { "/a%4?1", ERROR_SYNTAX, NULL, NULL },
        { "/a b", ERROR_SYNTAX, NULL, NULL },
        { "/a\n", ERROR_SYNTAX, NULL, NULL },
        { "/a#b", ERROR_SYNTAX, NULL, NULL },
        { "/%ff", ERROR_SYNTAX, NULL, NULL },
        { "/%c0%ae", ERROR_SYNTAX, NULL, NULL },
        { "/a?$filter=%27%C3%A9%27+x", 0, "/a", "$filter=%27%C3%A9%27+x" },
        { "/a?$filter=%00", ERROR_SYNTAX, NULL, NULL },
        { "/a?$filter=b%2", ERROR_SYNTAX, NULL, NULL },
        { "/a?$filter=%zz&c=d", ERROR_SYNTAX, NULL, NULL },
        { "/a?b=%ff", ERROR_SYNTAX, NULL, NULL },
        { "/a?b c", ERROR_SYNTAX, NULL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *path = NULL;
        const char *query = NULL;
        assert_int_equal(http_target_split(rows[i].target, &path, &query, NULL), rows[i].rc);
        assert_int_equal(path != NULL, rows[i].rc == 0);
        if (path) {
            assert_string_equal(path, rows[i].path);
            assert_string_equal(query, rows[i].query);
        }
        free(path);
    }
}

static void refuses_targets_that_are_too_long(void **state)
{
    struct buffer target = { 0 };
    char *path = NULL;
    const char *query;
    (void)state;
    buffer_char(&target, '/');
    while (target.size <= HTTP_TARGET_MAX)
        buffer_char(&target, 'a');
    assert_int_equal(http_target_split(target.data, &path, &query, NULL), ERROR_TOO_LARGE);
    buffer_clear(&target);
}

static void finds_parameters_of_a_query(void **state)
{
    static const struct {
        const char *query, *name, *value;
    } rows[] = {
        { "a=1&b=2", "b", "2" },
        { "a=1&b=2", "c", NULL },
        { "API-Version=2024", "api-version", "2024" },
        { "%24filter=x%20eq%20'y'", "$filter", "x eq 'y'" },
        { "a=1+2", "a", "1+2" },
        { "a", "a", "" },
        { "ab=1&a=2", "a", "2" },
        { "a=1&a=2", "a", "1" },
        { "&&=x&a==b=&", "a", "=b=" },
        { "", "a", NULL },
        { "a=%", "a", NULL },
        { "a=%00", "a", NULL },
        { "a=%ff", "a", NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *value = http_query_get(rows[i].query, rows[i].name);
        assert_int_equal(value != NULL, rows[i].value != NULL);
        if (value)
            assert_string_equal(value, rows[i].value);
        free(value);
    }
}

static void encodes_what_is_reserved(void **state)
{
    struct buffer out = { 0 };
    (void)state;
    http_encode(&out, "a/B-9._~ \xc3\xa9%", true);
    assert_string_equal(out.data, "a/B-9._~%20%C3%A9%25");
    buffer_reset(&out);
    http_encode(&out, "a/b", false);
    assert_string_equal(out.data, "a%2Fb");
    buffer_clear(&out);
}

static void keeps_headers_and_compares_names_without_case(void **state)
{
    struct http_headers headers = { 0 };
    (void)state;
    for (int i = 0; i < HTTP_HEADERS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "X-%d", i);
        assert_int_equal(http_header_format(&headers, name, "%d", i), 0);
    }
    assert_int_equal(http_header_add(&headers, "X-more", ""), ERROR_TOO_LARGE);
    assert_string_equal(http_header_get(&headers, "x-17"), "17");
    assert_null(http_header_get(&headers, "x-1777"));
    http_headers_clear(&headers);
    assert_null(http_header_get(&headers, "x-17"));
}

static void refuses_headers_that_would_break_the_message(void **state)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        { "", "x" },          { "a b", "x" }, { "a:", "x" },       { "a\r\nb", "x" },
        { "a", "x\r\nb: c" }, { "a", "\n" },  { "\xc3\xa9", "x" },
    };
    struct http_headers headers = { 0 };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(http_header_add(&headers, rows[i].name, rows[i].value), ERROR_INVALID);
    assert_int_equal(headers.count, 0);
    http_headers_clear(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_methods),
        cmocka_unit_test(splits_targets),
        cmocka_unit_test(refuses_targets_that_are_too_long),
        cmocka_unit_test(finds_parameters_of_a_query),
        cmocka_unit_test(encodes_what_is_reserved),
        cmocka_unit_test(keeps_headers_and_compares_names_without_case),
        cmocka_unit_test(refuses_headers_that_would_break_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
