/* What the plane tells of roles, made into answers; and what it does not tell. */
#include "realm.h"

#include "engine/access.h"

#define INSTANCE WORKSPACE "/computes/ds-ada"

static void answers(struct fake *fake, const struct asked *asked, struct answer *out, void *arg)
{
    (void)fake;
    if (!realm_answers(arg, asked, out))
        fail_msg("%s was asked", asked->target);
}

static int try_load(struct realm *realm, const char *scope, struct access **out, struct error *err)
{
    struct fake fake;
    const struct access_request request = { .scopes = &scope, .scope_count = 1 };
    fake_start(&fake, NULL, "http://plane");
    fake.fn = answers;
    fake.arg = realm;
    int rc = access_load_wait(fake.client, &request, out, err);
    fake_stop(&fake);
    return rc;
}

static struct access *load(struct realm *realm, const char *scope)
{
    struct access *access = NULL;
    struct error err = { 0 };
    if (try_load(realm, scope, &access, &err) < 0)
        fail_msg("%s", err.message);
    return access;
}

static void expect(const struct access *access, const char *who, const char *action,
                   const char *scope, const char *expected)
{
    assert_string_equal(access_answer_name(access_decide(access, who, action, scope, false)),
                        expected);
}

static void groups_count_by_way_of_groups(void **state)
{
    struct realm realm = {
        .me = WORLD_GRACE,
        .assignments = GIVEN("a1", GROUP_TEAM, "Group", OPERATOR, WORKSPACE),
        .team = USER(WORLD_GRACE, "grace@x") "," GROUP(GROUP_INNER, "inner"),
        .inner = USER(WORLD_ADA, "ada@x") "," GROUP(GROUP_TEAM, "team"),
        .names = GROUP(GROUP_TEAM, "team"),
    };
    struct access *access = load(&realm, INSTANCE);
    (void)state;
    expect(access, WORLD_ADA, RBAC_START, INSTANCE, "allowed");
    expect(access, WORLD_GRACE, RBAC_START, INSTANCE, "allowed");
    expect(access, WORLD_ADA, RBAC_GRANT, INSTANCE, "denied");
    expect(access, "00000000-0000-4000-8000-000000000199", RBAC_START, INSTANCE, "denied");
    assert_int_equal(access_unknown(access), 0);
    assert_int_equal(realm.member_requests, 2); /* one a group, though they contain each other */
    assert_int_equal(access_group_size(access, GROUP_TEAM), 2);
    assert_true(access_includes(access, GROUP_TEAM, WORLD_ADA));
    assert_true(access_includes(access, WORLD_ADA, WORLD_ADA));
    assert_false(access_includes(access, WORLD_ADA, GROUP_TEAM));
    assert_string_equal(access_name(access, GROUP_TEAM), "group team");
    assert_string_equal(access_name(access, WORLD_ADA), "ada@x");
    assert_string_equal(access_caller(access), WORLD_GRACE);
    access_free(access);
}

static void what_may_not_be_read_is_unknown(void **state)
{
    struct realm realm = { .me = WORLD_ADA,
                           .assignments_status = 403,
                           .permissions =
                               "{\"actions\":[\"Microsoft.MachineLearningServices/workspaces/"
                               "computes/*\"],\"notActions\":[]}" };
    struct access *access = load(&realm, WORKSPACE);
    (void)state;
    assert_int_equal(access_unknown(access), ACCESS_ASSIGNMENTS);
    assert_non_null(strstr(access_unknown_reason(access), "may not read that"));
    expect(access, WORLD_GRACE, RBAC_START, INSTANCE, "unknown");
    expect(access, WORLD_ADA, RBAC_START, INSTANCE, "allowed");
    expect(access, WORLD_ADA, RBAC_GRANT, WORKSPACE, "denied"); /* the plane told, right there */
    expect(access, WORLD_ADA, RBAC_GRANT, INSTANCE, "unknown");
    access_free(access);
}

static void roles_that_may_not_be_read_are_the_built_in_ones(void **state)
{
    struct realm realm = { .me = WORLD_ADA,
                           .roles_status = 403,
                           .assignments = GIVEN("a1", WORLD_ADA, "User", OPERATOR, WORKSPACE) };
    struct access *access = load(&realm, WORKSPACE);
    (void)state;
    assert_int_equal(access_unknown(access), ACCESS_ROLES);
    expect(access, WORLD_ADA, RBAC_START, INSTANCE, "allowed");
    expect(access, WORLD_GRACE, RBAC_START, INSTANCE, "unknown");
    access_free(access);
}

static void members_that_may_not_be_read_are_unknown(void **state)
{
    struct realm realm = { .me = WORLD_ADA,
                           .members_status = 403,
                           .assignments = GIVEN("a1", GROUP_TEAM, "Group", OPERATOR, WORKSPACE) };
    struct access *access = load(&realm, WORKSPACE);
    (void)state;
    assert_int_equal(access_unknown(access), ACCESS_MEMBERS);
    expect(access, WORLD_GRACE, RBAC_START, INSTANCE, "unknown");
    assert_int_equal(access_group_size(access, GROUP_TEAM), -1);
    access_free(access);
}

