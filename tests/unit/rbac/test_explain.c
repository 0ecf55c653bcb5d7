/* Why: which assignment, role, path, pattern; or what comes nearest. */
#include "small.h"

#define START ML "workspaces/computes/start/action"
#define CREATE ML "workspaces/computes/write"

static struct rbac_explanation ask(const struct rbac_policy *policy, const char *who,
                                   const char *action, const char *scope)
{
    struct rbac_explanation why;
    assert_int_equal(rbac_explain(policy, who, action, scope, false, &why, NULL), 0);
    assert_int_equal(why.verdict, rbac_decide(policy, who, action, scope, false));
    return why;
}

static void names_the_chain_that_gives_it(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_member(policy, "team", "ada");
    small_member(policy, "division", "team");
    small_member(policy, "division", "grace");
    small_give(policy, "Division", "AzureML Compute Operator", RG);
    small_compile(policy);
    struct rbac_explanation why = ask(policy, "ada", START, VM);
    assert_int_equal(why.verdict, RBAC_ALLOWED);
    assert_int_equal(why.because, RBAC_BECAUSE_ASSIGNMENT);
    assert_string_equal(why.role->name, "AzureML Compute Operator");
    assert_string_equal(why.assignment->scope, RG);
    assert_string_equal(why.assignment->principal_id, "Division");
    assert_string_equal(why.pattern, ML "workspaces/computes/*");
    assert_null(why.not_pattern);
    assert_int_equal(why.path.count, 3);
    assert_string_equal(why.path.ids[0], "ada");
    assert_string_equal(why.path.ids[1], "team");
    assert_string_equal(why.path.ids[2], "division");
    assert_null(why.suggestion);
    rbac_policy_free(policy);
}

static void prefers_the_plainest_assignment(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    struct rbac_assignment conditional = { .principal_id = "ada",
                                           .role_id = rbac_builtin_role("Owner")->id,
                                           .scope = VM,
                                           .has_condition = true };
    assert_int_equal(rbac_policy_add_assignment(policy, &conditional, NULL), 0);
    small_member(policy, "team", "ada");
    small_give(policy, "team", "Owner", VM);
    small_give(policy, "ada", "Contributor", "/");
    small_give(policy, "ada", "Contributor", SUB);
    small_compile(policy);
    struct rbac_explanation why = ask(policy, "ada", START, VM);
    assert_false(why.assignment->has_condition);
    assert_int_equal(why.path.count, 1);
    assert_string_equal(why.assignment->scope, SUB);
    rbac_policy_free(policy);
}

static void says_which_deny_takes_it(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    const struct rbac_permission permission = { .actions = STRINGS("*/action") };
    struct rbac_deny deny = { .name = "locked",
                              .permissions = &permission,
                              .permission_count = 1,
                              .principals = STRINGS("team"),
                              .scope = SUB };
    assert_int_equal(rbac_policy_add_deny(policy, &deny, NULL), 0);
    small_member(policy, "team", "ada");
    small_give(policy, "ada", "Owner", "/");
    small_compile(policy);
    struct rbac_explanation why = ask(policy, "ada", START, VM);
    assert_int_equal(why.verdict, RBAC_DENIED);
    assert_int_equal(why.because, RBAC_BECAUSE_DENY);
    assert_string_equal(why.deny->name, "locked");
    assert_string_equal(why.deny_pattern, "*/action");
    assert_int_equal(why.deny_path.count, 2);
    assert_string_equal(why.deny_path.ids[1], "team");
    assert_string_equal(why.role->name, "Owner"); /* what would give it */
    assert_null(why.suggestion);                  /* no role would help */
    rbac_policy_free(policy);
}

