/* test_template.c - cutting templates into literals, markers and Lua. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "setup/template.h"

/* The literals as they stand, markers as <code>. */
static void flatten(const struct template *template, struct buffer *out)
{
    size_t size;
    const char *lua = template_lua(template, &size);
    for (const char *at = lua; *at;) {
        size_t index = 0;
        if (sscanf(at, "__literal(%zu);", &index) == 1) {
            const struct template_literal *literal = template_literal(template, index);
            buffer_append(out, literal->text, literal->size);
        } else if (sscanf(at, "__at(%zu)", &index) == 1) {
            const struct template_marker *marker = template_marker(template, index);
            buffer_format(out, "<%.*s>", (int)marker->code_size, marker->code);
        }
        at += 1;
    }
    buffer_text(out, "");
}

static const struct {
    const char *text, *expected;
} cut[] = {
    { "echo hello\n", "echo hello\n" },
    { "", "" },
    { "a {{ x }} b", "a <x> b" },
    { "{{x}}{{y}}", "<x><y>" },
    { "a\n{% if x then %}\nb\n{% end %}\nc\n", "a\n<if x then>b\n<end>c\n" },
    { "a\n  {% if x then %}  \nb\n\t{% end %}", "a\n<if x then>b\n<end>" },
    { "{% x = 1 %} {# and #} {% y = 2 %}\nb", "<x = 1><y = 2>b" },
    { "a {% if x then %}\nb", "a <if x then>\nb" },
    { "{% if x then %} a\nb", "<if x then> a\nb" },
    { "{{ x }}\n{% y() %}\n", "<x>\n<y()>" },
    { "{{ x }} {% y() %}\nb", "<x> <y()>\nb" },
    { "{# gone #}\nb", "b" },
    { "a\r\n{% y() %}\r\nb\r\n", "a\r\n<y()>b\r\n" },
    { "a{# {{ x }} %} #}b", "ab" },
    { "{# two\nlines #}\nb", "b" },
    { "{{{{ x }} {%% y %} {## z #}", "{{ x }} {% y %} {# z #}" },
    { "echo ${#list} ${#}", "echo ${#list} ${#}" },
    { "{{ '}}' }} {{ \"}}\" }}", "<'}}'> <\"}}\">" },
    { "{{ [[}}]] }}{{ [=[ ]] }} ]=] }}", "<[[}}]]><[=[ ]] }} ]=]>" },
    { "{{ {1,{2}} }}", "<{1,{2}}>" },
    { "{{#list}}", "<#list>" },
    { "{% x = '%}' %}", "<x = '%}'>" },
    { "{% x = 1 -- a comment' %}b", "<x = 1>b" },
    { "{{ x --[[ }} ]] }}", "<x>" },
    { "{{ t[u[1]] }}", "<t[u[1]]>" },
    { "{ {a,b}; }\n", "{ {a,b}; }\n" },
};

static void cuts_templates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cut); i++) {
        struct template *template = NULL;
        struct buffer out = { 0 };
        int column;
        assert_int_equal(template_parse(cut[i].text, strlen(cut[i].text), &template, &column, NULL),
                         0);
        flatten(template, &out);
        assert_string_equal(out.data, cut[i].expected);
        buffer_clear(&out);
        template_free(template);
    }
}

static const struct {
    const char *text, *message;
    int line, column;
} broken[] = {
    { "a\n  {{ x ", "'{{' has no '}}'", 2, 3 },
    { "{% if x then", "'{%' has no '%}'", 1, 1 },
    { "ab{# ", "'{#' has no '#}'", 1, 3 },
    { "{{ }}", "nothing between", 1, 1 },
    { "{{ 'x }}", "no end", 1, 4 },
    { "{{ x) }}", "closes nothing", 1, 5 },
    { "{% if x then as_user() end %}", "stands alone", 1, 1 },
    { "{{ [[ }}", "no end", 1, 4 },
};

static void tells_where_a_template_is_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct template *template = NULL;
        struct error err = { 0 };
        int column = 0;
        assert_int_equal(
            template_parse(broken[i].text, strlen(broken[i].text), &template, &column, &err),
            ERROR_SYNTAX);
        assert_non_null(strstr(err.message, broken[i].message));
        assert_int_equal(err.line, broken[i].line);
        assert_int_equal(column, broken[i].column);
    }
}

static void keeps_the_lines_of_the_template_in_the_lua_source(void **state)
{
    static const char text[] = "#!/bin/sh\n{#\n two\n#}\n{{{{\n{% for _, x in\n ipairs(xs) do %}\n"
                               "echo {{\nx }} end\n{% end %}\n{% last() %}\n";
    struct template *template = NULL;
    size_t size;
    int column, line = 1;
    (void)state;
    assert_int_equal(template_parse(text, sizeof text - 1, &template, &column, NULL), 0);
    const char *lua = template_lua(template, &size), *last = strstr(lua, "last()");
    assert_non_null(last);
    for (const char *c = lua; c < last; c++)
        line += *c == '\n';
    assert_int_equal(line, 11);
    assert_int_equal(template_column(template, 8, 2), 6);
    assert_int_equal(template_column(template, 6, 0), 1);
    template_free(template);
}

static void finds_the_line_that_a_rendered_line_came_from(void **state)
{
    cJSON *lines = cJSON_Parse("[1,1,3,5,6,5,7,9]");
    (void)state;
    assert_int_equal(template_line_of(lines, 1), 1);
    assert_int_equal(template_line_of(lines, 2), 2);
    assert_int_equal(template_line_of(lines, 4), 6);
    assert_int_equal(template_line_of(lines, 6), 5);
    assert_int_equal(template_line_of(lines, 9), 11);
    assert_int_equal(template_line_of(NULL, 9), 9);
    cJSON_Delete(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_templates),
        cmocka_unit_test(tells_where_a_template_is_broken),
        cmocka_unit_test(keeps_the_lines_of_the_template_in_the_lua_source),
        cmocka_unit_test(finds_the_line_that_a_rendered_line_came_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
