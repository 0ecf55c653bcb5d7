/* test_plane.c - routes, headers, api-versions, authorization; groups, workspaces, catalogue, the
 * plane itself. */
#include "plane/plane_test.h"

#include "base/random.h"

static void every_route_answers(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *target, *body;
        int status;
    } cases[] = {
        { HTTP_GET, "/tenants" R, NULL, 200 },
        { HTTP_GET, "/subscriptions" R, NULL, 200 },
        { HTTP_GET, SUBSCRIPTION R, NULL, 200 },
        { HTTP_GET, SUBSCRIPTION "/locations" R, NULL, 200 },
        { HTTP_GET, SUBSCRIPTION "/resourceGroups" R, NULL, 200 },
        { HTTP_GET, SUBSCRIPTION "/resourcegroups/MOONFLEET" R, NULL, 200 },
        { HTTP_HEAD, GROUP R, NULL, 204 },
        { HTTP_HEAD, SUBSCRIPTION "/resourceGroups/none" R, NULL, 404 },
        { HTTP_PUT, SUBSCRIPTION "/resourceGroups/second" R,
          "{\"location\":\"West Europe\",\"tags\":{\"a\":\"b\"}}", 201 },
        { HTTP_PUT, SUBSCRIPTION "/resourceGroups/second" R, "{\"location\":\"westeurope\"}", 200 },
        { HTTP_PUT, SUBSCRIPTION "/resourceGroups/second" R, "{\"location\":\"eastus\"}", 409 },
        { HTTP_DELETE, SUBSCRIPTION "/resourceGroups/second" R, NULL, 200 },
        { HTTP_DELETE, SUBSCRIPTION "/resourceGroups/second" R, NULL, 404 },
        { HTTP_DELETE, GROUP R, NULL, 409 },
        { HTTP_GET, SUBSCRIPTION LEARNING "/workspaces" V, NULL, 200 },
        { HTTP_GET, GROUP LEARNING "/workspaces" V, NULL, 200 },
        { HTTP_GET, WORKSPACE V, NULL, 200 },
        { HTTP_GET,
          SUBSCRIPTION "/RESOURCEGROUPS/Moonfleet/PROVIDERS/microsoft.machinelearningservices/"
                       "WORKSPACES/DS-WORKSPACE" V,
          NULL, 200 },
        { HTTP_GET, WORKSPACE "/" V, NULL, 200 },
        { HTTP_PUT, GROUP LEARNING "/workspaces/w2x" V, "{\"location\":\"eastus\"}", 201 },
        { HTTP_PUT, GROUP LEARNING "/workspaces/w2x" V,
          "{\"location\":\"eastus\",\"tags\":{\"a\":\"b\"}}", 200 },
        { HTTP_PUT, GROUP LEARNING "/workspaces/w2x" V, "{\"location\":\"westeurope\"}", 409 },
        { HTTP_PUT, GROUP LEARNING "/workspaces/w2x!" V, "{\"location\":\"eastus\"}", 400 },
        { HTTP_PUT, GROUP LEARNING "/workspaces/w3x" V, "{}", 400 },
        { HTTP_PUT, GROUP LEARNING "/workspaces/w3x" V, "{\"location\":\"mars\"}", 400 },
        { HTTP_PATCH, GROUP LEARNING "/workspaces/w2x" V, "{\"tags\":{\"c\":\"d\"}}", 200 },
        { HTTP_DELETE, GROUP LEARNING "/workspaces/w2x" V, NULL, 200 },
        { HTTP_DELETE, GROUP LEARNING "/workspaces/w2x" V, NULL, 204 },
        { HTTP_GET, COMPUTES V, NULL, 200 },
        { HTTP_GET, LOCATION "/vmSizes" V, NULL, 200 },
        { HTTP_GET, LOCATION "/usages" V, NULL, 200 },
        { HTTP_GET, LOCATION "/quotas" V, NULL, 200 },
        { HTTP_GET, SUBSCRIPTION LEARNING "/locations/mars/vmSizes" V, NULL, 400 },
        { HTTP_GET, LOCATION "/computeOperationsStatus/00000000-0000-4000-8000-000000000000" V,
          NULL, 404 },
        { HTTP_GET, "/moonfleet/status", NULL, 200 },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++)
        rig_expect(rig, cases[i].method, cases[i].target, cases[i].body, cases[i].status);
    rig_close(rig);
}