static void a_caller_without_a_name_is_asked_about_all_the_same(void **state)
{
    struct realm realm = { .permissions = "{\"actions\":[\"*\"]}" };
    struct access *access = load(&realm, WORKSPACE);
    (void)state;
    assert_int_equal(realm.permission_requests, 1);
    expect(access, access_caller(access), RBAC_WRITE, INSTANCE, "allowed");
    access_free(access);
}

static void a_role_that_no_list_has_is_asked_for_once(void **state)
{
    struct realm realm = { .me = WORLD_ADA,
                           .assignments =
                               GIVEN("a1", WORLD_ADA, "User", CUSTOM, WORKSPACE) "," GIVEN(
                                   "a2", WORLD_GRACE, "User", CUSTOM, WORKSPACE) };
    struct access *access = load(&realm, WORKSPACE);
    (void)state;
    assert_int_equal(realm.role_requests, 1);
    assert_int_equal(access_unknown(access), 0); /* it is gone: that is known */
    expect(access, WORLD_ADA, RBAC_START, INSTANCE, "denied");
    access_free(access);
}

static void management_groups_are_above(void **state)
{
    struct realm realm = {
        .me = WORLD_GRACE,
        .assignments = GIVEN("a1", WORLD_ADA, "User", OWNER,
                             "/providers/Microsoft.Management/managementGroups/top"),
    };
    struct access *access = load(&realm, WORKSPACE);
    (void)state;
    expect(access, WORLD_ADA, RBAC_GRANT, INSTANCE, "allowed");
    access_free(access);
}

static void other_failures_are_failures(void **state)
{
    struct realm realm = { .me = WORLD_ADA, .assignments_status = 404 };
    struct access *access = NULL;
    struct error err = { 0 };
    (void)state;
    assert_int_equal(try_load(&realm, WORKSPACE, &access, &err), ERROR_NOT_FOUND);
    assert_null(access);
    assert_string_equal(err.name, "AuthorizationFailed");
    assert_true(text_starts(err.message, "asking who may do what: "));
}

static void roles_are_found_by_name_and_id(void **state)
{
    struct realm realm = {
        .me = WORLD_ADA,
        .custom_roles = "{\"id\":\"" ROLE(
            CUSTOM) "\",\"name\":\"" CUSTOM
                    "\",\"properties\":{\"roleName\":\"Night Watch\",\"type\":\"CustomRole\","
                    "\"permissions\":[{\"actions\":[\"*/read\"]}]}}",
    };
    static const struct {
        const char *said;
        int rc;
        const char *part;
    } cases[] = {
        { "Night Watch", 0, "Night Watch" },
        { "night watch", 0, "Night Watch" },
        { CUSTOM, 0, "Night Watch" },
        { ROLE(OWNER), 0, "Owner" },
        { "Ownr", ERROR_NOT_FOUND, "did you mean 'Owner'?" },
        { "Emperor of China", ERROR_NOT_FOUND, "`moonfleet roles` lists them" },
        { "", ERROR_NOT_FOUND, "there is no role ''" },
    };
    struct access *access = load(&realm, WORKSPACE);
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const cJSON *role = NULL;
        struct error err = { 0 };
        assert_int_equal(access_find_role(access_roles(access), cases[i].said, &role, &err),
                         cases[i].rc);
        const char *text = role ? json_string(role, "properties.roleName", "") : err.message;
        if (!strstr(text, cases[i].part))
            fail_msg("\"%s\": %s", cases[i].said, text);
    }
    access_free(access);
}

static bool is_given(const cJSON *resource, void *arg)
{
    return text_equal(json_string(resource, "name", ""), arg);
}

static void a_copy_leaves_out_and_takes_more(void **state)
{
    struct realm realm = {
        .me = WORLD_ADA,
        .assignments = GIVEN("a1", WORLD_ADA, "User", OPERATOR, WORKSPACE),
    };
    const struct rbac_assignment more = { .principal_id = WORLD_GRACE,
                                          .role_id = OWNER,
                                          .scope = WORKSPACE };
    struct access *access = load(&realm, WORKSPACE);
    struct rbac_policy *policy = NULL;
    struct error err = { 0 };
    (void)state;
    assert_int_equal(access_copy(access, is_given, "a1", &policy, &err), 0);
    assert_int_equal(rbac_policy_add_assignment(policy, &more, &err), 0);
    assert_int_equal(rbac_policy_compile(policy, &err), 0);
    assert_int_equal(rbac_decide(policy, WORLD_ADA, RBAC_START, INSTANCE, false), RBAC_DENIED);
    assert_int_equal(rbac_decide(policy, WORLD_GRACE, RBAC_START, INSTANCE, false), RBAC_ALLOWED);
    expect(access, WORLD_ADA, RBAC_START, INSTANCE, "allowed");
    rbac_policy_free(policy);
    access_free(access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_count_by_way_of_groups),
        cmocka_unit_test(what_may_not_be_read_is_unknown),
        cmocka_unit_test(roles_that_may_not_be_read_are_the_built_in_ones),
        cmocka_unit_test(members_that_may_not_be_read_are_unknown),
        cmocka_unit_test(a_caller_without_a_name_is_asked_about_all_the_same),
        cmocka_unit_test(a_role_that_no_list_has_is_asked_for_once),
        cmocka_unit_test(management_groups_are_above),
        cmocka_unit_test(other_failures_are_failures),
        cmocka_unit_test(roles_are_found_by_name_and_id),
        cmocka_unit_test(a_copy_leaves_out_and_takes_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
