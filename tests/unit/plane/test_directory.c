/* test_directory.c - the subset of Microsoft Graph. */
#include "plane/plane_test.h"

static void filters_find_principals(void **state)
{
    (void)state;
    static const struct {
        const char *target, *names; /* display names of the reply, in order */
    } cases[] = {
        { "/v1.0/users?$filter=userPrincipalName%20eq%20'ada@moonfleet.local'", "Ada Lovelace" },
        { "/v1.0/users?$filter=userPrincipalName%20eq%20'ADA@Moonfleet.local'", "Ada Lovelace" },
        { "/v1.0/"
          "users?%24filter=userPrincipalName%20in%20%28'grace@moonfleet.local','ada@moonfleet."
          "local','none'%29",
          "Grace Hopper,Ada Lovelace" },
        { "/v1.0/users?$filter=startsWith(userPrincipalName,'MAR')", "Margaret Hamilton" },
        { "/v1.0/users?$filter=startswith(userPrincipalName,%20'%25')", "" },
        { "/v1.0/users?$filter=userPrincipalName%20eq%20'o''neill'", "" },
        { "/v1.0/users?$filter=displayName%20eq%20'data-scientists'", "" }, /* a group is no user */
        { "/v1.0/groups?$filter=displayName%20eq%20'Data-Scientists'", "data-scientists" },
        { "/v1.0/groups?$filter=displayName%20in%20('data-scientists')", "data-scientists" },
        { "/v1.0/groups", "data-scientists" },
        { "/v1.0/servicePrincipals?$filter=displayName%20eq%20'automation'", "automation" },
        { "/v1.0/servicePrincipals?$filter=appId%20eq%20'00000000-0000-4000-8000-000000000301'",
          "automation" },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/members",
          "Ada Lovelace,Grace Hopper,Linus Torvalds,Margaret Hamilton" },
        { "/v1.0/users", "Owner,Ada Lovelace,Grace Hopper,Linus Torvalds,Margaret Hamilton" },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply = rig_send(rig, HTTP_GET, cases[i].target, NULL);
        struct buffer names = { 0 };
        const cJSON *item = NULL;
        if (reply.status != 200)
            fail_msg("%s: %s", cases[i].target, reply.response.body.data);
        buffer_text(&names, "");
        cJSON_ArrayForEach(item, json_at(reply.body, "value")) buffer_format(
            &names, "%s%s", names.size > 0 ? "," : "", json_string(item, "displayName", "?"));
        if (!text_equal(names.data, cases[i].names))
            fail_msg("%s: %s", cases[i].target, reply.response.body.data);
        buffer_clear(&names);
        reply_clear(&reply);
    }
    rig_close(rig);
}

static void one_is_found_by_id_or_name(void **state)
{
    (void)state;
    static const struct {
        const char *target, *id;
    } cases[] = {
        { "/v1.0/users/" ADA, ADA },
        { "/v1.0/users/ada%40moonfleet.local", ADA },
        { "/v1.0/me", OWNER },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200",
          "00000000-0000-4000-8000-000000000200" },
        { "/v1.0/servicePrincipals/00000000-0000-4000-8000-000000000300",
          "00000000-0000-4000-8000-000000000300" },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply = rig_send(rig, HTTP_GET, cases[i].target, NULL);
        assert_int_equal(reply.status, 200);
        assert_string_equal(json_string(reply.body, "id", ""), cases[i].id);
        reply_clear(&reply);
    }
    char message[512];
    rig_refused(rig, HTTP_GET, "/v1.0/users/nobody", NULL, 404, "Request_ResourceNotFound",
                message);
    assert_string_equal(
        message,
        "Resource 'nobody' does not exist or one of its queried reference-property objects are "
        "not present.");
    rig_refused(rig, HTTP_GET, "/v1.0/groups/" ADA, NULL, 404, "Request_ResourceNotFound", NULL);
    rig_refused(rig, HTTP_GET, "/v1.0/groups/" ADA "/members", NULL, 404,
                "Request_ResourceNotFound", NULL);
    rig_close(rig);
}

static void filters_that_are_not_understood_are_refused(void **state)
{
    (void)state;
    static const char *const filters[] = {
        "%20",
        "x",
        "userPrincipalName",
        "userPrincipalName%20eq",
        "userPrincipalName%20eq%20'a",
        "a eq 1",
        "id%20eq%20'x'%20or%20id%20eq%20'y'",
        "age%20eq%20'7'",
        "startsWith(userPrincipalName)",
        "id in ()",
        "id%20in%20('a'",
        "%F0%9F%9A%80%20eq%20'x'",
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(filters); i++) {
        char target[256];
        snprintf(target, sizeof target, "/v1.0/users?$filter=%s", filters[i]);
        for (char *at = target; *at; at++)
            if (*at == ' ')
                *at = '+'; /* a plus is a plus: still no filter */
        rig_refused(rig, HTTP_GET, target, NULL, 400, "Request_UnsupportedQuery", NULL);
    }
    rig_close(rig);
}

static void many_are_found_by_their_ids(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct reply reply =
        rig_send(rig, HTTP_POST, "/v1.0/directoryObjects/getByIds",
                 "{\"ids\":[\"" ADA "\",\"none\",\"00000000-0000-4000-8000-000000000200\"]}");
    const cJSON *value = json_at(reply.body, "value");
    assert_int_equal(reply.status, 200);
    assert_int_equal(cJSON_GetArraySize(value), 2);
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(value, 1), "@odata.type")),
        "#microsoft.graph.group");
    reply_clear(&reply);
    rig_refused(rig, HTTP_POST, "/v1.0/directoryObjects/getByIds", "{}", 400, "Request_BadRequest",
                NULL);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_find_principals),
        cmocka_unit_test(one_is_found_by_id_or_name),
        cmocka_unit_test(filters_that_are_not_understood_are_refused),
        cmocka_unit_test(many_are_found_by_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
