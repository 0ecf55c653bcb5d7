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
          "Ada Lovelace,Grace Hopper" },
        { "/v1.0/users?$filter=id%20eq%20'" ADA "'%20or%20startswith(displayName,'gr')",
          "Ada Lovelace,Grace Hopper" },
        { "/v1.0/users?$filter=startswith(displayName,'gr')%20and%20(id%20eq%20'x'%20or%20mail%20"
          "eq%20'grace@moonfleet.local')",
          "Grace Hopper" },
        { "/v1.0/servicePrincipals?$filter=servicePrincipalNames/any(c:c%20eq%20'00000000-0000-"
          "4000-8000-000000000301')",
          "automation" },
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
        "id%20eq%20'x'%20or",
        "id%20eq%20'x'%20xor%20id%20eq%20'y'",
        "(id%20eq%20'x'",
        "not%20(id%20eq%20'x')",
        "servicePrincipalNames/any(a:b%20eq%20'x')",
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

static struct reply post(struct rig *rig, const char *target, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static struct reply post(struct rig *rig, const char *target, const char *format, ...)
{
    char body[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(body, sizeof body, format, args);
    va_end(args);
    return rig_send(rig, HTTP_POST, target, body);
}

/* Makes a group; its id. */
static void make_group(struct rig *rig, const char *name, char id[40])
{
    struct reply reply = post(rig, "/v1.0/groups", "{\"displayName\":\"%s\"}", name);
    assert_int_equal(reply.status, 201);
    text_copy(id, 40, json_string(reply.body, "id", ""));
    reply_clear(&reply);
}

static void join(struct rig *rig, const char *group, const char *member)
{
    char target[128];
    snprintf(target, sizeof target, "/v1.0/groups/%s/members/$ref", group);
    struct reply reply =
        post(rig, target,
             "{\"@odata.id\":\"https://graph.microsoft.com/v1.0/directoryObjects/%s\"}", member);
    if (reply.status != 204)
        fail_msg("%d: %s", reply.status, reply.response.body.data);
    reply_clear(&reply);
}

/* All pages of a list: the names in order, with how many pages there were. */
static size_t all_pages(struct rig *rig, const char *first, struct buffer *names)
{
    char *target = strdup(first);
    size_t pages = 0;
    buffer_reset(names);
    buffer_text(names, "");
    while (target) {
        struct reply reply = rig_send(rig, HTTP_GET, target, NULL);
        const cJSON *item = NULL;
        if (reply.status != 200)
            fail_msg("%s: %s", target, reply.response.body.data);
        cJSON_ArrayForEach(item, json_at(reply.body, "value")) buffer_format(
            names, "%s%s", names->size > 0 ? "," : "", json_string(item, "displayName", "?"));
        const char *next = cJSON_GetStringValue(cJSON_GetObjectItem(reply.body, "@odata.nextLink"));
        free(target);
        target = next ? strdup(target_of(next)) : NULL;
        pages++;
        reply_clear(&reply);
    }
    return pages;
}

static void lists_come_in_pages(void **state)
{
    (void)state;
    static const struct {
        const char *target, *names;
        size_t pages;
    } cases[] = {
        { "/v1.0/users?$top=2", "Owner,Ada Lovelace,Grace Hopper,Linus Torvalds,Margaret Hamilton",
          3 },
        { "/v1.0/users?$top=5", "Owner,Ada Lovelace,Grace Hopper,Linus Torvalds,Margaret Hamilton",
          1 },
        { "/v1.0/users?%24top=1&$filter=startswith(displayName,'M')%20or%20startswith(displayName,"
          "'A')&$select=displayName,id",
          "Ada Lovelace,Margaret Hamilton", 2 },
        { "/v1.0/users?$filter=userPrincipalName%20in%20('linus@moonfleet.local','ada@moonfleet."
          "local','LINUS@moonfleet.local')&$top=1",
          "Ada Lovelace,Linus Torvalds", 2 },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/members?$top=3",
          "Ada Lovelace,Grace Hopper,Linus Torvalds,Margaret Hamilton", 2 },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/transitiveMembers?$top=3",
          "Ada Lovelace,Grace Hopper,Linus Torvalds,Margaret Hamilton", 2 },
        { "/v1.0/users/ada@moonfleet.local/transitiveMemberOf", "data-scientists", 1 },
        { "/v1.0/servicePrincipals/00000000-0000-4000-8000-000000000300/transitiveMemberOf", "",
          1 },
    };
    struct rig *rig = rig_memory();
    struct buffer names = { 0 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(all_pages(rig, cases[i].target, &names), cases[i].pages);
        assert_string_equal(names.data, cases[i].names);
    }
    buffer_clear(&names);
    rig_close(rig);
}