static void says_what_is_missing_as_arm_does(void **state)
{
    (void)state;
    static const struct {
        const char *target, *code, *message;
    } cases[] = {
        { "/subscriptions/nope" R, "SubscriptionNotFound",
          "The subscription 'nope' could not be found." },
        { SUBSCRIPTION "/resourceGroups/rg9" R, "ResourceGroupNotFound",
          "Resource group 'rg9' could not be found." },
        { SUBSCRIPTION "/resourceGroups/rg9" LEARNING "/workspaces/w" V, "ResourceGroupNotFound",
          "Resource group 'rg9' could not be found." },
        { GROUP LEARNING "/workspaces/none/computes/c" V, "ResourceNotFound",
          "The Resource 'Microsoft.MachineLearningServices/workspaces/none' under resource group "
          "'moonfleet' was not "
          "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix" },
        { COMPUTES "/none" V, "ResourceNotFound",
          "The Resource 'Microsoft.MachineLearningServices/workspaces/computes/ds-workspace/none' "
          "under resource group "
          "'moonfleet' was not found. For more details please go to "
          "https://aka.ms/ARMResourceNotFoundFix" },
        { "/nothing/here", "InvalidResourceType", NULL },
        { WORKSPACE "/jobs/x" V, "InvalidResourceType",
          "The resource type could not be found in the namespace "
          "'Microsoft.MachineLearningServices' for api version '2024-10-01'." },
        { "/", "InvalidResourceType", NULL },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char message[512];
        rig_refused(rig, HTTP_GET, cases[i].target, NULL, 404, cases[i].code, message);
        if (cases[i].message)
            assert_string_equal(message, cases[i].message);
    }
    rig_close(rig);
}

static void asks_for_an_api_version_it_knows(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    char message[512];
    rig_refused(rig, HTTP_GET, COMPUTES, NULL, 400, "MissingApiVersionParameter", message);
    assert_string_equal(
        message, "The api-version query parameter (?api-version=) is required for all requests.");
    rig_refused(rig, HTTP_GET, "/subscriptions", NULL, 400, "MissingApiVersionParameter", NULL);
    rig_refused(rig, HTTP_GET, WORKSPACE "/jobs", NULL, 400, "MissingApiVersionParameter", NULL);
    rig_refused(rig, HTTP_GET, "/subscriptions?api-version=", NULL, 400,
                "MissingApiVersionParameter", NULL);
    rig_refused(rig, HTTP_GET, "/subscriptions?api-version=2022", NULL, 400,
                "InvalidApiVersionParameter", message);
    assert_true(text_starts(
        message, "The api-version '2022' is invalid. The supported versions are '2014-04-01,"));
    rig_refused(rig, HTTP_GET, COMPUTES "?api-version=1999-01-01", NULL, 400,
                "NoRegisteredProviderFound", message);
    assert_true(text_starts(
        message, "No registered resource provider found for location 'westeurope' and API version "
                 "'1999-01-01' for type 'workspaces/computes'. The supported api-versions are '"));
    rig_expect(rig, HTTP_GET, COMPUTES "?API-Version=2025-12-01", NULL, 200);
    rig_close(rig);
}

static void wrong_methods_are_405_with_the_right_ones(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct reply reply = rig_send(rig, HTTP_POST, COMPUTES "/x" V, "{}");
    assert_int_equal(reply.status, 405);
    assert_string_equal(http_header_get(&reply.response.headers, "Allow"),
                        "GET, PUT, PATCH, DELETE");
    assert_string_equal(json_string(reply.body, "error.code", ""), "MethodNotAllowed");
    reply_clear(&reply);
    rig_close(rig);
}

