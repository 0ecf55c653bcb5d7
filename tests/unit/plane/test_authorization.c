/* Who may do what on a plane: every route, filtered lists, changes that hold at once, the inside of
 * instances, seeds, and stores of an earlier version. */
#include "plane_test.h"

#include "plane/store.h"

#define GRACE "00000000-0000-4000-8000-000000000102"
#define LINUS "00000000-0000-4000-8000-000000000103"
#define TEAM "00000000-0000-4000-8000-000000000200"
#define ACCESS "/providers/Microsoft.Authorization"
#define A "?api-version=2022-04-01"
#define OWNER_ROLE "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define CONTRIBUTOR "b24988ac-6180-42a0-ab88-20f7382dd24c"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define DATA_SCIENTIST "f6c7c914-8db3-469d-8ca1-694a8f32e121"
#define OPERATOR "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815"
#define GRANT_1 "11111111-0000-4000-8000-000000000001"
#define GRANT_2 "11111111-0000-4000-8000-000000000002"

/* As the owner. */
static void grant(struct rig *rig, const char *name, const char *who, const char *role,
                  const char *scope)
{
    char target[512];
    char body[512];
    const char *caller = rig->caller;
    rig->caller = NULL;
    snprintf(target, sizeof target, "%s" ACCESS "/roleAssignments/%s" A, scope, name);
    snprintf(body, sizeof body,
             "{\"properties\":{\"roleDefinitionId\":\"" ACCESS "/roleDefinitions/%s\","
             "\"principalId\":\"%s\"}}",
             role, who);
    rig_expect(rig, HTTP_PUT, target, body, 201);
    rig->caller = caller;
}

static void take_back(struct rig *rig, const char *name, const char *scope)
{
    char target[512];
    const char *caller = rig->caller;
    rig->caller = NULL;
    snprintf(target, sizeof target, "%s" ACCESS "/roleAssignments/%s" A, scope, name);
    rig_expect(rig, HTTP_DELETE, target, NULL, 200);
    rig->caller = caller;
}

static void expect_count(struct rig *rig, const char *target, int count)
{
    struct reply reply = rig_send(rig, HTTP_GET, target, NULL);
    if (reply.status != 200 || cJSON_GetArraySize(json_at(reply.body, "value")) != count)
        fail_msg("%s: not %d entries: %s", target, count, reply.response.body.data);
    reply_clear(&reply);
}

static void every_route_is_refused_before_anything_is_told(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *target, *action, *scope;
    } cases[] = {
#define ML "Microsoft.MachineLearningServices/"
        { HTTP_GET, COMPUTES V, ML "workspaces/computes/read", WORKSPACE },
        { HTTP_GET, COMPUTES "/none" V, ML "workspaces/computes/read", COMPUTES "/none" },
        { HTTP_PUT, COMPUTES "/none" V, ML "workspaces/computes/write", COMPUTES "/none" },
        { HTTP_DELETE, COMPUTES "/none" V, ML "workspaces/computes/delete", COMPUTES "/none" },
        { HTTP_POST, COMPUTES "/none/start" V, ML "workspaces/computes/start/action",
          COMPUTES "/none" },
        { HTTP_POST, COMPUTES "/none/exec" V, ML "workspaces/computes/applicationaccess/action",
          COMPUTES "/none" },
        { HTTP_GET, COMPUTES "/none/logs" V, ML "workspaces/computes/read", COMPUTES "/none" },
        { HTTP_GET, GROUP LEARNING "/workspaces/none" V, ML "workspaces/read",
          GROUP LEARNING "/workspaces/none" },
        { HTTP_GET, SUBSCRIPTION "/resourceGroups/none" R,
          "Microsoft.Resources/subscriptions/resourceGroups/read",
          SUBSCRIPTION "/resourceGroups/none" },
        { HTTP_GET, LOCATION "/computeOperationsStatus/00000000-0000-4000-8000-00000000ffff" V,
          ML "locations/computeOperationsStatus/read", SUBSCRIPTION },
        { HTTP_GET, LOCATION "/usages" V, ML "locations/usages/read", SUBSCRIPTION },
        { HTTP_GET, ACCESS "/roleAssignments" A, "Microsoft.Authorization/roleAssignments/read",
          "/" },
        { HTTP_PUT, COMPUTES "/none" ACCESS "/roleAssignments/x" A,
          "Microsoft.Authorization/roleAssignments/write", COMPUTES "/none" },
        { HTTP_GET, WORKSPACE ACCESS "/roleDefinitions/none" A,
          "Microsoft.Authorization/roleDefinitions/read", WORKSPACE },
        { HTTP_GET, SUBSCRIPTION ACCESS "/denyAssignments" A,
          "Microsoft.Authorization/denyAssignments/read", SUBSCRIPTION },
        { HTTP_GET, "/moonfleet/audit", "Moonfleet/audit/read", "/" },
        { HTTP_GET, "/moonfleet/status", "Moonfleet/plane/read", "/" },
#undef ML
    };
    struct rig *rig = rig_memory();
    rig->caller = LINUS;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char message[512];
        char expected[512];
        rig_refused(rig, cases[i].method, cases[i].target, "{}", 403, "AuthorizationFailed",
                    message);
        snprintf(expected, sizeof expected,
                 "The client 'linus@moonfleet.local' with object id '" LINUS
                 "' does not have authorization to perform action '%s' over scope '%s' or the "
                 "scope is invalid. If access was recently granted, please refresh your "
                 "credentials.",
                 cases[i].action, cases[i].scope);
        assert_string_equal(message, expected);
    }
    rig_close(rig);
}