static void a_query_that_would_change_the_list_is_not_passed_over(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "$top=0",  "$top=1000",          "$top=x",    "$top=", "$skiptoken=x", "$search=a",
        "$skip=2", "$orderby=id%20desc", "$expand=x",
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(queries); i++) {
        char target[128];
        snprintf(target, sizeof target, "/v1.0/users?%s", queries[i]);
        rig_refused(rig, HTTP_GET, target, NULL, 400, "Request_UnsupportedQuery", NULL);
    }
    rig_close(rig);
}

static void select_tells_only_what_was_asked(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body;
    } cases[] = {
        { "/v1.0/users/" ADA "?$select=id", "{\"id\":\"" ADA "\"}" },
        { "/v1.0/users?$select=%20DisplayName,nothing&$top=1&$filter=id%20eq%20'" ADA "'",
          "{\"value\":[{\"displayName\":\"Ada Lovelace\"}]}" },
        { "/v1.0/me?$select=id",
          "{\"@odata.type\":\"#microsoft.graph.user\",\"id\":\"" OWNER "\"}" },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/members?$filter=id%20eq%20'" ADA
          "'&$select=appId",
          "{\"value\":[{\"@odata.type\":\"#microsoft.graph.user\"}]}" },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply = rig_send(rig, HTTP_GET, cases[i].target, NULL);
        assert_string_equal(reply.response.body.data, cases[i].body);
        reply_clear(&reply);
    }
    rig_refused(rig, HTTP_GET, "/v1.0/users?$select=id,appId", NULL, 400, "BadRequest", NULL);
    rig_refused(rig, HTTP_GET, "/v1.0/users/" ADA "?$select=appId", NULL, 400, "BadRequest", NULL);
    rig_refused(rig, HTTP_GET, "/v1.0/groups?$select=userPrincipalName", NULL, 400, "BadRequest",
                NULL);
    rig_close(rig);
}

/* Groups in groups, in a circle, with somebody at the bottom. */
static void transitive_members_are_found_once(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct buffer names = { 0 };
    char top[40], middle[40], bottom[40], target[160];
    make_group(rig, "top", top);
    make_group(rig, "middle", middle);
    make_group(rig, "bottom", bottom);
    join(rig, top, middle);
    join(rig, top, bottom);
    join(rig, middle, bottom);
    join(rig, bottom, top); /* the circle */
    join(rig, bottom, ADA);
    snprintf(target, sizeof target, "/v1.0/groups/%s/members", top);
    all_pages(rig, target, &names);
    assert_null(strstr(names.data, "Ada"));
    snprintf(target, sizeof target, "/v1.0/groups/%s/transitiveMembers?$top=1", top);
    assert_int_equal(all_pages(rig, target, &names), 3);
    assert_non_null(strstr(names.data, "Ada"));
    assert_null(strstr(names.data, "top"));

    struct reply reply = post(rig, "/v1.0/users/ada@moonfleet.local/getMemberGroups",
                              "{\"securityEnabledOnly\":true}");
    assert_int_equal(reply.status, 200);
    assert_int_equal(cJSON_GetArraySize(json_at(reply.body, "value")), 4);
    reply_clear(&reply);
    snprintf(target, sizeof target, "/v1.0/groups/%s/getMemberGroups", middle);
    reply = post(rig, target, "{\"securityEnabledOnly\":false}");
    assert_int_equal(cJSON_GetArraySize(json_at(reply.body, "value")), 2); /* not itself */
    reply_clear(&reply);
    rig_refused(rig, HTTP_POST, target, "{}", 400, "Request_BadRequest", NULL);
    rig_refused(rig, HTTP_POST, "/v1.0/users/nobody/getMemberGroups",
                "{\"securityEnabledOnly\":false}", 404, "Request_ResourceNotFound", NULL);
    buffer_clear(&names);
    rig_close(rig);
}

/* ---- changes ---- */

