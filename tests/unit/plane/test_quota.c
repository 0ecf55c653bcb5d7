/* test_quota.c - limits that are set, told and kept. */
#include "plane/plane_test.h"

#define UPDATE LOCATION "/updateQuotas" V
#define FAMILY SUBSCRIPTION "/quotas/Standard_DSv2_Family_Cluster_Dedicated_vCPUs"
#define TOTAL_TYPE "Microsoft.MachineLearningServices/dedicatedCores/quotas"

/* One line: its status. */
static void expect_status(struct rig *rig, const char *id, const char *type, int limit,
                          const char *status)
{
    char body[1024];
    snprintf(body, sizeof body,
             "{\"value\":[{\"id\":\"%s\",\"type\":\"%s\",\"limit\":%d,\"unit\":\"Count\"}]}", id,
             type, limit);
    struct reply reply = rig_send(rig, HTTP_POST, UPDATE, body);
    const cJSON *line = cJSON_GetArrayItem(json_at(reply.body, "value"), 0);
    if (reply.status != 200 || !text_equal(json_string(line, "status", ""), status))
        fail_msg("%s %d: %s", id, limit, reply.response.body.data);
    assert_string_equal(json_string(line, "id", ""), id);
    assert_string_equal(json_string(line, "type", ""), type);
    assert_int_equal(json_int(line, "limit", -1), limit);
    reply_clear(&reply);
}

/* What usages and quotas say of a name. */
static int64_t told(struct rig *rig, const char *list, const char *name, const char *member)
{
    char target[256];
    int64_t value = -1;
    snprintf(target, sizeof target, LOCATION "/%s" V, list);
    struct reply reply = rig_send(rig, HTTP_GET, target, NULL);
    const cJSON *line = NULL;
    cJSON_ArrayForEach(
        line,
        json_at(reply.body, "value")) if (text_equal(json_string(line, "name.value", ""), name))
        value = json_int(line, member, -1);
    reply_clear(&reply);
    return value;
}

static void each_line_has_its_status(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "one", NULL); /* 4 cores */
    expect_status(rig, FAMILY, "x", 8, "Success");
    expect_status(rig, FAMILY, "x", 4, "Success");
    expect_status(rig, FAMILY, "x", 3, "InvalidQuotaBelowClusterMinimum");
    expect_status(rig, FAMILY, "x", 100001, "InvalidQuotaExceedsSubscriptionLimit");
    expect_status(rig, SUBSCRIPTION "/quotas", TOTAL_TYPE, 12, "Success");
    expect_status(rig, SUBSCRIPTION "/quotas", TOTAL_TYPE, 3, "InvalidQuotaBelowClusterMinimum");
    expect_status(rig, FAMILY, "x", 13, "InvalidQuotaExceedsSubscriptionLimit");
    expect_status(rig, SUBSCRIPTION "/quotas",
                  "Microsoft.MachineLearningServices/totalCores/quotas", 9,
                  "OperationNotSupportedForSku");
    expect_status(rig, SUBSCRIPTION "/quotas/Standard_X_Family", "x", 9, "InvalidVMFamilyName");
    expect_status(rig, SUBSCRIPTION "/quotas", "x", 9, "InvalidVMFamilyName");
    expect_status(rig, "", "x", 9, "InvalidVMFamilyName");
    expect_status(rig, "/subscriptions/other/quotas/Standard_DSv2_Family_Cluster_Dedicated_vCPUs",
                  "x", 9, "InvalidVMFamilyName");
    expect_status(rig, WORKSPACE "/quotas/Standard_DSv2_Family_Cluster_Dedicated_vCPUs",
                  "Microsoft.MachineLearningServices/workspaces/quotas", 9,
                  "OperationNotSupportedForSku");
    assert_int_equal(told(rig, "quotas", "Standard DSv2 Family Cluster Dedicated vCPUs", "limit"),
                     4);
    assert_int_equal(
        told(rig, "usages", "Standard DSv2 Family Cluster Dedicated vCPUs", "currentValue"), 4);
    assert_int_equal(told(rig, "usages", "Total Cluster Dedicated Regional vCPUs", "limit"), 12);
    rig_close(rig);
}