static void roles_give_what_they_say_from_the_next_request_on(void **state)
{
    (void)state;
    static const struct {
        const char *role;
        int list, start, create, grant, workspace; /* statuses */
    } cases[] = {
        { OPERATOR, 200, 202, 403, 403, 403 },   { DATA_SCIENTIST, 200, 202, 403, 403, 200 },
        { READER, 200, 403, 403, 403, 200 },     { CONTRIBUTOR, 200, 202, 201, 403, 200 },
        { OWNER_ROLE, 200, 202, 201, 201, 200 },
    };
    static const char grant_body[] =
        "{\"properties\":{\"roleDefinitionId\":\"" READER "\",\"principalId\":\"" GRACE "\"}}";
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig *rig = rig_memory();
        rig_create(rig, "ds-ada", NULL);
        rig_complete(rig, HTTP_POST, COMPUTES "/ds-ada/stop" V, NULL, 202, "Succeeded");
        rig->caller = ADA;
        rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
        grant(rig, GRANT_1, ADA, cases[i].role, WORKSPACE);
        rig_expect(rig, HTTP_GET, COMPUTES V, NULL, cases[i].list);
        rig_expect(rig, HTTP_POST, COMPUTES "/ds-ada/start" V, NULL, cases[i].start);
        rig_expect(rig, HTTP_PUT, COMPUTES "/ds-new" V, BODY(""), cases[i].create);
        rig_expect(rig, HTTP_GET, WORKSPACE V, NULL, cases[i].workspace);
        rig_expect(rig, HTTP_PUT, WORKSPACE ACCESS "/roleAssignments/" GRANT_2 A, grant_body,
                   cases[i].grant);
        take_back(rig, GRANT_1, WORKSPACE);
        rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
        rig_close(rig);
    }
}

static void a_group_gives_to_its_members_also_nested_and_takes_it_back(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig->caller = ADA;
    grant(rig, GRANT_1, TEAM, OPERATOR, WORKSPACE);
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 200);
    rig->caller = NULL;
    rig_expect(rig, HTTP_DELETE, "/v1.0/groups/" TEAM "/members/" ADA "/$ref", NULL, 204);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
    rig->caller = NULL;
    struct reply reply = rig_send(rig, HTTP_POST, "/v1.0/groups",
                                  "{\"displayName\":\"inner\",\"mailNickname\":\"inner\","
                                  "\"mailEnabled\":false,\"securityEnabled\":true}");
    assert_int_equal(reply.status, 201);
    char target[256];
    char body[256];
    const char *inner = json_string(reply.body, "id", "");
    snprintf(target, sizeof target, "/v1.0/groups/%s/members/$ref", inner);
    rig_expect(rig, HTTP_POST, target,
               "{\"@odata.id\":\"https://graph.microsoft.com/v1.0/directoryObjects/" ADA "\"}",
               204);
    snprintf(body, sizeof body, "{\"@odata.id\":\"https://x/v1.0/directoryObjects/%s\"}", inner);
    rig_expect(rig, HTTP_POST, "/v1.0/groups/" TEAM "/members/$ref", body, 204);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 200);
    rig->caller = NULL;
    rig_expect(rig, HTTP_DELETE, "/v1.0/groups/" TEAM, NULL, 204); /* its assignment names nobody */
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
    reply_clear(&reply);
    rig_close(rig);
}

