/* test_computes.c - compute instances: their life, what is refused, what comes back. */
#include "plane/plane_test.h"

#include <ctype.h>

#include "base/random.h"

#define C1 COMPUTES "/ds-ada" V
#define ACTION(name) COMPUTES "/ds-ada/" name V
#define DELETED COMPUTES "/ds-ada" V "&underlyingResourceAction=Delete"

/* ---- life ---- */

static void creates_with_201_and_an_operation(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    static const char *const host[] = { "Host: plane.example:8443", NULL };
    struct reply reply = rig_send_with(rig, HTTP_PUT, C1, BODY(""), host);
    assert_int_equal(reply.status, 201);
    assert_string_equal(json_string(reply.body, PROVISIONING, ""), "Creating");
    assert_string_equal(json_string(reply.body, STATE, ""), "Creating");
    assert_string_equal(json_string(reply.body, "id", ""), COMPUTES "/ds-ada");
    assert_string_equal(json_string(reply.body, "type", ""),
                        "Microsoft.MachineLearningServices/workspaces/computes");
    const char *url = http_header_get(&reply.response.headers, "Azure-AsyncOperation");
    assert_true(text_starts(url, "http://plane.example:8443" LOCATION "/computeOperationsStatus/"));
    assert_non_null(strstr(url, "api-version=2024-10-01"));
    assert_string_equal(http_header_get(&reply.response.headers, "Content-Type"),
                        "application/json; charset=utf-8");
    struct reply ended = rig_wait(rig, &reply);
    assert_string_equal(json_string(ended.body, "status", ""), "Succeeded");
    assert_string_equal(http_header_get(&ended.response.headers, "Preference-Applied"), "wait");
    assert_non_null(json_string(ended.body, "startTime", NULL));
    assert_non_null(json_string(ended.body, "endTime", NULL));
    reply_clear(&ended);
    reply_clear(&reply);
    rig_compute_says(rig, "ds-ada", STATE, "Running");
    rig_compute_says(rig, "ds-ada", PROVISIONING, "Succeeded");
    rig_compute_says(rig, "ds-ada", "properties.properties.lastOperation.operationName", "Create");
    rig_compute_says(rig, "ds-ada", "properties.properties.lastOperation.operationStatus",
                     "Succeeded");
    rig_compute_says(rig, "ds-ada", "properties.properties.createdBy.userId", OWNER);
    rig_compute_says(rig, "ds-ada", "properties.properties.createdBy.userName",
                     "owner@moonfleet.local");
    rig_close(rig);
}

static void goes_through_the_states_of_the_service(void **state)
{
    (void)state;
    struct simulated_options slow = {
        .create_ms = 1000, .start_ms = 1000, .stop_ms = 1000, .remove_ms = 1000
    };
    struct rig *rig = rig_new(false, &slow);
    static const struct {
        enum http_method method;
        const char *target, *during, *after;
    } steps[] = {
        { HTTP_PUT, C1, "UserSettingUp", "Running" },
        { HTTP_POST, ACTION("stop"), "Stopping", "Stopped" },
        { HTTP_POST, ACTION("start"), "SettingUp", "Running" },
        { HTTP_POST, ACTION("restart"), "Restarting", "Running" },
    };
    static const char with_script[] =
        BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":\"inline\","
             "\"scriptData\":\"ZWNobyBoaQo=\"}}}");
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct reply begun =
            rig_send(rig, steps[i].method, steps[i].target, i == 0 ? with_script : NULL);
        assert_true(begun.status == 201 || begun.status == 202);
        loop_poll(rig->loop); /* the driver begins, and says so */
        loop_poll(rig->loop);
        rig_compute_says(rig, "ds-ada", STATE, steps[i].during);
        struct reply ended = rig_wait(rig, &begun);
        assert_string_equal(json_string(ended.body, "status", ""), "Succeeded");
        rig_compute_says(rig, "ds-ada", STATE, steps[i].after);
        reply_clear(&begun);
        reply_clear(&ended);
    }
    struct reply begun = rig_send(rig, HTTP_DELETE, DELETED, NULL);
    assert_int_equal(begun.status, 202);
    rig_compute_says(rig, "ds-ada", STATE, "Deleting");
    rig_compute_says(rig, "ds-ada", PROVISIONING, "Deleting");
    struct reply ended = rig_wait(rig, &begun);
    assert_string_equal(json_string(ended.body, "status", ""), "Succeeded");
    reply_clear(&begun);
    reply_clear(&ended);
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL);
    rig_expect(rig, HTTP_DELETE, DELETED, NULL, 204);
    rig_close(rig);
}