static void replies_carry_ids(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    static const char *const silent[] = { "x-ms-client-request-id: abc", NULL };
    static const char *const echo[] = { "x-ms-client-request-id: abc",
                                        "x-ms-return-client-request-id: True", NULL };
    struct reply reply = rig_send_with(rig, HTTP_GET, WORKSPACE V, NULL, silent);
    assert_true(uuid_is_valid(http_header_get(&reply.response.headers, "x-ms-request-id")));
    assert_true(
        uuid_is_valid(http_header_get(&reply.response.headers, "x-ms-correlation-request-id")));
    assert_true(text_starts(http_header_get(&reply.response.headers, "x-ms-routing-request-id"),
                            "WESTEUROPE:20261121T"));
    assert_null(http_header_get(&reply.response.headers, "x-ms-client-request-id"));
    reply_clear(&reply);
    reply = rig_send_with(rig, HTTP_GET, WORKSPACE V, NULL, echo);
    assert_string_equal(http_header_get(&reply.response.headers, "x-ms-client-request-id"), "abc");
    reply_clear(&reply);
    rig_close(rig);
}

static void only_the_owner_may(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    char message[512];
    rig->caller = ADA;
    rig_refused(rig, HTTP_PUT, COMPUTES "/ds-ada" V, BODY(""), 403, "AuthorizationFailed", message);
    assert_string_equal(
        message,
        "The client 'ada@moonfleet.local' with object id '" ADA "' does not have authorization to "
        "perform action 'Microsoft.MachineLearningServices/workspaces/computes/write' over scope "
        "'" COMPUTES
        "/ds-ada' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials.");
    /* What exists is not told, nor what does not. */
    rig_refused(rig, HTTP_GET, COMPUTES "/none" V, NULL, 403, "AuthorizationFailed", NULL);
    rig_refused(rig, HTTP_GET, "/subscriptions/none" R, NULL, 403, "AuthorizationFailed", NULL);
    rig_refused(rig, HTTP_GET, "/moonfleet/status", NULL, 403, "AuthorizationFailed", NULL);
    rig_refused(rig, HTTP_POST, "/moonfleet/stop", NULL, 403, "AuthorizationFailed", NULL);
    rig_expect(rig, HTTP_GET, "/v1.0/users", NULL, 200); /* the directory is for all in it */
    static const char *const as_grace[] = { "x-moonfleet-as: grace@moonfleet.local", NULL };
    struct reply reply = rig_send_with(rig, HTTP_GET, WORKSPACE V, NULL, as_grace);
    assert_int_equal(reply.status, 403); /* nobody but the owner may act as somebody else */
    reply_clear(&reply);
    rig->caller = NULL;
    reply = rig_send_with(rig, HTTP_GET, WORKSPACE V, NULL, as_grace);
    assert_int_equal(reply.status, 403);
    assert_non_null(
        strstr(json_string(reply.body, "error.message", ""), "'grace@moonfleet.local'"));
    reply_clear(&reply);
    static const char *const as_nobody[] = { "x-moonfleet-as: nobody", NULL };
    reply = rig_send_with(rig, HTTP_GET, WORKSPACE V, NULL, as_nobody);
    assert_int_equal(reply.status, 400);
    reply_clear(&reply);
    rig->caller = OWNER;
    rig_expect(rig, HTTP_GET, WORKSPACE V, NULL, 200);
    rig_close(rig);
}

static void hostile_requests_are_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "",
        "x",
        "/subscriptions/../x" R,
        "/subscriptions//x" R,
        "/subscriptions/%00" R,
        "/subscriptions/%zz" R,
        "/subscriptions/%ff" R,
        COMPUTES "/%2e%2e" V,
        COMPUTES "/ds-ada" V "&a=b c",
        COMPUTES "/ds-ada" V "&a=%4",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t" V,
        COMPUTES "/a%2Fb%2Fc" V,
        COMPUTES "/' OR 1=1 --" V,
        COMPUTES "/%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%"
                 "9A%80%F0%9F%9A%80%F0%9F"
                 "%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80%F0%9F%9A%80a%"
                 "F0%9F%9A%80%F0%9F%9A%80" V,
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct reply reply = rig_send(rig, HTTP_PUT, targets[i], BODY(""));
        if (reply.status < 400 || reply.status > 405 ||
            !json_string(reply.body, "error.code", NULL))
            fail_msg("%s: %d %s", targets[i], reply.status,
                     reply.response.body.data ? reply.response.body.data : "");
        reply_clear(&reply);
    }
    struct buffer deep = { 0 };
    for (int i = 0; i < 100000; i++)
        buffer_text(&deep, "[");
    rig_refused(rig, HTTP_PUT, COMPUTES "/ds-ada" V, deep.data, 400, "InvalidRequestContent", NULL);
    rig_refused(rig, HTTP_PUT, COMPUTES "/ds-ada" V, "{\"a\":\"\xff\"}", 400,
                "InvalidRequestContent", NULL);
    buffer_reset(&deep);
    buffer_text(&deep, "{\"a\":\"");
    for (int i = 0; i < 5 << 20; i++)
        buffer_char(&deep, 'x');
    buffer_text(&deep, "\"}");
    rig_refused(rig, HTTP_PUT, COMPUTES "/ds-ada" V, deep.data, 413, "RequestEntityTooLarge", NULL);
    buffer_clear(&deep);
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 200);
    rig_close(rig);
}