static void lists_that_span_scopes_tell_what_the_caller_may_read(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_expect(rig, HTTP_PUT, SUBSCRIPTION "/resourceGroups/other" R,
               "{\"location\":\"westeurope\"}", 201);
    rig_expect(rig, HTTP_PUT, GROUP LEARNING "/workspaces/second" V,
               "{\"location\":\"westeurope\"}", 201);
    rig->caller = ADA;
    expect_count(rig, "/subscriptions" R, 0);
    expect_count(rig, SUBSCRIPTION "/resourceGroups" R, 0);
    expect_count(rig, GROUP LEARNING "/workspaces" V, 0);
    expect_count(rig, SUBSCRIPTION LEARNING "/workspaces" V, 0);
    expect_count(rig, SUBSCRIPTION "/resourceGroups/none" LEARNING "/workspaces" V, 0);
    expect_count(rig, "/subscriptions/none/resourceGroups" R, 0);
    grant(rig, GRANT_1, ADA, READER, WORKSPACE);
    expect_count(rig, "/subscriptions" R, 1); /* something of hers is in it */
    expect_count(rig, SUBSCRIPTION "/resourceGroups" R, 0);
    expect_count(rig, SUBSCRIPTION LEARNING "/workspaces" V, 1);
    grant(rig, GRANT_2, ADA, READER, GROUP);
    expect_count(rig, SUBSCRIPTION "/resourceGroups" R, 1);
    expect_count(rig, GROUP LEARNING "/workspaces" V, 2);
    rig->caller = NULL;
    expect_count(rig, SUBSCRIPTION "/resourceGroups" R, 2);
    rig_expect(rig, HTTP_GET, "/subscriptions/none/resourceGroups" R, NULL, 404);
    rig_close(rig);
}

static void creating_needs_the_right_to_ask_for_names(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    char message[512];
    rig_create(rig, "ds-ada", NULL);
    grant(rig, GRANT_1, ADA, OPERATOR, WORKSPACE);
    rig->caller = ADA;
    rig_refused(rig, HTTP_PUT, COMPUTES "/ds-new" V, BODY(""), 403, "AuthorizationFailed", message);
    assert_non_null(strstr(
        message, "workspaces/checkComputeNameAvailability/action' over scope '" WORKSPACE "'"));
    /* An update creates nothing. */
    rig_expect(rig, HTTP_PUT, COMPUTES "/ds-ada" V, BODY(""), 200);
    rig_close(rig);
}

static void whoever_began_an_operation_may_follow_it(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    grant(rig, GRANT_1, ADA, OPERATOR, WORKSPACE);
    grant(rig, GRANT_2, GRACE, OPERATOR, WORKSPACE);
    rig->caller = ADA;
    struct reply begun = rig_send(rig, HTTP_POST, COMPUTES "/ds-ada/stop" V, NULL);
    assert_int_equal(begun.status, 202);
    const char *url = target_of(http_header_get(&begun.response.headers, "Azure-AsyncOperation"));
    rig_expect(rig, HTTP_GET, url, NULL, 200);
    rig->caller = GRACE;
    rig_expect(rig, HTTP_GET, url, NULL, 403);
    grant(rig, "11111111-0000-4000-8000-000000000003", GRACE, READER, SUBSCRIPTION);
    rig_expect(rig, HTTP_GET, url, NULL, 200);
    reply_clear(&begun);
    rig_close(rig);
}

#define ASSIGNED                                                                                   \
    ",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" ADA                  \
    "\",\"tenantId\":\"" TENANT "\"}}"
#define POLICY(which) ",\"applicationSharingPolicy\":\"" which "\""

