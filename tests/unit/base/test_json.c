/* JSON: what is refused and where, paths, one text for equal trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"

static cJSON *parse(const char *text)
{
    cJSON *tree = NULL;
    struct error err = { 0 };
    if (json_parse(text, strlen(text), "the text", &tree, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return tree;
}

static void parses_what_is_json(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "null",
        "true",
        "0",
        "-0",
        "-12.5e+3",
        "1E2",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[1, 2] \n",
        "{\"a\":{\"b\":[null,{}]}}",
        "\"\\\\u0000\"",
        "\"\\u0001\\ud83c\\udf19\"",
        "\"\xF0\x9F\x8C\x99\"",
        "\"}{][\"",
        "\"\\\"\"",
        "[\"\\\\\",\"\\\\\\\\\"]",
        "123456789012345678901234567890123456789012345678901234567890",
        "1e308",
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        cJSON_Delete(parse(cases[i]));
}

static void refuses_what_is_not_and_says_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int offset; /* -1: any */
    } cases[] = {
        { "", 0 },
        { " ", -1 },
        { "[1,]", -1 },
        { "{\"a\":1,}", -1 },
        { "{\"a\" 1}", -1 },
        { "{a:1}", -1 },
        { "[1 2]", -1 },
        { "nul", -1 },
        { "nullx", 4 },
        { "{} {}", 3 },
        { "[] x", 3 },
        { "1 2", 2 },
        { "'a'", -1 },
        { "01", 0 },
        { "[1.]", 1 },
        { "[.5]", -1 },
        { "[-]", 1 },
        { "[+1]", -1 },
        { "[1e]", 1 },
        { "[1e+]", 1 },
        { "[0x10]", -1 },
        { "[NaN]", -1 },
        { "[1e309]", 1 },
        { "[-1e999]", 1 },
        { "1234567890123456789012345678901234567890123456789012345678901", 0 },
        { "[\"a\\\\u0000\\u0000\"]", 10 },
        { "\"\\u0000\"", 1 },
        { "\"a\nb\"", 2 },
        { "\"a\tb\"", 2 },
        { "[1,\x01 2]", 3 },
        { "[1,\x0B 2]", 3 },
        { "\"abc", 0 },
        { "[\"abc\\\"", 1 },
        { "[\"abc\\", 1 },
        { "\"\\", 0 },
        { "\"\\x41\"", -1 },
        { "\"\\ud800\"", -1 },
        { "\"\\udc00\"", -1 },
        { "\"\\ud800\\ud800\"", -1 },
        { "\"\\u12\"", -1 },
        { "\"ab\xFF\"", 3 },
        { "\"\xC0\x80\"", 1 },
        { "\"\xED\xA0\x80\"", 1 },
        { "\"plain text before it \xC3\"", 22 },
        { "\xEF\xBB\xBF{}", 0 },
        { "/* no */ {}", -1 },
        { "]", -1 },
        { "[}", -1 },
        { "}{", -1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *tree = (cJSON *)"untouched";
        struct error err = { 0 };
        int rc = json_parse(cases[i].text, strlen(cases[i].text), "the body", &tree, &err);
        if (rc != ERROR_SYNTAX)
            fail_msg("case %zu was read: %s", i, cases[i].text);
        assert_string_equal((const char *)tree, "untouched");
        assert_true(text_starts(err.message, "the body is not JSON: "));
        assert_true(text_is_utf8(err.message, strlen(err.message)));
        if (cases[i].offset < 0)
            continue;
        char end[32];
        (void)snprintf(end, sizeof end, "at byte %d", cases[i].offset);
        if (!text_ends(err.message, end))
            fail_msg("case %zu: '%s' does not end in '%s'", i, err.message, end);
    }
}

static void reads_no_byte_beyond_the_size(void **state)
{
    (void)state;
    static const char text[] = "[1,{\"a\":\"b\\u00e4\"},true,-12.5e3]";
    for (size_t size = 0; size <= strlen(text); size++) {
        char *exact = malloc(size ? size : 1); /* the sanitizer watches its end */
        memcpy(exact, text, size);
        cJSON *tree = NULL;
        int rc = json_parse(exact, size, "it", &tree, NULL);
        assert_int_equal(rc, size == strlen(text) ? 0 : ERROR_SYNTAX);
        cJSON_Delete(tree);
        free(exact);
    }
}

static void a_nul_byte_is_refused(void **state)
{
    (void)state;
    cJSON *tree = NULL;
    assert_int_equal(json_parse("[1]\0", 4, "it", &tree, NULL), ERROR_SYNTAX);
    assert_int_equal(json_parse("\"a\0b\"", 5, "it", &tree, NULL), ERROR_SYNTAX);
    assert_int_equal(json_parse("[\0]", 3, "it", &tree, NULL), ERROR_SYNTAX);
}