static void a_limit_holds_for_what_is_being_made_too_and_survives(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    char message[512];
    expect_status(rig, FAMILY, "x", 8, "Success");
    rig_expect(rig, HTTP_PUT, COMPUTES "/one" V, BODY(""), 201); /* nobody waits for it */
    rig_expect(rig, HTTP_PUT, COMPUTES "/two" V, BODY(""), 201);
    rig_refused(rig, HTTP_PUT, COMPUTES "/three" V, BODY(""), 409, "ClusterCoreQuotaReached",
                message);
    assert_non_null(strstr(message, "Standard DSv2 Family Cluster Dedicated vCPUs"));
    assert_non_null(strstr(message, "Current Limit: 8, Current Usage: 8, Additional Required: 4"));
    rig_down(rig);
    rig_up(rig);
    assert_int_equal(told(rig, "usages", "Standard DSv2 Family Cluster Dedicated vCPUs", "limit"),
                     8);
    rig_refused(rig, HTTP_PUT, COMPUTES "/three" V, BODY(""), 409, "ClusterCoreQuotaReached", NULL);
    expect_status(rig, SUBSCRIPTION "/quotas", TOTAL_TYPE, 8, "Success");
    expect_status(rig, FAMILY, "x", 8, "Success");
    rig_refused(rig, HTTP_PUT, COMPUTES "/three" V, BODY(""), 409, "ClusterCoreQuotaReached", NULL);
    rig_close(rig);
}

static void a_limit_holds_in_its_location_alone(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    expect_status(rig, FAMILY, "x", 8, "Success");
    struct reply reply =
        rig_send(rig, HTTP_GET, SUBSCRIPTION LEARNING "/locations/eastus/quotas" V, NULL);
    const cJSON *line = NULL;
    cJSON_ArrayForEach(line, json_at(reply.body, "value"))
    {
        if (strstr(json_string(line, "name.value", ""), "DSv2"))
            assert_int_equal(json_int(line, "limit", -1), 100000);
    }
    reply_clear(&reply);
    rig_close(rig);
}

static void malformed_limits_are_refused_whole(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "{\"value\":{}}",
        "{\"value\":[1]}",
        "{\"value\":[{\"id\":\"" FAMILY "\"}]}",
        "{\"value\":[{\"limit\":3}]}",
        "{\"value\":[{\"id\":\"" FAMILY "\",\"limit\":-1}]}",
        "{\"value\":[{\"id\":\"" FAMILY "\",\"limit\":1.5}]}",
        "{\"value\":[{\"id\":\"" FAMILY "\",\"limit\":\"8\"}]}",
        "{\"value\":[{\"id\":\"" FAMILY "\",\"limit\":1e300}]}",
        "{\"value\":[{\"id\":\"" FAMILY "\",\"limit\":8},{\"id\":\"" FAMILY "\",\"limit\":-8}]}",
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(bodies); i++)
        rig_refused(rig, HTTP_POST, UPDATE, bodies[i], 400, "InvalidRequestContent", NULL);
    rig_refused(rig, HTTP_POST, SUBSCRIPTION LEARNING "/locations/mars/updateQuotas" V,
                "{\"value\":[]}", 400, "NoRegisteredProviderFound", NULL);
    assert_int_equal(told(rig, "usages", "Standard DSv2 Family Cluster Dedicated vCPUs", "limit"),
                     100000);
    rig_expect(rig, HTTP_POST, UPDATE, "{\"value\":[]}", 200);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_has_its_status),
        cmocka_unit_test(a_limit_holds_for_what_is_being_made_too_and_survives),
        cmocka_unit_test(a_limit_holds_in_its_location_alone),
        cmocka_unit_test(malformed_limits_are_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
