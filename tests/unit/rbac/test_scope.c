/* Scopes: whole segments, any case, any number of slashes. */
#include "small.h"

#include "rbac/scope.h"

static void covers_by_whole_segments(void **state)
{
    (void)state;
    static const struct {
        const char *above, *below;
        bool covers;
    } cases[] = {
        { "/", "/", true },
        { "/", VM, true },
        { "//", VM, true },
        { SUB, SUB, true },
        { SUB, VM, true },
        { SUB "/", VM, true },
        { SUB, VM "/", true },
        { SUB "//resourceGroups/rg//", WS, true },
        { "/SUBSCRIPTIONS/S1", VM, true },
        { SUB, "/subscriptions/s10", false }, /* only a beginning of the text */
        { RG, SUB "/resourceGroups/rg2", false },
        { RG, SUB "/resourceGroups/rg2/providers/x", false },
        { VM, WS, false },
        { SUB, "/", false },
        { RG, SUB "/resourceGroups", false },
        { "", VM, false }, /* no scope, and never everything */
        { VM, "", false },
        { "subscriptions/s1", SUB, false },
        { SUB, "subscriptions/s1", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (rbac_scope_covers(cases[i].above, cases[i].below) != cases[i].covers)
            fail_msg("'%s' %s '%s'", cases[i].above,
                     cases[i].covers ? "must cover" : "must not cover", cases[i].below);
    }
}

static void has_caps(void **state)
{
    (void)state;
    char text[RBAC_SCOPE_MAX + 2];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? 'a' : '/';
    text[(size_t)2 * RBAC_SEGMENTS_MAX] = '\0';
    assert_true(rbac_scope_covers("/", text));
    text[(size_t)2 * RBAC_SEGMENTS_MAX] = '/';
    text[(size_t)2 * RBAC_SEGMENTS_MAX + 2] = '\0';
    assert_false(rbac_scope_covers("/", text));
    memset(text + 1, 'a', RBAC_SCOPE_MAX);
    text[RBAC_SCOPE_MAX] = '\0';
    assert_true(rbac_scope_covers("/", text));
    text[RBAC_SCOPE_MAX] = 'a';
    text[RBAC_SCOPE_MAX + 1] = '\0';
    assert_false(rbac_scope_covers("/", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers_by_whole_segments),
        cmocka_unit_test(has_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
