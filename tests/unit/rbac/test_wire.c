/* What the REST API says of roles and assignments becomes a policy, and the other way round. */
#include "small.h"

#include "base/json.h"
#include "rbac/wire.h"

#define CREATE ML "workspaces/computes/write"
#define START ML "workspaces/computes/start/action"
#define ROLE "11111111-0000-4000-8000-000000000001"

/* Quotes are single, to be read. */
static cJSON *tree(const char *text)
{
    char *copy = strdup(text);
    cJSON *out = NULL;
    for (char *at = copy; (at = strchr(at, '\''));)
        *at = '"';
    struct error err = { 0 };
    if (json_parse(copy, strlen(copy), "the test", &out, &err) < 0)
        fail_msg("%s: %s", copy, err.message);
    free(copy);
    return out;
}

typedef int add_fn(struct rbac_policy *policy, const cJSON *json, struct error *err);

static int add(struct rbac_policy *policy, add_fn *how, const char *text, struct error *err)
{
    cJSON *json = tree(text);
    int rc = how(policy, json, err);
    cJSON_Delete(json);
    return rc;
}

#define CUSTOM                                                                                     \
    "{'id':'/subscriptions/s1/providers/Microsoft.Authorization/roleDefinitions/" ROLE "',"        \
    "'name':'" ROLE "','properties':{'roleName':'Starter','permissions':["                         \
    "{'actions':['" ML "workspaces/computes/*'],'notActions':['" CREATE "'],"                      \
    "'dataActions':null}],'assignableScopes':['/subscriptions/s1']}}"

static void roles_and_assignments_are_read(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    assert_int_equal(add(policy, rbac_policy_add_role_json, CUSTOM, NULL), 0);
    assert_int_equal(add(policy, rbac_policy_add_assignment_json,
                         "{'id':'a','properties':{'principalId':'ada','scope':'" RG "',"
                         "'roleDefinitionId':'/providers/x/roleDefinitions/" ROLE "'}}",
                         NULL),
                     0);
    assert_int_equal(add(policy, rbac_policy_add_assignment_json,
                         "{'properties':{'principalId':'grace','scope':'" RG "','condition':'x',"
                         "'roleDefinitionId':'" ROLE "'}}",
                         NULL),
                     0);
    small_compile(policy);
    assert_int_equal(rbac_decide(policy, "ada", START, VM, false), RBAC_ALLOWED);
    assert_int_equal(rbac_decide(policy, "ada", CREATE, VM, false), RBAC_DENIED);
    assert_int_equal(rbac_decide(policy, "grace", START, VM, false), RBAC_CONDITIONAL);
    assert_string_equal(rbac_policy_role(policy, ROLE)->name, "Starter");
    assert_string_equal(rbac_policy_role(policy, ROLE)->assignable_scopes.items[0], SUB);
    rbac_policy_free(policy);
}

static void deny_assignments_are_read(void **state)
{
    (void)state;
    struct rbac_policy *policy = small_policy();
    small_give(policy, "ada", "Owner", "/");
    small_give(policy, "grace", "Owner", "/");
    assert_int_equal(
        add(policy, rbac_policy_add_deny_json,
            "{'id':'d','name':'d','properties':{'denyAssignmentName':'no','scope':'" SUB "',"
            "'permissions':[{'actions':['" CREATE "']},{'actions':['*/read'],'condition':'x'}],"
            "'principals':[{'id':'" RBAC_EVERYONE "','type':'SystemDefined'}],"
            "'excludePrincipals':[{'id':'grace','type':'User'}]}}",
            NULL),
        0);
    small_compile(policy);
    assert_int_equal(rbac_decide(policy, "ada", CREATE, VM, false), RBAC_DENIED);
    assert_int_equal(rbac_decide(policy, "grace", CREATE, VM, false), RBAC_ALLOWED);
    assert_int_equal(rbac_decide(policy, "ada", START, VM, false), RBAC_ALLOWED);
    assert_int_equal(rbac_decide(policy, "ada", ML "workspaces/computes/read", VM, false),
                     RBAC_CONDITIONAL);
    rbac_policy_free(policy);
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        add_fn *how;
        const char *text, *says;
        int rc;
    } cases[] = {
        { rbac_policy_add_role_json, "{}", "(no name)", ERROR_INVALID },
        { rbac_policy_add_role_json, "[]", "(no name)", ERROR_INVALID },
        { rbac_policy_add_role_json, "{'name':'r','properties':{'permissions':{}}}",
          "\"permissions\" is no list", ERROR_INVALID },
        { rbac_policy_add_role_json, "{'name':'r','properties':{'permissions':['*']}}", "no object",
          ERROR_INVALID },
        { rbac_policy_add_role_json, "{'name':'r','properties':{'permissions':[{'actions':'*'}]}}",
          "\"actions\" is no list", ERROR_INVALID },
        { rbac_policy_add_role_json,
          "{'name':'r','properties':{'permissions':[{'actions':['*',1]}]}}", "is no text",
          ERROR_INVALID },
        { rbac_policy_add_role_json, CUSTOM, ROLE, ERROR_CONFLICT },
        { rbac_policy_add_assignment_json, "{}", "role assignment", ERROR_INVALID },
        { rbac_policy_add_assignment_json,
          "{'name':'a','properties':{'principalId':'p','roleDefinitionId':'r','scope':'x'}}",
          "role assignment a: 'x' is no scope", ERROR_INVALID },
        { rbac_policy_add_deny_json, "{'name':'d','properties':{'scope':'/','principals':['p']}}",
          "deny assignment d: \"principals\"", ERROR_INVALID },
        { rbac_policy_add_deny_json, "{'properties':{}}", "no scope", ERROR_INVALID },
    };
    struct rbac_policy *policy = small_policy();
    assert_int_equal(add(policy, rbac_policy_add_role_json, CUSTOM, NULL), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        assert_int_equal(add(policy, cases[i].how, cases[i].text, &err), cases[i].rc);
        if (!strstr(err.message, cases[i].says))
            fail_msg("%s: '%s' does not say '%s'", cases[i].text, err.message, cases[i].says);
    }
    small_compile(policy);
    rbac_policy_free(policy);
}

static void a_role_comes_back_as_it_went(void **state)
{
    (void)state;
    size_t count = 0;
    const struct rbac_role *roles = rbac_builtin_roles(&count);
    for (size_t i = 0; i < count; i++) {
        struct rbac_policy *policy = rbac_policy_new();
        cJSON *json = rbac_role_json(&roles[i], RBAC_ROLE_BUILT_IN);
        assert_int_equal(rbac_policy_add_role_json(policy, json, NULL), 0);
        small_compile(policy);
        cJSON *again = rbac_role_json(rbac_policy_role(policy, roles[i].id), RBAC_ROLE_BUILT_IN);
        assert_true(json_equal(json, again));
        assert_string_equal(json_string(json, "properties.roleName", ""), roles[i].name);
        assert_string_equal(json_string(json, "properties.type", ""), "BuiltInRole");
        cJSON_Delete(json);
        cJSON_Delete(again);
        rbac_policy_free(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_and_assignments_are_read),
        cmocka_unit_test(deny_assignments_are_read),
        cmocka_unit_test(other_shapes_are_refused),
        cmocka_unit_test(a_role_comes_back_as_it_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