static void refuses_what_the_state_does_not_allow(void **state)
{
    (void)state;
    struct simulated_options slow = { .create_ms = 1000 };
    struct rig *rig = rig_new(false, &slow);
    struct reply begun = rig_send(rig, HTTP_PUT, C1, BODY(""));
    rig_refused(rig, HTTP_PUT, C1, BODY(""), 409, "Conflict", NULL);
    rig_refused(rig, HTTP_PATCH, C1, "{\"tags\":{}}", 409, "Conflict", NULL);
    rig_refused(rig, HTTP_POST, ACTION("start"), NULL, 409, "Conflict", NULL);
    rig_refused(rig, HTTP_POST, ACTION("stop"), NULL, 409, "Conflict", NULL);
    rig_refused(rig, HTTP_POST, ACTION("restart"), NULL, 409, "Conflict", NULL);
    rig_refused(rig, HTTP_POST, ACTION("updateIdleShutdownSetting"),
                "{\"idleTimeBeforeShutdown\":\"PT60M\"}", 409, "Conflict", NULL);
    struct reply ended = rig_wait(rig, &begun);
    char message[512];
    rig_refused(rig, HTTP_POST, ACTION("start"), NULL, 400,
                "StartComputeInstanceOnlyAllowedInStoppedState", message);
    assert_string_equal(
        message, "Start Azure ML Compute Instance is only allowed when the instance ds-ada is in "
                 "'stopped' state");
    rig_complete(rig, HTTP_POST, ACTION("stop"), NULL, 202, "Succeeded");
    rig_refused(rig, HTTP_POST, ACTION("stop"), NULL, 400,
                "StopComputeInstanceOnlyAllowedInRunningState", NULL);
    rig_refused(rig, HTTP_POST, ACTION("restart"), NULL, 400,
                "RestartComputeInstanceOnlyAllowedInRunningState", NULL);
    rig_refused(rig, HTTP_POST, ACTION("listNodes"), NULL, 400, "UserError", message);
    assert_string_equal(message,
                        "ComputeListNodes with computeType ComputeInstance is not supported.");
    reply_clear(&begun);
    reply_clear(&ended);
    rig_close(rig);
}

static void a_failed_script_fails_the_creation_and_leaves_the_instance(void **state)
{
    (void)state;
    struct simulated_options failing = { .fail_creation = "ds-*" };
    struct rig *rig = rig_new(false, &failing);
    struct reply begun = rig_send(rig, HTTP_PUT, C1, BODY(""));
    struct reply ended = rig_wait(rig, &begun);
    assert_string_equal(json_string(ended.body, "status", ""), "Failed");
    assert_string_equal(json_string(ended.body, "error.code", ""), "SetupScriptFailed");
    assert_non_null(strstr(json_string(ended.body, "error.message", ""), "exit status 3"));
    reply_clear(&begun);
    reply_clear(&ended);
    rig_compute_says(rig, "ds-ada", STATE, "UserSetupFailed");
    rig_compute_says(rig, "ds-ada", PROVISIONING, "Failed");
    rig_compute_says(rig, "ds-ada", "properties.properties.lastOperation.operationStatus",
                     "CreateFailed");
    struct reply got = rig_get(rig, "ds-ada");
    const cJSON *outer = cJSON_GetArrayItem(json_at(got.body, "properties.provisioningErrors"), 0);
    const cJSON *inner = cJSON_GetArrayItem(json_at(got.body, "properties.properties.errors"), 0);
    assert_string_equal(json_string(outer, "error.code", ""), "SetupScriptFailed");
    assert_string_equal(json_string(inner, "error.code", ""), "SetupScriptFailed");
    reply_clear(&got);
    rig_refused(rig, HTTP_PUT, C1, BODY(""), 400, "BadRequest", NULL); /* the name stays taken */
    rig_refused(rig, HTTP_POST, ACTION("stop"), NULL, 400,
                "StopComputeInstanceOnlyAllowedInRunningState", NULL);
    rig_complete(rig, HTTP_DELETE, DELETED, NULL, 202, "Succeeded");
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL);
    rig_close(rig);
}

static void a_deletion_takes_over_from_a_creation(void **state)
{
    (void)state;
    struct simulated_options slow = { .create_ms = 60000, .remove_ms = 1000 };
    struct rig *rig = rig_new(false, &slow);
    struct reply creation = rig_send(rig, HTTP_PUT, C1, BODY(""));
    struct reply deletion = rig_send(rig, HTTP_DELETE, DELETED, NULL);
    assert_int_equal(deletion.status, 202);
    struct reply again = rig_send(rig, HTTP_DELETE, DELETED, NULL); /* the same operation */
    assert_int_equal(again.status, 202);
    assert_string_equal(http_header_get(&again.response.headers, "Location"),
                        http_header_get(&deletion.response.headers, "Location"));
    struct reply ended = rig_wait(rig, &creation);
    assert_string_equal(json_string(ended.body, "status", ""), "Canceled");
    reply_clear(&ended);
    ended = rig_wait(rig, &deletion);
    assert_string_equal(json_string(ended.body, "status", ""), "Succeeded");
    reply_clear(&ended);
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL);
    rig_create(rig, "ds-ada", NULL); /* the name is free again */
    reply_clear(&creation);
    reply_clear(&deletion);
    reply_clear(&again);
    rig_close(rig);
}