static int parse_nested(int depth, const char *open, const char *innermost, char close)
{
    struct buffer text = { 0 };
    for (int i = 1; i < depth; i++)
        buffer_text(&text, open);
    buffer_text(&text, innermost);
    for (int i = 1; i < depth; i++)
        buffer_char(&text, close);
    cJSON *tree = NULL;
    int rc = json_parse(text.data, text.size, "it", &tree, NULL);
    cJSON_Delete(tree);
    buffer_clear(&text);
    return rc;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(JSON_DEPTH_MAX, "[", "[]", ']'), 0);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX, "{\"a\":", "{}", '}'), 0);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "[", "[]", ']'), ERROR_SYNTAX);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "{\"a\":", "{}", '}'), ERROR_SYNTAX);
    assert_int_equal(parse_nested(1000000, "[", "[]", ']'), ERROR_SYNTAX);
    cJSON_Delete(parse("[[[],[]],[[],[]],\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]")); /* in a string they do not count */
}

static void a_list_of_megabytes_takes_no_time(void **state)
{
    (void)state;
    struct buffer text = { 0 };
    buffer_char(&text, '[');
    while (text.size < 2u << 20)
        buffer_text(&text, "{\"name\":\"ds-ada\",\"properties\":{\"n\":12.5,\"t\":\"\\u00e4\"}},");
    buffer_text(&text, "1]");
    clock_t start = clock();
    cJSON *tree = NULL;
    assert_int_equal(json_parse(text.data, text.size, "it", &tree, NULL), 0);
    struct buffer again = { 0 };
    json_print(tree, true, &again);
    assert_true((clock() - start) / CLOCKS_PER_SEC <
                5); /* far off, but a square would not make it */
    assert_int_equal(again.failed, 0);
    cJSON_Delete(tree);
    buffer_clear(&text);
    buffer_clear(&again);
}

static void finds_members_by_path(void **state)
{
    (void)state;
    cJSON *tree = parse("{\"a\":{\"b\":{\"c\":5}},\"ab\":1,\"A\":2,\"n\":null,\"l\":[{\"x\":1}],"
                        "\"\":{\"\":7}}");
    assert_int_equal(json_int(tree, "a.b.c", 0), 5);
    assert_int_equal(json_int(tree, "ab", 0), 1);
    assert_int_equal(json_int(tree, "A", 0), 2);
    assert_int_equal(json_int(tree, ".", 0), 7);
    static const char *const missing[] = { "b",  "a.c",  "a.b.c.d", "n", "n.x", "l.x",
                                           "a.", "a..b", "ab.",     "B", "a.B" };
    for (size_t i = 0; i < COUNT(missing); i++)
        assert_null(json_at(tree, missing[i]));
    assert_null(json_at(NULL, "a"));
    assert_non_null(json_at(tree, "a.b"));
    cJSON_Delete(tree);
}

static void values_of_another_type_are_the_fallback(void **state)
{
    (void)state;
    cJSON *tree =
        parse("{\"s\":\"x\",\"b\":true,\"f\":false,\"i\":-3,\"d\":1.5,\"e\":1e18,\"h\":1e19,"
              "\"m\":-9223372036854775808,\"o\":{}}");
    assert_string_equal(json_string(tree, "s", "no"), "x");
    assert_string_equal(json_string(tree, "i", "no"), "no");
    assert_null(json_string(tree, "none", NULL));
    assert_true(json_bool(tree, "b", false));
    assert_false(json_bool(tree, "f", true));
    assert_true(json_bool(tree, "s", true));
    assert_int_equal(json_int(tree, "i", 9), -3);
    assert_int_equal(json_int(tree, "d", 9), 9);
    assert_int_equal(json_int(tree, "e", 9), 1000000000000000000);
    assert_int_equal(json_int(tree, "h", 9), 9);
    assert_int_equal(json_int(tree, "m", 9), INT64_MIN);
    assert_int_equal(json_int(tree, "s", 9), 9);
    assert_int_equal(json_int(tree, "o", 9), 9);
    cJSON_Delete(tree);
}