/* The simulated driver has no inside: whoever is admitted is told so with a 400. */
static void the_inside_of_an_instance_is_its_persons(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int creator, ada, grace; /* statuses; Grace is Owner of the workspace */
    } cases[] = {
        { BODY(""), 400, 400, 400 }, /* the service's default is Shared */
        { BODY(POLICY("Shared")), 400, 400, 400 },
        { BODY(POLICY("Personal")), 400, 403, 403 },
        { BODY(ASSIGNED), 403, 400, 403 },
        { BODY(ASSIGNED POLICY("Personal")), 403, 400, 403 },
        { BODY(ASSIGNED POLICY("Shared")), 400, 400, 400 },
    };
    static const char command[] = "{\"command\":[\"id\"]}";
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig *rig = rig_memory();
        rig_create(rig, "ds-one", cases[i].body);
        /* What is sent back as it was read asks for nothing. */
        struct reply reply = rig_get(rig, "ds-one");
        cJSON_DeleteItemFromObject(reply.body, "systemData");
        char *back = json_text(reply.body);
        rig_expect(rig, HTTP_PUT, COMPUTES "/ds-one" V, back, 200);
        reply_clear(&reply);
        free(back);
        grant(rig, GRANT_1, ADA, OPERATOR, WORKSPACE);
        grant(rig, GRANT_2, GRACE, OWNER_ROLE, WORKSPACE);
        rig_expect(rig, HTTP_POST, COMPUTES "/ds-one/exec" V, command, cases[i].creator);
        rig->caller = ADA;
        rig_expect(rig, HTTP_POST, COMPUTES "/ds-one/exec" V, command, cases[i].ada);
        rig->caller = GRACE;
        rig_expect(rig, HTTP_POST, COMPUTES "/ds-one/exec" V, command, cases[i].grace);
        if (cases[i].grace == 403)
            rig_refused(rig, HTTP_POST, COMPUTES "/ds-one/exec" V, command, 403,
                        "ApplicationAccessDenied", NULL);
        rig->caller = LINUS; /* no role: not even a shared one */
        rig_refused(rig, HTTP_POST, COMPUTES "/ds-one/exec" V, command, 403, "AuthorizationFailed",
                    NULL);
        rig_close(rig);
    }
}

static void a_disguise_widens_nothing(void **state)
{
    (void)state;
    static const char *const as_grace[] = { "x-moonfleet-as: grace@moonfleet.local", NULL };
    static const char *const as_ada[] = { "x-moonfleet-as: ada@moonfleet.local", NULL };
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-one", BODY(POLICY("Personal"))); /* the owner's own */
    grant(rig, GRANT_1, GRACE, OWNER_ROLE, WORKSPACE);
    struct reply reply = rig_send_with(rig, HTTP_POST, COMPUTES "/ds-one/exec" V,
                                       "{\"command\":[\"id\"]}", as_grace);
    assert_int_equal(reply.status, 403);
    reply_clear(&reply);
    reply = rig_send_with(rig, HTTP_GET, "/moonfleet/status", NULL, as_grace);
    assert_int_equal(reply.status, 403); /* the owner's own routes are not for a disguise either */
    reply_clear(&reply);
    reply = rig_send_with(rig, HTTP_GET, "/v1.0/me", NULL, as_ada);
    assert_string_equal(json_string(reply.body, "id", ""), ADA);
    reply_clear(&reply);
    rig_close(rig);
}

static void logs_are_for_the_person_the_creator_and_readers_of_the_storage(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-one", BODY(ASSIGNED));
    grant(rig, GRANT_1, TEAM, OPERATOR, WORKSPACE);
    rig_expect(rig, HTTP_GET, COMPUTES "/ds-one/logs" V, NULL, 200); /* the creator */
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES "/ds-one/logs" V, NULL, 200);
    rig->caller = GRACE;
    char message[512];
    rig_refused(rig, HTTP_GET, COMPUTES "/ds-one/logs" V, NULL, 403, "AuthorizationFailed",
                message);
    assert_non_null(strstr(message, "workspaces/notebooks/storage/read"));
    grant(rig, GRANT_2, GRACE, READER, WORKSPACE);
    rig_expect(rig, HTTP_GET, COMPUTES "/ds-one/logs" V, NULL, 200);
    rig_close(rig);
}