static void creation_and_deletion_of_one_turn_leave_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct reply creation, deletion;
    rig_begin(rig, HTTP_PUT, C1, BODY(""), NULL, &creation);
    rig_begin(rig, HTTP_DELETE, DELETED, NULL, NULL, &deletion);
    assert_int_equal(loop_run_until(rig->loop, &deletion.done), 0);
    assert_int_equal(creation.status, 201);
    assert_int_equal(deletion.status, 202);
    struct reply ended = rig_wait(rig, &deletion);
    assert_string_equal(json_string(ended.body, "status", ""), "Succeeded");
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL);
    assert_int_equal(plane_busy(rig->plane), 0);
    reply_clear(&creation);
    reply_clear(&deletion);
    reply_clear(&ended);
    rig_close(rig);
}

/* ---- what comes back ---- */

static void a_body_comes_back_as_it_was_sent(void **state)
{
    (void)state;
    static const char sent[] =
        "{\"location\":\"West "
        "Europe\",\"tags\":{\"cost_center\":\"4711\"},\"identity\":{\"type\":\"SystemAssigned\"},"
        "\"properties\":{\"computeType\":\"ComputeInstance\",\"description\":\"d\","
        "\"somethingNew\":{\"a\":[1,2]},"
        "\"provisioningState\":\"Succeeded\",\"createdOn\":\"2001-01-01T00:00:00Z\",\"properties\":"
        "{"
        "\"vmSize\":\"standard_ds3_v2\",\"idleTimeBeforeShutdown\":\"PT120M\",\"state\":"
        "\"Stopped\","
        "\"applicationSharingPolicy\":\"Personal\",\"sshSettings\":{\"sshPublicAccess\":"
        "\"Enabled\","
        "\"adminPublicKey\":\"ssh-ed25519 AAAA\"},\"subnet\":{\"id\":\"/x\"},\"unknownInner\":true,"
        "\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" ADA
        "\",\"tenantId\":\"" TENANT "\"}},\"setupScripts\":{\"scripts\":{\"startupScript\":{"
        "\"scriptSource\":\"inline\",\"scriptData\":\"aGk=\","
        "\"scriptArguments\":\"a 'b "
        "c'\",\"timeout\":\"20m\"}}},\"schedules\":{\"computeStartStop\":[{\"status\":"
        "\"Enabled\",\"action\":\"Stop\",\"triggerType\":\"Cron\",\"cron\":{\"expression\":\"0 19 "
        "* * 1-5\","
        "\"timeZone\":\"W. Europe Standard Time\",\"startTime\":\"2021-04-23T01:30:00\"}}]}}}}";
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", sent);
    struct reply got = rig_get(rig, "DS-Ada"); /* names compare case-folded */
    cJSON *request = cJSON_Parse(sent);
    static const char *const same[] = {
        "tags",
        "properties.description",
        "properties.somethingNew",
        "properties.properties.idleTimeBeforeShutdown",
        "properties.properties.applicationSharingPolicy",
        "properties.properties.subnet",
        "properties.properties.unknownInner",
        "properties.properties.personalComputeInstanceSettings",
        "properties.properties.setupScripts",
        "properties.properties.sshSettings.adminPublicKey",
    };
    for (size_t i = 0; i < COUNT(same); i++)
        if (!json_equal(json_at(request, same[i]), json_at(got.body, same[i])))
            fail_msg("%s differs: %s", same[i], got.response.body.data);
    assert_string_equal(json_string(got.body, "name", ""), "ds-ada");
    assert_string_equal(json_string(got.body, "location", ""), "westeurope");
    assert_string_equal(json_string(got.body, "properties.properties.vmSize", ""),
                        "STANDARD_DS3_V2");
    assert_string_equal(json_string(got.body, STATE, ""), "Running");
    assert_string_equal(
        json_string(got.body, "properties.properties.sshSettings.adminUserName", ""), "azureuser");
    assert_true(text_starts(json_string(got.body, "properties.createdOn", ""), "2026-"));
    assert_true(uuid_is_valid(json_string(got.body, "identity.principalId", "")));
    const cJSON *schedule = cJSON_GetArrayItem(
        json_at(got.body, "properties.properties.schedules.computeStartStop"), 0);
    assert_true(uuid_is_valid(json_string(schedule, "id", "")));
    assert_string_equal(json_string(schedule, "provisioningStatus", ""), "Completed");
    assert_string_equal(json_string(schedule, "cron.expression", ""), "0 19 * * 1-5");
    cJSON_Delete(request);
    /* And what came back may be sent back. */
    char *text = json_text(got.body);
    rig_expect(rig, HTTP_PUT, C1, text, 200);
    struct reply after = rig_get(rig, "ds-ada");
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(got.body, "properties"), "modifiedOn");
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(after.body, "properties"), "modifiedOn");
    assert_true(json_equal(got.body, after.body)); /* schedules keep their ids */
    free(text);
    reply_clear(&got);
    reply_clear(&after);
    rig_close(rig);
}

