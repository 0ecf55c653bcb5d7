/* Scopes as people say them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "engine/scope.h"

#define SUB "/subscriptions/s"
#define RG SUB "/resourceGroups/g"
#define ML "/providers/Microsoft.MachineLearningServices/workspaces/"

static const struct workspace_ref here = { "s", "g", "w" };

static void every_word_means_a_place(void **state)
{
    static const struct {
        const char *said, *scope;
    } cases[] = {
        { NULL, RG ML "w" },
        { "", RG ML "w" },
        { "workspace", RG ML "w" },
        { "Workspace:other", RG ML "other" },
        { "instance:ds-ada", RG ML "w/computes/ds-ada" },
        { "resource-group", RG },
        { "resource-group:rg (2)", NULL },
        { "resource-group:g2", SUB "/resourceGroups/g2" },
        { "subscription", SUB },
        { "subscription:t", "/subscriptions/t" },
        { "management-group:top", "/providers/Microsoft.Management/managementGroups/top" },
        { "/", "/" },
        { RG "/", RG },
        { RG ML "w", RG ML "w" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *scope = NULL;
        struct error err = { 0 };
        int rc = scope_of(cases[i].said, &here, &scope, &err);
        assert_int_equal(rc, cases[i].scope ? 0 : ERROR_INVALID);
        if (!text_equal(scope, cases[i].scope))
            fail_msg("\"%s\" is %s", cases[i].said, scope);
        free(scope);
    }
}

static void what_is_no_scope_is_told(void **state)
{
    static const struct {
        const char *said, *part;
    } cases[] = {
        { "instanc:x", "did you mean 'instance'?" },
        { "resourcegroup", "'resource-group'" },
        { "moon", "it is one of workspace, " },
        { "instance", "like instance:NAME" },
        { "instance:", "like instance:NAME" },
        { "instance:a/b", "like instance:NAME" },
        { "instance:..", "like instance:NAME" },
        { "//", "is no scope" },
        { "/a//b", "is no scope" },
        { "/a?b", "is no scope" },
        { "/a\nb", "is no scope" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *scope = NULL;
        struct error err = { 0 };
        if (scope_of(cases[i].said, &here, &scope, &err) != ERROR_INVALID)
            fail_msg("\"%s\" was taken for %s", cases[i].said, scope);
        if (!strstr(err.message, cases[i].part))
            fail_msg("\"%s\": %s", cases[i].said, err.message);
    }
}

static void a_context_may_lack_what_is_meant(void **state)
{
    static const struct workspace_ref nowhere = { NULL, NULL, NULL }, half = { "s", "g", NULL };
    char *scope = NULL;
    struct error err = { 0 };
    (void)state;
    assert_int_equal(scope_of("subscription", &nowhere, &scope, &err), ERROR_USAGE);
    assert_int_equal(scope_of("resource-group", &nowhere, &scope, &err), ERROR_USAGE);
    assert_int_equal(scope_of("instance:x", &half, &scope, &err), ERROR_USAGE);
    assert_string_equal(err.message, "the context has no workspace");
    assert_int_equal(scope_of("resource-group", &half, &scope, &err), 0);
    free(scope);
    assert_int_equal(scope_of("/", &nowhere, &scope, &err), 0);
    free(scope);
}

static void scopes_are_said_as_they_can_be_read(void **state)
{
    static const struct workspace_ref nowhere = { NULL, NULL, NULL };
    static const struct {
        const char *scope, *said;
    } cases[] = {
        { RG ML "w", "workspace" },
        { "/SUBSCRIPTIONS/s/resourcegroups/G" ML "w", "workspace" },
        { RG ML "w/computes/x", "instance:x" },
        { RG ML "w2/computes/x", RG ML "w2/computes/x" },
        { RG, "resource-group" },
        { SUB, "subscription" },
        { "/", "/" },
        { RG "2", RG "2" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer said = { 0 };
        scope_say(&said, cases[i].scope, &here);
        assert_string_equal(said.data, cases[i].said);
        buffer_reset(&said);
        scope_say(&said, cases[i].scope, &nowhere);
        assert_string_equal(said.data, cases[i].scope);
        buffer_clear(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_means_a_place),
        cmocka_unit_test(what_is_no_scope_is_told),
        cmocka_unit_test(scopes_are_said_as_they_can_be_read),
        cmocka_unit_test(a_context_may_lack_what_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