static void a_strange_host_is_not_believed(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    static const char *const evil[] = { "Host: a b/c\"", NULL };
    struct reply reply = rig_send_with(rig, HTTP_PUT, COMPUTES "/ds-ada" V, BODY(""), evil);
    assert_true(text_starts(http_header_get(&reply.response.headers, "Azure-AsyncOperation"),
                            "http://localhost/"));
    struct reply ended = rig_wait(rig, &reply);
    reply_clear(&reply);
    reply_clear(&ended);
    rig_close(rig);
}

static void a_workspace_with_computes_is_not_deleted(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    rig_refused(rig, HTTP_DELETE, WORKSPACE V, NULL, 409, "CannotDeleteResource", NULL);
    rig_expect(rig, HTTP_GET, WORKSPACE V, NULL, 200);
    rig_close(rig);
}

static int64_t usage(struct rig *rig, const char *name, const char *member)
{
    struct reply reply = rig_send(rig, HTTP_GET, LOCATION "/usages" V, NULL);
    int64_t value = -1;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(
        item,
        json_at(reply.body, "value")) if (text_equal(json_string(item, "name.value", ""), name))
        value = json_int(item, member, -1);
    reply_clear(&reply);
    return value;
}

static void usages_follow_the_computes(void **state)
{
    (void)state;
    static const char family[] = "Standard DSv2 Family Cluster Dedicated vCPUs";
    struct rig *rig = rig_memory();
    assert_int_equal(usage(rig, family, "limit"), 100000);
    assert_int_equal(usage(rig, family, "currentValue"), 0);
    rig_create(rig, "ds-ada", NULL);
    rig_create(rig, "ds-grace", NULL);
    assert_int_equal(usage(rig, family, "currentValue"), 8);
    assert_int_equal(usage(rig, "Total Cluster Dedicated Regional vCPUs", "currentValue"), 8);
    assert_int_equal(usage(rig, "Clusters", "currentValue"), 2);
    rig_complete(rig, HTTP_DELETE, COMPUTES "/ds-ada" V "&underlyingResourceAction=Delete", NULL,
                 202, "Succeeded");
    assert_int_equal(usage(rig, family, "currentValue"), 4);
    assert_int_equal(usage(rig, "Clusters", "currentValue"), 1);
    rig_close(rig);
}

static void sizes_have_shape_and_price(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct reply reply = rig_send(rig, HTTP_GET, LOCATION "/vmSizes" V, NULL);
    const cJSON *item = NULL;
    bool found = false;
    cJSON_ArrayForEach(item, json_at(reply.body, "value"))
    {
        if (!text_equal(json_string(item, "name", ""), "Standard_DS3_v2"))
            continue;
        found = true;
        assert_int_equal(json_int(item, "vCPUs", 0), 4);
        assert_int_equal(json_int(item, "memoryGB", 0), 14);
        assert_string_equal(json_string(item, "family", ""), "standardDSv2Family");
        assert_non_null(json_at(item, "estimatedVMPrices.values"));
    }
    assert_true(found);
    reply_clear(&reply);
    rig_close(rig);
}

