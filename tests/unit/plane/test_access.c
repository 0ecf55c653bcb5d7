/* Microsoft.Authorization's REST API: role definitions, role assignments, permissions, at every
 * scope, with their filters and conflicts. */
#include "plane_test.h"

#define GRACE "00000000-0000-4000-8000-000000000102"
#define TEAM "00000000-0000-4000-8000-000000000200"
#define AUTOMATION "00000000-0000-4000-8000-000000000300"
#define ACCESS "/providers/Microsoft.Authorization"
#define A "?api-version=2022-04-01"
#define ROLES ACCESS "/roleDefinitions/"
#define GRANTS ACCESS "/roleAssignments/"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define CONTRIBUTOR "b24988ac-6180-42a0-ab88-20f7382dd24c"
#define OWNER_ROLE "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define USER_ACCESS "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
#define ONE "11111111-0000-4000-8000-000000000001"
#define TWO "11111111-0000-4000-8000-000000000002"
#define THREE "11111111-0000-4000-8000-000000000003"
#define CUSTOM "22222222-0000-4000-8000-000000000001"
#define CUSTOM_2 "22222222-0000-4000-8000-000000000002"
#define START "Microsoft.MachineLearningServices/workspaces/computes/start/action"

#define GRANT(role, who) GRANT_WITH(role, who, "")
#define GRANT_WITH(role, who, more)                                                                \
    "{\"properties\":{\"roleDefinitionId\":\"" SUBSCRIPTION ROLES role "\",\"principalId\":\"" who \
    "\"" more "}}"
#define ROLE(name, action, scope)                                                                  \
    "{\"properties\":{\"roleName\":\"" name "\",\"description\":\"d\",\"assignableScopes\":["      \
    "\"" scope "\"],\"permissions\":[{\"actions\":[\"" action "\"]}]}}"

static void expect_count(struct rig *rig, const char *target, int count)
{
    struct reply reply = rig_send(rig, HTTP_GET, target, NULL);
    if (reply.status != 200 || cJSON_GetArraySize(json_at(reply.body, "value")) != count)
        fail_msg("%s: not %d entries: %.2000s", target, count, reply.response.body.data);
    reply_clear(&reply);
}

static void an_assignment_is_made_read_changed_and_deleted(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value;
    } says[] = {
        { "id", WORKSPACE GRANTS ONE },
        { "name", ONE },
        { "type", "Microsoft.Authorization/roleAssignments" },
        { "properties.roleDefinitionId", ROLES READER },
        { "properties.principalId", TEAM },
        { "properties.principalType", "Group" },
        { "properties.scope", WORKSPACE },
        { "properties.description", "why" },
        { "properties.createdBy", OWNER },
    };
    struct rig *rig = rig_memory();
    struct reply reply =
        rig_send(rig, HTTP_PUT, WORKSPACE GRANTS ONE A,
                 GRANT_WITH(READER, TEAM, ",\"principalType\":\"Group\",\"description\":\"why\""));
    assert_int_equal(reply.status, 201);
    struct reply again = rig_send(rig, HTTP_GET, WORKSPACE GRANTS ONE A, NULL);
    assert_int_equal(again.status, 200);
    assert_true(json_equal(reply.body, again.body));
    for (size_t i = 0; i < COUNT(says); i++)
        assert_string_equal(json_string(again.body, says[i].path, "(nothing)"), says[i].value);
    reply_clear(&again);
    reply_clear(&reply);
    /* Of itself only what does not decide can change. */
    reply = rig_send(rig, HTTP_PUT, "/" WORKSPACE GRANTS ONE A,
                     GRANT_WITH(READER, TEAM, ",\"description\":\"now\""));
    assert_int_equal(reply.status, 200);
    assert_string_equal(json_string(reply.body, "properties.description", ""), "now");
    reply_clear(&reply);
    rig_expect(rig, HTTP_GET, GROUP GRANTS ONE A, NULL, 404); /* it is not there */
    rig_expect(rig, HTTP_DELETE, GROUP GRANTS ONE A, NULL, 204);
    reply = rig_send(rig, HTTP_DELETE, WORKSPACE GRANTS ONE A, NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(json_string(reply.body, "name", ""), ONE);
    reply_clear(&reply);
    rig_expect(rig, HTTP_DELETE, WORKSPACE GRANTS ONE A, NULL, 204);
    rig_refused(rig, HTTP_GET, WORKSPACE GRANTS ONE A, NULL, 404, "RoleAssignmentNotFound", NULL);
    rig_close(rig);
}

