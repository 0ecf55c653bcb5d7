/* Paths, versions and bodies of the requests for computes, against the reference's paths. */
#include "fake.h"

#include "client/computes.h"

static const struct workspace_ref workspace = { "sub", "rg (1)", "ws" };

#define WORKSPACE                                                                                  \
    "/subscriptions/sub/resourceGroups/rg (1)/providers/Microsoft.MachineLearningServices/"        \
    "workspaces/ws"
#define LOCATION                                                                                   \
    "/subscriptions/sub/providers/Microsoft.MachineLearningServices/locations/westeurope"

typedef int named_fn(struct computes_request *, const struct workspace_ref *, const char *,
                     struct error *);

static void test_requests_on_one_compute(void **state)
{
    static const struct {
        named_fn *fill;
        enum http_method method;
        const char *path, *query;
        enum arm_follow follow;
        bool idempotent, settles;
    } cases[] = {
        { computes_get, HTTP_GET, WORKSPACE "/computes/ada", NULL, ARM_REPLY, false, false },
        { computes_delete, HTTP_DELETE, WORKSPACE "/computes/ada",
          "underlyingResourceAction=Delete", ARM_OPERATION, false, true },
        { computes_start, HTTP_POST, WORKSPACE "/computes/ada/start", NULL, ARM_OPERATION, true,
          true },
        { computes_stop, HTTP_POST, WORKSPACE "/computes/ada/stop", NULL, ARM_OPERATION, true,
          true },
        { computes_restart, HTTP_POST, WORKSPACE "/computes/ada/restart", NULL, ARM_OPERATION,
          false, false },
        { computes_logs, HTTP_GET, WORKSPACE "/computes/ada/logs", NULL, ARM_PAGES, false, false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct computes_request request;
        struct error err = { 0 };
        assert_int_equal(cases[i].fill(&request, &workspace, "ada", &err), 0);
        assert_int_equal(request.arm.method, cases[i].method);
        assert_string_equal(request.arm.path, cases[i].path);
        assert_true(text_equal(request.arm.query, cases[i].query));
        assert_int_equal(request.arm.follow, cases[i].follow);
        assert_int_equal(request.arm.idempotent, cases[i].idempotent);
        assert_int_equal(request.arm.settled != NULL, cases[i].settles);
        assert_string_equal(request.arm.api_version, API_COMPUTES);
        computes_request_clear(&request);
        computes_request_clear(&request);
    }
}

static void test_requests_on_a_workspace_and_a_location(void **state)
{
    struct computes_request request;
    struct error err = { 0 };
    (void)state;
    assert_int_equal(computes_workspace(&request, &workspace, &err), 0);
    assert_string_equal(request.arm.path, WORKSPACE);
    assert_string_equal(request.arm.api_version, API_WORKSPACES);
    computes_request_clear(&request);
    assert_int_equal(computes_list(&request, &workspace, &err), 0);
    assert_string_equal(request.arm.path, WORKSPACE "/computes");
    assert_int_equal(request.arm.follow, ARM_PAGES);
    computes_request_clear(&request);
    assert_int_equal(computes_vm_sizes(&request, "sub", "westeurope", &err), 0);
    assert_string_equal(request.arm.path, LOCATION "/vmSizes");
    computes_request_clear(&request);
    cJSON *limits = cJSON_Parse("[{\"id\":\"x\",\"limit\":8}]");
    assert_int_equal(computes_update_quotas(&request, "sub", "westeurope", limits, &err), 0);
    cJSON_Delete(limits);
    assert_int_equal(request.arm.method, HTTP_POST);
    assert_string_equal(request.arm.path, LOCATION "/updateQuotas");
    char *body = json_text(request.arm.body);
    assert_string_equal(body,
                        "{\"value\":[{\"id\":\"x\",\"limit\":8}],\"location\":\"westeurope\"}");
    free(body);
    computes_request_clear(&request);
    assert_int_equal(computes_usages(&request, "sub", "westeurope", &err), 0);
    assert_string_equal(request.arm.path, LOCATION "/usages");
    assert_int_equal(request.arm.follow, ARM_PAGES);
    computes_request_clear(&request);
}

static void test_bodies(void **state)
{
    static const char *const command[] = { "sh", "-c", "id -u", NULL };
    struct computes_request request;
    struct error err = { 0 };
    (void)state;
    cJSON *body = cJSON_CreateObject();
    assert_int_equal(computes_put(&request, &workspace, "ada", body, &err), 0);
    assert_ptr_equal(request.arm.body, body);
    computes_request_clear(&request);
    cJSON_Delete(body); /* it stayed ours */
    const struct {
        const char *idle, *text;
    } idles[] = { { "PT120M", "{\"idleTimeBeforeShutdown\":\"PT120M\"}" },
                  { NULL, "{\"idleTimeBeforeShutdown\":null}" } };
    for (size_t i = 0; i < COUNT(idles); i++) {
        assert_int_equal(
            computes_update_idle_shutdown(&request, &workspace, "ada", idles[i].idle, &err), 0);
        assert_string_equal(request.arm.path, WORKSPACE "/computes/ada/updateIdleShutdownSetting");
        assert_string_equal(request.arm.api_version, API_IDLE_SHUTDOWN);
        char *text = json_text(request.arm.body);
        assert_string_equal(text, idles[i].text);
        free(text);
        computes_request_clear(&request);
    }
    assert_int_equal(computes_exec(&request, &workspace, "ada", command, true, &err), 0);
    assert_string_equal(request.arm.path, WORKSPACE "/computes/ada/exec");
    char *text = json_text(request.arm.body);
    assert_string_equal(text, "{\"command\":[\"sh\",\"-c\",\"id -u\"],\"terminal\":true}");
    free(text);
    computes_request_clear(&request);
}

static void test_log_from_an_offset(void **state)
{
    static const struct answer answers[] = {
        { .status = 200, .headers = { COMPUTES_LOG_COMPLETE, "true" }, .body = "hello\n" }
    };
    struct computes_request request;
    struct error err = { 0 };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    assert_int_equal(
        computes_log_read(&request, &workspace, "ada", "0001-creation.log", 4096, &err), 0);
    fake_run(&fake, &request.arm, &ended);
    computes_request_clear(&request);
    assert_string_equal(
        fake.asked[0].target,
        "/subscriptions/sub/resourceGroups/rg%20%281%29/providers/"
        "Microsoft.MachineLearningServices/workspaces/ws/computes/ada/logs/0001-creation.log"
        "?api-version=" API_COMPUTES "&offset=4096");
    assert_string_equal(ended.text, "hello\n");
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_names_that_are_no_segment_are_refused(void **state)
{
    static const char *const names[] = { "",    "a/b",   "..",   ".",   "a?x=y",
                                         "a#b", "a%2fb", "a\\b", "a\nb" };
    static named_fn *const functions[] = { computes_get,  computes_delete,  computes_start,
                                           computes_stop, computes_restart, computes_logs };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        for (size_t j = 0; j < COUNT(functions); j++) {
            struct computes_request request;
            struct error err = { 0 };
            if (functions[j](&request, &workspace, names[i], &err) != ERROR_INVALID)
                fail_msg("\"%s\" was taken for a name", names[i]);
            computes_request_clear(&request);
        }
    }
}

static void test_half_a_workspace_is_refused(void **state)
{
    static const struct workspace_ref halves[] = {
        { NULL, "g", "w" }, { "s", NULL, "w" }, { "s", "g", NULL }, { "s", "g", "" }
    };
    (void)state;
    for (size_t i = 0; i < COUNT(halves); i++) {
        struct computes_request request;
        struct error err = { 0 };
        assert_int_equal(computes_list(&request, &halves[i], &err), ERROR_INVALID);
        computes_request_clear(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_on_one_compute),
        cmocka_unit_test(test_requests_on_a_workspace_and_a_location),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_log_from_an_offset),
        cmocka_unit_test(test_names_that_are_no_segment_are_refused),
        cmocka_unit_test(test_half_a_workspace_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