static void directory_writes_need_the_right_at_the_root(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    static const char body[] = "{\"displayName\":\"a\",\"mailNickname\":\"a\","
                               "\"mailEnabled\":false,\"securityEnabled\":true}";
    grant(rig, GRANT_1, ADA, OWNER_ROLE, SUBSCRIPTION);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, "/v1.0/groups", NULL, 200);
    rig_refused(rig, HTTP_POST, "/v1.0/groups", body, 403, "Authorization_RequestDenied", NULL);
    grant(rig, GRANT_2, ADA, CONTRIBUTOR, "");
    rig_expect(rig, HTTP_POST, "/v1.0/groups", body, 201);
    rig_close(rig);
}

/* The embedded seed with more members. */
static char *seed_with(const char *members)
{
    return text_format(
        "{\"tenant\":{\"id\":\"" TENANT "\"},\"owner\":\"" OWNER "\","
        "\"locations\":[{\"name\":\"westeurope\",\"displayName\":\"West Europe\"}],"
        "\"subscriptions\":[{\"id\":\"00000000-0000-4000-8000-000000000001\","
        "\"displayName\":\"s\",\"resourceGroups\":[{\"name\":\"moonfleet\","
        "\"location\":\"westeurope\",\"workspaces\":[{\"name\":\"ds-workspace\","
        "\"location\":\"westeurope\"}]}]}],"
        "\"users\":[{\"id\":\"" OWNER "\",\"userPrincipalName\":\"o@x\",\"displayName\":\"O\"},"
        "{\"id\":\"" ADA "\",\"userPrincipalName\":\"a@x\",\"displayName\":\"A\"}]%s}",
        members);
}

#define CUSTOM "22222222-0000-4000-8000-000000000001"
#define SEED_ROLE                                                                                  \
    ",\"roleDefinitions\":[{\"name\":\"" CUSTOM "\",\"properties\":{\"roleName\":\"Starter\","     \
    "\"assignableScopes\":[\"" SUBSCRIPTION "\"],\"permissions\":[{\"actions\":["                  \
    "\"Microsoft.MachineLearningServices/workspaces/computes/*\"]}]}}]"
#define SEED_GRANT                                                                                 \
    ",\"roleAssignments\":[{\"name\":\"" GRANT_1 "\",\"properties\":{\"scope\":\"" WORKSPACE       \
    "\",\"principalId\":\"" ADA "\",\"roleDefinitionId\":\"" CUSTOM "\"}}]"
#define SEED_DENY                                                                                  \
    ",\"denyAssignments\":[{\"name\":\"" GRANT_2 "\",\"properties\":{\"denyAssignmentName\":"      \
    "\"no deletion\",\"scope\":\"" SUBSCRIPTION "\",\"permissions\":[{\"actions\":["               \
    "\"*/delete\"]}],\"principals\":[{\"id\":\"00000000-0000-0000-0000-000000000000\","            \
    "\"type\":\"SystemDefined\"}],\"excludePrincipals\":[{\"id\":\"" OWNER "\"}]}}]"

static void a_seed_may_say_who_may_do_what(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct error err = { 0 };
    char *seed = seed_with(SEED_ROLE SEED_GRANT SEED_DENY);
    plane_free(rig->plane);
    if (rig_plane(rig, seed, &err) < 0)
        fail_msg("%s", err.message);
    rig_create(rig, "ds-one", NULL);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 200);
    rig_expect(rig, HTTP_DELETE, COMPUTES "/ds-one" V "&underlyingResourceAction=Delete", NULL,
               403);
    rig->caller = NULL;
    expect_count(rig, SUBSCRIPTION ACCESS "/denyAssignments" A, 1);
    expect_count(rig, ACCESS "/denyAssignments" A "&$filter=atScope()", 0);
    expect_count(rig, WORKSPACE ACCESS "/denyAssignments" A "&$filter=atScope()", 1);
    expect_count(rig, WORKSPACE ACCESS "/denyAssignments" A "&$filter=assignedTo('" ADA "')", 1);
    expect_count(rig, WORKSPACE ACCESS "/denyAssignments" A "&$filter=principalId+eq+'" ADA "'", 0);
    expect_count(rig,
                 WORKSPACE ACCESS "/denyAssignments" A
                                  "&$filter=denyAssignmentName%20eq%20'No%20deletion'",
                 1);
    rig_expect(rig, HTTP_GET, SUBSCRIPTION ACCESS "/denyAssignments/" GRANT_2 A, NULL, 200);
    rig_expect(rig, HTTP_GET, WORKSPACE ACCESS "/denyAssignments/" GRANT_2 A, NULL, 404);
    rig_expect(rig, HTTP_PUT, SUBSCRIPTION ACCESS "/denyAssignments/" GRANT_2 A, "{}", 405);
    rig_expect(rig, HTTP_DELETE, COMPUTES "/ds-one" V "&underlyingResourceAction=Delete", NULL,
               202);
    free(seed);
    rig_close(rig);
}