static void grants_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body;
        int status;
        const char *code;
    } cases[] = {
        { WORKSPACE GRANTS "x" A, GRANT(READER, ADA), 400, "InvalidRoleAssignmentId" },
        { WORKSPACE GRANTS TWO A, "{}", 400, "BadRequestFormat" },
        { WORKSPACE GRANTS TWO A, "[]", 400, "InvalidRequestContent" },
        { WORKSPACE GRANTS TWO A, "{\"properties\":7}", 400, "BadRequestFormat" },
        { WORKSPACE GRANTS TWO A, GRANT(READER, "ada"), 400, "InvalidPrincipalId" },
        { WORKSPACE GRANTS TWO A, GRANT("Reader", ADA), 400, "InvalidRoleDefinitionId" },
        { WORKSPACE GRANTS TWO A, GRANT(READER, "00000000-0000-4000-8000-00000000ffff"), 400,
          "PrincipalNotFound" },
        { WORKSPACE GRANTS TWO A, GRANT_WITH(READER, ADA, ",\"principalType\":\"Group\""), 400,
          "UnmatchedPrincipalType" },
        { WORKSPACE GRANTS TWO A, GRANT_WITH(READER, ADA, ",\"description\":7"), 400,
          "BadRequestFormat" },
        { WORKSPACE GRANTS TWO A, GRANT_WITH(READER, ADA, ",\"condition\":\"x\""), 400,
          "ConditionVersionNotSupported" },
        { WORKSPACE GRANTS TWO A, GRANT(CUSTOM_2, ADA), 404, "RoleDefinitionDoesNotExist" },
        { GRANTS TWO A, GRANT(CUSTOM, ADA), 400,
          "RoleAssignmentScopeNotAssignableToRoleDefinition" },
        { WORKSPACE GRANTS TWO A, GRANT(READER, ADA), 409, "RoleAssignmentExists" },
        { WORKSPACE GRANTS ONE A, GRANT(READER, GRACE), 400, "RoleAssignmentUpdateNotPermitted" },
        { WORKSPACE GRANTS ONE A, GRANT(CONTRIBUTOR, ADA), 400,
          "RoleAssignmentUpdateNotPermitted" },
        { GROUP GRANTS ONE A, GRANT(READER, ADA), 400, "RoleAssignmentUpdateNotPermitted" },
        { "/subscriptions/none" GRANTS TWO A, GRANT(READER, ADA), 404, "SubscriptionNotFound" },
        { SUBSCRIPTION "/resourceGroups/none" GRANTS TWO A, GRANT(READER, ADA), 404,
          "ResourceGroupNotFound" },
        { GROUP LEARNING "/workspaces/none" GRANTS TWO A, GRANT(READER, ADA), 404,
          "ResourceNotFound" },
        { GROUP "/providers/Microsoft.Storage/storageAccounts/s" GRANTS TWO A, GRANT(READER, ADA),
          404, "ResourceNotFound" },
        { "/nonsense" GRANTS TWO A, GRANT(READER, ADA), 400, "InvalidScope" },
        { COMPUTES GRANTS TWO A, GRANT(READER, ADA), 400, "InvalidScope" },
        { WORKSPACE GRANTS TWO, GRANT(READER, ADA), 400, "MissingApiVersionParameter" },
        { WORKSPACE GRANTS TWO "?api-version=1999-01-01", GRANT(READER, ADA), 400,
          "InvalidApiVersionParameter" },
    };
    struct rig *rig = rig_memory();
    char message[512];
    rig_expect(rig, HTTP_PUT, SUBSCRIPTION ROLES CUSTOM A, ROLE("Starter", START, SUBSCRIPTION),
               201);
    rig_expect(rig, HTTP_PUT, WORKSPACE GRANTS ONE A, GRANT(READER, ADA), 201);
    for (size_t i = 0; i < COUNT(cases); i++)
        rig_refused(rig, HTTP_PUT, cases[i].target, cases[i].body, cases[i].status, cases[i].code,
                    message);
    rig_refused(rig, HTTP_PUT, WORKSPACE GRANTS TWO A, GRANT(READER, ADA), 409,
                "RoleAssignmentExists", message);
    assert_string_equal(message, "The role assignment already exists. The ID of the existing role "
                                 "assignment is 11111111000040008000000000000001.");
    expect_count(rig, ACCESS "/roleAssignments" A, 2);
    /* A compute that is not there yet may have one: ARM keeps no list of them. */
    rig_expect(rig, HTTP_PUT, COMPUTES "/later" GRANTS TWO A, GRANT(READER, ADA), 201);
    rig_close(rig);
}

