/* test_directory_filter.c - $filter on principals: what is understood, and whom it lets pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/text.h"
#include "plane/directory_filter.h"

static const struct directory_entry ada = {
    .values = { "1", "ada@b.c", "Ada O'Neil", NULL },
};

static const struct {
    const char *filter;
    int passes; /* -1: not understood */
} cases[] = {
    { "id eq '1'", 1 },
    { "ID EQ '1'", 1 },
    { "  id  eq  '1'  ", 1 },
    { "id eq '2'", 0 },
    { "id in ('2','1')", 1 },
    { "id in('2')", 0 },
    { "mail eq 'ADA@B.C'", 1 },
    { "displayName eq 'ada o''neil'", 1 },
    { "appId eq ''", 0 }, /* she has none */
    { "startsWith(displayName, 'ada')", 1 },
    { "startswith(displayName,'')", 1 },
    { "startsWith(displayName,'ada o''neil jr')", 0 },
    { "servicePrincipalNames/any(c:c eq '1')", 0 },
    { "id eq '1' and id eq '2'", 0 },
    { "id eq '1' or id eq '2'", 1 },
    { "id eq '1' or id eq '2' and id eq '3'", 1 },
    { "(id eq '1' or id eq '2') and id eq '3'", 0 },
    { "((id eq '1'))", 1 },
    { "", -1 },
    { "id", -1 },
    { "id eq", -1 },
    { "id eq 1", -1 },
    { "id eq '1", -1 },
    { "id ne '1'", -1 },
    { "id in ()", -1 },
    { "id in ('1'", -1 },
    { "id eq '1' and", -1 },
    { "id eq '1' id eq '2'", -1 },
    { "idx eq '1'", -1 },
    { "not (id eq '1')", -1 },
    { "(id eq '1'", -1 },
    { "id eq '1')", -1 },
    { "startsWith(id)", -1 },
    { "startsWith id,'1'", -1 },
    { "servicePrincipalNames/all(c:c eq '1')", -1 },
    { "\xf0\x9f\x9a\x80 eq '1'", -1 },
};

static void filters_pass_or_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct directory_filter *filter = NULL;
        int rc = directory_filter_read(cases[i].filter, &filter);
        int passes = rc == 0 ? directory_filter_passes(filter, &ada) : -1;
        if (passes != cases[i].passes || (rc < 0) != (filter == NULL))
            fail_msg("%s: %d", cases[i].filter, passes);
        directory_filter_free(filter);
    }
}

/* `count` times `text`, with `join` between. */
static int read_many(const char *before, const char *text, const char *join, size_t count,
                     const char *after)
{
    struct buffer all = { 0 };
    struct directory_filter *filter = NULL;
    buffer_text(&all, before);
    for (size_t i = 0; i < count; i++)
        buffer_format(&all, "%s%s", i > 0 ? join : "", text);
    buffer_text(&all, after);
    int rc = directory_filter_read(all.data, &filter);
    directory_filter_free(filter);
    buffer_clear(&all);
    return rc;
}

static void what_can_grow_has_an_end(void **state)
{
    (void)state;
    assert_int_equal(read_many("id in (", "'1'", ",", DIRECTORY_FILTER_NAMES_MAX, ")"), 0);
    assert_int_equal(read_many("id in (", "'1'", ",", DIRECTORY_FILTER_NAMES_MAX + 1, ")"),
                     ERROR_SYNTAX);
    assert_int_equal(read_many("", "id eq '1'", " or ", 32, ""), 0);
    assert_int_equal(read_many("", "id eq '1'", " or ", 33, ""), ERROR_SYNTAX);
    assert_int_equal(read_many("", "(", "", 100000, "id eq '1'"), ERROR_SYNTAX);
}

static void names_alone_are_told(void **state)
{
    (void)state;
    struct directory_filter *filter = NULL;
    enum directory_field field = DIRECTORY_FIELD_ID;
    char *const *names = NULL;
    size_t count = 0;
    assert_int_equal(directory_filter_read("mail in ('a','b')", &filter), 0);
    assert_true(directory_filter_is_names(filter, &field, &names, &count));
    assert_int_equal(field, DIRECTORY_FIELD_UPN);
    assert_int_equal(count, 2);
    assert_string_equal(names[1], "b");
    directory_filter_free(filter);
    assert_int_equal(directory_filter_read("startsWith(mail,'a')", &filter), 0);
    assert_false(directory_filter_is_names(filter, &field, &names, &count));
    directory_filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_pass_or_are_refused),
        cmocka_unit_test(what_can_grow_has_an_end),
        cmocka_unit_test(names_alone_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