static void unset_members_are_told_as_the_service_tells_them(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    struct reply got = rig_get(rig, "ds-ada");
    static const char *const members[] = {
        "subnet",       "errors",       "connectivityEndpoints",
        "applications", "setupScripts", "personalComputeInstanceSettings",
        "schedules",    "lastOperation"
    };
    const cJSON *inner = json_at(got.body, "properties.properties");
    for (size_t i = 0; i < COUNT(members); i++)
        if (!cJSON_HasObjectItem(inner, members[i]))
            fail_msg("%s is missing", members[i]);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(inner, "connectivityEndpoints")));
    assert_int_equal(cJSON_GetArraySize(json_at(inner, "applications")), 0);
    assert_string_equal(json_string(inner, "applicationSharingPolicy", ""), "Shared");
    assert_string_equal(json_string(inner, "sshSettings.sshPublicAccess", ""), "Disabled");
    assert_true(cJSON_IsObject(json_at(got.body, "tags")));
    reply_clear(&got);
    rig_close(rig);
}

/* ---- updating ---- */

static void updates_in_place_what_may_change(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    clock_advance(&rig->clock, 5000);
    static const char changed[] =
        "{\"location\":\"westeurope\",\"tags\":{\"a\":\"b\"},\"properties\":{\"computeType\":"
        "\"ComputeInstance\","
        "\"description\":\"new\",\"properties\":{\"vmSize\":\"STANDARD_DS3_V2\","
        "\"applicationSharingPolicy\":"
        "\"Personal\",\"idleTimeBeforeShutdown\":\"PT30M\",\"schedules\":{\"computeStartStop\":[{"
        "\"action\":\"Stop\","
        "\"triggerType\":\"Cron\",\"cron\":{\"expression\":\"0 18 * * *\"}}]}}}}";
    struct reply reply = rig_send(rig, HTTP_PUT, C1, changed);
    assert_int_equal(reply.status, 200);
    assert_null(http_header_get(&reply.response.headers, "Azure-AsyncOperation"));
    assert_string_equal(json_string(reply.body, PROVISIONING, ""), "Succeeded");
    reply_clear(&reply);
    rig_compute_says(rig, "ds-ada", "tags.a", "b");
    rig_compute_says(rig, "ds-ada", "properties.description", "new");
    rig_compute_says(rig, "ds-ada", "properties.properties.applicationSharingPolicy", "Personal");
    rig_compute_says(rig, "ds-ada", "properties.properties.idleTimeBeforeShutdown", "PT30M");
    rig_compute_says(rig, "ds-ada", STATE, "Running");
    reply = rig_get(rig, "ds-ada");
    assert_string_not_equal(json_string(reply.body, "properties.createdOn", ""),
                            json_string(reply.body, "properties.modifiedOn", ""));
    reply_clear(&reply);
    rig_expect(rig, HTTP_POST, ACTION("updateIdleShutdownSetting"),
               "{\"idleTimeBeforeShutdown\":\"PT120M\"}", 200);
    rig_compute_says(rig, "ds-ada", "properties.properties.idleTimeBeforeShutdown", "PT120M");
    rig_expect(rig, HTTP_POST, ACTION("updateIdleShutdownSetting"),
               "{\"idleTimeBeforeShutdown\":null}", 200);
    rig_compute_says(rig, "ds-ada", "properties.properties.idleTimeBeforeShutdown", "(nothing)");
    rig_expect(rig, HTTP_PATCH, C1, "{\"tags\":{\"c\":\"d\"}}", 200);
    rig_compute_says(rig, "ds-ada", "tags.c", "d");
    rig_compute_says(rig, "ds-ada", "tags.a", "(nothing)");
    rig_close(rig);
}