static void puts_values_at_paths(void **state)
{
    (void)state;
    cJSON *tree = parse("{\"keep\":1,\"n\":null,\"l\":[]}");
    assert_int_equal(json_put_string(tree, "a.b.c", "x"), 0);
    assert_int_equal(json_put(tree, "a.b.d", cJSON_CreateNumber(2)), 0);
    assert_int_equal(json_put_string(tree, "a.b.c", NULL), 0);
    assert_int_equal(json_put(tree, "keep", cJSON_CreateTrue()), 0);
    assert_int_equal(json_put_string(tree, "n.m", "y"), 0); /* null on the way is nothing */
    assert_int_equal(json_put_string(tree, "l.m", "y"), ERROR_INVALID);
    assert_int_equal(json_put_string(tree, "a.b.d.e", "y"), ERROR_INVALID);
    assert_int_equal(json_put(tree, "z", NULL), ERROR_NO_MEMORY);
    assert_int_equal(json_put_string(NULL, "z", "y"), ERROR_INVALID);
    char *text = json_text(tree);
    assert_string_equal(text, "{\"keep\":true,\"n\":{\"m\":\"y\"},\"l\":[],"
                              "\"a\":{\"b\":{\"c\":null,\"d\":2}}}");
    free(text);
    cJSON_Delete(tree);
}

static void puts_what_was_detached_elsewhere(void **state)
{
    (void)state;
    cJSON *from = parse("{\"old\":{\"x\":1}}");
    cJSON *to = parse("{\"a\":1,\"b\":2}");
    assert_int_equal(json_put(to, "a", cJSON_DetachItemFromObjectCaseSensitive(from, "old")), 0);
    char *text = json_text(to);
    assert_string_equal(text, "{\"a\":{\"x\":1},\"b\":2}");
    free(text);
    cJSON_Delete(from);
    cJSON_Delete(to);
}

static void prints_one_text_for_equal_trees(void **state)
{
    (void)state;
    cJSON *a = parse("{\"b\":[{\"y\":1,\"x\":2}],\"a\":\"\xC3\xA4\",\"B\":null,\"\xC3\xA4\":true}");
    cJSON *b =
        parse("{\"\\u00e4\":true,\"a\":\"\\u00e4\",\"B\":null,\"b\":[{\"x\":2.0,\"y\":1e0}]}");
    struct buffer left = { 0 };
    struct buffer right = { 0 };
    json_print(a, true, &left);
    json_print(b, true, &right);
    assert_string_equal(left.data, "{\"B\":null,\"a\":\"\xC3\xA4\",\"b\":[{\"x\":2,\"y\":1}],"
                                   "\"\xC3\xA4\":true}");
    assert_string_equal(right.data, left.data);
    buffer_clear(&left);
    buffer_clear(&right);
    cJSON_Delete(a);
    cJSON_Delete(b);
}

static void sorts_objects_with_many_members(void **state)
{
    (void)state;
    cJSON *tree = cJSON_CreateObject();
    for (int i = 999; i >= 0; i--) {
        char name[16];
        (void)snprintf(name, sizeof name, "m%03d", i * 7 % 1000);
        cJSON_AddNumberToObject(tree, name, i);
    }
    struct buffer out = { 0 };
    json_print(tree, true, &out);
    cJSON *again = parse(out.data);
    char expected[16];
    int i = 0;
    const cJSON *child;
    cJSON_ArrayForEach(child, again)
    {
        (void)snprintf(expected, sizeof expected, "m%03d", i++);
        assert_string_equal(child->string, expected);
    }
    assert_int_equal(i, 1000);
    assert_true(json_equal(tree, again));
    buffer_clear(&out);
    cJSON_Delete(tree);
    cJSON_Delete(again);
}

static void prints_for_programs_and_for_people(void **state)
{
    (void)state;
    cJSON *tree = parse("{\"b\":[],\"a\":{},\"l\":[1,{\"x\":-0.5}],\"t\":false}");
    char *text = json_text(tree);
    assert_string_equal(text, "{\"b\":[],\"a\":{},\"l\":[1,{\"x\":-0.5}],\"t\":false}");
    free(text);
    text = json_pretty(tree);
    assert_string_equal(text, "{\n  \"b\": [],\n  \"a\": {},\n  \"l\": [\n    1,\n    {\n"
                              "      \"x\": -0.5\n    }\n  ],\n  \"t\": false\n}");
    free(text);
    text = json_text(NULL);
    assert_string_equal(text, "null");
    free(text);
    cJSON_Delete(tree);
}

static void printing_stops_at_the_cap(void **state)
{
    (void)state;
    cJSON *tree = parse("[1,2,3,4,5,6,7,8,9]");
    struct buffer out = { .max = 8 };
    json_print(tree, false, &out);
    assert_int_equal(out.failed, ERROR_TOO_LARGE);
    buffer_clear(&out);
    cJSON_Delete(tree);
}