static void lists_are_filtered_by_scope_and_principal(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int count;
    } cases[] = {
        { ACCESS "/roleAssignments" A, 4 },
        { WORKSPACE ACCESS "/roleAssignments" A, 4 },
        { "//" ACCESS "/roleAssignments" A, 4 },
        { GROUP ACCESS "/roleAssignments" A, 4 },
        { GROUP ACCESS "/roleAssignments" A "&$filter=atScope()", 3 },
        { ACCESS "/roleAssignments" A "&$filter=atScope()", 1 },
        { WORKSPACE ACCESS "/roleAssignments" A "&$filter=atScope%28%29", 3 },
        { COMPUTES "/ds" ACCESS "/roleAssignments" A "&%24filter=atScope()", 4 },
        { WORKSPACE ACCESS "/roleAssignments" A "&$filter=principalId%20eq%20'" ADA "'", 1 },
        { WORKSPACE ACCESS "/roleAssignments" A "&$filter=principalId%20eq%20" ADA, 1 },
        { COMPUTES "/ds" ACCESS "/roleAssignments" A "&$filter=assignedTo('" ADA "')", 3 },
        { WORKSPACE ACCESS "/roleAssignments" A "&$filter=assignedTo('" AUTOMATION "')", 0 },
        { GROUP ACCESS "/roleAssignments" A "&$filter=atScope()+and+assignedTo('" ADA "')", 2 },
        { GROUP ACCESS "/roleAssignments" A "&$filter=assignedTo('" ADA
                       "')%20and%20principalId%20eq%20'" TEAM "'",
          2 },
        { WORKSPACE ACCESS "/roleAssignments" A "&$filter=", 4 },
    };
    static const char *const wrong[] = {
        "atScope",
        "atScope()%20and",
        "or",
        "principalId%20eq",
        "principalId%20eq%20'x",
        "assignedTo()",
        "atScope()%20or%20atScope()",
        "atScope()%20and%20atScope()",
        "roleName%20eq%20'x'",
    };
    struct rig *rig = rig_memory();
    rig_expect(rig, HTTP_PUT, SUBSCRIPTION GRANTS ONE A, GRANT(READER, TEAM), 201);
    rig_expect(rig, HTTP_PUT, GROUP GRANTS TWO A, GRANT(CONTRIBUTOR, ADA), 201);
    rig_expect(rig, HTTP_PUT, COMPUTES "/ds" GRANTS THREE A, GRANT(CONTRIBUTOR, TEAM), 201);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_count(rig, cases[i].target, cases[i].count);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char target[512];
        snprintf(target, sizeof target, GROUP ACCESS "/roleAssignments" A "&$filter=%s", wrong[i]);
        rig_refused(rig, HTTP_GET, target, NULL, 400, "UnsupportedQuery", NULL);
    }
    rig_close(rig);
}