static void refuses_to_change_what_is_fixed(void **state)
{
    (void)state;
    static const struct {
        const char *body, *property;
    } cases[] = {
        { "{\"location\":\"westeurope\",\"properties\":{\"computeType\":\"ComputeInstance\","
          "\"properties\":{"
          "\"vmSize\":\"Standard_DS2_v2\"}}}",
          "vmSize" },
        { BODY(",\"sshSettings\":{\"sshPublicAccess\":\"Enabled\",\"adminPublicKey\":\"k\"}"),
          "sshSettings" },
        { BODY(",\"subnet\":{\"id\":\"/y\"}"), "subnet" },
        { BODY(",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" ADA
               "\",\"tenantId\":\"" TENANT "\"}}"),
          "personalComputeInstanceSettings" },
        { BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":\"inline\","
               "\"scriptData\":\"aGk=\"}}}"),
          "setupScripts" },
        { BODY(",\"enableNodePublicIp\":false"), "enableNodePublicIp" },
        { "{\"location\":\"westeurope\",\"properties\":{\"computeType\":\"ComputeInstance\","
          "\"disableLocalAuth\":true,"
          "\"properties\":{\"vmSize\":\"Standard_DS3_v2\"}}}",
          "disableLocalAuth" },
    };
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char message[512];
        rig_refused(rig, HTTP_PUT, C1, cases[i].body, 400, "PropertyChangeNotAllowed", message);
        if (!strstr(message, cases[i].property))
            fail_msg("'%s' does not name %s", message, cases[i].property);
    }
    rig_refused(
        rig, HTTP_PUT, C1,
        "{\"location\":\"westeurope\",\"properties\":{\"computeType\":\"ComputeInstance\","
        "\"provisioningState\":\"Failed\",\"properties\":{\"vmSize\":\"Standard_DS3_v2\"}}}",
        400, "InvalidProvisioningState", NULL);
    rig_refused(rig, HTTP_PATCH, C1, "{\"properties\":{\"properties\":{\"scaleSettings\":{}}}}",
                400, "BadRequest", NULL);
    rig_close(rig);
}

/* ---- refusals ---- */

#define SCHEDULE(trigger) BODY(",\"schedules\":{\"computeStartStop\":[" trigger "]}")
#define CRON(expression, zone)                                                                     \
    "{\"action\":\"Stop\",\"triggerType\":\"Cron\",\"cron\":{\"expression\":\"" expression         \
    "\",\"timeZone\":\"" zone "\"}}"
#define GOOD_CRON CRON("0 1 * * *", "UTC")

static void refuses_bad_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *code;
    } cases[] = {
        { "", "MissingRequestBody" },
        { "[]", "InvalidRequestContent" },
        { "{", "InvalidRequestContent" },
        { "{\"location\":\"westeurope\"}", "MissingRequiredProperty" },
        { "{\"properties\":7}", "MissingRequiredProperty" },
        { "{\"location\":\"westeurope\",\"properties\":{\"computeType\":\"AKS\"}}",
          "InvalidPropertyValue" },
        { "{\"properties\":{\"computeType\":\"ComputeInstance\"}}", "LocationRequired" },
        { "{\"location\":\"eastus\",\"properties\":{\"computeType\":\"ComputeInstance\"}}",
          "InvalidPropertyValue" },
        { "{\"location\":\"westeurope\",\"properties\":{\"computeType\":\"ComputeInstance\"}}",
          "InvalidPropertyValue" },
        { "{\"location\":\"westeurope\",\"properties\":{\"computeType\":\"ComputeInstance\","
          "\"properties\":{"
          "\"vmSize\":\"Standard_Nonsense\"}}}",
          "InvalidPropertyValue" },
        { BODY(",\"applicationSharingPolicy\":\"Everybody\""), "InvalidPropertyValue" },
        { BODY(",\"sshSettings\":7"), "InvalidPropertyValue" },
        { BODY(",\"sshSettings\":{\"sshPublicAccess\":\"yes\"}"), "InvalidPropertyValue" },
        { BODY(",\"enableSSO\":\"yes\""), "InvalidPropertyValue" },
        { BODY(",\"idleTimeBeforeShutdown\":\"PT5M\""), "InvalidPropertyValue" },
        { BODY(",\"idleTimeBeforeShutdown\":\"P4D\""), "InvalidPropertyValue" },
        { BODY(",\"idleTimeBeforeShutdown\":\"30m\""), "InvalidPropertyValue" },
        { BODY(",\"idleTimeBeforeShutdown\":30"), "InvalidPropertyValue" },
        { BODY(",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" ADA
               "\"}}"),
          "InvalidPropertyValue" },
        { BODY(",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"00000000-"
               "0000-4000-8000-"
               "0000000009ff\",\"tenantId\":\"" TENANT "\"}}"),
          "InvalidPropertyValue" },
        { BODY(",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"00000000-"
               "0000-4000-8000-"
               "000000000200\",\"tenantId\":\"" TENANT "\"}}"), /* a group */
          "InvalidPropertyValue" },
        { BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":\"inline\","
               "\"scriptData\":\"***\"}}}"),
          "InvalidPropertyValue" },
        { BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":\"ftp\","
               "\"scriptData\":\"aGk=\"}}}"),
          "InvalidPropertyValue" },
        { BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptData\":\"../../etc/"
               "passwd\"}}}"),
          "InvalidPropertyValue" },
        { BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":\"inline\","
               "\"scriptData\":\"aGk=\","
               "\"timeout\":\"soon\"}}}"),
          "InvalidPropertyValue" },
        { SCHEDULE(CRON("61 1 * * *", "UTC")), "InvalidPropertyValue" },
        { SCHEDULE(CRON("0 1 * * *", "Europe/Berlin")), "InvalidPropertyValue" },
        { SCHEDULE("{\"action\":\"Explode\"}"), "InvalidPropertyValue" },
        { SCHEDULE("{\"action\":\"Stop\",\"triggerType\":\"Recurrence\",\"recurrence\":{"
                   "\"frequency\":\"Day\"}}"),
          "InvalidPropertyValue" },
        { SCHEDULE(GOOD_CRON "," GOOD_CRON "," GOOD_CRON "," GOOD_CRON "," GOOD_CRON),
          "InvalidPropertyValue" },
        { "{\"location\":\"westeurope\",\"tags\":{\"a<b\":\"c\"},\"properties\":{\"computeType\":"
          "\"ComputeInstance\","
          "\"properties\":{\"vmSize\":\"Standard_DS3_v2\"}}}",
          "InvalidTagName" },
        { "{\"location\":\"westeurope\",\"tags\":{\"a\":7},\"properties\":{\"computeType\":"
          "\"ComputeInstance\","
          "\"properties\":{\"vmSize\":\"Standard_DS3_v2\"}}}",
          "InvalidTagValue" },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++)
        rig_refused(rig, HTTP_PUT, C1, cases[i].body, 400, cases[i].code, NULL);
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL); /* nothing was made */
    rig_close(rig);
}