static void quotes_every_byte_so_that_it_comes_back(void **state)
{
    (void)state;
    char text[128];
    for (int i = 0; i < 127; i++)
        text[i] = (char)(i + 1);
    text[127] = '\0';
    struct buffer out = { 0 };
    json_quote(&out, text);
    assert_true(text_starts(out.data, "\"\\u0001\\u0002"));
    assert_non_null(strstr(out.data, "\\b\\t\\n\\u000b\\f\\r\\u000e"));
    assert_non_null(strstr(out.data, "!\\\"#"));
    assert_non_null(strstr(out.data, "[\\\\]"));
    cJSON *tree = parse(out.data);
    assert_string_equal(tree->valuestring, text);
    cJSON_Delete(tree);
    buffer_reset(&out);
    json_quote(&out, "");
    assert_string_equal(out.data, "\"\"");
    buffer_clear(&out);
}

static void compares_deeply(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        { "{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1.0}", true },
        { "{}", "{}", true },
        { "[]", "[]", true },
        { "[]", "{}", false },
        { "{\"a\":1}", "{\"A\":1}", false },
        { "{\"a\":1}", "{\"a\":1,\"b\":1}", false },
        { "{\"a\":1,\"b\":1}", "{\"a\":1}", false },
        { "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2}", false },
        { "{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":1}", false },
        { "{\"a\":null}", "{}", false },
        { "[1,2]", "[2,1]", false },
        { "[1,2]", "[1]", false },
        { "[1]", "[1,2]", false },
        { "\"a\"", "\"A\"", false },
        { "\"1\"", "1", false },
        { "true", "false", false },
        { "null", "null", true },
        { "0.1", "0.10000000000000001", true },
        { "9007199254740993", "9007199254740992", true }, /* one double */
        { "0.3", "0.30000000000000004", true },           /* cJSON writes both as 0.3 */
        { "1", "1.000000000000001", false },
        { "0", "-0", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *a = parse(cases[i].a);
        cJSON *b = parse(cases[i].b);
        if (json_equal(a, b) != cases[i].equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        struct buffer left = { 0 };
        struct buffer right = { 0 };
        json_print(a, true, &left);
        json_print(b, true, &right);
        assert_int_equal(strcmp(left.data, right.data) == 0, cases[i].equal);
        buffer_clear(&left);
        buffer_clear(&right);
        cJSON_Delete(a);
        cJSON_Delete(b);
    }
    assert_true(json_equal(NULL, NULL));
    cJSON *null = cJSON_CreateNull();
    assert_false(json_equal(null, NULL));
    cJSON_Delete(null);
}

/* An allocator that has had enough after some calls. */
static long allocations_left;

static void *scarce_malloc(size_t size)
{
    if (allocations_left-- <= 0) {
        errno = ENOMEM;
        return NULL;
    }
    return malloc(size);
}

static void tells_memory_from_syntax(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,\"two\",{\"three\":null}]}";
    cJSON_Hooks scarce = { .malloc_fn = scarce_malloc, .free_fn = free };
    cJSON_InitHooks(&scarce);
    int rc = ERROR_NO_MEMORY;
    int tries = 0;
    for (; rc == ERROR_NO_MEMORY && tries < 100; tries++) {
        cJSON *tree = NULL;
        allocations_left = tries;
        rc = json_parse(text, strlen(text), "it", &tree, NULL);
        cJSON_Delete(tree);
    }
    cJSON_InitHooks(NULL);
    assert_int_equal(rc, 0);
    assert_in_range(tries, 5, 99);
}

static void putting_copes_without_memory(void **state)
{
    (void)state;
    cJSON_Hooks scarce = { .malloc_fn = scarce_malloc, .free_fn = free };
    cJSON_InitHooks(&scarce);
    int rc = ERROR_NO_MEMORY;
    for (int tries = 0; rc == ERROR_NO_MEMORY && tries < 100; tries++) {
        allocations_left = 1;
        cJSON *tree = cJSON_CreateObject();
        allocations_left = tries;
        rc = json_put_string(tree, "a.b.c", "x");
        cJSON_Delete(tree);
    }
    cJSON_InitHooks(NULL);
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_is_json),
        cmocka_unit_test(refuses_what_is_not_and_says_where),
        cmocka_unit_test(reads_no_byte_beyond_the_size),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_list_of_megabytes_takes_no_time),
        cmocka_unit_test(finds_members_by_path),
        cmocka_unit_test(values_of_another_type_are_the_fallback),
        cmocka_unit_test(puts_values_at_paths),
        cmocka_unit_test(puts_what_was_detached_elsewhere),
        cmocka_unit_test(prints_one_text_for_equal_trees),
        cmocka_unit_test(sorts_objects_with_many_members),
        cmocka_unit_test(prints_for_programs_and_for_people),
        cmocka_unit_test(printing_stops_at_the_cap),
        cmocka_unit_test(quotes_every_byte_so_that_it_comes_back),
        cmocka_unit_test(compares_deeply),
        cmocka_unit_test(tells_memory_from_syntax),
        cmocka_unit_test(putting_copes_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
