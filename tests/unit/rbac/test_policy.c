/* What a policy takes in, what it refuses, and that it stays right when it grows. */
#include "small.h"

static void copies_what_it_is_given(void **state)
{
    (void)state;
    struct rbac_policy *policy = rbac_policy_new();
    char who[] = "ada";
    char scope[] = "/subscriptions/s1";
    char pattern[] = "a/*";
    const char *patterns[] = { pattern };
    struct rbac_permission permission = { .actions = { patterns, 1 } };
    small_role(policy, "r", permission);
    small_give(policy, who, "r", scope);
    memset(who, 'x', sizeof who - 1);
    memset(scope, 'x', sizeof scope - 1);
    memset(pattern, 'x', sizeof pattern - 1);
    patterns[0] = NULL;
    small_compile(policy);
    assert_int_equal(rbac_decide(policy, "ada", "a/b", SUB, false), RBAC_ALLOWED);
    assert_string_equal(rbac_policy_role(policy, "r")->permissions[0].actions.items[0], "a/*");
    rbac_policy_free(policy);
}

static void refuses_what_is_no_assignment(void **state)
{
    (void)state;
    char *long_id = calloc(1, RBAC_ID_MAX + 2);
    assert_non_null(long_id);
    memset(long_id, 'a', RBAC_ID_MAX + 1);
    const struct {
        struct rbac_assignment assignment;
        int rc;
    } cases[] = {
        { { .principal_id = "ada", .role_id = "r", .scope = "/" }, 0 },
        { { .role_id = "r", .scope = "/" }, ERROR_INVALID },
        { { .principal_id = "", .role_id = "r", .scope = "/" }, ERROR_INVALID },
        { { .principal_id = "ada", .scope = "/" }, ERROR_INVALID },
        { { .principal_id = "ada", .role_id = "x/", .scope = "/" }, ERROR_INVALID },
        { { .principal_id = "ada", .role_id = "r" }, ERROR_INVALID },
        { { .principal_id = "ada", .role_id = "r", .scope = "" }, ERROR_INVALID },
        { { .principal_id = "ada", .role_id = "r", .scope = "subscriptions/s1" }, ERROR_INVALID },
        { { .principal_id = long_id, .role_id = "r", .scope = "/" }, ERROR_TOO_LARGE },
        { { .id = long_id, .principal_id = "a", .role_id = "r", .scope = "/" }, ERROR_TOO_LARGE },
    };
    struct rbac_policy *policy = rbac_policy_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        assert_int_equal(rbac_policy_add_assignment(policy, &cases[i].assignment, &err),
                         cases[i].rc);
        assert_int_equal(err.code, cases[i].rc);
    }
    small_compile(policy);
    free(long_id);
    rbac_policy_free(policy);
}

static void refuses_a_role_twice(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    struct rbac_role role = *rbac_builtin_role("Owner");
    role.id = "/subscriptions/s1/roleDefinitions/8E3AF657-A8FF-443C-A75C-2FE8C4BCB635";
    assert_int_equal(rbac_policy_add_role(policy, &role, NULL), ERROR_CONFLICT);
    rbac_policy_free(policy); /* also one that was never compiled */
}

static void refuses_a_pattern_that_is_too_long(void **state)
{
    (void)state;
    struct rbac_policy *policy = rbac_policy_new();
    char pattern[RBAC_ID_MAX + 1];
    memset(pattern, 'a', sizeof pattern - 1);
    pattern[sizeof pattern - 1] = '\0';
    const char *patterns[] = { pattern };
    struct rbac_permission permission = { .not_data_actions = { patterns, 1 } };
    struct rbac_role role = { .id = "r", .permissions = &permission, .permission_count = 1 };
    assert_int_equal(rbac_policy_add_role(policy, &role, NULL), ERROR_TOO_LARGE);
    rbac_policy_free(policy);
}

static void an_empty_policy_denies(void **state)
{
    (void)state;
    struct rbac_policy *policy = rbac_policy_new();
    small_compile(policy);
    assert_int_equal(rbac_decide(policy, "ada", "a/read", "/", false), RBAC_DENIED);
    rbac_policy_free(policy);
    rbac_policy_free(NULL);
}

/* Many assignments at one scope and many groups of one person: the paths that a small policy never
 * takes.  Person i is in group i; group i may read at scope i and everybody's at the root. */
static void stays_right_when_it_grows(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    struct rbac_policy *policy = rbac_policy_new();
    small_role(policy, "may-read", (struct rbac_permission) { .actions = STRINGS("*/read") });
    small_role(policy, "may-write", (struct rbac_permission) { .actions = STRINGS("*/write") });
    for (int i = 0; i < MANY; i++) {
        char *person = text_format("person-%d", i);
        char *group = text_format("group-%d", i);
        char *scope = text_format("/subscriptions/%d", i % 7);
        small_member(policy, group, person);
        if (i % 3 == 0)
            small_member(policy, group, "collector");
        small_give(policy, group, i % 2 ? "may-read" : "may-write", i % 5 ? scope : "/");
        free(person);
        free(group);
        free(scope);
    }
    size_t before = rbac_policy_memory(policy);
    small_compile(policy);
    assert_true(rbac_policy_memory(policy) > before);
    for (int i = 0; i < MANY; i++) {
        char *person = text_format("PERSON-%d", i);
        char *own = text_format("/subscriptions/%d/x", i % 7);
        char *other = text_format("/subscriptions/%d/x", (i + 1) % 7);
        enum rbac_verdict elsewhere = i % 5 ? RBAC_DENIED : RBAC_ALLOWED;
        const char *given = i % 2 ? "a/read" : "a/write";
        const char *not_given = i % 2 ? "a/write" : "a/read";
        assert_int_equal(rbac_decide(policy, person, given, own, false), RBAC_ALLOWED);
        assert_int_equal(rbac_decide(policy, person, not_given, own, false), RBAC_DENIED);
        assert_int_equal(rbac_decide(policy, person, given, other, false), elsewhere);
        free(person);
        free(own);
        free(other);
    }
    assert_int_equal(rbac_decide(policy, "collector", "a/read", "/subscriptions/6", false),
                     RBAC_ALLOWED);
    assert_int_equal(rbac_decide(policy, "collector", "a/delete", "/subscriptions/6", false),
                     RBAC_DENIED);
    rbac_policy_free(policy);
}

/* More roles than are remembered within one question. */
static void counts_every_role(void **state)
{
    (void)state;
    enum { ROLES = 1500 };
    struct rbac_policy *policy = rbac_policy_new();
    for (int i = 0; i < ROLES; i++) {
        char *id = text_format("role-%d", i);
        char *action = text_format("a%d/read", i);
        small_role(policy, id, (struct rbac_permission) { .actions = STRINGS(action) });
        small_give(policy, "ada", id, "/");
        free(id);
        free(action);
    }
    small_compile(policy);
    for (int i = 0; i < ROLES; i++) {
        char *action = text_format("A%d/read", i);
        assert_int_equal(rbac_decide(policy, "ada", action, SUB, false), RBAC_ALLOWED);
        free(action);
    }
    assert_int_equal(rbac_decide(policy, "ada", "a1500/read", SUB, false), RBAC_DENIED);
    rbac_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_what_it_is_given),
        cmocka_unit_test(refuses_what_is_no_assignment),
        cmocka_unit_test(refuses_a_role_twice),
        cmocka_unit_test(refuses_a_pattern_that_is_too_long),
        cmocka_unit_test(an_empty_policy_denies),
        cmocka_unit_test(stays_right_when_it_grows),
        cmocka_unit_test(counts_every_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
