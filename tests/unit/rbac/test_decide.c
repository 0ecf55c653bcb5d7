/* The classic traps of Azure RBAC, one by one. */
#include "small.h"

#define START ML "workspaces/computes/start/action"
#define CREATE ML "workspaces/computes/write"
#define READ ML "workspaces/computes/read"
#define GRANT "Microsoft.Authorization/roleAssignments/write"

static enum rbac_verdict may(const struct rbac_policy *policy, const char *who, const char *action,
                             const char *scope)
{
    return rbac_decide(policy, who, action, scope, false);
}

/* Asks a policy with one assignment. */
static enum rbac_verdict with(const char *role, const char *at, const char *action,
                              const char *scope, bool data)
{
    struct rbac_policy *policy = small_policy();
    small_give(policy, "ada", role, at);
    small_compile(policy);
    enum rbac_verdict verdict = rbac_decide(policy, "ada", action, scope, data);
    rbac_policy_free(policy);
    return verdict;
}

static void roles_give_what_the_service_says(void **state)
{
    (void)state;
    static const struct {
        const char *role, *action;
        enum rbac_verdict verdict;
    } cases[] = {
        { "AzureML Data Scientist", START, RBAC_ALLOWED },
        { "AzureML Data Scientist", ML "workspaces/computes/stop/action", RBAC_ALLOWED },
        { "AzureML Data Scientist", ML "workspaces/computes/restart/action", RBAC_ALLOWED },
        { "AzureML Data Scientist", READ, RBAC_ALLOWED },
        { "AzureML Data Scientist", ML "workspaces/read", RBAC_ALLOWED },
        { "AzureML Data Scientist", CREATE, RBAC_DENIED },
        { "AzureML Data Scientist", ML "workspaces/computes/delete", RBAC_DENIED },
        { "AzureML Data Scientist", ML "workspaces/delete", RBAC_DENIED },
        { "AzureML Data Scientist", ML "workspaces/listKeys/action", RBAC_DENIED },
        { "AzureML Compute Operator", START, RBAC_ALLOWED },
        { "AzureML Compute Operator", CREATE, RBAC_ALLOWED },
        { "AzureML Compute Operator", ML "workspaces/read", RBAC_DENIED },
        { "AzureML Compute Operator", ML "workspaces/checkComputeNameAvailability/action",
          RBAC_DENIED },
        { "Contributor", CREATE, RBAC_ALLOWED },
        { "Contributor", GRANT, RBAC_DENIED },
        { "Contributor", "Microsoft.Authorization/roleAssignments/read", RBAC_ALLOWED },
        { "Owner", GRANT, RBAC_ALLOWED },
        { "Reader", READ, RBAC_ALLOWED },
        { "Reader", START, RBAC_DENIED },
        { "User Access Administrator", GRANT, RBAC_ALLOWED },
        { "User Access Administrator", CREATE, RBAC_DENIED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (with(cases[i].role, WS, cases[i].action, VM, false) != cases[i].verdict)
            fail_msg("%s: %s", cases[i].role, cases[i].action);
    }
}

static void holds_at_the_scope_and_below(void **state)
{
    (void)state;
    static const struct {
        const char *at, *scope;
        enum rbac_verdict verdict;
    } cases[] = {
        { "/", VM, RBAC_ALLOWED },
        { "/", "/", RBAC_ALLOWED },
        { SUB, VM, RBAC_ALLOWED },
        { SUB "/", VM, RBAC_ALLOWED },
        { SUB, VM "///", RBAC_ALLOWED },
        { "/SubScriptions/S1", VM, RBAC_ALLOWED },
        { VM, VM, RBAC_ALLOWED },
        { VM, WS, RBAC_DENIED },
        { VM, WS "/computes/vm2", RBAC_DENIED },
        { SUB, "/subscriptions/s10/resourceGroups/rg", RBAC_DENIED },
        { RG, SUB "/resourceGroups/rg2", RBAC_DENIED },
        { WS, RG "/providers/" ML "workspaces/ws2/computes/vm", RBAC_DENIED },
        { SUB, "/", RBAC_DENIED },
        { "/", "", RBAC_DENIED },
        { "/", "subscriptions/s1", RBAC_DENIED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (with("Owner", cases[i].at, START, cases[i].scope, false) != cases[i].verdict)
            fail_msg("at '%s': '%s'", cases[i].at, cases[i].scope);
    }
}

static void the_two_planes_are_apart(void **state)
{
    (void)state;
    const char *blob = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
    assert_int_equal(with("Owner", "/", blob, VM, true), RBAC_DENIED);
    assert_int_equal(with("Reader", "/", blob, VM, true), RBAC_DENIED);
    assert_int_equal(with("Reader", "/", blob, VM, false), RBAC_ALLOWED);
    assert_int_equal(with("Storage Blob Data Contributor", "/", blob, VM, true), RBAC_ALLOWED);
    assert_int_equal(with("Storage Blob Data Contributor", "/", blob, VM, false), RBAC_DENIED);
}

static void a_not_action_takes_from_its_own_role_only(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_give(policy, "ada", "AzureML Data Scientist", WS);
    small_give(policy, "ada", "AzureML Compute Operator", WS);
    small_give(policy, "grace", "AzureML Data Scientist", WS);
    small_compile(policy);
    assert_int_equal(may(policy, "ada", CREATE, VM), RBAC_ALLOWED);
    assert_int_equal(may(policy, "grace", CREATE, VM), RBAC_DENIED);
    rbac_policy_free(policy);
}

static void each_permission_of_a_role_is_judged_by_itself(void **state)
{
    (void)state;
    struct rbac_policy *policy = rbac_policy_new();
    const struct rbac_permission permissions[] = {
        { .actions = STRINGS("a/*"), .not_actions = STRINGS("a/write") },
        { .actions = STRINGS("a/write"), .not_actions = STRINGS("a/read") },
    };
    struct rbac_role role = { .id = "r", .permissions = permissions, .permission_count = 2 };
    assert_int_equal(rbac_policy_add_role(policy, &role, NULL), 0);
    small_give(policy, "ada", "r", "/");
    small_compile(policy);
    assert_int_equal(may(policy, "ada", "a/write", "/"), RBAC_ALLOWED);
    assert_int_equal(may(policy, "ada", "a/read", "/"), RBAC_ALLOWED);
    rbac_policy_free(policy);
}

static void groups_nest_and_may_turn_in_circles(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_member(policy, "team", "ada");
    small_member(policy, "division", "TEAM");
    small_member(policy, "company", "division");
    small_member(policy, "team", "company");
    small_member(policy, "team", "team");
    small_give(policy, "Company", "Reader", SUB);
    small_give(policy, "ada", "AzureML Compute Operator", VM);
    small_compile(policy);
    assert_int_equal(may(policy, "ADA", READ, VM), RBAC_ALLOWED);
    assert_int_equal(may(policy, "team", READ, VM), RBAC_ALLOWED);
    assert_int_equal(may(policy, "grace", READ, VM), RBAC_DENIED);
    /* A group's rights come down to its members; a member's do not go up, but company is in team. */
    assert_int_equal(may(policy, "ada", START, VM), RBAC_ALLOWED);
    assert_int_equal(may(policy, "team", START, VM), RBAC_DENIED);
    rbac_policy_free(policy);
}

static void management_groups_stand_above_subscriptions(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    assert_int_equal(rbac_policy_add_parent(policy, SUB, MG "team", NULL), 0);
    assert_int_equal(rbac_policy_add_parent(policy, MG "team", MG "root", NULL), 0);
    assert_int_equal(rbac_policy_add_parent(policy, MG "root", MG "team", NULL), 0); /* a circle */
    assert_int_equal(rbac_policy_add_parent(policy, "/subscriptions/s2", MG "root", NULL), 0);
    small_give(policy, "ada", "Reader", MG "ROOT/");
    small_give(policy, "grace", "Reader", MG "tea");
    small_give(policy, "linus", "Reader", SUB);
    small_compile(policy);
    assert_int_equal(may(policy, "ada", READ, VM), RBAC_ALLOWED);
    assert_int_equal(may(policy, "ada", READ, "/subscriptions/s2/resourceGroups/x"), RBAC_ALLOWED);
    assert_int_equal(may(policy, "ada", READ, MG "team"), RBAC_ALLOWED);
    assert_int_equal(may(policy, "ada", READ, "/subscriptions/s3"), RBAC_DENIED);
    assert_int_equal(may(policy, "ada", READ, "/"), RBAC_DENIED);
    assert_int_equal(may(policy, "grace", READ, VM), RBAC_DENIED);
    assert_int_equal(may(policy, "linus", READ, MG "team"), RBAC_DENIED);
    assert_true(rbac_policy_covers(policy, MG "root", VM));
    assert_true(rbac_policy_covers(policy, MG "team", "/subscriptions/s2"));
    assert_false(rbac_policy_covers(policy, MG "root", "/subscriptions/s3"));
    assert_false(rbac_policy_covers(policy, VM, MG "root"));
    rbac_policy_free(policy);
}

static void a_role_that_is_gone_gives_nothing(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_give(policy, "ada", "0000", "/");
    small_compile(policy);
    assert_int_equal(may(policy, "ada", READ, VM), RBAC_DENIED);
    rbac_policy_free(policy);
}

static void a_role_is_known_by_its_guid(void **state)
{
    (void)state;
    const struct rbac_role *reader = rbac_builtin_role("Reader");
    const char *guid = strrchr(reader->id, '/') + 1;
    struct rbac_policy *policy = small_policy();
    char *id = text_format(SUB "/providers/microsoft.authorization/RoleDefinitions/%s", guid);
    struct rbac_assignment assignment = { .principal_id = "ada", .role_id = id, .scope = SUB };
    assert_int_equal(rbac_policy_add_assignment(policy, &assignment, NULL), 0);
    small_compile(policy);
    assert_int_equal(may(policy, "ada", READ, VM), RBAC_ALLOWED);
    assert_string_equal(rbac_policy_role(policy, id)->name, "Reader");
    assert_string_equal(rbac_policy_role(policy, guid)->name, "Reader");
    assert_null(rbac_policy_role(policy, "nothing"));
    free(id);
    rbac_policy_free(policy);
}

static void a_condition_is_never_a_plain_yes(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    struct rbac_assignment assignment = { .principal_id = "ada",
                                          .role_id = rbac_builtin_role("Owner")->id,
                                          .scope = SUB,
                                          .has_condition = true };
    assert_int_equal(rbac_policy_add_assignment(policy, &assignment, NULL), 0);
    small_give(policy, "ada", "Reader", VM);
    small_compile(policy);
    assert_int_equal(may(policy, "ada", START, VM), RBAC_CONDITIONAL);
    assert_int_equal(may(policy, "ada", READ, VM), RBAC_ALLOWED); /* by the other one */
    assert_int_equal(may(policy, "ada", READ, "/subscriptions/s2"), RBAC_DENIED);
    rbac_policy_free(policy);
}

/* --- Deny assignments */

static struct rbac_policy *with_deny(struct rbac_deny deny)
{
    const struct rbac_permission permission = {
        .actions = STRINGS(ML "*"),
        .not_actions = STRINGS("*/read"),
    };
    struct rbac_policy *policy = small_policy();
    deny.permissions = &permission;
    deny.permission_count = 1;
    small_give(policy, "ada", "Owner", "/");
    small_give(policy, "grace", "Owner", "/");
    small_member(policy, "team", "ada");
    small_member(policy, "all", "team");
    small_member(policy, "admins", "grace");
    assert_int_equal(rbac_policy_add_deny(policy, &deny, NULL), 0);
    small_compile(policy);
    return policy;
}

static void a_deny_beats_every_role(void **state)
{
    (void)state;
    struct rbac_policy *policy =
        with_deny((struct rbac_deny) { .principals = STRINGS("All"), .scope = RG });
    assert_int_equal(may(policy, "ada", START, VM), RBAC_DENIED);
    assert_int_equal(may(policy, "ada", READ, VM), RBAC_ALLOWED); /* its notActions */
    assert_int_equal(may(policy, "ada", GRANT, VM), RBAC_ALLOWED);
    assert_int_equal(may(policy, "ada", START, SUB), RBAC_ALLOWED);
    assert_int_equal(may(policy, "grace", START, VM), RBAC_ALLOWED);
    rbac_policy_free(policy);
}

static void a_deny_spares_whom_it_excludes(void **state)
{
    (void)state;
    struct rbac_policy *policy = with_deny((struct rbac_deny) {
        .principals = STRINGS(RBAC_EVERYONE), .excluded = STRINGS("x", "admins"), .scope = SUB });
    assert_int_equal(may(policy, "ada", START, VM), RBAC_DENIED);
    assert_int_equal(may(policy, "grace", START, VM), RBAC_ALLOWED); /* by way of her group */
    rbac_policy_free(policy);
}

static void a_deny_may_keep_to_its_own_scope(void **state)
{
    (void)state;
    struct rbac_policy *policy = with_deny(
        (struct rbac_deny) { .principals = STRINGS("ada"), .scope = WS, .not_child_scopes = true });
    assert_int_equal(may(policy, "ada", START, WS), RBAC_DENIED);
    assert_int_equal(may(policy, "ada", START, WS "/"), RBAC_DENIED);
    assert_int_equal(may(policy, "ada", START, VM), RBAC_ALLOWED);
    assert_int_equal(may(policy, "ada", START, RG), RBAC_ALLOWED);
    rbac_policy_free(policy);
}

static void a_deny_with_a_condition_leaves_no_plain_yes(void **state)
{
    (void)state;
    struct rbac_policy *policy = with_deny(
        (struct rbac_deny) { .principals = STRINGS("ada"), .scope = WS, .has_condition = true });
    assert_int_equal(may(policy, "ada", START, VM), RBAC_CONDITIONAL);
    assert_int_equal(may(policy, "ada", START, RG), RBAC_ALLOWED);
    assert_int_equal(may(policy, "linus", START, VM), RBAC_DENIED);
    rbac_policy_free(policy);
}

static void nobody_and_nothing_is_denied(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_give(policy, "ada", "Owner", "/");
    small_compile(policy);
    assert_int_equal(may(policy, "", READ, VM), RBAC_DENIED);
    assert_int_equal(may(policy, "nobody", READ, VM), RBAC_DENIED);
    assert_int_equal(may(policy, "ada", "", VM), RBAC_DENIED);
    assert_int_equal(may(policy, "ada", "*", VM), RBAC_DENIED);
    assert_int_equal(may(policy, "ada", ML "*/read", VM), RBAC_DENIED);
    rbac_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_give_what_the_service_says),
        cmocka_unit_test(holds_at_the_scope_and_below),
        cmocka_unit_test(the_two_planes_are_apart),
        cmocka_unit_test(a_not_action_takes_from_its_own_role_only),
        cmocka_unit_test(each_permission_of_a_role_is_judged_by_itself),
        cmocka_unit_test(groups_nest_and_may_turn_in_circles),
        cmocka_unit_test(management_groups_stand_above_subscriptions),
        cmocka_unit_test(a_role_that_is_gone_gives_nothing),
        cmocka_unit_test(a_role_is_known_by_its_guid),
        cmocka_unit_test(a_condition_is_never_a_plain_yes),
        cmocka_unit_test(a_deny_beats_every_role),
        cmocka_unit_test(a_deny_spares_whom_it_excludes),
        cmocka_unit_test(a_deny_may_keep_to_its_own_scope),
        cmocka_unit_test(a_deny_with_a_condition_leaves_no_plain_yes),
        cmocka_unit_test(nobody_and_nothing_is_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