static void names_are_the_services_and_unique_in_the_region(void **state)
{
    (void)state;
    static const char *const bad[] = { "ab",  "1abc", "cpu-cluster-1", "abcdefghijklmnopqrstuvwxy",
                                       "a_b", "abc-" };
    struct rig *rig = rig_memory();
    char message[512];
    for (size_t i = 0; i < COUNT(bad); i++) {
        char target[512];
        snprintf(target, sizeof target, COMPUTES "/%s" V, bad[i]);
        rig_refused(rig, HTTP_PUT, target, BODY(""), 400, "BadRequest", message);
        assert_non_null(strstr(message, "is not available. Reason: Invalid."));
        assert_non_null(strstr(message, "(-)\xef\xbc\x8cmust start"));
    }
    rig_expect(rig, HTTP_PUT, GROUP LEARNING "/workspaces/other" V, "{\"location\":\"westeurope\"}",
               201);
    rig_create(rig, "ds-ada", NULL);
    rig_refused(rig, HTTP_PUT, GROUP LEARNING "/workspaces/other/computes/DS-ADA" V, BODY(""), 409,
                "Conflict", message);
    assert_string_equal(
        message, "Compute name 'DS-ADA' is not available. Reason: AlreadyExists. Message: The "
                 "specified name DS-ADA is already in use and is therefore unavailable");
    static const struct {
        const char *body;
        bool available;
        const char *reason;
    } asked[] = { { "{\"name\":\"free\"}", true, "" },
                  { "{\"name\":\"DS-ada\"}", false, "AlreadyExists" },
                  { "{\"name\":\"x-1\"}", false, "Invalid" } };
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct reply reply =
            rig_send(rig, HTTP_POST, WORKSPACE "/checkComputeNameAvailability" V, asked[i].body);
        assert_int_equal(reply.status, 200);
        assert_int_equal(json_bool(reply.body, "nameAvailable", !asked[i].available),
                         asked[i].available);
        assert_string_equal(json_string(reply.body, "reason", ""), asked[i].reason);
        reply_clear(&reply);
    }
    rig_close(rig);
}

#define ASSIGNED(id)                                                                               \
    ",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" id                   \
    "\",\"tenantId\":\"" TENANT "\"}}"

