/* Paths and bodies of the requests for principals, and what items of the directory tell. */
#include "fake.h"

#include "client/principals.h"

#define ID "00000000-0000-4000-8000-000000000200"
#define MEMBER "00000000-0000-4000-8000-000000000101"
#define FIELDS "$select=id,displayName,userPrincipalName"

static const struct directory here = { 0 };
static const struct directory graph = { .graph_url = "https://graph.microsoft.com/",
                                        .graph_token = "secret" };

static void expect(struct principals_request *request, int rc, enum http_method method,
                   const char *path, const char *body)
{
    char *text = request->body ? json_text(request->body) : NULL;
    assert_int_equal(rc, 0);
    assert_int_equal(request->arm.method, method);
    assert_string_equal(request->arm.path, path);
    assert_null(request->arm.api_version);
    if (!text_equal(text, body))
        fail_msg("%s is not %s", text, body);
    free(text);
    principals_request_clear(request);
    principals_request_clear(request); /* harmless twice */
}

static void reads(void **state)
{
    struct principals_request r;
    struct error err = { 0 };
    (void)state;
    expect(&r, principals_list(&r, &here, DIRECTORY_USER, &err), HTTP_GET,
           "/v1.0/users?" FIELDS "&$top=999", NULL);
    expect(&r, principals_list(&r, &here, DIRECTORY_SERVICE_PRINCIPAL, &err), HTTP_GET,
           "/v1.0/servicePrincipals?$select=id,displayName,appId&$top=999", NULL);
    expect(&r, principals_me(&r, &graph, &err), HTTP_GET,
           "https://graph.microsoft.com/v1.0/me?" FIELDS, NULL);
    expect(&r, principals_members(&r, &here, ID, &err), HTTP_GET,
           "/v1.0/groups/" ID "/members?" FIELDS "&$top=999", NULL);
    cJSON *ids = cJSON_Parse("[\"" ID "\"]");
    expect(&r, principals_by_ids(&r, &here, ids, &err), HTTP_POST,
           "/v1.0/directoryObjects/getByIds",
           "{\"types\":[\"user\",\"group\",\"servicePrincipal\"],\"ids\":[\"" ID "\"]}");
    cJSON_Delete(ids);
}

static void writes(void **state)
{
    struct principals_request r;
    struct error err = { 0 };
    (void)state;
    expect(&r, principals_create_user(&r, &here, "ada@b.c", NULL, &err), HTTP_POST, "/v1.0/users",
           "{\"accountEnabled\":true,\"userPrincipalName\":\"ada@b.c\",\"displayName\":\"ada\","
           "\"mailNickname\":\"ada\"}");
    expect(&r, principals_create_group(&r, &here, "Tëam A", &err), HTTP_POST, "/v1.0/groups",
           "{\"displayName\":\"Tëam A\",\"mailNickname\":\"T--am-A\",\"mailEnabled\":false,"
           "\"securityEnabled\":true}");
    expect(&r, principals_delete(&r, &here, DIRECTORY_GROUP, ID, &err), HTTP_DELETE,
           "/v1.0/groups/" ID, NULL);
    expect(&r, principals_add_member(&r, &here, ID, MEMBER, &err), HTTP_POST,
           "/v1.0/groups/" ID "/members/$ref",
           "{\"@odata.id\":\"https://graph.microsoft.com/v1.0/directoryObjects/" MEMBER "\"}");
    expect(&r, principals_remove_member(&r, &here, ID, MEMBER, &err), HTTP_DELETE,
           "/v1.0/groups/" ID "/members/" MEMBER "/$ref", NULL);
}

static void refuses_what_is_no_object_id(void **state)
{
    static const char *const bad[] = { NULL, "", "ada@b.c", "../users",
                                       "00000000-0000-4000-8000-0000000002000" };
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct principals_request r;
        struct error err = { 0 };
        assert_int_equal(principals_members(&r, &here, bad[i], &err), ERROR_INVALID);
        assert_int_equal(principals_delete(&r, &here, DIRECTORY_USER, bad[i], &err), ERROR_INVALID);
        assert_int_equal(principals_add_member(&r, &here, ID, bad[i], &err), ERROR_INVALID);
        assert_int_equal(principals_remove_member(&r, &here, bad[i], ID, &err), ERROR_INVALID);
        assert_null(r.path);
    }
}

/* All pages of a group's members, with the directory's own token. */
static void members_come_page_by_page(void **state)
{
    static const struct answer answers[] = {
        { .status = 200,
          .body = "{\"value\":[{\"@odata.type\":\"#microsoft.graph.user\",\"id\":\"1\","
                  "\"userPrincipalName\":\"a@b\",\"displayName\":\"A\"}],\"@odata.nextLink\":"
                  "\"https://graph.microsoft.com/v1.0/groups/" ID "/members?$skiptoken=1\"}" },
        { .status = 200,
          .body = "{\"value\":[{\"@odata.type\":\"#microsoft.graph.group\",\"id\":\"2\","
                  "\"displayName\":\"G\"},{\"@odata.type\":\"#microsoft.graph.device\"}]}" },
    };
    struct fake fake;
    struct ended ended;
    struct principals_request r;
    struct error err = { 0 };
    enum directory_kind kind = DIRECTORY_SERVICE_PRINCIPAL;
    (void)state;
    fake_start(&fake, NULL, "https://management.azure.com");
    fake_script(&fake, answers, COUNT(answers));
    assert_int_equal(principals_members(&r, &graph, ID, &err), 0);
    fake_run(&fake, &r.arm, &ended);
    principals_request_clear(&r);
    const cJSON *value = json_at(ended.body, "value");
    assert_int_equal(cJSON_GetArraySize(value), 3);
    assert_true(principals_kind_of(cJSON_GetArrayItem(value, 0), &kind));
    assert_int_equal(kind, DIRECTORY_USER);
    assert_string_equal(principals_name_of(cJSON_GetArrayItem(value, 0)), "a@b");
    assert_true(principals_kind_of(cJSON_GetArrayItem(value, 1), &kind));
    assert_int_equal(kind, DIRECTORY_GROUP);
    assert_string_equal(principals_name_of(cJSON_GetArrayItem(value, 1)), "G");
    assert_false(principals_kind_of(cJSON_GetArrayItem(value, 2), &kind));
    assert_null(principals_name_of(cJSON_GetArrayItem(value, 2)));
    assert_string_equal(fake.asked[1].authorization, "Bearer secret");
    ended_clear(&ended);
    fake_stop(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(writes),
        cmocka_unit_test(refuses_what_is_no_object_id),
        cmocka_unit_test(members_come_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