static void tells_what_comes_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *role, *at, *action;
        enum rbac_because because;
        const char *suggestion;
    } cases[] = {
        { "AzureML Data Scientist", WS, CREATE, RBAC_BECAUSE_NOT_ACTION,
          "AzureML Compute Operator" },
        { "AzureML Compute Operator", RG "2", START, RBAC_BECAUSE_SCOPE,
          "AzureML Compute Operator" },
        { "Storage Blob Data Contributor", WS,
          "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
          RBAC_BECAUSE_OTHER_PLANE, "Storage Account Contributor" },
        { "Reader", WS, START, RBAC_BECAUSE_NOTHING, "AzureML Compute Operator" },
        { "Reader", RG "2", ML "workspaces/read", RBAC_BECAUSE_SCOPE, "Reader" },
        { "no such role", WS, START, RBAC_BECAUSE_ROLE_GONE, "AzureML Compute Operator" },
        { "Contributor", WS, "Microsoft.Authorization/roleAssignments/write",
          RBAC_BECAUSE_NOT_ACTION, "Role Based Access Control Administrator" },
        { "Owner", WS, "*", RBAC_BECAUSE_NO_QUESTION, NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rbac_policy *policy = small_policy();
        small_give(policy, "ada", cases[i].role, cases[i].at);
        small_compile(policy);
        struct rbac_explanation why = ask(policy, "ada", cases[i].action, VM);
        assert_int_equal(why.verdict, RBAC_DENIED);
        if (why.because != cases[i].because)
            fail_msg("%s at %s: %s: %d", cases[i].role, cases[i].at, cases[i].action, why.because);
        assert_string_equal(why.suggestion ? why.suggestion->name : "",
                            cases[i].suggestion ? cases[i].suggestion : "");
        rbac_policy_free(policy);
    }
}

static void of_other_scopes_tells_the_one_that_shares_most(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_give(policy, "ada", "Owner", "/subscriptions/s2");
    small_give(policy, "ada", "Owner", WS "/computes/other");
    small_give(policy, "ada", "Owner", RG "2");
    small_compile(policy);
    struct rbac_explanation why = ask(policy, "ada", START, VM);
    assert_int_equal(why.because, RBAC_BECAUSE_SCOPE);
    assert_string_equal(why.assignment->scope, WS "/computes/other");
    rbac_policy_free(policy);
}

static void somebody_unknown_gets_a_suggestion(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_compile(policy);
    struct rbac_explanation why = ask(policy, "nobody", START, VM);
    assert_int_equal(why.because, RBAC_BECAUSE_NOTHING);
    assert_null(why.assignment);
    assert_int_equal(why.path.count, 0);
    assert_string_equal(why.suggestion->name, "AzureML Compute Operator");
    rbac_policy_free(policy);
}

static void a_long_path_is_cut_in_the_middle(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    char ids[40][16];
    for (int length = 1; length < 40; length++) {
        (void)snprintf(ids[length], sizeof ids[length], "g%d", length);
        small_member(policy, ids[length], length == 1 ? "ada" : ids[length - 1]);
        char *scope = text_format("/s/%d", length);
        small_give(policy, ids[length], "Reader", scope);
        free(scope);
    }
    small_compile(policy);
    for (int length = 1; length < 40; length++) {
        char *scope = text_format("/s/%d", length);
        struct rbac_explanation why = ask(policy, "ada", "a/read", scope);
        size_t wanted = length < RBAC_PATH_MAX ? (size_t)length + 1 : RBAC_PATH_MAX;
        assert_int_equal(why.path.count, wanted);
        assert_string_equal(why.path.ids[0], "ada");
        for (size_t i = 1; i < wanted; i++) {
            size_t from_end = wanted - 1 - i;
            size_t group = why.path.gap && i >= why.path.gap ? (size_t)length - from_end : i;
            assert_string_equal(why.path.ids[i], ids[group]);
        }
        assert_int_equal(why.path.gap > 0, length >= RBAC_PATH_MAX);
        free(scope);
    }
    rbac_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_chain_that_gives_it),
        cmocka_unit_test(prefers_the_plainest_assignment),
        cmocka_unit_test(says_which_deny_takes_it),
        cmocka_unit_test(tells_what_comes_nearest),
        cmocka_unit_test(of_other_scopes_tells_the_one_that_shares_most),
        cmocka_unit_test(somebody_unknown_gets_a_suggestion),
        cmocka_unit_test(a_long_path_is_cut_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