static void long_lists_come_in_pages(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    for (int i = 0; i < 1100; i++) {
        char target[512];
        snprintf(target, sizeof target, COMPUTES "/c%d" GRANTS "33333333-0000-4000-8000-%012d" A, i,
                 i);
        rig_expect(rig, HTTP_PUT, target, GRANT(READER, ADA), 201);
    }
    struct reply reply = rig_send(
        rig, HTTP_GET,
        WORKSPACE ACCESS "/roleAssignments" A "&$filter=principalId%20eq%20'" ADA "'", NULL);
    assert_int_equal(cJSON_GetArraySize(json_at(reply.body, "value")), 1000);
    expect_count(rig, target_of(json_string(reply.body, "nextLink", NULL)), 100);
    reply_clear(&reply);
    rig_close(rig);
}

static void a_custom_role_is_made_used_and_deleted(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-one", NULL);
    rig_complete(rig, HTTP_POST, COMPUTES "/ds-one/stop" V, NULL, 202, "Succeeded");
    struct reply reply =
        rig_send(rig, HTTP_PUT, GROUP ROLES CUSTOM A, ROLE("Starter", START, GROUP));
    assert_int_equal(reply.status, 201);
    assert_string_equal(json_string(reply.body, "id", ""), SUBSCRIPTION ROLES CUSTOM);
    assert_string_equal(json_string(reply.body, "properties.type", ""), "CustomRole");
    assert_true(cJSON_IsArray(json_at(reply.body, "properties.permissions")->child->child->next));
    reply_clear(&reply);
    rig_expect(rig, HTTP_PUT, WORKSPACE GRANTS ONE A, GRANT(CUSTOM, ADA), 201);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES "/ds-one" V, NULL, 403);
    rig_expect(rig, HTTP_POST, COMPUTES "/ds-one/start" V, NULL, 202);
    rig->caller = NULL;
    rig_expect(rig, HTTP_PUT, GROUP ROLES CUSTOM A, ROLE("Starter", "*/read", GROUP), 201);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES "/ds-one" V, NULL, 200);
    rig_expect(rig, HTTP_POST, COMPUTES "/ds-one/stop" V, NULL, 403);
    rig->caller = NULL;
    rig_refused(rig, HTTP_DELETE, GROUP ROLES CUSTOM A, NULL, 400, "RoleDefinitionHasAssignments",
                NULL);
    rig_refused(rig, HTTP_PUT, GROUP ROLES CUSTOM A,
                ROLE("Starter", "*/read", SUBSCRIPTION "/resourceGroups/other"), 400,
                "RoleDefinitionHasAssignments", NULL);
    rig_expect(rig, HTTP_DELETE, WORKSPACE GRANTS ONE A, NULL, 200);
    rig_expect(rig, HTTP_DELETE, GROUP ROLES CUSTOM A, NULL, 200);
    rig_expect(rig, HTTP_DELETE, GROUP ROLES CUSTOM A, NULL, 204);
    rig_close(rig);
}