static void tells_about_itself_and_stops(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    struct reply reply = rig_send(rig, HTTP_GET, "/moonfleet/status", NULL);
    assert_string_equal(json_string(reply.body, "driver", ""), "simulated");
    assert_string_equal(json_string(reply.body, "driverReason", ""), "asked for");
    assert_int_equal(json_int(reply.body, "instances", 0), 1);
    assert_int_equal(json_int(reply.body, "running", 0), 1);
    assert_int_equal(json_int(reply.body, "busy", 0), 1);
    assert_int_equal(json_int(reply.body, "pid", 0), getpid());
    assert_non_null(json_string(reply.body, "version", NULL));
    assert_string_equal(json_string(reply.body, "startTime", ""), "2026-11-21T08:00:00.0000000Z");
    reply_clear(&reply);
    rig_expect(rig, HTTP_POST, "/moonfleet/stop", NULL, 202);
    assert_false(rig->stopped); /* the answer leaves first */
    assert_int_equal(loop_run_until(rig->loop, &rig->stopped), 0);
    rig_close(rig);
}

static void a_bad_seed_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *message;
    } cases[] = {
        { "{", "the seed" },
        { "{}", "\"id\" is missing" },
        { "{\"tenant\":{\"id\":\"x\"}}", "is no uuid" },
        { "{\"tenant\":{\"id\":\"" TENANT "\"},\"owner\":\"" OWNER "\",\"locations\":[]}",
          "\"locations\" is empty" },
        { "{\"tenant\":{\"id\":\"" TENANT "\"},\"owner\":\"" OWNER
          "\",\"locations\":[{\"name\":\"a\",\"displayName\":\"A\"}],\"users\":[{\"id\":\"" OWNER
          "\",\"displayName\":\"x\"}]}",
          "\"userPrincipalName\" is missing" },
    };
    struct rig *rig = rig_memory();
    plane_free(rig->plane);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        rig->plane = NULL;
        assert_true(rig_plane(rig, cases[i].seed, &err) < 0);
        if (!strstr(err.message, cases[i].message))
            fail_msg("'%s' does not say '%s'", err.message, cases[i].message);
    }
    rig_close(rig);
}

static void a_body_of_another_type_is_415(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int status;
    } cases[] = { { "Content-Type: application/json", 201 },
                  { "Content-Type: Application/JSON;charset=utf-8", 201 },
                  { "Content-Type: text/plain", 415 },
                  { "Content-Type: application/jsonp", 415 },
                  { "Content-Type: application/x-www-form-urlencoded", 415 } };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const headers[] = { cases[i].header, NULL };
        char target[256];
        snprintf(target, sizeof target, COMPUTES "/typed-%zux" V, i);
        struct reply reply = rig_send_with(rig, HTTP_PUT, target, BODY(""), headers);
        assert_int_equal(reply.status, cases[i].status);
        if (cases[i].status == 415)
            assert_string_equal(json_string(reply.body, "error.code", ""), "UnsupportedMediaType");
        reply_clear(&reply);
    }
    rig_close(rig);
}

static void a_workspace_keeps_its_birthday(void **state)
{
    (void)state;
    static const char born[] = "properties.creationTime";
    struct rig *rig = rig_memory();
    struct reply before = rig_send(rig, HTTP_GET, WORKSPACE V, NULL);
    clock_advance(&rig->clock, 60000);
    struct reply after = rig_send(
        rig, HTTP_PUT, WORKSPACE V,
        "{\"location\":\"westeurope\",\"properties\":{\"creationTime\":\"1999-01-01T00:00:00Z\"}}");
    assert_int_equal(after.status, 200);
    assert_string_equal(json_string(after.body, born, ""), json_string(before.body, born, "?"));
    reply_clear(&before);
    reply_clear(&after);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_answers),
        cmocka_unit_test(says_what_is_missing_as_arm_does),
        cmocka_unit_test(asks_for_an_api_version_it_knows),
        cmocka_unit_test(wrong_methods_are_405_with_the_right_ones),
        cmocka_unit_test(replies_carry_ids),
        cmocka_unit_test(only_the_owner_may),
        cmocka_unit_test(hostile_requests_are_refused),
        cmocka_unit_test(a_strange_host_is_not_believed),
        cmocka_unit_test(a_workspace_with_computes_is_not_deleted),
        cmocka_unit_test(usages_follow_the_computes),
        cmocka_unit_test(sizes_have_shape_and_price),
        cmocka_unit_test(tells_about_itself_and_stops),
        cmocka_unit_test(a_bad_seed_is_told),
        cmocka_unit_test(a_body_of_another_type_is_415),
        cmocka_unit_test(a_workspace_keeps_its_birthday),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
