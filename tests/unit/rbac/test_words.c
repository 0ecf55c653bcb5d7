/* What people type for an action, what they read of a scope and of a decision. */
#include "small.h"

#include "rbac/words.h"

static void takes_short_and_whole_actions(void **state)
{
    static const struct {
        const char *said, *action;
    } cases[] = {
        { "computes/start", RBAC_START },
        { "Computes/START", RBAC_START },
        { "start", RBAC_START },
        { "computes/start/action", RBAC_START },
        { "workspaces/computes/start/action", RBAC_START },
        { RBAC_START, RBAC_START },
        { "computes/write", RBAC_WRITE },
        { "workspaces/read", ML "workspaces/read" },
        { "roleAssignments/write", RBAC_GRANT },
        { "checkComputeNameAvailability", RBAC_CHECK_NAME },
        { "Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/read" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *action = NULL;
        struct error err = { 0 };
        if (rbac_action_of(cases[i].said, &action, &err) < 0)
            fail_msg("%s: %s", cases[i].said, err.message);
        assert_string_equal(action, cases[i].action);
    }
}

static void refuses_with_what_is_near(void **state)
{
    static const struct {
        const char *said, *part;
    } cases[] = {
        { "computes/strat", "did you mean 'computes/start'?" },
        { "strt", "did you mean 'computes/start'?" },
        { "compute/stop", "did you mean 'computes/stop'?" },
        { "read", "several actions: 'computes/read', 'workspaces/read'" },
        { "", "unknown action ''" },
        { "fly", "unknown action 'fly': it is one like" },
        { "Microsoft.X/*", "no single action" },
        { "Microsoft.X//read", "no single action" },
        { "Microsoft.X/a b", "no single action" },
        { "Microsoft.X/", "no single action" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *action = NULL;
        struct error err = { 0 };
        assert_int_equal(rbac_action_of(cases[i].said, &action, &err), ERROR_INVALID);
        assert_null(action);
        if (!strstr(err.message, cases[i].part))
            fail_msg("\"%s\": %s", cases[i].said, err.message);
    }
}

static void every_word_is_its_own_way_back(void **state)
{
    size_t count;
    const struct rbac_word *words = rbac_words(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const char *action = NULL;
        assert_int_equal(rbac_action_of(words[i].word, &action, NULL), 0);
        assert_string_equal(action, words[i].action);
        assert_string_equal(rbac_action_word(action), words[i].word);
        assert_string_equal(rbac_action_doing(action), words[i].doing);
    }
    assert_string_equal(rbac_action_word("Microsoft.X/y/read"), "Microsoft.X/y/read");
    assert_null(rbac_action_doing("Microsoft.X/y/read"));
}

static void several_actions_as_one_phrase(void **state)
{
    static const struct {
        const char *actions[4];
        size_t count;
        const char *text;
    } cases[] = {
        { { RBAC_READ }, 1, "see instances" },
        { { RBAC_READ, RBAC_START }, 2, "see and start instances" },
        { { RBAC_GRANT, RBAC_READ, RBAC_APPLICATION_ACCESS, RBAC_START },
          4,
          "see, use the applications of and start instances, and give roles to people" },
        { { RBAC_GRANT, RBAC_REVOKE }, 2, "give roles to people and take roles away" },
        { { "Microsoft.X/y/read" }, 1, "" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer text = { 0 };
        rbac_doing_words(&text, cases[i].actions, cases[i].count);
        assert_string_equal(text.data ? text.data : "", cases[i].text);
        buffer_clear(&text);
    }
}

static void scopes_by_their_names(void **state)
{
    static const struct {
        const char *scope, *text;
    } cases[] = {
        { "/", "everything (/)" },
        { "//", "everything (/)" },
        { SUB, "subscription s1" },
        { RG "/", "resource group rg" },
        { WS, "workspace ws" },
        { VM, "instance vm" },
        { MG "top", "management group top" },
        { RG "/providers/Microsoft.Storage/storageAccounts/x",
          RG "/providers/Microsoft.Storage/storageAccounts/x" },
        { "", "" },
        { "/x", "/x" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[RBAC_ACTION_MAX];
        assert_string_equal(rbac_scope_text(text, sizeof text, cases[i].scope), cases[i].text);
    }
}

static const char *name_of(const char *id, void *arg)
{
    (void)arg;
    return text_equal(id, "ada") ? "ada@x" : text_equal(id, "team") ? "group team" : NULL;
}

static void expect(const struct rbac_policy *policy, const char *action, const char *scope,
                   const char *expected)
{
    const struct rbac_question question = { .principal_id = "ada",
                                            .action = action,
                                            .scope = scope };
    const struct rbac_naming naming = { .name = name_of };
    struct rbac_explanation why;
    struct buffer text = { 0 };
    assert_int_equal(rbac_explain(policy, "ada", action, scope, false, &why, NULL), 0);
    rbac_because_words(&text, &question, &why, &naming);
    assert_string_equal(text.data, expected);
    buffer_clear(&text);
}

static void explains_by_way_of_groups(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_member(policy, "team", "ada");
    small_member(policy, "division", "team");
    small_give(policy, "division", "AzureML Compute Operator", WS);
    small_compile(policy);
    expect(policy, RBAC_START, VM,
           "ada@x is a member of group team\n"
           "group team is a member of division\n"
           "division has the role 'AzureML Compute Operator' at workspace ws\n"
           "the role gives '" RBAC_COMPUTES "*', which covers " RBAC_START "\n");
    rbac_policy_free(policy);
}

static void explains_what_is_in_the_way(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    const struct rbac_permission permission = { .actions = STRINGS("*/delete") };
    const struct rbac_deny deny = { .name = "locked",
                                    .permissions = &permission,
                                    .permission_count = 1,
                                    .principals = STRINGS(RBAC_EVERYONE),
                                    .scope = RG };
    small_give(policy, "ada", "AzureML Data Scientist", RG);
    small_give(policy, "ada", "Owner", RG "2");
    assert_int_equal(rbac_policy_add_deny(policy, &deny, NULL), 0);
    small_compile(policy);
    expect(policy, RBAC_WRITE, VM,
           "ada@x has the role 'AzureML Data Scientist' at resource group rg\n"
           "the role gives '" ML "workspaces/*/write', which covers " RBAC_WRITE "\n"
           "but the same role takes '" ML "workspaces/computes/*/write' out again (notActions)\n");
    expect(policy, RBAC_GRANT, VM,
           "ada@x has the role 'Owner' at resource group rg2\n"
           "that is not instance vm, nor anything above it\n");
    expect(
        policy, RBAC_ROLE_DELETE, VM,
        "the deny assignment 'locked' at resource group rg denies */delete to everyone, whatever "
        "roles say\n");
    rbac_policy_free(policy);
}

static void explains_nothing_gone_and_conditions(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    const struct rbac_assignment conditional = { .principal_id = "ada",
                                                 .role_id = rbac_builtin_role("Owner")->id,
                                                 .scope = VM,
                                                 .has_condition = true };
    assert_int_equal(rbac_policy_add_assignment(policy, &conditional, NULL), 0);
    small_give(policy, "ada", "/x/gone", SUB);
    small_compile(policy);
    expect(policy, RBAC_START, VM,
           "ada@x has the role 'Owner' at instance vm\n"
           "the role gives '*', which covers " RBAC_START "\n"
           "the role assignment has a condition, which is decided by the plane at each request\n");
    rbac_policy_free(policy);
    policy = small_policy();
    small_give(policy, "ada", "/x/gone", SUB);
    small_compile(policy);
    expect(policy, RBAC_START, VM,
           "ada@x has the role '/x/gone' at subscription s1\n"
           "that role's definition is gone, so it gives nothing\n");
    rbac_policy_free(policy);
    policy = small_policy();
    small_compile(policy);
    expect(policy, RBAC_START, VM,
           "ada@x has no role that gives " RBAC_START
           ", at instance vm or anywhere else that is known\n");
    rbac_policy_free(policy);
}

static void smallest_role_for_several_actions(void **state)
{
    static const char *const use[] = { RBAC_START, RBAC_STOP, RBAC_RESTART,
                                       RBAC_APPLICATION_ACCESS };
    static const char *const own[] = { RBAC_START, RBAC_GRANT };
    static const char *const none[] = { RBAC_START, "Nobody.Has/this/*" };
    (void)state;
    assert_string_equal(rbac_builtin_role_for_all(use, COUNT(use))->name,
                        "AzureML Compute Operator");
    assert_string_equal(rbac_builtin_role_for_all(own, COUNT(own))->name, "Owner");
    assert_null(rbac_builtin_role_for_all(none, COUNT(none)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_short_and_whole_actions),
        cmocka_unit_test(refuses_with_what_is_near),
        cmocka_unit_test(every_word_is_its_own_way_back),
        cmocka_unit_test(several_actions_as_one_phrase),
        cmocka_unit_test(scopes_by_their_names),
        cmocka_unit_test(explains_by_way_of_groups),
        cmocka_unit_test(explains_what_is_in_the_way),
        cmocka_unit_test(explains_nothing_gone_and_conditions),
        cmocka_unit_test(smallest_role_for_several_actions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