static void roles_are_listed_where_they_may_be_assigned(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_expect(rig, HTTP_PUT, SUBSCRIPTION ROLES CUSTOM A, ROLE("Starter", START, WORKSPACE), 201);
#define CUSTOM_ONLY "&$filter=type%20eq%20'CustomRole'"
    expect_count(rig, WORKSPACE ACCESS "/roleDefinitions" A CUSTOM_ONLY, 1);
    expect_count(rig, SUBSCRIPTION ACCESS "/roleDefinitions" A CUSTOM_ONLY, 0);
    expect_count(
        rig, SUBSCRIPTION ACCESS "/roleDefinitions" A CUSTOM_ONLY "%20and%20atScopeAndBelow()", 1);
    expect_count(rig, ACCESS "/roleDefinitions" A "&$filter=roleName%20eq%20'owner'", 1);
    expect_count(rig, WORKSPACE ACCESS "/roleDefinitions" A "&$filter=roleName%20eq%20'Starter'",
                 1);
    expect_count(rig, ACCESS "/roleDefinitions" A "&$filter=roleName%20eq%20'it''s'", 0);
    struct reply reply = rig_send(rig, HTTP_GET, SUBSCRIPTION ROLES READER A, NULL);
    assert_string_equal(json_string(reply.body, "properties.roleName", ""), "Reader");
    assert_string_equal(json_string(reply.body, "properties.type", ""), "BuiltInRole");
    reply_clear(&reply);
    rig_expect(rig, HTTP_GET, SUBSCRIPTION ROLES CUSTOM A, NULL, 200);
    rig_refused(rig, HTTP_GET, SUBSCRIPTION ROLES "Reader" A, NULL, 404,
                "RoleDefinitionDoesNotExist", NULL);
    rig_close(rig);
}

static void roles_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body;
        int status;
        const char *code;
    } cases[] = {
        { SUBSCRIPTION ROLES "x" A, ROLE("n", START, SUBSCRIPTION), 400,
          "InvalidRoleDefinitionId" },
        { SUBSCRIPTION ROLES READER A, ROLE("n", START, SUBSCRIPTION), 400,
          "BuiltInRoleUpdateNotPermitted" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("Starter", START, SUBSCRIPTION), 409,
          "RoleDefinitionWithSameNameExists" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("owner", START, SUBSCRIPTION), 409,
          "RoleDefinitionWithSameNameExists" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("", START, SUBSCRIPTION), 400,
          "InvalidRoleDefinitionName" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("n", START, "/"), 400, "InvalidAssignableScopes" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("n", START, "x"), 400, "InvalidAssignableScopes" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("n", START, "/subscriptions/*"), 400,
          "InvalidAssignableScopes" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("n", "computes/start", SUBSCRIPTION), 400,
          "InvalidActionOrNotAction" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("n", "", SUBSCRIPTION), 400,
          "InvalidActionOrNotAction" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, ROLE("n", "a b/*", SUBSCRIPTION), 400,
          "InvalidActionOrNotAction" },
        { SUBSCRIPTION ROLES CUSTOM_2 A,
          "{\"properties\":{\"roleName\":\"n\",\"assignableScopes\":[\"" SUBSCRIPTION "\"]}}", 400,
          "InvalidRoleDefinition" },
        { SUBSCRIPTION ROLES CUSTOM_2 A, "{\"roleName\":\"n\"}", 400, "InvalidRoleDefinitionName" },
    };
    struct rig *rig = rig_memory();
    rig_expect(rig, HTTP_PUT, SUBSCRIPTION ROLES CUSTOM A, ROLE("Starter", START, SUBSCRIPTION),
               201);
    for (size_t i = 0; i < COUNT(cases); i++)
        rig_refused(rig, HTTP_PUT, cases[i].target, cases[i].body, cases[i].status, cases[i].code,
                    NULL);
    rig_refused(rig, HTTP_DELETE, SUBSCRIPTION ROLES READER A, NULL, 400,
                "BuiltInRoleUpdateNotPermitted", NULL);
    rig_close(rig);
}

static void who_may_grant_may_not_make_roles_elsewhere(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_expect(rig, HTTP_PUT, GROUP GRANTS ONE A, GRANT(USER_ACCESS, ADA), 201);
    rig->caller = ADA;
    rig_expect(rig, HTTP_PUT, WORKSPACE GRANTS TWO A, GRANT(READER, GRACE), 201);
    rig_refused(rig, HTTP_PUT, SUBSCRIPTION GRANTS THREE A, GRANT(READER, GRACE), 403,
                "AuthorizationFailed", NULL);
    rig_expect(rig, HTTP_PUT, GROUP ROLES CUSTOM A, ROLE("Here", START, GROUP), 201);
    rig_refused(rig, HTTP_PUT, GROUP ROLES CUSTOM_2 A, ROLE("There", START, SUBSCRIPTION), 403,
                "LinkedAuthorizationFailed", NULL);
    rig_close(rig);
}