static void a_user_is_made_found_and_deleted(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    char id[40], target[160];
    struct reply reply =
        post(rig, "/v1.0/users",
             "{\"accountEnabled\":true,\"displayName\":\"Zoë 🚀\",\"mailNickname\":\"zoe\","
             "\"userPrincipalName\":\"Zoe@contoso.com\",\"passwordProfile\":{\"password\":\"x\"}}");
    assert_int_equal(reply.status, 201);
    assert_null(strstr(reply.response.body.data, "password"));
    text_copy(id, sizeof id, json_string(reply.body, "id", ""));
    reply_clear(&reply);
    rig_refused(rig, HTTP_POST, "/v1.0/users",
                "{\"displayName\":\"Z\",\"userPrincipalName\":\"zoe@CONTOSO.com\"}", 400,
                "Request_BadRequest", NULL);
    join(rig, "00000000-0000-4000-8000-000000000200", id);

    rig_down(rig); /* nothing is lost */
    rig_up(rig);
    reply = rig_send(rig, HTTP_GET, "/v1.0/users/zoe%40contoso.com?$select=id", NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(json_string(reply.body, "id", ""), id);
    reply_clear(&reply);

    snprintf(target, sizeof target, "/v1.0/groups/%s", id);
    rig_refused(rig, HTTP_DELETE, target, NULL, 404, "Request_ResourceNotFound", NULL);
    rig_expect(rig, HTTP_DELETE, "/v1.0/users/zoe%40contoso.com", NULL, 204);
    snprintf(target, sizeof target, "/v1.0/users/%s", id);
    rig_refused(rig, HTTP_GET, target, NULL, 404, "Request_ResourceNotFound", NULL);
    rig_refused(rig, HTTP_DELETE, target, NULL, 404, "Request_ResourceNotFound", NULL);
    snprintf(target, sizeof target,
             "/v1.0/groups/00000000-0000-4000-8000-000000000200/members/%s/$ref", id);
    rig_refused(rig, HTTP_DELETE, target, NULL, 404, "Request_ResourceNotFound", NULL);
    rig_refused(rig, HTTP_DELETE, "/v1.0/users/" OWNER, NULL, 400, "Request_BadRequest", NULL);
    rig_close(rig);
}

static void what_breaks_a_rule_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body;
    } cases[] = {
        { "/v1.0/users", "{}" },
        { "/v1.0/users", "{\"displayName\":\"A\"}" },
        { "/v1.0/users", "{\"userPrincipalName\":\"a@b.c\"}" },
        { "/v1.0/users", "{\"displayName\":\"\",\"userPrincipalName\":\"a@b.c\"}" },
        { "/v1.0/users", "{\"displayName\":\"  \",\"userPrincipalName\":\"a@b.c\"}" },
        { "/v1.0/users", "{\"displayName\":7,\"userPrincipalName\":\"a@b.c\"}" },
        { "/v1.0/users", "{\"displayName\":\"a\\u001b[2J\",\"userPrincipalName\":\"a@b.c\"}" },
        { "/v1.0/users", "{\"displayName\":\"A\",\"userPrincipalName\":\"a b@b.c\"}" },
        { "/v1.0/users", "{\"displayName\":\"A\",\"userPrincipalName\":null}" },
        { "/v1.0/users",
          "{\"displayName\":\"A\",\"userPrincipalName\":\"a@b.c\",\"accountEnabled\":1}" },
        { "/v1.0/groups", "{\"displayName\":null}" },
        { "/v1.0/groups", "{\"displayName\":\"g\",\"members@odata.bind\":[]}" },
        { "/v1.0/groups", "{\"displayName\":\"g\",\"securityEnabled\":\"yes\"}" },
        { "/v1.0/servicePrincipals", "{\"appId\":\"x\"}" },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/members/$ref", "{}" },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/members/$ref",
          "{\"@odata.id\":\"x\"}" },
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/members/$ref",
          "{\"@odata.id\":\"/directoryObjects/" ADA "\"}" }, /* she is in it */
        { "/v1.0/groups/00000000-0000-4000-8000-000000000200/members/$ref",
          "{\"@odata.id\":\"/directoryObjects/00000000-0000-4000-8000-000000000200\"}" },
    };
    struct rig *rig = rig_memory();
    char body[1200];
    for (size_t i = 0; i < COUNT(cases); i++)
        rig_refused(rig, HTTP_POST, cases[i].target, cases[i].body, 400, "Request_BadRequest",
                    NULL);
    snprintf(body, sizeof body, "{\"displayName\":\"%0256d\"}", 0);
    rig_expect(rig, HTTP_POST, "/v1.0/groups", body, 201);
    snprintf(body, sizeof body, "{\"displayName\":\"%0257d\"}", 0);
    rig_refused(rig, HTTP_POST, "/v1.0/groups", body, 400, "Request_BadRequest", NULL);
    rig_refused(rig, HTTP_POST, "/v1.0/groups/" ADA "/members/$ref",
                "{\"@odata.id\":\"/directoryObjects/" ADA "\"}", 404, "Request_ResourceNotFound",
                NULL);
    rig_refused(rig, HTTP_POST, "/v1.0/groups/00000000-0000-4000-8000-000000000200/members/$ref",
                "{\"@odata.id\":\"/directoryObjects/00000000-0000-4000-8000-0000000009ff\"}", 404,
                "Request_ResourceNotFound", NULL);
    rig_close(rig);
}