/* To another, to nobody, and by leaving it out: a PUT says the whole resource. */
static void an_assignment_cannot_change(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        BODY(ASSIGNED("00000000-0000-4000-8000-000000000102")),
        BODY(",\"personalComputeInstanceSettings\":null"),
        BODY(",\"personalComputeInstanceSettings\":{}"),
        BODY(",\"personalComputeInstanceSettings\":{\"assignedUser\":null}"),
        BODY(""),
    };
    struct rig *rig = rig_memory();
    char message[512];
    rig_create(rig, "ds-ada", BODY(ASSIGNED(ADA)));
    for (size_t i = 0; i < COUNT(bodies); i++) {
        rig_refused(rig, HTTP_PUT, C1, bodies[i], 400, "PropertyChangeNotAllowed", message);
        assert_non_null(strstr(message, "personalComputeInstanceSettings"));
    }
    rig_expect(rig, HTTP_PUT, C1, BODY(ASSIGNED(ADA)), 200);
    rig_compute_says(rig, "ds-ada",
                     "properties.properties.personalComputeInstanceSettings.assignedUser.objectId",
                     ADA);
    rig_close(rig);
}

static void quota_is_counted_also_for_stopped_ones(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct error err = { 0 };
    plane_free(rig->plane);
    rig->plane = NULL;
    struct buffer seed = { 0 };
    assert_int_equal(file_read(SOURCE_DIR "/runtime/plane/seed.json", 1 << 20, &seed, &err), 0);
    cJSON *tree = cJSON_Parse(seed.data);
    assert_int_equal(json_put(tree, "quota.coresPerFamily", cJSON_CreateNumber(6)), 0);
    char *text = json_text(tree);
    assert_int_equal(rig_plane(rig, text, &err), 0);
    rig_create(rig, "one", NULL); /* 4 cores */
    rig_complete(rig, HTTP_POST, COMPUTES "/one/stop" V, NULL, 202, "Succeeded");
    char message[512];
    rig_refused(rig, HTTP_PUT, COMPUTES "/two" V, BODY(""), 409, "ClusterCoreQuotaReached",
                message);
    assert_non_null(strstr(
        message, "Current Limit: 6, Current Usage: 4, Additional Required: 4, (Minimum) New Limit "
                 "Required: 8"));
    rig_complete(rig, HTTP_DELETE, COMPUTES "/one" V "&underlyingResourceAction=Delete", NULL, 202,
                 "Succeeded");
    rig_create(rig, "two", NULL);
    free(text);
    cJSON_Delete(tree);
    buffer_clear(&seed);
    rig_close(rig);
}

static void deleting_wants_to_know_what_becomes_of_the_machine(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    rig_refused(rig, HTTP_DELETE, C1, NULL, 400, "MissingRequiredParameter", NULL);
    rig_refused(rig, HTTP_DELETE, C1 "&underlyingResourceAction=Detach", NULL, 400, "BadRequest",
                NULL);
    struct reply begun = rig_send(rig, HTTP_DELETE, DELETED, NULL);
    assert_int_equal(begun.status, 202);
    const char *location = http_header_get(&begun.response.headers, "Location");
    assert_non_null(location);
    struct reply ended = rig_wait(rig, &begun);
    rig_expect(rig, HTTP_GET, target_of(location), NULL, 204);
    reply_clear(&begun);
    reply_clear(&ended);
    rig_close(rig);
}

static void a_location_answers_202_then_the_result(void **state)
{
    (void)state;
    struct simulated_options slow = { .stop_ms = 5000 };
    struct rig *rig = rig_new(false, &slow);
    rig_create(rig, "ds-ada", NULL);
    struct reply begun = rig_send(rig, HTTP_POST, ACTION("stop"), NULL);
    const char *target = target_of(http_header_get(&begun.response.headers, "Location"));
    struct reply running = rig_send(rig, HTTP_GET, target, NULL);
    assert_int_equal(running.status, 202);
    assert_int_equal(running.response.body.size, 0);
    assert_non_null(http_header_get(&running.response.headers, "Location"));
    assert_non_null(http_header_get(&running.response.headers, "Retry-After"));
    static const char *const prefer[] = { "Prefer: respond-async, wait=30", NULL };
    struct reply held = rig_send_with(rig, HTTP_GET, target, NULL, prefer);
    assert_int_equal(held.status, 200);
    reply_clear(&begun);
    reply_clear(&running);
    reply_clear(&held);
    rig_close(rig);
}

/* ---- lists ---- */

static void an_operation_is_found_in_its_place_only(void **state)
{
    (void)state;
    static const struct {
        const char *location, *suffix;
        int status;
    } cases[] = { { "westeurope", "", 200 },
                  { "WestEurope", "", 200 },
                  { "eastus", "", 404 },
                  { "westeurope", "x", 404 } };
    struct rig *rig = rig_memory();
    struct reply begun = rig_send(rig, HTTP_PUT, COMPUTES "/place-x" V, BODY(""));
    const char *url = http_header_get(&begun.response.headers, "Azure-AsyncOperation");
    char id[UUID_TEXT_SIZE];
    text_copy(id, sizeof id, strstr(url, "Status/") + strlen("Status/"));
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            char target[512];
            snprintf(target, sizeof target,
                     SUBSCRIPTION LEARNING "/locations/%s/computeOperationsStatus/%s%s" V,
                     cases[i].location, id, cases[i].suffix);
            rig_expect(rig, HTTP_GET, target, NULL, cases[i].status);
        }
        for (char *at = id; *at; at++) /* names compare in any case */
            *at = (char)toupper((unsigned char)*at);
    }
    reply_clear(&begun);
    rig_close(rig);
}