static void the_owner_cannot_lock_himself_out(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct reply reply = rig_send(
        rig, HTTP_GET, ACCESS "/roleAssignments" A "&$filter=principalId%20eq%20'" OWNER "'", NULL);
    char target[256];
    const cJSON *first = json_at(reply.body, "value")->child;
    snprintf(target, sizeof target, "%s" A, json_string(first, "id", ""));
    rig_refused(rig, HTTP_DELETE, target, NULL, 409, "CannotDeleteLastRbacAdminAssignment", NULL);
    rig_refused(rig, HTTP_PUT, target,
                GRANT_WITH(OWNER_ROLE, OWNER, ",\"condition\":\"x\",\"conditionVersion\":\"2.0\""),
                409, "CannotDeleteLastRbacAdminAssignment", NULL);
    rig_expect(rig, HTTP_GET, target, NULL, 200);
    reply_clear(&reply);
    rig_close(rig);
}

static void permissions_are_the_callers_own(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig->caller = ADA;
    expect_count(rig, WORKSPACE ACCESS "/permissions" A, 0);
    rig->caller = NULL;
    expect_count(rig, WORKSPACE ACCESS "/permissions" A, 1);
    rig_expect(rig, HTTP_PUT, WORKSPACE GRANTS ONE A, GRANT(READER, TEAM), 201);
    rig_expect(rig, HTTP_PUT, WORKSPACE GRANTS TWO A, GRANT(READER, ADA), 201);
    rig_expect(rig, HTTP_PUT, WORKSPACE GRANTS THREE A,
               GRANT_WITH(CONTRIBUTOR, ADA, ",\"condition\":\"x\",\"conditionVersion\":\"2.0\""),
               201);
    rig->caller = ADA;
    struct reply reply = rig_send(rig, HTTP_GET, COMPUTES "/x" ACCESS "/permissions" A, NULL);
    const cJSON *list = json_at(reply.body, "value");
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(json_at(list->child, "actions")->child->valuestring, "*/read");
    reply_clear(&reply);
    expect_count(rig, GROUP ACCESS "/permissions" A, 0);
    /* What depends on a condition is no right: this plane evaluates none. */
    rig_expect(rig, HTTP_PUT, COMPUTES "/ds-new" V, BODY(""), 403);
    rig_close(rig);
}

static void assignments_go_with_what_they_are_at(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    static const char second[] = GROUP LEARNING "/workspaces/second" V;
    rig_expect(rig, HTTP_PUT, second, "{\"location\":\"westeurope\"}", 201);
    rig_expect(rig, HTTP_PUT, GROUP LEARNING "/workspaces/second" GRANTS ONE A, GRANT(READER, ADA),
               201);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, second, NULL, 200);
    rig->caller = NULL;
    rig_expect(rig, HTTP_DELETE, second, NULL, 200);
    rig_expect(rig, HTTP_PUT, second, "{\"location\":\"westeurope\"}", 201);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, second, NULL, 403);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_assignment_is_made_read_changed_and_deleted),
        cmocka_unit_test(grants_that_cannot_be_are_refused),
        cmocka_unit_test(lists_are_filtered_by_scope_and_principal),
        cmocka_unit_test(long_lists_come_in_pages),
        cmocka_unit_test(a_custom_role_is_made_used_and_deleted),
        cmocka_unit_test(roles_are_listed_where_they_may_be_assigned),
        cmocka_unit_test(roles_that_cannot_be_are_refused),
        cmocka_unit_test(who_may_grant_may_not_make_roles_elsewhere),
        cmocka_unit_test(the_owner_cannot_lock_himself_out),
        cmocka_unit_test(permissions_are_the_callers_own),
        cmocka_unit_test(assignments_go_with_what_they_are_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