static void names_of_groups_may_repeat_but_ids_of_applications_not(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct buffer names = { 0 };
    char one[40], two[40];
    make_group(rig, "twins", one);
    make_group(rig, "Twins", two);
    all_pages(rig, "/v1.0/groups?$filter=displayName%20eq%20'TWINS'", &names);
    assert_int_equal(names.size, strlen("twins,Twins"));
    rig_expect(rig, HTTP_POST, "/v1.0/servicePrincipals", "{\"displayName\":\"robot\"}", 201);
    rig_refused(rig, HTTP_POST, "/v1.0/servicePrincipals",
                "{\"appId\":\"00000000-0000-4000-8000-000000000301\"}", 409,
                "Request_MultipleObjectsWithSameKeyValue", NULL);
    buffer_clear(&names);
    rig_close(rig);
}

static void a_seed_may_nest_groups(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct error err = { 0 };
    struct buffer seed = { 0 }, names = { 0 };
    plane_free(rig->plane);
    rig->plane = NULL;
    assert_int_equal(file_read(SOURCE_DIR "/runtime/plane/seed.json", 1 << 20, &seed, &err), 0);
    cJSON *tree = cJSON_Parse(seed.data);
    cJSON_AddItemToArray(
        cJSON_GetObjectItem(tree, "groups"),
        cJSON_Parse("{\"id\":\"00000000-0000-4000-8000-000000000201\",\"displayName\":\"all\","
                    "\"members\":[\"00000000-0000-4000-8000-000000000200\"]}"));
    char *text = json_text(tree);
    assert_int_equal(rig_plane(rig, text, &err), 0);
    all_pages(rig, "/v1.0/groups/00000000-0000-4000-8000-000000000201/transitiveMembers", &names);
    assert_string_equal(names.data, "Ada Lovelace,Grace Hopper,Linus Torvalds,Margaret Hamilton,"
                                    "data-scientists");
    free(text);
    cJSON_Delete(tree);
    buffer_clear(&names);
    buffer_clear(&seed);
    rig_close(rig);
}

static void a_deleted_group_is_in_no_other(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct buffer names = { 0 };
    char outer[40], inner[40], target[160];
    make_group(rig, "outer", outer);
    make_group(rig, "inner", inner);
    join(rig, outer, inner);
    join(rig, inner, ADA);
    snprintf(target, sizeof target, "/v1.0/groups/%s", inner);
    rig_expect(rig, HTTP_DELETE, target, NULL, 204);
    snprintf(target, sizeof target, "/v1.0/groups/%s/transitiveMembers", outer);
    all_pages(rig, target, &names);
    assert_string_equal(names.data, "");
    all_pages(rig, "/v1.0/users/" ADA "/transitiveMemberOf", &names);
    assert_string_equal(names.data, "data-scientists");
    buffer_clear(&names);
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
        cmocka_unit_test(lists_come_in_pages),
        cmocka_unit_test(a_query_that_would_change_the_list_is_not_passed_over),
        cmocka_unit_test(select_tells_only_what_was_asked),
        cmocka_unit_test(transitive_members_are_found_once),
        cmocka_unit_test(a_user_is_made_found_and_deleted),
        cmocka_unit_test(what_breaks_a_rule_is_refused),
        cmocka_unit_test(names_of_groups_may_repeat_but_ids_of_applications_not),
        cmocka_unit_test(a_seed_may_nest_groups),
        cmocka_unit_test(a_deleted_group_is_in_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