static void lists_page_by_page(void **state)
{
    (void)state;
    enum { TOTAL = 2300 };
    struct rig *rig = rig_memory();
    struct reply *replies = calloc(TOTAL, sizeof *replies);
    for (int i = 0; i < TOTAL; i++) {
        char target[512];
        snprintf(target, sizeof target, COMPUTES "/m%dx" V, i);
        rig_begin(rig, HTTP_PUT, target, BODY(""), NULL, &replies[i]);
    }
    assert_int_equal(loop_run_until(rig->loop, &replies[TOTAL - 1].done), 0);
    for (int i = 0; i < TOTAL; i++) {
        assert_int_equal(replies[i].status, 201);
        reply_clear(&replies[i]);
    }
    free(replies);
    char *target = strdup(COMPUTES V);
    int pages = 0;
    int seen = 0;
    char last[64] = "";
    while (target) {
        struct reply page = rig_send(rig, HTTP_GET, target, NULL);
        const cJSON *item = NULL;
        assert_int_equal(page.status, 200);
        cJSON_ArrayForEach(item, json_at(page.body, "value"))
        {
            assert_true(text_compare_nocase(json_string(item, "name", ""), last) > 0);
            text_copy(last, sizeof last, json_string(item, "name", ""));
            seen++;
        }
        pages++;
        free(target);
        const char *next = json_string(page.body, "nextLink", NULL);
        assert_true(!next || text_starts(next, "http://localhost/subscriptions/"));
        target = next ? strdup(target_of(next)) : NULL;
        reply_clear(&page);
    }
    assert_int_equal(seen, TOTAL);
    assert_int_equal(pages, 3);
    rig_refused(rig, HTTP_GET, COMPUTES V "&$skip=***", NULL, 400, "BadRequest", NULL);
    rig_close(rig);
}

static void a_page_ends_before_it_is_too_large(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    struct buffer body = { 0 };
    buffer_text(&body, "{\"location\":\"westeurope\",\"properties\":{\"computeType\":"
                       "\"ComputeInstance\",\"description\":\"");
    for (int i = 0; i < 1000000; i++)
        buffer_char(&body, 'x');
    buffer_text(&body, "\",\"properties\":{\"vmSize\":\"Standard_DS3_v2\"}}}");
    for (int i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "big%d", i);
        rig_create(rig, name, body.data);
    }
    struct reply page = rig_send(rig, HTTP_GET, COMPUTES V, NULL);
    assert_true(page.response.body.size < (size_t)8 << 20);
    assert_int_equal(cJSON_GetArraySize(json_at(page.body, "value")), 6);
    struct reply rest =
        rig_send(rig, HTTP_GET, target_of(json_string(page.body, "nextLink", "")), NULL);
    assert_int_equal(cJSON_GetArraySize(json_at(rest.body, "value")), 2);
    assert_null(json_at(rest.body, "nextLink"));
    reply_clear(&page);
    reply_clear(&rest);
    buffer_clear(&body);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_with_201_and_an_operation),
        cmocka_unit_test(goes_through_the_states_of_the_service),
        cmocka_unit_test(refuses_what_the_state_does_not_allow),
        cmocka_unit_test(a_failed_script_fails_the_creation_and_leaves_the_instance),
        cmocka_unit_test(a_deletion_takes_over_from_a_creation),
        cmocka_unit_test(creation_and_deletion_of_one_turn_leave_nothing),
        cmocka_unit_test(a_body_comes_back_as_it_was_sent),
        cmocka_unit_test(unset_members_are_told_as_the_service_tells_them),
        cmocka_unit_test(updates_in_place_what_may_change),
        cmocka_unit_test(refuses_to_change_what_is_fixed),
        cmocka_unit_test(refuses_bad_bodies),
        cmocka_unit_test(names_are_the_services_and_unique_in_the_region),
        cmocka_unit_test(an_assignment_cannot_change),
        cmocka_unit_test(quota_is_counted_also_for_stopped_ones),
        cmocka_unit_test(deleting_wants_to_know_what_becomes_of_the_machine),
        cmocka_unit_test(a_location_answers_202_then_the_result),
        cmocka_unit_test(an_operation_is_found_in_its_place_only),
        cmocka_unit_test(lists_page_by_page),
        cmocka_unit_test(a_page_ends_before_it_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
