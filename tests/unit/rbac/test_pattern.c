/* What a pattern covers: the cases that FACTS.md tells, and those that trip matchers up. */
#include "small.h"

#include "rbac/pattern.h"

static void covers_what_the_rule_says(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *action;
        bool covers;
    } cases[] = {
        { "a/b/read", "a/b/read", true },
        { "A/b/READ", "a/B/read", true },
        { "a/b/read", "a/b/reader", false },
        { "a/b/read", "xa/b/read", false },
        { "a/b", "a/b/read", false }, /* whole actions, not beginnings */
        { "*", "a", true },
        { "*", "a/b/read", true },
        { "*/read", "a/b/c/read", true }, /* a star spans segments */
        { "*/read", "a/b/c/write", false },
        { "*/read", "read", false }, /* no slash in front of the star to share */
        { "a/*", "a/b/c", true },
        { "a/*", "a/", true },
        { "a/*", "a", false },
        { "a/*", "ab/c", false },
        { "a/*/write", "a/b/write", true },
        { "a/*/write", "a/b/c/write", true },
        { "a/*/write", "a/write", true }, /* no segment at all */
        { "a/*/write", "awrite", false },
        { "a/*/write", "a/xwrite", false },
        { "a/*/*/write", "a/write", true },
        { "a/*/b/*/c", "a/b/c", true },
        { "a/*/b/*/c", "a/x/b/y/z/c", true },
        { "a/*/b/*/c", "a/bc", false },
        { "a/**/c", "a/c", true }, /* a run of stars is one */
        { "a/b*/c", "a/b/c", true },
        { "a/b*/c", "a/bx/y/c", true },
        { "a/b*/c", "a/c", false },
        { "a/*b/c", "a/c", false }, /* only a star that is a whole segment */
        { "a*a", "aa", true },
        { "a*a", "a", false }, /* the two ends may not overlap */
        { "ab*ba", "aba", false },
        { "a/*/a", "a/a", true },
        { "a/*/", "a/", true },
        { "*a*b*", "xxaxxbxx", true },
        { "*a*b*", "ba", false },
        { "a*b*c", "abbbbbbc", true },
        { "*aab", "aaaab", true },
        { "", "", false }, /* no action is no question */
        { "*", "", false },
        { "*", "a/*", false }, /* a question about a pattern has no answer */
        { "a.b/c", "axb/c", false },
        { "a?/c", "ab/c", false },
        { "[a]/c", "a/c", false },
        { ML "workspaces/computes/*/write", ML "workspaces/computes/write", true },
        { ML "workspaces/*/delete", ML "workspaces/delete", true },
        { ML "workspaces/*/read", ML "workspaces/computes/read", true },
        { ML "workspaces/*/read", ML "registries/read", false },
        { "Microsoft.Authorization/*/Write", "microsoft.authorization/roleassignments/write",
          true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (rbac_pattern_covers(cases[i].pattern, cases[i].action) != cases[i].covers)
            fail_msg("'%s' %s '%s'", cases[i].pattern,
                     cases[i].covers ? "must cover" : "must not cover", cases[i].action);
    }
}

static void what_is_too_long_covers_nothing(void **state)
{
    (void)state;
    char text[RBAC_ACTION_MAX + 2];
    memset(text, 'a', sizeof text);
    text[RBAC_ACTION_MAX] = '\0';
    assert_true(rbac_pattern_covers(text, text));
    assert_true(rbac_pattern_covers("*", text));
    text[RBAC_ACTION_MAX] = 'a';
    text[RBAC_ACTION_MAX + 1] = '\0';
    assert_false(rbac_pattern_covers("*", text));
    assert_false(rbac_pattern_covers(text, "a"));
}

/* Each star of the pattern could go to many places: a matcher that tries them all never ends. */
static void many_stars_take_no_longer(void **state)
{
    (void)state;
    char pattern[RBAC_ACTION_MAX + 1];
    char action[RBAC_ACTION_MAX + 1];
    for (size_t i = 0; i < 300; i++)
        memcpy(pattern + i * 3, "*a/", 4);
    memcpy(pattern + 900, "b", 2);
    memset(action, 'a', RBAC_ACTION_MAX);
    action[RBAC_ACTION_MAX] = '\0';
    for (size_t i = 1; i < RBAC_ACTION_MAX; i += 3)
        action[i] = '/';
    assert_false(rbac_pattern_covers(pattern, action));
    memcpy(action + RBAC_ACTION_MAX - 3, "a/b", 3);
    assert_true(rbac_pattern_covers(pattern, action));
}

static void other_bytes_do_not_fold(void **state)
{
    (void)state;
    char a[2] = { 0 };
    char b[2] = { 0 };
    for (int i = 1; i < 256; i++) {
        for (int k = 1; k < 256; k++) {
            int low_i = i >= 'A' && i <= 'Z' ? i + 32 : i;
            int low_k = k >= 'A' && k <= 'Z' ? k + 32 : k;
            a[0] = (char)i;
            b[0] = (char)k;
            if (i != '*' && k != '*')
                assert_int_equal(rbac_pattern_covers(a, b), low_i == low_k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers_what_the_rule_says),
        cmocka_unit_test(what_is_too_long_covers_nothing),
        cmocka_unit_test(many_stars_take_no_longer),
        cmocka_unit_test(other_bytes_do_not_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
