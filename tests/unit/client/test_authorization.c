/* Paths, filters and bodies of the requests for roles and assignments, against the reference's. */
#include "fake.h"

#include "client/authorization.h"

#define WORKSPACE                                                                                  \
    "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/" \
    "ws"
#define AUTHORIZATION "/providers/Microsoft.Authorization"
#define NAME "05c5a614-a7d6-4502-b150-c2fb455033ff"

typedef int list_fn(struct authorization_request *, const char *, const char *, struct error *);
typedef int id_fn(struct authorization_request *, const char *, struct error *);

static void test_lists_at_any_scope(void **state)
{
    static const struct {
        list_fn *fill;
        const char *scope, *filter, *path, *query;
    } cases[] = {
        { authorization_roles, "/", NULL, AUTHORIZATION "/roleDefinitions", NULL },
        { authorization_roles, "/subscriptions/sub", "roleName eq 'A & B'",
          "/subscriptions/sub" AUTHORIZATION "/roleDefinitions",
          "$filter=roleName%20eq%20%27A%20%26%20B%27" },
        { authorization_assignments, WORKSPACE, "atScope()",
          WORKSPACE AUTHORIZATION "/roleAssignments", "$filter=atScope%28%29" },
        { authorization_assignments, WORKSPACE "/computes/ada/", NULL,
          WORKSPACE "/computes/ada" AUTHORIZATION "/roleAssignments", NULL },
        { authorization_denies, "/providers/Microsoft.Management/managementGroups/top", NULL,
          "/providers/Microsoft.Management/managementGroups/top" AUTHORIZATION "/denyAssignments",
          NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct authorization_request request;
        struct error err = { 0 };
        assert_int_equal(cases[i].fill(&request, cases[i].scope, cases[i].filter, &err), 0);
        assert_int_equal(request.arm.method, HTTP_GET);
        assert_int_equal(request.arm.follow, ARM_PAGES);
        assert_string_equal(request.arm.api_version, API_AUTHORIZATION);
        assert_string_equal(request.arm.path, cases[i].path);
        if (!text_equal(request.arm.query, cases[i].query))
            fail_msg("%s is not %s", request.arm.query, cases[i].query);
        authorization_request_clear(&request);
        authorization_request_clear(&request);
    }
}

static void test_one_by_its_id(void **state)
{
    static const struct {
        id_fn *fill;
        enum http_method method;
        bool settles;
    } cases[] = {
        { authorization_role_get, HTTP_GET, false },
        { authorization_role_delete, HTTP_DELETE, true },
        { authorization_assignment_get, HTTP_GET, false },
        { authorization_assignment_delete, HTTP_DELETE, true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct authorization_request request;
        struct error err = { 0 };
        const char *id = WORKSPACE AUTHORIZATION "/roleAssignments/" NAME;
        assert_int_equal(cases[i].fill(&request, id, &err), 0);
        assert_int_equal(request.arm.method, cases[i].method);
        assert_string_equal(request.arm.path, id);
        assert_int_equal(request.arm.settled != NULL, cases[i].settles);
        authorization_request_clear(&request);
    }
}

static void test_a_grant_is_put_under_its_name(void **state)
{
    const struct authorization_grant grant = {
        .scope = "/subscriptions/sub",
        .name = NAME,
        .role_id = "/subscriptions/sub" AUTHORIZATION "/roleDefinitions/r",
        .principal_id = "ada",
        .principal_type = "User",
    };
    struct authorization_request request;
    struct error err = { 0 };
    (void)state;
    assert_int_equal(authorization_assignment_put(&request, &grant, &err), 0);
    assert_int_equal(request.arm.method, HTTP_PUT);
    assert_string_equal(request.arm.path,
                        "/subscriptions/sub" AUTHORIZATION "/roleAssignments/" NAME);
    char *text = json_text(request.arm.body);
    assert_string_equal(text,
                        "{\"properties\":{\"roleDefinitionId\":\"/subscriptions/sub" AUTHORIZATION
                        "/roleDefinitions/r\",\"principalId\":\"ada\",\"principalType\":\"User\"}"
                        "}");
    free(text);
    authorization_request_clear(&request);
}

/* The first reply is lost, the repetition is refused as a duplicate: it was taken. */
static void test_a_grant_whose_reply_was_lost_is_there(void **state)
{
    static const struct answer answers[] = {
        { .rc = ERROR_UNAVAILABLE, .sent = true },
        { .status = 409,
          .body = "{\"error\":{\"code\":\"RoleAssignmentExists\",\"message\":\"It exists.\"}}" },
        { .status = 200, .body = "{\"name\":\"" NAME "\"}" },
    };
    const struct authorization_grant grant = {
        .scope = "/", .name = NAME, .role_id = "/r", .principal_id = "ada"
    };
    struct authorization_request request;
    struct error err = { 0 };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    assert_int_equal(authorization_assignment_put(&request, &grant, &err), 0);
    fake_run(&fake, &request.arm, &ended);
    authorization_request_clear(&request);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(fake.asked_count, 3);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_what_is_no_scope_is_refused(void **state)
{
    static const char *const scopes[] = { NULL,   "",        "subscriptions/x", "/a//b", "/a/../b",
                                          "/a?b", "/a%2fb",  "/a\\b",           "/a\nb", "//",
                                          "/.",   "/a/#/b/c" };
    (void)state;
    for (size_t i = 0; i < COUNT(scopes); i++) {
        struct authorization_request request;
        struct error err = { 0 };
        const struct authorization_grant grant = {
            .scope = scopes[i], .name = NAME, .role_id = "/r", .principal_id = "p"
        };
        if (authorization_assignments(&request, scopes[i], NULL, &err) != ERROR_INVALID)
            fail_msg("\"%s\" was taken for a scope", scopes[i]);
        assert_null(request.path);
        assert_int_equal(authorization_assignment_put(&request, &grant, &err), ERROR_INVALID);
        assert_int_equal(authorization_assignment_get(&request, scopes[i], &err), ERROR_INVALID);
        authorization_request_clear(&request);
    }
}

static void test_names_that_are_no_segment_are_refused(void **state)
{
    static const char *const names[] = { NULL, "", "..", "a/b", "a%20b", "a?b" };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct authorization_request request;
        struct error err = { 0 };
        assert_int_equal(authorization_role_put(&request, "/", names[i], NULL, &err),
                         ERROR_INVALID);
        authorization_request_clear(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_at_any_scope),
        cmocka_unit_test(test_one_by_its_id),
        cmocka_unit_test(test_a_grant_is_put_under_its_name),
        cmocka_unit_test(test_a_grant_whose_reply_was_lost_is_there),
        cmocka_unit_test(test_what_is_no_scope_is_refused),
        cmocka_unit_test(test_names_that_are_no_segment_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