static void a_wrong_seed_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *members, *says;
    } cases[] = {
        { ",\"roleAssignments\":[{}]", "\"name\" is missing" },
        { ",\"roleAssignments\":[{\"name\":\"x\"}]", "\"x\" is no uuid" },
        { SEED_GRANT, "there is no role definition " CUSTOM },
        { SEED_ROLE ",\"roleAssignments\":[{\"name\":\"" GRANT_1
                    "\",\"properties\":{\"scope\":\"/\",\"principalId\":\"" GRACE
                    "\",\"roleDefinitionId\":\"" CUSTOM "\"}}]",
          "who is nobody" },
        { ",\"denyAssignments\":[{\"name\":\"" GRANT_1 "\",\"properties\":{\"scope\":\"x\"}}]",
          "no scope" },
        { ",\"roleDefinitions\":[{\"name\":\"" CUSTOM
          "\",\"properties\":{\"roleName\":\"r\",\"permissions\":7}}]",
          "\"permissions\" is no list" },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        char *seed = seed_with(cases[i].members);
        plane_free(rig->plane);
        rig->plane = NULL;
        assert_true(rig_plane(rig, seed, &err) < 0);
        if (!strstr(err.message, cases[i].says))
            fail_msg("'%s' does not say '%s'", err.message, cases[i].says);
        free(seed);
    }
    rig_close(rig);
}

/* As releases before wrote it: without what a migration adds. */
static void an_older_store_gets_the_tables_and_the_owners_role(void **state)
{
    (void)state;
    static const char back[] =
        "DROP TRIGGER computes_secrets; DROP TABLE secret_scripts; DROP TABLE role_definitions; "
        "DROP TABLE role_assignments; DROP TABLE deny_assignments;"
        "DROP TABLE audit; DROP TABLE quotas; DROP INDEX members_member; DROP INDEX "
        "principals_app; ALTER TABLE operations DROP COLUMN caller;"
        "ALTER TABLE computes DROP COLUMN sharing; UPDATE schema_version SET version = 1";
    struct rig *rig = rig_new(true, NULL);
    char path[256];
    sqlite3 *db = NULL;
    char *problem = NULL;
    rig_create(rig, "ds-ada", NULL);
    rig_down(rig);
    snprintf(path, sizeof path, "%s/" STORE_FILE, rig->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, back, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s", problem);
    sqlite3_close(db);
    rig_up(rig);
    rig_expect(rig, HTTP_GET, COMPUTES "/ds-ada" V, NULL, 200);
    expect_count(rig, ACCESS "/roleAssignments" A, 1);
    rig->caller = ADA;
    rig_expect(rig, HTTP_GET, COMPUTES "/ds-ada" V, NULL, 403);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_refused_before_anything_is_told),
        cmocka_unit_test(roles_give_what_they_say_from_the_next_request_on),
        cmocka_unit_test(a_group_gives_to_its_members_also_nested_and_takes_it_back),
        cmocka_unit_test(lists_that_span_scopes_tell_what_the_caller_may_read),
        cmocka_unit_test(creating_needs_the_right_to_ask_for_names),
        cmocka_unit_test(whoever_began_an_operation_may_follow_it),
        cmocka_unit_test(the_inside_of_an_instance_is_its_persons),
        cmocka_unit_test(a_disguise_widens_nothing),
        cmocka_unit_test(logs_are_for_the_person_the_creator_and_readers_of_the_storage),
        cmocka_unit_test(directory_writes_need_the_right_at_the_root),
        cmocka_unit_test(a_seed_may_say_who_may_do_what),
        cmocka_unit_test(a_wrong_seed_is_told),
        cmocka_unit_test(an_older_store_gets_the_tables_and_the_owners_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
